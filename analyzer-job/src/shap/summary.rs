//! From the values of single rows to those of the whole: global values, their standard errors,
//! quantiles and a sample for the picture. Memory does not grow with the rows, except for the median.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::design::ROTATION;
use crate::config::Aggregation;
use crate::results::details::FeatureDetails;
use crate::values::cells::{Cells, ModelRows, Value};

/// Rows whose values are kept for quantiles.
const QUANTILE_ROWS: usize = 10_000;
/// Rows shown in the picture.
const PICTURE_ROWS: usize = 300;
/// Shares of the quantiles.
const SHARES: [f64; 7] = [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0];
/// The median's standard error over the mean's, for normal errors: sqrt(pi / 2).
const MEDIAN_FACTOR: f64 = 1.2533;

/// Sums over the explained rows, added in the order of the rows.
pub(super) struct Summary {
    aggregation: Aggregation,
    n_rows: usize,
    columns: Vec<Column>,
    /// Rows kept for quantiles, ascending; the picture takes every nth of them.
    kept_rows: Vec<usize>,
    next_kept: usize,
}

/// One output and feature.
struct Column {
    sum: f64,
    largest: f64,
    smallest: f64,
    /// All values, for the median alone.
    all: Vec<f64>,
    kept: Vec<f64>,
    error_sum: f64,
    /// What errors of rows do to the global value, by design: within one they are not independent.
    influence: [f64; ROTATION],
    without_error: bool,
}

/// One output and feature over all rows.
pub(super) struct Global {
    pub value: f64,
    pub details: FeatureDetails,
}

impl Summary {
    /// `n_columns`: outputs times features.
    pub(super) fn new(aggregation: Aggregation, n_rows: usize, n_columns: usize, seed: u64) -> Summary {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::MAX);
        let kept_rows = if n_rows <= QUANTILE_ROWS {
            (0..n_rows).collect()
        } else {
            sample(n_rows, QUANTILE_ROWS, &mut random)
        };
        let column = || Column {
            sum: 0.0,
            largest: f64::NEG_INFINITY,
            smallest: f64::INFINITY,
            all: Vec::new(),
            kept: Vec::new(),
            error_sum: 0.0,
            influence: [0.0; ROTATION],
            without_error: false,
        };
        Summary {
            aggregation,
            n_rows,
            columns: (0..n_columns).map(|_| column()).collect(),
            kept_rows,
            next_kept: 0,
        }
    }

    /// Takes the rows one after the other. `errors` may hold NaN for unknown.
    pub(super) fn add(&mut self, row: usize, values: &[f64], errors: &[f64], turn: usize) {
        let keep = self.kept_rows.get(self.next_kept) == Some(&row);
        self.next_kept += usize::from(keep);
        for ((column, &value), &error) in self.columns.iter_mut().zip(values).zip(errors) {
            let (term, slope) = match self.aggregation {
                Aggregation::MeanAbs => (value.abs(), 1.0),
                Aggregation::MeanSq => (value * value, 2.0 * value.abs()),
                Aggregation::Median => {
                    column.all.push(value);
                    (0.0, MEDIAN_FACTOR)
                }
            };
            column.sum += term;
            column.largest = column.largest.max(value);
            column.smallest = column.smallest.min(value);
            if keep {
                column.kept.push(value);
            }
            if error.is_nan() {
                column.without_error = true;
            } else {
                column.error_sum += error;
                column.influence[turn % ROTATION] += slope * error;
            }
        }
    }

    /// Global values in the order of the columns: output by output, features within.
    /// `features` are the columns' positions in `rows`, `names` their names.
    pub(super) fn finish(
        mut self,
        cells: &Cells,
        rows: &ModelRows,
        features: &[usize],
        names: &[String],
    ) -> Vec<Global> {
        let n = self.n_rows.max(1) as f64;
        let every = self.kept_rows.len().div_ceil(PICTURE_ROWS).max(1);
        let ranks: Vec<Vec<Option<f64>>> =
            features.par_iter().map(|&feature| ranks(cells, rows, feature, &self.kept_rows, every)).collect();
        let aggregation = self.aggregation;
        let global = |(place, column): (usize, &mut Column)| {
            let feature = place % features.len();
            let value = match aggregation {
                Aggregation::Median => median(&mut column.all),
                _ => column.sum / n,
            };
            let influence = column.influence.iter().map(|sum| sum * sum).sum::<f64>().sqrt() / n;
            let sample =
                column.kept.iter().step_by(every).copied().zip(ranks[feature].iter().copied()).collect();
            let known = !column.without_error;
            Global {
                value,
                details: FeatureDetails {
                    name: names[feature].clone(),
                    standard_error: known.then_some(influence),
                    local_standard_error: known.then_some(column.error_sum / n),
                    baseline: None,
                    quantiles: quantiles(column),
                    sample,
                },
            }
        };
        self.columns.par_iter_mut().enumerate().map(global).collect()
    }
}

fn quantiles(column: &Column) -> Option<[f64; 7]> {
    let mut sorted = column.kept.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let mut quantiles = SHARES.map(|share| {
        let place = share * last as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        sorted[below] + (sorted[(below + 1).min(last)] - sorted[below]) * part
    });
    quantiles[0] = column.smallest;
    quantiles[6] = column.largest;
    Some(quantiles)
}

/// The middle value; of an even number, the mean of the two in the middle. 0 for none.
pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// `count` of `0..n`, ascending, each set of them as likely.
pub(crate) fn sample(n: usize, count: usize, random: &mut impl rand::Rng) -> Vec<usize> {
    let mut picked: Vec<usize> = rand::seq::index::sample(random, n, count.min(n)).into_iter().collect();
    picked.sort_unstable();
    picked
}

/// A cell as a number, when it is one.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) if !value.is_nan() => Some(*value),
        _ => None,
    }
}

/// Where the feature's value stands among those of the kept rows: 0 lowest, 1 highest, ties in the middle.
fn ranks(cells: &Cells, rows: &ModelRows, feature: usize, kept: &[usize], every: usize) -> Vec<Option<f64>> {
    let of_row = |row: &usize| number(cells.value(rows.row(*row)[feature]));
    let mut sorted: Vec<f64> = kept.iter().filter_map(of_row).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = |value: f64| {
        let below = sorted.partition_point(|other| *other < value);
        let up_to = sorted.partition_point(|other| *other <= value);
        (below + up_to) as f64 / (2 * sorted.len()) as f64
    };
    kept.iter().step_by(every).map(|row| of_row(row).map(rank)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that share a design err together, rows of different designs apart.
    #[test]
    fn errors_of_a_global_value_add_within_a_design_and_cancel_between() {
        let global = |turns: [usize; 4]| {
            let mut cells = Cells::default();
            let id = cells.intern(&Value::Int(1));
            let rows = ModelRows { n_features: 1, ids: vec![id; 4] };
            let mut summary = Summary::new(Aggregation::MeanAbs, 4, 1, 0);
            for (row, turn) in turns.into_iter().enumerate() {
                summary.add(row, &[-2.0], &[0.5], turn);
            }
            let details = summary.finish(&cells, &rows, &[0], &["x".into()]).swap_remove(0).details;
            (details.standard_error.unwrap(), details.local_standard_error.unwrap())
        };
        assert_eq!(global([3, 3, 3, 3]), (0.5, 0.5));
        assert_eq!(global([0, 1, 2, 3]), (0.25, 0.5));
    }
}
