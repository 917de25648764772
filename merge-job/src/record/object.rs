//! One object of a text: where the parts of a record stand in it.

use crate::json::{self, Cursor, Malformed, Span};

pub(super) const GROUND_TRUTH: &str = "groundTruthData";
pub(super) const EVENT_ID: &str = "eventMetadata.eventId";
pub(super) const INFERENCE_ID: &str = "eventMetadata.inferenceId";
pub(super) const INFERENCE_TIME: &str = "eventMetadata.inferenceTime";
pub(super) const BATCH_ID: &str = "SageMakerInferenceId";
pub(super) const BATCH_TIME: &str = "SageMakerInferenceTime";

/// A scalar that may serve as an id.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Scalar {
    #[default]
    Absent,
    Null,
    Text(json::Text),
    Number(Span),
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Member {
    #[default]
    Absent,
    Null,
    Object(Span),
    Other,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Members {
    pub(super) capture_data: Member,
    pub(super) ground_truth_data: Member,
    pub(super) event_metadata: Member,
    pub(super) event_id: Scalar,
    pub(super) inference_id: Scalar,
    pub(super) inference_time: Scalar,
    pub(super) batch_id: Scalar,
    pub(super) batch_time: Scalar,
}

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
                Member::Absent | Member::Null | Member::Other => None,
            });
        let ids = [event_id, inference_id, inference_time, batch_id, batch_time].into_iter();
        let ids = ids.filter_map(|id| match id {
            Scalar::Text(text) => Some(&mut text.span),
            Scalar::Number(span) => Some(span),
            Scalar::Absent | Scalar::Null | Scalar::Other => None,
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
                found.event_metadata = part(cursor)?;
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
    let first = cursor.peek();
    let span = cursor.value()?;
    Ok(match first {
        b'{' => Member::Object(span),
        b'n' => Member::Null,
        _ => Member::Other,
    })
}

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
            Ok(Scalar::Null)
        }
        _ => {
            cursor.value()?;
            Ok(Scalar::Other)
        }
    }
}
