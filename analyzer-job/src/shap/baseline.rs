//! The baseline as it is given: rows in the configuration or in a file, in the dataset's format.

pub(super) mod written;

use memchr::memchr_iter;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use crate::config::ContentType;
use crate::read::grid::Grid;
use crate::read::quotes;
use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::key_sets::KeyRule;
use crate::values::names::{self, Meaning};
use crate::values::path::Paths;
use crate::values::raw::Raw;
use crate::values::scan::{self, Scanner};
use crate::values::table::{Column, Values};
use crate::values::typing::{self, Cell};

const SETTING: &str = "methods.shap.baseline";

/// Where records have the features.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub path: &'a str,
    /// Which objects of the dataset are rows: a baseline takes values in the same order.
    pub(crate) rules: &'a [Option<KeyRule>],
}

/// Reads a baseline that stands in the configuration, which is in the dataset's format.
///
/// Rows of values; or records, from which the JMESPath `features` takes the values: from each record of JSON Lines, from
/// the whole of JSON, which has the structure of the dataset. Beside data of CSV a text is read as a cell of CSV.
/// Values take the type of the dataset's column, so that equal ones are equal in the request too. `columns`: the
/// features, in the order that the model is sent them.
///
/// # Errors
/// `BASELINE_INVALID`: another shape, another number of values, a value that is no number, text or truth value.
pub fn from_configuration(
    given: &Json,
    format: ContentType,
    features: Option<Place<'_>>,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    let mut rows = rows_of(&given.to_string(), format, features, columns)?;
    if format == ContentType::Csv {
        for value in rows.iter_mut().flatten() {
            if let Json::String(text) = value {
                *value = cell_of_csv(text);
            }
        }
    }
    model_rows(&rows, columns, cells)
}

/// A cell of CSV, in which some texts say that the value is missing. A text of JSON or Parquet is always that text.
fn cell_of_csv(text: &str) -> Json {
    if typing::is_missing(text) { Json::Null } else { text.into() }
}

/// The rows of a baseline as JSON text.
fn rows_of(
    text: &str,
    format: ContentType,
    features: Option<Place<'_>>,
    columns: &[&Column],
) -> Result<Vec<Vec<Json>>> {
    let text = text.trim_ascii();
    let mut scanner = Scanner::new(text);
    if let Err(fault) = scanner.value().and_then(|_| scanner.end()) {
        return Err(not_json(fault.what).line(fault.line(text)));
    }
    let mut spans = Vec::new();
    if !scan::split(text, 0..text.len(), &mut spans) {
        return match text.starts_with('{') {
            true => search(text, features, columns),
            false => Err(invalid("the baseline is not a list of rows")
                .found(text)
                .expected("a list of rows, an object, or the address of a file")),
        };
    }
    let records: Vec<&str> = spans.into_iter().map(|span| &text[span]).collect();
    let any_object = records.iter().any(|record| record.starts_with('{'));
    if format == ContentType::Json && any_object {
        // The structure of the dataset; a list of its records is understood too.
        match search(text, features, columns) {
            Err(problem) if problem.code() == &codes::HEADERS_DO_NOT_FIT => return Err(problem),
            Ok(rows) => return Ok(rows),
            Err(_) => {}
        }
    }
    let mut rows = Vec::with_capacity(records.len());
    for record in &records {
        match record.as_bytes().first() {
            Some(b'[') => {
                let mut values = Vec::new();
                scan::split(record, 0..record.len(), &mut values);
                rows.push(values.into_iter().map(|value| json(&record[value])).collect());
            }
            Some(b'{') => rows.extend(search(record, features, columns)?),
            // A single flat list is one row.
            _ => return Ok(vec![records.iter().map(|value| json(value)).collect()]),
        }
    }
    Ok(rows)
}

/// A value of checked JSON text, with the words of Python: NaN is missing, the infinite ones are as a file of CSV has
/// them.
fn json(token: &str) -> Json {
    match token {
        _ if scan::is_null(token) => Json::Null,
        "Infinity" => "inf".into(),
        "-Infinity" => "-inf".into(),
        text if text.starts_with('"') => scan::unescaped(&text[1..text.len() - 1]).into(),
        other => serde_json::from_str(other).unwrap_or_default(),
    }
}

fn not_json(what: &str) -> Problem {
    invalid("the baseline file is not JSON").found(what)
}

/// Reads a baseline file. CSV has no header row; one that has the features' names, in any order, is understood. In place
/// of CSV a list of rows in JSON is understood too.
///
/// # Errors
/// As `from_configuration`; text that is not of this format.
pub fn from_file(
    text: &[u8],
    format: ContentType,
    features: Option<Place<'_>>,
    columns: &[&Column],
    cells: &mut Cells,
) -> Result<ModelRows> {
    match format {
        ContentType::Csv => {
            if let Some(rows) = rows_of_json(text) {
                return model_rows(&rows, columns, cells);
            }
            if let Some(fault) = quotes::fault(text) {
                let before = &text[..fault.at as usize];
                return Err(invalid("the baseline file is not CSV")
                    .line(1 + memchr_iter(b'\n', before).count() as u64)
                    .found(fault.what.to_string()));
            }
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
                    None => rows.push(record.iter().map(cell_of_csv).collect()),
                }
            }
            match header {
                Some(names) => from_table(&names, &rows, columns, cells),
                None => model_rows(&rows, columns, cells),
            }
        }
        ContentType::JsonLines => {
            let text = utf8(text)?;
            let mut rows = Vec::new();
            for (before, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                let line_no = before as u64 + 1;
                // A flat list is a row, as an object is one.
                rows.extend(
                    rows_of(line, format, features, columns).map_err(|problem| problem.line(line_no))?,
                );
            }
            model_rows(&rows, columns, cells)
        }
        ContentType::Json => model_rows(&rows_of(utf8(text)?, format, features, columns)?, columns, cells),
    }
}

/// The rows of a text that is a list of lists in JSON.
fn rows_of_json(text: &[u8]) -> Option<Vec<Vec<Json>>> {
    let text = utf8(text).ok()?.trim_ascii();
    let is_list_of_lists = text.strip_prefix('[')?.trim_ascii_start().starts_with('[');
    rows_of(text, ContentType::Json, None, &[]).ok().filter(|_| is_list_of_lists)
}

fn utf8(text: &[u8]) -> Result<&str> {
    let text = std::str::from_utf8(text).map_err(|_| not_json("bytes that are not UTF-8 text"))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The features' names in the order of a row made of them; `None` for any other row.
fn header_names(record: &csv::StringRecord, columns: &[&Column]) -> Option<Vec<String>> {
    let known: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    match names::meaning(&known, &record.iter().collect::<Vec<_>>()) {
        Meaning::ByName(positions) if positions.len() == known.len() => {
            Some(positions.into_iter().map(|position| known[position].clone()).collect())
        }
        _ => None,
    }
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
        columns.iter().map(|column| names::position(&column.name, names)).collect();
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

/// The rows that a JMESPath finds in checked JSON text: a list of values, or a list of such lists.
fn search(record: &str, features: Option<Place<'_>>, columns: &[&Column]) -> Result<Vec<Vec<Json>>> {
    let Some(Place { path, rules }) = features else {
        return Err(invalid("a baseline of objects needs the setting `features`")
            .expected("a JMESPath to the values")
            .hint("set `features`, or give the baseline as rows of values"));
    };
    let mut paths = Paths::compile(&[("features", path)])?;
    paths.name_columns(0, &columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(), None);
    paths.decide(rules);
    let mut found = Vec::new();
    paths.find(record, &mut found).map_err(|fault| not_json(fault.what))?;
    if let Some(contradiction) = found[0].contradiction() {
        return Err(contradiction.problem("headers").hint(format!("the object is a row of `{SETTING}`")));
    }
    let mut grid = Grid::default();
    let fault = match grid.push_features(record, &found[0]) {
        Ok(()) if grid.n_cells() > 0 => {
            return Ok((0..grid.n_rows())
                .map(|row| {
                    grid.row(row)
                        .map(|cell| if let Raw::Json(token) = cell { json(token) } else { Json::Null })
                        .collect()
                })
                .collect());
        }
        Ok(()) => "an empty list".to_string(),
        Err(fault) => match fault.row {
            Some(row) => format!("{} in row {row}", fault.found),
            None => fault.found,
        },
    };
    let problem = invalid("`features` finds no values in the baseline")
        .found(fault)
        .expected(format!("a list at `{path}`"));
    match paths.keys_there(0, record).as_slice() {
        [] => Err(problem),
        keys => Err(problem.hint(format!("the keys that are there: `{}`", keys.join("`, `")))),
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
                .found(counted(row.len(), "value"))
                .expected(format!("{}, one for each feature", columns.len()))
                .hint("leave out the label and every column that the model does not get"));
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

/// A value in the column's type where that loses nothing: 39 is 39.0 in a column with decimals, and so is `"39"`.
fn typed(value: &Json, column: &Column) -> Option<Value> {
    let is_text = matches!(column.values, Values::Text(_));
    let cell = match value {
        Json::Null => Cell::Missing,
        Json::Bool(value) => Cell::Bool(*value),
        Json::Number(number) => number.as_i64().map(Cell::Int).or(number.as_f64().map(Cell::Float))?,
        Json::String(text) if is_text => Cell::Text(text.clone()),
        Json::String(text) => typing::parse(Raw::Csv(text)),
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

    fn at(path: &str) -> Option<Place<'_>> {
        Some(Place { path, rules: &[] })
    }

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
            from_configuration(&json!([{"x": row}]), ContentType::JsonLines, at("x"), &columns, &mut cells),
            &cells,
        );
        let document = json!({"instances": [{"x": row}]});
        check(
            from_configuration(&document, ContentType::Json, at("instances[*].x"), &columns, &mut cells),
            &cells,
        );
        let list = json!([{"x": row}]);
        for path in ["[*].x", "x"] {
            check(from_configuration(&list, ContentType::Json, at(path), &columns, &mut cells), &cells);
        }
        check(from_file(b"39,2,red\n", ContentType::Csv, None, &columns, &mut cells), &cells);
        let shifted =
            from_file(b"39,2,red\n\"3,\"9, 2\",red\n", ContentType::Csv, None, &columns, &mut cells);
        assert_eq!(shifted.err().and_then(|problem| problem.place().line), Some(2));
        let turned = b" Colour,AGE,score\nred,39,2\n";
        check(from_file(turned, ContentType::Csv, None, &columns, &mut cells), &cells);
        check(
            from_file(b"age,score,colour\n39,2.0,red", ContentType::Csv, None, &columns, &mut cells),
            &cells,
        );
        check(
            from_file(b"{\"x\":[39,2.0,\"red\"]}\n\n", ContentType::JsonLines, at("x"), &columns, &mut cells),
            &cells,
        );
        let text = document.to_string();
        check(
            from_file(text.as_bytes(), ContentType::Json, at("instances[*].x"), &columns, &mut cells),
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

    /// Keys of objects mean what they mean in the dataset, whose first object tells the order of those that are no names.
    #[test]
    fn keys_are_names_of_features_or_stand_as_in_the_dataset_or_contradict() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let strange = [Some(KeyRule::Keys(["a", "b", "c"].map(String::from).to_vec()))];
        let by_name = [Some(KeyRule::Names)];
        for (object, rules, contradicts) in [
            (r#"{"colour":"red","AGE":39," score ":2}"#, &[][..], false),
            (r#"{"a":39,"b":2,"c":"red"}"#, &[], false),
            (r#"{"c":"red","a":39,"b":2}"#, &strange, false),
            (r#"{"age":39,"b":2,"c":"red"}"#, &[], false),
            (r#"{"score":39,"b":2,"c":"red"}"#, &[], true),
            (r#"{"c":"red","a":39,"d":2}"#, &strange, true),
            (r#"{"a":39,"b":2,"age":"red"}"#, &strange, true),
            (r#"{"colour":"red","AGE":39," score ":2}"#, &strange, false),
            (r#"{"a":39,"b":2,"c":"red"}"#, &by_name, true),
        ] {
            for (format, path, text) in [
                (ContentType::JsonLines, "x.*", format!("{{\"x\":{object}}}")),
                (ContentType::Json, "rows[*].x.*", format!("{{\"rows\":[{{\"x\":{object}}}]}}")),
                (ContentType::Json, "[*].x.*", format!("[{{\"x\":{object}}}]")),
            ] {
                let mut cells = Cells::default();
                let place = Some(Place { path, rules });
                let inline = serde_json::from_str(&text).unwrap();
                let read = [
                    from_file(text.as_bytes(), format, place, &columns, &mut cells),
                    from_configuration(&inline, format, place, &columns, &mut cells),
                ];
                for rows in read {
                    if contradicts {
                        let told = rows.unwrap_err().to_string();
                        let whose = ["`headers`", "those of most objects"];
                        let names_both = whose.iter().any(|whose| told.contains(whose));
                        assert!(told.contains("PL0303") && names_both, "{told}");
                    } else {
                        check(rows, &cells);
                    }
                }
            }
        }
        // Names of a file too.
        let mut cells = Cells::default();
        let names = [" Colour", "AGE", "Score "].map(String::from);
        let row = vec![json!("red"), json!(39), json!(2)];
        check(from_table(&names, &[row], &columns, &mut cells), &cells);
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
    fn a_null_keeps_its_place_and_columns_the_order_of_the_text() {
        let columns = columns();
        let columns: Vec<&Column> = columns.iter().collect();
        let mut cells = Cells::default();
        let expected = vec![Value::Int(39), Value::Null, Value::Text("red".into())];
        let text = r#"{"rows":[{"z":39,"b":NaN,"a":"red"},{"z":39,"b":null,"a":"red"}]}"#;
        for path in ["rows[*].[z,b,a]", "rows[*].*", "rows[*].values(@)"] {
            let rows = from_file(text.as_bytes(), ContentType::Json, at(path), &columns, &mut cells);
            assert_eq!(values(&cells, &rows.unwrap()), [expected.clone(), expected.clone()], "{path}");
        }
        let lines = "{\"x\":{\"z\":39,\"b\":NaN,\"a\":\"red\"}}\n\n[39, null, \"red\"]\n";
        let rows = from_file(lines.as_bytes(), ContentType::JsonLines, at("values(x)"), &columns, &mut cells);
        assert_eq!(values(&cells, &rows.unwrap()), [expected.clone(), expected.clone()]);
        let infinite = b"{\"x\":[39,-Infinity,\"red\"]}";
        let rows = from_file(infinite, ContentType::Json, at("x"), &columns, &mut cells).unwrap();
        assert_eq!(values(&cells, &rows)[0][1], Value::Float(f64::NEG_INFINITY));
        // A record without values is told, and does not vanish.
        let gap = b"{\"rows\":[{\"x\":[39,2,\"red\"]},{\"x\":null}]}";
        let told = from_file(gap, ContentType::Json, at("rows[*].x"), &columns, &mut cells).unwrap_err();
        assert!(told.to_string().contains("row 2"), "{told}");
        let broken = b"[1,\n2,]";
        let told = from_file(broken, ContentType::Json, None, &columns, &mut cells).unwrap_err();
        assert_eq!(told.place().line, Some(2), "{told}");
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
        assert!(message(json!([{"x": [1]}]), at("y")).contains("finds no values"));
        assert!(message(json!(3), None).contains("not a list of rows"));
    }
}
