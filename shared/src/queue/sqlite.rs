//! The queue of one machine, in a SQLite file. Correct across processes that open the same file, though one process that
//! serves everything is the deployment it is for.
//!
//! What is answered is on the disk. A receive whose caller went away before it got the answer gives its messages back.
//! A message that was received 1,000 times is moved to the dead letters: a far backstop, workers do it much sooner.
//! Dead letters are kept for a time, 14 days if nothing else is said, and are not seen any more after it.
//! Decides nothing about jobs: bodies are text.

mod check;
mod dead;
mod receipt;
mod rows;
mod schema;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{
    DeadLetter, Death, Depth, EntryError, JobQueue, MAX_BATCH, MAX_SEND, NewMessage, QueueError, Receipt, Received,
    Redrive, Rewrite, limits,
};
use crate::env::{SharedEnv, Timestamp};
use crate::sqlite::{Database, SqliteError, give_back};
pub use check::Check;
use receipt::Ticket;
pub use schema::SCHEMA;

/// How often a waiting receiver looks for what another process sent. Sends of this process wake it at once.
const LOOK: Duration = Duration::from_millis(250);
/// Dead letters redriven in one transaction, so that senders get their turn in between.
const CHUNK: usize = 100;
/// How long dead letters are kept if nothing else is said (SQS's own longest retention).
pub const DEAD_LETTER_DAYS: u32 = 14;

/// A queue in a SQLite file. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    db: Database,
    env: SharedEnv,
    /// Told when something became visible through this handle.
    news: Arc<Notify>,
    /// How long dead letters are kept.
    kept: Duration,
    /// Somebody is at settling what arrived.
    settling: Arc<AtomicBool>,
}

impl SqliteQueue {
    /// Opens or creates the file at `path`. Blocks while it does.
    pub fn open(path: &Path, env: SharedEnv) -> Result<Self, SqliteError> {
        Ok(Self::on(Database::open(path, &SCHEMA)?, env))
    }

    /// A queue that lives as long as its clones: for demos and tests, since it survives nothing.
    pub fn in_memory(env: SharedEnv) -> Result<Self, SqliteError> {
        Ok(Self::on(Database::in_memory(&SCHEMA)?, env))
    }

    fn on(db: Database, env: SharedEnv) -> Self {
        Self { db, env, news: Arc::default(), kept: days(DEAD_LETTER_DAYS), settling: Arc::default() }
    }

    /// Keeps dead letters for so many days.
    #[must_use]
    pub fn keeping_dead_letters(self, for_days: u32) -> Self {
        Self { kept: days(for_days), ..self }
    }

    /// Dead letters of then and before are over.
    fn over(&self) -> Timestamp {
        self.env.now() - self.kept
    }

    /// Drops this handle and waits until all clones are dropped and everything is in the file.
    pub async fn close(self) {
        self.db.close().await;
    }

    /// One look, which takes what is there.
    async fn claim(&self, max: usize, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        let (env, db) = (Arc::clone(&self.env), self.db.clone());
        let claimed = self.db.write(move |conn| {
            let (messages, more) = rows::claim(conn, env.as_ref(), max, visibility)?;
            Ok((Claimed { messages, db, env }, more))
        });
        let (claimed, more) = claimed.await?;
        if more {
            self.settle_the_rest();
        }
        Ok(claimed.keep())
    }

    /// Settles what has arrived, however much, in short writes with others in between: who takes turns is known only of
    /// what is settled, and a receive alone would come to a late group's message after thousands of another's.
    fn settle_the_rest(&self) {
        if self.settling.swap(true, Ordering::AcqRel) {
            return;
        }
        let (db, settling) = (self.db.clone(), Arc::clone(&self.settling));
        tokio::spawn(async move {
            while let Ok(true) = db.write(|conn| rows::settle(conn, rows::SETTLE)).await {}
            settling.store(false, Ordering::Release);
        });
    }

    /// Until when there is nothing to claim, as far as this process can know; zero if there may be something now.
    async fn quiet(&self) -> Result<Duration, QueueError> {
        let (ready, next) = self.db.read(rows::peek).await?;
        let until_next = next.map_or(LOOK, |at| self.env.now().until(at));
        Ok(if ready { Duration::ZERO } else { until_next.min(LOOK) })
    }

    /// Applies `change` to each receipt, in one transaction.
    async fn each<F>(&self, receipts: &[Receipt], change: F) -> Result<Vec<Result<(), EntryError>>, QueueError>
    where
        F: Fn(&rusqlite::Connection, Ticket) -> rusqlite::Result<Result<(), EntryError>> + Send + 'static,
    {
        limits::entries(receipts.len(), MAX_BATCH)?;
        let tickets: Vec<_> = receipts.iter().map(Ticket::parse).collect();
        let changed = self.db.write(move |conn| {
            tickets
                .into_iter()
                .map(|ticket| match ticket {
                    Ok(ticket) => change(conn, ticket),
                    Err(invalid) => Ok(Err(invalid)),
                })
                .collect()
        });
        Ok(changed.await?)
    }
}

fn days(count: u32) -> Duration {
    Duration::from_hours(24 * u64::from(count))
}

/// Messages on their way from the writer thread to the caller. Dropped on the way, because the caller stopped waiting,
/// they are given back rather than hidden until their visibility ends.
struct Claimed {
    messages: Vec<Received>,
    db: Database,
    env: SharedEnv,
}

impl Claimed {
    fn keep(mut self) -> Vec<Received> {
        std::mem::take(&mut self.messages)
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if self.messages.is_empty() {
            return;
        }
        let tickets: Vec<_> = self.messages.iter().filter_map(|m| Ticket::parse(&m.receipt).ok()).collect();
        let env = Arc::clone(&self.env);
        self.db.submit(move |conn| {
            for ticket in tickets {
                // A stale one is somebody else's already.
                let _ = rows::hide(conn, ticket, env.now(), Duration::ZERO)?;
            }
            Ok(())
        });
    }
}

#[async_trait]
impl JobQueue for SqliteQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        limits::entries(batch.len(), MAX_SEND)?;
        let env = Arc::clone(&self.env);
        let shown = batch.iter().any(|message| message.delay.is_zero());
        let sent = self.db.write(move |conn| {
            let now = env.now();
            let store = |message: NewMessage| match limits::message(&message) {
                Err(invalid) => Ok(Err(invalid)),
                Ok(()) => {
                    rows::insert(conn, &message.group, &message.body, now, message.delay).map(|id| Ok(id.to_string()))
                }
            };
            batch.into_iter().map(store).collect()
        });
        let sent = sent.await?;
        if shown {
            self.news.notify_waiters();
        }
        Ok(sent)
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        limits::receive(max, wait, visibility)?;
        let deadline = Instant::now() + wait;
        loop {
            // Listening before looking: what is sent in between wakes us.
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            let claimed = self.claim(max, visibility).await?;
            if !claimed.is_empty() || Instant::now() >= deadline {
                return Ok(claimed);
            }
            loop {
                let quiet = self.quiet().await?;
                if quiet.is_zero() {
                    break;
                }
                if timeout_at(deadline.min(Instant::now() + quiet), news.as_mut()).await.is_ok() {
                    break;
                }
                if Instant::now() >= deadline {
                    return Ok(Vec::new());
                }
            }
        }
    }

    async fn extend(
        &self,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        limits::visibility(visibility)?;
        let env = Arc::clone(&self.env);
        let extended = self.each(receipts, move |conn, ticket| rows::hide(conn, ticket, env.now(), visibility)).await?;
        if visibility.is_zero() {
            self.news.notify_waiters();
        }
        Ok(extended)
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.each(receipts, |conn, ticket| Ok(rows::delete(conn, ticket)?.map(drop).ok_or(EntryError::Stale))).await
    }

    async fn defer(
        &self,
        received: &Received,
        body: String,
        delay: Duration,
    ) -> Result<Result<(), EntryError>, QueueError> {
        let ticket = limits::body(&body).and(limits::delay(delay)).and(Ticket::parse(&received.receipt));
        let ticket = match ticket {
            Ok(ticket) => ticket,
            Err(invalid) => return Ok(Err(invalid)),
        };
        let env = Arc::clone(&self.env);
        let deferred = self.db.write(move |conn| {
            // One transaction: no crash leaves both, either.
            let Some(group) = rows::delete(conn, ticket)? else {
                return Ok(Err(EntryError::Stale));
            };
            rows::insert(conn, &group, &body, env.now(), delay)?;
            Ok(Ok(()))
        });
        let deferred = deferred.await?;
        if delay.is_zero() {
            self.news.notify_waiters();
        }
        Ok(deferred)
    }

    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError> {
        let ticket = match Ticket::parse(&received.receipt) {
            Ok(ticket) => ticket,
            Err(invalid) => return Ok(Err(invalid)),
        };
        let env = Arc::clone(&self.env);
        let buried = self.db.write(move |conn| {
            if !rows::holds(conn, ticket)? {
                return Ok(Err(EntryError::Stale));
            }
            dead::bury(conn, ticket.id, &death.reason, death.attempts, death.last_error.as_deref(), env.now())?;
            Ok(Ok(()))
        });
        Ok(buried.await?)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let now = self.env.now();
        Ok(self.db.read(move |conn| rows::depth(conn, now)).await?)
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        let over = self.over();
        Ok(self.db.read(move |conn| dead::list(conn, over, limit)).await?)
    }

    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError> {
        let (env, over) = (Arc::clone(&self.env), self.over());
        let sent = match which {
            Redrive::One(id) => {
                // What isn't a number is no letter's id.
                let Ok(id) = id.parse() else { return Ok(0) };
                let one = self.db.write(move |conn| dead::redrive_one(conn, id, over, rewrite, env.now()));
                one.await?.map_err(|refused| QueueError::Invalid(refused.to_string()))?
            }
            Redrive::All => {
                let last = self.db.read(dead::last).await?;
                let (mut sent, mut next) = (0, Some(0));
                while let Some(after) = next {
                    let env = Arc::clone(&env);
                    let chunk = self
                        .db
                        .write(move |conn| dead::redrive_some(conn, (after, last), over, CHUNK, rewrite, env.now()))
                        .await?;
                    sent += chunk.sent;
                    next = chunk.next;
                }
                sent
            }
        };
        if sent > 0 {
            self.news.notify_waiters();
        }
        Ok(sent)
    }

    async fn tidy(&self) -> Result<u64, QueueError> {
        let over = self.over();
        let tidied = self.db.write(move |conn| Ok(dead::expire(conn, over, CHUNK)? + give_back(conn)?));
        Ok(tidied.await?)
    }

    async fn check(&self) -> Result<(), QueueError> {
        let now = self.env.now();
        let wrote = self.db.write(move |conn| {
            conn.prepare_cached("UPDATE probe SET at = ?1")?.execute([now.0])?;
            Ok(())
        });
        Ok(wrote.await?)
    }
}

impl From<SqliteError> for QueueError {
    fn from(error: SqliteError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

#[cfg(test)]
mod tests;
