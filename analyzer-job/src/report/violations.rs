//! The violations as the file of them has them, with how sure each is.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::drift::verdict::Verdict;
use crate::results::details::{FacetDetails, Findings};
use crate::results::{Number, Violation};

use super::amounts::of;
use super::attributions::NDCG_LIMIT;
use super::bias::COMPARES_NOTHING;
use super::page::{Report, State};
use super::sentences::{condition, isolate};
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};

/// More violations than these are listed by group.
const ONE_BY_ONE: usize = 25;

/// Every violation of `constraint_violations.json`, the surest first.
pub(super) fn section(report: &mut Report, findings: &Findings) {
    let violations = &findings.violations;
    if violations.is_empty() {
        return;
    }
    let details: Details = findings
        .bias
        .iter()
        .flat_map(|bias| bias.facets.iter().rev())
        .map(|details| ((details.facet.as_str(), details.value_or_threshold.as_str()), details))
        .collect();
    let mut told: Vec<(Violated, &Violation)> =
        violations.iter().map(|violation| (violated(findings, &details, violation), violation)).collect();
    told.sort_by_key(|(violated, _)| violated.state);
    let heading = format!("{} of the baseline", of(violations.len() as u64, "violation", "violations"));
    let table = if told.len() > ONE_BY_ONE { by_group(&told) } else { one_by_one(told) };
    report.section(2, "violations", heading).table(table);
}

fn one_by_one(told: Vec<(Violated, &Violation)>) -> Table {
    // The text of the file is only repeated where its numbers are not known.
    let with_text = told.iter().any(|(violated, _)| violated.now.is_none());
    let of_order = told.iter().any(|(_, violation)| matches!(violation, Violation::Attribution { .. }));
    let mut columns = columns([
        (ColumnKind::Name, "For"),
        (ColumnKind::Text, "Metric"),
        (ColumnKind::Number, "Now"),
        (ColumnKind::Number, "Limit"),
        (ColumnKind::State, "How sure"),
    ]);
    if with_text {
        columns.push(Column::new(ColumnKind::Prose, "Description"));
    }
    let rows = told
        .into_iter()
        .map(|(violated, violation)| {
            let mut cells = vec![
                Cell::group(&violated.whom),
                violated.metric,
                Cell::value(violated.now, violated.interval),
                Cell::value(violated.limit, violated.interval),
                Cell::state(violated.state, violated.sure),
            ];
            if with_text {
                let (Violation::Bias { description, .. } | Violation::Attribution { description, .. }) =
                    violation;
                cells.push(Cell::text(description));
            }
            Row::judged(violated.state, cells)
        })
        .collect();
    let limit = if of_order { "the smallest score without a violation" } else { "the baseline's value" };
    Table::new(Style::Plain, format!("From constraint_violations.json; the limit is {limit}"), columns, rows)
        .coded("violations")
}

/// Too many to read one by one: a row for each group, the metrics by how sure they are. Their numbers stand
/// in the group's own tables.
fn by_group(told: &[(Violated, &Violation)]) -> Table {
    let mut groups: IndexMap<&str, Vec<&(Violated, &Violation)>> = IndexMap::new();
    for violation in told {
        groups.entry(&violation.0.whom).or_default().push(violation);
    }
    let rows = groups
        .into_iter()
        .map(|(group, of_group)| {
            let codes = |state: State| {
                let codes: Vec<&str> = of_group
                    .iter()
                    .filter(|(violated, _)| violated.state == state)
                    .map(|(_, violation)| match violation {
                        Violation::Bias { metric_name, .. } | Violation::Attribution { metric_name, .. } => {
                            metric_name.as_str()
                        }
                    })
                    .collect();
                Cell::text(if codes.is_empty() { "–".to_owned() } else { codes.join(", ") })
            };
            Row::judged(
                of_group.iter().map(|(violated, _)| violated.state).min().unwrap_or(State::Moved),
                vec![
                    Cell::group(group),
                    Cell::count(of_group.len() as u64),
                    codes(State::Moved),
                    codes(State::CannotTell),
                    codes(State::Held),
                ],
            )
        })
        .collect();
    Table::new(
        Style::Plain,
        "From constraint_violations.json, by group; the tables below have values and limits",
        columns([
            (ColumnKind::Name, "For"),
            (ColumnKind::Number, "Violations"),
            (ColumnKind::Prose, "Beyond chance"),
            (ColumnKind::Prose, "Cannot tell"),
            (ColumnKind::Prose, "Smaller difference"),
        ]),
        rows,
    )
    .coded("violations")
}

/// Why nobody can tell whether chance explains a violation.
fn doubt_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::WithinChance => "within chance",
        Verdict::TooFewRows => "too few rows to say",
        Verdict::NotJudged => "not judged by chance",
        _ => COMPARES_NOTHING,
    }
}

/// A violation with what the details know of it.
struct Violated {
    whom: String,
    metric: Cell,
    now: Option<Number>,
    limit: Option<Number>,
    interval: Option<[f64; 2]>,
    state: State,
    sure: &'static str,
}

/// The details of each group, by facet and value.
type Details<'a> = HashMap<(&'a str, &'a str), &'a FacetDetails>;

fn violated(findings: &Findings, details: &Details, violation: &Violation) -> Violated {
    match violation {
        Violation::Bias { facet, facet_value, metric_name, .. } => {
            let group = details.get(&(facet.as_str(), facet_value.as_str()));
            let details =
                group.and_then(|group| group.metrics.iter().find(|metric| metric.name == *metric_name));
            let verdict = group.zip(details).map(|(group, details)| Verdict::of(group, details));
            let (state, sure) = match verdict {
                Some(Verdict::Moved) => (State::Moved, "beyond chance"),
                Some(Verdict::Held) => (State::Held, "smaller difference"),
                Some(verdict) => (State::CannotTell, doubt_in_words(verdict)),
                None => (State::Moved, "moved"),
            };
            Violated {
                whom: condition(facet, facet_value),
                metric: Cell::metric(metric_name),
                now: details.and_then(|details| details.value.filter(|_| details.baseline.is_some())),
                limit: details.and_then(|details| details.baseline),
                interval: details.and_then(|d| d.interval).map(|[low, high]| [low.value(), high.value()]),
                state,
                sure,
            }
        }
        Violation::Attribution { label, metric_name, .. } => {
            let outputs = findings.explanations.iter().flat_map(|explanations| &explanations.outputs);
            let ndcg = outputs.filter(|output| output.label == *label).find_map(|output| output.ndcg);
            Violated {
                whom: isolate(label),
                metric: Cell::Name {
                    text: "Normalized discounted cumulative gain (nDCG)".into(),
                    remark: format!("{metric_name}: order of the attributions"),
                },
                now: ndcg.map(Number::Float),
                limit: ndcg.map(|_| Number::Float(NDCG_LIMIT)),
                interval: None,
                state: State::Moved,
                sure: "order changed",
            }
        }
    }
}
