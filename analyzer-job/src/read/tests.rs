use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float32Array, Int16Array, RecordBatch, StringArray};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::fixture::{self, keep_rows, name};
use super::*;
use crate::bias::roles::{self, Counted};
use crate::config::{Location, Predictor, Scalar, SideDataset};
use crate::values::table::{Column, Texts};

mod captures;
mod formats;
mod names;
mod odd_objects;
mod odd_widths;
mod tallies;

fn column(name: &str, values: Values) -> Column {
    Column { name: name.into(), values }
}

fn text(dictionary: &[&str], codes: &[u32]) -> Values {
    Values::Text(Texts {
        codes: codes.into(),
        dictionary: dictionary.iter().map(|&text| text.into()).collect(),
    })
}

/// A CSV analysis with facet `sex` and nothing predicted.
fn plain() -> Analysis {
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
    analysis.predicted_label = None;
    analysis.methods.post_training_bias = None;
    analysis
}

fn table(files: &[(&str, &[u8])], analysis: &Analysis) -> Table {
    match fixture::read(files, analysis, &keep_rows()).unwrap().data {
        Data::Rows(rows) => rows.table,
        Data::Tally(_) => panic!("rows were asked for"),
    }
}

#[track_caller]
fn fails(files: &[(&str, &[u8])], analysis: &Analysis, parts: &[&str]) {
    let error = fixture::read(files, analysis, &Options::default()).unwrap_err().to_string();
    for part in parts {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
}

#[test]
fn the_first_row_is_a_header_when_no_field_is_a_number() {
    let expected = [
        column("x", Values::Int(vec![1, 2, 3])),
        column("sex", text(&["f", "m"], &[0, 1, 0])),
        column("y", Values::Int(vec![0, 1, 1])),
    ];
    let analysis = plain();
    // The later file repeats the header or goes without.
    let files: &[(&str, &[u8])] = &[("a.csv", b"x,sex,y\n1,f,0\n2,m,1\n"), ("b.csv", b"3,f,1\n")];
    assert_eq!(table(files, &analysis).columns, expected);
    let files: &[(&str, &[u8])] =
        &[("a.csv", b"\xef\xbb\xbfx,sex,y\r\n1,f,0\r\n"), ("b.csv", b"x,sex,y\n2,m,1\n3,f,1")];
    assert_eq!(table(files, &analysis).columns, expected);

    let mut named = plain();
    named.dataset.headers = Some(["x", "sex", "y"].map(String::from).to_vec());
    for file in [&b"x,sex,y\n1,f,0\n2,m,1\n3,f,1\n"[..], b"1,f,0\n2,m,1\n3,f,1\n"] {
        assert_eq!(table(&[("a.csv", file)], &named).columns, expected);
    }
    let mut by_position = plain();
    by_position.label = Some(Location::Index(2));
    by_position.facets[0].column = Location::Index(1);
    let unnamed = table(&[("a.csv", b"1,f,0\n2,m,1\n")], &by_position);
    let names: Vec<&str> = unnamed.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["column_0", "column_1", "column_2"]);
}

#[test]
fn gzip_and_nested_folders_are_read_in_order() {
    let mut packed = Vec::new();
    // A gzip file with one stored block, so that the test needs no compressor.
    let rows = b"2,m,1\n";
    packed.extend_from_slice(b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01");
    packed.extend_from_slice(&(rows.len() as u16).to_le_bytes());
    packed.extend_from_slice(&(!(rows.len() as u16)).to_le_bytes());
    packed.extend_from_slice(rows);
    let mut crc = !0u32;
    for &byte in rows {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    packed.extend_from_slice(&(!crc).to_le_bytes());
    packed.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    let files: &[(&str, &[u8])] = &[("a.csv", b"x,sex,y\n1,f,0\n"), ("deep/b.csv.gz", &packed)];
    assert_eq!(table(files, &plain()).columns[0].values, Values::Int(vec![1, 2]));
}

#[test]
fn bad_csv_names_its_place() {
    let analysis = plain();
    fails(&[("a.csv", b"x,sex,y\n1,f,0\n2,m,1,9\n")], &analysis, &["a.csv, line 3", "4 fields", "3 columns"]);
    fails(&[("a.csv", b"x,sex,y\n1,f,\xff\n")], &analysis, &["line 2", "UTF-8"]);
    for (text, part) in [
        // As wide as the other rows.
        (&b"x,sex,y\n1,f,0\n2,\"f,1\n3,m,0\n4,\"m\",1\n"[..], "text behind the closing quote"),
        (b"x,sex,y\n1,f,0\n\"2,\"f, g\",1\n", "text behind the closing quote"),
        (b"x,sex,y\n1,f,0\n2,\"f\"m,1\n", "text behind the closing quote"),
        (b"x,sex,y\n1,f,0\n2,\"f,1\n3,m\",0\"\n4,m,1\n", "a quote behind it"),
        (b"x,sex,y\n1,f,0\n2,f,\"1\n3,m,0\n", "without a closing quote"),
        (b"x,sex,y\n1,f,0\n2,\"f\n3\",m,0\n", "is a quote missing, or one too many?"),
    ] {
        fails(&[("a.csv", text)], &analysis, &["a.csv, line 3", part]);
    }
    fails(&[("a.csv", b"x,\"sex,y\n1,f,0\n1,\"f\",0\n")], &analysis, &["a.csv, line 1", "text behind"]);
    let blanks = table(&[("a.csv", b"x,sex,y\n1,\"f\" ,0\n2,\"m\",1\n")], &analysis);
    assert_eq!(blanks.columns[0].values, Values::Int(vec![1, 2]));
    fails(&[("a.csv", b"x,sex,y\n")], &analysis, &["PL0302", "empty"]);
    fails(
        &[("a.csv", b"x,gender,y\n1,f,0\n")],
        &analysis,
        &["Unable to locate the facet", "`sex`", "`gender`"],
    );
    fails(&[("a.csv", b"x,sex,z\n1,f,0\n")], &analysis, &["Headers must contain label"]);
    let mut headers = plain();
    headers.dataset.headers = Some(vec!["x".into(), "sex".into()]);
    fails(
        &[("a.csv", b"1,f,0\n")],
        &headers,
        &["Headers in config do not match with the number of columns in the dataset", "2 headers"],
    );
    let mut quoted = plain();
    quoted.facets[0].column = name("1");
    fails(&[("a.csv", b"x,sex,y\n1,f,0\n")], &quoted, &["without quotes"]);
}

/// Fewer names than columns, and more, in the first file and in a later one.
#[test]
fn headers_name_every_column_and_no_more() {
    let file = |width: usize| format!("{}\n", ["1", "f", "0", "7"][..width].join(",")).repeat(3);
    for (names, first, second) in [(2, 3, 3), (4, 3, 3), (3, 2, 3), (3, 4, 3), (3, 3, 2), (3, 3, 4)] {
        let mut analysis = plain();
        headers(&mut analysis, &["x", "sex", "y", "z"][..names]);
        analysis.label = Some(Location::Index(0));
        let (one, two) = (file(first), file(second));
        let files: &[(&str, &[u8])] = &[("a.csv", one.as_bytes()), ("b.csv", two.as_bytes())];
        let at = if first == names { "b.csv" } else { "a.csv" };
        fails(files, &analysis, &["PL0303", at, &format!("{names} headers")]);
    }
}

/// Files that were put behind each other: the rows behind a header row go by its names.
#[test]
fn a_header_row_in_the_middle_names_the_rows_behind_it() {
    let text = b"x,sex,y\n1,f,0\ny,x,sex\n1,2,m\n0,3,f\nx,sex,y\n4,m,1\n";
    let mut analysis = plain();
    for named in [false, true] {
        if named {
            headers(&mut analysis, &["x", "sex", "y"]);
        }
        let reading = fixture::read(&[("a.csv", text)], &analysis, &keep_rows()).unwrap();
        let table = &reading.rows().unwrap().table;
        assert_eq!(table.column("x").unwrap().values, Values::Int(vec![1, 2, 3, 4]));
        assert_eq!(table.column("y").unwrap().values, Values::Int(vec![0, 1, 0, 1]));
        let left_out: u64 = reading.row_counts.records_skipped.iter().map(|skipped| skipped.records).sum();
        assert_eq!(left_out, 2, "{:?}", reading.row_counts);
    }
}

#[test]
fn side_datasets_pair_by_position_or_by_identifier() {
    let mut analysis = plain();
    let side = |headers: Option<&[&str]>| SideDataset {
        uri: "s3://bucket/key".into(),
        headers: headers.map(|headers| headers.iter().map(|&name| name.into()).collect()),
    };
    analysis.dataset.facet_dataset = Some(side(None));
    analysis.dataset.predicted_label_dataset = Some(side(None));
    let files: &[(&str, &[u8])] = &[
        ("a.csv", b"x,y\n1,0\n2,1\n3,1\n"),
        ("facets/f.csv", b"sex\nf\nm\nf\n"),
        ("predictions/p.csv", b"pred\n1\n0\n1\n"),
    ];
    let reading = fixture::read(files, &analysis, &keep_rows()).unwrap();
    let rows = reading.rows().unwrap();
    assert_eq!(rows.table.columns[2], column("sex", text(&["f", "m"], &[0, 1, 0])));
    assert_eq!(rows.table.columns[3], column("pred", Values::Int(vec![1, 0, 1])));
    assert_eq!(
        (&rows.roles.facets[..], rows.roles.predicted, &rows.features[..]),
        (&[2][..], Some(3), &[0][..])
    );

    let short: &[(&str, &[u8])] = &[files[0], ("facets/f.csv", b"sex\nf\nm\n"), files[2]];
    fails(short, &analysis, &["s3://bucket/key", "2 rows", "3 rows"]);
    let several: &[(&str, &[u8])] = &[files[0], ("b.csv", b"4,1\n"), files[1], files[2]];
    fails(several, &analysis, &["joinsource_name_or_index"]);

    analysis.dataset.join_source = Some(name("id"));
    analysis.dataset.predicted_label_dataset = Some(side(Some(&["id", "pred"])));
    let files: &[(&str, &[u8])] = &[
        ("a.csv", b"x,id,y\n1,7,0\n2,8,1\n"),
        ("b.csv", b"3,9,1\n4,10,0\n"),
        ("facets/f.csv", b"id,sex\n9.0,f\n8.0,m\n7.0,f\n1.5,m\n"),
        ("predictions/p.csv", b"8,0\n7,1\n"),
        ("predictions/q.csv", b"9,1\n"),
    ];
    let reading = fixture::read(files, &analysis, &keep_rows()).unwrap();
    let rows = reading.rows().unwrap();
    assert_eq!(rows.table.columns[0].values, Values::Int(vec![1, 2, 3]));
    assert_eq!(rows.table.columns[3].values, text(&["f", "m"], &[0, 1, 0]));
    assert_eq!(rows.table.columns[4].values, Values::Int(vec![1, 0, 1]));
    assert_eq!(rows.features, [0]);
    let skipped = &reading.row_counts.records_skipped;
    assert_eq!(skipped[0].examples, ["b.csv, line 2: `10`"]);
    // What the other datasets have too much is told of each.
    assert!(skipped[1].reason.contains("of the facet dataset") && skipped[1].records == 1, "{skipped:?}");
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    // A position counts the columns of the file, the identifier's among them.
    let mut by_position = analysis.clone();
    by_position.predicted_label = Some(Location::Index(1));
    by_position.facets[0].column = Location::Index(1);
    assert_eq!(table(files, &by_position).columns, rows.table.columns);
    let twice: &[(&str, &[u8])] = &[files[0], ("facets/f.csv", b"id,sex\n7,f\n7,m\n"), files[3]];
    fails(twice, &analysis, &["stands twice", "facets dataset", "line 3", "`7`"]);
    // Without any partner an identifier of each side shows why; files of the other datasets are named as those of the dataset.
    let none: &[(&str, &[u8])] = &[
        ("a.csv", b"x,id,y\n1,c-7,0\n"),
        ("facets/f.csv", b"id,sex\n7,f\n"),
        ("facets/g.csv", b"id,sex\n8,f\n"),
        ("predictions/p.csv", b"7,0\n"),
    ];
    fails(none, &analysis, &["PL0302", "a.csv, line 2: `c-7`", "f.csv, line 2: `7`"]);
    let left_over: &[(&str, &[u8])] = &[
        ("a.csv", b"x,id,y\n1,7,0\n"),
        ("facets/f.csv", b"id,sex\n7,f\n"),
        ("facets/g.csv", b"id,sex\n8,f\n9,m\n"),
        ("predictions/p.csv", b"7,0\n"),
    ];
    let reading = fixture::read(left_over, &analysis, &keep_rows()).unwrap();
    let skipped = &reading.row_counts.records_skipped;
    assert_eq!(skipped[0].examples, ["g.csv, line 2: `8`", "g.csv, line 3: `9`"]);
}

/// Of a look at the first rows it is known whether another dataset has fewer, and not whether it has more.
#[test]
fn a_look_refuses_a_side_dataset_of_fewer_rows() {
    let mut analysis = plain();
    analysis.dataset.facet_dataset = Some(SideDataset { uri: "f.csv".into(), headers: None });
    let look = |rows: &[u8]| {
        let files: &[(&str, &[u8])] = &[("a.csv", b"x,y\n1,0\n2,1\n3,1\n"), ("facets/f.csv", rows)];
        fixture::read(files, &analysis, &Options { limit: Some(2), ..keep_rows() })
    };
    for rows in ["sex\nf\nm\n", "sex\nf\nm\nf\n", "sex\nf\nm\nf\nf\n"] {
        assert_eq!(look(rows.as_bytes()).unwrap().row_counts.rows, 2, "{rows}");
    }
    assert!(look(b"sex\nf\n").unwrap_err().to_string().contains("PL0307"));
}

#[test]
fn bad_json_records_name_their_line() {
    let mut analysis = fixture::analysis(DatasetFormat::JsonLines);
    analysis.predicted_label = None;
    let good = "{\"features\": [1, 2], \"y\": 1}\n";
    let check = |line: &str, parts: &[&str]| {
        let text = format!("{good}{line}\n");
        fails(&[("a.jsonl", text.as_bytes())], &analysis, &[&["a.jsonl, line 2"], parts].concat());
    };
    check("{\"features\":", &["PL0301", "not JSON"]);
    check("{\"y\": 1}", &["Data must contain features", "`features`"]);
    check("{\"features\": [1], \"y\": 1}", &["1 feature", "expected 2"]);
    check("{\"features\": [[1, 2]], \"y\": [1, 2]}", &["2 values"]);
    let missing = good.replace('y', "z");
    fails(&[("a.jsonl", missing.as_bytes())], &analysis, &["Headers must contain label", "`y`"]);
    analysis.dataset.headers = Some(vec!["a".into(), "b".into()]);
    fails(&[("a.jsonl", good.as_bytes())], &analysis, &["Headers must contain label"]);
    analysis.dataset.headers = Some(vec!["a".into()]);
    fails(&[("a.jsonl", good.as_bytes())], &analysis, &["Headers in config do not match"]);
}

fn both_ways(files: &[(&str, &[u8])], analysis: &Analysis) -> Counted {
    let tallied = fixture::read(files, analysis, &Options::default()).unwrap();
    let kept = fixture::read(files, analysis, &keep_rows()).unwrap();
    let counted = roles::count(&tallied, None, analysis, true).unwrap();
    let again = roles::count(&kept, None, analysis, true).unwrap();
    assert_eq!(again.counts, counted.counts);
    assert_eq!(again.intersections, counted.intersections);
    counted
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A captured record with one JSON row.
fn record(time: Option<&str>, input: &str, output: &str, label: &str) -> String {
    let mut record = json!({
        "captureData": {
            "endpointInput": {"data": input, "encoding": "JSON"},
            "endpointOutput": {"data": output, "encoding": "JSON"}
        },
        "groundTruthData": {"data": label, "encoding": "JSON"},
        "eventMetadata": {"eventId": "e-1"}
    });
    if let Some(time) = time {
        record["eventMetadata"]["inferenceTime"] = time.into();
    }
    record.to_string() + "\n"
}

fn headers(analysis: &mut Analysis, names: &[&str]) {
    analysis.dataset.headers = Some(names.iter().map(ToString::to_string).collect());
}

fn object(keys: &[&str]) -> String {
    let fields: Vec<String> = keys.iter().enumerate().map(|(at, key)| format!("\"{key}\":{at}")).collect();
    format!("{{{}}}", fields.join(","))
}

fn record_of(input: &str) -> String {
    record(None, input, r#"{"score":0.7}"#, r#"{"y":1}"#)
}

fn monitor() -> Analysis {
    let mut analysis = fixture::analysis(DatasetFormat::Capture);
    analysis.predicted_label = None;
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Int(0)])];
    analysis.dataset.headers = Some(["x", "sex", "target"].map(String::from).to_vec());
    analysis.predictor = Some(Predictor { probability: Some(name("score")), ..Predictor::default() });
    analysis
}

/// What the configuration cannot tell: a label by its position and a facet by its name, or a label by its path.
#[test]
fn a_facet_that_is_the_label_is_known_once_the_columns_are() {
    let mut csv = fixture::analysis(DatasetFormat::Csv);
    csv.label = Some(Location::Index(0));
    csv.facets = vec![fixture::facet("y", &[Scalar::Int(1)])];
    let parts = ["facet[0].name_or_index", "the column of `label`", "sensitive attribute"];
    fails(&[("a.csv", b"y,pred\n1,0\n0,1\n")], &csv, &parts);
    let mut lines = fixture::analysis(DatasetFormat::JsonLines);
    lines.dataset.headers = Some(["sex", "label"].map(String::from).to_vec());
    lines.facets = vec![fixture::facet("label", &[Scalar::Int(1)])];
    fails(&[("a.jsonl", b"{\"features\": [1], \"y\": 1, \"pred\": 0}\n")], &lines, &parts);
}

#[test]
fn explainability_reads_features_only() {
    let mut analysis = monitor();
    analysis.methods.pre_training_bias = None;
    analysis.methods.post_training_bias = None;
    analysis.facets.clear();
    analysis.label = None;
    analysis.dataset.headers = Some(["x", "sex"].map(String::from).to_vec());
    let text = record(None, r#"{"features":[1,"a"]}"#, "?", "?");
    let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &keep_rows()).unwrap();
    assert_eq!(reading.captured_input, Some(ContentType::Json));
    let (cells, rows) = model_rows(reading.rows().unwrap());
    let values: Vec<&Value> = rows.row(0).iter().map(|&id| cells.value(id)).collect();
    assert_eq!(values, [&Value::Int(1), &Value::Text("a".into())]);
}

#[test]
fn digests_name_the_bytes_read_and_a_limit_leaves_them_out() {
    let files: &[(&str, &[u8])] = &[("a.csv", b"x,sex,y\n1,f,0\n2,m,1\n")];
    let reading = fixture::read(files, &plain(), &Options::default()).unwrap();
    // sha256sum of the same bytes.
    assert_eq!(reading.inputs[0].sha256, "67bb991894b6e5b465107437fe019d8eef76d1a05852fecc185e577dbc6003a9");
    assert_eq!((reading.inputs[0].name.as_str(), reading.inputs[0].bytes), ("a.csv", 20));
    let limited = Options { limit: Some(1), ..keep_rows() };
    let reading = fixture::read(files, &plain(), &limited).unwrap();
    assert_eq!((reading.row_counts.rows, reading.inputs.len()), (1, 0));
}

#[test]
fn texts_that_count_as_missing_are_told() {
    let reading = fixture::read(&[("a.csv", b"x,sex,y\n1,f,0\nNA,m,1\n")], &plain(), &keep_rows()).unwrap();
    assert_eq!(reading.warnings, ["column `x`: `NA` counts as missing"]);
    let (cells, rows) = model_rows(reading.rows().unwrap());
    assert_eq!(cells.value(rows.row(1)[0]), &Value::Null);
}
