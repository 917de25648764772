//! Where a value stands.

use plumbline_common::{Problem, Result, codes};

/// Where a value stands: a column's name or position in a dataset, a position in CSV, a JMESPath in JSON.
pub struct Attribute {
    /// The setting that says so.
    pub(super) setting: &'static str,
    pub(super) text: String,
    pub(super) position: Option<usize>,
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
        named.or(self.position.filter(|&position| position < count)).ok_or_else(|| {
            const SHOWN: usize = 20;
            let mut listed: Vec<String> = names.take(SHOWN).map(|name| format!("`{name}`")).collect();
            if count > SHOWN {
                listed.push("...".into());
            }
            Problem::new(&codes::COLUMN_NOT_FOUND, "the dataset has no such column")
                .field(self.setting)
                .found(format!("`{}`", self.text))
                .expected(format!("a name or a position from 0 among {count} columns: {}", listed.join(", ")))
        })
    }
}
