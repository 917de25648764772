//! What the records of the data show of one another, and the rules by which each of them is read.
//!
//! A record alone does not tell whether a list of values belongs to several rows or to one, which label goes with which score, or whether an object is a
//! row. What the records show together does, so that none decides by being the first one. The rules are known once all were
//! read; where they were read by others, they are read again.

mod key_order;
mod lists;
mod objects;
mod parts;
mod refused;
mod request_rows;
mod widths;

use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use crate::values::key_sets::{KeyRule, KeySets};

pub(crate) use key_order::KeyOrder;
pub(crate) use lists::{ListForm, ListForms, ListRule, ListRules, OfPlaces};
pub(crate) use parts::{Readings, chosen};
pub(crate) use refused::Refused;
pub(crate) use request_rows::{FirstLine, RequestForms, RequestLines, RequestRule};
pub(crate) use widths::Widths;

/// What records show of one another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// What lists of values belong to in answers.
    pub(crate) answers: ListForms,
    /// The same of ground truth.
    pub(crate) truths: ListForms,
    /// The order of labels and scores.
    pub(crate) labels: KeyOrder,
    /// The keys of objects, for each place at which a path makes columns of them.
    pub(crate) objects: Vec<KeySets>,
    /// Whether requests have as many rows as answers and labels.
    #[serde(default, skip_serializing_if = "RequestForms::is_default")]
    pub(crate) requests: RequestForms,
}

/// How records are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// Which lists of answers are read.
    pub(crate) answers: ListRules,
    /// The same of ground truth.
    pub(crate) truths: ListRules,
    /// Labels beside scores may go by their order.
    pub(crate) by_order: bool,
    /// Which objects are rows, for each place at which a path makes columns of them; what the first one shows where there is none.
    pub(crate) objects: Vec<Option<KeyRule>>,
    /// Which records are used whose request has other rows than answers and labels.
    #[serde(default)]
    pub(crate) requests: RequestRule,
}

impl Default for Rules {
    /// Before any record was read.
    fn default() -> Rules {
        Rules {
            answers: ListRules::default(),
            truths: ListRules::default(),
            by_order: true,
            objects: Vec::new(),
            requests: RequestRule::default(),
        }
    }
}

impl Shown {
    /// Adds what records behind these show.
    pub(crate) fn append(&mut self, other: &Shown) {
        self.answers.append(other.answers);
        self.truths.append(other.truths);
        self.labels.append(other.labels);
        objects::append(&mut self.objects, &other.objects);
        self.requests.append(&other.requests);
    }

    /// By which rules these records are to be read.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            answers: self.answers.rules(),
            truths: self.truths.rules(),
            by_order: self.labels.allow(),
            objects: objects::rules(&self.objects),
            requests: self.requests.rule(),
        }
    }

    /// The rules by which the records are to be read again, where they were read by others.
    pub(crate) fn other_rules(&self, read_by: &Rules) -> Option<Rules> {
        let rules = self.rules();
        let mut fitting = rules.clone();
        for (at, fitting) in fitting.objects.iter_mut().enumerate() {
            match read_by.objects.get(at).and_then(Option::as_ref) {
                // The first object has told the same.
                None if self.objects[at].are_all_alike() => {}
                own => *fitting = own.cloned(),
            }
        }
        let as_read = Rules { objects: fitting.objects, ..read_by.clone() };
        (as_read != rules).then_some(rules)
    }
}

/// What came of reading the data.
pub(crate) enum Attempted<T, A> {
    Whole(Box<T>),
    /// They are to be read again, in this way.
    Again(A),
}

/// What reading comes to, in the end: in another way as long as the last one asks for it. What is rare is found out by reading.
///
/// # Errors
/// Those of `read`; `INTERNAL` if it never ends.
pub(crate) fn settled<T, A>(first: A, mut read: impl FnMut(A) -> Result<Attempted<T, A>>) -> Result<T> {
    /// Each attempt that fails settles something for the next one, and there are fewer of such things.
    const MOST_ATTEMPTS: usize = 8;
    let mut way = first;
    for _ in 0..MOST_ATTEMPTS {
        match read(way)? {
            Attempted::Whole(whole) => return Ok(*whole),
            Attempted::Again(next) => way = next,
        }
    }
    Err(Problem::new(&codes::INTERNAL, "every reading of the data asks for another one"))
}
