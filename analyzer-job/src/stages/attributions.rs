//! The stage of attributions and partial dependence: from rows and a model to sections of results and details.

use plumbline_common::{Problem, Result, codes, output};
use serde::{Deserialize, Serialize};

use crate::config::Aggregation;
use crate::context::Context;
use crate::model::Model;
use crate::read::{Reading, Rows};
use crate::results::details::{ExplanationDetails, RunDetails};
use crate::results::{Explanations, Results};
use crate::shap::pdp::{self, Grids, PdpResult};
use crate::shap::{self, Known, LocalValues, Task};
use crate::stages::questions::Questions;
use crate::values::cells::{Cells, ModelRows, Predict};
use crate::values::table::Values;

pub(crate) mod parts;
mod spelled;

/// What the stage found; `details` awaits what the run tells of itself.
pub(crate) struct Explanation {
    pub(crate) explanations: Explanations,
    pub(crate) details: ExplanationDetails,
}

impl Explanation {
    fn add(&mut self, curves: PdpResult) {
        for warning in &curves.warnings {
            tracing::warn!("{warning}");
        }
        self.details.run.warnings.extend(curves.warnings);
        self.explanations.pdp = Some(curves.curves);
        self.details.pdp_rows = Some(curves.rows);
        self.details.model_rows += curves.model_rows;
    }
}

/// Asks the model for what it may refuse by itself, before anything else is paid for: the baseline, and the first rows
/// with each kind of value. `most`: so many rows of the baseline, all of them for a job.
///
/// # Errors
/// Those of the model, with the place of a row that it refused; predictions of these rows that cannot be explained.
pub(crate) fn ask_first(run: &Context, questions: &Questions, model: &Model, most: usize) -> Result<Known> {
    ask_for(run, questions, &questions.firsts(most), model)
}

fn ask_for(run: &Context, questions: &Questions, rows: &ModelRows, model: &Model) -> Result<Known> {
    let predict = |cells: &Cells, rows: &ModelRows| model.predict(cells, rows);
    let known = Known::ask(&questions.cells, rows, &predict)
        .map_err(|problem| questions.named(problem, model.refused_row().as_deref()))?;
    let use_logit = run.plan.analysis.methods.shap.as_ref().is_some_and(|shap| shap.use_logit);
    known.check(use_logit).map_err(|(row, problem)| {
        let problem = match model.reason(&questions.cells, &row) {
            Some(reason) => problem.hint(reason),
            None => problem,
        };
        questions.named(problem, Some(&row))
    })?;
    Ok(known)
}

/// Rows of a large baseline that a dry run asks the model for.
const ROWS_LOOKED_AT: usize = 100;

/// As `ask_first` for a dry run.
///
/// # Errors
/// As `ask_first`; constraints of other labels than the model has.
pub(crate) fn look(
    run: &Context,
    questions: &Questions,
    model: &Model,
    constraints: Option<&Results>,
) -> Result<()> {
    ask_first(run, questions, model, ROWS_LOOKED_AT)?;
    if questions.baseline.is_some() {
        ask_for(run, questions, &questions.looked_at(model), model)?;
    }
    questions.check_constraints(run, Some(&model.output_labels()), constraints)
}

/// Explains every row with the model, of which `known` is known. Where values are still worked out once it has answered for
/// the last time, it is told then; otherwise the end of this tells it. A problem beside what was found: that of the curves,
/// which came after the attributions.
///
/// # Errors
/// Those of the model, with the place of a row that it refused; being stopped.
pub(crate) fn explain(
    run: &Context,
    reading: &Reading,
    mut questions: Questions,
    known: &Known,
    model: &Model,
    files: &mut output::Results,
) -> Result<(Explanation, Option<Problem>)> {
    let explained = explanation(run, reading, &mut questions, known, model, files);
    let named = |problem| questions.named(problem, model.refused_row().as_deref());
    explained.map(|(explanation, failed)| (explanation, failed.map(named))).map_err(named)
}

fn explanation(
    run: &Context,
    reading: &Reading,
    questions: &mut Questions,
    known: &Known,
    model: &Model,
    files: &mut output::Results,
) -> Result<(Explanation, Option<Problem>)> {
    let methods = &run.plan.analysis.methods;
    let mut explanations = Explanations::default();
    let mut details = empty_details(run);
    let mut ranked = None;
    if questions.baseline.is_some() {
        let folded = explain_rows(run, reading, questions, known, model, files, None)?;
        let globals = told(folded, &mut explanations, &mut details);
        let Questions { names, explained, .. } = &*questions;
        let players = if explained.is_empty() { (0..names.len()).collect() } else { explained.clone() };
        ranked = Some((globals, players));
    } else {
        details.model_rows += known.len() as u64;
    }
    let mut found = Explanation { explanations, details };
    let Some(settings) = &methods.pdp else { return Ok((found, None)) };
    let ranked = ranked.map(|(globals, players): (Vec<Vec<f64>>, Vec<usize>)| {
        pdp::top_features(&globals, &players, settings.top_k_features)
    });
    let drawn = curves(run, questions, ranked.as_deref().unwrap_or_default(), known, model);
    match drawn {
        Ok(curves) => found.add(curves),
        Err(problem) if ranked.is_some() => return Ok((found, Some(problem))),
        Err(problem) => return Err(problem),
    }
    Ok((found, None))
}

/// Draws the curves. `ranked`: the features with the largest attributions, for where none is named.
fn curves(
    run: &Context,
    questions: &mut Questions,
    ranked: &[usize],
    known: &Known,
    model: &Model,
) -> Result<PdpResult> {
    let grids = match questions.grids.take() {
        Some(grids) => grids,
        None => {
            let mut cells = std::mem::take(&mut questions.cells);
            let grids = Grids::of(&questions.curves(run, ranked), &mut cells);
            questions.cells = cells;
            grids
        }
    };
    let Questions { names, cells, rows, .. } = &*questions;
    let predict = |cells: &Cells, rows: &ModelRows| model.predict(cells, rows);
    let labels = |_| model.output_labels();
    let stop = (&run.job.stop, run.job.for_people);
    pdp::partial_dependence((rows, names), grids, (cells, known), &predict, &labels, stop)
}

/// Details of a run before anything was explained.
fn empty_details(run: &Context) -> ExplanationDetails {
    let shap = run.plan.analysis.methods.shap.as_ref();
    ExplanationDetails {
        run: RunDetails::default(),
        rows_explained: 0,
        num_samples: 0,
        baseline_rows: 0,
        seed: shap.and_then(|shap| shap.seed),
        use_logit: shap.is_some_and(|shap| shap.use_logit),
        aggregation: shap.map_or("", |shap| aggregation(shap.aggregation)).into(),
        estimators: Vec::new(),
        model_rows: 0,
        clipped_predictions: 0,
        stopped_early: None,
        outputs: Vec::new(),
        pdp_rows: None,
    }
}

/// What the attributions of a part of the rows left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExplainedPart {
    explained: shap::Part,
    /// Names of the model's outputs.
    labels: Vec<String>,
    rows: u64,
    baseline_rows: u64,
    /// The baseline as it is written.
    baseline: String,
    /// Types of the features, as the rows of this part have them.
    types: Vec<String>,
    /// Names of the features that are text in the baseline alone, and not in the rows of this part.
    #[serde(default)]
    pub(crate) texts_of_baseline: Vec<String>,
}

/// Puts what was explained into results and details; gives the global values.
fn told(
    folded: ExplainedPart,
    explanations: &mut Explanations,
    details: &mut ExplanationDetails,
) -> Vec<Vec<f64>> {
    let found = folded.explained.finish();
    for warning in &found.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!("SHAP n_samples {}", found.num_samples);
    explanations.kernel_shap = Some(found.kernel_shap(&folded.labels));
    details.outputs = found.output_details(&folded.labels);
    details.rows_explained = folded.rows;
    details.num_samples = found.num_samples;
    details.baseline_rows = folded.baseline_rows;
    details.estimators = found.estimators.clone();
    details.model_rows += found.model_rows;
    details.clipped_predictions = found.clipped_predictions;
    details.stopped_early = found.stopped_early.clone();
    details.run.warnings.extend(found.warnings.clone());
    found.globals
}

/// Explains every row. `part`: the name of the part that the rows are.
fn explain_rows(
    run: &Context,
    reading: &Reading,
    questions: &Questions,
    known: &Known,
    model: &Model,
    files: &mut output::Results,
    part: Option<&str>,
) -> Result<ExplainedPart> {
    let methods = &run.plan.analysis.methods;
    let answered = || {
        if methods.pdp.is_none() {
            model.finish();
        }
    };
    let (Some(settings), Some(task)) = (&methods.shap, questions.task(run, &answered)) else {
        return Err(Problem::new(&codes::INTERNAL, "no feature is left to explain"));
    };
    let predict = |cells: &Cells, rows: &ModelRows| model.predict(cells, rows);
    let text = shap::baseline_csv(task.names, task.cells, task.baseline);
    let file = settings.save_local_values.then(|| match part {
        None => "explanations_shap/out.csv".to_string(),
        Some(part) => format!("explanations_shap/out-{part}.csv"),
    });
    let asked = (known, &predict as &Predict);
    let explained = local_values(run, reading, model, &task, asked, file.as_deref(), files)?;
    if part.is_none() {
        run.add(files, "explanations_shap/baseline.csv", text.as_bytes())?;
    }
    let types = |rows: &Rows| -> Vec<String> {
        rows.features.iter().map(|&column| type_of(&rows.table.columns[column].values).into()).collect()
    };
    Ok(ExplainedPart {
        explained,
        labels: model.output_labels(),
        rows: task.rows.len() as u64,
        baseline_rows: task.baseline.len() as u64,
        baseline: text,
        types: reading.rows().map(types).unwrap_or_default(),
        texts_of_baseline: Vec::new(),
    })
}

fn type_of(values: &Values) -> &'static str {
    let [truth_values, whole_numbers, numbers, text] = spelled::TYPES;
    match values {
        Values::Int(_) => whole_numbers,
        Values::Float(_) => numbers,
        Values::Bool(_) => truth_values,
        Values::Text(_) => text,
    }
}

/// Explains, and writes the values of each row as they come when that is asked for.
fn local_values(
    run: &Context,
    reading: &Reading,
    model: &Model,
    task: &Task,
    (known, predict): (&Known, &Predict),
    file: Option<&str>,
    files: &mut output::Results,
) -> Result<shap::Part> {
    let Some(file) = file else { return shap::explain_part(task, known, predict, None) };
    let path = run.plan.output.join(file);
    let all: Vec<usize> = (0..task.names.len()).collect();
    let explained = if task.explained.is_empty() { &all[..] } else { task.explained };
    let features = explained.iter().map(|&feature| task.names[feature].clone()).collect();
    let join = reading.rows().and_then(|rows| {
        let column = &rows.table.columns[*rows.roles.joins.first()?];
        let ids = (0..rows.table.n_rows).map(|row_idx| column.values.text(row_idx).into_owned()).collect();
        Some((column.name.clone(), ids))
    });
    let mut file = LocalValues::create(&path, &run.scratch, features, |_| model.output_labels(), join)?;
    let found = shap::explain_part(task, known, predict, Some(&mut |values| file.add(values)))?;
    tracing::info!("Wrote {} local explanations to: {}", file.rows(), path.display());
    files.add(file.finish())?;
    Ok(found)
}

fn aggregation(aggregation: Aggregation) -> &'static str {
    match aggregation {
        Aggregation::MeanAbs => "mean_abs",
        Aggregation::MeanSq => "mean_sq",
        Aggregation::Median => "median",
    }
}
