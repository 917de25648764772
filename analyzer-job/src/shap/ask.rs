//! The model as a game asks it: rows in large calls, each distinct row of a call once, the mean over
//! the baseline's rows, the link.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::DefaultHashBuilder;
use indexmap::IndexSet;
use ndarray::Array2;
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

/// A model with a count of what it was asked.
pub(crate) struct Asker<'a> {
    cells: &'a Cells,
    predict: &'a Predict<'a>,
    model_rows: AtomicU64,
}

impl<'a> Asker<'a> {
    pub(crate) fn new(cells: &'a Cells, predict: &'a Predict<'a>) -> Asker<'a> {
        Asker { cells, predict, model_rows: AtomicU64::new(0) }
    }

    /// Rows that went to the model.
    pub(crate) fn model_rows(&self) -> u64 {
        self.model_rows.load(Ordering::Relaxed)
    }

    /// The model's outputs for each row (rows x outputs); equal rows are sent once.
    ///
    /// # Errors
    /// Those of the model; a wrong number of answers or one that is not finite.
    pub(crate) fn outputs(&self, rows: &ModelRows) -> Result<Array2<f64>> {
        let mut distinct: IndexSet<&[u32], DefaultHashBuilder> =
            IndexSet::with_capacity_and_hasher(rows.len(), DefaultHashBuilder::default());
        let places: Vec<usize> = rows.rows().map(|row| distinct.insert_full(row).0).collect();
        if distinct.len() == rows.len() {
            return self.send(rows);
        }
        let mut unique = ModelRows::with_capacity(rows.n_features, distinct.len());
        distinct.iter().for_each(|row| unique.push(row));
        let answers = self.send(&unique)?;
        Ok(answers.select(ndarray::Axis(0), &places))
    }

    fn send(&self, rows: &ModelRows) -> Result<Array2<f64>> {
        self.model_rows.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let answers = (self.predict)(self.cells, rows)?;
        if answers.nrows() != rows.len() {
            return Err(Problem::new(&codes::INTERNAL, "the model gave another number of answers than rows")
                .found(answers.nrows().to_string())
                .expected(rows.len().to_string()));
        }
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
