//! One round under the lease: what does GitHub say, what is done, what is left to do. Ends with the row's exit, or with
//! the reason why there is no report yet.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eco_coder_github::{ApiError, Pull, PullState};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, RepoName};
use eco_coder_shared::job::Job;
use eco_coder_shared::policy::{Candidate, Refusal};
use eco_coder_shared::queue::Death;
use eco_coder_shared::step;
use eco_coder_shared::telemetry::audit::{self, EventType};
use metrics::{counter, histogram};
use tracing::{Instrument as _, Span};

use super::Reviewer;
use super::inspect::{self, InspectError, Inspected};
use super::says::Says;
use crate::agent::driver::AGENT;
use crate::claim::{Exit, Row, Transition, Verdict};
use crate::publish::notice::Pause;
use crate::publish::{PublishError, Suggestions};
use crate::report::Report;
use crate::results::ErrorType;
use crate::store::history::Reviewed;
use crate::store::{KEPT_DAYS, StoreError};
use crate::subject::{Head, Target};

/// How often GitHub's answer may be older than the webhook before it is taken as it is.
const MAX_REREADS: u8 = 5;
/// Between two such reads.
const REREAD: Duration = Duration::from_secs(2);
/// How long a paused repository's jobs wait before they are looked at again.
const PAUSED: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

/// Why a round ends before its report stands.
pub(super) enum Stop {
    /// The lease is lost.
    Late { written: bool },
    /// The worker is to end.
    Shutdown,
    /// Its work is done already: ack.
    Done,
    /// Nothing is to be reviewed: ack.
    Discard { reason: &'static str },
    /// Wait, free of charge, and come back as this job. With a pause, the wait is worth being told of.
    Wait { until: Timestamp, job: Box<Job>, why: String, pause: Option<Pause> },
    /// GitHub gave no answer, or refused the token: `outage.rs` decides what that costs.
    Outage { failure: Failure, retry_after: Option<Duration> },
    /// A failure; charged.
    Failed(Failure),
    /// It has failed too often.
    Dead(Death),
    /// The store can't be asked.
    Store(StoreError),
}

/// What failed.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    /// For whoever operates it, and the author.
    pub(super) words: String,
    /// For metrics and traces.
    pub(super) class: ErrorType,
}

impl Failure {
    /// GitHub's, at this.
    fn of(error: &ApiError, what: &str) -> Self {
        Self { words: format!("{what}: {error}"), class: error.into() }
    }
}

impl From<StoreError> for Stop {
    fn from(e: StoreError) -> Self {
        match e {
            // Trying again would end the same way: it is the job's own failure.
            StoreError::TooLarge { .. } => Self::failed(ErrorType::ValidationError, e.to_string()),
            StoreError::Unavailable(_) | StoreError::Corrupt { .. } => Self::Store(e),
        }
    }
}

impl Stop {
    fn failed(class: ErrorType, words: impl Into<String>) -> Self {
        Self::Failed(Failure { words: words.into(), class })
    }
}

impl Reviewer {
    /// Claimed: what does GitHub say, what is done, what is left to do? Says beside the commit how it ends.
    pub(super) async fn round(&self, job: &Job, row: &Row, publishing: &AtomicBool) -> Result<Exit, Stop> {
        let (end, says) = match self.read_pull(job, row).await {
            Ok(pull) => {
                let mut says = Says::of(self, job, row, &pull, publishing);
                (Box::pin(self.review(job, row, pull, &mut says, publishing)).await, Some(says))
            }
            // Where nothing may be looked at, nothing may be said.
            Err(stop @ Stop::Discard { .. }) => return Err(stop),
            Err(stop) => (Err(stop), Says::of_what_stands(self, job, row, publishing)),
        };
        if let Some(mut says) = says {
            says.end(&end).await?;
        }
        end
    }

    /// The pull request is known.
    async fn review(
        &self,
        job: &Job,
        row: &Row,
        pull: Pull,
        says: &mut Says<'_>,
        publishing: &AtomicBool,
    ) -> Result<Exit, Stop> {
        if let Err(stop) = self.should_review(&pull) {
            // Likewise: it may have been a draft, or closed, earlier in the second in which it became ready.
            let may_be_of_before = job.cause.asks_for_review() && is_of_its_second(job, &pull);
            return Err(if may_be_of_before {
                self.reread(job, "GitHub's answer may be older than the webhook")
            } else {
                stop
            });
        }
        says.supersede().await?;
        Span::current().record("commit_sha", pull.head_sha.as_str());
        let gathered = self.inspector.gather(&pull.base_repo, &pull.head_sha).await;
        gathered.map_err(|e| self.stop(job, e, "the artifacts of workflows"))?;
        let sight = self.inspector.sight(&pull).await;
        let forced = is_forced(job, row) || says.is_owed();
        if row.sight.as_ref() == Some(&sight) && !forced {
            reviewed();
            return Err(Stop::Done);
        }
        self.is_open(job)?;
        let updated_at = pull.updated_at;
        let head = Head::read(&self.github, pull).instrument(step!("Read Base")).await;
        let head = head.map_err(|e| self.stop(job, e, "where the branch left its base"))?;
        let digest = self.inspector.key(&head).await.0;
        let done = Exit::Done {
            digest: Some(digest.clone()),
            sight: Some(sight),
            updated_at,
            forced: job.nonce.is_some().then(|| job.id.clone()),
            not_before: row.not_before,
        };
        if row.done.as_ref() == Some(&digest) && !forced {
            reviewed();
            return Ok(done);
        }
        let sha = &head.target.head_sha;
        let attempts = row.attempts_for(sha, job.redriven_at);
        if row.is_over(attempts, self.settings.max_attempts) {
            return Err(Stop::Dead(self.death(job, row, sha).await?));
        }
        // In its last attempt a suspect runs alone, so that one that only died with others doesn't end as a dead letter.
        // Before that it doesn't, so that a worker that died with a thousand reviews under way takes them up again all at
        // once.
        let alone = row.is_suspect() && attempts + 1 >= self.settings.max_attempts;
        let (_shared, _alone);
        if alone {
            tracing::warn!(
                component = "review",
                attempts,
                "the last attempt ended without a word; this one, the last, runs alone"
            );
            _alone = self.alone.write().await;
        } else {
            _shared = self.alone.read().await;
        }
        let charge = Transition::Charge { epoch: row.epoch, head: sha.clone(), redriven: job.redriven_at, alone };
        let charged = self.perform(job, &charge).await?;
        counter!("AgentInvocations", "AgentName" => AGENT).increment(1);
        let waited = job.accepted_at.until(self.env.now());
        histogram!("AgentStartDelay").record(waited.as_secs_f64() * 1e3);
        let started = Instant::now();
        // Only what was published once can have been reviewed before.
        let last = if row.published.is_some() { self.inspector.remembered(job.key()).await? } else { None };
        let stood = last.as_ref().is_some_and(|last| last.suggested);
        let inspecting = self.inspector.inspect(&head, job.nonce.as_deref(), last);
        let (begun, inspected) = tokio::join!(says.begin().instrument(step!("Say Status")), inspecting);
        begun?;
        let mut inspected = inspected.map_err(|e| self.stop_inspecting(job, e))?;
        histogram!("AgentDuration", "AgentName" => AGENT).record(started.elapsed().as_secs_f64() * 1e3);
        told(&inspected.report);
        let suggestions = self.suggestions(&head, &inspected.report, stood).await;
        if let (Some(memory), Some(suggestions)) = (&mut inspected.memory, &suggestions) {
            memory.suggested = !suggestions.wanted.is_empty();
        }
        publishing.store(true, Ordering::Relaxed);
        let url = self.post(job, &head.target, row.epoch, &inspected, &suggestions.unwrap_or_default()).await?;
        says.posted(&inspected.report, url.as_deref()).instrument(step!("Say Status")).await?;
        publishing.store(false, Ordering::Relaxed);
        if self.settings.dry_run {
            self.inspector.forget(&inspected.session).await?;
        } else {
            let concluding = self.inspector.conclude_review(&inspected.session, job.key(), inspected.memory.as_ref());
            concluding.instrument(step!("Persist Session State")).await?;
        }
        self.note(job, row.epoch, &inspected.report).await;
        if self.settings.dry_run {
            return Err(Stop::Discard { reason: "dry run: nothing is posted, so nothing is done" });
        }
        let Exit::Done { digest, sight, updated_at, forced, .. } = done else { return Ok(done) };
        let not_before = self.env.now() + self.settings.cooldown;
        let Some(fault) = inspected.report.fault() else {
            return Ok(Exit::Done { digest, sight, updated_at, forced, not_before });
        };
        // What could be seen is posted; what failed is tried again, and in the end left to the next hint.
        if charged.attempts < self.settings.max_attempts {
            return Err(Stop::failed(fault, "the report is posted, but incomplete: something failed on the way"));
        }
        Ok(Exit::Done { digest: None, sight: None, updated_at, forced, not_before })
    }

    fn stop_inspecting(&self, job: &Job, e: InspectError) -> Stop {
        match e {
            InspectError::Wait { until, why } => Self::wait(job, until.max(self.env.now()), &why, Some(Pause::Tools)),
            InspectError::Moved => {
                Self::wait(job, self.env.now() + REREAD, "the head moved while its files were listed", None)
            }
            InspectError::Superseded => Stop::Late { written: false },
            InspectError::Api(e) => self.stop(job, e, "the changed files"),
            InspectError::Store(e) => e.into(),
        }
    }

    async fn note(&self, job: &Job, epoch: u64, report: &Report) {
        let now = self.env.now();
        let took = job.accepted_at.until(now);
        histogram!("ReviewDuration").record(took.as_secs_f64() * 1e3);
        tracing::info!(
            component = "review",
            commit_sha = report.target.head_sha.as_str(),
            recommendations_count = report.findings().len(),
            duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "reviewed"
        );
        if !self.settings.dry_run
            && let Err(error) = self.store.record(&Reviewed::of(report, epoch, now, took)).await
        {
            // The comment stands: that is what was promised.
            tracing::warn!(component = "review", %error, "the review is missing in the history");
        }
    }

    /// What an answer of GitHub's means for this job.
    fn stop(&self, job: &Job, e: ApiError, what: &str) -> Stop {
        match e {
            ApiError::RateLimited { until, .. } => {
                counter!("AgentThrottles", "AgentName" => AGENT).increment(1);
                Self::wait(job, until, &e.to_string(), Some(Pause::GitHubLimit))
            }
            // Right after a push a replica may not know it yet; a token that lost its access looks the same.
            ApiError::NotFound | ApiError::Gone if job.rereads < MAX_REREADS => {
                self.reread(job, &format!("GitHub does not find {what} yet"))
            }
            ApiError::NotFound | ApiError::Gone => Stop::failed(
                ErrorType::from(&e),
                format!("GitHub does not find {what}: it is gone, or the token may not see it any more"),
            ),
            ApiError::Unavailable { retry_after, .. } => Stop::Outage { failure: Failure::of(&e, what), retry_after },
            ApiError::Unauthorized | ApiError::AppRefused { .. } | ApiError::Ambiguous { .. } => {
                Stop::Outage { failure: Failure::of(&e, what), retry_after: None }
            }
            other => Stop::Failed(Failure::of(&other, what)),
        }
    }

    /// Reads again in a moment, a bounded number of times.
    fn reread(&self, job: &Job, why: &str) -> Stop {
        let again = Job { rereads: job.rereads + 1, ..job.clone() };
        Self::wait(&again, self.env.now() + REREAD, why, None)
    }

    fn wait(job: &Job, until: Timestamp, why: &str, pause: Option<Pause>) -> Stop {
        Stop::Wait { until, job: Box::new(job.clone()), why: why.to_owned(), pause }
    }

    /// Are reviews made at this hour? Whoever asks by hand, here or at GitHub, has them at any, and what may be wrong on GitHub
    /// is mended at any.
    fn is_open(&self, job: &Job) -> Result<(), Stop> {
        let at_once = job.redriven_at.is_some() || job.nonce.is_some() || job.cause.is_about_the_comment();
        let opens = self.settings.hours.as_ref().filter(|_| !at_once).and_then(|hours| hours.opens(self.env.now()));
        opens.map_or(Ok(()), |until| Err(Self::wait(job, until, "it is outside of working hours", Some(Pause::Hours))))
    }

    /// The pull request as GitHub has it: at least as new as the webhook, and as what was reviewed last.
    async fn read_pull(&self, job: &Job, row: &Row) -> Result<Pull, Stop> {
        self.admits(job, &job.repo)?;
        let pull = self.github.pull(&job.repo, job.pull).instrument(step!("Read Pull Request")).await;
        let pull = pull.map_err(|e| self.stop(job, e, "the pull request"))?;
        if pull.base_repo_id != job.repo_id {
            return Err(Stop::failed(ErrorType::ValidationError, "another repository has this one's name now"));
        }
        let seen = job.updated_at.unwrap_or_default().max(row.newest);
        if pull.updated_at < seen && job.rereads < MAX_REREADS {
            return Err(self.reread(job, "GitHub's answer is older than what it showed before"));
        }
        // GitHub counts in seconds: of two pushes in one, the answer may be the first.
        let other_head = job.head.as_ref().is_some_and(|head| *head != pull.head_sha);
        if pull.updated_at == seen && other_head && (job.rereads == 0 || is_of_its_second(job, &pull)) {
            return Err(self.reread(job, "GitHub's answer may be older than the webhook"));
        }
        // The name may be another one now.
        self.admits(job, &pull.base_repo)?;
        Ok(pull)
    }

    fn admits(&self, job: &Job, repo: &RepoName) -> Result<(), Stop> {
        match self.policy.admits(repo) {
            Ok(()) => Ok(()),
            // A pause is not the end: the job waits for it.
            Err(refusal @ (Refusal::Paused | Refusal::RepositoryPaused)) => {
                Err(Self::wait(job, self.env.now() + PAUSED, refusal.reason(), None))
            }
            Err(refusal) => Err(Stop::Discard { reason: refusal.reason() }),
        }
    }

    /// GitHub's answer decides, not the webhook: closed, a draft, a bot's, labelled.
    fn should_review(&self, pull: &Pull) -> Result<(), Stop> {
        let candidate = Candidate {
            repo: &pull.base_repo,
            draft: pull.draft,
            author_is_bot: pull.author.is_bot,
            has_skip_label: pull.labels.iter().any(|label| self.policy.is_skip_label(label)),
        };
        let refusal = if pull.state == PullState::Closed {
            Some("the pull request is closed")
        } else {
            self.policy.accepts(candidate).err().map(Refusal::reason)
        };
        refusal.map_or(Ok(()), |reason| Err(Stop::Discard { reason }))
    }

    async fn post(
        &self,
        job: &Job,
        target: &Target,
        epoch: u64,
        inspected: &Inspected,
        suggestions: &Suggestions,
    ) -> Result<Option<String>, Stop> {
        let Inspected { report, session, .. } = inspected;
        let row = self.store.row(job.key()).await?;
        if row.epoch != epoch {
            return Err(Stop::Late { written: false });
        }
        match self.publisher.publish(&*self.store, target, &row, report, suggestions, &session.0).await {
            Ok(posted) => {
                self.store.drop_report(job.key()).await?;
                Ok(posted.comment_url)
            }
            Err(PublishError::Late { written }) => Err(Stop::Late { written }),
            Err(PublishError::Wait { until, why }) => Err(Self::wait(job, until, &why, None)),
            Err(PublishError::Store(e)) => Err(e.into()),
            Err(PublishError::Api(e @ ApiError::RateLimited { .. })) => Err(self.stop(job, e, "the comment")),
            Err(e) => {
                self.keep(job, report).await?;
                Err(match e {
                    PublishError::Api(e @ (ApiError::NotFound | ApiError::Gone)) => {
                        Stop::Failed(Failure::of(&e, "the report could not be posted"))
                    }
                    PublishError::Api(e) => self.stop(job, e, "the report could not be posted"),
                    other => Stop::failed(other.class(), format!("the report could not be posted: {other}")),
                })
            }
        }
    }

    /// The report can be read by an operator even if it can't be posted: `eco-coder report show`.
    async fn keep(&self, job: &Job, report: &Report) -> Result<(), StoreError> {
        let json = serde_json::to_vec(report).unwrap_or_default();
        let sealed = self.seal.seal(&*self.env, &inspect::kept_place(job.key()), &json);
        self.store.keep_report(job.key(), &report.target.repository, sealed, self.env.now() + DAY * KEPT_DAYS).await
    }

    /// The last word on a job that failed too often.
    pub(super) async fn death(&self, job: &Job, row: &Row, sha: &CommitSha) -> Result<Death, StoreError> {
        let (attempts, last_error) = (row.attempts, row.last_error.clone());
        let cause = match (&last_error, row.is_suspect()) {
            (_, true) => {
                "the worker ended without a word, the last time with nothing beside it: look in its log and the machine's \
                 for a panic or memory that ran out, leave the files out with analysis.exclude or give the worker more"
            }
            (Some(_), false) => "see the last error",
            (None, false) => "no error was recorded",
        };
        let kept = self.store.kept_report(&job.repo, job.pull, self.env.now()).await?.is_some();
        let next = if kept {
            format!("; the report is kept: eco-coder report show {}#{}", job.repo, job.pull)
        } else {
            String::new()
        };
        let reason = format!(
            "{attempts} attempts at {} failed ({cause}); when it is mended: eco-coder queue redrive{next}",
            sha.short()
        );
        let parameters = serde_json::json!({"repository": job.repo, "pr_number": job.pull, "commit_sha": sha});
        audit::record(EventType::Error, &job.id, "review", &parameters, &reason, Duration::ZERO);
        Ok(Death { reason, attempts, last_error })
    }

    async fn perform(&self, job: &Job, transition: &Transition) -> Result<Row, Stop> {
        match self.store.transition(job.key(), transition).await? {
            Verdict::Mine(row) => Ok(*row),
            Verdict::Hide { .. } | Verdict::Late => Err(Stop::Late { written: false }),
        }
    }
}

/// Was the webhook sent in the second of GitHub's answer, so that either may be the older one? Not asked for ever.
fn is_of_its_second(job: &Job, pull: &Pull) -> bool {
    job.updated_at == Some(pull.updated_at) && job.rereads < MAX_REREADS
}

/// What the trace has of a report: numbers, and the model's id.
fn told(report: &Report) {
    let span = Span::current();
    span.record("recommendations_count", report.findings().len() as u64);
    if let Some(footprint) = report.carbon.present() {
        span.record("co2e_grams", footprint.co2e_grams);
    }
    if let Some(part) = report.model_part() {
        span.record("model_used", part.model.as_str());
    }
}

fn reviewed() {
    tracing::info!(component = "review", "the head is reviewed already");
}

/// Must the report be posted although this head's stands? A forced job's must until it itself was reviewed; after a late
/// write nobody knows what stands, and where the comment is gone nothing does.
fn is_forced(job: &Job, row: &Row) -> bool {
    let by_nonce = job.nonce.is_some() && row.forced.as_ref() != Some(&job.id);
    by_nonce || job.cause.is_about_the_comment()
}
