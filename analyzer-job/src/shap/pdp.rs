//! Partial dependence: the mean prediction when one feature is set to each of its values in turn.

use ndarray::{Array2, Axis, Slice};
use plumbline_common::progress::Progress;
use plumbline_common::stop::Stop;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;

use super::ask::{Asker, Known, call_rows};
use super::kinds::{Kind, kind, value_counts};
use super::summary::{finite, sample, unit};
use crate::results::PartialDependence;
use crate::values::cells::{Cells, ModelRows, Predict, Value};
use crate::values::firsts::Firsts;

/// Predictions are averaged over at most this many rows.
pub const MOST_ROWS: usize = 2_000;
/// Whole numbers that count as more categories than this, and than the grid has buckets, are remarked on.
const FEW_CATEGORIES: usize = 50;
const FREE_TEXT: &str = "Detected data type is not supported for PDP. PDP can only be computed for numerical or categorical columns";

/// What to draw.
pub struct PdpTask<'a> {
    pub rows: &'a ModelRows,
    pub names: &'a [String],
    /// Positions of the features, in the order of the result.
    pub features: &'a [usize],
    /// Buckets of a numerical feature.
    pub grid_resolution: usize,
    pub seed: u64,
}

/// The points of each curve, and the rows that a curve is the mean of. Nothing is asked yet.
pub struct Grids {
    /// Positions of rows.
    used: Vec<usize>,
    features: Vec<FeatureGrid>,
    warnings: Vec<String>,
}

struct FeatureGrid {
    feature: usize,
    kind: Kind,
    /// Empty for free text.
    points: Vec<Point>,
}

/// The curves, the rows that they are averaged over, and what they cost beside what was known.
#[derive(Debug)]
pub struct PdpResult {
    pub curves: Vec<PartialDependence>,
    pub rows: u64,
    pub model_rows: u64,
    pub warnings: Vec<String>,
}

/// The features with the largest global attributions, the largest first.
///
/// `globals`: `[output][explained feature]`; a feature counts with its largest output. `explained`: their
/// positions among all features.
pub fn top_features(globals: &[Vec<f64>], explained: &[usize], count: usize) -> Vec<usize> {
    let largest = |place: usize| globals.iter().map(|values| values[place].abs()).fold(0.0, f64::max);
    let mut order: Vec<usize> = (0..explained.len()).collect();
    order.sort_by(|a, b| largest(*b).total_cmp(&largest(*a)));
    order.into_iter().take(count).map(|place| explained[place]).collect()
}

/// A value to set, its share of the rows, and how `analysis.json` shows it.
struct Point {
    id: u32,
    share: f64,
    shown: Json,
}

impl Grids {
    /// Chooses rows and points. Values of grids are added to `cells`.
    pub fn of(task: &PdpTask, cells: &mut Cells) -> Grids {
        let PdpTask { rows, names, features, grid_resolution, seed } = *task;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(u64::MAX - 1);
        let used: Vec<usize> = if rows.len() <= MOST_ROWS {
            (0..rows.len()).collect()
        } else {
            sample(rows.len(), MOST_ROWS, &mut random)
        };
        let mut grids = Vec::with_capacity(features.len());
        let mut warnings = Vec::new();
        for &feature in features {
            let counts = value_counts(rows, cells, feature);
            let kind = kind(&counts, cells);
            let points = match kind {
                Kind::Numerical => numeric_grid(&counts, grid_resolution, cells),
                Kind::Categorical => categories(counts, rows.len(), cells),
                Kind::FreeText => Vec::new(),
            };
            let whole = points.iter().all(|point| matches!(cells.value(point.id), Value::Int(_)));
            if kind == Kind::Categorical && whole && points.len() > grid_resolution.max(FEW_CATEGORIES) {
                warnings.push(format!(
                    "pdp: fewer than 5 % of the whole numbers in `{}` are distinct, so its {} values count as \
                     categories and cost {} model rows; written with decimals they would share {grid_resolution} \
                     buckets",
                    names[feature],
                    points.len(),
                    points.len() * used.len()
                ));
            }
            grids.push(FeatureGrid { feature, kind, points });
        }
        Grids { used, features: grids, warnings }
    }

    /// The rows of the curves that are the first with a kind of value in a column, beyond those that `firsts` saw.
    pub(crate) fn firsts(&self, rows: &ModelRows, firsts: &mut Firsts) -> Vec<Vec<u32>> {
        let mut found = Vec::new();
        for FeatureGrid { feature, points, .. } in &self.features {
            let mut look = |row: usize, point: &Point| {
                let mut changed = rows.row(row).to_vec();
                changed[*feature] = point.id;
                if firsts.shows(changed.iter().copied()) {
                    found.push(changed);
                }
            };
            // The other columns are the same at each point.
            let Some((first, others)) = points.split_first() else { continue };
            self.used.iter().for_each(|&row| look(row, first));
            if let Some(&row) = self.used.first() {
                others.iter().for_each(|point| look(row, point));
            }
        }
        found
    }
}

/// Computes the curve of every feature. `names`: of the features. `known`: what the model said of some rows already.
/// `labels`: names of the model's outputs, asked for once the model has answered.
///
/// # Errors
/// Those of the model; being stopped.
pub fn partial_dependence(
    (rows, names): (&ModelRows, &[String]),
    grids: Grids,
    (cells, known): (&Cells, &Known),
    predict: &Predict,
    labels: &dyn Fn(usize) -> Vec<String>,
    (stop, for_people): (&Stop, bool),
) -> Result<PdpResult> {
    let Grids { used, features, warnings } = grids;
    let asker = Asker::new(cells, known, predict);
    let total: usize = features.iter().map(|grid| grid.points.len() * used.len()).sum();
    let mut progress = Progress::start("partial dependence", "model rows", total as u64, for_people);
    let mut curves = Vec::with_capacity(features.len());
    for FeatureGrid { feature, kind, points } in &features {
        stop.check()?;
        let means =
            if points.is_empty() { None } else { Some(means(&asker, rows, &used, *feature, points)?) };
        progress.advance((points.len() * used.len()) as u64);
        let n_outputs = means.as_ref().map_or(0, Array2::nrows);
        curves.push(PartialDependence {
            feature_name: names[*feature].clone(),
            data_type: kind.name().into(),
            error: (*kind == Kind::FreeText).then(|| FREE_TEXT.into()),
            data_distribution: means.as_ref().map(|_| points.iter().map(|point| point.share).collect()),
            feature_values: means.as_ref().map(|_| points.iter().map(|point| point.shown.clone()).collect()),
            model_predictions: means.map(|means| means.rows().into_iter().map(|row| row.to_vec()).collect()),
            label_headers: labels(n_outputs),
        });
    }
    Ok(PdpResult { curves, rows: used.len() as u64, model_rows: asker.model_rows(), warnings })
}

/// Middles of equal buckets from the smallest to the largest value: `min + (k + 0.5) (max - min) / G`, and
/// the share of the values in each, missing and infinite ones aside; a bucket holds its lower border, the last one
/// both. One bucket for a constant.
fn numeric_grid(counts: &[(u32, u64)], buckets: usize, cells: &mut Cells) -> Vec<Point> {
    let mut values: Vec<(f64, u64)> = counts
        .iter()
        .filter_map(|(id, count)| finite(cells.value(*id)).map(|value| (value, *count)))
        .collect();
    let unit = unit(values.iter().map(|(value, _)| *value));
    values.iter_mut().for_each(|(value, _)| *value /= unit);
    let n_values: u64 = values.iter().map(|(_, count)| count).sum();
    let low = values.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min);
    let high = values.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() {
        return Vec::new();
    }
    let integers = counts.iter().all(|(id, _)| matches!(cells.value(*id), Value::Int(_)));
    let buckets = if high > low { buckets.max(1) } else { 1 };
    let width = (high - low) / buckets as f64;
    let mut in_bucket = vec![0u64; buckets];
    for (value, count) in values {
        let place = if width > 0.0 { ((value - low) / width).floor() as usize } else { 0 };
        in_bucket[place.min(buckets - 1)] += count;
    }
    (0..buckets)
        .map(|k| {
            let middle = if buckets == 1 && width == 0.0 {
                low * unit
            } else {
                (low + (k as f64 + 0.5) * (high - low) / buckets as f64) * unit
            };
            // A column of integers is sent an integer where the middle is one.
            let whole = integers && middle.fract() == 0.0 && middle.abs() < 9e15;
            let value = if whole { Value::Int(middle as i64) } else { Value::Float(middle) };
            Point {
                id: cells.intern(&value),
                share: in_bucket[k] as f64 / n_values as f64,
                shown: middle.into(),
            }
        })
        .collect()
}

/// All values by falling share, equal ones in order of first appearance.
fn categories(mut counts: Vec<(u32, u64)>, n_rows: usize, cells: &Cells) -> Vec<Point> {
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
        .into_iter()
        .map(|(id, count)| {
            let shown = match cells.value(id) {
                Value::Null => Json::Null,
                Value::Bool(value) => (*value).into(),
                Value::Int(value) => (*value).into(),
                Value::Float(value) => (*value).into(),
                Value::Text(text) => text.as_str().into(),
            };
            Point { id, share: count as f64 / n_rows as f64, shown }
        })
        .collect()
}

/// Mean output with the feature at each point: outputs x points.
fn means(
    asker: &Asker,
    rows: &ModelRows,
    used: &[usize],
    feature: usize,
    points: &[Point],
) -> Result<Array2<f64>> {
    let points_per_call = (call_rows(rows.n_features) / used.len().max(1)).max(1);
    let mut means: Option<Array2<f64>> = None;
    for (call, some) in points.chunks(points_per_call).enumerate() {
        let mut changed = ModelRows::new(rows.n_features);
        for point in some {
            for &row in used {
                changed.push(rows.row(row));
                let last = changed.ids.len() - rows.n_features + feature;
                changed.ids[last] = point.id;
            }
        }
        let outputs = asker.outputs(&changed)?;
        let means = means.get_or_insert_with(|| Array2::zeros((outputs.ncols(), points.len())));
        if means.nrows() != outputs.ncols() {
            return Err(Problem::new(&codes::OUTPUTS_CHANGED, "the model's answers do not fit together")
                .found(counted(outputs.ncols(), "output"))
                .expected(format!("{} as before", means.nrows())));
        }
        for k in 0..some.len() {
            for output in 0..outputs.ncols() {
                let some_rows = Slice::from(k * used.len()..(k + 1) * used.len());
                let column = outputs.column(output);
                let mine = column.slice_axis(Axis(0), some_rows);
                means[(output, call * points_per_call + k)] = mine.sum() / used.len() as f64;
            }
        }
    }
    Ok(means.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// f = 2 a + 10 (b is "x"), and its negative.
    fn predict(cells: &Cells, rows: &ModelRows) -> Result<Array2<f64>> {
        Ok(Array2::from_shape_fn((rows.len(), 2), |(row, k)| {
            let row = rows.row(row);
            let x = matches!(cells.value(row[1]), Value::Text(text) if text == "x");
            let value = 2.0 * finite(cells.value(row[0])).unwrap_or(0.0) + if x { 10.0 } else { 0.0 };
            if k == 0 { value } else { -value }
        }))
    }

    fn table(cells: &mut Cells, values: &[(Value, &str)]) -> ModelRows {
        let mut rows = ModelRows::new(2);
        for (a, b) in values {
            let row = [cells.intern(a), cells.intern(&Value::Text((*b).into()))];
            rows.push(&row);
        }
        rows
    }

    fn curves(cells: &mut Cells, rows: &ModelRows, grid_resolution: usize) -> PdpResult {
        let names = ["a".into(), "b".into()];
        let task = PdpTask { rows, names: &names, features: &[0, 1], grid_resolution, seed: 0 };
        let grids = Grids::of(&task, cells);
        let labels = |n| (0..n).map(|k| format!("label{k}")).collect();
        let known = (&*cells, &Known::default());
        partial_dependence((rows, &names), grids, known, &predict, &labels, (&Stop::default(), false))
            .unwrap()
    }

    #[test]
    fn grid_has_middles_of_equal_buckets_and_shares_of_rows() {
        let mut cells = Cells::default();
        // 19 to 75 with 20 buckets: 20.4, 23.2, 26.0 (published example).
        let rows = table(
            &mut cells,
            &[(Value::Int(19), "x"), (Value::Int(75), "x"), (Value::Int(22), "y"), (Value::Int(21), "x")],
        );
        let got = curves(&mut cells, &rows, 20);
        let a = &got.curves[0];
        let values = a.feature_values.as_ref().unwrap();
        for (k, want) in [20.4, 23.2, 26.0].into_iter().enumerate() {
            assert!((values[k].as_f64().unwrap() - want).abs() < 1e-12);
        }
        let shares = a.data_distribution.as_ref().unwrap();
        assert_eq!((shares[0], shares[1], shares[19]), (0.5, 0.25, 0.25));
        // Three rows of four are x: mean of f at a is 2 a + 7.5.
        let predictions = a.model_predictions.as_ref().unwrap();
        assert!((predictions[0][0] - (2.0 * 20.4 + 7.5)).abs() < 1e-12);
        assert_eq!(predictions[1][3], -predictions[0][3]);
        assert_eq!(a.label_headers, ["label0", "label1"]);
        let b = &got.curves[1];
        assert_eq!(b.feature_values.as_deref(), Some(&["x".into(), "y".into()][..]));
        assert_eq!(b.data_distribution.as_deref(), Some(&[0.75, 0.25][..]));
        assert_eq!(b.model_predictions.as_ref().unwrap()[0], [2.0 * 137.0 / 4.0 + 10.0, 2.0 * 137.0 / 4.0]);
        assert_eq!(got.rows, 4);
    }

    /// What a curve asks for first shows each kind of value that any of its rows has, and is not asked for again.
    #[test]
    fn the_first_rows_of_curves_have_every_kind_of_value() {
        let mut cells = Cells::default();
        let rows = table(
            &mut cells,
            &[(Value::Int(1), "x"), (Value::Int(4), "y"), (Value::Int(2), "é"), (Value::Null, "x")],
        );
        let names = ["a".into(), "b".into()];
        let task = |features| PdpTask { rows: &rows, names: &names, features, grid_resolution: 2, seed: 0 };
        let firsts = |features, cells: &mut Cells, seen: bool| {
            let grids = Grids::of(&task(features), cells);
            let mut firsts = Firsts::new(cells, 2);
            if seen {
                rows.rows().for_each(|row| {
                    firsts.shows(row.iter().copied());
                });
            }
            grids.firsts(&rows, &mut firsts)
        };
        let shown = |cells: &Cells, rows: Vec<Vec<u32>>| -> Vec<Vec<Value>> {
            rows.iter().map(|row| row.iter().map(|id| cells.value(*id).clone()).collect()).collect()
        };
        let text = |text: &str| Value::Text(text.into());
        // The gap is drawn over: only the middles of the buckets are sent.
        let found = firsts(&[0], &mut cells, false);
        let expected = [vec![Value::Float(1.75), text("x")], vec![Value::Float(1.75), text("é")]];
        assert_eq!(shown(&cells, found), expected);
        let found = firsts(&[0], &mut cells, true);
        assert_eq!(shown(&cells, found), expected[..1]);
        // With words as points the gap is sent.
        let found = firsts(&[1], &mut cells, false);
        let expected =
            [vec![Value::Int(1), text("x")], vec![Value::Null, text("x")], vec![Value::Int(1), text("é")]];
        assert_eq!(shown(&cells, found), expected);
        assert_eq!(firsts(&[1], &mut cells, true), [[0; 0]; 0]);
    }

    #[test]
    fn missing_values_stay_rows_and_are_left_out_of_the_shares() {
        let mut cells = Cells::default();
        let rows = table(
            &mut cells,
            &[(Value::Float(1.5), "x"), (Value::Null, "x"), (Value::Float(1.5), "x"), (Value::Null, "y")],
        );
        let got = curves(&mut cells, &rows, 5);
        let a = &got.curves[0];
        // Constant: one bucket, at the value itself.
        assert_eq!(a.feature_values.as_deref(), Some(&[1.5.into()][..]));
        assert_eq!(a.data_distribution.as_deref(), Some(&[1.0][..]));
        assert_eq!(a.model_predictions.as_ref().unwrap()[0], [3.0 + 7.5]);
    }

    #[test]
    fn grid_is_finite_whatever_the_numbers() {
        let grid = |values: &[f64]| {
            let mut cells = Cells::default();
            let counts: Vec<_> =
                values.iter().map(|value| (cells.intern(&Value::Float(*value)), 1)).collect();
            let points = numeric_grid(&counts, 2, &mut cells);
            points.iter().map(|point| (point.shown.as_f64().unwrap(), point.share)).collect::<Vec<_>>()
        };
        assert_eq!(grid(&[0.0, f64::INFINITY, 4.0, f64::NEG_INFINITY]), [(1.0, 0.5), (3.0, 0.5)]);
        assert_eq!(grid(&[f64::INFINITY]), []);
        let huge = 2_f64.powi(1023);
        assert_eq!(grid(&[huge, -huge]), [(-huge / 2.0, 0.5), (huge / 2.0, 0.5)]);
        assert_eq!(grid(&[f64::MAX]), [(f64::MAX, 1.0)]);
    }

    #[test]
    fn whole_numbers_that_are_many_categories_are_remarked_on() {
        for (distinct, warned) in [(50, false), (51, true)] {
            let mut cells = Cells::default();
            let values: Vec<(Value, &str)> = (0..1100).map(|i| (Value::Int(i % distinct), "x")).collect();
            let rows = table(&mut cells, &values);
            let got = curves(&mut cells, &rows, 15);
            assert_eq!(got.curves[0].data_type, "categorical");
            assert_eq!(got.curves[0].feature_values.as_ref().unwrap().len(), distinct as usize);
            assert_eq!(!got.warnings.is_empty(), warned, "{:?}", got.warnings);
        }
    }

    #[test]
    fn free_text_has_the_documented_error_and_no_numbers() {
        let mut cells = Cells::default();
        let rows = table(&mut cells, &[(Value::Float(1.0), "a review of some seven words here")]);
        let text = &curves(&mut cells, &rows, 5).curves[1];
        assert_eq!(text.data_type, "free_text");
        assert!(text.error.as_deref().unwrap().starts_with("Detected data type is not supported for PDP."));
        assert!(text.feature_values.is_none() && text.model_predictions.is_none());
    }

    #[test]
    fn top_features_come_by_size_over_all_outputs() {
        let globals = [vec![0.1, 0.2, 0.0], vec![0.1, 0.0, -0.5]];
        assert_eq!(top_features(&globals, &[3, 5, 8], 2), [8, 5]);
    }
}
