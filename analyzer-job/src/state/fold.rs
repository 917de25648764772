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
    #[serde(serialize_with = "ascending")]
    whole: Option<HashSet<i64>>,
}

/// Two equal tallies are written alike.
fn ascending<S: Serializer>(whole: &Option<HashSet<i64>>, serializer: S) -> Result<S::Ok, S::Error> {
    whole.as_ref().map(|whole| whole.iter().collect::<BTreeSet<_>>()).serialize(serializer)
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
        Fold { thresholds: thresholds.into(), stand_ins: Vec::new(), max: None, whole: Some(HashSet::new()) }
    }

    /// The cell that a cell is counted under: itself, unless it is a number beside the thresholds.
    pub(crate) fn stand_in<'a>(&mut self, raw: Raw<'a>) -> Raw<'a> {
        let (value, decimals) = match typing::parse(raw) {
            Cell::Int(value) => {
                if let Some(whole) = &mut self.whole {
                    whole.insert(value);
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
            (Some(mine), Some(theirs)) => {
                mine.extend(theirs);
            }
            _ => self.whole = None,
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
            distinct.n_distinct = whole.len() as u64;
        }
    }
}
