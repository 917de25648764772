//! Tables of a report: columns, rows and cells, and the tables that several reports have.

use super::amounts;
use super::state::State;
use crate::paper::drawing::Drawing;
use crate::results::Number;
use crate::results::details::Skipped;
use crate::results::metrics::Metric;

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    /// How it is shown.
    pub style: Style,
    /// Python that makes the same table or chart from the files beside the notebook.
    pub code: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Few rows that are read one by one.
    Plain,
    /// A row for each measurement, with its picture on an axis that all rows share.
    Plot,
    /// Long; a page may offer sorting.
    Long,
    /// Long, and a page may fold it away at first.
    Folded,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub heading: String,
    pub kind: ColumnKind,
    /// The shared axis of a picture column.
    pub axis: Option<Drawing>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnKind {
    /// Names the row.
    Name,
    Text,
    /// Longer sentences: takes the room that is left.
    Prose,
    Number,
    Picture,
    State,
}

impl Style {
    /// Name of the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            Style::Plain => "plain",
            Style::Plot => "plot",
            Style::Long | Style::Folded => "long",
        }
    }
}

impl ColumnKind {
    /// Name of the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            ColumnKind::Name => "name",
            ColumnKind::Text => "text",
            ColumnKind::Prose => "prose",
            ColumnKind::Number => "number",
            ColumnKind::Picture => "picture",
            ColumnKind::State => "verdict",
        }
    }

    /// The element of its cells: names head their row.
    pub(super) fn tag(self) -> &'static str {
        if self == ColumnKind::Name { "th" } else { "td" }
    }
}

/// Columns without an axis.
pub(super) fn columns<'a>(columns: impl IntoIterator<Item = (ColumnKind, &'a str)>) -> Vec<Column> {
    columns.into_iter().map(|(kind, heading)| Column::new(kind, heading)).collect()
}

/// The first columns of a table of metrics: name, value and interval, and the baseline's value if one is `compared`.
pub(super) fn of_metrics(compared: bool) -> Vec<Column> {
    let mut first = columns([
        (ColumnKind::Name, "Metric"),
        (ColumnKind::Number, "Now"),
        (ColumnKind::Number, "95\u{202f}% interval"),
    ]);
    if compared {
        first.push(Column::new(ColumnKind::Number, "Baseline"));
    }
    first
}

impl Table {
    /// Whether it holds sentences.
    pub(super) fn wordy(&self) -> bool {
        self.columns.iter().any(|column| column.kind == ColumnKind::Prose)
    }

    /// Whether its rows read well one below the other on a narrow screen.
    pub(super) fn as_cards(&self) -> bool {
        let has = |kind| self.columns.iter().any(|column| column.kind == kind);
        self.wordy() || has(ColumnKind::State) || has(ColumnKind::Picture)
    }
}

impl Table {
    pub(super) fn new(
        style: Style,
        caption: impl Into<String>,
        columns: Vec<Column>,
        rows: Vec<Row>,
    ) -> Table {
        Table { caption: caption.into(), columns, rows, style, code: None }
    }

    /// With the Python that makes it again.
    pub(super) fn coded(self, code: impl Into<String>) -> Table {
        Table { code: Some(code.into()), ..self }
    }

    /// The headings as style properties, which cards put before their numbers and lists.
    pub(super) fn labels(&self) -> String {
        let labels = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| matches!(c.kind, ColumnKind::Number | ColumnKind::Prose));
        labels
            .map(|(place, column)| {
                format!("--c{}:'{}';", place + 1, column.heading.replace(['\'', '\\'], ""))
            })
            .collect()
    }
}

impl Column {
    pub(super) fn new(kind: ColumnKind, heading: &str) -> Column {
        Column { heading: heading.into(), kind, axis: None }
    }

    pub(super) fn picture(heading: &str, axis: Drawing) -> Column {
        Column { axis: Some(axis), ..Column::new(ColumnKind::Picture, heading) }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    /// None where a verdict makes no sense.
    pub state: Option<State>,
    pub cells: Vec<Cell>,
}

impl Row {
    pub(super) fn new(cells: Vec<Cell>) -> Row {
        Row { state: None, cells }
    }

    pub(super) fn judged(state: State, cells: Vec<Cell>) -> Row {
        Row { state: Some(state), cells }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text {
        text: String,
    },
    /// A value rounded for people; `exact` has all digits and is what a sort goes by.
    Number {
        text: String,
        exact: String,
    },
    /// A metric's name with its code, linked to the glossary; below it, smaller, the question that it answers.
    Metric {
        name: String,
        code: String,
        asks: String,
        linked: bool,
    },
    /// A name with a smaller remark below.
    Name {
        text: String,
        remark: String,
    },
    State {
        state: State,
        text: String,
    },
    Picture {
        drawing: Drawing,
    },
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Cell {
        Cell::Text { text: text.into() }
    }

    /// The name of a group: in a narrow column it breaks at its blanks.
    pub(super) fn group(name: &str) -> Cell {
        Cell::text(name.replace('\u{a0}', " "))
    }

    pub(super) fn metric(code: &str) -> Cell {
        let known = Metric::of(code);
        Cell::Metric {
            name: known.map_or("", Metric::name).into(),
            code: code.into(),
            asks: String::new(),
            linked: known.is_some(),
        }
    }

    /// The metric's entry in the glossary, to which the other cells link.
    pub(super) fn explained(metric: &Metric) -> Cell {
        Cell::Metric {
            name: metric.name().into(),
            code: metric.code.into(),
            asks: String::new(),
            linked: false,
        }
    }

    /// With the question that the metric answers.
    pub(super) fn asking(metric: &Metric) -> Cell {
        Cell::Metric {
            name: metric.name().into(),
            code: metric.code.into(),
            asks: metric.asks.into(),
            linked: true,
        }
    }

    pub(super) fn number(text: impl Into<String>, exact: impl ToString) -> Cell {
        Cell::Number { text: text.into(), exact: exact.to_string() }
    }

    pub(super) fn count(count: u64) -> Cell {
        Cell::number(amounts::count(count), count)
    }

    /// Where there is no number.
    pub(super) fn none() -> Cell {
        Cell::number("–", "")
    }

    /// With the digits that its interval supports.
    pub(super) fn value(value: Option<Number>, interval: Option<[f64; 2]>) -> Cell {
        value.map_or_else(Cell::none, |value| Cell::number(amounts::number(value.value(), interval), value))
    }

    pub(super) fn interval(interval: Option<[f64; 2]>) -> Cell {
        interval.map_or_else(Cell::none, |[low, high]| {
            Cell::number(
                format!("{} to {}", amounts::number(low, interval), amounts::number(high, interval)),
                format!("{} to {}", Number::Float(low), Number::Float(high)),
            )
        })
    }

    /// A share as a percentage.
    pub(super) fn share(share: f64) -> Cell {
        Cell::number(amounts::percent_of(share), share)
    }

    pub(super) fn state(state: State, text: impl Into<String>) -> Cell {
        Cell::State { state, text: text.into() }
    }

    pub(super) fn name(text: impl Into<String>, remark: impl Into<String>) -> Cell {
        Cell::Name { text: text.into(), remark: remark.into() }
    }

    pub(super) fn picture(drawing: Drawing) -> Cell {
        Cell::Picture { drawing }
    }
}

/// Records that were left out, with the first of each kind.
pub(super) fn skipped(records: &[Skipped]) -> Option<Table> {
    let row = |skipped: &Skipped| {
        Row::new(vec![
            Cell::text(&skipped.reason),
            Cell::count(skipped.records),
            Cell::text(skipped.examples.join("; ")),
        ])
    };
    let columns = columns([
        (ColumnKind::Name, "Why"),
        (ColumnKind::Number, "Records"),
        (ColumnKind::Prose, "The first"),
    ]);
    let rows = records.iter().map(row).collect();
    (!records.is_empty()).then(|| Table::new(Style::Plain, "Records that were skipped", columns, rows))
}
