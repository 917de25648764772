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
//! Lines end at line feeds. As long as a file that begins as JSON had none, they end at bare carriage returns too, for the
//! positions that are told.
//!
//! The state between two values is a few flags (`State`), so a text may be read in pieces of any size: `read` says
//! how much of a piece is settled, and the rest is to be read again with what follows.

mod batch;
mod damage;
mod doubt;
mod position;
mod state;
mod width;

use std::ops::Range;

use doubt::Doubt;
pub use state::State;
use state::{Returns, Skipping};
pub use width::{SURVEYED_BYTES, width_of_rows};

use crate::json::{Cursor, Malformed, Marks, Open, Span};
use crate::pattern::Patterns;
use crate::record::{self, Bad, Object, Side};

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
    marks: Marks,
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
    /// Cells of the rows of the file, as `width_of_rows` tells them.
    pub width: Option<usize>,
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
    let Piece { span: Span { start, end }, state, ended, longest, width } = piece;
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
        doubt: state.doubt,
        width,
        no_quotes: start..start,
        returns_end_rows: state.returns_end_rows,
        returns: state.returns,
        returned: state.returned,
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
    doubt: Doubt,
    width: Option<usize>,
    /// Here no quotes stand, as far as they were looked for.
    no_quotes: Range<usize>,
    returns_end_rows: bool,
    returns: Returns,
    returned: usize,
    workspace: &'r mut Workspace,
    made: &'r mut Vec<u8>,
    found: &'r mut Vec<Found<S::Item>>,
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl<'t, S: Side> Reading<'t, '_, S> {
    fn settled(self) -> Settled {
        let line = self.text.get(self.line_start..self.at).unwrap_or_default();
        let state = State {
            skipping: self.skipping,
            column: self.before + line.len(),
            inside_line: self.inside_line || !is_blank(line),
            doubt: self.doubt,
            returns_end_rows: self.returns_end_rows,
            returns: self.returns,
            returned: self.returned,
        };
        // Blanks before a row belong to it, so the beginning of a line is only settled with more of it.
        if !self.ended && !state.inside_line {
            // Where carriage returns count, nothing of the file was passed yet.
            let returns = if self.returns == Returns::Count { Returns::Unknown } else { self.returns };
            let state = State { column: self.before, returns, ..state };
            return Settled { end: self.line_start, lines: self.line, state };
        }
        Settled { end: self.at, lines: self.line, state }
    }

    /// Reads on by at least one byte; false when nothing more can be said of the text.
    fn step(&mut self) -> bool {
        if let Some(skipping) = self.skipping {
            return self.skip(skipping);
        }
        let Some(&byte) = self.text.get(self.at) else { return false };
        if self.returns == Returns::Unknown && !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0xef) {
            self.returns = if matches!(byte, b'{' | b'[') { Returns::Count } else { Returns::Pass };
        }
        match byte {
            b'{' => {
                let doubt = self.doubt;
                // Such a line may go on without a line feed for long.
                let is_line = self.at == self.line_start && !self.returns_end_rows;
                let progress = is_line && self.line_by_itself() || self.value();
                if !progress {
                    self.doubt = doubt;
                }
                progress
            }
            b'\r' if self.returns_end_rows => self.carriage_return(),
            b'\r' if self.may_be_half_a_line_end(self.at + 1) => false,
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

    /// A line that is one record and nothing else: the usual case, read as `value` would read it.
    fn line_by_itself(&mut self) -> bool {
        let Workspace { open, patterns, marks } = &mut *self.workspace;
        let end = match marks.line(self.text, self.at) {
            Some(end) => end,
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
        let marks = marks.up_to(span.end);
        let object = match patterns.find(self.text, span, open, marks) {
            Some(object) => object,
            None => {
                if !marks.is_some_and(Marks::is_ascii) && std::str::from_utf8(span.of(line)).is_err() {
                    return false;
                }
                let mut cursor = Cursor::marked(line, span.start, open, marks);
                match record::object(&mut cursor) {
                    Ok(object) if cursor.at() == span.end => {
                        if object.bare_word.is_some() {
                            let what = self.record(&object);
                            return self.object_line(what, end);
                        }
                        let made_before = self.made.len();
                        let what = self.side.record(line, &object, self.made);
                        // What is made of a bad record says nothing of a good one.
                        let is_plain = what.is_ok() && self.made.len() == made_before;
                        patterns.learn(line, span, Object { plain: is_plain, ..object }, open);
                        return self.object_line(what, end);
                    }
                    _ => return false,
                }
            }
        };
        let what = self.side.record(line, &object, self.made);
        self.object_line(what, end)
    }

    /// Takes an object, with which a line ends at a place, as a record.
    fn object_line(&mut self, what: Result<S::Item, Bad>, line_end: usize) -> bool {
        // A piece of the text may begin within a line.
        if what.is_err() && S::HAS_ROWS && self.opens_line() && self.pass_line_of_json().is_none() {
            return false;
        }
        self.object(what);
        self.pass_line(line_end)
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
                let what = match std::str::from_utf8(&self.text[start..end]) {
                    Ok(_) => self.record(&object),
                    Err(error) => Err(Bad::NotUtf8 { column: self.column(start + error.valid_up_to()) }),
                };
                let row = match what {
                    Ok(_) => self.row_with_record(end),
                    Err(_) => self.row_with_object(end),
                };
                if let Some(progress) = row {
                    return progress;
                }
                if what.is_err() {
                    let Some(is_of_row) = self.is_of_row(end) else { return false };
                    self.skipping = is_of_row.then_some(Skipping::Line);
                }
                self.object(what);
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
                if let Some(progress) = self.row_with_object(at) {
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

    /// Takes an object as a record.
    fn object(&mut self, what: Result<S::Item, Bad>) {
        match what {
            Err(bad) => self.bad(bad),
            Ok(_) => {
                self.doubt.pass_record();
                self.found.push(Found { line: self.line, what });
            }
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

    fn bad(&mut self, bad: Bad) {
        if S::HAS_ROWS {
            self.doubt.pass_damage();
        }
        self.found.push(Found { line: self.line, what: Err(bad) });
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
            Ok(_) if self.is_value(self.at + length) => Bad::NotAnObject,
            Ok(_) => Bad::NotJson,
            Err(error) => Bad::NotUtf8 { column: self.column(self.at + error.valid_up_to()) },
        };
        self.bad(bad);
        self.skipping = Some(Skipping::Line);
        true
    }

    /// What stands here up to the end of a line is one JSON value, as in a list of which each value has a line.
    fn is_value(&mut self, line_end: usize) -> bool {
        let line = self.text.get(..line_end).unwrap_or_default();
        let mut cursor = Cursor::new(line, self.at, &mut self.workspace.open);
        let separates = |byte: &u8| byte.is_ascii_whitespace() || b",]".contains(byte);
        cursor.value().is_ok_and(|span| line.get(span.end..).unwrap_or_default().iter().all(separates))
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
