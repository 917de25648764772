//! Whether constraints were held against anything: a check of nothing must not look like a pass.

use std::path::Path;

use plumbline_common::{Problem, Result, codes};

use super::constraints::{Constraint, checked};
use super::outcomes::ProblemType;
use super::statistics::Statistics;

/// The metrics of constraints that are held against a value, by the name of their problem: not those that the hosted service
/// never reports.
fn comparable(problem: ProblemType, constraints: &[Constraint]) -> impl Iterator<Item = &Constraint> {
    constraints.iter().filter(move |constraint| checked(problem).contains(&constraint.metric.as_str()))
}

/// Whether a metric can be compared, as the file alone tells it: `loaded` and the names that are not checked.
///
/// # Errors
/// `NOTHING_COMPARED`.
pub fn check(problem: ProblemType, loaded: &[Constraint], unchecked: &[String], path: &Path) -> Result<()> {
    if comparable(problem, loaded).next().is_some() {
        return Ok(());
    }
    let names = loaded.iter().map(|constraint| &constraint.metric).chain(unchecked);
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let found = if names.is_empty() { "no threshold".into() } else { names.join(", ") };
    Err(nothing_compared(found, checked(problem)).file(path))
}

/// That a metric of today was compared.
///
/// # Errors
/// `NOTHING_COMPARED`.
pub fn check_compared(statistics: &Statistics, constraints: &[Constraint]) -> Result<()> {
    let names: Vec<&str> =
        comparable(statistics.problem, constraints).map(|constraint| constraint.metric.as_str()).collect();
    if names.iter().any(|name| statistics.value(name).is_some()) {
        return Ok(());
    }
    let found = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let with_value: Vec<&str> =
        checked(statistics.problem).iter().copied().filter(|name| statistics.value(name).is_some()).collect();
    Err(nothing_compared(format!("{found}, which have no value in this run"), &with_value))
}

fn nothing_compared(found: String, expected: &[&str]) -> Problem {
    Problem::new(
        &codes::NOTHING_COMPARED,
        "model quality cannot be checked: no metric of this run is in the constraints",
    )
    .field("baseline_constraints")
    .found(found)
    .expected(format!("a threshold of one or more of {}", expected.join(", ")))
    .hint("make a baseline with this `problem_type`, or set `on_nothing_compared` to `succeed`")
}

#[cfg(test)]
mod tests {
    use super::super::constraints::Operator;
    use super::super::constraints::tests::{at, statistics};
    use super::*;

    /// A file that names only what is never reported compares nothing, as an empty one does.
    #[test]
    fn constraints_without_a_metric_that_is_compared_are_none() {
        let problem = ProblemType::BinaryClassification;
        let check = |constraints: Vec<Constraint>, unchecked: &[&str]| {
            let unchecked: Vec<String> = unchecked.iter().map(|name| name.to_string()).collect();
            check(problem, &constraints, &unchecked, Path::new("c.json"))
        };
        let of = |name| vec![at(name, Operator::LessThan, 0.5)];
        assert!(check(of("auc"), &["mine"]).is_ok());
        for (constraints, unchecked, told) in [
            (Vec::new(), &[][..], "no threshold"),
            (of("f0_5"), &[], "`f0_5`"),
            (Vec::new(), &["au_prc", "mine"], "`au_prc`, `mine`"),
        ] {
            let problem = check(constraints, unchecked).unwrap_err();
            assert_eq!(problem.code().to_string(), "PL0802");
            let text = problem.to_string();
            assert!(text.contains(told) && text.contains("c.json"), "{text}");
        }
        let now = statistics(vec![("auc", Some(0.5)), ("recall", None)], None);
        assert!(check_compared(&now, &of("auc")).is_ok());
        let problem = check_compared(&now, &of("recall")).unwrap_err().to_string();
        assert!(problem.contains("`recall`, which have no value") && problem.contains("auc"), "{problem}");
    }
}
