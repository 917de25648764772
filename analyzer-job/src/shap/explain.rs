//! The way from rows to attributions: blocks of rows, one call of the model for many of their
//! coalitions, one design for all rows with the same number of players.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use ndarray::Array2;
use plumbline_common::progress::Progress;
use plumbline_common::{Problem, Result, codes};
use serde::{Deserialize, Serialize};

use super::ask::{Asker, Known, Link};
use super::budget::{Budget, Players, first_places};
use super::doubts::Doubts;
use super::game::RowValues;
use super::lanes::for_each_block;
use super::play::Run;
use super::summary::{Global, Summary, Sums};
use super::task::Task;
use crate::results::Attributions;
use crate::results::details::{EstimatorUse, FeatureDetails, OutputDetails};
use crate::values::cells::Predict;

/// The values of all rows together. `[output][feature]`, features in dataset order.
pub struct Explained {
    pub expected_values: Vec<f64>,
    pub globals: Vec<Vec<f64>>,
    pub details: Vec<Vec<FeatureDetails>>,
    /// Names of the explained features.
    pub names: Vec<String>,
    /// Largest number of coalitions that a row was allowed.
    pub num_samples: u64,
    pub estimators: Vec<EstimatorUse>,
    pub model_rows: u64,
    pub clipped_predictions: u64,
    pub stopped_early: Option<String>,
    pub warnings: Vec<String>,
}

/// The values of a part of the rows, before they are put together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    expected_values: Vec<f64>,
    sums: Sums,
    /// Names of the explained features.
    names: Vec<String>,
    num_samples: u64,
    estimators: Vec<EstimatorUse>,
    model_rows: u64,
    stopped_early: Option<String>,
    doubts: Doubts,
}

/// Takes the values of the rows, one row after the other: output by output, features within.
pub type Local<'a> = dyn FnMut(&[f64]) -> Result<()> + 'a;

/// Explains every row.
///
/// The values of a row depend on the row, the baseline, the settings and the first place where an
/// equal row stands; not on block borders, threads or the order in which answers arrive.
///
/// # Errors
/// Those of the model and of `local`; predictions that are no probabilities under `use_logit`; a
/// budget that is too small; being stopped.
pub fn explain(task: &Task, predict: &Predict, local: Option<&mut Local>) -> Result<Explained> {
    explain_part(task, &Known::default(), predict, local).map(Part::finish)
}

/// As `explain`, for rows that are a part of all. `known`: what the model said of some rows already.
///
/// # Errors
/// As `explain`.
pub fn explain_part(
    task: &Task,
    known: &Known,
    predict: &Predict,
    local: Option<&mut Local>,
) -> Result<Part> {
    let explained = task.explained_features();
    let first_places = first_places(task.rows);
    let players = Players::of(task, &explained);
    let budget = Budget::of(task, &first_places, &players)?;
    let asker = Asker::new(task.cells, known, predict);
    let link = Link::new(task.use_logit);
    let at_baseline = asker.outputs(task.baseline)?;
    link.check(&at_baseline)?;
    let n_outputs = at_baseline.ncols();
    let expected_values: Vec<f64> = (0..n_outputs).map(|k| link.apply(mean(&at_baseline, k))).collect();
    let run = Run::new(task, &asker, &link, &explained, &expected_values, budget);
    run.expect(&first_places, &players);
    let mut summary = Summary::new(task.aggregation, task.rows.len(), n_outputs * explained.len(), task.seed);
    let mut estimators: BTreeMap<(usize, &'static str), u64> = BTreeMap::new();
    let mut progress = Progress::start("explaining", "rows", task.rows.len() as u64, task.for_people);
    let mut repeats = Repeats::of(&first_places);
    let mut local = local;
    for_each_block(&run, &first_places, &players, task, |block| {
        let mut done = run.row_values(block).into_iter();
        for row in block.rows.clone() {
            let first = first_places[row] as usize;
            let values = if first == row {
                let values = Arc::new(done.next().ok_or_else(missing_row)?);
                repeats.keep(row, &values);
                values
            } else {
                repeats.take(first).ok_or_else(missing_row)?
            };
            summary.add(row, &values.values, &values.errors, values.turn);
            *estimators.entry((values.players, values.estimator)).or_default() += 1;
            if let Some(local) = local.as_deref_mut() {
                local(&values.values)?;
            }
        }
        progress.advance(block.rows.len() as u64);
        Ok(())
    })?;
    let names: Vec<String> = explained.iter().map(|&feature| task.names[feature].clone()).collect();
    let sums = summary.finish(task.cells, task.rows, &explained);
    Ok(Part {
        expected_values: expected_values.clone(),
        sums,
        names,
        num_samples: run.budget.largest(),
        estimators: estimators
            .into_iter()
            .map(|((players, estimator), rows)| EstimatorUse {
                players: players as u64,
                estimator: estimator.into(),
                rows,
            })
            .collect(),
        model_rows: asker.model_rows() + known.len() as u64,
        stopped_early: run.stopped_early(),
        doubts: run.doubts(&players, &first_places),
    })
}

impl Part {
    /// The values of these rows as the whole.
    pub fn finish(mut self) -> Explained {
        let n_outputs = self.expected_values.len();
        let mut globals = vec![Vec::new(); n_outputs];
        let mut details = vec![Vec::new(); n_outputs];
        let all = self.sums.globals(&self.names);
        for (place, Global { value, details: of_feature }) in all.into_iter().enumerate() {
            globals[place / self.names.len()].push(value);
            details[place / self.names.len()].push(of_feature);
        }
        Explained {
            expected_values: self.expected_values,
            globals,
            details,
            names: self.names,
            num_samples: self.num_samples,
            estimators: self.estimators,
            model_rows: self.model_rows,
            clipped_predictions: self.doubts.clipped,
            stopped_early: self.stopped_early,
            warnings: self.doubts.warnings(),
        }
    }

    /// That a part which was read from a file can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> std::result::Result<(), String> {
        if self.expected_values.is_empty() || self.names.is_empty() {
            return Err("attributions of nothing".into());
        }
        self.sums.check(self.expected_values.len(), self.names.len())
    }

    /// Number of the model's outputs.
    pub fn outputs(&self) -> usize {
        self.expected_values.len()
    }

    /// Puts parts together in their order; none for no parts.
    ///
    /// # Errors
    /// The place of a part that had another model, baseline or other features than the first, and what differs.
    pub fn combine(parts: Vec<Part>) -> std::result::Result<Option<Part>, (usize, String)> {
        let mut estimators: BTreeMap<(u64, String), u64> = BTreeMap::new();
        let mut sums = Vec::new();
        let mut all: Option<Part> = None;
        for (at, part) in parts.into_iter().enumerate() {
            for used in &part.estimators {
                *estimators.entry((used.players, used.estimator.clone())).or_default() += used.rows;
            }
            sums.push(part.sums.clone());
            let Some(all) = &mut all else {
                all = Some(part);
                continue;
            };
            if all.names != part.names {
                return Err((at, format!("attributions of {}", part.names.join(", "))));
            }
            // The model answered for the same baseline.
            if all.expected_values != part.expected_values {
                return Err((
                    at,
                    "another prediction for the baseline: the model or the baseline is another".into(),
                ));
            }
            all.num_samples = all.num_samples.max(part.num_samples);
            all.model_rows += part.model_rows;
            all.stopped_early = all.stopped_early.take().or(part.stopped_early);
            all.doubts.merge(&part.doubts);
        }
        Ok(all.map(|all| Part {
            sums: Sums::combine(sums),
            estimators: estimators
                .into_iter()
                .map(|((players, estimator), rows)| EstimatorUse { players, estimator, rows })
                .collect(),
            ..all
        }))
    }
}

impl Explained {
    /// The section `kernel_shap` of `analysis.json`. `labels`: one name for each output.
    pub fn kernel_shap(&self, labels: &[String]) -> IndexMap<String, Attributions> {
        let of_output = |output: usize| Attributions {
            global_shap_values: self
                .names
                .iter()
                .cloned()
                .zip(self.globals[output].iter().copied())
                .collect(),
            expected_value: self.expected_values[output],
        };
        labels.iter().cloned().zip((0..self.globals.len()).map(of_output)).collect()
    }

    /// The outputs of `explanations_details.json`, without a baseline's numbers.
    pub fn output_details(&self, labels: &[String]) -> Vec<OutputDetails> {
        labels
            .iter()
            .zip(&self.details)
            .map(|(label, features)| OutputDetails {
                label: label.clone(),
                features: features.clone(),
                ndcg: None,
                violated: false,
            })
            .collect()
    }
}

fn missing_row() -> Problem {
    Problem::new(&codes::INTERNAL, "a row's values are missing")
}

fn mean(outputs: &Array2<f64>, output: usize) -> f64 {
    outputs.column(output).sum() / outputs.nrows() as f64
}

/// Values of rows that come again, for as long as they do.
struct Repeats {
    left: HashMap<usize, u32>,
    kept: HashMap<usize, Arc<RowValues>>,
}

impl Repeats {
    fn of(first_places: &[u32]) -> Repeats {
        let mut left = HashMap::new();
        for (row, &first) in first_places.iter().enumerate() {
            if first as usize != row {
                *left.entry(first as usize).or_insert(0) += 1;
            }
        }
        Repeats { left, kept: HashMap::new() }
    }

    fn keep(&mut self, row: usize, values: &Arc<RowValues>) {
        if self.left.contains_key(&row) {
            self.kept.insert(row, Arc::clone(values));
        }
    }

    fn take(&mut self, first: usize) -> Option<Arc<RowValues>> {
        let left = self.left.get_mut(&first)?;
        *left -= 1;
        if *left == 0 { self.kept.remove(&first) } else { self.kept.get(&first).map(Arc::clone) }
    }
}
