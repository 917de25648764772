//! Ranges with round ends, and where a value stands on them.

use super::{MARGIN, WIDTH};

/// Round ends around 0 and all values.
pub(in crate::report) fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) =
        values.filter(|v| v.is_finite()).fold((0.0_f64, 0.0_f64), |(low, high), v| (low.min(v), high.max(v)));
    if low == 0.0 && high == 0.0 {
        return [0.0, 1.0];
    }
    let low = if low < 0.0 { -round_up(-low) } else { 0.0 };
    let high = if high > 0.0 { round_up(high) } else { 0.0 };
    [low, high]
}

/// A range for curves: all values with some air, never empty.
pub(in crate::report) fn span(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return [0.0, 1.0];
    }
    let air = if high > low { (high - low) * 0.08 } else { low.abs().max(1.0) * 0.05 };
    [low - air, high + air]
}

/// Two to five or so round values inside a range: steps of 1, 2 or 5 times a power of ten.
pub(super) fn ticks([low, high]: [f64; 2]) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !(rough > 0.0 && rough.is_finite()) {
        return vec![low];
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (low / step).ceil() as i64;
    (first..first + 6).map(|n| n as f64 * step).take_while(|value| *value <= high).collect()
}

/// Where a value of a range stands on the charts of tables.
pub(super) fn scaled([low, high]: [f64; 2], value: f64) -> f64 {
    let share = (value - low) / (high - low);
    MARGIN + share.clamp(-0.03, 1.03) * (WIDTH - 2.0 * MARGIN)
}

/// The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten.
pub(super) fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 0.1;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|end| *end >= value * 0.999_999)
        .unwrap_or(value)
}
