//! Rows as named columns of one type each, missing values explicit.

use indexmap::IndexSet;

use crate::values::cells::Value;

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

    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Values {
    /// The column that a model's answers make: integers, numbers, truth values, else text.
    pub fn of(answers: &[Value]) -> Values {
        let all = |test: fn(&Value) -> bool| answers.iter().all(test);
        if all(|value| matches!(value, Value::Int(_))) {
            return Values::Int(
                answers.iter().map(|value| if let Value::Int(n) = value { *n } else { 0 }).collect(),
            );
        }
        if all(|value| matches!(value, Value::Bool(_))) {
            return Values::Bool(answers.iter().map(|value| *value == Value::Bool(true)).collect());
        }
        if all(|value| matches!(value, Value::Int(_) | Value::Float(_) | Value::Null)) {
            let number = |value: &Value| match value {
                Value::Int(n) => *n as f64,
                Value::Float(n) => *n,
                _ => f64::NAN,
            };
            return Values::Float(answers.iter().map(number).collect());
        }
        let mut dictionary: IndexSet<String> = IndexSet::new();
        let codes = answers
            .iter()
            .map(|value| match value {
                Value::Null => MISSING,
                // A column has fewer distinct labels than rows, and rows are counted in 32 bits.
                Value::Text(text) => dictionary.insert_full(text.clone()).0 as u32,
                value => dictionary.insert_full(value.to_csv().into_owned()).0 as u32,
            })
            .collect();
        Values::Text(Texts { codes, dictionary: dictionary.into_iter().collect() })
    }

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
}

impl Texts {
    /// The text of a row, none when it is missing.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.dictionary.get(*self.codes.get(row)? as usize).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_text_stay_as_the_model_wrote_them() {
        let answers = [Value::Text("a,b".into()), Value::Null, Value::Int(1), Value::Text("a,b".into())];
        let Values::Text(texts) = Values::of(&answers) else { panic!() };
        assert_eq!(texts.codes, [0, MISSING, 1, 0]);
        assert_eq!(texts.dictionary, ["a,b", "1"]);
    }

    #[test]
    fn answers_take_the_narrowest_type() {
        assert_eq!(Values::of(&[Value::Int(1), Value::Int(0)]), Values::Int(vec![1, 0]));
        assert_eq!(Values::of(&[Value::Bool(true)]), Values::Bool(vec![true]));
        assert_eq!(Values::of(&[Value::Int(1), Value::Float(0.5)]), Values::Float(vec![1.0, 0.5]));
    }
}
