//! SQLite on one machine: a writer thread per database file that commits in groups, a reader thread, a thread that keeps
//! the log short, migrations. The queue and the store stand on it.
//!
//! Whatever has arrived while the writer was busy goes into its next transaction, so that one `fsync` serves many
//! callers under load, and an idle writer commits a lone call at once: no timer decides. Each call runs in its own
//! savepoint and is answered only when the group's commit is on the disk. Knows no table and never retries.

mod error;
mod log;
mod look;
mod open;
mod schema;
mod shrink;
mod work;

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

pub use error::SqliteError;
pub use look::{Look, Size};
pub use schema::Schema;
pub use shrink::give_back;
use work::{Inbox, Task, Work};

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for a place in a full queue to a thread. With [`BUSY_TIMEOUT`], every call is answered in less
/// than ten seconds while another process holds the file.
const PLACE_TIMEOUT: Duration = Duration::from_secs(3);
/// Calls that can wait for a thread before callers have to wait to get in.
const PLACES: usize = 1024;

/// Where a thread's calls are left.
type Calls = mpsc::Sender<Box<dyn Work>>;

/// An open database. Clones share its threads, which end when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Database {
    writer: Calls,
    /// None in memory, where one connection does both.
    reader: Option<Calls>,
    /// Changes never; closes when all threads have ended.
    ended: watch::Receiver<()>,
}

impl Database {
    /// Opens or creates the file at `path` (mode 0600, new directories 0700) and brings it up to `schema`, each step in a
    /// transaction of its own. Blocks while it does. Refuses a database that is somebody else's, and leaves it as it is.
    pub fn open(path: &Path, schema: &Schema) -> Result<Self, SqliteError> {
        Self::open_with(path, schema, BUSY_TIMEOUT)
    }

    /// As [`Database::open`], waiting `busy` at most for another process's lock.
    pub(crate) fn open_with(path: &Path, schema: &Schema, busy: Duration) -> Result<Self, SqliteError> {
        let mut writer = open::file(path, schema, busy)?;
        let (log, keeper) = log::split(&mut writer, busy)?;
        let (alive, ended) = watch::channel(());
        let (reader, reading) = thread("sqlite-read", open::reader(path, busy)?, alive.clone(), work::read_all)?;
        let kept = open::keeper(path)?;
        let keeping = spawn("sqlite-log", alive.clone(), move || keeper.keep(kept))?;
        // Its connection is the last to be closed, which takes the log away: two at once would each leave it to the other.
        let (writer, _) = thread("sqlite-write", writer, alive, move |conn, inbox| {
            work::write_all(conn, inbox, Some(log), vec![reading, keeping]);
        })?;
        Ok(Self { writer, reader: Some(reader), ended })
    }

    /// A database that lives as long as its clones and touches no disk.
    pub fn in_memory(schema: &Schema) -> Result<Self, SqliteError> {
        let (alive, ended) = watch::channel(());
        let only = open::memory(schema)?;
        let (writer, _) =
            thread("sqlite-write", only, alive, |conn, inbox| work::write_all(conn, inbox, None, Vec::new()))?;
        Ok(Self { writer, reader: None, ended })
    }

    /// Runs `f` on the writer thread, in a savepoint of a group's transaction. `Ok` means that the commit is durable;
    /// an error or a panic of `f` undoes what `f` did and nothing else; an error of the commit is every caller's. `f`
    /// must not begin or end transactions.
    ///
    /// If the future is dropped before its turn, `f` doesn't run; afterwards, it may have run.
    pub async fn write<T, F>(&self, f: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        call(&self.writer, f).await
    }

    /// Runs `f` on the reader thread, on one snapshot of what is committed; writing fails. In memory, where there is no
    /// second connection, `f` takes its turn with the writers and is trusted not to write.
    pub async fn read<T, F>(&self, f: F) -> Result<T, SqliteError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        call(self.reader.as_ref().unwrap_or(&self.writer), f).await
    }

    /// As [`Database::write`], for callers that can't wait, in a `Drop` for one: nobody learns whether it ran, and it
    /// doesn't if the writer's queue is full.
    pub(crate) fn submit<F>(&self, f: F)
    where
        F: FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    {
        // Only for what would also happen by itself, a little later.
        let _ = self.writer.try_send(Box::new(Task::unanswered(f)));
    }

    /// Drops this clone and waits until all others are dropped too, everything is committed, and the write-ahead log
    /// is folded into the file.
    pub async fn close(self) {
        let Self { writer, reader, mut ended } = self;
        drop((writer, reader));
        // Nothing is ever sent: this returns when the threads have dropped their ends.
        while ended.changed().await.is_ok() {}
    }
}

async fn call<T, F>(thread: &Calls, f: F) -> Result<T, SqliteError>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let task: Box<dyn Work> = Box::new(Task::new(f, reply));
    if let Err(refused) = thread.try_send(task) {
        let mpsc::error::TrySendError::Full(task) = refused else {
            return Err(SqliteError::Closed);
        };
        match tokio::time::timeout(PLACE_TIMEOUT, thread.send(task)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(SqliteError::Closed),
            Err(_) => return Err(SqliteError::Busy("more calls wait than can be served".into())),
        }
    }
    answer.await.unwrap_or(Err(SqliteError::Closed))
}

/// Starts a thread that owns `conn` and serves until the sender and its clones are dropped.
fn thread(
    name: &str,
    conn: Connection,
    alive: watch::Sender<()>,
    serve: impl FnOnce(Connection, Inbox) + Send + 'static,
) -> Result<(Calls, JoinHandle<()>), SqliteError> {
    let (sender, inbox) = mpsc::channel(PLACES);
    let handle = spawn(name, alive, move || serve(conn, inbox))?;
    Ok((sender, handle))
}

fn spawn(
    name: &str,
    alive: watch::Sender<()>,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, SqliteError> {
    let run = move || {
        work();
        drop(alive);
    };
    let started = std::thread::Builder::new().name(name.into()).spawn(run);
    started.map_err(|e| SqliteError::Io(format!("starting the thread {name}: {e}")))
}

#[cfg(test)]
mod tests;
