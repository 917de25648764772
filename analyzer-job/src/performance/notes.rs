//! What a reader should know before trusting the numbers.

use std::collections::HashMap;

use super::chosen;
use super::classes::alike;
use super::constraints::Breach;
use super::details::QualityDetails;
use super::estimate::Unknown;
use super::group::Group;
use super::metrics::{self, Counts};
use super::outcomes::{Multiclass, Outcomes};
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
    fn a_regression_of_equal_labels_is_told() {
        let found = notes_of(ProblemType::Regression, true, false, &[["2", "1", ""], ["2", "3", ""]]);
        assert_eq!(found, ["`r2` is not defined: all labels are equal."]);
    }
}
