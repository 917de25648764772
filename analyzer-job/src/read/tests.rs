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

/// The last text of a line of a captured request or label has its blanks, as in a dataset.
#[test]
fn texts_at_the_ends_of_captured_lines_keep_their_blanks() {
    let mut analysis = monitor();
    analysis.label = Some(name("target"));
    analysis.predictor = None;
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f ".into())])];
    let text = json!({
        "captureData": {
            "endpointInput": {"data": "1,f \n2,m\r\n3, f\t\n", "encoding": "CSV"},
            "endpointOutput": {"data": "0.1\n0.9\n0.2", "encoding": "CSV"},
        },
        "groundTruthData": {"data": "yes \n no\nyes", "encoding": "CSV"},
    });
    let found = table(&[("a.jsonl", text.to_string().as_bytes())], &analysis).columns;
    assert_eq!(found[1].values, self::text(&["f ", "m", " f\t"], &[0, 1, 2]));
    assert_eq!(found[2].values, self::text(&["yes ", " no", "yes"], &[0, 1, 2]));
}

/// As some editors and programs begin a file: no part of a value, in any part of a record and under any encoding.
#[test]
fn a_mark_of_the_byte_order_is_no_part_of_a_captured_text() {
    use base64::Engine as _;
    let mut analysis = monitor();
    analysis.dataset.features = Some("@".into());
    analysis.label = Some(name("target"));
    analysis.predictor = None;
    analysis.facets = vec![fixture::facet("sex", &[Scalar::Text("f".into())])];
    for base64 in [false, true] {
        let part = |text: &str| {
            let text = format!("\u{feff}{text}");
            match base64 {
                true => {
                    json!({"data": base64::engine::general_purpose::STANDARD.encode(text), "encoding": "BASE64"})
                }
                false => json!({"data": text, "encoding": "CSV"}),
            }
        };
        for (input, truth) in [("f,1\nm,2", "yes\nno"), ("[[\"f\",1],[\"m\",2]]", "[\"yes\",\"no\"]")] {
            let text = json!({
                "captureData": {"endpointInput": part(input), "endpointOutput": part("0.1\n0.9")},
                "groundTruthData": part(truth),
            });
            let found = table(&[("a.jsonl", text.to_string().as_bytes())], &analysis).columns;
            assert_eq!(found[0].values, self::text(&["f", "m"], &[0, 1]), "{text}");
            assert_eq!(found[2].values, self::text(&["yes", "no"], &[0, 1]), "{text}");
        }
    }
}

/// A path that leads past a list is told so, not by the key that it asks for.
#[test]
fn a_label_in_a_list_of_records_is_told_with_the_path_that_finds_it() {
    let text = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"[{"y":1}]"#);
    let told =
        fixture::read(&[("a.jsonl", text.as_bytes())], &monitor(), &keep_rows()).unwrap_err().to_string();
    assert!(
        told.contains("in a list; a path into its records begins with `[*]`") && told.contains("`y`"),
        "{told}"
    );
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

/// Records outside of the window are none of those that a look wants.
#[test]
fn a_look_goes_past_records_outside_of_the_window() {
    let at = |hour: u32, x: u32| {
        let time = format!("2024-01-19T{hour}:00:00Z");
        record(Some(&time), &format!("{{\"features\":[{x},{}]}}", x % 2), r#"{"score":0.7}"#, r#"{"y":1}"#)
    };
    let text = [at(10, 1), at(10, 2), at(12, 3), at(10, 4), at(12, 5), at(12, 6)].concat();
    let window = ("2024-01-19T12:00:00Z".parse().unwrap(), "2024-01-19T13:00:00Z".parse().unwrap());
    let options = Options { window: Some(window), limit: Some(2), ..keep_rows() };
    let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &monitor(), &options).unwrap();
    assert_eq!(reading.rows().unwrap().table.columns[0].values, Values::Int(vec![3, 5]));
}

/// A record of a batch transform that holds several documents has the answers of each beside its own rows.
#[test]
fn documents_of_a_batch_record_are_paired_one_by_one() {
    let document = |xs: &[i64]| {
        let rows: Vec<Json> = xs.iter().map(|x| json!([x, x % 2])).collect();
        let scores: Vec<Json> = xs.iter().map(|x| json!({"score": if *x > 2 { 0.9 } else { 0.1 }})).collect();
        json!({"features": rows, "SageMakerOutput": {"p": scores}}).to_string()
    };
    for parts in [&[&[1, 2, 3][..]][..], &[&[1, 2], &[3]], &[&[1], &[2, 3]], &[&[1], &[2], &[3]]] {
        let data = parts.iter().map(|xs| document(xs)).collect::<Vec<_>>().join("\n");
        let text = json!({
            "captureData": {"batchTransformOutput": {"data": data, "encoding": "JSON", "observedContentType": "application/jsonlines"}},
            "groundTruthData": {"data": "1\n0\n1", "encoding": "CSV"},
        });
        let mut analysis = monitor();
        analysis.label = Some(name("target"));
        analysis.predictor =
            Some(Predictor { probability: Some(name("p[*].score")), ..Predictor::default() });
        let reading =
            fixture::read(&[("a.jsonl", text.to_string().as_bytes())], &analysis, &keep_rows()).unwrap();
        let columns = &reading.rows().unwrap().table.columns;
        assert_eq!(columns[0].values, Values::Int(vec![1, 2, 3]), "{data}");
        assert_eq!(columns[3].values, Values::Int(vec![0, 0, 1]), "{data}");
    }
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

/// A row of the data that every format is given.
type Row = (i16, Option<&'static str>, f32, bool, i64, i64);

const HEADERS: [&str; 6] = ["n", "sex", "score", "member", "y", "pred"];

fn rows() -> Vec<Row> {
    (0..60)
        .map(|row| {
            let sex = ["f", "m", "x"].get(row * 5 % 4).copied();
            let score = (row * 13 % 17) as f32 / 8.0 + 0.5;
            (row as i16 % 3, sex, score, row % 5 == 0, (row * 7 % 11 < 5) as i64, (row * 5 % 9 < 4) as i64)
        })
        .collect()
}

fn features((n, sex, score, member, ..): &Row) -> Json {
    json!([n, sex, score, member])
}

fn analysis_of_rows(format: DatasetFormat) -> Analysis {
    let mut analysis = fixture::analysis(format);
    analysis.dataset.headers = Some(HEADERS.map(String::from).to_vec());
    analysis.facets = vec![
        fixture::facet("sex", &[]),
        fixture::facet("score", &[Scalar::Int(1)]),
        fixture::facet("member", &[Scalar::Int(1)]),
    ];
    analysis.group_variable = Some(name("n"));
    analysis
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

#[test]
fn every_format_of_the_same_rows_gives_the_same_counts() {
    let rows = rows();
    let mut csv = HEADERS.join(",") + "\n";
    let mut lines = String::new();
    for row in &rows {
        let (n, sex, score, member, y, pred) = row;
        csv.push_str(&format!("{n},{},{score:?},{member},{y},{pred}\n", sex.unwrap_or_default()));
        lines.push_str(&format!("{}\n", json!({"id": "a", "features": features(row), "y": y, "pred": pred})));
    }
    let expected = both_ways(&[("a.csv", csv.as_bytes())], &analysis_of_rows(DatasetFormat::Csv));
    assert_eq!(expected.counts.facets.len(), 6);
    let above = rows.iter().filter(|row| row.2 > 1.0).count() as u64;
    let sensitive: Vec<u64> = expected.counts.facets.iter().map(|facet| facet.total.d.n()).collect();
    assert_eq!(sensitive, [15, 15, 15, 0, above, 12]);
    let check = |counted: Counted, what: &str| {
        assert_eq!(counted.counts, expected.counts, "{what}");
        assert_eq!(counted.intersections, expected.intersections, "{what}");
    };

    check(
        both_ways(&[("a.jsonl", lines.as_bytes())], &analysis_of_rows(DatasetFormat::JsonLines)),
        "JSON Lines",
    );

    let records: Vec<Json> =
        rows.iter().map(|row| json!({"f": features(row), "y": row.4, "p": {"q": row.5}})).collect();
    let document = json!({ "instances": records }).to_string();
    let mut analysis = analysis_of_rows(DatasetFormat::Json);
    analysis.dataset.features = Some("instances[*].f".into());
    analysis.label = Some(name("instances[*].y"));
    analysis.predicted_label = Some(name("instances[].p.q"));
    check(both_ways(&[("a.json", document.as_bytes())], &analysis), "JSON");

    let arrays: [ArrayRef; 6] = [
        Arc::new(Int16Array::from_iter_values(rows.iter().map(|row| row.0))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))),
        Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.2))),
        Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.3)))),
        Arc::new(arrow_array::UInt64Array::from_iter_values(rows.iter().map(|row| row.4 as u64))),
        Arc::new(arrow_array::Int64Array::from_iter_values(rows.iter().map(|row| row.5))),
    ];
    let batch = RecordBatch::try_from_iter(HEADERS.into_iter().zip(arrays)).unwrap();
    let mut file = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    check(both_ways(&[("a.parquet", &file)], &analysis_of_rows(DatasetFormat::Parquet)), "Parquet");

    // Merged captures: several rows to a record, CSV and JSON payloads, labels in their own place.
    let mut analysis = analysis_of_rows(DatasetFormat::Capture);
    analysis.predicted_label = None;
    analysis.dataset.headers = Some(HEADERS[..5].iter().map(|&name| name.into()).collect());
    let mut by_label = analysis.clone();
    by_label.predictor = Some(Predictor { label: Some(name("p")), ..Predictor::default() });
    let mut merged = String::new();
    for rows in rows.chunks(7) {
        let join = |line: &dyn Fn(&Row) -> String| rows.iter().map(line).collect::<Vec<_>>().join("\n");
        let record = json!({
            "captureData": {
                "endpointInput": {
                    "data": join(&|row| json!({"features": features(row)}).to_string()),
                    "encoding": "JSON", "observedContentType": "application/jsonlines"
                },
                "endpointOutput": {
                    "data": join(&|row| json!({"p": row.5, "score": 0.5}).to_string()) + "\n",
                    "encoding": "JSON", "observedContentType": "application/jsonlines"
                }
            },
            "groundTruthData": {"data": join(&|row| json!({"y": row.4}).to_string()), "encoding": "JSON"},
            "eventMetadata": {"eventId": "e"}
        });
        writeln!(merged, "{record}").unwrap();
    }
    check_capture(&merged, &by_label, &expected);

    let mut by_score = analysis;
    by_score.dataset.headers = Some(["n", "y", "sex", "score", "member"].map(String::from).to_vec());
    by_score.dataset.features = None;
    let mut merged = String::new();
    for rows in rows.chunks(7) {
        let join = |line: &dyn Fn(&Row) -> String| rows.iter().map(line).collect::<Vec<_>>().join("\n");
        let record = json!({
            "captureData": {
                "endpointInput": {
                    "data": join(&|(n, sex, score, member, ..)| {
                        format!("{n},{},{score:?},{member}", sex.unwrap_or_default())
                    }),
                    "encoding": "CSV"
                },
                // All scores on one line, as some model servers answer.
                "endpointOutput": {
                    "data": base64(&rows.iter().map(|row| format!("{}", row.5 as f64 * 0.3 + 0.5)).collect::<Vec<_>>().join(",")),
                    "encoding": "BASE64", "observedContentType": "text/csv; charset=utf-8"
                }
            },
            "groundTruthData": {"data": join(&|row| row.4.to_string()), "encoding": "CSV"}
        });
        writeln!(merged, "{record}").unwrap();
    }
    check_capture(&merged, &by_score, &expected);
}

#[track_caller]
fn check_capture(merged: &str, analysis: &Analysis, expected: &Counted) {
    let counted = both_ways(&[("2024/01/19/20/a.jsonl", merged.as_bytes())], analysis);
    assert_eq!(counted.counts, expected.counts);
    // An array of the records is the same as their lines.
    let array = format!("[{}]", merged.trim_end().replace('\n', ","));
    assert_eq!(both_ways(&[("a.jsonl", array.as_bytes())], analysis).counts, expected.counts);
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

/// Names that a file or its objects give to the values 0, 1, 2 of the columns `income`, `age`, `sex`, and what they mean: the
/// values of the columns, and whether it is told that they go by position; or the name that contradicts.
type Named = ([&'static str; 3], std::result::Result<([i64; 3], bool), &'static str>);

const NAMED: [Named; 13] = [
    (["income", "age", "sex"], Ok(([0, 1, 2], false))),
    (["age", "income", "sex"], Ok(([1, 0, 2], false))),
    (["Sex", "INCOME", " age "], Ok(([1, 2, 0], false))),
    (["a", "b", "c"], Ok(([0, 1, 2], true))),
    (["a", "b", "Sex"], Ok(([0, 1, 2], true))),
    (["income", "b", "sex"], Ok(([0, 1, 2], true))),
    (["age", "b", "sex"], Err("`age`")),
    (["age", "income", "c"], Err("`age`")),
    (["b", "SEX", "a"], Err("`SEX`")),
    (["a", "b", " income"], Err("` income`")),
    (["age", "Age", "income"], Err("`age`")),
    // The label is none of the features.
    (["income", "age", "y"], Err("`y`")),
    (["y", "age", "sex"], Err("`y`")),
];

fn headers(analysis: &mut Analysis, names: &[&str]) {
    analysis.dataset.headers = Some(names.iter().map(ToString::to_string).collect());
}

fn object(keys: &[&str]) -> String {
    let fields: Vec<String> = keys.iter().enumerate().map(|(at, key)| format!("\"{key}\":{at}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// One rule for the keys of objects, in every format of a dataset and of a captured request.
#[test]
fn keys_of_objects_are_names_of_columns_or_stand_in_their_places_or_contradict() {
    let dataset = |path: &str, format, all: &dyn Fn(&str) -> String| {
        let path = |field: &str| path.replace('_', field);
        let mut analysis = fixture::analysis(format);
        analysis.dataset.features = Some(path("f.*"));
        analysis.label = Some(name(&path("y")));
        analysis.predicted_label = Some(name(&path("pred")));
        headers(&mut analysis, &["income", "age", "sex", "y", "pred"]);
        let record = |keys: &[&str; 3]| format!("{{\"f\":{},\"y\":1,\"pred\":0}}", object(keys));
        NAMED.map(|(keys, meant)| (analysis.clone(), all(&record(&keys)), meant))
    };
    let captured = |kind: &str, path: &str, label: &str, all: &dyn Fn(&str) -> String| {
        let mut analysis = monitor();
        analysis.dataset.features = Some(path.into());
        analysis.label = Some(name(label));
        // The label may stand anywhere among the headers, or be a path.
        headers(
            &mut analysis,
            if label == "y" { &["y", "income", "age", "sex"] } else { &["income", "age", "sex", "y"] },
        );
        let record = |keys: &[&str; 3]| {
            let input = json!({"data": all(&object(keys)), "encoding": "JSON", "observedContentType": kind});
            let output = json!({"data": "{\"score\": 0.7}", "encoding": "JSON"});
            let truth = json!({"data": "{\"y\": 1, \"l\": 1}", "encoding": "JSON"});
            json!({"captureData": {"endpointInput": input, "endpointOutput": output}, "groundTruthData": truth}).to_string()
        };
        NAMED.map(|(keys, meant)| (analysis.clone(), record(&keys), meant))
    };
    let all = [
        dataset("_", DatasetFormat::JsonLines, &|record| format!("{record}\n{record}")),
        dataset("rows[*]._", DatasetFormat::Json, &|record| format!("{{\"rows\":[{record},{record}]}}")),
        dataset("[*]._", DatasetFormat::Json, &|record| format!("[{record}]")),
        captured("application/json", "i[0].*", "y", &|object| format!("{{\"i\":[{object}]}}")),
        captured("application/json", "values(@)", "l", &str::to_string),
        captured("application/jsonlines", "f.*", "y", &|object| format!("{{\"f\":{object}}}")),
    ];
    for (mut analysis, text, meant) in all.into_iter().flatten() {
        analysis.facets = vec![fixture::facet("sex", &[Scalar::Int(1)])];
        let files: &[(&str, &[u8])] = &[("a.json", text.as_bytes())];
        match meant {
            Ok((values, by_position)) => {
                let reading = fixture::read(files, &analysis, &keep_rows()).unwrap();
                let table = &reading.rows().unwrap().table;
                for (name, value) in ["income", "age", "sex"].into_iter().zip(values) {
                    let Values::Int(found) = &table.column(name).unwrap().values else { panic!("{text}") };
                    assert!(found.iter().all(|found| *found == value), "{name}: {text}");
                }
                let told = reading.warnings.join("\n");
                assert_eq!(
                    told.contains("named by position") && told.contains("a.json"),
                    by_position,
                    "{text}: {told}"
                );
            }
            Err(key) => fails(files, &analysis, &["PL0303", "contradict", key, "`headers`"]),
        }
    }
}

/// The same rule for the header rows of CSV and the names of Parquet.
#[test]
fn names_in_a_file_are_names_of_columns_or_stand_in_their_places_or_contradict() {
    for (names, meant) in NAMED {
        let names = names.map(|name| if name == "y" { "target" } else { name });
        let column = |value: i64| -> ArrayRef { Arc::new(arrow_array::Int64Array::from(vec![value])) };
        let batch =
            RecordBatch::try_from_iter(names.iter().zip(0..).map(|(name, at)| (*name, column(at)))).unwrap();
        let mut parquet = Vec::new();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let csv = format!("{}\n0,1,2\n", names.join(","));
        for (format, bytes) in [(DatasetFormat::Csv, csv.as_bytes()), (DatasetFormat::Parquet, &parquet)] {
            let mut analysis = fixture::analysis(format);
            analysis.label = Some(name("sex"));
            analysis.predicted_label = None;
            analysis.methods.post_training_bias = None;
            headers(&mut analysis, &["income", "age", "sex"]);
            analysis.facets = vec![fixture::facet("age", &[Scalar::Int(1)])];
            let files: &[(&str, &[u8])] = &[("a", bytes)];
            // A name that is none of the columns is a strange one.
            let strange = match names {
                ["income", "age", "target"] | ["target", "age", "sex"] => Ok(([0, 1, 2], true)),
                _ => meant,
            };
            match strange {
                Ok((values, by_position)) => {
                    let reading = fixture::read(files, &analysis, &keep_rows()).unwrap();
                    let table = &reading.rows().unwrap().table;
                    for (name, value) in ["income", "age", "sex"].into_iter().zip(values) {
                        assert_eq!(table.column(name).unwrap().values, Values::Int(vec![value]), "{names:?}");
                    }
                    let told = reading.warnings.join("\n");
                    assert_eq!(told.contains("by position"), by_position, "{names:?}: {told}");
                }
                Err(key) => fails(files, &analysis, &["PL0303", key.trim_matches('`').trim(), "`headers`"]),
            }
        }
    }
}

/// Objects behind the first one, in a dataset and in captures, where such a record is left out.
#[test]
fn later_objects_go_by_name_or_as_the_first_or_contradict() {
    const KEYS: [&str; 3] = ["income", "age", "sex"];
    let strange = ["a", "b", "c"];
    for (first, second, expected) in [
        (KEYS, ["sex", "age", "income"], Some([2, 1, 0])),
        (["Sex", "age", "income"], KEYS, Some([0, 1, 2])),
        (strange, ["c", "a", "b"], Some([1, 2, 0])),
        (strange, ["age", "income", "sex"], Some([1, 0, 2])),
        (strange, ["x", "y", "z"], None),
        (strange, ["C", " a", "b"], Some([1, 2, 0])),
        (strange, ["a", "b", "d"], None),
        (strange, ["c", "b", "d"], None),
        (strange, ["age", "b", "c"], None),
        (KEYS, strange, None),
        (KEYS, ["income", "age", "c"], None),
        (KEYS, ["age", "income", "c"], None),
        (KEYS, ["income", "age", ""], None),
    ] {
        let mut lines = fixture::analysis(DatasetFormat::JsonLines);
        lines.dataset.features = Some("f.*".into());
        headers(&mut lines, &["income", "age", "sex", "label", "predicted"]);
        lines.facets = vec![fixture::facet("sex", &[Scalar::Int(1)])];
        let record = |keys: &[&str]| format!("{{\"f\":{},\"y\":1,\"pred\":0}}\n", object(keys));
        let text = [record(&first), record(&second)].concat();
        let mut captures = monitor();
        captures.dataset.features = Some("f.*".into());
        headers(&mut captures, &["income", "age", "sex", "label"]);
        let of = |keys: &[&str]| record_of(&format!("{{\"f\":{}}}", object(keys)));
        let records = [of(&first), of(&second)].concat();
        let second_of = |reading: &Reading| {
            let table = &reading.rows().unwrap().table;
            KEYS.map(|name| match &table.column(name).unwrap().values {
                Values::Int(found) => found[1],
                other => panic!("{other:?}"),
            })
        };
        let dataset = fixture::read(&[("a", text.as_bytes())], &lines, &keep_rows());
        let captured = fixture::read(&[("a", records.as_bytes())], &captures, &keep_rows()).unwrap();
        match expected {
            Some(expected) => {
                assert_eq!(second_of(&dataset.unwrap()), expected, "{first:?} {second:?}");
                assert_eq!(second_of(&captured), expected, "{first:?} {second:?}");
            }
            None => {
                let told = dataset.unwrap_err().to_string();
                assert!(told.contains("PL0303") && told.contains("line 2"), "{told}");
                // A document tells the record by its number.
                for path in ["_", "rows[*]._", "r.list[]._"] {
                    let mut document = Analysis { label: Some(name("y")), ..lines.clone() };
                    document.dataset.format = Some(DatasetFormat::Json);
                    let path = if path == "_" { "[*]._" } else { path };
                    document.dataset.features = Some(path.replace('_', "f.*"));
                    document.label = Some(name(&path.replace('_', "y")));
                    document.predicted_label = Some(name(&path.replace('_', "pred")));
                    let list = format!("[{},{}]", record(&first), record(&second));
                    let text = match path {
                        "[*]._" => list,
                        "rows[*]._" => format!("{{\"rows\":{list}}}"),
                        _ => format!("{{\"r\":{{\"list\":{list}}}}}"),
                    };
                    fails(
                        &[("a.json", text.as_bytes())],
                        &document,
                        &["PL0303", "a.json", "in record 2 (counted from 1)"],
                    );
                }
                let left_out = &captured.row_counts.records_skipped[0];
                let told = &left_out.examples[0];
                assert!(
                    left_out.records == 1 && told.contains("contradict") && told.contains("line 2"),
                    "{told}"
                );
            }
        }
    }
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
fn records_whose_counts_differ_are_dropped_and_named_never_shifted() {
    let analysis = monitor();
    let good = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    let two = r#"{"features":[1,0]}
{"features":[2,1]}"#;
    let bad = record(None, two, r#"{"score":0.7}"#, "{\"y\":1}\n{\"y\":0}");
    let text = [good.as_str(), &bad, &good].concat();
    let reading = fixture::read(&[("h/a.jsonl", text.as_bytes())], &analysis, &keep_rows()).unwrap();
    assert_eq!((reading.row_counts.records_read, reading.row_counts.rows), (3, 2));
    let skipped = &reading.row_counts.records_skipped[0];
    assert_eq!(skipped.records, 1);
    assert_eq!(skipped.examples, ["h/a.jsonl, line 2: event e-1: 2 input rows, 1 prediction, 2 labels"]);
    let columns = &reading.rows().unwrap().table.columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["x", "sex", "target", "predicted_label0"]);
    assert_eq!(columns[3].values, Values::Int(vec![1, 1]));

    let strict = Options { strict: true, ..Options::default() };
    let error = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &strict).unwrap_err().to_string();
    assert!(error.contains("a.jsonl, line 2") && error.contains("2 input rows, 1 prediction"), "{error}");
    // Labels alone may be the ones that do not fit.
    let few = record(None, two, "{\"score\":0.7}\n{\"score\":0.1}", r#"{"y":1}"#);
    let reading =
        fixture::read(&[("a.jsonl", [good.as_str(), &few].concat().as_bytes())], &analysis, &keep_rows());
    assert_eq!(
        reading.unwrap().row_counts.records_skipped[0].examples[0],
        "a.jsonl, line 2: event e-1: 2 input rows, 2 predictions, 1 label"
    );
    let mostly = [good.as_str(), &bad, "{}\n"].concat();
    fails(&[("a.jsonl", mostly.as_bytes())], &analysis, &["PL0308", "2 of 3 records", "line 2"]);
}

#[test]
fn a_window_counts_its_start_and_not_its_end() {
    let analysis = monitor();
    let at = |time: &str| record(Some(time), r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    let text = [
        at("2024-01-19T18:59:59Z"),
        at("2024-01-19T19:00:00Z"),
        at("2024-01-19T20:29:59Z"),
        at("2024-01-19T20:30:00Z"),
        at("2024-01-19T19:30:00"),
    ]
    .concat();
    let window = ("2024-01-19T19:00:00Z".parse().unwrap(), "2024-01-19T20:30:00Z".parse().unwrap());
    let options = Options { window: Some(window), ..Options::default() };
    let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &options).unwrap();
    assert_eq!((reading.row_counts.records_read, reading.row_counts.rows), (5, 3));
    // Without a time the hour of the folder counts.
    let untimed = record(None, r#"{"features":[1,0]}"#, r#"{"score":0.7}"#, r#"{"y":1}"#);
    let files: &[(&str, &[u8])] = &[
        ("e/2024/01/19/18/a.jsonl", untimed.as_bytes()),
        ("e/2024/01/19/20/a.jsonl", untimed.as_bytes()),
        ("e/2024/01/19/21/a.jsonl", untimed.as_bytes()),
    ];
    assert_eq!(fixture::read(files, &analysis, &options).unwrap().row_counts.rows, 1);
    // The hours that touch a window on either side are not in it.
    let window = ("2024-01-19T19:00:00Z".parse().unwrap(), "2024-01-19T20:00:00Z".parse().unwrap());
    let options = Options { window: Some(window), ..Options::default() };
    for (hour, rows) in [(18, 0), (19, 1), (20, 0)] {
        let timed = at("2024-01-19T19:59:59Z");
        let folder = format!("e/2024/01/19/{hour}/a.jsonl");
        let files: &[(&str, &[u8])] = &[(&folder, untimed.as_bytes()), ("z.jsonl", timed.as_bytes())];
        assert_eq!(fixture::read(files, &analysis, &options).unwrap().row_counts.rows, rows + 1, "{hour}");
    }
}

#[test]
fn one_document_holds_all_records_of_a_request() {
    let mut analysis = monitor();
    analysis.dataset.features = Some("instances[*].features".into());
    analysis.label = Some(name("instances[*].label"));
    analysis.predictor =
        Some(Predictor { label: Some(name("predictions[*].predicted_label")), ..Predictor::default() });
    let text = record(
        None,
        r#"{"instances":[{"features":[1,0]},{"features":[2,1]}]}"#,
        r#"{"predictions":[{"predicted_label":1},{"predicted_label":0}]}"#,
        r#"{"instances":[{"label":0},{"label":1}]}"#,
    );
    let expected = table(&[("a.jsonl", text.as_bytes())], &analysis);
    assert_eq!(expected.columns[2].values, Values::Int(vec![0, 1]));
    assert_eq!(expected.columns[3].values, Values::Int(vec![1, 0]));
    let batch = json!({
        "captureData": {"batchTransformOutput": {"encoding": "JSON", "data": json!({
            "SageMakerOutput": {"predictions": [{"predicted_label": 1}, {"predicted_label": 0}]},
            "instances": [{"features": [1, 0]}, {"features": [2, 1]}]
        }).to_string()}},
        "groundTruthData": {"data": r#"{"instances":[{"label":0},{"label":1}]}"#, "encoding": "JSON"},
        "eventMetadata": {"eventId": "e-1"}
    })
    .to_string();
    assert_eq!(table(&[("a.jsonl", batch.as_bytes())], &analysis), expected);
    let csv = json!({
        "captureData": {"batchTransformOutput": {"encoding": "CSV", "data": "1,0,0.9\n2,1,0.2\n"}},
        "groundTruthData": {"data": "0\n1", "encoding": "CSV"}
    })
    .to_string();
    let mut by_score = monitor();
    by_score.label = Some(name("target"));
    by_score.predictor = None;
    assert_eq!(table(&[("a.jsonl", csv.as_bytes())], &by_score), expected);
}

#[test]
fn scores_with_label_headers_predict_the_highest() {
    let mut analysis = monitor();
    analysis.predictor = Some(Predictor {
        probability: Some(name("scores")),
        label_headers: Some(["low", "high"].map(String::from).to_vec()),
        ..Predictor::default()
    });
    let text = record(None, r#"{"features":[1,0]}"#, r#"{"scores":[0.2,0.8]}"#, r#"{"y":"low"}"#);
    let found = table(&[("a.jsonl", text.as_bytes())], &analysis);
    assert_eq!(found.columns[3].values, self::text(&["high"], &[0]));
    analysis.predictor = Some(Predictor {
        label: Some(Location::Index(0)),
        probability: Some(Location::Index(1)),
        ..Predictor::default()
    });
    let text = json!({
        "captureData": {
            "endpointInput": {"data": "1,0", "encoding": "CSV"},
            "endpointOutput": {"data": "\"['a', 'b']\",\"[0.1, 0.9]\"", "encoding": "CSV"}
        },
        "groundTruthData": {"data": "a", "encoding": "CSV"}
    })
    .to_string();
    analysis.label = Some(name("target"));
    let found = table(&[("a.jsonl", text.as_bytes())], &analysis);
    assert_eq!(found.columns[3].values, self::text(&["b"], &[0]));
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

proptest! {
    #[test]
    fn tallies_of_any_split_merge_to_the_tally_of_all(
        rows in prop::collection::vec(("[ab]{0,1}", 0u8..3, 0u8..2), 0..40),
        cut in 0usize..40,
    ) {
        let tally = |rows: &[(String, u8, u8)]| {
            let mut tally = Tally::new(vec![None; 3]);
            for (text, number, bit) in rows {
                let key = [
                    tally.intern(0, crate::values::raw::Raw::Csv(text)),
                    tally.intern(1, crate::values::raw::Raw::Int(i64::from(*number))),
                    tally.intern(2, crate::values::raw::Raw::Json(if *bit == 0 { "0" } else { "1" })),
                ];
                tally.add(&key, 1);
            }
            tally
        };
        let described = |tally: &Tally| -> Vec<(Vec<String>, u64)> {
            tally
                .iter()
                .map(|(key, rows)| {
                    let cells = key.iter().enumerate();
                    let print = |(column, &code)| format!("{:?}", tally.dictionary(column).unwrap().get(code));
                    (cells.map(print).collect(), rows)
                })
                .collect()
        };
        let (first, second) = rows.split_at(cut.min(rows.len()));
        let mut merged = tally(first);
        merged.merge(&tally(second));
        prop_assert_eq!(described(&merged), described(&tally(&rows)));
        prop_assert_eq!(merged.rows(), rows.len() as u64);
        let written = serde_json::to_string(&merged).unwrap();
        prop_assert_eq!(described(&serde_json::from_str(&written).unwrap()), described(&merged));
        let mut counted = std::collections::BTreeMap::new();
        for row in &rows {
            *counted.entry(row).or_insert(0u64) += 1;
        }
        prop_assert_eq!(merged.iter().count(), counted.len());
    }
}

/// Reads rows of numbers under thresholds both ways: by tally, which folds them, and by rows.
#[track_caller]
fn check_folded(text: &str, facet: Scalar, label: Scalar) {
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.facets = vec![fixture::facet("income", &[facet])];
    analysis.label_values_or_threshold = vec![label];
    let files: &[(&str, &[u8])] = &[("a.csv", text.as_bytes())];
    both_ways(files, &analysis);
    let tallied = fixture::read(files, &analysis, &Options::default()).unwrap();
    match tallied.data {
        Data::Tally(tally) => assert!(tally.iter().count() < 100, "{}", tally.iter().count()),
        Data::Rows(_) => panic!("a tally was asked for"),
    }
}

#[test]
fn many_numbers_under_a_threshold_are_counted_by_their_side() {
    let rows = |income: &dyn Fn(u64) -> String, y: &dyn Fn(u64) -> String, pred: &dyn Fn(u64) -> String| {
        let mut text = String::from("income,y,pred\n");
        for row in 0..20_000u64 {
            let mixed = row * 7919 % 20_011;
            writeln!(text, "{},{},{}", income(mixed), y(mixed * 3 % 20_011), pred(mixed * 5 % 20_011))
                .unwrap();
        }
        text
    };
    let whole = |value: u64| value.to_string();
    let float = |value: u64| format!("{:?}", value as f64 / 8.0);
    check_folded(&rows(&float, &float, &float), Scalar::Int(1000), Scalar::Float(700.5));
    check_folded(&rows(&whole, &whole, &whole), Scalar::Int(1000), Scalar::Text("5000".into()));
    // Predictions are cut to whole labels, also next to the threshold.
    check_folded(&rows(&whole, &whole, &float), Scalar::Float(99.5), Scalar::Int(2000));
    // A single text makes categories of all numbers.
    let mixed = |value: u64| if value == 77 { "unknown".into() } else { value.to_string() };
    check_folded(&rows(&mixed, &whole, &whole), Scalar::Int(1000), Scalar::Int(2000));
    // Missing values and a threshold above the maximum, which selects nothing.
    let gaps = |value: u64| if value.is_multiple_of(7) { String::new() } else { value.to_string() };
    check_folded(&rows(&gaps, &whole, &whole), Scalar::Int(1_000_000), Scalar::Int(0));
}

#[test]
fn folded_tallies_merge_with_others() {
    let tally = |values: std::ops::Range<i64>| {
        let mut tally = Tally::new(vec![Some(vec![100.0])]);
        for value in values {
            let key = [tally.intern(0, crate::values::raw::Raw::Int(value))];
            tally.add(&key, 1);
        }
        tally
    };
    let (few, many) = (tally(99..104), tally(50..40_000));
    for (one, two) in [(&few, &many), (&many, &few)] {
        let mut merged = one.clone();
        merged.merge(two);
        let (distinct, codes) = merged.distinct(0);
        assert_eq!((distinct.n_distinct, merged.rows()), (39_950, 39_955));
        let above = merged.iter().filter(|(key, _)| match distinct.values[codes[key[0] as usize] as usize] {
            typing::Cell::Int(value) => value > 100,
            _ => false,
        });
        assert_eq!(above.map(|(_, rows)| rows).sum::<u64>(), 39_899 + 3);
        assert!(distinct.values.contains(&typing::Cell::Int(39_999)));
    }
}

#[test]
fn text_late_in_a_column_of_many_numbers_keeps_their_spelling() {
    let mut text = String::from("x,sex,y\n");
    for row in 0..70_000 {
        writeln!(text, "{row}.50,f,{}", row % 2).unwrap();
    }
    text.push_str("none,m,1\n");
    let table = table(&[("a.csv", text.as_bytes())], &plain());
    match &table.columns[0].values {
        Values::Text(texts) => assert_eq!((texts.get(3), texts.get(70_000)), (Some("3.50"), Some("none"))),
        other => panic!("{} values", other.len()),
    }
}
