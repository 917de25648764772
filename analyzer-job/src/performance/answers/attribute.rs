//! Where a value stands.

use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

/// Where a value stands: a column's name or position in a dataset, a position in CSV, a JMESPath in JSON.
pub struct Attribute {
    /// The setting that says so.
    pub setting: &'static str,
    pub text: String,
    pub(in crate::performance) position: Option<usize>,
}

impl Attribute {
    pub fn new(setting: &'static str, text: &str) -> Attribute {
        let text = text.trim();
        Attribute { setting, text: text.into(), position: text.parse().ok() }
    }

    /// The column of a dataset: a name, else a position from 0.
    ///
    /// # Errors
    /// `COLUMN_NOT_FOUND`.
    pub fn column<'a>(&self, names: impl Iterator<Item = &'a str> + Clone) -> Result<usize> {
        let count = names.clone().count();
        let named = names.clone().position(|name| name == self.text);
        named
            .or(self.position.filter(|&position| position < count))
            .ok_or_else(|| no_such_column(self.setting, &self.text, names))
    }
}

/// `COLUMN_NOT_FOUND`; `names` are those of the dataset's columns.
pub fn no_such_column<'a>(
    setting: &str,
    text: &str,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Problem {
    const SHOWN: usize = 20;
    let count = names.clone().count();
    let mut listed: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
    if count > SHOWN {
        listed.push("...".into());
    }
    Problem::new(&codes::COLUMN_NOT_FOUND, "the dataset has no such column")
        .field(setting)
        .found(format!("`{text}`"))
        .expected(format!(
            "a name or a position from 0 among {}: {}",
            counted(count, "column"),
            listed.join(", ")
        ))
}
