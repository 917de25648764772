//! The one value all writers read: a report as headings, sentences, tables and pictures, ready for
//! people. What it says is decided in the modules beside; how it looks, in the writers.

use crate::paper::drawing::Drawing;
use crate::results::metrics::Metric;
use serde_json::Value as Json;

/// A whole report. Sections stand in reading order: verdict, evidence, method.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// Title of the configuration's owner.
    pub title: String,
    /// What was run and on what: `Bias monitor`, the endpoint, the window.
    pub subject: Vec<String>,
    /// The verdict as one sentence; the first heading.
    pub headline: String,
    pub state: State,
    /// The sentences of the first screen, most important first.
    pub lead: Vec<String>,
    /// Rows, skipped records, group sizes: a few short facts.
    pub facts: Vec<String>,
    pub sections: Vec<Section>,
    /// Name, version and revision of the program.
    pub program: String,
    /// Results and details in full precision, for programs that read the report.
    pub data: Json,
}

/// A heading and what stands below it, up to the next heading.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// Target of links; unique in the report.
    pub id: String,
    /// 2 for a chapter, 3 and 4 below.
    pub level: u8,
    pub heading: String,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(super) enum Block {
    Text {
        text: String,
    },
    /// Something to take care about.
    Note {
        text: String,
    },
    Points {
        points: Vec<String>,
    },
    Table(Table),
    /// Pictures side by side where there is room.
    Figures {
        figures: Vec<Figure>,
        code: Option<String>,
    },
    /// Text to be shown as it is.
    Verbatim {
        text: String,
    },
}

/// What a measurement, or a whole run, comes to. Colour, mark and word follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum State {
    /// Farther from parity than the baseline allows.
    Moved,
    /// The rows are too few, or chance explains it.
    CannotTell,
    /// Compared with a baseline, and within it.
    Held,
    /// There was nothing to compare with.
    Measured,
    /// The value has no meaning here.
    Undefined,
}

impl State {
    pub(super) fn word(self) -> &'static str {
        match self {
            State::Moved => "moved",
            State::CannotTell => "cannot tell",
            State::Held => "held",
            State::Measured => "measured",
            State::Undefined => "undefined",
        }
    }

    /// A mark that differs by shape, since not everyone sees colours.
    pub(super) fn mark(self) -> &'static str {
        match self {
            State::Moved => "◆",
            State::CannotTell => "■",
            State::Held | State::Measured => "●",
            State::Undefined => "–",
        }
    }

    /// Name of the style.
    pub(super) fn class(self) -> &'static str {
        match self {
            State::Moved => "moved",
            State::CannotTell => "unsure",
            State::Held => "held",
            State::Measured => "measured",
            State::Undefined => "undefined",
        }
    }
}

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
    /// The headings as style properties, which cards put before their numbers.
    pub(super) fn labels(&self) -> String {
        let labels = self.columns.iter().enumerate().filter(|(_, c)| c.kind == ColumnKind::Number);
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

    pub(super) fn metric(code: &str) -> Cell {
        let known = Metric::of(code);
        Cell::Metric {
            name: known.map_or("", Metric::name).into(),
            code: code.into(),
            asks: String::new(),
            linked: known.is_some(),
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
        Cell::number(super::amounts::count(count), count)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Figure {
    pub caption: String,
    /// What it shows, in words.
    pub alt: String,
    pub drawing: Drawing,
}

impl Report {
    pub(super) fn section(
        &mut self,
        level: u8,
        id: impl Into<String>,
        heading: impl Into<String>,
    ) -> &mut Section {
        self.sections.push(Section { id: id.into(), level, heading: heading.into(), blocks: Vec::new() });
        let last = self.sections.len() - 1;
        &mut self.sections[last]
    }
}

impl Section {
    pub(super) fn text(&mut self, text: impl Into<String>) -> &mut Section {
        self.blocks.push(Block::Text { text: text.into() });
        self
    }

    pub(super) fn note(&mut self, text: impl Into<String>) -> &mut Section {
        self.blocks.push(Block::Note { text: text.into() });
        self
    }

    pub(super) fn points(&mut self, points: Vec<String>) -> &mut Section {
        if !points.is_empty() {
            self.blocks.push(Block::Points { points });
        }
        self
    }

    pub(super) fn table(&mut self, table: Table) -> &mut Section {
        self.blocks.push(Block::Table(table));
        self
    }
}
