//! What the report says of every column, from the statistics of a run or from its `statistics.json`.

use serde::Deserialize;

use crate::quality::details::Details;
use crate::quality::shift::Verdict;
use crate::quality::statistics::{Feature, Measured, Statistics};
use crate::report::amounts::{count, decimal, number, percent_of};
use crate::report::letters::visible;
use crate::report::page::{Report, State};
use crate::report::sentences::isolate;
use crate::report::tables::{Cell, Column, ColumnKind, Row, Style, Table, columns};
use crate::results::Number;

/// Letters of a value that the table shows.
const SHOWN: usize = 40;

/// A column in a few numbers.
#[derive(Debug)]
pub(super) struct Facts {
    name: String,
    kind: String,
    /// Share of the rows without a value.
    pub(super) missing: f64,
    distinct: u64,
    /// Minimum, mean and maximum of numbers.
    range: Option<[f64; 3]>,
    /// The most frequent value and its share of the values.
    frequent: Option<(String, f64)>,
}

/// The facts of all columns in their order.
pub(super) fn of_statistics(statistics: &Statistics<'_>) -> Vec<Facts> {
    statistics.features.iter().map(of_feature).collect()
}

fn of_feature(feature: &Feature<'_>) -> Facts {
    let (distinct, range, frequent) = match &feature.statistics {
        Measured::Numbers(numbers) => {
            (numbers.approximate_num_distinct_values, Some([numbers.min, numbers.mean.0, numbers.max]), None)
        }
        Measured::Texts(texts) => {
            let first = texts.distribution.as_ref().and_then(|found| found.categorical.buckets.first());
            let present = texts.common.num_present;
            let frequent = first.map(|bucket| (bucket.value.clone(), share(bucket.count, present)));
            (texts.distinct_count as u64, None, frequent)
        }
    };
    Facts {
        name: feature.name.clone(),
        kind: feature.inferred_type.into(),
        missing: 1.0 - feature.completeness(),
        distinct,
        range,
        frequent,
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// `statistics.json`, as far as the report needs it.
#[derive(Deserialize)]
pub(super) struct File {
    features: Vec<FileFeature>,
}

#[derive(Deserialize)]
struct FileFeature {
    name: String,
    inferred_type: String,
    numerical_statistics: Option<FileNumbers>,
    string_statistics: Option<FileTexts>,
}

#[derive(Deserialize)]
struct FileNumbers {
    mean: Number,
    min: Number,
    max: Number,
    approximate_num_distinct_values: f64,
    completeness: f64,
}

#[derive(Deserialize)]
struct FileTexts {
    common: FileCommon,
    distinct_count: f64,
    completeness: f64,
    distribution: Option<FileDistribution>,
}

#[derive(Deserialize)]
struct FileCommon {
    num_present: f64,
}

#[derive(Deserialize)]
struct FileDistribution {
    categorical: FileCategories,
}

#[derive(Deserialize)]
struct FileCategories {
    buckets: Vec<FileCategory>,
}

#[derive(Deserialize)]
struct FileCategory {
    value: String,
    count: f64,
}

pub(super) fn of_file(file: File) -> Vec<Facts> {
    let facts = |feature: FileFeature| {
        let mut facts = Facts {
            name: feature.name,
            kind: feature.inferred_type,
            missing: 1.0,
            distinct: 0,
            range: None,
            frequent: None,
        };
        if let Some(numbers) = feature.numerical_statistics {
            facts.missing = 1.0 - numbers.completeness;
            facts.distinct = numbers.approximate_num_distinct_values as u64;
            facts.range = Some([numbers.min, numbers.mean, numbers.max].map(Number::value));
        }
        if let Some(texts) = feature.string_statistics {
            facts.missing = 1.0 - texts.completeness;
            facts.distinct = texts.distinct_count as u64;
            let first = texts.distribution.and_then(|found| found.categorical.buckets.into_iter().next());
            let present = texts.common.num_present as u64;
            facts.frequent = first.map(|bucket| (bucket.value, share(bucket.count as u64, present)));
        }
        facts
    };
    file.features.into_iter().map(facts).collect()
}

/// Whether no row has a value in any column.
pub(super) fn are_empty(all: &[Facts]) -> bool {
    !all.is_empty() && all.iter().all(|facts| facts.missing >= 1.0)
}

pub(super) fn section(report: &mut Report, all: &[Facts], details: &Details) {
    let compared = !details.columns.is_empty();
    let mut columns = columns([
        (ColumnKind::Name, "Column"),
        (ColumnKind::Text, "Type"),
        (ColumnKind::Number, "Missing"),
        (ColumnKind::Number, "Distinct"),
        (ColumnKind::Number, "Minimum"),
        (ColumnKind::Number, "Mean"),
        (ColumnKind::Number, "Maximum"),
        (ColumnKind::Text, "Most frequent"),
    ]);
    if compared {
        columns.push(Column::new(ColumnKind::Number, "Distance"));
        columns.push(Column::new(ColumnKind::State, "Verdict"));
    }
    let rows = all.iter().map(|facts| row(facts, details, compared)).collect();
    report.section(2, "columns", "All columns").table(
        Table::new(Style::Long, "Every column, in the order of the data", columns, rows).coded("columns"),
    );
}

fn row(facts: &Facts, details: &Details, compared: bool) -> Row {
    let mut cells = vec![
        Cell::text(isolate(&facts.name)),
        Cell::text(&facts.kind),
        Cell::share(facts.missing),
        Cell::number(count(facts.distinct), facts.distinct),
    ];
    match facts.range {
        Some([least, mean, most]) => {
            let end = |value: f64| match facts.kind.as_str() {
                "Integral" => Cell::number(decimal(value, 0), value),
                _ => Cell::number(number(value, None), value),
            };
            cells.extend([end(least), Cell::number(number(mean, None), mean), end(most)]);
        }
        None => cells.extend([Cell::text(""), Cell::text(""), Cell::text("")]),
    }
    cells.push(Cell::text(facts.frequent.as_ref().map_or_else(String::new, |(value, share)| {
        let text: String = visible(value).chars().take(SHOWN).collect();
        format!("{} ({})", isolate(&text), percent_of(*share))
    })));
    if !compared {
        return Row::new(cells);
    }
    let shift = details.columns.iter().find(|shift| shift.column == facts.name);
    let (state, word) = match shift.map(|shift| shift.verdict) {
        Some(Verdict::Moved) => (State::Moved, "moved"),
        Some(Verdict::Held) => (State::Held, "held"),
        Some(Verdict::TooFewRows) => (State::CannotTell, "too few rows"),
        None => (State::Undefined, "not compared"),
    };
    cells.push(
        shift.map_or_else(|| Cell::text(""), |shift| Cell::number(number(shift.effect, None), shift.effect)),
    );
    cells.push(Cell::state(state, word));
    Row::judged(state, cells)
}
