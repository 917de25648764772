//! From the values of single rows to those of the whole: global values, their standard errors,
//! quantiles and a sample for the picture. Memory does not grow with the rows, except for the median.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::design::ROTATION;
use crate::config::Aggregation;
use crate::results::details::{FeatureDetails, OUTPUTS_WITH_CHAPTER};
use crate::values::cells::{Cells, ModelRows, Value};

/// Rows whose values are kept for quantiles,
const QUANTILE_ROWS: usize = 10_000;
/// and the memory for them, in bytes: many outputs keep fewer rows, not fewer than the picture has.
const QUANTILE_BYTES: usize = 64 << 20;
/// Rows shown in the picture.
const PICTURE_ROWS: usize = 300;

/// Rows that are kept of so many columns.
fn most_kept(n_columns: usize) -> usize {
    (QUANTILE_BYTES / (size_of::<f64>() * n_columns.max(1))).clamp(PICTURE_ROWS, QUANTILE_ROWS)
}
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
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Column {
    sum: f64,
    largest: f64,
    smallest: f64,
    /// All values, for the median alone.
    all: Vec<f64>,
    kept: Vec<f64>,
    error_sum: f64,
    /// What errors of rows do to the global value, by design: within one they are not independent.
    influence: Vec<f64>,
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
        let most = most_kept(n_columns);
        let kept_rows =
            if n_rows <= most { (0..n_rows).collect() } else { sample(n_rows, most, &mut random) };
        let column = || Column {
            sum: 0.0,
            largest: f64::NEG_INFINITY,
            smallest: f64::INFINITY,
            all: Vec::new(),
            kept: Vec::new(),
            error_sum: 0.0,
            influence: vec![0.0; ROTATION],
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

    /// The sums, with the numbers of the kept rows. `features` are the columns' positions in `rows`.
    pub(super) fn finish(self, cells: &Cells, rows: &ModelRows, features: &[usize]) -> Sums {
        let numbers_of = |&feature: &usize| {
            // States hold finite numbers only; the order is the same.
            let finite = |value: f64| value.clamp(f64::MIN, f64::MAX);
            let kept = self.kept_rows.iter();
            kept.map(|row| number(cells.value(rows.row(*row)[feature])).map(finite)).collect()
        };
        Sums {
            aggregation: self.aggregation,
            n_rows: self.n_rows,
            numbers: features.par_iter().map(numbers_of).collect(),
            columns: self.columns,
        }
    }
}

/// What is left of some rows: sums, and of at most ten thousand of them the values themselves.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sums {
    aggregation: Aggregation,
    n_rows: usize,
    columns: Vec<Column>,
    /// By feature, for each kept row its number; none for text and missing values.
    numbers: Vec<Vec<Option<f64>>>,
}

impl Sums {
    /// Global values in the order of the columns: output by output, features within. `names` of the features.
    pub(super) fn globals(&mut self, names: &[String]) -> Vec<Global> {
        let n = self.n_rows.max(1) as f64;
        let kept = self.numbers.first().map_or(0, Vec::len);
        let every = kept.div_ceil(PICTURE_ROWS).max(1);
        let ranks: Vec<Vec<Option<f64>>> =
            self.numbers.par_iter().map(|numbers| ranks(numbers, every)).collect();
        let aggregation = self.aggregation;
        let global = |(place, column): (usize, &mut Column)| {
            let feature = place % names.len();
            let value = match aggregation {
                Aggregation::Median => median(&mut column.all),
                _ => column.sum / n,
            };
            let influence = column.influence.iter().map(|sum| sum * sum).sum::<f64>().sqrt() / n;
            let sample = if place / names.len() < OUTPUTS_WITH_CHAPTER {
                column.kept.iter().step_by(every).copied().zip(ranks[feature].iter().copied()).collect()
            } else {
                Vec::new()
            };
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

    /// That sums which were read from a file can be used, for so many outputs and features.
    pub(super) fn check(&self, outputs: usize, features: usize) -> Result<(), String> {
        let kept = self.n_rows.min(most_kept(self.columns.len()));
        let all = if self.aggregation == Aggregation::Median { self.n_rows } else { 0 };
        let whole = self.n_rows > 0
            && self.columns.len() == outputs * features
            && self.numbers.len() == features
            && self.numbers.iter().all(|numbers| numbers.len() == kept)
            && self.columns.iter().all(|column| {
                column.kept.len() == kept && column.all.len() == all && column.influence.len() == ROTATION
            });
        if whole { Ok(()) } else { Err("sums of other rows".into()) }
    }

    /// The sums of all parts, added in their order. Kept are rows of each part in proportion to its rows, evenly
    /// spaced; all of them as long as they are few. There is at least one part.
    pub(super) fn combine(parts: Vec<Sums>) -> Sums {
        let n_rows: usize = parts.iter().map(|part| part.n_rows).sum();
        let most = most_kept(parts.first().map_or(0, |part| part.columns.len()));
        let kept = |part: &Sums| -> Vec<usize> {
            let have = part.n_rows.min(most);
            let share = part.n_rows as f64 / n_rows as f64 * most as f64;
            let take = if n_rows <= most { have } else { (share.round() as usize).clamp(1, have) };
            (0..take).map(|at| at * have / take).collect()
        };
        let places: Vec<Vec<usize>> = parts.iter().map(kept).collect();
        let mut parts = parts.into_iter().zip(places);
        let Some((mut all, first)) = parts.next() else { unreachable!("there is a part") };
        let pick = |values: &mut Vec<f64>, at: &[usize]| *values = at.iter().map(|&at| values[at]).collect();
        all.columns.iter_mut().for_each(|column| pick(&mut column.kept, &first));
        for numbers in &mut all.numbers {
            *numbers = first.iter().map(|&at| numbers[at]).collect();
        }
        for (part, places) in parts {
            for (mine, theirs) in all.columns.iter_mut().zip(part.columns) {
                mine.sum += theirs.sum;
                mine.largest = mine.largest.max(theirs.largest);
                mine.smallest = mine.smallest.min(theirs.smallest);
                mine.all.extend(theirs.all);
                mine.kept.extend(places.iter().map(|&at| theirs.kept[at]));
                mine.error_sum += theirs.error_sum;
                for (mine, theirs) in mine.influence.iter_mut().zip(theirs.influence) {
                    *mine += theirs;
                }
                mine.without_error |= theirs.without_error;
            }
            for (mine, theirs) in all.numbers.iter_mut().zip(part.numbers) {
                mine.extend(places.iter().map(|&at| theirs[at]));
            }
        }
        // A rounded share may be one too many.
        let most = most.min(n_rows);
        all.columns.iter_mut().for_each(|column| column.kept.truncate(most));
        all.numbers.iter_mut().for_each(|numbers| numbers.truncate(most));
        Sums { n_rows, ..all }
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

/// A cell as a number that can be added up, when it is one.
pub(crate) fn finite(value: &Value) -> Option<f64> {
    number(value).filter(|value| value.is_finite())
}

/// What finite numbers are divided by, so that their sums and squares are finite too: 1, or a power of two, which
/// changes no digit.
pub(crate) fn unit(mut numbers: impl Iterator<Item = f64>) -> f64 {
    const LARGE: f64 = 1e150;
    const TWO_TO_600: f64 = f64::from_bits((1023 + 600) << 52);
    if numbers.any(|number| number.abs() > LARGE) { TWO_TO_600 } else { 1.0 }
}

/// Where each number stands among those of the kept rows: 0 lowest, 1 highest, ties in the middle.
fn ranks(numbers: &[Option<f64>], every: usize) -> Vec<Option<f64>> {
    let mut sorted: Vec<f64> = numbers.iter().copied().flatten().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = |value: f64| {
        let below = sorted.partition_point(|other| *other < value);
        let up_to = sorted.partition_point(|other| *other <= value);
        (below + up_to) as f64 / (2 * sorted.len()) as f64
    };
    numbers.iter().step_by(every).map(|number| number.map(rank)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_for_quantiles_are_bound_by_their_bytes() {
        let kept =
            |n_rows, n_columns| Summary::new(Aggregation::MeanAbs, n_rows, n_columns, 1).kept_rows.len();
        assert_eq!((kept(9_000, 60), kept(20_000, 60), kept(20_000, 838)), (9_000, 10_000, 10_000));
        for n_columns in [1_000, 10_000, 30_000, 1_000_000] {
            let kept = kept(20_000, n_columns);
            assert!(kept == PICTURE_ROWS || kept * n_columns * 8 <= QUANTILE_BYTES, "{n_columns}: {kept}");
            assert!(kept >= PICTURE_ROWS, "{n_columns}: {kept}");
        }
        assert_eq!(kept(200, 30_000), 200);
    }

    /// As many rows as the memory allows, in parts and in the whole, and dots only for the outputs that are drawn.
    #[test]
    fn parts_with_many_outputs_add_up() {
        const OUTPUTS: usize = 30_000;
        let mut cells = Cells::default();
        let id = cells.intern(&Value::Int(1));
        let of = |n_rows: usize| {
            let rows = ModelRows { n_features: 1, ids: vec![id; n_rows] };
            let mut summary = Summary::new(Aggregation::MeanAbs, n_rows, OUTPUTS, 0);
            (0..n_rows).for_each(|row| summary.add(row, &[row as f64; OUTPUTS], &[f64::NAN; OUTPUTS], 0));
            summary.finish(&cells, &rows, &[0])
        };
        let parts = vec![of(320), of(10)];
        parts.iter().for_each(|part| part.check(OUTPUTS, 1).unwrap());
        let mut whole = Sums::combine(parts);
        whole.check(OUTPUTS, 1).unwrap();
        let globals = whole.globals(&["x".to_string()]);
        let dots = |global: &Global| global.details.sample.len();
        assert!(dots(&globals[OUTPUTS_WITH_CHAPTER - 1]) > 100 && dots(&globals[OUTPUTS_WITH_CHAPTER]) == 0);
        assert!(globals.iter().all(|global| global.details.quantiles.is_some()));
    }

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
            let details = summary.finish(&cells, &rows, &[0]).globals(&["x".into()]).swap_remove(0).details;
            (details.standard_error.unwrap(), details.local_standard_error.unwrap())
        };
        assert_eq!(global([3, 3, 3, 3]), (0.5, 0.5));
        assert_eq!(global([0, 1, 2, 3]), (0.25, 0.5));
    }

    /// Sums of parts are those of the whole, and few rows are all kept.
    #[test]
    fn parts_add_up() {
        let mut cells = Cells::default();
        let ids: Vec<u32> = (0..40).map(|row| cells.intern(&Value::Int(row))).collect();
        for aggregation in [Aggregation::MeanAbs, Aggregation::MeanSq, Aggregation::Median] {
            let of = |range: std::ops::Range<usize>| {
                let rows = ModelRows { n_features: 1, ids: ids[range.clone()].to_vec() };
                let mut summary = Summary::new(aggregation, range.len(), 1, 0);
                for (place, row) in range.enumerate() {
                    summary.add(place, &[row as f64 - 11.0], &[0.25], row);
                }
                summary.finish(&cells, &rows, &[0])
            };
            let read = |sums: Sums| -> Sums {
                sums.check(1, 1).unwrap();
                serde_json::from_str(&serde_json::to_string(&sums).unwrap()).unwrap()
            };
            let names = ["x".to_string()];
            let whole = of(0..40).globals(&names).swap_remove(0);
            let parts = vec![read(of(0..7)), read(of(7..33)), read(of(33..40))];
            let both = Sums::combine(parts).globals(&names).swap_remove(0);
            assert_eq!((both.value, both.details), (whole.value, whole.details));
        }
    }
}
