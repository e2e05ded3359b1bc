//! One delivery: verify, decide, send, answer. The parts know nothing of each other; their order is here, and 202 is
//! given nowhere else.

mod answer;
mod body;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod json;
pub(crate) mod rotation;
mod signature;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::ids::DeliveryId;
use eco_coder_shared::job::Job;
use eco_coder_shared::policy::Policy;
use eco_coder_shared::queue::{JobQueue, NewMessage};
use eco_coder_shared::telemetry::audit::{self, EventType};
use eco_coder_shared::telemetry::trace;
use metrics::{Counter, Histogram, counter, histogram};
use serde::Serialize;

use self::answer::{Answer, Refusal};
use self::body::BodyLimits;
use self::event::{Arrival, Decision};
use self::rotation::Current;
use self::signature::{Claimed, SignedBody};
use crate::config::IngressConfig;
use crate::outbox::{NotStored, Outbox};

/// Everything one delivery is judged by.
pub(crate) struct Webhook {
    secrets: Arc<Current>,
    limits: BodyLimits,
    policy: Policy,
    outbox: Outbox,
    env: SharedEnv,
    meters: Meters,
    last_refusal_logged: AtomicI64,
}

struct Meters {
    accepted: Counter,
    ignored: Counter,
    refused: Counter,
    unavailable: Counter,
    duration: Histogram,
}

impl Meters {
    /// To be made after the process's recorder is there: handles stay with the recorder they were made by.
    fn new() -> Self {
        let deliveries = |result: &'static str| counter!("WebhookDeliveries", "Result" => result);
        Self {
            accepted: deliveries("accepted"),
            ignored: deliveries("ignored"),
            refused: deliveries("refused"),
            unavailable: deliveries("unavailable"),
            duration: histogram!("WebhookDuration"),
        }
    }

    fn count(&self, answer: &Answer, duration: Duration) {
        let deliveries = match answer.word() {
            "accepted" => &self.accepted,
            "refused" => &self.refused,
            "unavailable" => &self.unavailable,
            _ => &self.ignored,
        };
        deliveries.increment(1);
        self.duration.record(duration.as_secs_f64() * 1e3);
    }
}

impl Webhook {
    /// To be called in the runtime that serves: the jobs are sent from a task of it.
    pub(crate) fn new(config: &IngressConfig, queue: Arc<dyn JobQueue>, env: SharedEnv) -> Self {
        Self {
            secrets: Current::start(config.secrets.clone()),
            limits: BodyLimits::new(config.max_body_bytes, config.body_timeout, config.max_body_memory_bytes),
            policy: config.policy.clone(),
            outbox: Outbox::start(queue, config.enqueue_timeout),
            env,
            meters: Meters::new(),
            last_refusal_logged: AtomicI64::new(0),
        }
    }

    /// Answers whatever comes, with `wrong_place` if the route itself says no.
    async fn respond(&self, request: Request, wrong_place: Option<Refusal>) -> Response {
        let started = Instant::now();
        let (parts, mut body) = request.into_parts();
        let deadline = self.limits.deadline();
        let answer = match wrong_place {
            Some(refusal) => Answer::Refused(refusal),
            None => match self.authenticate(&parts.headers, &mut body, deadline).await {
                Ok(signed) => self.handle(&parts.headers, signed, started).await,
                Err(refusal) => Answer::Refused(refusal),
            },
        };
        if let Answer::Refused(refusal) = &answer {
            self.limits.discard(&parts.headers, &mut body, deadline).await;
            self.log_refusal(*refusal);
        }
        self.meters.count(&answer, started.elapsed());
        let mut response = answer.into_response();
        if parts.headers.contains_key(header::TRANSFER_ENCODING) {
            // Where a proxy in between may see another end of this request than we did, nothing follows it.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// Everything before the first look at what was sent. The cheap refusals come first.
    async fn authenticate(
        &self,
        headers: &HeaderMap,
        body: &mut Body,
        deadline: tokio::time::Instant,
    ) -> Result<SignedBody, Refusal> {
        acceptable(headers)?;
        let announced = self.limits.admit(headers)?;
        let claimed = Claimed::from_headers(headers)?;
        let held = self.limits.read(announced, body, deadline).await?;
        self.secrets.now().verify(claimed, held).inspect_err(|_| self.secrets.doubt())
    }

    /// A delivery that is GitHub's.
    async fn handle(&self, headers: &HeaderMap, signed: SignedBody, started: Instant) -> Answer {
        let delivery = one(headers, "x-github-delivery").and_then(|text| text.parse().ok());
        let arrival = Arrival { id: self.env.random_id(), at: self.env.now(), delivery };
        let event = one(headers, "x-github-event").filter(|name| !name.is_empty());
        let deciding = Instant::now();
        let decided =
            event.ok_or(Refusal::EventMissing).and_then(|e| event::decide(e, &signed, &self.policy, &arrival));
        // The queue may take its time; the body's room goes back before.
        drop(signed);
        let answer = match decided {
            Ok(Decision::Review(mut job)) => {
                let trace = trace_of(&mut job, started, deciding);
                let sending = Instant::now();
                let stored = self.enqueue(&job, event, started).await;
                if let Some(trace) = trace {
                    trace.step("Queue Send", sending);
                    trace.set("outcome", if stored.is_ok() { "accepted" } else { "unavailable" });
                    if stored.is_err() {
                        trace.failed("queue");
                    }
                }
                match stored {
                    // Audited by the outbox, with what was stored beside it.
                    Ok(()) => return Answer::Accepted(job),
                    Err(retry_after) => Answer::Unavailable { retry_after },
                }
            }
            Ok(Decision::Pong) => Answer::Pong,
            Ok(Decision::Ignore(reason)) => Answer::Ignored(reason),
            Err(refusal) => Answer::Refused(refusal),
        };
        audit_delivery(&arrival, event, &answer, started.elapsed());
        answer
    }

    /// 202 needs this to be `Ok`: the entry itself was stored. A send that timed out may be stored all the same; the
    /// redelivered hint is then a second one, which costs one read. The error is when to try again.
    async fn enqueue(&self, job: &Job, event: Option<&str>, started: Instant) -> Result<(), Duration> {
        let message = NewMessage { group: job.group(), body: job.encode(), delay: Duration::ZERO };
        let note = audit_accepted(job, event, started);
        self.outbox.store(message, note).await.map_err(|NotStored { error, retry_after }| {
            tracing::error!(
                request_id = job.id,
                pull_request = %job.key(),
                error,
                "a job could not be stored; GitHub was told 503 and does not redeliver by itself"
            );
            retry_after
        })
    }

    /// Refusals can be had by anybody at any rate: one line a second is enough, the metric counts them all.
    fn log_refusal(&self, refusal: Refusal) {
        let second = self.env.now().0 / 1000;
        if self.last_refusal_logged.swap(second, Ordering::Relaxed) != second {
            tracing::warn!(status = refusal.status().as_u16(), reason = refusal.reason(), "a request was refused");
        }
    }
}

/// The trace of a review begins here, if traces are on, whatever a `traceparent` header of the request says: anybody can send
/// one. Deliveries that are no work have none.
fn trace_of(job: &mut Job, started: Instant, deciding: Instant) -> Option<trace::Root> {
    let root = trace::Root::begin("GitHub Webhook", started.elapsed())?;
    root.step("Parse GitHub Webhook", deciding);
    root.set("repository", job.repo.as_str().to_owned());
    root.set("pr_number", i64::try_from(job.pull.get()).unwrap_or(i64::MAX));
    root.set("session_id", job.id.clone());
    root.set("agent_version", trace::VERSION);
    job.traceparent = root.parent();
    Some(root)
}

/// Is this the form in which we take webhooks at all?
fn acceptable(headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        return Err(Refusal::Encoded);
    }
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media_type = content_type.as_bytes().split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if media_type.eq_ignore_ascii_case(b"application/json") {
        Ok(())
    } else if media_type.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        Err(Refusal::FormEncoded)
    } else {
        Err(Refusal::NotJson)
    }
}

/// The header's value if there is exactly one and it is readable.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// What the audit log has of a delivery: ids and words of ours, and GitHub's name of the event.
#[derive(Default, Serialize)]
struct Parameters<'a> {
    event: Option<&'a str>,
    delivery: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
}

impl<'a> Parameters<'a> {
    fn new(event: Option<&'a str>, delivery: Option<&'a DeliveryId>) -> Self {
        let named = |event: &&str| event.len() <= 64 && event.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Self { event: event.filter(named), delivery: delivery.map(DeliveryId::as_str), ..Self::default() }
    }
}

/// The audit of a delivery whose job is stored, to be written then.
fn audit_accepted(job: &Job, event: Option<&str>, started: Instant) -> impl FnOnce() + Send + 'static {
    let entry = audit::Entry::new(
        EventType::Webhook,
        &job.id,
        "",
        &Parameters {
            action: Some(answer::action(job.cause)),
            repository: Some(job.repo.as_str()),
            pull_request: Some(job.pull.get()),
            ..Parameters::new(event, job.delivery.as_ref())
        },
    );
    move || entry.write("accepted", started.elapsed())
}

/// The audit of any other delivery that was signed.
fn audit_delivery(arrival: &Arrival, event: Option<&str>, answer: &Answer, duration: Duration) {
    let reason = match answer {
        Answer::Ignored(reason) => Some(Cow::Borrowed(*reason)),
        Answer::Refused(refusal) => Some(Cow::Owned(refusal.reason())),
        Answer::Accepted(_) | Answer::Pong | Answer::Unavailable { .. } => None,
    };
    let parameters = Parameters { reason, ..Parameters::new(event, arrival.delivery.as_ref()) };
    audit::record(EventType::Webhook, &arrival.id, "", &parameters, answer.word(), duration);
}

/// `POST /webhooks/github`, and the wrong methods there.
pub(crate) async fn receive(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    let wrong_place = (request.method() != Method::POST).then_some(Refusal::NotPost);
    webhook.respond(request, wrong_place).await
}

/// Every other path.
pub(crate) async fn nothing_here(State(webhook): State<Arc<Webhook>>, request: Request) -> Response {
    webhook.respond(request, Some(Refusal::NotFound)).await
}
