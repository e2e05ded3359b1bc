//! The write-ahead log is folded into the file by a thread of its own, so that no caller waits for it, and stays small.
//!
//! After each commit the writer says how long the log is. From [`FOLD`] pages on, the log's thread copies it into the
//! file beside the writer; what was committed meanwhile, which is little, the writer folds itself between two groups,
//! and the next commit starts the log from its beginning again. Under load nobody else could finish that: somebody
//! always commits while it is being copied. When nothing has been committed for a while, the log is cut to nothing.
//!
//! While a reader keeps an old snapshot, the log must grow; when the reader is done, all of it is folded in and the log
//! begins again. Decides nothing about what is stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use rusqlite::Connection;

use super::SqliteError;

/// Pages in the log from which it is folded in (4 MB): often enough that a crash is recovered from in milliseconds.
pub(super) const FOLD: i32 = 1000;
/// Pages from which the writer insists, and waits [`INSIST`] for readers: short reads that always overlap would else
/// keep the log from beginning again for ever.
const LONG: i32 = 16 * FOLD;
/// How long the writer waits for readers then.
const INSIST: Duration = Duration::from_millis(20);
/// Without a commit for so long, the log is cut to nothing.
const QUIET: Duration = Duration::from_secs(1);

/// What the two threads tell each other.
#[derive(Default)]
struct State {
    /// Pages in the log after the last commit.
    pages: AtomicI32,
    /// Rises with each commit.
    commits: AtomicU64,
    /// The log's thread looks after it; else it sleeps until it is asked.
    awake: AtomicBool,
    /// The log has been copied as far as it could be beside the writer.
    rest: AtomicBool,
}

enum Ask {
    Fold,
    Watch,
}

/// The writer's end.
pub(super) struct Log {
    state: Arc<State>,
    keeper: SyncSender<Ask>,
    /// Pages after the commit before.
    last: i32,
    /// Pages at which folding is asked for again.
    next: i32,
    busy: Duration,
}

/// The thread's end.
pub(super) struct Keeper {
    state: Arc<State>,
    asks: Receiver<Ask>,
}

/// Both ends, for the writer's connection `conn`, which waits `busy` for locks.
pub(super) fn split(conn: &mut Connection, busy: Duration) -> Result<(Log, Keeper), SqliteError> {
    let state = Arc::new(State::default());
    let seen = Arc::clone(&state);
    // Takes the place of SQLite's own hook, which would fold a thousand pages inside a caller's commit.
    conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
        seen.pages.store(pages, Ordering::Relaxed);
        Ok(())
    }))?;
    let (keeper, asks) = sync_channel(2);
    let log = Log { state: Arc::clone(&state), keeper, last: 0, next: FOLD, busy };
    Ok((log, Keeper { state, asks }))
}

impl Log {
    /// Called by the writer after a group's answers are out.
    pub(super) fn committed(&mut self, conn: &Connection) {
        self.state.commits.fetch_add(1, Ordering::Relaxed);
        let pages = self.state.pages.load(Ordering::Relaxed);
        if pages < self.last {
            self.next = FOLD;
        }
        self.last = pages;
        if pages >= self.next {
            self.next = pages.saturating_add(FOLD);
            // Full: it is at it already.
            let _ = self.keeper.try_send(Ask::Fold);
        } else if !self.state.awake.load(Ordering::Relaxed) && !self.state.awake.swap(true, Ordering::AcqRel) {
            let _ = self.keeper.try_send(Ask::Watch);
        }
        if self.state.rest.load(Ordering::Relaxed) && self.state.rest.swap(false, Ordering::AcqRel) {
            self.finish(conn, pages);
        }
    }

    /// Folds in what is left. That it didn't succeed shows in the log's length.
    fn finish(&self, conn: &Connection, pages: i32) {
        if pages < LONG {
            let _ = checkpoint(conn, "PASSIVE");
            return;
        }
        if conn.busy_timeout(INSIST).is_ok() {
            let _ = checkpoint(conn, "RESTART");
        }
        let _ = conn.busy_timeout(self.busy);
    }
}

impl Keeper {
    /// Looks after the log until the writer is gone.
    #[expect(clippy::needless_pass_by_value, reason = "the thread owns its connection, and closes it by returning")]
    pub(super) fn keep(self, conn: Connection) {
        while let Ok(ask) = self.asks.recv() {
            let mut ask = Some(ask);
            loop {
                if matches!(ask, Some(Ask::Fold)) {
                    let _ = checkpoint(&conn, "PASSIVE");
                    self.state.rest.store(true, Ordering::Release);
                }
                let commits = self.state.commits.load(Ordering::Relaxed);
                match self.asks.recv_timeout(QUIET) {
                    Ok(next) => ask = Some(next),
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        ask = None;
                        if self.is_quiet_since(commits) && self.cut(&conn) {
                            break;
                        }
                    }
                }
            }
        }
    }

    fn is_quiet_since(&self, commits: u64) -> bool {
        self.state.commits.load(Ordering::Relaxed) == commits
    }

    /// Cuts the log to nothing; tells whether that went well. Asleep from before it begins: whoever commits meanwhile
    /// asks again.
    fn cut(&self, conn: &Connection) -> bool {
        self.state.awake.store(false, Ordering::Release);
        // First what can be done without a lock that writers of another process would have to wait for.
        let cut = matches!(checkpoint(conn, "PASSIVE"), Ok(true)) && matches!(checkpoint(conn, "TRUNCATE"), Ok(true));
        if !cut {
            self.state.awake.store(true, Ordering::Release);
        }
        cut
    }
}

/// Is the log folded in as a whole?
fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})"))?.query_row([], |row| {
        let (busy, pages, folded): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(busy == 0 && pages == folded)
    })
}
