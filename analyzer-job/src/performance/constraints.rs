//! `constraints.json` of this monitor: made from a baseline, read back, and held against the metrics of today.

use std::path::Path;

use plumbline_common::{Problem, Result, codes, input};
use serde_json::{Map, Value as Json, json};

use crate::normal::{self, Z};
use crate::values::java;
use crate::values::numbers;

use super::intervals::Spread;
use super::outcomes::ProblemType;
use super::statistics::Statistics;

/// The metrics that get a threshold, in the order of the file.
pub const BINARY: [&str; 11] = [
    "recall",
    "precision",
    "accuracy",
    "true_positive_rate",
    "true_negative_rate",
    "false_positive_rate",
    "false_negative_rate",
    "auc",
    "f0_5",
    "f1",
    "f2",
];
pub const MULTICLASS: [&str; 6] =
    ["accuracy", "weighted_recall", "weighted_precision", "weighted_f0_5", "weighted_f1", "weighted_f2"];
pub const REGRESSION: [&str; 4] = ["mae", "mse", "rmse", "r2"];

/// The metrics that are checked, in the order of the violations, which for binary problems was the same in every
/// public run of the hosted service. `f0_5` has a threshold and is never reported there.
const BINARY_CHECKED: [&str; 10] = [
    "auc",
    "precision",
    "true_positive_rate",
    "f1",
    "accuracy",
    "false_positive_rate",
    "true_negative_rate",
    "false_negative_rate",
    "recall",
    "f2",
];
const MULTICLASS_CHECKED: [&str; 5] =
    ["accuracy", "weighted_recall", "weighted_precision", "weighted_f1", "weighted_f2"];

/// The metrics with a threshold of a problem type, in the order of the file.
pub fn constrained(problem: ProblemType) -> &'static [&'static str] {
    match problem {
        ProblemType::BinaryClassification => &BINARY,
        ProblemType::MulticlassClassification => &MULTICLASS,
        ProblemType::Regression => &REGRESSION,
    }
}

pub(super) fn checked(problem: ProblemType) -> &'static [&'static str] {
    match problem {
        ProblemType::BinaryClassification => &BINARY_CHECKED,
        ProblemType::MulticlassClassification => &MULTICLASS_CHECKED,
        ProblemType::Regression => &REGRESSION,
    }
}

/// Whether a larger value is worse.
pub fn larger_is_worse(metric: &str) -> bool {
    ["false_positive_rate", "false_negative_rate", "mae", "mse", "rmse"].contains(&metric)
}

/// On which side of the threshold a value is a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    LessThan,
    GreaterThan,
}

impl Operator {
    pub fn word(self) -> &'static str {
        match self {
            Operator::LessThan => "LessThanThreshold",
            Operator::GreaterThan => "GreaterThanThreshold",
        }
    }

    /// Equality is no violation.
    pub(super) fn violated(self, value: f64, threshold: f64) -> bool {
        match self {
            Operator::LessThan => value < threshold,
            Operator::GreaterThan => value > threshold,
        }
    }

    fn of(metric: &str) -> Operator {
        if larger_is_worse(metric) { Operator::GreaterThan } else { Operator::LessThan }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub metric: String,
    pub threshold: f64,
    pub operator: Operator,
}

/// How far the thresholds of a new baseline lie on the worse side of its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// The values themselves, as the hosted service has it.
    None,
    /// So many standard errors of the metric.
    StandardErrors(f64),
    /// So much.
    Fixed(f64),
}

impl Margin {
    /// `2sd`, or a number such as `0.02`.
    pub fn parse(text: &str) -> Option<Margin> {
        let text = text.trim();
        let (number, make): (&str, fn(f64) -> Margin) = match text.strip_suffix("sd") {
            Some(number) => (number, Margin::StandardErrors),
            None => (text, Margin::Fixed),
        };
        number.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0).map(make)
    }
}

/// Constraints that follow from today's values. `spread`: of a metric, for the margin.
pub fn suggest(
    statistics: &Statistics,
    margin: Margin,
    spread: impl Fn(&str) -> Option<Spread>,
) -> Vec<Constraint> {
    let constraint = |&metric: &&'static str| {
        let value = statistics.value(metric)?;
        let threshold = at_margin(metric, value, spread(metric).unwrap_or_default(), margin);
        Some(Constraint { metric: metric.into(), threshold, operator: Operator::of(metric) })
    };
    constrained(statistics.problem).iter().filter_map(constraint).collect()
}

/// Where a margin puts the threshold of a metric of this value.
pub(super) fn at_margin(metric: &str, value: f64, spread: Spread, margin: Margin) -> f64 {
    let operator = Operator::of(metric);
    let distance = match margin {
        Margin::None => 0.0,
        Margin::StandardErrors(number) => {
            let errors = number * spread.standard_error.unwrap_or(0.0);
            // Near the ends of its range a metric varies more to one side than its standard error says.
            let worse = |[low, high]: [f64; 2]| match operator {
                Operator::LessThan => value - low,
                Operator::GreaterThan => high - value,
            };
            let end = match (spread.share, spread.interval) {
                (Some([part, whole]), _) if whole > 0 => {
                    worse(normal::wilson(part as f64, whole as f64, number))
                }
                (None, Some(interval)) => worse(interval) * number / Z,
                _ => 0.0,
            };
            errors.max(end)
        }
        Margin::Fixed(distance) => distance,
    };
    match operator {
        Operator::LessThan => value - distance,
        Operator::GreaterThan => value + distance,
    }
}

/// What is said of thresholds that lie at the values themselves although a margin is wanted: nothing tells how much the
/// metrics vary.
pub fn without_margin(statistics: &Statistics, margin: Margin, suggested: &[Constraint]) -> Option<String> {
    let wanted = matches!(margin, Margin::StandardErrors(number) if number > 0.0);
    let equal = |constraint: &&Constraint| statistics.value(&constraint.metric) == Some(constraint.threshold);
    let names: Vec<String> = suggested
        .iter()
        .filter(|_| wanted)
        .filter(equal)
        .map(|constraint| format!("`{}`", constraint.metric))
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "`constraint_margin` moves no threshold of {}: these rows do not show how much it varies; a number in place \
             of standard errors does",
            names.join(", ")
        )
    })
}

/// The content of `constraints.json`.
pub fn document(problem: ProblemType, constraints: &[Constraint]) -> Json {
    let block: Map<String, Json> = constraints
        .iter()
        .map(|constraint| {
            let value = json!({
                "threshold": constraint.threshold,
                "comparison_operator": constraint.operator.word(),
            });
            (constraint.metric.clone(), value)
        })
        .collect();
    json!({"version": 0.0, (format!("{}_constraints", problem.block())): block})
}

/// The thresholds of a baseline.
#[derive(Debug, Default, PartialEq)]
pub struct Loaded {
    pub constraints: Vec<Constraint>,
    /// Names in the file for which this monitor checks nothing, in the order of the file.
    pub unchecked: Vec<String>,
}

/// Reads the constraints of a baseline. A name without a threshold in the hosted service, such as `au_prc`, is not
/// checked.
///
/// # Errors
/// `CONSTRAINTS_UNREADABLE`: the file is missing or not JSON, has no block of the problem type, or a threshold or
/// operator that cannot be used.
pub fn load(path: &Path, problem: ProblemType) -> Result<Loaded> {
    let bad = || {
        Problem::new(&codes::CONSTRAINTS_UNREADABLE, "the constraints of the baseline cannot be used")
            .file(path)
    };
    let text = input::read(path).map_err(|error| bad().found(error.to_string()).because(error))?;
    let document: Json = serde_json::from_slice(&numbers::strict_json(&text))
        .map_err(|error| bad().found(format!("not JSON: {error}")))?;
    let name = format!("{}_constraints", problem.block());
    let Some(block) = document.get(&name).and_then(Json::as_object) else {
        let found = match (document.get(&name), document.as_object()) {
            (Some(other), _) => format!("`{name}` is {}", shown(Some(other))),
            (None, Some(keys)) if keys.is_empty() => "an empty object".into(),
            (None, Some(keys)) => keys.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
            (None, None) => "no object".into(),
        };
        return Err(bad().found(found).expected(format!("a block `{name}` with a threshold for each metric")).hint(
            "constraints of another monitor or problem type cannot be used; make a baseline with this `problem_type`",
        ));
    };
    let (known, others): (Vec<_>, Vec<_>) =
        block.iter().partition(|(metric, _)| constrained(problem).contains(&metric.as_str()));
    let constraints = known
        .into_iter()
        .map(|(metric, value)| {
            let field = |key: &str| format!("{name}.{metric}.{key}");
            let threshold = value.get("threshold").and_then(number).ok_or_else(|| {
                bad().field(field("threshold")).found(shown(value.get("threshold"))).expected("a number")
            })?;
            let operator = match value.get("comparison_operator").and_then(Json::as_str) {
                Some("LessThanThreshold") => Operator::LessThan,
                Some("GreaterThanThreshold") => Operator::GreaterThan,
                _ => {
                    return Err(bad()
                        .field(field("comparison_operator"))
                        .found(shown(value.get("comparison_operator")))
                        .expected("`LessThanThreshold` or `GreaterThanThreshold`"));
                }
            };
            Ok(Constraint { metric: metric.clone(), threshold, operator })
        })
        .collect::<Result<_>>()?;
    Ok(Loaded { constraints, unchecked: others.into_iter().map(|(metric, _)| metric.clone()).collect() })
}

/// A number, or the words that stand for infinities.
fn number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) if text == "Infinity" => Some(f64::INFINITY),
        Json::String(text) if text == "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn shown(value: Option<&Json>) -> String {
    value.map_or("nothing".into(), |value| {
        format!("`{}`", value.to_string().chars().take(60).collect::<String>())
    })
}

/// A metric on the wrong side of its threshold, as the file and the report tell it.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    pub metric: String,
    pub operator: Operator,
    pub value: f64,
    pub deviation: Option<f64>,
    pub threshold: f64,
}

impl Breach {
    /// `truePositiveRate` for `true_positive_rate`.
    pub fn camel_case(&self) -> String {
        let mut parts = self.metric.split('_');
        let mut name = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let (first, rest) = part.split_at(part.len().min(1));
            name.push_str(&first.to_ascii_uppercase());
            name.push_str(rest);
        }
        name
    }

    pub fn description(&self) -> String {
        let deviation = self.deviation.map(|deviation| format!(" +/- {}", java::double(deviation)));
        format!(
            "Metric {} with {}{} was {} '{}'",
            self.camel_case(),
            java::double(self.value),
            deviation.unwrap_or_default(),
            self.operator.word(),
            java::double(self.threshold)
        )
    }

    /// An entry of `constraint_violations.json`.
    pub fn document(&self) -> Json {
        json!({
            "constraint_check_type": self.operator.word(),
            "description": self.description(),
            "metric_name": self.camel_case(),
        })
    }
}

/// Holds today's metrics against the constraints. A metric without a value today is not checked. The first list is
/// what the file reports, in its order; the second what it leaves out: `f0_5`.
pub fn judge(statistics: &Statistics, constraints: &[Constraint]) -> (Vec<Breach>, Vec<Breach>) {
    let breach = |name: &str| {
        let constraint = constraints.iter().find(|constraint| constraint.metric == name)?;
        let value = statistics.value(name)?;
        constraint.operator.violated(value, constraint.threshold).then(|| Breach {
            metric: name.into(),
            operator: constraint.operator,
            value,
            deviation: statistics.deviation(name),
            threshold: constraint.threshold,
        })
    };
    let reported = checked(statistics.problem).iter().filter_map(|name| breach(name)).collect();
    (reported, ["f0_5", "weighted_f0_5"].into_iter().filter_map(breach).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::metrics::Counts;
    use super::super::outcomes::tests::{outcomes, question};
    use super::*;

    pub(in crate::performance) fn statistics(
        scalars: Vec<(&'static str, Option<f64>)>,
        deviation: Option<f64>,
    ) -> Statistics {
        let question = question(ProblemType::BinaryClassification, true, false);
        let counts = Counts::Binary(outcomes(question, &[["0", "0", ""]]).binary().unwrap());
        let deviations = vec![deviation; scalars.len()];
        Statistics { problem: ProblemType::BinaryClassification, counts, scalars, deviations }
    }

    pub(in crate::performance) fn at(metric: &str, operator: Operator, threshold: f64) -> Constraint {
        Constraint { metric: metric.into(), threshold, operator }
    }

    /// Two texts of public runs of the hosted service.
    #[test]
    fn texts_are_those_of_the_hosted_service() {
        let now =
            statistics(vec![("true_positive_rate", Some(0.11532625189681335))], Some(5.092682820403929E-4));
        let (found, _) = judge(&now, &[at("true_positive_rate", Operator::LessThan, 0.5714285714285714)]);
        assert_eq!(
            found[0].description(),
            "Metric truePositiveRate with 0.11532625189681335 +/- 5.092682820403929E-4 was LessThanThreshold '0.5714285714285714'"
        );
        let now = statistics(vec![("auc", Some(0.40499671268902043))], None);
        let (found, _) = judge(&now, &[at("auc", Operator::LessThan, 0.7674270492314835)]);
        assert_eq!(
            found[0].description(),
            "Metric auc with 0.40499671268902043 was LessThanThreshold '0.7674270492314835'"
        );
        let keys: Vec<String> = found[0].document().as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["constraint_check_type", "description", "metric_name"]);
    }

    #[test]
    fn entries_have_the_order_of_the_service_and_leave_one_out() {
        let now = statistics(BINARY.map(|name| (name, Some(0.5))).into(), None);
        let all: Vec<Constraint> = BINARY.iter().map(|name| at(name, Operator::LessThan, 0.6)).collect();
        let (found, left_out) = judge(&now, &all);
        assert_eq!(found.iter().map(|breach| breach.metric.as_str()).collect::<Vec<_>>(), BINARY_CHECKED);
        assert_eq!(left_out[0].metric, "f0_5");
    }

    #[test]
    fn equality_is_none_and_the_operator_of_the_file_counts() {
        let now = statistics(vec![("recall", Some(0.5)), ("precision", Some(0.5)), ("r2", None)], None);
        let check = |constraint: Constraint, expected: usize| {
            assert_eq!(judge(&now, std::slice::from_ref(&constraint)).0.len(), expected, "{constraint:?}");
        };
        check(at("recall", Operator::LessThan, 0.5), 0);
        check(at("recall", Operator::LessThan, 0.500001), 1);
        check(at("recall", Operator::GreaterThan, 0.5), 0);
        check(at("recall", Operator::GreaterThan, 0.4), 1);
        check(at("unknown", Operator::LessThan, 1.0), 0);
    }

    #[test]
    fn a_margin_lies_on_the_worse_side() {
        let now = statistics(vec![("recall", Some(0.5)), ("false_positive_rate", Some(0.25))], None);
        let thresholds = |margin: Margin| {
            let spread = Spread { standard_error: Some(0.125), ..Spread::default() };
            let constraints = suggest(&now, margin, |_| Some(spread));
            constraints.iter().map(|constraint| constraint.threshold).collect::<Vec<_>>()
        };
        assert_eq!(thresholds(Margin::None), [0.5, 0.25]);
        assert_eq!(thresholds(Margin::parse("2sd").unwrap()), [0.25, 0.5]);
        assert_eq!(thresholds(Margin::parse("0.125").unwrap()), [0.375, 0.375]);
        assert!(["sd", "-1", "2se", "nan", "", "infsd"].iter().all(|text| Margin::parse(text).is_none()));
    }

    /// The standard error of a share at 0 or 1 is 0; a row more would have it elsewhere.
    #[test]
    fn a_perfect_baseline_gets_a_margin_too() {
        let scalars = vec![("recall", Some(1.0)), ("f1", Some(1.0)), ("false_positive_rate", Some(0.0))];
        let now = statistics(scalars, None);
        let spread = |name: &str| match name {
            "recall" => Spread { standard_error: Some(0.0), share: Some([50, 50]), interval: None },
            "f1" => Spread { standard_error: Some(0.03), ..Spread::default() },
            _ => Spread { standard_error: Some(0.0), share: Some([0, 50]), interval: None },
        };
        let margin = Margin::parse("2sd").unwrap();
        let constraints = suggest(&now, margin, |name| Some(spread(name)));
        let thresholds: Vec<f64> = constraints.iter().map(|constraint| constraint.threshold).collect();
        // z^2 / (n + z^2) of Wilson's interval.
        let wilson = 4.0 / 54.0;
        for (found, expected) in thresholds.iter().zip([1.0 - wilson, wilson, 0.94]) {
            assert!((found - expected).abs() < 1e-12, "{thresholds:?}");
        }
        assert_eq!(without_margin(&now, margin, &constraints), None);
        let blind = suggest(&now, margin, |_| None);
        let said = without_margin(&now, margin, &blind).unwrap();
        assert!(said.contains("`recall`, `false_positive_rate`, `f1`"), "{said}");
        assert_eq!(without_margin(&now, Margin::None, &blind), None);
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("constraints.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            load(&path, ProblemType::BinaryClassification)
        };
        let constraints =
            [at("recall", Operator::LessThan, 0.5), at("false_positive_rate", Operator::GreaterThan, 0.25)];
        let text = document(ProblemType::BinaryClassification, &constraints).to_string();
        assert_eq!(read(&text).unwrap().constraints, constraints);
        let edited = r#"{"binary_classification_constraints": {"auc": {"threshold": 1, "comparison_operator":
            "LessThanThreshold", "additional_properties": null}, "mine": {"threshold": "high"}}}"#;
        let found = read(edited).unwrap();
        assert_eq!(found.constraints, [at("auc", Operator::LessThan, 1.0)]);
        assert_eq!(found.unchecked, ["mine"]);
        for (text, part) in [
            ("{", "not JSON"),
            ("[]", "no object"),
            (r#"{"regression_constraints": {}}"#, "`regression_constraints`"),
            (r#"{"binary_classification_constraints": {"auc": {"threshold": null}}}"#, "auc.threshold"),
            (
                r#"{"binary_classification_constraints": {"auc": {"threshold": 1, "comparison_operator": "Below"}}}"#,
                "`\"Below\"`",
            ),
        ] {
            let problem = read(text).unwrap_err();
            assert_eq!(problem.code(), &codes::CONSTRAINTS_UNREADABLE);
            let text = problem.to_string();
            assert!(text.contains(part) && text.contains("constraints.json"), "{text}");
        }
        assert!(load(&folder.path().join("none.json"), ProblemType::Regression).is_err());
    }
}
