//! What workers remember: pull-request rows, results by commit SHA, agent sessions, kept reports, the history of reviews,
//! what of a budget is spent, leases of the whole fleet, and notes for each other. The trait both engines meet. Source text is never at rest; what a model said and reports that could not be posted are stored sealed.

#[cfg(any(test, feature = "testing"))]
pub mod contract;
pub mod dynamodb;
pub mod history;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod seal;
pub mod sqlite;

use async_trait::async_trait;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoName};
use serde::{Deserialize, Serialize};

use self::history::Reviewed;
use crate::claim::{Row, Transition, Verdict};

/// How long a result is kept: 7 days.
pub const RESULT_DAYS: u32 = 7;
/// How long a session may live: 24 hours.
pub const SESSION_HOURS: u32 = 24;
/// How long a report that could not be posted is kept: 30 days.
pub const KEPT_DAYS: u32 = 30;
/// How long the row of a pull request that nobody asks for any more is kept: 180 days. Afterwards it is as a new one:
/// the comment is found again on GitHub.
pub const ROW_DAYS: u32 = 180;
/// The largest value stored, bytes.
pub const MAX_VALUE: usize = 8 * 1024 * 1024;

/// The store can't be reached, or refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine failed: nothing is known to have happened.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// What is stored can't be read.
    #[error("a stored {what} can't be read: {cause}; if an older eco-coder runs beside a newer one, stop the older")]
    Corrupt {
        /// What.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// The value is larger than [`MAX_VALUE`].
    #[error("a {what} of {bytes} bytes is larger than the {MAX_VALUE} that are stored")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        bytes: usize,
    },
}

/// The name of a result: a digest over repository, head, merge base, engine, rules, configuration and schema, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ResultKey(pub String);

/// The name of an agent's session: 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId(pub String);

/// An appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// It is stored.
    Stored,
    /// Another worker has stored this number before: this one is late.
    Conflict,
}

/// What workers share. Times are given by the caller: expired items are never returned, deleted or not.
#[async_trait]
pub trait Store: Send + Sync {
    /// The pull request's row; a new one if there is none.
    async fn row(&self, key: PullKey) -> Result<Row, StoreError>;

    /// Performs a transition as one conditional write.
    async fn transition(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError>;

    /// A completed result.
    async fn result(&self, key: &ResultKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps a completed result until `expires`.
    async fn put_result(&self, key: &ResultKey, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError>;

    /// Appends event number `sequence` (from 0) to a session, if that number is free.
    async fn append(
        &self,
        session: &SessionId,
        sequence: u32,
        event: Vec<u8>,
        expires: Timestamp,
    ) -> Result<Appended, StoreError>;

    /// A session's events in order.
    async fn events(&self, session: &SessionId, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError>;

    /// Forgets a session.
    async fn end_session(&self, session: &SessionId) -> Result<(), StoreError>;

    /// Keeps a report whose posting failed, sealed; replaces the one before. It is found again by the repository's name,
    /// as people know it.
    async fn keep_report(
        &self,
        key: PullKey,
        name: &RepoName,
        sealed: Vec<u8>,
        expires: Timestamp,
    ) -> Result<(), StoreError>;

    /// The kept report, with the key that its seal is bound to.
    async fn kept_report(
        &self,
        name: &RepoName,
        pull: PullNumber,
        now: Timestamp,
    ) -> Result<Option<(PullKey, Vec<u8>)>, StoreError>;

    /// Forgets a kept report: it could be posted after all.
    async fn drop_report(&self, key: PullKey) -> Result<(), StoreError>;

    /// Keeps a review in the history for 90 days; the same review (pull request and epoch) again replaces it.
    async fn record(&self, review: &Reviewed) -> Result<(), StoreError>;

    /// The reviews posted at `from` or later, newest first, at most `most` of them. None is older than 90 days. A fleet's
    /// engine may show the newest a moment late.
    async fn reviews(&self, from: Timestamp, now: Timestamp, most: usize) -> Result<Vec<Reviewed>, StoreError>;

    /// Adds `amount` to what is spent under `name`, unless that would be more than `limit`; says whether it was added. Spent
    /// by all workers together, and forgotten at `expires`. A name is never used again after that.
    async fn spend(&self, name: &str, amount: u64, limit: u64, expires: Timestamp) -> Result<bool, StoreError>;

    /// Takes back a part of what was spent under `name`.
    async fn give_back(&self, name: &str, amount: u64) -> Result<(), StoreError>;

    /// Takes the lease called `name` for `holder` until `until`, or makes it last, if at `now` it is free, over or the
    /// holder's. Says whether it is the holder's now.
    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Lets go of a lease, if it is the holder's.
    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError>;

    /// What workers noted for each other under `name`. Not sealed: ids, times and names only.
    async fn noted(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;

    /// Notes it until `expires`, in place of what was there.
    async fn note(&self, name: &str, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError>;

    /// Deletes some items that are over and gives some room back, in one short write; returns how much it did, zero when
    /// nothing is left to do.
    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Can rows be written now? For readiness; cheap.
    async fn check(&self) -> Result<(), StoreError>;
}
