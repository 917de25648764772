//! Thresholds that a person chose: is a miss more than chance explains?
//!
//! A threshold of a new baseline is its value, or lies at its margin; what chance explains of a miss then follows from the rows
//! of both (`moved`). One that a person chose comes from no rows: it is taken as exact, and only the rows of today vary.

use serde::{Deserialize, Serialize};

use super::constraints::{Constraint, Operator};
use super::moved::{ALPHA, FEWEST_ROWS, Side, twin};
use super::random::ln_factorial;
use crate::drift::error_rate::holm;
use crate::normal;

/// What is found where a metric is held against a threshold that a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub verdict: Verdict,
    /// Chance of such a value for the worse in rows whose true value is the threshold, adjusted for all such thresholds of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// On the wrong side of the threshold, more than chance explains.
    MissedBeyondChance,
    /// On the wrong side, which chance explains.
    MissedWithinChance,
    /// On the right side of it.
    Held,
    TooFewRows,
}

/// Rounding of numbers that are the same.
const ROUNDING: f64 = 1e-9;

/// Holds metrics against chosen thresholds; the result is in their order.
pub fn hold(metrics: &[(Side, &Constraint)]) -> Vec<Held> {
    let raw: Vec<Option<f64>> = metrics.iter().map(|(now, limit)| p_value(*now, limit)).collect();
    // Metrics that say the same with other words are tested once.
    let distinct: Vec<usize> = (0..metrics.len())
        .filter(|&at| raw[at].is_some())
        .filter(|&at| (0..at).all(|other| !is_same(metrics, &raw, other, at)))
        .collect();
    let adjusted = holm(&distinct.iter().filter_map(|&at| raw[at]).collect::<Vec<f64>>());
    let of = |at: usize| {
        let first = distinct.iter().position(|&first| first == at || is_same(metrics, &raw, first, at));
        first.map(|first| adjusted[first])
    };
    let held = |(at, (now, limit)): (usize, &(Side, &Constraint))| {
        let p_value = raw[at].and_then(|_| of(at));
        let verdict = match p_value {
            _ if !limit.operator.violated(now.value, limit.threshold) => Verdict::Held,
            None => Verdict::TooFewRows,
            Some(p) if p <= ALPHA => Verdict::MissedBeyondChance,
            Some(_) => Verdict::MissedWithinChance,
        };
        Held { verdict, p_value }
    };
    metrics.iter().enumerate().map(held).collect()
}

fn is_same(metrics: &[(Side, &Constraint)], raw: &[Option<f64>], one: usize, other: usize) -> bool {
    let [a, b] = [one, other].map(|at| twin(&metrics[at].1.metric));
    let near = |a: f64, b: f64| (a - b).abs() <= ROUNDING * a.max(b);
    a == b && raw[one].zip(raw[other]).is_some_and(|(a, b)| near(a, b))
}

/// The chance of a value as far on the wrong side of the threshold when the true value is the threshold; none when the rows are
/// too few to show any miss.
fn p_value(now: Side, limit: &Constraint) -> Option<f64> {
    let missed = limit.operator.violated(now.value, limit.threshold);
    if let Some([part, whole]) = now.spread.share {
        return of_share(part, whole, limit.threshold, limit.operator);
    }
    if now.rows < FEWEST_ROWS {
        return None;
    }
    let distance = (now.value - limit.threshold).abs();
    let error = now.error_towards(limit.threshold).filter(|error| *error > 0.0)?;
    let z = if missed { distance } else { -distance } / error;
    Some(if z.is_nan() { 1.0 } else { normal::below(-z) })
}

/// The tail of the binomial distribution: exact for few rows, else its normal approximation.
fn of_share(part: u64, whole: u64, share: f64, operator: Operator) -> Option<f64> {
    const MOST_SUMMED: u64 = 10_000;
    if whole == 0 {
        return None;
    }
    // The part on the wrong side, of which many are a miss.
    let (many, share) = match operator {
        Operator::LessThan => (whole - part, 1.0 - share),
        Operator::GreaterThan => (part, share),
    };
    if share <= 0.0 {
        return Some(if many > 0 || share < 0.0 { 0.0 } else { 1.0 });
    }
    if share >= 1.0 {
        return Some(1.0);
    }
    if share.powf(whole as f64) > ALPHA {
        return None;
    }
    let n = whole as f64;
    if whole > MOST_SUMMED && n * share.min(1.0 - share) > 100.0 {
        let error = (n * share * (1.0 - share)).sqrt();
        return Some(normal::below(-(many as f64 - n * share) / error));
    }
    let chance = |k: u64| {
        let ways = ln_factorial(whole) - ln_factorial(k) - ln_factorial(whole - k);
        (ways + k as f64 * share.ln() + (whole - k) as f64 * (-share).ln_1p()).exp()
    };
    Some((many..=whole).map(chance).sum::<f64>().min(1.0))
}

#[cfg(test)]
mod tests {
    use super::super::constraints::tests::at;
    use super::super::intervals::Spread;
    use super::*;

    fn share(part: u64, whole: u64) -> Side {
        let spread = Spread { share: Some([part, whole]), ..Spread::default() };
        Side { value: part as f64 / whole as f64, spread, rows: whole }
    }

    fn measured(value: f64, error: f64, interval: Option<[f64; 2]>) -> Side {
        let spread = Spread { standard_error: Some(error), interval, share: None };
        Side { value, spread, rows: 500 }
    }

    /// `1 - scipy.stats.binom.cdf(3, 10, 0.1)`, and the other tail.
    #[test]
    fn a_share_has_the_tail_of_its_binomial_distribution() {
        let p = of_share(4, 10, 0.1, Operator::GreaterThan).unwrap();
        assert!((p - 0.012_795_198_4).abs() < 1e-9, "{p}");
        assert!((of_share(6, 10, 0.9, Operator::LessThan).unwrap() - p).abs() < 1e-12);
        // The two ways to work it out agree.
        let [few, many] =
            [10_000, 10_001].map(|n| of_share(n * 79 / 100, n, 0.8, Operator::LessThan).unwrap());
        assert!((few - many).abs() < 2e-3, "{few} {many}");
    }

    #[test]
    fn a_miss_is_judged_against_the_threshold_alone() {
        use Verdict::*;
        for (now, metric, operator, threshold, verdict) in [
            (share(483, 600), "accuracy", Operator::LessThan, 0.95, MissedBeyondChance),
            (share(483, 600), "accuracy", Operator::LessThan, 0.81, MissedWithinChance),
            (share(483, 600), "accuracy", Operator::LessThan, 0.5, Held),
            (share(483, 600), "accuracy", Operator::LessThan, 1.0, MissedBeyondChance),
            (share(483, 600), "accuracy", Operator::LessThan, f64::INFINITY, MissedBeyondChance),
            (share(60, 600), "false_positive_rate", Operator::GreaterThan, 0.05, MissedBeyondChance),
            (share(60, 600), "false_positive_rate", Operator::GreaterThan, 0.0, MissedBeyondChance),
            (share(0, 2), "recall", Operator::LessThan, 0.5, TooFewRows),
            (measured(0.7, 0.02, None), "auc", Operator::LessThan, 0.9, MissedBeyondChance),
            (measured(0.7, 0.02, None), "auc", Operator::LessThan, 0.71, MissedWithinChance),
            (measured(3.0, 0.1, None), "mae", Operator::GreaterThan, 2.0, MissedBeyondChance),
            // None right: no draw differs from another.
            (measured(0.0, 0.0, Some([0.0, 0.01])), "f1", Operator::LessThan, 0.5, MissedBeyondChance),
            (measured(0.0, 0.0, Some([0.0, 0.4])), "f1", Operator::LessThan, 0.1, MissedWithinChance),
            (Side { rows: 20, ..measured(0.7, 0.02, None) }, "auc", Operator::LessThan, 0.9, TooFewRows),
            (Side { spread: Spread::default(), ..share(1, 100) }, "f1", Operator::LessThan, 0.9, TooFewRows),
        ] {
            let found = hold(&[(now, &at(metric, operator, threshold))])[0];
            assert_eq!(found.verdict, verdict, "{metric} {threshold} {found:?}");
        }
    }

    /// Many thresholds are no more alarms by chance, and names of one metric are one threshold.
    #[test]
    fn the_thresholds_of_a_run_are_judged_together() {
        let limit = |name| at(name, Operator::LessThan, 0.8);
        let now = share(145, 200);
        let alone = hold(&[(now, &limit("recall"))])[0].p_value.unwrap();
        assert!(alone < ALPHA, "{alone}");
        let others = ["accuracy", "precision", "true_negative_rate", "weighted_precision", "f1"].map(limit);
        let of = |first: &[Constraint]| {
            let missed = first.iter().map(|limit| (now, limit));
            let all: Vec<_> = missed.chain(others.iter().map(|limit| (share(160, 200), limit))).collect();
            hold(&all)
        };
        let one = of(&[limit("recall")])[0];
        assert!(one.p_value.unwrap() > 5.0 * alone, "{one:?}");
        let two = of(&[limit("recall"), limit("true_positive_rate")]);
        assert_eq!([two[0], two[1]], [one, one]);
    }
}
