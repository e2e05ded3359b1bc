//! One job end to end: claim, head from GitHub, known result or agent, publish, release. Decides how the job ends; the
//! consumer tells the queue.

mod attribution;
pub mod inspect;
mod lease;
pub mod memory;
mod mends;
mod outage;
mod round;
mod says;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use eco_coder_github::GitHub;
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::ids::CommitSha;
use eco_coder_shared::job::Job;
use eco_coder_shared::policy::Policy;
use eco_coder_shared::queue::{Death, MAX_DELAY};
use eco_coder_shared::telemetry::trace;
use eco_coder_shared::{retry, step};
use metrics::counter;
use tokio::sync::{RwLock, watch};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use self::inspect::Inspector;
use self::lease::KeptLease;
use self::round::{Failure, Stop};
use crate::agent::driver::AGENT;
use crate::claim::{Exit, Row, Transition, Verdict, Waits};
use crate::hours::Hours;
use crate::publish::Publisher;
use crate::results::ErrorType;
use crate::store::seal::SealKey;
use crate::store::{Store, StoreError};

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
    /// Nothing is to be reviewed, for this reason: ack.
    Discard {
        /// For the log.
        reason: &'static str,
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

/// The span of one look at a job in its trace, for whoever has it processed.
pub fn execution(job: &Job, receives: u32) -> Span {
    let span = step!(
        "Eco-Coder Agent Execution",
        otel.kind = "consumer",
        repository = job.repo.as_str(),
        pr_number = job.pull.get(),
        session_id = job.id,
        agent_version = trace::VERSION,
        receives,
        outcome = Empty,
        commit_sha = Empty,
        cached = Empty,
        recommendations_count = Empty,
        co2e_grams = Empty,
        model_used = Empty,
    );
    trace::continues(&span, job.traceparent);
    span
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
    /// The longest wait before an unreachable GitHub is asked again.
    pub outage: Duration,
    /// How long a pull request waits free of charge for a GitHub that answers others.
    pub silence: Duration,
    /// Nothing is posted, so nothing is done.
    pub dry_run: bool,
    /// The most mends that are offered on lines.
    pub suggestions: usize,
    /// When reviews are made, if not always.
    pub hours: Option<Hours>,
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
    /// A suspect job runs alone in its last attempt: it takes this for writing, all others for reading.
    pub alone: RwLock<()>,
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
        let row = match self.store.transition(job.key(), &claim).instrument(step!("Claim")).await {
            Ok(Verdict::Mine(row)) => *row,
            Ok(Verdict::Hide { until }) => return Outcome::Hide { until, at_least_configured: true },
            Ok(Verdict::Late) => return Outcome::Abandon { fresh_hint: false },
            Err(e) => return without_store(&e, false),
        };
        let mut lease =
            KeptLease::keep(Arc::clone(&self.store), Arc::clone(&self.env), job.key(), row.epoch, self.settings.lease);
        // The work is dropped where it stands when the lease is lost or the worker ends. If it was publishing then, a
        // write may still arrive at GitHub.
        let publishing = AtomicBool::new(false);
        let round = tokio::select! {
            // What ends in the same moment ends in this order, always: a round that is over was in time.
            biased;
            round = self.round(job, &row, &publishing) => round,
            () = lease.lost() => Err(Stop::Late { written: publishing.load(Ordering::Relaxed) }),
            _ = hand_back.wait_for(|now| *now) => Err(Stop::Shutdown),
        };
        drop(lease);
        self.leave(job, &row, round, publishing.into_inner()).await
    }

    /// Releases, and turns the round's end into the queue's word. Release comes before the ack. `publishing`: a write to
    /// GitHub may still arrive; whoever can't release then sends a fresh hint.
    async fn leave(&self, job: &Job, row: &Row, round: Result<Exit, Stop>, publishing: bool) -> Outcome {
        let failed = |error: String| Exit::Failed {
            error,
            head: row.attempts_for.clone().or_else(|| job.head.clone()).unwrap_or_else(CommitSha::zero),
            redriven: job.redriven_at,
        };
        // What ended without a word before, or failed before and is only told of now, is of no other kind.
        let mut class = ErrorType::ApiError;
        let (exit, outcome) = match round {
            Ok(exit) => (exit, Outcome::Done),
            Err(Stop::Done) => (Exit::Free, Outcome::Done),
            Err(Stop::Discard { reason }) => (Exit::Free, Outcome::Discard { reason }),
            Err(Stop::Dead(death)) => (Exit::Free, Outcome::Dead(death)),
            Err(Stop::Late { written }) => {
                tracing::warn!(component = "review", written, "the lease was lost; another worker goes on");
                return Outcome::Abandon { fresh_hint: written };
            }
            Err(Stop::Shutdown) => (Exit::Free, Outcome::HandBack { fresh_hint: publishing }),
            Err(Stop::Store(e)) => return without_store(&e, publishing),
            Err(Stop::Wait { until, mut job, why, .. }) => {
                // Longer than a queue can hold it: put off again then, without another look.
                job.not_before = (until > self.env.now() + MAX_DELAY).then_some(until);
                (waits(until, &why), Outcome::Defer { until, job, why })
            }
            Err(Stop::Outage { failure, retry_after }) => match self.outage(job, failure.words, retry_after).await {
                Err(error) => {
                    class = failure.class;
                    let after = self.outage_wait().max(retry_after.unwrap_or_default());
                    (failed(error.clone()), Outcome::Fail { after, error })
                }
                Ok((until, why)) => (waits(until, &why), Outcome::Defer { until, job: Box::new(job.clone()), why }),
            },
            Err(Stop::Failed(Failure { words: error, class: of })) => {
                class = of;
                let after = self.settings.retry.wait_after(row.attempts + 1, &*self.env);
                (failed(error.clone()), Outcome::Fail { after, error })
            }
        };
        let is_failure = matches!(outcome, Outcome::Fail { .. });
        if is_failure || matches!(outcome, Outcome::Dead(_)) {
            counter!("AgentErrors", "AgentName" => AGENT, "ErrorType" => class.name()).increment(1);
            trace::failed(&Span::current(), class.name());
        }
        let release = Transition::Release { epoch: row.epoch, exit };
        match self.store.transition(job.key(), &release).instrument(step!("Release")).await {
            Ok(Verdict::Mine(now)) if now.wanted > row.wanted && outcome == Outcome::Done => {
                // Somebody asked while we worked: go round again, after the cool-down, with this very hint.
                Outcome::Hide { until: now.not_before, at_least_configured: false }
            }
            Ok(Verdict::Mine(now)) if outcome == Outcome::Done && self.owes(&now) => {
                // The comment stands, and beside the commit nobody says so yet.
                Outcome::Hide { until: now.not_before, at_least_configured: true }
            }
            Ok(Verdict::Mine(now)) if is_failure && now.attempts >= self.settings.max_attempts => {
                let head = now.attempts_for.clone().unwrap_or_else(CommitSha::zero);
                match self.death(job, &now, &head).await {
                    Ok(death) => Outcome::Dead(death),
                    // The row knows: the next receive ends it.
                    Err(_) => outcome,
                }
            }
            Ok(Verdict::Mine(_)) => outcome,
            Ok(Verdict::Hide { .. } | Verdict::Late) => Outcome::Abandon { fresh_hint: publishing },
            Err(e) => without_store(&e, publishing),
        }
    }
}

fn waits(until: Timestamp, why: &str) -> Exit {
    Exit::Waits(Waits { until, why: why.to_owned() })
}

impl Reviewer {
    /// Is the last word on a commit unsaid, and to be tried again?
    fn owes(&self, row: &Row) -> bool {
        self.publisher.says() && row.mark.as_ref().is_some_and(|mark| mark.open)
    }
}

fn without_store(e: &StoreError, publishing: bool) -> Outcome {
    tracing::error!(component = "review", error = %e, "the store failed; the message comes back by itself");
    Outcome::Abandon { fresh_hint: publishing }
}
