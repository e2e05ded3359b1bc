//! Every answer that a webhook can get, in words for the person who reads GitHub's delivery page. Never repeats any of
//! the payload but the repository's name and the pull request's number.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use eco_coder_shared::job::{Cause, Job};
use serde::Serialize;

/// What became of a delivery.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The job is durable.
    Accepted(Box<Job>),
    /// Nothing to do, and why.
    Ignored(&'static str),
    /// The answer to a ping.
    Pong,
    /// The request is wrong.
    Refused(Refusal),
    /// The request is right and can't be kept now.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
}

/// Why a request is wrong, or can't be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    NotPost,
    Encoded,
    FormEncoded,
    NotJson,
    TooLong { max_bytes: usize },
    BodySlow,
    BodyBroken,
    NoRoom,
    SignatureMissing,
    SignatureMalformed,
    SignatureWrong,
    SignatureTwice,
    EventMissing,
    Syntax { line: usize, column: usize },
    Shape { line: usize, column: usize },
    Incomplete,
    BadName,
    BadNumber,
}

impl Refusal {
    /// The HTTP status.
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Self::Encoded | Self::FormEncoded | Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodySlow => StatusCode::REQUEST_TIMEOUT,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Self::SignatureMissing | Self::SignatureMalformed | Self::SignatureWrong => StatusCode::UNAUTHORIZED,
            Self::BodyBroken
            | Self::SignatureTwice
            | Self::EventMissing
            | Self::Syntax { .. }
            | Self::Shape { .. }
            | Self::Incomplete
            | Self::BadName
            | Self::BadNumber => StatusCode::BAD_REQUEST,
        }
    }

    /// What is wrong.
    pub(crate) fn reason(self) -> String {
        let fixed = match self {
            Self::TooLong { max_bytes } => return format!("the body is longer than {max_bytes} bytes"),
            Self::Syntax { line, column } => {
                return format!("the body is not valid JSON (line {line}, column {column})");
            }
            Self::Shape { line, column } => {
                return format!("the JSON is not its event's (line {line}, column {column})");
            }
            Self::NotFound => "there is nothing at this path",
            Self::NotPost => "webhooks are sent with POST",
            Self::Encoded => "the body has a Content-Encoding",
            Self::FormEncoded => "the body is form-encoded",
            Self::NotJson => "the Content-Type is not application/json",
            Self::BodySlow => "the body did not arrive in time",
            Self::BodyBroken => "the body ended before it was complete",
            Self::NoRoom => "too many long bodies are being read",
            Self::SignatureMissing => "the header X-Hub-Signature-256 is missing",
            Self::SignatureMalformed => "the header X-Hub-Signature-256 is not sha256= and 64 lower-case hex digits",
            Self::SignatureWrong => "the signature does not match the body",
            Self::SignatureTwice => "there is more than one X-Hub-Signature-256 header",
            Self::EventMissing => "there is not exactly one X-GitHub-Event header",
            Self::Incomplete => "the body ended in the middle of the JSON",
            Self::BadName => "repository.full_name is not an owner/name that GitHub allows",
            Self::BadNumber => "pull_request.number is not a pull request's number",
        };
        fixed.to_owned()
    }

    /// What to do about it.
    pub(crate) fn next(self) -> &'static str {
        match self {
            Self::NotFound => "set the webhook's payload URL to https://YOUR-HOST/webhooks/github",
            Self::NotPost => "point GitHub's webhook at this URL; it sends POST by itself",
            Self::Encoded => "send the body as it is, without compression; look for a proxy that compresses requests",
            Self::FormEncoded | Self::NotJson => "set the webhook's content type to application/json in its settings",
            Self::TooLong { .. } => "GitHub sends no more than 25 MB; if max_body_bytes is set lower, raise it",
            Self::BodySlow | Self::BodyBroken => "redeliver it; if it happens again, look at the proxy in between",
            Self::NoRoom => "redeliver it in a minute; if it happens often, raise ingress.max_body_memory_bytes",
            Self::SignatureMissing => "set a secret in the webhook's settings, the same as in ingress.webhook_secrets",
            Self::SignatureMalformed | Self::SignatureTwice => "look for a proxy that changes headers",
            Self::SignatureWrong => {
                "make the webhook's secret one of ingress.webhook_secrets; look for a proxy that changes the body"
            }
            Self::EventMissing => "send the X-GitHub-Event header as GitHub does",
            Self::Syntax { .. } | Self::Shape { .. } | Self::Incomplete | Self::BadName | Self::BadNumber => {
                "redeliver it; if it happens again, report it with the delivery's id"
            }
        }
    }
}

/// The JSON of every answer.
#[derive(Serialize)]
struct Page<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'static str>,
}

impl<'a> Page<'a> {
    fn new(status: &'static str) -> Self {
        Self { status, job: None, pull_request: None, action: None, reason: None, next: None }
    }

    fn because(self, reason: &'a str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    fn response(&self, status: StatusCode) -> Response {
        let mut text = Vec::with_capacity(256);
        // A struct of strings always serialises.
        let _ = serde_json::to_writer(&mut text, self);
        let mut response = (status, text).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

/// The action as GitHub names it.
pub(crate) fn action(cause: Cause) -> &'static str {
    match cause {
        Cause::Opened => "opened",
        Cause::Synchronize => "synchronize",
        Cause::Reopened => "reopened",
        Cause::ReadyForReview => "ready_for_review",
        Cause::BaseChanged => "edited",
        Cause::Closed => "closed",
        Cause::ConvertedToDraft => "converted_to_draft",
        Cause::Unlabeled => "unlabeled",
        Cause::CiFinished => "completed",
        Cause::LateWrite => "late_write",
        Cause::Sweep => "sweep",
        Cause::CommentGone => "comment_gone",
        Cause::Rerequested => "rerequested",
    }
}

impl Answer {
    /// One word, as in the JSON, in metrics and in the audit log.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "accepted",
            Self::Ignored(_) => "ignored",
            Self::Pong => "pong",
            Self::Refused(Refusal::NoRoom) | Self::Unavailable { .. } => "unavailable",
            Self::Refused(_) => "refused",
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let page = Page::new(self.word());
        match &self {
            Self::Accepted(job) => {
                let page = Page {
                    job: Some(&job.id),
                    pull_request: Some(format!("{}#{}", job.repo, job.pull)),
                    action: Some(action(job.cause)),
                    ..page
                };
                page.response(StatusCode::ACCEPTED)
            }
            Self::Ignored(reason) => page.because(reason).response(StatusCode::OK),
            Self::Pong => page.response(StatusCode::OK),
            Self::Refused(refusal) => refuse(*refusal, page),
            Self::Unavailable { retry_after } => {
                let page = Page { next: Some("redeliver it in a minute; nothing is lost on this side"), ..page };
                retry(
                    page.because("the job can't be stored now").response(StatusCode::SERVICE_UNAVAILABLE),
                    *retry_after,
                )
            }
        }
    }
}

/// A refused sender gets one answer on its connection, so that nothing behind its request is ever taken for another
/// one, and nobody who can't sign holds a connection by not reading answers.
fn refuse(refusal: Refusal, page: Page<'_>) -> Response {
    let reason = refusal.reason();
    let page = Page { next: Some(refusal.next()), ..page.because(&reason) };
    let mut response = page.response(refusal.status());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    if refusal == Refusal::NotPost {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    if refusal == Refusal::NoRoom { retry(response, Duration::from_mins(1)) } else { response }
}

fn retry(mut response: Response, after: Duration) -> Response {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}
