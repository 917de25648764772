//! The groups of a report: what they are called, and which of them is another seen from the other side.

use crate::report::sentences::{Words, condition};
use crate::results::details::{BiasDetails, FacetDetails, SelectionNote, SelectionRole};

pub(in crate::report) fn words(details: &BiasDetails, facet: &FacetDetails) -> Words {
    Words {
        facet: condition(
            &facet.facet,
            &selected(details, SelectionRole::Facet, &facet.facet, &facet.value_or_threshold),
        ),
        positive: positive(details),
        group_variable: details.group_variable.clone(),
    }
}

/// The positive labels as a condition.
pub(in crate::report) fn positive(details: &BiasDetails) -> String {
    condition(&details.label, &positive_values(details))
}

/// The positive labels.
pub(in crate::report) fn positive_values(details: &BiasDetails) -> String {
    selected(details, SelectionRole::Label, &details.label, &details.label_value_or_threshold)
}

/// What a listed value selects: another one if the column's type changed it on reading.
fn selected(details: &BiasDetails, role: SelectionRole, column: &str, listed: &str) -> String {
    let is_this = |note: &&SelectionNote| note.role == role && note.column == column && note.listed == listed;
    let note = details.selections.iter().find(is_this);
    note.and_then(|note| note.read_as.clone()).unwrap_or_else(|| listed.to_owned())
}

/// The notes on the selections that a group's metrics rest on.
pub(in crate::report) fn selections_of<'a>(
    details: &'a BiasDetails,
    facet: &'a FacetDetails,
) -> impl Iterator<Item = &'a SelectionNote> {
    details.selections.iter().filter(|note| note.concerns(facet))
}
