//! Whether a feature is a number, a category or free text: one rule for partial dependence and for the
//! computed baseline, with the bias metrics' rule for what is a quantity.

use crate::values::cells::{Cells, ModelRows, Value};
use crate::values::typing::{Type, is_quantity};

/// What a feature's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Numerical,
    Categorical,
    FreeText,
}

impl Kind {
    /// As `data_type` in `analysis.json`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Numerical => "numerical",
            Kind::Categorical => "categorical",
            Kind::FreeText => "free_text",
        }
    }
}

/// Text of this many words in the mean is written by people.
const FREE_TEXT_WORDS: f64 = 5.0;
/// So is text that hardly ever comes twice, from this many distinct values on.
const FREE_TEXT_SHARE: f64 = 0.5;
const FREE_TEXT_DISTINCT: usize = 50;

/// The distinct values of a feature with their counts, in order of first appearance, without nulls.
pub(crate) fn value_counts(rows: &ModelRows, cells: &Cells, feature: usize) -> Vec<(u32, u64)> {
    let mut counts: indexmap::IndexMap<u32, u64> = indexmap::IndexMap::new();
    for row in rows.rows() {
        if !is_missing(cells.value(row[feature])) {
            *counts.entry(row[feature]).or_default() += 1;
        }
    }
    counts.into_iter().collect()
}

pub(super) fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Float(value) => value.is_nan(),
        _ => false,
    }
}

/// Numbers by `is_quantity`; text that comes again is a category, other text is free. Text is never a
/// number here, whatever it spells: the model is sent what the file has.
pub fn kind(counts: &[(u32, u64)], cells: &Cells) -> Kind {
    let total: u64 = counts.iter().map(|(_, count)| count).sum();
    let values = || counts.iter().map(|(id, _)| cells.value(*id));
    let texts: Vec<&str> = values()
        .filter_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    if !texts.is_empty() {
        let words: usize = texts.iter().map(|text| text.split_whitespace().count()).sum();
        let is_prose = words as f64 / texts.len() as f64 >= FREE_TEXT_WORDS;
        let is_unique =
            texts.len() >= FREE_TEXT_DISTINCT && texts.len() as f64 >= FREE_TEXT_SHARE * total as f64;
        return if is_prose || is_unique { Kind::FreeText } else { Kind::Categorical };
    }
    let has = |test: fn(&Value) -> bool| values().any(test);
    let kind = if counts.is_empty() || has(|value| matches!(value, Value::Float(_))) {
        Type::Float
    } else if has(|value| matches!(value, Value::Bool(_))) {
        Type::Bool
    } else {
        Type::Int
    };
    if is_quantity(kind, counts.len() as u64, total) { Kind::Numerical } else { Kind::Categorical }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(values: &[Value]) -> Kind {
        let mut cells = Cells::default();
        let ids = values.iter().map(|value| cells.intern(value)).collect();
        let counts = value_counts(&ModelRows { n_features: 1, ids }, &cells, 0);
        kind(&counts, &cells)
    }

    #[test]
    fn kinds_follow_type_and_share_of_distinct_values() {
        let ints =
            |n: usize, distinct: usize| (0..n).map(|i| Value::Int((i % distinct) as i64)).collect::<Vec<_>>();
        assert_eq!(kind_of(&ints(40, 2)), Kind::Numerical);
        assert_eq!(kind_of(&ints(41, 2)), Kind::Categorical);
        assert_eq!(kind_of(&ints(5000, 249)), Kind::Categorical);
        assert_eq!(kind_of(&ints(5000, 250)), Kind::Numerical);
        assert_eq!(kind_of(&[Value::Null]), Kind::Numerical);
        assert_eq!(kind_of(&[Value::Float(1.0), Value::Null]), Kind::Numerical);
        assert_eq!(kind_of(&[Value::Bool(true)]), Kind::Categorical);
        assert_eq!(kind_of(&[Value::Text("red".into()), Value::Text("blue".into())]), Kind::Categorical);
        assert_eq!(kind_of(&[Value::Text("I bought it twice and liked it".into())]), Kind::FreeText);
        let names: Vec<Value> = (0..60).map(|i| Value::Text(format!("name {i}"))).collect();
        assert_eq!(kind_of(&names), Kind::FreeText);
    }
}
