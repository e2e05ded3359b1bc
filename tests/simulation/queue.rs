//! The queue as a process sees it: the one in memory, over a call that can fail, with an eye on what is acked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_shared::job::{Cause, Decoded, Job};
use eco_coder_shared::queue::{
    DeadLetter, Death, Depth, EntryError, JobQueue, NewMessage, QueueError, Receipt, Received, Redrive, Rewrite,
};

use super::process::{Process, Seam, Trouble};
use super::store::short;
use super::weather::Deliberate;

/// One process's queue.
pub struct ItsQueue(pub Arc<Process>);

/// The job in a body.
pub fn job(body: &str) -> Option<Job> {
    match Job::decode(body) {
        Decoded::Job(job) => Some(*job),
        Decoded::UnknownVersion(_) | Decoded::Garbage(_) => None,
    }
}

fn named(body: Option<&str>) -> String {
    body.and_then(job).map_or_else(
        || "a message of others".to_owned(),
        |job| format!("{} ({:?} of {})", short(&job.id), job.cause, job.key()),
    )
}

fn outcome<T>(answer: &Result<T, EntryError>) -> String {
    match answer {
        Ok(_) => "done".to_owned(),
        Err(e) => e.to_string(),
    }
}

fn outcomes<T>(answers: &[Result<T, EntryError>]) -> String {
    answers.iter().map(outcome).collect::<Vec<_>>().join(", ")
}

impl ItsQueue {
    async fn over<T>(
        &self,
        what: &str,
        call: impl Future<Output = Result<T, QueueError>>,
        shown: impl FnOnce(&T) -> String,
    ) -> Result<T, QueueError> {
        let shown = |answer: &Result<T, QueueError>| match answer {
            Ok(answer) => shown(answer),
            Err(e) => e.to_string(),
        };
        match self.0.over(Seam::Queue, what, call, shown).await {
            Ok(answer) => answer,
            Err(Trouble::Refused) => Err(QueueError::Throttled(Duration::from_secs(3))),
            Err(Trouble::Lost) => Err(QueueError::Unavailable("simulated: the answer is lost".to_owned())),
        }
    }

    fn is_left_out(&self, rule: Deliberate) -> bool {
        self.0.world.plan.deliberate == Some(rule)
    }

    /// The message's job was told that its pull request is busy.
    fn is_busy(&self, receipt: &Receipt) -> bool {
        let job = self.0.world.queue.body(receipt).as_deref().and_then(job);
        job.is_some_and(|job| self.0.held().busy.contains(&job.id))
    }

    async fn acked(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        let world = &self.0.world;
        let jobs: Vec<Option<Job>> =
            receipts.iter().map(|receipt| world.queue.body(receipt).as_deref().and_then(job)).collect();
        let answers = world.queue.ack(receipts).await?;
        for (job, answer) in jobs.into_iter().zip(&answers) {
            if let (Some(job), Ok(())) = (job, answer) {
                world.judge().acked(&job);
            }
        }
        Ok(answers)
    }
}

#[async_trait]
impl JobQueue for ItsQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        let jobs: Vec<Job> = batch.iter().filter_map(|message| job(&message.body)).collect();
        let late = jobs.iter().any(|job| job.cause == Cause::LateWrite);
        if late && self.is_left_out(Deliberate::SilentWhenLate) {
            return Ok(batch.iter().map(|_| Ok("none".to_owned())).collect());
        }
        let what = format!("send {}", batch.iter().map(|m| named(Some(&m.body))).collect::<Vec<_>>().join(", "));
        let call = async {
            let sent = self.0.world.queue.send(batch).await?;
            for job in &jobs {
                self.0.world.judge().sent(job);
            }
            Ok(sent)
        };
        let sent = self.over(&what, call, |sent| outcomes(sent)).await;
        if late && sent.is_err() {
            self.0.world.judge().owe(&jobs);
        }
        sent
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        // Nothing is taken by a process that has ended while it waited: its caller is dropped.
        let call = async { self.0.world.queue.receive(max, wait, visibility).await };
        let shown = |received: &Vec<Received>| {
            let one = |m: &Received| format!("{}, receive {}", named(Some(&m.body)), m.receive_count);
            if received.is_empty() {
                "nothing".to_owned()
            } else {
                received.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        };
        self.over("receive", call, shown).await
    }

    async fn extend(
        &self,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        let body = receipts.first().and_then(|receipt| self.0.world.queue.body(receipt));
        let what = format!("hide {} for {} ms", named(body.as_deref()), visibility.as_millis());
        let forgets = self.is_left_out(Deliberate::ForgetsHiding);
        let visibility = if forgets { Duration::ZERO } else { visibility };
        let call = async {
            if self.is_left_out(Deliberate::AcksBusy) && receipts.iter().all(|receipt| self.is_busy(receipt)) {
                return self.acked(receipts).await;
            }
            self.0.world.queue.extend(receipts, visibility).await
        };
        self.over(&what, call, |answers| outcomes(answers)).await
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        let body = receipts.first().and_then(|receipt| self.0.world.queue.body(receipt));
        let what = format!("ack {}", named(body.as_deref()));
        self.over(&what, async { self.acked(receipts).await }, |answers| outcomes(answers)).await
    }

    async fn defer(
        &self,
        received: &Received,
        body: String,
        delay: Duration,
    ) -> Result<Result<(), EntryError>, QueueError> {
        let new = job(&body);
        let late = new.as_ref().is_some_and(|job| job.cause == Cause::LateWrite);
        let what = format!("defer {} by {} ms", named(Some(&body)), delay.as_millis());
        let silent = late && self.is_left_out(Deliberate::SilentWhenLate);
        let call = async {
            if silent {
                return Ok(self.0.world.queue.ack(std::slice::from_ref(&received.receipt)).await?.remove(0));
            }
            let deferred = self.0.world.queue.defer(received, body, delay).await?;
            if let (Some(job), Ok(())) = (new, &deferred) {
                self.0.world.judge().sent(&job);
            }
            Ok(deferred)
        };
        self.over(&what, call, outcome).await
    }

    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError> {
        let what = format!("bury {} ({})", named(Some(&received.body)), death.reason);
        let call = async {
            let buried = self.0.world.queue.dead_letter(received, death).await?;
            if let (Some(job), Ok(())) = (job(&received.body), &buried) {
                self.0.world.judge().buried(&job, self.0.world.plan.weather);
            }
            Ok(buried)
        };
        self.over(&what, call, outcome).await
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        self.over("depth", async { self.0.world.queue.depth().await }, |depth| format!("{depth:?}")).await
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let call = async { self.0.world.queue.dead_letters(limit).await };
        self.over("dead letters", call, |letters| letters.len().to_string()).await
    }

    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError> {
        self.over("redrive", async { self.0.world.queue.redrive(which, rewrite).await }, u64::to_string).await
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.over("check the queue", async { self.0.world.queue.check().await }, |()| "done".to_owned()).await
    }
}
