//! The ids of a record and its time.

use super::object::{EVENT_ID, INFERENCE_ID, Member, Members, Scalar};
use super::{Bad, Slice};
use crate::hours;
use crate::json::{self, Span};

/// The moment of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Time {
    Absent,
    Null,
    Unreadable,
    /// Seconds since 1970.
    At(i64),
}

impl Time {
    pub fn seconds(self) -> Option<i64> {
        match self {
            Time::At(seconds) => Some(seconds),
            Time::Absent | Time::Null | Time::Unreadable => None,
        }
    }
}

/// That a record has an object where its ids are.
pub(super) fn metadata(members: &Members) -> Result<(), Bad> {
    const FIELD: &str = "eventMetadata";
    match members.event_metadata {
        Member::Object(_) => Ok(()),
        Member::Absent => Err(Bad::Missing { field: FIELD }),
        Member::Null => Err(Bad::Null { field: FIELD }),
        Member::Other => Err(Bad::WrongType { field: FIELD, expected: "an object" }),
    }
}

/// The text of an id; none for one that is missing, null or empty.
pub(super) fn id_text(
    id: Scalar,
    field: &'static str,
    text: &[u8],
    made: &mut Vec<u8>,
) -> Result<Option<Slice>, Bad> {
    let slice = match id {
        Scalar::Absent | Scalar::Null => return Ok(None),
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

/// Why an id without text cannot be used.
pub(super) fn no_text(id: Scalar, field: &'static str) -> Bad {
    match id {
        Scalar::Absent => Bad::Missing { field },
        Scalar::Null => Bad::Null { field },
        Scalar::Text(_) | Scalar::Number(_) | Scalar::Other => Bad::Empty { field },
    }
}

/// Why a record has neither of its two ids: the one that stands there is at fault, the event id if both do or none does.
pub(super) fn no_id(members: &Members) -> Bad {
    match members.event_id {
        Scalar::Absent if !matches!(members.inference_id, Scalar::Absent) => {
            no_text(members.inference_id, INFERENCE_ID)
        }
        event_id => no_text(event_id, EVENT_ID),
    }
}

pub(super) fn time(time: Scalar, text: &[u8]) -> Time {
    let moment = match time {
        Scalar::Absent => return Time::Absent,
        Scalar::Null => return Time::Null,
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
