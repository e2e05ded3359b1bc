//! Deleting what is over, a little in each write, so that the writers of reviews never wait long for it.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::sqlite::give_back;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use crate::store::{ROW_DAYS, history};

/// Items that one purge deletes from each table at most.
const ITEMS: u32 = 100;
/// Bytes that one purge deletes at most, and one item: values can be large, and each of their pages is work.
const BYTES: i64 = 2 * 1024 * 1024;

/// A table whose items are over at a time.
struct Over {
    /// The oldest: three parts of the key, and the size.
    oldest: &'static str,
    delete: &'static str,
}

const RESULTS: Over = Over {
    oldest: "SELECT rowid, 0, 0, length(value) FROM results WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM results WHERE rowid = ?1 + ?2 + ?3",
};
const EVENTS: Over = Over {
    oldest: "SELECT session, sequence, 0, length(event) FROM events WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM events WHERE session = ?1 AND sequence = ?2 + ?3",
};
const KEPT: Over = Over {
    oldest: "SELECT repo_id, pull, 0, length(report) FROM kept WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM kept WHERE repo_id = ?1 AND pull = ?2 + ?3",
};
/// A row that says nothing of when it was touched was written by a process of version 1 that still has the file open, and
/// may be in use.
const PULLS: Over = Over {
    oldest: "SELECT repo_id, pull, 0, length(row) FROM pulls WHERE touched > 0 AND touched <= ?1 ORDER BY touched LIMIT ?2",
    delete: "DELETE FROM pulls WHERE repo_id = ?1 AND pull = ?2 + ?3",
};
const REVIEWS: Over = Over {
    oldest: "SELECT repo_id, pull, epoch, length(review) FROM reviews WHERE at <= ?1 ORDER BY at LIMIT ?2",
    delete: "DELETE FROM reviews WHERE repo_id = ?1 AND pull = ?2 AND epoch = ?3",
};
const BUDGETS: Over = Over {
    oldest: "SELECT name, 0, 0, length(name) FROM budgets WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM budgets WHERE name = ?1 AND ?2 = ?3",
};

const LEASES: Over = Over {
    oldest: "SELECT name, 0, 0, length(name) FROM leases WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM leases WHERE name = ?1 AND ?2 = ?3",
};
const NOTES: Over = Over {
    oldest: "SELECT rowid, 0, 0, length(value) FROM notes WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    delete: "DELETE FROM notes WHERE rowid = ?1 + ?2 + ?3",
};

/// Deletes some of what is over at `now`, the oldest first, and gives some room back. Zero when nothing is left to do.
pub(super) fn purge(conn: &Connection, now: Timestamp) -> rusqlite::Result<u64> {
    let idle = now - Duration::from_hours(24 * u64::from(ROW_DAYS));
    let mut done = 0;
    let mut bytes = BYTES;
    let tables = [
        (RESULTS, now),
        (EVENTS, now),
        (KEPT, now),
        (PULLS, idle),
        (REVIEWS, history::oldest(now)),
        (BUDGETS, now),
        (LEASES, now),
        (NOTES, now),
    ];
    for (table, until) in tables {
        let mut oldest = conn.prepare_cached(table.oldest)?;
        let mut delete = conn.prepare_cached(table.delete)?;
        let over = oldest.query_map(params![until.0, ITEMS], |row| {
            Ok((row.get::<_, Value>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
        })?;
        for item in over.collect::<rusqlite::Result<Vec<_>>>()? {
            if bytes <= 0 {
                return Ok(done);
            }
            let (first, second, third, size) = item;
            bytes -= size;
            done += delete.execute(params![first, second, third])? as u64;
        }
    }
    Ok(done + give_back(conn)?)
}
