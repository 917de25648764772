//! The report on data quality: what is violated, what moved, then every column.

mod columns;
mod moved;
mod segments;

use std::path::Path;

use plumbline_common::Result;
use serde::Deserialize;
use serde_json::json;

use super::amounts::of;
use super::page::{Report, State};
use super::sentences::isolate;
use super::stored;
use super::tables::{Cell, ColumnKind, Row, Style, Table, columns};
use crate::quality::checks;
use crate::quality::details::{self, Details};
use crate::quality::shift::Verdict;
use crate::quality::statistics::Statistics;

/// Violations that are listed before the rest is folded away.
const OPEN_VIOLATIONS: usize = 30;

/// What a run found.
#[derive(Debug)]
pub struct Quality {
    details: Details,
    columns: Vec<columns::Facts>,
    /// `None`: a baseline run.
    violations: Option<Vec<Violation>>,
}

/// An entry of `constraint_violations.json`.
#[derive(Debug, Deserialize, serde::Serialize)]
struct Violation {
    feature_name: String,
    constraint_check_type: String,
    description: String,
}

#[derive(Deserialize)]
struct Violations {
    violations: Vec<Violation>,
}

impl Quality {
    /// What a run just found. `violations`: none at all in a baseline run.
    pub fn new(
        details: Details,
        statistics: &Statistics<'_>,
        violations: Option<&[checks::Violation]>,
    ) -> Quality {
        let violation = |violation: &checks::Violation| Violation {
            feature_name: violation.feature_name.clone(),
            constraint_check_type: violation.constraint_check_type.into(),
            description: violation.description.clone(),
        };
        Quality {
            details,
            columns: columns::of_statistics(statistics),
            violations: violations.map(|list| list.iter().map(violation).collect()),
        }
    }

    /// What an earlier run left in `folder`; `None` where its `data_quality_details.json` is not there.
    ///
    /// # Errors
    /// A file cannot be read or is not what its name says.
    pub(super) fn read(folder: &Path) -> Result<Option<Quality>> {
        let Some(details) = stored::read::<Details>(&folder.join(details::FILE))? else {
            return Ok(None);
        };
        let Some(statistics) = stored::read::<columns::File>(&folder.join("statistics.json"))? else {
            return Ok(None);
        };
        let violations: Option<Violations> = stored::read(&folder.join("constraint_violations.json"))?;
        Ok(Some(Quality {
            details,
            columns: columns::of_file(statistics),
            violations: violations.map(|file| file.violations),
        }))
    }
}

/// The report of a run.
pub(super) fn report(quality: &Quality) -> Report {
    let details = &quality.details;
    let moved = details.columns.iter().filter(|shift| shift.verdict == Verdict::Moved).count();
    let violations = quality.violations.as_deref().unwrap_or_default();
    let few = !details.columns.is_empty() && details.columns.iter().all(|s| s.verdict == Verdict::TooFewRows);
    let all = of_columns(quality.columns.len());
    let (state, headline) = match quality.violations {
        None => (State::Measured, format!("A baseline of {all}")),
        Some(_) if !violations.is_empty() => {
            (State::Moved, format!("{} found", of(violations.len() as u64, "violation", "violations")))
        }
        Some(_) if moved > 0 => (State::Moved, format!("No violation, but {} moved", of_columns(moved))),
        Some(_) if details.baseline.is_empty() => {
            (State::CannotTell, "No baseline is given, so nothing was checked".into())
        }
        Some(_) if details.columns.is_empty() && !columns::are_empty(&quality.columns) => {
            (State::CannotTell, "No violation; drift was not checked".into())
        }
        Some(_) if details.has_statistics_only() => {
            (State::CannotTell, "No violation; only drift was checked".into())
        }
        Some(_) if !details.unchecked.is_empty() => {
            let all = of_columns(details.unchecked.len());
            (State::CannotTell, format!("No violation, but {all} could not be fully checked"))
        }
        Some(_) if few => (State::CannotTell, "No violation; too few rows to tell more".into()),
        Some(_) if columns::are_empty(&quality.columns) => {
            (State::CannotTell, "No violation; no column has a value, so there is nothing to compare".into())
        }
        Some(_) => (State::Held, "The data look as they did in the baseline".into()),
    };
    let mut report = Report {
        title: "Data quality".into(),
        subject: details.subject.clone(),
        headline,
        state,
        lead: lead(details, violations, moved),
        facts: vec![of(details.rows, "row", "rows"), all],
        sections: Vec::new(),
        program: details.program.clone(),
        data: json!({"violations": quality.violations, "data_quality_details": details}),
    };
    violated(&mut report, violations);
    moved::section(&mut report, &details.columns);
    segments::section(&mut report, &details.segments);
    columns::section(&mut report, &quality.columns, details);
    made(&mut report, details);
    report
}

fn of_columns(n: usize) -> String {
    of(n as u64, "column", "columns")
}

fn lead(details: &Details, violations: &[Violation], moved: usize) -> Vec<String> {
    let mut out = Vec::new();
    if !violations.is_empty() {
        out.push(format!("Violations by check: {}.", by_check(violations)));
    }
    if let Some(first) = details.columns.iter().find(|shift| shift.verdict == Verdict::Moved) {
        out.push(match moved {
            1 => format!("1 column moved: {}.", isolate(&first.column)),
            _ => format!(
                "{} moved. The largest distance from the baseline is that of {}.",
                of_columns(moved),
                isolate(&first.column)
            ),
        });
    }
    if details.unseen > 0 {
        let columns = of(details.unseen as u64, "column that moved raises", "columns that moved raise");
        out.push(format!("{columns} no violation: the hosted drift check counts distinct values, not rows."));
    }
    if let Some(first) = details.unchecked.first() {
        out.push(match details.unchecked.len() {
            1 => format!(
                "1 column is not fully checked, since the baseline cannot be read there: {}.",
                isolate(first)
            ),
            n => format!(
                "{} are not fully checked, since the baseline cannot be read there; {} is the first.",
                of_columns(n),
                isolate(first)
            ),
        });
    }
    let [types, spelling] = details.type_violations;
    if spelling > 0 {
        out.push(format!(
            "{spelling} of {} {} a matter of spelling: 1.0 where the baseline has 1.",
            of(types as u64, "type violation", "type violations"),
            if types == 1 { "is" } else { "are" }
        ));
    }
    out
}

/// `drift 3, type 1`, the most frequent check first.
fn by_check(violations: &[Violation]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for kind in violations.iter().map(|violation| check(&violation.constraint_check_type)) {
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

fn violated(report: &mut Report, violations: &[Violation]) {
    if violations.is_empty() {
        return;
    }
    let row = |violation: &Violation| {
        Row::judged(
            State::Moved,
            vec![
                Cell::text(isolate(&violation.feature_name)),
                Cell::text(check(&violation.constraint_check_type)),
                Cell::text(short_numbers(&violation.description)),
            ],
        )
    };
    let columns = columns([
        (ColumnKind::Name, "Column"),
        (ColumnKind::Text, "Check"),
        (ColumnKind::Prose, "What was found"),
    ]);
    let style = if violations.len() > OPEN_VIOLATIONS { Style::Folded } else { Style::Long };
    let caption = "From constraint_violations.json, with rounded numbers";
    report
        .section(2, "violations", "Violated constraints")
        .table(Table::new(style, caption, columns, violations.iter().map(row).collect()).coded("violations"));
}

fn check(kind: &str) -> &'static str {
    match kind {
        "data_type_check" => "type",
        "completeness_check" => "missing values",
        "categorical_values_check" => "unknown categories",
        "baseline_drift_check" => "drift",
        "extra_column_check" => "extra columns",
        _ => "missing columns",
    }
}

/// Numbers of more than four decimals with four: the file has all digits.
fn short_numbers(text: &str) -> String {
    let shorter = |word: &str| {
        let number = word.trim_end_matches(['%', '.', ',']);
        let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let value: Option<f64> = number.parse().ok().filter(|_| decimals > 4 && !number.contains(['e', 'E']));
        let shown = |value: f64| {
            let text = format!("{value:.4}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            format!("{text}{}", &word[number.len()..])
        };
        value.map_or_else(|| word.to_owned(), shown)
    };
    text.split(' ').map(shorter).collect::<Vec<_>>().join(" ")
}

fn made(report: &mut Report, details: &Details) {
    let section = report.section(2, "made", "How this was measured");
    section.points(details.baseline.clone());
    for warning in &details.warnings {
        section.note(warning.clone());
    }
    let distances = if details.columns.is_empty() {
        ""
    } else {
        " Distances come from a sketch of each column; its ranks differ from the true ones by less than 1\u{202f}% of the rows."
    };
    section.text(format!(
        "Counts, sums, means and extremes are exact.{distances} Numbers of distinct values are estimates with a standard error \
         of 4.6\u{202f}%."
    ));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::statistics::{Taken, statistics};

    #[test]
    fn violations_are_counted_by_check() {
        let violation = |kind: &str| Violation {
            feature_name: "a".into(),
            constraint_check_type: kind.into(),
            description: String::new(),
        };
        let violations = ["data_type_check", "baseline_drift_check", "baseline_drift_check"].map(violation);
        assert_eq!(by_check(&violations), "drift 2, type 1");
    }

    #[test]
    fn what_the_hosted_check_cannot_see_leads_and_missing_values_are_missing() {
        let details = Details {
            version: 1,
            program: String::new(),
            subject: Vec::new(),
            rows: 4,
            baseline: Vec::new(),
            warnings: Vec::new(),
            unseen: 2,
            type_violations: [0, 0],
            unchecked: Vec::new(),
            segments: Vec::new(),
            columns: Vec::new(),
        };
        let told = lead(&details, &[], 0);
        assert!(told.len() == 1 && told[0].contains("no violation"), "{told:?}");
        assert!(lead(&Details { unseen: 0, ..details }, &[], 0).is_empty());
        for present in ["1", "a"] {
            let mut column = crate::state::profile::Column::new();
            column.update([Some(present), None, None, None].into_iter());
            let found = statistics([("x", &column)].into_iter(), 4, Taken::default());
            assert_eq!(columns::of_statistics(&found)[0].missing, 0.75);
        }
    }

    #[test]
    fn only_long_numbers_become_shorter() {
        for (text, shorter) in [
            (
                "Expected: 94.95%. Observed: Only 59.150000000000006%.",
                "Expected: 94.95%. Observed: Only 59.15%.",
            ),
            ("distance: 0.502160534578033 exceeds threshold: 0.1", "distance: 0.5022 exceeds threshold: 0.1"),
            ("columns: 14, of 1.0E-9 and v1.2.34567", "columns: 14, of 1.0E-9 and v1.2.34567"),
        ] {
            assert_eq!(short_numbers(text), shorter);
        }
    }
}
