//! Bias metrics from counts.
//!
//! `metrics` has the list and the formulas, `flip` the one metric that needs rows, `bootstrap` the errors
//! of sampling, `evidence` whether there are enough rows for a value to mean something. `results` makes
//! the bias sections of `analysis.json` of them, `details` what `bias_details.json` adds.

mod bootstrap;
mod evidence;
mod flip;
mod halves;
mod metrics;
mod neighbours;
pub mod roles;
mod screen;

use indexmap::IndexMap;
use plumbline_common::stop::Stop;
use plumbline_common::{Problem, Result, codes};

use crate::config::Methods;
use crate::results::details::{FacetDetails, MetricDetails, Stage};
use crate::results::{BiasSection, FacetResult, MetricResult, Number, Results};
use crate::state::counts::{BiasCounts, FacetCounts};

pub use flip::{FlipOutcome, Flips, flip_test};
pub use metrics::{Compute, Evidence, METRICS, Metric, Share, codes_of, metric};

/// Checks that there is something to compare after training.
///
/// # Errors
/// `NO_POSITIVE_PREDICTION`, in the words of the hosted service.
pub fn check(counts: &BiasCounts) -> Result<()> {
    let predicted_positive =
        |facet: &FacetCounts| facet.total.d.predicted_positive() + facet.total.a.predicted_positive();
    // Each facet has all rows, in the one group or the other.
    match counts.facets.first() {
        Some(facet) if counts.predicted && predicted_positive(facet) == 0 => Err(Problem::new(
            &codes::NO_POSITIVE_PREDICTION,
            "No Label values are present in the predicted Label Column,\
             Positive Predicted Index Series contains all False values",
        )
        .field("label_values_or_threshold")
        .found(format!("no row predicted as `{}`", counts.label_value_or_threshold))
        .hint("check that predictions are labels and spelled as in `label_values_or_threshold`, not scores")),
        _ => Ok(()),
    }
}

/// The bias sections of `analysis.json`, one for each stage that was asked for.
///
/// `flips`: for each of `counts.facets` the outcome of the flip test; empty when it was not computed, and
/// then it has no entry.
pub fn results(counts: &BiasCounts, flips: &[FlipOutcome], methods: &Methods) -> Results {
    let section = |stage| section(counts, flips, stage, asked(methods, stage)?);
    Results {
        post_training_bias_metrics: section(Stage::PostTraining),
        pre_training_bias_metrics: section(Stage::PreTraining),
        ..Results::default()
    }
}

/// For each of `counts.facets` its counts and every metric that was asked for, with its error of sampling
/// and whether there are enough rows. `drift::mark` adds the comparison with a baseline.
///
/// `flips` as in `results`. The same seed gives the same numbers.
///
/// # Errors
/// `STOPPED`: resampling takes up to seconds when the group variable has very many values.
pub fn details(
    counts: &BiasCounts,
    flips: &[FlipOutcome],
    methods: &Methods,
    seed: u64,
    stop: &Stop,
) -> Result<Vec<FacetDetails>> {
    let mut all = Vec::with_capacity(counts.facets.len());
    for (facet_idx, facet) in counts.facets.iter().enumerate() {
        let flip = flips.get(facet_idx);
        let mut measured = Vec::new();
        for stage in [Stage::PostTraining, Stage::PreTraining] {
            measured.extend(measure(facet, flip, stage, asked(methods, stage).unwrap_or_default()));
        }
        let metrics: Vec<&Metric> = measured.iter().map(|(metric, _)| *metric).collect();
        let spreads = bootstrap::spreads(facet, flip, &metrics, seed, facet_idx as u64, stop)?;
        let metrics = measured.into_iter().zip(spreads).map(|((metric, outcome), spread)| {
            let rows_reason = evidence::too_few(metric, facet);
            let (value, error) = split(outcome);
            MetricDetails {
                stage: metric.stage,
                name: metric.code.into(),
                value,
                error,
                standard_error: spread.standard_error,
                interval: spread.interval,
                enough_rows: rows_reason.is_none(),
                rows_reason,
                baseline: None,
                violated: false,
            }
        });
        all.push(FacetDetails {
            facet: facet.facet.clone(),
            value_or_threshold: facet.value_or_threshold.clone(),
            groups: facet.total,
            predicted: counts.predicted,
            metrics: metrics.collect(),
        });
    }
    Ok(all)
}

/// Codes of the metrics of a stage that were asked for, none when the stage was not.
fn asked(methods: &Methods, stage: Stage) -> Option<&[&'static str]> {
    match stage {
        Stage::PostTraining => methods.post_training_bias.as_deref(),
        Stage::PreTraining => methods.pre_training_bias.as_deref(),
    }
}

fn section(
    counts: &BiasCounts,
    flips: &[FlipOutcome],
    stage: Stage,
    asked: &[&'static str],
) -> Option<BiasSection> {
    let mut facets: IndexMap<String, Vec<FacetResult>> = IndexMap::new();
    for (facet_idx, facet) in counts.facets.iter().enumerate() {
        let metrics = measure(facet, flips.get(facet_idx), stage, asked).map(|(metric, outcome)| {
            let (value, error) = split(outcome);
            MetricResult { name: metric.code.into(), description: metric.description.into(), value, error }
        });
        facets.entry(facet.facet.clone()).or_default().push(FacetResult {
            value_or_threshold: facet.value_or_threshold.clone(),
            metrics: metrics.collect(),
        });
    }
    Some(BiasSection {
        label: counts.label.clone(),
        facets,
        label_value_or_threshold: counts.label_value_or_threshold.clone(),
    })
}

/// The metrics of a stage that were asked for, in report order, each with its value or why it has none.
fn measure(
    facet: &FacetCounts,
    flip: Option<&FlipOutcome>,
    stage: Stage,
    asked: &[&'static str],
) -> impl Iterator<Item = (&'static Metric, std::result::Result<Number, String>)> {
    METRICS.iter().filter(move |metric| metric.stage == stage && asked.contains(&metric.code)).filter_map(
        move |metric| {
            let outcome = match metric.compute {
                Compute::Groups(compute) => compute(&facet.total).map_err(String::from),
                Compute::Strata(compute) => match &facet.strata {
                    Some(strata) => compute(&facet.total, strata).map_err(String::from),
                    None => Err("Group variable is empty or not provided".into()),
                },
                Compute::FlipTest => match flip? {
                    Ok(flips) => Ok(Number::Float(flips.value())),
                    Err(reason) => Err(reason.clone()),
                },
            };
            Some((metric, outcome))
        },
    )
}

fn split(outcome: std::result::Result<Number, String>) -> (Option<Number>, Option<String>) {
    match outcome {
        Ok(value) => (Some(value), None),
        Err(reason) => (None, Some(reason)),
    }
}

#[cfg(test)]
mod tests;
