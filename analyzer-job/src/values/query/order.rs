//! The order in which a wildcard takes the values of an object.
//!
//! That is the order of the text. But where the values are the columns of a row, objects of the same keys are rows of the
//! same columns, however their keys are ordered: a value goes by its key where the keys are names of the columns, else to the
//! place that the key has in the first object. Keys of which some are names, at other places than their columns', contradict
//! the names (`names::meaning`), and other keys than those of the first object contradict that one.

use std::rc::Rc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Doc;
use crate::values::names::{self, Contradiction, Meaning};

type Field = (String, Rc<Doc>);

/// What is known of the columns at one place of an expression.
#[derive(Debug)]
pub(in crate::values) struct Columns {
    names: Vec<String>,
    /// The names for objects of other lengths, where one column is kept elsewhere: that one is the last.
    shorter: Option<Vec<String>>,
    first: OnceLock<First>,
    /// Values of an object were taken in another order than that of the text.
    moved: AtomicBool,
}

/// The first object.
#[derive(Debug)]
struct First {
    keys: Vec<String>,
    /// Its values go by name.
    by_name: bool,
}

impl First {
    /// Where the values of another object belong, if those of this one go by position, and the other has the same keys in some
    /// order.
    fn places(&self, keys: &[&String]) -> Option<Vec<usize>> {
        match names::meaning(&self.keys, keys) {
            Meaning::ByName(places) if !self.by_name && places.len() == self.keys.len() => Some(places),
            _ => None,
        }
    }
}

impl Columns {
    /// `elsewhere`: the position among `names` of a column that objects with fewer keys than there are names lack.
    pub(super) fn new(names: &[String], elsewhere: Option<usize>) -> Columns {
        let shorter = elsewhere.map(|elsewhere| {
            let mut names = names.to_vec();
            names[elsewhere..].rotate_left(1);
            names
        });
        Columns { names: names.to_vec(), shorter, first: OnceLock::new(), moved: AtomicBool::new(false) }
    }

    /// Makes these keys those of the first object, unless there was one.
    pub(in crate::values) fn begin(&self, keys: &[String]) {
        let by_name = matches!(names::meaning(self.names(keys.len()), keys), Meaning::ByName(_));
        self.first.get_or_init(|| First { keys: keys.to_vec(), by_name });
    }

    /// The names of the columns of so many values.
    fn names(&self, n: usize) -> &[String] {
        match &self.shorter {
            Some(shorter) if n != self.names.len() => shorter,
            _ => &self.names,
        }
    }

    /// The keys that decide about the order; sorted where the names of the columns do, whatever order they stand in. None before
    /// the first object.
    pub(in crate::values) fn keys(&self) -> Option<Vec<String>> {
        let First { keys, by_name } = self.first.get()?;
        let mut keys = keys.clone();
        if *by_name {
            keys.sort_by_cached_key(|key| key.trim().to_lowercase());
        }
        Some(keys)
    }

    /// Whether the columns have names, and objects came with keys that are none of these.
    pub(in crate::values) fn are_by_position(&self) -> bool {
        !self.names.is_empty() && self.first.get().is_some_and(|first| !first.by_name)
    }

    /// Whether values of an object were taken in another order than that of the text.
    pub(in crate::values) fn were_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    /// The fields of an object in the order of the columns.
    ///
    /// # Errors
    /// The columns have names, and the keys contradict them; or the keys are others than those of the first object.
    fn order<'f>(&self, fields: &'f [Field]) -> Result<Vec<&'f Field>, Contradiction> {
        // One without a key says nothing of the others.
        if fields.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<&String> = fields.iter().map(|(key, _)| key).collect();
        let sorted = |places: Vec<usize>| {
            if !places.is_sorted() {
                self.moved.store(true, Ordering::Relaxed);
            }
            let mut placed: Vec<(usize, &Field)> = places.into_iter().zip(fields).collect();
            placed.sort_by_key(|(place, _)| *place);
            placed.into_iter().map(|(_, field)| field).collect()
        };
        let names = self.names(fields.len());
        let first = |by_name| {
            self.first.get_or_init(|| First { keys: keys.iter().copied().cloned().collect(), by_name })
        };
        match names::meaning(names, &keys) {
            Meaning::ByName(places) => {
                first(true);
                return Ok(sorted(places));
            }
            Meaning::Contradiction(_)
                if self.first.get().is_none_or(|first| first.places(&keys).is_none()) =>
            {
                return Err(Contradiction::new(keys, names));
            }
            Meaning::Contradiction(_) | Meaning::ByPosition => {}
        }
        let first = first(false);
        match first.places(&keys) {
            Some(places) => Ok(sorted(places)),
            // Rows of another width are told by those who know what a row is.
            None if !first.by_name && fields.len() != first.keys.len() => Ok(fields.iter().collect()),
            None => Err(Contradiction::of_first(keys, &first.keys)),
        }
    }
}

/// The fields of an object as a wildcard takes them.
///
/// # Errors
/// The object contradicts the names of the columns, or the first object.
pub(super) fn ordered<'f>(
    columns: Option<&Columns>,
    fields: &'f [Field],
) -> Result<Vec<&'f Field>, Contradiction> {
    let is_row = fields.iter().all(|(_, value)| matches!(**value, Doc::Token(_)));
    match columns.filter(|_| is_row) {
        Some(columns) => columns.order(fields),
        None => Ok(fields.iter().collect()),
    }
}
