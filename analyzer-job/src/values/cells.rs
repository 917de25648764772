//! Feature values and the rows that a model is asked about.
//!
//! Attributions and partial dependence ask the model about many rows that mix a few values, so a value is
//! stored once and rows hold its number. Two equal numbers mean that the request would hold the same text.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

use indexmap::IndexSet;
use ndarray::Array2;
use plumbline_common::Result;

use crate::values::numbers::repr;

/// A feature value as the model is sent it.
#[derive(Debug, Clone)]
pub enum Value {
    /// Missing: an empty CSV field, a JSON null.
    Null,
    Bool(bool),
    Int(i64),
    /// NaN equals NaN here; 1.0 differs from `Int(1)`, and -0.0 from 0.0, as they do in a request.
    Float(f64),
    Text(String),
}

/// A text as a CSV field, quoted where RFC 4180 asks for it.
pub fn csv_field(text: &str) -> Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        return Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")));
    }
    Cow::Borrowed(text)
}

impl Value {
    /// As a CSV field, quoted where it must be; missing values are empty.
    pub fn to_csv(&self) -> Cow<'_, str> {
        match self {
            Value::Null => Cow::Borrowed(""),
            Value::Float(value) if value.is_nan() => Cow::Borrowed(""),
            Value::Bool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Int(value) => Cow::Owned(value.to_string()),
            Value::Float(value) => Cow::Owned(repr(*value)),
            Value::Text(text) => csv_field(text),
        }
    }

    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Value::Null) || matches!(self, Value::Float(value) if value.is_nan())
    }

    pub(crate) fn is_infinite(&self) -> bool {
        matches!(self, Value::Float(value) if value.is_infinite())
    }

    /// Bits that tell floats apart as their printed text would: every NaN is the same one.
    fn float_bits(value: f64) -> u64 {
        if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => Value::float_bits(*a) == Value::float_bits(*b),
            (Value::Text(a), Value::Text(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Value::Null => {}
            Value::Bool(value) => value.hash(state),
            Value::Int(value) => value.hash(state),
            Value::Float(value) => Value::float_bits(*value).hash(state),
            Value::Text(value) => value.hash(state),
        }
    }
}

/// Interned feature values: equal numbers mean the same value as written into a request.
///
/// Memory: about 50 bytes for each distinct value, and its text.
#[derive(Debug, Clone, Default)]
pub struct Cells {
    values: IndexSet<Value>,
}

impl Cells {
    /// The number of a value, the same for equal values; numbers count up from 0.
    pub fn intern(&mut self, value: &Value) -> u32 {
        let index = match self.values.get_index_of(value) {
            Some(index) => index,
            None => self.values.insert_full(value.clone()).0,
        };
        u32::try_from(index).expect("fewer distinct feature values than 2^32: 200 GB of them")
    }

    /// The value of a number that `intern` of this same store gave.
    pub fn value(&self, id: u32) -> &Value {
        &self.values[id as usize]
    }

    /// Count of distinct values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// Rows for the model: `ids.len() == n_rows * n_features`, row after row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelRows {
    pub n_features: usize,
    pub ids: Vec<u32>,
}

impl ModelRows {
    pub fn new(n_features: usize) -> ModelRows {
        ModelRows { n_features, ids: Vec::new() }
    }

    /// Empty, with room for so many rows.
    pub fn with_capacity(n_features: usize, n_rows: usize) -> ModelRows {
        ModelRows { n_features, ids: Vec::with_capacity(n_features * n_rows) }
    }

    /// Number of rows; 0 when there are no features.
    pub fn len(&self) -> usize {
        self.ids.len().checked_div(self.n_features).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The value numbers of one row.
    pub fn row(&self, row_idx: usize) -> &[u32] {
        &self.ids[row_idx * self.n_features..(row_idx + 1) * self.n_features]
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.ids.chunks_exact(self.n_features.max(1))
    }

    /// Appends a row of `n_features` value numbers.
    pub fn push(&mut self, row: &[u32]) {
        debug_assert_eq!(row.len(), self.n_features);
        self.ids.extend_from_slice(row);
    }
}

/// Asks the model: one line of outputs for each row, in the order of the rows (rows x outputs).
///
/// It may be called from several threads at once and must give the same answer to the same row.
pub type Predict<'a> = dyn Fn(&Cells, &ModelRows) -> Result<Array2<f64>> + Sync + 'a;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_number_and_kinds_stay_apart() {
        let mut cells = Cells::default();
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(1),
            Value::Float(1.0),
            Value::Float(f64::NAN),
            Value::Float(-0.0),
            Value::Float(0.0),
            Value::Text("1".into()),
            Value::Text(String::new()),
        ];
        let ids: Vec<u32> = values.iter().map(|value| cells.intern(value)).collect();
        assert_eq!(ids, (0..9).collect::<Vec<u32>>());
        let again: Vec<u32> = values.iter().map(|value| cells.intern(value)).collect();
        assert_eq!(again, ids);
        assert_eq!(cells.intern(&Value::Float(-f64::NAN)), 4);
        assert_eq!(cells.len(), 9);
        assert_eq!(cells.value(7), &Value::Text("1".into()));
    }

    #[test]
    fn rows_are_slices_of_one_list() {
        let rows = ModelRows { n_features: 2, ids: vec![5, 6, 7, 8] };
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.row(1), [7, 8]);
        assert_eq!(rows.rows().collect::<Vec<_>>(), [[5, 6], [7, 8]]);
        assert_eq!(ModelRows::new(0).len(), 0);
    }
}
