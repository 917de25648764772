//! Parts of the rows: two facets crossed, and segments. A row each, with the metrics that tell most;
//! the details file has all.

use std::collections::HashMap;

use crate::results::details::{BiasDetails, FacetDetails, SegmentDetails, SelectionRole};

use super::amounts::{count, of};
use super::bias::{COMPARES_NOTHING, words};
use super::page::Report;
use super::sentences::isolate;
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::drift::verdict::Verdict;
use crate::results::metrics::{Metric, compares_groups};

/// The metrics of a row, if they were asked for; the first five.
const TELLING: [&str; 7] = ["DI", "DPPL", "RD", "DAR", "AD", "DPL", "CI"];
/// Rows of the table of further groups: a longer one is read by nobody.
const MOST_ROWS: usize = 300;
/// Groups of two facets combined, and groups within segments: of either so many in the whole report, with all of their metrics
/// in its data.
const MOST_PARTS: usize = 100;
/// Segments without rows that are named one by one.
const MOST_EMPTY: usize = 10;
/// Longer tables may be folded away.
const OPEN_ROWS: usize = 25;

/// Two facets at once: where groups hide that neither facet shows alone.
pub(super) fn crossed(report: &mut Report, all: &BiasDetails, details: &BiasDetails) {
    if details.intersections.is_empty() {
        return;
    }
    let rows = details.intersections.iter().map(|facet| (Vec::new(), facet)).collect();
    let table = table(details, "Two facets combined".into(), &[], rows);
    let section = report.section(2, "crossed", "Two facets combined");
    section.text("Each row is a group with a value of both facets. Such a group may differ although neither facet shows it alone.");
    if let Some(text) = left_out(all.intersections.len(), details.intersections.len(), "groups of two values")
    {
        section.text(text);
    }
    section.table(table);
}

/// That a table has the largest of some groups only, and where all of them are.
fn left_out(all: usize, shown: usize, what: &str) -> Option<String> {
    let (total, largest) = (count(all as u64), count(shown as u64));
    (shown < all).then(|| {
        format!("The {largest} largest of {total} {what} stand here; bias_details.json has all of them.")
    })
}

/// Positions of groups, the largest first; of equal ones the first.
pub(super) fn by_size(facets: &[FacetDetails]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..facets.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(facets[place].groups.d.n()));
    places
}

/// The largest of some groups, in the order they came.
pub(super) fn largest(facets: &[FacetDetails], most: usize) -> Vec<FacetDetails> {
    let mut places = by_size(facets);
    places.truncate(most);
    places.sort_unstable();
    places.into_iter().map(|place| facets[place].clone()).collect()
}

/// The groups of two facets combined that a report shows.
pub(super) fn shown_of_crossed(details: &BiasDetails) -> Vec<FacetDetails> {
    largest(&details.intersections, MOST_PARTS)
}

/// The largest groups over all segments, by positions of segment and facet and in their order: those that a report shows.
pub(crate) fn largest_of_segments(segments: &[SegmentDetails]) -> Vec<(usize, usize)> {
    let groups = |number: usize| (0..segments[number].facets.len()).map(move |facet| (number, facet));
    let mut places: Vec<(usize, usize)> = (0..segments.len()).flat_map(groups).collect();
    if places.len() > MOST_PARTS {
        let rows = |&(segment, facet): &(usize, usize)| segments[segment].facets[facet].groups.d.n();
        places.sort_by_key(|place| std::cmp::Reverse(rows(place)));
        places.truncate(MOST_PARTS);
        places.sort_unstable();
    }
    places
}

/// The segments with the groups that a report shows.
pub(super) fn shown_of_segments(details: &BiasDetails) -> Vec<SegmentDetails> {
    let all = &details.segments;
    let mut shown: Vec<(usize, SegmentDetails)> = Vec::new();
    for (number, facet) in largest_of_segments(all) {
        let from = &all[number];
        if shown.last().is_none_or(|(last, _)| *last != number) {
            let (segmentation, segment) = (from.segmentation.clone(), from.segment.clone());
            shown.push((
                number,
                SegmentDetails { segmentation, segment, rows: from.rows, facets: Vec::new() },
            ));
        }
        if let Some((_, segment)) = shown.last_mut() {
            segment.facets.push(from.facets[facet].clone());
        }
    }
    shown.into_iter().map(|(_, segment)| segment).collect()
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

/// `all`: the run's details, of which `details` have the largest groups only.
pub(super) fn segments(report: &mut Report, all: &BiasDetails, details: &BiasDetails) {
    if all.segments.is_empty() {
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
    let groups = |details: &BiasDetails| details.segments.iter().map(|segment| segment.facets.len()).sum();
    if let Some(text) = left_out(groups(all), groups(details), "groups within segments") {
        section.text(text);
    }
    let empty: Vec<&SegmentDetails> = all.segments.iter().filter(|segment| segment.rows == 0).collect();
    for empty in empty.iter().take(MOST_EMPTY) {
        section.note(format!(
            "No row is in the segment {} of {}: check the spelling of its values.",
            isolate(&empty.segment),
            isolate(&empty.segmentation)
        ));
    }
    if empty.len() > MOST_EMPTY {
        section.note(format!(
            "No row is in {} either; bias_details.json names all segments.",
            of((empty.len() - MOST_EMPTY) as u64, "more segment", "more segments")
        ));
    }
    if let Some(groups) = one_sided(all) {
        section.note(format!(
            "No row or every row of the segment is in {groups}: nothing is compared there. Put segments together until each has rows of \
             both sides."
        ));
    }
    let mut facets = details.segments.iter().flat_map(|segment| &segment.facets);
    let says_nothing = |facet: &FacetDetails| {
        let of_metric = facet.metrics.iter().any(|metric| facet.says_nothing(&metric.name));
        of_metric || has_no_rows(facet)
    };
    if facets.any(says_nothing) {
        section.text(
            "A metric compares nothing where the label, the predicted label or the facet holds no row or every row of the segment.",
        );
    }
    for name in names {
        let of_name = details.segments.iter().filter(|segment| segment.segmentation == name);
        let rows = of_name
            .flat_map(|segment| segment.facets.iter().map(move |facet| (segment, facet)))
            .map(|(segment, facet)| {
                (vec![Cell::text(isolate(&segment.segment)), Cell::count(segment.rows)], facet)
            })
            .collect();
        let columns = [(ColumnKind::Text, "Segment"), (ColumnKind::Number, "Rows of the segment")];
        section.table(table(details, format!("By {}", isolate(name)), &columns, rows));
    }
}

/// Such a group of a segment has no metrics.
fn has_no_rows(facet: &FacetDetails) -> bool {
    facet.groups.d.n() == 0 && facet.metrics.is_empty()
}

/// The groups that no row or every row of their segment is in, though not of all rows: how many, and the first three.
fn one_sided(details: &BiasDetails) -> Option<String> {
    const NAMED: usize = 3;
    let is_empty = |facet: &FacetDetails| facet.empty.contains(&SelectionRole::Facet);
    let whole: HashMap<(&str, &str), &FacetDetails> = details
        .facets
        .iter()
        .map(|facet| ((facet.facet.as_str(), facet.value_or_threshold.as_str()), facet))
        .collect();
    let is_told = |facet: &FacetDetails| {
        whole
            .get(&(facet.facet.as_str(), facet.value_or_threshold.as_str()))
            .is_some_and(|whole| is_empty(whole))
    };
    let groups: Vec<(&SegmentDetails, &FacetDetails)> = details
        .segments
        .iter()
        .filter(|segment| segment.rows > 0)
        .flat_map(|segment| segment.facets.iter().map(move |facet| (segment, facet)))
        .filter(|(_, facet)| is_empty(facet) && !is_told(facet))
        .collect();
    let name = |(segment, facet): &(&SegmentDetails, &FacetDetails)| {
        format!(
            "{} in {} of {}",
            words(details, facet).facet,
            isolate(&segment.segment),
            isolate(&segment.segmentation)
        )
    };
    let mut named: Vec<String> = groups.iter().take(NAMED).map(name).collect();
    if groups.len() > NAMED {
        named.push(format!("{} more", groups.len() - NAMED));
    }
    let counted = of(groups.len() as u64, "group", "groups");
    (!named.is_empty()).then(|| format!("{counted} ({})", named.join(", ")))
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
                if has_no_rows(facet) || metric.is_some_and(|metric| facet.says_nothing(&metric.name)) {
                    let value = metric.and_then(|metric| metric.value);
                    return value.map_or_else(
                        || Cell::text(COMPARES_NOTHING),
                        |value| Cell::number(COMPARES_NOTHING, value),
                    );
                }
                let interval = metric.and_then(|m| m.interval).map(|[low, high]| [low.value(), high.value()]);
                Cell::value(metric.and_then(|metric| metric.value), interval)
            }));
            if compared {
                let own = facet.metrics.iter().filter(|metric| compares_groups(&metric.name));
                let moved = own.filter(|metric| Verdict::of(facet, metric) == Verdict::Moved).count();
                cells.push(Cell::count(moved as u64));
            }
            Row::new(cells)
        })
        .collect();
    Table::new(style, caption, columns, rows)
}
