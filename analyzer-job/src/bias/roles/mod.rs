//! From columns to the counts of every group: which rows are in the sensitive group, which labels and
//! predictions are positive, and the strata of the group variable.

mod counter;
mod cross;
mod doubts;
mod facets;
mod predictions;
mod segments;
mod select;

use plumbline_common::words::part_of;
use plumbline_common::{Problem, Result, codes};

use crate::config::Analysis;
use crate::read::Reading;
use crate::results::details::{SelectionNote, SelectionRole};
use crate::state::counts::{BiasCounts, FacetCounts, LeftOut};
use crate::values::numbers::repr;
use crate::values::table::Values;
use crate::values::typing::{Cell, Distinct, Type};

pub(crate) use doubts::plain;

use counter::{Counter, Strata};
use cross::{Cross, CrossColumn};
use facets::Facets;
pub(crate) use predictions::Expected;
use select::{Kind, Selection};

/// What the bias metrics need.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    pub counts: BiasCounts,
    /// For the flip test; none when rows were not kept or nothing is predicted.
    pub rows: Option<RowRoles>,
    /// Facets counted again within each segment, when the configuration has segments.
    pub segments: Vec<SegmentCounts>,
    /// Two facets crossed, when asked for: `facet` reads `Sex x Race`.
    pub intersections: Vec<FacetCounts>,
    /// Selections of no row or every row, and listed values that were read as others.
    pub selections: Vec<SelectionNote>,
    pub warnings: Vec<String>,
}

/// Roles by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRoles {
    /// The entries of `counts.facets`, facet by facet.
    pub facets: Vec<FacetRows>,
    /// Is the row predicted positive.
    pub predicted: Vec<bool>,
}

/// The groups of a facet by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetRows {
    /// The class of each row.
    pub classes: Vec<u32>,
    /// For each group the class of its rows; none for a group without rows.
    pub groups: Vec<Option<u32>>,
    /// The columns that the flip test compares.
    pub flip_features: Vec<usize>,
}

/// The counts of one segment.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentCounts {
    /// Name of the segmentation.
    pub segmentation: String,
    /// Name of the segment.
    pub segment: String,
    pub rows: u64,
    pub counts: BiasCounts,
}

/// Counts the rows of every group.
///
/// `predicted`: the model's labels, one for each row, when they are not in the data. `crossed`: count every
/// pair of facets too. Predictions are counted only when post-training metrics are asked for.
///
/// # Errors
/// A threshold or value that does not fit its column; labels and predictions of different kinds; no positive
/// prediction at all; predictions and rows that differ in number.
pub fn count(
    reading: &Reading,
    predicted: Option<&Values>,
    analysis: &Analysis,
    crossed: bool,
) -> Result<Counted> {
    let cross = Cross::of(reading, predicted)?;
    let roles = &reading.layout.roles;
    let label_position = roles.label.ok_or_else(|| {
        Problem::new(&codes::COLUMN_NOT_FOUND, "Headers must contain label")
            .field("label")
            .expected("the observed label, which bias metrics need")
    })?;
    let absent = |what: &str| Problem::new(&codes::INTERNAL, format!("the {what} column was not read"));
    let label = cross.column(label_position).ok_or_else(|| absent("label"))?;
    let mut warnings = Vec::new();

    let label_kind = select::kind(
        &label.distinct,
        label.rows_with_value(&cross.counts),
        analysis.label_values_or_threshold.len(),
    );
    let positive = positive_labels(&label.distinct, label_kind, analysis)?;
    warnings.extend(positive.warning.clone());
    let label_name = reading.layout.names.get(label_position).cloned().unwrap_or_default();
    let listed = &analysis.label_values_or_threshold;
    let mut selections = Vec::new();
    selections.extend(doubts::note(
        &doubts::Column {
            role: SelectionRole::Label,
            name: &label_name,
            distinct: &label.distinct,
            rows: &label.rows_by_value(&cross.counts),
        },
        label_kind,
        listed,
        &positive,
    ));

    let mut without_value = vec![Lacking {
        name: label_name.clone(),
        what: "label",
        rows: cross.rows() - label.rows_with_value(&cross.counts),
    }];
    let predictions = if analysis.methods.post_training_bias.is_some() {
        let column = match (cross.predicted(), roles.predicted) {
            (Some(column), _) => column,
            (None, Some(position)) => cross.column(position).ok_or_else(|| absent("predicted label"))?,
            (None, None) => {
                return Err(Problem::new(&codes::PREDICTIONS_DO_NOT_FIT, "there are no predictions")
                    .field("predicted_label")
                    .hint("give `predicted_label`, `predicted_label_dataset_uri` or `predictor`"));
            }
        };
        let scored = scored_labels(column, label_kind, analysis);
        if scored.is_some() {
            warnings.push(format!(
                "the numbers at `predictor.label` are scores: above {} counts as 1, all else as 0",
                repr(analysis.probability_threshold)
            ));
        }
        let column = scored.as_ref().unwrap_or(column);
        let positives = predicted_positives(column, label, label_kind, &cross, analysis)?;
        let name = roles.predicted.and_then(|position| reading.layout.names.get(position));
        let name = name.map_or("predicted label", String::as_str);
        without_value.push(Lacking {
            name: name.into(),
            what: "prediction",
            rows: cross.rows() - column.rows_with_value(&cross.counts),
        });
        selections.extend(doubts::note(
            &doubts::Column {
                role: SelectionRole::Prediction,
                name,
                distinct: &column.distinct,
                rows: &column.rows_by_value(&cross.counts),
            },
            label_kind,
            listed,
            &positives,
        ));
        Some(column.codes.iter().map(|&code| positives.selected[code as usize]).collect::<Vec<bool>>())
    } else {
        None
    };

    without_value.retain(|lacking| lacking.rows > 0);
    warnings.extend(without_value.iter().map(|lacking| lacking.told(cross.rows())));

    let mut facets = Vec::new();
    for (number, (facet, &position)) in analysis.facets.iter().zip(&roles.facets).enumerate() {
        let column = cross.column(position).ok_or_else(|| absent("facet"))?;
        let name = reading.layout.names.get(position).cloned().unwrap_or_default();
        let side = Facets::of(number, facet, position, name, column, &cross.counts)?;
        warnings.extend(side.warning.clone());
        selections.extend(side.note.clone());
        facets.push(side);
    }

    let group = roles.group.and_then(|position| cross.column(position));
    let strata = group.map(Strata::of);
    let outcomes: Vec<[bool; 2]> = label
        .codes
        .iter()
        .enumerate()
        .map(|(at, &code)| {
            [positive.selected[code as usize], predictions.as_ref().is_some_and(|rows| rows[at])]
        })
        .collect();
    let counter = Counter { counts: &cross.counts, outcomes: &outcomes, strata: strata.as_ref() };

    let mut counts = BiasCounts {
        label: label_name,
        label_value_or_threshold: positive.printed,
        predicted: predictions.is_some(),
        facets: facets.iter().flat_map(|facet| counter.facet(facet, &|_| true)).collect(),
        left_out: Vec::new(),
    };
    counts.left_out = left_out(&counts, &without_value, &facets, group, &cross);

    let mut intersections = Vec::new();
    if crossed {
        for (first, one) in facets.iter().enumerate() {
            for two in &facets[first + 1..] {
                if one.entries.len() * two.entries.len() > MOST_CROSSED {
                    warnings
                        .push(format!("{} and {} have too many values to be crossed", one.name, two.name));
                    continue;
                }
                intersections.extend(counter.facet(&one.crossed(two), &|_| true));
            }
        }
    }
    let segments = segments::count(reading, &cross, analysis, &counts, &|inside| {
        facets.iter().flat_map(|facet| counter.facet(facet, inside)).collect()
    })?;
    warnings.extend(segments::warnings(&segments, &counts));
    let rows = match predictions {
        Some(predicted) if cross.by_row => Some(RowRoles {
            facets: facets
                .into_iter()
                .map(|facet| FacetRows {
                    flip_features: flip_features(reading, facet.position),
                    groups: facet.entries.into_iter().map(|(class, _)| class).collect(),
                    classes: facet.classes,
                })
                .collect(),
            predicted,
        }),
        _ => None,
    };
    Ok(Counted { counts, rows, segments, intersections, selections, warnings })
}

/// Pairs of values of two facets that are worth a report.
const MOST_CROSSED: usize = 1000;

/// Rows that have no label, or no prediction. A missing value is none of the listed ones and inside no interval, so that it is negative
/// as in the reference package.
struct Lacking {
    /// Of the column.
    name: String,
    what: &'static str,
    rows: u64,
}

impl Lacking {
    fn why(&self) -> String {
        format!("a missing {} counts as negative", self.what)
    }

    fn told(&self, of: u64) -> String {
        format!("`{}` has no value in {}: {}", self.name, part_of(self.rows, of, "row"), self.why())
    }
}

fn positive_labels(distinct: &Distinct, kind: Kind, analysis: &Analysis) -> Result<Selection> {
    const SETTING: &str = "label_values_or_threshold";
    match (kind, analysis.label_values_or_threshold.as_slice()) {
        (_, []) => Err(Problem::new(
            &codes::VALUE_DOES_NOT_FIT,
            "Positive label values or thresholds are empty for Label column",
        )
        .field(SETTING)),
        (Kind::Continuous, [threshold, ..]) => {
            select::above(distinct, threshold, select::max(distinct), SETTING)
        }
        (Kind::Categorical, list) => select::listed(distinct, list, SETTING),
    }
}

/// Predictions that are scores as the labels that they stand for. None for predictions that are labels.
fn scored_labels(column: &CrossColumn, label_kind: Kind, analysis: &Analysis) -> Option<CrossColumn> {
    let (labels, codes) = predictions::of_scores(&column.distinct, label_kind, analysis)?;
    Some(column.renamed(labels, &codes))
}

/// Which predictions are positive.
fn predicted_positives(
    column: &CrossColumn,
    label: &CrossColumn,
    label_kind: Kind,
    cross: &Cross,
    analysis: &Analysis,
) -> Result<Selection> {
    let list = &analysis.label_values_or_threshold;
    let kind = select::kind(&column.distinct, column.rows_with_value(&cross.counts), list.len());
    if predictions::can_be_none_of(label_kind, &column.distinct, list) {
        return Err(predictions::none_is_positive(label_kind, &column.distinct, list));
    }
    if kind != label_kind {
        let of = |kind, distinct| predictions::Column { kind, distinct, rows: cross.rows() };
        return Err(predictions::kinds_differ(
            &of(kind, &column.distinct),
            &of(label_kind, &label.distinct),
            analysis,
        ));
    }
    let selection = match (kind, list.first()) {
        (Kind::Continuous, Some(threshold)) => {
            let cast = cast(&column.distinct, &label.distinct);
            let max = select::max(&label.distinct).max(select::max(&cast));
            select::above(&cast, threshold, max, "label_values_or_threshold")?
        }
        _ => select::listed(&column.distinct, list, "label_values_or_threshold")?,
    };
    if !column.codes.iter().any(|&code| selection.selected[code as usize]) {
        return Err(predictions::none_is_positive(kind, &column.distinct, list));
    }
    Ok(selection)
}

/// Predictions as values of the label's type: decimals are cut off when labels are whole numbers.
fn cast(predicted: &Distinct, label: &Distinct) -> Distinct {
    let values = match (predicted.kind, label.kind) {
        (Type::Float, Type::Int | Type::Text) => predicted
            .values
            .iter()
            .map(
                |value| {
                    if let Cell::Float(value) = value { Cell::Float(value.trunc()) } else { value.clone() }
                },
            )
            .collect(),
        _ => predicted.values.clone(),
    };
    Distinct::new(label.kind, values)
}

/// What the flip test compares: every column but the facet, the labels and identifiers. The group variable
/// and other facets stay.
pub(crate) fn flip_features(reading: &Reading, facet: usize) -> Vec<usize> {
    let roles = &reading.layout.roles;
    (0..reading.layout.names.len())
        .filter(|&column| {
            column != facet
                && Some(column) != roles.label
                && Some(column) != roles.predicted
                && !roles.joins.contains(&column)
        })
        .collect()
}

/// Rows and groups that no metric covers, or not as one may think.
fn left_out(
    counts: &BiasCounts,
    without_value: &[Lacking],
    facets: &[Facets],
    group: Option<&CrossColumn>,
    cross: &Cross,
) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    let total = cross.rows();
    for facet in &counts.facets {
        let what = format!("{} {}", facet.facet, facet.value_or_threshold);
        let reason = match (facet.total.d.n(), facet.total.a.n()) {
            (0, _) => "no row is in this group",
            (_, 0) => "every row is in this group, so nothing is left to compare it with",
            _ => continue,
        };
        left_out.push(LeftOut { what, rows: facet.total.d.n(), reason: reason.into() });
    }
    left_out.extend(without_value.iter().map(|lacking| LeftOut {
        what: format!("rows without {}", lacking.name),
        rows: lacking.rows,
        reason: lacking.why(),
    }));
    let mut missing = |what: String, with_value: u64, reason: &str| {
        if with_value < total {
            left_out.push(LeftOut { what, rows: total - with_value, reason: reason.into() });
        }
    };
    for facet in facets {
        if let Some(column) = cross.column(facet.position) {
            missing(
                format!("rows without {}", facet.name),
                column.rows_with_value(&cross.counts),
                "a missing facet value counts among the rest",
            );
        }
    }
    if let Some(group) = group {
        missing(
            "rows without a value of the group variable".into(),
            group.rows_with_value(&cross.counts),
            "conditional demographic disparity covers rows with a value only",
        );
    }
    left_out
}

#[cfg(test)]
mod tests;
