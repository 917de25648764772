//! The rows of a file of JSON documents, also of a damaged one: what cannot be read is one bad row, and reading goes
//! on at the next element of which it is sure that it is one.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::Read as _;
use std::ops::Range;

use indexmap::IndexMap;
use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result};

use super::shape::{self, Shape};
use crate::values::scan::{self, Kind, NotJson, Scanner};

/// A damaged element up to this length is passed by its brackets; behind a longer one an element is looked for.
const LONGEST_DAMAGE: usize = 64 << 10;
/// Elements that a part of a damaged one is compared with.
const LAST: usize = 8;
/// First keys of elements by which others are known.
const MOST_KEYS: usize = 64;
/// `\\u00e9`
const LONGEST_ESCAPE: usize = 6;
/// Stands for a byte that is not UTF-8. No JSON holds it.
const NOT_UTF8: u8 = 1;

/// An element of a document, or what stands in its place.
#[derive(Debug)]
pub(super) struct Element<'a> {
    /// Line on which it begins.
    pub(super) line: u64,
    /// The row, or why there is none.
    pub(super) row: std::result::Result<Shape<'a>, String>,
}

/// The text of a file; bytes that are not UTF-8 damage the element that they stand in.
///
/// # Errors
/// The file cannot be read.
pub(super) fn text(file: &InputFile) -> Result<String> {
    let mut bytes = Vec::new();
    file.open()?.read_to_end(&mut bytes).map_err(|error| Problem::io("read the input", &file.path, error))?;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| super::csv::with_bad_bytes_as(error.into_bytes(), NOT_UTF8)))
}

/// All elements of the documents of a text, in its order.
pub(super) fn elements(text: &str) -> Vec<Element<'_>> {
    let mut reading = Reading {
        text,
        at: 0,
        found: Vec::new(),
        counted: (0, 1),
        keys: HashSet::new(),
        rows: [0; 2],
        effort: 16 * text.len() + (1 << 20),
    };
    reading.documents();
    let mut found = reading.found;
    shape::settle(found.iter_mut().filter_map(|element| element.row.as_mut().ok()));
    found
}

struct Reading<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Element<'a>>,
    /// A place, and the line it is on.
    counted: (usize, u64),
    /// First keys of the objects that were read.
    keys: HashSet<&'a str>,
    /// Objects and lists that were read.
    rows: [u64; 2],
    /// Bytes that may still be looked at in search of the next element, so that damage does not take the square of the
    /// text's length.
    effort: usize,
}

impl<'a> Reading<'a> {
    fn documents(&mut self) {
        loop {
            // Elements with commas between them and no list around.
            while self.peek() == Some(b',') {
                self.at += 1;
            }
            if self.peek().is_none() {
                return;
            }
            let mut scanner = Scanner::from(self.text, self.at);
            match scanner.value() {
                Ok(span) => {
                    self.at = span.end;
                    let document = &self.text[span];
                    for row in shape::rows(document).unwrap_or_default() {
                        self.keep(row);
                    }
                }
                Err(fault) => match self.list_inside() {
                    Some((first, is_wrapped)) => self.list(first, is_wrapped),
                    None => self.damage(fault, false),
                },
            }
        }
    }

    /// The next byte that is no blank.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn line(&mut self, at: usize) -> u64 {
        if at < self.counted.0 {
            self.counted = (0, 1);
        }
        let more = memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.counted.0..at]).count() as u64;
        self.counted = (at, self.counted.1 + more);
        self.counted.1
    }

    fn keep(&mut self, row: Shape<'a>) {
        let start = row.start().map(|start| start.as_ptr() as usize - self.text.as_ptr() as usize);
        let at = start.unwrap_or(self.counted.0);
        if matches!(row, Shape::Object(_)) {
            self.learn(at);
        }
        self.rows[0] += u64::from(matches!(row, Shape::Object(_)));
        self.rows[1] += u64::from(matches!(row, Shape::List(_)));
        let line = self.line(at);
        self.found.push(Element { line, row: Ok(row) });
    }

    /// The first key of an object here.
    fn learn(&mut self, at: usize) {
        if self.keys.len() < MOST_KEYS {
            self.keys.extend(first_key(self.text, at));
        }
    }

    fn bad(&mut self, at: usize, reason: String) {
        let line = self.line(at);
        self.found.push(Element { line, row: Err(reason) });
    }

    /// Where the elements of a list begin that is the damaged document here, or its only value; and whether it is the latter.
    fn list_inside(&self) -> Option<(usize, bool)> {
        let bytes = self.text.as_bytes();
        let next = |at: usize| {
            let rest = &bytes[at..];
            at + rest.len() - rest.trim_ascii_start().len()
        };
        if bytes[self.at] == b'[' {
            return Some((self.at + 1, false));
        }
        let key = first_key(self.text, self.at)?;
        let behind = next(key.as_ptr() as usize - bytes.as_ptr() as usize + key.len() + 1);
        let list = next(behind + usize::from(bytes.get(behind) == Some(&b':')));
        let first = next(list + 1.min(bytes.len() - list));
        let holds_rows = matches!(bytes.get(first), Some(b'{' | b'[' | b'n'));
        (bytes.get(list) == Some(&b'[') && holds_rows).then_some((first, true))
    }

    /// The rows of a damaged list.
    fn list(&mut self, first: usize, is_wrapped: bool) {
        let (opened, before) = (self.at, self.found.len());
        self.elements_of(first, is_wrapped);
        let is_scalar = |element: &Element<'_>| matches!(&element.row, Ok(Shape::Value(_)) | Err(_));
        if self.found.len() > before + 1 && self.found[before..].iter().all(is_scalar) {
            // The cells of a single row.
            let reasons = self.found.split_off(before).into_iter().filter_map(|element| element.row.err());
            let reason = reasons.reduce(|_, last| last).unwrap_or_default();
            self.bad(opened, reason);
        }
    }

    /// The elements of a damaged list, from the first.
    fn elements_of(&mut self, first: usize, is_wrapped: bool) {
        let (opened, before) = (self.at, self.found.len());
        let known = self.keys.clone();
        self.at = first;
        loop {
            match self.peek() {
                Some(b']') => {
                    self.at += 1;
                    if !is_wrapped || self.peek() == Some(b'}') {
                        self.at += usize::from(is_wrapped);
                        return;
                    }
                    let rest = self.text[self.at..].trim_ascii_start();
                    if rest.strip_prefix(',').is_some_and(|rest| rest.trim_ascii_start().starts_with('"')) {
                        // An object with more keys than this one is no list of rows: it is one row, a damaged one.
                        let behind = self.at;
                        self.found.truncate(before);
                        (self.at, self.keys) = (opened, known);
                        let fault = Scanner::from(self.text, opened).value().err();
                        let end = self.closing(opened).filter(|end| *end > behind);
                        let next = end.or_else(|| self.next_element(behind, self.text.len()));
                        let fault = fault.unwrap_or(NotJson { what: "not JSON", at: opened });
                        return self.pass(fault, next, false);
                    }
                    match self.peek() {
                        Some(_) => self.damage(NotJson { what: "expected `}`", at: self.at }, false),
                        None => self.ends_early(opened),
                    }
                    return;
                }
                None => return self.ends_early(opened),
                Some(_) => {}
            }
            let mut scanner = Scanner::from(self.text, self.at);
            let value = match scanner.value() {
                // It may hold the rest of the elements, behind a bracket that should not be there.
                Ok(span) if self.is_no_row(span.clone()) => {
                    Err(NotJson { what: "a list among objects", at: span.start })
                }
                value => value,
            };
            match value {
                Ok(span) => {
                    self.at = span.end;
                    self.keep(shape::element(&self.text[span]));
                    match self.peek() {
                        Some(b',') => self.at += 1,
                        // Nothing is lost with a comma.
                        Some(b']' | b'{') | None => {}
                        Some(b'[') if self.keys.is_empty() || self.are_lists() => {}
                        Some(_) => {
                            self.damage(NotJson { what: "expected `,` or `]`", at: self.at }, true);
                            if self.peek().is_none() {
                                return;
                            }
                        }
                    }
                }
                Err(fault) => {
                    self.damage(fault, true);
                    match self.peek() {
                        // Whatever ends here was counted.
                        None => return,
                        Some(b',') => self.at += 1,
                        Some(_) => {}
                    }
                }
            }
        }
    }

    fn ends_early(&mut self, opened: usize) {
        let line = self.line(opened);
        let end = self.text.trim_ascii_end().len();
        self.bad(end, format!("the file ends early: the list that begins on line {line} has no end"));
    }

    /// Counts what begins here as damaged, and goes to where reading goes on.
    fn damage(&mut self, fault: NotJson, in_list: bool) {
        let start = self.at;
        self.learn(start);
        let next = match self.text.as_bytes()[start] {
            b'[' if self.is_bracket(start) => self.next_element(start + 1, self.text.len()),
            b'{' | b'[' => match self.closing(start) {
                // A lost quote may have turned the meaning of all brackets.
                Some(end) => {
                    self.next_element(start + 1, end).filter(|next| self.is_alike(*next)).or(Some(end))
                }
                None => self.next_element(start + 1, self.text.len()),
            },
            _ => {
                let line_end = memchr::memchr(b'\n', &self.text.as_bytes()[start..]).map(|end| start + end);
                let next = self.next_element(start + 1, self.text.len());
                if in_list { next } else { line_end.into_iter().chain(next).min() }
            }
        };
        self.pass(fault, next, in_list);
    }

    /// Counts what begins here as damaged; reading goes on at `next`.
    fn pass(&mut self, fault: NotJson, next: Option<usize>, in_list: bool) {
        let start = self.at;
        let is_cut = fault.at + LONGEST_ESCAPE > self.text.trim_ascii_end().len();
        let what = match self.text.as_bytes().get(fault.at) {
            Some(&NOT_UTF8) => "bytes that are not UTF-8",
            _ if next.is_none() && is_cut => "the file ends early: a JSON value that does not end",
            _ => fault.what,
        };
        let behind = &self.text.as_bytes()[start + 1..];
        let line = self.line(self.text.trim_ascii_end().len());
        let reason = match next {
            None if !is_cut && memchr::memchr2(b'{', b'[', behind).is_some() => format!(
                "not JSON ({what}); where the next element begins cannot be told, so the rest of the file up to line {line} \
                 is passed over"
            ),
            Some(next) if !in_list && self.text[start..next].contains("[") => {
                let line = self.line(next);
                format!("not JSON ({what}); the whole document up to line {line} is passed over")
            }
            _ => format!("not JSON ({what})"),
        };
        self.bad(start, reason);
        self.at = next.unwrap_or(self.text.len());
    }

    /// Behind the bracket that closes the one here, when all brackets between them match and an element may end there.
    fn closing(&self, start: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let (mut open, mut in_string, mut escaped) = (Vec::new(), false, false);
        let longest = bytes.len().min(start + LONGEST_DAMAGE);
        for (at, &byte) in bytes[..longest].iter().enumerate().skip(start) {
            match byte {
                // No string holds a line end: one that is open here has lost its closing quote.
                b'\n' => (in_string, escaped) = (false, false),
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => open.push(byte),
                b'}' | b']' => {
                    if open.pop() != Some(if byte == b'}' { b'{' } else { b'[' }) {
                        return None;
                    }
                    if open.is_empty() {
                        let behind = bytes[at + 1..].trim_ascii_start();
                        let ends = match behind.first() {
                            None | Some(b',' | b']' | b'}') => true,
                            // Without a comma between them, an element or a part of this one.
                            Some(b'{') => self.is_known(bytes.len() - behind.len()),
                            Some(_) => false,
                        };
                        return ends.then_some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Whether the object here has the keys of one of the last elements, as a part of an element hardly has.
    fn is_alike(&self, at: usize) -> bool {
        let objects = self.found.iter().rev().filter_map(|element| match element.row {
            Ok(Shape::Object(json)) => Some(json),
            _ => None,
        });
        let mut last = objects.take(LAST).map(|json| keys(json, 0)).peekable();
        last.peek().is_none() || last.any(|known| known == keys(self.text, at))
    }

    /// Whether most elements are lists.
    fn are_lists(&self) -> bool {
        self.rows[1] > self.rows[0]
    }

    /// Whether a list begins here where objects are the elements.
    fn is_bracket(&self, at: usize) -> bool {
        let bytes = self.text.as_bytes();
        let holds_objects = || bytes[at + 1..].trim_ascii_start().starts_with(b"{");
        bytes[at] == b'[' && (!self.keys.is_empty() && !self.are_lists() || holds_objects())
    }

    /// Whether a whole list is no row: it holds an object that is like the elements, or it stands among objects and is hardly one
    /// of the elements, as what is behind it says.
    fn is_no_row(&self, span: Range<usize>) -> bool {
        if self.text.as_bytes()[span.start] != b'[' {
            return false;
        }
        let is_apart = !self.keys.is_empty() && !self.are_lists() && !self.goes_on(span.end);
        let mut parts = Vec::new();
        let is_element = |(number, part): (usize, &Range<usize>)| {
            self.text[part.clone()].starts_with('{') && (number == 0 || self.is_known(part.start))
        };
        is_apart || scan::split(self.text, span, &mut parts) && parts.iter().enumerate().any(is_element)
    }

    /// Whether what is behind an element is another one, or the end of the text.
    fn goes_on(&self, at: usize) -> bool {
        let opens = |text: &str| text.starts_with(['{', '[']);
        let rest = self.text[at..].trim_ascii_start();
        match rest.as_bytes().first() {
            Some(b',') => opens(rest[1..].trim_ascii_start()),
            Some(b']') => rest[1..].trim_matches([' ', '\t', '\r', '\n', '}']).is_empty(),
            _ => rest.is_empty() || opens(rest),
        }
    }

    /// Whether the object here begins with the key of an element.
    fn is_known(&self, at: usize) -> bool {
        first_key(self.text, at).is_some_and(|key| self.keys.contains(key))
    }

    /// Where the next element begins: an object that stands behind a comma, a bracket or at the start of a line, is whole,
    /// and begins with the key of another element. Where the rows are lists, a list.
    fn next_element(&mut self, from: usize, to: usize) -> Option<usize> {
        let bytes = self.text.as_bytes();
        if self.keys.is_empty() && !self.are_lists() {
            self.keys.extend(likely_key(self.text, from, &mut self.effort));
        }
        let opening = if self.are_lists() { b'[' } else { b'{' };
        let places = memchr::memchr_iter(opening, bytes.get(from..to)?).map(|at| from + at);
        let mut looked_at = from;
        for at in places {
            self.effort = self.effort.checked_sub(at - std::mem::replace(&mut looked_at, at))?;
            let before = bytes[..at].trim_ascii_end();
            let opens_line = bytes[before.len()..at].contains(&b'\n');
            if !opens_line && !matches!(before.last(), Some(b',' | b'[' | b']' | b'}')) {
                continue;
            }
            if opening == b'{' && !self.is_known(at) {
                continue;
            }
            let mut scanner = Scanner::from(self.text, at);
            let value = scanner.value();
            let length = value.as_ref().map_or_else(|fault| fault.at, |span| span.end).saturating_sub(at);
            self.effort = self.effort.checked_sub(length)?;
            let Ok(span) = value else { continue };
            // An object holds none without a key before it: behind its bracket a line begins another element.
            let is_apart = opens_line && opening == b'{' && before.last() == Some(&b'{');
            let behind = bytes[span.end..].trim_ascii_start().first();
            if is_apart || matches!(behind, None | Some(b',' | b']' | b'{' | b'[')) {
                return Some(at);
            }
        }
        None
    }
}

/// The keys of an object as they are written.
fn keys(text: &str, object: usize) -> Vec<&str> {
    let mut keys = Vec::new();
    // It is whole.
    let _ = Scanner::from(text, object).object(|scanner, key| {
        keys.push(&text[key]);
        scanner.value().map(|_| ())
    });
    keys
}

/// The first key of the objects that make up most of a text, nested ones left out.
fn likely_key<'a>(text: &'a str, from: usize, effort: &mut usize) -> Option<&'a str> {
    let mut bytes: IndexMap<&str, usize> = IndexMap::new();
    let mut at = from;
    while let Some(ahead) = memchr::memchr(b'{', text.as_bytes().get(at..)?) {
        at += ahead;
        let mut scanner = Scanner::from(text, at);
        let value = scanner.value();
        let length = value.as_ref().map_or_else(|fault| fault.at, |span| span.end).saturating_sub(at);
        let Some(left) = effort.checked_sub(length + 1) else { break };
        *effort = left;
        if let (Ok(span), Some(key)) = (value, first_key(text, at)) {
            *bytes.entry(key).or_default() += length;
            at = span.end;
        } else {
            at += 1;
        }
    }
    // The first of equals.
    bytes.into_iter().rev().max_by_key(|(_, bytes)| *bytes).map(|(key, _)| key)
}

/// The first key of an object as it is written.
fn first_key(text: &str, object: usize) -> Option<&str> {
    let mut scanner = Scanner::from(text, object);
    if !matches!(scanner.kind(), Ok(Kind::Object)) {
        return None;
    }
    let mut first = None;
    // Ends at the first value.
    let _ = scanner.object(|_, key| {
        first = Some(&text[key]);
        Err(NotJson { what: "", at: 0 })
    });
    first
}
