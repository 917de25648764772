//! Is a metric worse than at the baseline, beyond what chance explains in both?
//!
//! One-sided: only a change for the worse is looked for, as the thresholds do. Shares are compared by their counts,
//! other metrics by their standard errors; the p-values of a run are adjusted together (Holm), so that a run in which
//! nothing changed raises a verdict with a chance of at most 5 %.

use crate::drift::error_rate::holm;
use crate::normal::{self, Z};

use super::constraints::larger_is_worse;
use super::intervals::Spread;

/// A run in which nothing changed says "moved" with at most this chance.
pub const ALPHA: f64 = 0.05;
/// A share is only compared when at least this many rows on either side of it are expected in both samples.
const FEWEST_EXPECTED: f64 = 5.0;
/// Metrics with an error from draws need this many rows.
pub(super) const FEWEST_ROWS: u64 = 30;

/// One side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Side {
    pub value: f64,
    pub spread: Spread,
    pub rows: u64,
}

impl Side {
    /// The standard error towards another value: that of the metric, or the part of its interval on this side that belongs to one
    /// where that is larger, as near the end of the metric's range.
    pub fn error_towards(&self, other: f64) -> Option<f64> {
        let end = self
            .spread
            .interval
            .map_or(0.0, |[low, high]| if other < self.value { self.value - low } else { high - self.value });
        Some(self.spread.standard_error?.max(end / Z))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Worse than the baseline, more than chance explains.
    Moved,
    /// Chance explains the difference, or it is for the better.
    Held,
    /// The rows are too few to tell.
    TooFewRows,
    /// Nothing is known of the baseline but its value.
    NoBaseline,
}

/// What is found for one metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    pub verdict: Verdict,
    /// Adjusted for the metrics of the run.
    pub p_value: Option<f64>,
}

/// Metrics that say the same with other words are tested once.
pub(super) fn twin(name: &str) -> &str {
    match name {
        "true_positive_rate" | "false_negative_rate" => "recall",
        "true_negative_rate" => "false_positive_rate",
        "weighted_recall" => "accuracy",
        "rmse" => "mse",
        name => name,
    }
}

/// Tests every metric: its name, today and the baseline. The result is in their order.
pub fn test(metrics: &[(&str, Option<Side>, Option<Side>)]) -> Vec<Test> {
    let raw: Vec<Result<f64, Verdict>> = metrics
        .iter()
        .map(|&(name, now, then)| match (now, then) {
            (Some(now), Some(then)) => p_value(now, then, larger_is_worse(name)).ok_or(Verdict::TooFewRows),
            _ => Err(Verdict::NoBaseline),
        })
        .collect();
    let distinct: Vec<usize> = (0..metrics.len())
        .filter(|&at| raw[at].is_ok())
        .filter(|&at| {
            metrics[..at]
                .iter()
                .zip(&raw)
                .all(|(other, p)| p.is_err() || twin(other.0) != twin(metrics[at].0))
        })
        .collect();
    let p_values: Vec<f64> = distinct.iter().filter_map(|&at| raw[at].ok()).collect();
    let adjusted = holm(&p_values);
    let of =
        |name: &str| distinct.iter().position(|&at| twin(metrics[at].0) == twin(name)).map(|at| adjusted[at]);
    metrics
        .iter()
        .zip(&raw)
        .map(|(&(name, ..), raw)| match (raw, of(name)) {
            (Err(verdict), _) => Test { verdict: *verdict, p_value: None },
            (Ok(_), None) => Test { verdict: Verdict::TooFewRows, p_value: None },
            (Ok(_), Some(p)) => {
                Test { verdict: if p <= ALPHA { Verdict::Moved } else { Verdict::Held }, p_value: Some(p) }
            }
        })
        .collect()
}

/// The chance of a difference as large as this for the worse when nothing changed; none when the rows are too few.
fn p_value(now: Side, then: Side, larger_is_worse: bool) -> Option<f64> {
    let (difference, error) = match (now.spread.share, then.spread.share) {
        (Some(now), Some(then)) => {
            let [m, n] = [now[1] as f64, then[1] as f64];
            if now[1] == 0 || then[1] == 0 {
                return None;
            }
            let pooled = (now[0] + then[0]) as f64 / (m + n);
            if m.min(n) * pooled.min(1.0 - pooled) < FEWEST_EXPECTED && m.min(n) < 1000.0 {
                // With a share near 0 or 1 few rows can still be enough to see it move: Fisher's test decides.
                return fisher(now, then, larger_is_worse);
            }
            let error = (pooled * (1.0 - pooled) * (1.0 / m + 1.0 / n)).sqrt();
            (now[0] as f64 / m - then[0] as f64 / n, error)
        }
        _ => {
            let (mine, theirs) = (now.error_towards(then.value)?, then.error_towards(now.value)?);
            if now.rows.min(then.rows) < FEWEST_ROWS {
                return None;
            }
            (now.value - then.value, mine.hypot(theirs))
        }
    };
    let worse = if larger_is_worse { difference } else { -difference };
    if error <= 0.0 {
        return Some(if worse > 0.0 { 0.0 } else { 1.0 });
    }
    Some(normal::below(-worse / error))
}

/// Two-sided test that two shares differ; none when fewer than five rows on either side are expected.
pub fn differ(now: [u64; 2], then: [u64; 2]) -> Option<f64> {
    let [m, n] = [now[1] as f64, then[1] as f64];
    let pooled = (now[0] + then[0]) as f64 / (m + n);
    if m.min(n) * pooled.min(1.0 - pooled) < FEWEST_EXPECTED {
        return None;
    }
    let error = (pooled * (1.0 - pooled) * (1.0 / m + 1.0 / n)).sqrt();
    let difference = now[0] as f64 / m - then[0] as f64 / n;
    Some((2.0 * normal::below(-difference.abs() / error)).min(1.0))
}

/// Fisher's exact test, one-sided: the chance of at least so many (or so few) of the parts falling to today's rows.
/// None when not even the most extreme split of these rows would be seen as a change.
fn fisher(now: [u64; 2], then: [u64; 2], larger_is_worse: bool) -> Option<f64> {
    let (whole, rows) = (now[0] + then[0], now[1] + then[1]);
    let least = whole.saturating_sub(then[1]);
    let most = whole.min(now[1]);
    let ln = |n: u64, k: u64| ln_choose(n, k);
    let chance = |k: u64| (ln(now[1], k) + ln(then[1], whole - k) - ln(rows, whole)).exp();
    let (extreme, range) = if larger_is_worse { (most, now[0]..=most) } else { (least, least..=now[0]) };
    if chance(extreme) > ALPHA / 2.0 && now[1] < 50 {
        return None;
    }
    Some(range.map(chance).sum::<f64>().min(1.0))
}

fn ln_choose(n: u64, k: u64) -> f64 {
    super::random::ln_factorial(n) - super::random::ln_factorial(k) - super::random::ln_factorial(n - k)
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::super::random;
    use super::*;

    fn share(part: u64, whole: u64) -> Option<Side> {
        let value = part as f64 / whole as f64;
        let spread = Spread { share: Some([part, whole]), ..Spread::default() };
        Some(Side { value, spread, rows: whole })
    }

    fn measured(value: f64, error: f64, rows: u64) -> Option<Side> {
        let spread = Spread { standard_error: Some(error), ..Spread::default() };
        Some(Side { value, spread, rows })
    }

    #[test]
    fn a_large_change_is_seen_and_a_change_for_the_better_is_none() {
        let found = test(&[
            ("recall", share(50, 100), share(80, 100)),
            ("precision", share(80, 100), share(50, 100)),
            ("false_positive_rate", share(40, 100), share(10, 100)),
            ("auc", measured(0.7, 0.02, 200), measured(0.9, 0.02, 200)),
            ("mae", measured(3.0, 0.1, 200), measured(1.0, 0.1, 200)),
            ("f1", measured(0.7, 0.02, 10), measured(0.9, 0.02, 200)),
            ("accuracy", share(50, 100), None),
        ]);
        use Verdict::*;
        let verdicts: Vec<Verdict> = found.iter().map(|test| test.verdict).collect();
        assert_eq!(verdicts, [Moved, Held, Moved, Moved, Moved, TooFewRows, NoBaseline]);
        assert!(found[1].p_value.unwrap() > 0.9);
    }

    #[test]
    fn metrics_that_say_the_same_get_the_same_answer_once() {
        let one = test(&[("recall", share(61, 100), share(75, 100))]);
        let three = test(&[
            ("recall", share(61, 100), share(75, 100)),
            ("true_positive_rate", share(61, 100), share(75, 100)),
            ("false_negative_rate", share(39, 100), share(25, 100)),
        ]);
        assert!(three.iter().all(|test| test == &one[0]), "{three:?}");
        assert_eq!(one[0].verdict, Verdict::Moved);
    }

    /// F1 of a window without positive rows is 0 whatever the model does.
    #[test]
    fn an_f_score_of_too_few_positive_rows_is_not_compared() {
        use super::super::classes::Sides;
        use super::super::intervals;
        use super::super::metrics::Counts;
        use super::super::outcomes::{Binary, ScoreCell};
        for (missed, verdict) in [(0, Verdict::TooFewRows), (9, Verdict::TooFewRows), (40, Verdict::Moved)] {
            let counts = Counts::Binary(Binary {
                sides: Sides::of(&["0", "1"], None).unwrap(),
                cells: vec![ScoreCell { score: 0.0, counts: [[200, 10], [missed, 0]] }],
                waiting: Vec::new(),
                unknown: Vec::new(),
                has_scores: false,
            });
            let scalars: Vec<_> = counts
                .scalars()
                .into_iter()
                .filter(|scalar| ["f0_5", "f1", "f2"].contains(&scalar.0))
                .collect();
            let spreads = intervals::spreads(&counts, &scalars, 200_000);
            let compared: Vec<_> = scalars
                .iter()
                .zip(spreads)
                .map(|(&(name, value), spread)| {
                    (
                        name,
                        value.map(|value| Side { value, spread, rows: counts.rows() }),
                        measured(0.8, 0.02, 500),
                    )
                })
                .collect();
            assert!(test(&compared).iter().all(|test| test.verdict == verdict), "{missed} positive rows");
        }
    }

    /// scipy.stats.fisher_exact([[3, 7], [0, 30]], "greater") has p = 120 / 9880.
    #[test]
    fn few_rows_are_compared_exactly_or_not_at_all() {
        let p = fisher([3, 10], [0, 30], true).unwrap();
        assert!((p - 120.0 / 9880.0).abs() < 1e-12, "{p}");
        assert_eq!(test(&[("recall", share(0, 1), share(100, 100))])[0].verdict, Verdict::Moved);
        assert_eq!(test(&[("recall", share(2, 3), share(3, 4))])[0].verdict, Verdict::TooFewRows);
    }

    /// Runs in which nothing changed: at most 5 % of them raise a verdict.
    #[test]
    fn runs_without_a_change_raise_few_verdicts() {
        const RUNS: u64 = 400;
        let mut alarms = 0;
        for run in 0..RUNS {
            let mut random = random::generator(70, run);
            let mut draw = |p: f64, n: u64| {
                let hits = (0..n).filter(|_| random.random::<f64>() < p).count() as u64;
                share(hits, n)
            };
            let metrics: Vec<_> =
                [("recall", 0.8), ("precision", 0.97), ("accuracy", 0.6), ("false_positive_rate", 0.05)]
                    .map(|(name, p)| (name, draw(p, 150), draw(p, 200)))
                    .into();
            alarms += u64::from(test(&metrics).iter().any(|test| test.verdict == Verdict::Moved));
        }
        assert!(alarms as f64 / RUNS as f64 <= 0.075, "{alarms} of {RUNS}");
    }
}
