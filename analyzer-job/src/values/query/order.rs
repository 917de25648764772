//! The order in which a wildcard takes the values of an object.
//!
//! That is the order of the text. But where the values are the columns of a row, objects of the same keys are rows of the
//! same columns, however their keys are ordered: a value goes by its key where the keys are names of the columns, else to the
//! place that the key has in the first object of these keys. What other objects are, is told in `key_sets`.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Doc;
use crate::values::key_sets::{KeyRule, KeySets, Met};
use crate::values::names::Contradiction;

type Field = (String, Rc<Doc>);

/// What is known of the columns at one place of an expression.
#[derive(Debug)]
pub(in crate::values) struct Columns {
    names: Vec<String>,
    /// The names for objects of other lengths, where one column is kept elsewhere: that one is the last.
    shorter: Option<Vec<String>>,
    met: Mutex<Met>,
}

/// In which order an expression took the values of the objects of a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::values) enum Order {
    /// It took those of none.
    #[default]
    None,
    AsWritten,
    /// In others; the number is the same for the same ones.
    Moved(u64),
}

/// What comes up while an expression is evaluated in a text, and ends nothing: all objects are to be counted.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// The first.
    contradiction: RefCell<Option<Contradiction>>,
    orders: RefCell<DefaultHasher>,
    took: Cell<bool>,
    moved: Cell<bool>,
}

impl Noted {
    pub(super) fn is_contradicted(&self) -> bool {
        self.contradiction.borrow().is_some()
    }

    /// The contradiction is in the element at this position of a list; that of the outermost list counts in the end.
    pub(super) fn at(&self, position: usize) {
        self.contradiction.replace_with(|noted| noted.take().map(|noted| noted.at(position)));
    }

    /// The first contradiction, else the order.
    ///
    /// # Errors
    /// The contradiction.
    pub(super) fn finish(self) -> Result<Order, Contradiction> {
        match self.contradiction.into_inner() {
            Some(contradiction) => Err(contradiction),
            None if self.moved.get() => Ok(Order::Moved(self.orders.borrow().finish())),
            None if self.took.get() => Ok(Order::AsWritten),
            None => Ok(Order::None),
        }
    }

    fn take(&self, places: &[usize]) {
        places.hash(&mut *self.orders.borrow_mut());
        self.took.set(true);
        self.moved.set(self.moved.get() || !places.is_sorted());
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
        Columns { names: names.to_vec(), shorter, met: Mutex::default() }
    }

    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says which objects are rows, whatever comes first.
    pub(in crate::values) fn decide(&self, rule: KeyRule) {
        self.met().decide(rule);
    }

    /// The names of the columns of so many values.
    fn names(&self, n: usize) -> &[String] {
        match &self.shorter {
            Some(shorter) if n != self.names.len() => shorter,
            _ => &self.names,
        }
    }

    /// The keys that objects had.
    pub(in crate::values) fn key_sets(&self) -> KeySets {
        self.met().sets.clone()
    }

    /// Whether the columns have names, and values of objects went by position, as their keys are none of these.
    pub(in crate::values) fn are_by_position(&self) -> bool {
        self.met().by_position()
    }

    /// The fields of an object in the order of the columns; as they are where they contradict the columns.
    fn order<'f>(&self, fields: &'f [Field], noted: &Noted) -> Vec<&'f Field> {
        // One without a key says nothing of the others.
        if fields.is_empty() {
            return Vec::new();
        }
        let keys: Vec<&String> = fields.iter().map(|(key, _)| key).collect();
        let taken = self.met().take(self.names(fields.len()), &keys);
        match taken {
            Ok(places) => {
                noted.take(&places);
                let mut placed: Vec<(usize, &Field)> = places.into_iter().zip(fields).collect();
                placed.sort_by_key(|(place, _)| *place);
                placed.into_iter().map(|(_, field)| field).collect()
            }
            Err(contradiction) => {
                noted.contradiction.borrow_mut().get_or_insert(contradiction);
                fields.iter().collect()
            }
        }
    }
}

/// The fields of an object as a wildcard takes them.
pub(super) fn ordered<'f>(columns: Option<&Columns>, fields: &'f [Field], noted: &Noted) -> Vec<&'f Field> {
    let is_row = fields.iter().all(|(_, value)| matches!(**value, Doc::Token(_)));
    match columns.filter(|_| is_row) {
        Some(columns) => columns.order(fields, noted),
        None => fields.iter().collect(),
    }
}
