//! Rows that a script makes of records: captured ones, JSON values, or lines of text.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use plumbline_common::input::InputFile;
use plumbline_common::{Problem, Result, codes};

use super::document::{self, Element};
use super::json::{self, Fault, Rows};
use super::reader::Reader;
use super::shape::{self, Shape};
use super::shared::Seat;
use super::{Order, Take};
use crate::monitor::first_lines::{self, Beginning};
use crate::monitor::format::Format;
use crate::monitor::script::{Answer, Running};
use crate::read::captured::{self, Met};
use crate::read::records::{Piece, Taken};
use crate::read::together;
use crate::values::numbers::strict_json;
use crate::values::scan;

/// Records are sent in pieces of about so many bytes.
const SENT: usize = 1 << 18;

/// Reads all records and hands on the rows that the script makes of them, in the order of the records.
///
/// # Errors
/// As `rows::read`; a script that cannot be used, or ends or hangs.
pub(super) fn read(
    files: &[InputFile],
    format: &Format,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<()> {
    let Some(script) = reader.source.script else { return Ok(()) };
    let mut asked = Asked {
        running: script.start(reader.source.stop)?,
        rows: Rows::default(),
        lines: Vec::with_capacity(SENT),
        waiting: Vec::new(),
        file: PathBuf::new(),
    };
    // Under `compat=strict`.
    reader.columns.order = if reader.source.one_row_per_record { Order::Text } else { Order::Natural };
    match format {
        Format::Capture(_) | Format::Merged(_) => captured(files, &mut asked, reader, take)?,
        Format::JsonLines => values(files, &mut asked, reader, take)?,
        Format::Json => documents(files, &mut asked, reader, take)?,
        Format::Csv { .. } => lines(files, &mut asked, reader, take)?,
        Format::Parquet | Format::Profile => {
            return Err(Problem::new(&codes::CONFIG_NOT_SUPPORTED, "scripts cannot read Parquet files")
                .field("record_preprocessor_script")
                .expected("captured records, JSON or CSV")
                .hint("prepare the columns with the setting `columns`"));
        }
    }
    asked.settle(reader, take)?;
    asked.rows.hand_on(reader, take)
}

/// Records on their way to the script and back.
struct Asked<'a> {
    running: Running<'a>,
    rows: Rows,
    /// Lines that are not sent yet.
    lines: Vec<u8>,
    /// Lines in the data of the records that are not settled yet, with the reason where one is bad already.
    waiting: Vec<(u64, Option<String>)>,
    /// The file they are from.
    file: PathBuf,
}

impl Asked<'_> {
    /// A record for the script: `letter` says what it is, `json` is one JSON value.
    fn ask(
        &mut self,
        line: u64,
        letter: u8,
        json: &str,
        reader: &mut Reader<'_>,
        take: Take<'_>,
    ) -> Result<()> {
        self.lines.push(letter);
        // Line breaks between the parts of a value mean nothing; inside of strings there are none.
        self.lines.extend(json.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
        self.lines.push(b'\n');
        self.waiting.push((line, None));
        if self.lines.len() >= SENT { self.settle(reader, take) } else { Ok(()) }
    }

    fn bad(&mut self, line: u64, reason: String) {
        self.waiting.push((line, Some(reason)));
    }

    /// Sends what waits, and takes the answers.
    fn settle(&mut self, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        self.running.send(std::mem::take(&mut self.lines));
        for (line, reason) in std::mem::take(&mut self.waiting) {
            let answer = match reason {
                Some(reason) => Answer::Failed(reason),
                None => self.running.receive()?,
            };
            match answer {
                Answer::LeftOut => reader.account.left_out += 1,
                Answer::Failed(reason) => reader.bad(&self.file, line, &reason)?,
                Answer::Rows(json) => {
                    self.rows.enter(&self.file, reader, take)?;
                    self.rows.begin_record(&reader.columns);
                    match row(&json, &mut self.rows, reader) {
                        Ok(nothing) => {
                            reader.account.left_out += nothing;
                            reader.account.nothing += nothing;
                            self.rows.keep_record(line, reader, take)?;
                        }
                        Err(fault) => {
                            self.rows.drop_record(&mut reader.columns);
                            fault.count(&self.file, line, reader)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The next records are of this file.
    fn enter(&mut self, file: &std::path::Path, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        if self.file != file {
            self.settle(reader, take)?;
            self.file = file.to_path_buf();
        }
        Ok(())
    }
}

/// Takes the rows of an answer. Gives the number of those that are none: objects without a key, and an answer without any
/// row, which counts as one.
fn row(json: &str, rows: &mut Rows, reader: &mut Reader<'_>) -> std::result::Result<u64, Fault> {
    let not_json = |fault| Fault::NotJson(format!("the script's answer is not JSON: {fault}"));
    let shapes = shape::rows(json).map_err(not_json)?;
    let mut nothing = u64::from(shapes.is_empty());
    for shape in &shapes {
        match shape {
            Shape::Object("{}") => nothing += 1,
            Shape::Stray(stray) if stray.is_null() => nothing += 1,
            shape => rows.document_row(shape, reader)?,
        }
    }
    Ok(nothing)
}

fn captured(
    files: &[InputFile],
    asked: &mut Asked<'_>,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<()> {
    let seat = reader.source.seat.and_then(Seat::records);
    together::each(files, reader.source.strict, seat, &mut |file, line, met| {
        let (record, text) = match met {
            Met::Bytes(bytes) => {
                reader.advance(bytes)?;
                return Ok(true);
            }
            _ if reader.done() => return Ok(false),
            Met::Damage(reason) | Met::File(reason) => {
                reader.records(1);
                asked.enter(file, reader, take)?;
                asked.bad(line, reason);
                return Ok(true);
            }
            Met::Record { record, text, .. } => (record, text),
        };
        reader.records(1);
        asked.enter(file, reader, take)?;
        match captured::in_window(record, None, reader.source.window) {
            Ok(true) => {
                let strict = strict_json(text.as_bytes());
                let text = std::str::from_utf8(&strict).unwrap_or(text);
                asked.ask(line, b'r', text, reader, take)?;
            }
            Ok(false) => reader.account.outside += 1,
            Err(reason) => asked.bad(line, reason),
        }
        Ok(true)
    })
}

fn values(files: &[InputFile], asked: &mut Asked<'_>, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    for file in files {
        let goes_on = match first_lines::begin(file)? {
            Beginning::Rows => document(file, asked, reader, take)?,
            Beginning::Lines | Beginning::Other => records(file, asked, reader, take)?,
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// False when no more are wanted.
fn records(file: &InputFile, asked: &mut Asked<'_>, reader: &mut Reader<'_>, take: Take<'_>) -> Result<bool> {
    asked.enter(&file.relative, reader, take)?;
    json::pieces(file, reader, &mut |line, piece, reader| {
        let (text, may_be_none) = match piece {
            Piece::Line(text) => (text, true),
            Piece::Object(text) => (text, false),
            Piece::Bad(what) => {
                reader.records(1);
                asked.bad(line, what.into());
                return Ok(if reader.done() { Taken::Enough } else { Taken::NoRecord });
            }
        };
        let json = std::str::from_utf8(text).ok().filter(|text| scan::is_json(text));
        match json {
            Some(list) if list.starts_with('[') => {
                let shapes = shape::rows(list).unwrap_or_default();
                let rows = shapes.into_iter().map(|row| Element { line, row: Ok(row) });
                let goes_on = asked.elements(rows, reader, take)?;
                return Ok(if goes_on { Taken::Record } else { Taken::Enough });
            }
            Some(json) => asked.value(line, json, reader, take)?,
            None if may_be_none => return Ok(Taken::NoRecord),
            None => asked.bad(line, "not JSON".into()),
        }
        reader.records(1);
        Ok(match (reader.done(), json) {
            (true, _) => Taken::Enough,
            (false, Some(_)) => Taken::Record,
            (false, None) => Taken::NoRecord,
        })
    })
}

impl Asked<'_> {
    /// A JSON value for the script.
    fn value(&mut self, line: u64, text: &str, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
        let strict = strict_json(text.as_bytes());
        self.ask(line, b'd', std::str::from_utf8(&strict).unwrap_or(text), reader, take)
    }

    /// The rows of a list or of documents. False when no more are wanted.
    fn elements<'a>(
        &mut self,
        elements: impl IntoIterator<Item = Element<'a>>,
        reader: &mut Reader<'_>,
        take: Take<'_>,
    ) -> Result<bool> {
        for Element { line, row } in elements {
            reader.records(1);
            match row {
                Ok(Shape::Object(json) | Shape::Value(json) | Shape::Named(_, json)) => {
                    self.value(line, json, reader, take)?;
                }
                Ok(Shape::List(cells)) => {
                    self.value(line, &format!("[{}]", cells.join(",")), reader, take)?;
                }
                Ok(Shape::Stray(stray)) => self.bad(line, stray.to_string()),
                Err(reason) => self.bad(line, reason),
            }
            if reader.done() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn documents(
    files: &[InputFile],
    asked: &mut Asked<'_>,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<()> {
    for file in files {
        let goes_on = match first_lines::begin(file)? {
            Beginning::Lines => records(file, asked, reader, take)?,
            Beginning::Rows | Beginning::Other => document(file, asked, reader, take)?,
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// False when no more are wanted.
fn document(
    file: &InputFile,
    asked: &mut Asked<'_>,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<bool> {
    let text = document::text(file)?;
    asked.enter(&file.relative, reader, take)?;
    let goes_on = asked.elements(document::elements(&text), reader, take)?;
    if goes_on {
        reader.advance(file.bytes)?;
    }
    Ok(goes_on)
}

/// Lines of text, the header's included: such scripts skip it by what stands in it.
fn lines(files: &[InputFile], asked: &mut Asked<'_>, reader: &mut Reader<'_>, take: Take<'_>) -> Result<()> {
    for file in files {
        asked.enter(&file.relative, reader, take)?;
        let mut text = BufReader::new(file.open()?);
        let (mut bytes, mut line) = (Vec::new(), 0);
        loop {
            bytes.clear();
            let read = text
                .read_until(b'\n', &mut bytes)
                .map_err(|error| Problem::io("read the input", &file.path, error).line(line + 1))?;
            if read == 0 {
                break;
            }
            line += 1;
            if line == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
                bytes.pop();
            }
            if bytes.is_empty() {
                continue;
            }
            reader.records(1);
            match std::str::from_utf8(&bytes).ok().and_then(|text| serde_json::to_string(text).ok()) {
                Some(json) => asked.ask(line, b'l', &json, reader, take)?,
                None => asked.bad(line, "the line is not UTF-8 text".into()),
            }
            if reader.done() {
                return Ok(());
            }
        }
        reader.advance(file.bytes)?;
    }
    Ok(())
}
