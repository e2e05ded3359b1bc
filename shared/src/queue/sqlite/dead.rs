//! The statements on dead letters. Each function runs inside the caller's transaction.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{limits, rows};
use crate::env::Timestamp;
use crate::queue::{DeadLetter, EntryError, Rewrite};

/// The longest reason and the longest error that are kept, in bytes: a dead letter is for reading.
pub(super) const MAX_TEXT: usize = 4096;

/// Moves a message to the dead letters.
pub(super) fn bury(
    conn: &Connection,
    id: i64,
    reason: &str,
    attempts: u32,
    last_error: Option<&str>,
    now: Timestamp,
) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO dead (id, grp, reason, attempts, last_error, died_at, sent_at, body)
         SELECT id, grp, ?2, ?3, ?4, ?5, sent_at, body FROM messages WHERE id = ?1",
    )?
    .execute(params![id, shortened(reason), attempts, last_error.map(shortened), now.0])?;
    conn.prepare_cached("DELETE FROM messages WHERE id = ?1")?.execute([id])?;
    Ok(())
}

fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT)]
}

/// Those that died after `oldest`, the newest first.
pub(super) fn list(conn: &Connection, oldest: Timestamp, limit: usize) -> rusqlite::Result<Vec<DeadLetter>> {
    conn.prepare_cached(
        "SELECT id, grp, body, reason, attempts, last_error, died_at, sent_at FROM dead WHERE died_at > ?1
         ORDER BY seq DESC LIMIT ?2",
    )?
    .query_map(params![oldest.0, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok(DeadLetter {
            id: row.get::<_, i64>(0)?.to_string(),
            group: row.get(1)?,
            body: row.get(2)?,
            reason: row.get(3)?,
            attempts: row.get(4)?,
            last_error: row.get(5)?,
            died_at: Timestamp(row.get(6)?),
            sent_at: Timestamp(row.get(7)?),
        })
    })?
    .collect()
}

/// The place of the letter that died last.
pub(super) fn last(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM dead")?.query_row([], |row| row.get(0))
}

/// A dead letter as redriving needs it.
struct Letter {
    seq: i64,
    group: String,
    body: String,
}

impl Letter {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { seq: row.get(0)?, group: row.get(1)?, body: row.get(2)? })
    }

    /// Sends it again and takes it off the dead letters; refused if the rewritten body can't be sent.
    fn revive(&self, conn: &Connection, rewrite: Rewrite, now: Timestamp) -> rusqlite::Result<Result<(), EntryError>> {
        let body = rewrite(&self.body);
        if let Err(refused) = limits::body(&body) {
            return Ok(Err(refused));
        }
        rows::insert(conn, &self.group, &body, now, Duration::ZERO)?;
        conn.prepare_cached("DELETE FROM dead WHERE seq = ?1")?.execute([self.seq])?;
        Ok(Ok(()))
    }
}

/// Redrives the letter of message `id`; 0 if it isn't there, or died at `oldest` or before.
pub(super) fn redrive_one(
    conn: &Connection,
    id: i64,
    oldest: Timestamp,
    rewrite: Rewrite,
    now: Timestamp,
) -> rusqlite::Result<Result<u64, EntryError>> {
    let letter = conn
        .prepare_cached("SELECT seq, grp, body FROM dead WHERE id = ?1 AND died_at > ?2")?
        .query_row(params![id, oldest.0], Letter::read)
        .optional()?;
    match letter {
        Some(letter) => Ok(letter.revive(conn, rewrite, now)?.map(|()| 1)),
        None => Ok(Ok(0)),
    }
}

/// What a chunk of redriving did.
#[derive(Default)]
pub(super) struct Chunk {
    /// Letters sent again.
    pub(super) sent: u64,
    /// Where the next chunk starts; `None` when all were seen.
    pub(super) next: Option<i64>,
}

/// Redrives up to `limit` letters after place `after` and up to place `last` that died after `oldest`. One that can't be
/// sent stays.
pub(super) fn redrive_some(
    conn: &Connection,
    (after, last): (i64, i64),
    oldest: Timestamp,
    limit: usize,
    rewrite: Rewrite,
    now: Timestamp,
) -> rusqlite::Result<Chunk> {
    let letters: Vec<Letter> = conn
        .prepare_cached(
            "SELECT seq, grp, body FROM dead WHERE seq > ?1 AND seq <= ?2 AND died_at > ?3 ORDER BY seq LIMIT ?4",
        )?
        .query_map(params![after, last, oldest.0, i64::try_from(limit).unwrap_or(i64::MAX)], Letter::read)?
        .collect::<rusqlite::Result<_>>()?;
    let mut chunk = Chunk::default();
    for letter in &letters {
        if letter.revive(conn, rewrite, now)?.is_ok() {
            chunk.sent += 1;
        }
        chunk.next = Some(letter.seq);
    }
    if letters.len() < limit {
        chunk.next = None;
    }
    Ok(chunk)
}

/// Deletes up to `limit` of the letters that died at `oldest` or before; returns how many. They stand in the order of
/// dying, so that it looks at no more than it deletes, and one.
pub(super) fn expire(conn: &Connection, oldest: Timestamp, limit: usize) -> rusqlite::Result<u64> {
    let last_over: Option<i64> = conn
        .prepare_cached(
            "SELECT max(seq) FROM (SELECT seq, died_at FROM dead ORDER BY seq LIMIT ?2) WHERE died_at <= ?1",
        )?
        .query_row(params![oldest.0, i64::try_from(limit).unwrap_or(i64::MAX)], |row| row.get(0))?;
    let Some(last) = last_over else { return Ok(0) };
    let gone = conn.prepare_cached("DELETE FROM dead WHERE seq <= ?1 AND died_at <= ?2")?.execute([last, oldest.0])?;
    Ok(gone as u64)
}
