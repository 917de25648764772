//! What the merge needs of a record: its ids, its time, and the bytes that go into the merged record.
//!
//! An object is walked once, from end to end, so that a damaged record never reaches the output, and nothing is
//! allocated for it. Repeated keys, line ends between members and batch documents need text that is made anew; it goes
//! into a store of its own.

use crate::hours;
use crate::ids::Id;
use crate::json::{self, Cursor, Malformed, Span};
use crate::rows::{Cells, Row};

/// A place in the text that was read, or in the store of text made of it.
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

/// Text that was read, and text that was made of it.
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
    /// The number of the event id, if there is one.
    pub event: Option<u128>,
    /// The key is an inference id.
    pub has_inference_id: bool,
    pub time: Time,
    /// The merged record but for its beginning: members and the closing brace.
    pub body: Slice,
}

impl Capture {
    /// Equal for captures of equal event id and equal inference id, a missing one being equal to a missing one: they
    /// are one capture that was delivered twice.
    pub fn identity(&self) -> u128 {
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let inference_id = if self.has_inference_id { self.key_number } else { ODD };
        (self.event.unwrap_or(0) ^ ODD.rotate_left(31)).wrapping_mul(ODD).wrapping_add(inference_id)
    }
}

/// The moment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Absent,
    Unreadable,
    /// Seconds since 1970.
    At(i64),
}

impl Time {
    pub fn seconds(self) -> Option<i64> {
        match self {
            Time::At(seconds) => Some(seconds),
            Time::Absent | Time::Unreadable => None,
        }
    }
}

/// A ground-truth record.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    pub id: Slice,
    pub parsed: Id,
    /// The number of the inference id that stands beside the event id it is known by.
    pub inference_id_beside: Option<u128>,
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
    /// Other text than JSON.
    NotJson,
    /// JSON, but no object.
    NotAnObject,
    /// A record begins inside of it, in a line of its own.
    Interrupted,
    /// Longer than any record may be.
    TooLong,
    /// A record of the other side.
    OtherSide,
    Missing {
        field: &'static str,
    },
    WrongType {
        field: &'static str,
        expected: &'static str,
    },
    /// A CSV row without inference id and time as its last two columns.
    NotABatchRow,
    /// A file, or the rest of one, that cannot be read.
    Unreadable,
}

/// A scalar that may serve as an id.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Scalar {
    #[default]
    Absent,
    Text(json::Text),
    Number(Span),
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Member {
    #[default]
    Absent,
    Object(Span),
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Members {
    capture_data: Member,
    ground_truth_data: Member,
    event_metadata: Member,
    event_id: Scalar,
    inference_id: Scalar,
    inference_time: Scalar,
    batch_id: Scalar,
    batch_time: Scalar,
}

const GROUND_TRUTH: &str = "groundTruthData";
const EVENT_ID: &str = "eventMetadata.eventId";
const INFERENCE_ID: &str = "eventMetadata.inferenceId";
const BATCH_ID: &str = "SageMakerInferenceId";
const BATCH_TIME: &str = "SageMakerInferenceTime";

/// One object of a text, and where its parts stand.
#[derive(Debug, Clone, Copy)]
pub struct Object {
    pub(crate) members: Members,
    pub(crate) span: Span,
    /// It or an object in it may have a key twice.
    pub(crate) repeats: bool,
    /// Where the first bare word stands that is no JSON, such as `NaN`.
    pub(crate) bare_word: Option<usize>,
    /// Known to make a record without text of its own.
    pub(crate) plain: bool,
}

impl Object {
    /// It has a member that makes a record, whether usable or not.
    pub(crate) fn is_record(&self) -> bool {
        let Members { capture_data, ground_truth_data, batch_id, .. } = &self.members;
        !matches!((capture_data, ground_truth_data), (Member::Absent, Member::Absent))
            || !matches!(batch_id, Scalar::Absent)
    }

    /// It is a document of a batch transform: all of it but its ids is payload.
    pub(crate) fn is_batch_document(&self) -> bool {
        matches!(self.members.capture_data, Member::Absent)
            && !matches!(self.members.batch_id, Scalar::Absent)
    }

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
                Member::Object(span) => Some(span),
                Member::Absent | Member::Other => None,
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

/// Moves over one object and notes where the parts of a record stand. Of a repeated key the last counts.
///
/// # Errors
/// The text is malformed.
pub(crate) fn object(cursor: &mut Cursor) -> Result<Object, Malformed> {
    cursor.repeats = false;
    cursor.bare_word = None;
    let text = cursor.text();
    let mut found = Members::default();
    let span = cursor.object(|cursor, key| {
        if key.is(text, "captureData") {
            found.capture_data = part(cursor)?;
        } else if key.is(text, GROUND_TRUTH) {
            found.ground_truth_data = part(cursor)?;
        } else if key.is(text, "eventMetadata") {
            (found.event_id, found.inference_id, found.inference_time) = Default::default();
            found.event_metadata = Member::Other;
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
                found.event_metadata = Member::Object(span);
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
    Ok(Object { members: found, span, repeats: cursor.repeats, bare_word: cursor.bare_word, plain: false })
}

fn part(cursor: &mut Cursor) -> Result<Member, Malformed> {
    let object = cursor.peek() == b'{';
    let span = cursor.value()?;
    Ok(if object { Member::Object(span) } else { Member::Other })
}

/// `null` counts as absent, here and in every id.
fn id(cursor: &mut Cursor) -> Result<Scalar, Malformed> {
    match cursor.peek() {
        b'"' => Ok(Scalar::Text(cursor.string()?)),
        b'-' | b'0'..=b'9' => {
            let start = cursor.at();
            cursor.number()?;
            let is_word = cursor.text().get(start + 1) == Some(&b'I');
            Ok(if is_word { Scalar::Other } else { Scalar::Number(Span { start, end: cursor.at() }) })
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
pub trait Side: Copy + Send + Sync {
    type Item: Send;

    /// Rows of a batch transform may stand on this side.
    const HAS_ROWS: bool;

    /// Makes a record of an object of `text`, which is UTF-8.
    ///
    /// # Errors
    /// Why the record cannot be used.
    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Self::Item, Bad>;

    /// Makes a record of a row of a CSV file.
    ///
    /// # Errors
    /// As `record`.
    fn row(self, text: &[u8], row: &Row, made: &mut Vec<u8>) -> Result<Self::Item, Bad>;
}

/// The side of captured requests.
#[derive(Debug, Clone, Copy)]
pub struct Captures;

impl Side for Captures {
    type Item = Capture;

    const HAS_ROWS: bool = true;

    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Capture, Bad> {
        capture(text, object, made)
    }

    fn row(self, text: &[u8], row: &Row, made: &mut Vec<u8>) -> Result<Capture, Bad> {
        batch_row(text, row, made)
    }
}

fn capture(text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let Object { members, span, .. } = object;
    match (members.capture_data, members.ground_truth_data) {
        (Member::Object(_), _) => {}
        (Member::Absent, _) if object.is_batch_document() => {
            return batch_document(text, members, *span, made);
        }
        (Member::Absent, Member::Object(_)) => return Err(Bad::OtherSide),
        (Member::Absent, _) => return Err(Bad::Missing { field: "captureData" }),
        (Member::Other, _) => return Err(Bad::WrongType { field: "captureData", expected: "an object" }),
    }
    metadata(members)?;
    let event_id = id_text(members.event_id, EVENT_ID, text, made)?;
    let inference_id = id_text(members.inference_id, INFERENCE_ID, text, made)?;
    let key = inference_id.or(event_id).ok_or(Bad::Missing { field: EVENT_ID })?;
    let body = &text[span.start + 1..span.end];
    let as_it_stands = object.plain
        || !object.repeats
            && matches!(members.ground_truth_data, Member::Absent)
            && memchr::memchr2(b'\n', b'\r', body).is_none();
    let body = if as_it_stands {
        Slice { made: false, span: Span { start: span.start + 1, end: span.end } }
    } else {
        let start = made.len();
        json::compact(span.of(text), &[GROUND_TRUTH], made);
        Slice { made: true, span: Span { start: start + 1, end: made.len() } }
    };
    let number = |id| Id::of(Texts { read: text, made }.of(id)).number;
    let event = event_id.map(number);
    Ok(Capture {
        key,
        key_number: match (inference_id, event) {
            (None, Some(event)) => event,
            _ => number(key),
        },
        event,
        has_inference_id: inference_id.is_some(),
        time: time(members.inference_time, text),
        body,
    })
}

fn metadata(members: &Members) -> Result<(), Bad> {
    match members.event_metadata {
        Member::Object(_) => Ok(()),
        Member::Absent => Err(Bad::Missing { field: "eventMetadata" }),
        Member::Other => Err(Bad::WrongType { field: "eventMetadata", expected: "an object" }),
    }
}

/// The text of an id; an empty one is a missing one.
fn id_text(id: Scalar, field: &'static str, text: &[u8], made: &mut Vec<u8>) -> Result<Option<Slice>, Bad> {
    let slice = match id {
        Scalar::Absent => return Ok(None),
        Scalar::Other => return Err(Bad::WrongType { field, expected: "a string" }),
        Scalar::Number(span) => Slice { made: false, span },
        Scalar::Text(string) if !string.escaped => Slice { made: false, span: string.span },
        Scalar::Text(string) => {
            let start = made.len();
            json::unescape(string.span.of(text), made);
            Slice { made: true, span: Span { start, end: made.len() } }
        }
    };
    Ok(Some(slice).filter(|slice| !slice.is_empty()))
}

fn time(time: Scalar, text: &[u8]) -> Time {
    let moment = match time {
        Scalar::Absent => return Time::Absent,
        Scalar::Text(string) if !string.escaped => hours::moment(string.span.of(text)),
        Scalar::Text(string) => {
            let mut plain = Vec::new();
            json::unescape(string.span.of(text), &mut plain);
            hours::moment(&plain)
        }
        Scalar::Number(_) | Scalar::Other => None,
    };
    moment.map_or(Time::Unreadable, Time::At)
}

/// A document of a batch transform: its own text, without the join fields, becomes the payload.
fn batch_document(text: &[u8], members: &Members, span: Span, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let id = id_text(members.batch_id, BATCH_ID, text, made)?.ok_or(Bad::Missing { field: BATCH_ID })?;
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

/// The parts of a row whose last two cells are an id and a time, and that time in seconds since 1970.
pub(crate) fn id_and_time<'t>(text: &'t [u8], row: &Row) -> Option<(Cells<'t>, i64)> {
    let cells = row.data_and_last_two(text).filter(|cells| !cells.id.is_empty())?;
    let time = hours::moment(&cells.time)?;
    Some((cells, time))
}

/// A row of a batch transform: inference id and time are its last two columns.
fn batch_row(text: &[u8], row: &Row, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let (Cells { data, id, .. }, time) = id_and_time(text, row).ok_or(Bad::NotABatchRow)?;
    let mut written = Vec::new();
    json::escape(&id, &mut written);
    Ok(batch(Payload { data, encoding: "CSV", written_id: &written }, &id, Time::At(time), made))
}

/// What a batch transform's record is made of; `written_id` is the inside of a JSON string.
struct Payload<'a> {
    data: &'a [u8],
    encoding: &'static str,
    written_id: &'a [u8],
}

fn batch(payload: Payload, id: &[u8], time: Time, made: &mut Vec<u8>) -> Capture {
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
    Capture { key: event_id, key_number: event, event: Some(event), has_inference_id: false, time, body }
}

/// The side of ground truth.
#[derive(Debug, Clone, Copy)]
pub struct GroundTruth;

impl Side for GroundTruth {
    type Item = Label;

    const HAS_ROWS: bool = false;

    fn record(self, text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Label, Bad> {
        label(text, object, made)
    }

    fn row(self, _: &[u8], _: &Row, _: &mut Vec<u8>) -> Result<Label, Bad> {
        Err(Bad::NotJson)
    }
}

fn label(text: &[u8], object: &Object, made: &mut Vec<u8>) -> Result<Label, Bad> {
    let members = &object.members;
    let value = match (members.ground_truth_data, members.capture_data) {
        (Member::Object(span), _) => span,
        (Member::Absent, Member::Object(_)) => return Err(Bad::OtherSide),
        (Member::Absent, _) => return Err(Bad::Missing { field: GROUND_TRUTH }),
        (Member::Other, _) => return Err(Bad::WrongType { field: GROUND_TRUTH, expected: "an object" }),
    };
    metadata(members)?;
    let event_id = id_text(members.event_id, EVENT_ID, text, made)?;
    let inference_id = match id_text(members.inference_id, INFERENCE_ID, text, made) {
        // Beside an event id it is only used for a hint.
        Err(_) if event_id.is_some() => None,
        inference_id => inference_id?,
    };
    let id = event_id.or(inference_id).ok_or(Bad::Missing { field: EVENT_ID })?;
    let value =
        if object.plain { Slice { made: false, span: value } } else { label_value(text, value, made)? };
    let parsed = |id| Id::of(Texts { read: text, made }.of(id));
    let inference_id_beside = event_id.and(inference_id).map(|id| parsed(id).number);
    Ok(Label { id, parsed: parsed(id), inference_id_beside, value })
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
