//! One round under the lease: what does GitHub say, what is done, what is left to do. Ends with the row's exit, or with
//! the reason why there is no report yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eco_coder_github::{ApiError, Pull, PullState};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::CommitSha;
use eco_coder_shared::job::{Cause, Job};
use eco_coder_shared::policy::{Candidate, Refusal};
use eco_coder_shared::queue::Death;
use eco_coder_shared::telemetry::audit::{self, EventType};
use metrics::{counter, histogram};

use super::inspect::{self, InspectError, Inspected};
use super::{Outcome, Reviewer};
use crate::agent::driver::AGENT;
use crate::claim::{Exit, Row, Transition, Verdict};
use crate::publish::PublishError;
use crate::report::Report;
use crate::store::{KEPT_DAYS, StoreError};
use crate::subject::{Head, Target};

/// How often GitHub's answer may be older than the webhook before it is taken as it is.
const MAX_REREADS: u8 = 5;
/// Between two such reads.
const REREAD: Duration = Duration::from_secs(2);
/// How long a paused repository's jobs wait before they are looked at again.
const PAUSED: Duration = Duration::from_mins(15);
/// The longest that a job waits before it asks an unreachable GitHub again.
const OUTAGE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Why a round ends before its report stands.
pub(super) enum Stop {
    /// The lease is lost.
    Late { written: bool },
    /// The worker is to end.
    Shutdown,
    /// Nothing to do, or nothing more: release with this, end with that.
    With(Box<(Exit, Outcome)>),
    /// Wait, free of charge.
    Wait { until: Timestamp, why: String },
    /// A failure; charged if an attempt was.
    Failed(String),
    /// The store can't be asked.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Self {
        Self::Store(e)
    }
}

impl From<ApiError> for Stop {
    fn from(e: ApiError) -> Self {
        match e {
            ApiError::RateLimited { until, .. } => Self::Wait { until, why: e.to_string() },
            ApiError::NotFound | ApiError::Gone => discard("GitHub finds no such pull request any more"),
            other => Self::Failed(other.to_string()),
        }
    }
}

fn discard(reason: &str) -> Stop {
    Stop::With(Box::new((Exit::Free, Outcome::Discard { reason: reason.to_owned() })))
}

fn done() -> Stop {
    Stop::With(Box::new((Exit::Free, Outcome::Done)))
}

impl Reviewer {
    /// Claimed: what does GitHub say, what is done, what is left to do?
    pub(super) async fn round(&self, job: &Job, row: &Row, publishing: &AtomicBool) -> Result<Exit, Stop> {
        let pull = self.read_pull(job).await?;
        self.should_review(job, &pull)?;
        let sight = self.inspector.sight(&pull).await;
        if row.sight.as_deref() == Some(sight.as_str()) && !is_forced(job, row) {
            tracing::info!(component = "review", "the head is reviewed already");
            return Err(done());
        }
        let head = Head::read(&self.github, pull).await?;
        let digest = self.inspector.key(&head).await.0;
        if row.done.as_deref() == Some(digest.as_str()) && !is_forced(job, row) {
            tracing::info!(component = "review", "the head is reviewed already");
            return Err(done());
        }
        let sha = &head.target.head_sha;
        let fresh = starts_afresh(job);
        let attempts = row.attempts_for(sha, fresh);
        if attempts >= self.settings.max_attempts {
            return Err(self.give_up(job, row, sha, attempts).await?);
        }
        // A suspect runs alone, so that a neighbour isn't counted when it kills the process again.
        let (_shared, _alone);
        if row.is_suspect() {
            tracing::warn!(
                component = "review",
                attempts,
                "the last attempt ended without a word; this one runs alone"
            );
            _alone = self.alone.write().await;
        } else {
            _shared = self.alone.read().await;
        }
        let charge = Transition::Charge { epoch: row.epoch, head: sha.clone(), fresh: fresh.map(ToOwned::to_owned) };
        self.perform(job, &charge).await?;
        counter!("AgentInvocations", "AgentName" => AGENT).increment(1);
        let started = Instant::now();
        let inspected = self.inspector.inspect(&head, job.nonce.as_deref()).await.map_err(|e| stop(e, &self.env))?;
        histogram!("AgentDuration", "AgentName" => AGENT).record(started.elapsed().as_secs_f64() * 1e3);
        publishing.store(true, Ordering::Relaxed);
        self.post(job, &head.target, row.epoch, &inspected).await?;
        publishing.store(false, Ordering::Relaxed);
        self.inspector.forget(&inspected.session).await?;
        let report = inspected.report;
        let took = job.accepted_at.until(self.env.now());
        histogram!("ReviewDuration").record(took.as_secs_f64() * 1e3);
        tracing::info!(
            component = "review",
            commit_sha = sha.as_str(),
            recommendations_count = report.findings().len(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "reviewed"
        );
        let not_before = self.env.now() + self.settings.cooldown;
        Ok(Exit::Done { digest, sight, not_before })
    }

    /// The pull request as GitHub has it, at least as new as the webhook.
    async fn read_pull(&self, job: &Job) -> Result<Pull, Stop> {
        self.policy_admits(job)?;
        let pull = match self.github.pull(&job.repo, job.pull).await {
            // Nothing is known to be wrong with this job: it waits for GitHub, or for a valid token.
            Err(e @ (ApiError::Unavailable { .. } | ApiError::Unauthorized)) => {
                let until = self.env.now() + self.env.between(OUTAGE / 2, OUTAGE);
                return Err(Stop::Wait { until, why: e.to_string() });
            }
            answer => answer?,
        };
        if pull.base_repo_id != job.repo_id {
            return Err(discard("another repository has this name now"));
        }
        if job.updated_at.is_some_and(|seen| pull.updated_at < seen) && job.rereads < MAX_REREADS {
            let again = Job { rereads: job.rereads + 1, ..job.clone() };
            let why = "GitHub's answer is older than the webhook".to_owned();
            let outcome = Outcome::Defer { until: self.env.now() + REREAD, job: Box::new(again), why };
            return Err(Stop::With(Box::new((Exit::Free, outcome))));
        }
        Ok(pull)
    }

    fn policy_admits(&self, job: &Job) -> Result<(), Stop> {
        match self.policy.admits(&job.repo) {
            Ok(()) => Ok(()),
            // A pause is not the end: the job waits for it.
            Err(refusal @ (Refusal::Paused | Refusal::RepositoryPaused)) => {
                Err(Stop::Wait { until: self.env.now() + PAUSED, why: refusal.reason().to_owned() })
            }
            Err(refusal) => Err(discard(refusal.reason())),
        }
    }

    /// GitHub's answer decides, not the webhook: closed, a draft, a bot's, labelled.
    fn should_review(&self, job: &Job, pull: &Pull) -> Result<(), Stop> {
        let candidate = Candidate {
            repo: &job.repo,
            draft: pull.draft,
            author_is_bot: pull.author.is_bot,
            has_skip_label: pull.labels.iter().any(|label| self.policy.is_skip_label(label)),
        };
        let refusal = if pull.state == PullState::Closed {
            Some("the pull request is closed")
        } else {
            self.policy.accepts(candidate).err().map(Refusal::reason)
        };
        match refusal {
            None => Ok(()),
            Some(reason) => {
                tracing::info!(component = "review", reason, "nothing to review");
                Err(done())
            }
        }
    }

    async fn post(&self, job: &Job, target: &Target, epoch: u64, inspected: &Inspected) -> Result<(), Stop> {
        let Inspected { report, session } = inspected;
        let row = self.store.row(job.key()).await?;
        if row.epoch != epoch {
            return Err(Stop::Late { written: false });
        }
        match self.publisher.publish(&*self.store, target, &row, report, &session.0).await {
            Ok(_) => {
                self.store.drop_report(job.key()).await?;
                Ok(())
            }
            Err(PublishError::Late { written }) => Err(Stop::Late { written }),
            Err(PublishError::Wait { until, why }) => Err(Stop::Wait { until, why }),
            Err(PublishError::Store(e)) => Err(Stop::Store(e)),
            Err(PublishError::Api(ApiError::RateLimited { until, secondary })) => {
                let why = ApiError::RateLimited { until, secondary }.to_string();
                Err(Stop::Wait { until, why })
            }
            Err(e) => {
                self.keep(job, report).await?;
                Err(Stop::Failed(format!("the report could not be posted: {e}")))
            }
        }
    }

    /// The report can be read by an operator even if it can't be posted: `eco-coder report show`.
    async fn keep(&self, job: &Job, report: &Report) -> Result<(), StoreError> {
        let json = serde_json::to_vec(report).unwrap_or_default();
        let sealed = self.seal.seal(&*self.env, &inspect::kept_place(job.key()), &json);
        self.store.keep_report(job.key(), sealed, self.env.now() + DAY * KEPT_DAYS).await
    }

    async fn give_up(&self, job: &Job, row: &Row, sha: &CommitSha, attempts: u32) -> Result<Stop, StoreError> {
        let last_error = row.last_error.clone();
        let cause = match (&last_error, row.is_suspect()) {
            (_, true) => "the worker ended each time without a word: the review may be killing it",
            (Some(_), false) => "see the last error",
            (None, false) => "no error was recorded",
        };
        let kept = self.store.kept_report(job.key(), self.env.now()).await?.is_some();
        let next = if kept {
            format!("; the report is kept: eco-coder report show {}#{}", job.repo, job.pull)
        } else {
            String::new()
        };
        let reason = format!(
            "{attempts} attempts at {} failed ({cause}); when it is mended: eco-coder queue redrive{next}",
            sha.short()
        );
        counter!("AgentErrors", "AgentName" => AGENT, "ErrorType" => "api_error").increment(1);
        let parameters = serde_json::json!({"repository": job.repo, "pr_number": job.pull, "commit_sha": sha});
        audit::record(EventType::Error, &job.id, "review", &parameters, &reason, Duration::ZERO);
        Ok(Stop::With(Box::new((Exit::Free, Outcome::Dead(Death { reason, attempts, last_error })))))
    }

    async fn perform(&self, job: &Job, transition: &Transition) -> Result<Row, Stop> {
        match self.store.transition(job.key(), transition).await? {
            Verdict::Mine(row) => Ok(*row),
            Verdict::Hide { .. } | Verdict::Late => Err(Stop::Late { written: false }),
        }
    }
}

/// Must the report be posted although this head's stands? A forced job's must until it itself was reviewed; after a late
/// write nobody knows what stands.
fn is_forced(job: &Job, row: &Row) -> bool {
    let by_nonce = job.nonce.is_some() && row.refreshed_by.as_deref() != Some(&job.id);
    by_nonce || job.cause == Cause::LateWrite
}

/// A redriven or forced job starts the attempts afresh.
fn starts_afresh(job: &Job) -> Option<&str> {
    (job.cause == Cause::Redrive || job.nonce.is_some()).then_some(job.id.as_str())
}

fn stop(e: InspectError, env: &SharedEnv) -> Stop {
    match e {
        InspectError::Wait { until, why } => Stop::Wait { until: until.max(env.now()), why },
        InspectError::Superseded => Stop::Late { written: false },
        InspectError::Api(e) => e.into(),
        InspectError::Store(e) => Stop::Store(e),
    }
}
