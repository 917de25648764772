//! Failing on purpose.

use crate::http::Reply;

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
