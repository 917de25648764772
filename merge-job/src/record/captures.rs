//! The side of captured requests.

use super::batch::{batch_document, batch_row};
use super::capture::Capture;
use super::ids::{id_text, metadata, no_id, time};
use super::object::{BATCH_ID, EVENT_ID, GROUND_TRUTH, INFERENCE_ID, Member, Object, Scalar};
use super::{Bad, Side, Slice, Texts};
use crate::ids::Id;
use crate::json::{self, Span};
use crate::rows::Row;

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
    const FIELD: &str = "captureData";
    let Object { members, span, .. } = object;
    match (members.capture_data, members.ground_truth_data) {
        (Member::Object(_), _) => {}
        (Member::Absent, _) if object.is_batch_document() => {
            return batch_document(text, members, *span, made);
        }
        (Member::Absent, Member::Object(_)) => return Err(Bad::OtherSide),
        // Only a batch transform writes that time.
        (Member::Absent, _) if !matches!(members.batch_time, Scalar::Absent) => {
            return Err(Bad::Missing { field: BATCH_ID });
        }
        (Member::Absent, _) => return Err(Bad::Missing { field: FIELD }),
        (Member::Null, _) => return Err(Bad::Null { field: FIELD }),
        (Member::Other, _) => return Err(Bad::WrongType { field: FIELD, expected: "an object" }),
    }
    metadata(members)?;
    let event_id = id_text(members.event_id, EVENT_ID, text, made)?;
    let inference_id = id_text(members.inference_id, INFERENCE_ID, text, made)?;
    let key = inference_id.or(event_id).ok_or_else(|| no_id(members))?;
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
        is_batch: false,
        time: time(members.inference_time, text),
        body,
    })
}
