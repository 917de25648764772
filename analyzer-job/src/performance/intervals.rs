//! How far a metric may be from its value over all rows of the kind: standard errors and 95 % intervals.
//!
//! Shares of rows have Wilson's interval, the area under the ROC curve DeLong's, mean errors one on the scale of their
//! logarithm, everything else a seeded bootstrap from the counts. In fewer rows than an interval needs to hold the true
//! value about as often as it says there is none.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::curves::{self, ratio};
use super::metrics::{self, Counts, Scalar};
use super::outcomes::{Binary, Multiclass, Pair, ScoreCell};
use super::random;
use crate::normal::{self, Z};

const PURPOSE: u64 = 2;

/// Error of sampling of one metric.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    pub standard_error: Option<f64>,
    pub interval: Option<[f64; 2]>,
    /// Rows that count of those it is a share of, when the metric is a share.
    pub share: Option<[u64; 2]>,
}

/// Wilson's 95 % interval of a share; none without rows.
pub fn wilson(part: u64, whole: u64) -> Option<[f64; 2]> {
    (whole > 0).then(|| normal::wilson(part as f64, whole as f64, Z))
}

/// Variance of the area under the ROC curve; none with fewer than two rows of a class.
///
/// The share of negatives below each positive, and of positives above each negative (ties half), vary by `s1` and
/// `s0`; the variance is `s1 / positives + s0 / negatives`.
/// Source: DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated ROC curves", 1988.
pub fn delong_variance(cells: &[ScoreCell]) -> Option<f64> {
    let rows = |cell: &ScoreCell, actual: usize| (cell.counts[actual][0] + cell.counts[actual][1]) as f64;
    let total = |actual: usize| cells.iter().map(|cell| rows(cell, actual)).sum::<f64>();
    let (negatives, positives) = (total(0), total(1));
    if negatives < 2.0 || positives < 2.0 {
        return None;
    }
    // Sums over the rows of a class of its placement and its square.
    let mut sums = [[0.0; 2]; 2];
    let (mut above, mut below) = (0.0, negatives);
    for cell in cells {
        let (negative, positive) = (rows(cell, 0), rows(cell, 1));
        below -= negative;
        let of_positive = (below + negative / 2.0) / negatives;
        let of_negative = (above + positive / 2.0) / positives;
        above += positive;
        for (sum, placement, times) in [(0, of_negative, negative), (1, of_positive, positive)] {
            sums[sum][0] += times * placement;
            sums[sum][1] += times * placement * placement;
        }
    }
    let variance = |[sum, squares]: [f64; 2], n: f64| ((squares - sum * sum / n) / (n - 1.0)).max(0.0);
    Some(variance(sums[1], positives) / positives + variance(sums[0], negatives) / negatives)
}

/// Interval of the area: DeLong's, laid on the scale of log odds so that it stays inside [0, 1]; none without a variance.
fn auc_interval(auc: f64, variance: f64) -> Option<[f64; 2]> {
    let slope = auc * (1.0 - auc);
    if variance <= 0.0 || slope <= 0.0 {
        return None;
    }
    let odds = (auc / (1.0 - auc)).ln();
    let half = Z * variance.sqrt() / slope;
    Some([odds - half, odds + half].map(|odds| 1.0 / (1.0 + (-odds).exp())))
}

/// The spread of each scalar of the counts, in their order. `most_drawn`: cells that the bootstrap draws at most.
pub fn spreads(counts: &Counts, scalars: &[Scalar], most_drawn: u64) -> Vec<Spread> {
    let known: Vec<Option<Spread>> = scalars
        .iter()
        .map(|&(name, value)| match value {
            None => Some(Spread::default()),
            Some(value) => direct(counts, name, value),
        })
        .collect();
    let needed: Vec<&str> =
        scalars.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(scalar, _)| scalar.0).collect();
    let mut drawn =
        if needed.is_empty() { Vec::new() } else { replicates(counts, &needed, most_drawn) }.into_iter();
    let spread = |(at, known): (usize, Option<Spread>)| {
        known.unwrap_or_else(|| match (scalars[at].1, drawn.next()) {
            (Some(value), Some(values)) => {
                from_replicates(value, values).unwrap_or_else(|| at_the_end(counts, scalars[at].0, value))
            }
            _ => Spread::default(),
        })
    };
    known.into_iter().enumerate().map(spread).collect()
}

/// The spread that a formula gives; none when it takes draws.
fn direct(counts: &Counts, name: &str, value: f64) -> Option<Spread> {
    if let (Counts::Multiclass(multiclass), true) = (counts, name.ends_with("_best_constant_classifier")) {
        return Some(best_constant(multiclass, name));
    }
    if !has_enough_rows(counts, name) {
        return Some(Spread::default());
    }
    if let Some([part, whole]) = share(counts, name) {
        let p = ratio(part, whole);
        return Some(Spread {
            standard_error: (whole > 0).then(|| (p * (1.0 - p) / whole as f64).sqrt()),
            // The rates of a class without rows are written as 0 and mean nothing.
            interval: wilson(part, whole),
            share: Some([part, whole]),
        });
    }
    match (counts, name) {
        (Counts::Binary(binary), "auc") => {
            let variance = delong_variance(&binary.cells);
            let interval = variance.and_then(|variance| auc_interval(value, variance));
            Some(match (variance, interval) {
                // No pair is out of order, or every pair.
                (Some(_), None) => at_the_end(counts, name, value),
                _ => Spread { standard_error: variance.map(f64::sqrt), interval, share: None },
            })
        }
        (Counts::Regression(regression), "mae" | "mse" | "rmse") => {
            Some(mean_error(&regression.pairs, name, value))
        }
        // Constants: always answering one class has no hits of the other.
        (Counts::Binary(_), name) if name.ends_with("_best_constant_classifier") => Some(Spread::default()),
        _ => None,
    }
}

/// The best constant classifier of several classes: its metrics grow with the share of the most frequent label, so their
/// intervals are that of this share.
///
/// The largest of several shares is larger than the true one more often than not, so neither draws nor Wilson's interval of it
/// hold. It lies above the true largest share only if one of all shares is that far above its own, each of which has its part of
/// 2.5 % (Bonferroni); and below only if the share of the truly most frequent class is.
fn best_constant(counts: &Multiclass, name: &str) -> Spread {
    let classes = metrics::class_counts(counts);
    let rows: u64 = classes.iter().map(|class| class.actual).sum();
    let most = classes.iter().map(|class| class.actual).max().unwrap_or(0);
    if rows == 0 {
        return Spread::default();
    }
    let far = normal::quantile(1.0 - 0.025 / classes.len() as f64);
    let [low, _] = normal::wilson(most as f64, rows as f64, far);
    let [_, high] = normal::wilson(most as f64, rows as f64, Z);
    let of =
        |share: f64| metrics::of_constant(share).into_iter().find(|metric| metric.0 == name).map(|m| m.1);
    let interval = of(low).zip(of(high)).map(|(low, high)| [low, high]);
    let error = interval.map(|[low, high]| (high - low) / (Z + far));
    Spread { standard_error: error, interval, share: None }
}

/// Whether the rows are as many as an interval needs. The sizes are those from which simulated intervals hold the true
/// value in 93 of 100 samples or more.
fn has_enough_rows(counts: &Counts, name: &str) -> bool {
    match counts {
        Counts::Binary(binary) => {
            let of_positives = name == "au_prc" || (name.starts_with('f') && name.len() <= 4);
            let [_, [missed, hits]] = metrics::confusion(&binary.cells);
            !of_positives || missed + hits >= 10
        }
        Counts::Multiclass(multiclass) => {
            let rows_per_class = if name == "weighted_precision" { 40 } else { 10 };
            let of_classes = name.starts_with("weighted_") && name != "weighted_recall";
            !of_classes || counts.rows() >= rows_per_class * multiclass.names.len() as u64
        }
        Counts::Regression(_) => counts.rows() >= 100,
    }
}

/// Mean of the absolute or the squared error, or the root of the latter: normal on the scale of its logarithm, where a
/// mean of squares is less skewed.
fn mean_error(pairs: &[Pair], name: &str, value: f64) -> Spread {
    let is_root = name == "rmse";
    let mean = if is_root { value * value } else { value };
    let (mut rows, mut squares) = (0.0, 0.0);
    for pair in pairs {
        let error = (pair.prediction - pair.label).abs();
        let term = if name == "mae" { error } else { error * error };
        rows += pair.times as f64;
        squares += pair.times as f64 * (term - mean).powi(2);
    }
    let error = (squares / (rows - 1.0) / rows).sqrt();
    if !error.is_finite() || error <= 0.0 {
        return Spread { standard_error: error.is_finite().then_some(error), ..Spread::default() };
    }
    let way = (Z * error / mean).exp();
    let interval = [mean / way, mean * way];
    Spread {
        standard_error: Some(if is_root { error / (2.0 * value) } else { error }),
        interval: Some(if is_root { interval.map(f64::sqrt) } else { interval }),
        share: None,
    }
}

/// The counts that a metric is a share of: the part and the whole.
pub fn share(counts: &Counts, name: &str) -> Option<[u64; 2]> {
    match counts {
        Counts::Binary(binary) => {
            let [[tn, fp], [fneg, tp]] = metrics::confusion(&binary.cells);
            let (negatives, positives) = (tn + fp, fneg + tp);
            Some(match name {
                "recall" | "true_positive_rate" => [tp, positives],
                "precision" => [tp, tp + fp],
                "accuracy" => [tp + tn, negatives + positives],
                "true_negative_rate" => [tn, negatives],
                "false_positive_rate" => [fp, negatives],
                "false_negative_rate" => [fneg, positives],
                "accuracy_best_constant_classifier" => [negatives, negatives + positives],
                "baseline_majority" => [negatives.max(positives), negatives + positives],
                _ => return None,
            })
        }
        // The recall weighted by the shares of the classes is the accuracy.
        Counts::Multiclass(multiclass) if ["accuracy", "weighted_recall"].contains(&name) => {
            let hits = multiclass.cells.iter().filter(|cell| cell.actual == cell.predicted);
            Some([hits.map(|cell| cell.times).sum(), counts.rows()])
        }
        _ => None,
    }
}

/// Cells drawn for the metrics of all rows: a second of work or less.
pub const MOST_DRAWN: u64 = 10_000_000;
const MOST_REPLICATES: u64 = 1000;

/// Values of the metrics `needed`, over draws of all rows with replacement. Undefined ones are left out.
fn replicates(counts: &Counts, needed: &[&str], most_drawn: u64) -> Vec<Vec<f64>> {
    // Of a binary problem only the area needs the scores; the rest follows from four counts.
    let confusion = match counts {
        Counts::Binary(binary) => Some(Counts::Binary(Binary {
            cells: vec![ScoreCell { score: 0.0, counts: metrics::confusion(&binary.cells) }],
            ..binary.empty()
        })),
        _ => None,
    };
    let without_scores = |name: &&str| confusion.is_some() && *name != "au_prc";
    let (few, all): (Vec<&str>, Vec<&str>) = needed.iter().copied().partition(without_scores);
    let mut drawn: HashMap<&str, Vec<f64>> = HashMap::new();
    if let Some(confusion) = &confusion {
        drawn.extend(few.iter().copied().zip(draw(confusion, &few, MOST_REPLICATES)));
    }
    let cells = match counts {
        Counts::Binary(binary) => 4 * binary.cells.len(),
        Counts::Multiclass(multiclass) => multiclass.cells.len(),
        Counts::Regression(regression) => regression.pairs.len(),
    };
    let number = most_drawn.checked_div(cells as u64).unwrap_or(0).clamp(100, MOST_REPLICATES);
    if !all.is_empty() {
        drawn.extend(all.iter().copied().zip(draw(counts, &all, number)));
    }
    needed.iter().map(|name| drawn.remove(name).unwrap_or_default()).collect()
}

fn draw(counts: &Counts, names: &[&str], replicates: u64) -> Vec<Vec<f64>> {
    let drawn: Vec<Vec<Option<f64>>> = (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let drawn = random::resampled(counts, &mut random::generator(PURPOSE, replicate));
            if let (Counts::Binary(binary), ["au_prc"]) = (&drawn, names) {
                return vec![Some(curves::au_prc(&binary.cells))];
            }
            let scalars = drawn.scalars();
            names.iter().map(|name| metrics::value(&scalars, name)).collect()
        })
        .collect();
    (0..names.len()).map(|column| drawn.iter().filter_map(|draw| draw[column]).collect()).collect()
}

/// From few replicates the ends of a percentile interval are vague; then the normal one.
const FEWEST_FOR_PERCENTILES: usize = 400;

/// Sums of shares that make 1 may miss it by so much.
const ROUNDING: f64 = 1e-12;

/// None when the draws do not differ: then they say nothing of how much the metric varies.
fn from_replicates(value: f64, mut values: Vec<f64>) -> Option<Spread> {
    let n = values.len();
    if n < 50 {
        return Some(Spread::default());
    }
    let mean = values.iter().sum::<f64>() / n as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = (squares / (n - 1) as f64).sqrt();
    values.sort_unstable_by(f64::total_cmp);
    let outside = (0.025 * n as f64) as usize;
    let [low, high] = [values[outside].min(value), values[n - 1 - outside].max(value)];
    if values[n - 1] - values[0] <= ROUNDING * value.abs() {
        return None;
    }
    let are_percentiles = n >= FEWEST_FOR_PERCENTILES && low < high;
    let interval = if are_percentiles { [low, high] } else { [value - Z * error, value + Z * error] };
    Some(Spread { standard_error: Some(error), interval: Some(interval), share: None })
}

/// The spread of a metric of classes whose draws all give the same, since no row is wrong or none is right: Wilson's
/// interval of a share of the rows that it is about, and as its standard error the part of the interval that belongs to
/// one. Other values, and regressions, whose errors have no bound, have no interval.
fn at_the_end(counts: &Counts, name: &str, value: f64) -> Spread {
    let rows = match counts {
        Counts::Binary(binary) => {
            let [[tn, fp], [fneg, tp]] = metrics::confusion(&binary.cells);
            let (negatives, positives) = (tn + fp, fneg + tp);
            if name == "auc" { negatives.min(positives) } else { positives }
        }
        Counts::Multiclass(_) => counts.rows(),
        Counts::Regression(_) => return Spread { standard_error: Some(0.0), ..Spread::default() },
    };
    let interval = match value {
        value if value >= 1.0 - ROUNDING => wilson(rows, rows),
        value if value <= 0.0 => wilson(0, rows),
        _ => None,
    };
    let error = interval.map_or(0.0, |[low, high]| (high - low) / Z);
    Spread { standard_error: Some(error), interval, share: None }
}

#[cfg(test)]
#[path = "tests_of_intervals.rs"]
mod tests;
