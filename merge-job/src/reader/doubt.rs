//! Which rows behind damage are no records, since they may be the rest of a damaged row: half a row is never a record.
//!
//! The damage of a row is taken to be one quote too many or too few, a line end, or a row that is cut. Its end then is one of
//! these:
//! - Its quotes do not work out, and its own line does not end with an id and a time. Each of the next rows may be its
//!   end, and where a quote stands in one, this is the last: up to here the row's quotes and those of a good one tell
//!   different things, so the damage lies before its end.
//! - A cell in quotes that was never seen to begin ends in one of the next rows.
//! - A line end divides it, and the row behind is what it lacks: with it, and only with it, it is as wide as the rows of
//!   the file.
//! - Several line ends divide it, or it is not known what damaged it: its last line is narrower or wider than the rows of
//!   the file.

use super::Reading;
use crate::json::{Cursor, Span};
use crate::record::{self, Bad, Side};
use crate::rows::{self, Row, RowAt};

/// So many rows behind a damaged one may be its end: one is, and lines of a cell may look like rows.
const DOUBTED_ROWS: u8 = 3;
/// The end of a cell, and the width of a row, are looked for in so many bytes.
const AHEAD: usize = 64 << 10;

/// What is known of damage before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// So many of the next rows may be the end of a damaged one.
    rows: u8,
    /// The first of them is counted with it.
    is_open: bool,
    /// A row stands directly before that may be divided.
    part: Option<Part>,
    /// Damage stands directly before, or a row over several lines, which damage may have made of one over more.
    may_close: bool,
    /// So many of the next rows are records only if they are as wide as the rows of the file.
    measured: u8,
}

/// What may be the first part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    /// Its cells: of brackets that do not close, the commas may be inside of one.
    least_cells: usize,
    cells: usize,
    /// Without quotes and alone it is rather a line that is no row, such as a heading.
    is_sure_of_rest: bool,
}

impl Doubt {
    /// A record that is no row was read.
    pub(super) fn pass_record(&mut self) {
        let rows = self.rows.saturating_sub(1);
        *self = Doubt { rows, measured: self.measured.saturating_sub(1), ..Doubt::default() };
    }

    /// Damage that is counted.
    pub(super) fn pass_damage(&mut self) {
        self.may_close = true;
    }

    /// Whatever was no record, a row may be the rest of it.
    pub(super) fn measure_rows(&mut self) {
        self.measured = DOUBTED_ROWS;
    }

    /// Nothing that a text begins with is doubted.
    pub(super) fn trusts(self, text: &[u8]) -> bool {
        let head = text.get(..text.len().min(AHEAD)).unwrap_or_default();
        self == Doubt::default()
            || self == Doubt { may_close: true, ..Doubt::default() }
                && head.first().is_some_and(|first| !first.is_ascii_whitespace())
                && !is_end_of_row(head, rows::rest_of_row(head, 0, true))
    }

    /// A row that was doubted, or what looks like one, had no quote that ends the doubt.
    fn less(self) -> Doubt {
        Doubt {
            rows: self.rows.saturating_sub(1),
            measured: self.measured.saturating_sub(1),
            ..Doubt::default()
        }
    }
}

impl<S: Side> Reading<'_, '_, S> {
    /// Whether a row, which has an id and a time, may be the rest of a damaged one; none when that is not known yet. If so,
    /// it is counted, unless it is with the damaged one.
    pub(super) fn is_doubted(&mut self, row: &Row) -> Option<bool> {
        let doubt = self.doubt;
        let behind = Doubt { may_close: row.has_quoted && row.has_line_ends(self.text), ..Doubt::default() };
        if doubt == Doubt::default() {
            self.doubt = behind;
            return Some(false);
        }
        if doubt.rows > 0 {
            let next = self.behind_doubted(row.span)?;
            if !doubt.is_open {
                self.bad(Bad::HalfRow);
            }
            self.doubt = next;
            return Some(true);
        }
        if let Some(Part { least_cells, cells, is_sure_of_rest }) = doubt.part
            && let Some(width) = self.width(row)?
            && (least_cells + row.cells..=cells + row.cells).contains(&(width + 1))
            && (is_sure_of_rest || row.cells != width)
        {
            if row.cells == width {
                self.bad(Bad::HalfRow);
            }
            self.doubt = Doubt::default();
            return Some(true);
        }
        if doubt.may_close && row.stray_quote && self.closes(row) {
            self.bad(Bad::HalfRow);
            self.doubt = Doubt::default();
            return Some(true);
        }
        if doubt.measured > 0 && self.width(row)?.is_some_and(|width| row.cells != width) {
            self.bad(Bad::HalfRow);
            self.doubt = doubt.less();
            return Some(true);
        }
        self.doubt = behind;
        Some(false)
    }

    /// What stands here up to the end of a line is no record and has no id and time: it may be the first part of a row.
    /// `has_quotes`: with quotes, which may be behind the end of its first line.
    pub(super) fn pass_first_part(&mut self, line_end: usize, has_quotes: bool) {
        self.doubt.measure_rows();
        if self.doubt.rows == 0 {
            let part = part(self.text, Span { start: self.row_start(), end: line_end }, false);
            self.doubt.part =
                part.map(|part| Part { is_sure_of_rest: part.is_sure_of_rest || has_quotes, ..part });
        }
    }

    /// Passes a row that is none: `whole` when its quotes work out and it only lacks an id and a time.
    pub(super) fn pass_damaged_row(&mut self, bad: Bad, whole: Option<Row>) -> bool {
        let start = self.row_start();
        let Some(line_end) = self.line_end_nearby(start) else {
            self.at = self.line_start;
            return false;
        };
        let line = Span { start, end: line_end.unwrap_or(start) };
        let has_id = rows::ends_with_id_and_time(line.of(self.text));
        // What ends with an id and a time is over with its line.
        let whole = whole.filter(|_| !has_id);
        let Some(next) = self.behind_damaged(line, whole, has_id) else {
            self.at = self.line_start;
            return false;
        };
        if !(self.doubt.rows > 0 && self.doubt.is_open) {
            self.bad(bad);
        }
        self.doubt = Doubt { may_close: true, measured: DOUBTED_ROWS, ..next };
        match whole.filter(|row| row.span.end > line.end) {
            Some(row) if row.ends_at_return == self.returns_end_rows => self.go_to(row.span.end),
            Some(row) => {
                self.skipping = Some(super::Skipping::Line);
                self.go_to(row.span.end)
            }
            // A record may stand behind what this line begins with.
            None => {
                self.skipping = Some(super::Skipping::Line);
                true
            }
        }
    }

    fn behind_damaged(&mut self, line: Span, whole: Option<Row>, has_id: bool) -> Option<Doubt> {
        let doubt = self.doubt;
        if whole.is_none() && !has_id {
            return Some(Doubt { rows: DOUBTED_ROWS, is_open: true, ..Doubt::default() });
        }
        if doubt.rows > 0 {
            return if has_id { self.behind_doubted(line) } else { Some(doubt) };
        }
        let end = whole.map_or(line.end, |row| row.span.end.max(line.end));
        if self.closes_ahead(end)? {
            return Some(Doubt { rows: DOUBTED_ROWS, is_open: !has_id, ..Doubt::default() });
        }
        let part = part(self.text, Span { end, ..line }, has_id);
        Some(Doubt { part, ..Doubt::default() })
    }

    /// What is in doubt behind a row that is, or a line that looks like one.
    fn behind_doubted(&mut self, row: Span) -> Option<Doubt> {
        if rows::lone_quote(self.text, row.start, row.end).is_none() {
            return Some(self.doubt.less());
        }
        let rows = if self.closes_ahead(row.end)? { DOUBTED_ROWS } else { 0 };
        Some(Doubt { rows, ..self.doubt.less() })
    }

    /// Whether a row ends a cell in quotes that began before it.
    fn closes(&self, row: &Row) -> bool {
        let text = self.text.get(..row.span.end).unwrap_or_default();
        is_end_of_row(text, rows::rest_of_row(text, row.span.start, true))
    }

    /// Whether one of the rows behind a line end, if these bytes stood inside of a cell in quotes, ends that cell; none when
    /// that is not known yet.
    fn closes_ahead(&mut self, line_end: usize) -> Option<bool> {
        let farthest = line_end.saturating_add(AHEAD);
        let text = self.text.get(..farthest).unwrap_or(self.text);
        // Where a line is followed by others without a quote, each would look for the next one.
        let known = &mut self.no_quotes;
        if !(known.start..=known.end).contains(&line_end) {
            *known = line_end..line_end;
        }
        let unknown = text.get(known.end..).unwrap_or_default();
        known.end = known.end.max(memchr::memchr(b'"', unknown).map_or(text.len(), |at| known.end + at));
        let quote = known.end;
        let ended = self.ended && text.len() == self.text.len();
        if quote >= text.len() {
            return (self.ended || self.text.len() >= farthest).then_some(false);
        }
        match rows::rest_of_row(text, quote, ended) {
            RowAt::Open { .. } if !self.ended && self.text.len() < farthest => None,
            row => Some(
                is_end_of_row(text, row) && {
                    let end = rows::lone_quote(text, quote, text.len()).unwrap_or(quote);
                    let mut lines =
                        Span { start: line_end, end }.of(text).split(|byte| matches!(byte, b'\n' | b'\r'));
                    // The last one is where the cell ends.
                    lines.next_back();
                    let rows = lines
                        .filter(|line| rows::ends_with_id_and_time(line))
                        .take(usize::from(DOUBTED_ROWS));
                    rows.count() < usize::from(DOUBTED_ROWS)
                },
            ),
        }
    }

    /// The width of the rows of the file, by the last one before, else by the one behind this; none when that is not known
    /// yet.
    fn width(&mut self, row: &Row) -> Option<Option<usize>> {
        if self.width.is_some() {
            return Some(self.width);
        }
        self.lacked_width = true;
        let farthest = row.span.end.saturating_add(AHEAD);
        let text = self.text.get(..farthest).unwrap_or(self.text);
        let ended = self.ended && text.len() == self.text.len();
        let mut end = row.span.end;
        loop {
            let behind = text.get(end..).unwrap_or_default();
            let next = end + behind.len() - behind.trim_ascii_start().len();
            let mut cursor = Cursor::new(text, next, &mut self.workspace.open);
            let is_record = record::object(&mut cursor).is_ok_and(|object| object.is_record());
            match rows::row(text, next, ended) {
                // A record of JSON is no row, whatever stands behind it; one with a lone quote may be none.
                RowAt::Row(row)
                    if !is_record && !row.stray_quote && record::id_and_time(text, &row).is_some() =>
                {
                    return Some(Some(row.cells));
                }
                RowAt::Row(row) if row.span.end > next => end = row.span.end,
                RowAt::Open { .. } if !self.ended && self.text.len() < farthest => return None,
                RowAt::Row(_) | RowAt::Open { .. } | RowAt::Broken { .. } => return Some(None),
            }
        }
    }
}

fn part(text: &[u8], line: Span, has_id: bool) -> Option<Part> {
    let (cells, end) = match rows::row(text.get(..line.end)?, line.start, true) {
        RowAt::Row(row) => (row.cells, row.span.end),
        RowAt::Broken { cells, .. } | RowAt::Open { cells } => (cells, line.end),
    };
    let inside = text.get(line.start..end)?;
    let is_open =
        memchr::memchr2_iter(b'{', b'[', inside).count() > memchr::memchr2_iter(b'}', b']', inside).count();
    let least_cells = if is_open { 1 } else { cells };
    let has_quotes = memchr::memchr(b'"', inside).is_some();
    Some(Part { least_cells, cells, is_sure_of_rest: has_quotes && !has_id })
}

fn is_end_of_row(text: &[u8], rest: RowAt) -> bool {
    matches!(rest, RowAt::Row(row) if !row.stray_quote && record::id_and_time(text, &row).is_some())
}
