//! The bias part of a report: for each group its rows, its metrics by question, and all metrics in
//! words; then impact ratios, crossed facets and segments.

mod groups;
mod impact;
mod judged;
mod metrics;

use crate::drift::verdict::Tally;
use crate::results::comparisons;
use crate::results::details::{BiasDetails, Check, FacetDetails, MetricDetails};
use crate::results::metrics::Family;

use super::amounts::{count, of, percent, percent_of};
use super::charts::share_bar;
use super::page::{Report, State};
use super::sentences::{Words, isolate};
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};

pub(super) use groups::{positive, positive_values, selections_of, words};
pub(super) use judged::{COMPARES_NOTHING, state};
pub(super) use metrics::counted;

/// `tally`: of the whole run, of which `details` may have the largest groups only.
pub(super) fn sections(report: &mut Report, details: &BiasDetails, tally: &Tally) {
    // Of several groups an overview comes first.
    let shown = comparisons::by_group(&details.facets);
    let several = shown.len() > 1;
    if several {
        impact::section(report, details);
    }
    for (place, (facet, metrics)) in shown.into_iter().enumerate() {
        let position = details.facets.iter().position(|known| std::ptr::eq(known, facet)).unwrap_or_default();
        let id = format!("group-{}", position + 1);
        let how_to_read = (place == 0).then(|| how_to_read(facet, details.check.as_ref(), tally));
        // As in the headline, a metric that is the same in every group is counted with one of them.
        facet_sections(report, details, (facet, &metrics), &id, how_to_read);
    }
    if !several {
        impact::section(report, details);
    }
}

fn facet_sections(
    report: &mut Report,
    details: &BiasDetails,
    (facet, metrics): (&FacetDetails, &[&MetricDetails]),
    id: &str,
    how_to_read: Option<String>,
) {
    let said = words(details, facet);
    let heading = format!("{} against everyone else{}", said.facet, in_words(facet, metrics));
    let section = report.section(2, id, heading);
    if facet.groups.d.n() + facet.groups.a.n() > 0 {
        section.table(groups_table(facet, &said));
    }
    if let Some(twin) = comparisons::twin(&details.facets, facet) {
        section.text(format!(
            "{} has two values, so {} against everyone else is the same comparison from the other side: differences \
             change their sign, ratios are inverted. It is not repeated here; analysis.json has its values.",
            isolate(&facet.facet),
            words(details, twin).facet
        ));
    }
    for note in groups::selections_of(details, facet) {
        section.note(format!("Check the selection of the {note}."));
    }
    if let Some(text) = how_to_read {
        section.text(text);
    }
    for family in Family::ALL {
        metrics::family_section(report, facet, &said, family, id);
    }
    let section = report.section(3, format!("{id}-all"), format!("All metrics of {} in words", said.facet));
    let style = if details.facets.len() > 2 { Style::Folded } else { Style::Long };
    section.table(metrics::all_metrics(facet, &said, style));
}

/// What the marks of the pictures are, told once.
fn how_to_read(facet: &FacetDetails, check: Option<&Check>, tally: &Tally) -> String {
    let compared = facet.metrics.iter().any(|metric| metric.baseline.is_some());
    let ring = if compared { ", the ring the baseline" } else { "" };
    let mut text = format!(
        "The filled mark is the value now{ring}. The bar is the 95\u{202f}% confidence interval. The dark line marks no \
         difference between the groups; left of it is worse for the group."
    );
    if compared {
        text.push_str(
            " A diamond means: moved beyond chance. A square means: cannot tell, because chance explains the change, the rows \
             are too few, or the metric is not judged by chance. A dot means: held.",
        );
    }
    if let Some(check) = check.filter(|_| tally.judged() > 0) {
        let percent = percent_of(1.0 - check.confidence);
        text.push_str(&format!(
            " If nothing has changed, the chance that one or more metrics of this report are marked as moved is at most {percent} \
             (corrected for the {} that chance can judge).",
            of(tally.judged() as u64, "metric", "metrics")
        ));
        if tally.exact > 0 && check.has_counts {
            text.push_str(&format!(
                " For {} of these metrics the counts of the baseline do not give its value, which is taken as a limit that a person \
                 chose.",
                count(tally.exact as u64)
            ));
        } else if tally.exact > 0 {
            text.push_str(&format!(
                " This does not hold for {} of these metrics: the baseline is taken as exact, because the counts behind its \
                 values are missing. If nothing has changed, up to two in three such runs mark a metric as moved.",
                count(tally.exact as u64)
            ));
        }
    }
    text
}

/// `: 3 metrics moved, 9 moved within chance`, for a heading: what those came to that are compared with the baseline, if any is.
fn in_words(facet: &FacetDetails, metrics: &[&MetricDetails]) -> String {
    let of_group = Tally::of_metrics(metrics.iter().map(|metric| (facet, *metric)));
    if of_group.compared > 0 {
        return format!(": {}", of_group.as_heading());
    }
    match metrics.iter().filter(|metric| state(facet, metric) == State::CannotTell).count() {
        0 => String::new(),
        unsure => format!(": no verdict on {}", of(unsure as u64, "metric", "metrics")),
    }
}

/// Rows, shares and the confusion table of both groups: every other number follows from it.
fn groups_table(facet: &FacetDetails, words: &Words) -> Table {
    let groups = &facet.groups;
    let mut all = groups.d;
    all.add(&groups.a);
    let mut columns = columns([
        (ColumnKind::Name, "Group"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Picture, "Share of rows"),
        (ColumnKind::Number, "Observed positive"),
    ]);
    if facet.predicted {
        columns.push(Column::new(ColumnKind::Number, "Predicted positive"));
    }
    let of_positive = if facet.predicted { "Share predicted positive" } else { "Share observed positive" };
    columns.push(Column::new(ColumnKind::Picture, of_positive));
    if facet.predicted {
        for heading in
            ["True positives (TP)", "False positives (FP)", "False negatives (FN)", "True negatives (TN)"]
        {
            columns.push(Column::new(ColumnKind::Number, heading));
        }
    }
    let rows =
        [(words.facet.clone(), groups.d), ("Everyone else".into(), groups.a), ("All rows".into(), all)]
            .into_iter()
            .map(|(name, group)| {
                let n = group.n();
                let share = |part: u64| if n > 0 { part as f64 / n as f64 } else { 0.0 };
                let part = |part: u64| {
                    let percent = percent(part, n).map(|percent| format!(" ({percent})")).unwrap_or_default();
                    Cell::number(format!("{}{percent}", count(part)), part)
                };
                let positive =
                    if facet.predicted { group.predicted_positive() } else { group.observed_positive() };
                let bar = |share: f64| Cell::picture(share_bar(share, 1.0, None, State::Measured));
                let mut cells = vec![
                    Cell::group(&name),
                    Cell::count(n),
                    bar(n as f64 / all.n().max(1) as f64),
                    part(group.observed_positive()),
                ];
                if facet.predicted {
                    cells.push(part(group.predicted_positive()));
                }
                cells.push(bar(share(positive)));
                if facet.predicted {
                    let cells_of = [
                        group.true_positive(),
                        group.false_positive(),
                        group.false_negative(),
                        group.true_negative(),
                    ];
                    cells.extend(cells_of.map(Cell::count));
                }
                Row::new(cells)
            })
            .collect();
    Table::new(
        Style::Plain,
        format!("Rows, observed labels and predicted labels of both groups; positive is {}", words.positive),
        columns,
        rows,
    )
}
