//! What the merge needs of a line: its ids, its time, and the bytes that go into the merged record.
//!
//! A line is walked once, from end to end, or compared with one that was, so that a damaged record never
//! reaches the output, and nothing is allocated for it, but for what is learned from a walk. Repeated keys, blanks between lines and batch
//! documents need text that is made anew; it goes into the batch's own store.

use crate::hours;
use crate::ids::Id;
use crate::json::{self, Cursor, Malformed, Open, Span};
use crate::pattern::Patterns;

/// A place in the block that was read, or in the store of its batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slice {
    made: bool,
    span: Span,
}

impl Slice {
    pub fn len(self) -> usize {
        self.span.end - self.span.start
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Texts that stand in the block, and texts that were made of it.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    pub read: &'a [u8],
    pub made: &'a [u8],
}

impl<'a> Texts<'a> {
    pub fn of(self, slice: Slice) -> &'a [u8] {
        let text = if slice.made { self.made } else { self.read };
        text.get(slice.span.start..slice.span.end).unwrap_or_default()
    }
}

/// A captured request, or a row or document of a batch transform.
#[derive(Debug, Clone, Copy)]
pub struct Capture {
    /// What its label is looked up by: the inference id if there is one, else the event id.
    pub key: Slice,
    /// The number of the key.
    pub key_number: u128,
    /// The number of the event id: two captures of one number are one capture delivered twice.
    pub event: u128,
    /// The key is an inference id.
    pub has_inference_id: bool,
    /// Seconds since 1970, if it tells.
    pub time: Option<i64>,
    /// The merged record but for its beginning: members and the closing brace.
    pub body: Slice,
}

/// A ground-truth record.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    pub id: Slice,
    pub parsed: Id,
    /// The value of `groundTruthData`, compact, its `data` a string.
    pub value: Slice,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Not JSON; the column, counted from 1.
    Malformed {
        column: usize,
    },
    NotUtf8 {
        column: usize,
    },
    NotAnObject,
    Missing {
        field: &'static str,
    },
    WrongType {
        field: &'static str,
        expected: &'static str,
    },
    /// A CSV row without inference id and time as its last two columns.
    NotABatchRow,
    /// A list of files that this job cannot reach.
    Unreachable,
}

/// What a scanning thread keeps from line to line of one side.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) open: Vec<Open>,
    pub(crate) patterns: Patterns,
}

/// What is found in one line: one record, or as many as an array has elements.
#[derive(Debug)]
pub struct Found<T> {
    /// Line of the record, counted from 0 within its segment.
    pub line: u64,
    pub what: Result<T, Bad>,
}

/// A scalar that may serve as an id.
#[derive(Debug, Clone, Copy, Default)]
enum Scalar {
    #[default]
    Absent,
    Text(json::Text),
    Number(Span),
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
enum Part {
    #[default]
    Absent,
    Object(Span),
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
struct Members {
    capture_data: Part,
    ground_truth_data: Part,
    event_metadata: Part,
    event_id: Scalar,
    inference_id: Scalar,
    inference_time: Scalar,
    batch_id: Scalar,
    batch_time: Scalar,
}

const GROUND_TRUTH: &str = "groundTruthData";
const BATCH_ID: &str = "SageMakerInferenceId";
const BATCH_TIME: &str = "SageMakerInferenceTime";

/// One object of a text, and where its parts stand.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    members: Members,
    span: Span,
    /// It or an object in it may have a key twice.
    repeats: bool,
    /// Known to make a record without text of its own.
    pub(crate) plain: bool,
}

impl Object {
    /// All places that are known of it.
    pub(crate) fn places(&mut self) -> impl Iterator<Item = &mut Span> {
        let Members {
            capture_data,
            ground_truth_data,
            event_metadata,
            event_id,
            inference_id,
            inference_time,
            batch_id,
            batch_time,
        } = &mut self.members;
        let parts =
            [capture_data, ground_truth_data, event_metadata].into_iter().filter_map(|part| match part {
                Part::Object(span) => Some(span),
                Part::Absent | Part::Other => None,
            });
        let ids = [event_id, inference_id, inference_time, batch_id, batch_time].into_iter();
        let ids = ids.filter_map(|id| match id {
            Scalar::Text(text) => Some(&mut text.span),
            Scalar::Number(span) => Some(span),
            Scalar::Absent | Scalar::Other => None,
        });
        parts.chain(ids).chain([&mut self.span])
    }

    /// Looks for escapes in the ids, when there may be `some` or were some before.
    pub(crate) fn tell_escapes(&mut self, text: &[u8], some: bool) {
        let members = &mut self.members;
        for id in [
            &mut members.event_id,
            &mut members.inference_id,
            &mut members.inference_time,
            &mut members.batch_id,
            &mut members.batch_time,
        ] {
            if let Scalar::Text(string) = id
                && (some || string.escaped)
            {
                string.escaped = memchr::memchr(b'\\', string.span.of(text)).is_some();
            }
        }
    }
}

/// Moves over one record and notes where its parts stand. Of a repeated key the last counts.
fn object(cursor: &mut Cursor) -> Result<Object, Malformed> {
    cursor.repeats = false;
    let text = cursor.text();
    let mut found = Members::default();
    let span = cursor.object(|cursor, key| {
        if key.is(text, "captureData") {
            found.capture_data = part(cursor)?;
        } else if key.is(text, GROUND_TRUTH) {
            found.ground_truth_data = part(cursor)?;
        } else if key.is(text, "eventMetadata") {
            (found.event_id, found.inference_id, found.inference_time) = Default::default();
            found.event_metadata = Part::Other;
            if cursor.peek() == b'{' {
                let span = cursor.object(|cursor, key| {
                    let value = id(cursor)?;
                    if key.is(text, "eventId") {
                        found.event_id = value;
                    } else if key.is(text, "inferenceId") {
                        found.inference_id = value;
                    } else if key.is(text, "inferenceTime") {
                        found.inference_time = value;
                    }
                    Ok(())
                })?;
                found.event_metadata = Part::Object(span);
            } else {
                cursor.value()?;
            }
        } else if key.is(text, BATCH_ID) {
            found.batch_id = id(cursor)?;
        } else if key.is(text, BATCH_TIME) {
            found.batch_time = id(cursor)?;
        } else {
            cursor.value()?;
        }
        Ok(())
    })?;
    Ok(Object { members: found, span, repeats: cursor.repeats, plain: false })
}

fn part(cursor: &mut Cursor) -> Result<Part, Malformed> {
    let object = cursor.peek() == b'{';
    let span = cursor.value()?;
    Ok(if object { Part::Object(span) } else { Part::Other })
}

/// `null` counts as absent, here and in every id.
fn id(cursor: &mut Cursor) -> Result<Scalar, Malformed> {
    match cursor.peek() {
        b'"' => Ok(Scalar::Text(cursor.string()?)),
        b'-' | b'0'..=b'9' => {
            let start = cursor.at();
            cursor.number()?;
            Ok(Scalar::Number(Span { start, end: cursor.at() }))
        }
        b'n' => {
            cursor.value()?;
            Ok(Scalar::Absent)
        }
        _ => {
            cursor.value()?;
            Ok(Scalar::Other)
        }
    }
}

/// One side's way to make records of text.
pub trait Scan: Copy + Send + Sync {
    type Record: Send;

    /// Makes a record of an object of `text`.
    ///
    /// # Errors
    /// Why the record cannot be used.
    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Self::Record, Bad>;

    /// Makes a record of a line of a CSV file, which stands at `line` in the block.
    fn row(self, text: &[u8], line: Span, made: &mut Vec<u8>) -> Result<Self::Record, Bad>;
}

/// Scans one line, which stands at `line` in `text`, or a whole document of several lines.
pub fn line<S: Scan>(
    side: S,
    text: &[u8],
    line: Span,
    number: u64,
    scratch: &mut Scratch,
    made: &mut Vec<u8>,
    found: &mut Vec<Found<S::Record>>,
) {
    if let Some(object) = scratch.patterns.find(text, line, &mut scratch.open) {
        found.push(Found { line: number, what: side.record(text, &object, made) });
        return;
    }
    let column = |at: usize| at.saturating_sub(line.start) + 1;
    if let Err(error) = std::str::from_utf8(line.of(text)) {
        let bad = Bad::NotUtf8 { column: error.valid_up_to() + 1 };
        found.push(Found { line: number, what: Err(bad) });
        return;
    }
    let (before, made_before) = (found.len(), made.len());
    // The cursor must not look beyond the line.
    let text = text.get(..line.end).unwrap_or_default();
    let mut cursor = Cursor::new(text, line.start, &mut scratch.open);
    let mut lines = Lines { number, counted_to: line.start };
    loop {
        cursor.blank();
        let counted = found.len();
        let start = cursor.at();
        let object = match value(side, &mut cursor, &mut lines, made, found) {
            Ok(object) => object,
            Err(Malformed { at }) => {
                // Of a damaged array nothing is used.
                found.truncate(counted);
                found.push(Found { line: number, what: Err(Bad::Malformed { column: column(at) }) });
                return;
            }
        };
        cursor.blank();
        if cursor.at() >= text.len() {
            if let Some(object) = object.filter(|_| start == line.start) {
                let object = Object { plain: made.len() == made_before, ..object };
                scratch.patterns.learn(text, line, object, &mut scratch.open);
            }
            return;
        }
        // Only a document of several lines may hold one value after the other.
        if memchr::memchr(b'\n', line.of(text)).is_none() {
            found.truncate(before);
            let column = column(cursor.at());
            found.push(Found { line: number, what: Err(Bad::Malformed { column }) });
            return;
        }
    }
}

/// The line that a cursor is in, when a document goes over several.
struct Lines {
    number: u64,
    counted_to: usize,
}

impl Lines {
    fn at(&mut self, cursor: &Cursor) -> u64 {
        let passed = cursor.text().get(self.counted_to..cursor.at()).unwrap_or_default();
        self.number += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.counted_to = cursor.at();
        self.number
    }
}

fn value<S: Scan>(
    side: S,
    cursor: &mut Cursor,
    lines: &mut Lines,
    made: &mut Vec<u8>,
    found: &mut Vec<Found<S::Record>>,
) -> Result<Option<Object>, Malformed> {
    match cursor.peek() {
        b'{' => {
            let line = lines.at(cursor);
            let object = object(cursor)?;
            found.push(Found { line, what: side.record(cursor.text(), &object, made) });
            return Ok(Some(object));
        }
        b'[' => {
            cursor.array(|cursor| {
                let line = lines.at(cursor);
                let what = if cursor.peek() == b'{' {
                    let object = object(cursor)?;
                    side.record(cursor.text(), &object, made)
                } else {
                    cursor.value()?;
                    Err(Bad::NotAnObject)
                };
                found.push(Found { line, what });
                Ok(())
            })?;
        }
        _ => {
            let line = lines.at(cursor);
            cursor.value()?;
            found.push(Found { line, what: Err(Bad::NotAnObject) });
        }
    }
    Ok(None)
}

/// The side of captured requests.
#[derive(Debug, Clone, Copy)]
pub struct Captures;

impl Scan for Captures {
    type Record = Capture;

    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Capture, Bad> {
        capture(text, object, made)
    }

    fn row(self, text: &[u8], line: Span, made: &mut Vec<u8>) -> Result<Capture, Bad> {
        batch_row(text, line, made)
    }
}

fn capture(text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let Object { members, span, .. } = object;
    match members.capture_data {
        Part::Object(_) => {}
        Part::Absent if !matches!(members.batch_id, Scalar::Absent) => {
            return batch_document(text, members, *span, made);
        }
        Part::Absent => return Err(Bad::Missing { field: "captureData" }),
        Part::Other => return Err(Bad::WrongType { field: "captureData", expected: "an object" }),
    }
    metadata(members)?;
    let event_id = required(members.event_id, "eventMetadata.eventId", text, made)?;
    let inference_id = optional(members.inference_id, "eventMetadata.inferenceId", text, made)?
        .filter(|slice| !slice.is_empty());
    let body = &text[span.start + 1..span.end];
    let as_it_stands = object.plain
        || !object.repeats
            && matches!(members.ground_truth_data, Part::Absent)
            && memchr::memchr2(b'\n', b'\r', body).is_none();
    let body = if as_it_stands {
        Slice { made: false, span: Span { start: span.start + 1, end: span.end } }
    } else {
        let start = made.len();
        json::compact(span.of(text), &[GROUND_TRUTH], made);
        Slice { made: true, span: Span { start: start + 1, end: made.len() } }
    };
    let number = |id| Id::of(Texts { read: text, made }.of(id)).number;
    let event = number(event_id);
    Ok(Capture {
        key: inference_id.unwrap_or(event_id),
        key_number: inference_id.map_or(event, number),
        event,
        has_inference_id: inference_id.is_some(),
        time: time(members.inference_time, text),
        body,
    })
}

fn metadata(members: &Members) -> Result<(), Bad> {
    match members.event_metadata {
        Part::Object(_) => Ok(()),
        Part::Absent => Err(Bad::Missing { field: "eventMetadata" }),
        Part::Other => Err(Bad::WrongType { field: "eventMetadata", expected: "an object" }),
    }
}

fn required(id: Scalar, field: &'static str, text: &[u8], made: &mut Vec<u8>) -> Result<Slice, Bad> {
    optional(id, field, text, made)?.ok_or(Bad::Missing { field })
}

fn optional(id: Scalar, field: &'static str, text: &[u8], made: &mut Vec<u8>) -> Result<Option<Slice>, Bad> {
    match id {
        Scalar::Absent => Ok(None),
        Scalar::Other => Err(Bad::WrongType { field, expected: "a string" }),
        Scalar::Number(span) => Ok(Some(Slice { made: false, span })),
        Scalar::Text(string) if !string.escaped => Ok(Some(Slice { made: false, span: string.span })),
        Scalar::Text(string) => {
            let start = made.len();
            json::unescape(string.span.of(text), made);
            Ok(Some(Slice { made: true, span: Span { start, end: made.len() } }))
        }
    }
}

fn time(id: Scalar, text: &[u8]) -> Option<i64> {
    match id {
        Scalar::Text(string) if !string.escaped => hours::moment(string.span.of(text)),
        Scalar::Text(string) => {
            let mut plain = Vec::new();
            json::unescape(string.span.of(text), &mut plain);
            hours::moment(&plain)
        }
        _ => None,
    }
}

/// A document of a batch transform: its own text, without the join fields, becomes the payload.
fn batch_document(text: &[u8], members: &Members, span: Span, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let id = required(members.batch_id, BATCH_ID, text, made)?;
    let mut document = Vec::new();
    json::compact(span.of(text), &[BATCH_ID, BATCH_TIME], &mut document);
    // The id as it stands in the text: half a surrogate pair can only be told by its escape.
    let written = match members.batch_id {
        Scalar::Text(string) => string.span.of(text),
        _ => Texts { read: text, made: &[] }.of(id),
    };
    let id = Texts { read: text, made }.of(id).to_vec();
    let payload = Payload { data: &document, encoding: "JSON", written_id: written };
    Ok(batch(payload, &id, time(members.batch_time, text), made))
}

/// A row of a batch transform: inference id and time are its last two columns.
fn batch_row(text: &[u8], line: Span, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let row = line.of(text);
    if let Err(error) = std::str::from_utf8(row) {
        return Err(Bad::NotUtf8 { column: error.valid_up_to() + 1 });
    }
    let (rest, time) = last_column(row).ok_or(Bad::NotABatchRow)?;
    let time = hours::moment(time).ok_or(Bad::NotABatchRow)?;
    let (data, id) = last_column(rest).ok_or(Bad::NotABatchRow)?;
    if id.is_empty() {
        return Err(Bad::NotABatchRow);
    }
    let mut written = Vec::new();
    json::escape(id, &mut written);
    Ok(batch(Payload { data, encoding: "CSV", written_id: &written }, id, Some(time), made))
}

/// Whether a line is a row of a batch transform that carries its id.
pub fn is_batch_row(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    batch_row(line, Span { start: 0, end: line.len() }, &mut Vec::new()).is_ok()
}

/// What stands before the last comma, and the column after it without its quotes.
fn last_column(row: &[u8]) -> Option<(&[u8], &[u8])> {
    let comma = memchr::memrchr(b',', row)?;
    let column = row.get(comma + 1..)?.trim_ascii();
    let bare = column.strip_prefix(b"\"").and_then(|inside| inside.strip_suffix(b"\"")).unwrap_or(column);
    Some((row.get(..comma)?, bare))
}

/// What a batch transform's record is made of; `written_id` is the inside of a JSON string.
struct Payload<'a> {
    data: &'a [u8],
    encoding: &'static str,
    written_id: &'a [u8],
}

fn batch(payload: Payload, id: &[u8], time: Option<i64>, made: &mut Vec<u8>) -> Capture {
    let start = made.len();
    made.extend_from_slice(b"\"captureData\":{\"batchTransformOutput\":{\"data\":\"");
    json::escape(payload.data, made);
    made.extend_from_slice(b"\",\"encoding\":\"");
    made.extend_from_slice(payload.encoding.as_bytes());
    made.extend_from_slice(b"\"}},\"eventMetadata\":{\"eventId\":\"");
    made.extend_from_slice(payload.written_id);
    made.extend_from_slice(b"\"},\"eventVersion\":\"0\"}");
    let body = Slice { made: true, span: Span { start, end: made.len() } };
    let start = made.len();
    made.extend_from_slice(id);
    let event_id = Slice { made: true, span: Span { start, end: made.len() } };
    let event = Id::of(id).number;
    Capture { key: event_id, key_number: event, event, has_inference_id: false, time, body }
}

/// The side of ground truth.
#[derive(Debug, Clone, Copy)]
pub struct Labels;

impl Scan for Labels {
    type Record = Label;

    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Label, Bad> {
        label(text, object, made)
    }

    fn row(self, _: &[u8], _: Span, _: &mut Vec<u8>) -> Result<Label, Bad> {
        Err(Bad::NotAnObject)
    }
}

fn label(text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Label, Bad> {
    let members = &object.members;
    let value = match members.ground_truth_data {
        Part::Object(span) => span,
        Part::Absent => return Err(Bad::Missing { field: GROUND_TRUTH }),
        Part::Other => return Err(Bad::WrongType { field: GROUND_TRUTH, expected: "an object" }),
    };
    metadata(members)?;
    let id = match optional(members.event_id, "eventMetadata.eventId", text, made)? {
        Some(id) => id,
        None => match optional(members.inference_id, "eventMetadata.inferenceId", text, made)? {
            Some(id) => id,
            None => return Err(Bad::Missing { field: "eventMetadata.eventId" }),
        },
    };
    let value =
        if object.plain { Slice { made: false, span: value } } else { label_value(text, value, made)? };
    Ok(Label { id, parsed: Id::of(Texts { read: text, made }.of(id)), value })
}

const DATA: &str = "groundTruthData.data";

/// `groundTruthData` as the merged record has it. Mostly that is the text as it stands.
fn label_value(text: &[u8], value: Span, made: &mut Vec<u8>) -> Result<Slice, Bad> {
    let (data, compact) = data_of(text, value);
    if compact && data.of(text).first() == Some(&b'"') {
        return Ok(Slice { made: false, span: value });
    }
    let start = made.len();
    json::compact(value.of(text), &[], made);
    let (data, _) = data_of(made, Span { start, end: made.len() });
    match data.of(made).first() {
        Some(b'"') => {}
        // A number or a truth value stands for its own text.
        Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
            made.insert(data.end, b'"');
            made.insert(data.start, b'"');
        }
        Some(_) => return Err(Bad::WrongType { field: DATA, expected: "a string or a number" }),
        None => return Err(Bad::Missing { field: DATA }),
    }
    Ok(Slice { made: true, span: Span { start, end: made.len() } })
}

/// Where the value of `data` stands in an object, empty when it has none; and whether the object's
/// text is certainly compact and without a repeated key.
fn data_of(text: &[u8], object: Span) -> (Span, bool) {
    let mut data = Span::default();
    // Braces; for each member quotes, colon and comma, of which there is one less.
    let mut bytes = 1;
    let mut scalars = true;
    let mut open = Vec::new();
    let mut cursor = Cursor::new(text, object.start, &mut open);
    // The object is well formed, so no step can fail.
    let _ = cursor.object(|cursor, key| {
        let value = cursor.value()?;
        if key.is(text, "data") {
            data = value;
        }
        bytes += key.span.end - key.span.start + value.end - value.start + 4;
        scalars &= !matches!(value.of(text).first(), Some(b'{' | b'['));
        Ok(())
    });
    (data, scalars && !cursor.repeats && bytes == object.end - object.start)
}
