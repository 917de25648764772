//! The analysis of bias and attributions: prepare, read, gather, finish. Only `read` looks at data, only `gather` asks a
//! model.

use std::path::Path;

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Result, output};

use crate::bias::roles::Counted;
use crate::context::Context;
use crate::drift::bias::{self as drift, Baseline};
use crate::model::{self, Left, Model};
use crate::plan;
use crate::read::Reading;
use crate::results::details::EarlierRun;
use crate::settings::Settings;
use crate::stages::attributions::{Explanation, Prepared as Asked};
use crate::stages::done::Done;
use crate::stages::joins::Joins;
use crate::stages::results::{Found, history};
use crate::stages::{attributions, bias, inputs, predictions, results};

/// Everything that is known and checked before data are read.
pub(crate) struct Prepared<'a> {
    pub(crate) run: Context<'a>,
    now: Timestamp,
    baseline: Option<Baseline>,
    history: Vec<EarlierRun>,
}

/// The rows or their counts, and what the model will be asked.
pub(crate) struct Read {
    reading: Reading,
    asked: Option<Asked>,
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
/// cannot be read, stops the job before the long part. `scratch`: a folder of this analysis.
///
/// # Errors
/// What cannot be used, named.
pub(crate) fn prepare<'a>(
    job: &'a Job,
    settings: &'a Settings,
    now: Timestamp,
    scratch: &Path,
) -> Result<Prepared<'a>> {
    let plan = plan::plan(job, settings, now)?;
    plan.check_output()?;
    let baseline = plan.constraints.as_deref().map(drift::load_baseline).transpose()?;
    if let Some(baseline) = &baseline {
        drift::check_baseline(&plan.analysis, &baseline.results, settings.on_nothing_compared.is_allowed())?;
    }
    let history = history(job, settings)?;
    let run = Context { job, settings, plan, scratch: scratch.into() };
    Ok(Prepared { run, now, baseline, history })
}

/// Reads the data. What the model will be asked about is complete before it is reached, and paid for.
///
/// # Errors
/// No usable row; what does not fit the configuration.
pub(crate) fn read(prepared: &Prepared<'_>, joins: &Joins<'_>) -> Result<Read> {
    let run = &prepared.run;
    for warning in &run.plan.warnings {
        tracing::warn!("{warning}");
    }
    let reading = inputs::read(run, joins)?;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    let asked = if run.plan.explains() { Some(attributions::prepare(run, &reading)?) } else { None };
    Ok(Read { reading, asked })
}

/// Asks the model, where one is needed.
///
/// # Errors
/// What does not fit the configuration; the model's.
pub(crate) fn gather(prepared: &Prepared<'_>, read: Read) -> Result<Gathered> {
    let run = &prepared.run;
    let Read { reading, asked } = read;
    let mut files = output::Results::default();
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

/// Measures what was gathered, judges it, and makes every result.
///
/// # Errors
/// What cannot be written; a stop.
pub(crate) fn finish(prepared: Prepared<'_>, gathered: Gathered) -> Result<Done> {
    let Prepared { run, now, baseline, history } = prepared;
    let Gathered { reading, counted, explanation, files, left } = gathered;
    let and_left = |problem| model::and_left(problem, &left);
    let bias = counted.map(|counted| bias::measure(&run, &reading, counted, baseline.as_ref())).transpose();
    let bias = bias.map_err(and_left)?;
    let found = Found { bias, explanation };
    let done = results::finish(&run, now, &reading, found, baseline, &history, files).map_err(and_left)?;
    Ok(predictions::with_left(done, &left))
}
