//! Where the predictions are wrong: labels against predictions, class by class, group by group.

use super::words::short;
use crate::performance::details::{ConfusionDetails, GroupDetails, QualityDetails};
use crate::report::amounts::count;
use crate::report::page::{Report, Section, State};
use crate::report::sentences::isolate;
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::Number;

/// Classes whose confusions are shown as a matrix; with more only the largest confusions are.
const MATRIX_CLASSES: usize = 15;
/// Confusions that are listed.
const CONFUSIONS: usize = 15;

/// The names of the classes as the rows of the matrix have them.
fn class_names(details: &QualityDetails) -> Vec<String> {
    match &details.classes {
        Some(classes) => classes.to_vec(),
        None => details.by_class.iter().map(|class| class.name.clone()).collect(),
    }
}

/// The usual name of a cell of a binary confusion matrix.
fn quadrant(observed: bool, predicted: bool) -> &'static str {
    match (observed, predicted) {
        (true, true) => "TP",
        (false, true) => "FP",
        (true, false) => "FN",
        (false, false) => "TN",
    }
}

pub(super) fn confusion(report: &mut Report, details: &QualityDetails) {
    if details.confusion.is_empty() || details.rows == 0 {
        return;
    }
    let names = class_names(details);
    let section = report.section(2, "confusion", "Confusion matrix");
    if names.len() <= MATRIX_CLASSES {
        let mut columns = columns([(ColumnKind::Name, "Observed label")]);
        let predicted = |name: &String| match &details.classes {
            Some(_) => format!("Predicted {}", isolate(name)),
            None => isolate(name),
        };
        columns.extend(names.iter().map(|name| Column::new(ColumnKind::Number, &predicted(name))));
        let cell = |actual: &str, predicted: &str| {
            details.confusion.iter().find(|cell| cell.actual == actual && cell.predicted == predicted)
        };
        let rows = names
            .iter()
            .map(|actual| {
                let mut cells = vec![Cell::text(isolate(actual))];
                cells.extend(names.iter().map(|predicted| {
                    let rows = cell(actual, predicted).map_or(0, |cell| cell.rows);
                    match &details.classes {
                        Some([_, positive]) => {
                            let kind = quadrant(actual == positive, predicted == positive);
                            Cell::number(format!("{} {kind}", count(rows)), rows)
                        }
                        None => Cell::count(rows),
                    }
                }));
                Row::new(cells)
            })
            .collect();
        section.table(Table::new(
            Style::Plain,
            "Rows by observed label (down) and predicted label (across)",
            columns,
            rows,
        ));
    }
    let compared = details.confusion.iter().any(|cell| cell.baseline_share.is_some());
    let mut wrong: Vec<&ConfusionDetails> =
        details.confusion.iter().filter(|cell| cell.actual != cell.predicted && cell.rows > 0).collect();
    let moved = |cell: &ConfusionDetails| cell.baseline_share.map_or(0.0, |then| (cell.share - then).abs());
    if compared {
        wrong.sort_by(|a, b| moved(b).total_cmp(&moved(a)).then(b.rows.cmp(&a.rows)));
    } else {
        wrong.sort_by_key(|cell| std::cmp::Reverse(cell.rows));
    }
    if names.len() <= 2 || wrong.is_empty() {
        return;
    }
    let share = |share: Option<f64>| share.map_or(Cell::none(), Cell::share);
    let rows = wrong
        .iter()
        .take(CONFUSIONS)
        .map(|cell| {
            let mut cells = vec![
                Cell::text(isolate(&cell.actual)),
                Cell::text(isolate(&cell.predicted)),
                Cell::count(cell.rows),
                share(Some(cell.share)),
            ];
            if compared {
                cells.push(share(cell.baseline_share));
                let beyond = cell.p_value.is_some_and(|p| p <= 0.05);
                let (state, text) = match (beyond, cell.p_value) {
                    (true, _) => (State::Moved, "beyond chance"),
                    (false, Some(_)) => (State::Held, "within chance"),
                    (false, None) => (State::CannotTell, "too few rows"),
                };
                cells.push(Cell::state(state, text));
                return Row::judged(state, cells);
            }
            Row::new(cells)
        })
        .collect();
    let mut columns = columns([
        (ColumnKind::Name, "Observed label"),
        (ColumnKind::Text, "Predicted label"),
        (ColumnKind::Number, "Rows"),
        (ColumnKind::Number, "Share of the observed label"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "In the baseline"));
        columns.push(Column::new(ColumnKind::State, "How sure"));
    }
    let caption = if compared { "Confusions that changed most" } else { "The largest confusions" };
    section.table(Table::new(Style::Long, caption, columns, rows));
}

pub(super) fn classes(report: &mut Report, details: &QualityDetails) {
    if details.by_class.is_empty() {
        return;
    }
    let compared = details.by_class.iter().any(|class| class.baseline_recall.is_some());
    let mut columns = columns([
        (ColumnKind::Name, "Class"),
        (ColumnKind::Number, "Observed"),
        (ColumnKind::Number, "Predicted"),
        (ColumnKind::Number, "Recall"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    columns.push(Column::new(ColumnKind::Number, "Precision"));
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    columns.push(Column::new(ColumnKind::Number, "F1"));
    let rows = details
        .by_class
        .iter()
        .map(|class| {
            let mut cells = vec![
                Cell::text(isolate(&class.name)),
                Cell::count(class.rows),
                Cell::count(class.predicted),
                Cell::value(class.recall.map(Number::Float), class.recall_interval),
            ];
            if compared {
                cells.push(Cell::value(class.baseline_recall.map(Number::Float), class.recall_interval));
            }
            cells.push(Cell::value(class.precision.map(Number::Float), class.precision_interval));
            if compared {
                cells
                    .push(Cell::value(class.baseline_precision.map(Number::Float), class.precision_interval));
            }
            cells.push(Cell::value(Some(Number::Float(class.f1)), None));
            Row::new(cells)
        })
        .collect();
    report.section(2, "classes", "Class by class").table(Table::new(Style::Long, "Recall is the share of the class's rows that are found, precision the share of its predictions that are right", columns, rows));
}

pub(super) fn groups(report: &mut Report, details: &QualityDetails) {
    if details.groups.is_empty() {
        return;
    }
    let section = report.section(2, "groups", "Group by group");
    section.text("The same metrics, each for the rows of one group. Differences between groups of few rows are often chance: look at the intervals.");
    group_tables(section, &details.groups);
}

/// A table for each column that rows are grouped by.
pub(in crate::report) fn group_tables(section: &mut Section, groups: &[GroupDetails]) {
    let mut columns_by: Vec<&str> = Vec::new();
    for group in groups {
        if !columns_by.contains(&group.column.as_str()) {
            columns_by.push(&group.column);
        }
    }
    for column in columns_by {
        let of_column: Vec<&GroupDetails> = groups.iter().filter(|group| group.column == column).collect();
        let Some(first) = of_column.first() else { continue };
        let mut columns = columns([(ColumnKind::Name, "Value"), (ColumnKind::Number, "Rows")]);
        for metric in &first.metrics {
            columns.push(Column::new(ColumnKind::Number, &short(&metric.name)));
            columns.push(Column::new(ColumnKind::Number, "95\u{202f}% interval"));
        }
        let rows = of_column
            .iter()
            .map(|group| {
                let mut cells = vec![Cell::text(isolate(&group.value)), Cell::count(group.rows)];
                for metric in &group.metrics {
                    cells.push(Cell::value(metric.value.map(Number::Float), metric.interval));
                    cells.push(Cell::interval(metric.interval));
                }
                Row::new(cells)
            })
            .collect();
        section.table(Table::new(Style::Long, format!("By {}", isolate(column)), columns, rows));
    }
}
