//! Rows of a batch transform among the values of a text: whether one begins here, and where it ends.

use super::state::{Returns, Skipping};
use super::{Found, Reading};
use crate::json::{Cursor, Span};
use crate::record::{self, Bad, Side};
use crate::rows::{self, Row, RowAt};

/// What may be a row without being known to is looked at so far.
const FARTHEST: usize = 1 << 20;
/// A row that goes over line ends may be so long. What may be one is held in memory, behind a quote that nothing ends too.
const LONGEST_OVER_LINES: usize = 16 << 20;

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
    pub(super) fn row_start(&self) -> usize {
        let blank = self.text.get(self.line_start..self.at).unwrap_or_default();
        memchr::memrchr(b'\r', blank).map_or(self.line_start, |at| self.line_start + at + 1)
    }

    /// What begins as an object, which reaches to a place, may be the first cell of a row; none when it is not.
    pub(super) fn row_with_object(&mut self, object_end: usize) -> Option<bool> {
        if !S::HAS_ROWS || !self.opens_line() {
            return None;
        }
        match self.row_from(self.row_start(), object_end) {
            RowHere::Whole(row) => Some(self.pass_row_with_object(&row)),
            RowHere::Broken => Some(self.pass_damaged_row(Bad::BrokenRow, None)),
            RowHere::Unsure => Some(false),
            RowHere::None => self.pass_line_of_json().is_none().then_some(false),
        }
    }

    /// As `row_with_object`, of an object that is a record: only with an id and a time of the row's own it is a cell.
    pub(super) fn row_with_record(&mut self, object_end: usize) -> Option<bool> {
        if !S::HAS_ROWS || !self.opens_line() {
            return None;
        }
        let mut behind = self.text.get(object_end..).unwrap_or_default().iter();
        let mut next = || behind.find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
        // In a list with an element on each line, nothing follows the comma.
        match next().map(|byte| (byte, (*byte == b',').then(&mut next))) {
            None | Some((b',', Some(None))) => return (!self.ended).then_some(false),
            Some((b',', Some(Some(byte)))) if *byte != b'\n' => {}
            Some(_) => return None,
        }
        match self.row_from(self.row_start(), object_end) {
            RowHere::Whole(row) => Some(self.pass_row_with_object(&row)),
            RowHere::Unsure => Some(false),
            RowHere::Broken | RowHere::None => None,
        }
    }

    /// Behind an object that is no record, from here to a place: whether what its line goes on with is rather the rest of a
    /// damaged row, and no more records, good or bad. None when that is not known yet.
    pub(super) fn is_of_row(&self, object_end: usize) -> Option<bool> {
        if !S::HAS_ROWS || self.width.is_none() || !self.opens_line() {
            return Some(false);
        }
        let behind = self.text.get(object_end..).unwrap_or_default();
        match behind.iter().find(|byte| !matches!(byte, b',' | b'[' | b']' | b' ' | b'\t' | b'\r')) {
            None => self.ended.then_some(false),
            Some(byte) => Some(!matches!(byte, b'{' | b'\n')),
        }
    }

    fn pass_row_with_object(&mut self, row: &Row) -> bool {
        let made_before = self.made.len();
        match self.row_record(row) {
            Ok(item) => self.pass_row(row, item, made_before),
            Err(bad) => {
                self.bad(bad);
                self.go_to(row.span.end)
            }
        }
    }

    /// Passes a row that has an id and a time, and the record made of it, unless it is doubted.
    fn pass_row(&mut self, row: &Row, item: S::Item, made_before: usize) -> bool {
        match self.is_doubted(row) {
            None => {
                self.made.truncate(made_before);
                self.at = self.line_start;
                return false;
            }
            Some(true) => self.made.truncate(made_before),
            Some(false) => {
                self.found.push(Found { line: self.line, what: Ok(item) });
            }
        }
        self.go_to(row.span.end);
        self.returns_end_rows |= row.ends_at_return;
        true
    }

    pub(super) fn row_here(&self, start: usize) -> RowHere {
        self.row_from(start, start)
    }

    /// A row with an id and a time begins with the line at `start`. Ends that lie far behind a place in it are not looked for,
    /// so that memory need not hold the text up to the next quote.
    fn row_from(&self, start: usize, known: usize) -> RowHere {
        if !S::HAS_ROWS {
            return RowHere::None;
        }
        let farthest = known.saturating_add(FARTHEST.min(self.longest));
        let text = self.text.get(..farthest).unwrap_or(self.text);
        let row = match rows::row(text, start, self.ended && text.len() == self.text.len()) {
            RowAt::Row(row) if row.is_torn => RowAt::Broken { at: start },
            row => row,
        };
        match row {
            RowAt::Row(row) if record::id_and_time(text, &row).is_some() => match self.ends(&row) {
                Some(true) => RowHere::Whole(row),
                Some(false) => RowHere::None,
                None => RowHere::Unsure,
            },
            RowAt::Open if !self.ended && self.text.len() < farthest => RowHere::Unsure,
            RowAt::Broken { at } => {
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

    /// Whether a row that has an id and a time ends where it seems to: in brackets, which JSON closes behind it, a carriage
    /// return is a blank. None when that is not known yet.
    fn ends(&self, row: &Row) -> Option<bool> {
        let text = row.span.of(self.text);
        let value = text.iter().position(|byte| !matches!(byte, b',' | b' ' | b'\t')).unwrap_or_default();
        match row.ends_at_return && rows::opens_brackets(&text[value..]) {
            true => self.do_returns_end_rows(row.span.end),
            false => Some(true),
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
                Some(b'\n') => return self.pass_line_of_json().is_some() && self.go_to(self.at + 1),
                None if self.ended => return self.go_to(self.at + 1),
                _ => {}
            }
        }
        let row = match self.row_at(self.row_start()) {
            None => {
                self.at = self.line_start;
                return false;
            }
            Some(RowAt::Row(row)) if !row.is_torn => row,
            Some(RowAt::Broken { .. }) if is_json => match self.row_here(self.row_start()) {
                RowHere::Broken => return self.pass_damaged_row(Bad::BrokenRow, None),
                RowHere::Unsure => {
                    self.at = self.line_start;
                    return false;
                }
                RowHere::Whole(_) | RowHere::None => return self.line_of_json(),
            },
            Some(_) if is_json => return self.line_of_json(),
            Some(at) => {
                let bad = if let RowAt::Open = at { Bad::NotABatchRow } else { Bad::BrokenRow };
                let returns = self.do_returns_end_rows(self.row_start());
                return self.damaged_row(returns, bad, None);
            }
        };
        let made_before = self.made.len();
        let what = self.row_record(&row);
        let is_unsure = row.ends_at_return && !self.returns_end_rows;
        let returns = match is_unsure && what.is_err() {
            true => self.do_returns_end_rows(row.span.end),
            false if is_json => self.ends(&row).map(|ends| ends && row.ends_at_return),
            false => Some(row.ends_at_return),
        };
        match what {
            _ if returns.is_none() => {
                self.made.truncate(made_before);
                self.at = self.line_start;
                false
            }
            // No text of JSON has line ends in quotes.
            Err(bad) if byte == b',' && row.has_quoted && row.has_line_ends(self.text) => {
                self.damaged_row(returns, bad, Some(row))
            }
            _ if is_json && (what.is_err() || returns != Some(row.ends_at_return)) => {
                self.made.truncate(made_before);
                self.line_of_json()
            }
            Err(bad) => self.damaged_row(returns, bad, Some(row)),
            Ok(item) => self.pass_row(&row, item, made_before),
        }
    }

    /// A line that begins as JSON and is no row. In a file of rows it is rather a damaged one than more bad records.
    fn line_of_json(&mut self) -> bool {
        let Some(end) = self.line_end_nearby(self.at) else {
            self.at = self.line_start;
            return false;
        };
        self.pass_line_of_json();
        if self.width.is_some() && end.is_some() {
            self.bad(Bad::NotABatchRow);
            self.skipping = Some(Skipping::Line);
            return true;
        }
        self.go_to(self.at + 1)
    }

    /// The row at a place; none when the text ends before that is known. One that goes over line ends and is longer than any
    /// may be is open: its quote is rather one that nothing ends.
    fn row_at(&self, start: usize) -> Option<RowAt> {
        let most = LONGEST_OVER_LINES.min(self.longest);
        let is_too_long = |end: usize| {
            let inside = self.text.get(start..end).unwrap_or_default();
            inside.len() > self.longest || inside.len() > most && memchr::memchr(b'\n', inside).is_some()
        };
        match rows::row(self.text, start, self.ended) {
            RowAt::Row(Row { span: Span { end, .. }, .. }) | RowAt::Broken { at: end }
                if is_too_long(end) =>
            {
                Some(RowAt::Open)
            }
            RowAt::Open if !self.ended && !is_too_long(self.text.len()) => None,
            row => Some(row),
        }
    }

    /// Passes a row that is none, in a line of which it is known whether bare carriage returns end its rows.
    fn damaged_row(&mut self, returns: Option<bool>, bad: Bad, whole: Option<Row>) -> bool {
        let before = self.returns_end_rows;
        let Some(returns) = returns else {
            self.at = self.line_start;
            return false;
        };
        self.returns_end_rows = returns;
        let is_passed = self.pass_damaged_row(bad, whole);
        if !is_passed {
            self.returns_end_rows = before;
        }
        is_passed
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
                RowAt::Broken { .. } => {}
                RowAt::Open if !ended => return None,
                RowAt::Open => return Some(false),
            }
        }
        Some(false)
    }

    /// Where the line ends that begins at a place, if that is not far away; none when that is not known yet.
    pub(super) fn line_end_nearby(&self, start: usize) -> Option<Option<usize>> {
        let farthest = start.saturating_add(FARTHEST);
        match self.line_end(start) {
            Some(end) => Some(Some(end).filter(|end| *end < farthest)),
            None if self.text.len() >= farthest => Some(None),
            None => self.ended.then_some(Some(self.text.len())),
        }
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
