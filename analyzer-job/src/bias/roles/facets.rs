//! The groups of a facet: sensitive rows and the others, or a group for each value.

use plumbline_common::{Problem, Result, codes};

use crate::config::Facet;
use crate::results::details::{SelectionNote, SelectionRole};
use crate::values::typing::Cell;

use super::cross::CrossColumn;
use super::doubts;
use super::select::{self, Kind};

/// One facet, its rows in classes: sensitive or not for a selection, by value when every value has its turn.
pub(super) struct Facets {
    pub(super) name: String,
    pub(super) position: usize,
    /// Class of each combination.
    pub(super) classes: Vec<u32>,
    pub(super) n_classes: usize,
    /// The class that is sensitive in turn, and as printed; no class for one that has no rows.
    pub(super) entries: Vec<(Option<u32>, String)>,
    pub(super) warning: Option<String>,
    pub(super) note: Option<SelectionNote>,
}

impl Facets {
    pub(super) fn of(
        number: usize,
        facet: &Facet,
        position: usize,
        name: String,
        column: &CrossColumn,
        counts: &[u64],
    ) -> Result<Facets> {
        let distinct = &column.distinct;
        let subject = format!("facet[{number}].value_or_threshold");
        let kind = select::kind(distinct, column.rows_with_value(counts), facet.values.len());
        let rows = column.rows_by_value(counts);
        let whole = doubts::Column { role: SelectionRole::Facet, name: &name, distinct, rows: &rows };
        let selection = match (kind, facet.values.as_slice()) {
            (Kind::Continuous, []) => {
                return Err(Problem::new(
                    &codes::VALUE_DOES_NOT_FIT,
                    "Threshold values must be provided for continuous features",
                )
                .field(subject)
                .found(format!("no threshold for `{name}`, which holds {}", distinct.kind.name()))
                .expected("one number, above which a row is in the sensitive group")
                .hint("whole numbers are continuous when at least 5 % of them are distinct; list the values to compare them one by one"));
            }
            (Kind::Continuous, [threshold, ..]) => {
                select::above(distinct, threshold, select::max(distinct), &subject)?
            }
            (Kind::Categorical, []) => {
                let entries = distinct
                    .values
                    .iter()
                    .enumerate()
                    .map(|(code, value)| ((*value != Cell::Missing).then_some(code as u32), value.print()))
                    .collect();
                return Ok(Facets {
                    note: doubts::only_value(&whole),
                    name,
                    position,
                    classes: column.codes.clone(),
                    n_classes: distinct.values.len(),
                    entries,
                    warning: None,
                });
            }
            (Kind::Categorical, list) => select::listed(distinct, list, &subject)?,
        };
        Ok(Facets {
            note: doubts::note(&whole, kind, &facet.values, &selection),
            position,
            classes: column.codes.iter().map(|&code| u32::from(selection.selected[code as usize])).collect(),
            n_classes: 2,
            entries: vec![(Some(1), selection.printed)],
            warning: selection.warning,
            name,
        })
    }

    /// Both facets at once: sensitive is who is sensitive in both.
    pub(super) fn crossed(&self, other: &Facets) -> Facets {
        let width = other.n_classes as u32;
        let mut entries = Vec::new();
        for (one, mine) in &self.entries {
            for (two, theirs) in &other.entries {
                let class = one.zip(*two).map(|(one, two)| one * width + two);
                entries.push((class, format!("{mine} x {theirs}")));
            }
        }
        Facets {
            name: format!("{} x {}", self.name, other.name),
            position: self.position,
            classes: self.classes.iter().zip(&other.classes).map(|(one, two)| one * width + two).collect(),
            n_classes: self.n_classes * other.n_classes,
            entries,
            warning: None,
            note: None,
        }
    }
}
