//! Deleting what is over, a little in each write, so that the writers of reviews never wait long for it.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::sqlite::give_back;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use crate::store::ROW_DAYS;

/// Items that one purge deletes from each table at most.
const ITEMS: u32 = 100;
/// Bytes that one purge deletes at most, and one item: values can be large, and each of their pages is work.
const BYTES: i64 = 2 * 1024 * 1024;

/// A table whose items are over at a time.
struct Over {
    /// The oldest: two parts of the key, and the size.
    oldest: &'static str,
    delete: &'static str,
}

const RESULTS: Over = Over {
    oldest: "SELECT rowid, 0, length(value) FROM results WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM results WHERE rowid = ?1 + ?2",
};
const EVENTS: Over = Over {
    oldest: "SELECT session, sequence, length(event) FROM events WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM events WHERE session = ?1 AND sequence = ?2",
};
const KEPT: Over = Over {
    oldest: "SELECT repo_id, pull, length(report) FROM kept WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM kept WHERE repo_id = ?1 AND pull = ?2",
};
/// A row that says nothing of when it was touched was written by a process of version 1 that still has the file open, and
/// may be in use.
const PULLS: Over = Over {
    oldest: "SELECT repo_id, pull, length(row) FROM pulls WHERE touched > 0 AND touched <= ?1 ORDER BY touched LIMIT ?2",
    delete: "DELETE FROM pulls WHERE repo_id = ?1 AND pull = ?2",
};

/// Deletes some of what is over at `now`, the oldest first, and gives some room back. Zero when nothing is left to do.
pub(super) fn purge(conn: &Connection, now: Timestamp) -> rusqlite::Result<u64> {
    let idle = now - Duration::from_hours(24 * u64::from(ROW_DAYS));
    let mut done = 0;
    let mut bytes = BYTES;
    for (table, until) in [(RESULTS, now), (EVENTS, now), (KEPT, now), (PULLS, idle)] {
        let mut oldest = conn.prepare_cached(table.oldest)?;
        let mut delete = conn.prepare_cached(table.delete)?;
        let over = oldest.query_map(params![until.0, ITEMS], |row| {
            Ok((row.get::<_, Value>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
        })?;
        for item in over.collect::<rusqlite::Result<Vec<_>>>()? {
            if bytes <= 0 {
                return Ok(done);
            }
            let (first, second, size) = item;
            bytes -= size;
            done += delete.execute(params![first, second])? as u64;
        }
    }
    Ok(done + give_back(conn)?)
}
