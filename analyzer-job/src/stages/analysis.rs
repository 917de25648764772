//! The analysis of bias and attributions: prepare, gather, finish. Only `gather` looks at data and asks a model.

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Result, output};
use tempfile::TempDir;

use crate::bias::roles::Counted;
use crate::context::{self, Context};
use crate::drift::bias::{self as drift, Baseline};
use crate::model::{self, Left, Model};
use crate::plan;
use crate::read::Reading;
use crate::results::details::EarlierRun;
use crate::settings::Settings;
use crate::stages::attributions::{Explanation, Prepared as Asked};
use crate::stages::results::{Found, history};
use crate::stages::{attributions, bias, inputs, predictions, results};

/// Everything that is known and checked before data are read.
pub(crate) struct Prepared<'a> {
    pub(crate) run: Context<'a>,
    now: Timestamp,
    baseline: Option<Baseline>,
    history: Vec<EarlierRun>,
    /// The scratch folder goes with it.
    _scratch: TempDir,
}

/// What the data and the model gave.
pub(crate) struct Gathered {
    reading: Reading,
    counted: Option<Counted>,
    explanation: Option<Explanation>,
    /// Results that are written already and wait for their names.
    files: output::Results,
    /// What the model's endpoint left behind.
    left: Vec<Left>,
}

/// Checks the settings and the configuration, and loads the baseline: what cannot be written, or a baseline that
/// cannot be read, stops the job before the long part.
///
/// # Errors
/// What cannot be used, named.
pub(crate) fn prepare<'a>(job: &'a Job, settings: &'a Settings, now: Timestamp) -> Result<Prepared<'a>> {
    let plan = plan::plan(job, settings, now)?;
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    plan.check_output()?;
    let baseline = plan.constraints.as_deref().map(drift::load_baseline).transpose()?;
    if let Some(baseline) = &baseline {
        drift::check_baseline(&plan.analysis, &baseline.results, settings.on_nothing_compared.is_allowed())?;
    }
    let history = history(job, settings)?;
    let scratch = context::scratch(job)?;
    let run = Context { job, settings, plan, scratch: scratch.path().to_path_buf() };
    Ok(Prepared { run, now, baseline, history, _scratch: scratch })
}

/// Reads the data and asks the model.
///
/// # Errors
/// No usable row; what does not fit the configuration; the model's.
pub(crate) fn gather(prepared: &Prepared<'_>) -> Result<Gathered> {
    let run = &prepared.run;
    let reading = inputs::read(run)?;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    let mut files = output::Results::default();
    // What the model will be asked about is complete before it is reached, and paid for.
    let asked = if run.plan.explains() { Some(attributions::prepare(run, &reading)?) } else { None };
    let model = predictions::connect(run, &reading)?;
    let answered = ask(run, &reading, model.as_ref(), asked, &mut files);
    let left = model.map(Model::close).unwrap_or_default();
    let (counted, explanation) = answered.map_err(|problem| model::and_left(problem, &left))?;
    Ok(Gathered { reading, counted, explanation, files, left })
}

/// Everything for which the model is needed. The groups are counted between the two, so that what does not fit is
/// told before the attributions are paid for.
fn ask(
    run: &Context,
    reading: &Reading,
    model: Option<&Model>,
    asked: Option<Asked>,
    files: &mut output::Results,
) -> Result<(Option<Counted>, Option<Explanation>)> {
    let predicted = match model {
        Some(model) if run.plan.predicts() => {
            Some(predictions::predicted_labels(run, reading, model, files)?)
        }
        _ => None,
    };
    let counted = if run.plan.bias() { Some(bias::count(run, reading, predicted.as_ref())?) } else { None };
    let explanation = match (model, asked) {
        (Some(model), Some(asked)) => Some(attributions::explain(run, reading, asked, model, files)?),
        _ => None,
    };
    Ok((counted, explanation))
}

/// Measures what was gathered, judges it, writes everything and gives the exit message.
///
/// # Errors
/// A check that could not be made; what cannot be written; a stop.
pub(crate) fn finish(prepared: Prepared<'_>, gathered: Gathered) -> Result<String> {
    let Prepared { run, now, baseline, history, _scratch } = prepared;
    let Gathered { reading, counted, explanation, files, left } = gathered;
    let and_left = |problem| model::and_left(problem, &left);
    let bias = counted.map(|counted| bias::measure(&run, &reading, counted, baseline.as_ref())).transpose();
    let bias = bias.map_err(and_left)?;
    let found = Found { bias, explanation };
    let message = results::finish(&run, now, &reading, found, baseline, &history, files).map_err(and_left)?;
    predictions::with_left(message, &left)
}
