//! The only part that writes to GitHub, always under the row's epoch: one living comment, and what is said beside its commit.
//!
//! Before each write the store is asked whether it may start (the epoch is ours, the lease outlasts the request); after
//! the last one the epoch is checked again by recording the comment. A write that came late is told to the caller, who
//! sends a fresh hint.

pub mod body;
mod fence;
pub mod notice;
pub mod plan;
pub mod sanitize;
pub mod status;
mod suggesting;
pub mod suggestions;

use std::time::{Duration, Instant};

use eco_coder_github::{ApiError, GitHub, IssueComment};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::PullKey;
use eco_coder_shared::step;
use eco_coder_shared::telemetry::audit::{self, EventType};
use eco_coder_shared::telemetry::{self, trace};
use metrics::{counter, histogram};
use tokio::sync::OnceCell;
use tracing::{Instrument as _, Span};

use self::body::Marker;
use self::fence::Fence;
use self::plan::{Plan, Seen, Step};
use self::status::{Refused, StatusKind};
pub use self::suggesting::Suggestions;
use crate::claim::{CommentState, Row, Transition};
use crate::report::{Report, markdown};
use crate::results::ErrorType;
use crate::store::{Store, StoreError};
use crate::subject::Target;
use crate::tools::POST as TOOL;
use crate::tools::post_github_comment::{PostStatus, Posted};

/// How this deployment publishes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// In the marker: deployments don't touch each other's comments.
    pub deployment: String,
    /// Comment on a clean pull request, too.
    pub clean_comment: bool,
    /// How it is said beside a commit how far its review is.
    pub status: StatusKind,
    /// How a report becomes a comment.
    pub render: markdown::RenderOptions,
    /// Do everything but write.
    pub dry_run: bool,
    /// The longest a write to GitHub takes, its turn in the pacing included.
    pub request_timeout: Duration,
    /// How long a lease is made to last before a write.
    pub lease: Duration,
}

/// Why a report wasn't published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The epoch is no longer ours. If `written`, a write may have reached GitHub late: send a fresh hint.
    #[error("the lease was lost{}", if *.written { " after a write to GitHub had begun" } else { "" })]
    Late {
        /// A write had begun.
        written: bool,
    },
    /// Wait without a charge.
    #[error("publishing waits until {until}: {why}")]
    Wait {
        /// Until then.
        until: Timestamp,
        /// For the log.
        why: String,
    },
    /// GitHub refused.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Comments that we create can't be found again.
    #[error("GitHub takes comments but doesn't show them; look at the pull request, then redrive")]
    CannotConverge,
}

impl PublishError {
    /// Of which kind, for metrics and traces.
    pub fn class(&self) -> ErrorType {
        match self {
            Self::Wait { .. } => ErrorType::Throttle,
            Self::Api(error) => error.into(),
            Self::Late { .. } | Self::Store(_) | Self::CannotConverge => ErrorType::ApiError,
        }
    }
}

/// Publishes reports.
pub struct Publisher {
    github: GitHub,
    env: SharedEnv,
    settings: Settings,
    /// Our own author id: the marker alone proves nothing.
    me: OnceCell<u64>,
    /// Where nothing may be said beside commits.
    refused: Refused,
}

/// One publishing: of what, under whose epoch.
struct Turn<'a> {
    target: &'a Target,
    fence: Fence<'a>,
}

impl Publisher {
    /// Publishes through `github`.
    pub fn new(github: GitHub, env: SharedEnv, settings: Settings) -> Self {
        Self { github, env, settings, me: OnceCell::new(), refused: Refused::default() }
    }

    /// The name in our markers.
    pub fn deployment(&self) -> &str {
        &self.settings.deployment
    }

    /// Brings the one comment of `target` to this report, under the row's epoch. The destination is the job's, never the
    /// report's.
    pub async fn publish(
        &self,
        store: &dyn Store,
        target: &Target,
        row: &Row,
        report: &Report,
        suggestions: &Suggestions,
        session: &str,
    ) -> Result<Posted, PublishError> {
        let started = Instant::now();
        let rendered = markdown::render(report, &self.settings.render);
        let head = target.head_sha.clone();
        let marker = Marker::new(self.settings.deployment.clone(), row.epoch, head);
        let body = body::compose(&marker, &rendered);
        if self.settings.dry_run {
            tracing::info!(component = "publish", characters = body.chars().count(), "dry run: nothing is posted");
            return Ok(Posted {
                status: PostStatus::Success,
                comment_id: None,
                comment_url: None,
                error_message: None,
            });
        }
        let key = PullKey { repo_id: target.repository_id, pull: target.pull_request };
        let mut turn = Turn { target, fence: Fence { store, key, epoch: row.epoch, written: false } };
        let span = step!("Tool: post_github_comment", tool_name = TOOL);
        let outcome = self.converge(&mut turn, row, report, suggestions, &body).instrument(span.clone()).await;
        if let Err(error) = &outcome
            && !matches!(error, PublishError::Wait { .. })
        {
            trace::failed(&span, error.class().name());
        }
        drop(span);
        note(target, row.epoch, session, &outcome, started.elapsed());
        outcome
    }

    async fn converge(
        &self,
        turn: &mut Turn<'_>,
        row: &Row,
        report: &Report,
        suggestions: &Suggestions,
        body: &str,
    ) -> Result<Posted, PublishError> {
        let target = turn.target;
        let silent = report.is_clean() && !self.settings.clean_comment;
        let (mut plan, mut step) = Plan::start(&row.comment, self.env.now(), self.settings.request_timeout, silent);
        let mut url = None;
        let stands = loop {
            let seen = match step {
                Step::Settled(id) => break id,
                Step::Wait { until } => {
                    return Err(PublishError::Wait { until, why: "a comment may still be on its way".to_owned() });
                }
                Step::GiveUp => return Err(PublishError::CannotConverge),
                Step::List => Seen::Listed(self.ours(target).await?),
                Step::Update(id) => {
                    self.may_write(turn).await?;
                    match self.github.update_comment(&target.repository, id, body).instrument(asks("PATCH")).await {
                        Ok(comment) => {
                            url = Some(comment.html_url);
                            Seen::Updated
                        }
                        // Forbidden: of an account that this deployment had before.
                        Err(ApiError::NotFound | ApiError::Gone | ApiError::Forbidden { .. }) => Seen::Gone,
                        Err(e) => return Err(e.into()),
                    }
                }
                Step::Create => self.create(turn, body, &mut url).await?,
                Step::Delete(ids) => {
                    for id in ids {
                        self.may_write(turn).await?;
                        match self.github.delete_comment(&target.repository, id).instrument(asks("DELETE")).await {
                            Ok(()) | Err(ApiError::NotFound | ApiError::Gone) => {}
                            Err(e) => return Err(e.into()),
                        }
                    }
                    Seen::Deleted
                }
            };
            step = plan.next(seen);
        };
        let comment = stands.map_or(CommentState::None, |id| CommentState::Known { id });
        let head = stands.map(|_| target.head_sha.clone());
        let record = Transition::Commented { epoch: turn.fence.epoch, comment, head };
        turn.fence.perform(&record).await?;
        self.suggest(turn, suggestions).await?;
        Ok(Posted { status: PostStatus::Success, comment_id: stands, comment_url: url, error_message: None })
    }

    async fn create(&self, turn: &mut Turn<'_>, body: &str, url: &mut Option<String>) -> Result<Seen, PublishError> {
        let creating =
            Transition::Creating { epoch: turn.fence.epoch, nonce: self.env.random_id(), now: self.env.now() };
        turn.fence.perform(&creating).await?;
        self.may_write(turn).await?;
        let creating = self.github.create_comment(&turn.target.repository, turn.target.pull_request, body);
        match creating.instrument(asks("POST")).await {
            Ok(comment) => {
                *url = Some(comment.html_url);
                Ok(Seen::Created(comment.id))
            }
            Err(ApiError::Ambiguous { reason, .. }) => {
                tracing::warn!(component = "publish", reason, "a create's outcome is unknown; looking for the comment");
                Ok(Seen::Unknown)
            }
            Err(e) => {
                // Nothing was created, and GitHub said so: the row need not make the next holder wait.
                let none = Transition::Commented { epoch: turn.fence.epoch, comment: CommentState::None, head: None };
                turn.fence.perform(&none).await?;
                Err(e.into())
            }
        }
    }

    /// Makes the lease last, then asks whether a write may start.
    async fn may_write(&self, turn: &mut Turn<'_>) -> Result<(), PublishError> {
        turn.fence.may_write(self.env.now(), self.settings.lease, self.settings.request_timeout).await
    }

    async fn ours(&self, target: &Target) -> Result<Vec<u64>, PublishError> {
        let me = self.me(target).await?;
        let listing = self.github.comments(&target.repository, target.pull_request);
        let comments = listing.instrument(asks("GET")).await?;
        let is_ours = |comment: &&IssueComment| {
            comment.author_id == me
                && Marker::parse(&comment.body).is_some_and(|marker| marker.deployment == self.settings.deployment)
        };
        Ok(comments.iter().filter(is_ours).map(|comment| comment.id).collect())
    }

    async fn me(&self, target: &Target) -> Result<u64, ApiError> {
        let ask = || async { Ok(self.github.author(&target.repository).await?.id) };
        self.me.get_or_try_init(ask).await.copied()
    }
}

/// A call about comments, in the trace.
fn asks(method: &'static str) -> Span {
    step!(format!("GitHub API {method} comment"), otel.kind = "client", http.request.method = method)
}

/// The tool's output as the specification has it, with metrics, log and audit: once, here. A wait is no outcome yet.
fn note(target: &Target, epoch: u64, session: &str, outcome: &Result<Posted, PublishError>, took: Duration) {
    let posted = match outcome {
        Ok(posted) => posted.clone(),
        Err(PublishError::Wait { .. } | PublishError::Api(ApiError::RateLimited { .. })) => return,
        Err(e) => Posted {
            status: PostStatus::Failure,
            comment_id: None,
            comment_url: None,
            error_message: Some(e.to_string()),
        },
    };
    let result = if outcome.is_ok() { "success" } else { "failure" };
    counter!("GitHubCommentPosted", "Result" => result).increment(1);
    counter!("ToolInvocation", "ToolName" => TOOL).increment(1);
    histogram!("ToolDuration", "ToolName" => TOOL).record(took.as_secs_f64() * 1e3);
    if let Err(e) = outcome {
        counter!("ToolErrors", "ToolName" => TOOL, "ErrorType" => e.class().name()).increment(1);
        tracing::error!(target: telemetry::TOOL, component = "post_github_comment_tool", error = %e, "the report was not posted");
    }
    let mut parameters = serde_json::json!({
        "repository": target.repository,
        "pr_number": target.pull_request,
        "commit_sha": target.head_sha,
        "epoch": epoch,
    });
    parameters["output"] = serde_json::to_value(posted).unwrap_or_default();
    audit::record(EventType::CommentPosted, session, TOOL, &parameters, result, took);
}
