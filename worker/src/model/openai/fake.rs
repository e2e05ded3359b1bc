//! A scripted server with OpenAI's chat completions. It refuses what a real one refuses (a tool result that nobody asked
//! for, arguments that are no JSON, roles out of order), so that a conversation that passes here passes there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub enum Line {
    /// The assistant's message, as in `choices[0].message`.
    Says(Value),
    /// This status, these headers, this body.
    Answers(u16, Vec<(&'static str, String)>, String),
    /// Nothing, ever.
    Hangs,
}

/// The assistant asks for tools: (id, name, arguments as text).
pub fn asks(calls: &[(&str, &str, &str)]) -> Line {
    let calls: Vec<Value> = calls
        .iter()
        .map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    Line::Says(json!({"role": "assistant", "content": null, "tool_calls": calls}))
}

/// The assistant ends with this summary.
pub fn reports(summary: &str) -> Line {
    asks(&[("end", "post_github_comment", &json!({"report": {"verdict": "consider", "summary": summary}}).to_string())])
}

#[derive(Default)]
struct Held {
    script: VecDeque<Line>,
    requests: Vec<Value>,
    keys: Vec<Option<String>>,
}

/// The server.
#[derive(Default)]
pub struct FakeServer {
    held: Mutex<Held>,
}

impl FakeServer {
    /// With this script.
    pub fn new(script: impl IntoIterator<Item = Line>) -> Arc<Self> {
        let held = Held { script: script.into_iter().collect(), ..Held::default() };
        Arc::new(Self { held: Mutex::new(held) })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bodies of the requests so far.
    pub fn requests(&self) -> Vec<Value> {
        self.held().requests.clone()
    }

    /// The bearer tokens of the requests so far.
    pub fn keys(&self) -> Vec<Option<String>> {
        self.held().keys.clone()
    }

    /// Lines that nobody asked for.
    pub fn unused(&self) -> usize {
        self.held().script.len()
    }

    /// Serves on loopback until the runtime ends; gives what `model.url` is set to.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/v1", listener.local_addr()?);
        let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(Arc::clone(self));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(url)
    }
}

async fn complete(State(server): State<Arc<FakeServer>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let line = {
        let mut held = server.held();
        let key = headers.get("authorization").and_then(|value| value.to_str().ok());
        held.keys.push(key.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned));
        held.requests.push(body.clone());
        if let Some(wrong) = wrong(&body) {
            return refuse(400, &wrong);
        }
        held.script.pop_front()
    };
    match line {
        Some(Line::Says(message)) => {
            let asks = message.get("tool_calls").is_some();
            let choice = json!({
                "index": 0, "message": message, "finish_reason": if asks { "tool_calls" } else { "stop" },
            });
            Json(json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"],
                "choices": [choice], "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
            }))
            .into_response()
        }
        Some(Line::Answers(status, headers, text)) => {
            let mut answer = (status_of(status), text).into_response();
            for (name, value) in headers {
                if let Ok(value) = value.parse() {
                    answer.headers_mut().insert(name, value);
                }
            }
            answer
        }
        Some(Line::Hangs) => std::future::pending().await,
        None => refuse(500, "the script is at its end"),
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn refuse(status: u16, message: &str) -> Response {
    let body = json!({"error": {"message": message, "type": "invalid_request_error", "code": null}});
    (status_of(status), Json(body)).into_response()
}

/// What a real server would refuse.
fn wrong(body: &Value) -> Option<String> {
    let messages = body["messages"].as_array()?;
    if messages.first().is_none_or(|first| first["role"] != "system") {
        return Some("the first message must be the system's".to_owned());
    }
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        match message["role"].as_str() {
            Some("tool") => {
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                let Some(known) = open.iter().position(|open| *open == id) else {
                    return Some(format!("message {at} answers the tool call {id:?}, which nobody made"));
                };
                open.remove(known);
            }
            _ if !open.is_empty() => return Some(format!("message {at} comes before the answers to {open:?}")),
            Some("assistant") => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    if serde_json::from_str::<Value>(arguments).is_err() {
                        return Some(format!("message {at}: arguments are not JSON"));
                    }
                    open.push(call["id"].as_str().unwrap_or_default());
                }
            }
            Some("system" | "user") => {}
            other => return Some(format!("message {at} has the role {other:?}")),
        }
    }
    (!open.is_empty()).then(|| format!("the tool calls {open:?} are not answered"))
}
