//! Columns that have names of their own: keys of objects, header rows, Parquet. Values go by them, in whatever order they stand.

use super::*;

/// The keys of an object may stand in another order in each record.
#[test]
fn values_of_objects_go_to_their_columns_in_datasets_and_captures() {
    let orders = [r#"{"a":1,"b":0}"#, r#"{"b":1,"a":2}"#, r#"{"a":3,"b":0}"#];
    let expected = (["1", "2", "3"].map(String::from).to_vec(), ["0", "1", "0"].map(String::from).to_vec());
    for names in [["a", "b"], ["x", "b"]] {
        let with = |format, features: &str| {
            let mut analysis = fixture::analysis(format);
            analysis.predicted_label = None;
            analysis.methods.post_training_bias = None;
            analysis.facets = facet("b");
            analysis.dataset.headers = Some([names[0], names[1], "y"].map(String::from).to_vec());
            analysis.dataset.features = Some(features.into());
            analysis
        };
        let check = |text: &str, analysis: &Analysis| {
            let found = table(&[("a", text.as_bytes())], analysis);
            assert_eq!((printed(&found, names[0]), printed(&found, "b")), expected, "{names:?} {text}");
        };
        let each = |line: &dyn Fn(&str) -> String, between: &str| orders.map(line).join(between);
        let record = |object: &str| format!(r#"{{"f":{object},"y":1}}"#);
        check(&each(&record, "\n"), &with(DatasetFormat::JsonLines, "f.*"));
        let mut document = with(DatasetFormat::Json, "[*].f.*");
        document.label = Some(name("[*].y"));
        check(&format!("[{}]", each(&record, ",")), &document);
        let mut captures = with(DatasetFormat::Capture, "f.values(@)");
        captures.label = None;
        let line = |object: &str| {
            let input = part(format!(r#"{{"f":{object}}}"#), "application/json", false);
            let truth = part("1".into(), "text/csv", false);
            json!({"captureData": {"endpointInput": input}, "groundTruthData": truth}).to_string()
        };
        check(&each(&line, "\n"), &captures);
    }
}

/// A row made of the given names is a header row wherever it stands; the values behind it go by their names.
#[test]
fn header_rows_in_requests_are_no_data() {
    let mut analysis = monitor();
    analysis.predictor = Some(Predictor { probability: Some(Location::Index(0)), ..Predictor::default() });
    let line = |input: &str, n: usize| {
        let record = json!({
            "captureData": {
                "endpointInput": part(input.into(), "text/csv", false),
                "endpointOutput": part(vec!["0.9"; n].join("\n"), "text/csv", false),
            },
            "groundTruthData": part(vec!["1"; n].join("\n"), "text/csv", false),
        });
        record.to_string() + "\n"
    };
    let plain = [line("1,0\n2,1", 2), line("3,0\n4,1", 2)].concat();
    let expected = table(&[("a.jsonl", plain.as_bytes())], &analysis);
    for headed in [
        [line("a,b\n1,0\n2,1", 2), line("3,0\n4,1", 2)],
        [line("1,0\n2,1", 2), line("3,0\nA, B\n4,1", 2)],
        [line("b,a\n0,1\n1,2", 2), line("3,0\nb,a\n1,4", 2)],
        [line("1,0\n2,1\na,b", 2), line("\"a\",\"b\"\n3,0\n4,1", 2)],
    ] {
        let text = headed.concat();
        let reading = fixture::read(&[("a.jsonl", text.as_bytes())], &analysis, &keep_rows()).unwrap();
        assert_eq!(reading.rows().unwrap().table, expected, "{text}");
        assert!(
            reading.warnings.iter().any(|warning| warning.contains("a.jsonl: rows of captured requests"))
        );
    }
    // A value that happens to be a name is data.
    let text = line("a,0\nc,1", 2);
    assert_eq!(printed(&table(&[("a.jsonl", text.as_bytes())], &analysis), "a"), ["a", "c"]);
    // A name as the only value of a request may be one.
    analysis.dataset.headers = Some(["b", "y"].map(String::from).to_vec());
    let text = line("b\n0\n1", 2);
    assert_eq!(printed(&table(&[("a.jsonl", text.as_bytes())], &analysis), "b"), ["0", "1"]);
}

#[test]
fn header_rows_that_contradict_or_repeat_a_name_are_refused_and_others_said() {
    let mut analysis = fixture::analysis(DatasetFormat::Csv);
    analysis.predicted_label = None;
    analysis.methods.post_training_bias = None;
    analysis.facets = facet("sex");
    let text = refused(&[("d.csv", b"sex,y,sex\n1,0,1\n")], &analysis);
    assert!(text.contains("`sex` twice"), "{text}");
    let first: (&str, &[u8]) = ("a.csv", b"sex,y,z\n1,0,1\n");
    let text = refused(&[first, ("b.csv", b"y,q,z\n1,0,1\n")], &analysis);
    assert!(text.contains("b.csv") && text.contains("`y` as column 0"), "{text}");
    let said = |files: &[(&str, &[u8])], part: &str| {
        let warnings = fixture::read(files, &analysis, &keep_rows()).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{warnings:?}");
    };
    said(&[first, ("b.csv", b"y,z,sex\n1,0,1\n")], "b.csv: the header row has the columns in another order");
    said(&[first, ("b.csv", b"u,v,w\n1,0,1\n")], "b.csv: the header row has other names");
    said(
        &[("a.csv", b"sex,y,2020\n1,0,1\n")],
        "a.csv: the first row, of numbers and texts, is read as a header row",
    );
    said(
        &[first, ("b.csv", b"1,0,x\n1,0,y\n")],
        "b.csv: the first row, of numbers and texts, is read as data",
    );
    said(
        &[first, ("b.csv", b"0,1,2\n1,0,1\n0,1,1\n")],
        "b.csv: the first row counts the columns from 0 and is read as data",
    );
    said(
        &[("a.csv", b"sex,y,z\n1,0,1\nSEX,Y,Z\n0,1,1\n")],
        "left out 1 record equal to the header row: a.csv, line 3",
    );
    said(
        &[("a.csv", b"sex,y,z\n1,0,1\nsex,y,z\n0,1,1\n")],
        "left out 1 record equal to the header row: a.csv, line 3",
    );
}

#[test]
fn parquet_columns_go_by_name_where_headers_have_another_order() {
    use arrow_array::{ArrayRef, Int64Array, RecordBatch};
    use std::sync::Arc;
    let column = |values: [i64; 2]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(values)) };
    let file = |names: [&str; 3]| {
        let values = BTreeMap::from([("a", [1, 2]), ("sex", [0, 1]), ("y", [1, 0])]);
        let of = |name: &str| values.get(name.trim().to_lowercase().as_str()).copied().unwrap_or([7, 7]);
        let arrays = names.map(|name| (name, column(of(name))));
        let batch = RecordBatch::try_from_iter(arrays).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    };
    let mut analysis = fixture::analysis(DatasetFormat::Parquet);
    analysis.predicted_label = None;
    analysis.methods.post_training_bias = None;
    analysis.facets = facet("sex");
    analysis.dataset.headers = Some(["a", "sex", "y"].map(String::from).to_vec());
    for order in [["a", "sex", "y"], ["y", "a", "sex"], ["sex", "y", "a"]] {
        let found = table(&[("d.parquet", &file(order))], &analysis);
        assert_eq!([printed(&found, "a"), printed(&found, "sex")], [["1", "2"], ["0", "1"]], "{order:?}");
    }
    let text = refused(&[("d.parquet", &file(["q", "a", "r"]))], &analysis);
    assert!(text.contains("`a` as column 1"), "{text}");
    let found = table(&[("d.parquet", &file(["p", "q", "y"]))], &analysis);
    assert_eq!([printed(&found, "sex"), printed(&found, "y")], [["7", "7"], ["1", "0"]]);
    // Names of a later file may differ in case and blanks, as in CSV.
    analysis.dataset.headers = None;
    let first = file(["a", "sex", "y"]);
    for order in [["A", "Sex", "y"], ["Y ", "a", "SEX"]] {
        for keep in [keep_rows(), Options::default()] {
            let files: &[(&str, &[u8])] = &[("d.parquet", &first), ("e.parquet", &file(order))];
            let reading = fixture::read(files, &analysis, &keep).unwrap();
            assert_eq!(reading.row_counts.rows, 4);
        }
        let found = table(&[("d.parquet", &first), ("e.parquet", &file(order))], &analysis);
        assert_eq!(printed(&found, "a"), ["1", "2", "1", "2"], "{order:?}");
    }
    for other in [["a", "sex", "z"], ["a", "sex", "b"]] {
        let text = refused(&[("d.parquet", &first), ("e.parquet", &file(other))], &analysis);
        assert!(text.contains("e.parquet") && text.contains("`y`") || text.contains(other[2]), "{text}");
    }
}

#[test]
fn a_null_of_parquet_is_a_missing_value_in_every_type_and_at_every_place() {
    use arrow_array::{
        ArrayRef, BooleanArray, Float32Array, Int16Array, Int64Array, RecordBatch, StringArray, UInt64Array,
    };
    use std::sync::Arc;
    let mut analysis = fixture::analysis(DatasetFormat::Parquet);
    analysis.predicted_label = None;
    analysis.methods.post_training_bias = None;
    analysis.facets = facet("sex");
    let rows = || 0..3_u8;
    for at in rows() {
        let here = |row: u8| (row != at).then_some(row + 1);
        let arrays: [(&str, ArrayRef); 5] = [
            ("whole", Arc::new(Int16Array::from_iter(rows().map(|row| here(row).map(i16::from))))),
            ("unsigned", Arc::new(UInt64Array::from_iter(rows().map(|row| here(row).map(u64::from))))),
            ("number", Arc::new(Float32Array::from_iter(rows().map(|row| here(row).map(f32::from))))),
            ("truth", Arc::new(BooleanArray::from_iter(rows().map(|row| here(row).map(|_| true))))),
            (
                "text",
                Arc::new(StringArray::from_iter(rows().map(|row| here(row).map(|row| format!("t{row}"))))),
            ),
        ];
        let names = arrays.each_ref().map(|(name, _)| *name);
        let whole = |name| (name, Arc::new(Int64Array::from_iter_values([0, 1, 1])) as ArrayRef);
        let batch = RecordBatch::try_from_iter(arrays.into_iter().chain(["sex", "y"].map(whole))).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let found = table(&[("d.parquet", &bytes)], &analysis);
        for name in names {
            let missing: Vec<bool> = printed(&found, name).iter().map(|cell| cell == "nan").collect();
            assert_eq!(missing, rows().map(|row| row == at).collect::<Vec<_>>(), "{name}");
        }
    }
}
