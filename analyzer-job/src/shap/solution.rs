//! What an estimator gives.

/// Shapley values of one row and output, one for each player.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Solution {
    pub values: Vec<f64>,
    /// `None` when nothing tells them.
    pub standard_errors: Option<Vec<f64>>,
}
