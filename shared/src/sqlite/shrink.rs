//! Giving room back: what deleted rows leave is used again, and what is too much of it goes back to the file system, a
//! little at a time. Deletes nothing.

use rusqlite::Connection;

/// Free pages that a file keeps for what comes next (4 MB).
const RESERVE: i64 = 1024;
/// Pages that one call gives back at most (1 MB): a few milliseconds on the writer's thread.
const STEP: i64 = 256;

/// Gives some free pages at the file's end back and returns how many; 0 when what is left free is no more than a quarter
/// of the file, or 4 MB. For the writer's connection.
pub fn give_back(conn: &Connection) -> rusqlite::Result<u64> {
    let count = |pragma: &str| conn.prepare_cached(pragma)?.query_row([], |row| row.get::<_, i64>(0));
    let free = count("PRAGMA freelist_count")?;
    let spare = free - RESERVE.max(count("PRAGMA page_count")? / 4);
    if spare <= 0 {
        return Ok(0);
    }
    // Each row is a page: it works only as far as it is asked for rows.
    let mut vacuum = conn.prepare_cached(&format!("PRAGMA incremental_vacuum({})", STEP.min(spare)))?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    drop(rows);
    Ok(u64::try_from(free - count("PRAGMA freelist_count")?).unwrap_or(0))
}
