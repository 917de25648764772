//! How far a metric may be from its value over all rows of the kind: 95 % interval and standard error, in closed form.
//!
//! A share of a group has Wilson's interval. The interval of a difference, and of a quotient by way of logarithms, is put
//! together from those of its two sides by the "square and add" of R. Newcombe, "Interval estimation for the difference
//! between independent proportions", 1998 (MOVER, G. Zou and A. Donner 2008). Unlike intervals of equal width on either side
//! they hold for small shares, and none has a width of zero.

use super::flip::Flips;
use super::metrics::{Contrast, Evidence, Metric, Overlap, Ratio};
use crate::normal::{Z, wilson};
use crate::results::Number;
use crate::state::counts::{FacetCounts, Group, Groups};

/// Error of sampling of one metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Spread {
    /// The interval's length in standard deviations of a normal distribution: a 3.92th of it. Of the conditional metrics the root of
    /// their variance: see `conditional`.
    pub(crate) standard_error: Option<f64>,
    /// 95 % interval.
    pub(crate) interval: Option<[Number; 2]>,
}

/// An estimate with its interval; low <= value <= high.
#[derive(Debug, Clone, Copy)]
struct Range {
    value: f64,
    low: f64,
    high: f64,
}

/// An estimate with its interval and its standard error.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    range: Range,
    error: f64,
}

impl Range {
    fn share(part: u64, whole: u64) -> Range {
        let value = if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let [low, high] = wilson(part as f64, whole as f64, Z);
        Range { value, low, high }
    }

    /// `self - other` of independent samples.
    fn minus(self, other: Range) -> Range {
        let value = self.value - other.value;
        Range {
            value,
            low: value - (self.value - self.low).hypot(other.high - other.value),
            high: value + (self.high - self.value).hypot(other.value - other.low),
        }
    }

    /// `self / other` of independent samples, both shares. Square and add on the logarithms; where one of them
    /// is minus infinity, its limit.
    fn over(self, other: Range) -> Range {
        let logarithm = |range: Range| [range.value, range.low, range.high].map(f64::ln);
        let ([value, low, high], [by, by_low, by_high]) = (logarithm(self), logarithm(other));
        match (self.value > 0.0, other.value > 0.0) {
            (true, true) => Range {
                value: self.value / other.value,
                low: (value - by - (value - low).hypot(by_high - by)).exp(),
                high: (value - by + (high - value).hypot(by - by_low)).exp(),
            },
            (false, true) => Range { value: 0.0, low: 0.0, high: self.high / other.value },
            (true, false) => {
                Range { value: f64::INFINITY, low: self.value / other.high, high: f64::INFINITY }
            }
            (false, false) => Range { value: 0.0, low: 0.0, high: f64::INFINITY },
        }
    }
}

/// The spread of a metric of a facet; none of it without an interval that means anything, or without rows.
pub(super) fn spread(metric: &Metric, facet: &FacetCounts, flips: Option<&Flips>) -> Spread {
    let groups = &facet.total;
    if groups.d.n() == 0 || groups.a.n() == 0 {
        return Spread::default();
    }
    let length = |range: Range| Estimate { range, error: (range.high - range.low) / (2.0 * Z) };
    let estimate = match metric.evidence {
        Evidence::Distance(_) | Evidence::Errors => None,
        Evidence::Sizes => Some(length(sizes(groups))),
        Evidence::Ratios(ratio, contrast) => {
            Some(length(contrasted(ratio(&groups.d), ratio(&groups.a), contrast)))
        }
        Evidence::Strata(share) => facet.strata.as_deref().and_then(|strata| conditional(strata, share)),
        Evidence::Neighbours => flips.map(flipped).map(length),
    };
    let Some(Estimate { range, error }) = estimate.filter(|found| found.range.low < found.range.high) else {
        return Spread::default();
    };
    Spread {
        standard_error: Some(error).filter(|error| error.is_finite()),
        interval: Some([range.low, range.high].map(Number::Float)),
    }
}

/// 95 % interval of the ratio of two shares, each a part and its whole.
pub(crate) fn ratio_of_shares(one: [u64; 2], other: [u64; 2]) -> [f64; 2] {
    let share = |[part, whole]: [u64; 2]| Range::share(part, whole);
    let Range { low, high, .. } = share(one).over(share(other));
    [low, high]
}

/// Standard error of the difference of two shares.
pub(super) fn error_of_difference(one: &Ratio, other: &Ratio) -> f64 {
    let difference = ratio(one).minus(ratio(other));
    (difference.high - difference.low) / (2.0 * Z)
}

/// CI is 1 - 2 n_d / n.
fn sizes(groups: &Groups) -> Range {
    let share = Range::share(groups.d.n(), groups.d.n() + groups.a.n());
    Range { value: 1.0 - 2.0 * share.value, low: 1.0 - 2.0 * share.high, high: 1.0 - 2.0 * share.low }
}

fn contrasted(of_d: Ratio, of_a: Ratio, contrast: Contrast) -> Range {
    let (d, a) = (ratio(&of_d), ratio(&of_a));
    match contrast {
        Contrast::RestMinusGroup => a.minus(d),
        Contrast::GroupMinusRest => d.minus(a),
        Contrast::GroupByRest => d.over(a),
    }
}

/// A group's ratio with its interval.
fn ratio(ratio: &Ratio) -> Range {
    let Ratio { count, of, .. } = *ratio;
    match ratio.overlap {
        Overlap::Part => Range::share(count, of),
        Overlap::None => odds(count, of),
        Overlap::Rows(both) => paired(count, of, both),
    }
}

/// `count / of` of separate rows: the odds of a share of both.
fn odds(count: u64, of: u64) -> Range {
    let share = Range::share(count, count + of);
    let odds = |share: f64| if share >= 1.0 { f64::INFINITY } else { share / (1.0 - share) };
    Range { value: odds(share.value), low: odds(share.low), high: odds(share.high) }
}

/// `count / of` of two counts with `both` rows in common.
///
/// Source: D. Bonett and R. Price, "Confidence intervals for a ratio of binomial proportions based on paired data", 2006.
fn paired(count: u64, of: u64, both: u64) -> Range {
    let (one, other, apart) = (count as f64, of as f64, (count + of - 2 * both) as f64);
    let any = both as f64 + apart;
    let part = |count: f64| ((1.0 - (count + 1.0) / (any + 2.0)) / (count + 1.0)).sqrt();
    let whole = ((apart + 2.0) / ((one + 1.0) * (other + 1.0))).sqrt();
    let z = Z * whole / (part(one) + part(other));
    let ([one_low, one_high], [other_low, other_high]) = (wilson(one, any, z), wilson(other, any, z));
    let value = if count == 0 { 0.0 } else { one / other };
    Range {
        value,
        low: (one_low / other_high).min(value),
        high: if other_low > 0.0 { (one_high / other_low).max(value) } else { f64::INFINITY },
    }
}

/// The conditional metrics: within each stratum the difference of two shares, and their mean weighted by rows, which vary
/// too. Formula in `metrics::conditional_disparity`.
///
/// Wilson's intervals are shorter than those of a normal distribution, and so many short ones that their sum is too short by several
/// percent. The interval holds the true value all the same, as its middle is nearer to it than the value is. A standard error, which
/// stands for the spread around the value, is not its length: it is the root of the sum of the variances.
fn conditional(strata: &[Groups], share: fn(&Group) -> Ratio) -> Option<Estimate> {
    let rows: u64 = strata.iter().map(|stratum| stratum.d.n() + stratum.a.n()).sum();
    if rows == 0 {
        return None;
    }
    let (mut value, mut square, mut below, mut above, mut variance) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for Groups { d, a } in strata {
        let weight = (d.n() + a.n()) as f64 / rows as f64;
        let [positive_d, positive_a] = [share(d).count, share(a).count];
        let [negative_d, negative_a] = [d.n() - positive_d, a.n() - positive_a];
        // A label that the stratum lacks has a share of 0, as in the metric.
        let of_label = |d: u64, a: u64| {
            if d + a == 0 { Range { value: 0.0, low: 0.0, high: 0.0 } } else { Range::share(d, d + a) }
        };
        let difference = of_label(negative_d, negative_a).minus(of_label(positive_d, positive_a));
        value += weight * difference.value;
        square += weight * difference.value.powi(2);
        below += (weight * (difference.value - difference.low)).powi(2);
        above += (weight * (difference.high - difference.value)).powi(2);
        let of_both = variance_of_share(negative_d, negative_d + negative_a)
            + variance_of_share(positive_d, positive_d + positive_a);
        variance += weight * weight * of_both;
    }
    let of_weights = (square - value * value).max(0.0) / rows as f64;
    let [low, high] = [below, above].map(|side| (side + Z * Z * of_weights).sqrt());
    let range = Range { value, low: value - low, high: value + high };
    Some(Estimate { range, error: (variance + of_weights).sqrt() })
}

/// Variance of the share `part / whole` over samples, estimated without bias from the share with half a row added on either side, so
/// that it is not 0 of a share of 0 or 1. 0 without rows: such a share is 0 in every sample.
fn variance_of_share(part: u64, whole: u64) -> f64 {
    let share = (part as f64 + 0.5) / (whole as f64 + 1.0);
    match whole {
        0 => 0.0,
        1 => 0.25,
        more => share * (1.0 - share) / (more - 1) as f64,
    }
}

/// The flip test: the difference of two shares of the same rows. The interval holds every difference that the score test
/// does not reject.
///
/// Source: T. Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample
/// design", 1998.
fn flipped(flips: &Flips) -> Range {
    let Flips { only_model_positive, only_neighbours_positive, rows } = *flips;
    let [one, other, n] = [only_model_positive, only_neighbours_positive, rows].map(|count| count as f64);
    // In standard deviations, with the most likely shares that differ by so much; falls as the difference grows.
    let score = |difference: f64| {
        let spread = difference * (1.0 - difference);
        let (b, c) = ((2.0 * n - one + other) * difference - one - other, -other * spread);
        let share = ((b * b - 8.0 * n * c).max(0.0).sqrt() - b) / (4.0 * n);
        let variance = n * (2.0 * share + spread);
        let distance = one - other - n * difference;
        if variance > 0.0 { distance / variance.sqrt() } else { distance * f64::INFINITY }
    };
    let value = (one - other) / n;
    let limit = |mut inside: f64, mut outside: f64| {
        for _ in 0..60 {
            let middle = 0.5 * (inside + outside);
            // Not a number where the difference is all that the rows allow.
            let is_outside = score(middle).abs() > Z;
            *(if is_outside { &mut outside } else { &mut inside }) = middle;
        }
        inside
    };
    Range { value, low: limit(value, -1.0), high: limit(value, 1.0) }
}

#[cfg(test)]
#[path = "tests/intervals.rs"]
mod tests;
