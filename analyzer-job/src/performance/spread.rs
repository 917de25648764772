//! How far one metric may be from its value over all rows of the kind.

/// Error of sampling of one metric.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    pub standard_error: Option<f64>,
    pub interval: Option<[f64; 2]>,
    /// Rows that count of those it is a share of, when the metric is a share.
    pub share: Option<[u64; 2]>,
}
