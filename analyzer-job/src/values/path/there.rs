//! What stands in a text where a path finds nothing.

use super::{Found, Paths, Query, Step};
use crate::values::query::Order;
use crate::values::scan::{self, Kind, Scanner};

impl Paths {
    /// Whether a null stands where a path that found nothing leads, or on its way there, for any element of a list that it goes
    /// through: what was looked for has no value. So have the values of an object that are all null. Else no such thing is there,
    /// as for any other expression that is no simple path. `json` is valid.
    pub fn is_null_there(&self, number: usize, json: &str) -> bool {
        match (self.queries.get(number), self.steps.get(number), self.texts.get(number)) {
            (Some(None), Some(steps), _) => meets_null(steps, json, 0),
            (Some(Some(_)), _, Some(text)) => has_keys(text, json),
            _ => false,
        }
    }

    /// For each element of the list that a path goes through (`p[*].s`): whether a null stands where the path leads in it, or on
    /// its way there. Nothing for a path through no list, and for an expression that is no simple path. `json` is valid.
    pub(crate) fn nulls_there(&self, number: usize, json: &str) -> Vec<bool> {
        let (Some(None), Some(steps)) = (self.queries.get(number), self.steps.get(number)) else {
            return Vec::new();
        };
        let mut at = 0;
        let mut steps = steps.as_slice();
        while let Some((step, rest)) = steps.split_first() {
            steps = rest;
            if *step == Step::Each {
                let mut elements = Vec::new();
                // The text was found valid before, so that errors cannot come.
                let Ok(list) = Scanner::from(json, at).value() else { return Vec::new() };
                scan::split(json, list, &mut elements);
                return elements.iter().map(|element| meets_null(steps, json, element.start)).collect();
            }
            let Some(next) = step.go(json, at) else { break };
            at = next;
        }
        Vec::new()
    }

    /// The keys that stand where a path that found nothing leaves the document, at most `MOST_KEYS`: those of the
    /// object that lacks its next key, of the first element where it goes through a list. `json` is valid.
    pub fn keys_there(&self, number: usize, json: &str) -> Vec<String> {
        let mut at = 0;
        let mut steps = self.steps.get(number).map_or(&[][..], Vec::as_slice);
        while let Some((step, rest)) = steps.split_first() {
            let Some(next) = step.go(json, at) else { break };
            (at, steps) = (next, rest);
        }
        keys(json, at)
    }
}

/// Whether the objects whose values an expression takes have keys.
fn has_keys(expression: &str, json: &str) -> bool {
    let Ok(mut query) = Query::compile(expression) else { return false };
    let mut found = Found::default();
    if query.take_keys()
        && let Ok((keys, _)) = query.find(json)
    {
        found.make(keys, Order::None);
    }
    !found.is_nothing(json)
}

/// Whether a null stands at the end of these steps from the value at `at`, or on the way.
fn meets_null(steps: &[Step], json: &str, at: usize) -> bool {
    // The text was found valid before, so that errors cannot come.
    let Ok(here) = Scanner::from(json, at).value() else { return false };
    if scan::is_null(&json[here.clone()]) {
        return true;
    }
    let Some((step, rest)) = steps.split_first() else { return false };
    if *step == Step::Each {
        let mut elements = Vec::new();
        return scan::split(json, here, &mut elements)
            && elements.iter().any(|element| meets_null(rest, json, element.start));
    }
    step.go(json, at).is_some_and(|next| meets_null(rest, json, next))
}

/// Most keys that a message names.
const MOST_KEYS: usize = 8;

/// The first keys of the object at a place of a valid text; those of its first element for a list.
pub fn keys(json: &str, at: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut scanner = Scanner::from(json, at);
    // The text was found valid before, so that errors cannot come.
    let _valid = match scanner.kind() {
        Ok(Kind::Object) => scanner.object(|scanner, key| {
            if names.len() < MOST_KEYS {
                names.push(scan::unescaped(&json[key]).into_owned());
            }
            scanner.value().map(|_| ())
        }),
        Ok(Kind::List) => {
            let first = Step::Index(0).go(json, at);
            return first.map_or_else(Vec::new, |at| keys(json, at));
        }
        _ => Ok(()),
    };
    names
}
