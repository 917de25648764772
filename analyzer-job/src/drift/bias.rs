//! Bias drift: today's metrics against those of a baseline.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use crate::results::details::{FacetDetails, Stage};
use crate::results::{BiasSection, FacetResult, Number, Results, Violation};
use crate::values::numbers;

/// How a metric that is farther from 0 than its baseline is judged.
#[derive(Debug, Clone, Copy)]
pub enum Check<'a> {
    /// It is a violation: what the hosted service does.
    Values,
    /// It is a violation only if its 95 % interval also lies outside of what the baseline allows, so that
    /// chance alone raises no alarm. A metric without an interval is judged by its value.
    Intervals(&'a [FacetDetails]),
}

/// Reads a baseline: an `analysis.json`, or a file of its shape.
///
/// As such files come from several programs, the bare words `Infinity`, `-Infinity` and `NaN` are read as
/// well as strict JSON, and what is missing is taken as not given.
///
/// # Errors
/// The file cannot be read (`FILE_OPERATION_FAILED`), is not JSON or has another shape
/// (`CONSTRAINTS_UNREADABLE`).
pub fn load_constraints(path: &Path) -> Result<Results> {
    let bytes =
        std::fs::read(path).map_err(|error| Problem::io("read the baseline constraints", path, error))?;
    serde_json::from_slice(&numbers::strict_json(&bytes)).map_err(|error| {
        let what = if error.is_data() {
            "the baseline constraints do not have the shape of an analysis.json"
        } else {
            "the baseline constraints are not JSON"
        };
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, what)
            .file(path)
            .line(error.line() as u64)
            .found(error.to_string())
            .hint("give the analysis.json of the baseline job, or a file of its shape")
            .because(error)
    })
}

/// The metrics of `current` that are farther from 0 than in `baseline`, in the order of `analysis.json`, and
/// for the log what could not be compared.
///
/// The rule is `|current| > |baseline|` for every metric, for disparate impact too, whose parity is 1: that
/// is what the hosted service does. Nothing is farther from 0 than infinity.
pub fn bias_violations(current: &Results, baseline: &Results, check: Check) -> (Vec<Violation>, Vec<String>) {
    let mut violations = Vec::new();
    let mut warnings = Vec::new();
    for stage in [Stage::PostTraining, Stage::PreTraining] {
        let name = section_name(stage);
        let (current, baseline) = match (section(current, stage), section(baseline, stage)) {
            (Some(current), Some(baseline)) => (current, baseline),
            (Some(_), None) => {
                warnings.push(format!("the baseline constraints have no `{name}`: not checked"));
                continue;
            }
            (None, Some(_)) => {
                warnings.push(format!(
                    "the baseline constraints have `{name}`, this analysis has not: not checked"
                ));
                continue;
            }
            (None, None) => continue,
        };
        for (facet, entry) in entries(current) {
            let value = &entry.value_or_threshold;
            match find(baseline, facet, value) {
                Some(constraints) => {
                    compare(facet, entry, constraints, check, &mut violations, &mut warnings);
                }
                None => warnings.push(format!(
                    "the baseline constraints have no facet `{facet}` with value `{value}` in `{name}`: not checked"
                )),
            }
        }
        for (facet, entry) in entries(baseline) {
            let value = &entry.value_or_threshold;
            if find(current, facet, value).is_none() {
                warnings.push(format!(
                    "facet `{facet}` with value `{value}` of the baseline constraints is not in this analysis: \
                     not checked"
                ));
            }
        }
    }
    (violations, warnings)
}

/// Writes the baseline's values and the violations into the details, for reports.
pub fn mark(details: &mut [FacetDetails], baseline: &Results, violations: &[Violation]) {
    for facet in details {
        for metric in &mut facet.metrics {
            metric.baseline = section(baseline, metric.stage)
                .and_then(|section| find(section, &facet.facet, &facet.value_or_threshold))
                .and_then(|entry| {
                    entry.metrics.iter().find(|constraint| constraint.name == metric.name)?.value
                });
            metric.violated = violations.iter().any(|violation| match violation {
                Violation::Bias { facet: name, facet_value, metric_name, .. } => {
                    *name == facet.facet
                        && *facet_value == facet.value_or_threshold
                        && *metric_name == metric.name
                }
                Violation::Attribution { .. } => false,
            });
        }
    }
}

fn section(results: &Results, stage: Stage) -> Option<&BiasSection> {
    match stage {
        Stage::PostTraining => results.post_training_bias_metrics.as_ref(),
        Stage::PreTraining => results.pre_training_bias_metrics.as_ref(),
    }
}

fn section_name(stage: Stage) -> &'static str {
    match stage {
        Stage::PostTraining => "post_training_bias_metrics",
        Stage::PreTraining => "pre_training_bias_metrics",
    }
}

fn entries(section: &BiasSection) -> impl Iterator<Item = (&str, &FacetResult)> {
    section
        .facets
        .iter()
        .flat_map(|(facet, entries)| entries.iter().map(move |entry| (facet.as_str(), entry)))
}

/// The entry of the same value, else, when the facet has one interval on either side, that of the same lower
/// bound: the upper bound is the largest value in the data and changes from run to run.
fn find<'a>(section: &'a BiasSection, facet: &str, value: &str) -> Option<&'a FacetResult> {
    let entries = section.facets.get(facet)?;
    entries.iter().find(|entry| entry.value_or_threshold == value).or_else(|| match entries.as_slice() {
        [entry] => {
            let bound = lower_bound(value)?;
            (lower_bound(&entry.value_or_threshold)? == bound).then_some(entry)
        }
        _ => None,
    })
}

/// The lower bound of an interval such as `(40, 80]`; none for other values.
fn lower_bound(value: &str) -> Option<f64> {
    let (low, high) = value.strip_prefix('(')?.strip_suffix(']')?.split_once(", ")?;
    high.parse::<f64>().ok()?;
    low.parse().ok()
}

fn compare(
    facet: &str,
    entry: &FacetResult,
    constraints: &FacetResult,
    check: Check,
    violations: &mut Vec<Violation>,
    warnings: &mut Vec<String>,
) {
    let mut skipped = Vec::new();
    for metric in &entry.metrics {
        let constraint = constraints.metrics.iter().find(|constraint| constraint.name == metric.name);
        let (Some(value), Some(limit)) = (metric.value, constraint.and_then(|constraint| constraint.value))
        else {
            skipped.push(metric.name.as_str());
            continue;
        };
        let farther = value.value().abs() > limit.value().abs();
        if farther && beyond_chance(facet, &entry.value_or_threshold, &metric.name, limit, check) {
            violations.push(Violation::Bias {
                facet: facet.into(),
                facet_value: entry.value_or_threshold.clone(),
                metric_name: metric.name.clone(),
                constraint_check_type: "bias_drift_check".into(),
                description: format!(
                    "Metric value {value} doesn't meet the baseline constraint requirement {limit}"
                ),
            });
        }
    }
    skipped.extend(
        constraints
            .metrics
            .iter()
            .map(|constraint| constraint.name.as_str())
            .filter(|name| !entry.metrics.iter().any(|metric| metric.name == *name)),
    );
    if !skipped.is_empty() {
        warnings.push(format!(
            "facet `{facet}` with value `{}`: no value to compare, here or in the baseline constraints, for {}: \
             not checked",
            entry.value_or_threshold,
            skipped.join(", ")
        ));
    }
}

/// Whether the metric's interval lies outside of [-|limit|, |limit|]; always for a check by value.
fn beyond_chance(facet: &str, value: &str, metric: &str, limit: Number, check: Check) -> bool {
    let Check::Intervals(details) = check else { return true };
    let interval = details
        .iter()
        .filter(|entry| entry.facet == facet && entry.value_or_threshold == value)
        .flat_map(|entry| &entry.metrics)
        .find(|entry| entry.name == metric)
        .and_then(|entry| entry.interval);
    let limit = limit.value().abs();
    interval.is_none_or(|[low, high]| low.value() > limit || high.value() < -limit)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
