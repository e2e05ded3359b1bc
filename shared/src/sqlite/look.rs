//! Looking at a file while others serve from it: what it is, how large, whether it is whole; and copying it as it is at
//! one moment. Writes nothing into it, makes none, migrates none.

use std::path::Path;
use std::thread;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{BUSY_TIMEOUT, Schema, SqliteError, open};

/// Pages that are copied at once (4 MB), and the pause after them, so that the disk is others' in between.
const STEP: i32 = 1024;
const PAUSE: Duration = Duration::from_millis(2);

/// A file that is looked at.
#[derive(Debug)]
pub struct Look {
    conn: Connection,
    place: String,
    version: i64,
}

/// How large a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// The file, bytes.
    pub bytes: u64,
    /// Of these, in pages that hold nothing.
    pub free_bytes: u64,
    /// The write-ahead log beside it, bytes.
    pub log_bytes: u64,
}

impl Look {
    /// Opens the file at `path`, which must be there and of this kind.
    pub fn at(path: &Path, schema: &Schema) -> Result<Self, SqliteError> {
        let (conn, version) = open::to_look(path, schema, BUSY_TIMEOUT)?;
        Ok(Self { conn, place: path.display().to_string(), version })
    }

    /// The file's schema version: not above this build's; below it, serving will migrate the file.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Can the file be written to now? Takes the write lock and gives it back, changing nothing.
    pub fn can_be_written(&self) -> Result<(), SqliteError> {
        let try_it = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(&self.place, flags)?;
            conn.busy_timeout(BUSY_TIMEOUT)?;
            conn.execute_batch("BEGIN IMMEDIATE; ROLLBACK")
        };
        try_it().map_err(|e: rusqlite::Error| SqliteError::from(e).at(&self.place))
    }

    /// Runs `f` on one snapshot.
    pub fn read<T>(&self, f: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, SqliteError> {
        let read = || {
            let snapshot = self.conn.unchecked_transaction()?;
            f(&snapshot)
        };
        read().map_err(|e: rusqlite::Error| SqliteError::from(e).at(&self.place))
    }

    /// Sizes now.
    pub fn size(&self) -> Result<Size, SqliteError> {
        let count = |conn: &Connection, pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let (page, pages, free) = self
            .read(|conn| Ok((count(conn, "page_size")?, count(conn, "page_count")?, count(conn, "freelist_count")?)))?;
        let bytes = |pages: i64| u64::try_from(pages.saturating_mul(page)).unwrap_or(0);
        // Not opened, only asked for: closing a handle would drop SQLite's locks.
        let log_bytes = std::fs::metadata(format!("{}-wal", self.place)).map_or(0, |log| log.len());
        Ok(Size { bytes: bytes(pages), free_bytes: bytes(free), log_bytes })
    }

    /// What SQLite finds wrong with the file's pages, indices and constraints, in its words; nothing if all is well.
    /// Reads the whole file.
    pub fn faults(&self) -> Result<Vec<String>, SqliteError> {
        self.read(faults)
    }

    /// Writes the file as it is now, whatever is written to it meanwhile, to the new file `to`, and checks the copy.
    ///
    /// One snapshot, copied in steps. Nobody has to wait for it; the log can't begin again until it is done.
    pub fn copy(&self, to: &Path) -> Result<(), SqliteError> {
        let copy = || -> Result<(), SqliteError> {
            let flags =
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let mut copy = Connection::open_with_flags(to, flags)?;
            #[cfg(unix)]
            std::fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .map_err(|e| SqliteError::Io(e.to_string()))?;
            // The copy becomes one file without a log, that is whole or not used: nothing needs to survive a crash here.
            copy.pragma_update(None, "synchronous", "OFF")?;
            // Without the snapshot, each commit of a writer would start the copying anew.
            let snapshot = self.conn.unchecked_transaction()?;
            snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            let backup = Backup::new(&snapshot, &mut copy)?;
            while backup.step(STEP)? != StepResult::Done {
                thread::sleep(PAUSE);
            }
            drop(backup);
            drop(snapshot);
            copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
            if let Some(fault) = faults(&copy)?.first() {
                return Err(SqliteError::Corrupt(format!("the copy: {fault}")));
            }
            copy.close().map_err(|(_, e)| e.into())
        };
        copy().map_err(|e| e.at(&self.place))
    }
}

/// More faults than this tell no more.
const MAX_FAULTS: usize = 10;

fn faults(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = conn.prepare(&format!("PRAGMA integrity_check({MAX_FAULTS})"))?;
    let words: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(words.into_iter().filter(|word| word != "ok").collect())
}
