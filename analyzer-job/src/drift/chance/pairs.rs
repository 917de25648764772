//! Whether a metric is farther from parity than its baseline, by the share of all pairs of their draws.

use crate::drift::error_rate::Draws;
use crate::normal;

/// A metric's baseline.
#[derive(Debug, Clone)]
pub(super) enum Then {
    /// A value taken as exact.
    Exact(f64),
    /// Draws from the counts of the baseline.
    Drawn(Vec<f64>),
    TooFew,
}

impl Then {
    pub(super) fn map(self, function: impl Fn(f64) -> f64) -> Then {
        match self {
            Then::Exact(then) => Then::Exact(function(then)),
            Then::Drawn(then) => Then::Drawn(then.into_iter().map(function).collect()),
            Then::TooFew => Then::TooFew,
        }
    }

    fn at(&self, draw: usize) -> f64 {
        match self {
            Then::Exact(then) => *then,
            Then::Drawn(then) => then[draw],
            Then::TooFew => f64::INFINITY,
        }
    }
}

/// A p-value, and those of the draws where they are asked for.
pub(super) struct Compared {
    pub(super) p_value: f64,
    pub(super) under_null: Option<Draws>,
}

/// Of `now <= then`.
pub(super) fn larger(now: &[f64], then: &Then, ranked: bool) -> Compared {
    let p_value = pairs(now, then).below(1.0, 1.0);
    Compared { p_value, under_null: ranked.then(|| ranks(&differences(now, then, [1.0, 1.0]))) }
}

/// Of `|now| <= |then|`.
pub(super) fn farther(now: &[f64], then: &Then, ranked: bool) -> Compared {
    let pairs = pairs(now, then);
    let sign = if median(&pairs.now) < 0.0 { -1.0 } else { 1.0 };
    let (one, other) = (pairs.below(sign, 1.0), pairs.below(sign, -1.0));
    // At the border of the null hypothesis the metric is as far as the nearer of `then` and `-then`. It would be found
    // farther by being beyond that one, or, with the other sign, beyond both.
    let under_null = ranked.then(|| {
        let near = if one >= other { 1.0 } else { -1.0 };
        let [near, far] = [near, -near].map(|side| ranks(&differences(now, then, [sign, side])));
        let extreme = |draw| {
            let (near, far) = (near.p_value(draw), far.p_value(draw));
            near.min((1.0 - near).max(1.0 - far))
        };
        ranks(&(0..now.len()).map(extreme).collect::<Vec<_>>())
    });
    Compared { p_value: of_both(one, other, pairs.is_spread_alike()), under_null }
}

/// `a now - b then`, draw by draw.
fn differences(now: &[f64], then: &Then, [a, b]: [f64; 2]) -> Vec<f64> {
    (0..now.len()).map(|draw| a * now[draw] - b * then.at(draw)).collect()
}

/// The draws of both samples, ascending. As the samples have nothing to do with each other, each draw of the one may go with each
/// of the other: far more pairs than draws.
pub(super) struct Pairs {
    now: Vec<f64>,
    /// One value that was taken as exact.
    then: Vec<f64>,
    is_exact: bool,
}

pub(super) fn pairs(now: &[f64], then: &Then) -> Pairs {
    let ascending = |draws: &[f64]| {
        let mut draws = draws.to_vec();
        draws.sort_unstable_by(f64::total_cmp);
        draws
    };
    let is_exact = !matches!(then, Then::Drawn(_));
    let then = match then {
        Then::Drawn(then) => ascending(then),
        Then::Exact(_) | Then::TooFew => vec![then.at(0)],
    };
    Pairs { now: ascending(now), then, is_exact }
}

/// Share of the pairs up to which they are counted. Beyond it the tail of a normal distribution is taken that has the same median
/// and the same point at this share.
const TAIL: f64 = 0.001;
/// So many pairs are counted at least.
const LEAST_PAIRS: f64 = 10.0;

impl Pairs {
    /// The chance that `a now - b then` is not above 0; either factor is 1 or -1.
    fn below(&self, a: f64, b: f64) -> f64 {
        let turned = |draws: &[f64], by: f64| -> Vec<f64> {
            if by > 0.0 { draws.to_vec() } else { draws.iter().rev().map(|draw| -draw).collect() }
        };
        let (now, then) = (turned(&self.now, a), turned(&self.then, b));
        let all = now.len() as f64 * then.len() as f64;
        let tail = (LEAST_PAIRS / all).clamp(TAIL, 0.5);
        let share = share_of_pairs(&now, &then, 0.0);
        let median = median(&now) - median(&then);
        if share >= tail || median <= 0.0 {
            return share;
        }
        if !median.is_finite() {
            return 0.0;
        }
        let (mut low, mut point) = (0.0, median);
        for _ in 0..20 {
            let middle = 0.5 * (low + point);
            if share_of_pairs(&now, &then, middle) < tail { low = middle } else { point = middle }
        }
        let width = median - point;
        if width > 0.0 { normal::below(normal::quantile(tail) * median / width) } else { 1.0 / all }
    }

    /// Whether the baseline varies about as much as the window, or more.
    pub(super) fn is_spread_alike(&self) -> bool {
        !self.is_exact && spread(&self.now) <= MOST_SPREAD * spread(&self.then)
    }
}

/// Share of the pairs whose difference, `now - then`, is at most this. Both ascending.
fn share_of_pairs(now: &[f64], then: &[f64], difference: f64) -> f64 {
    let (mut pairs, mut reached) = (0, 0);
    for then in then {
        while now.get(reached).is_some_and(|now| now - then <= difference) {
            reached += 1;
        }
        pairs += reached;
    }
    pairs as f64 / (now.len() as f64 * then.len() as f64)
}

/// The p-value of "now is not beyond `then`, or not beyond `-then`", of the p-values of the two.
///
/// A metric is found farther if it is beyond both, in the one direction or in the other. For a baseline taken as exact the chance
/// of this is the sum of the two: at parity two-sided, far from it one-sided. Where the baseline varies as the window does, the
/// two are nearly independent, and seldom are both small. So the larger of them keeps the error rate in both directions together:
/// at the border of the null hypothesis, where now is as far as `then`, either is rarely small by chance without the other being
/// far from it. That holds of small p-values only: where 0.2 is the bound and the window varies 2.5 times as much as its baseline, the
/// larger one alone would find 23 % (`tests::a_p_value_of_both_directions_keeps_every_error_rate`). So beyond 0.05, the bound by
/// default, the sum is taken: it never finds more than the bound, and is hardly larger where the other p-value is small.
pub(super) fn of_both(one: f64, other: f64, is_spread_alike: bool) -> f64 {
    let larger = one.max(other);
    if is_spread_alike && larger <= LARGEST_OF_ALIKE { larger } else { (one + other).min(1.0) }
}

/// Up to this p-value the larger of two is the p-value of both, where the spread is alike; `docs/bias-metrics.md` says so.
pub(super) const LARGEST_OF_ALIKE: f64 = 0.05;
/// How much farther than the baseline's the window's draws may spread, to be alike.
pub(super) const MOST_SPREAD: f64 = 2.5;

/// Distance of the upper quartile of ascending draws from the lower: unlike a standard deviation it is finite for ratios too.
fn spread(draws: &[f64]) -> f64 {
    let quarter = draws.len() / 4;
    if quarter == 0 { f64::NAN } else { draws[draws.len() - 1 - quarter] - draws[quarter] }
}

/// The rank of each draw from 0; of equal ones the first draw comes first.
fn ranks(draws: &[f64]) -> Draws {
    let mut sorted: Vec<(f64, u16)> = draws.iter().copied().zip(0..).collect();
    sorted.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut ranks = vec![0; sorted.len()];
    for (rank, (_, draw)) in (0..).zip(sorted) {
        ranks[usize::from(draw)] = rank;
    }
    Draws(ranks)
}

/// Of ascending draws; 0 of none.
fn median(draws: &[f64]) -> f64 {
    match draws.len() {
        0 => 0.0,
        n => 0.5 * (draws[(n - 1) / 2] + draws[n / 2]),
    }
}
