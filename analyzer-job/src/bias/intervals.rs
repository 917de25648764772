//! How far a metric may be from its value over all rows of the kind: standard error and 95 % interval from draws.

use crate::results::Number;

/// Share of the draws below the interval, and above it.
const OUTSIDE: f64 = 0.025;

/// Error of sampling of one metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Spread {
    /// Standard deviation of the draws.
    pub(crate) standard_error: Option<f64>,
    /// From the 2.5 % to the 97.5 % point of the draws, and at least to the value itself: a share of 0 is not
    /// inside of any interval whose ends are equally likely.
    pub(crate) interval: Option<[Number; 2]>,
}

/// The spread of `draws`, none of which is NaN, around the metric's `value`.
pub(crate) fn spread(value: f64, draws: &mut [f64]) -> Spread {
    if draws.is_empty() {
        return Spread::default();
    }
    let n = draws.len() as f64;
    let mean = draws.iter().sum::<f64>() / n;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let outside = (OUTSIDE * n) as usize;
    let mut ranked = |rank: usize| *draws.select_nth_unstable_by(rank, f64::total_cmp).1;
    let (low, high) = (ranked(outside).min(value), ranked(n as usize - 1 - outside).max(value));
    Spread {
        standard_error: Some(variance.sqrt()).filter(|error| error.is_finite()),
        interval: (low < high).then(|| [low, high].map(Number::Float)),
    }
}
