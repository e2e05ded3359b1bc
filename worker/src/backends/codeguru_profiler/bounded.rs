//! Reads an answer of AWS's only so far: the SDK would hold all of it, however long an endpoint makes it.

use aws_sdk_codeguruprofiler::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_codeguruprofiler::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_codeguruprofiler::error::BoxError;
use aws_smithy_types::body::SdkBody;
use futures_util::{StreamExt, future};
use http_body::Frame;
use http_body_util::{BodyDataStream, StreamBody};

/// Cuts each answer off after `limit` bytes. An answer that is cut is then refused by whoever reads it: it is longer than
/// what is read, or no JSON any more.
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) limit: usize,
}

impl Intercept for Bounded {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let chunks = BodyDataStream::new(response.take_body());
        let first = chunks.scan(self.limit, |left, chunk| {
            future::ready(match chunk {
                Ok(_) if *left == 0 => None,
                Ok(mut bytes) => {
                    bytes.truncate(*left);
                    *left -= bytes.len();
                    Some(Ok(Frame::data(bytes)))
                }
                Err(e) => Some(Err(e)),
            })
        });
        *response.body_mut() = SdkBody::from_body_1_x(StreamBody::new(first));
        Ok(())
    }
}
