//! Opening: files and their modes, the settings of a connection, migrations.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Schema, SqliteError};

/// No names that are read as URIs, and no lock of SQLite's own: each connection is one thread's.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
/// Statements kept prepared per connection; more than the queue or the store has.
const PREPARED: usize = 128;
/// The log's file is cut back to this when the log begins again, in bytes, so that one burst doesn't hold the disk as
/// long as there is load. Without load it is cut to nothing.
const LOG_SIZE: i64 = 16 * 1024 * 1024;
/// The largest file that is written anew when it is opened, to make it able to shrink: a second or two.
const REWRITTEN: i64 = 128 * 1024 * 1024;

/// The writer's connection, with the schema up to date.
pub(super) fn file(path: &Path, schema: &Schema, busy: Duration) -> Result<Connection, SqliteError> {
    let place = path.display().to_string();
    let open = || {
        create(path)?;
        let mut conn = connect(path, busy)?;
        // Before anything is changed in what may be somebody else's.
        schema.recognise(&conn, &place)?;
        close_to_others(path);
        // Heeded by a file that is empty yet; before the first page is written.
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        write_ahead(&conn, busy)?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "journal_size_limit", LOG_SIZE)?;
        migrate(&mut conn, schema, &place)?;
        make_able_to_shrink(&conn, &place);
        Ok(conn)
    };
    open().map_err(|e: SqliteError| e.at(&place))
}

/// The reader's connection to a file that [`file()`] has opened.
pub(super) fn reader(path: &Path, busy: Duration) -> Result<Connection, SqliteError> {
    // Not opened read-only: a reader of a write-ahead log takes its place in the shared index.
    let open = || {
        let conn = connect(path, busy)?;
        conn.pragma_update(None, "query_only", true)?;
        Ok(conn)
    };
    open().map_err(|e: SqliteError| e.at(&path.display().to_string()))
}

/// The connection of the log's thread. It waits for nobody: there is always a next time.
pub(super) fn keeper(path: &Path) -> Result<Connection, SqliteError> {
    let open = || {
        let conn = connect(path, Duration::ZERO)?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "journal_size_limit", LOG_SIZE)?;
        Ok(conn)
    };
    open().map_err(|e: SqliteError| e.at(&path.display().to_string()))
}

/// A connection that can't change the file, to one that [`file()`] may never have opened: recognised, not made, not
/// migrated, its mode not mended.
pub(super) fn to_look(path: &Path, schema: &Schema, busy: Duration) -> Result<(Connection, i64), SqliteError> {
    let place = path.display().to_string();
    let open = || {
        let conn =
            Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        conn.busy_timeout(busy)?;
        prepare(&conn)?;
        let version = schema.recognise(&conn, &place)?;
        Ok((conn, version))
    };
    open().map_err(|e: SqliteError| e.at(&place))
}

/// The only connection of a database in memory.
pub(super) fn memory(schema: &Schema) -> Result<Connection, SqliteError> {
    let mut conn = Connection::open_in_memory()?;
    prepare(&conn)?;
    migrate(&mut conn, schema, "the database in memory")?;
    Ok(conn)
}

fn connect(path: &Path, busy: Duration) -> Result<Connection, SqliteError> {
    let conn = Connection::open_with_flags(path, FLAGS)?;
    conn.busy_timeout(busy)?;
    prepare(&conn)?;
    Ok(conn)
}

fn prepare(conn: &Connection) -> Result<(), SqliteError> {
    conn.set_prepared_statement_cache_capacity(PREPARED);
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    Ok(())
}

/// Creates what is missing, for this user only. SQLite gives its log the file's mode.
///
/// The file is never opened but by SQLite: closing any handle of a file drops all of the process's POSIX locks on it,
/// those of its other connections included.
fn create(path: &Path) -> Result<(), SqliteError> {
    if path.exists() {
        return Ok(());
    }
    let mut directories = fs::DirBuilder::new();
    directories.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut directories, 0o700);
    let io = |e: std::io::Error| SqliteError::Io(e.to_string());
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        directories.create(parent).map_err(io)?;
    }
    // Empty until its mode is set.
    drop(Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_CREATE)?);
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(io)?;
    Ok(())
}

/// A database and its log hold what private repositories contain: one that was made with a loose mode is mended. That is
/// its owner's right, so that another's stays as it is, and so does the directory, which may hold other things.
#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        if !fs::metadata(&file).is_ok_and(|about| about.permissions().mode() & 0o077 != 0) {
            continue;
        }
        let closed = fs::set_permissions(&file, PermissionsExt::from_mode(0o600));
        let file = Path::new(&file).display();
        match closed {
            Ok(()) => tracing::warn!(%file, "the database was open to other users; its mode is 600 now"),
            Err(error) => tracing::warn!(%file, %error, "the database is open to other users, and another user's"),
        }
    }
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) {}

/// Turns the write-ahead log on. Of two processes that do it first, SQLite refuses one at once, whatever its timeout.
fn write_ahead(conn: &Connection, busy: Duration) -> Result<(), SqliteError> {
    let started = Instant::now();
    loop {
        let mode = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode.map_err(SqliteError::from) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => {
                let text = "the file system can't hold a write-ahead log; use a local disk";
                return Err(SqliteError::Io(text.into()));
            }
            Err(SqliteError::Busy(_)) if started.elapsed() < busy => thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(error),
        }
    }
}

fn migrate(conn: &mut Connection, schema: &Schema, place: &str) -> Result<(), SqliteError> {
    loop {
        // Read again under the lock each time: another process may be migrating the same file.
        let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = schema.recognise(&transaction, place)?;
        let step = usize::try_from(found)
            .map_err(|_| SqliteError::Corrupt(format!("{place}: schema version {found} makes no sense")))?;
        let Some(statements) = schema.migrations.get(step) else {
            return Ok(());
        };
        transaction.execute_batch(statements)?;
        transaction.pragma_update(None, "application_id", schema.application_id)?;
        transaction.pragma_update(None, "user_version", found + 1)?;
        transaction.commit()?;
    }
}

/// Files of the first version keep the room that deleted rows had. Writing such a file anew, once, mends that; where it
/// can't be done, nothing is lost but that room.
fn make_able_to_shrink(conn: &Connection, place: &str) {
    let rewrite = || -> rusqlite::Result<()> {
        let read = |pragma| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        if read("auto_vacuum")? != 0 {
            return Ok(());
        }
        if read("page_count")?.saturating_mul(read("page_size")?) > REWRITTEN {
            tracing::info!(
                file = place,
                "the database is of an older form and too large to be written anew: it won't shrink"
            );
            return Ok(());
        }
        conn.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        conn.execute_batch("VACUUM")
    };
    if let Err(error) = rewrite() {
        tracing::info!(file = place, %error, "the database could not be written anew; it is tried again at the next start");
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_database_that_others_could_read_is_closed_to_them_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("queue.db");
        let files = ["queue.db", "queue.db-wal", "queue.db-shm"].map(|name| dir.path().join(name));
        let busy = Duration::from_secs(1);
        let schema = Schema {
            kind: "test",
            application_id: 7,
            migrations: &["CREATE TABLE t (n INTEGER) STRICT"],
            unmarked: &[],
        };
        let first = file(&path, &schema, busy).unwrap();
        for file in &files {
            fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
        }
        let second = file(&path, &schema, busy).unwrap();
        for file in &files {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
        }
        second.execute("INSERT INTO t VALUES (1)", []).unwrap();
        let count: i64 = first.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 1);
    }
}
