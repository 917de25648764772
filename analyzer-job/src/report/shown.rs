//! Texts as all writers show them: characters that turn the direction of text as `\u{202e}`, so that what is read is
//! what the data hold.

use std::borrow::Cow;

use plumbline_common::problem::turns_text;

use super::letters::{spelled, visible};
use super::page::{Block, Report};
use super::tables::{Cell, Table};
use crate::paper::drawing::{Drawing, Shape};

/// The report with all its texts so. Its data stay as they are.
pub(super) fn shown(report: &Report) -> Report {
    let mut report = report.clone();
    let Report { title, subject, headline, state: _, lead, facts, sections, program, data: _ } = &mut report;
    [title, headline, program].into_iter().chain(subject).chain(lead).chain(facts).for_each(show);
    for section in sections {
        show(&mut section.heading);
        section.blocks.iter_mut().for_each(block);
    }
    report
}

fn block(block: &mut Block) {
    match block {
        Block::Text { text } | Block::Note { text } | Block::Verbatim { text } => show(text),
        Block::Points { points } => points.iter_mut().for_each(show),
        Block::Table(found) => table(found),
        Block::Figures { figures, code } => {
            for figure in figures {
                show(&mut figure.caption);
                show(&mut figure.alt);
                drawing(&mut figure.drawing);
            }
            code.iter_mut().for_each(as_code);
        }
    }
}

fn table(table: &mut Table) {
    let Table { caption, columns, rows, style: _, code } = table;
    show(caption);
    for column in columns {
        show(&mut column.heading);
        column.axis.iter_mut().for_each(drawing);
    }
    for cell in rows.iter_mut().flat_map(|row| &mut row.cells) {
        match cell {
            Cell::Text { text } | Cell::State { text, .. } => show(text),
            Cell::Number { text, exact } => [text, exact].into_iter().for_each(show),
            Cell::Metric { name, code, asks, .. } => [name, code, asks].into_iter().for_each(show),
            Cell::Name { text, remark } => [text, remark].into_iter().for_each(show),
            Cell::Picture { drawing: picture } => drawing(picture),
        }
    }
    code.iter_mut().for_each(as_code);
}

fn drawing(drawing: &mut Drawing) {
    for shape in &mut drawing.shapes {
        if let Shape::Text { text, .. } = shape {
            show(text);
        }
    }
}

fn show(text: &mut String) {
    if let Cow::Owned(shown) = visible(text) {
        *text = shown;
    }
}

/// Strings of Python, in which such a character is spelled by its number.
fn as_code(code: &mut String) {
    if code.contains(turns_text) {
        *code = spelled(code);
    }
}
