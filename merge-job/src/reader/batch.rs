//! Rows of a batch transform among the values of a text: whether one begins here, and where it ends.

use super::state::{DamagedRow, Returns, Skipping};
use super::{Found, Reading};
use crate::json::Cursor;
use crate::record::{self, Bad, Side};
use crate::rows::{self, Row, RowAt};

/// What a look for a row of a batch transform gives.
pub(super) enum RowHere {
    Whole(Row),
    /// A line that ends as a row does, and is none.
    Broken,
    None,
    /// The text ends inside of what may be one.
    Unsure,
}

impl<S: Side> Reading<'_, '_, S> {
    /// A carriage return in a line whose rows end so: a line begins behind it when it is a bare one.
    pub(super) fn carriage_return(&mut self) -> bool {
        let Some(is_bare) = rows::is_bare_return(self.text, self.at, self.ended) else { return false };
        self.at += 1;
        if is_bare {
            self.line += 1;
            self.before = 0;
            self.line_start = self.at;
            self.inside_line = false;
            (self.returns, self.returned) = (Returns::Pass, 0);
        }
        true
    }

    /// Where the row begins that the first byte of a line opens: behind the line's start, blanks included, or behind a
    /// carriage return among them.
    fn row_start(&self) -> usize {
        let blank = self.text.get(self.line_start..self.at).unwrap_or_default();
        memchr::memrchr(b'\r', blank).map_or(self.line_start, |at| self.line_start + at + 1)
    }

    /// What begins as an object may be the first cell of a row; none when it is not.
    pub(super) fn row_with_object(&mut self) -> Option<bool> {
        if !S::HAS_ROWS || !self.opens_line() {
            return None;
        }
        match self.row_here(self.row_start()) {
            RowHere::Whole(row) => {
                if self.is_rest_of_damaged_row(&row, true) {
                    self.skipping = Some(Skipping::Line);
                    return Some(true);
                }
                let what = self.row_record(&row);
                self.found.push(Found { line: self.line, what });
                self.go_to(row.span.end);
                self.returns_end_rows |= row.ends_at_return;
                Some(true)
            }
            RowHere::Broken => {
                self.bad(Bad::BrokenRow);
                self.damaged_row = Some(DamagedRow { may_be_over: true, ..DamagedRow::default() });
                self.skipping = Some(Skipping::Line);
                Some(true)
            }
            RowHere::Unsure => Some(false),
            RowHere::None => None,
        }
    }

    /// A row with an id and a time begins with the line at `start`. Ends that lie far away are not looked for, so that
    /// memory need not hold the text up to the next quote.
    fn row_here(&self, start: usize) -> RowHere {
        const FARTHEST: usize = 1 << 20;
        if !S::HAS_ROWS {
            return RowHere::None;
        }
        let farthest = start.saturating_add(FARTHEST.min(self.longest));
        let text = self.text.get(..farthest).unwrap_or(self.text);
        match rows::row(text, start, self.ended && text.len() == self.text.len()) {
            RowAt::Row(row) if record::id_and_time(text, &row).is_some() => {
                // In JSON a carriage return is a blank.
                match row.ends_at_return.then(|| self.do_returns_end_rows(row.span.end)) {
                    None | Some(Some(true)) => RowHere::Whole(row),
                    Some(Some(false)) => RowHere::None,
                    Some(None) => RowHere::Unsure,
                }
            }
            RowAt::Open if !self.ended && self.text.len() < farthest => RowHere::Unsure,
            RowAt::Broken(at) => {
                let line = text.get(start..).unwrap_or_default();
                let length = memchr::memchr(b'\n', line);
                if length.is_none() && !self.ended && self.text.len() < farthest {
                    return RowHere::Unsure;
                }
                let line = &line[..length.unwrap_or(line.len())];
                let is_one_line =
                    at < start + line.len() && memchr::memchr(b'\r', line.trim_ascii_end()).is_none();
                if is_one_line && rows::ends_with_id_and_time(line) { RowHere::Broken } else { RowHere::None }
            }
            _ => RowHere::None,
        }
    }

    /// Whether a row, which `has_id` and a time or not, may be the rest of a damaged one. Half a row is no record; it is
    /// counted when the damaged row may have been over before.
    fn is_rest_of_damaged_row(&mut self, row: &Row, has_id: bool) -> bool {
        let Some(damaged) = &mut self.damaged_row else { return false };
        let DamagedRow { has_open_quote, lacks_id, may_be_over } = *damaged;
        if !(row.stray_quote || (has_open_quote && !has_id || lacks_id) && !may_be_over) {
            // A whole row in a line of its own is that row, also where the cell's quote comes behind it.
            self.damaged_row = has_open_quote.then_some(DamagedRow { may_be_over: true, ..*damaged });
            return false;
        }
        let is_counted = !has_open_quote && may_be_over;
        let ends_quote = has_open_quote && row.stray_quote;
        if has_id && (ends_quote || !has_open_quote) {
            self.damaged_row = None;
        } else if ends_quote {
            (damaged.has_open_quote, damaged.lacks_id) = (false, true);
        }
        if is_counted {
            self.bad(Bad::HalfRow);
        }
        true
    }

    /// Counts a row that is none, of which `broken` tells where its cell goes on behind a closing quote.
    fn count_damaged_row(&mut self, broken: Option<usize>) {
        let start = self.row_start();
        let is_known = self.damaged_row.is_some_and(|row| row.has_open_quote || !row.may_be_over);
        if !is_known {
            self.bad(if broken.is_some() { Bad::BrokenRow } else { Bad::NotABatchRow });
        }
        let inside = self.text.get(start..broken.unwrap_or(start)).unwrap_or_default();
        let closing = memchr::memrchr(b'"', inside).unwrap_or_default();
        // Behind these it rather opens a cell or a text of JSON, and the first cell was never closed.
        let closes = |byte: &u8| !matches!(byte, b' ' | b'\t' | b',' | b'\n' | b'\r' | b'{' | b'[' | b':');
        // So it does in what is left of JSON.
        let is_json = memchr::memchr2(b'{', b'[', inside).is_some()
            || broken.is_some_and(|at| self.text.get(at) == Some(&b':'));
        let has_open_quote = !is_json
            && memchr::memchr(b'\n', inside).is_some()
            && inside.get(closing.wrapping_sub(1)).is_some_and(closes);
        let line = self.text.get(start..).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let may_be_over = !has_open_quote && rows::ends_with_id_and_time(line);
        self.damaged_row = Some(DamagedRow { has_open_quote, lacks_id: false, may_be_over });
    }

    /// As `row_here`, behind damage: a quote in an unquoted cell may be the end of a cell that began in the damage.
    pub(super) fn row_behind_damage(&self, start: usize) -> RowHere {
        match self.row_here(start) {
            RowHere::Whole(row) if row.stray_quote => RowHere::None,
            here => here,
        }
    }

    fn row_record(&mut self, row: &Row) -> Result<S::Item, Bad> {
        match std::str::from_utf8(row.span.of(self.text)) {
            Ok(_) => self.side.row(self.text, row, self.made),
            Err(error) => Err(Bad::NotUtf8 { column: self.column(row.span.start + error.valid_up_to()) }),
        }
    }

    /// A line of the captures' side begins with another byte than `{`: a row of a batch transform, JSON, or neither.
    pub(super) fn row(&mut self, byte: u8) -> bool {
        let is_json = matches!(byte, b',' | b'[' | b']');
        if is_json {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let stops = |byte: &u8| !matches!(byte, b',' | b'[' | b']' | b' ' | b'\t' | b'\r');
            let first = rest.iter().position(stops);
            match first.map(|length| rest[length]) {
                // A value of a list, or a cell of a row behind empty ones or inside of brackets.
                Some(b'{') => match self.row_here(self.row_start()) {
                    RowHere::Whole(_) if !self.lists_record(first.unwrap_or_default()) => {}
                    RowHere::Unsure => {
                        self.at = self.line_start;
                        return false;
                    }
                    RowHere::Broken if !self.lists_record(first.unwrap_or_default()) => {}
                    RowHere::Whole(_) | RowHere::Broken | RowHere::None => return self.go_to(self.at + 1),
                },
                Some(b'\n') => return self.go_to(self.at + 1),
                None if self.ended => return self.go_to(self.at + 1),
                _ => {}
            }
        }
        let too_long = self.text.len() - self.line_start > self.longest;
        let row = match rows::row(self.text, self.row_start(), self.ended || too_long) {
            RowAt::Row(row) if row.span.end - row.span.start <= self.longest => row,
            RowAt::Open if !self.ended && !too_long => {
                self.at = self.line_start;
                return false;
            }
            RowAt::Broken(at) if is_json => match self.row_here(self.row_start()) {
                RowHere::Broken => {
                    self.count_damaged_row(Some(at));
                    self.skipping = Some(Skipping::Line);
                    return true;
                }
                RowHere::Unsure => {
                    self.at = self.line_start;
                    return false;
                }
                RowHere::Whole(_) | RowHere::None => return self.go_to(self.at + 1),
            },
            _ if is_json => return self.go_to(self.at + 1),
            at @ (RowAt::Open | RowAt::Broken(_) | RowAt::Row(_)) => {
                let Some(returns_end_rows) = self.do_returns_end_rows(self.row_start()) else {
                    self.at = self.line_start;
                    return false;
                };
                self.count_damaged_row(if let RowAt::Broken(at) = at { Some(at) } else { None });
                self.returns_end_rows = returns_end_rows;
                self.skipping = Some(Skipping::Line);
                return true;
            }
        };
        let is_unsure = row.ends_at_return && !self.returns_end_rows;
        let made_before = self.made.len();
        let what = self.row_record(&row);
        let is_proven = match is_unsure && (is_json || what.is_err()) {
            true => self.do_returns_end_rows(row.span.end),
            false => Some(row.ends_at_return),
        };
        let Some(returns_end_rows) = is_proven else {
            self.made.truncate(made_before);
            self.at = self.line_start;
            return false;
        };
        if is_json && (what.is_err() || row.ends_at_return && !returns_end_rows) {
            self.made.truncate(made_before);
            return self.go_to(self.at + 1);
        }
        if self.is_rest_of_damaged_row(&row, what.is_ok()) {
            self.made.truncate(made_before);
            self.skipping = Some(Skipping::Line);
            return true;
        }
        let inside = row.span.of(self.text);
        let is_one_line = memchr::memchr(b'\n', inside).is_none()
            && !(returns_end_rows && memchr::memchr(b'\r', inside).is_some());
        let is_bad = what.is_err();
        self.found.push(Found { line: self.line, what });
        if is_bad && is_one_line {
            // A record may stand behind what this line begins with.
            self.returns_end_rows = returns_end_rows;
            self.skipping = Some(Skipping::Line);
            return true;
        }
        self.go_to(row.span.end);
        self.returns_end_rows |= returns_end_rows;
        true
    }

    /// Whether a bracket and the like lead to an object, so many bytes ahead, that is a record.
    fn lists_record(&mut self, length: usize) -> bool {
        let before = self.text.get(self.at..self.at + length).unwrap_or_default();
        let mut cursor = Cursor::new(self.text, self.at + length, &mut self.workspace.open);
        memchr::memchr2(b'[', b']', before).is_some()
            && record::object(&mut cursor).is_ok_and(|object| object.is_record())
    }

    /// Behind a line's damaged beginning: whether one of its next rows is one and ends at a bare carriage return, so that
    /// these end its rows. None when that is not known yet. What lies far away is not looked for.
    fn do_returns_end_rows(&self, mut from: usize) -> Option<bool> {
        const FARTHEST: usize = 1 << 20;
        const MOST_ROWS: usize = 16;
        if self.returns_end_rows {
            return Some(true);
        }
        let farthest = self.line_start.saturating_add(FARTHEST.min(self.longest));
        let text = self.text.get(..farthest).unwrap_or(self.text);
        let ended = self.ended || text.len() < self.text.len();
        for _ in 0..MOST_ROWS {
            loop {
                let rest = text.get(from..).unwrap_or_default();
                let Some(length) = memchr::memchr2(b'\r', b'\n', rest) else { return ended.then_some(false) };
                from += length + 1;
                if text.get(from - 1) == Some(&b'\n') {
                    return Some(false);
                }
                if rows::is_bare_return(text, from - 1, ended)? {
                    break;
                }
            }
            match rows::row(text, from, ended) {
                RowAt::Row(row) if !row.ends_at_return => return Some(false),
                RowAt::Row(row) if record::id_and_time(text, &row).is_some() => return Some(true),
                RowAt::Row(row) => from = row.span.end,
                RowAt::Broken(_) => {}
                RowAt::Open if !ended => return None,
                RowAt::Open => return Some(false),
            }
        }
        Some(false)
    }

    /// Where the line ends that stands at a place; none when that is not known yet.
    pub(super) fn line_end(&self, from: usize) -> Option<usize> {
        let mut at = from;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            if !self.returns_end_rows {
                return memchr::memchr(b'\n', rest).map(|length| at + length);
            }
            at += memchr::memchr2(b'\n', b'\r', rest)?;
            if self.text.get(at) == Some(&b'\n') || rows::is_bare_return(self.text, at, self.ended)? {
                return Some(at);
            }
            at += 1;
        }
    }
}
