//! The checks of a monitoring run: what the constraints ask of every column. Texts and order of the entries are
//! the hosted service's, where it has one.

use std::collections::HashSet;

use serde::Serialize;

use super::baseline::{Constraint, Constraints};
use crate::state::profile::{Column, Spellings};
use crate::values::java;

/// One entry of `constraint_violations.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    pub feature_name: String,
    pub constraint_check_type: &'static str,
    pub description: String,
}

#[derive(Debug, Clone, Serialize)]
pub struct Violations {
    pub violations: Vec<Violation>,
}

/// A column of the run with what its domain check needs.
pub struct Checked<'a> {
    pub name: &'a str,
    pub column: &'a Column,
    /// Values inside of the baseline's domain; `None` where there is no domain to check.
    pub inside: Option<u64>,
}

/// A column of another number than the baseline has.
pub fn count(columns: usize, baseline: &Constraints) -> Option<Violation> {
    let expected = baseline.columns.len();
    if columns == expected || !baseline.config.evaluate_constraints.on() {
        return None;
    }
    let (kind, name, check) = if columns > expected {
        ("extra", "Extra columns", "extra_column_check")
    } else {
        ("missing", "Missing columns", "missing_column_check")
    };
    Some(Violation {
        feature_name: name.into(),
        constraint_check_type: check,
        description: format!(
            "There are {kind} columns in current dataset. Number of columns in current dataset: {columns}, \
             Number of columns in baseline constraints: {expected}"
        ),
    })
}

/// The constraint checks in column order, within a column type, completeness, categories.
pub fn constraints<'a>(
    columns: impl Iterator<Item = Checked<'a>>,
    rows: u64,
    baseline: &Constraints,
    by_value: bool,
) -> Vec<Violation> {
    let mut out = Vec::new();
    for checked in columns {
        let Some(constraint) = baseline.columns.get(checked.name) else { continue };
        if !constraint.config.evaluate_constraints.on() {
            continue;
        }
        let found = [
            data_type(&checked.column.spellings, constraint, by_value),
            completeness(checked.column.present(), rows, constraint),
            checked.inside.and_then(|inside| domain(inside, checked.column.present(), constraint)),
        ];
        for (check, description) in
            ["data_type_check", "completeness_check", "categorical_values_check"].into_iter().zip(found)
        {
            out.extend(description.map(|description| Violation {
                feature_name: checked.name.into(),
                constraint_check_type: check,
                description,
            }));
        }
    }
    out
}

/// Of the columns whose type is violated, how many there are, and how many would not be if `1.0` were taken as the
/// whole number it is.
pub fn by_spelling<'a>(
    columns: impl Iterator<Item = (&'a str, &'a Column)>,
    baseline: &Constraints,
) -> (usize, usize) {
    let (mut all, mut spelling) = (0, 0);
    for (name, column) in columns {
        let checked =
            baseline.columns.get(name).filter(|constraint| constraint.config.evaluate_constraints.on());
        let Some(constraint) = checked else { continue };
        if data_type(&column.spellings, constraint, false).is_some() {
            all += 1;
            spelling += usize::from(data_type(&column.spellings, constraint, true).is_none());
        }
    }
    (all, spelling)
}

/// Values that have a type, of those present. Whole numbers count as fractional beside one that is; everything is
/// text. `None`: the type is not checked.
pub fn matching(spellings: &Spellings, expected: &str, by_value: bool) -> Option<u64> {
    match expected {
        "Integral" if by_value => Some(spellings.integral + spellings.whole),
        "Integral" => Some(spellings.integral),
        "Fractional" if by_value || spellings.fractional > 0 => {
            Some(spellings.fractional + spellings.integral)
        }
        "Fractional" => Some(0),
        _ => None,
    }
}

fn data_type(spellings: &Spellings, constraint: &Constraint, by_value: bool) -> Option<String> {
    let expected = constraint.inferred_type.as_str();
    let matching = matching(spellings, expected, by_value)?;
    let present = spellings.present();
    let share = matching as f64 / present as f64;
    let threshold = constraint.config.datatype_check_threshold;
    (present > 0 && share < threshold).then(|| {
        format!(
            "Data type match requirement is not met. Expected data type: {expected}, Expected match: {}%. \
             Observed: Only {}% of data is {expected}.",
            java::double(threshold * 100.0),
            java::double(share * 100.0)
        )
    })
}

fn completeness(present: u64, rows: u64, constraint: &Constraint) -> Option<String> {
    let expected = constraint.completeness?;
    let share = present as f64 / rows as f64;
    (share < expected).then(|| {
        format!(
            "Data completeness requirement is not met. Expected: {}%. Observed: Only {}%.",
            java::double(expected * 100.0),
            java::double(share * 100.0)
        )
    })
}

fn domain(inside: u64, present: u64, constraint: &Constraint) -> Option<String> {
    let share = inside as f64 / present as f64;
    (present > 0 && share < constraint.config.domain_content_threshold)
        .then(|| format!("Value: {} does not meet the constraint requirement!", java::double(share)))
}

/// Values of a column that a domain holds; `None` when the column has too many distinct ones to tell.
pub fn inside(column: &Column, domain: &[String]) -> Option<u64> {
    let domain: HashSet<&str> = domain.iter().map(String::as_str).collect();
    let categories = column.categories()?;
    Some(categories.iter().filter(|(text, _)| domain.contains(text)).map(|(_, count)| count).sum())
}

#[cfg(test)]
mod tests {
    use super::super::config::{MonitoringConfig, Switch};
    use super::*;

    /// A column of three whole numbers, one fraction that is one, and a missing value; a baseline with these thresholds.
    fn checked(change: impl Fn(&mut Constraint)) -> (Vec<Violation>, Constraints, Column) {
        let mut column = Column::new();
        column.update([Some("1"), Some("2"), Some("3"), Some("4.0"), None].into_iter());
        let mut config = MonitoringConfig::default();
        (config.datatype_check_threshold, config.domain_content_threshold) = (0.75, 0.5);
        let mut constraint = Constraint {
            inferred_type: "Integral".into(),
            completeness: Some(0.8),
            domains: None,
            config: config.clone(),
        };
        change(&mut constraint);
        let columns = [("x".to_string(), constraint)].into_iter().collect();
        let baseline = Constraints { columns, config };
        let one = Checked { name: "x", column: &column, inside: Some(2) };
        (constraints([one].into_iter(), 5, &baseline, false), baseline, column)
    }

    fn found(change: impl Fn(&mut Constraint)) -> Vec<&'static str> {
        checked(change).0.iter().map(|violation| violation.constraint_check_type).collect()
    }

    #[test]
    fn a_share_at_its_threshold_is_none_and_one_below_it_is() {
        assert_eq!(found(|_| ()), [""; 0]);
        assert_eq!(found(|x| x.config.datatype_check_threshold = 0.76), ["data_type_check"]);
        assert_eq!(found(|x| x.completeness = Some(0.81)), ["completeness_check"]);
        assert_eq!(found(|x| x.config.domain_content_threshold = 0.51), ["categorical_values_check"]);
        let all = |x: &mut Constraint| {
            (x.config.datatype_check_threshold, x.completeness) = (1.0, Some(1.0));
            x.config.domain_content_threshold = 1.0;
        };
        assert_eq!(found(all), ["data_type_check", "completeness_check", "categorical_values_check"]);
        let off = |x: &mut Constraint| {
            all(x);
            x.config.evaluate_constraints = Switch::Disabled;
        };
        assert_eq!(found(off), [""; 0]);
    }

    #[test]
    fn whole_numbers_match_a_fractional_type_beside_a_fraction() {
        let of = |integral, fractional, expected, by_value| {
            let spellings = Spellings { integral, fractional, text: 1, ..Spellings::default() };
            matching(&spellings, expected, by_value)
        };
        assert_eq!(of(3, 2, "Fractional", false), Some(5));
        assert_eq!(of(3, 0, "Fractional", false), Some(0));
        assert_eq!(of(3, 0, "Fractional", true), Some(3));
        assert_eq!(of(3, 2, "Integral", false), Some(3));
        assert_eq!(of(3, 2, "String", false), None);
    }

    #[test]
    fn violations_by_spelling_are_those_of_columns_that_are_checked() {
        let of = |change: &dyn Fn(&mut Constraint)| {
            let (_, baseline, column) = checked(change);
            by_spelling([("x", &column), ("y", &column)].into_iter(), &baseline)
        };
        assert_eq!(of(&|x| x.config.datatype_check_threshold = 1.0), (1, 1));
        assert_eq!(of(&|_| ()), (0, 0));
        let off = |x: &mut Constraint| {
            x.config.datatype_check_threshold = 1.0;
            x.config.evaluate_constraints = Switch::Disabled;
        };
        assert_eq!(of(&off), (0, 0));
    }

    #[test]
    fn another_number_of_columns_is_told_unless_nothing_is_checked() {
        let mut baseline = checked(|_| ()).1;
        let kind = |columns, baseline: &Constraints| {
            count(columns, baseline).map(|found| (found.feature_name, found.constraint_check_type))
        };
        assert_eq!(kind(1, &baseline), None);
        assert_eq!(kind(2, &baseline), Some(("Extra columns".into(), "extra_column_check")));
        assert_eq!(kind(0, &baseline), Some(("Missing columns".into(), "missing_column_check")));
        baseline.config.evaluate_constraints = Switch::Disabled;
        assert_eq!(kind(2, &baseline), None);
    }
}
