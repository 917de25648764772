//! What rows are: objects, whose values have names, or so many values without. What most records have decides, so that no
//! record is judged by the one that happens to be the first.

use std::collections::BTreeMap;

use plumbline_common::words::counted;
use serde::{Deserialize, Serialize};

/// Different records that are told apart; more are no table.
const MOST: usize = 1000;

/// What the rows of a payload are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Kind {
    Objects,
    /// So many values without names; 0 for rows of documents, whose number of values is looked at elsewhere.
    Values(usize),
}

/// For each part of a captured record what its rows are, and for the output of a batch transform, which may hold the input too;
/// none where that is not known. The rows of documents are the first part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kinds([Option<Kind>; 4]);

/// The place of a batch transform's output behind those of the parts.
pub(super) const BATCH: usize = 3;

impl Kinds {
    /// Whether nothing that is known of both differs.
    pub(crate) fn fit(&self, other: &Kinds) -> bool {
        self.0.iter().zip(other.0).all(|(one, two)| one.is_none() || two.is_none() || *one == two)
    }

    fn known(&self) -> usize {
        self.0.iter().flatten().count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known() == 0
    }
}

/// The kinds that a reading goes by, and what it meets.
#[derive(Debug)]
pub(super) struct Counted {
    /// As given, else as in the first records.
    pub(super) kinds: Kinds,
    is_given: bool,
    /// Number of records of each kinds.
    met: BTreeMap<Kinds, u64>,
}

impl Counted {
    /// `given`: those of most records, as an earlier reading met them.
    pub(super) fn new(given: Option<Kinds>) -> Counted {
        Counted { kinds: given.unwrap_or_default(), is_given: given.is_some(), met: BTreeMap::new() }
    }

    /// Counts a record, given the places of its parts and their kinds. Gives the number of the first of them that is of another
    /// kind than in most, with the kind there. The kind of a null is none: it tells nothing, and is a missing value among single
    /// values.
    pub(super) fn misfit(&mut self, record: &[(usize, Option<Kind>)]) -> Option<(usize, Kind)> {
        let mut own = Kinds::default();
        record.iter().for_each(|(place, kind)| own.0[*place] = *kind);
        if !self.is_given && (self.met.len() < MOST || self.met.contains_key(&own)) {
            *self.met.entry(own).or_default() += 1;
        }
        let mut misfit = None;
        for (number, (place, kind)) in record.iter().enumerate() {
            let known = *self.kinds.0[*place].get_or_insert(kind.unwrap_or(Kind::Values(1)));
            let fits = match kind {
                Some(kind) => *kind == known,
                None => matches!(known, Kind::Values(0 | 1)),
            };
            if !fits && misfit.is_none() {
                misfit = Some((number, known));
            }
        }
        misfit
    }

    /// The kinds of most records, if this reading went by others. Records with a null, or without a part, count for all that they
    /// fit. Of as many, objects go before values.
    pub(super) fn better(&self) -> Option<Kinds> {
        let refines = |one: &Kinds, two: &Kinds| one.known() > two.known() && one.fit(two);
        let whole = self.met.keys().filter(|own| !self.met.keys().any(|other| refines(other, own)));
        let records = |own: &Kinds| -> u64 {
            self.met.iter().filter(|(other, _)| other.fit(own)).map(|(_, records)| records).sum()
        };
        let mut most = *whole.min_by_key(|own| (std::cmp::Reverse(records(own)), **own))?;
        most.0.iter_mut().zip(self.kinds.0).for_each(|(kind, known)| *kind = kind.or(known));
        (!self.is_given && most != self.kinds).then_some(most)
    }
}

/// What is said of rows of one kind where others are of another. `word`: what the row is, if it is no list of values.
pub(super) fn misfit(word: &str, kind: Option<Kind>, expected: Kind) -> String {
    match (kind, expected) {
        (Some(Kind::Values(found)), Kind::Values(expected)) if expected > 0 => {
            format!("{}, expected {expected}", counted(found, "value"))
        }
        (_, Kind::Objects) => format!("{word}, expected an object as the others are"),
        (_, Kind::Values(_)) => format!("{word}, expected values without names as the others are"),
    }
}
