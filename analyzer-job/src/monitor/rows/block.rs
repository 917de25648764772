//! A block of rows: the text of all cells in one place, and where each cell stands in it.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where a cell stands in the text of its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// A missing value.
    pub(crate) const MISSING: Span = Span { start: u32::MAX, end: u32::MAX };

    pub(crate) fn new(range: Range<usize>) -> Span {
        Span { start: range.start as u32, end: range.end as u32 }
    }

    /// A place that counts from `made` becomes one that counts from `start`.
    pub(crate) fn place_made(&mut self, made: usize, start: usize) {
        if *self != Span::MISSING && self.start as usize >= made {
            *self = Span::new(self.start as usize - made + start..self.end as usize - made + start);
        }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Rows of cells as written. Every row has `width` cells.
#[derive(Debug, Clone, Default)]
pub struct Block {
    text: String,
    /// Row after row.
    cells: Vec<Span>,
    width: usize,
    /// Line of the record of each row.
    lines: Vec<u64>,
    file: PathBuf,
}

impl Block {
    /// Blocks are handed on once their text is as long as this; a single row may be longer.
    pub(crate) const BYTES: usize = 1 << 20;

    /// Where the rows come from, relative to the folder of the data.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Line on which the record of a row begins; in Parquet the number of the row, from 1.
    pub fn line(&self, row: usize) -> u64 {
        self.lines[row]
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows without a cell, such as `{}` before any column is known, are rows too.
    pub fn rows(&self) -> usize {
        self.lines.len()
    }

    /// The cell as written; `None` when it is missing. An empty text is a value.
    pub fn cell(&self, row: usize, column: usize) -> Option<&str> {
        self.get(self.cells[row * self.width + column])
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn span(&self, row: usize, column: usize) -> Span {
        self.cells[row * self.width + column]
    }

    /// The same text with `made` behind it, and other rows that point into both.
    pub(super) fn with_cells(mut self, made: &str, cells: Vec<Span>, width: usize, lines: Vec<u64>) -> Block {
        self.text.push_str(made);
        Block { cells, width, lines, ..self }
    }

    /// A column from top to bottom.
    pub fn column(&self, column: usize) -> impl Iterator<Item = Option<&str>> {
        self.cells.iter().skip(column).step_by(self.width.max(1)).map(|&span| self.get(span))
    }

    fn get(&self, span: Span) -> Option<&str> {
        (span != Span::MISSING).then(|| &self.text[span.range()])
    }

    /// The same memory for other rows.
    pub(crate) fn cleared(mut self, width: usize) -> Block {
        self.text.clear();
        self.cells.clear();
        self.lines.clear();
        self.width = width;
        self
    }

    /// Columns were added: the rows so far lack them.
    pub(crate) fn widen(&mut self, width: usize) {
        if width == self.width {
            return;
        }
        let cells = std::mem::take(&mut self.cells);
        for row in 0..self.lines.len() {
            self.cells.extend_from_slice(&cells[row * self.width..(row + 1) * self.width]);
            self.cells.extend(std::iter::repeat_n(Span::MISSING, width - self.width));
        }
        self.width = width;
    }

    /// Appends a text that cells of this block will point into.
    pub(crate) fn push_text(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        Span::new(start..self.text.len())
    }

    /// Appends a row; cells that it lacks are missing.
    pub(crate) fn push_row(&mut self, cells: &[Span], line: u64) {
        debug_assert!(cells.len() <= self.width);
        self.lines.push(line);
        self.cells.extend_from_slice(cells);
        self.cells.extend(std::iter::repeat_n(Span::MISSING, self.width - cells.len()));
    }

    /// A block over a text that was read, with the cells that were found in it.
    pub(crate) fn new(text: String, cells: Vec<Span>, width: usize, lines: Vec<u64>) -> Block {
        Block { text, cells, width, lines, file: PathBuf::new() }
    }

    pub(crate) fn set_file(&mut self, file: &Path) {
        if self.file != file {
            self.file = file.to_path_buf();
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= Block::BYTES
    }

    /// The memory of its text, for another one.
    pub(crate) fn into_text(self) -> Vec<u8> {
        let mut text = self.text.into_bytes();
        text.clear();
        text
    }
}
