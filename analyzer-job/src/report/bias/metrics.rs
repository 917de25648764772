//! The metrics of a group: by the question they answer, and all of them in words.

use crate::drift::verdict::Verdict;
use crate::report::amounts::change;
use crate::report::charts::{Axis, Dot, dot_row};
use crate::report::notebook::literal;
use crate::report::page::{Report, State};
use crate::report::sentences::{Words, capital, meaning};
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, of_metrics};
use crate::results::Number;
use crate::results::details::{FacetDetails, MetricDetails};
use crate::results::metrics::{Family, Meaning, Metric, Scale};

use super::judged::{state, verdict};

/// The main picture: the metrics that answer one question, a table for each scale.
pub(super) fn family_section(
    report: &mut Report,
    facet: &FacetDetails,
    words: &Words,
    family: Family,
    id: &str,
) {
    let asked = |scale: Scale| {
        let mut rows: Vec<(&Metric, &MetricDetails)> = facet
            .metrics
            .iter()
            .filter_map(|details| Metric::of(&details.name).map(|metric| (metric, details)))
            .filter(|(metric, _)| metric.family == family && metric.scale == scale)
            .collect();
        rows.sort_by(|(a, x), (b, y)| urgency(b, y).total_cmp(&urgency(a, x)));
        rows
    };
    let all: Vec<State> = facet
        .metrics
        .iter()
        .filter(|details| Metric::of(&details.name).is_some_and(|metric| metric.family == family))
        .map(|details| state(facet, details))
        .collect();
    if all.is_empty() {
        return;
    }
    let moved = all.iter().filter(|state| **state == State::Moved).count();
    let heading = match moved {
        0 => family.question().to_owned(),
        moved => format!("{} {moved} moved", family.question()),
    };
    let name = format!("{family:?}").to_lowercase();
    let section = report.section(3, format!("{id}-{name}"), heading);
    for scale in [Scale::Ratio, Scale::Share, Scale::Unbounded, Scale::Distance] {
        let rows = asked(scale);
        if !rows.is_empty() {
            let mut table = dot_plot(facet, &rows, words, family, scale);
            let codes: Vec<&str> = rows.iter().map(|(metric, _)| metric.code).collect();
            table.code = Some(format!(
                "metric_chart({}, {}, {})",
                literal(&facet.facet),
                literal(&facet.value_or_threshold),
                serde_json::json!(codes)
            ));
            section.table(table);
        }
    }
}

/// Worst change first, then what is undefined.
fn urgency(metric: &Metric, details: &MetricDetails) -> f64 {
    let Some(value) = details.value.map(Number::value) else { return f64::NEG_INFINITY };
    let now = metric.distance(value);
    match details.baseline.map(Number::value) {
        Some(baseline) if now.is_finite() => now - metric.distance(baseline),
        _ => now,
    }
}

fn dot_plot(
    facet: &FacetDetails,
    rows: &[(&Metric, &MetricDetails)],
    words: &Words,
    family: Family,
    scale: Scale,
) -> Table {
    let values = rows.iter().flat_map(|(_, details)| {
        let interval = details.interval.map(|[low, high]| [low.value(), high.value()]).into_iter().flatten();
        details.value.into_iter().chain(details.baseline).map(Number::value).chain(interval)
    });
    let compared = rows.iter().any(|(_, details)| details.baseline.is_some());
    let axis_words = match scale {
        Scale::Share => "differences of shares; 0 is no difference",
        Scale::Ratio => {
            "a ratio on a logarithmic axis; 1 is no difference, and half is as far from it as double"
        }
        Scale::Unbounded => "differences of ratios, on their own axis; 0 is no difference",
        Scale::Distance if rows.iter().all(|(metric, _)| metric.code == "GE") => {
            "generalized entropy of all rows, whatever the group; 0 means that no prediction is wrong. It has no interval"
        }
        Scale::Distance if compared => {
            "distances without a direction; 0 is no difference. They have no interval; whether they moved is judged by the \
             difference of the shares of positive labels (DPL)"
        }
        Scale::Distance => "distances without a direction; 0 is no difference. They have no interval",
    };
    let axis = Axis::new(scale, values);
    let mut columns = vec![
        Column::new(ColumnKind::Name, "Metric"),
        Column::picture("On the axis", axis.head(family)),
        Column::new(ColumnKind::Number, "Now"),
        Column::new(ColumnKind::Number, "95\u{202f}% interval"),
    ];
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    if compared || rows.iter().any(|(_, details)| state(facet, details) != State::Measured) {
        columns.push(Column::new(ColumnKind::State, "Verdict"));
    }
    let with_verdict = columns.last().is_some_and(|column| column.kind == ColumnKind::State);
    let rows = rows
        .iter()
        .map(|(metric, details)| {
            let interval = details.interval.map(|[low, high]| [low.value(), high.value()]);
            let mut cells = vec![Cell::asking(metric)];
            cells.push(match details.value {
                Some(value) => {
                    let side = |value: f64| if metric.positive == Meaning::Against { -value } else { value };
                    let dot = Dot {
                        value: side(value.value()),
                        interval: interval.map(|[low, high]| [side(low), side(high)]),
                        baseline: details.baseline.map(|baseline| side(baseline.value())),
                        state: state(facet, details),
                    };
                    Cell::picture(dot_row(&axis, &dot))
                }
                None => Cell::text(details.error.clone().unwrap_or_else(|| "no value".into())),
            });
            cells.push(Cell::value(details.value, interval));
            cells.push(Cell::interval(interval));
            if compared {
                cells.push(Cell::value(details.baseline, interval));
            }
            if with_verdict {
                cells.push(verdict(facet, details));
            }
            Row::judged(state(facet, details), cells)
        })
        .collect();
    Table::new(Style::Plot, format!("{}: {axis_words}", words.facet), columns, rows)
}

/// Every metric, also the undefined, with what it means for these groups.
pub(super) fn all_metrics(facet: &FacetDetails, words: &Words, style: Style) -> Table {
    let compared = facet.metrics.iter().any(|details| details.baseline.is_some());
    let mut columns = of_metrics(compared);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Change"));
    }
    columns.push(Column::new(ColumnKind::Prose, "What it means here"));
    let mut order: Vec<&MetricDetails> = facet.metrics.iter().collect();
    order.sort_by_key(|details| Metric::of(&details.name).map_or(u8::MAX, |metric| metric.telling));
    let rows = order
        .into_iter()
        .map(|details| {
            let interval = details.interval.map(|[low, high]| [low.value(), high.value()]);
            let difference = match (details.value, details.baseline) {
                (Some(now), Some(was)) => Some(now.value() - was.value()).filter(|d| d.is_finite()),
                _ => None,
            };
            let mut cells = vec![
                Cell::metric(&details.name),
                Cell::value(details.value, interval),
                Cell::interval(interval),
            ];
            if compared {
                cells.push(Cell::value(details.baseline, interval));
                cells.push(match difference {
                    Some(difference) => Cell::number(change(difference, interval), difference),
                    None => Cell::none(),
                });
            }
            cells.push(Cell::text(in_words(facet, details, words)));
            Row::judged(state(facet, details), cells)
        })
        .collect();
    let code = format!("metrics_of({}, {})", literal(&facet.facet), literal(&facet.value_or_threshold));
    let caption = format!("All metrics of {}, including those without a value", words.facet);
    Table::new(style, caption, columns, rows).coded(code)
}

/// The sentence of a metric, or why there is none.
fn in_words(facet: &FacetDetails, details: &MetricDetails, words: &Words) -> String {
    if let Some(error) = &details.error {
        return format!("Undefined: {error}");
    }
    if facet.says_nothing(&details.name) {
        return "Nothing is compared: a selection holds no row or every row.".into();
    }
    let mut text = match counted(facet, details, words) {
        Some(sentence) => format!("{sentence}."),
        None => Metric::of(&details.name).map_or_else(|| details.name.clone(), |metric| metric.asks.into()),
    };
    if let Some(reason) = details.rows_reason.as_ref().filter(|_| !details.enough_rows) {
        let doubt = match Verdict::of(facet, details) {
            Verdict::NotJudged => "Not judged by chance",
            Verdict::TooFewRows => "Not enough rows to say",
            _ => "Too few rows for a reliable interval of the value",
        };
        text.push_str(&format!(" {doubt}: {reason}."));
    }
    // The rows of this run are enough for an interval, so for a test too.
    if details.enough_rows && Verdict::of(facet, details) == Verdict::TooFewRows {
        text.push_str(match Metric::of(&details.name).map(|metric| metric.scale) {
            Some(Scale::Distance) => {
                " Not enough rows of each label, here or in the baseline, to say whether it moved."
            }
            _ => " Not enough rows in the baseline to say whether it moved.",
        });
    }
    if facet.compares_nothing(details) {
        text.push_str(" Nothing is compared with the baseline, where a selection holds no row or every row.");
    }
    text
}

/// The sentence that the counts carry, without a full stop. Of a metric that says nothing nobody may ask for it.
pub(in crate::report) fn counted(
    facet: &FacetDetails,
    details: &MetricDetails,
    words: &Words,
) -> Option<String> {
    let known = facet.groups.d.n() + facet.groups.a.n() > 0;
    let value = details.value.filter(|_| known)?;
    meaning(&details.name, value.value(), &facet.groups, words).map(|sentence| capital(&sentence))
}
