//! JMESPath over JSON text. Simple paths (`a.b[0].c`, `a[*].b`) of one text are all found in one pass
//! without building the document; every other expression is evaluated on it (see `query`). Both give the same
//! result, which a test shows on random paths and documents.
//!
//! Two things differ from JMESPath, for the sake of rows. A list that a path makes of records (`a[*].b`, `x.*`)
//! keeps a null at its place, so that several paths over the same records give lists of the same length and
//! order; inside of filters, functions and in front of a pipe nulls are left out, as in JMESPath. And objects
//! keep the order of the text, or that of their columns (`name_columns`).

mod found;
mod steps;
#[cfg(test)]
pub(crate) mod tests;
mod there;

use std::sync::atomic::{AtomicU64, Ordering};

use plumbline_common::{Problem, Result, codes};

use crate::values::key_sets::{KeyRule, KeySets};
use crate::values::query::{Columns, Query};
use crate::values::scan::{Scanned, Scanner};

pub use found::{Finds, Found};
use steps::{Node, Step, simple};
pub use there::keys;

/// Paths that are looked up together in each text.
#[derive(Debug, Default)]
pub struct Paths {
    /// Of those that were compiled, from 1.
    number: u64,
    root: Node,
    /// By number of the path; none for a path of `root`.
    queries: Vec<Option<Query>>,
    /// By number of the path: the steps of a simple one, for messages.
    steps: Vec<Vec<Step>>,
    /// By number of the path.
    texts: Vec<String>,
}

impl Paths {
    /// `settings` names the setting each expression is from; results come in this order.
    ///
    /// # Errors
    /// `PATH_INVALID` for an expression that is no JMESPath.
    pub fn compile(expressions: &[(&str, &str)]) -> Result<Paths> {
        static COMPILED: AtomicU64 = AtomicU64::new(1);
        let number = COMPILED.fetch_add(1, Ordering::Relaxed);
        let mut paths = Paths { number, ..Paths::default() };
        for (number, (setting, expression)) in expressions.iter().enumerate() {
            let query = Query::compile(expression).map_err(|error| {
                Problem::new(&codes::PATH_INVALID, "cannot read a JMESPath")
                    .field(*setting)
                    .found(format!("`{expression}`: {error}"))
                    .expected("a JMESPath such as `features` or `instances[*].features`")
                    .hint("names with other characters than letters, digits and `_` stand in double quotes")
            })?;
            let steps = simple(expression);
            if let Some(steps) = &steps {
                paths.root.insert(steps, number);
            }
            paths.queries.push(steps.is_none().then_some(query));
            paths.steps.push(steps.unwrap_or_default());
            paths.texts.push((*expression).into());
        }
        Ok(paths)
    }

    /// Says that what a path finds are rows of columns, with names if these are known: an object whose values it takes
    /// (`x.*`, `values(x)`) gives them to the columns by its keys, in whatever order they stand. `elsewhere`: the position
    /// among the names of one that objects with fewer values lack.
    pub fn name_columns(&mut self, number: usize, names: &[String], elsewhere: Option<usize>) {
        if let Some(Some(query)) = self.queries.get_mut(number) {
            query.name_columns(names, elsewhere);
        }
    }

    /// Makes a path give the keys of objects where it gives their values, in the same order; false where it takes the values of
    /// none.
    pub(crate) fn take_keys(&mut self, number: usize) -> bool {
        self.queries.get_mut(number).and_then(Option::as_mut).is_some_and(Query::take_keys)
    }

    /// Whether a path gives the keys of objects.
    pub(crate) fn gives_keys(&mut self, number: usize) -> bool {
        self.queries.get_mut(number).and_then(Option::as_mut).is_some_and(Query::gives_keys)
    }

    /// Whether a path picks one element of what it finds, as in `keys(scores)[0]`.
    pub(crate) fn picks(&self, number: usize) -> bool {
        self.queries.get(number).and_then(Option::as_ref).is_some_and(Query::picks)
    }

    /// Says for each place at which columns are made of an object which objects are rows, whatever comes first; none where that
    /// is not known.
    pub(crate) fn decide(&self, rules: &[Option<KeyRule>]) {
        let columns = self.queries.iter().flatten().flat_map(Query::columns);
        for (columns, rule) in columns.zip(rules) {
            if let Some(rule) = rule {
                columns.decide(rule.clone());
            }
        }
    }

    /// For each place at which `name_columns` columns are made of an object: the keys that objects had.
    pub(crate) fn key_sets(&self) -> Vec<KeySets> {
        self.queries.iter().flatten().flat_map(Query::columns).map(Columns::key_sets).collect()
    }

    /// The number of places at which columns are made of an object.
    pub(crate) fn places_of_columns(&self) -> usize {
        self.queries.iter().flatten().map(|query| query.columns().len()).sum()
    }

    /// Whether objects had keys that are none of the names which `name_columns` gave, so that their values went by positions.
    pub fn are_by_position(&self) -> bool {
        self.queries.iter().flatten().flat_map(Query::columns).any(Columns::are_by_position)
    }

    /// Whether what is found in a text depends on no other that was searched before: no path makes columns of an object.
    pub fn depend_on_no_other(&self) -> bool {
        self.places_of_columns() == 0
    }

    /// Whether all of them are simple, so that what they find depends on where values stand and not on what these are.
    pub(crate) fn are_simple(&self) -> bool {
        self.queries.iter().all(Option::is_none)
    }

    /// Whether a text is an expression that can be evaluated.
    ///
    /// # Errors
    /// Why it is none.
    pub fn check(expression: &str) -> std::result::Result<(), String> {
        Query::compile(expression).map(|_| ())
    }

    /// Looks every path up in one text. An expression that cannot be evaluated, such as a function given
    /// the wrong type, finds nothing.
    ///
    /// # Errors
    /// The text is not one JSON document.
    pub fn find(&self, json: &str, found: &mut Vec<Found>) -> Scanned<()> {
        found.resize_with(self.queries.len(), Found::default);
        found.iter_mut().for_each(Found::clear);
        let mut scanner = Scanner::new(json);
        self.root.walk(&mut scanner, json, found, false)?;
        scanner.end()?;
        for (query, found) in self.queries.iter().zip(found) {
            match query.as_ref().map(|query| query.find(json)) {
                Some(Ok((text, order))) => found.make(text, order),
                Some(Err(contradiction)) => found.contradict(contradiction),
                None => {}
            }
        }
        Ok(())
    }
}
