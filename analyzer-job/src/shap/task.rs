//! What the attributions are asked for.

use plumbline_common::stop::Stop;

use crate::config::Aggregation;
use crate::values::cells::{Cells, ModelRows};

/// How Shapley values are estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Estimator {
    /// The best known one for the budget.
    #[default]
    Auto,
    /// Kernel SHAP as in the `shap` library, without feature selection.
    Kernel,
    /// All coalitions; an error where the budget does not allow them.
    Exact,
    /// Random orders, each walked in both directions.
    Permutation,
}

/// What to explain, and how.
pub struct Task<'a> {
    pub cells: &'a Cells,
    /// Rows to explain, as the model is sent them.
    pub rows: &'a ModelRows,
    /// Rows that stand in for absent features, at least one.
    pub baseline: &'a ModelRows,
    /// Names of the features, one for each column of `rows`.
    pub names: &'a [String],
    /// Positions of the features to explain, ascending; empty for all. The others keep their values.
    pub explained: &'a [usize],
    /// Coalitions per row; none: twice the players and 2048.
    pub num_samples: Option<u64>,
    pub estimator: Estimator,
    pub aggregation: Aggregation,
    pub use_logit: bool,
    pub seed: u64,
    /// No more rows than this for the whole job, by fewer coalitions for each row.
    pub max_model_rows: Option<u64>,
    /// A row is done once none of its values has a larger standard error, in units of the values.
    pub target_standard_error: Option<f64>,
    /// Called once the model has been asked about the last row, while values are still worked out.
    pub answered: &'a (dyn Fn() + Sync),
    pub stop: &'a Stop,
    pub for_people: bool,
}

impl Task<'_> {
    /// Positions of the features to explain.
    pub(super) fn explained_features(&self) -> Vec<usize> {
        if self.explained.is_empty() { (0..self.rows.n_features).collect() } else { self.explained.to_vec() }
    }
}
