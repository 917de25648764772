//! Bias metrics from counts.
//!
//! `metrics` has the list and the formulas, `flip` the one metric that needs rows, `intervals` the errors of sampling,
//! `evidence` whether there are enough rows for a value to mean something, `draws` what the populations behind two samples
//! may be. `results` makes the bias sections of `analysis.json` of them, `details` what `bias_details.json` adds.

pub(crate) mod draws;
pub(crate) mod evidence;
mod flip;
mod halves;
mod intervals;
mod metrics;
mod neighbours;
mod numbers;
pub mod roles;
mod screen;

use crate::config::Methods;
use crate::results::details::{FacetDetails, MetricDetails, SelectionRole, Stage};
use crate::results::metrics::{self as words, codes_of};
use crate::results::{BiasSection, Counts, FacetResult, MetricResult, Number, Results};
use crate::state::counts::{BiasCounts, FacetCounts};
use indexmap::IndexMap;

pub(crate) use flip::unusable;
pub use flip::{FlipOutcome, Flips, flip_test, flip_tests};
pub(crate) use intervals::ratio_of_shares;
pub use metrics::{Compute, Contrast, Evidence, METRICS, Metric, Overlap, Ratio, metric};

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
/// and whether there are enough rows. `drift::chance::judge` adds the comparison with a baseline.
///
/// `flips` as in `results`.
pub fn details(counts: &BiasCounts, flips: &[FlipOutcome], methods: &Methods) -> Vec<FacetDetails> {
    let mut facets = groups(counts);
    for (facet_idx, (details, facet)) in facets.iter_mut().zip(&counts.facets).enumerate() {
        details.metrics = metric_details(facet, flips.get(facet_idx), methods);
    }
    facets
}

/// For each of `counts.facets` its counts, without a metric.
pub(crate) fn groups(counts: &BiasCounts) -> Vec<FacetDetails> {
    let group = |facet: &FacetCounts| FacetDetails {
        facet: facet.facet.clone(),
        value_or_threshold: facet.value_or_threshold.clone(),
        groups: facet.total,
        predicted: counts.predicted,
        empty: SelectionRole::empty_in(&facet.total, counts.predicted),
        metrics: Vec::new(),
    };
    counts.facets.iter().map(group).collect()
}

/// Every metric of a group that was asked for, post-training ones first, each stage in report order. `flip`: the outcome of the
/// flip test; none when it was not computed, and then it has no entry.
pub(crate) fn metric_details(
    facet: &FacetCounts,
    flip: Option<&FlipOutcome>,
    methods: &Methods,
) -> Vec<MetricDetails> {
    let mut metrics = Vec::new();
    for stage in [Stage::PostTraining, Stage::PreTraining] {
        let asked = asked(methods, stage).unwrap_or_default();
        metrics.extend(measure(facet, flip, stage, asked).map(|(metric, outcome)| {
            let rows_reason = evidence::too_few(metric, facet);
            let (value, error) = split(outcome);
            let spread = value.map(|_| intervals::spread(metric, facet, flip.and_then(known)));
            let spread = spread.unwrap_or_default();
            MetricDetails {
                stage,
                name: metric.code.into(),
                value,
                error,
                standard_error: spread.standard_error,
                interval: spread.interval,
                enough_rows: rows_reason.is_none() && value.is_some(),
                rows_reason,
                baseline: None,
                chance: None,
                violated: false,
            }
        }));
    }
    metrics
}

/// Whether chance can judge a metric of enough rows: not of the flip test, where rows of the rest are neighbours of many rows.
pub(crate) fn is_judged_by_chance(code: &str) -> bool {
    metric(code).is_none_or(|metric| !matches!(metric.evidence, Evidence::Neighbours))
}

fn known(flip: &FlipOutcome) -> Option<&Flips> {
    flip.as_ref().ok()
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
        let flip = flips.get(facet_idx);
        let mut estimates = IndexMap::new();
        let metrics = measure(facet, flip, stage, asked).map(|(metric, outcome)| {
            let (value, error) = split(outcome);
            if let Some(value) = value
                && let Some(error) = estimated_error(metric, facet)
            {
                estimates.insert(metric.code.into(), [value.value(), error]);
            }
            let description = words::Metric::of(metric.code).map_or(metric.code, |words| words.description);
            MetricResult { name: metric.code.into(), description: description.into(), value, error }
        });
        let metrics = metrics.collect();
        facets.entry(facet.facet.clone()).or_default().push(FacetResult {
            value_or_threshold: facet.value_or_threshold.clone(),
            metrics,
            counts: Some(Counts::new(&facet.total, estimates)),
        });
    }
    Some(BiasSection {
        label: counts.label.clone(),
        facets,
        label_value_or_threshold: counts.label_value_or_threshold.clone(),
    })
}

/// Standard error of a metric that does not follow from the counts of the two groups, if the rows are enough.
fn estimated_error(metric: &Metric, facet: &FacetCounts) -> Option<f64> {
    let is_estimated = matches!(metric.evidence, Evidence::Strata(_));
    if !is_estimated || evidence::too_few(metric, facet).is_some() {
        return None;
    }
    intervals::spread(metric, facet, None).standard_error
}

/// The metrics of a stage that were asked for, in report order, each with its value or why it has none.
fn measure(
    facet: &FacetCounts,
    flip: Option<&FlipOutcome>,
    stage: Stage,
    asked: &[&'static str],
) -> impl Iterator<Item = (&'static Metric, std::result::Result<Number, String>)> {
    codes_of(stage).filter(|code| asked.contains(code)).filter_map(metric).filter_map(move |metric| {
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
    })
}

fn split(outcome: std::result::Result<Number, String>) -> (Option<Number>, Option<String>) {
    match outcome {
        Ok(value) => (Some(value), None),
        Err(reason) => (None, Some(reason)),
    }
}

#[cfg(test)]
mod tests;
