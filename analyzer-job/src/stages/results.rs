//! The end of a run: judges against the baseline, writes every result at once, publishes, and gives the exit message.

use jiff::Timestamp;
use plumbline_common::job::Job;
use plumbline_common::{Problem, Result, codes, output};

use crate::context::{Context, warn};
use crate::drift::attributions::{self, attribution_drift};
use crate::drift::bias::{self as drift, Check};
use crate::read::Reading;
use crate::report::{self, EarlierRun};
use crate::results::details::{BiasDetails, ExplanationDetails, Findings, RunDetails};
use crate::results::{Results, VERSION, Violation, Violations};
use crate::settings::Settings;
use crate::stages::attributions::Explanation;
use crate::stages::bias::Bias;
use crate::stages::{manifest, publish};
use crate::values::numbers;

/// Only there when something is violated.
const VIOLATIONS: &str = "constraint_violations.json";

/// What the stages found.
pub(crate) struct Found {
    pub(crate) bias: Option<Bias>,
    pub(crate) explanation: Option<Explanation>,
}

/// Judges, writes everything, and gives the exit message.
pub(crate) fn finish(
    run: &Context,
    now: Timestamp,
    reading: &Reading,
    found: Found,
    baseline: Option<Results>,
    mut files: output::Results,
) -> Result<String> {
    let Found { bias, explanation } = found;
    let mut results = bias.as_ref().map(|bias| bias.results.clone()).unwrap_or_default();
    results.version = VERSION.into();
    let details_of_run = manifest::run_details(run, reading, baseline.is_some())?;
    let mut bias = bias.map(|bias| bias_details(run, details_of_run.clone(), bias));
    let mut explanations = explanation.map(|explanation| {
        results.explanations = Some(explanation.explanations);
        let mut details = explanation.details;
        let warnings = std::mem::replace(&mut details.run, details_of_run).warnings;
        details.run.warnings.extend(warnings);
        details
    });
    let violations = judge(run, &results, baseline.as_ref(), bias.as_mut(), explanations.as_mut())?;
    let findings = Findings { results, violations, bias, explanations };
    write(run, &findings, &mut files)?;
    run.job.stop.check()?;
    files.publish()?;
    if findings.violations.is_empty() {
        remove_earlier(run, VIOLATIONS)?;
    }
    tracing::info!("results and reports are in {}", run.plan.output.display());
    publish::publish(run, &findings.results, now);
    Ok(match findings.violations.len() {
        0 => "Completed: Job completed successfully with no violations.".into(),
        n => format!("CompletedWithViolations: Job completed successfully with {n} violations."),
    })
}

fn bias_details(run: &Context, manifest: RunDetails, bias: Bias) -> BiasDetails {
    let counts = bias.counted.counts;
    let group = run.plan.analysis.group_variable.as_ref();
    BiasDetails {
        run: manifest,
        label: counts.label,
        label_value_or_threshold: counts.label_value_or_threshold,
        group_variable: group.map(ToString::to_string),
        facets: bias.facets,
        left_out: counts.left_out,
        intersections: bias.intersections,
        segments: bias.segments,
    }
}

/// Compares with the baseline; marks in the details what is violated.
fn judge(
    run: &Context,
    results: &Results,
    baseline: Option<&Results>,
    bias: Option<&mut BiasDetails>,
    explanations: Option<&mut ExplanationDetails>,
) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let Some(baseline) = baseline else { return Ok(violations) };
    if let Some(bias) = bias {
        let check = if run.by_interval() { Check::Intervals(&bias.facets) } else { Check::Values };
        let (found, warnings) = drift::bias_violations(results, baseline, check);
        drift::mark(&mut bias.facets, baseline, &found);
        bias.run.warnings.extend(warn(warnings));
        violations.extend(found);
    }
    if let Some(explanations) = explanations {
        let drift = attribution_drift(results, baseline)?;
        for output in &mut explanations.outputs {
            output.ndcg = drift.scores.get(&output.label).copied();
            output.violated = output.ndcg.is_some_and(|score| score < attributions::THRESHOLD);
            for feature in &mut output.features {
                feature.baseline = attributions::value(baseline, &output.label, &feature.name);
            }
        }
        explanations.run.warnings.extend(warn(drift.warnings));
        violations.extend(drift.violations);
    }
    Ok(violations)
}

fn write(run: &Context, findings: &Findings, files: &mut output::Results) -> Result<()> {
    let names = &run.plan.analysis.methods.report;
    let history = history(run.job, run.settings)?;
    for (name, bytes) in report::render(findings, names, &history)? {
        run.add(files, &name, &bytes)?;
    }
    if let Some(bias) = &findings.bias {
        add_json(run, files, "bias_details.json", bias)?;
    }
    if let Some(explanations) = &findings.explanations {
        add_json(run, files, "explanations_details.json", explanations)?;
    }
    if !findings.violations.is_empty() {
        let violations = Violations { version: VERSION.into(), violations: findings.violations.clone() };
        add_json(run, files, VIOLATIONS, &violations)?;
    }
    add_json(run, files, "analysis.json", &findings.results)
}

fn add_json(
    run: &Context,
    files: &mut output::Results,
    name: &str,
    value: &impl serde::Serialize,
) -> Result<()> {
    let bytes = numbers::to_pretty_json(value).map_err(|error| {
        Problem::new(&codes::INTERNAL, format!("{name} cannot be written as JSON")).found(error.to_string())
    })?;
    run.add(files, name, &bytes)
}

/// A file of an earlier run into the same folder that would speak of this one.
fn remove_earlier(run: &Context, name: &str) -> Result<()> {
    let path = run.plan.output.join(name);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Problem::io("remove the file of an earlier run", &path, error))
        }
        _ => Ok(()),
    }
}

/// Earlier runs, for the trends of the report.
///
/// # Errors
/// The folder of `history` cannot be read.
pub(crate) fn history(job: &Job, settings: &Settings) -> Result<Vec<EarlierRun>> {
    match &settings.history {
        Some(folder) => report::history(&job.tree.resolve(folder)),
        None => Ok(Vec::new()),
    }
}
