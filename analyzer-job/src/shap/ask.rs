//! The model as a game asks it: rows in large calls, each distinct row of a call once, the mean over
//! the baseline's rows, the link.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;
use ndarray::{Array2, Axis, concatenate};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};

use crate::values::cells::{Cells, ModelRows, Predict};

/// Model rows in one call at most: enough for many concurrent requests.
const MOST_CALL_ROWS: usize = 1 << 16;
/// Values of features in one call: 4 MB.
const CALL_VALUES: usize = 1 << 20;
/// Probabilities are moved into `[CLIP, 1 - CLIP]` before the logit.
const CLIP: f64 = 1e-12;

/// Model rows in one call, for rows of so many features.
pub(crate) fn call_rows(n_features: usize) -> usize {
    (CALL_VALUES / n_features.max(1)).clamp(1 << 12, MOST_CALL_ROWS)
}

/// What a model said of the rows that it was asked for before all others.
#[derive(Debug, Default)]
pub struct Known {
    /// Each once.
    rows: ModelRows,
    /// Rows x outputs.
    answers: Array2<f64>,
}

impl Known {
    /// Asks for each of these rows once.
    ///
    /// # Errors
    /// Those of the model; a wrong number of answers.
    pub fn ask(cells: &Cells, rows: &ModelRows, predict: &Predict) -> Result<Known> {
        let distinct: IndexSet<&[u32], DefaultHashBuilder> = rows.rows().collect();
        if distinct.is_empty() {
            return Ok(Known::default());
        }
        let mut rows = ModelRows::with_capacity(rows.n_features, distinct.len());
        distinct.iter().for_each(|row| rows.push(row));
        let answers = answered(cells, &rows, predict)?;
        Ok(Known { rows, answers })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// That the predictions can be explained, as `check_predictions`.
    ///
    /// # Errors
    /// The first row of which they cannot, and what is wrong with them.
    pub(crate) fn check(&self, use_logit: bool) -> std::result::Result<(), (Vec<u32>, Problem)> {
        for (row, predictions) in self.rows.rows().zip(self.answers.rows()) {
            check_predictions(predictions.iter(), use_logit).map_err(|problem| (row.to_vec(), problem))?;
        }
        Ok(())
    }
}

fn answered(cells: &Cells, rows: &ModelRows, predict: &Predict) -> Result<Array2<f64>> {
    let answers = predict(cells, rows)?;
    if answers.nrows() == rows.len() {
        return Ok(answers);
    }
    Err(Problem::new(&codes::INTERNAL, "the model gave another number of answers than rows")
        .found(answers.nrows().to_string())
        .expected(rows.len().to_string()))
}

/// A model with a count of what it was asked.
pub(crate) struct Asker<'a> {
    cells: &'a Cells,
    predict: &'a Predict<'a>,
    known: &'a Known,
    model_rows: AtomicU64,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(cells: &'a Cells, known: &'a Known, predict: &'a Predict<'a>) -> Asker<'a> {
        Asker { cells, predict, known, model_rows: AtomicU64::new(0) }
    }

    /// Rows that went to the model beside those that were known.
    pub(crate) fn model_rows(&self) -> u64 {
        self.model_rows.load(Ordering::Relaxed)
    }

    /// The model's outputs for each row (rows x outputs); equal rows are sent once, known ones not again. Known answers are
    /// taken to be checked.
    ///
    /// # Errors
    /// Those of the model; a wrong number of answers or one that is not finite.
    pub(crate) fn outputs(&self, rows: &ModelRows) -> Result<Array2<f64>> {
        let known = self.known.rows.len();
        let mut distinct: IndexSet<&[u32], DefaultHashBuilder> =
            IndexSet::with_capacity_and_hasher(known + rows.len(), DefaultHashBuilder::default());
        distinct.extend(self.known.rows.rows());
        let places: Vec<usize> = rows.rows().map(|row| distinct.insert_full(row).0).collect();
        let new = distinct.len() - known;
        if new == rows.len() {
            return self.send(rows);
        }
        if new == 0 {
            return Ok(self.known.answers.select(Axis(0), &places));
        }
        let mut unique = ModelRows::with_capacity(rows.n_features, new);
        distinct.iter().skip(known).for_each(|row| unique.push(row));
        let answers = self.send(&unique)?;
        if known == 0 {
            return Ok(answers.select(Axis(0), &places));
        }
        let all = concatenate(Axis(0), &[self.known.answers.view(), answers.view()]).map_err(|_| {
            Problem::new(&codes::OUTPUTS_CHANGED, "the model's answers do not fit together")
                .found(counted(answers.ncols(), "output"))
                .expected(format!("{} as before", self.known.answers.ncols()))
        })?;
        Ok(all.select(Axis(0), &places))
    }

    fn send(&self, rows: &ModelRows) -> Result<Array2<f64>> {
        self.model_rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let answers = answered(self.cells, rows, self.predict)?;
        check_finite(&answers)?;
        Ok(answers)
    }
}

/// That predictions can be explained: finite numbers, and under `use_logit` probabilities.
///
/// # Errors
/// The first that is not.
pub(crate) fn check_predictions<'a>(
    predictions: impl IntoIterator<Item = &'a f64> + Clone,
    use_logit: bool,
) -> Result<()> {
    check_finite(predictions.clone())?;
    if use_logit { check_probabilities(predictions) } else { Ok(()) }
}

fn check_finite<'a>(predictions: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    match predictions.into_iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(wrong) => Err(Problem::new(&codes::PREDICTION_NOT_FINITE, "a prediction cannot be explained")
            .found(wrong.to_string())
            .expected("a finite number")
            .hint("check how the model treats missing and unusual values")),
    }
}

fn check_probabilities<'a>(predictions: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    match predictions.into_iter().find(|value| !(0.0..=1.0).contains(*value)) {
        None => Ok(()),
        Some(wrong) => Err(Problem::new(&codes::LOGIT_OUT_OF_RANGE, "log-odds need predictions from 0 to 1")
            .field("methods.shap.use_logit")
            .found(wrong.to_string())
            .expected("a probability")
            .hint(
                "set `use_logit` to false, or set `predictor.probability` to the location of probabilities",
            )),
    }
}

/// From the mean prediction to the scale of the attributions.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub use_logit: bool,
    clipped: AtomicU64,
}

impl Link {
    pub(super) fn new(use_logit: bool) -> Link {
        Link { use_logit, clipped: AtomicU64::new(0) }
    }

    /// Means that were moved into the open interval (0, 1).
    pub(super) fn clipped(&self) -> u64 {
        self.clipped.load(Ordering::Relaxed)
    }

    /// Every prediction must be a probability when the link is the logit.
    ///
    /// # Errors
    /// One that is not.
    pub(super) fn check(&self, predictions: &Array2<f64>) -> Result<()> {
        if self.use_logit { check_probabilities(predictions) } else { Ok(()) }
    }

    pub(super) fn apply(&self, mean: f64) -> f64 {
        if !self.use_logit {
            return mean;
        }
        let clipped = mean.clamp(CLIP, 1.0 - CLIP);
        if clipped != mean {
            self.clipped.fetch_add(1, Ordering::Relaxed);
        }
        (clipped / (1.0 - clipped)).ln()
    }
}
