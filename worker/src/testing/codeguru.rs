//! A fake of Amazon CodeGuru on loopback, for the real SDK: no emulator of AWS has it. One address for its services, each
//! in a file of its own; a service's state is what a test puts there.
//!
//! Its answers are held against AWS's own description of the service by `tests/support/aws_shapes.py`. Requests must
//! be signed (Signature Version 4) for the service that they ask; the signature itself is not computed again.

pub mod profiler;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_codeguruprofiler::config::Credentials;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use eco_coder_shared::aws::AwsSettings;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::profiler::Profiler;

/// The region that it says it is in.
pub const REGION: &str = "us-east-1";

/// A running fake. Clones are the same one; it ends with the runtime that it was started on.
#[derive(Clone)]
pub struct FakeCodeGuru {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    profiler: Profiler,
    calls: Vec<Call>,
    trouble: VecDeque<(String, Trouble)>,
}

/// A request that was answered, whatever the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The operation, as AWS names it: `GetProfile`.
    pub operation: &'static str,
    /// What was asked for in the query, decoded by nobody.
    pub query: String,
}

/// What an operation answers instead of what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Throttled.
    Throttled,
    /// The role may not.
    Denied,
    /// AWS fails.
    Internal,
    /// Bytes that are nobody's, with 200.
    Nonsense(Vec<u8>),
    /// No answer at all.
    Silence,
}

impl FakeCodeGuru {
    /// Starts one on a free port of this machine.
    pub async fn start() -> Self {
        Self::listen("127.0.0.1:0").await
    }

    /// Starts one at this address.
    pub async fn listen(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("it has an address");
        let fake = Self { address, state: Arc::default() };
        let app: Router = profiler::routes(fake.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        fake
    }

    /// Its address, for `aws.endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The settings that lead to it.
    pub fn settings(&self) -> AwsSettings {
        AwsSettings { region: Some(REGION.to_owned()), endpoint_url: Some(self.url()) }
    }

    /// What clients are made from: this fake, credentials of nobody, three tries without a pause worth the name.
    pub async fn sdk(&self) -> SdkConfig {
        let hasty = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
        aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::from_static(REGION))
            .endpoint_url(self.url())
            .credentials_provider(Credentials::new("test", "test", None, None, "fake-codeguru"))
            .retry_config(hasty)
            .load()
            .await
    }

    /// Changes what CodeGuru Profiler has.
    pub fn profiler<T>(&self, change: impl FnOnce(&mut Profiler) -> T) -> T {
        change(&mut self.lock().profiler)
    }

    /// The next `times` calls of `operation` are answered so.
    pub fn trouble(&self, operation: &str, times: usize, trouble: &Trouble) {
        let new = std::iter::repeat_n((operation.to_owned(), trouble.clone()), times);
        self.lock().trouble.extend(new);
    }

    /// From now on nothing is in the way.
    pub fn calm(&self) {
        self.lock().trouble.clear();
    }

    /// Calls of this operation so far.
    pub fn calls(&self, operation: &str) -> Vec<Call> {
        self.lock().calls.iter().filter(|call| call.operation == operation).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What every operation begins with: the request is noted, must be signed, and may meet trouble. `Some`: that is the
    /// answer.
    async fn meet(&self, service: &str, call: Call, headers: &HeaderMap) -> Option<Response<Body>> {
        let operation = call.operation;
        let trouble = {
            let mut state = self.lock();
            state.calls.push(call);
            let place = state.trouble.iter().position(|(of, _)| of == operation);
            place.and_then(|place| state.trouble.remove(place))
        };
        if !is_signed(service, headers) {
            let message = "the request is not signed for this service";
            return Some(error(StatusCode::FORBIDDEN, "IncompleteSignatureException", message));
        }
        let (_, trouble) = trouble?;
        Some(match trouble {
            Trouble::Throttled => error(StatusCode::TOO_MANY_REQUESTS, "ThrottlingException", "Rate exceeded"),
            Trouble::Denied => {
                let message = format!("User: test is not authorized to perform: {service}:{operation}");
                error(StatusCode::FORBIDDEN, "AccessDeniedException", &message)
            }
            Trouble::Internal => {
                error(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException", "Internal server error")
            }
            Trouble::Nonsense(bytes) => {
                Response::builder().header(header::CONTENT_TYPE, "application/json").body(bytes.into()).expect("a body")
            }
            Trouble::Silence => std::future::pending().await,
        })
    }
}

/// Is there a signature of version 4 for this service, over the host and the time?
fn is_signed(service: &str, headers: &HeaderMap) -> bool {
    let said = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(said) = said.strip_prefix("AWS4-HMAC-SHA256 ") else { return false };
    let part = |name: &str| said.split(", ").find_map(|part| part.trim().strip_prefix(name)).unwrap_or_default();
    let signed: Vec<&str> = part("SignedHeaders=").split(';').collect();
    let signature = part("Signature=");
    part("Credential=").ends_with(&format!("/{REGION}/{service}/aws4_request"))
        && ["host", "x-amz-date"].iter().all(|needed| signed.contains(needed))
        && signature.len() == 64
        && signature.bytes().all(|b| b.is_ascii_hexdigit())
        && headers.contains_key("x-amz-date")
}

/// An answer as AWS's rest-json services write it.
fn answer(body: &Value) -> Response<Body> {
    let builder = Response::builder().header(header::CONTENT_TYPE, "application/json");
    builder.body(body.to_string().into()).expect("a body")
}

/// A refusal as AWS's rest-json services write it.
fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let builder = Response::builder().status(status).header("x-amzn-ErrorType", kind);
    let builder = builder.header(header::CONTENT_TYPE, "application/json");
    builder.body(json!({"message": message}).to_string().into()).expect("a body")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_is_not_signed_for_the_service_is_refused() {
        let fake = FakeCodeGuru::start().await;
        let ask = reqwest::Client::new().get(format!("{}/profilingGroups/shop-api", fake.url()));
        let signature = "0".repeat(64);
        let signed = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, \
                 SignedHeaders=host;x-amz-date, Signature={signature}"
            )
        };
        for (authorization, status) in [
            (None, 403),
            (Some(signed("sqs")), 403),
            (Some("Bearer x".to_owned()), 403),
            (Some(signed(profiler::SIGNED)), 404),
        ] {
            let mut request = ask.try_clone().unwrap().header("x-amz-date", "20260101T000000Z");
            if let Some(authorization) = &authorization {
                request = request.header("authorization", authorization);
            }
            assert_eq!(request.send().await.unwrap().status(), status, "{authorization:?}");
        }
    }
}
