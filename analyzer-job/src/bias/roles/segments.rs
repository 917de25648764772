//! Segments: the same counts within parts of the data that a column cuts out.

use plumbline_common::Result;

use crate::config::{Analysis, Scalar, Segments};
use crate::read::Reading;
use crate::results::details::SelectionRole;
use crate::state::counts::{BiasCounts, FacetCounts};
use crate::values::typing::{Cell, Distinct, Type};

use super::SegmentCounts;
use super::cross::Cross;
use super::select;

/// Name of the segment that holds the rows of no other.
const DEFAULT: &str = "__default__";

/// Counts the facets over the combinations that a test lets in.
pub(super) type CountInside<'a> = dyn Fn(&dyn Fn(usize) -> bool) -> Vec<FacetCounts> + 'a;

/// Counts every segment that is listed, and the one of all other rows if there are any. `facets` counts over the combinations inside.
pub(super) fn count(
    reading: &Reading,
    cross: &Cross,
    analysis: &Analysis,
    all: &BiasCounts,
    facets: &CountInside<'_>,
) -> Result<Vec<SegmentCounts>> {
    let mut counted = Vec::new();
    for (segmentation, &position) in analysis.segments.iter().zip(&reading.layout.roles.segments) {
        let Some(column) = cross.column(position) else { continue };
        let name = match (&segmentation.name, reading.layout.names.get(position)) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => name.clone(),
            (None, None) => String::new(),
        };
        for (number, (segment, values)) in segments(segmentation, &column.distinct).into_iter().enumerate() {
            let inside = |at: usize| values[column.codes[at] as usize];
            let rows =
                cross.counts.iter().enumerate().filter(|(at, _)| inside(*at)).map(|(_, rows)| rows).sum();
            if rows > 0 || number < segmentation.segments.len() {
                let mut facets = facets(&inside);
                // What nothing is computed of: there may be far more groups than rows.
                for facet in facets.iter_mut().filter(|facet| facet.total.d.n() == 0) {
                    facet.strata = None;
                }
                let counts = BiasCounts {
                    label: all.label.clone(),
                    label_value_or_threshold: all.label_value_or_threshold.clone(),
                    predicted: all.predicted,
                    facets,
                    left_out: Vec::new(),
                };
                counted.push(SegmentCounts { segmentation: name.clone(), segment, rows, counts });
            }
        }
    }
    Ok(counted)
}

/// What a reader of the segments' metrics must know: a segment has no rows, or a selection holds none or all of its rows. `all`: the
/// counts of all rows, whose own empty selections are told by themselves.
pub(super) fn warnings(segments: &[SegmentCounts], all: &BiasCounts) -> Vec<String> {
    let warnings_of = |part: &SegmentCounts| {
        let named = format!("segment `{}` of `{}`", part.segment, part.segmentation);
        if part.rows == 0 {
            return vec![format!("{named}: no row has one of its values: check their spelling")];
        }
        // Missing values of a facet make its groups smaller than the segment.
        let empty_in = |facet: &FacetCounts| SelectionRole::empty_in(&facet.total, part.counts.predicted);
        let selects = |role: SelectionRole| {
            !part.counts.facets.is_empty()
                && part.counts.facets.iter().all(|facet| empty_in(facet).contains(&role))
        };
        let empty: Vec<&str> =
            [(SelectionRole::Label, "label"), (SelectionRole::Prediction, "predicted label")]
                .into_iter()
                .filter_map(|(role, name)| selects(role).then_some(name))
                .collect();
        let of_labels = (!empty.is_empty()).then(|| {
            format!(
                "{named}: no row or every row has a positive {}: metrics that read it compare nothing there",
                empty.join(" and a positive ")
            )
        });
        let of_facets = one_sided(part, all).map(|groups| {
            format!(
                "{named}: {groups}: nothing is compared with these groups there; put segments together until each has rows of both sides"
            )
        });
        of_labels.into_iter().chain(of_facets).collect()
    };
    let mut warnings: Vec<String> = segments.iter().flat_map(warnings_of).collect();
    let more = warnings.len().saturating_sub(MOST_WARNINGS);
    if more > 0 {
        warnings.truncate(MOST_WARNINGS);
        warnings.push(format!(
            "warnings of this kind on further segments: {more}; the report counts the groups, and bias_details.json has all segments"
        ));
    }
    warnings
}

/// Warnings on segments that are told one by one.
const MOST_WARNINGS: usize = 20;

/// Groups that no row or every row of a segment is in, though not of all rows: how many, and the first three of either kind.
fn one_sided(part: &SegmentCounts, all: &BiasCounts) -> Option<String> {
    const NAMED: usize = 3;
    let is_empty =
        |facet: &FacetCounts| SelectionRole::empty_in(&facet.total, true).contains(&SelectionRole::Facet);
    // Segments count the same facets as all rows do.
    let groups = part.counts.facets.iter().zip(&all.facets);
    let one_sided: Vec<&FacetCounts> = groups
        .filter(|(inside, whole)| is_empty(inside) && !is_empty(whole))
        .map(|(inside, _)| inside)
        .collect();
    let named = |what: &str, has_rows: bool| {
        let names: Vec<String> = one_sided
            .iter()
            .filter(|facet| (facet.total.d.n() > 0) == has_rows)
            .map(|facet| format!("`{}` = `{}`", facet.facet, facet.value_or_threshold))
            .collect();
        let more = names.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| format!("{what} {}{more}", names[..NAMED.min(names.len())].join(", ")))
    };
    let parts: Vec<String> =
        [named("no row is in", false), named("every row is in", true)].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Each segment's name and the values in it, by position in the distinct values; the default one last.
fn segments(segmentation: &Segments, distinct: &Distinct) -> Vec<(String, Vec<bool>)> {
    let alias =
        |number: usize| segmentation.aliases.as_ref().and_then(|aliases| aliases.get(number)).cloned();
    let mut rest = vec![true; distinct.values.len()];
    let mut named = Vec::new();
    for (number, list) in segmentation.segments.iter().enumerate() {
        let inside: Vec<bool> = distinct
            .values
            .iter()
            .map(|cell| list.iter().any(|value| is_in(cell, value, distinct.kind)))
            .collect();
        rest.iter_mut().zip(&inside).for_each(|(rest, inside)| *rest &= !inside);
        let printed = || list.iter().map(select::print).collect::<Vec<_>>().join(",");
        named.push((alias(number).unwrap_or_else(printed), inside));
    }
    named.push((alias(named.len()).unwrap_or_else(|| DEFAULT.into()), rest));
    named
}

/// Whether a value is in a listed interval or equals a listed value.
fn is_in(cell: &Cell, value: &Scalar, kind: Type) -> bool {
    if let (Scalar::Text(text), Type::Int | Type::Float) = (value, kind) {
        return match (interval(text), select::number(cell)) {
            (Some(interval), Some(number)) => interval.contains(number),
            (None, Some(_)) => *cell != Cell::Missing && text.trim() == cell.print(),
            _ => false,
        };
    }
    select::equals(cell, value) || (*cell != Cell::Missing && cell.print() == select::print(value))
}

struct Interval {
    low: f64,
    low_inside: bool,
    high: f64,
    high_inside: bool,
}

impl Interval {
    fn contains(&self, value: f64) -> bool {
        let above = if self.low_inside { value >= self.low } else { value > self.low };
        let below = if self.high_inside { value <= self.high } else { value < self.high };
        above && below
    }
}

/// `[1, 4]`, `(2, 5]`, `[0, inf)`.
fn interval(text: &str) -> Option<Interval> {
    let text = text.trim();
    let low_inside = text.starts_with('[');
    let high_inside = text.ends_with(']');
    let inside = text.strip_prefix(['[', '('])?.strip_suffix([']', ')'])?;
    let (low, high) = inside.split_once(',')?;
    Some(Interval { low: low.trim().parse().ok()?, low_inside, high: high.trim().parse().ok()?, high_inside })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Location;

    #[test]
    fn numbers_fall_into_intervals_and_texts_into_lists_the_rest_into_the_default() {
        let segmentation = |segments: Vec<Vec<Scalar>>, aliases: Option<Vec<String>>| Segments {
            name: None,
            column: Location::Name("c".into()),
            segments,
            aliases,
        };
        let text = |text: &str| Scalar::Text(text.into());
        let ages = Distinct::new(Type::Int, [1, 2, 4, 5, 9].map(Cell::Int).into());
        let found = segments(&segmentation(vec![vec![text("[1, 4)")], vec![text("(4, 5]")]], None), &ages);
        let expected = [
            ("[1, 4)", [true, true, false, false, false]),
            ("(4, 5]", [false, false, false, true, false]),
            (DEFAULT, [false, false, true, false, true]),
        ];
        assert_eq!(found, expected.map(|(name, inside)| (name.to_string(), inside.to_vec())));

        let towns =
            Distinct::new(Type::Text, vec![Cell::Text("A".into()), Cell::Missing, Cell::Text("B".into())]);
        let aliases = Some(vec!["first".into(), "others".into()]);
        let found = segments(&segmentation(vec![vec![text("A"), text("C")]], aliases), &towns);
        let expected = [("first", [true, false, false]), ("others", [false, true, true])];
        assert_eq!(found, expected.map(|(name, inside)| (name.to_string(), inside.to_vec())));
    }
}
