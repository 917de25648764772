//! Captured records to rows: the cells of the answer and of the request side by side, a payload of several
//! rows as so many rows, paired by position within its record only.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use plumbline_common::Result;
use plumbline_common::input::InputFile;
use plumbline_common::record::{Encoding, Payload, Record};
use plumbline_common::words::counted;
use serde::Deserialize;

use super::json::Rows;
use super::kinds::{self, Kind};
use super::reader::Reader;
use super::shape::{self, Shape};
use super::shared::Seat;
use super::{Columns, Take, prepare};
use crate::config::ContentType;
use crate::monitor::columns::{Part, Records};
use crate::monitor::format::Captured;
use crate::read::answer;
use crate::read::captured::{self, Met};
use crate::read::windowed::Windowed;
use crate::read::{payload, quotes, together};
use crate::values::scan::NotJson;

/// Reads all records of the window.
pub(super) fn read(
    files: &[InputFile],
    parts: &Captured,
    reader: &mut Reader<'_>,
    take: Take<'_>,
) -> Result<()> {
    let mut rows = Rows::default();
    let mut places = Places::default();
    let seat = reader.source.seat.and_then(Seat::records);
    let mut windowed = Windowed::new(reader.source.window.filter(|_| reader.source.folds), false);
    together::each(files, reader.source.strict, seat, &mut |file, line, met| {
        if let Some(windowed) = &mut windowed {
            windowed.note(file, line, &met);
        }
        let (record, text) = match met {
            Met::Bytes(bytes) => {
                reader.advance(bytes)?;
                return Ok(true);
            }
            _ if reader.done() => return Ok(false),
            Met::Damage(reason) | Met::File(reason) => {
                reader.records(1);
                reader.bad(file, line, &reason)?;
                return Ok(true);
            }
            Met::Record { record, text, .. } => (record, text),
        };
        reader.records(1);
        rows.enter(file, reader, take)?;
        rows.begin_record(&reader.columns);
        match taken(record, text, parts, &mut places, &mut rows, reader, (file, line)) {
            Ok(Taken::Rows) => rows.keep_record(line, reader, take)?,
            Ok(Taken::Outside) => reader.account.outside += 1,
            Ok(Taken::LeftOut) => reader.account.left_out += 1,
            Ok(Taken::Misfit(reason)) => {
                rows.drop_record(&mut reader.columns);
                let reason = captured::named(record.event_metadata.as_ref(), reason);
                reader.misfit(file, line, 1, &reason)?;
            }
            Err(reason) => {
                rows.drop_record(&mut reader.columns);
                let reason = captured::named(record.event_metadata.as_ref(), reason);
                reader.bad(file, line, &reason)?;
            }
        }
        Ok(true)
    })?;
    reader.account.windowed = windowed.map(Windowed::finish).unwrap_or_default();
    rows.hand_on(reader, take)
}

/// Where the rows of a record's parts stand in their payloads; reused from record to record.
#[derive(Default)]
struct Places([Vec<Range<usize>>; 3]);

/// What became of a record that can be used.
enum Taken {
    Rows,
    /// Outside of the window.
    Outside,
    /// The setting `columns` does not want it.
    LeftOut,
    /// It is of another kind than most.
    Misfit(String),
}

/// The payload of one part.
struct Text<'a> {
    text: Cow<'a, str>,
    syntax: ContentType,
    what: &'static str,
}

impl<'a> Text<'a> {
    /// `decode`: the payload is BASE64 whatever its tag says.
    fn of(
        payload: &'a Payload<'_>,
        what: &'static str,
        decode: bool,
    ) -> std::result::Result<Text<'a>, String> {
        let tagged = payload.encoding == Some(Encoding::Base64);
        let (text, syntax) = match &payload.data {
            Some(data) if decode && !tagged => prepare::decoded(&data.as_text()).map(|text| {
                let syntax = payload::kind(payload.observed_content_type.as_deref(), None, &text);
                (Cow::Owned(text), syntax)
            }),
            _ => payload::text(payload),
        }
        .map_err(|reason| format!("{what}: {reason}"))?;
        Ok(Text { text, syntax, what })
    }

    /// As `part`. Lists in square brackets under the tag of CSV are JSON in a request and in labels, and as many rows
    /// in an answer.
    fn rows<'b>(
        &'b self,
        part: Part,
        whole: bool,
        places: &'b mut Vec<Range<usize>>,
    ) -> std::result::Result<Rowed<'b>, String> {
        if whole || self.syntax != ContentType::Csv {
            return self.part(self.syntax, whole, places);
        }
        match part {
            Part::Output => match answer::listed_rows(&self.text) {
                Some(rows) => Ok(Rowed::Records(rows.iter().map(::csv::StringRecord::from_iter).collect())),
                None => self.part(ContentType::Csv, whole, places),
            },
            Part::Input | Part::GroundTruth => {
                self.part(payload::kind_of_rows(self.syntax, &self.text), whole, places)
            }
        }
    }

    /// The rows of the payload. `whole`: the payload is one row, cut at commas only.
    fn part<'b>(
        &'b self,
        syntax: ContentType,
        whole: bool,
        places: &'b mut Vec<Range<usize>>,
    ) -> std::result::Result<Rowed<'b>, String> {
        let fail = |error: &dyn std::fmt::Display| format!("{}: {error}", self.what);
        let text = self.text.trim_start_matches('\u{feff}');
        let json = |fault: NotJson| fail(&format_args!("not JSON: {fault}"));
        match syntax {
            ContentType::Csv if !whole && text.contains('"') => {
                quotes::check(text).map_err(|fault| fail(&fault))?;
                let mut reader = ::csv::ReaderBuilder::new()
                    .has_headers(false)
                    .flexible(true)
                    .from_reader(text.as_bytes());
                let rows: std::result::Result<Vec<_>, _> = reader.records().collect();
                rows.map(Rowed::Records).map_err(|error| fail(&format_args!("not CSV: {error}")))
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
                Ok(Rowed::Lines(text, places))
            }
            ContentType::Json if whole => Ok(Rowed::Json(match text.trim_ascii() {
                object if object.starts_with('{') => vec![Shape::Object(object)],
                value => vec![Shape::Value(value)],
            })),
            ContentType::Json => shape::rows(text).map_err(json).and_then(|rows| self.listed(rows)),
            ContentType::JsonLines => {
                let mut rows = Vec::new();
                for line in text.lines().filter(|line| !line.trim_ascii().is_empty()) {
                    rows.append(&mut shape::rows(line).map_err(json)?);
                }
                shape::settle(rows.iter_mut());
                self.listed(rows)
            }
        }
    }

    /// The rows, all of which must be there, since those of the other parts stand beside them.
    fn listed<'b>(&self, rows: Vec<Shape<'b>>) -> std::result::Result<Rowed<'b>, String> {
        match shape::odd(&rows) {
            Some((at, why)) => Err(format!("{}: row {} of {}: {why}", self.what, at + 1, rows.len())),
            None => Ok(Rowed::Json(rows)),
        }
    }
}

/// The rows of a part of a record.
enum Rowed<'a> {
    /// CSV without quotes: each place is a row.
    Lines(&'a str, &'a mut Vec<Range<usize>>),
    Records(Vec<::csv::StringRecord>),
    Json(Vec<Shape<'a>>),
}

impl Rowed<'_> {
    fn rows(&self) -> usize {
        match self {
            Rowed::Lines(_, rows) => rows.len(),
            Rowed::Records(rows) => rows.len(),
            Rowed::Json(rows) => rows.len(),
        }
    }

    fn named(&self) -> bool {
        matches!(self, Rowed::Json(rows) if rows.iter().any(|row| matches!(row, Shape::Object(_) | Shape::Named(..))))
    }

    /// What a row is.
    fn word(&self, row: usize) -> &'static str {
        match self {
            Rowed::Json(rows) => rows[row].word(),
            _ => "CSV",
        }
    }

    /// One row of n values becomes n rows of one: some models answer a batch on a single line. Unchanged when
    /// it is no such row.
    fn turn(&mut self, n: usize) {
        match self {
            Rowed::Lines(text, rows) if rows.len() == 1 => {
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
            Rowed::Records(rows) if rows.len() == 1 && rows[0].len() == n => {
                *rows = rows[0].iter().map(|field| ::csv::StringRecord::from(vec![field])).collect();
            }
            Rowed::Json(rows) => {
                if let [row] = rows.as_slice()
                    && let Some(turned) = row.turned(n)
                {
                    *rows = turned;
                }
            }
            _ => {}
        }
    }

    /// The key of a list of n values in an object of several keys that is the only row.
    fn list_beside_others(&self, n: usize) -> Option<String> {
        match self {
            Rowed::Json(rows) if rows.len() == 1 => rows[0].list_beside_others(n),
            _ => None,
        }
    }

    /// Puts the cells of a row behind those that are there. `named`: cells without a name get this one, with their
    /// position in this part behind it. Gives the kind of the row.
    fn put(
        &self,
        row: usize,
        named: Option<&str>,
        nested: bool,
        setting: Option<&Records>,
        rows: &mut Rows,
        columns: &mut Columns,
    ) -> std::result::Result<Option<Kind>, String> {
        let mut position = 0;
        let mut put = |rows: &mut Rows, columns: &mut Columns, text: &str| {
            let value = (!text.is_empty()).then_some(text);
            match named {
                Some(name) => rows.set(&format!("{name}{position}"), value, columns),
                None => rows.push(value),
            }
            position += 1;
        };
        match self {
            Rowed::Lines(text, places) => {
                text[places[row].clone()].split(',').for_each(|field| put(rows, columns, field));
            }
            Rowed::Records(records) => records[row].iter().for_each(|field| put(rows, columns, field)),
            Rowed::Json(shapes) => {
                let shape = &shapes[row];
                let taken = rows.shape(shape, columns, named, nested);
                let taken = taken.and_then(|()| rows.paths(shape, setting, columns));
                return taken.map(|()| shape.kind()).map_err(|fault| fault.reason().to_string());
            }
        }
        Ok(Some(Kind::Values(position)))
    }
}

/// Takes the rows of one record. `place`: its file and line.
fn taken(
    record: &Record<'_>,
    text: &str,
    parts: &Captured,
    places: &mut Places,
    rows: &mut Rows,
    reader: &mut Reader<'_>,
    place: (&Path, u64),
) -> std::result::Result<Taken, String> {
    // A record without a time is never outside of the window of a quality monitor.
    if !captured::in_window(record, None, reader.source.window)? {
        return Ok(Taken::Outside);
    }
    let setting = reader.records_setting();
    if let Some(setting) = setting
        && !wanted(setting, record, text, place)?
    {
        return Ok(Taken::LeftOut);
    }
    let capture = record.capture_data.as_ref().ok_or("`captureData` is missing")?;
    let whole = reader.source.one_row_per_record;
    let order = order(parts, setting);
    let is_batch = capture.batch_transform_output.is_some() && !order.contains(&Part::GroundTruth);
    let order = if is_batch { vec![Part::Output] } else { order };
    let mut texts = Vec::with_capacity(order.len());
    for part in &order {
        let (payload, name, what) = match part {
            Part::Input => (&capture.endpoint_input, "endpointInput", "input"),
            Part::Output if capture.batch_transform_output.is_some() => {
                (&capture.batch_transform_output, "batchTransformOutput", "batch transform output")
            }
            Part::Output => (&capture.endpoint_output, "endpointOutput", "output"),
            Part::GroundTruth => (&record.ground_truth_data, "groundTruthData", "ground truth"),
        };
        let payload = payload.as_ref().ok_or_else(|| format!("`{name}` is missing"))?;
        texts.push(Text::of(payload, what, setting.is_some_and(|setting| setting.decode.contains(part)))?);
    }
    let mut found: Vec<Rowed<'_>> = Vec::with_capacity(texts.len());
    for ((text, part), places) in texts.iter().zip(&order).zip(&mut places.0) {
        found.push(text.rows(*part, whole, places)?);
    }
    let input = order.iter().position(|part| *part == Part::Input);
    let most = found.iter().map(Rowed::rows).max().unwrap_or(0);
    // A list of values is a row, unless there is an answer for each of them.
    if let Some(at) = input
        && let Rowed::Json(_) = found[at]
        && found.iter().enumerate().all(|(other, part)| (part.rows() == most) != (other == at))
    {
        found[at].turn(most);
    }
    // The request says how many rows there are, else the part with most.
    let n = input.map_or(most, |at| found[at].rows());
    for part in &mut found {
        if part.rows() != n && part.rows() == 1 {
            part.turn(n);
        }
    }
    if found.iter().any(|part| part.rows() != n) {
        return Err(unpaired(&texts, &found, n));
    }
    if n == 0 {
        return Err("no rows".into());
    }
    let is_whole = |part: &Part| *part == Part::Output && capture.batch_transform_output.is_some();
    let place = |part: &Part| if is_whole(part) { kinds::BATCH } else { *part as usize };
    let sides: Vec<Side<'_>> = texts
        .iter()
        .zip(&found)
        .zip(&order)
        .map(|((text, rows), part)| Side { rows, part: *part, place: place(part), what: text.what })
        .collect();
    rows_of(&sides, rows, reader)
}

/// Why parts are no rows together. `n`: the rows that each should have.
fn unpaired(texts: &[Text<'_>], found: &[Rowed<'_>], n: usize) -> String {
    let mut counts: Vec<(bool, String)> = texts
        .iter()
        .zip(found)
        .map(|(text, part)| (text.what != "input", counted(part.rows(), &format!("{} row", text.what))))
        .collect();
    counts.sort_by_key(|(later, _)| *later);
    let counts = counts.into_iter().map(|(_, count)| count).collect::<Vec<_>>().join(", ");
    let list =
        texts.iter().zip(found).find_map(|(text, part)| Some((text.what, part.list_beside_others(n)?)));
    match list {
        Some((what, name)) => format!(
            "{counts}: the {what} is an object of several keys, which is one row, although its `{name}` has {n} values"
        ),
        None => counts,
    }
}

/// The parts that make a row, in the order of their columns.
fn order(parts: &Captured, setting: Option<&Records>) -> Vec<Part> {
    if let Some(take) = setting.and_then(|setting| setting.take.clone()) {
        return take;
    }
    let order = if parts.output_first { [Part::Output, Part::Input] } else { [Part::Input, Part::Output] };
    let named = |part: &Part| if *part == Part::Input { parts.input } else { parts.output };
    order.into_iter().filter(named).collect()
}

/// Whether filters and sample keep a record.
///
/// # Errors
/// Its metadata cannot be read.
fn wanted(
    setting: &Records,
    record: &Record<'_>,
    text: &str,
    (file, line): (&Path, u64),
) -> std::result::Result<bool, String> {
    #[derive(Deserialize)]
    struct Attributed {
        #[serde(rename = "eventMetadata")]
        metadata: Option<Attributes>,
    }
    #[derive(Deserialize)]
    struct Attributes {
        #[serde(default, rename = "customAttributes")]
        custom: Option<Vec<String>>,
    }
    if !setting.filters.is_empty() {
        let found: Attributed = serde_json::from_str(text)
            .map_err(|error| format!("`customAttributes` cannot be read: {error}"))?;
        let found = found.metadata.and_then(|metadata| metadata.custom).unwrap_or_default();
        if !setting.filters.iter().all(|filter| filter.keeps(found.iter().map(String::as_str))) {
            return Ok(false);
        }
    }
    let Some(sample) = &setting.sample else { return Ok(true) };
    let id = record.event_metadata.as_ref().and_then(|metadata| metadata.event_id.as_ref());
    Ok(match id {
        Some(id) => sample.keeps(&id.as_text()),
        None => sample.keeps(&format!("{}:{line}", file.display())),
    })
}

/// A part of a record.
struct Side<'a> {
    rows: &'a Rowed<'a>,
    part: Part,
    /// Among the kinds of a record.
    place: usize,
    what: &'static str,
}

/// The rows of parts that have equally many.
fn rows_of(
    sides: &[Side<'_>],
    rows: &mut Rows,
    reader: &mut Reader<'_>,
) -> std::result::Result<Taken, String> {
    let n = sides.first().map_or(0, |side| side.rows.rows());
    let named = sides.iter().any(|side| side.rows.named());
    let nested = !reader.source.one_row_per_record;
    let known = reader.has_rows().then_some(reader.columns.named);
    let mut own = [(0, None); 3];
    let mut width = 0;
    for row in 0..n {
        for (number, Side { rows: cells, part, place, what }) in sides.iter().enumerate() {
            let name = named.then_some(part.name());
            rows.begin_payload(number, part.word());
            let kind = cells.put(row, name, nested, reader.records_setting(), rows, &mut reader.columns)?;
            let first = Kind::first(own[number].1);
            if row > 0 && !first.takes(kind) {
                let why = kinds::misfit(cells.word(row), kind, first);
                return Err(format!("{what}: row {} of {n}: {why}", row + 1));
            }
            own[number] = (*place, if row == 0 { kind } else { own[number].1.or(kind) });
        }
        width = rows.width();
        rows.end_row();
    }
    if let Some((at, expected)) = reader.kinds.misfit(&own[..sides.len()]) {
        let why = kinds::misfit(sides[at].rows.word(0), own[at].1, expected);
        return Ok(Taken::Misfit(format!("{}: {why}", sides[at].what)));
    }
    // The output of a batch transform beside records of an endpoint.
    if let Some(known) = known.filter(|known| *known != named) {
        let kind = |named: bool| if named { "have names" } else { "have no names" };
        return Err(format!("its values {}, those before {}", kind(named), kind(known)));
    }
    if named {
        reader.columns.named = true;
    } else {
        reader.check_width(width)?;
    }
    Ok(Taken::Rows)
}
