//! Columns that are only held against thresholds need no value but its side of them.
//!
//! A tally of a regression label or an income would grow with the rows, since nearly every row has a value
//! of its own. Once such a column has many values, numbers on the same side of every threshold are counted
//! under one of them, and what else the rules of `roles` look at is kept beside: the largest number, and
//! how many whole numbers there are.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize, Serializer};

use crate::values::raw::Raw;
use crate::values::typing::{self, Cell, Distinct, Type};

/// How one column is folded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fold {
    thresholds: Vec<f64>,
    /// A number for each kind and side, first met.
    stand_ins: Vec<(Side, f64)>,
    max: Option<f64>,
    /// Whole numbers met; none once a number with decimals was, since then their count says nothing.
    whole: Option<WholeNumbers>,
}

/// How many different whole numbers there are: exactly up to `MOST_KEPT`, beyond that with a standard error of
/// 0.3 %. Of many numbers only a share is kept, those whose mixed bits begin with `level` zeros, so that memory
/// has a bound and parts merge to what the whole would be.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct WholeNumbers {
    level: u32,
    #[serde(serialize_with = "ascending")]
    kept: HashSet<i64>,
}

/// About three megabytes.
const MOST_KEPT: usize = 1 << 17;

/// Two equal tallies are written alike.
fn ascending<S: Serializer>(kept: &HashSet<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    kept.iter().collect::<BTreeSet<_>>().serialize(serializer)
}

impl WholeNumbers {
    fn add(&mut self, value: i64) {
        if is_kept(value, self.level) && self.kept.insert(value) {
            self.shrink();
        }
    }

    fn merge(&mut self, other: &WholeNumbers) {
        self.level = self.level.max(other.level);
        let level = self.level;
        self.kept.retain(|value| is_kept(*value, level));
        self.kept.extend(other.kept.iter().filter(|value| is_kept(**value, level)));
        self.shrink();
    }

    fn shrink(&mut self) {
        while self.kept.len() > MOST_KEPT {
            self.level += 1;
            let level = self.level;
            self.kept.retain(|value| is_kept(*value, level));
        }
    }

    fn count(&self) -> u64 {
        (self.kept.len() as u64) << self.level
    }
}

/// A fixed hash, so that every process keeps the same numbers: the finaliser of SplitMix64.
fn is_kept(value: i64, level: u32) -> bool {
    let mut bits = value as u64;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)).leading_zeros() >= level
}

/// Kind of a number and how many thresholds lie below it, as it is and with its decimals cut off (as
/// predictions are when labels are whole numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Side {
    decimals: bool,
    above: usize,
    above_cut: usize,
}

impl Fold {
    pub(crate) fn new(thresholds: &[f64]) -> Fold {
        Fold {
            thresholds: thresholds.into(),
            stand_ins: Vec::new(),
            max: None,
            whole: Some(WholeNumbers::default()),
        }
    }

    /// The cell that a cell is counted under: itself, unless it is a number beside the thresholds.
    pub(crate) fn stand_in<'a>(&mut self, raw: Raw<'a>) -> Raw<'a> {
        let (value, decimals) = match typing::parse(raw) {
            Cell::Int(value) => {
                if let Some(whole) = &mut self.whole {
                    whole.add(value);
                }
                (value as f64, false)
            }
            Cell::Float(value) => {
                self.whole = None;
                (value, true)
            }
            _ => return raw,
        };
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
        // Equality with a listed value may depend on how the cell is written.
        if self.thresholds.contains(&value) {
            return raw;
        }
        let above = |value: f64| self.thresholds.iter().filter(|&&threshold| value > threshold).count();
        let side = Side { decimals, above: above(value), above_cut: above(value.trunc()) };
        let known = self.stand_ins.iter().find(|(known, _)| *known == side);
        let stand_in = known.map_or(value, |(_, stand_in)| *stand_in);
        if known.is_none() {
            self.stand_ins.push((side, value));
        }
        if decimals { Raw::Float(stand_in) } else { Raw::Int(stand_in as i64) }
    }

    pub(crate) fn merge(&mut self, other: &Fold) {
        self.max = match (self.max, other.max) {
            (Some(mine), Some(theirs)) => Some(mine.max(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        match (&mut self.whole, &other.whole) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            _ => self.whole = None,
        }
    }

    /// That a fold which was read from a file can be used.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.whole {
            Some(whole) if whole.level >= u64::BITS => Err("a share of numbers that is none".into()),
            _ => Ok(()),
        }
    }

    /// Puts back what folding took from the distinct values: the largest number and their count.
    pub(crate) fn complete(&self, distinct: &mut Distinct) {
        let max = match (distinct.kind, self.max) {
            (Type::Int, Some(max)) => Cell::Int(max as i64),
            (Type::Float, Some(max)) => Cell::Float(max),
            _ => return,
        };
        if !distinct.values.contains(&max) {
            distinct.values.push(max);
        }
        if let Some(whole) = &self.whole {
            distinct.n_distinct = whole.count();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: impl Iterator<Item = i64>) -> WholeNumbers {
        let mut whole = WholeNumbers::default();
        values.for_each(|value| whole.add(value));
        whole
    }

    #[test]
    fn whole_numbers_are_counted_exactly_up_to_a_bound_and_nearly_beyond() {
        let few = counted((0..MOST_KEPT as i64).chain(0..10).map(|value| value * 1_000_003));
        assert_eq!(few.count(), MOST_KEPT as u64);
        let n = 1_500_000;
        let many = counted((0..n).map(|value| value - n / 2));
        assert!(many.kept.len() <= MOST_KEPT && many.level > 0);
        let error = (many.count() as f64 / n as f64 - 1.0).abs();
        assert!(error < 0.015, "{error}");
    }

    #[test]
    fn parts_merge_to_what_the_whole_would_be() {
        let n = 600_000;
        let whole = counted(0..n);
        for cut in [5, 100_000, 599_000] {
            let mut one = counted(0..cut);
            one.merge(&counted(cut - 5..n));
            assert_eq!((one.level, &one.kept), (whole.level, &whole.kept));
            let mut other = counted(cut - 5..n);
            other.merge(&counted(0..cut));
            assert_eq!((other.level, &other.kept), (whole.level, &whole.kept));
        }
    }
}
