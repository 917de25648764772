//! How far a metric may be from its value over all rows of the kind: standard errors and 95 % intervals.
//!
//! Shares of rows have Wilson's interval, the other metrics of classes Jeffreys' of as many rows as they vary like (`as_share`), errors of
//! regressions one without their skewness (`errors`). In fewer rows than an interval needs to hold the true value about as often as it
//! says there is none.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::as_share;
use super::curves::{self, ratio};
use super::errors;
use super::metrics::{self, Counts, Scalar};
use super::outcomes::{Binary, Multiclass, ScoreCell};
use super::random;
pub use super::spread::Spread;
use crate::normal::{self, Z};

const PURPOSE: u64 = 2;

/// Wilson's 95 % interval of a share; none without rows.
///
/// Where one to three rows count, its lower end lies above true shares of which so few rows are not rare; there it is the share of
/// which chance gives so many rows or more in 5 % of samples. The same for the upper end where all but one to three count.
/// Source: Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", 2001, section 4.1.1.
pub fn wilson(part: u64, whole: u64) -> Option<[f64; 2]> {
    // Poisson means of which 1, 2, 3 events or more have a chance of 5 %.
    const FEW: [f64; 3] = [0.051_293_294_387_550_58, 0.355_361_510_698_662, 0.817_691_447_270_198_4];
    if whole == 0 {
        return None;
    }
    let [low, high] = normal::wilson(part as f64, whole as f64, Z);
    let end = |count: u64| FEW.get((count as usize).wrapping_sub(1)).map_or(1.0, |mean| mean / whole as f64);
    Some([low.min(end(part)), high.max(1.0 - end(whole - part))])
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
            (Some(value), Some(values)) => of_draws(counts, value, &values),
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
        (Counts::Binary(binary), "auc") => Some(as_share::of_roc(value, &binary.cells)),
        (Counts::Regression(regression), "r2") => Some(errors::of_explained(&regression.pairs, value)),
        (Counts::Regression(regression), _) => Some(errors::of_mean(&regression.pairs, name, value)),
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
            let is_f_score = name.starts_with('f') && name.len() <= 4;
            let least = if name == "au_prc" { 20 } else { 10 * u64::from(is_f_score) };
            positives(binary) >= least
        }
        Counts::Multiclass(multiclass) => {
            let rows_per_class = if name == "weighted_precision" { 40 } else { 10 };
            let of_classes = name.starts_with("weighted_") && name != "weighted_recall";
            !of_classes || counts.rows() >= rows_per_class * multiclass.names.len() as u64
        }
        Counts::Regression(_) => counts.rows() >= 100,
    }
}

/// Rows of the positive class.
fn positives(binary: &Binary) -> u64 {
    let [_, [missed, hits]] = metrics::confusion(&binary.cells);
    missed + hits
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
        // What is known of a regression comes from formulas.
        Counts::Regression(_) => 0,
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

/// The spread of a metric by its values in draws; empty for too few of them.
fn of_draws(counts: &Counts, value: f64, values: &[f64]) -> Spread {
    let n = values.len() as f64;
    if n < 50.0 {
        return Spread::default();
    }
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = (squares / (n - 1.0)).sqrt();
    match counts {
        Counts::Binary(binary) => as_share::of_draws(value, error, positives(binary)),
        _ => as_share::of_draws(value, error, counts.rows()),
    }
}

#[cfg(test)]
#[path = "tests_of_intervals.rs"]
mod tests;
