//! Multi-class problems: each predicted class means what it meant in the baseline. Of the rows there that were
//! predicted to be of a class, so many had each label; rows without a label are drawn by these shares.

use std::collections::HashMap;

use rayon::prelude::*;

use super::{Estimate, REPLICATES, Unknown, summary};
use crate::performance::classes::same;
use crate::performance::details::ConfusionDetails;
use crate::performance::metrics;
use crate::performance::outcomes::{MatrixCell, Multiclass};
use crate::performance::random;
use crate::random::{Gamma, Random};

const PURPOSE: u64 = 4;

/// What is estimated.
const ESTIMATED: [&str; 4] = ["accuracy", "weighted_precision", "weighted_f1", "weighted_f2"];

/// Of the rows by predicted class those of which the baseline tells something, under its spelling of the class; and the
/// others. `confusion`: of the baseline.
pub fn known(
    confusion: &[ConfusionDetails],
    waiting: &[(String, u64)],
) -> (Vec<(String, u64)>, Vec<Unknown>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (name, rows) in waiting.iter().filter(|class| class.1 > 0) {
        let of = |cell: &&ConfusionDetails| cell.rows > 0 && same(&cell.predicted, name);
        match confusion.iter().find(of) {
            Some(cell) => known.push((cell.predicted.clone(), *rows)),
            None => unknown.push(Unknown { predicted: name.clone(), rows: *rows }),
        }
    }
    (known, unknown)
}

/// Estimates the metrics of the rows that wait for their label. `confusion`: of the baseline. `waiting`: rows by
/// predicted class. None without rows, or when the baseline never predicted a class that they have.
pub fn estimate(confusion: &[ConfusionDetails], waiting: &[(String, u64)]) -> Option<Estimate> {
    estimate_by(confusion, waiting, REPLICATES)
}

fn estimate_by(
    confusion: &[ConfusionDetails],
    waiting: &[(String, u64)],
    replicates: u64,
) -> Option<Estimate> {
    let rows: u64 = waiting.iter().map(|class| class.1).sum();
    let mut names: Vec<&str> = confusion.iter().flat_map(|cell| [&*cell.actual, &*cell.predicted]).collect();
    names.sort_unstable();
    names.dedup();
    let place: HashMap<&str, usize> = names.iter().copied().zip(0..).collect();
    // Rows of the baseline by label, for each predicted class, and over all of them.
    let mut meaning = vec![vec![0_u64; names.len()]; names.len()];
    let mut labels = vec![0_u64; names.len()];
    for cell in confusion {
        let actual = place[cell.actual.as_str()];
        meaning[place[cell.predicted.as_str()]][actual] += cell.rows;
        labels[actual] += cell.rows;
    }
    let all: u64 = labels.iter().sum();
    let waiting: Vec<(usize, u64)> = waiting
        .iter()
        .filter(|class| class.1 > 0)
        .map(|(name, times)| {
            let predicted = *place.get(name.as_str())?;
            (meaning[predicted].iter().sum::<u64>() > 0).then_some((predicted, *times))
        })
        .collect::<Option<_>>()?;
    if rows == 0 || all == 0 {
        return None;
    }
    // One row is added to each class that has the labels of all rows, so that what was never seen is not impossible.
    let share: Vec<f64> = labels.iter().map(|&label| label as f64 / all as f64).collect();
    let draws: Vec<Vec<f64>> = (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let mut random = random::generator(PURPOSE, replicate);
            let mut cells = Vec::new();
            for &(predicted, times) in &waiting {
                let weights: Vec<f64> = meaning[predicted]
                    .iter()
                    .zip(&share)
                    .map(|(&rows, share)| match rows as f64 + share {
                        shape if shape > 0.0 => Random::of(&mut random).gamma(&Gamma::new(shape)),
                        _ => 0.0,
                    })
                    .collect();
                let (mut left, mut weight) = (times, weights.iter().sum::<f64>());
                for (actual, part) in weights.into_iter().enumerate() {
                    let drawn = random::binomial(left, (part / weight).clamp(0.0, 1.0), &mut random);
                    left -= drawn;
                    weight -= part;
                    cells.push(MatrixCell { actual, predicted, times: drawn });
                }
                // Rounding may leave a row; it goes where the prediction is right.
                cells.push(MatrixCell { actual: predicted, predicted, times: left });
            }
            let counts = Multiclass {
                names: names.iter().map(ToString::to_string).collect(),
                is_label: vec![true; names.len()],
                cells,
            };
            let scalars = metrics::multiclass(&counts);
            ESTIMATED.iter().map(|name| metrics::value(&scalars, name).unwrap_or(0.0)).collect()
        })
        .collect();
    Some(Estimate { rows, metrics: summary(&ESTIMATED, &draws) })
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;

    const NAMES: [&str; 4] = ["a", "b", "c", "d"];

    /// The truth is predicted with a chance of 0.7, else the class before it. `lean`: share of rows of class `a`
    /// beyond its part, as in drifted rows.
    fn rows(set: u64, number: usize, lean: f64) -> Vec<[usize; 2]> {
        let mut random = random::generator(91, set);
        (0..number)
            .map(|_| {
                // The classes are mixed by their prediction, so that a prediction means the same in every set.
                let predicted =
                    if random.random::<f64>() < lean { 0 } else { random.random_range(0..NAMES.len()) };
                let is_right = random.random::<f64>() < 0.55 + 0.1 * predicted as f64;
                [if is_right { predicted } else { (predicted + 1) % NAMES.len() }, predicted]
            })
            .collect()
    }

    fn matrix(rows: &[[usize; 2]]) -> Vec<MatrixCell> {
        let mut counts = [[0_u64; 4]; 4];
        rows.iter().for_each(|&[actual, predicted]| counts[actual][predicted] += 1);
        let cells = (0..4).flat_map(|actual| (0..4).map(move |predicted| (actual, predicted)));
        cells
            .map(|(actual, predicted)| MatrixCell { actual, predicted, times: counts[actual][predicted] })
            .collect()
    }

    fn confusion(rows: &[[usize; 2]]) -> Vec<ConfusionDetails> {
        let cell = |cell: MatrixCell| ConfusionDetails {
            actual: NAMES[cell.actual].into(),
            predicted: NAMES[cell.predicted].into(),
            rows: cell.times,
            share: 0.0,
            baseline_share: None,
            p_value: None,
        };
        matrix(rows).into_iter().map(cell).collect()
    }

    fn waiting(rows: &[[usize; 2]]) -> Vec<(String, u64)> {
        let of = |class: usize| rows.iter().filter(|row| row[1] == class).count() as u64;
        (0..4).map(|class| (NAMES[class].to_string(), of(class))).collect()
    }

    #[test]
    fn the_band_holds_the_truth_in_95_of_100_windows() {
        const WINDOWS: u64 = 120;
        for (number, lean) in [(10, 0.0), (150, 0.0), (400, 0.5)] {
            let mut inside = [0; ESTIMATED.len()];
            for window in 0..WINDOWS {
                let truth = rows(2 * window + 1, number, lean);
                let baseline = confusion(&rows(2 * window, 1000, 0.0));
                let counts = Multiclass {
                    names: NAMES.map(String::from).into(),
                    is_label: vec![true; 4],
                    cells: matrix(&truth),
                };
                let scalars = metrics::multiclass(&counts);
                let estimate = estimate_by(&baseline, &waiting(&truth), 300).unwrap();
                for (inside, metric) in inside.iter_mut().zip(&estimate.metrics) {
                    let truth = metrics::value(&scalars, &metric.name).unwrap();
                    *inside += u64::from(metric.band[0] <= truth && truth <= metric.band[1]);
                }
            }
            for (name, inside) in ESTIMATED.iter().zip(inside) {
                let share = inside as f64 / WINDOWS as f64;
                assert!(share >= 0.91, "{number} rows, lean {lean}: {name} {share}");
            }
        }
    }

    #[test]
    fn nothing_is_estimated_of_what_the_baseline_does_not_show() {
        let baseline = confusion(&[[0, 0], [1, 1]]);
        let of = |name: &str, rows| [(name.to_string(), rows)];
        assert!(estimate(&baseline, &of("a", 3)).is_some());
        assert_eq!(estimate(&baseline, &of("a", 0)), None);
        assert_eq!(estimate(&baseline, &of("c", 3)), None);
        assert_eq!(estimate(&baseline, &of("new", 3)), None);
        assert_eq!(estimate(&[], &of("a", 3)), None);
    }

    #[test]
    fn classes_that_the_baseline_never_predicted_cost_the_others_nothing() {
        let baseline = confusion(&[[0, 0], [1, 1], [2, 0]]);
        let rows = |names: &[(&str, u64)]| -> Vec<(String, u64)> {
            names.iter().map(|&(name, rows)| (name.into(), rows)).collect()
        };
        let (known, unknown) = known(&baseline, &rows(&[("a", 3), ("c", 2), ("new", 4), ("b", 0)]));
        assert_eq!(known, rows(&[("a", 3)]));
        let left_out: Vec<(&str, u64)> =
            unknown.iter().map(|class| (class.predicted.as_str(), class.rows)).collect();
        assert_eq!(left_out, [("c", 2), ("new", 4)]);
        assert_eq!(estimate(&baseline, &known), estimate(&baseline, &rows(&[("a", 3)])));
        // A number is its value, not its spelling.
        let number = ConfusionDetails { predicted: "1.0".into(), ..baseline[0].clone() };
        assert_eq!(super::known(&[number], &rows(&[("1", 5)])).0, rows(&[("1.0", 5)]));
    }
}
