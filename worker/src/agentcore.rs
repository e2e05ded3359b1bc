//! The container contract of Bedrock AgentCore Runtime: `POST /invocations` reviews one pull request and answers when it
//! is done, `GET /ping` says whether reviews are under way. In place of the queue's consumer, not beside it. Runtime has
//! authenticated the caller (SigV4) before anything gets here; what is reviewed is still the policy's to say.
//!
//! Never acts on what an invocation says beyond which pull request it names: all else is GitHub's answer.

mod call;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::job::Job;
use eco_coder_shared::queue::{JobQueue, MAX_DELAY, NewMessage};
use eco_coder_shared::step;
use eco_coder_shared::telemetry::trace;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use self::call::{Call, MAX_SESSION_ID};
use crate::review::{Outcome, Reviewer, execution};

/// The contract's header.
const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
/// As long as GitHub's payloads get; Runtime itself would pass 100 MB.
const MAX_BODY: usize = 26_214_400;
/// Runtime gives up on an answer after 15 minutes: what isn't done then goes on from the queue.
const PATIENCE: Duration = Duration::from_mins(14);

/// Reviews what it is invoked with.
pub struct AgentCore {
    reviewer: Arc<Reviewer>,
    queue: Arc<dyn JobQueue>,
    env: SharedEnv,
    permits: Semaphore,
    under_way: AtomicUsize,
    hand_back: watch::Receiver<bool>,
}

/// How an invocation ended.
struct End {
    status: StatusCode,
    outcome: &'static str,
    words: String,
}

impl AgentCore {
    /// At most `jobs` reviews at once; further invocations wait. Those under way are handed to the queue when
    /// `hand_back` turns true.
    pub fn new(
        reviewer: Arc<Reviewer>,
        queue: Arc<dyn JobQueue>,
        env: SharedEnv,
        jobs: usize,
        hand_back: watch::Receiver<bool>,
    ) -> Arc<Self> {
        let (permits, under_way) = (Semaphore::new(jobs), AtomicUsize::new(0));
        Arc::new(Self { reviewer, queue, env, permits, under_way, hand_back })
    }

    /// The contract's routes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new()
            .route("/invocations", post(invoke))
            .route("/ping", get(ping))
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .with_state(self)
    }

    /// Invocations that have no answer yet.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Acquire)
    }

    async fn review(&self, call: Call) -> End {
        let Ok(_permit) = self.permits.acquire().await else { return End::unavailable("the worker ends") };
        let repo_id = match call.repo_id {
            Some(id) => id,
            None => match self.reviewer.github.pull(&call.repo, call.pull).await {
                Ok(pull) => pull.base_repo_id,
                Err(e) => return End::failed(format!("{}#{} can't be read: {e}", call.repo, call.pull)),
            },
        };
        let mut job = Job {
            id: self.env.random_id(),
            repo_id,
            repo: call.repo,
            pull: call.pull,
            cause: call.cause,
            head: call.head,
            updated_at: call.updated_at,
            accepted_at: self.env.now(),
            rereads: 0,
            redriven_at: None,
            nonce: None,
            not_before: None,
            delivery: None,
            traceparent: trace::parent_of(&Span::current()),
        };
        let root = Span::current();
        root.record("repository", job.repo.as_str());
        root.record("session_id", job.id.as_str());
        let deadline = job.accepted_at + PATIENCE;
        let mut first = true;
        loop {
            let execution = execution(&job, 1);
            let outcome = Box::pin(self.reviewer.process(&job, first, self.hand_back.clone()));
            let outcome = outcome.instrument(execution).await;
            first = false;
            let again = match outcome {
                Outcome::Done => return End::done("reviewed", format!("{}#{} is up to date", job.repo, job.pull)),
                Outcome::Discard { reason } => return End::done("nothing_to_review", reason.to_owned()),
                Outcome::Dead(death) => return End::failed(death.reason),
                Outcome::Hide { until, .. } => until,
                Outcome::Fail { after, .. } => self.env.now() + after,
                Outcome::Defer { until, job: later, .. } => {
                    job = *later;
                    until
                }
                Outcome::HandBack { .. } | Outcome::Abandon { .. } => {
                    return self.hand_over(&job, Duration::ZERO).await;
                }
            };
            let wait = self.env.now().until(again);
            if again > deadline {
                return self.hand_over(&job, wait).await;
            }
            let mut ending = self.hand_back.clone();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                // The next round ends at once.
                _ = ending.wait_for(|ending| *ending) => {}
            }
        }
    }

    /// Leaves the job to the workers of the queue.
    async fn hand_over(&self, job: &Job, wait: Duration) -> End {
        let job = Job { id: self.env.random_id(), ..job.clone() };
        let message = NewMessage { group: job.group(), body: job.encode(), delay: wait.min(MAX_DELAY) };
        match self.queue.send(vec![message]).await {
            Ok(sent) if sent.iter().all(Result::is_ok) => End {
                status: StatusCode::ACCEPTED,
                outcome: "queued",
                words: format!("{}#{} waits in the queue for a worker", job.repo, job.pull),
            },
            Ok(_) => End::unavailable("the queue refused the job; invoke again"),
            Err(e) => End::unavailable(&format!("the review can't go on here, and not be queued: {e}; invoke again")),
        }
    }
}

impl End {
    fn done(outcome: &'static str, words: String) -> Self {
        Self { status: StatusCode::OK, outcome, words }
    }

    fn failed(words: String) -> Self {
        Self { status: StatusCode::BAD_GATEWAY, outcome: "failed", words }
    }

    fn unavailable(words: &str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, outcome: "unavailable", words: words.to_owned() }
    }

    fn response(&self, session: &str) -> Response {
        let body = json!({
            "sessionId": session,
            "completion": self.words,
            "sessionState": {"outcome": self.outcome},
            "trace": {},
            "contentType": "text/plain",
        });
        (self.status, Json(body)).into_response()
    }
}

async fn invoke(State(agent): State<Arc<AgentCore>>, headers: HeaderMap, body: Bytes) -> Response {
    let header = headers.get(SESSION).and_then(|value| value.to_str().ok()).filter(|id| id.len() <= MAX_SESSION_ID);
    let call = match Call::read(&body) {
        Ok(call) => call,
        Err(words) => {
            let refused = End { status: StatusCode::BAD_REQUEST, outcome: "refused", words };
            return refused.response(header.unwrap_or_default());
        }
    };
    drop(body);
    let session = header.map_or_else(|| call.session_id.clone().unwrap_or_default(), str::to_owned);
    // Of its own: who invoked may hang up, and the review goes on.
    let work = tokio::spawn(async move {
        let _under_way = UnderWay::begin(&agent);
        let root = step!(
            "AgentCore Runtime Invocation",
            otel.kind = "server",
            repository = Empty,
            pr_number = call.pull.get(),
            session_id = Empty,
            agent_version = trace::VERSION,
            outcome = Empty,
        );
        let end = agent.review(call).instrument(root.clone()).await;
        root.record("outcome", end.outcome);
        end
    });
    let end = work.await.unwrap_or_else(|_| End::failed("the review panicked; please report this".to_owned()));
    end.response(&session)
}

/// Counted while it lives.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(agent: &'a AgentCore) -> Self {
        agent.under_way.fetch_add(1, Ordering::AcqRel);
        Self(&agent.under_way)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn ping(State(agent): State<Arc<AgentCore>>) -> Response {
    let status = if agent.under_way() == 0 { "Healthy" } else { "HealthyBusy" };
    Json(json!({"status": status, "time_of_last_update": agent.env.now().0 / 1000})).into_response()
}
