//! Between queue and review: long poll, permits, heartbeats, and each outcome told to the queue. Takes no more on
//! shutdown, and hands back what isn't done in time without a charge.

use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::job::{Cause, Decoded, Job};
use eco_coder_shared::queue::{
    Death, EntryError, JobQueue, MAX_BATCH, MAX_DELAY, MAX_VISIBILITY, MAX_WAIT, NewMessage, QueueError, Received,
};
use eco_coder_shared::telemetry::trace;
use metrics::{counter, gauge};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{Instrument as _, Span};

use crate::agent::driver::AGENT;
use crate::review::{Outcome, Reviewer, execution};

/// How long a job of an unknown version waits before it is looked at again, maybe by a newer worker.
const UNKNOWN_VERSION: Duration = Duration::from_mins(5);
/// For handing back what didn't end within the grace.
pub const HAND_BACK: Duration = Duration::from_secs(5);
/// Before the queue is asked again after it failed.
const QUEUE_DOWN: Duration = Duration::from_secs(2);

/// How the consumer behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Reviews at once.
    pub jobs: usize,
    /// Of a message under work; renewed at a third of it.
    pub visibility: Duration,
    /// The least time a hint of a busy pull request stays hidden.
    pub hide: Duration,
    /// For reviews under way at shutdown.
    pub grace: Duration,
}

/// Takes jobs and has them reviewed.
pub struct Consumer {
    queue: Arc<dyn JobQueue>,
    reviewer: Arc<Reviewer>,
    env: SharedEnv,
    settings: Settings,
    permits: Arc<Semaphore>,
    /// Turns true when the grace is over: reviews under way are handed back.
    hand_back: watch::Sender<bool>,
    /// Reviews now.
    under_way: watch::Sender<usize>,
}

impl Consumer {
    /// Takes from `queue`.
    pub fn new(queue: Arc<dyn JobQueue>, reviewer: Arc<Reviewer>, env: SharedEnv, settings: Settings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.jobs));
        Self {
            queue,
            reviewer,
            env,
            settings,
            permits,
            hand_back: watch::Sender::new(false),
            under_way: watch::Sender::new(0),
        }
    }

    /// How many jobs are worked on, from now on.
    pub fn under_way(&self) -> watch::Receiver<usize> {
        self.under_way.subscribe()
    }

    /// Works until `stop` turns true, then drains.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let this = Arc::new(self);
        let mut under_way = JoinSet::new();
        while !*stop.borrow() {
            let batch = tokio::select! {
                // Nothing is taken in the moment in which it is to end.
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                batch = this.take() => batch,
            };
            while under_way.try_join_next().is_some() {}
            for (received, permit) in batch {
                let this = Arc::clone(&this);
                this.under_way.send_modify(|jobs| *jobs += 1);
                under_way.spawn(async move {
                    this.handle(received).await;
                    this.under_way.send_modify(|jobs| *jobs -= 1);
                    drop(permit);
                });
            }
        }
        this.drain(under_way).await;
    }

    /// Waits for a permit first, then receives no more than there are permits: what is received is worked on at once.
    async fn take(self: &Arc<Self>) -> Vec<(Received, tokio::sync::OwnedSemaphorePermit)> {
        let Ok(first) = Arc::clone(&self.permits).acquire_owned().await else { return Vec::new() };
        let mut permits = vec![first];
        while permits.len() < MAX_BATCH
            && let Ok(more) = Arc::clone(&self.permits).try_acquire_owned()
        {
            permits.push(more);
        }
        match self.queue.receive(permits.len(), MAX_WAIT, self.settings.visibility).await {
            Ok(batch) => batch.into_iter().zip(permits).collect(),
            Err(error) => {
                tracing::error!(component = "consumer", error = %error, "the queue can't be read; trying again");
                let wait = if let QueueError::Throttled(wait) = error { wait } else { QUEUE_DOWN };
                tokio::time::sleep(wait).await;
                Vec::new()
            }
        }
    }

    async fn handle(&self, received: Received) {
        let outcome = match Job::decode(&received.body) {
            Decoded::Job(mut job) => {
                if let Some(at) = received.redriven_at {
                    (job.redriven_at, job.rereads, job.not_before) = (Some(at), 0, None);
                }
                if let Some(wait) = job.waits(self.env.now()) {
                    counter!("JobOutcome", "Outcome" => "deferred").increment(1);
                    self.told(self.queue.defer(&received, job.encode(), wait.min(MAX_DELAY)).await);
                    return;
                }
                // Of the level that is never left out: a warning, too, says of which review it is.
                let span = tracing::error_span!(
                    "review",
                    session_id = job.id,
                    request_id = received.message_id,
                    repository = job.repo.as_str(),
                    pr_number = job.pull.get(),
                );
                let first = received.receive_count == 1;
                if let Some(parent) = job.traceparent.filter(|_| first) {
                    trace::past("Queue Wait", parent, received.sent_at);
                }
                let execution = execution(&job, received.receive_count);
                let review = async {
                    gauge!("SessionCount", "AgentName" => AGENT).increment(1);
                    let work = Box::pin(self.reviewer.process(&job, first, self.hand_back.subscribe()));
                    let outcome = self.with_heartbeat(&received, work).await;
                    gauge!("SessionCount", "AgentName" => AGENT).decrement(1);
                    self.tell(&received, outcome).await;
                };
                return review.instrument(execution).instrument(span).await;
            }
            Decoded::UnknownVersion(version) => {
                tracing::warn!(component = "consumer", version, "a job of an unknown version waits for a newer worker");
                let delay = UNKNOWN_VERSION.min(MAX_DELAY);
                counter!("JobOutcome", "Outcome" => "deferred").increment(1);
                self.told(self.queue.defer(&received, received.body.clone(), delay).await);
                return;
            }
            Decoded::Garbage(reason) => Outcome::Dead(Death { reason, attempts: 0, last_error: None }),
        };
        self.tell(&received, outcome).await;
    }

    /// Keeps the message invisible while the work runs. Liveness only: the row's lease decides who works.
    async fn with_heartbeat(&self, received: &Received, work: impl Future<Output = Outcome>) -> Outcome {
        let (queue, env) = (Arc::clone(&self.queue), Arc::clone(&self.env));
        let (receipt, visibility) = (received.receipt.clone(), self.settings.visibility);
        // Beside the work, so that a slow queue does not hold it up.
        let heart = tokio::spawn(async move {
            loop {
                tokio::time::sleep(env.between(visibility / 4, visibility / 3)).await;
                if let Err(error) = queue.extend(std::slice::from_ref(&receipt), visibility).await {
                    tracing::warn!(component = "consumer", error = %error, "a heartbeat failed");
                }
            }
        });
        let outcome = work.await;
        heart.abort();
        outcome
    }

    /// Tells the queue how the job ended. A message that can't be told about comes back: then the row knows.
    async fn tell(&self, received: &Received, outcome: Outcome) {
        let receipts = std::slice::from_ref(&received.receipt);
        let name = match &outcome {
            Outcome::Done => "done",
            Outcome::Hide { .. } => "hidden",
            Outcome::Defer { .. } => "deferred",
            Outcome::Fail { .. } => "failed",
            Outcome::Discard { .. } => "discarded",
            Outcome::Dead(_) => "dead",
            Outcome::HandBack { .. } => "handed_back",
            Outcome::Abandon { .. } => "abandoned",
        };
        counter!("JobOutcome", "Outcome" => name).increment(1);
        Span::current().record("outcome", name);
        match outcome {
            Outcome::Done => self.told_all(self.queue.ack(receipts).await),
            Outcome::Discard { reason } => {
                tracing::info!(component = "consumer", reason, "nothing to review");
                self.told_all(self.queue.ack(receipts).await);
            }
            Outcome::Hide { until, at_least_configured } => {
                let least = if at_least_configured { self.settings.hide } else { Duration::ZERO };
                let visibility = self.until(until).max(least);
                let visibility = self.env.between(visibility, visibility + visibility / 4).min(MAX_VISIBILITY);
                self.told_all(self.queue.extend(receipts, visibility).await);
            }
            Outcome::Defer { until, job, why } => {
                tracing::info!(component = "consumer", until = %until, why, "waits");
                // Longer waits chain: the job finds itself too early, and waits again.
                self.told(self.queue.defer(received, job.encode(), self.until(until).min(MAX_DELAY)).await);
            }
            Outcome::Fail { after, error } => {
                tracing::error!(component = "consumer", error, retry_in = ?after, "the review failed");
                self.told_all(self.queue.extend(receipts, after.min(MAX_VISIBILITY)).await);
            }
            Outcome::Dead(death) => {
                tracing::error!(component = "consumer", reason = death.reason, "given up");
                self.told(self.queue.dead_letter(received, death).await);
            }
            Outcome::HandBack { fresh_hint: false } => {
                self.told_all(self.queue.extend(receipts, Duration::ZERO).await);
            }
            Outcome::Abandon { fresh_hint: false } => {}
            Outcome::HandBack { fresh_hint: true } | Outcome::Abandon { fresh_hint: true } => {
                self.send_fresh_hint(received).await;
            }
        }
    }

    /// A write may have reached GitHub late, over a newer one: somebody has to look again. The fresh hint takes this
    /// one's place in one step; if this one is another receiver's by now, it is sent beside it.
    async fn send_fresh_hint(&self, received: &Received) {
        let Decoded::Job(job) = Job::decode(&received.body) else { return };
        let fresh = Job { id: self.env.random_id(), cause: Cause::LateWrite, rereads: 0, not_before: None, ..*job };
        if let Ok(Ok(())) = self.queue.defer(received, fresh.encode(), Duration::ZERO).await {
            return;
        }
        let message = NewMessage { group: fresh.group(), body: fresh.encode(), delay: Duration::ZERO };
        match self.queue.send(vec![message]).await {
            Ok(sent) if sent.iter().all(Result::is_ok) => {}
            other => {
                tracing::error!(component = "consumer", outcome = ?other, "a late worker's fresh hint was not sent");
            }
        }
    }

    fn until(&self, at: Timestamp) -> Duration {
        self.env.now().until(at)
    }

    fn told_all(&self, answer: Result<Vec<Result<(), EntryError>>, QueueError>) {
        for entry in answer.unwrap_or_else(|e| vec![Err(EntryError::Refused(e.to_string()))]) {
            self.told(Ok(entry));
        }
    }

    #[expect(clippy::unused_self, reason = "stands beside told_all")]
    fn told(&self, answer: Result<Result<(), EntryError>, QueueError>) {
        match answer {
            Ok(Ok(())) => {}
            Ok(Err(EntryError::Stale)) => {
                tracing::debug!(component = "consumer", "the message is another receiver's now");
            }
            Ok(Err(error)) => tracing::warn!(component = "consumer", error = %error, "the queue refused"),
            Err(error) => tracing::warn!(component = "consumer", error = %error, "the queue could not be told"),
        }
    }

    async fn drain(&self, mut under_way: JoinSet<()>) {
        if under_way.is_empty() {
            return;
        }
        tracing::info!(component = "consumer", reviews = under_way.len(), "draining");
        if tokio::time::timeout(self.settings.grace, finish(&mut under_way)).await.is_err() {
            tracing::warn!(component = "consumer", reviews = under_way.len(), "the grace is over: handing back");
            self.hand_back.send_replace(true);
            // Releasing and giving back are two short writes each.
            let _ = tokio::time::timeout(HAND_BACK, finish(&mut under_way)).await;
        }
    }
}

async fn finish(under_way: &mut JoinSet<()>) {
    while under_way.join_next().await.is_some() {}
}
