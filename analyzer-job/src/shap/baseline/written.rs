//! A baseline as a file, from which the same values are read again.

use super::from_file;
use crate::config::ContentType;
use crate::shap::local_values::baseline_csv;
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::table::Column;

/// The rows as a file that `from_file` reads beside data of this format: the values that it gives are the same, whatever
/// they are. `names`, `columns`: of the features.
///
/// CSV has a header row. What CSV cannot tell, such as the text `NA` of a Parquet dataset from a missing value, stands in
/// rows of JSON. JSON Lines has a list for each row, JSON a list of such lists.
pub(crate) fn to_file(
    format: ContentType,
    names: &[String],
    columns: &[&Column],
    cells: &mut Cells,
    baseline: &ModelRows,
) -> String {
    if format == ContentType::Csv {
        let text = baseline_csv(names, cells, baseline);
        let read = from_file(text.as_bytes(), format, None, columns, cells);
        if read.is_ok_and(|read| read == *baseline) {
            return text;
        }
    }
    let rows: Vec<String> = baseline.rows().map(|row| row_of_json(row, cells)).collect();
    match format {
        ContentType::JsonLines => rows.join("\n") + "\n",
        ContentType::Json | ContentType::Csv => format!("[{}]\n", rows.join(",\n")),
    }
}

fn row_of_json(row: &[u32], cells: &Cells) -> String {
    let values: Vec<String> = row.iter().map(|&id| value_of_json(cells.value(id))).collect();
    format!("[{}]", values.join(","))
}

/// Infinite numbers as Python writes them, since JSON has none.
fn value_of_json(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => "null".into(),
        Value::Float(value) if value.is_infinite() => {
            if *value > 0.0 { "Infinity" } else { "-Infinity" }.into()
        }
        Value::Float(value) => serde_json::Value::from(*value).to_string(),
        Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::config::{Analysis, DatasetFormat};
    use crate::read::{self, Reading, Rows, fixture};
    use crate::shap::Place;
    use crate::values::typing::MISSING_TEXTS;

    /// Texts that some format could take for something else.
    fn texts() -> Vec<String> {
        let others = [
            "",
            "30",
            "1.5",
            "01",
            "1e3",
            " 7",
            "inf",
            "-Infinity",
            "Infinity",
            "True",
            "false",
            "a,b",
            "say \"hi\"",
            "\"",
            "\"NA\"",
            "line\nend",
            "line\r\nend",
            "return\rhere",
            "\n",
            "  blank ",
            "t",
            "n",
            "[[1",
            "[[1]]",
            "[]",
            "{}",
            "#c",
            "\u{feff}x",
            "\u{2028}",
            "\\",
            "\t",
            "null ",
            "é",
        ];
        MISSING_TEXTS.iter().chain(&others).map(|text| text.to_string()).collect()
    }

    /// Four rows: a text of all three kinds of columns, one beside it, numbers, a number that misses a value, truth values.
    fn rows(text: &str) -> Vec<[Json; 5]> {
        vec![
            [json!(text), json!("x"), json!(1), json!(0.5), json!(true)],
            [json!("plain"), json!(text), json!(-7), Json::Null, json!(false)],
            [json!("x"), Json::Null, json!(9_007_199_254_740_993_i64), json!(1e300), json!(true)],
            [json!(text), json!("NA"), json!(0), json!(-0.0), json!(false)],
        ]
    }

    fn parquet(rows: &[[Json; 5]]) -> Vec<u8> {
        let text = |at: usize| -> ArrayRef {
            Arc::new(rows.iter().map(|row| row[at].as_str()).collect::<StringArray>())
        };
        let columns: [(&str, ArrayRef); 6] = [
            ("t", text(0)),
            ("u", text(1)),
            ("n", Arc::new(rows.iter().map(|row| row[2].as_i64()).collect::<Int64Array>())),
            ("f", Arc::new(rows.iter().map(|row| row[3].as_f64()).collect::<Float64Array>())),
            ("b", Arc::new(rows.iter().map(|row| row[4].as_bool()).collect::<BooleanArray>())),
            ("y", Arc::new(Int64Array::from_iter_values(rows.iter().map(|_| 1)))),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
        let batch = batch.unwrap();
        let mut bytes = Vec::new();
        let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    }

    fn csv(row: &[Json; 5]) -> String {
        let cell = |value: &Json| match value {
            Json::Null => String::new(),
            Json::String(text) => crate::values::cells::csv_field(text).into_owned(),
            other => other.to_string(),
        };
        row.iter().map(cell).collect::<Vec<_>>().join(",")
    }

    fn captured(row: &[Json; 5], as_csv: bool) -> String {
        let (data, kind) = match as_csv {
            true => (csv(row), "text/csv"),
            false => (json!({ "x": row }).to_string(), "application/json"),
        };
        let input = json!({"data": data, "encoding": "CSV", "observedContentType": kind});
        let label = json!({"data": "1", "encoding": "CSV"});
        json!({"captureData": {"endpointInput": input}, "groundTruthData": label}).to_string()
    }

    fn analysis(format: DatasetFormat) -> Analysis {
        let mut analysis = fixture::analysis(format);
        let path = match format {
            DatasetFormat::Json => "rows[*].",
            _ => "",
        };
        analysis.dataset.features = Some(format!("{path}x"));
        analysis.label = Some(fixture::name(&format!("{path}y")));
        analysis.predicted_label = None;
        analysis.methods.post_training_bias = None;
        if format == DatasetFormat::Capture {
            analysis.label = Some(fixture::name("y"));
        }
        if !matches!(format, DatasetFormat::Csv | DatasetFormat::Parquet) {
            analysis.dataset.headers = Some(["t", "u", "n", "f", "b", "y"].map(String::from).into());
        }
        analysis
    }

    /// The same rows as data of each format, and the format of their baseline.
    fn data(rows: &[[Json; 5]]) -> Vec<(&'static str, DatasetFormat, ContentType, Vec<u8>)> {
        let lines = |line: &dyn Fn(&[Json; 5]) -> String| rows.iter().map(line).collect::<Vec<_>>();
        let record = |row: &[Json; 5]| json!({"x": row, "y": 1}).to_string();
        let of_csv = lines(&|row| format!("{},1", csv(row))).join("\n");
        vec![
            ("CSV", DatasetFormat::Csv, ContentType::Csv, format!("t,u,n,f,b,y\n{of_csv}\n").into()),
            ("lines", DatasetFormat::JsonLines, ContentType::JsonLines, lines(&record).join("\n").into()),
            (
                "document",
                DatasetFormat::Json,
                ContentType::Json,
                format!("{{\"rows\":[{}]}}", lines(&record).join(",")).into(),
            ),
            ("Parquet", DatasetFormat::Parquet, ContentType::Csv, parquet(rows)),
            (
                "captured CSV",
                DatasetFormat::Capture,
                ContentType::Csv,
                lines(&|row| captured(row, true)).join("\n").into(),
            ),
            (
                "captured JSON",
                DatasetFormat::Capture,
                ContentType::Json,
                lines(&|row| captured(row, false)).join("\n").into(),
            ),
        ]
    }

    #[track_caller]
    fn check(what: &str, format: ContentType, rows: &Rows, of: &[usize], columns: &[usize]) {
        let (mut cells, all) = read::model_rows(rows);
        let mut baseline = ModelRows::new(columns.len());
        // A line end in a text makes more rows of some captured payloads, and fewer good records.
        for row in of.iter().map(|row| row % all.len()) {
            baseline.push(&columns.iter().map(|&column| all.row(row)[column]).collect::<Vec<_>>());
        }
        let columns: Vec<&Column> =
            columns.iter().map(|&column| &rows.table.columns[rows.features[column]]).collect();
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let text = to_file(format, &names, &columns, &mut cells, &baseline);
        let features = (format != ContentType::Csv).then_some(Place { path: "x", rules: &[] });
        let again = from_file(text.as_bytes(), format, features, &columns, &mut cells)
            .unwrap_or_else(|problem| panic!("{what}: {problem} in {text}"));
        let values = |rows: &ModelRows| -> Vec<Vec<Value>> {
            rows.rows().map(|row| row.iter().map(|&id| cells.value(id).clone()).collect()).collect()
        };
        assert_eq!(values(&again), values(&baseline), "{what}: {text}");
    }

    #[test]
    fn a_baseline_of_any_values_is_read_back_as_it_was() {
        for text in texts() {
            let rows = rows(&text);
            for (what, dataset, format, bytes) in data(&rows) {
                let options = fixture::keep_rows();
                let reading: Reading = fixture::read(&[("data", &bytes)], &analysis(dataset), &options)
                    .unwrap_or_else(|problem| panic!("{what} of {text:?}: {problem}"));
                let what = format!("{what} of {text:?}");
                let rows = reading.rows().unwrap();
                assert_eq!(rows.features.len(), 5, "{what}");
                for of in [&[0, 1, 2, 3][..], &[0], &[1], &[3], &[2, 2]] {
                    for columns in [&[0, 1, 2, 3, 4][..], &[0], &[1], &[3], &[1, 3], &[4]] {
                        check(&what, format, rows, of, columns);
                    }
                }
            }
        }
    }

    /// Names that a row of values may be taken for, or that cannot be told from each other.
    #[test]
    fn names_of_any_kind_do_not_cost_a_row() {
        use crate::values::table::{Texts, Values};
        for names in [
            ["a", "A"],
            ["a", "a "],
            ["x", "y"],
            ["X", "Y "],
            ["", "b"],
            ["1", "2"],
            ["[[1", "2]]"],
            ["\u{feff}a", "b"],
        ] {
            for values in [["x", "y"], ["y", "x"], ["a", "a"], ["1", "2"], ["", ""]] {
                let mut cells = Cells::default();
                let ids = values.map(|value| match value {
                    "" => cells.intern(&Value::Null),
                    text => cells.intern(&Value::Text(text.into())),
                });
                let columns =
                    names.map(|name| Column { name: name.into(), values: Values::Text(Texts::default()) });
                let columns: Vec<&Column> = columns.iter().collect();
                let names: Vec<String> = names.map(String::from).into();
                for n in [1, 2] {
                    let baseline = ModelRows { n_features: n, ids: ids[..n].repeat(3 - n) };
                    for format in [ContentType::Csv, ContentType::JsonLines, ContentType::Json] {
                        let text = to_file(format, &names[..n], &columns[..n], &mut cells, &baseline);
                        let again = from_file(text.as_bytes(), format, None, &columns[..n], &mut cells);
                        assert_eq!(again.unwrap(), baseline, "{names:?} {values:?}: {text}");
                    }
                }
            }
        }
    }

    #[test]
    fn infinite_numbers_stay_infinite() {
        use crate::values::table::Values;
        let mut cells = Cells::default();
        let column = Column { name: "f".into(), values: Values::Float(vec![0.5]) };
        let ids = [f64::INFINITY, f64::NEG_INFINITY].map(|value| cells.intern(&Value::Float(value)));
        let baseline = ModelRows { n_features: 1, ids: ids.into() };
        for format in [ContentType::Csv, ContentType::JsonLines, ContentType::Json] {
            let text = to_file(format, &["f".into()], &[&column], &mut cells, &baseline);
            let again = from_file(text.as_bytes(), format, None, &[&column], &mut cells);
            assert_eq!(again.unwrap(), baseline, "{text}");
        }
    }
}
