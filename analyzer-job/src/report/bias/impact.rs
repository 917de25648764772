//! Disparate impact ratios of the groups beside each other, with the four-fifths line.

use std::collections::HashMap;

use crate::report::amounts::decimal;
use crate::report::charts::share_bar;
use crate::report::four_fifths::{FOUR_FIFTHS, Impact};
use crate::report::page::{Report, State};
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::comparisons::{self, is_compared};
use crate::results::details::{BiasDetails, FacetDetails, MetricDetails};

use super::groups::{positive, words};
use super::judged::state;

/// Selection rates beside each other, with the line that regulators ask for.
pub(super) fn section(report: &mut Report, details: &BiasDetails) {
    let known: Vec<&FacetDetails> =
        comparisons::told(&details.facets).into_iter().chain(&details.intersections).collect();
    let groups = known.len();
    let predicted = known.iter().all(|facet| facet.predicted);
    let known: Vec<(&FacetDetails, Impact)> =
        known.into_iter().filter_map(|facet| Some((facet, Impact::of_facet(facet, predicted)?))).collect();
    if known.is_empty() {
        return;
    }
    let judged: Vec<Impact> = known
        .iter()
        .filter(|(facet, impact)| Impact::has_rows(facet, predicted) && impact.ratio.is_some())
        .map(|(_, impact)| *impact)
        .collect();
    let is_any_compared =
        |facet: &FacetDetails| facet.metrics.iter().any(|metric| is_compared(facet, metric));
    let compared = known.iter().any(|(facet, _)| is_any_compared(facet));
    // Of two crossed facets nothing is compared.
    let own: HashMap<*const FacetDetails, Vec<&MetricDetails>> = comparisons::by_group(&details.facets)
        .into_iter()
        .map(|(facet, metrics)| (std::ptr::from_ref(facet), metrics))
        .collect();
    let rows = known
        .iter()
        .map(|(facet, impact)| {
            let says = if impact.ratio.is_some() && !Impact::has_rows(facet, predicted) {
                "too few rows to say".into()
            } else {
                impact.in_words()
            };
            let mut cells = vec![
                Cell::group(&words(details, facet).facet),
                Cell::count(facet.groups.d.n()),
                Cell::share(impact.shares[0]),
                Cell::share(impact.shares[1]),
                match impact.ratio {
                    Some(ratio) => Cell::number(decimal(ratio, 2), ratio),
                    None => Cell::none(),
                },
                Cell::interval(impact.ratio.map(|_| impact.interval)),
                Cell::picture(share_bar(
                    impact.ratio.unwrap_or(0.0),
                    1.25,
                    Some(FOUR_FIFTHS),
                    State::Measured,
                )),
                Cell::text(says),
            ];
            if compared {
                cells.push(match is_any_compared(facet) {
                    true => {
                        let own = own.get(&std::ptr::from_ref(*facet)).map_or(&[][..], Vec::as_slice);
                        let moved = own.iter().filter(|metric| state(facet, metric) == State::Moved).count();
                        let compared = own.iter().filter(|metric| is_compared(facet, metric)).count();
                        Cell::number(format!("{moved} of {compared}"), moved)
                    }
                    false => Cell::text("not compared"),
                });
            }
            Row::new(cells)
        })
        .collect();
    let positive = positive(details);
    let how = if predicted { "predicted" } else { "observed as" };
    let section = report.section(2, "impact-ratios", heading(groups, &judged));
    section.text(format!(
        "The disparate impact ratio is the share {how} {positive} in a group, divided by that of everyone else. The line is at \
         four fifths (0.80): below it, US regulators see evidence of adverse impact. Above five quarters (1.25) everyone else is below four fifths of \
         the group. This takes {positive} as the wanted outcome. If the 95\u{202f}% interval includes a line, the sample does not tell \
         on which side of it the group is."
    ));
    for note in details.selections.iter().filter(|note| !note.is_vacuous()) {
        section.note(format!("Check the selection of the {note}."));
    }
    let mut columns = columns([
        (ColumnKind::Name, "Group"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Number, "Its share"),
        (ColumnKind::Number, "Everyone else"),
        (ColumnKind::Number, "Ratio"),
        (ColumnKind::Number, "95\u{202f}% interval"),
        (ColumnKind::Picture, "Line at 0.80"),
        (ColumnKind::Text, "In words"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Metrics moved"));
    }
    let style = if known.len() > 25 { Style::Folded } else { Style::Plain };
    section.table(Table::new(style, "Disparate impact ratio of each group", columns, rows));
}

/// `judged`: those of `groups` groups that have a ratio of enough rows. A group without any row has none.
fn heading(groups: usize, judged: &[Impact]) -> String {
    let place = match judged {
        [] => "cannot be said".into(),
        [impact] if groups == 1 => impact.in_words(),
        _ => format!("{}{}", places(groups, judged), doubts(judged)),
    };
    format!("Disparate impact ratio: {place}")
}

/// How many of several groups are beyond either line.
fn places(groups: usize, judged: &[Impact]) -> String {
    let below = judged.iter().filter(|impact| impact.is_below()).count();
    let above = judged.iter().filter(|impact| impact.is_above()).count();
    match (below, above) {
        (0, 0) if judged.len() == groups => format!("within four fifths for all {groups} groups"),
        (0, 0) => format!("within four fifths for {} of {groups} groups", judged.len()),
        (0, above) => format!("above five quarters for {above} of {groups} groups"),
        (below, 0) => format!("below four fifths for {below} of {groups} groups"),
        (below, above) => {
            format!("below four fifths for {below} of {groups} groups, above five quarters for {above}")
        }
    }
}

/// Of how many of several groups the interval includes a line.
fn doubts(judged: &[Impact]) -> String {
    let mut lines: Vec<f64> = judged.iter().filter_map(Impact::line_included).collect();
    let unsure = lines.len();
    lines.sort_by(f64::total_cmp);
    lines.dedup();
    let lines: Vec<String> = lines.iter().map(|line| format!("{line:.2}")).collect();
    match unsure {
        0 => String::new(),
        _ => format!("; the interval of {unsure} includes {}", lines.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heading_says_where_the_groups_are_and_how_sure_that_is() {
        let impact = |ratio, interval| Impact { shares: [0.1, 0.1], ratio: Some(ratio), interval };
        let (low, perhaps, even) =
            (impact(0.5, [0.4, 0.6]), impact(0.75, [0.6, 0.9]), impact(1.0, [0.9, 1.1]));
        let (high, perhaps_high) = (impact(2.86, [2.0, 4.0]), impact(1.3, [1.1, 1.5]));
        for (groups, judged, expected) in [
            (1, vec![], "cannot be said"),
            (1, vec![low], "below four fifths"),
            (1, vec![perhaps], "below four fifths, but the interval includes 0.80"),
            (1, vec![even], "within four fifths"),
            (1, vec![high], "above five quarters"),
            (1, vec![perhaps_high], "above five quarters, but the interval includes 1.25"),
            (2, vec![even, even], "within four fifths for all 2 groups"),
            (3, vec![even, even], "within four fifths for 2 of 3 groups"),
            (3, vec![high, even], "above five quarters for 1 of 3 groups"),
            (
                3,
                vec![low, perhaps, even],
                "below four fifths for 2 of 3 groups; the interval of 1 includes 0.80",
            ),
            (
                4,
                vec![low, perhaps, high, perhaps_high],
                "below four fifths for 2 of 4 groups, above five quarters for 2; the interval of 2 includes 0.80 or 1.25",
            ),
        ] {
            assert_eq!(heading(groups, &judged), format!("Disparate impact ratio: {expected}"));
        }
    }
}
