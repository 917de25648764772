//! The model quality monitor: how good the predictions are against the labels, and what a baseline says against it.

mod prepare;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use plumbline_common::answer::Answer;
use plumbline_common::job::Job;
use plumbline_common::output;
use plumbline_common::words::counted;
use plumbline_common::{Problem, Result, codes};
use serde_json::json;

use crate::context;
use crate::monitor::rows::shared::Seat;
use crate::performance::baseline::Baseline;
use crate::performance::compared;
use crate::performance::constraints::{self, Constraint};
use crate::performance::details::{self, QualityDetails};
use crate::performance::estimate::Unknown;
use crate::performance::findings::{self, Findings};
use crate::performance::fit::Fit;
use crate::performance::misfit::not_two_classes;
use crate::performance::outcomes::ProblemType;
use crate::performance::part::{Part, Reading};
use crate::performance::rows;
use crate::publish::cloudwatch::{Measure, Metric, Scope};
use crate::report::{self, Draft};
use crate::results::details::{RunDetails, SettingUsed};
use crate::settings::{OnBadRecord, Settings};
use crate::stages::done::{Done, Message, most_unusable};
use crate::stages::joins::{Joins, Labels};
use crate::stages::written::{VIOLATIONS, write_java};
use crate::stages::{publish, states};
use crate::state::joined::Joined;
use crate::values::numbers;
use prepare::check_constraints;
pub(crate) use prepare::{Prepared, prepare};

/// A problem with more classes is no classification, and its matrix no table.
const MOST_CLASSES: usize = 1000;

/// Measures what was gathered, judges it, and makes every result. `scratch`: a folder for what has no name yet.
///
/// # Errors
/// No usable row; classes that do not fit the problem; what cannot be written.
pub(crate) fn finish(
    job: &Job,
    settings: &Settings,
    now: Timestamp,
    prepared: &Prepared,
    part: Part,
    scratch: &Path,
) -> Result<Done> {
    let plan = &prepared.plan;
    if let Some(joined) = part.joined.as_ref() {
        joined.judge(!prepared.estimate_without_labels, &plan.dataset)?;
    }
    let mut reading = part.finish()?;
    let fit = reading.know(&prepared.baseline, settings.on_bad_record == OnBadRecord::Fail)?;
    let reading = &reading;
    for warning in &reading.warnings {
        tracing::warn!("{warning}");
    }
    tracing::info!(
        "read {} from {}",
        counted(reading.counts.rows, "row"),
        counted(reading.counts.records_read, "record")
    );
    check_rows(prepared, reading)?;
    let run = run_details(job, settings, prepared, reading);
    let mut files = output::Results::default();
    let done = |files, draft, message, metrics, failed| Done {
        files,
        output: plan.output.clone(),
        given: plan.baseline_files().cloned().collect(),
        draft,
        message,
        facets: Vec::new(),
        metrics,
        at_end: plan.postprocessor.clone(),
        failed,
    };
    if reading.outcomes.rows() == 0 {
        let mut details = findings::unlabelled(&reading.outcomes, &prepared.baseline.respelled(&fit), run);
        tell_doubt(&mut details, &fit);
        let draft = add_details(&mut files, &plan.output, &details, scratch)?;
        let message = no_label_yet(&details, &prepared.baseline);
        return Ok(done(files, draft, Message::NotJudged(message), Vec::new(), None));
    }
    let mut found = measure(prepared, reading, &fit, run)?;
    tell_doubt(&mut found.details, &fit);
    let suggested = suggest(prepared, &found);
    found.details.notes.extend(constraints::without_margin(&found.statistics, prepared.margin, &suggested));
    let failed = match compared(prepared, &found, &fit) {
        Err(_) if prepared.nothing_is_allowed && !fit.foreign.is_empty() => None,
        Err(problem) if prepared.nothing_is_allowed => {
            found
                .details
                .notes
                .push(problem.hint("make a baseline whose metrics have a value today").to_string());
            None
        }
        compared => compared.err(),
    };
    for note in &found.details.notes {
        tracing::warn!("{note}");
    }
    let draft = add_results(prepared, &found, &suggested, &mut files, scratch)?;
    let mut remarks: String =
        found.details.class_doubt.iter().map(|doubt| format!(" Warning: {doubt}")).collect();
    remarks.push_str(&most_unusable(reading.unusable, reading.inside));
    let message = Message::Judged { violations: found.breaches.len(), remarks };
    let metrics = publish::metrics(settings, plan.metric_time.unwrap_or(now), |scope| {
        metrics(&found, plan.monitoring, scope)
    });
    Ok(done(files, draft, message, metrics, failed))
}

/// Reads the data, joined with labels where some are given; it does not matter yet whether there are any.
///
/// # Errors
/// What cannot be read; a column that the data do not have; a merge without any match.
pub(crate) fn gather(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    joins: &Joins<'_>,
    seat: Option<&Seat>,
) -> Result<Part> {
    let plan = &prepared.plan;
    for warning in plan.told().chain(&prepared.warnings) {
        tracing::warn!("{warning}");
    }
    let joined = joined(prepared, settings, joins)?;
    rows_of(job, settings, prepared, joined.as_ref(), None, seat)
}

/// The rows of the first `records`; of all, when none of the first can be used, or a setting names what none of them has.
fn sample(job: &Job, settings: &Settings, prepared: &Prepared, records: u64) -> Result<Part> {
    let scratch = context::scratch(job)?;
    let joined = joined(prepared, settings, &Joins::new(job, scratch.path(), prepared.folds))?;
    let first = rows_of(job, settings, prepared, joined.as_ref(), Some(records), None)?;
    // What the first lack later ones may have.
    if first.outcomes.rows() > 0 && (prepared.folds || first.clone().finish().is_ok()) {
        return Ok(first);
    }
    rows_of(job, settings, prepared, joined.as_ref(), None, None)
}

/// The captures joined with ground truth, when some is given.
fn joined(prepared: &Prepared, settings: &Settings, joins: &Joins<'_>) -> Result<Option<(PathBuf, Joined)>> {
    let strict = settings.on_bad_record == OnBadRecord::Fail;
    let labels = if prepared.estimate_without_labels { Labels::Awaited } else { Labels::Needed };
    let joined = |truth: &PathBuf| joins.merged(&prepared.plan.dataset, truth, labels, strict);
    prepared.ground_truth.as_ref().map(joined).transpose()
}

fn rows_of(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    joined: Option<&(PathBuf, Joined)>,
    limit: Option<u64>,
    seat: Option<&Seat>,
) -> Result<Part> {
    let mut source = prepared.plan.source(job, settings);
    source.limit = limit;
    source.folds = prepared.folds;
    source.seat = seat;
    if let Some((records, _)) = joined {
        source.path = records;
    }
    // Captures without a label: for the estimates.
    let captures = (joined.is_some() && limit.is_none()).then(|| {
        let mut captures = prepared.plan.source(job, settings);
        captures.strict = false;
        captures
    });
    let mut part = rows::read(&source, &prepared.question, &prepared.places, captures.as_ref())?;
    part.joined = joined.map(|(_, joined)| joined.clone());
    Ok(part)
}

/// That some row has a prediction and a label, or a prediction where estimates are wanted.
///
/// # Errors
/// `NO_DATA`.
fn check_rows(prepared: &Prepared, reading: &Reading) -> Result<()> {
    if reading.outcomes.rows() == 0 && !(prepared.estimate_without_labels && reading.outcomes.waiting() > 0) {
        return Err(no_rows(prepared, reading));
    }
    Ok(())
}

fn no_rows(prepared: &Prepared, reading: &Reading) -> Problem {
    let skipped: Vec<String> = reading
        .counts
        .records_skipped
        .iter()
        .map(|skipped| {
            format!("{} left out, {}{}", skipped.records, skipped.reason, example(&skipped.examples))
        })
        .collect();
    let mut found = counted(reading.counts.records_read, "record");
    if !skipped.is_empty() {
        found.push_str(&format!(" ({})", skipped.join("; ")));
    }
    if let Some((start, end)) = prepared.plan.window {
        found.push_str(&format!(", window from {start} to {end}"));
    }
    let problem = Problem::new(&codes::NO_DATA, "there is no data: no row has a prediction and a label")
        .file(&prepared.plan.dataset)
        .found(found);
    if reading.outcomes.waiting() > 0 {
        return problem.hint(
            "run the merge job on the captures first, or name the labels in `ground_truth_source`; with \
             `estimate_without_labels=Enabled` the performance is estimated",
        );
    }
    problem
}

fn example(examples: &[String]) -> String {
    examples.first().map(|example| format!(", such as {example}")).unwrap_or_default()
}

/// A look at the first records, for the dry run.
///
/// # Errors
/// What the job would stop with.
pub(crate) fn look(
    job: &Job,
    settings: &Settings,
    prepared: &Prepared,
    records: u64,
    text: &mut Answer,
) -> Result<()> {
    let plan = &prepared.plan;
    let mut line = |name: &str, value: &str| text.line(format_args!("  {name:<14} {value}"));
    line("monitor", if plan.monitoring { "Model quality monitor" } else { "Model quality baseline" });
    line("problem", prepared.question.problem.name());
    line("dataset", &plan.dataset.display().to_string());
    line("output", &plan.output.display().to_string());
    if let Some((start, end)) = plan.window {
        line("window", &format!("{start} to {end}"));
    }
    if let Some(constraints) = &prepared.baseline.constraints {
        line("thresholds", &format!("{} to check", constraints.len()));
        let sure = if prepared.baseline.sides.is_empty() { "not known" } else { "known" };
        line(
            "baseline rows",
            &format!("{sure}, so that chance can {}be told", if sure == "known" { "" } else { "not " }),
        );
    }
    for warning in plan.told().chain(&prepared.warnings) {
        line("warning", warning);
    }
    let later = |problem: Problem, text: &mut Answer| {
        states::later(prepared.folds, problem, |warning| {
            text.line(format_args!("  {:<14} {warning}", "warning"));
        })
    };
    let mut reading = match sample(job, settings, prepared, records)?.finish() {
        Err(problem) => return later(problem, text),
        Ok(reading) => reading,
    };
    let fit = match reading.know(&prepared.baseline, settings.on_bad_record == OnBadRecord::Fail) {
        Err(problem) => return later(problem, text),
        Ok(fit) => fit,
    };
    text.empty_line();
    text.line(format_args!(
        "First {}: {} with a label, {} without",
        counted(reading.counts.records_read, "record"),
        counted(reading.outcomes.rows(), "row"),
        reading.outcomes.waiting()
    ));
    let mut line = |name: &str, value: &str| text.line(format_args!("  {name:<14} {value}"));
    for warning in &reading.warnings {
        line("warning", warning);
    }
    if let Err(problem) = check_rows(prepared, &reading) {
        return later(problem, text);
    }
    if reading.outcomes.rows() == 0 {
        return Ok(());
    }
    let classes = reading.outcomes.classes();
    if !classes.is_empty() {
        let names: Vec<String> =
            classes.sorted().into_iter().take(20).map(|class| format!("`{}`", classes.name(class))).collect();
        line("classes", &names.join(", "));
    }
    if let Some(doubt) = fit.doubt() {
        line("warning", &doubt);
    }
    let found = match measure(prepared, &reading, &fit, RunDetails::default()) {
        Err(problem) => return later(problem, text),
        Ok(found) => found,
    };
    if let Some(doubt) = &found.details.class_doubt {
        line("warning", doubt);
    }
    match compared(prepared, &found, &fit) {
        Err(_) if prepared.nothing_is_allowed && !fit.foreign.is_empty() => {}
        Err(problem) if prepared.nothing_is_allowed => line("warning", &problem.to_string()),
        Err(problem) if !fit.foreign.is_empty() => return later(problem, text),
        Err(problem) => {
            return later(problem.hint("only the first records were checked; the others may fit"), text);
        }
        Ok(()) => {}
    }
    Ok(())
}

/// Says, where the classes are not those of the baseline, what is taken for what.
fn tell_doubt(details: &mut QualityDetails, fit: &Fit) {
    let both: Vec<String> = fit.doubt().into_iter().chain(details.class_doubt.take()).collect();
    details.class_doubt = (!both.is_empty()).then(|| both.join(" "));
    if let Some(doubt) = &details.class_doubt {
        tracing::warn!("{doubt}");
    }
}

fn measure(prepared: &Prepared, reading: &Reading, fit: &Fit, run: RunDetails) -> Result<Findings> {
    let classes = match prepared.question.problem {
        // Some may be those of rows that were left out.
        ProblemType::BinaryClassification => reading.outcomes.rows_by_class().len(),
        _ => reading.outcomes.classes().len(),
    };
    if classes > MOST_CLASSES {
        return Err(Problem::new(
            &codes::VALUE_DOES_NOT_FIT,
            "these are too many classes for a classification",
        )
        .field("problem_type")
        .found(format!("{classes} classes"))
        .expected(format!("at most {MOST_CLASSES}, or problem_type Regression")));
    }
    // A baseline of other classes says nothing of these.
    let baseline =
        if fit.foreign.is_empty() { prepared.baseline.respelled(fit) } else { Baseline::default() };
    findings::findings(&reading.outcomes, &reading.groups, &baseline, run)
        .map_err(|names| not_two_classes(reading, names))
}

/// That a metric was compared, where there are constraints of which one can be.
///
/// # Errors
/// `NOTHING_COMPARED`.
fn compared(prepared: &Prepared, found: &Findings, fit: &Fit) -> Result<()> {
    match &prepared.baseline.constraints {
        Some(_) if !fit.foreign.is_empty() => fit.check(),
        Some(constraints) => {
            match check_constraints(&prepared.plan, prepared.question.problem, &prepared.baseline) {
                // What the file alone tells was told before.
                Err(_) if prepared.nothing_is_allowed => Ok(()),
                checked => checked.and_then(|()| compared::check_compared(&found.statistics, constraints)),
            }
        }
        None => Ok(()),
    }
}

/// The thresholds of a baseline of these rows.
fn suggest(prepared: &Prepared, found: &Findings) -> Vec<Constraint> {
    let spread = |name: &str| {
        let at = found.statistics.scalars.iter().position(|scalar| scalar.0 == name)?;
        Some(found.spreads[at])
    };
    constraints::suggest(&found.statistics, prepared.margin, spread)
}

/// Statistics, constraints, details and, in a monitoring run, violations, which come last.
fn add_results(
    prepared: &Prepared,
    found: &Findings,
    suggested: &[Constraint],
    files: &mut output::Results,
    scratch: &Path,
) -> Result<Draft> {
    let folder = &prepared.plan.output;
    let suggested = constraints::document(prepared.question.problem, suggested);
    write_java(files, &folder.join("constraints.json"), scratch, &suggested)?;
    write_java(files, &folder.join("statistics.json"), scratch, &found.statistics.document())?;
    let draft = add_details(files, folder, &found.details, scratch)?;
    if prepared.plan.monitoring {
        let entries: Vec<_> = found.breaches.iter().map(constraints::Breach::document).collect();
        write_java(files, &folder.join(VIOLATIONS), scratch, &json!({"violations": entries}))?;
    }
    Ok(draft)
}

fn add_details(
    files: &mut output::Results,
    folder: &Path,
    details: &QualityDetails,
    scratch: &Path,
) -> Result<Draft> {
    let bytes = numbers::to_pretty_json(details).map_err(|error| {
        Problem::new(&codes::INTERNAL, "the details cannot be written as JSON").found(error.to_string())
    })?;
    files.write(&folder.join(details::FILE), &bytes, scratch)?;
    let draft = report::draft_performance(details);
    for (name, bytes) in draft.files(report::NAME)? {
        files.write(&folder.join(name), &bytes, scratch)?;
    }
    Ok(draft)
}

/// What is said of a run whose rows all wait for their labels; the results are marked as an estimate.
fn no_label_yet(details: &QualityDetails, baseline: &Baseline) -> String {
    let rows = details.rows_without_label;
    match &details.estimate {
        Some(estimate) => {
            let told: Vec<String> = estimate
                .metrics
                .iter()
                .map(|metric| {
                    format!(
                        "{} {:.3} ({:.3} to {:.3})",
                        metric.name, metric.value, metric.band[0], metric.band[1]
                    )
                })
                .collect();
            let left_out = match rows.saturating_sub(estimate.rows) {
                0 => String::new(),
                some => format!(
                    " without {some} of a class that the baseline never predicted ({})",
                    named(&details.not_estimated)
                ),
            };
            format!("no row of {rows} has its label yet; estimated{left_out}: {}", told.join(", "))
        }
        None if !details.not_estimated.is_empty() => format!(
            "no row of {rows} has its label yet, and nothing can be estimated, since the baseline never predicted a class of \
             theirs ({}){}",
            named(&details.not_estimated),
            match baseline.sides_of_classes() {
                Some([negative, positive]) =>
                    format!("; its classes are `{positive}`, which is positive, and `{negative}`"),
                None => String::new(),
            }
        ),
        None if details.class_doubt.is_some() => {
            format!(
                "no row of {rows} has its label yet. {}",
                details.class_doubt.as_deref().unwrap_or_default()
            )
        }
        None => format!(
            "no row of {rows} has its label yet, and nothing can be estimated without {} of a baseline with scores",
            details::FILE
        ),
    }
}

/// The first classes.
fn named(unknown: &[Unknown]) -> String {
    const SHOWN: usize = 5;
    let names: Vec<String> =
        unknown.iter().take(SHOWN).map(|class| format!("`{}`", class.predicted)).collect();
    format!("{}{}", names.join(", "), if unknown.len() > SHOWN { ", ..." } else { "" })
}

fn metrics(found: &Findings, monitoring: bool, scope: &Scope) -> Vec<Metric> {
    let total = monitoring.then_some(("total_number_of_violations", found.breaches.len() as f64));
    let all = found.statistics.published().chain(total);
    all.filter_map(|(name, value)| scope.measure(name.into(), &[], Measure::Value(value))).collect()
}

fn run_details(job: &Job, settings: &Settings, prepared: &Prepared, reading: &Reading) -> RunDetails {
    let plan = &prepared.plan;
    let given = [
        ("problem_type", Some(prepared.question.problem.name().to_string())),
        ("inference_attribute", prepared.places.prediction.clone()),
        ("probability_attribute", prepared.places.score.clone()),
        ("ground_truth_attribute", prepared.places.label.clone()),
        ("positive_label", prepared.question.positive_label.clone()),
        ("constraint_margin", settings.constraint_margin.clone()),
        ("segment_columns", settings.segment_columns.clone()),
        ("segment_attributes", settings.segment_attributes.clone()),
    ];
    let mut used: Vec<SettingUsed> = given
        .into_iter()
        .filter_map(|(name, value)| Some(SettingUsed { name: name.into(), value: value?, given: true }))
        .collect();
    used.push(SettingUsed {
        name: "probability_threshold_attribute".into(),
        value: prepared.question.threshold.to_string(),
        given: settings.probability_threshold_attribute.is_some(),
    });
    used.push(SettingUsed { name: "bootstrap seed".into(), value: context::SEED.to_string(), given: false });
    let mut warnings = plan.warnings.clone();
    warnings.extend(prepared.warnings.iter().chain(&reading.warnings).cloned());
    RunDetails {
        program: format!("analyzer-job {}", env!("CARGO_PKG_VERSION")),
        revision: option_env!("PLUMBLINE_REVISION").filter(|text| !text.is_empty()).map(str::to_string),
        job_name: Some(job.config.processing_job_name.clone()).filter(|name| !name.is_empty()),
        kind: if plan.monitoring { "Model quality monitor" } else { "Model quality baseline" }.into(),
        endpoint: settings.sagemaker_endpoint_name.clone(),
        schedule: settings.sagemaker_monitoring_schedule_name.clone(),
        window: plan.window.map(|(start, end)| [start.to_string(), end.to_string()]),
        rows: reading.counts.clone(),
        inputs: Vec::new(),
        settings: used,
        warnings,
        configuration: serde_json::Value::Null,
    }
}
