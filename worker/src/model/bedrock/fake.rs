//! A Converse endpoint that says what a test wrote down: messages, stop reasons, typed errors. An emulator hides errors
//! behind canned answers, so faults are tried here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// What the endpoint does with one request.
#[derive(Debug, Clone)]
pub enum Line {
    /// Content blocks and the stop reason, as in the answer's JSON.
    Says(Value, &'static str),
    /// An error of this status and type.
    Fails(u16, &'static str),
    /// Nothing, ever.
    Hangs,
}

/// The errors that Converse knows, with their status.
pub const ERRORS: [(u16, &str); 10] = [
    (429, "ThrottlingException"),
    (429, "ModelNotReadyException"),
    (503, "ServiceUnavailableException"),
    (500, "InternalServerException"),
    (408, "ModelTimeoutException"),
    (424, "ModelErrorException"),
    (400, "ServiceQuotaExceededException"),
    (400, "ValidationException"),
    (404, "ResourceNotFoundException"),
    (403, "AccessDeniedException"),
];

#[derive(Default)]
struct Held {
    script: VecDeque<Line>,
    requests: Vec<(String, Value)>,
}

/// The endpoint.
#[derive(Default)]
pub struct FakeConverse {
    held: Mutex<Held>,
}

impl FakeConverse {
    /// With this script.
    pub fn new(script: impl IntoIterator<Item = Line>) -> Arc<Self> {
        Arc::new(Self { held: Mutex::new(Held { script: script.into_iter().collect(), requests: Vec::new() }) })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Model ids and bodies of the requests so far.
    pub fn requests(&self) -> Vec<(String, Value)> {
        self.held().requests.clone()
    }

    /// Serves on loopback until the runtime ends; gives the address.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/model/{id}/converse", post(converse)).with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }
}

async fn converse(
    State(fake): State<Arc<FakeConverse>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let signed = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !signed.contains("/bedrock/aws4_request") {
        return error(403, "AccessDeniedException");
    }
    let line = {
        let mut held = fake.held();
        held.requests.push((id, body));
        held.script.pop_front()
    };
    match line {
        Some(Line::Says(content, stop)) => Json(json!({
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": stop,
            "usage": {
                "inputTokens": 100, "outputTokens": 20, "totalTokens": 620,
                "cacheReadInputTokens": 400, "cacheWriteInputTokens": 100,
            },
            "metrics": {"latencyMs": 5},
        }))
        .into_response(),
        Some(Line::Fails(status, kind)) => error(status, kind),
        Some(Line::Hangs) => std::future::pending().await,
        None => error(500, "InternalServerException"),
    }
}

fn error(status: u16, kind: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("x-amzn-ErrorType", kind)], Json(json!({"message": "for a test"}))).into_response()
}
