//! The report on paper: says what stands in the document; `paper` sets it.

use std::collections::BTreeSet;
use std::rc::Rc;

use plumbline_common::Result;

use super::charts;
use super::page::{Block, Report, State};
use super::tables::{Cell, Column, ColumnKind, Row, Style, Table};
use crate::paper::document::{self, Document, Link, Look, Span, Vertical, Width};
use crate::paper::drawing::Colour;
use crate::paper::style::{BLOCK_GAP, BODY, INK, MM, QUIET, heading_size};

const SUBJECT: f32 = 8.5;
const SUBJECT_GAP: f32 = 12.6;
const LEAD: f32 = 10.5;
const LEAD_GAP: f32 = 9.9;
const LEAD_SHARE: f32 = 0.88;
const FACTS_GAP: f32 = 11.7;
const VERBATIM: f32 = 7.0;
const VERBATIM_GAP: f32 = 3.2;
const FOOTER: f32 = 7.5;
/// The mark before the headline, and how far it stands above the line.
const MARK: f32 = 13.0;
const MARK_RISE: f32 = 1.5;

const CAPTION: f32 = 8.0;
const TABLE: f32 = 8.0;
const LONG_TABLE: f32 = 7.5;
const WIDE_TABLE: f32 = 7.0;
const TABLE_HEAD: f32 = 7.0;
/// Codes and remarks beside a name.
const REMARK_EM: f32 = 0.85;
/// Tables with more columns take smaller letters.
const WIDE: usize = 8;
/// Tables of up to so many rows stay on one page: of sentences, of others.
const FEW_WORDY: usize = 8;
const FEW: usize = 14;
const PLOT_WIDTH: f32 = 62.0 * MM;
/// Plots of more columns have a narrower picture.
const CROWDED: usize = 6;
const CROWDED_PLOT_WIDTH: f32 = 46.0 * MM;
const BAR_WIDTH: f32 = 17.0 * MM;
/// Columns of a plot that are neither its names nor its picture.
const PLOT_COLUMN: f32 = 22.0 * MM;
/// Columns beside sentences.
const WORDY_NAME: f32 = 36.0 * MM;
const WORDY_TEXT: f32 = 28.0 * MM;

/// # Errors
/// As `paper::write`.
pub(super) fn write(report: &Report) -> Result<Vec<u8>> {
    crate::paper::write(&document(report))
}

/// What the pages say, before they are set.
pub(super) fn document(report: &Report) -> Document {
    let explained = explained(report);
    let mut blocks = opening(report);
    for section in &report.sections {
        blocks.push(heading(section.level, &section.heading, None));
        for block in &section.blocks {
            block_of(&mut blocks, block, &explained, section.id == "glossary");
        }
    }
    let subject: Vec<&str> =
        std::iter::once(&report.title).chain(&report.subject).take(3).map(String::as_str).collect();
    let missing = "Characters that the fonts of this document lack are written as their code, such as [U+1F600]; the HTML report shows \
                   them.";
    Document {
        title: format!("{} · {}", report.headline, report.title),
        author: report.program.clone(),
        blocks,
        footer: vec![Span::new(subject.join(" · "), Look::plain(FOOTER, QUIET))],
        missing: vec![Span::new(missing, Look::plain(BODY, QUIET))],
    }
}

/// The codes that have an entry in the glossary.
fn explained(report: &Report) -> BTreeSet<&str> {
    let glossary = report.sections.iter().filter(|section| section.id == "glossary");
    let rows = glossary.flat_map(|section| &section.blocks).flat_map(|block| match block {
        Block::Table(table) => table.rows.as_slice(),
        _ => &[],
    });
    rows.flat_map(|row| &row.cells)
        .filter_map(|cell| match cell {
            Cell::Metric { code, .. } => Some(code.as_str()),
            _ => None,
        })
        .collect()
}

fn paragraph(text: &str, look: Look, gap: f32) -> document::Paragraph {
    document::Paragraph { spans: vec![Span::new(text, look)], width: 1.0, gap, keep: false }
}

fn opening(report: &Report) -> Vec<document::Block> {
    let subject: String = report.subject.iter().map(|part| format!(" · {part}")).collect();
    let spans = vec![
        Span::new(&report.title, Look::bold(SUBJECT, INK)),
        Span::new(subject, Look::plain(SUBJECT, QUIET)),
    ];
    let mut blocks = vec![document::Block::Paragraph(document::Paragraph {
        spans,
        ..paragraph("", Look::plain(SUBJECT, INK), SUBJECT_GAP)
    })];
    let headline = if report.headline.trim().is_empty() { &report.title } else { &report.headline };
    blocks.push(heading(1, headline, Some(report.state)));
    let lead = |sentence: &String| document::Paragraph {
        width: LEAD_SHARE,
        ..paragraph(sentence, Look::plain(LEAD, INK), LEAD_GAP)
    };
    blocks.extend(report.lead.iter().map(lead).map(document::Block::Paragraph));
    if !report.facts.is_empty() {
        let facts = paragraph(&report.facts.join(" · "), Look::plain(BODY, QUIET), FACTS_GAP);
        blocks.push(document::Block::Paragraph(facts));
    }
    blocks
}

fn heading(level: u8, text: &str, state: Option<State>) -> document::Block {
    let look = Look { tabular: false, ..Look::bold(heading_size(level), INK) };
    let mark = state.map(|state| {
        let look = Look { size: MARK, rise: MARK_RISE, colour: charts::colour(state), ..look };
        Span::new(format!("{} ", state.mark()), look)
    });
    let spans = mark.into_iter().chain([Span::new(text, look)]).collect();
    document::Block::Heading { level, name: text.into(), spans }
}

fn block_of(blocks: &mut Vec<document::Block>, block: &Block, explained: &BTreeSet<&str>, glossary: bool) {
    let look = Look::plain(BODY, INK);
    match block {
        Block::Text { text } => {
            let text = document::Paragraph { keep: true, ..paragraph(text, look, BLOCK_GAP) };
            blocks.push(document::Block::Paragraph(text));
        }
        Block::Note { text } => {
            let spans = vec![Span::new("Warning. ", Look::bold(BODY, INK)), Span::new(text, look)];
            blocks.push(document::Block::Note { spans, bar: charts::colour(State::Moved) });
        }
        Block::Points { points } => {
            let items = points.iter().map(|point| vec![Span::new(point, look)]).collect();
            blocks.push(document::Block::List { items });
        }
        Block::Verbatim { text } => {
            let line = |line: &str| {
                let line = line.replace("  ", "\u{a0}\u{a0}");
                document::Block::Paragraph(paragraph(&line, Look::plain(VERBATIM, INK), VERBATIM_GAP))
            };
            blocks.extend(text.split('\n').map(line));
        }
        Block::Figures { figures, .. } => {
            let figure = |figure: &super::page::Figure| document::Figure {
                caption: vec![Span::new(&figure.caption, Look::bold(BODY, INK))],
                alt: if figure.alt.is_empty() { figure.caption.clone() } else { figure.alt.clone() },
                drawing: figure.drawing.clone(),
            };
            blocks.push(document::Block::Figures(figures.iter().map(figure).collect()));
        }
        Block::Table(table) => blocks.push(document::Block::Table(set(table, explained, glossary))),
    }
}

fn set(table: &Table, explained: &BTreeSet<&str>, glossary: bool) -> document::Table {
    let plot = table.style == Style::Plot;
    let size = match table.style {
        _ if table.columns.len() > WIDE => WIDE_TABLE,
        Style::Long | Style::Folded => LONG_TABLE,
        Style::Plain | Style::Plot => TABLE,
    };
    let drawing_width = match plot {
        true if table.columns.len() > CROWDED => CROWDED_PLOT_WIDTH,
        true => PLOT_WIDTH,
        false => BAR_WIDTH,
    };
    let wordy = table.wordy();
    let setting = Setting { size, plot, columns: table.columns.len(), explained, glossary };
    document::Table {
        caption: vec![Span::new(&table.caption, Look::plain(CAPTION, QUIET))],
        columns: table.columns.iter().map(|column| head(column, plot, wordy, drawing_width)).collect(),
        rows: table
            .rows
            .iter()
            .map(|row| row.cells.iter().map(|cell| setting.cell(cell, row)).collect())
            .collect(),
        vertical: if plot { Vertical::Middle } else { Vertical::Top },
        drawing_width,
        few: if wordy { FEW_WORDY } else { FEW },
    }
}

/// Plots of one question stand on one grid; elsewhere sentences take the room that is left.
fn head(column: &Column, plot: bool, wordy: bool, drawing_width: f32) -> document::Column {
    let width = match column.kind {
        ColumnKind::Number => Width::Cells,
        ColumnKind::Picture => Width::Exactly(drawing_width),
        ColumnKind::Prose => Width::Fills,
        ColumnKind::Name if plot => Width::Fills,
        _ if plot => Width::Exactly(PLOT_COLUMN),
        ColumnKind::Name if wordy => Width::UpTo { limit: WORDY_NAME, otherwise: WORDY_NAME },
        ColumnKind::Name | ColumnKind::Text if !wordy => Width::Flexible,
        ColumnKind::Name | ColumnKind::Text | ColumnKind::State => {
            Width::UpTo { limit: WORDY_NAME, otherwise: WORDY_TEXT }
        }
    };
    let mut head = document::Cell { drawing: column.axis.clone(), ..document::Cell::default() };
    if column.axis.is_none() {
        head.paragraphs.push(vec![Span::new(&column.heading, Look::plain(TABLE_HEAD, QUIET))]);
    }
    document::Column {
        head,
        told: column.heading.clone(),
        width,
        to_end: column.kind == ColumnKind::Number,
        names: column.kind == ColumnKind::Name,
    }
}

/// What all cells of a table share.
struct Setting<'a> {
    size: f32,
    plot: bool,
    columns: usize,
    explained: &'a BTreeSet<&'a str>,
    glossary: bool,
}

impl Setting<'_> {
    fn cell(&self, cell: &Cell, row: &Row) -> document::Cell {
        let (look, remark) = (Look::plain(self.size, INK), Look::plain(self.size * REMARK_EM, QUIET));
        let mut paragraphs = Vec::new();
        let mut drawing = None;
        let mut name = None;
        match cell {
            Cell::Text { text } => {
                let pale = self.plot && self.columns > 3 && row.state == Some(State::Undefined);
                let look = if pale { Look::plain(self.size, QUIET) } else { look };
                paragraphs.push(vec![Span::new(text, look)]);
            }
            Cell::Number { text, .. } => paragraphs.push(vec![Span::new(text, look)]),
            Cell::Metric { name: metric, code, asks, linked } => {
                let told = || Rc::from(format!("{code} in the glossary"));
                let link = linked.then(|| Link { to: Rc::from(code.as_str()), told: told() });
                paragraphs.push(vec![
                    Span::new(metric, look),
                    Span::new(" (", look),
                    Span { link, ..Span::new(code, remark) },
                    Span::new(")", look),
                ]);
                if !asks.is_empty() {
                    paragraphs.push(vec![Span::new(asks, remark)]);
                }
                name = Some(Rc::from(code.as_str()))
                    .filter(|_| self.glossary && self.explained.contains(code.as_str()));
            }
            Cell::Name { text, remark: below } => {
                paragraphs.push(vec![Span::new(text, look)]);
                if !below.is_empty() {
                    paragraphs.push(vec![Span::new(below, remark)]);
                }
            }
            Cell::State { state, text } => {
                let colour: Colour = charts::colour(*state);
                let bold = *state == State::Moved;
                let look = if bold { Look::bold(self.size, colour) } else { Look::plain(self.size, colour) };
                paragraphs.push(vec![Span::new(format!("{} {text}", state.mark()), look)]);
            }
            Cell::Picture { drawing: picture } => drawing = Some(picture.clone()),
        }
        document::Cell { paragraphs, drawing, name }
    }
}

#[cfg(test)]
#[path = "pdf_tests.rs"]
mod tests;
