//! Each metric over runs, when results of earlier runs are given.

use std::borrow::Cow;

use crate::drift::same::{ByGroup, Sections, of_same_labels};
use crate::results::comparisons;
use crate::results::details::{BiasDetails, FacetDetails, Findings, MetricDetails, SelectionRole};
use crate::results::{Number, Results};

use super::amounts::{number, of};
use super::charts::{self, Point};
use super::page::{Block, Figure, Report};
use super::sentences::{condition, isolate};
use crate::results::details::EarlierRun;
use crate::results::metrics::{Metric, Scale, reads_any};

/// Features whose attributions are followed.
const FEATURES: usize = 6;

/// One run of the series, this one last.
struct Run<'a> {
    sections: Sections<'a>,
    results: &'a Results,
    details: ByGroup<'a, FacetDetails>,
}

impl<'a> Run<'a> {
    fn of(results: &'a Results, bias: Option<&'a BiasDetails>) -> Run<'a> {
        let facets = bias.map_or(&[][..], |bias| &bias.facets);
        Run { sections: Sections::of(results), results, details: ByGroup::of_details(facets) }
    }
}

pub(super) fn sections(report: &mut Report, findings: &Findings, history: &[EarlierRun]) {
    // Sections of other positive labels answer another question.
    let same: Vec<Cow<Results>> =
        history.iter().map(|run| of_same_labels(&findings.results, &run.results)).collect();
    let has_any = |results: &Results| {
        let has_bias =
            results.post_training_bias_metrics.is_some() || results.pre_training_bias_metrics.is_some();
        has_bias || results.explanations.is_some()
    };
    let earlier: Vec<(&EarlierRun, &Results)> = history
        .iter()
        .zip(same.iter().map(|results| &**results))
        .filter(|(_, results)| has_any(results))
        .collect();
    let runs: Vec<Run> = earlier
        .iter()
        .map(|(run, results)| Run::of(results, run.bias.as_ref()))
        .chain([Run::of(&findings.results, findings.bias.as_ref())])
        .collect();
    let mut parts: Vec<(String, Vec<Figure>)> = Vec::new();
    let facets = findings.bias.as_ref().map_or(&[][..], |bias| &bias.facets);
    for (facet, metrics) in comparisons::by_group(facets) {
        let figures = metric_figures(&runs, facet, &metrics);
        if !figures.is_empty() {
            parts.push((condition(&facet.facet, &facet.value_or_threshold), figures));
        }
    }
    for (label, figures) in attribution_figures(&runs) {
        parts.push((format!("Attributions of {}", isolate(&label)), figures));
    }
    if parts.is_empty() {
        return;
    }
    let first = earlier.first().map(|(run, _)| isolate(&run.name)).unwrap_or_default();
    let section = report.section(2, "trends", format!("Over {}", of(runs.len() as u64, "run", "runs")));
    section.text(format!(
        "The oldest run ({first}) is on the left; this run is the large dot on the right. The dashed line is the value of the \
         baseline, the band the 95\u{202f}% interval of the runs that have one. A run in which a metric has no value, or compares \
         nothing, has no point. Charts of metrics of the same kind have the same vertical axis."
    ));
    let left_out = history.len() - earlier.len();
    if left_out > 0 {
        let runs = of(left_out as u64, "earlier run is", "earlier runs are");
        section.text(format!("{runs} left out: the positive labels are others, or there is no such metric."));
    }
    for (position, (heading, figures)) in parts.into_iter().enumerate() {
        let section = report.section(3, format!("trend-{}", position + 1), heading);
        section.blocks.push(Block::Figures { figures, code: None });
    }
}

/// A metric that compares nothing has no point: a difference of 0 would look like parity.
fn point(run: &Run, facet: &str, group: &str, metric: &Metric) -> Point {
    let entry = run.sections.get(metric.stage, facet, group);
    let details = run.details.get(facet, group);
    let says_nothing = match (details, entry.and_then(|entry| entry.counts.as_ref())) {
        (Some(details), _) => details.says_nothing(metric.code),
        (None, Some(counts)) => reads_any(metric.code, &SelectionRole::empty_in(&counts.groups(), true)),
        (None, None) => false,
    };
    let value = entry
        .and_then(|entry| entry.metrics.iter().find(|known| known.name == metric.code)?.value)
        .filter(|_| !says_nothing)
        .map(Number::value);
    let interval = details
        .and_then(|details| details.metrics.iter().find(|known| known.name == metric.code)?.interval)
        .map(|[low, high]| [low.value(), high.value()])
        .filter(|_| value.is_some());
    Point { value, interval }
}

/// The metrics of a comparison that have values in two runs or more.
fn metric_figures(runs: &[Run], facet: &FacetDetails, metrics: &[&MetricDetails]) -> Vec<Figure> {
    let (name, group) = (&facet.facet, &facet.value_or_threshold);
    let details_of = |metric: &Metric| metrics.iter().find(|details| details.name == metric.code);
    let series: Vec<(&Metric, Vec<Point>)> = Metric::by_family()
        .into_iter()
        .filter(|metric| details_of(metric).is_some())
        .map(|metric| {
            let points: Vec<Point> = runs.iter().map(|run| point(run, name, group, metric)).collect();
            (metric, points)
        })
        .filter(|(_, points)| {
            points.iter().filter_map(|point| point.value).filter(|value| value.is_finite()).count() > 1
        })
        .collect();
    // Ratios without bounds are of very different sizes.
    let is_of_kind = |one: &Metric, other: &Metric| {
        one.scale == other.scale && (one.scale != Scale::Unbounded || one.family == other.family)
    };
    let span_of = |kind: &Metric| {
        let points =
            series.iter().filter(|(metric, _)| is_of_kind(metric, kind)).flat_map(|(_, points)| points);
        let ends =
            points.flat_map(|point| point.value.into_iter().chain(point.interval.into_iter().flatten()));
        charts::span(ends.chain([kind.parity()]))
    };
    series
        .iter()
        .map(|(metric, points)| {
            let caption = format!("{} ({})", metric.name(), metric.code);
            let known: Vec<f64> = points.iter().filter_map(|point| point.value).collect();
            let end = |value: Option<&f64>| number(value.copied().unwrap_or_default(), None);
            let runs = of(known.len() as u64, "run", "runs");
            let alt = format!(
                "{caption}: from {} to {} over {runs} with a value",
                end(known.first()),
                end(known.last())
            );
            let limit = details_of(metric).and_then(|details| details.baseline).map(Number::value);
            let drawing = charts::trend(points, limit, metric.parity(), span_of(metric));
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
                    let runs = of(values.iter().flatten().count() as u64, "run", "runs");
                    let alt = format!("{caption}: global attribution over {runs} with a value");
                    let points: Vec<Point> =
                        values.iter().map(|value| Point { value: *value, interval: None }).collect();
                    Figure { caption, alt, drawing: charts::trend(&points, None, 0.0, span) }
                })
                .collect();
            (!figures.is_empty()).then(|| (label.clone(), figures))
        })
        .collect()
}
