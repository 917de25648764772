//! The whole job, one stage after the other.

use jiff::Timestamp;
use plumbline_common::job::{Job, JobResult, Outcome};
use plumbline_common::{Result, output, settings};

use crate::bias::roles::Counted;
use crate::commands::{compare, validate};
use crate::context::{self, Context};
use crate::drift::bias as drift;
use crate::model::{self, Model};
use crate::monitor::{self, Kind};
use crate::plan;
use crate::read::Reading;
use crate::report;
use crate::settings::{Cli, Command, Settings};
use crate::stages::attributions::{Explanation, Prepared};
use crate::stages::results::Found;
use crate::stages::{attributions, bias, data_quality, inputs, model_quality, predictions, results};

/// Runs what the command line asks for.
///
/// # Errors
/// Everything that stops a job, and the answers to `--help` and `--version`.
pub fn run(job: &Job) -> JobResult {
    let cli: Cli = settings::parse(&job.config)?;
    let settings = &cli.settings;
    match &cli.command {
        None => Ok(Outcome::Completed(analyse(job, settings)?)),
        Some(Command::Validate { ask_model }) => Ok(validate::validate(job, settings, *ask_model)?),
        Some(Command::Compare { old, new, tolerance }) => {
            let (text, equal) = compare::run(old, new, *tolerance)?;
            Ok(Outcome::Answered { text, exit_code: u8::from(!equal) })
        }
        Some(Command::Report { folder }) => {
            let history = results::history(job, settings)?;
            report::rebuild(folder, &history, &job.tree.scratch())?;
            let text = format!("The reports in {} were written again.", folder.display());
            Ok(Outcome::Answered { text, exit_code: 0 })
        }
    }
}

fn analyse(job: &Job, settings: &Settings) -> Result<String> {
    if job.hosts.several() && !job.hosts.is_leader() {
        return Ok("Completed: the first host of this job does the work".into());
    }
    inputs::refuse_shards(job)?;
    let now = Timestamp::now();
    match monitor::kind(job, settings) {
        Some(Kind::DataQuality) => return data_quality::run(job, settings, now),
        Some(Kind::ModelQuality) => return model_quality::run(job, settings, now),
        None => {}
    }
    let plan = plan::plan(job, settings, now)?;
    for warning in &plan.warnings {
        tracing::warn!("{warning}");
    }
    // Before the long part: what cannot be written, or a baseline that cannot be read, stops the job at once.
    plan.check_output()?;
    let baseline = plan.constraints.as_deref().map(drift::load_baseline).transpose()?;
    if let Some(baseline) = &baseline {
        drift::check_baseline(&plan.analysis, &baseline.results, settings.on_nothing_compared.is_allowed())?;
    }
    let history = results::history(job, settings)?;
    let scratch = context::scratch(job)?;
    let run = Context { job, settings, plan, scratch: scratch.path().to_path_buf() };
    let reading = inputs::read(&run)?;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    let mut files = output::Results::default();
    // What the model will be asked about is complete before it is reached, and paid for.
    let prepared = if run.plan.explains() { Some(attributions::prepare(&run, &reading)?) } else { None };
    let model = predictions::connect(&run, &reading)?;
    let asked = ask(&run, &reading, model.as_ref(), prepared, &mut files);
    let left = model.map(Model::close).unwrap_or_default();
    let (counted, explanation) = asked.map_err(|problem| model::and_left(problem, &left))?;
    let bias = counted.map(|counted| bias::measure(&run, &reading, counted, baseline.as_ref())).transpose();
    let bias = bias.map_err(|problem| model::and_left(problem, &left))?;
    let message =
        results::finish(&run, now, &reading, Found { bias, explanation }, baseline, &history, files)
            .map_err(|problem| model::and_left(problem, &left))?;
    predictions::with_left(message, &left)
}

/// Everything for which the model is needed. The groups are counted between the two, so that what does not fit is
/// told before the attributions are paid for.
fn ask(
    run: &Context,
    reading: &Reading,
    model: Option<&Model>,
    prepared: Option<Prepared>,
    files: &mut output::Results,
) -> Result<(Option<Counted>, Option<Explanation>)> {
    let predicted = match model {
        Some(model) if run.plan.predicts() => {
            Some(predictions::predicted_labels(run, reading, model, files)?)
        }
        _ => None,
    };
    let counted = if run.plan.bias() { Some(bias::count(run, reading, predicted.as_ref())?) } else { None };
    let explanation = match (model, prepared) {
        (Some(model), Some(prepared)) => Some(attributions::explain(run, reading, prepared, model, files)?),
        _ => None,
    };
    Ok((counted, explanation))
}
