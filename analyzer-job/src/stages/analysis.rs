//! The analysis of bias and attributions: prepare, read, gather, finish. Only `read` looks at data, only `gather` asks a
//! model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use plumbline_common::codes::Class;
use plumbline_common::job::Job;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes, output};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::bias::roles::Counted;
use crate::context::Context;
use crate::drift::bias as drift;
use crate::model::{self, Left, Model};
use crate::plan::{self, Plan, RowsFrom};
use crate::read::together::RecordsSeat;
use crate::read::{self, Part, Reading, digest, named};
use crate::results::Results;
use crate::results::details::{EarlierRun, InputDigest};
use crate::settings::Settings;
use crate::shap::Known;
use crate::stages::attributions::{Explanation, parts};
use crate::stages::done::Done;
use crate::stages::joins::Joins;
use crate::stages::questions::{self, Questions};
use crate::stages::results::{Found, history};
use crate::stages::{attributions, bias, earlier, inputs, predictions, results};
use crate::state::joined::Joined;

/// Everything that is known and checked before data are read.
pub(crate) struct Prepared<'a> {
    pub(crate) run: Context<'a>,
    now: Timestamp,
    pub(crate) baseline: Option<Results>,
    history: Vec<EarlierRun>,
}

/// The rows or their counts, and what the model will be asked.
pub(crate) struct Read {
    reading: Reading,
    /// The groups, without the predictions of a model.
    counted: Option<Counted>,
    questions: Option<Questions>,
}

/// What the data and the model gave.
pub(crate) struct Gathered {
    reading: Reading,
    counted: Option<Counted>,
    explanation: Option<Explanation>,
    /// What there is no result of, where the rest was paid for.
    lost: Option<Lost>,
    /// Results that are written already and wait for their names.
    files: output::Results,
    /// What the model's endpoint left behind.
    left: Vec<Left>,
}

/// A part of the analysis that failed once others were complete: their results are written, and then the run fails.
struct Lost {
    without: Without,
    problem: Problem,
}

/// What results lack.
enum Without {
    /// Predictions that can be used, and all that needs the model.
    Predictions,
    /// Attributions and curves.
    Explanation,
    Curves,
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
    rows: RowsFrom<'_>,
) -> Result<Prepared<'a>> {
    let plan = plan::plan(job, settings, now, rows)?;
    // States have their columns, which were found when they were folded.
    if !matches!(rows, RowsFrom::Folded(_)) {
        check_columns(&plan).map_err(|problem| problem.file(&plan.config_path))?;
    }
    plan.check_output()?;
    earlier::check_places(&plan.output, &plan.analysis.methods.report.name)?;
    earlier::check_baseline_stays(&plan.output, &["analysis.json"], &plan.constraints)?;
    let baseline = plan.constraints.as_deref().map(load_baseline).transpose()?;
    let (baseline, baseline_digest) = baseline.unzip();
    // Of states the rows are read, and a model's answers paid for: the results are written first, as where the data tell it.
    if let Some(baseline) = baseline.as_ref().filter(|_| !matches!(rows, RowsFrom::Folded(_))) {
        drift::check_baseline(&plan.analysis, baseline, settings.on_nothing_compared.is_allowed())?;
    }
    let history = history(job, settings)?;
    let run = Context { job, settings, plan, scratch: scratch.into(), baseline_digest };
    Ok(Prepared { run, now, baseline, history })
}

/// A baseline, and what its bytes were.
fn load_baseline(path: &Path) -> Result<(Results, InputDigest)> {
    let read = digest::read("baseline", path);
    let (bytes, told) = read.map_err(|error| Problem::io("read the baseline constraints", path, error))?;
    Ok((drift::constraints(path, &bytes)?, told))
}

/// That the columns which the configuration names are among its `headers`.
fn check_columns(plan: &Plan) -> Result<()> {
    named::check(&plan.analysis, plan.reads_captures())?;
    if plan.reads_captures() && plan.bias() {
        let truths = plan.ground_truth.as_deref().unwrap_or(Path::new(&plan.dataset));
        named::check_truth(&plan.analysis, truths)?;
    }
    Ok(())
}

/// Reads the data. What the model will be asked about is complete before it is reached, and paid for.
///
/// # Errors
/// No usable row; what does not fit the configuration.
pub(crate) fn read(
    prepared: &Prepared<'_>,
    joins: &Joins<'_>,
    seat: Option<Arc<RecordsSeat>>,
) -> Result<Read> {
    let run = &prepared.run;
    let reading = read_rows(prepared, joins, seat)?;
    let questions = questions::of_all(run, &reading, prepared.baseline.as_ref())?;
    let counted = match run.plan.bias() {
        true if run.plan.predicts() => Some(bias::check(run, &reading)?),
        true => Some(bias::count(run, &reading, None)?),
        false => None,
    };
    Ok(Read { reading, counted, questions })
}

/// Tells what is odd about the settings.
fn tell(plan: &Plan) {
    for warning in plan.warnings.iter().chain(&plan.of_others) {
        tracing::warn!("{warning}");
    }
}

/// Reads the data, and tells what is odd about them.
fn read_rows(prepared: &Prepared<'_>, joins: &Joins<'_>, seat: Option<Arc<RecordsSeat>>) -> Result<Reading> {
    let run = &prepared.run;
    tell(&run.plan);
    let reading = inputs::read(run, joins, seat)?;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    Ok(reading)
}

/// Asks the model, where one is needed.
///
/// # Errors
/// What does not fit the configuration; the model's.
pub(crate) fn gather(prepared: &Prepared<'_>, read: Read) -> Result<Gathered> {
    let run = &prepared.run;
    let Read { reading, counted, questions } = read;
    let mut files = output::Results::default();
    let asked = match questions {
        Some(questions) => Some((predictions::connect(run, &reading, &questions)?, questions)),
        None => None,
    };
    let (answered, model) = match asked {
        Some((model, questions)) => {
            (ask(run, &reading, &model, (counted, questions), &mut files), Some(model))
        }
        None => (Ok(Answered { counted, explanation: None, lost: None }), None),
    };
    let left = model.map(Model::close).unwrap_or_default();
    let Answered { counted, explanation, lost } =
        answered.map_err(|problem| model::and_left(problem, &left))?;
    Ok(Gathered { reading, counted, explanation, lost, files, left })
}

/// Makes the baseline of the attributions from all rows, and gives the exit message.
///
/// # Errors
/// No attributions are asked for; no usable row; as `questions::of`; the file cannot be written.
pub(crate) fn baseline(prepared: &Prepared<'_>, joins: &Joins<'_>, out: &Path) -> Result<String> {
    let run = &prepared.run;
    for (setting, input) in run.plan.inputs() {
        output::check_outside(("baseline", "--out"), out, setting, input)?;
    }
    output::check_file(out)?;
    if run.plan.analysis.methods.shap.is_none() {
        return Err(Problem::new(&codes::CONFIG_SCHEMA, "there is no baseline to make")
            .file(&run.plan.config_path)
            .field("methods.shap")
            .expected("a section `shap`, which says how the baseline is made"));
    }
    let reading = read_rows(prepared, joins, None)?;
    // Parts may be explained with it, each with a budget of its own.
    let questions = questions::of(run, &reading, prepared.baseline.as_ref())?;
    let (text, rows) = parts::baseline_file(run, &reading, questions)?;
    output::write(out, text.as_bytes(), &run.scratch)?;
    Ok(format!("Completed: a baseline of {} is in {}", counted(rows, "row"), out.display()))
}

/// What a part of the data leaves, for `combine`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Folded {
    /// The data were those of a monitor.
    pub(crate) monitor: bool,
    /// The configuration as it was given, without its secrets.
    pub(crate) configuration: Json,
    /// It served a monitor of bias and one of attributions, and this is the part of one of them.
    pub(crate) shared_configuration: bool,
    pub(crate) part: Part,
    explained: Option<attributions::ExplainedPart>,
    /// Captures that were joined with labels.
    pub(crate) joined: Option<Joined>,
}

/// Reads a part of the data, and explains its rows where that is asked for; `name` of the part. The last of the answer is
/// what the run fails with once the state is written: the rows are paid for.
///
/// # Errors
/// What cannot be read or folded; the model's.
pub(crate) fn fold(
    prepared: &Prepared<'_>,
    joins: &Joins<'_>,
    seat: Option<Arc<RecordsSeat>>,
    name: &str,
) -> Result<(Folded, output::Results, Option<Problem>)> {
    let run = &prepared.run;
    let plan = &run.plan;
    tell(plan);
    let (mut part, joined) = inputs::read_part(run, joins, seat)?;
    for warning in part.warnings() {
        tracing::warn!("{warning}");
    }
    if let Err(problem) = part.check_refused(&plan.analysis) {
        tracing::warn!(
            "this part by itself is refused, and `analyzer-job combine` judges all parts: {problem}"
        );
    }
    let mut files = output::Results::default();
    let (mut explained, mut failed) = (None, None);
    if plan.explains() && part.rows() > 0 {
        part.without_other_readings();
        let (reading, texts) = parts::rows_of(run, &part)?;
        if let Some(questions) = questions::of_all(run, &reading, prepared.baseline.as_ref())? {
            let model = predictions::connect(run, &reading, &questions)?;
            let answered = parts::fold(run, &reading, &model, &questions, name, &mut files);
            let left = model.close();
            let mut answered = answered.map_err(|problem| model::and_left(problem, &left))?;
            answered.texts_of_baseline = texts;
            explained = Some(answered);
            let what = "the state is written, but the temporary endpoint may still exist and cost money";
            failed = predictions::failure_of_left(None, &left, what);
            if let Some(text) = model::left_text(&left).filter(|_| failed.is_none()) {
                tracing::warn!("{text}");
            }
        }
    }
    part.without_rows(&plan.analysis, inputs::compares_rows(run));
    let folded = Folded {
        monitor: plan.monitor,
        configuration: plan.analysis.without_secrets(),
        shared_configuration: run.settings.shared_configuration,
        part,
        explained,
        joined,
    };
    Ok((folded, files, failed))
}

/// That nothing is asked for which needs all rows, or another dataset, at once.
///
/// # Errors
/// `CONFIG_NOT_SUPPORTED`.
pub(crate) fn check_foldable(run: &Context) -> Result<()> {
    let unsupported = |what, field| Problem::new(&codes::CONFIG_NOT_SUPPORTED, what).field(field);
    if run.plan.predicts() {
        return Err(unsupported("predictions of a model for the bias metrics cannot be folded", "predictor")
            .hint("give the predictions in the data as `predicted_label`"));
    }
    let dataset = &run.plan.analysis.dataset;
    for (key, side) in [
        ("facet_dataset_uri", &dataset.facet_dataset),
        ("predicted_label_dataset_uri", &dataset.predicted_label_dataset),
    ] {
        if side.is_some() {
            return Err(unsupported("a part of the data cannot be paired with another dataset", key)
                .hint("join the datasets into one first, or run on one machine without `fold`"));
        }
    }
    parts::check_foldable(run)
}

/// The parts of the data together.
pub(crate) struct United {
    part: Part,
    /// The attributions of each, with the path of its state.
    explained: Vec<(PathBuf, attributions::ExplainedPart)>,
    joined: Option<Joined>,
}

/// Puts together what parts of the data left, each with the path of its state.
///
/// # Errors
/// Parts that do not fit each other.
pub(crate) fn unite(prepared: &Prepared<'_>, states: Vec<(PathBuf, Folded)>) -> Result<United> {
    let (mut read, mut explained) = (Vec::new(), Vec::new());
    let mut joined: Option<Joined> = None;
    for (path, mut folded) in states {
        if let Some(more) = folded.joined.take() {
            joined.get_or_insert_default().merge(more);
        }
        explained.extend(folded.explained.map(|explained| (path.clone(), explained)));
        read.push((path, folded.part));
    }
    Ok(United { part: read::part::combine(read, &prepared.run.plan.analysis)?, explained, joined })
}

/// What a run over all of the parts would have gathered.
///
/// # Errors
/// No usable row; what does not fit the configuration; attributions that were made differently.
pub(crate) fn unfold(prepared: &Prepared<'_>, united: United) -> Result<Gathered> {
    let run = &prepared.run;
    tell(&run.plan);
    let United { part, explained, joined } = united;
    joined.map_or(Ok(()), |joined| joined.judge(true, Path::new(&run.plan.dataset)))?;
    let reading = part.finish(Path::new(&run.plan.dataset), &run.plan.analysis)?;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    let counted = if run.plan.bias() { Some(bias::count(run, &reading, None)?) } else { None };
    let mut files = output::Results::default();
    let explanation = parts::unfold(run, explained, &mut files)?;
    Ok(Gathered { reading, counted, explanation, lost: None, files, left: Vec::new() })
}

/// What a model gave.
struct Answered {
    counted: Option<Counted>,
    explanation: Option<Explanation>,
    lost: Option<Lost>,
}

/// Everything for which the model is needed. The rows that it may refuse come first. The groups are counted between the two
/// parts of the analysis, so that predictions which do not fit are told before the attributions are paid for. What needs no
/// model is not lost to one whose answers cannot be used.
fn ask(
    run: &Context,
    reading: &Reading,
    model: &Model,
    (mut counted, questions): (Option<Counted>, Questions),
    files: &mut output::Results,
) -> Result<Answered> {
    let methods = &run.plan.analysis.methods;
    let explains = run.plan.explains();
    let (without, is_left) = match run.plan.predicts() {
        true => (Without::Predictions, methods.pre_training_bias.is_some()),
        false => (Without::Explanation, counted.is_some()),
    };
    let answered = answered(run, reading, model, &questions, files);
    let (known, predicted) = match answered {
        Ok(answered) => answered,
        // A model that answers nothing at all has cost nothing.
        Err(problem) if is_left && !is_stop(&problem) && model.usage().answers > 0 => {
            return Ok(Answered { counted, explanation: None, lost: Some(Lost { without, problem }) });
        }
        Err(problem) => return Err(problem),
    };
    counted = predicted.or(counted);
    if !explains {
        return Ok(Answered { counted, explanation: None, lost: None });
    }
    let (explanation, lost) = match attributions::explain(run, reading, questions, &known, model, files) {
        Ok((_, Some(problem))) if is_stop(&problem) => return Err(problem),
        Ok((explanation, lost)) => {
            (Some(explanation), lost.map(|problem| Lost { without: Without::Curves, problem }))
        }
        Err(problem) if counted.is_some() && !is_stop(&problem) => {
            (None, Some(Lost { without: Without::Explanation, problem }))
        }
        Err(problem) => return Err(problem),
    };
    Ok(Answered { counted, explanation, lost })
}

/// What the model says of the rows that it is asked for first, and the groups with its predictions, where these are wanted.
fn answered(
    run: &Context,
    reading: &Reading,
    model: &Model,
    questions: &Questions,
    files: &mut output::Results,
) -> Result<(Known, Option<Counted>)> {
    let known = match run.plan.explains() {
        true => attributions::ask_first(run, questions, model, usize::MAX)?,
        false => Known::default(),
    };
    if !run.plan.predicts() {
        return Ok((known, None));
    }
    let predicted = predictions::predicted_labels(run, reading, questions, model, files)?;
    bias::count(run, reading, Some(&predicted)).map(|counted| (known, Some(counted)))
}

fn is_stop(problem: &Problem) -> bool {
    problem.class() == Class::Stopped
}

/// Measures what was gathered, judges it, and makes every result.
///
/// # Errors
/// What cannot be written; a stop.
pub(crate) fn finish(prepared: Prepared<'_>, gathered: Gathered) -> Result<Done> {
    let Prepared { mut run, now, baseline, history } = prepared;
    let Gathered { reading, counted, explanation, lost, files, left } = gathered;
    let methods = &mut run.plan.analysis.methods;
    match lost.as_ref().map(|lost| &lost.without) {
        Some(Without::Predictions) => {
            (methods.post_training_bias, methods.shap, methods.pdp) = (None, None, None);
        }
        Some(Without::Explanation) => (methods.shap, methods.pdp) = (None, None),
        Some(Without::Curves) => methods.pdp = None,
        None => {}
    }
    let and_left = |problem| model::and_left(problem, &left);
    let counted = match lost.as_ref().map(|lost| &lost.without) {
        // While predictions were awaited, only what they cannot change was looked at.
        Some(Without::Predictions) => Some(bias::count(&run, &reading, None).map_err(and_left)?),
        _ => counted,
    };
    let bias = counted.map(|counted| bias::measure(&run, &reading, counted, baseline.as_ref())).transpose();
    let bias = bias.map_err(and_left)?;
    let found = Found { bias, explanation };
    let mut done =
        results::finish(&run, now, &reading, found, baseline, &history, files).map_err(and_left)?;
    done.failed = lost.map(|lost| lost.problem).or(done.failed);
    Ok(predictions::with_left(done, &left))
}

#[cfg(test)]
mod tests;
