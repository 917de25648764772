//! What a document holds before it is set: headings, paragraphs, lists, tables and figures.

use std::rc::Rc;

use super::drawing::{Colour, Drawing};

/// A whole document. The same document is always the same bytes.
pub(crate) struct Document {
    pub(crate) title: String,
    /// The program that made it.
    pub(crate) author: String,
    pub(crate) blocks: Vec<Block>,
    /// At the bottom of each page, beside the number of the page.
    pub(crate) footer: Vec<Span>,
    /// Stands at the end where a letter had to be written by its number, since no font has it.
    pub(crate) missing: Vec<Span>,
}

/// How a piece of text looks. Lengths are in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    pub(crate) size: f32,
    pub(crate) bold: bool,
    pub(crate) colour: Colour,
    /// Whether all digits are as wide.
    pub(crate) tabular: bool,
    /// How far it stands above the line.
    pub(crate) rise: f32,
}

impl Look {
    pub(crate) fn plain(size: f32, colour: Colour) -> Look {
        Look { size, bold: false, colour, tabular: true, rise: 0.0 }
    }

    pub(crate) fn bold(size: f32, colour: Colour) -> Look {
        Look { bold: true, ..Look::plain(size, colour) }
    }
}

/// Text of one look.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) look: Look,
    pub(crate) link: Option<Link>,
}

impl Span {
    pub(crate) fn new(text: impl Into<String>, look: Look) -> Span {
        Span { text: text.into(), look, link: None }
    }
}

/// A way to a named cell of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The name of the cell; a link to nowhere is plain text.
    pub(crate) to: Rc<str>,
    /// Where it leads, in words.
    pub(crate) told: Rc<str>,
}

pub(crate) enum Block {
    /// 1 for the document's own heading; 2 and more for those below. `name` is the bookmark.
    Heading {
        level: u8,
        name: String,
        spans: Vec<Span>,
    },
    Paragraph(Paragraph),
    /// A paragraph with a bar at its left.
    Note {
        spans: Vec<Span>,
        bar: Colour,
    },
    List {
        items: Vec<Vec<Span>>,
    },
    /// Side by side, a few in a row.
    Figures(Vec<Figure>),
    Table(Table),
}

pub(crate) struct Paragraph {
    pub(crate) spans: Vec<Span>,
    /// Share of the width of the page, up to 1.
    pub(crate) width: f32,
    /// Distance to the blocks above and below; of two distances that meet, the larger counts.
    pub(crate) gap: f32,
    /// Whether it stays on one page with the block below it.
    pub(crate) keep: bool,
}

pub(crate) struct Figure {
    pub(crate) caption: Vec<Span>,
    /// What it shows, in words.
    pub(crate) alt: String,
    pub(crate) drawing: Drawing,
}

pub(crate) struct Table {
    pub(crate) caption: Vec<Span>,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Where cells lower than their row stand.
    pub(crate) vertical: Vertical,
    /// Width of the drawings in its cells.
    pub(crate) drawing_width: f32,
    /// Up to so many rows stay on one page.
    pub(crate) few: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vertical {
    Top,
    Middle,
    Bottom,
}

pub(crate) struct Column {
    pub(crate) head: Cell,
    /// What the head says, where it is a drawing.
    pub(crate) told: String,
    pub(crate) width: Width,
    /// Whether its text stands at the right.
    pub(crate) to_end: bool,
    /// Whether its cells name their rows.
    pub(crate) names: bool,
}

/// How wide a column is, without the distance to its neighbours.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Width {
    /// As its widest cell; the words of its head are below each other.
    Cells,
    /// As its widest cell or head, or `otherwise` where that is over `limit`.
    UpTo { limit: f32, otherwise: f32 },
    /// This, or as its widest word.
    Exactly(f32),
    /// As wide as its text where there is room, down to its longest word.
    Flexible,
    /// Takes the room that is left.
    Fills,
}

#[derive(Default)]
pub(crate) struct Cell {
    /// One below the other.
    pub(crate) paragraphs: Vec<Vec<Span>>,
    /// Below the paragraphs; to readers who do not see it, the words around say the same.
    pub(crate) drawing: Option<Drawing>,
    /// The name by which links find it.
    pub(crate) name: Option<Rc<str>>,
}
