//! JSON to rows: nested objects become dotted names, short lists of numbers become `name_0`, `name_1`, ...;
//! numbers keep their spelling, and the words `NaN`, `Infinity` are read as everywhere.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use indexmap::IndexSet;
use plumbline_common::Result;
use plumbline_common::input::{InputFile, Lines};

use super::block::{Block, Span};
use super::document::{self, Element};
use super::kinds;
use super::reader::Reader;
use super::shape::{self, Shape};
use super::twice::Twice;
use super::{Columns, Take, oriented};
use crate::monitor::columns::Records;
use crate::monitor::first_lines::{self, Beginning};
use crate::read::records::{self, Piece, Taken};
use crate::values::path::Found;
use crate::values::scan::{self, Kind, Scanned, Scanner};

/// Why a record gives no rows.
pub(super) enum Fault {
    NotJson(String),
    /// It is JSON, and no row.
    Unfit(String),
    /// It is of another kind than most rows.
    Misfit(String),
}

impl Fault {
    pub(super) fn reason(&self) -> &str {
        match self {
            Fault::NotJson(reason) | Fault::Unfit(reason) | Fault::Misfit(reason) => reason,
        }
    }

    /// Counts the record at this line as one that cannot be used.
    ///
    /// # Errors
    /// As `Reader::bad` and `Reader::misfit`.
    pub(super) fn count(&self, file: &Path, line: u64, reader: &mut Reader<'_>) -> Result<()> {
        match self {
            Fault::Misfit(reason) => reader.misfit(file, line, 1, reason),
            Fault::NotJson(reason) | Fault::Unfit(reason) => reader.bad(file, line, reason),
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
    /// By column what set its cell in the row at hand: the number of the payload, from 1, and how often its name was put in
    /// front of the column's.
    set_by: Vec<(u8, u8)>,
    /// The payload that sets cells now: its number from 1, and its name.
    payload: (u8, &'static str),
    /// Whether cells are set by path now.
    by_path: bool,
    /// The columns by path for which some row had a value.
    found_by_path: IndexSet<usize>,
    /// What the record at hand says twice.
    twice: Vec<Twice>,
    /// Where the next name is looked for first: records mostly have the same keys in the same order.
    expected: usize,
    /// Cells of the rows of one record, which are taken back when the record turns out to be bad.
    taken: Vec<Span>,
    /// End of each row in `taken`.
    ends: Vec<usize>,
    /// Columns and nested places there were before the record at hand, and whether the columns had names.
    known: (usize, usize, bool),
    path: String,
    /// Results of the paths that the setting `columns` looks up.
    found: Vec<Found>,
    /// Where the rows of the block come from.
    file: PathBuf,
}

impl Rows {
    /// Sets a cell of the row at hand; a name that is new becomes a column. A name that another payload has set gets the
    /// name of this one in front, so that both values stay.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>, columns: &mut Columns) {
        self.set_renamed(name, 0, value, columns);
    }

    /// `renamed`: how often the name of the payload was put in front.
    fn set_renamed(&mut self, name: &str, renamed: u8, value: Option<&str>, columns: &mut Columns) {
        let at = self.place(name, columns);
        let setter = (self.payload.0, renamed);
        match self.set_by[at] {
            (0, _) => {}
            by if by == setter && self.by_path => self.twice.push(Twice::ByPath(name.into())),
            by if by == setter => self.twice.push(Twice::InPayload(name.into())),
            _ => {
                let own = format!("{}.{name}", self.payload.1);
                self.twice.push(Twice::InRecord { name: name.into(), own: own.clone() });
                return self.set_renamed(&own, renamed.saturating_add(1), value, columns);
            }
        }
        self.set_by[at] = setter;
        self.row[at] = value.map_or(Span::MISSING, |value| self.block.push_text(value));
    }

    /// The column of a name; a new one if it has none.
    fn place(&mut self, name: &str, columns: &mut Columns) -> usize {
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
            self.set_by.resize(at + 1, (0, 0));
        }
        at
    }

    /// The next cells are those of this payload of the record, counted from 0.
    pub(super) fn begin_payload(&mut self, number: usize, name: &'static str) {
        self.payload = (number as u8 + 1, name);
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
        self.set_by.clear();
        self.expected = 0;
    }

    /// A record begins.
    pub(super) fn begin_record(&mut self, columns: &Columns) {
        self.known = (columns.names.len(), columns.nested.len(), columns.named);
        self.begin_payload(0, "");
    }

    /// The record cannot be used: its rows are taken back, and the columns that it brought.
    pub(super) fn drop_record(&mut self, columns: &mut Columns) {
        columns.names.truncate(self.known.0);
        columns.nested.truncate(self.known.1);
        columns.named = self.known.2;
        self.taken.clear();
        self.ends.clear();
        self.row.clear();
        self.set_by.clear();
        self.twice.clear();
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
        for twice in self.twice.drain(..) {
            reader.account.twice(twice, &self.file, line);
        }
        if self.block.is_full() { self.hand_on(reader, take) } else { Ok(()) }
    }

    pub(super) fn hand_on(&mut self, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        reader.found_by_path.extend(&self.found_by_path);
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
                    nest(path, columns);
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
        nest(path, columns);
        let end = path.len();
        for (at, span) in spans.into_iter().enumerate() {
            path.truncate(end);
            // Writing to a string cannot fail.
            let _ = fmt::Write::write_fmt(path, format_args!("_{at}"));
            self.set(path, cell(&list[span]).as_deref(), columns);
        }
    }
}

/// At this place stands an object or a list that is several columns.
fn nest(path: &str, columns: &mut Columns) {
    if !columns.nested.contains(path) {
        columns.nested.insert(path.into());
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
            Shape::Stray(stray) => return Err(Fault::Unfit(stray.to_string())),
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
        for (number, (name, found)) in names.iter().zip(&found).enumerate() {
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
            match value {
                Some(value) => {
                    self.found_by_path.insert(number);
                    self.by_path = true;
                    self.set(name, Some(&value), columns);
                    self.by_path = false;
                }
                // Nothing there: what stands under the name stays.
                None => {
                    self.place(name, columns);
                }
            }
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
        let nested = !reader.source.one_row_per_record;
        self.shape(shape, &mut reader.columns, named.then_some("_c"), nested)?;
        self.paths(shape, reader.records_setting(), &mut reader.columns)?;
        let width = self.width();
        if !named && width == 0 {
            return Err(Fault::Unfit("no values".into()));
        }
        let kind = shape.kind();
        if let Some((_, expected)) = reader.kinds.misfit(&[(0, kind)]) {
            return Err(Fault::Misfit(kinds::misfit(shape.word(), kind, expected)));
        }
        if named {
            reader.columns.named = true;
        } else if reader.width().is_none() {
            reader.unnamed(width);
        }
        self.end_row();
        Ok(())
    }
}

/// Reads files of objects, one after the other, mostly one a line.
pub(super) fn lines(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    let mut rows = Rows::default();
    for file in files {
        let goes_on = match first_lines::begin(file)? {
            Beginning::Rows => document(file, &mut rows, reader, take)?,
            Beginning::Lines | Beginning::Other => records(file, &mut rows, reader, take)?,
        };
        if !goes_on {
            break;
        }
    }
    rows.hand_on(reader, take)
}

/// Reads the objects of a file and the lists that fill a line, in whatever form they stand in it. False when no more are
/// wanted.
fn records(file: &InputFile, rows: &mut Rows, reader: &mut Reader<'_>, take: Take<'_>) -> Result<bool> {
    let name = file.relative.as_path();
    rows.enter(name, reader, take)?;
    let (mut objects, mut if_only) = (0_u64, None);
    let goes_on = pieces(file, reader, &mut |line, piece, reader| {
        let (text, may_be_none) = match piece {
            Piece::Line(text) => (text, true),
            Piece::Object(text) => (text, false),
            Piece::Bad(what) => {
                reader.records(1);
                reader.bad(name, line, what)?;
                return Ok(if reader.done() { Taken::Enough } else { Taken::NoRecord });
            }
        };
        rows.begin_record(&reader.columns);
        objects += 1;
        if objects == 1 {
            match oriented::told(text, false) {
                Some(what) => reader.account.notes.push((name.into(), what)),
                None => if_only = oriented::told(text, true),
            }
        }
        let row = match std::str::from_utf8(text) {
            Ok(list) if list.starts_with('[') => match shape::rows(list) {
                Ok(shapes) => {
                    let wanted = shapes.iter().map(|shape| (line, Ok(shape)));
                    let goes_on = elements(wanted, name, rows, reader, take)?;
                    return Ok(if goes_on { Taken::Record } else { Taken::Enough });
                }
                Err(fault) => Err(Fault::NotJson(format!("not a list: {fault}"))),
            },
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
                fault.count(name, line, reader)?;
            }
        }
        Ok(match (reader.done(), is_json) {
            (true, _) => Taken::Enough,
            (false, true) => Taken::Record,
            (false, false) => Taken::NoRecord,
        })
    })?;
    if let Some(what) = if_only.filter(|_| objects == 1) {
        reader.account.notes.push((name.into(), what));
    }
    Ok(goes_on)
}

/// Gives every piece of a file to `take`, as `records::read` does, and tells the progress. False when no more are wanted.
pub(super) fn pieces<'d>(
    file: &InputFile,
    reader: &mut Reader<'d>,
    take: &mut dyn FnMut(u64, Piece<'_>, &mut Reader<'d>) -> Result<Taken>,
) -> Result<bool> {
    let mut left = file.bytes;
    let taken = records::read(&mut Lines::open(file)?, None, &mut |line, piece| {
        if let Piece::Line(text) | Piece::Object(text) = piece {
            // A packed file is longer when it is read.
            let bytes = left.min(text.len() as u64 + 1);
            left -= bytes;
            reader.advance_often(bytes)?;
        }
        take(line, piece, reader)
    })?;
    Ok(taken != Taken::Enough)
}

/// Reads files that hold documents. Memory: the text of one file at a time.
pub(super) fn documents(files: &[InputFile], reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    let mut rows = Rows::default();
    for file in files {
        let goes_on = match first_lines::begin(file)? {
            Beginning::Lines => records(file, &mut rows, reader, take)?,
            Beginning::Rows | Beginning::Other => document(file, &mut rows, reader, take)?,
        };
        if !goes_on {
            break;
        }
    }
    rows.hand_on(reader, take)
}

/// Reads the rows of a file's documents. False when no more are wanted.
fn document(file: &InputFile, rows: &mut Rows, reader: &mut Reader<'_>, take: Take<'_>) -> Result<bool> {
    let name = file.relative.as_path();
    let text = document::text(file)?;
    rows.enter(name, reader, take)?;
    let elements = document::elements(&text);
    if let [Element { row: Ok(Shape::Object(json)), .. }] = elements.as_slice()
        && let Some(what) = oriented::told(json.as_bytes(), true)
    {
        reader.account.notes.push((name.into(), what));
    }
    let has_values = elements.iter().any(|element| matches!(element.row, Ok(Shape::Value(_))));
    if has_values && !text.trim_start().starts_with(['[', '{']) {
        let what = r#"the file is read as JSON, and values without brackets are rows; if it is CSV, set `dataset_format` to {"csv": {"header": true}} or {"csv": {"header": false}}"#;
        reader.account.notes.push((name.into(), what.into()));
    }
    let found = elements.iter().map(|element| (element.line, element.row.as_ref()));
    if !self::elements(found, name, rows, reader, take)? {
        return Ok(false);
    }
    reader.advance(file.bytes)?;
    Ok(true)
}

/// Takes the rows of a list or of documents, each with its line, or why there is none. False when no more are wanted.
fn elements<'r, 'a: 'r>(
    elements: impl Iterator<Item = (u64, std::result::Result<&'r Shape<'a>, &'r String>)>,
    file: &Path,
    rows: &mut Rows,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<bool> {
    for (line, row) in elements {
        reader.records(1);
        rows.begin_record(&reader.columns);
        let taken = match row {
            Ok(shape) => rows.document_row(shape, reader),
            Err(reason) => Err(Fault::NotJson(reason.clone())),
        };
        match taken {
            Ok(()) => rows.keep_record(line, reader, take)?,
            Err(fault) => {
                rows.drop_record(&mut reader.columns);
                fault.count(file, line, reader)?;
            }
        }
        if reader.done() {
            return Ok(false);
        }
    }
    Ok(true)
}
