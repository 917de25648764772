//! The order in which a wildcard takes the values of an object.
//!
//! That is the order of the text. But where the values are the columns of a row, objects of the same keys are rows of the
//! same columns, however their keys are ordered: a value goes by its key where the columns have the keys as names, case and
//! blanks around them aside as in CSV, else to the place that the key has in the first object. Where only some keys are names,
//! these must stand at the places of their columns, or the object contradicts them.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::OnceLock;

use super::Doc;

type Field = (String, Rc<Doc>);

/// What is known of the columns at one place of an expression.
#[derive(Debug)]
pub(in crate::values) struct Columns {
    names: Vec<String>,
    /// Keys of the first object.
    first: OnceLock<Vec<String>>,
    /// Keys of the first object that contradicts the names.
    contradicts: OnceLock<Vec<String>>,
}

impl Columns {
    pub(super) fn new(names: &[String]) -> Columns {
        Columns { names: names.to_vec(), first: OnceLock::new(), contradicts: OnceLock::new() }
    }

    /// The keys that decide about the order; sorted where the names of the columns do, whatever order they stand in. None before
    /// the first object.
    pub(in crate::values) fn keys(&self) -> Option<Vec<String>> {
        let mut keys = self.first.get()?.clone();
        if keys.iter().all(|key| self.place(key).is_some()) {
            keys.sort();
        }
        Some(keys)
    }

    /// The place of a key among the names.
    fn place(&self, key: &str) -> Option<usize> {
        let plain = |name: &str| name.trim().to_lowercase();
        let exact = self.names.iter().position(|name| name == key);
        exact.or_else(|| {
            let key = plain(key);
            let mut same = self.names.iter().enumerate().filter(|(_, name)| plain(name) == key);
            let (place, _) = same.next()?;
            same.next().is_none().then_some(place)
        })
    }

    /// Whether the columns have names, and objects came with keys that are none of these.
    pub(in crate::values) fn are_by_position(&self) -> bool {
        let is_strange = |keys: &Vec<String>| keys.iter().any(|key| self.place(key).is_none());
        !self.names.is_empty() && self.first.get().is_some_and(is_strange)
    }

    /// Keys of the first object of which some are names of the columns, and others are not.
    pub(in crate::values) fn contradiction(&self) -> Option<&[String]> {
        self.contradicts.get().map(Vec::as_slice)
    }

    /// The fields of an object in the order of the columns; none when these have names, and the keys contradict them, or some
    /// of the keys are those of the first object and others stand in place of the rest.
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
        let places: Vec<Option<usize>> = fields.iter().map(|(key, _)| self.place(key)).collect();
        let mut seen = HashSet::new();
        if places.iter().all(|place| place.is_some_and(|place| seen.insert(place))) {
            let mut placed: Vec<_> = places.into_iter().zip(fields).collect();
            placed.sort_by_key(|(place, _)| *place);
            return Some(placed.into_iter().map(|(_, field)| field).collect());
        }
        // Other names for some columns, as long as the others stand where they belong.
        let is_own = |(at, key): (usize, &String)| self.place(key).is_none_or(|place| place == at);
        if places.iter().any(Option::is_some) && !first.iter().enumerate().all(is_own) {
            self.contradicts.get_or_init(|| fields.iter().map(|(key, _)| key.clone()).collect());
            return None;
        }
        let known = fields.iter().filter(|(key, _)| first.contains(key)).count();
        let is_other = known > 0 && known < first.len() && fields.len() == first.len();
        if is_other && !self.names.is_empty() {
            return None;
        }
        by(first).or_else(|| Some(fields.iter().collect()))
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
