//! What the two threads do: run calls, in groups on the writer's side, one by one on the reader's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::SqliteError;
use super::log::Log;

/// The most calls in one transaction: bounds how long the first waits for the last.
pub(super) const GROUP: usize = 256;

/// A thread's end of its queue.
pub(super) type Inbox = mpsc::Receiver<Box<dyn Work>>;

/// A call, whatever it returns.
pub(super) trait Work: Send {
    /// Does anybody still wait for it?
    fn wanted(&self) -> bool;
    /// Runs it and keeps its result; tells how it went.
    fn run(&mut self, conn: &Connection) -> Result<(), SqliteError>;
    /// Hands the result over, or what became of the transaction.
    fn answer(self: Box<Self>, transaction: Result<(), SqliteError>);
}

/// A closure and the place for its answer.
pub(super) struct Task<F, T> {
    work: Option<F>,
    outcome: Option<Result<T, SqliteError>>,
    /// None if nobody ever waited.
    reply: Option<oneshot::Sender<Result<T, SqliteError>>>,
}

impl<F, T> Task<F, T> {
    pub(super) fn new(work: F, reply: oneshot::Sender<Result<T, SqliteError>>) -> Self {
        Self { work: Some(work), outcome: None, reply: Some(reply) }
    }

    pub(super) fn unanswered(work: F) -> Self {
        Self { work: Some(work), outcome: None, reply: None }
    }
}

impl<F, T> Work for Task<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn wanted(&self) -> bool {
        self.reply.as_ref().is_none_or(|reply| !reply.is_closed())
    }

    fn run(&mut self, conn: &Connection) -> Result<(), SqliteError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        // The closure's own state is gone after a panic, and the savepoint undoes what it did to the database.
        let outcome = match catch_unwind(AssertUnwindSafe(|| work(conn))) {
            Ok(outcome) => outcome.map_err(SqliteError::from),
            Err(_) => Err(SqliteError::Other("the call panicked".into())),
        };
        let how = outcome.as_ref().map(drop).map_err(Clone::clone);
        self.outcome = Some(outcome);
        how
    }

    fn answer(self: Box<Self>, transaction: Result<(), SqliteError>) {
        let Some(reply) = self.reply else { return };
        let outcome = match (self.outcome, transaction) {
            (Some(Err(own)), _) => Err(own),
            (_, Err(everybodys)) => Err(everybodys),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(SqliteError::Closed),
        };
        // Nobody waits any more: what was committed stays.
        let _ = reply.send(outcome);
    }
}

/// The writer: groups until the queue closes, then folds the log into the file.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns its connection, and closes it by returning")]
pub(super) fn write_all(conn: Connection, mut inbox: Inbox, mut log: Option<Log>, others: Vec<JoinHandle<()>>) {
    while let Some(first) = inbox.blocking_recv() {
        group(&conn, first, &mut inbox);
        if let Some(log) = &mut log {
            log.committed(&conn);
        }
    }
    drop(log);
    for other in others {
        // How it ended is of no interest; that its connection is closed is.
        let _ = other.join();
    }
    // A reader elsewhere may hold the log; it is folded in by whoever closes the file last.
    let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

/// One transaction: `first`, and whatever arrives while it is open.
fn group(conn: &Connection, first: Box<dyn Work>, inbox: &mut Inbox) {
    let mut group = Vec::new();
    if let Err(error) = execute(conn, "BEGIN IMMEDIATE") {
        // Those behind have waited as long as the first: let nobody wait for a second time-out. All are taken out before
        // any is answered, so that nobody who calls after an answer gets an old one.
        group.push(first);
        group.extend(std::iter::from_fn(|| inbox.try_recv().ok()));
        for work in group {
            work.answer(Err(error.clone()));
        }
        return;
    }
    let mut transaction = Ok(());
    let mut next = Some(first);
    while let Some(mut work) = next {
        if work.wanted() {
            transaction = in_savepoint(conn, work.as_mut());
        }
        group.push(work);
        let open = transaction.is_ok() && group.len() < GROUP;
        next = if open { inbox.try_recv().ok() } else { None };
    }
    if transaction.is_ok() {
        transaction = execute(conn, "COMMIT");
    }
    if transaction.is_err() && !conn.is_autocommit() {
        // Can't fail but for memory; if it does, the next BEGIN says so.
        let _ = execute(conn, "ROLLBACK");
    }
    for work in group {
        work.answer(transaction.clone());
    }
}

/// An error here is the whole transaction's: SQLite gives one up by itself on a full disk, for instance.
fn in_savepoint(conn: &Connection, work: &mut dyn Work) -> Result<(), SqliteError> {
    execute(conn, "SAVEPOINT call")?;
    let how = work.run(conn);
    if conn.is_autocommit() {
        return Err(how.err().unwrap_or_else(|| SqliteError::Other("a call ended the transaction".into())));
    }
    if how.is_err() {
        execute(conn, "ROLLBACK TO call")?;
    }
    execute(conn, "RELEASE call")
}

/// The reader: each call on a snapshot of its own.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns its connection, and closes it by returning")]
pub(super) fn read_all(conn: Connection, mut inbox: Inbox) {
    while let Some(mut work) = inbox.blocking_recv() {
        if !work.wanted() {
            continue;
        }
        let begun = execute(&conn, "BEGIN");
        if begun.is_ok() {
            // How it went is in its answer.
            let _ = work.run(&conn);
            let _ = execute(&conn, "ROLLBACK");
        }
        work.answer(begun);
    }
}

fn execute(conn: &Connection, statement: &str) -> Result<(), SqliteError> {
    conn.prepare_cached(statement)?.execute([])?;
    Ok(())
}
