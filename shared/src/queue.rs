//! The queue between ingress and workers: the trait both engines meet, and the words they share.
//!
//! A *message* is *received*; while its *visibility* lasts nobody else receives it; it is *acked* when its promise is
//! kept. Receiving again is never an error and costs no attempt: attempts are counted in the pull request's row.
//! Receipts are opaque; a receipt from an earlier receive of the same message is stale and changes nothing.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
mod limits;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod settings;
pub mod sqlite;
pub mod sqs;

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::env::Timestamp;

/// The most entries in one batch call, sends excepted, on every engine (SQS's own limit).
pub const MAX_BATCH: usize = 10;
/// The most messages in one send. An engine whose service takes fewer at once splits them.
pub const MAX_SEND: usize = 256;
/// The longest body in bytes, far above what a job needs.
pub const MAX_BODY: usize = 16 * 1024;
/// The longest wait in one receive (SQS's own limit).
pub const MAX_WAIT: Duration = Duration::from_secs(20);
/// The longest delay of one send; longer waits chain (SQS's own limit).
pub const MAX_DELAY: Duration = Duration::from_mins(15);
/// The longest visibility (SQS's own limit).
pub const MAX_VISIBILITY: Duration = Duration::from_hours(12);

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Fairness group: no group starves the others. For jobs, the repository's number.
    pub group: String,
    /// UTF-8, at most [`MAX_BODY`] bytes.
    pub body: String,
    /// Not received before this has passed; at most [`MAX_DELAY`].
    pub delay: Duration,
}

/// Names one receive of one message. Opaque to everybody but the engine that made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// A received message, invisible to others until its visibility ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The queue's own id of the message; stable over receives.
    pub message_id: String,
    /// For ack, extend, defer and dead-letter.
    pub receipt: Receipt,
    /// As sent.
    pub group: String,
    /// As sent.
    pub body: String,
    /// How often it has been received, this time included.
    pub receive_count: u32,
    /// When it was first sent.
    pub sent_at: Timestamp,
    /// When the engine's own service moved it back from the dead letters, body unchanged: attempts start afresh.
    pub redriven_at: Option<Timestamp>,
}

/// Why one entry of a batch, or one message's operation, was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// The message was received again, acked or dead-lettered since: somebody else's now.
    #[error("the receipt is stale: the message was received again or is gone")]
    Stale,
    /// The entry breaks a limit.
    #[error("the entry is invalid: {0}")]
    Invalid(String),
    /// This entry failed, others may have succeeded.
    #[error("the queue refused the entry: {0}")]
    Refused(String),
}

/// The queue can't be reached or can't store: nothing is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The engine failed.
    #[error("the queue is unavailable: {0}")]
    Unavailable(String),
    /// The engine asks to be called less; try again after the time given.
    #[error("the queue is throttling; retry in {0:?}")]
    Throttled(Duration),
    /// The call itself was wrong (too many entries, for one).
    #[error("invalid queue call: {0}")]
    Invalid(String),
}

/// Counts and ages now; approximate on engines that only approximate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Depth {
    /// Could be received now.
    pub visible: u64,
    /// Received and not yet acked, hidden ones included.
    pub in_flight: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
    /// In the dead letters, those included that are kept long enough and wait to be deleted.
    pub dead: u64,
    /// Age of the oldest message that is not dead, if the engine knows it.
    pub oldest_age_ms: Option<u64>,
}

/// A message that was given up, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// For redriving just this one.
    pub id: String,
    /// As sent.
    pub group: String,
    /// As sent.
    pub body: String,
    /// Why, in words for an operator, and what to do next.
    pub reason: String,
    /// How many attempts were charged.
    pub attempts: u32,
    /// The last error, if one was recorded.
    pub last_error: Option<String>,
    /// When it was given up.
    pub died_at: Timestamp,
    /// When it was first sent.
    pub sent_at: Timestamp,
}

/// Why a message is given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// In words for an operator.
    pub reason: String,
    /// Attempts charged.
    pub attempts: u32,
    /// The last error recorded.
    pub last_error: Option<String>,
}

/// Which dead letters go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redrive {
    /// Everything that is there now.
    All,
    /// The one with this id. Redriving it a second time finds nothing, and says so.
    One(String),
}

/// What redriving does to a body. Named, because `async_trait` would tie a bare `fn(&str)` to a lifetime of the call,
/// and an engine could pass it to no thread or task.
pub type Rewrite = fn(&str) -> String;

/// A queue of messages with at-least-once delivery, visibility, delay, fair groups and dead letters.
///
/// Batches hold up to [`MAX_BATCH`] entries (a send [`MAX_SEND`]) and answer entry by entry, in order: one may fail alone. An `Err` of the
/// whole call means that nothing is known to have happened; repeating it may do it twice, which jobs tolerate.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Stores messages durably. An entry's `Ok` means that it survives a crash of everything; it carries the message id.
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError>;

    /// Up to `max` messages (at most [`MAX_BATCH`]), waiting up to `wait` (at most [`MAX_WAIT`]) for the first. Groups
    /// take turns: a group with fewer messages in flight goes first, then the oldest message.
    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError>;

    /// Sets the visibility of each to end after `visibility` from now: the heartbeat, hiding, and (zero) giving back.
    async fn extend(
        &self,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError>;

    /// Deletes messages whose promise is kept.
    async fn ack(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError>;

    /// Resends `body` with `delay` (at most [`MAX_DELAY`]) under the same group and deletes the received one: a wait
    /// that costs nothing. A crash between the two leaves both, never none.
    async fn defer(
        &self,
        received: &Received,
        body: String,
        delay: Duration,
    ) -> Result<Result<(), EntryError>, QueueError>;

    /// Moves a received message to the dead letters.
    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError>;

    /// Counts now.
    async fn depth(&self) -> Result<Depth, QueueError>;

    /// The dead letters, newest first, at most `limit`.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError>;

    /// Sends dead letters again, each once, with `rewrite` applied to the body (for jobs: a new id and the redrive
    /// cause, so that attempts start afresh). Returns how many went.
    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError>;

    /// Deletes some of the dead letters that were kept long enough, and gives some room back, in one short write; returns
    /// how much it did, zero when nothing is left to do. Engines that see to it themselves do nothing.
    async fn tidy(&self) -> Result<u64, QueueError> {
        Ok(0)
    }

    /// Can messages be stored now? For readiness; cheap.
    async fn check(&self) -> Result<(), QueueError>;
}
