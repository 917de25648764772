//! What rows are: objects, whose values have names, or so many values without. What most records have decides, so that no
//! record is judged by the one that happens to be the first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use plumbline_common::words::counted;
use serde::{Deserialize, Serialize};

/// Different records that are told apart; more are no table.
const MOST: usize = 1000;

/// What a row is, or each row of a payload. A null has no kind: it tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Kind {
    Objects,
    /// So many values without names.
    Values(usize),
}

impl Kind {
    /// The kind of rows that begin with this one.
    pub(super) fn first(kind: Option<Kind>) -> Kind {
        kind.unwrap_or(Kind::Values(1))
    }

    /// Whether a row of the other kind is like these; a null is a missing value among single values.
    pub(super) fn takes(self, other: Option<Kind>) -> bool {
        Kind::first(other) == self
    }
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

    /// Rows of a dataset that have so many values without names.
    pub(super) fn of_width(width: usize) -> Kinds {
        Kinds([Some(Kind::Values(width)), None, None, None])
    }

    /// Whether records of other kinds are like these.
    pub(crate) fn take(&self, other: &Kinds) -> bool {
        other.differ(self).is_none()
    }

    /// Why records of these kinds are none, where most are of others.
    pub(crate) fn misfit(&self, most: &Kinds) -> Option<String> {
        let (own, expected) = self.differ(most)?;
        let word = match own {
            None => "null",
            Some(Kind::Objects) => "an object",
            Some(Kind::Values(_)) => "values without names",
        };
        Some(misfit(word, own, expected))
    }

    /// The first part that is of another kind than in most records, with the kind there. The output of a batch transform stands for
    /// all parts.
    fn differ(&self, most: &Kinds) -> Option<(Option<Kind>, Kind)> {
        let is_batch = self.0[BATCH].is_some();
        let parts = self.0.iter().zip(most.0).enumerate().filter(|(place, _)| (*place == BATCH) == is_batch);
        let differ =
            |(own, most): (&Option<Kind>, Option<Kind>)| Some((*own, most.filter(|most| !most.takes(*own))?));
        parts.map(|(_, both)| both).find_map(differ)
    }

    fn known(&self) -> usize {
        self.0.iter().flatten().count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known() == 0
    }
}

/// Number of records of each kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Kinds, u64)>", into = "Vec<(Kinds, u64)>")]
pub(crate) struct Met(BTreeMap<Kinds, u64>);

impl From<Vec<(Kinds, u64)>> for Met {
    fn from(met: Vec<(Kinds, u64)>) -> Met {
        Met(met.into_iter().collect())
    }
}

impl From<Met> for Vec<(Kinds, u64)> {
    fn from(met: Met) -> Vec<(Kinds, u64)> {
        met.0.into_iter().collect()
    }
}

impl Met {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, own: Kinds, records: u64) {
        if self.0.len() < MOST || self.0.contains_key(&own) {
            let met = self.0.entry(own).or_default();
            *met = met.saturating_add(records);
        }
    }

    /// Adds those of another part of the data.
    pub(crate) fn merge(&mut self, other: &Met) {
        other.0.iter().for_each(|(own, records)| self.add(*own, *records));
    }

    /// Records that are like those of these kinds.
    pub(crate) fn like(&self, kinds: &Kinds) -> u64 {
        let alike = self.0.iter().filter(|(own, _)| kinds.take(own));
        alike.fold(0, |sum, (_, records)| sum.saturating_add(*records))
    }

    /// The kinds of most records. Those with a null, or without a part, count for all that they fit. Of as many, objects go before
    /// values, and fewer values before more.
    pub(crate) fn most(&self) -> Option<Kinds> {
        let refines = |one: &Kinds, two: &Kinds| one.known() > two.known() && one.fit(two);
        let whole = self.0.keys().filter(|own| !self.0.keys().any(|other| refines(other, own)));
        let records = |own: &Kinds| {
            let fitting = self.0.iter().filter(|(other, _)| other.fit(own));
            fitting.fold(0_u64, |sum, (_, records)| sum.saturating_add(*records))
        };
        whole.min_by_key(|own| (Reverse(records(own)), **own)).copied()
    }
}

/// The kinds that a reading goes by, and what it meets.
#[derive(Debug)]
pub(super) struct Counted {
    /// As given, else as in the first records.
    pub(super) kinds: Kinds,
    is_given: bool,
    met: Met,
    /// The last kinds that fitted, and the records that had them since: nearly all records are like the one before.
    last: (Kinds, u64),
}

impl Counted {
    /// `given`: those of most records, as an earlier reading met them.
    pub(super) fn new(given: Option<Kinds>) -> Counted {
        let kinds = given.unwrap_or_default();
        Counted { kinds, is_given: given.is_some(), met: Met::default(), last: Default::default() }
    }

    /// Counts a record, given the places of its parts and their kinds. Gives the number of the first of them that is of another
    /// kind than in most, with the kind there.
    pub(super) fn misfit(&mut self, record: &[(usize, Option<Kind>)]) -> Option<(usize, Kind)> {
        let mut own = Kinds::default();
        record.iter().for_each(|(place, kind)| own.0[*place] = *kind);
        if self.last.1 > 0 && own == self.last.0 {
            self.last.1 += 1;
            return None;
        }
        self.count_last();
        let mut misfit = None;
        for (number, (place, kind)) in record.iter().enumerate() {
            let known = *self.kinds.0[*place].get_or_insert(Kind::first(*kind));
            if misfit.is_none() && !known.takes(*kind) {
                misfit = Some((number, known));
            }
        }
        match misfit {
            None => self.last = (own, 1),
            Some(_) => self.met.add(own, 1),
        }
        misfit
    }

    fn count_last(&mut self) {
        let (own, records) = std::mem::take(&mut self.last);
        if records > 0 {
            self.met.add(own, records);
        }
    }

    /// Whether all records so far are of the same kinds.
    pub(super) fn is_uniform(&self) -> bool {
        let is_new = self.last.1 > 0 && !self.met.0.contains_key(&self.last.0);
        self.met.0.len() + usize::from(is_new) <= 1
    }

    /// What was met, and the kinds of most records, if this reading went by others.
    pub(super) fn finish(mut self) -> (Met, Option<Kinds>) {
        self.count_last();
        let better = self.met.most().map(|mut most| {
            most.0.iter_mut().zip(self.kinds.0).for_each(|(kind, known)| *kind = kind.or(known));
            most
        });
        (self.met, better.filter(|most| !self.is_given && *most != self.kinds))
    }
}

/// What is said of rows of one kind where others are of another. `word`: what the row is, if it is no list of values.
pub(super) fn misfit(word: &str, kind: Option<Kind>, expected: Kind) -> String {
    match (kind, expected) {
        (Some(Kind::Values(found)), Kind::Values(expected)) => {
            format!("{}, expected {expected}", counted(found, "value"))
        }
        (_, Kind::Objects) => format!("{word}, expected an object as the others are"),
        (_, Kind::Values(_)) => format!("{word}, expected values without names as the others are"),
    }
}
