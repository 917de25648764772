//! Failing on purpose.

use std::fmt;
use std::sync::Arc;

use crate::http::Reply;

/// What is done with an invocation in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instead {
    /// An error of the service: status, type, message.
    Refuse(u16, &'static str, String),
    /// An error of the model's container: its status and what it says.
    Fail(u16, String),
    /// The connection breaks.
    Reset,
    /// The answer lacks its last record.
    Short,
}

/// What is done with a call of the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlFault {
    /// Status, type, message.
    Refuse(u16, &'static str, &'static str),
    /// The call has its effect, its answer is lost.
    Lost,
}

type Invoked = dyn Fn(u64, usize) -> Option<Instead> + Send + Sync;
type Controlled = dyn Fn(&str, u64) -> Option<ControlFault> + Send + Sync;

/// Decides about each call by its number, from 1.
#[derive(Clone, Default)]
pub struct Script {
    invoked: Option<Arc<Invoked>>,
    controlled: Option<Arc<Controlled>>,
}

impl Script {
    /// By number and rows of an invocation.
    pub fn invoked(script: impl Fn(u64, usize) -> Option<Instead> + Send + Sync + 'static) -> Script {
        Script { invoked: Some(Arc::new(script)), controlled: None }
    }

    /// By action and number of a call of the control plane.
    pub fn controlled(script: impl Fn(&str, u64) -> Option<ControlFault> + Send + Sync + 'static) -> Script {
        Script { invoked: None, controlled: Some(Arc::new(script)) }
    }

    pub(crate) fn invocation(&self, number: u64, rows: usize) -> Option<Instead> {
        self.invoked.as_ref()?(number, rows)
    }

    pub(crate) fn control(&self, action: &str, number: u64) -> Option<ControlFault> {
        self.controlled.as_ref()?(action, number)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Script")
    }
}

/// What goes wrong. `every: n` means the n-th, 2n-th, ... invocation.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Answer too many requests.
    pub throttle_every: Option<u64>,
    /// Answer 503.
    pub unavailable_every: Option<u64>,
    /// Break the connection.
    pub reset_every: Option<u64>,
    /// The model fails for more records than this in one request.
    pub above_records: Option<usize>,
    /// Larger bodies are refused with 413.
    pub payload_limit: Option<usize>,
    /// New endpoints fail to start.
    pub endpoint_fails: bool,
    /// The n-th request of any kind has its effect and is never answered; its connection stays open.
    pub hang: Option<u64>,
    pub script: Script,
}

impl Faults {
    /// The refusal that this invocation meets before the model sees it.
    pub(crate) fn refuse(&self, number: u64, bytes: usize, through_sagemaker: bool) -> Option<Reply> {
        if hits(self.throttle_every, number) {
            let status = if through_sagemaker { 400 } else { 429 };
            return Some(Reply::error(status, "ThrottlingException", "Rate exceeded"));
        }
        if hits(self.unavailable_every, number) {
            return Some(Reply::error(503, "ServiceUnavailable", "The service is unavailable."));
        }
        if self.payload_limit.is_some_and(|limit| bytes > limit) {
            let message = format!("Request entity too large: {bytes} bytes");
            return Some(Reply::error(413, "PayloadTooLarge", &message));
        }
        None
    }
}

pub(crate) fn hits(every: Option<u64>, number: u64) -> bool {
    every.is_some_and(|every| number.is_multiple_of(every.max(1)))
}

/// The model's own error, as its container answers it or as SageMaker wraps it.
pub(crate) fn model_error(status: u16, message: &str, through_sagemaker: bool) -> Reply {
    if !through_sagemaker {
        return Reply::error(status, "ModelError", message);
    }
    let wrapped = format!(
        "Received client error ({status}) from primary with message \"{message}\". See the logs of the endpoint."
    );
    let body = serde_json::json!({
        "Message": wrapped, "OriginalMessage": message, "OriginalStatusCode": status, "ErrorCode": "CLIENT_ERROR_FROM_MODEL",
    });
    Reply {
        error_type: Some("ModelError"),
        ..Reply::new(424, "application/json", body.to_string().into_bytes())
    }
}
