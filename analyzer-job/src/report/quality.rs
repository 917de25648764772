//! The report on data quality: what is violated, what moved, then every column.

use serde_json::json;

use super::amounts::{count, number, of, percent_of};
use super::charts;
use super::page::{Report, State};
use super::sentences::isolate;
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::quality::checks::Violation;
use crate::quality::shift::{Shift, Verdict};
use crate::quality::statistics::{Feature, Measured, Statistics};

/// Moved columns that get a row with a picture; more are in the table of all columns.
const PICTURED: usize = 30;

/// What a run found.
#[derive(Debug)]
pub struct Quality<'a> {
    /// What was run and on what.
    pub subject: Vec<String>,
    pub statistics: &'a Statistics,
    /// `None`: a baseline run.
    pub violations: Option<&'a [Violation]>,
    pub shifts: &'a [Shift],
    /// Columns that moved and that the hosted rule cannot see.
    pub unseen: usize,
    /// Type violations, and those of them that are a matter of spelling.
    pub spelling: (usize, usize),
    /// What the data were held against, in words; empty for a baseline run.
    pub baseline: Vec<String>,
    pub warnings: &'a [String],
    pub program: String,
}

/// The report of a run.
pub(super) fn report(quality: &Quality<'_>) -> Report {
    let features = &quality.statistics.features;
    let moved = quality.shifts.iter().filter(|shift| shift.verdict == Verdict::Moved).count();
    let violations = quality.violations.unwrap_or_default();
    let rows = quality.statistics.dataset.item_count;
    let few = !quality.shifts.is_empty() && quality.shifts.iter().all(|s| s.verdict == Verdict::TooFewRows);
    let (state, headline) = match quality.violations {
        None => (State::Measured, format!("A baseline of {}", of_columns(features.len()))),
        Some(_) if !violations.is_empty() => {
            (State::Moved, format!("{} found", of(violations.len() as u64, "violation", "violations")))
        }
        Some(_) if moved > 0 => (State::Moved, format!("No violation, but {} moved", of_columns(moved))),
        Some(_) if few => (State::CannotTell, "No violation; too few rows to tell more".into()),
        Some(_) => (State::Held, "The data look as they did".into()),
    };
    let mut report = Report {
        title: "Data quality".into(),
        subject: quality.subject.clone(),
        headline,
        state,
        lead: lead(quality, moved),
        facts: vec![of_rows(rows), of_columns(features.len())],
        sections: Vec::new(),
        program: quality.program.clone(),
        data: json!({"violations": quality.violations, "shifts": quality.shifts}),
    };
    violated(&mut report, violations);
    moved_columns(&mut report, quality.shifts);
    all_columns(&mut report, quality);
    made(&mut report, quality);
    report
}

fn of_columns(n: usize) -> String {
    of(n as u64, "column", "columns")
}

fn of_rows(n: u64) -> String {
    format!("{} {}", count(n), if n == 1 { "row" } else { "rows" })
}

fn lead(quality: &Quality<'_>, moved: usize) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(first) = quality.shifts.iter().find(|shift| shift.verdict == Verdict::Moved) {
        out.push(format!("{} moved, most of all {}.", of_columns(moved), isolate(&first.column)));
    }
    if quality.unseen > 0 {
        out.push(format!(
            "{} moved that the hosted rule cannot see, since it counts distinct values and not rows.",
            of_columns(quality.unseen)
        ));
    }
    let (types, spelling) = quality.spelling;
    if spelling > 0 {
        out.push(format!(
            "{spelling} of {} {} a matter of spelling: 1.0 where the baseline has 1.",
            of(types as u64, "type violation", "type violations"),
            if types == 1 { "is" } else { "are" }
        ));
    }
    out
}

fn violated(report: &mut Report, violations: &[Violation]) {
    if violations.is_empty() {
        return;
    }
    let rows = violations
        .iter()
        .map(|violation| {
            let state = State::Moved;
            Row::judged(
                state,
                vec![
                    Cell::text(isolate(&violation.feature_name)),
                    Cell::text(check(violation.constraint_check_type)),
                    Cell::text(violation.description.clone()),
                ],
            )
        })
        .collect();
    let columns = columns([
        (ColumnKind::Name, "Column"),
        (ColumnKind::Text, "Check"),
        (ColumnKind::Prose, "What was found"),
    ]);
    let table = Table::new(style(violations.len()), "Violations", columns, rows);
    report
        .section(2, "violations", "Constraints violated")
        .text("In the order of constraint_violations.json.")
        .table(table);
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

fn style(rows: usize) -> Style {
    if rows > PICTURED { Style::Folded } else { Style::Long }
}

fn moved_columns(report: &mut Report, shifts: &[Shift]) {
    let moved: Vec<&Shift> = shifts.iter().filter(|shift| shift.verdict == Verdict::Moved).collect();
    if moved.is_empty() {
        return;
    }
    let rows = moved
        .iter()
        .take(PICTURED)
        .map(|shift| {
            let shares: Vec<(f64, f64)> = shift.parts.iter().map(|part| (part.then, part.now)).collect();
            Row::judged(
                State::Moved,
                vec![
                    Cell::name(isolate(&shift.column), why(shift)),
                    Cell::picture(charts::pairs(&shares)),
                    Cell::number(number(shift.effect, None), shift.effect),
                    Cell::number(number(shift.stability_index, None), shift.stability_index),
                    Cell::number(chance(shift.adjusted_p_value), shift.adjusted_p_value),
                    Cell::text(match shift.compared {
                        _ if shift.violated => "violation",
                        Some(_) => "not seen",
                        None => "not made: the types differ",
                    }),
                ],
            )
        })
        .collect();
    let columns = columns([
        (ColumnKind::Name, "Column"),
        (ColumnKind::Picture, "Baseline (grey) and now"),
        (ColumnKind::Number, "Largest difference"),
        (ColumnKind::Number, "Stability index"),
        (ColumnKind::Number, "p-value"),
        (ColumnKind::Text, "Drift check"),
    ]);
    let section = report.section(2, "moved", "Columns that moved");
    section.text(
        "The largest difference is that of the two distribution functions (Kolmogorov-Smirnov), or of the shares of a \
         category: 0 is none, 1 is all rows. p-values are adjusted for the number of columns (Benjamini-Hochberg).",
    );
    section.table(Table::new(Style::Plot, "Columns that moved", columns, rows));
    if moved.len() > PICTURED {
        section.text(format!("And {}, in the table below.", of_columns(moved.len() - PICTURED)));
    }
}

/// Below one in a million the digits tell nothing.
fn chance(p: f64) -> String {
    if p < 1e-6 { "below 0.000001".into() } else { format!("{p:.6}") }
}

/// Why a column moved, in a few words.
fn why(shift: &Shift) -> String {
    let named = |list: &[(String, f64)]| {
        list.iter()
            .take(3)
            .map(|(name, share)| format!("{} ({})", isolate(name), percent_of(*share)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut out = Vec::new();
    if !shift.new.is_empty() {
        out.push(format!("new: {}", named(&shift.new)));
    }
    if !shift.vanished.is_empty() {
        out.push(format!("gone: {}", named(&shift.vanished)));
    }
    if let Some([_, then, now]) = shift.quantiles.iter().find(|quantile| quantile[0] == 0.5) {
        out.push(format!("median {} before, {} now", number(*then, None), number(*now, None)));
    }
    if out.is_empty()
        && let Some(part) =
            shift.parts.iter().max_by(|a, b| (a.now - a.then).abs().total_cmp(&(b.now - b.then).abs()))
    {
        out.push(format!(
            "{}: {} before, {} now",
            isolate(&part.label),
            percent_of(part.then),
            percent_of(part.now)
        ));
    }
    out.join("; ")
}

fn all_columns(report: &mut Report, quality: &Quality<'_>) {
    let compared = !quality.shifts.is_empty();
    let rows: Vec<Row> =
        quality.statistics.features.iter().map(|feature| row(feature, quality, compared)).collect();
    let mut columns = columns([
        (ColumnKind::Name, "Column"),
        (ColumnKind::Text, "Type"),
        (ColumnKind::Number, "Missing"),
        (ColumnKind::Number, "Distinct (estimate)"),
        (ColumnKind::Number, "Minimum"),
        (ColumnKind::Number, "Mean"),
        (ColumnKind::Number, "Maximum"),
        (ColumnKind::Text, "Most frequent"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Largest difference"));
        columns.push(Column::new(ColumnKind::State, "Moved?"));
    }
    report.section(2, "columns", "All columns").table(Table::new(Style::Long, "All columns", columns, rows));
}

fn row(feature: &Feature, quality: &Quality<'_>, compared: bool) -> Row {
    let missing = 1.0 - feature.completeness();
    let nothing = || Cell::text("");
    let mut cells =
        vec![Cell::text(isolate(&feature.name)), Cell::text(feature.inferred_type), Cell::share(missing)];
    match &feature.statistics {
        Measured::Numbers(numbers) => {
            cells.push(Cell::count(numbers.approximate_num_distinct_values));
            for value in [numbers.min, numbers.mean.0, numbers.max] {
                cells.push(Cell::number(number(value, None), value));
            }
            cells.push(nothing());
        }
        Measured::Texts(texts) => {
            cells.push(Cell::number(count(texts.distinct_count as u64), texts.distinct_count));
            cells.extend([nothing(), nothing(), nothing()]);
            let first = texts.distribution.as_ref().and_then(|found| found.categorical.buckets.first());
            cells.push(first.map_or_else(nothing, |category| {
                let share = category.count as f64 / texts.common.num_present.max(1) as f64;
                let text: String = category.value.chars().take(40).collect();
                Cell::text(format!("{} ({})", isolate(&text), percent_of(share)))
            }));
        }
    }
    if !compared {
        return Row::new(cells);
    }
    let shift = quality.shifts.iter().find(|shift| shift.column == feature.name);
    let state = match shift.map(|shift| shift.verdict) {
        Some(Verdict::Moved) => State::Moved,
        Some(Verdict::Held) => State::Held,
        Some(Verdict::TooFewRows) => State::CannotTell,
        None => State::Undefined,
    };
    let word = match state {
        State::CannotTell => "too few rows",
        State::Undefined => "not compared",
        state => state.word(),
    };
    cells.push(shift.map_or_else(nothing, |shift| Cell::number(number(shift.effect, None), shift.effect)));
    cells.push(Cell::state(state, word));
    Row::judged(state, cells)
}

fn made(report: &mut Report, quality: &Quality<'_>) {
    let section = report.section(2, "made", "How this was made");
    for sentence in &quality.baseline {
        section.text(sentence.clone());
    }
    for warning in quality.warnings {
        section.note(warning.clone());
    }
    section.text(
        "Counts, sums, means and extremes are exact. Differences come from a sketch of each column; ranks in it are off by \
         less than 1 % of the rows. Numbers of distinct values are estimates with a standard error of 4.6 %.",
    );
}
