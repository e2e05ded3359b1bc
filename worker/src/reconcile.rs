//! Looks for what was missed, and has it made good: webhooks that never arrived, pull requests whose head nobody reviewed,
//! comments that somebody deleted or that a late worker wrote over. Itself writes nothing to GitHub but the wish to deliver
//! once more: it sends hints, and the reviewers decide.
//!
//! One worker of the fleet does it at a time, by a lease; when it was done last is noted beside it, so that a hundred workers
//! look no oftener than one. A run makes a bounded number of requests, most of them conditional, notes how far it came after
//! each repository, and the next one goes on there.

mod deliveries;
mod meter;
mod notes;
mod places;
mod standing;
pub mod summary;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use eco_coder_github::GitHub;
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::policy::Policy;
use eco_coder_shared::queue::JobQueue;
use metrics::counter;
use tokio::sync::watch;

use self::meter::{Halt, Meter};
pub use self::notes::LastRun;
use self::notes::{FleetNote, NOTE};
use self::places::Cursor;
use self::summary::Summary;
use crate::store::{Store, StoreError};

/// The lease's name.
const LEASE: &str = "reconcile";
/// How long it lasts; renewed at a third of it. Longer than a request with its retries.
const LEASE_FOR: Duration = Duration::from_mins(5);
/// The longest wait after the start.
const START_WITHIN: Duration = Duration::from_secs(30);

/// How it behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Between two runs of the fleet; zero: none by itself.
    pub every: Duration,
    /// Requests to GitHub of one run.
    pub calls: u32,
    /// Of an installation's hourly limit, left to reviews.
    pub reserve_percent: u64,
    /// Look, and send nothing.
    pub dry_run: bool,
    /// Failed attempts per head after which a pull request is an operator's.
    pub max_attempts: u32,
    /// The name in our comments' markers.
    pub deployment: String,
}

impl Settings {
    /// With the jitter of the schedule, no run comes sooner after another.
    fn soonest(&self) -> Duration {
        self.every.mul_f64(0.9)
    }
}

/// The reconciler of one process.
pub struct Reconciler {
    github: GitHub,
    store: Arc<dyn Store>,
    queue: Arc<dyn JobQueue>,
    env: SharedEnv,
    policy: Policy,
    settings: Settings,
    /// Who holds the lease.
    id: String,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ran {
    /// As this says.
    Done(Box<Summary>),
    /// Another process is at it.
    Elsewhere,
    /// The fleet's last run was not long ago.
    NotDue,
}

impl Reconciler {
    /// Puts it together; asks nobody anything yet.
    pub fn new(
        github: GitHub,
        store: Arc<dyn Store>,
        queue: Arc<dyn JobQueue>,
        env: SharedEnv,
        policy: Policy,
        settings: Settings,
    ) -> Self {
        let id = env.random_id();
        Self { github, store, queue, env, policy, settings, id }
    }

    /// Runs soon, and then again and again, until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let every = self.settings.every;
        if every.is_zero() {
            return;
        }
        if !self.github.is_app() && self.policy.named().is_empty() {
            tracing::info!(
                component = "reconcile",
                "with a token only repositories that policy.repositories names without wildcards are swept: there is none"
            );
        }
        // Not all workers of a deployment at once.
        let soonest = self.settings.soonest();
        let mut wait = self.env.between(Duration::ZERO, (every / 10).min(START_WITHIN));
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(wait) => {}
            }
            let ran = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => None,
                ran = self.once(false) => Some(ran),
            };
            match ran {
                Some(Ok(_)) => {}
                Some(Err(error)) => {
                    counter!("ReconcileRuns", "Result" => "failed").increment(1);
                    tracing::warn!(component = "reconcile", %error, "what was missed could not be looked for");
                }
                None => {
                    // What was done is noted; another worker goes on at once.
                    let _ = self.store.end_lease(LEASE, &self.id).await;
                    return;
                }
            }
            wait = self.env.between(soonest, every + every / 10);
        }
    }

    /// One run, if the lease can be had, and if it is due or `insist`ed on.
    pub async fn once(&self, insist: bool) -> Result<Ran, StoreError> {
        let now = self.env.now();
        if !self.store.lease(LEASE, &self.id, now, now + LEASE_FOR).await? {
            counter!("ReconcileRuns", "Result" => "skipped").increment(1);
            return Ok(Ran::Elsewhere);
        }
        let ran = self.leased(insist, now).await;
        self.store.end_lease(LEASE, &self.id).await?;
        if let Ok(Ran::Done(summary)) = &ran {
            let result = if summary.stopped.is_some() { "stopped" } else { "complete" };
            counter!("ReconcileRuns", "Result" => result).increment(1);
            summary.log();
        }
        ran
    }

    async fn leased(&self, insist: bool, now: Timestamp) -> Result<Ran, StoreError> {
        let mut note: FleetNote = self.noted(NOTE).await?.unwrap_or_default();
        let last = note.last.started;
        // A time that lies ahead was noted by a clock that has been put back since.
        if !insist && last <= now && now < last + self.settings.soonest() {
            return Ok(Ran::NotDue);
        }
        let mut summary = Summary { started: now, dry_run: self.settings.dry_run, ..Summary::default() };
        if self.policy.is_paused() {
            summary.stopped = Some("reviews are paused (policy.paused)".to_owned());
        } else {
            let mut meter = Meter::new(self, now);
            let worked = self.work(&mut meter, &mut note, &mut summary).await;
            (summary.calls_fresh, summary.calls_unchanged) = meter.made();
            match worked {
                Ok(()) => {}
                Err(Halt::Store(error)) => return Err(error),
                Err(halt) => summary.stopped = Some(halt.to_string()),
            }
        }
        summary.seconds = now.until(self.env.now()).as_secs_f64();
        note.last = LastRun::of(&summary);
        self.put_note(NOTE, &note).await?;
        Ok(Ran::Done(Box::new(summary)))
    }

    /// First what GitHub itself can deliver again, then what nobody told.
    async fn work(&self, meter: &mut Meter<'_>, note: &mut FleetNote, summary: &mut Summary) -> Result<(), Halt> {
        if self.github.is_app() {
            match self.redeliver(meter, &mut note.deliveries, summary).await {
                Err(halt @ (Halt::Low { .. } | Halt::GitHub(_))) => summary.skip("deliveries", &halt),
                other => other?,
            }
        }
        let mut cursor = note.cursor.clone();
        let swept = self.sweep_all(meter, note, &mut cursor, summary).await;
        note.cursor = match swept {
            Ok(()) => Cursor::default(),
            Err(_) => cursor,
        };
        swept
    }

    /// In a dry run another memory than in a real one: what it finds is still to be found then.
    fn name_of(&self, name: &str) -> String {
        name_of(name, self.settings.dry_run)
    }

    async fn noted<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let value = self.store.noted(&self.name_of(name), self.env.now()).await?;
        // Of another version: as if nothing were known.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
    }

    async fn put_note<T: serde::Serialize>(&self, name: &str, note: &T) -> Result<(), StoreError> {
        let value = serde_json::to_vec(note).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        self.store.note(&self.name_of(name), value, self.env.now() + notes::KEPT).await
    }
}

/// The name of the fleet's note, which [`LastRun::read`] reads.
pub fn note_name(dry_run: bool) -> String {
    name_of(NOTE, dry_run)
}

fn name_of(name: &str, dry_run: bool) -> String {
    if dry_run { format!("dry-run/{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
