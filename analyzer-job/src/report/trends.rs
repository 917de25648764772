//! Each metric over runs, when results of earlier runs are given.

use crate::results::details::{BiasDetails, FacetDetails, Findings};
use crate::results::{Number, Results};

use super::amounts::{number, of};
use super::charts::{self, Point};
use super::page::{Block, Figure, Report};
use super::sentences::{condition, isolate};
use crate::results::details::EarlierRun;
use crate::results::metrics::{Metric, Scale};

/// Features whose attributions are followed.
const FEATURES: usize = 6;

/// One run of the series, this one last.
#[derive(Clone, Copy)]
struct Run<'a> {
    results: &'a Results,
    bias: Option<&'a BiasDetails>,
}

pub(super) fn sections(report: &mut Report, findings: &Findings, history: &[EarlierRun]) {
    let runs: Vec<Run> = history
        .iter()
        .map(|run| Run { results: &run.results, bias: run.bias.as_ref() })
        .chain([Run { results: &findings.results, bias: findings.bias.as_ref() }])
        .collect();
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
        "The oldest run ({first}) is on the left; this run is the large dot on the right. The dashed line is the value of the \
         baseline, the band the 95\u{202f}% interval of the runs that have one. Charts of metrics of the same kind have the same \
         vertical axis."
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

/// Whether an earlier run's group is this one. The end of an interval is the largest value of the data, so
/// it differs from run to run.
fn same_group(earlier: &str, group: &str) -> bool {
    let start = |text: &str| text.split(',').next().map(str::to_owned);
    earlier == group || (group.starts_with('(') && start(earlier) == start(group))
}

fn point(run: Run, facet: &str, group: &str, code: &str) -> Point {
    let sections = [&run.results.post_training_bias_metrics, &run.results.pre_training_bias_metrics];
    let value = sections
        .into_iter()
        .flatten()
        .filter_map(|section| section.facets.get(facet))
        .flatten()
        .filter(|entry| same_group(&entry.value_or_threshold, group))
        .flat_map(|entry| &entry.metrics)
        .find(|metric| metric.name == code)
        .and_then(|metric| metric.value)
        .map(Number::value);
    let interval = details_of(run.bias, facet, group)
        .and_then(|details| details.metrics.iter().find(|metric| metric.name == code)?.interval)
        .map(|[low, high]| [low.value(), high.value()])
        .filter(|_| value.is_some());
    Point { value, interval }
}

fn details_of<'a>(bias: Option<&'a BiasDetails>, facet: &str, group: &str) -> Option<&'a FacetDetails> {
    let mut facets = bias?.facets.iter();
    facets.find(|details| details.facet == facet && same_group(&details.value_or_threshold, group))
}

fn metric_figures(findings: &Findings, runs: &[Run], facet: &str, group: &str) -> Vec<Figure> {
    let series: Vec<(&Metric, Vec<Point>)> = Metric::by_family()
        .into_iter()
        .map(|metric| {
            let points: Vec<Point> = runs.iter().map(|run| point(*run, facet, group, metric.code)).collect();
            (metric, points)
        })
        .filter(|(_, points)| {
            points.iter().filter_map(|point| point.value).filter(|value| value.is_finite()).count() > 1
        })
        .collect();
    let span_of = |scale: Scale| {
        let parity = if scale == Scale::Ratio { 1.0 } else { 0.0 };
        let points = series.iter().filter(|(metric, _)| metric.scale == scale).flat_map(|(_, points)| points);
        let ends =
            points.flat_map(|point| point.value.into_iter().chain(point.interval.into_iter().flatten()));
        charts::span(ends.chain([parity]))
    };
    let now = details_of(findings.bias.as_ref(), facet, group);
    let baseline = |code: &str| now?.metrics.iter().find(|metric| metric.name == code)?.baseline;
    series
        .iter()
        .map(|(metric, points)| {
            let caption = format!("{} ({})", metric.name(), metric.code);
            let mut known = points.iter().filter_map(|point| point.value);
            let first = known.next().unwrap_or_default();
            let last = known.next_back().unwrap_or(first);
            let alt = format!(
                "{caption}: from {} to {} over {} runs",
                number(first, None),
                number(last, None),
                points.len()
            );
            let limit = baseline(metric.code).map(Number::value);
            let drawing = charts::trend(points, limit, metric.parity(), span_of(metric.scale));
            Figure { caption, alt, drawing }
        })
        .collect()
}

fn attribution_figures(runs: &[Run]) -> Vec<(String, Vec<Figure>)> {
    let of_run = |run: &Run, label: &str, feature: &str| {
        let outputs = run.results.explanations.as_ref()?.kernel_shap.as_ref()?;
        outputs.get(label)?.global_shap_values.get(feature).copied()
    };
    let Some(outputs) = runs.last().and_then(|now| now.results.explanations.as_ref()?.kernel_shap.as_ref())
    else {
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
                    let points: Vec<Point> =
                        values.iter().map(|value| Point { value: *value, interval: None }).collect();
                    Figure { caption, alt, drawing: charts::trend(&points, None, 0.0, span) }
                })
                .collect();
            (!figures.is_empty()).then(|| (label.clone(), figures))
        })
        .collect()
}
