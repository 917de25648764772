//! The one reader: a text is a row of JSON values, and every object that stands by itself is a record.
//!
//! Between values blanks, commas and square brackets pass, so lines, several records on a line, lists and
//! pretty-printed values are one case, and no form of a file is guessed. `{` begins a record. On the side of the
//! captures a line that begins otherwise may be a row of a batch transform.
//!
//! What is no record counts as one bad record, named by the line it begins on, and reading goes on at the first of:
//! the end of the damaged value, where its brackets close; the next record, wherever it begins; the next line that
//! begins with `{` or a row of a batch transform, indented no more than the damaged value. A line that is a whole record
//! by itself is that record, whatever stands before it.
//!
//! Rows may end with a carriage return alone: where one does that is a row, those of its line do. In a line of which no
//! row before the last is one, a bare carriage return outside of quotes is damage, since half a row is no record.
//!
//! The state between two values is a few flags (`State`), so a text may be read in pieces of any size: `read` says
//! how much of a piece is settled, and the rest is to be read again with what follows.

mod damage;

use crate::json::{Cursor, Malformed, Open, Span};
use crate::pattern::Patterns;
use crate::record::{self, Bad, Object, Side};
use crate::rows::{self, Row, RowAt};

/// A longer record is no record but damage. What is being read of one is held in memory.
pub const LONGEST_RECORD: usize = 256 << 20;

/// A record, or what stands in place of one.
#[derive(Debug)]
pub struct Found<T> {
    /// The line it begins on, counted from 0 in the text that was read.
    pub line: u64,
    pub what: Result<T, Bad>,
}

/// What a reading thread keeps from text to text of one side.
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) open: Vec<Open>,
    pub(crate) patterns: Patterns,
}

/// Where the reader stands between two pieces of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct State {
    skipping: Option<Skipping>,
    /// Bytes of the current line that were passed.
    column: usize,
    /// Not all of them are blank.
    inside_line: bool,
    /// The line before was a damaged row: what follows may be the rest of it.
    after_damaged_row: bool,
    /// Bare carriage returns end the rows of the current line.
    returns_end_rows: bool,
}

/// Damage was counted and is being passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skipping {
    /// Up to the next record, or the end of the line.
    Line,
    /// Up to the next record, or a line that begins with `{` and is indented no more than this.
    Lines { indent: usize },
}

impl State {
    /// Whether a text that begins with `first` reads from here as it does from the start of a file.
    pub(crate) fn is_as_at_start(&self, first: Option<&u8>) -> bool {
        let open_for_object =
            self.column == 0 && !self.returns_end_rows && !matches!(self.skipping, Some(Skipping::Line));
        *self == State::default() || open_for_object && first == Some(&b'{')
    }
}

/// What of a text is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// What stands behind it is to be read again, with more text.
    pub end: usize,
    /// Line ends before `end`.
    pub lines: u64,
    pub state: State,
}

/// How a text is read.
#[derive(Debug, Clone, Copy)]
pub struct Piece {
    /// Where the text stands in what is given; nothing outside is looked at.
    pub span: Span,
    pub state: State,
    /// No text follows.
    pub ended: bool,
    /// Bytes of the longest record.
    pub longest: usize,
}

/// Reads a piece of a file. What is found is added to `found`, text that had to be made anew to `made`.
pub fn read<S: Side>(
    side: S,
    text: &[u8],
    piece: Piece,
    workspace: &mut Workspace,
    made: &mut Vec<u8>,
    found: &mut Vec<Found<S::Item>>,
) -> Settled {
    let Piece { span: Span { start, end }, state, ended, longest } = piece;
    let text = text.get(..end).unwrap_or_default();
    let mut reading = Reading {
        side,
        text,
        ended,
        longest,
        at: start,
        line: 0,
        line_start: start,
        before: state.column,
        inside_line: state.inside_line,
        skipping: state.skipping,
        after_damaged_row: state.after_damaged_row,
        returns_end_rows: state.returns_end_rows,
        workspace,
        made,
        found,
    };
    while reading.step() {}
    reading.settled()
}

struct Reading<'t, 'r, S: Side> {
    side: S,
    text: &'t [u8],
    ended: bool,
    longest: usize,
    at: usize,
    /// Line ends passed.
    line: u64,
    /// Where the line of `at` begins, as far as it is in the text.
    line_start: usize,
    /// Bytes of that line before the text, and whether not all of them were blank.
    before: usize,
    inside_line: bool,
    skipping: Option<Skipping>,
    after_damaged_row: bool,
    returns_end_rows: bool,
    workspace: &'r mut Workspace,
    made: &'r mut Vec<u8>,
    found: &'r mut Vec<Found<S::Item>>,
}

/// What a look for a row of a batch transform gives.
enum RowHere {
    Whole(Row),
    None,
    /// The text ends inside of what may be one.
    Unsure,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'t, S: Side> Reading<'t, '_, S> {
    fn settled(self) -> Settled {
        let line = self.text.get(self.line_start..self.at).unwrap_or_default();
        let state = State {
            skipping: self.skipping,
            column: self.before + line.len(),
            inside_line: self.inside_line || !is_blank(line),
            after_damaged_row: self.after_damaged_row,
            returns_end_rows: self.returns_end_rows,
        };
        // Blanks before a row belong to it, so the beginning of a line is only settled with more of it.
        if !self.ended && !state.inside_line {
            let state = State { column: self.before, ..state };
            return Settled { end: self.line_start, lines: self.line, state };
        }
        Settled { end: self.at, lines: self.line, state }
    }

    /// Reads on by at least one byte; false when nothing more can be said of the text.
    fn step(&mut self) -> bool {
        match self.skipping {
            Some(Skipping::Line) => return self.skip_line(),
            Some(Skipping::Lines { indent }) => return self.skip_lines(indent),
            None => {}
        }
        let Some(&byte) = self.text.get(self.at) else { return false };
        match byte {
            b'{' => {
                self.after_damaged_row = false;
                // Such a line may go on without a line feed for long.
                let is_line = self.at == self.line_start && !self.returns_end_rows;
                is_line && self.line_by_itself() || self.value()
            }
            b'\r' if S::HAS_ROWS && (self.returns_end_rows || self.opens_line()) => self.carriage_return(),
            b'\n' | b' ' | b'\t' | b'\r' => self.go_to(self.at + 1),
            0xef if self.text[self.at..].starts_with(BYTE_ORDER_MARK) => self.byte_order_mark(),
            _ if S::HAS_ROWS && self.opens_line() => self.row(byte),
            b',' | b'[' | b']' => self.go_to(self.at + 1),
            _ => self.other(),
        }
    }

    /// Before all else of a line, the mark is no part of it: a row begins behind it.
    fn byte_order_mark(&mut self) -> bool {
        let end = self.at + BYTE_ORDER_MARK.len();
        if self.opens_line() {
            self.before += end - self.line_start;
            self.line_start = end;
        }
        self.go_to(end)
    }

    /// A carriage return at the end of a row, or before all else of a line: a row begins behind it when it is a bare one.
    fn carriage_return(&mut self) -> bool {
        let Some(is_bare) = rows::is_bare_return(self.text, self.at, self.ended) else { return false };
        self.at += 1;
        if is_bare {
            if self.returns_end_rows {
                self.line += 1;
                self.before = 0;
            } else {
                self.before += self.at - self.line_start;
            }
            self.line_start = self.at;
            self.inside_line = false;
        }
        true
    }

    /// Moves to a place ahead, over the lines between.
    fn go_to(&mut self, at: usize) -> bool {
        let passed = self.text.get(self.at..at).unwrap_or_default();
        if let Some(last) = memchr::memrchr(b'\n', passed) {
            self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
            self.line_start = self.at + last + 1;
            self.before = 0;
            self.inside_line = false;
            self.returns_end_rows = false;
        }
        self.at = at;
        true
    }

    /// Only blanks stand before the place in its line.
    fn opens_line(&self) -> bool {
        !self.inside_line && is_blank(self.text.get(self.line_start..self.at).unwrap_or_default())
    }

    /// How far the place is from the begin of its line.
    fn indent(&self) -> usize {
        self.before + self.at - self.line_start
    }

    /// A line that is one record and nothing else: the usual case, read as `value` would read it.
    fn line_by_itself(&mut self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = match memchr::memchr(b'\n', rest) {
            Some(length) => self.at + length,
            None if self.ended => self.text.len(),
            None => return false,
        };
        let line = self.text.get(..end).unwrap_or_default();
        let blank = line.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
        let line = &line[..line.len() - blank];
        let span = Span { start: self.at, end: line.len() };
        if span.end - span.start > self.longest {
            return false;
        }
        let Workspace { open, patterns } = &mut *self.workspace;
        let object = match patterns.find(self.text, span, open) {
            Some(object) => object,
            None => {
                if std::str::from_utf8(span.of(line)).is_err() {
                    return false;
                }
                let mut cursor = Cursor::new(line, span.start, open);
                match record::object(&mut cursor) {
                    Ok(object) if cursor.at() == span.end => {
                        if object.bare_word.is_some() {
                            let what = self.record(&object);
                            self.found.push(Found { line: self.line, what });
                            return self.pass_line(end);
                        }
                        let made_before = self.made.len();
                        let what = self.side.record(line, &object, self.made);
                        // What is made of a bad record says nothing of a good one.
                        let is_plain = what.is_ok() && self.made.len() == made_before;
                        patterns.learn(line, span, Object { plain: is_plain, ..object }, open);
                        self.found.push(Found { line: self.line, what });
                        return self.pass_line(end);
                    }
                    _ => return false,
                }
            }
        };
        let what = self.side.record(line, &object, self.made);
        self.found.push(Found { line: self.line, what });
        self.pass_line(end)
    }

    /// Moves behind the line end at `end`, or to the end of the text.
    fn pass_line(&mut self, end: usize) -> bool {
        if end == self.text.len() {
            self.at = end;
            return true;
        }
        self.at = end + 1;
        self.line += 1;
        self.line_start = self.at;
        self.before = 0;
        self.inside_line = false;
        self.returns_end_rows = false;
        true
    }

    /// An object begins here.
    fn value(&mut self) -> bool {
        let start = self.at;
        let mut cursor = Cursor::new(self.text, start, &mut self.workspace.open);
        match record::object(&mut cursor) {
            Ok(object) => {
                let end = cursor.at();
                if end - start > self.longest {
                    return self.pass_damage(Bad::TooLong);
                }
                if let Some(inner) = self.record_line_inside(end) {
                    self.bad(Bad::Interrupted);
                    return self.go_to(inner);
                }
                if S::HAS_ROWS
                    && !object.is_record()
                    && let Some(progress) = self.row_with_object()
                {
                    return progress;
                }
                let what = match std::str::from_utf8(&self.text[start..end]) {
                    Ok(_) => self.record(&object),
                    Err(error) => Err(Bad::NotUtf8 { column: self.column(start + error.valid_up_to()) }),
                };
                self.found.push(Found { line: self.line, what });
                self.go_to(end)
            }
            Err(Malformed { at }) if at >= self.text.len() && !self.ended => {
                if let Some(inner) = self.record_line_inside(self.text.len()) {
                    self.bad(Bad::Interrupted);
                    return self.go_to(inner);
                }
                self.text.len() - start > self.longest && self.pass_damage(Bad::TooLong)
            }
            Err(Malformed { at }) => {
                if let Some(progress) = self.row_with_object() {
                    return progress;
                }
                if let Some(inner) = self.record_line_inside(at) {
                    self.bad(Bad::Interrupted);
                    return self.go_to(inner);
                }
                let bad = self.malformed(at);
                self.pass_damage(bad)
            }
        }
    }

    /// What begins as an object may be the first cell of a row; none when it is not.
    fn row_with_object(&mut self) -> Option<bool> {
        if !self.opens_line() {
            return None;
        }
        match self.row_here(self.line_start) {
            RowHere::Whole(row) => {
                let what = self.row_record(&row);
                self.found.push(Found { line: self.line, what });
                self.go_to(row.span.end);
                self.returns_end_rows |= row.ends_at_return;
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
            _ => RowHere::None,
        }
    }

    /// As `row_here`, behind damage: a quote in an unquoted cell may be the end of a cell that began in the damage.
    fn row_behind_damage(&self, start: usize) -> RowHere {
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

    /// Bare words are for payloads: those of a batch document, which goes into a string of what is written.
    fn record(&mut self, object: &Object) -> Result<S::Item, Bad> {
        match object.bare_word {
            Some(at) if !(S::HAS_ROWS && object.is_batch_document()) => {
                Err(Bad::Malformed { column: self.column(at) })
            }
            _ => self.side.record(self.text, object, self.made),
        }
    }

    fn malformed(&self, at: usize) -> Bad {
        match std::str::from_utf8(self.text.get(self.at..at).unwrap_or_default()) {
            Ok(_) => Bad::Malformed { column: self.column(at) },
            Err(error) => Bad::NotUtf8 { column: self.column(self.at + error.valid_up_to()) },
        }
    }

    /// A place by its distance from the begin of the line that is being read, counted from 1.
    fn column(&self, at: usize) -> usize {
        self.before + at - self.line_start + 1
    }

    fn bad(&mut self, bad: Bad) {
        self.found.push(Found { line: self.line, what: Err(bad) });
    }

    /// A line of the captures' side begins with another byte than `{`: a row of a batch transform, JSON, or neither.
    fn row(&mut self, byte: u8) -> bool {
        let is_json = matches!(byte, b',' | b'[' | b']');
        if is_json {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let passes = |byte: &&u8| !matches!(byte, b',' | b'[' | b']' | b' ' | b'\t' | b'\r');
            match rest.iter().find(passes) {
                Some(b'{' | b'\n') => return self.go_to(self.at + 1),
                None if self.ended => return self.go_to(self.at + 1),
                _ => {}
            }
        }
        let too_long = self.text.len() - self.line_start > self.longest;
        let row = match rows::row(self.text, self.line_start, self.ended || too_long) {
            RowAt::Row(row) if row.span.end - row.span.start <= self.longest => row,
            RowAt::Open if !self.ended && !too_long => {
                self.at = self.line_start;
                return false;
            }
            _ if is_json => return self.go_to(self.at + 1),
            RowAt::Open | RowAt::Broken | RowAt::Row(_) => {
                let Some(returns_end_rows) = self.do_returns_end_rows(self.line_start) else {
                    self.at = self.line_start;
                    return false;
                };
                if !self.after_damaged_row {
                    self.bad(Bad::NotABatchRow);
                }
                self.returns_end_rows = returns_end_rows;
                self.after_damaged_row = true;
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
        if self.after_damaged_row && row.stray_quote {
            self.made.truncate(made_before);
            self.skipping = Some(Skipping::Line);
            return true;
        }
        self.after_damaged_row = false;
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
                RowAt::Broken => {}
                RowAt::Open if !ended => return None,
                RowAt::Open => return Some(false),
            }
        }
        Some(false)
    }

    /// Where the line ends that stands at a place; none when that is not known yet.
    fn line_end(&self, from: usize) -> Option<usize> {
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

    /// Something that begins no value, or a value that is no record.
    fn other(&mut self) -> bool {
        if !self.opens_line() {
            let mut cursor = Cursor::new(self.text, self.at, &mut self.workspace.open);
            let end = match cursor.value() {
                Ok(span) if span.end < self.text.len() || self.ended => Some(span.end),
                Err(Malformed { at }) if at < self.text.len() || self.ended => None,
                _ if self.text.len() - self.at > self.longest => None,
                _ => return false,
            };
            let ends_value = |end: &usize| {
                self.text.get(*end).is_none_or(|byte| byte.is_ascii_whitespace() || b",[]{}".contains(byte))
            };
            if let Some(end) = end.filter(ends_value) {
                self.bad(Bad::NotAnObject);
                return self.go_to(end);
            }
        }
        // A line that is neither UTF-8 nor JSON is told by the former.
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(length) =
            memchr::memchr(b'\n', rest).or((self.ended || rest.len() > self.longest).then_some(rest.len()))
        else {
            return false;
        };
        let bad = match std::str::from_utf8(&rest[..length]) {
            Ok(_) => Bad::NotJson,
            Err(error) => Bad::NotUtf8 { column: self.column(self.at + error.valid_up_to()) },
        };
        self.bad(bad);
        self.skipping = Some(Skipping::Line);
        true
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
