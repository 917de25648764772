//! The metrics: measured from labels, and estimated from scores where labels are missing.

use super::verdict::{state, sure};
use super::words::words;
use crate::performance::details::{MetricDetails, QualityDetails};
use crate::report::amounts::of;
use crate::report::charts;
use crate::report::page::Report;
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns, of_metrics};
use crate::results::Number;

/// Standard name, and below it the question that it answers.
fn name(key: &str) -> Cell {
    let words = words(key);
    Cell::name(words.name, words.asks)
}

fn interval(metric: &MetricDetails) -> Cell {
    let is_constant = metric.name.ends_with("_best_constant_classifier");
    let is_unknown = metric.interval.is_none() && metric.standard_error.is_none();
    match metric.value {
        Some(_) if is_unknown && !is_constant => Cell::text("too few rows"),
        _ => Cell::interval(metric.interval),
    }
}

pub(super) fn metrics(report: &mut Report, details: &QualityDetails) {
    let shown: Vec<&MetricDetails> = details
        .metrics
        .iter()
        .filter(|metric| {
            !metric.name.ends_with("_best_constant_classifier") || metric.name.starts_with("accuracy")
        })
        .collect();
    if shown.is_empty() {
        return;
    }
    let compared = shown.iter().any(|metric| metric.baseline.is_some() || metric.threshold.is_some());
    let mut columns = of_metrics(compared);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Threshold"));
        columns.push(Column::new(ColumnKind::State, "Verdict"));
    }
    let in_unit = |metric: &MetricDetails| metric.value.is_none_or(|value| (0.0..=1.0).contains(&value));
    let pictured = shown.iter().all(|metric| in_unit(metric));
    if pictured {
        columns.push(Column::picture("Now and baseline", charts::plain_head([0.0, 1.0], "Now and baseline")));
    }
    let rows = shown
        .iter()
        .map(|metric| {
            let mut cells = vec![
                name(&metric.name),
                Cell::value(metric.value.map(Number::Float), metric.interval),
                interval(metric),
            ];
            if compared {
                cells.push(Cell::value(metric.baseline.map(Number::Float), metric.interval));
                cells.push(Cell::value(metric.threshold.map(Number::Float), metric.interval));
                cells.push(sure(metric));
            }
            if pictured {
                let picture = metric.value.map(|value| {
                    charts::attribution_bar([0.0, 1.0], value, metric.standard_error, metric.baseline)
                });
                cells.push(picture.map_or(Cell::text(""), Cell::picture));
            }
            if compared { Row::judged(state(metric), cells) } else { Row::new(cells) }
        })
        .collect();
    let mut caption = String::from("model_quality_details.json has all digits");
    if pictured {
        caption.push_str("; whiskers are one standard error");
        caption.push_str(if compared { ", rings are the baseline" } else { "" });
    }
    report.section(2, "metrics", "How good the predictions are").table(
        Table::new(if pictured { Style::Plot } else { Style::Plain }, caption, columns, rows)
            .coded("quality"),
    );
}

pub(super) fn estimate(report: &mut Report, details: &QualityDetails) {
    let Some(estimate) = &details.estimate else { return };
    let [how, what, from] = match details.problem_type.as_str() {
        "Regression" => [
            "errors are taken to be as large as those of rows of the baseline with such a prediction",
            "a prediction",
            "predictions",
        ],
        "MulticlassClassification" => [
            "rows have each label as often as rows of the baseline had that were predicted to be of the same class",
            "a predicted class",
            "predicted classes",
        ],
        _ => [
            "rows are counted as positive as often as rows of the baseline with such a score were",
            "a score",
            "scores",
        ],
    };
    let rows = estimate
        .metrics
        .iter()
        .map(|metric| {
            Row::new(vec![
                name(&metric.name),
                Cell::value(Some(Number::Float(metric.value)), Some(metric.band)),
                Cell::interval(Some(metric.band)),
            ])
        })
        .collect();
    let heading = format!("Estimate for {} without a label", of(estimate.rows, "row", "rows"));
    report
        .section(2, "estimate", heading)
        .note(
            format!("This is an estimate, not a measurement: {how}. The band holds the true value in 95\u{202f}% of windows if \
             {what} still means the same as in the baseline. A change of this meaning cannot be seen without labels."),
        )
        .table(Table::new(Style::Plain, format!("Estimated from the {from}"), columns([(ColumnKind::Name, "Metric"), (ColumnKind::Number, "Estimate"), (ColumnKind::Number, "95\u{202f}% band")]), rows).coded("estimate"));
}
