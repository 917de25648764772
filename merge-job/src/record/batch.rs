//! Rows and documents of a batch transform as captures.

use super::capture::Capture;
use super::ids::{Time, id_text, no_text, time};
use super::object::{BATCH_ID, BATCH_TIME, Members, Scalar};
use super::{Bad, Slice, Texts};
use crate::hours;
use crate::ids::Id;
use crate::json::{self, Span};
use crate::rows::{Cells, Row};

/// A document of a batch transform: its own text, without the join fields, becomes the payload.
pub(super) fn batch_document(
    text: &[u8],
    members: &Members,
    span: Span,
    made: &mut Vec<u8>,
) -> Result<Capture, Bad> {
    let id = id_text(members.batch_id, BATCH_ID, text, made)?;
    let id = id.ok_or_else(|| no_text(members.batch_id, BATCH_ID))?;
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
pub(super) fn batch_row(text: &[u8], row: &Row, made: &mut Vec<u8>) -> Result<Capture, Bad> {
    let (Cells { data, id, .. }, time) = id_and_time(text, row).ok_or_else(|| no_batch_row(text, row))?;
    let mut written = Vec::new();
    json::escape(&id, &mut written);
    Ok(batch(Payload { data, encoding: "CSV", written_id: &written }, &id, Time::At(time), made))
}

/// Why a row is none of a batch transform.
fn no_batch_row(text: &[u8], row: &Row) -> Bad {
    let last_two = row.last_two(text).filter(|[_, time]| hours::moment(time).is_some());
    match (last_two, row.data_and_last_two(text)) {
        (Some([id, _]), _) if id.is_empty() => Bad::Empty { field: BATCH_ID },
        (Some(_), None) => Bad::NoPayload,
        _ => Bad::NotABatchRow,
    }
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
    Capture {
        key: event_id,
        key_number: event,
        event: Some(event),
        has_inference_id: false,
        is_batch: true,
        time,
        body,
    }
}
