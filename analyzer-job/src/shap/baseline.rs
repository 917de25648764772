//! The baseline as it is given: rows in the configuration or in a file, in the dataset's format.

use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::config::ContentType;
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::raw::Raw;
use crate::values::table::{Column, Values};
use crate::values::typing::{self, Cell};

const SETTING: &str = "methods.shap.baseline";

/// Reads a baseline that stands in the configuration, which is in the dataset's format.
///
/// Rows of values, whose cells are read as those of a file; or records, from which the JMESPath `features` takes
/// the values: from each record of JSON Lines, from the whole of JSON, which has the structure of the dataset.
/// Values take the type of the dataset's column, so that equal ones are equal in the request too. `columns`: the
/// features, in the order that the model is sent them.
///
/// # Errors
/// `BASELINE_INVALID`: another shape, another number of values, a value that is no number, text or truth value.
pub fn from_configuration(
    given: &Json,
    format: ContentType,
    features: Option<&str>,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    let Json::Array(records) = given else {
        return match given {
            Json::Object(_) => model_rows(&search(given, features)?, columns, cells),
            other => Err(invalid("the baseline is no list of rows")
                .found(other.to_string())
                .expected("a list of rows, an object, or the address of a file")),
        };
    };
    if format == ContentType::Json && records.iter().any(Json::is_object) {
        // The structure of the dataset; a list of its records is understood too.
        if let Ok(rows) = search(given, features) {
            return model_rows(&rows, columns, cells);
        }
    }
    let mut rows = Vec::with_capacity(records.len());
    for record in records {
        match record {
            Json::Array(values) => rows.push(values.clone()),
            Json::Object(_) => rows.extend(search(record, features)?),
            // A single flat list is one row.
            _ => return model_rows(std::slice::from_ref(records), columns, cells),
        }
    }
    model_rows(&rows, columns, cells)
}

/// Reads a baseline file. CSV has no header row; one that has the features' names, in any order, is understood.
///
/// # Errors
/// As `from_configuration`; text that is not of this format.
pub fn from_file(
    text: &[u8],
    format: ContentType,
    features: Option<&str>,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    let not_json = |error: serde_json::Error, line: Option<u64>| {
        let problem = invalid("the baseline file is not JSON").found(error.to_string());
        match line {
            Some(line) => problem.line(line),
            None => problem,
        }
    };
    match format {
        ContentType::Csv => {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
            let mut rows: Vec<Vec<Json>> = Vec::new();
            let mut header = None;
            for record in reader.records() {
                let record = record
                    .map_err(|error| invalid("the baseline file is not CSV").found(error.to_string()))?;
                match header_names(&record, columns) {
                    Some(names) if rows.is_empty() => header = Some(names),
                    // A header row again, where files were put together.
                    Some(_) => {}
                    None => rows.push(record.iter().map(Json::from).collect()),
                }
            }
            match header {
                Some(names) => from_table(&names, &rows, columns, cells),
                None => model_rows(&rows, columns, cells),
            }
        }
        ContentType::JsonLines => {
            let text = String::from_utf8_lossy(text);
            let mut records = Vec::new();
            for (line_idx, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                records.push(serde_json::from_str(line).map_err(|e| not_json(e, Some(line_idx as u64 + 1)))?);
            }
            from_configuration(&Json::Array(records), format, features, columns, cells)
        }
        ContentType::Json => {
            let document: Json = serde_json::from_slice(text).map_err(|error| not_json(error, None))?;
            from_configuration(&document, format, features, columns, cells)
        }
    }
}

/// The features' names in the order of a row made of them; `None` for any other row. Blanks around a name and
/// its case do not count.
fn header_names(record: &csv::StringRecord, columns: &[&Column]) -> Option<Vec<String>> {
    let plain = |name: &str| name.trim().to_lowercase();
    let names = record.iter().map(|cell| {
        columns.iter().find(|column| plain(&column.name) == plain(cell)).map(|column| column.name.clone())
    });
    let names: Vec<String> = names.collect::<Option<_>>()?;
    columns.iter().all(|column| names.contains(&column.name)).then_some(names)
}

/// Reads a baseline whose file names its columns: by name, in any order, when the features are among them;
/// by position when none is.
///
/// # Errors
/// Some of the features are there and others not; as `from_configuration`.
pub(crate) fn from_table(
    names: &[String],
    rows: &[Vec<Json>],
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    let places: Vec<Option<usize>> =
        columns.iter().map(|column| names.iter().position(|name| *name == column.name)).collect();
    if places.iter().all(Option::is_none) {
        return model_rows(rows, columns, cells);
    }
    let missing: Vec<&str> = columns
        .iter()
        .zip(&places)
        .filter(|(_, place)| place.is_none())
        .map(|(column, _)| column.name.as_str())
        .collect();
    if !missing.is_empty() {
        return Err(invalid("the baseline file lacks features")
            .found(format!("columns {}", names.join(", ")))
            .expected(format!("{} too", missing.join(", "))));
    }
    let picked: Vec<Vec<Json>> =
        rows.iter().map(|row| places.iter().flatten().map(|&place| row[place].clone()).collect()).collect();
    model_rows(&picked, columns, cells)
}

fn invalid(what: &str) -> Problem {
    Problem::new(&codes::BASELINE_INVALID, what).field(SETTING)
}

/// The rows that a JMESPath finds: a list of values, or a list of such lists.
fn search(record: &Json, features: Option<&str>) -> Result<Vec<Vec<Json>>> {
    let Some(path) = features else {
        return Err(invalid("a baseline of objects needs the setting `features`")
            .expected("a JMESPath to the values")
            .hint("set `features`, or give the baseline as rows of values"));
    };
    let failed = |error: String| invalid("`features` cannot be applied to the baseline").found(error);
    let expression = jmespath::compile(path).map_err(|error| failed(error.to_string()))?;
    let text = record.to_string();
    let variable = jmespath::Variable::from_json(&text).map_err(failed)?;
    let found = expression.search(variable).map_err(|error| failed(error.to_string()))?;
    let found = serde_json::to_value(&*found).map_err(|error| failed(error.to_string()))?;
    match found {
        Json::Array(rows) if rows.iter().all(Json::is_array) && !rows.is_empty() => Ok(rows
            .into_iter()
            .filter_map(|row| if let Json::Array(row) = row { Some(row) } else { None })
            .collect()),
        Json::Array(row) if !row.is_empty() => Ok(vec![row]),
        other => Err(invalid("`features` finds no values in the baseline")
            .found(other.to_string())
            .expected(format!("a list at `{path}`"))),
    }
}

fn model_rows(rows: &[Vec<Json>], columns: &[&Column], cells: &mut Cells) -> Result<ModelRows> {
    if rows.is_empty() {
        return Err(invalid("the baseline has no rows").expected("at least one row"));
    }
    let mut out = ModelRows::new(columns.len());
    let mut ids = Vec::with_capacity(columns.len());
    for (row_idx, row) in rows.iter().enumerate() {
        if row.len() != columns.len() {
            return Err(invalid(&format!("row {} of the baseline does not fit the features", row_idx + 1))
                .found(format!("{} values", row.len()))
                .expected(format!("{}, one for each feature", columns.len()))
                .hint("leave out the label and every column that the model is not sent"));
        }
        ids.clear();
        for (value, column) in row.iter().zip(columns) {
            let value = typed(value, column).ok_or_else(|| {
                invalid(&format!("row {} of the baseline has a value of the wrong kind", row_idx + 1))
                    .found(format!("{value} for `{}`", column.name))
                    .expected(match column.values {
                        Values::Text(_) => "text, a number or null",
                        _ => "a number, a truth value or null",
                    })
            })?;
            ids.push(cells.intern(&value));
        }
        out.push(&ids);
    }
    Ok(out)
}

/// A value in the column's type where that loses nothing: 39 is 39.0 in a column with decimals. Text is a cell as
/// a file has it: `NA` is missing, `"30"` is 30 in a column of numbers.
fn typed(value: &Json, column: &Column) -> Option<Value> {
    let is_text = matches!(column.values, Values::Text(_));
    let cell = match value {
        Json::Null => Cell::Missing,
        Json::Bool(value) => Cell::Bool(*value),
        Json::Number(number) => number.as_i64().map(Cell::Int).or(number.as_f64().map(Cell::Float))?,
        Json::String(text) => match typing::parse(Raw::Csv(text)) {
            Cell::Missing => Cell::Missing,
            _ if is_text => Cell::Text(text.clone()),
            cell => cell,
        },
        Json::Array(_) | Json::Object(_) => return None,
    };
    let value = match cell {
        Cell::Missing => Value::Null,
        Cell::Int(value) => Value::Int(value),
        Cell::Float(value) => Value::Float(value),
        Cell::Bool(value) => Value::Bool(value),
        Cell::Text(text) if is_text => Value::Text(text),
        Cell::Text(_) => return None,
    };
    Some(fit(value, &column.values))
}

/// A number as the column would hold it, if it can.
pub(super) fn fit(value: Value, values: &Values) -> Value {
    match (value, values) {
        (Value::Int(value), Values::Float(_)) => Value::Float(value as f64),
        (Value::Float(value), Values::Int(_)) if value.fract() == 0.0 && value.abs() < 9e15 => {
            Value::Int(value as i64)
        }
        (value, _) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::values::table::Texts;

    fn columns() -> Vec<Column> {
        let column = |name: &str, values| Column { name: name.into(), values };
        vec![
            column("age", Values::Int(vec![1])),
            column("score", Values::Float(vec![0.5])),
            column("colour", Values::Text(Texts::default())),
        ]
    }

    fn values(cells: &Cells, rows: &ModelRows) -> Vec<Vec<Value>> {
        rows.rows().map(|row| row.iter().map(|id| cells.value(*id).clone()).collect()).collect()
    }

    #[track_caller]
    fn check(given: Result<ModelRows>, cells: &Cells) {
        let want = vec![Value::Int(39), Value::Float(2.0), Value::Text("red".into())];
        assert_eq!(values(cells, &given.unwrap()), vec![want]);
    }

    #[test]
    fn every_format_gives_the_same_rows_in_the_columns_types() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let mut cells = Cells::default();
        let row = json!([39.0, 2, "red"]);
        check(from_configuration(&json!([row]), ContentType::Csv, None, &columns, &mut cells), &cells);
        check(
            from_configuration(&json!([{"x": row}]), ContentType::JsonLines, Some("x"), &columns, &mut cells),
            &cells,
        );
        let document = json!({"instances": [{"x": row}]});
        check(
            from_configuration(&document, ContentType::Json, Some("instances[*].x"), &columns, &mut cells),
            &cells,
        );
        let list = json!([{"x": row}]);
        for path in ["[*].x", "x"] {
            check(from_configuration(&list, ContentType::Json, Some(path), &columns, &mut cells), &cells);
        }
        check(from_file(b"39,2,red\n", ContentType::Csv, None, &columns, &mut cells), &cells);
        let turned = b" Colour,AGE,score\nred,39,2\n";
        check(from_file(turned, ContentType::Csv, None, &columns, &mut cells), &cells);
        check(
            from_file(b"age,score,colour\n39,2.0,red", ContentType::Csv, None, &columns, &mut cells),
            &cells,
        );
        check(
            from_file(
                b"{\"x\":[39,2.0,\"red\"]}\n\n",
                ContentType::JsonLines,
                Some("x"),
                &columns,
                &mut cells,
            ),
            &cells,
        );
        let text = document.to_string();
        check(
            from_file(text.as_bytes(), ContentType::Json, Some("instances[*].x"), &columns, &mut cells),
            &cells,
        );
    }

    #[test]
    fn named_columns_go_by_name_and_strange_ones_by_position() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let mut cells = Cells::default();
        let mut table = |names: &[&str], row: Json| {
            let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
            let rows = from_table(&names, &[row.as_array().unwrap().clone()], &columns, &mut cells);
            (rows, cells.clone())
        };
        let (rows, cells) = table(&["colour", "label", "age", "score"], json!(["red", 1, 39, 2]));
        check(rows, &cells);
        let (rows, cells) = table(&["0", "1", "2"], json!([39, 2.0, "red"]));
        check(rows, &cells);
        let (rows, _) = table(&["age", "score", "color"], json!([39, 2.0, "red"]));
        assert!(rows.unwrap_err().to_string().contains("expected colour too"));
        let (rows, _) = table(&["0", "1"], json!([39, 2.0]));
        assert!(rows.unwrap_err().to_string().contains("found 2 values, expected 3"));
    }

    #[test]
    fn nulls_are_missing_values() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let mut cells = Cells::default();
        let rows =
            from_configuration(&json!([[null, null, null]]), ContentType::Csv, None, &columns, &mut cells)
                .unwrap();
        assert_eq!(values(&cells, &rows), [vec![Value::Null; 3]]);
        let rows = from_file(b",nan,", ContentType::Csv, None, &columns, &mut cells).unwrap();
        assert_eq!(values(&cells, &rows), [vec![Value::Null; 3]]);
    }

    #[test]
    fn inline_cells_are_read_as_those_of_a_file() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let mut cells = Cells::default();
        let text = |cell: &str| json!([["30", cell, "7"]]);
        for (cell, score) in [
            ("", Value::Null),
            ("NA", Value::Null),
            ("1e3", Value::Float(1000.0)),
            (" 2", Value::Float(2.0)),
            ("true", Value::Bool(true)),
            ("inf", Value::Float(f64::INFINITY)),
        ] {
            let inline =
                from_configuration(&text(cell), ContentType::Csv, None, &columns, &mut cells).unwrap();
            let file = format!("30,{cell},7\n");
            let file = from_file(file.as_bytes(), ContentType::Csv, None, &columns, &mut cells).unwrap();
            let expected = vec![Value::Int(30), score, Value::Text("7".into())];
            assert_eq!(values(&cells, &inline), [expected], "{cell}");
            assert_eq!(inline, file, "{cell}");
        }
    }

    #[test]
    fn errors_name_row_found_and_expected() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let mut cells = Cells::default();
        let mut message = |given: Json, features| {
            from_configuration(&given, ContentType::JsonLines, features, &columns, &mut cells)
                .unwrap_err()
                .to_string()
        };
        assert!(message(json!([[1, 2, "red", 0]]), None).contains("found 4 values, expected 3"));
        assert!(message(json!([[1, "much", "red"]]), None).contains("\"much\" for `score`"));
        assert!(message(json!([]), None).contains("no rows"));
        assert!(message(json!([{"x": [1]}]), None).contains("needs the setting `features`"));
        assert!(message(json!([{"x": [1]}]), Some("y")).contains("finds no values"));
        assert!(message(json!(3), None).contains("no list of rows"));
    }
}
