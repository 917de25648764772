//! What we know beyond `statistics.json`: written as `model_quality_details.json`. The report is made of it, and a
//! baseline's file tells the next runs what is chance. Nothing here depends on the clock.

use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::chosen::{self, Held};
use super::estimate::numbers::ErrorMeaning;
use super::estimate::{Estimate, ScoreMeaning, Unknown};
use crate::results::details::RunDetails;

pub const FILE: &str = "model_quality_details.json";

/// The content of `model_quality_details.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct QualityDetails {
    pub run: RunDetails,
    /// As the setting spells it: `BinaryClassification`.
    pub problem_type: String,
    /// Binary problems: the negative and the positive class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<[String; 2]>,
    /// Binary problems with scores but no predictions: a score above it is a positive prediction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Rows with a label.
    pub rows: u64,
    /// Rows whose label is not there.
    pub rows_without_label: u64,
    /// Whether there was a baseline to judge by.
    pub judged: bool,
    pub metrics: Vec<MetricDetails>,
    /// Rows by actual and predicted class, as in `statistics.json`; empty for regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<ConfusionDetails>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_class: Vec<ClassDetails>,
    /// Binary problems: points of the ROC curve, at most a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roc: Vec<[f64; 2]>,
    /// Points of precision over recall, at most a hundred.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precision_recall: Vec<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Scores of all rows, with and without label; predictions in regressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scores: Option<Distribution>,
    /// The same of the baseline, in the same bins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_scores: Option<Distribution>,
    /// Regression: prediction less label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residuals: Option<Residuals>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_residuals: Option<Residuals>,
    /// For the estimates of later runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_meaning: Option<ScoreMeaning>,
    /// The same of regressions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_meaning: Option<ErrorMeaning>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Rows without a label of which the baseline tells nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_estimated: Vec<Unknown>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupDetails>,
    /// That the classes are not those of the baseline, or are spelled otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_doubt: Option<String>,
    /// Most labels are of classes that the baseline does not have.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mostly_new_classes: bool,
    /// What a reader should know before trusting the numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricDetails {
    pub name: String,
    pub value: Option<f64>,
    pub standard_error: Option<f64>,
    /// 95 %.
    pub interval: Option<[f64; 2]>,
    /// The rows that count and the rows it is a share of, for shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<[u64; 2]>,
    /// Value of the baseline, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Threshold of the constraints.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Whether it is on the wrong side of its threshold.
    pub violated: bool,
    pub verdict: MetricVerdict,
    /// Chance of such a change for the worse when nothing changed, adjusted for all metrics of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// What is found against the threshold alone, where it is neither the value of the baseline nor at its margin: a person
    /// chose it, and it is taken as exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_threshold: Option<Held>,
}

impl MetricDetails {
    /// Whether chance explains a miss of the threshold: `Moved` if not.
    pub fn miss(&self) -> MetricVerdict {
        match self.against_threshold.map(|held| held.verdict) {
            Some(chosen::Verdict::MissedBeyondChance) => MetricVerdict::Moved,
            Some(chosen::Verdict::MissedWithinChance) => MetricVerdict::Held,
            Some(chosen::Verdict::TooFewRows) => MetricVerdict::TooFewRows,
            Some(chosen::Verdict::Held) | None => self.verdict,
        }
    }

    /// Whether it misses a threshold that a person chose, by more than chance explains.
    pub fn misses_beyond_chance(&self) -> bool {
        self.against_threshold.is_some_and(|held| held.verdict == chosen::Verdict::MissedBeyondChance)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricVerdict {
    /// Worse than the baseline, more than chance explains.
    Moved,
    /// Chance explains the difference, or it is none for the worse.
    Held,
    TooFewRows,
    /// Nothing to compare with, or nothing but a value without its rows.
    NotCompared,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConfusionDetails {
    pub actual: String,
    pub predicted: String,
    pub rows: u64,
    /// Of the rows of the actual class.
    pub share: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_share: Option<f64>,
    /// Chance of such a difference of the shares when nothing changed, adjusted for all cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassDetails {
    pub name: String,
    pub rows: u64,
    pub predicted: u64,
    pub recall: Option<f64>,
    pub recall_interval: Option<[f64; 2]>,
    pub precision: Option<f64>,
    pub precision_interval: Option<[f64; 2]>,
    pub f1: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_recall: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_precision: Option<f64>,
}

/// Rows by bins of equal width; values outside count in the first and the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    pub low: f64,
    pub high: f64,
    pub rows: Vec<u64>,
}

impl Distribution {
    const BINS: usize = 20;

    pub fn new(low: f64, high: f64) -> Distribution {
        Distribution { low, high, rows: vec![0; Distribution::BINS] }
    }

    pub fn add(&mut self, value: f64, times: u64) {
        let width = self.high - self.low;
        let place = if width > 0.0 { (value - self.low) / width * self.rows.len() as f64 } else { 0.0 };
        let last = self.rows.len() - 1;
        // A cast of a negative number or one too large stops at the ends.
        self.rows[(place as usize).min(last)] += times;
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    pub mean: f64,
    /// At `RESIDUAL_SHARES`.
    pub quantiles: [f64; 7],
}

/// Shares of the rows at which residuals are told.
pub const RESIDUAL_SHARES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// The rows of one value of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupDetails {
    pub column: String,
    pub value: String,
    pub rows: u64,
    pub metrics: Vec<MetricDetails>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_count_at_the_ends() {
        let mut found = Distribution::new(0.0, 1.0);
        for (value, times) in [(-3.0, 1), (0.0, 1), (0.049, 1), (0.05, 2), (1.0, 3), (7.0, 1)] {
            found.add(value, times);
        }
        assert_eq!((found.rows[0], found.rows[1], found.rows[19]), (3, 2, 4));
        let mut point = Distribution::new(2.0, 2.0);
        point.add(2.0, 5);
        assert_eq!(point.rows[0], 5);
    }
}
