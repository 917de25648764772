//! Features of the flip test as numbers.

/// A column of numbers without missing values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Numbers<'a> {
    Int(&'a [i64]),
    Float(&'a [f64]),
    Bool(&'a [bool]),
}

impl Numbers<'_> {
    pub(super) fn at(&self, row: usize) -> f64 {
        match self {
            Numbers::Int(values) => values[row] as f64,
            Numbers::Float(values) => values[row],
            Numbers::Bool(values) => f64::from(u8::from(values[row])),
        }
    }

    /// The largest absolute value.
    pub(super) fn largest(&self) -> f64 {
        match self {
            Numbers::Int(values) => {
                values.iter().fold(0, |most, value| most.max(value.unsigned_abs())) as f64
            }
            Numbers::Float(values) => values.iter().fold(0.0, |most, value| value.abs().max(most)),
            Numbers::Bool(_) => 1.0,
        }
    }
}
