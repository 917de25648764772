//! A bound on the answers that the AWS client takes in, which has none of its own.

use std::error::Error;

use aws_sdk_sagemakerruntime::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_sagemakerruntime::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_types::body::SdkBody;
use http_body_util::{LengthLimitError, Limited};

/// Ends an answer with an error once it is longer than this.
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) most_bytes: usize,
}

impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "Bounded"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let response = context.response_mut();
        let body = response.take_body();
        *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, self.most_bytes));
        Ok(())
    }
}

/// Whether this is, or comes from, the error of an answer that is too long.
pub(super) fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
