//! Regression: rows of a prediction have the errors that rows of such a prediction had in the baseline.
//!
//! The baseline's rows are cut into steps by their prediction, and of each step the mean absolute and the mean squared
//! error are kept. As `estimate` for classes it holds while a prediction means the same: errors that grow at equal
//! predictions are not seen. Source of the idea: direct loss estimation, as in NannyML's documentation, here with the
//! prediction as the only feature. The explained variance is not estimated: it needs the variance of the labels.

use serde::{Deserialize, Serialize};

use super::{Estimate, EstimatedMetric, FEWEST_ROWS, MOST_STEPS};
use crate::performance::outcomes::Pair;

/// Normal quantile of 98.5 %: the band leaves out 1.5 % on either side, since errors between two steps are only
/// interpolated and squares are skewed.
const Z: f64 = 2.170_090_377_584_56;

/// The errors of the baseline by prediction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ErrorMeaning {
    /// By ascending prediction.
    pub steps: Vec<ErrorStep>,
}

/// Rows of the baseline with neighbouring predictions. An error is prediction less label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ErrorStep {
    pub mean_prediction: f64,
    pub rows: u64,
    /// Means of the absolute error and of its second and fourth power.
    pub absolute: f64,
    pub square: f64,
    pub fourth: f64,
}

/// Learns the errors of a baseline. None without rows, or when a power of an error is infinite.
pub fn learn(pairs: &[Pair]) -> Option<ErrorMeaning> {
    let mut sorted = pairs.to_vec();
    sorted.sort_by(|a, b| a.prediction.total_cmp(&b.prediction).then(a.label.total_cmp(&b.label)));
    let total: u64 = sorted.iter().map(|pair| pair.times).sum();
    let wanted = (total / MOST_STEPS).max(FEWEST_ROWS);
    let mut steps: Vec<ErrorStep> = Vec::new();
    let mut left = total;
    for pair in &sorted {
        let is_full = steps.last().is_none_or(|step| step.rows >= wanted && left >= wanted);
        if is_full {
            steps.push(ErrorStep { mean_prediction: 0.0, rows: 0, absolute: 0.0, square: 0.0, fourth: 0.0 });
        }
        if let Some(step) = steps.last_mut() {
            let (times, error) = (pair.times as f64, (pair.prediction - pair.label).abs());
            step.mean_prediction += times * pair.prediction;
            step.rows += pair.times;
            step.absolute += times * error;
            step.square += times * error.powi(2);
            step.fourth += times * error.powi(4);
        }
        left -= pair.times;
    }
    for step in &mut steps {
        let rows = step.rows as f64;
        for sum in [&mut step.mean_prediction, &mut step.absolute, &mut step.square, &mut step.fourth] {
            *sum /= rows;
        }
    }
    let is_finite = |step: &ErrorStep| step.fourth.is_finite() && step.mean_prediction.is_finite();
    (!steps.is_empty() && steps.iter().all(is_finite)).then_some(ErrorMeaning { steps })
}

/// Estimates `mae`, `mse` and `rmse` of the rows that wait for their label. `waiting`: predictions, and how often each
/// came. None without rows.
pub fn estimate(meaning: &ErrorMeaning, waiting: &[(f64, u64)]) -> Option<Estimate> {
    let rows: u64 = waiting.iter().map(|row| row.1).sum();
    if rows == 0 || meaning.steps.is_empty() {
        return None;
    }
    // How many of the rows count for each step.
    let mut weights = vec![0.0; meaning.steps.len()];
    for &(prediction, times) in waiting {
        let (before, after, way) = neighbours(&meaning.steps, prediction);
        weights[before] += times as f64 * (1.0 - way);
        weights[after] += times as f64 * way;
    }
    let mean = |mean: fn(&ErrorStep) -> f64, square: fn(&ErrorStep) -> f64| {
        let n = rows as f64;
        let (mut value, mut variance) = (0.0, 0.0);
        for (step, weight) in meaning.steps.iter().zip(&weights) {
            let of_row = (square(step) - mean(step).powi(2)).max(0.0);
            value += weight / n * mean(step);
            // Of the rows themselves, and of what the baseline's rows say of them.
            variance += weight / n.powi(2) * of_row + (weight / n).powi(2) * of_row / step.rows as f64;
        }
        // On the scale of logarithms, where a mean of squares is less skewed.
        let way = if value > 0.0 { (Z * variance.sqrt() / value).exp() } else { 1.0 };
        (value, [value / way, value * way])
    };
    let (mae, mae_band) = mean(|step| step.absolute, |step| step.square);
    let (mse, mse_band) = mean(|step| step.square, |step| step.fourth);
    let metric = |name: &str, value: f64, band| EstimatedMetric { name: name.into(), value, band };
    Some(Estimate {
        rows,
        metrics: vec![
            metric("mae", mae, mae_band),
            metric("mse", mse, mse_band),
            metric("rmse", mse.sqrt(), mse_band.map(f64::sqrt)),
        ],
    })
}

/// The steps beside a prediction, and how far it is from the first to the second; beyond the ends it is the last step.
fn neighbours(steps: &[ErrorStep], prediction: f64) -> (usize, usize, f64) {
    let after = steps.partition_point(|step| step.mean_prediction < prediction);
    match (after.checked_sub(1), steps.get(after)) {
        (Some(before), Some(next)) => {
            let from = steps[before].mean_prediction;
            (before, after, ((prediction - from) / (next.mean_prediction - from)).clamp(0.0, 1.0))
        }
        (Some(last), None) => (last, last, 0.0),
        (None, _) => (0, 0, 0.0),
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::performance::random;

    /// Errors are normal, and grow with the prediction. `lean` moves the predictions up, as drifted rows do.
    fn rows(set: u64, number: usize, lean: f64) -> Vec<Pair> {
        let mut random = random::generator(92, set);
        (0..number)
            .map(|_| {
                let prediction = 10.0 * random.random::<f64>().powf(lean);
                let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
                let normal = radius * (std::f64::consts::TAU * random.random::<f64>()).cos();
                Pair { label: prediction + (0.5 + 0.2 * prediction) * normal, prediction, times: 1 }
            })
            .collect()
    }

    fn waiting(rows: &[Pair]) -> Vec<(f64, u64)> {
        rows.iter().map(|pair| (pair.prediction, pair.times)).collect()
    }

    fn truth(rows: &[Pair]) -> [f64; 3] {
        let n = rows.len() as f64;
        let mean = |power: i32| {
            rows.iter().map(|pair| (pair.prediction - pair.label).abs().powi(power)).sum::<f64>() / n
        };
        [mean(1), mean(2), mean(2).sqrt()]
    }

    #[test]
    fn the_band_holds_the_truth_in_95_of_100_windows() {
        const WINDOWS: u64 = 400;
        for (number, lean) in [(10, 1.0), (150, 1.0), (400, 0.5)] {
            let mut inside = [0; 3];
            for window in 0..WINDOWS {
                let meaning = learn(&rows(2 * window, 1000, 1.0)).unwrap();
                let sample = rows(2 * window + 1, number, lean);
                let estimate = estimate(&meaning, &waiting(&sample)).unwrap();
                for ((inside, metric), truth) in inside.iter_mut().zip(&estimate.metrics).zip(truth(&sample))
                {
                    *inside += u64::from(metric.band[0] <= truth && truth <= metric.band[1]);
                }
            }
            for (name, inside) in ["mae", "mse", "rmse"].into_iter().zip(inside) {
                let share = inside as f64 / WINDOWS as f64;
                assert!(share >= 0.93, "{number} rows, lean {lean}: {name} {share}");
            }
        }
    }

    /// Two steps of 25 rows: errors of 1 below, of 3 above.
    #[test]
    fn between_two_steps_lies_a_line() {
        let pair = |prediction: f64, error: f64| Pair { label: prediction - error, prediction, times: 25 };
        let meaning = learn(&[pair(1.0, 1.0), pair(2.0, -3.0)]).unwrap();
        assert_eq!(meaning.steps.len(), 2);
        for (prediction, mae) in [(0.0, 1.0), (1.0, 1.0), (1.5, 2.0), (2.0, 3.0), (9.0, 3.0)] {
            let found = estimate(&meaning, &[(prediction, 4)]).unwrap();
            assert!((found.metrics[0].value - mae).abs() < 1e-12, "{prediction}");
        }
        assert_eq!(estimate(&meaning, &[]), None);
        assert_eq!(learn(&[]), None);
        assert_eq!(learn(&[pair(1.0, 1e200)]), None);
    }
}
