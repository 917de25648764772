//! What of a file of the baseline cannot be read, means nothing or is not checked, in words.

use std::fmt;
use std::path::Path;

use indexmap::IndexSet;

/// Oddities of a file that are told one by one, and columns that are named beside them.
pub(super) const DOUBTS: usize = 5;
const COLUMNS: usize = 20;

/// What of a file of the baseline cannot be read, means nothing or is not checked.
#[derive(Debug, Clone, Default)]
pub struct Doubts {
    /// In words, the first ones of each.
    pub told: Vec<String>,
    /// Columns of which something cannot be read that is checked.
    pub unchecked: IndexSet<String>,
    /// Columns with null in place of their distribution.
    pub without: IndexSet<String>,
}

impl Doubts {
    /// Of the file of this path.
    pub(super) fn of(path: &Path, doubts: &[Doubt]) -> Doubts {
        let unchecked =
            doubts.iter().filter(|doubt| doubt.is_unchecked).filter_map(|doubt| doubt.column.clone());
        let unchecked: IndexSet<String> = unchecked.collect();
        let mut told: Vec<String> =
            doubts.iter().take(DOUBTS).map(|doubt| format!("{}: {doubt}", path.display())).collect();
        if let Some(rest) = doubts.get(DOUBTS..).filter(|rest| !rest.is_empty()) {
            let columns: IndexSet<&String> = rest.iter().filter_map(|doubt| doubt.column.as_ref()).collect();
            let of = if columns.is_empty() { String::new() } else { format!(", of {}", listed(columns)) };
            told.push(format!("{}: {} more of the kind{of}", path.display(), rest.len()));
        }
        Doubts { told, unchecked, without: IndexSet::new() }
    }
}

/// Names for a message, the first ones.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a String, IntoIter: ExactSizeIterator>) -> String {
    let names = names.into_iter();
    let more = names.len().saturating_sub(COLUMNS);
    let shown: Vec<String> = names.take(COLUMNS).map(|name| format!("`{name}`")).collect();
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// One oddity of a file.
#[derive(Debug, Clone)]
pub(super) struct Doubt {
    /// The column that it is of; none for the file as a whole.
    pub(super) column: Option<String>,
    what: String,
    /// A check of the column cannot be made by it.
    pub(super) is_unchecked: bool,
}

impl Doubt {
    pub(super) fn of_file(what: String) -> Doubt {
        Doubt { column: None, what, is_unchecked: false }
    }

    pub(super) fn of(column: &str, what: String) -> Doubt {
        Doubt { column: Some(column.into()), what, is_unchecked: false }
    }

    pub(super) fn unchecked(column: &str, what: String) -> Doubt {
        Doubt { is_unchecked: true, ..Doubt::of(column, what) }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "`{column}`: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}
