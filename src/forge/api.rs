//! The REST API over HTTP: signs in, counts the rate limit, writes the log of calls, lets faults strike, and adds the
//! headers that every answer has. What a call means is decided in `route`, what it does in `calls`.

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use eco_coder_shared::env::Timestamp;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Forge;
use super::faults::Action;
use super::git;
use super::listener::Line;
use super::page;
use super::state::LoggedRequest;

mod apps;
mod artifacts;
mod calls;
mod checks;
mod hooks;
mod pages;
mod reviews;
mod route;

pub(super) use apps::shape as app;
use route::Endpoint;
pub(super) use route::query;

/// The largest body of a call.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The rate limit's window.
const RATE_WINDOW: std::time::Duration = std::time::Duration::from_hours(1);

/// One call, read and understood.
#[derive(Debug)]
struct Call {
    method: String,
    endpoint: Endpoint,
    query: Vec<(String, String)>,
    /// The caller wants a file's bytes as they are.
    raw: bool,
    body: Bytes,
    /// Newest entries that a list shall not show.
    missing: usize,
    /// The App's installation that calls.
    installation: Option<u64>,
}

/// One answer, before the headers that all have.
#[derive(Debug)]
struct Answer {
    status: u16,
    content_type: &'static str,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Answer {
    fn json(status: u16, value: &Value) -> Self {
        let body = if status == 204 { Bytes::new() } else { value.to_string().into() };
        Self { status, content_type: "application/json; charset=utf-8", headers: Vec::new(), body }
    }

    fn error(status: u16, message: &str) -> Self {
        let docs = "https://docs.github.com/rest";
        Self::json(status, &json!({ "message": message, "documentation_url": docs, "status": status.to_string() }))
    }

    fn not_found() -> Self {
        Self::error(404, "Not Found")
    }
}

/// What is to be sent back.
enum Outcome {
    Answer(Answer),
    /// Nothing: the connection is cut.
    Cut,
}

/// Everything that comes in: API calls, and pages for people.
pub(super) async fn answer(State(forge): State<Forge>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let Some(segments) = route::segments(&path) else {
        return page::not_found();
    };
    if git::is_git(&segments) {
        return git::answer(forge, parts, segments, body).await;
    }
    if !route::is_api(&segments) {
        return page::show(&forge, parts.method.as_str(), &segments);
    }
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return finish(&forge, Answer::error(413, "Payload too large"));
    };
    let line = parts.extensions.get::<ConnectInfo<Line>>().map(|ConnectInfo(line)| line.clone());
    // As on a real server, a call goes on when its caller is gone.
    let work = tokio::spawn(async move {
        let outcome = perform(&forge, &parts, &segments, body).await;
        match outcome {
            Outcome::Answer(answer) => finish(&forge, answer),
            Outcome::Cut => cut(line.as_ref()),
        }
    });
    work.await.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn perform(forge: &Forge, parts: &Parts, segments: &[String], body: Bytes) -> Outcome {
    let method = parts.method.as_str().to_owned();
    let query = query(parts.uri.query().unwrap_or_default());
    let (path, endpoint) = forge.understand(segments);
    let logged = LoggedRequest {
        method: method.clone(),
        path: path.clone(),
        query: query.clone(),
        body: serde_json::from_slice(&body).ok(),
        status: None,
    };
    let (at, action) = {
        let mut state = forge.state();
        state.requests.push(logged);
        (state.requests.len() - 1, state.take_fault(&method, &path))
    };
    forge.changed();
    let mut installation = None;
    let refused = match (&endpoint, forge.admit(&parts.headers, &path)) {
        (_, Err(refused)) => Some(refused),
        (Err(found), Ok(_)) => Some(found.answer()),
        (Ok(_), Ok(id)) => {
            installation = id;
            None
        }
    };
    let mut call = match endpoint {
        Ok(endpoint) if refused.is_none() => {
            Ok(Call { method, endpoint, query, raw: wants_raw(&parts.headers), body, missing: 0, installation })
        }
        _ => Err(refused.unwrap_or_else(Answer::not_found)),
    };
    if let (Ok(call), Some(Action::StaleList { missing })) = (&mut call, &action) {
        call.missing = *missing;
    }
    let run = async || match call {
        Ok(call) => forge.run(call).await,
        Err(refused) => refused,
    };
    let outcome = match action {
        None | Some(Action::StaleList { .. }) => Outcome::Answer(run().await),
        Some(Action::Answer { status, headers, body }) => {
            Outcome::Answer(Answer { headers, body: body.into(), ..Answer::json(status, &Value::Null) })
        }
        Some(Action::CommitThenAnswer { status }) => {
            run().await;
            Outcome::Answer(Answer::error(status, "Server Error"))
        }
        Some(Action::Reset) => Outcome::Cut,
        Some(Action::CommitThenReset) => {
            run().await;
            Outcome::Cut
        }
        Some(Action::Hold(gate)) => {
            gate.pass().await;
            Outcome::Answer(run().await)
        }
        Some(Action::CommitThenHold(gate)) => {
            let answer = run().await;
            gate.pass().await;
            Outcome::Answer(answer)
        }
    };
    let outcome = match outcome {
        Outcome::Answer(answer) => Outcome::Answer(forge.unless_known(parts, answer)),
        Outcome::Cut => Outcome::Cut,
    };
    if let Outcome::Answer(answer) = &outcome {
        if let Some(logged) = forge.state().requests.get_mut(at) {
            logged.status = Some(answer.status);
        }
        forge.changed();
    }
    outcome
}

/// Why a path leads nowhere.
enum Lost {
    Unknown,
    Moved(String),
}

impl Lost {
    fn answer(&self) -> Answer {
        match self {
            Self::Unknown => Answer::not_found(),
            Self::Moved(url) => {
                let body = json!({ "message": "Moved Permanently", "url": url, "documentation_url": "https://docs.github.com/rest" });
                let headers = vec![("location".to_owned(), url.clone())];
                Answer { headers, ..Answer::json(301, &body) }
            }
        }
    }
}

impl Forge {
    /// The path in its usual form, and what is there.
    fn understand(&self, segments: &[String]) -> (String, Result<Endpoint, Lost>) {
        let segments =
            if segments.starts_with(&["api".to_owned(), "v3".to_owned()]) { &segments[2..] } else { segments };
        let plain = || format!("/{}", segments.join("/"));
        let strings: Vec<&str> = segments.iter().map(String::as_str).collect();
        let state = self.state();
        let (repository, rest) = match &strings[..] {
            ["user"] => return (plain(), Ok(Endpoint::Viewer)),
            ["users", login] => return (plain(), Ok(Endpoint::User((*login).to_owned()))),
            ["app"] => return (plain(), Ok(Endpoint::App)),
            ["app", "installations"] => return (plain(), Ok(Endpoint::Installations)),
            ["installation", "repositories"] => return (plain(), Ok(Endpoint::InstallationRepositories)),
            ["app", "hook", "deliveries"] => return (plain(), Ok(Endpoint::HookDeliveries)),
            ["app", "hook", "deliveries", id, "attempts"] => {
                return (plain(), id.parse().map(Endpoint::HookAttempt).map_err(|_| Lost::Unknown));
            }
            ["app", "installations", id, "access_tokens"] => {
                return (plain(), id.parse().map(Endpoint::AccessToken).map_err(|_| Lost::Unknown));
            }
            ["rate_limit"] => return (plain(), Ok(Endpoint::RateLimit)),
            ["repositories", id, rest @ ..] => {
                let id = id.parse().ok().map(eco_coder_shared::ids::RepoId);
                (id.and_then(|id| state.repositories.get(&id)), rest)
            }
            ["repos", owner, name, rest @ ..] => {
                let id = state.repository_id(&format!("{owner}/{name}"));
                let found = id.and_then(|id| state.repositories.get(&id));
                let current = |found: &super::state::Repository| {
                    found.name.as_str().eq_ignore_ascii_case(&format!("{owner}/{name}"))
                };
                if let Some(moved) = found.filter(|found| !current(found)) {
                    let rest: Vec<String> = rest.iter().map(|part| super::shapes::encode_path(part)).collect();
                    let url = format!("{}/repositories/{}/{}", self.settings().base_url, moved.id, rest.join("/"));
                    return (plain(), Err(Lost::Moved(url.trim_end_matches('/').to_owned())));
                }
                (found, rest)
            }
            _ => return (plain(), Err(Lost::Unknown)),
        };
        let Some(repository) = repository else { return (plain(), Err(Lost::Unknown)) };
        let path = [&["/repos", repository.name.owner(), repository.name.name()], rest].concat().join("/");
        (path, route::of_repository(&repository.name, rest).ok_or(Lost::Unknown))
    }

    /// Signs in and counts; says which of the App's installations it is.
    fn admit(&self, headers: &HeaderMap, path: &str) -> Result<Option<u64>, Answer> {
        let settings = self.settings();
        let Some(given) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
            return Err(Answer::error(401, "Requires authentication"));
        };
        let token = given.strip_prefix("Bearer ").or_else(|| given.strip_prefix("token ")).unwrap_or_default();
        let installation = if token == settings.token.expose_secret() { None } else { self.admit_app(token, path)? };
        let now = self.now();
        let mut state = self.state();
        if state.rate.reset <= now {
            state.rate = super::state::Rate { used: 0, reset: now + RATE_WINDOW };
        }
        if path == "/rate_limit" {
            return Ok(installation);
        }
        if state.rate.used >= settings.rate_limit {
            let message = format!("API rate limit exceeded for user ID {}.", settings.viewer.id);
            return Err(Answer::error(403, &message));
        }
        state.rate.used += 1;
        Ok(installation)
    }

    /// What a caller knows already isn't sent again, and isn't counted.
    fn unless_known(&self, parts: &Parts, mut answer: Answer) -> Answer {
        if answer.status != 200 || parts.method != "GET" {
            return answer;
        }
        let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(&answer.body)));
        if parts.headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
            (answer.status, answer.body) = (304, Bytes::new());
            let mut state = self.state();
            state.rate.used = state.rate.used.saturating_sub(1);
        }
        answer.headers.push((ETAG.as_str().to_owned(), tag));
        answer
    }

    /// `limit, remaining, used, reset`, the last in seconds since 1970.
    fn rate(&self) -> [u64; 4] {
        let limit = self.settings().rate_limit;
        let rate = self.state().rate;
        let reset = if rate.reset == Timestamp::default() { self.now() + RATE_WINDOW } else { rate.reset };
        [limit, limit.saturating_sub(rate.used), rate.used, u64::try_from(reset.0.div_euclid(1000)).unwrap_or(0)]
    }

    /// Performs a call where it may take its time: comparing and reading git are work.
    async fn run(&self, call: Call) -> Answer {
        let forge = self.clone();
        let done = tokio::task::spawn_blocking(move || calls::run(&forge, &call)).await;
        done.unwrap_or_else(|_| Answer::error(500, "Server Error"))
    }
}

fn wants_raw(headers: &HeaderMap) -> bool {
    let accept = headers.get("accept").and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/vnd.github.raw") || accept.contains("application/vnd.github.v3.raw")
}

/// Adds what every answer has.
fn finish(forge: &Forge, answer: Answer) -> Response {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    };
    let [limit, remaining, used, reset] = forge.rate();
    for (name, value) in [("limit", limit), ("remaining", remaining), ("used", used), ("reset", reset)] {
        set(&format!("x-ratelimit-{name}"), &value.to_string());
    }
    set("x-ratelimit-resource", "core");
    set("x-github-request-id", &forge.settings().env.random_id()[..20].to_uppercase());
    set(
        "x-github-media-type",
        if answer.content_type.contains("raw") { "github.v3; param=raw" } else { "github.v3; format=json" },
    );
    set("x-github-api-version-selected", "2022-11-28");
    set(CONTENT_TYPE.as_str(), answer.content_type);
    for (name, value) in &answer.headers {
        set(name, value);
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, headers, answer.body).into_response()
}

/// No answer. Over a socket the connection is reset; without one, reading the body fails.
fn cut(line: Option<&Line>) -> Response {
    if let Some(line) = line {
        line.cut();
    }
    Response::new(Body::new(http_body_util::Limited::new(http_body_util::Full::new(Bytes::from_static(b"cut")), 0)))
}
