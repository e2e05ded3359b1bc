//! A stateful fake behind the transport seam: comments that are really created, changed and listed in pages, canned
//! answers for everything else, and faults on demand. For tests only; talks to no network.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::transport::{Headers, Method, Request, Response, Target, Transport, TransportError};

/// Where the fake's links lead.
const ORIGIN: &str = "https://fake.test";

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// No connection.
    Connect,
    /// The request is lost on its way: not applied, no answer.
    Lost,
    /// Applied, and the answer is lost.
    AppliedThenLost,
    /// Not applied; this is the answer.
    Answer(Response),
    /// Applied; this is the answer.
    AppliedThenAnswer(Response),
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// Path and query, the query not encoded.
    pub path: String,
    /// The JSON body.
    pub body: Option<Value>,
    /// Was there a token?
    pub signed: bool,
}

/// A comment in the fake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FakeComment {
    /// Its number.
    pub id: u64,
    /// Who wrote it.
    pub author_id: u64,
    /// Markdown.
    pub body: String,
    /// The list it is in: `/repos/o/r/issues/1/comments`.
    list: String,
}

#[derive(Default)]
struct State {
    comments: BTreeMap<u64, FakeComment>,
    created: u64,
    answers: Vec<(Method, String, Response)>,
    faults: VecDeque<(Method, Fault)>,
    sent: Vec<Sent>,
}

/// The fake.
#[derive(Default)]
pub struct FakeGitHub {
    state: Mutex<State>,
}

impl FakeGitHub {
    /// The account that calls.
    pub const ME: u64 = 1;

    /// Empty.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Lets the next request of this method go wrong; several wait their turn.
    pub fn fault(&self, method: Method, fault: Fault) {
        self.lock().faults.push_back((method, fault));
    }

    /// Sets the answer to a path, with its query (as it is, not encoded) or without.
    pub fn answer(&self, method: Method, path: &str, answer: Response) {
        self.lock().answers.push((method, path.to_owned(), answer));
    }

    /// Somebody comments on `list` (`/repos/o/r/issues/1/comments`).
    pub fn comment_by(&self, author_id: u64, list: &str, body: &str) -> u64 {
        self.lock().create(author_id, list, body)
    }

    /// Somebody deletes a comment.
    pub fn delete_comment(&self, id: u64) {
        self.lock().comments.remove(&id);
    }

    /// All comments, oldest first.
    pub fn comments(&self) -> Vec<FakeComment> {
        self.lock().comments.values().cloned().collect()
    }

    /// All requests so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.lock().sent.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn create(&mut self, author_id: u64, list: &str, body: &str) -> u64 {
        self.created += 1;
        let id = self.created;
        let comment = FakeComment { id, author_id, body: body.to_owned(), list: list.to_owned() };
        self.comments.insert(id, comment);
        id
    }

    fn apply(&mut self, method: Method, path: &str, body: Option<&Value>) -> Response {
        if let Some((_, _, answer)) = self.answers.iter().find(|(m, p, _)| *m == method && p == path) {
            return answer.clone();
        }
        let (route, query) = path.split_once('?').unwrap_or((path, ""));
        if let Some((_, _, answer)) = self.answers.iter().find(|(m, p, _)| *m == method && p == route) {
            return answer.clone();
        }
        let text = body.and_then(|body| body["body"].as_str()).unwrap_or_default();
        let one = route.split_once("/issues/comments/").and_then(|(_, id)| id.parse::<u64>().ok());
        match (method, one) {
            (Method::Get, None) if route.ends_with("/comments") => self.list(route, query),
            (Method::Post, None) if route.ends_with("/comments") => {
                let id = self.create(FakeGitHub::ME, route, text);
                self.comments.get(&id).map_or_else(not_found, |comment| answer(201, &wire(comment)))
            }
            (Method::Get, Some(id)) => self.comments.get(&id).map_or_else(not_found, |c| answer(200, &wire(c))),
            (Method::Patch, Some(id)) => self.comments.get_mut(&id).map_or_else(not_found, |comment| {
                text.clone_into(&mut comment.body);
                answer(200, &wire(comment))
            }),
            (Method::Delete, Some(id)) => {
                self.comments.remove(&id).map_or_else(not_found, |_| answer(204, &Value::Null))
            }
            _ => not_found(),
        }
    }

    fn list(&self, route: &str, query: &str) -> Response {
        let number = |name: &str| {
            query.split('&').filter_map(|pair| pair.split_once('=')).find(|(n, _)| *n == name)?.1.parse::<usize>().ok()
        };
        let (size, page) = (number("per_page").unwrap_or(30).min(100), number("page").unwrap_or(1));
        let all: Vec<Value> = self.comments.values().filter(|comment| comment.list == route).map(wire).collect();
        let shown: Vec<Value> = all.iter().skip((page - 1) * size).take(size).cloned().collect();
        let mut response = answer(200, &Value::Array(shown));
        if page * size < all.len() {
            let next = format!("<{ORIGIN}{route}?per_page={size}&page={}>; rel=\"next\"", page + 1);
            response.headers = Headers::from_iter([("link", next)]);
        }
        response
    }
}

#[async_trait]
impl Transport for FakeGitHub {
    async fn send(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        let path = match &request.target {
            Target::Path(path) => path.clone(),
            Target::Url(url) => {
                url.strip_prefix(ORIGIN).ok_or(TransportError::Refused("it leads to another server"))?.to_owned()
            }
        };
        let query: Vec<String> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let path = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };

        let mut state = self.lock();
        let body = request.body;
        state.sent.push(Sent {
            method: request.method,
            path: path.clone(),
            body: body.clone(),
            signed: token.is_some(),
        });
        let fault = state.faults.iter().position(|(method, _)| *method == request.method);
        let fault = fault.and_then(|at| state.faults.remove(at)).map(|(_, fault)| fault);
        let lost = || TransportError::Ambiguous("connection reset".to_owned());
        match fault {
            Some(Fault::Connect) => return Err(TransportError::Connect("connection refused".to_owned())),
            Some(Fault::Lost) => return Err(lost()),
            Some(Fault::Answer(response)) => return Ok(response),
            _ => {}
        }
        let response = state.apply(request.method, &path, body.as_ref());
        match fault {
            Some(Fault::AppliedThenLost) => Err(lost()),
            Some(Fault::AppliedThenAnswer(response)) => Ok(response),
            _ if response.status < 300 && request.max_body.is_some_and(|most| response.body.len() > most) => {
                Err(TransportError::TooLarge)
            }
            _ => Ok(response),
        }
    }
}

/// An answer with JSON, without headers.
pub fn answer(status: u16, body: &Value) -> Response {
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    Response { status, headers: Headers::default(), body }
}

/// An answer with headers.
pub fn answer_with(status: u16, headers: &[(&str, &str)], body: &Value) -> Response {
    Response { headers: headers.iter().copied().collect(), ..answer(status, body) }
}

fn not_found() -> Response {
    answer(404, &json!({ "message": "Not Found" }))
}

fn wire(comment: &FakeComment) -> Value {
    json!({
        "id": comment.id,
        "user": { "id": comment.author_id, "login": format!("user-{}", comment.author_id), "type": "User" },
        "body": comment.body,
        "html_url": format!("{ORIGIN}/comments/{}", comment.id),
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    })
}
