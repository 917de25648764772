//! What stands in a JSON text: the rows of a document or payload, and what among them is none.

use std::fmt;

use super::kinds;
use crate::values::scan::{self, Kind, Scanned, Scanner};

/// What a payload or document holds: an object for each row, or a list for each row.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    Object(&'a str),
    /// Its elements are the cells.
    List(Vec<&'a str>),
    /// A single cell.
    Value(&'a str),
    /// A single cell with its name.
    Named(String, &'a str),
    /// No row: it stands among rows of another kind.
    Stray(Stray<'a>),
}

/// What is no row, and what the others are.
#[derive(Debug)]
pub(super) struct Stray<'a> {
    /// The text that it begins with; empty for an empty list.
    text: &'a str,
    found: &'static str,
    expected: &'static str,
}

impl fmt::Display for Stray<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, expected {} as the others are", self.found, self.expected)
    }
}

impl Stray<'_> {
    pub(super) fn is_null(&self) -> bool {
        self.found == "null"
    }
}

impl<'a> Shape<'a> {
    /// The text that it begins with; none for an empty list.
    pub(super) fn start(&self) -> Option<&'a str> {
        match self {
            Shape::Object(json) | Shape::Value(json) | Shape::Named(_, json) => Some(json),
            Shape::List(cells) => cells.first().copied(),
            Shape::Stray(stray) => Some(stray.text).filter(|text| !text.is_empty()),
        }
    }

    /// The kind of the row; none of a null and of what is no row.
    pub(super) fn kind(&self) -> Option<kinds::Kind> {
        match self {
            Shape::Object(_) | Shape::Named(..) => Some(kinds::Kind::Objects),
            Shape::List(cells) => Some(kinds::Kind::Values(cells.len())),
            Shape::Value(json) if !scan::is_null(json) => Some(kinds::Kind::Values(1)),
            Shape::Value(_) | Shape::Stray(_) => None,
        }
    }

    /// What it is.
    pub(super) fn word(&self) -> &'static str {
        let text = self.start().unwrap_or_default();
        match (self, text.as_bytes().first()) {
            (Shape::Object(_), _) => "an object",
            (Shape::List(_), _) => "a list",
            (_, Some(b'"')) => "a text",
            (_, Some(b't' | b'f')) => "a truth value",
            _ if scan::is_null(text) => "null",
            _ => "a number",
        }
    }

    /// One row of n values as n rows of one: the elements of a list, or of the only list of an object, whose
    /// name they get as its first element would.
    pub(super) fn turned(&self, n: usize) -> Option<Vec<Shape<'a>>> {
        let rows: Vec<Shape<'a>> = match self {
            Shape::List(cells) => cells.iter().map(|cell| Shape::Value(cell)).collect(),
            Shape::Object(json) => {
                let (name, list) = only_entry(json).ok().flatten()?;
                let cells = elements(list)?;
                cells.into_iter().map(|cell| Shape::Named(format!("{name}_0"), cell)).collect()
            }
            Shape::Value(_) | Shape::Named(..) | Shape::Stray(_) => return None,
        };
        (rows.len() == n).then_some(rows)
    }

    /// The key of a list of n values among several keys of an object.
    pub(super) fn list_beside_others(&self, n: usize) -> Option<String> {
        let Shape::Object(json) = self else { return None };
        let (mut keys, mut name) = (0, None);
        let mut scanner = Scanner::new(json);
        scanner.kind().ok()?;
        let walked = scanner.object(|scanner, key| {
            let value = scanner.value()?;
            keys += 1;
            if elements(&json[value]).is_some_and(|list| list.len() == n) {
                name.get_or_insert_with(|| scan::unescaped(&json[key]).into_owned());
            }
            Ok(())
        });
        name.filter(|_| walked.is_ok() && keys > 1)
    }
}

/// The rows of a JSON document: the elements of a list of objects or lists, or of the only such list that an
/// object holds; else the document itself is one row.
///
/// # Errors
/// The text is not JSON.
pub(super) fn rows(json: &str) -> Scanned<Vec<Shape<'_>>> {
    let json = json.trim_ascii();
    let mut scanner = Scanner::new(json);
    let kind = scanner.kind()?;
    scanner.value()?;
    scanner.end()?;
    Ok(match kind {
        Kind::Object => {
            let rows = only_entry(json)?.and_then(|(_, list)| listed(list));
            rows.unwrap_or_else(|| vec![Shape::Object(json)])
        }
        Kind::List => listed(json).unwrap_or_else(|| vec![Shape::List(elements(json).unwrap_or_default())]),
        Kind::Scalar => vec![Shape::Value(json)],
    })
}

/// The elements of a list; none for another value.
fn elements(json: &str) -> Option<Vec<&str>> {
    let mut spans = Vec::new();
    scan::split(json, 0..json.len(), &mut spans).then(|| spans.into_iter().map(|span| &json[span]).collect())
}

/// The elements of a list that holds objects or lists, a row for each; an empty list has no rows. What else stands
/// among them is none.
fn listed(json: &str) -> Option<Vec<Shape<'_>>> {
    let mut rows: Vec<Shape<'_>> = elements(json)?.into_iter().map(element).collect();
    settle(rows.iter_mut());
    let is_row = |row: &Shape<'_>| matches!(row, Shape::Object(_) | Shape::List(_));
    (rows.is_empty() || rows.iter().any(is_row)).then_some(rows)
}

/// An element of a list as it is.
pub(super) fn element(json: &str) -> Shape<'_> {
    match json.as_bytes().first() {
        Some(b'{') => Shape::Object(json),
        Some(b'[') => Shape::List(elements(json).unwrap_or_default()),
        _ => Shape::Value(json),
    }
}

/// Among objects and lists a null, a text or a number is no row. Whether these are objects or lists is not decided here.
pub(super) fn settle<'r, 'a: 'r>(rows: impl Iterator<Item = &'r mut Shape<'a>>) {
    let rows: Vec<&mut Shape<'a>> = rows.collect();
    let Some(expected) = most(rows.iter().map(|row| &**row)) else { return };
    for row in rows {
        if let Shape::Value(text) = *row {
            *row = Shape::Stray(Stray { text, found: row.word(), expected });
        }
    }
}

/// What most of the rows are that are objects or lists; of as many the former.
fn most<'r, 'a: 'r>(rows: impl Iterator<Item = &'r Shape<'a>>) -> Option<&'static str> {
    let (mut objects, mut lists) = (0, 0);
    for row in rows {
        objects += usize::from(matches!(row, Shape::Object(_)));
        lists += usize::from(matches!(row, Shape::List(_)));
    }
    match (objects, lists) {
        (0, 0) => None,
        _ if lists > objects => Some("a list"),
        _ => Some("an object"),
    }
}

/// The first row of a payload that is another than most of them, by its number from 0, and why.
pub(super) fn odd(rows: &[Shape<'_>]) -> Option<(usize, String)> {
    let expected = most(rows.iter())?;
    rows.iter().enumerate().find_map(|(at, row)| match row {
        Shape::Stray(stray) => Some((at, stray.to_string())),
        row if row.word() == expected => None,
        row => Some((at, format!("{}, expected {expected} as the others are", row.word()))),
    })
}

/// Key and value of an object that has one key.
fn only_entry(json: &str) -> Scanned<Option<(String, &str)>> {
    let (mut only, mut keys) = (None, 0);
    let mut scanner = Scanner::new(json);
    scanner.kind()?;
    scanner.object(|scanner, key| {
        let value = scanner.value()?;
        keys += 1;
        only = (keys == 1).then(|| (scan::unescaped(&json[key]).into_owned(), &json[value]));
        Ok(())
    })?;
    Ok(only)
}
