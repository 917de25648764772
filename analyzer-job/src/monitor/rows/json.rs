//! JSON to rows: nested objects become dotted names, short lists of numbers become `name_0`, `name_1`, ...;
//! numbers keep their spelling.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use plumbline_common::Problem;
use plumbline_common::input::{self, InputFile};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::block::{Block, Span};
use super::records::{self, Piece};
use super::{Columns, Reader, Take};
use crate::monitor::columns::Records;
use crate::values::numbers::strict_json;
use crate::values::path::Found;

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

    /// The record cannot be used: its rows are taken back.
    pub(super) fn drop_record(&mut self) {
        self.taken.clear();
        self.ends.clear();
        self.row.clear();
        self.expected = 0;
    }

    /// The next records are of this file; those of the one before go on.
    pub(super) fn enter(
        &mut self,
        file: &Path,
        reader: &mut Reader<'_>,
        take: Take<'_>,
    ) -> Result<(), Problem> {
        if self.file != file {
            self.hand_on(reader, take)?;
            self.file = file.to_path_buf();
        }
        Ok(())
    }

    /// The record of this line is good: its rows stay.
    pub(super) fn keep_record(
        &mut self,
        line: u64,
        reader: &mut Reader<'_>,
        take: Take<'_>,
    ) -> Result<(), Problem> {
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

    pub(super) fn hand_on(&mut self, reader: &mut Reader<'_>, take: Take<'_>) -> Result<(), Problem> {
        let width = self.block.width();
        reader.hand_on(std::mem::take(&mut self.block), &self.file, take)?;
        self.block = std::mem::take(&mut reader.spare).cleared(width);
        Ok(())
    }

    /// Sets the cells of one JSON object.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn object(&mut self, json: &str, columns: &mut Columns, nested: bool) -> Result<(), String> {
        let mut path = std::mem::take(&mut self.path);
        path.clear();
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let seed = Flatten { rows: self, columns, path: &mut path, nested };
        let read = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
        self.path = path;
        read.map_err(|error| format!("not a JSON object: {error}"))
    }

    fn value(
        &mut self,
        path: &mut String,
        json: &str,
        columns: &mut Columns,
        nested: bool,
    ) -> serde_json::Result<()> {
        match json.as_bytes().first() {
            Some(b'{') if nested => {
                path.push('.');
                let mut deserializer = serde_json::Deserializer::from_str(json);
                return Flatten { rows: self, columns, path, nested }.deserialize(&mut deserializer);
            }
            Some(b'[') if nested => {
                let elements: Vec<&RawValue> = serde_json::from_str(json)?;
                let short = elements.len() <= LONGEST_LIST
                    && elements.iter().all(|element| is_number_or_null(element.get()));
                if short {
                    let end = path.len();
                    for (at, element) in elements.iter().enumerate() {
                        path.truncate(end);
                        // Writing to a string cannot fail.
                        let _ = fmt::Write::write_fmt(path, format_args!("_{at}"));
                        self.set(path, cell(element.get())?.as_deref(), columns);
                    }
                    return Ok(());
                }
                self.set(path, Some(&compact(json)), columns);
            }
            Some(b'{' | b'[') => self.set(path, Some(&compact(json)), columns),
            _ => self.set(path, cell(json)?.as_deref(), columns),
        }
        Ok(())
    }
}

/// Sets a cell for each value of an object.
struct Flatten<'a, 'b> {
    rows: &'a mut Rows,
    columns: &'a mut Columns,
    /// Name of the object with a dot behind it; empty at the top.
    path: &'b mut String,
    nested: bool,
}

impl<'de> DeserializeSeed<'de> for Flatten<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Flatten<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let prefix = self.path.len();
        while let Some(key) = map.next_key::<Name<'de>>()? {
            let value: &RawValue = map.next_value()?;
            self.path.truncate(prefix);
            self.path.push_str(&key.0);
            self.rows
                .value(self.path, value.get(), self.columns, self.nested)
                .map_err(serde::de::Error::custom)?;
        }
        self.path.truncate(prefix);
        Ok(())
    }
}

/// A key, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Name<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'a>, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text.into()))
            }
        }

        deserializer.deserialize_str(Text).map(Name)
    }
}

/// The text of a value that is no list and no object: numbers as written, texts without their quotes;
/// `None` for null.
fn cell(json: &str) -> serde_json::Result<Option<Cow<'_, str>>> {
    Ok(match json.as_bytes().first() {
        Some(b'"') if !json.contains('\\') => Some(Cow::Borrowed(&json[1..json.len() - 1])),
        Some(b'"') => Some(Cow::Owned(serde_json::from_str(json)?)),
        Some(b'n') => None,
        _ => Some(Cow::Borrowed(json)),
    })
}

fn is_number_or_null(json: &str) -> bool {
    matches!(json.as_bytes().first(), Some(b'-' | b'0'..=b'9' | b'n'))
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
    List(Vec<&'a RawValue>),
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
            Shape::List(cells) => cells.iter().map(|cell| Shape::Value(cell.get())).collect(),
            Shape::Object(json) => {
                let (name, list) = only_entry(json).ok().flatten()?;
                let cells: Vec<&RawValue> = serde_json::from_str(list).ok()?;
                cells.iter().map(|cell| Shape::Named(format!("{name}_0"), cell.get())).collect()
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
pub(super) fn rows(json: &str) -> Result<Vec<Shape<'_>>, serde_json::Error> {
    let json = json.trim_ascii();
    if json.starts_with('{') {
        return Ok(match only_entry(json)? {
            Some((_, list)) if list.starts_with('[') => match listed(list)? {
                Some(rows) => rows,
                None => vec![Shape::Object(json)],
            },
            _ => vec![Shape::Object(json)],
        });
    }
    if json.starts_with('[') {
        return Ok(match listed(json)? {
            Some(rows) => rows,
            None => vec![Shape::List(serde_json::from_str(json)?)],
        });
    }
    serde_json::from_str::<serde::de::IgnoredAny>(json)?;
    Ok(vec![Shape::Value(json)])
}

/// The elements of a list when all of them are objects or lists; an empty list has no rows.
fn listed(json: &str) -> Result<Option<Vec<Shape<'_>>>, serde_json::Error> {
    let elements: Vec<&RawValue> = serde_json::from_str(json)?;
    elements
        .into_iter()
        .map(|element| match element.get().as_bytes().first() {
            Some(b'{') => Ok(Some(Shape::Object(element.get()))),
            Some(b'[') => Ok(Some(Shape::List(serde_json::from_str(element.get())?))),
            _ => Ok(None),
        })
        .collect()
}

/// Key and value of an object that has one key.
fn only_entry(json: &str) -> Result<Option<(String, &str)>, serde_json::Error> {
    struct Only;

    impl<'de> Visitor<'de> for Only {
        type Value = Option<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut only = None;
            let mut keys = 0;
            while let Some(key) = map.next_key::<Name<'de>>()? {
                keys += 1;
                let value = map.next_value()?;
                only = (keys == 1).then(|| (key.0.into_owned(), value));
            }
            Ok(only)
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    let only = deserializer.deserialize_map(Only)?;
    deserializer.end()?;
    Ok(only.map(|(name, value)| (name, value.get())))
}

/// As `cell`, with lists and objects as their compact text.
fn scalar(json: &str) -> Result<Option<Cow<'_, str>>, String> {
    match json.as_bytes().first() {
        Some(b'[' | b'{') => Ok(Some(compact(json))),
        _ => cell(json).map_err(|error| format!("not JSON: {error}")),
    }
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
    ) -> Result<(), String> {
        match shape {
            Shape::Object(json) => return self.object(json, columns, nested),
            Shape::List(cells) => {
                for (at, value) in cells.iter().enumerate() {
                    self.scalar(value.get(), named.map(|name| (name, at)), columns)?;
                }
            }
            Shape::Value(json) => self.scalar(json, named.map(|name| (name, 0)), columns)?,
            Shape::Named(name, json) => {
                let value = scalar(json)?;
                self.set(name, value.as_deref(), columns);
            }
        }
        Ok(())
    }

    fn scalar(
        &mut self,
        json: &str,
        named: Option<(&str, usize)>,
        columns: &mut Columns,
    ) -> Result<(), String> {
        let value = scalar(json)?;
        match named {
            Some((name, position)) => self.set(&format!("{name}{position}"), value.as_deref(), columns),
            None => self.push(value.as_deref()),
        }
        Ok(())
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
    ) -> Result<(), String> {
        let (Some((names, paths)), Shape::Object(json)) = (setting.and_then(|s| s.paths.as_ref()), shape)
        else {
            return Ok(());
        };
        let mut found = std::mem::take(&mut self.found);
        paths.find(json, &mut found).map_err(|_| "not a JSON object".to_string())?;
        for (name, found) in names.iter().zip(&found) {
            let source = found.source(json);
            let mut elements = Vec::new();
            let value = match found.value() {
                Some(span) => scalar(&source[span])?,
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
    pub(super) fn document_row(&mut self, shape: &Shape<'_>, reader: &mut Reader<'_>) -> Result<(), String> {
        let named = matches!(shape, Shape::Object(_));
        if reader.width().is_some() && named != reader.columns.named {
            return Err("objects and lists are mixed".into());
        }
        self.shape(shape, &mut reader.columns, named.then_some("_c"), !reader.source.one_row_per_record)?;
        self.paths(shape, reader.records_setting(), &mut reader.columns)?;
        if named {
            reader.columns.named = true;
        } else {
            reader.check_width(self.width())?;
        }
        self.end_row();
        Ok(())
    }
}

/// Reads files of objects, one after the other, mostly one a line.
pub(super) fn lines(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<(), Problem> {
    let mut rows = Rows::default();
    pieces(files, &mut rows, reader, take)?;
    rows.hand_on(reader, take)
}

fn pieces(
    files: &[InputFile],
    rows: &mut Rows,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<(), Problem> {
    records::pieces(files, |piece| {
        match piece {
            Piece::Bytes(bytes) => reader.advance_often(bytes)?,
            Piece::Damage { file, line, reason } => {
                reader.records(1);
                reader.bad(file, line, reason)?;
            }
            Piece::Record { file, line, text } => {
                reader.records(1);
                rows.enter(file, reader, take)?;
                let strict = strict_json(text.as_bytes());
                let text = std::str::from_utf8(&strict).unwrap_or(text);
                match rows.document_row(&Shape::Object(text), reader) {
                    Ok(()) => rows.keep_record(line, reader, take)?,
                    Err(reason) => {
                        rows.drop_record();
                        reader.bad(file, line, &reason)?;
                    }
                }
            }
        }
        Ok(!reader.done())
    })
}

/// Reads files that hold documents; a damaged one is read object by object. Memory: the text of one file at a
/// time.
pub(super) fn documents(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<(), Problem> {
    let mut rows = Rows::default();
    for file in files {
        let name = file.relative.as_path();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut input::open(&file.path)?, &mut bytes)
            .map_err(|error| Problem::io("read the input", &file.path, error))?;
        let bytes = strict_json(&bytes);
        let found = std::str::from_utf8(&bytes).ok().and_then(|text| Some((text, shapes(text).ok()?)));
        let Some((text, shapes)) = found else {
            pieces(std::slice::from_ref(file), &mut rows, reader, take)?;
            continue;
        };
        rows.enter(name, reader, take)?;
        let mut counted = (0, 1);
        for shape in &shapes {
            reader.records(1);
            let line = line(text, shape, &mut counted);
            match rows.document_row(shape, reader) {
                Ok(()) => rows.keep_record(line, reader, take)?,
                Err(reason) => {
                    rows.drop_record();
                    reader.bad(name, line, &reason)?;
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
pub(super) fn shapes(text: &str) -> Result<Vec<Shape<'_>>, serde_json::Error> {
    let mut out = Vec::new();
    for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        out.extend(rows(document?.get())?);
    }
    Ok(out)
}

/// Line of the text on which a row begins. `counted`: place and line up to which line ends were counted.
pub(super) fn line(text: &str, shape: &Shape<'_>, counted: &mut (usize, u64)) -> u64 {
    let start = match shape {
        Shape::Object(json) | Shape::Value(json) | Shape::Named(_, json) => json.as_ptr(),
        Shape::List(cells) => cells.first().map_or(text.as_ptr(), |cell| cell.get().as_ptr()),
    };
    let place = (start as usize).saturating_sub(text.as_ptr() as usize).clamp(counted.0, text.len());
    let more = memchr::memchr_iter(b'\n', &text.as_bytes()[counted.0..place]).count() as u64;
    *counted = (place, counted.1 + more);
    counted.1
}
