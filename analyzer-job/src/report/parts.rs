//! Parts of the rows: two facets crossed, and segments. A row each, with the metrics that tell most;
//! the details file has all.

use crate::results::details::{BiasDetails, FacetDetails, MetricDetails, SegmentDetails};

use super::amounts::of;
use super::bias::{COMPARES_NOTHING, state, words};
use super::page::{Report, State};
use super::sentences::isolate;
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::metrics::Metric;

/// The metrics of a row, if they were asked for; the first five.
const TELLING: [&str; 7] = ["DI", "DPPL", "RD", "DAR", "AD", "DPL", "CI"];
/// Rows of the table of further groups: a longer one is read by nobody.
const MOST_ROWS: usize = 300;
/// Longer tables may be folded away.
const OPEN_ROWS: usize = 25;

/// Two facets at once: where groups hide that neither facet shows alone.
pub(super) fn crossed(report: &mut Report, details: &BiasDetails) {
    if details.intersections.is_empty() {
        return;
    }
    let rows = details.intersections.iter().map(|facet| (Vec::new(), facet)).collect();
    let table = table(details, "Two facets combined".into(), &[], rows);
    let section = report.section(2, "crossed", "Two facets combined");
    section.text("Each row is a group with a value of both facets. Such a group may differ although neither facet shows it alone.").table(table);
}

/// Positions of groups, the largest first; of equal ones the first.
pub(super) fn by_size(facets: &[FacetDetails]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..facets.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(facets[place].groups.d.n()));
    places
}

/// The groups behind the `chapters` largest, which have a chapter each.
pub(super) fn others(report: &mut Report, details: &BiasDetails, chapters: usize) {
    let places = by_size(&details.facets);
    let others = &places[chapters.min(places.len())..];
    if others.is_empty() {
        return;
    }
    let shown = &others[..MOST_ROWS.min(others.len())];
    let rows = shown.iter().map(|&place| (Vec::new(), &details.facets[place])).collect();
    let table = table(details, "More groups, the largest first".into(), &[], rows);
    let section = report.section(2, "more-groups", "More groups");
    section.text(format!(
        "The {chapters} largest groups have a chapter each. {}{}; analysis.json has every metric of all.",
        of(others.len() as u64, "smaller one follows", "smaller ones follow"),
        if shown.len() < others.len() {
            format!(", the first {} of them here", shown.len())
        } else {
            String::new()
        }
    ));
    section.table(table);
}

pub(super) fn segments(report: &mut Report, details: &BiasDetails) {
    if details.segments.is_empty() {
        return;
    }
    let mut names: Vec<&str> = Vec::new();
    for segment in &details.segments {
        if !names.contains(&segment.segmentation.as_str()) {
            names.push(&segment.segmentation);
        }
    }
    let section = report.section(2, "segments", "By segment");
    section.text("The same metrics, computed within each segment of the rows.");
    for empty in details.segments.iter().filter(|segment| segment.rows == 0) {
        section.note(format!(
            "No row is in the segment {} of {}: check the spelling of its values.",
            isolate(&empty.segment),
            isolate(&empty.segmentation)
        ));
    }
    let facets = || details.segments.iter().flat_map(|segment| &segment.facets);
    if facets().any(|facet| facet.metrics.iter().any(|metric| says_nothing(facet, metric))) {
        section.text(
            "A metric compares nothing where the label, the predicted label or the facet holds no row or every row of the segment.",
        );
    }
    for name in names {
        let of_name: Vec<&SegmentDetails> =
            details.segments.iter().filter(|s| s.segmentation == name).collect();
        let rows = of_name
            .iter()
            .flat_map(|segment| segment.facets.iter().map(move |facet| (segment, facet)))
            .map(|(segment, facet)| {
                (vec![Cell::text(isolate(&segment.segment)), Cell::count(segment.rows)], facet)
            })
            .collect();
        let columns = [(ColumnKind::Text, "Segment"), (ColumnKind::Number, "Rows of the segment")];
        section.table(table(details, format!("By {}", isolate(name)), &columns, rows));
    }
}

/// Whether a value reads a selection of no row or every row.
fn says_nothing(facet: &FacetDetails, metric: &MetricDetails) -> bool {
    metric.value.is_some() && facet.says_nothing(&metric.name)
}

/// A row for each group; `first` are columns before the metrics, whose cells come with the rows.
fn table(
    details: &BiasDetails,
    caption: String,
    first: &[(ColumnKind, &str)],
    groups: Vec<(Vec<Cell>, &FacetDetails)>,
) -> Table {
    let asked =
        |code: &&str| groups.iter().any(|(_, facet)| facet.metrics.iter().any(|metric| metric.name == *code));
    let codes: Vec<&str> = TELLING.into_iter().filter(asked).take(5).collect();
    let compared =
        groups.iter().any(|(_, facet)| facet.metrics.iter().any(|metric| metric.baseline.is_some()));
    let mut columns = columns([(ColumnKind::Name, "Group")]);
    columns.extend(first.iter().map(|(kind, heading)| Column::new(*kind, heading)));
    columns.push(Column::new(ColumnKind::Number, "Rows of the group"));
    columns.extend(codes.iter().map(|code| {
        let name = Metric::of(code).map(|metric| format!("{} ({})", metric.name(), metric.code));
        Column::new(ColumnKind::Number, name.as_deref().unwrap_or(code))
    }));
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Moved"));
    }
    let style = if groups.len() > OPEN_ROWS { Style::Folded } else { Style::Long };
    let rows = groups
        .into_iter()
        .map(|(first, facet)| {
            let mut cells = vec![Cell::group(&words(details, facet).facet)];
            cells.extend(first);
            cells.push(Cell::count(facet.groups.d.n()));
            cells.extend(codes.iter().map(|code| {
                let metric = facet.metrics.iter().find(|metric| metric.name == *code);
                if let Some(value) =
                    metric.filter(|metric| says_nothing(facet, metric)).and_then(|metric| metric.value)
                {
                    return Cell::number(COMPARES_NOTHING, value);
                }
                let interval = metric.and_then(|m| m.interval).map(|[low, high]| [low.value(), high.value()]);
                Cell::value(metric.and_then(|metric| metric.value), interval)
            }));
            if compared {
                cells.push(Cell::count(
                    facet.metrics.iter().filter(|m| state(facet, m) == State::Moved).count() as u64,
                ));
            }
            Row::new(cells)
        })
        .collect();
    Table::new(style, caption, columns, rows)
}
