//! One job end to end: claim, head from GitHub, known result or agent, publish, release. Decides how the job ends; the
//! consumer tells the queue.

pub mod inspect;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eco_coder_github::{ApiError, GitHub};
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::CommitSha;
use eco_coder_shared::job::{Cause, Job};
use eco_coder_shared::policy::{Candidate, Policy};
use eco_coder_shared::queue::Death;
use eco_coder_shared::retry;
use eco_coder_shared::telemetry::audit::{self, EventType};
use metrics::{counter, histogram};
use tokio::sync::{RwLock, watch};

use self::inspect::{InspectError, Inspected, Inspector};
use crate::agent::driver::AGENT;
use crate::claim::{Exit, Row, Transition, Verdict};
use crate::publish::{PublishError, Publisher};
use crate::report::Report;
use crate::store::seal::SealKey;
use crate::store::{KEPT_DAYS, Store, StoreError};
use crate::subject::Head;
use crate::subject::Target;

/// How often GitHub's answer may be older than the webhook before it is taken as it is.
const MAX_REREADS: u8 = 5;
/// Between two such reads.
const REREAD: Duration = Duration::from_secs(2);
/// How long a paused repository's jobs wait before they are looked at again.
const PAUSED: Duration = Duration::from_mins(15);
/// The longest that a job waits before it asks an unreachable GitHub again.
const OUTAGE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// How a job ends, for the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Its promise is kept: ack.
    Done,
    /// Busy or cooling down: make it visible again about then, at least so much later.
    Hide {
        /// About then.
        until: Timestamp,
        /// Not sooner than the configured least time; a cool-down of its own needs none.
        at_least_configured: bool,
    },
    /// Wait without a charge: send `job` again, to be received at `until`.
    Defer {
        /// Then.
        until: Timestamp,
        /// What to send.
        job: Box<Job>,
        /// For the log.
        why: String,
    },
    /// Failed and charged: try again after a while.
    Fail {
        /// So much later.
        after: Duration,
        /// For the log.
        error: String,
    },
    /// It can never be done, and nobody needs to know more than the log: ack.
    Discard {
        /// For the log.
        reason: String,
    },
    /// Given up: to the dead letters.
    Dead(Death),
    /// Shutdown: somebody else goes on, at once.
    HandBack {
        /// A write may still arrive: send a fresh hint.
        fresh_hint: bool,
    },
    /// The lease was lost, or the store is out of reach: leave the message to its visibility.
    Abandon {
        /// A write may have come late: send a fresh hint.
        fresh_hint: bool,
    },
}

/// How reviews are bounded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long the row's lease lasts; renewed at a third of it.
    pub lease: Duration,
    /// Between two reviews of one pull request.
    pub cooldown: Duration,
    /// Failed attempts per head before a job is given up.
    pub max_attempts: u32,
    /// Waits after failures.
    pub retry: retry::Policy,
}

/// Reviews pull requests.
pub struct Reviewer {
    /// GitHub.
    pub github: GitHub,
    /// Rows, results, sessions.
    pub store: Arc<dyn Store>,
    /// Seals kept reports.
    pub seal: SealKey,
    /// Clock and dice.
    pub env: SharedEnv,
    /// What is reviewed at all.
    pub policy: Policy,
    /// Makes reports.
    pub inspector: Inspector,
    /// Publishes them.
    pub publisher: Publisher,
    /// Bounds.
    pub settings: Settings,
    /// A suspect job runs alone: it takes this for writing, all others for reading.
    pub alone: RwLock<()>,
}

/// Why a round ends before its report stands.
enum Stop {
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
    /// One job, from its receipt to the word for the queue. Handed back free of charge when `hand_back` turns true.
    pub async fn process(&self, job: &Job, first_receive: bool, mut hand_back: watch::Receiver<bool>) -> Outcome {
        let claim = Transition::Claim {
            holder: job.id.clone(),
            now: self.env.now(),
            lease: self.settings.lease,
            first_receive,
        };
        let row = match self.store.transition(job.key(), &claim).await {
            Ok(Verdict::Mine(row)) => *row,
            Ok(Verdict::Hide { until }) => return Outcome::Hide { until, at_least_configured: true },
            Ok(Verdict::Late) => return Outcome::Abandon { fresh_hint: false },
            Err(e) => return Self::without_store(&e),
        };
        let mut lease = self.keep_lease(job, row.epoch);
        // The work is dropped where it stands when the lease is lost or the worker ends. If it was publishing then, a
        // write may still arrive at GitHub.
        let publishing = AtomicBool::new(false);
        let round = tokio::select! {
            round = self.round(job, &row, &publishing) => round,
            _ = lease.lost.wait_for(|lost| *lost) => Err(Stop::Late { written: publishing.load(Ordering::Relaxed) }),
            _ = hand_back.wait_for(|now| *now) => Err(Stop::Shutdown),
        };
        drop(lease);
        self.leave(job, &row, round, publishing.into_inner()).await
    }

    /// Claimed: what does GitHub say, what is done, what is left to do?
    async fn round(&self, job: &Job, row: &Row, publishing: &AtomicBool) -> Result<Exit, Stop> {
        let head = self.read_head(job).await?;
        self.should_review(job, &head)?;
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
        Ok(Exit::Done { digest, not_before })
    }

    /// The head as GitHub has it, at least as new as the webhook.
    async fn read_head(&self, job: &Job) -> Result<Head, Stop> {
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
        Ok(Head::read(&self.github, pull).await?)
    }

    fn policy_admits(&self, job: &Job) -> Result<(), Stop> {
        use eco_coder_shared::policy::Refusal;
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
    fn should_review(&self, job: &Job, head: &Head) -> Result<(), Stop> {
        let candidate = Candidate {
            repo: &job.repo,
            draft: head.pull.draft,
            author_is_bot: head.pull.author.is_bot,
            has_skip_label: head.pull.labels.iter().any(|label| self.policy.is_skip_label(label)),
        };
        let refusal = if head.is_closed() {
            Some("the pull request is closed")
        } else {
            self.policy.accepts(candidate).err().map(eco_coder_shared::policy::Refusal::reason)
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

    /// Releases, and turns the round's end into the queue's word. Release comes before the ack.
    async fn leave(&self, job: &Job, row: &Row, round: Result<Exit, Stop>, publishing: bool) -> Outcome {
        let (exit, outcome) = match round {
            Ok(exit) => (exit, Outcome::Done),
            Err(Stop::With(with)) => *with,
            Err(Stop::Late { written }) => {
                tracing::warn!(component = "review", written, "the lease was lost; another worker goes on");
                return Outcome::Abandon { fresh_hint: written };
            }
            Err(Stop::Shutdown) => (Exit::Free, Outcome::HandBack { fresh_hint: publishing }),
            Err(Stop::Store(e)) => return Self::without_store(&e),
            Err(Stop::Wait { until, why }) => {
                counter!("AgentThrottles", "AgentName" => AGENT).increment(1);
                (Exit::Free, Outcome::Defer { until, job: Box::new(job.clone()), why })
            }
            Err(Stop::Failed(error)) => {
                counter!("AgentErrors", "AgentName" => AGENT, "ErrorType" => "api_error").increment(1);
                let after = self.settings.retry.wait_after(row.attempts + 1, &*self.env);
                (Exit::Failed { error: error.clone() }, Outcome::Fail { after, error })
            }
        };
        let exit = match exit {
            // Failed before the head was known, so nothing is charged: the same failure for ever would never end. It is
            // counted against the head that was last known.
            Exit::Failed { error } => self.charge_unknown(job, row, error).await,
            exit => exit,
        };
        match self.store.transition(job.key(), &Transition::Release { epoch: row.epoch, exit }).await {
            Ok(Verdict::Mine(now)) if now.wanted > row.wanted && outcome == Outcome::Done => {
                // Somebody asked while we worked: go round again, after the cool-down, with this very hint.
                Outcome::Hide { until: now.not_before, at_least_configured: false }
            }
            Ok(Verdict::Mine(_)) => outcome,
            Ok(Verdict::Hide { .. } | Verdict::Late) => Outcome::Abandon { fresh_hint: false },
            Err(e) => Self::without_store(&e),
        }
    }

    async fn charge_unknown(&self, job: &Job, row: &Row, error: String) -> Exit {
        let now = self.store.row(job.key()).await.unwrap_or_default();
        if !now.charged {
            let head = row.attempts_for.clone().or_else(|| job.head.clone());
            if let Some(head) = head {
                let charge = Transition::Charge { epoch: row.epoch, head, fresh: None };
                let _ = self.store.transition(job.key(), &charge).await;
            }
        }
        Exit::Failed { error }
    }

    fn without_store(e: &StoreError) -> Outcome {
        tracing::error!(component = "review", error = %e, "the store failed; the message comes back by itself");
        Outcome::Abandon { fresh_hint: false }
    }

    async fn perform(&self, job: &Job, transition: &Transition) -> Result<Row, Stop> {
        match self.store.transition(job.key(), transition).await? {
            Verdict::Mine(row) => Ok(*row),
            Verdict::Hide { .. } | Verdict::Late => Err(Stop::Late { written: false }),
        }
    }

    /// Renews the lease at a third of its length until dropped; says when it is lost.
    fn keep_lease(&self, job: &Job, epoch: u64) -> KeptLease {
        let (tell, lost) = watch::channel(false);
        let (store, env, key, lease) = (Arc::clone(&self.store), Arc::clone(&self.env), job.key(), self.settings.lease);
        let task = tokio::spawn(async move {
            let mut lapses = env.now() + lease;
            loop {
                tokio::time::sleep(lease / 3).await;
                let renew = Transition::Renew { epoch, now: env.now(), lease };
                match store.transition(key, &renew).await {
                    Ok(Verdict::Mine(row)) => lapses = row.lease_until,
                    // The store may come back before the lease is over; after that, another may have it.
                    Err(_) if env.now() < lapses => {}
                    Ok(Verdict::Hide { .. } | Verdict::Late) | Err(_) => break,
                }
            }
            let _ = tell.send(true);
        });
        KeptLease { lost, task }
    }
}

struct KeptLease {
    lost: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for KeptLease {
    fn drop(&mut self) {
        self.task.abort();
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
