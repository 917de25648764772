//! Rows of a request body: CSV, JSON Lines or JSON.

use std::borrow::Cow;

use serde_json::Value;

use crate::Cell;
use crate::credit::FEATURES;

/// The rows of one request.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    cells: Cells<'a>,
    /// A JSON document that is a record itself, not a list of records.
    pub(crate) single: bool,
}

#[derive(Debug)]
enum Cells<'a> {
    Csv(Vec<Vec<Cow<'a, str>>>),
    Json(Vec<Value>),
}

impl Rows<'_> {
    pub(crate) fn count(&self) -> usize {
        match &self.cells {
            Cells::Csv(rows) => rows.len(),
            Cells::Json(records) => records.len(),
        }
    }

    /// The model's outputs for every row.
    pub(crate) fn outputs(&self, model: &dyn Fn(&[Cell]) -> Vec<f64>) -> Result<Vec<Vec<f64>>, String> {
        match &self.cells {
            Cells::Csv(rows) => Ok(rows
                .iter()
                .map(|row| model(&row.iter().map(|text| cell_of_text(text)).collect::<Vec<_>>()))
                .collect()),
            Cells::Json(records) => records.iter().map(|record| Ok(model(&cells_of(record)?))).collect(),
        }
    }
}

/// The words of Python's JSON as values of strict JSON.
const PYTHON_WORDS: [(&str, &str); 3] = [("-Infinity", "\"-inf\""), ("Infinity", "\"inf\""), ("NaN", "null")];

/// JSON with the words for infinite and missing numbers that Python writes, as strict JSON. No text of the data has
/// these words.
pub(crate) fn strict(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    PYTHON_WORDS.iter().fold(text, |text, (word, value)| text.replace(word, value)).into_bytes()
}

/// # Errors
/// What is wrong with the body, in words.
pub(crate) fn parse<'a>(body: &'a [u8], content_type: &str) -> Result<Rows<'a>, String> {
    let text = || std::str::from_utf8(body).map_err(|error| format!("the body is not UTF-8: {error}"));
    let json = |error: serde_json::Error| format!("the body is not JSON: {error}");
    let (cells, single) = match content_type {
        "text/csv" => (Cells::Csv(csv(text()?)?), false),
        "application/jsonlines" | "application/x-jsonlines" => {
            let lines = text()?.lines().filter(|line| !line.trim().is_empty());
            (Cells::Json(lines.map(serde_json::from_str).collect::<Result<_, _>>().map_err(json)?), false)
        }
        "application/json" => {
            let mut document: Value = serde_json::from_slice(body).map_err(json)?;
            match document.get_mut("instances").map(Value::take) {
                Some(Value::Array(records)) => (Cells::Json(records), false),
                Some(_) => return Err("`instances` is not a list".into()),
                None => (Cells::Json(vec![document]), true),
            }
        }
        other => return Err(format!("content type {other} is not supported")),
    };
    Ok(Rows { cells, single })
}

/// A record is a list, an object with a list named `features`, or an object by feature names.
fn cells_of(record: &Value) -> Result<Vec<Cell<'_>>, String> {
    let list = record.get("features").unwrap_or(record);
    match list {
        Value::Array(values) => values.iter().map(cell).collect(),
        Value::Object(map) => {
            FEATURES.iter().map(|feature| map.get(feature.name).map_or(Ok(Cell::Missing), cell)).collect()
        }
        _ => Err("a record is neither a list nor an object".into()),
    }
}

fn cell(value: &Value) -> Result<Cell<'_>, String> {
    match value {
        Value::Null => Ok(Cell::Missing),
        Value::Bool(value) => Ok(Cell::Number(f64::from(u8::from(*value)))),
        Value::Number(number) => Ok(number.as_f64().map_or(Cell::Missing, Cell::Number)),
        Value::String(text) => Ok(cell_of_text(text)),
        Value::Array(_) | Value::Object(_) => Err("a feature is neither a number nor text".into()),
    }
}

fn cell_of_text(text: &str) -> Cell<'_> {
    match text.trim() {
        "" => Cell::Missing,
        text => text.parse().map_or(Cell::Word(text), Cell::Number),
    }
}

/// Rows of RFC 4180 text; empty lines are skipped.
fn csv(text: &str) -> Result<Vec<Vec<Cow<'_, str>>>, String> {
    let mut rows = Vec::new();
    let mut row = Vec::with_capacity(FEATURES.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (cell, end) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (cell, length) = quoted_cell(quoted)?;
                (cell, 1 + length)
            }
            None => {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                (Cow::Borrowed(rest[..end].trim_end_matches('\r')), end)
            }
        };
        row.push(cell);
        let after = rest[end..].trim_start_matches('\r');
        rest = after.strip_prefix([',', '\n']).unwrap_or(after);
        if !after.starts_with(',') {
            let empty = row.len() == 1 && row[0].is_empty();
            if !empty {
                rows.push(std::mem::replace(&mut row, Vec::with_capacity(FEATURES.len())));
            }
            row.clear();
        } else if rest.is_empty() {
            row.push(Cow::Borrowed(""));
        }
    }
    if !row.is_empty() {
        rows.push(row);
    }
    Ok(rows)
}

/// The cell behind an opening quote, and the bytes up to and with its closing one.
fn quoted_cell(text: &str) -> Result<(Cow<'_, str>, usize), String> {
    let mut from = 0;
    loop {
        let quote = from + text[from..].find('"').ok_or("a quoted cell does not end")?;
        if text[quote + 1..].starts_with('"') {
            from = quote + 2;
            continue;
        }
        let after = text[quote + 1..].chars().next();
        if after.is_some_and(|letter| !matches!(letter, ',' | '\n' | '\r')) {
            return Err("text stands behind a quoted cell".into());
        }
        let inner = &text[..quote];
        let cell = if from == 0 { Cow::Borrowed(inner) } else { Cow::Owned(inner.replace("\"\"", "\"")) };
        return Ok((cell, quote + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        assert_eq!(csv(text).unwrap(), expected);
    }

    #[test]
    fn csv_rows_with_quotes_empty_cells_and_any_line_end() {
        check("1,a\n2,b\n", &[&["1", "a"], &["2", "b"]]);
        check("1,a\r\n2,b", &[&["1", "a"], &["2", "b"]]);
        check("\"x, \"\"y\"\"\",2\n,", &[&["x, \"y\"", "2"], &["", ""]]);
        check("1,,3\n\n\"a\nb\"\r\n", &[&["1", "", "3"], &["a\nb"]]);
        check("", &[]);
        assert!(csv("\"open").is_err() && csv("\"a\"b,1").is_err());
    }

    #[test]
    fn json_records_are_lists_objects_with_features_or_objects_by_name() {
        let cells = |text: &str| {
            let rows = parse(text.as_bytes(), "application/json").unwrap();
            rows.outputs(&|row: &[Cell]| {
                row.iter().map(|cell| if let Cell::Number(n) = cell { *n } else { -1.0 }).collect()
            })
            .unwrap()
        };
        assert_eq!(cells(r#"{"instances":[[1,"x"],{"features":[2,null]}]}"#), [[1.0, -1.0], [2.0, -1.0]]);
        let by_name = cells(r#"{"late_payments": 3, "age": 50}"#);
        assert_eq!((by_name[0][0], by_name[0][8], by_name[0].len()), (50.0, 3.0, 14));
        assert!(parse(b"{\"instances\": 1}", "application/json").is_err());
        assert!(parse(b"", "image/png").is_err());
    }
}
