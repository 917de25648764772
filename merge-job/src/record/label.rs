//! The side of ground truth.

use super::ids::{id_text, metadata, no_id};
use super::object::{EVENT_ID, GROUND_TRUTH, INFERENCE_ID, Member, Object};
use super::{Bad, Side, Slice, Texts};
use crate::ids::Id;
use crate::json::{self, Cursor, Span};
use crate::rows::Row;

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
        (Member::Null, _) => return Err(Bad::Null { field: GROUND_TRUTH }),
        (Member::Other, _) => return Err(Bad::WrongType { field: GROUND_TRUTH, expected: "an object" }),
    };
    metadata(members)?;
    let event_id = id_text(members.event_id, EVENT_ID, text, made)?;
    let inference_id = match id_text(members.inference_id, INFERENCE_ID, text, made) {
        // Beside an event id it is only used for a hint.
        Err(_) if event_id.is_some() => None,
        inference_id => inference_id?,
    };
    let id = event_id.or(inference_id).ok_or_else(|| no_id(members))?;
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
        Some(b'n') => return Err(Bad::Null { field: DATA }),
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
