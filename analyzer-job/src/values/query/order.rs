//! The order in which a wildcard takes the values of an object.
//!
//! That is the order of the text. But where the values are the columns of a row, objects of the same keys are rows of the
//! same columns, however their keys are ordered: a value goes by its key where the columns have the keys as names, else
//! to the place that the key has in the first object.

use std::rc::Rc;
use std::sync::OnceLock;

use super::Doc;

type Field = (String, Rc<Doc>);

/// What is known of the columns at one place of an expression.
#[derive(Debug)]
pub(super) struct Columns {
    names: Vec<String>,
    /// Keys of the first object.
    first: OnceLock<Vec<String>>,
}

impl Columns {
    pub(super) fn new(names: &[String]) -> Columns {
        Columns { names: names.to_vec(), first: OnceLock::new() }
    }

    /// The keys that decide about the order; sorted where the names of the columns do, whatever order they stand in. None before
    /// the first object.
    pub(super) fn keys(&self) -> Option<Vec<String>> {
        let mut keys = self.first.get()?.clone();
        if keys.iter().all(|key| self.names.contains(key)) {
            keys.sort();
        }
        Some(keys)
    }

    /// The fields of an object in the order of the columns; none when these have names, and some of its keys are those of the
    /// first object and others stand in place of the rest.
    fn order<'f>(&self, fields: &'f [Field]) -> Option<Vec<&'f Field>> {
        // One without a key says nothing of the others.
        if fields.is_empty() {
            return Some(Vec::new());
        }
        let first = self.first.get_or_init(|| fields.iter().map(|(key, _)| key.clone()).collect());
        let by = |known: &[String]| {
            let place = |field: &'f Field| Some((known.iter().position(|name| *name == field.0)?, field));
            let mut placed = fields.iter().map(place).collect::<Option<Vec<_>>>()?;
            placed.sort_by_key(|(place, _)| *place);
            Some(placed.into_iter().map(|(_, field)| field).collect())
        };
        let known = fields.iter().filter(|(key, _)| first.contains(key)).count();
        let is_other = known > 0 && known < first.len() && fields.len() == first.len();
        if is_other && !self.names.is_empty() {
            return None;
        }
        by(&self.names).or_else(|| by(first)).or_else(|| Some(fields.iter().collect()))
    }
}

/// The fields of an object as a wildcard takes them. None for an object that contradicts the first one.
pub(super) fn ordered<'f>(columns: Option<&Columns>, fields: &'f [Field]) -> Option<Vec<&'f Field>> {
    let is_row = fields.iter().all(|(_, value)| matches!(**value, Doc::Token(_)));
    match columns.filter(|_| is_row) {
        Some(columns) => columns.order(fields),
        None => Some(fields.iter().collect()),
    }
}
