//! Captured records to rows: the cells of the answer and of the request side by side, a payload of several
//! rows as so many rows, paired by position within its record only.

use std::borrow::Cow;
use std::ops::Range;

use plumbline_common::Result;
use plumbline_common::input::InputFile;
use plumbline_common::record::Payload;

use super::json::{self, Rows, Shape};
use super::records::{self, Piece};
use super::{Columns, Reader, Take};
use crate::config::ContentType;
use crate::monitor::format::Captured;
use crate::read::payload;
use crate::values::numbers::strict_json;

/// Reads all records of the window.
pub(super) fn read(
    files: &[InputFile],
    parts: &Captured,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<()> {
    let mut rows = Rows::default();
    let mut places = Places::default();
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
                match record(text, parts, &mut places, &mut rows, reader) {
                    Ok(true) => rows.keep_record(line, reader, take)?,
                    Ok(false) => reader.account.outside += 1,
                    Err(reason) => {
                        rows.drop_record();
                        reader.bad(file, line, &reason)?;
                    }
                }
            }
        }
        Ok(!reader.done())
    })?;
    rows.hand_on(reader, take)
}

/// Where the rows of a record's parts stand in their payloads; reused from record to record.
#[derive(Default)]
struct Places([Vec<Range<usize>>; 2]);

/// The payload of one part.
struct Text<'a> {
    text: Cow<'a, str>,
    syntax: ContentType,
    what: &'static str,
}

impl<'a> Text<'a> {
    fn of(payload: &'a Payload<'_>, what: &'static str) -> std::result::Result<Text<'a>, String> {
        let (text, syntax) = payload::text(payload).map_err(|reason| format!("{what}: {reason}"))?;
        let text = match text {
            text if syntax == ContentType::Csv => text,
            text => match strict_json(text.as_bytes()) {
                // Bare `NaN` and `Infinity` are no JSON; the words of a payload are read all the same.
                Cow::Owned(strict) => Cow::Owned(String::from_utf8(strict).unwrap_or_default()),
                Cow::Borrowed(_) => text,
            },
        };
        Ok(Text { text, syntax, what })
    }

    /// The rows of the payload. `whole`: the payload is one row, cut at commas only.
    fn part<'b>(
        &'b self,
        whole: bool,
        places: &'b mut Vec<Range<usize>>,
    ) -> std::result::Result<Part<'b>, String> {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", self.what);
        let text: &str = &self.text;
        let json = |error: serde_json::Error| fail(&format_args!("not JSON: {error}"));
        match self.syntax {
            ContentType::Csv if !whole && text.contains('"') => {
                let mut reader = ::csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .from_reader(text.as_bytes());
                let rows: std::result::Result<Vec<_>, _> = reader.records().collect();
                rows.map(Part::Records).map_err(|error| fail(&format_args!("not CSV: {error}")))
            }
            ContentType::Csv => {
                places.clear();
                if whole {
                    let text = text.strip_suffix('\n').unwrap_or(text);
                    places.push(0..text.strip_suffix('\r').unwrap_or(text).len());
                } else {
                    let mut start = 0;
                    for line in text.split_inclusive('\n') {
                        let kept = line.trim_end_matches(['\n', '\r']).len();
                        if kept > 0 {
                            places.push(start..start + kept);
                        }
                        start += line.len();
                    }
                }
                Ok(Part::Lines(text, places))
            }
            ContentType::Json if whole => Ok(Part::Json(match text.trim_ascii() {
                object if object.starts_with('{') => vec![Shape::Object(object)],
                value => vec![Shape::Value(value)],
            })),
            ContentType::Json => json::rows(text).map(Part::Json).map_err(json),
            ContentType::JsonLines => {
                let mut rows = Vec::new();
                for line in text.lines().filter(|line| !line.trim_ascii().is_empty()) {
                    rows.append(&mut json::rows(line).map_err(json)?);
                }
                Ok(Part::Json(rows))
            }
        }
    }
}

/// The rows of a part of a record.
enum Part<'a> {
    /// CSV without quotes: each place is a row.
    Lines(&'a str, &'a mut Vec<Range<usize>>),
    Records(Vec<::csv::StringRecord>),
    Json(Vec<Shape<'a>>),
}

impl Part<'_> {
    fn rows(&self) -> usize {
        match self {
            Part::Lines(_, rows) => rows.len(),
            Part::Records(rows) => rows.len(),
            Part::Json(rows) => rows.len(),
        }
    }

    fn named(&self) -> bool {
        matches!(self, Part::Json(rows) if rows.iter().any(|row| matches!(row, Shape::Object(_))))
    }

    /// One row of n values becomes n rows of one: some models answer a batch on a single line. Unchanged when
    /// it is no such row.
    fn turn(&mut self, n: usize) {
        match self {
            Part::Lines(text, rows) if rows.len() == 1 => {
                let mut start = rows[0].start;
                let fields: Vec<Range<usize>> = text[rows[0].clone()]
                    .split(',')
                    .map(|field| {
                        let place = start..start + field.len();
                        start = place.end + 1;
                        place
                    })
                    .collect();
                if fields.len() == n {
                    **rows = fields;
                }
            }
            Part::Records(rows) if rows.len() == 1 && rows[0].len() == n => {
                *rows = rows[0].iter().map(|field| ::csv::StringRecord::from(vec![field])).collect();
            }
            Part::Json(rows) => {
                if let [row] = rows.as_slice()
                    && let Some(turned) = row.turned(n)
                {
                    *rows = turned;
                }
            }
            _ => {}
        }
    }

    /// Puts the cells of a row behind those that are there. `named`: cells without a name get one by their
    /// position in this part.
    fn put(
        &self,
        row: usize,
        named: bool,
        nested: bool,
        rows: &mut Rows,
        columns: &mut Columns,
    ) -> std::result::Result<(), String> {
        let mut position = 0;
        let mut put = |rows: &mut Rows, columns: &mut Columns, text: &str| {
            let value = (!text.is_empty()).then_some(text);
            if named {
                rows.set(&format!("_c{position}"), value, columns);
            } else {
                rows.push(value);
            }
            position += 1;
        };
        match self {
            Part::Lines(text, places) => {
                text[places[row].clone()].split(',').for_each(|field| put(rows, columns, field));
                Ok(())
            }
            Part::Records(records) => {
                records[row].iter().for_each(|field| put(rows, columns, field));
                Ok(())
            }
            Part::Json(shapes) => rows.shape(&shapes[row], columns, named, nested),
        }
    }
}

/// Takes the rows of one record. False when it is outside of the window.
fn record(
    text: &str,
    parts: &Captured,
    places: &mut Places,
    rows: &mut Rows,
    reader: &mut Reader<'_>,
) -> std::result::Result<bool, String> {
    let record = records::parse(text)?;
    if !records::in_window(&record, reader.source.window)? {
        return Ok(false);
    }
    let capture = record.capture_data.as_ref().ok_or("`captureData` is missing")?;
    let whole = reader.source.one_row_per_record;
    let [first, second] = &mut places.0;
    if let Some(batch) = &capture.batch_transform_output {
        let text = Text::of(batch, "batch transform output")?;
        let part = text.part(whole, first)?;
        return rows_of(&[&part], rows, reader).map(|()| true);
    }
    let text = |wanted: bool, payload: &'_ Option<Payload<'_>>, name: &str| match payload {
        _ if !wanted => Ok(()),
        None => Err(format!("`{name}` is missing")),
        Some(_) => Ok(()),
    };
    text(parts.input, &capture.endpoint_input, "endpointInput")?;
    text(parts.output, &capture.endpoint_output, "endpointOutput")?;
    let wanted = |wanted: bool, payload| if wanted { payload } else { None };
    let input = wanted(parts.input, capture.endpoint_input.as_ref());
    let output = wanted(parts.output, capture.endpoint_output.as_ref());
    let input = input.map(|payload| Text::of(payload, "input")).transpose()?;
    let output = output.map(|payload| Text::of(payload, "output")).transpose()?;
    let input = input.as_ref().map(|text| text.part(whole, first)).transpose()?;
    let mut output = output.as_ref().map(|text| text.part(whole, second)).transpose()?;
    if let (Some(input), Some(output)) = (&input, &mut output) {
        if input.rows() != output.rows() && output.rows() == 1 {
            output.turn(input.rows());
        }
        if input.rows() != output.rows() {
            return Err(format!("{} input rows, {} output rows", input.rows(), output.rows()));
        }
    }
    let (input, output) = (input.as_ref(), output.as_ref());
    let order = if parts.output_first { [output, input] } else { [input, output] };
    let order: Vec<&Part<'_>> = order.into_iter().flatten().collect();
    rows_of(&order, rows, reader).map(|()| true)
}

/// The rows of parts that have equally many.
fn rows_of(parts: &[&Part<'_>], rows: &mut Rows, reader: &mut Reader<'_>) -> std::result::Result<(), String> {
    let n = parts.first().map_or(0, |part| part.rows());
    if n == 0 {
        return Err("no rows".into());
    }
    let named = parts.iter().any(|part| part.named());
    if reader.width().is_some() && reader.columns.named != named {
        let kind = |named: bool| if named { "have names" } else { "have no names" };
        return Err(format!("its values {}, those before {}", kind(named), kind(reader.columns.named)));
    }
    let nested = !reader.source.one_row_per_record;
    for row in 0..n {
        for part in parts {
            part.put(row, named, nested, rows, &mut reader.columns)?;
        }
        if named {
            reader.columns.named = true;
        } else {
            reader.check_width(rows.width())?;
        }
        rows.end_row();
    }
    Ok(())
}
