//! Each metric over runs, when results of earlier runs are given.

use crate::details::Findings;
use crate::results::{Number, Results};

use super::EarlierRun;
use super::amounts::{number, of};
use super::charts;
use super::metrics::{METRICS, Metric, Scale};
use super::page::{Block, Figure, Report};
use super::sentences::{condition, isolate};

/// Features whose attributions are followed.
const FEATURES: usize = 6;

pub(super) fn sections(report: &mut Report, findings: &Findings, history: &[EarlierRun]) {
    let runs: Vec<&Results> = history.iter().map(|run| &run.results).chain([&findings.results]).collect();
    let mut parts: Vec<(String, Vec<Figure>)> = Vec::new();
    for (facet, value) in groups(&findings.results) {
        let figures = metric_figures(findings, &runs, facet, value);
        if !figures.is_empty() {
            parts.push((condition(facet, value), figures));
        }
    }
    for (label, figures) in attribution_figures(&runs) {
        parts.push((format!("Attributions of {}", isolate(&label)), figures));
    }
    if parts.is_empty() {
        return;
    }
    let first = history.first().map(|run| isolate(&run.name)).unwrap_or_default();
    let section = report.section(2, "trends", format!("Over {}", of(runs.len() as u64, "run", "runs")));
    section.text(format!(
        "Oldest on the left ({first}), this run on the right with the large dot. Dashed: the limit set by the baseline. \
         Pictures of one kind share their vertical axis."
    ));
    for (position, (heading, figures)) in parts.into_iter().enumerate() {
        let section = report.section(3, format!("trend-{}", position + 1), heading);
        section.blocks.push(Block::Figures { figures, code: None });
    }
}

/// Facet and value, each once, in the order of the results.
fn groups(results: &Results) -> Vec<(&str, &str)> {
    let mut groups = Vec::new();
    for section in
        [&results.post_training_bias_metrics, &results.pre_training_bias_metrics].into_iter().flatten()
    {
        for (facet, entries) in &section.facets {
            for entry in entries {
                let group = (facet.as_str(), entry.value_or_threshold.as_str());
                if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
    }
    groups
}

fn value(results: &Results, facet: &str, group: &str, code: &str) -> Option<f64> {
    // The end of an interval is the largest value of the data, so it differs from run to run.
    let start = |text: &str| text.split(',').next().map(str::to_owned);
    [&results.post_training_bias_metrics, &results.pre_training_bias_metrics]
        .into_iter()
        .flatten()
        .filter_map(|section| section.facets.get(facet))
        .flatten()
        .filter(|entry| {
            entry.value_or_threshold == group
                || (group.starts_with('(') && start(&entry.value_or_threshold) == start(group))
        })
        .flat_map(|entry| &entry.metrics)
        .find(|metric| metric.name == code)
        .and_then(|metric| metric.value)
        .map(Number::value)
}

fn metric_figures(findings: &Findings, runs: &[&Results], facet: &str, group: &str) -> Vec<Figure> {
    let series: Vec<(&Metric, Vec<Option<f64>>)> = METRICS
        .iter()
        .map(|metric| {
            (metric, runs.iter().map(|run| value(run, facet, group, metric.code)).collect::<Vec<_>>())
        })
        .filter(|(_, values)| values.iter().flatten().filter(|value| value.is_finite()).count() > 1)
        .collect();
    let span_of = |scale: Scale| {
        let parity = if scale == Scale::Ratio { 1.0 } else { 0.0 };
        let values = series.iter().filter(|(metric, _)| metric.scale == scale).flat_map(|(_, values)| values);
        charts::span(values.flatten().copied().chain([parity]))
    };
    let baseline = |code: &str| {
        let facets = findings.bias.iter().flat_map(|bias| &bias.facets);
        let mut same = facets.filter(|details| details.facet == facet && details.value_or_threshold == group);
        same.find_map(|details| details.metrics.iter().find(|metric| metric.name == code)?.baseline)
            .map(Number::value)
    };
    series
        .iter()
        .map(|(metric, values)| {
            let caption = format!("{} ({})", metric.plain, metric.code);
            let known: Vec<f64> = values.iter().flatten().copied().collect();
            let alt = match (known.first(), known.last()) {
                (Some(first), Some(last)) => {
                    format!(
                        "{caption}: from {} to {} over {} runs",
                        number(*first, None),
                        number(*last, None),
                        values.len()
                    )
                }
                _ => caption.clone(),
            };
            let svg = charts::trend(values, baseline(metric.code), metric.parity(), span_of(metric.scale));
            Figure { caption, alt, svg }
        })
        .collect()
}

fn attribution_figures(runs: &[&Results]) -> Vec<(String, Vec<Figure>)> {
    let of_run = |results: &Results, label: &str, feature: &str| {
        let outputs = results.explanations.as_ref()?.kernel_shap.as_ref()?;
        outputs.get(label)?.global_shap_values.get(feature).copied()
    };
    let Some(outputs) = runs.last().and_then(|now| now.explanations.as_ref()?.kernel_shap.as_ref()) else {
        return Vec::new();
    };
    outputs
        .iter()
        .filter_map(|(label, attributions)| {
            let series: Vec<(String, Vec<Option<f64>>)> = super::attributions::ranked(attributions, None)
                .iter()
                .take(FEATURES)
                .map(|feature| {
                    let values = runs.iter().map(|run| of_run(run, label, feature.name)).collect();
                    (feature.name.to_owned(), values)
                })
                .filter(|(_, values): &(String, Vec<Option<f64>>)| values.iter().flatten().count() > 1)
                .collect();
            let span =
                charts::span(series.iter().flat_map(|(_, values)| values).flatten().copied().chain([0.0]));
            let figures: Vec<Figure> = series
                .iter()
                .map(|(name, values)| {
                    let caption = isolate(name);
                    let alt = format!("{caption}: global attribution over {} runs", values.len());
                    Figure { caption, alt, svg: charts::trend(values, None, 0.0, span) }
                })
                .collect();
            (!figures.is_empty()).then(|| (label.clone(), figures))
        })
        .collect()
}
