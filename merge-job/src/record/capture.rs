//! A captured request as the join needs it.

use super::ids::Time;
use super::object::{BATCH_TIME, INFERENCE_TIME};
use super::{Bad, Slice};

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
    /// A row or document of a batch transform.
    pub is_batch: bool,
    pub time: Time,
    /// The merged record but for its beginning: members and the closing brace.
    pub body: Slice,
}

impl Capture {
    /// The time of the request, if there is one that can be read.
    ///
    /// # Errors
    /// Why there is none, with the name of its field.
    pub(crate) fn known_time(&self) -> Result<i64, Bad> {
        let field = if self.is_batch { BATCH_TIME } else { INFERENCE_TIME };
        match self.time {
            Time::At(time) => Ok(time),
            Time::Absent => Err(Bad::Missing { field }),
            Time::Null => Err(Bad::Null { field }),
            Time::Unreadable => {
                Err(Bad::WrongType { field, expected: "a time such as 2024-01-19T18:10:00Z" })
            }
        }
    }

    /// Equal for captures of equal event id and equal inference id, a missing one being equal to a missing one: they
    /// are one capture that was delivered twice.
    pub fn identity(&self) -> u128 {
        const ODD: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let inference_id = if self.has_inference_id { self.key_number } else { ODD };
        (self.event.unwrap_or(0) ^ ODD.rotate_left(31)).wrapping_mul(ODD).wrapping_add(inference_id)
    }
}
