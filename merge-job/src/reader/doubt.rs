//! Which rows behind damage are no records, since they may be the rest of a damaged row: half a row is never a record.
//!
//! A row ends with an id and a time, so where one ends and the next one ends, one row stands between. If all of that is a
//! row, it is a record. If not, it is lines that are none, and behind them either a row or the rest of one:
//! - Where the quotes of the lines do not work out, the rest. Which row is the end of it is not known: lines in quotes may
//!   look like rows. Where a quote stands in one, this is the last: up to here the row's quotes and those of a good one tell
//!   different things, so the damage lies before its end. Only if a cell in quotes ends behind it, doubt goes on, but not anew:
//!   in a file whose unquoted cells have quotes every row looks so.
//! - Else a row, if it is as wide as the rows of the file and ends nothing that it does not begin, such as a cell in quotes.

use super::Reading;
use crate::json::Span;
use crate::record::{self, Bad, Side};
use crate::rows::{self, Row, RowAt};

/// So many rows behind a damaged one may be its end: one is, and lines of a cell may look like rows.
const DOUBTED_ROWS: u8 = 3;
/// The end of a cell is looked for in so many bytes.
const AHEAD: usize = 64 << 10;

/// What is known of damage before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// So many of the next rows may be the end of a damaged one.
    rows: u8,
    /// The first of them is counted with it.
    is_open: bool,
    /// What stands behind the last row, and is none.
    lines: Option<Lines>,
    /// Damage stands directly before, or a row over several lines, which damage may have made of one over more.
    may_close: bool,
}

/// Lines that are no rows, and may be the first part of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lines {
    /// The commas that separate its cells: behind a bracket that does not close, they may be inside of one.
    commas: usize,
    /// A bracket does not close.
    in_brackets: bool,
    /// A cell is in quotes.
    has_quoted: bool,
    /// The last of them ends with an id and a time, so nothing goes on behind it.
    is_over: bool,
    /// A bad record stands for them.
    is_counted: bool,
}

impl Lines {
    /// What a line says by itself; none when its quotes do not work out.
    fn of(line: &[u8]) -> Option<Lines> {
        if rows::opens_brackets(line) {
            return Some(Lines { in_brackets: true, ..Lines::default() });
        }
        match rows::measured_row(line, 0, true) {
            RowAt::Row(row) if !row.is_torn => Some(Lines::of_row(&row)),
            RowAt::Row(_) | RowAt::Broken { .. } | RowAt::Open => None,
        }
    }

    /// What a row without an id and a time says, of which the cells were counted.
    fn of_row(row: &Row) -> Lines {
        Lines { commas: row.cells - 1, has_quoted: row.has_quoted, ..Lines::default() }
    }

    fn and(self, next: Lines) -> Lines {
        Lines {
            commas: self.commas + if self.in_brackets { 0 } else { next.commas },
            in_brackets: self.in_brackets || next.in_brackets,
            has_quoted: self.has_quoted || next.has_quoted,
            is_over: false,
            is_counted: self.is_counted || next.is_counted,
        }
    }
}

impl Doubt {
    /// A record that is no row was read.
    pub(super) fn pass_record(&mut self) {
        *self = self.less();
    }

    /// Damage that is counted.
    pub(super) fn pass_damage(&mut self) {
        self.may_close = true;
        let unknown = Lines { in_brackets: true, ..Lines::default() };
        self.lines.get_or_insert(unknown).is_counted = true;
    }

    /// Nothing that a text begins with is doubted.
    pub(super) fn trusts(self, text: &[u8]) -> bool {
        let head = text.get(..text.len().min(AHEAD)).unwrap_or_default();
        self == Doubt::default()
            || self == Doubt { may_close: true, ..Doubt::default() }
                && head.first().is_some_and(|first| !first.is_ascii_whitespace())
                && !is_end_of_row(head, rows::rest_of_row(head, 0, true))
    }

    /// A record, or a row that was doubted, had no quote that ends the doubt.
    fn less(self) -> Doubt {
        Doubt { rows: self.rows.saturating_sub(1), ..Doubt::default() }
    }

    fn add(&mut self, lines: Lines) {
        self.lines =
            Some(self.lines.filter(|before| !before.is_over).map_or(lines, |before| before.and(lines)));
    }
}

impl<S: Side> Reading<'_, '_, S> {
    /// Whether a row, which has an id and a time, may be the rest of a damaged one; none when that is not known yet. If so,
    /// it is counted, unless it is with the damaged one.
    pub(super) fn is_doubted(&mut self, row: &Row) -> Option<bool> {
        let doubt = self.doubt;
        if doubt.rows > 0 {
            let next = self.behind_doubted(row.span)?;
            if !doubt.is_open {
                self.bad(Bad::HalfRow);
            }
            self.doubt = next;
            return Some(true);
        }
        let may_close = row.has_quoted && row.has_line_ends(self.text);
        let (is_rest, is_counted) = doubt.lines.map_or((false, false), |lines| {
            let cells = self.measured(row).cells;
            (!self.fits(lines, row, cells), self.is_torn(lines, cells))
        });
        let is_rest = is_rest || doubt.may_close && row.stray_quote && self.closes(row);
        if is_rest && !is_counted {
            self.bad(Bad::HalfRow);
        }
        self.doubt = Doubt { may_close, ..Doubt::default() };
        Some(is_rest)
    }

    /// Whether a row behind lines that are none is one.
    fn fits(&self, lines: Lines, row: &Row, cells: usize) -> bool {
        let text = row.span.of(self.text);
        // Where nothing says how wide rows are, a heading of one cell may be one.
        let is_wide = self.width.map_or(lines.commas == 0, |width| cells == width);
        let may_lack_first_cell = lines.commas == 0
            && match text.trim_ascii_start().first() {
                Some(b',') => true,
                // A doubled quote may be divided.
                Some(b'"') => lines.has_quoted,
                _ => false,
            };
        let may_lack_bracket = lines.in_brackets && (row.stray_quote || closes_brackets(text));
        lines.is_over || is_wide && !may_lack_first_cell && !may_lack_bracket
    }

    /// Whether lines that were counted, and a row that is narrower than those of the file, are one row.
    fn is_torn(&self, lines: Lines, cells: usize) -> bool {
        let is_known = lines.is_counted && !lines.is_over && !lines.in_brackets;
        is_known && self.width.is_some_and(|width| cells < width && lines.commas + cells == width)
    }

    /// A row with its cells counted.
    fn measured(&self, row: &Row) -> Row {
        match rows::measured_row(self.text.get(..row.span.end).unwrap_or_default(), row.span.start, true) {
            RowAt::Row(row) => row,
            RowAt::Broken { .. } | RowAt::Open => *row,
        }
    }

    /// The line here, whatever JSON it holds, is no row; none when its end is not known yet.
    pub(super) fn pass_line_of_json(&mut self) -> Option<()> {
        let start = self.row_start();
        let end = self.line_end_nearby(start)?.unwrap_or(start);
        let line = Span { start, end }.of(self.text);
        if self.doubt.rows > 0 {
            return Some(());
        }
        match Lines::of(line) {
            _ if rows::ends_with_id_and_time(line) => {
                let lines = Some(Lines { is_over: true, ..Lines::default() });
                self.doubt = Doubt { may_close: true, lines, ..Doubt::default() };
            }
            Some(lines) => self.doubt.add(lines),
            None => self.doubt = Doubt { rows: DOUBTED_ROWS, is_open: true, ..Doubt::default() },
        }
        Some(())
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
        let is_counted = self.doubt.rows > 0 && self.doubt.is_open;
        self.doubt = next;
        if !is_counted {
            self.found.push(super::Found { line: self.line, what: Err(bad) });
        }
        match whole.filter(|row| row.span.end > line.end) {
            Some(row) if row.ends_at_return == self.returns_end_rows => self.go_to(row.span.end),
            Some(row) => {
                self.skipping = Some(super::Skipping::Line);
                self.go_to(row.span.end)
            }
            // A record may stand behind what this line begins with, but not there: that is what was counted.
            None => {
                self.skipping = Some(super::Skipping::Line);
                self.go_to(self.at + 1)
            }
        }
    }

    fn behind_damaged(&mut self, line: Span, whole: Option<Row>, has_id: bool) -> Option<Doubt> {
        let doubt = Doubt { may_close: true, ..self.doubt };
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
        if has_id {
            return Some(Doubt { may_close: true, ..Doubt::default() });
        }
        let lines = whole.map(|row| Lines::of_row(&self.measured(&row))).unwrap_or_default();
        let mut doubt = doubt;
        doubt.add(Lines { is_counted: true, ..lines });
        Some(doubt)
    }

    /// What is in doubt behind a row that is, or a line that looks like one.
    fn behind_doubted(&mut self, row: Span) -> Option<Doubt> {
        let less = self.doubt.less();
        let goes_on = less.rows > 0
            && (rows::lone_quote(self.text, row.start, row.end).is_none() || self.closes_ahead(row.end)?);
        Some(if goes_on { less } else { Doubt::default() })
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
            RowAt::Open if !self.ended && self.text.len() < farthest => None,
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
}

fn is_end_of_row(text: &[u8], rest: RowAt) -> bool {
    matches!(rest, RowAt::Row(row) if !row.stray_quote && record::id_and_time(text, &row).is_some())
}

/// Whether a text closes a bracket that it does not open.
fn closes_brackets(text: &[u8]) -> bool {
    let mut open = 0usize;
    text.iter().any(|byte| {
        match byte {
            b'{' | b'[' => open += 1,
            b'}' | b']' if open == 0 => return true,
            b'}' | b']' => open -= 1,
            _ => {}
        }
        false
    })
}
