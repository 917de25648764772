//! The records of a file of captures or objects. A file is a row of JSON values: a record a line, several on a line, lists of
//! them, values printed over many lines, and mixtures. No form of a file is guessed.
//!
//! What cannot be used is told as one bad record, with the line it begins on, and reading goes on behind it.

use plumbline_common::input::{LONGEST_RECORD, Lines};
use plumbline_common::{Result, codes};

use crate::values::scan;

/// What stands in a file.
pub(crate) enum Piece<'a> {
    /// A line that is a record if it can be read as one; else it is looked at more closely. Without a key that each record has,
    /// it may also begin with the bracket of a list.
    Line(&'a [u8]),
    /// An object, or without a key a list of values. When it cannot be read as a record, it is a bad one.
    Object(&'a [u8]),
    Bad(&'static str),
}

/// What a piece was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// A record, used or counted.
    Record,
    /// No record: not counted for a `Line`, counted for an `Object`.
    NoRecord,
    /// No more is wanted.
    Enough,
}

/// A value over several lines, up to where it was read.
struct Open {
    text: Vec<u8>,
    line: u64,
    /// The last line of the text.
    last: u64,
    depth: Depth,
}

/// The deepest JSON that `serde_json` reads.
const DEEPEST: usize = 128;

const ENDLESS: &str = "a JSON value that does not end";

const TOO_LONG: &str = "a line that is longer than a record may be (256 MiB)";

/// Takes what a piece was found to be; see `read`.
pub(crate) type Take<'a> = &'a mut dyn FnMut(u64, Piece<'_>) -> Result<Taken>;

/// Gives every piece of a file to `take`, with its line from 1; `Taken::Enough` when `take` said so. `key`: a key that
/// each record has and nothing inside of one, by which records are found behind damage on the same line.
///
/// # Errors
/// Reading failed; what `take` fails on.
pub(crate) fn read(lines: &mut Lines, key: Option<&str>, take: Take<'_>) -> Result<Taken> {
    let mut records = Records::new(key);
    loop {
        let taken = match lines.next_line() {
            Ok(Some((line, text))) => records.line(line, text, take)?,
            Ok(None) => return records.end(take),
            Err(problem) if std::ptr::eq(problem.code(), &codes::BAD_RECORD) => {
                records.too_long(problem.place().line.unwrap_or(1), take)?
            }
            Err(problem) => return Err(problem),
        };
        if taken == Taken::Enough {
            return Ok(taken);
        }
    }
}

/// What is read line after line, as `read` does.
#[derive(Default)]
pub(crate) struct Records<'k> {
    key: Option<&'k str>,
    open: Option<Open>,
    /// Lines of nothing but the bracket of a list of records, as long as none closes it. Only where records have no key.
    lists: Vec<u64>,
}

impl<'k> Records<'k> {
    pub(crate) fn new(key: Option<&'k str>) -> Records<'k> {
        Records { key, ..Records::default() }
    }

    /// Whether no value goes on with the next line: what follows does not depend on what came before.
    pub(crate) fn is_between(&self) -> bool {
        self.open.is_none()
    }

    /// The next line that is not blank, without its line end.
    pub(crate) fn line(&mut self, line: u64, text: &[u8], take: Take<'_>) -> Result<Taken> {
        let taken = match (self.open.take(), self.key) {
            (Some(value), Some(_)) => self.behind_keyed(value, line, text, take)?,
            (Some(value), None) => self.behind(value, line, text, take)?,
            (None, _) => None,
        };
        match taken {
            Some(taken) => Ok(taken),
            None => self.by_itself(line, text, take),
        }
    }

    /// A line where no value goes on.
    fn by_itself(&mut self, line: u64, text: &[u8], take: Take<'_>) -> Result<Taken> {
        let whole = text.trim_ascii_start();
        let taken = match (whole.first(), self.key) {
            (Some(b'{'), _) => take(line, Piece::Line(whole))?,
            (Some(b'['), None) => take(line, Piece::Line(before_comma(whole)))?,
            _ => Taken::NoRecord,
        };
        match taken {
            Taken::NoRecord => self.pieces(whole, line, take),
            taken => Ok(taken),
        }
    }

    /// A line where a value goes on, and records have a key.
    fn behind_keyed(&mut self, value: Open, line: u64, text: &[u8], take: Take<'_>) -> Result<Option<Taken>> {
        // A record by itself stands where a value has not ended: the value is damaged.
        let taken =
            if text.starts_with(b"{") { take(line, Piece::Line(element(text)))? } else { Taken::NoRecord };
        match taken {
            Taken::Enough => Ok(Some(taken)),
            Taken::Record => lost(&value, self.key, take).map(Some),
            Taken::NoRecord => {
                let Some(value) = self.go_on(value, line, text) else { return Ok(Some(taken)) };
                self.pieces(&value.text, value.line, take).map(Some)
            }
        }
    }

    /// A line where a value goes on, and records have no key. None when the line stands by itself all the same.
    fn behind(&mut self, value: Open, line: u64, text: &[u8], take: Take<'_>) -> Result<Option<Taken>> {
        if value.text == b"[" && matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b']')) {
            self.lists.push(value.line);
            return Ok(None);
        }
        // A record by itself stands where a value has not ended: the value is damaged. A list of values may be a part of an
        // object, not of another such list.
        let is_record = match text.first() {
            Some(b'{') => is_json(element(text)),
            Some(b'[') => value.text.starts_with(b"[") && is_json(text),
            _ => false,
        };
        if is_record {
            let taken = lost(&value, self.key, take)?;
            return Ok(Some(taken).filter(|taken| *taken == Taken::Enough));
        }
        let Some(value) = self.go_on(value, line, text) else { return Ok(Some(Taken::NoRecord)) };
        let holds_lists = memchr::memmem::find(&value.text, b"\n[").is_some();
        if value.text.len() >= LONGEST_RECORD || holds_lists && !is_json(&value.text) {
            return lost(&value, self.key, take).map(Some);
        }
        self.pieces(&value.text, value.line, take).map(Some)
    }

    /// The value with one more line, when it ends there or is too long; else it stays open.
    fn go_on(&mut self, mut value: Open, line: u64, text: &[u8]) -> Option<Open> {
        // Blank lines are passed over, and count.
        let ends = (line - value.last).min(LONGEST_RECORD as u64) as usize;
        value.text.resize(value.text.len() + ends, b'\n');
        value.text.extend_from_slice(text);
        value.last = line;
        let ended = value.depth.pass(text).is_some();
        if ended || value.text.len() >= LONGEST_RECORD {
            return Some(value);
        }
        self.open = Some(value);
        None
    }

    /// A line that is too long stands here.
    pub(crate) fn too_long(&mut self, line: u64, take: Take<'_>) -> Result<Taken> {
        self.open = None;
        take(line, Piece::Bad(TOO_LONG))
    }

    /// The file ends.
    pub(crate) fn end(&mut self, take: Take<'_>) -> Result<Taken> {
        let mut taken = match self.open.take() {
            Some(value) => lost(&value, self.key, take)?,
            None => Taken::Record,
        };
        for line in std::mem::take(&mut self.lists) {
            if taken == Taken::Enough {
                break;
            }
            taken = take(line, Piece::Bad(ENDLESS))?;
        }
        Ok(taken)
    }

    /// The pieces of a text that is no record by itself. Blanks, commas and the square brackets of lists of records pass.
    fn pieces(&mut self, text: &[u8], line: u64, take: Take<'_>) -> Result<Taken> {
        let key = self.key;
        let mut at = 0;
        // Counted as bad up to here, so that the next damage is the same one.
        let mut damaged = false;
        let line_of = |at: usize| line + memchr::memchr_iter(b'\n', &text[..at]).count() as u64;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'[' if key.is_none() && (text == b"[" || is_of_values(&text[at..])) => {}
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' => {
                    at += 1;
                    continue;
                }
                b']' => {
                    self.lists.pop();
                    at += 1;
                    continue;
                }
                b'{' => {}
                _ => {
                    if !damaged && take(line_of(at), Piece::Bad("not a JSON object"))? == Taken::Enough {
                        return Ok(Taken::Enough);
                    }
                    damaged = true;
                    match next_record(text, key, at + 1) {
                        Some(next) => at = next,
                        None => break,
                    }
                    continue;
                }
            }
            let mut depth = Depth::default();
            let Some(length) = depth.pass(&text[at..]) else {
                match next_record(text, key, at + 1) {
                    Some(next) => {
                        if take(line_of(at), Piece::Bad(ENDLESS))? == Taken::Enough {
                            return Ok(Taken::Enough);
                        }
                        at = next;
                        continue;
                    }
                    // It may go on with the next line; what has no record in it and was damaged before does not.
                    None if !damaged && text.len() - at >= LONGEST_RECORD => {
                        return take(line_of(at), Piece::Bad(ENDLESS));
                    }
                    None if !damaged => {
                        let last = line_of(text.len());
                        self.open = Some(Open { text: text[at..].to_vec(), line: line_of(at), last, depth });
                    }
                    None => {}
                }
                break;
            };
            let taken = take(line_of(at), Piece::Object(&text[at..at + length]))?;
            match taken {
                Taken::Enough => return Ok(taken),
                Taken::Record => {
                    damaged = false;
                    at += length;
                }
                // A lost quote may have taken the next records along.
                Taken::NoRecord => {
                    damaged = true;
                    let end = at + length;
                    let next = next_record(text, key, at + 1).filter(|next| *next < end).unwrap_or(end);
                    let swallows = memchr::memmem::find(&text[at..next], b"\n{").is_some();
                    if key.is_some()
                        && swallows
                        && !is_json(&text[at..end])
                        && behind_first(line_of(at), &text[at..next], key, take)? == Taken::Enough
                    {
                        return Ok(Taken::Enough);
                    }
                    at = next;
                }
            }
        }
        Ok(Taken::Record)
    }
}

/// A value that does not end, and what it swallowed.
fn lost(value: &Open, key: Option<&str>, take: Take<'_>) -> Result<Taken> {
    match take(value.line, Piece::Bad(ENDLESS))? {
        Taken::Enough => Ok(Taken::Enough),
        _ => behind_first(value.line, &value.text, key, take),
    }
}

/// The lines of a damaged value behind its first one, which is `line`. What may be records is not lost to it: each line on
/// which an object or a list begins counts by itself. Where records have no key, lists that fill a line are read. Where they
/// have one, a line that is a record was taken before it came here, and lists are parts of records.
fn behind_first(line: u64, text: &[u8], key: Option<&str>, take: Take<'_>) -> Result<Taken> {
    let mut taken = Taken::NoRecord;
    for (line, text) in (line..).zip(text.split(|byte| *byte == b'\n')).skip(1) {
        if taken == Taken::Enough {
            break;
        }
        taken = match text {
            [b'[', _, ..] if key.is_none() => take(line, Piece::Line(before_comma(text)))?,
            [b'{', ..] => Taken::NoRecord,
            _ => continue,
        };
        if taken == Taken::NoRecord {
            taken = take(line, Piece::Bad(ENDLESS))?;
        }
    }
    Ok(taken)
}

/// Whether a list begins with a value that is neither an object nor a list: its elements are the cells of one row.
fn is_of_values(list: &[u8]) -> bool {
    let first = list.get(1..).and_then(|behind| behind.trim_ascii_start().first());
    first.is_some_and(|first| !matches!(first, b'{' | b'[' | b']'))
}

fn is_json(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(scan::is_json)
}

/// A line without the comma behind its value.
fn before_comma(line: &[u8]) -> &[u8] {
    let end = line.trim_ascii_end();
    end.strip_suffix(b",").unwrap_or(end).trim_ascii_end()
}

/// A line without what follows a record in a list.
fn element(line: &[u8]) -> &[u8] {
    let mut end = line;
    while let [rest @ .., b',' | b']' | b' ' | b'\t' | b'\r'] = end {
        end = rest;
    }
    end
}

/// Where the next object begins that stands in a list or by itself and closes, with the key of a record. Deeper
/// brackets than JSON is read with end the look at a place, so that the time stays in proportion to the text.
fn next_record(text: &[u8], key: Option<&str>, from: usize) -> Option<usize> {
    let key = format!("{}\"", key?);
    memchr::memchr_iter(b'{', text.get(from..)?).map(|at| from + at).find(|&at| {
        let before = text[..at].trim_ascii_end().last();
        let Some(length) = Depth::default().pass_within(&text[at..], DEEPEST) else { return false };
        let object = &text[at..at + length];
        !matches!(before, Some(b':'))
            && memchr::memmem::find(object, key.as_bytes()).is_some()
            && serde_json::from_slice::<serde::de::IgnoredAny>(object).is_ok()
    })
}

/// How deep in brackets a text stands.
#[derive(Debug, Clone, Copy, Default)]
struct Depth {
    brackets: usize,
    in_string: bool,
    escaped: bool,
}

impl Depth {
    /// Passes over a text; the length up to the bracket that closes the first one.
    fn pass(&mut self, text: &[u8]) -> Option<usize> {
        self.pass_within(text, usize::MAX)
    }

    /// The same, which ends at deeper brackets than `deepest`.
    fn pass_within(&mut self, text: &[u8], deepest: usize) -> Option<usize> {
        (self.in_string, self.escaped) = (false, false);
        for (at, byte) in text.iter().enumerate() {
            match byte {
                // A line end is no part of a string: one that is open here has lost its closing quote.
                b'\n' => (self.in_string, self.escaped) = (false, false),
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.brackets += 1;
                    if self.brackets > deepest {
                        return None;
                    }
                }
                b'}' | b']' => {
                    self.brackets = self.brackets.saturating_sub(1);
                    if self.brackets == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "tests/records.rs"]
mod tests;
