//! Says that the rows of a binary problem do not have two classes: which they have, how many rows each, and where the rare ones stand.

use std::cmp::Reverse;

use plumbline_common::words::{counted, number_of};
use plumbline_common::{Problem, codes};

use super::classes::{alike, same};
use super::fit::listed;
use super::part::Reading;

/// That a binary problem has more than two classes, or none that is `positive_label`. `names`: all classes.
pub fn not_two_classes(reading: &Reading, mut names: Vec<String>) -> Problem {
    let outcomes = &reading.outcomes;
    let label = outcomes.question().positive_label.as_deref();
    let missing = label.filter(|label| outcomes.classes().find(label).is_none());
    names.retain(|name| missing.is_none_or(|label| !same(name, label)));
    if let Some(label) = missing.filter(|_| names.len() <= 2) {
        return Problem::new(
            &codes::VALUE_DOES_NOT_FIT,
            "`positive_label` is none of the classes of the rows",
        )
        .field("positive_label")
        .found(format!("`{}`", label.trim()))
        .expected(format!(
            "one of the labels and predictions: {}",
            listed(names.iter().map(String::as_str))
        ));
    }
    let number = number_of(names.len(), "class", "classes");
    Problem::new(&codes::VALUE_DOES_NOT_FIT, "a binary problem has two classes")
        .field("problem_type")
        .found(format!("{number}: {}{}", in_words(reading), spelled_alike(&names)))
        .expected("two, `positive_label` among them")
        .hint(
            "if these are damaged labels or predictions, leave their rows out or correct them; a run with a baseline leaves out those \
             of neither of its classes. Else check `ground_truth_attribute` and `inference_attribute`, or use problem_type \
             MulticlassClassification",
        )
}

/// The most frequent classes, each with its rows, and of those behind the second where the first of them stands.
fn in_words(reading: &Reading) -> String {
    const SHOWN: usize = 10;
    let classes = reading.outcomes.classes();
    let mut rows: Vec<(u32, u64)> = reading.outcomes.rows_by_class().into_iter().collect();
    rows.sort_by_key(|&(class, rows)| (Reverse(rows), classes.name(class)));
    let told = rows.iter().take(SHOWN).enumerate().map(|(at, &(class, rows))| {
        let place = reading.place(classes.first(class)).filter(|_| at >= 2);
        let place = place.map_or(String::new(), |place| format!(" (first in {place})"));
        format!("`{}` in {}{place}", classes.name(class), counted(rows, "row"))
    });
    told.collect::<Vec<_>>().join(", ") + if rows.len() > SHOWN { ", ..." } else { "" }
}

/// The classes among more than two that differ in their spelling alone; empty without any.
fn spelled_alike(names: &[String]) -> String {
    let pairs =
        names.iter().enumerate().flat_map(|(at, one)| names[at + 1..].iter().map(move |two| (one, two)));
    let alike: Vec<String> = pairs
        .filter(|(one, two)| alike(one, two))
        .take(2)
        .map(|(one, two)| format!("`{one}` and `{two}`"))
        .collect();
    if alike.is_empty() {
        String::new()
    } else {
        format!("; spelled in one way, {} would match", alike.join(", "))
    }
}
