use arrow_array::{ArrayRef, RecordBatch};

use super::*;

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

/// Objects beside each other, in a dataset and in captures, where the one that contradicts is left out: the number of the
/// odd one, or the values of the second one.
#[test]
fn other_objects_go_by_name_or_as_most_or_contradict() {
    const KEYS: [&str; 3] = ["income", "age", "sex"];
    let strange = ["a", "b", "c"];
    for (first, second, expected) in [
        (KEYS, ["sex", "age", "income"], Ok([2, 1, 0])),
        (["Sex", "age", "income"], KEYS, Ok([0, 1, 2])),
        (strange, ["c", "a", "b"], Ok([1, 2, 0])),
        (strange, ["C", " a", "b"], Ok([1, 2, 0])),
        (strange, ["c", "b", "d"], Err(None)),
        (strange, ["x", "y", "z"], Err(None)),
        (strange, ["a", "b", "d"], Err(None)),
        // Names win over as many others, which cannot go by position if names are at other places.
        (strange, ["age", "income", "sex"], Err(Some(1))),
        (strange, ["age", "b", "c"], Err(Some(2))),
        (KEYS, strange, Err(Some(2))),
        (KEYS, ["income", "age", "c"], Err(Some(2))),
        (KEYS, ["age", "income", "c"], Err(Some(2))),
        (KEYS, ["income", "age", ""], Err(Some(2))),
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
        let captured = fixture::read(&[("a", records.as_bytes())], &captures, &keep_rows());
        let odd = match expected {
            Ok(expected) => {
                assert_eq!(second_of(&dataset.unwrap()), expected, "{first:?} {second:?}");
                assert_eq!(second_of(&captured.unwrap()), expected, "{first:?} {second:?}");
                continue;
            }
            Err(odd) => odd,
        };
        let told = dataset.unwrap_err().to_string();
        let place = format!("line {}", odd.unwrap_or(1));
        assert!(told.contains("PL0303") && told.contains(&place), "{first:?} {second:?}: {told}");
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
            let place = format!("in record {} (counted from 1)", odd.unwrap_or(1));
            fails(&[("a.json", text.as_bytes())], &document, &["PL0303", "a.json", &place]);
        }
        match odd {
            Some(_) => {
                let captured = captured.unwrap();
                let left_out = &captured.row_counts.records_skipped[0];
                let told = &left_out.examples[0];
                assert!(
                    left_out.records == 1 && told.contains("contradict") && told.contains(&place),
                    "{told}"
                );
            }
            None => {
                let told = captured.unwrap_err().to_string();
                assert!(told.contains("PL0303") && told.contains("as many objects"), "{told}");
            }
        }
    }
}
