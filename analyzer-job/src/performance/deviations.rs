//! `standard_deviation` as the hosted service makes it: five random samples of 80 % of the rows, the same five for
//! every metric, divisor five. Each row is kept with probability 0.8, seeded, so that a repeated run writes the same.

use super::metrics::Counts;
use super::random;

/// Below this many rows the service writes no deviation.
pub const FEWEST_ROWS: u64 = 200;
pub(super) const DRAWS: u64 = 5;
pub(super) const SHARE: f64 = 0.8;
pub(super) const PURPOSE: u64 = 1;

/// The deviation of each scalar, in their order; none for all where rows are too few, and for a metric that is
/// undefined in the data or in every draw.
pub fn deviations(counts: &Counts) -> Vec<Option<f64>> {
    let whole = counts.scalars();
    if counts.rows() < FEWEST_ROWS {
        return vec![None; whole.len()];
    }
    let draws: Vec<_> = (0..DRAWS)
        .map(|draw| random::thinned(counts, SHARE, &mut random::generator(PURPOSE, draw)).scalars())
        .collect();
    whole
        .iter()
        .enumerate()
        .map(|(at, (_, value))| {
            let values: Vec<f64> = draws.iter().filter_map(|draw| draw[at].1).collect();
            value.and_then(|_| deviation(&values))
        })
        .collect()
}

/// Square root of the mean squared distance from the mean.
fn deviation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (!values.is_empty()).then(|| (squares / n).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::classes::Sides;
    use super::super::outcomes::{Binary, ScoreCell};
    use super::*;

    fn counts(scale: u64) -> Counts {
        let cells = (0..20)
            .rev()
            .map(|at| ScoreCell {
                score: at as f64 / 20.0,
                counts: if at >= 10 {
                    [[0, (20 - at) * scale], [0, at * scale]]
                } else {
                    [[(20 - at) * scale, 0], [at * scale, 0]]
                },
            })
            .collect();
        Counts::Binary(Binary {
            sides: Sides::of(&["0", "1"], None).unwrap(),
            cells,
            waiting: Vec::new(),
            unknown: Vec::new(),
            has_scores: true,
        })
    }

    fn of(counts: &Counts, name: &str) -> Option<f64> {
        let at = counts.scalars().iter().position(|scalar| scalar.0 == name).unwrap();
        deviations(counts)[at]
    }

    /// A share of a part of the rows without replacement has the variance p (1 - p) / n (1 / 0.8 - 1).
    #[test]
    fn the_size_is_that_of_samples_of_four_fifths() {
        let counts = counts(1);
        let mean: f64 = (0..200)
            .map(|seed| {
                let draws: Vec<f64> = (0..DRAWS)
                    .map(|draw| {
                        random::thinned(&counts, SHARE, &mut random::generator(77 + seed, draw)).scalars()[2]
                            .1
                            .unwrap()
                    })
                    .collect();
                deviation(&draws).unwrap().powi(2)
            })
            .sum::<f64>()
            / 200.0;
        let accuracy = counts.scalars()[2].1.unwrap();
        let expected = accuracy * (1.0 - accuracy) / counts.rows() as f64 * 0.25 * 4.0 / 5.0;
        assert!((mean / expected - 1.0).abs() < 0.15, "{mean} {expected}");
    }

    #[test]
    fn the_same_draws_serve_every_metric_and_every_run() {
        let counts = counts(3);
        let recall = of(&counts, "recall").unwrap();
        assert!(recall > 0.0);
        assert_eq!(of(&counts, "true_positive_rate"), Some(recall));
        assert!((of(&counts, "false_negative_rate").unwrap() - recall).abs() < 1e-15);
        assert_eq!(of(&counts, "recall_best_constant_classifier"), Some(0.0));
        assert_eq!(deviations(&counts), deviations(&counts));
    }

    #[test]
    fn fewer_than_200_rows_have_none() {
        let counts = counts(1);
        assert_eq!(counts.rows(), 400);
        assert!(of(&counts, "auc").is_some());
        let few = counts.with_times(|times| times.min(9));
        assert!(few.rows() < 400);
        let fewer = counts.with_times(|times| times.min(4));
        assert!(fewer.rows() < FEWEST_ROWS, "{}", fewer.rows());
        assert_eq!(of(&fewer, "auc"), None);
    }

    #[test]
    fn deviation_by_hand() {
        assert_eq!(deviation(&[1.0, 3.0]), Some(1.0));
        assert_eq!(deviation(&[]), None);
    }
}
