//! What is known of the baseline: its thresholds, and how sure its values are.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes};
use serde_json::Value as Json;

use super::classes::{Sides, same};

use super::constraints::{self, Constraint, Margin};
use super::details::{self, ClassDetails, QualityDetails};
use super::fit::{Classes, Fit};
use super::intervals::{self, Spread};
use super::metrics::Counts;
use super::moved::Side;
use super::outcomes::{Binary, ProblemType, Question, ScoreCell};
use crate::monitor::plan::baseline_json;

/// The baseline of a monitoring run.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    /// Absent when the run has none to check.
    pub constraints: Option<Vec<Constraint>>,
    /// Names among the constraints that are not checked.
    pub unchecked: Vec<String>,
    /// By metric: its value and how sure it is.
    pub sides: IndexMap<String, Side>,
    pub details: Option<QualityDetails>,
    /// When the baseline tells.
    pub classes: Classes,
}

impl Baseline {
    /// Whether a person chose a threshold: it is neither the value of the baseline nor where its margin puts it. False where the
    /// value is not known.
    pub fn is_chosen(&self, constraint: &Constraint) -> bool {
        // Rounding of a file that another program wrote.
        const ROUNDING: f64 = 1e-9;
        let Some(then) = self.sides.get(&constraint.metric) else { return false };
        let used = self.details.iter().flat_map(|details| &details.run.settings);
        let margin = used.filter(|setting| setting.name == "constraint_margin");
        let margin =
            margin.filter_map(|setting| Margin::parse(&setting.value)).next_back().unwrap_or(Margin::None);
        let is_at = |margin| {
            let value = constraints::at_margin(&constraint.metric, then.value, then.spread, margin);
            constraint.threshold == value || (constraint.threshold - value).abs() <= ROUNDING * value.abs()
        };
        !is_at(Margin::None) && !is_at(margin)
    }

    /// The negative and the positive class of a binary problem.
    pub fn sides_of_classes(&self) -> Option<&[String; 2]> {
        match &self.classes {
            Classes::Binary(both) => Some(both),
            _ => None,
        }
    }

    /// Of a problem with several classes: these as the rows spell them, so that like is compared with like.
    pub fn respelled(&self, fit: &Fit) -> Baseline {
        let mut found = self.clone();
        let Classes::Several(classes) = &mut found.classes else { return found };
        let here = |name: &mut String| *name = fit.here(name).to_owned();
        classes.iter_mut().for_each(|class| here(&mut class.0));
        if let Some(details) = &mut found.details {
            details.by_class.iter_mut().for_each(|class| here(&mut class.name));
            for cell in &mut details.confusion {
                here(&mut cell.actual);
                here(&mut cell.predicted);
            }
        }
        found
    }
}

/// Reads the files that the settings name, and the details file where it lies beside one of them.
///
/// # Errors
/// A file that is named and cannot be used.
pub fn load(question: &Question, constraints: Option<&Path>, statistics: Option<&Path>) -> Result<Baseline> {
    let mut baseline = Baseline::default();
    if let Some(path) = constraints {
        let loaded = constraints::load(path, question.problem)?;
        (baseline.constraints, baseline.unchecked) = (Some(loaded.constraints), loaded.unchecked);
    }
    let beside = [constraints, statistics].into_iter().flatten().filter_map(Path::parent);
    let details = beside.map(|folder| folder.join(details::FILE)).find(|path| path.is_file());
    if let Some(path) = details {
        let found = read_details(&path)?;
        if found.problem_type == question.problem.name() {
            baseline.sides = sides_of(&found);
            baseline.classes = classes_of(&found);
            baseline.details = Some(found);
        } else {
            return Err(other_problem(&path, &found.problem_type, question.problem));
        }
    } else if let Some(path) = statistics {
        let found = of_statistics(path, question)?;
        (baseline.sides, baseline.classes) = (found.sides, found.classes);
    }
    Ok(baseline)
}

fn classes_of(details: &QualityDetails) -> Classes {
    if let Some(both) = &details.classes {
        return Classes::Binary(both.clone());
    }
    let rows: u64 = details.by_class.iter().map(|class| class.rows).sum();
    let share = |class: &ClassDetails| (class.name.clone(), class.rows as f64 / rows.max(1) as f64);
    if details.by_class.is_empty() {
        Classes::Unknown
    } else {
        Classes::Several(details.by_class.iter().map(share).collect())
    }
}

/// The classes of a matrix of rows by actual and predicted class.
fn several(matrix: &Json) -> Classes {
    let mut classes: Vec<(String, f64)> = Vec::new();
    for (actual, row) in matrix.as_object().into_iter().flatten() {
        let row = row.as_object();
        let rows: f64 = row.into_iter().flatten().filter_map(|(_, rows)| rows.as_f64()).sum();
        let predicted = row.into_iter().flatten().map(|(name, _)| (name, 0.0));
        for (name, rows) in std::iter::once((actual, rows)).chain(predicted) {
            match classes.iter_mut().find(|class| same(&class.0, name)) {
                Some(class) => class.1 += rows,
                None => classes.push((name.clone(), rows)),
            }
        }
    }
    let whole: f64 = classes.iter().map(|class| class.1).sum();
    classes.iter_mut().for_each(|class| class.1 /= whole.max(f64::MIN_POSITIVE));
    if classes.is_empty() { Classes::Unknown } else { Classes::Several(classes) }
}

fn other_problem(path: &Path, found: &str, expected: ProblemType) -> Problem {
    Problem::new(&codes::CONSTRAINTS_UNREADABLE, "the baseline is of another kind of problem")
        .file(path)
        .field("problem_type")
        .found(format!("`{found}`"))
        .expected(format!("`{}`", expected.name()))
}

fn read_details(path: &Path) -> Result<QualityDetails> {
    let bad = |found: String| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "a file of the baseline cannot be read")
            .file(path)
            .found(found)
    };
    let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| bad(crate::values::numbers::json_error(&error)))
}

fn sides_of(details: &QualityDetails) -> IndexMap<String, Side> {
    let side = |metric: &details::MetricDetails| {
        let spread =
            Spread { standard_error: metric.standard_error, interval: metric.interval, share: metric.share };
        Some((metric.name.clone(), Side { value: metric.value?, spread, rows: details.rows }))
    };
    details.metrics.iter().filter_map(side).collect()
}

/// A sample of 80 % without replacement varies half as much as the rows themselves: `sqrt(1 / 0.8 - 1)`.
const OF_DEVIATION: f64 = 2.0;

/// From `statistics.json` alone, also the hosted service's: shares by their counts, other metrics by the standard
/// deviation that stands there, which five draws make vague. With them the classes of a binary problem.
fn of_statistics(path: &Path, question: &Question) -> Result<Baseline> {
    let document = baseline_json("baseline_statistics", path)?;
    let name = format!("{}_metrics", question.problem.block());
    let bad = |found: String| {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "the statistics of the baseline cannot be used")
            .file(path)
            .field("baseline_statistics")
            .found(found)
            .expected(format!("a block `{name}` with `dataset.item_count`"))
    };
    let (Some(block), Some(rows)) =
        (document.get(&name).and_then(Json::as_object), document["dataset"]["item_count"].as_u64())
    else {
        return Err(bad("none".into()));
    };
    let counts = block.get("confusion_matrix").and_then(|matrix| binary_counts(matrix, question));
    let side = |(metric, entry): (&String, &Json)| {
        let value = entry.get("value")?.as_f64()?;
        let deviation = entry.get("standard_deviation").and_then(Json::as_f64);
        let share = counts.as_ref().and_then(|counts| intervals::share(counts, metric)).or_else(|| {
            let share = question.problem == ProblemType::MulticlassClassification
                && ["accuracy", "weighted_recall"].contains(&metric.as_str());
            share.then(|| [(value * rows as f64).round() as u64, rows])
        });
        let spread = Spread {
            standard_error: deviation.map(|deviation| OF_DEVIATION * deviation),
            interval: None,
            share,
        };
        Some((metric.clone(), Side { value, spread, rows }))
    };
    let classes = counts.as_ref().and_then(|counts| match counts {
        Counts::Binary(Binary { sides: Sides { names, positive }, .. }) => {
            Some([names[1 - positive].clone(), names[*positive].clone()])
        }
        _ => None,
    });
    let classes = match (classes, question.problem) {
        (Some(both), _) => Classes::Binary(both),
        (None, ProblemType::MulticlassClassification) => {
            block.get("confusion_matrix").map(several).unwrap_or_default()
        }
        _ => Classes::Unknown,
    };
    Ok(Baseline { sides: block.iter().filter_map(side).collect(), classes, ..Baseline::default() })
}

/// The counts of a binary matrix; none when it has other than two classes.
fn binary_counts(matrix: &Json, question: &Question) -> Option<Counts> {
    if question.problem != ProblemType::BinaryClassification {
        return None;
    }
    let matrix = matrix.as_object()?;
    let names: Vec<&str> = matrix.keys().map(String::as_str).collect();
    let mut sorted = names.clone();
    sorted.sort_by(|a, b| super::classes::order(a, b));
    let sides = Sides::of(&sorted, question.positive_label.as_deref()).ok()?;
    let mut counts = [[0; 2]; 2];
    for (actual, row) in matrix {
        for (predicted, count) in row.as_object()? {
            let role = |name: &str| usize::from(sides.names[sides.positive] == name);
            counts[role(actual)][role(predicted)] += count.as_u64()?;
        }
    }
    let cells = vec![ScoreCell { score: 0.0, counts }];
    Some(Counts::Binary(Binary { sides, cells, waiting: Vec::new(), unknown: Vec::new(), has_scores: false }))
}

#[cfg(test)]
mod tests {
    use super::super::outcomes::tests::question;
    use super::*;

    #[test]
    fn a_statistics_file_gives_counts_and_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("statistics.json");
        let text = r#"{"version": 0.0, "dataset": {"item_count": 201}, "binary_classification_metrics": {
            "confusion_matrix": {"0": {"0": 173, "1": 0}, "1": {"0": 12, "1": 16}},
            "recall": {"value": 0.5714285714285714, "standard_deviation": 0.039},
            "auc": {"value": 0.9395, "standard_deviation": 0.01},
            "f1": {"value": 0.7, "standard_deviation": "NaN"}}}"#;
        std::fs::write(&path, text).unwrap();
        let question = question(ProblemType::BinaryClassification, false, true);
        let baseline = load(&question, None, Some(&path)).unwrap();
        assert_eq!(baseline.sides["recall"].spread.share, Some([16, 28]));
        assert_eq!(baseline.sides["auc"].spread.standard_error, Some(0.02));
        assert_eq!(baseline.sides["f1"].spread.standard_error, None);
        assert!(baseline.constraints.is_none());
        std::fs::write(&path, "{}").unwrap();
        let text = load(&question, None, Some(&path)).unwrap_err().to_string();
        assert!(text.contains("statistics.json") && text.contains("binary_classification_metrics"), "{text}");
    }
}
