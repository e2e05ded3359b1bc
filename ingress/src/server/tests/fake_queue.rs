//! A queue in memory that keeps what was sent, and fails in the ways a real one does.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_shared::job::{Decoded, Job};
use eco_coder_shared::queue::{
    DeadLetter, Death, Depth, EntryError, JobQueue, NewMessage, QueueError, Receipt, Received, Redrive, Rewrite,
};
use tokio::sync::Semaphore;

/// What goes wrong with the next sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Disk full, or the engine is down.
    Unavailable,
    /// The call succeeds, the entry doesn't.
    EntryRefused,
    /// No entry is answered for.
    NoEntries,
    /// Asks to be called less.
    Throttled,
    /// Never answers.
    Silent,
}

#[derive(Debug)]
pub(super) struct FakeQueue {
    sent: Mutex<Vec<NewMessage>>,
    fault: Mutex<Option<Fault>>,
    /// A send waits for one of these; closed for good by [`FakeQueue::hold`] until released.
    gate: Semaphore,
    /// Told when a send has begun.
    pub(super) begun: Semaphore,
}

impl Default for FakeQueue {
    fn default() -> Self {
        Self {
            sent: Mutex::default(),
            fault: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            begun: Semaphore::new(0),
        }
    }
}

impl FakeQueue {
    pub(super) fn fail_with(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    pub(super) fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn release(&self, sends: usize) {
        self.gate.add_permits(sends);
    }

    pub(super) fn jobs(&self) -> Vec<Job> {
        let decode = |message: &NewMessage| match Job::decode(&message.body) {
            Decoded::Job(job) => *job,
            other => panic!("the ingress sent {other:?}"),
        };
        self.sent.lock().unwrap().iter().map(decode).collect()
    }
}

#[async_trait]
impl JobQueue for FakeQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        self.begun.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let fault = *self.fault.lock().unwrap();
        match fault {
            Some(Fault::Unavailable) => Err(QueueError::Unavailable("database or disk is full".to_owned())),
            Some(Fault::EntryRefused) => Ok(vec![Err(EntryError::Refused("no room".to_owned()))]),
            Some(Fault::NoEntries) => Ok(Vec::new()),
            Some(Fault::Throttled) => Err(QueueError::Throttled(Duration::from_millis(2_500))),
            Some(Fault::Silent) => std::future::pending().await,
            None => {
                let mut sent = self.sent.lock().unwrap();
                let stored = batch.into_iter().map(|message| {
                    sent.push(message);
                    Ok(sent.len().to_string())
                });
                Ok(stored.collect())
            }
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let visible = self.sent.lock().unwrap().len() as u64;
        Ok(Depth { visible, oldest_age_ms: Some(1_500), ..Depth::default() })
    }

    async fn check(&self) -> Result<(), QueueError> {
        let fault = *self.fault.lock().unwrap();
        fault.map_or(Ok(()), |fault| Err(QueueError::Unavailable(format!("{fault:?}"))))
    }

    async fn receive(&self, _: usize, _: Duration, _: Duration) -> Result<Vec<Received>, QueueError> {
        unreachable!("the ingress never receives")
    }

    async fn extend(&self, _: &[Receipt], _: Duration) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        unreachable!("the ingress never receives")
    }

    async fn ack(&self, _: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        unreachable!("the ingress never receives")
    }

    async fn defer(&self, _: &Received, _: String, _: Duration) -> Result<Result<(), EntryError>, QueueError> {
        unreachable!("the ingress never receives")
    }

    async fn dead_letter(&self, _: &Received, _: Death) -> Result<Result<(), EntryError>, QueueError> {
        unreachable!("the ingress never receives")
    }

    async fn dead_letters(&self, _: usize) -> Result<Vec<DeadLetter>, QueueError> {
        unreachable!("the ingress never looks at dead letters")
    }

    async fn redrive(&self, _: Redrive, _: Rewrite) -> Result<u64, QueueError> {
        unreachable!("the ingress never redrives")
    }
}
