//! What is known of the baseline: its thresholds, and how sure its values are.

use std::path::Path;

use indexmap::IndexMap;
use plumbline_common::{Problem, Result, codes, input};

use super::classes::same;
use super::constraints::{self, Constraint, Margin};
use super::details::{self, ClassDetails, QualityDetails};
use super::fit::{Classes, Fit};
use super::intervals::Spread;
use super::moved::Side;
use super::outcomes::{ProblemType, Question};
use super::written;

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
    /// Binary problems: the share of its labels that are positive, when the baseline tells.
    pub positive_share: Option<f64>,
    /// What is said where the files do not tell how much the values vary.
    pub doubt: Option<String>,
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
            baseline.positive_share = positive_share(&found);
            baseline.details = Some(found);
        } else {
            return Err(other_problem(&path, &found.problem_type, question.problem));
        }
    } else if let Some(path) = statistics {
        let found = written::load(path, question)?;
        baseline.sides = found.sides;
        baseline.classes = found.classes;
        baseline.positive_share = found.positive_share;
        baseline.doubt = found.doubt;
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

/// Binary problems: the share of the labels that are positive.
fn positive_share(details: &QualityDetails) -> Option<f64> {
    let [_, positive] = details.classes.as_ref()?;
    let rows = |positives: bool| -> u64 {
        let cells = details.confusion.iter().filter(|cell| !positives || same(&cell.actual, positive));
        cells.map(|cell| cell.rows).sum()
    };
    (rows(false) > 0).then(|| rows(true) as f64 / rows(false) as f64)
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
    let bytes = input::read(path).map_err(|error| bad(error.to_string()))?;
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
