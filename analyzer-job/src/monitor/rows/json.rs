//! JSON to rows: nested objects become dotted names, short lists of numbers become `name_0`, `name_1`, ...;
//! numbers keep their spelling, and the words `NaN`, `Infinity` are read as everywhere.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use plumbline_common::input::{self, InputFile, Lines};
use plumbline_common::{Problem, Result};

use super::block::{Block, Span};
use super::{Columns, Reader, Take};
use crate::monitor::columns::Records;
use crate::read::records::{self, Piece, Taken};
use crate::values::path::Found;
use crate::values::scan::{self, Kind, Scanned, Scanner};

/// Why a record gives no rows.
pub(super) enum Fault {
    NotJson(String),
    /// It is JSON, and does not go with the others.
    Unfit(String),
}

impl Fault {
    pub(super) fn reason(&self) -> &str {
        match self {
            Fault::NotJson(reason) | Fault::Unfit(reason) => reason,
        }
    }
}

type Taking = std::result::Result<(), Fault>;

/// Lists of at most so many numbers become columns of their own.
const LONGEST_LIST: usize = 100;

/// Rows of cells with names, gathered until they make a block.
#[derive(Debug, Default)]
pub(super) struct Rows {
    block: Block,
    /// Cells of the row at hand, by column.
    row: Vec<Span>,
    /// Where the next name is looked for first: records mostly have the same keys in the same order.
    expected: usize,
    /// Cells of the rows of one record, which are taken back when the record turns out to be bad.
    taken: Vec<Span>,
    /// End of each row in `taken`.
    ends: Vec<usize>,
    /// Columns there were before the record at hand, and whether they had names.
    known: (usize, bool),
    path: String,
    /// Results of the paths that the setting `columns` looks up.
    found: Vec<Found>,
    /// Where the rows of the block come from.
    file: PathBuf,
}

impl Rows {
    /// Sets a cell of the row at hand; a name that is new becomes a column.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>, columns: &mut Columns) {
        let at = match columns.names.get_index(self.expected) {
            Some(known) if known == name => self.expected,
            _ => match columns.names.get_index_of(name) {
                Some(at) => at,
                None => columns.names.insert_full(name.into()).0,
            },
        };
        self.expected = at + 1;
        if self.row.len() <= at {
            self.row.resize(at + 1, Span::MISSING);
        }
        self.row[at] = value.map_or(Span::MISSING, |value| self.block.push_text(value));
    }

    /// Appends a cell to the row at hand, for rows whose columns have no names.
    pub(super) fn push(&mut self, value: Option<&str>) {
        let span = value.map_or(Span::MISSING, |value| self.block.push_text(value));
        self.row.push(span);
    }

    /// Cells of the row at hand.
    pub(super) fn width(&self) -> usize {
        self.row.len()
    }

    /// The row at hand is whole.
    pub(super) fn end_row(&mut self) {
        self.taken.extend_from_slice(&self.row);
        self.ends.push(self.taken.len());
        self.row.clear();
        self.expected = 0;
    }

    /// A record begins.
    pub(super) fn begin_record(&mut self, columns: &Columns) {
        self.known = (columns.names.len(), columns.named);
    }

    /// The record cannot be used: its rows are taken back, and the columns that it brought.
    pub(super) fn drop_record(&mut self, columns: &mut Columns) {
        columns.names.truncate(self.known.0);
        columns.named = self.known.1;
        self.taken.clear();
        self.ends.clear();
        self.row.clear();
        self.expected = 0;
    }

    /// The next records are of this file; those of the one before go on.
    pub(super) fn enter(&mut self, file: &Path, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        if self.file != file {
            self.hand_on(reader, take)?;
            self.file = file.to_path_buf();
        }
        Ok(())
    }

    /// The record of this line is good: its rows stay.
    pub(super) fn keep_record(&mut self, line: u64, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        self.block.widen(reader.columns.names.len());
        let mut start = 0;
        for &end in &self.ends {
            self.block.push_row(&self.taken[start..end], line);
            start = end;
        }
        self.taken.clear();
        self.ends.clear();
        if self.block.is_full() { self.hand_on(reader, take) } else { Ok(()) }
    }

    pub(super) fn hand_on(&mut self, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        let width = self.block.width();
        reader.hand_on(std::mem::take(&mut self.block), &self.file, take)?;
        self.block = std::mem::take(&mut reader.spare).cleared(width);
        Ok(())
    }

    /// Sets the cells of one JSON object.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn object(&mut self, json: &str, columns: &mut Columns, nested: bool) -> Taking {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        let mut scanner = Scanner::new(json);
        let walked = match scanner.kind() {
            Ok(Kind::Object) => self.fields(&mut scanner, json, &mut path, columns, nested),
            Ok(Kind::List | Kind::Scalar) => return Err(Fault::NotJson("not a JSON object".into())),
            Err(fault) => Err(fault),
        };
        self.path = path;
        let walked = walked.and_then(|()| scanner.end());
        walked.map_err(|fault| Fault::NotJson(format!("not a JSON object: {fault}")))
    }

    /// Sets a cell for each value of the object at hand. `path`: its name with a dot behind it; empty at the top.
    fn fields(
        &mut self,
        scanner: &mut Scanner<'_>,
        json: &str,
        path: &mut String,
        columns: &mut Columns,
        nested: bool,
    ) -> Scanned<()> {
        let prefix = path.len();
        scanner.object(|scanner, key| {
            path.truncate(prefix);
            path.push_str(&scan::unescaped(&json[key]));
            match scanner.kind()? {
                Kind::Object if nested => {
                    path.push('.');
                    self.fields(scanner, json, path, columns, nested)
                }
                Kind::List if nested => {
                    let list = &json[scanner.value()?];
                    self.list(list, path, columns);
                    Ok(())
                }
                _ => {
                    self.set(path, cell(&json[scanner.value()?]).as_deref(), columns);
                    Ok(())
                }
            }
        })?;
        path.truncate(prefix);
        Ok(())
    }

    /// A short list of numbers is a column for each; another one is its text.
    fn list(&mut self, list: &str, path: &mut String, columns: &mut Columns) {
        let mut spans = Vec::new();
        scan::split(list, 0..list.len(), &mut spans);
        if spans.len() > LONGEST_LIST || !spans.iter().all(|span| is_number_or_null(&list[span.clone()])) {
            self.set(path, Some(&compact(list)), columns);
            return;
        }
        let end = path.len();
        for (at, span) in spans.into_iter().enumerate() {
            path.truncate(end);
            // Writing to a string cannot fail.
            let _ = fmt::Write::write_fmt(path, format_args!("_{at}"));
            self.set(path, cell(&list[span]).as_deref(), columns);
        }
    }
}

/// The text of a value: numbers as written, texts without their quotes, lists and objects without the blanks between
/// their parts; `None` for null.
fn cell(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first() {
        Some(b'"') => Some(scan::unescaped(&json[1..json.len() - 1])),
        Some(b'[' | b'{') => Some(compact(json)),
        _ if scan::is_null(json) => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

fn is_number_or_null(json: &str) -> bool {
    matches!(json.as_bytes().first(), Some(b'-' | b'0'..=b'9' | b'I')) || scan::is_null(json)
}

/// JSON without the blanks between its parts.
fn compact(json: &str) -> Cow<'_, str> {
    if !json.contains([' ', '\n', '\r', '\t']) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = character == '\\' && !escaped;
        } else if matches!(character, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            in_string = character == '"';
        }
        out.push(character);
    }
    Cow::Owned(out)
}

/// What a payload or document holds: an object for each row, or a list for each row.
#[derive(Debug)]
pub(super) enum Shape<'a> {
    Object(&'a str),
    /// Its elements are the cells.
    List(Vec<&'a str>),
    /// A single cell.
    Value(&'a str),
    /// A single cell with its name.
    Named(String, &'a str),
}

impl<'a> Shape<'a> {
    /// One row of n values as n rows of one: the elements of a list, or of the only list of an object, whose
    /// name they get as its first element would.
    pub(super) fn turned(&self, n: usize) -> Option<Vec<Shape<'a>>> {
        let rows: Vec<Shape<'a>> = match self {
            Shape::List(cells) => cells.iter().map(|cell| Shape::Value(cell)).collect(),
            Shape::Object(json) => {
                let (name, list) = only_entry(json).ok().flatten()?;
                let cells = elements(list)?;
                cells.into_iter().map(|cell| Shape::Named(format!("{name}_0"), cell)).collect()
            }
            Shape::Value(_) | Shape::Named(..) => return None,
        };
        (rows.len() == n).then_some(rows)
    }
}

/// The rows of a JSON document: the elements of a list of objects or lists, or of the only such list that an
/// object holds; else the document itself is one row.
///
/// # Errors
/// The text is not JSON.
pub(super) fn rows(json: &str) -> Scanned<Vec<Shape<'_>>> {
    let json = json.trim_ascii();
    let mut scanner = Scanner::new(json);
    let kind = scanner.kind()?;
    scanner.value()?;
    scanner.end()?;
    Ok(match kind {
        Kind::Object => {
            let rows = only_entry(json)?.and_then(|(_, list)| listed(list));
            rows.unwrap_or_else(|| vec![Shape::Object(json)])
        }
        Kind::List => listed(json).unwrap_or_else(|| vec![Shape::List(elements(json).unwrap_or_default())]),
        Kind::Scalar => vec![Shape::Value(json)],
    })
}

/// The elements of a list; none for another value.
fn elements(json: &str) -> Option<Vec<&str>> {
    let mut spans = Vec::new();
    scan::split(json, 0..json.len(), &mut spans).then(|| spans.into_iter().map(|span| &json[span]).collect())
}

/// The elements of a list when all of them are objects or lists; an empty list has no rows.
fn listed(json: &str) -> Option<Vec<Shape<'_>>> {
    elements(json)?
        .into_iter()
        .map(|element| match element.as_bytes().first() {
            Some(b'{') => Some(Shape::Object(element)),
            Some(b'[') => elements(element).map(Shape::List),
            _ => None,
        })
        .collect()
}

/// Key and value of an object that has one key.
fn only_entry(json: &str) -> Scanned<Option<(String, &str)>> {
    let (mut only, mut keys) = (None, 0);
    let mut scanner = Scanner::new(json);
    scanner.kind()?;
    scanner.object(|scanner, key| {
        let value = scanner.value()?;
        keys += 1;
        only = (keys == 1).then(|| (scan::unescaped(&json[key]).into_owned(), &json[value]));
        Ok(())
    })?;
    Ok(only)
}

impl Rows {
    /// Takes a row as it is shaped: objects by name, lists by position; `named` is what the names of the latter begin
    /// with (`_c`) when the row has others too.
    ///
    /// # Errors
    /// Why it cannot be taken.
    pub(super) fn shape(
        &mut self,
        shape: &Shape<'_>,
        columns: &mut Columns,
        named: Option<&str>,
        nested: bool,
    ) -> Taking {
        match shape {
            Shape::Object(json) => return self.object(json, columns, nested),
            Shape::List(cells) => {
                for (at, value) in cells.iter().enumerate() {
                    self.scalar(value, named.map(|name| (name, at)), columns);
                }
            }
            Shape::Value(json) => self.scalar(json, named.map(|name| (name, 0)), columns),
            Shape::Named(name, json) => self.set(name, cell(json).as_deref(), columns),
        }
        Ok(())
    }

    fn scalar(&mut self, json: &str, named: Option<(&str, usize)>, columns: &mut Columns) {
        let value = cell(json);
        match named {
            Some((name, position)) => self.set(&format!("{name}{position}"), value.as_deref(), columns),
            None => self.push(value.as_deref()),
        }
    }

    /// Sets the columns that the setting `columns` finds by path in a row that is an object.
    ///
    /// # Errors
    /// Why it cannot be searched.
    pub(super) fn paths(
        &mut self,
        shape: &Shape<'_>,
        setting: Option<&Records>,
        columns: &mut Columns,
    ) -> Taking {
        let (Some((names, paths)), Shape::Object(json)) = (setting.and_then(|s| s.paths.as_ref()), shape)
        else {
            return Ok(());
        };
        let mut found = std::mem::take(&mut self.found);
        paths.find(json, &mut found).map_err(|_| Fault::NotJson("not a JSON object".into()))?;
        for (name, found) in names.iter().zip(&found) {
            let source = found.source(json);
            let mut elements = Vec::new();
            let value = match found.value() {
                Some(span) => cell(&source[span]),
                None if found.elements(json, &mut elements) => {
                    let parts: Vec<&str> = elements
                        .into_iter()
                        .map(|span| if span.is_empty() { "null" } else { &source[span] })
                        .collect();
                    Some(Cow::Owned(compact(&format!("[{}]", parts.join(","))).into_owned()))
                }
                None => None,
            };
            self.set(name, value.as_deref(), columns);
        }
        self.found = found;
        Ok(())
    }

    /// Takes one row of a document. All rows of a dataset are objects, or all are lists of one length.
    ///
    /// # Errors
    /// Why it cannot be taken.
    pub(super) fn document_row(&mut self, shape: &Shape<'_>, reader: &mut Reader<'_>) -> Taking {
        let named = matches!(shape, Shape::Object(_));
        let mixed = reader.has_rows() && named != reader.columns.named;
        let nested = !reader.source.one_row_per_record;
        self.shape(shape, &mut reader.columns, named.then_some("_c"), nested)?;
        self.paths(shape, reader.records_setting(), &mut reader.columns)?;
        if mixed {
            return Err(Fault::Unfit("objects and lists are mixed".into()));
        }
        if named {
            reader.columns.named = true;
        } else {
            reader.check_width(self.width()).map_err(Fault::Unfit)?;
        }
        self.end_row();
        Ok(())
    }
}

/// Reads files of objects, one after the other, mostly one a line.
pub(super) fn lines(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    let mut rows = Rows::default();
    for file in files {
        if !objects(file, &mut rows, reader, take)? {
            break;
        }
    }
    rows.hand_on(reader, take)
}

/// Reads the objects of a file, in whatever form they stand in it. False when no more are wanted.
fn objects(file: &InputFile, rows: &mut Rows, reader: &mut Reader<'_>, take: Take<'_>) -> Result<bool> {
    let name = file.relative.as_path();
    rows.enter(name, reader, take)?;
    let mut left = file.bytes;
    let taken = records::read(&mut Lines::open(&file.path)?, None, &mut |line, piece| {
        let (text, may_be_none) = match piece {
            Piece::Line(text) => (text, true),
            Piece::Object(text) => (text, false),
            Piece::Bad(what) => {
                reader.records(1);
                reader.bad(name, line, what)?;
                return Ok(if reader.done() { Taken::Enough } else { Taken::NoRecord });
            }
        };
        // A packed file is longer when it is read.
        let bytes = left.min(text.len() as u64 + 1);
        left -= bytes;
        reader.advance_often(bytes)?;
        rows.begin_record(&reader.columns);
        let row = match std::str::from_utf8(text) {
            Ok(text) => rows.document_row(&Shape::Object(text), reader),
            Err(_) => Err(Fault::NotJson("not UTF-8 text".into())),
        };
        let is_json = !matches!(row, Err(Fault::NotJson(_)));
        match row {
            Ok(()) => {
                reader.records(1);
                rows.keep_record(line, reader, take)?;
            }
            Err(fault) => {
                rows.drop_record(&mut reader.columns);
                if !is_json && may_be_none {
                    return Ok(Taken::NoRecord);
                }
                reader.records(1);
                reader.bad(name, line, fault.reason())?;
            }
        }
        Ok(match (reader.done(), is_json) {
            (true, _) => Taken::Enough,
            (false, true) => Taken::Record,
            (false, false) => Taken::NoRecord,
        })
    })?;
    Ok(taken != Taken::Enough)
}

/// Reads files that hold documents; a damaged one is read object by object. Memory: the text of one file at a
/// time.
pub(super) fn documents(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    let mut rows = Rows::default();
    for file in files {
        let name = file.relative.as_path();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut input::open(&file.path)?, &mut bytes)
            .map_err(|error| Problem::io("read the input", &file.path, error))?;
        let text = std::str::from_utf8(&bytes).ok().map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
        let found = text.and_then(|text| Some((text, shapes(text).ok()?)));
        let Some((text, shapes)) = found else {
            drop(bytes);
            if !objects(file, &mut rows, reader, take)? {
                break;
            }
            continue;
        };
        rows.enter(name, reader, take)?;
        let mut counted = (0, 1);
        for shape in &shapes {
            reader.records(1);
            let line = line(text, shape, &mut counted);
            rows.begin_record(&reader.columns);
            match rows.document_row(shape, reader) {
                Ok(()) => rows.keep_record(line, reader, take)?,
                Err(fault) => {
                    rows.drop_record(&mut reader.columns);
                    reader.bad(name, line, fault.reason())?;
                }
            }
            if reader.done() {
                return rows.hand_on(reader, take);
            }
        }
        reader.advance(file.bytes)?;
    }
    rows.hand_on(reader, take)
}

/// The rows of all documents of a text.
pub(super) fn shapes(text: &str) -> Scanned<Vec<Shape<'_>>> {
    let mut out = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let document = Scanner::new(rest).value()?;
        out.extend(rows(&rest[document.clone()])?);
        rest = rest[document.end..].trim_ascii_start();
    }
    Ok(out)
}

/// Line of the text on which a row begins. `counted`: place and line up to which line ends were counted.
pub(super) fn line(text: &str, shape: &Shape<'_>, counted: &mut (usize, u64)) -> u64 {
    let start = match shape {
        Shape::Object(json) | Shape::Value(json) | Shape::Named(_, json) => json.as_ptr(),
        Shape::List(cells) => cells.first().map_or(text.as_ptr(), |cell| cell.as_ptr()),
    };
    let place = (start as usize).saturating_sub(text.as_ptr() as usize).clamp(counted.0, text.len());
    let more = memchr::memchr_iter(b'\n', &text.as_bytes()[counted.0..place]).count() as u64;
    *counted = (place, counted.1 + more);
    counted.1
}
