//! The dry run: everything up to the first records, told as a page of text. Nothing is written.

use jiff::Timestamp;
use plumbline_common::answer::Answer;
use plumbline_common::job::{Job, Outcome};
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result};

use crate::bias::roles::{self, Counted};
use crate::config::Baseline;
use crate::context::{self, Context};
use crate::drift::bias as drift;
use crate::model::{self, Model};
use crate::plan::{Plan, RowsFrom};
use crate::read::Reading;
use crate::results::Results;
use crate::settings::Settings;
use crate::shap::{self, pdp};
use crate::stages;
use crate::stages::attributions::{self, parts};
use crate::stages::inputs::{All, Role};
use crate::stages::joins::Joins;
use crate::stages::predictions::{self, Reached};
use crate::stages::questions::{self, Questions};
use crate::stages::states::later;
use crate::stages::task::{self, Task};
use crate::stages::{analysis, baselines, data_quality, inputs, model_quality, several};
use crate::state::counts::FacetCounts;

/// Records that are read for a look.
const RECORDS: u64 = 1000;
/// Feature columns that are listed before the rest is only counted.
const COLUMNS_SHOWN: usize = 40;

/// Checks what the job would do. Exit code 0: it would start; else that of the problem it would stop with.
///
/// # Errors
/// Only what keeps the dry run itself from working, such as no scratch folder.
pub(crate) fn validate(job: &Job, settings: &Settings, ask_model: bool) -> Result<Outcome> {
    let mut text = Answer::default();
    let exit_code = match look(job, settings, ask_model, &mut text) {
        Ok(()) => {
            text.empty_line();
            text.line(format_args!(
                "The job would start. At most the first {RECORDS} records were checked; the others may not fit."
            ));
            0
        }
        Err(problem) => {
            text.empty_line();
            text.line(format_args!("The job would stop: {problem}"));
            problem.class().exit_code()
        }
    };
    Ok(Outcome::Answered { text, exit_code })
}

fn look(job: &Job, settings: &Settings, ask_model: bool, text: &mut Answer) -> Result<()> {
    let rows = match inputs::role(job, settings)? {
        Role::Part => RowsFrom::Part,
        Role::Whole | Role::Nothing => RowsFrom::Here,
    };
    let is_part = rows == RowsFrom::Part;
    let now = Timestamp::now();
    let scratch = context::scratch(job)?;
    let joins = Joins::new(job, scratch.path(), is_part);
    match &settings.analysis_type {
        Some(kinds) if kinds.single().is_none() => {
            let own = baselines::settings_of_each(job, settings, kinds, scratch.path())?;
            let tasks = several::prepare(job, &own, now, rows, scratch.path())?;
            if !is_part {
                several::check_output(job, settings)?;
            }
            let mut problems = Vec::new();
            for ((kind, task), (_, settings)) in tasks.iter().zip(&own) {
                if !text.is_empty() {
                    text.empty_line();
                }
                text.line(kind.title());
                if let Err(problem) = look_at(job, settings, task, (&joins, is_part), ask_model, text) {
                    problems.push((*kind, problem));
                }
            }
            several::failure(&problems, tasks.len(), "failed").map_or(Ok(()), Err)
        }
        _ => {
            let settings = baselines::settings_of_one(job, settings, scratch.path())?;
            look_at(
                job,
                &settings,
                &Task::prepare(job, &settings, now, scratch.path(), rows)?,
                (&joins, is_part),
                ask_model,
                text,
            )
        }
    }
}

fn look_at(
    job: &Job,
    settings: &Settings,
    task: &Task<'_>,
    joins: (&Joins<'_>, bool),
    ask_model: bool,
    text: &mut Answer,
) -> Result<()> {
    if let Some(told) = task.unused_window()? {
        line(text, "warning", told);
    }
    settings.baseline_names.told(match &task.prepared {
        task::Prepared::DataQuality(prepared) => data_quality::look(job, settings, prepared, RECORDS, text),
        task::Prepared::ModelQuality(prepared) => model_quality::look(job, settings, prepared, RECORDS, text),
        task::Prepared::Analysis(prepared) => look_at_analysis(prepared, joins, ask_model, text),
    })
}

fn look_at_analysis(
    task: &analysis::Prepared<'_>,
    (joins, is_part): (&Joins<'_>, bool),
    ask_model: bool,
    text: &mut Answer,
) -> Result<()> {
    let run = &task.run;
    tell_plan(&run.plan, text);
    for warning in run.plan.warnings.iter().chain(&run.plan.of_others) {
        line(text, "warning", warning);
    }
    if let Some(path) = &run.plan.constraints {
        line(text, "baseline", &path.display().to_string());
    }
    let (reading, all) = if is_part {
        let (part, all) = inputs::look_at_part(run, joins, RECORDS)?;
        if part.rows() == 0 {
            line(text, "rows", "none in this part; `analyzer-job combine` judges all parts together");
            return Ok(());
        }
        match parts::rows_of(run, &part) {
            Ok((reading, _)) => {
                let read = Box::new(move || Ok(parts::rows_of(run, &(all.read)()?)?.0));
                (reading, All { count: all.count, read })
            }
            // A part is explained by itself.
            Err(problem) => {
                return later(!run.plan.explains(), problem, |warning| line(text, "warning", warning));
            }
        }
    } else {
        inputs::look(run, joins, RECORDS)?
    };
    tell_reading(&reading, text);
    let constraints = task.baseline.as_ref();
    let questions = questions::of(run, &reading, constraints)?;
    if questions::have_budget(run) {
        questions::of_all(run, &(all.read)()?, constraints)?;
    }
    let later_of_a_part = |problem, text: &mut Answer| {
        later(is_part, problem, |warning| line(text, "warning", warning)).map(|()| None)
    };
    let groups = match run.plan.bias() {
        true => {
            tell_groups(run, &reading, text).map(Some).or_else(|problem| later_of_a_part(problem, text))?
        }
        false => None,
    };
    let mut left = Vec::new();
    if let Some(questions) = &questions {
        match predictions::reach(run, &reading, questions, ask_model)? {
            Reached::NotMade(wanted) => {
                text.empty_line();
                text.line("The model is there, and was not asked");
                line(text, "model", &format!("{} ({})", wanted.model_name, MODEL_NOT_ASKED));
                line(text, "rows to ask", &told(&asked_for(run, questions, (all.count)()?)));
            }
            Reached::Connected(model) => {
                let answered = ask(run, &reading, (questions, constraints), &model, &all.count, text);
                left = model.close();
                if let Some(left) = model::left_text(&left) {
                    line(text, "warning", &left);
                }
                answered.map_err(|problem| model::and_left(problem, &left))?;
            }
        }
    }
    let compared = match (groups, constraints) {
        (Some(groups), Some(constraints)) => tell_comparison(run, &reading, &groups, constraints, text)
            .or_else(|problem| later(is_part, problem, |warning| line(text, "warning", warning))),
        _ => Ok(()),
    };
    let what = "the temporary endpoint may still exist and cost money";
    predictions::failure_of_left(compared.err(), &left, what).map_or(Ok(()), Err)
}

/// Said of a model of which an endpoint would have to be made.
const MODEL_NOT_ASKED: &str = "the job makes an endpoint of it; `validate --ask-model` does so too";

/// Asks the model a few rows, those of the baseline and the first with each kind of value included, and tells what it was
/// asked and what it says.
///
/// # Errors
/// What the job would stop with.
fn ask(
    run: &Context,
    reading: &Reading,
    (questions, constraints): (&Questions, Option<&Results>),
    model: &Model,
    count_all: impl Fn() -> Result<u64>,
    text: &mut Answer,
) -> Result<()> {
    let as_the_job = ask_as_the_job(run, reading, (questions, constraints), model);
    // What the model says of a row may show why.
    let mut probe = match (model.probe(&questions.cells, &questions.rows, as_the_job.is_err()), &as_the_job) {
        (Err(_), Err(_)) => return as_the_job,
        (probe, _) => probe?,
    };
    tracing::info!("the model answered one row in {:.0} ms", probe.latency.as_secs_f64() * 1e3);
    text.empty_line();
    text.line("One row sent to the model");
    lines(text, "request", &probe.request);
    lines(text, "response", &probe.response);
    as_the_job?;
    if run.plan.predicts() {
        line(text, "label", &std::mem::replace(&mut probe.label, Ok(String::new()))?);
    }
    if run.plan.explains() {
        line(text, "scores", &format!("{:?}", std::mem::replace(&mut probe.scores, Ok(Vec::new()))?));
    }
    let asked = asked_for(run, questions, count_all()?);
    let estimate = probe.estimate(asked.iter().map(|(_, rows)| rows).sum());
    // Times differ from run to run: they stand in the log, so that the same input gives the same text.
    tracing::info!("estimate: {}, {:.1} minutes", counted(estimate.requests, "request"), estimate.minutes);
    line(text, "rows to ask", &format!("at most {}", told(&asked)));
    Ok(())
}

/// Asks for a few rows in the order and in the ways of the job, for labels and for scores as they are needed.
///
/// # Errors
/// What the job would stop with.
fn ask_as_the_job(
    run: &Context,
    reading: &Reading,
    (questions, constraints): (&Questions, Option<&Results>),
    model: &Model,
) -> Result<()> {
    if run.plan.explains() {
        attributions::look(run, questions, model, constraints)?;
    }
    if run.plan.predicts() {
        predictions::look(run, reading, questions, model, reading.row_counts.records_read < RECORDS)?;
    }
    Ok(())
}

fn told(asked: &[(&str, u64)]) -> String {
    let parts: Vec<_> = asked.iter().map(|(what, rows)| format!("{rows} {what}")).collect();
    parts.join(", ")
}

/// What the whole job asks the model for, and at most how many rows of it. Equal rows are asked for once, and
/// features equal to the baseline cost nothing, so it is often less.
fn asked_for(run: &Context, questions: &Questions, rows: u64) -> Vec<(&'static str, u64)> {
    let features = questions.names.len();
    let methods = &run.plan.analysis.methods;
    let mut asked = Vec::new();
    if run.plan.predicts() {
        asked.push(("for metrics", rows));
    }
    if let Some(shap) = &methods.shap {
        // Clusters of all rows may be more than those of the first.
        let baseline = match (&shap.baseline, &questions.baseline) {
            (Baseline::Clusters(count), _) => count.unwrap_or(shap::MOST_CLUSTERS) as u64,
            (_, Some(baseline)) => baseline.len() as u64,
            (_, None) => 1,
        };
        let sets =
            shap::coalitions(shap.num_samples, features) + u64::from(!shap.features_to_explain.is_empty());
        let each = sets.saturating_mul(baseline).saturating_add(1);
        let most = run.settings.max_model_rows.unwrap_or(u64::MAX);
        asked.push(("for attributions", rows.saturating_mul(each).saturating_add(baseline).min(most)));
    }
    if let Some(pdp) = &methods.pdp {
        let curves =
            if pdp.features.is_empty() { pdp.top_k_features.min(features) } else { pdp.features.len() };
        let used = rows.min(pdp::MOST_ROWS as u64);
        asked.push(("for partial dependence", used * (curves * pdp.grid_resolution) as u64));
    }
    asked
}

fn line(text: &mut Answer, name: &str, value: &str) {
    text.line(format_args!("  {name:<14} {value}"));
}

/// A text with line ends of its own: each of its lines stands behind the name.
fn lines(text: &mut Answer, name: &str, value: &str) {
    let mut parts = value.split('\n').map(|part| part.strip_suffix('\r').unwrap_or(part));
    line(text, name, parts.next().unwrap_or_default());
    for part in parts {
        if part.is_empty() {
            text.empty_line();
        } else {
            line(text, "", part);
        }
    }
}

fn tell_plan(plan: &Plan, text: &mut Answer) {
    text.line(plan.kind(plan.constraints.is_some()));
    line(text, "configuration", &plan.config_path.display().to_string());
    line(text, "dataset", &plan.dataset);
    if let Some(path) = &plan.ground_truth {
        line(text, "ground truth", &path.display().to_string());
    }
    line(text, "output", &plan.output.display().to_string());
    if let Some((start, end)) = plan.window {
        line(text, "window", &format!("{start} to {end}"));
    }
    let methods = &plan.analysis.methods;
    for (name, codes) in
        [("pre-training", &methods.pre_training_bias), ("post-training", &methods.post_training_bias)]
    {
        if let Some(codes) = codes {
            line(text, name, &codes.join(", "));
        }
    }
    if let Some(shap) = &methods.shap {
        let samples = shap.num_samples.map_or("chosen by the number of features".into(), |n| n.to_string());
        line(text, "shap", &format!("num_samples {samples}"));
    }
    if let Some(pdp) = &methods.pdp {
        line(text, "pdp", &format!("{} points", pdp.grid_resolution));
    }
}

fn tell_reading(reading: &Reading, text: &mut Answer) {
    let counts = &reading.row_counts;
    text.empty_line();
    text.line(format_args!(
        "First {}: {}",
        counted(counts.records_read, "record"),
        counted(counts.rows, "row")
    ));
    for skipped in &counts.records_skipped {
        line(
            text,
            "left out",
            &format!("{}: {} ({})", skipped.reason, skipped.records, skipped.examples.join("; ")),
        );
    }
    if let Some(kind) = reading.captured_input {
        line(text, "requests", kind.mime());
    }
    if let Some(kind) = reading.captured_output {
        line(text, "responses", kind.mime());
    }
    for warning in &reading.warnings {
        line(text, "warning", warning);
    }
    text.empty_line();
    text.line(format_args!("  {:<28} {:<10} {:>8}  role", "column", "type", "distinct"));
    for column in reading.columns.iter().take(COLUMNS_SHOWN) {
        let kind = column.kind.map_or("-", |kind| kind.name());
        let distinct = if column.kind.is_some() { column.distinct.to_string() } else { "-".into() };
        let roles = column.roles.join(", ");
        text.line(format_args!("  {:<28} {kind:<10} {distinct:>8}  {roles}", column.name));
    }
    if let Some(more) = reading.columns.len().checked_sub(COLUMNS_SHOWN).filter(|&more| more > 0) {
        text.line(format_args!("  and {}", counted(more, "more column")));
    }
}

fn tell_groups(run: &Context, reading: &Reading, text: &mut Answer) -> Result<Counted> {
    let found = if run.plan.predicts() {
        stages::bias::check(run, reading)
    } else {
        roles::count(reading, None, &run.plan.analysis, false)
    };
    let found = found.map_err(in_first_records)?;
    let counts = &found.counts;
    text.empty_line();
    text.line(format_args!(
        "Label `{}`, positive when `{}`; group sizes among these rows:",
        counts.label, counts.label_value_or_threshold
    ));
    for FacetCounts { facet, value_or_threshold, total, .. } in &counts.facets {
        let share = |part: u64, all: u64| if all == 0 { 0.0 } else { 100.0 * part as f64 / all as f64 };
        line(
            text,
            &format!("{facet} {value_or_threshold}"),
            &format!(
                "{}, {:.1} % positive; the rest {}, {:.1} % positive",
                counted(total.d.n(), "row"),
                share(total.d.observed_positive(), total.d.n()),
                counted(total.a.n(), "row"),
                share(total.a.observed_positive(), total.a.n()),
            ),
        );
    }
    for warning in &found.warnings {
        line(text, "warning", warning);
    }
    for note in &found.selections {
        line(text, "warning", &format!("{note} (among these rows)"));
    }
    Ok(found)
}

fn tell_comparison(
    run: &Context,
    reading: &Reading,
    found: &Counted,
    baseline: &Results,
    text: &mut Answer,
) -> Result<()> {
    let (results, facets) = stages::bias::look(run, reading, found, baseline)?;
    let comparison = drift::compare(&results, &facets, baseline);
    for warning in &comparison.warnings {
        line(text, "warning", &format!("{warning} (among these rows)"));
    }
    if comparison.is_of_nothing() && !run.settings.on_nothing_compared.is_allowed() {
        return Err(in_first_records(comparison.nothing_compared(&results, &facets, baseline)));
    }
    Ok(())
}

fn in_first_records(problem: Problem) -> Problem {
    let rule = "only the first records were checked; the others may fit";
    match problem.hint_text() {
        Some(hint) => {
            let hint = format!("{hint}; {rule}");
            problem.hint(hint)
        }
        None => problem.hint(rule),
    }
}
