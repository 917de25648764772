//! Rows as named columns of one type each, missing values explicit.

use std::borrow::Cow;

use crate::values::numbers::repr;

/// Columns of equal length.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    pub columns: Vec<Column>,
    pub n_rows: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub values: Values,
}

/// The values of a column. The type follows from all its cells: integers; numbers when some cell has
/// decimals or is missing; truth values; text for all else.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    Int(Vec<i64>),
    /// NaN is a missing value.
    Float(Vec<f64>),
    Bool(Vec<bool>),
    Text(Texts),
}

/// Text as codes into a dictionary, in order of first appearance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Texts {
    /// `MISSING` or an index into `dictionary`.
    pub codes: Vec<u32>,
    pub dictionary: Vec<String>,
}

pub const MISSING: u32 = u32::MAX;

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Values {
    pub fn len(&self) -> usize {
        match self {
            Values::Int(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::Text(texts) => texts.codes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row's value as a CSV file shows it before quoting; empty where it is missing.
    pub fn text(&self, row: usize) -> Cow<'_, str> {
        match self {
            Values::Int(values) => Cow::Owned(values[row].to_string()),
            Values::Float(values) if values[row].is_nan() => Cow::Borrowed(""),
            Values::Float(values) => Cow::Owned(repr(values[row])),
            Values::Bool(values) => Cow::Borrowed(if values[row] { "true" } else { "false" }),
            Values::Text(texts) => Cow::Borrowed(texts.get(row).unwrap_or_default()),
        }
    }
}

impl Texts {
    /// The text of a row, none when it is missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.dictionary.get(*self.codes.get(row)? as usize).map(String::as_str)
    }
}
