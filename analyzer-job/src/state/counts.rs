//! What every bias metric but the flip test is computed from: rows counted by group, observed label
//! and predicted label. Counts add up, so parts of the data can be counted apart.

use serde::{Deserialize, Serialize};

/// Rows of one group, `rows[observed][predicted]` with 1 for the positive label.
///
/// Without predictions every row counts as predicted negative, and only what depends on the observed
/// label has a meaning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Group {
    pub rows: [[u64; 2]; 2],
}

impl Group {
    pub fn n(&self) -> u64 {
        self.rows.iter().flatten().sum()
    }

    pub fn observed_positive(&self) -> u64 {
        self.rows[1][0] + self.rows[1][1]
    }

    pub fn observed_negative(&self) -> u64 {
        self.rows[0][0] + self.rows[0][1]
    }

    pub fn predicted_positive(&self) -> u64 {
        self.rows[0][1] + self.rows[1][1]
    }

    pub fn predicted_negative(&self) -> u64 {
        self.rows[0][0] + self.rows[1][0]
    }

    pub fn true_positive(&self) -> u64 {
        self.rows[1][1]
    }

    pub fn false_positive(&self) -> u64 {
        self.rows[0][1]
    }

    pub fn false_negative(&self) -> u64 {
        self.rows[1][0]
    }

    pub fn true_negative(&self) -> u64 {
        self.rows[0][0]
    }

    pub fn add(&mut self, other: &Group) {
        for (mine, theirs) in self.rows.iter_mut().flatten().zip(other.rows.iter().flatten()) {
            *mine += theirs;
        }
    }
}

/// The sensitive group (d) and the rest (a).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Groups {
    pub d: Group,
    pub a: Group,
}

/// One value of a facet against the rest, over all rows and by value of the group variable.
#[derive(Debug, Clone, PartialEq)]
pub struct FacetCounts {
    /// Name of the facet's column.
    pub facet: String,
    /// The sensitive value or interval as printed: `"0"`, `"b,h"`, `"(40, 80]"`.
    pub value_or_threshold: String,
    pub total: Groups,
    /// By value of the group variable, ascending; rows without a value are in none. None when the
    /// configuration names no group variable.
    pub strata: Option<Vec<Groups>>,
}

/// Everything the bias metrics of one run need, beside the flip test's features.
#[derive(Debug, Clone, PartialEq)]
pub struct BiasCounts {
    /// Header of the label column.
    pub label: String,
    /// The positive label or interval as printed.
    pub label_value_or_threshold: String,
    /// Whether there are predictions.
    pub predicted: bool,
    /// In the order of the configuration, then of the values.
    pub facets: Vec<FacetCounts>,
    /// Groups that the counting left out, and why; for people.
    pub left_out: Vec<LeftOut>,
}

/// A group or a set of rows that no metric covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub what: String,
    pub rows: u64,
    pub reason: String,
}
