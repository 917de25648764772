//! What an `analysis.json` alone tells of its groups, when no `bias_details.json` lies beside it.

use std::collections::HashMap;

use super::Results;
use super::details::{FacetDetails, MetricDetails, SelectionRole, Stage};
use crate::state::counts::Groups;

/// The groups of both sections, each once, with their metrics; post-training metrics first.
///
/// Rows, and the errors of sampling of the metrics that do not follow from them, are those of `counts`, where the entries have
/// them; else no rows, of which no selection is known to be empty. There are no intervals and no verdicts, and rows count as enough.
pub(crate) fn facets(results: &Results) -> Vec<FacetDetails> {
    let mut facets: Vec<FacetDetails> = Vec::new();
    let mut known: HashMap<(&str, &str), usize> = HashMap::new();
    let sections = [
        (Stage::PostTraining, &results.post_training_bias_metrics),
        (Stage::PreTraining, &results.pre_training_bias_metrics),
    ];
    for (stage, section) in sections {
        let Some(section) = section else { continue };
        for (facet, entries) in &section.facets {
            for entry in entries {
                let group = (facet.as_str(), entry.value_or_threshold.as_str());
                let position = *known.entry(group).or_insert_with(|| {
                    facets.push(FacetDetails {
                        facet: facet.clone(),
                        value_or_threshold: entry.value_or_threshold.clone(),
                        groups: Groups::default(),
                        predicted: stage == Stage::PostTraining,
                        empty: Vec::new(),
                        metrics: Vec::new(),
                    });
                    facets.len() - 1
                });
                let facet = &mut facets[position];
                if let Some(counts) = &entry.counts {
                    facet.groups = counts.groups();
                    facet.empty = SelectionRole::empty_in(&facet.groups, facet.predicted);
                }
                let error_of = |code: &str| Some(entry.counts.as_ref()?.estimates.get(code)?[1]);
                facet.metrics.extend(entry.metrics.iter().map(|metric| MetricDetails {
                    stage,
                    name: metric.name.clone(),
                    value: metric.value,
                    error: metric.error.clone(),
                    standard_error: error_of(&metric.name).filter(|error| error.is_finite() && *error > 0.0),
                    interval: None,
                    enough_rows: true,
                    rows_reason: None,
                    baseline: None,
                    chance: None,
                    violated: false,
                }));
            }
        }
    }
    facets
}

/// Whether an entry has the counts behind its values.
pub(crate) fn has_counts(results: &Results) -> bool {
    let sections = [&results.post_training_bias_metrics, &results.pre_training_bias_metrics];
    sections
        .into_iter()
        .flatten()
        .flat_map(|section| section.facets.values())
        .flatten()
        .any(|entry| entry.counts.is_some())
}
