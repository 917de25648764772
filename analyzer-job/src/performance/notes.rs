//! What a reader should know before trusting the numbers.

use std::collections::HashMap;

use super::chosen;
use super::classes::{alike, same};
use super::constraints::Breach;
use super::details::QualityDetails;
use super::estimate::Unknown;
use super::fit::listed;
use super::group::Group;
use super::metrics::{self, Counts};
use super::outcomes::{Binary, Multiclass, Outcomes, Question};
use super::statistics::Statistics;

/// What is said of rows without a label of which the baseline tells nothing.
pub fn not_estimated(unknown: &[Unknown]) -> Option<String> {
    const SHOWN: usize = 10;
    let named: Vec<String> = unknown
        .iter()
        .take(SHOWN)
        .map(|class| format!("`{}` ({})", class.predicted, rows_in_words(class.rows)))
        .collect();
    let more = if unknown.len() > SHOWN { ", ..." } else { "" };
    let rows: u64 = unknown.iter().map(|class| class.rows).sum();
    (!unknown.is_empty()).then(|| {
        format!(
            "The estimate leaves out {} without a label, since the baseline never predicted their class: {}{more}.",
            rows_in_words(rows),
            named.join(", ")
        )
    })
}

fn rows_in_words(rows: u64) -> String {
    format!("{rows} {}", if rows == 1 { "row" } else { "rows" })
}

/// What is said of the values of a column that make no segment.
pub fn not_told(group: &Group) -> Option<String> {
    let [values, rows] = group.left_out();
    (values > 0).then(|| {
        let noun = if values == 1 { "value" } else { "values" };
        format!(
            "`{}` has {values} more {noun}, with {}, that make no segments: the {} with most rows do.",
            group.column,
            rows_in_words(rows),
            Group::MOST_TOLD
        )
    })
}

/// The notes of a run, the gravest first.
pub fn notes(
    outcomes: &Outcomes,
    statistics: &Statistics,
    details: &QualityDetails,
    left_out: &[Breach],
) -> Vec<String> {
    let mut notes = Vec::new();
    match &statistics.counts {
        Counts::Multiclass(counts) => notes.extend(strange_predictions(counts)),
        Counts::Binary(counts) => {
            let [[tn, fp], [fneg, tp]] = metrics::confusion(&counts.cells);
            let names = &counts.sides.names;
            let (negative, positive) = (&names[1 - counts.sides.positive], &names[counts.sides.positive]);
            let n = tn + fp + fneg + tp;
            for (rows, name, told) in [
                (fneg + tp, positive, "recall, its rates, the F scores and the areas"),
                (tn + fp, negative, "false positive rate, true negative rate and the areas"),
            ] {
                if rows == 0 {
                    notes.push(format!("No row has the label `{name}`: {told} are written as the hosted service writes them and mean nothing."));
                }
            }
            let by_name = |name: &str| outcomes.classes().find(name);
            for (rows, name) in [(fp + tp, positive), (tn + fneg, negative)] {
                let never = by_name(name).is_none_or(|class| !outcomes.classes().is_label(class));
                if rows > 0 && never && outcomes.question().prediction {
                    notes
                        .push(format!("The class `{name}` is predicted in {rows} rows and no label has it."));
                }
            }
            let majority = (tn + fp).max(fneg + tp);
            if tp + tn < majority {
                let name = if fneg + tp > tn + fp { positive } else { negative };
                notes.push(format!(
                    "Always answering `{name}` would be right in {} of {n} rows, the model is in {}: `baseline_majority` has \
                     this value, `accuracy_best_constant_classifier` is that of always answering `{negative}`.",
                    majority,
                    tp + tn
                ));
            }
            notes.extend(threshold_beside_scores(outcomes.question(), counts));
            if counts.has_scores && details.calibration.is_none() && n > 0 {
                notes.push(
                    "Some scores are outside of 0 and 1: they are ranked, and no calibration is told.".into(),
                );
            }
        }
        Counts::Regression(counts) => {
            if statistics.value("r2").is_none() {
                let equal = counts.pairs.windows(2).all(|two| two[0].label == two[1].label);
                let why = if equal {
                    "all labels are equal"
                } else {
                    "errors and labels are too far apart for a number"
                };
                notes.push(format!("`r2` is not defined: {why}."));
            }
            if statistics.value("mse").is_none() {
                notes.push("The squared errors are larger than a number can hold.".into());
            }
        }
    }
    for breach in left_out {
        notes.push(format!(
            "`{}` misses its threshold too. The hosted service never reports it, so constraint_violations.json does not list \
             it.",
            breach.metric
        ));
    }
    notes.extend(missed_chosen(details));
    if details.judged && details.metrics.iter().all(|metric| metric.baseline.is_none()) {
        notes.push(format!(
            "Whether a change is more than chance cannot be said: the thresholds do not tell how many rows they come from. \
             Put {} of the baseline beside its constraints.json, or name its statistics.json in `baseline_statistics`.",
            super::details::FILE
        ));
    }
    notes
}

/// What is said of a threshold of probabilities that no probability reaches.
fn threshold_beside_scores(question: &Question, counts: &Binary) -> Option<String> {
    let by_threshold = question.score && !question.prediction && !counts.cells.is_empty();
    let are_probabilities = counts.cells.iter().all(|cell| (0.0..=1.0).contains(&cell.score));
    let side = match question.threshold {
        threshold if threshold >= 1.0 => "negative",
        threshold if threshold < 0.0 => "positive",
        _ => return None,
    };
    (by_threshold && are_probabilities).then(|| {
        format!(
            "All scores are between 0 and 1, and `probability_threshold_attribute` is {}: every row is predicted {side}.",
            question.threshold
        )
    })
}

/// What is said of misses of thresholds that a person chose.
fn missed_chosen(details: &QualityDetails) -> Option<String> {
    let by = |verdict: chosen::Verdict, words: &str| {
        let missed = details.metrics.iter().filter(|metric| {
            metric.against_threshold.is_some_and(|held| metric.violated && held.verdict == verdict)
        });
        let names: Vec<String> = missed.map(|metric| format!("`{}`", metric.name)).collect();
        (!names.is_empty()).then(|| format!("{words}: {}", names.join(", ")))
    };
    let told: Vec<String> = [
        by(chosen::Verdict::MissedBeyondChance, "missed by more than chance explains"),
        by(chosen::Verdict::MissedWithinChance, "missed within chance"),
        by(chosen::Verdict::TooFewRows, "missed with too few rows to say"),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!told.is_empty()).then(|| {
        format!(
            "Thresholds that are not those of the baseline's values are taken as exact; {}.",
            told.join("; ")
        )
    })
}

/// Classes that are predicted and never occur as a label, with the label that was probably meant.
fn strange_predictions(counts: &Multiclass) -> Vec<String> {
    let mut predicted: HashMap<usize, u64> = HashMap::new();
    counts.cells.iter().for_each(|cell| *predicted.entry(cell.predicted).or_default() += cell.times);
    let labels =
        || counts.names.iter().zip(&counts.is_label).filter(|(_, is_label)| **is_label).map(|(name, _)| name);
    let strange = (0..counts.names.len()).filter(|&at| !counts.is_label[at]);
    strange
        .map(|at| {
            let name = &counts.names[at];
            let rows = predicted.get(&at).copied().unwrap_or(0);
            let noun = if rows == 1 { "row" } else { "rows" };
            let alike: Vec<String> =
                labels().filter(|label| alike(label, name)).map(|label| format!("`{label}`")).collect();
            let remedy = match alike.as_slice() {
                [] => String::new(),
                alike => format!("; spelled {}, it would match", alike.join(" or ")),
            };
            format!("The class `{name}` is predicted in {rows} {noun} and no label has it{remedy}.")
        })
        .collect()
}

/// Several classes: those of the rows that the baseline does not have, with their share of the labels. `then`: its classes.
pub fn new_classes(counts: &Multiclass, then: &[(String, f64)]) -> Option<String> {
    let rows: u64 = counts.cells.iter().map(|cell| cell.times).sum();
    let told = strangers(counts, then).map(|(name, class)| {
        let share = percent(class.actual as f64 / rows.max(1) as f64);
        format!(
            "`{name}` ({share} of the labels, {} of the predictions)",
            percent(class.predicted as f64 / rows.max(1) as f64)
        )
    });
    some(told.collect()).map(|(named, is_one)| {
        let (noun, rows) = if is_one { ("This class is", "this class") } else { ("These classes are", "these classes") };
        format!(
            "{noun} not in the baseline: {named}. The baseline's thresholds say nothing of the rows of {rows}."
        )
    })
}

/// Several classes: what is said where most labels are of no class of the baseline. `then`: its classes.
pub fn mostly_new_classes(counts: &Multiclass, then: &[(String, f64)]) -> Option<String> {
    let rows: u64 = counts.cells.iter().map(|cell| cell.times).sum();
    let new: u64 = strangers(counts, then).map(|(_, class)| class.actual).sum();
    let names: Vec<&str> = strangers(counts, then).map(|(name, _)| name.as_str()).collect();
    (2 * new > rows).then(|| {
        format!(
            "{} of the labels are of classes that the baseline does not have ({}): its thresholds say little of this run. If \
             they are spelled otherwise, spell them as there: {}.",
            percent(new as f64 / rows as f64),
            listed(names.into_iter()),
            listed(then.iter().map(|class| class.0.as_str()))
        )
    })
}

/// Classes that rows have and the baseline does not.
fn strangers<'a>(
    counts: &'a Multiclass,
    then: &'a [(String, f64)],
) -> impl Iterator<Item = (&'a String, metrics::ClassCounts)> {
    counts.names.iter().zip(metrics::class_counts(counts)).filter(|(name, class)| {
        class.actual + class.predicted > 0 && !then.iter().any(|(known, _)| same(known, name))
    })
}

/// Several classes: those of the baseline that no row has, where that is no chance. `then`: each with its share of the labels.
pub fn vanished_classes(counts: &Multiclass, then: &[(String, f64)]) -> Option<String> {
    const ALPHA: f64 = 0.05;
    let rows: u64 = counts.cells.iter().map(|cell| cell.times).sum();
    let classes = metrics::class_counts(counts);
    let is_there = |name: &str| {
        let mut here = counts.names.iter().zip(&classes);
        here.any(|(other, class)| class.actual + class.predicted > 0 && same(other, name))
    };
    // So many rows would have a class of this share, unless by chance; one of many classes is missing more easily.
    let is_chance = |share: f64| (1.0 - share).powf(rows as f64) > ALPHA / then.len() as f64;
    let gone = then.iter().filter(|(name, share)| !is_chance(*share) && !is_there(name));
    let told = gone.map(|(name, share)| format!("`{name}` ({})", percent(*share))).collect();
    some(told).map(|(named, is_one)| {
        let noun = if is_one { "a class" } else { "classes" };
        format!("No row has {noun} of the baseline, here with the share of its labels: {named}.")
    })
}

/// The first of the texts as a list, and whether it is only one; none of none.
fn some(texts: Vec<String>) -> Option<(String, bool)> {
    const SHOWN: usize = 10;
    let more = if texts.len() > SHOWN { ", ..." } else { "" };
    let shown = &texts[..texts.len().min(SHOWN)];
    (!texts.is_empty()).then(|| (shown.join(", ") + more, texts.len() == 1))
}

fn percent(share: f64) -> String {
    format!("{:.1}\u{202f}%", 100.0 * share)
}

#[cfg(test)]
mod tests {
    use super::super::findings;
    use super::super::outcomes::ProblemType;
    use super::super::outcomes::tests::{outcomes, question};
    use crate::results::details::RunDetails;

    fn notes_of(problem: ProblemType, prediction: bool, score: bool, rows: &[[&str; 3]]) -> Vec<String> {
        let outcomes = outcomes(question(problem, prediction, score), rows);
        findings::findings(&outcomes, &[], &Default::default(), RunDetails::default()).unwrap().details.notes
    }

    #[test]
    fn a_predicted_class_without_labels_is_told_with_the_spelling_that_matches() {
        let rows = [["I'm not sure", "im_not_sure", ""], ["cat", "ghost", ""], ["cat", "cat", ""]];
        let found = notes_of(ProblemType::MulticlassClassification, true, false, &rows);
        assert_eq!(
            found,
            [
                "The class `ghost` is predicted in 1 row and no label has it.",
                "The class `im_not_sure` is predicted in 1 row and no label has it; spelled `I'm not sure`, it would match.",
            ]
        );
    }

    #[test]
    fn labels_of_one_class_and_a_useless_model_are_told() {
        let found =
            notes_of(ProblemType::BinaryClassification, false, true, &[["0", "", "0.9"], ["0", "", "0.1"]]);
        assert!(found[0].contains("No row has the label `1`"), "{found:?}");
        assert!(
            found.iter().any(|note| note.contains("right in 2 of 2 rows, the model is in 1")),
            "{found:?}"
        );
        let good = [["0", "", "0.1"], ["1", "", "0.9"]];
        assert_eq!(notes_of(ProblemType::BinaryClassification, false, true, &good), [""; 0]);
        let outside = [["0", "", "-3"], ["1", "", "9"]];
        assert!(notes_of(ProblemType::BinaryClassification, false, true, &outside)[0].contains("outside"));
    }

    #[test]
    fn a_threshold_that_no_probability_reaches_is_told() {
        use super::super::outcomes::Question;
        let of = |threshold: f64, rows: &[[&str; 3]]| {
            let question = Question { threshold, ..question(ProblemType::BinaryClassification, false, true) };
            let found = findings::findings(
                &outcomes(question, rows),
                &[],
                &Default::default(),
                RunDetails::default(),
            );
            let notes = found.unwrap().details.notes;
            notes
                .into_iter()
                .filter(|note| note.contains("`probability_threshold_attribute`"))
                .collect::<Vec<_>>()
        };
        let rows = [["0", "", "0.1"], ["1", "", "0.9"]];
        for (threshold, side) in [(1.5, "negative"), (1.0, "negative"), (-0.5, "positive")] {
            let told = format!("is {threshold}: every row is predicted {side}.");
            assert!(of(threshold, &rows)[0].ends_with(&told), "{threshold}");
        }
        assert_eq!(of(0.0, &rows), [""; 0]);
        assert_eq!(of(1.5, &[["0", "", "1"], ["1", "", "3"]]), [""; 0]);
    }

    /// Several classes: what the baseline does not have, and what it alone has.
    #[test]
    fn classes_that_came_and_went_are_told() {
        use super::super::metrics::Counts;
        use super::{mostly_new_classes, new_classes, vanished_classes};
        let rows = [["a", "a", ""], ["a", "b", ""], ["z", "a", ""], ["a", "a", ""]].repeat(10);
        let question = question(ProblemType::MulticlassClassification, true, false);
        let counts = outcomes(question, &rows).multiclass();
        let then = |classes: &[(&str, f64)]| -> Vec<(String, f64)> {
            classes.iter().map(|&(name, share)| (name.into(), share)).collect()
        };
        let all = then(&[("a", 0.5), ("b", 0.2), ("c", 0.295), ("rare", 0.005)]);
        let new = new_classes(&counts, &all).unwrap();
        assert!(
            new.contains("class is not in the baseline: `z` (25.0\u{202f}% of the labels, 0.0\u{202f}% of"),
            "{new}"
        );
        let gone = vanished_classes(&counts, &all).unwrap();
        assert!(gone.ends_with("with the share of its labels: `c` (29.5\u{202f}%)."), "{gone}");
        let same = then(&[("a", 0.5), ("b", 0.2), ("z", 0.3)]);
        assert_eq!((new_classes(&counts, &same), vanished_classes(&counts, &same)), (None, None));
        assert_eq!(mostly_new_classes(&counts, &all), None);
        let mostly = mostly_new_classes(&counts, &then(&[("A", 0.75), ("z", 0.25)])).unwrap();
        assert!(mostly.starts_with("75.0\u{202f}% of the labels") && mostly.ends_with("as there: `A`, `z`."));
        assert_eq!(Counts::Multiclass(counts).rows(), 40);
    }

    #[test]
    fn a_regression_of_equal_labels_is_told() {
        let found = notes_of(ProblemType::Regression, true, false, &[["2", "1", ""], ["2", "3", ""]]);
        assert_eq!(found, ["`r2` is not defined: all labels are equal."]);
    }
}
