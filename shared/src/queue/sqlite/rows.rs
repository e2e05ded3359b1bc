//! The statements on messages. Each function runs inside the caller's transaction.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::receipt::Ticket;
use super::schema::{DELAYED, IN_FLIGHT, READY};
use crate::env::{Env, Timestamp};
use crate::queue::{Depth, EntryError, Received};

/// Receives after which a message is taken for poison that nobody lives to report. A far backstop: workers give up, with
/// a better reason, after a handful of attempts.
pub(super) const MAX_RECEIVES: u32 = 1000;
/// Hidden messages that one receive shows, and poison messages that it buries, at most: it stays quick when many come
/// due at once. Far more than it takes out.
const SWEEP: u32 = 256;
/// Arrivals that are settled in one go, at most: a few milliseconds on the writer's thread.
pub(super) const SETTLE: u32 = 512;

/// Due messages that are counted one by one, at most, when somebody asks how many there are.
const DUE: u32 = 10_000;

/// The group whose turn it is: the fewest messages in flight, then the oldest message.
pub(super) const TURN: &str = "SELECT head FROM groups WHERE head IS NOT NULL ORDER BY in_flight, head LIMIT 1";
/// Shows messages whose delay or visibility has passed.
pub(super) const SHOW: &str = "UPDATE messages SET state = 0 WHERE id IN
    (SELECT id FROM messages WHERE state <> 0 AND visible_at <= ?1 ORDER BY visible_at LIMIT ?2)";

/// How many messages are due, delayed and received ones apart: the first so many of them.
pub(super) const DUE_COUNT: &str = "SELECT coalesce(sum(state = 1), 0), coalesce(sum(state = 2), 0)
    FROM (SELECT state FROM messages WHERE state <> 0 AND visible_at <= ?1 LIMIT ?2)";

/// Stores a message and returns its id.
pub(super) fn insert(
    conn: &Connection,
    group: &str,
    body: &str,
    now: Timestamp,
    delay: Duration,
) -> rusqlite::Result<i64> {
    let id = conn
        .prepare_cached("INSERT INTO arrivals (grp, visible_at, sent_at, body) VALUES (?1, ?2, ?3, ?4)")?
        .insert(params![group, (now + delay).0, now.0, body])?;
    if !delay.is_zero() {
        // Rare, and `depth` tells delayed messages from others only where they are settled.
        settle(conn, SETTLE)?;
    }
    Ok(id)
}

/// Gives up to `limit` arrivals, the oldest first, their places among the messages. Tells whether there were so many:
/// then more may be left.
pub(super) fn settle(conn: &Connection, limit: u32) -> rusqlite::Result<bool> {
    let first: Option<i64> = conn.prepare_cached("SELECT min(id) FROM arrivals")?.query_row([], |row| row.get(0))?;
    let Some(first) = first else { return Ok(false) };
    let end = first.saturating_add(i64::from(limit));
    conn.prepare_cached(
        "INSERT INTO messages (id, grp, state, visible_at, sent_at, body)
         SELECT id, grp, iif(visible_at > sent_at, ?2, ?3), visible_at, sent_at, body
         FROM arrivals WHERE id < ?1 ORDER BY id",
    )?
    .execute(params![end, DELAYED, READY])?;
    let settled = conn.prepare_cached("DELETE FROM arrivals WHERE id < ?1")?.execute([end])?;
    Ok(u32::try_from(settled).is_ok_and(|settled| settled >= limit))
}

/// Takes up to `max` messages, group by group in turn, and hides them for `visibility`. Settles first, and tells what
/// [`settle`] does.
pub(super) fn claim(
    conn: &Connection,
    env: &dyn Env,
    max: usize,
    visibility: Duration,
) -> rusqlite::Result<(Vec<Received>, bool)> {
    let now = env.now();
    let more = settle(conn, SETTLE)?;
    conn.prepare_cached(SHOW)?.execute(params![now.0, SWEEP])?;
    let mut turn = conn.prepare_cached(TURN)?;
    let mut take = conn.prepare_cached(
        "UPDATE messages SET state = ?2, visible_at = ?3, token = ?4, receives = receives + 1
         WHERE id = ?1 RETURNING grp, body, receives, sent_at",
    )?;
    let mut messages = Vec::new();
    let mut buried = 0;
    while messages.len() < max && buried < SWEEP {
        let Some(id) = turn.query_row([], |row| row.get::<_, i64>(0)).optional()? else {
            break;
        };
        if bury_poison(conn, id, now)? {
            buried += 1;
            continue;
        }
        let token = env.random().cast_signed();
        messages.push(take.query_row(params![id, IN_FLIGHT, (now + visibility).0, token], |row| {
            let receives = row.get(2)?;
            Ok(Received {
                message_id: id.to_string(),
                receipt: Ticket { id, receives, token }.receipt(),
                group: row.get(0)?,
                body: row.get(1)?,
                receive_count: receives,
                sent_at: Timestamp(row.get(3)?),
                redriven_at: None,
            })
        })?);
    }
    Ok((messages, more))
}

fn bury_poison(conn: &Connection, id: i64, now: Timestamp) -> rusqlite::Result<bool> {
    let receives: u32 =
        conn.prepare_cached("SELECT receives FROM messages WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    if receives < MAX_RECEIVES {
        return Ok(false);
    }
    let reason = format!(
        "received {receives} times and never finished: workers die on it, or were stopped each time; look at their logs \
         before it is redriven"
    );
    super::dead::bury(conn, id, &reason, 0, None, now)?;
    Ok(true)
}

/// What a waiting receiver looks at between claims, without taking the write lock: is a message ready, and when will
/// the next hidden one show?
pub(super) fn peek(conn: &Connection) -> rusqlite::Result<(bool, Option<Timestamp>)> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM groups WHERE head IS NOT NULL) OR EXISTS (SELECT 1 FROM arrivals),
                (SELECT min(visible_at) FROM messages WHERE state <> 0)",
    )?
    .query_row([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Timestamp))))
}

/// Moves the end of a receive's visibility. Zero shows the message at once.
pub(super) fn hide(
    conn: &Connection,
    ticket: Ticket,
    now: Timestamp,
    visibility: Duration,
) -> rusqlite::Result<Result<(), EntryError>> {
    let state = if visibility.is_zero() { READY } else { IN_FLIGHT };
    let changed = conn
        .prepare_cached(
            "UPDATE messages SET state = ?4, visible_at = ?5 WHERE id = ?1 AND receives = ?2 AND token = ?3",
        )?
        .execute(params![ticket.id, ticket.receives, ticket.token, state, (now + visibility).0])?;
    Ok(if changed == 1 { Ok(()) } else { Err(EntryError::Stale) })
}

/// Deletes a received message and returns its group; `None` if the receipt is stale.
pub(super) fn delete(conn: &Connection, ticket: Ticket) -> rusqlite::Result<Option<String>> {
    conn.prepare_cached("DELETE FROM messages WHERE id = ?1 AND receives = ?2 AND token = ?3 RETURNING grp")?
        .query_row(params![ticket.id, ticket.receives, ticket.token], |row| row.get(0))
        .optional()
}

/// Is this receive the message's last one, and the message still there?
pub(super) fn holds(conn: &Connection, ticket: Ticket) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM messages WHERE id = ?1 AND receives = ?2 AND token = ?3")?.exists(params![
        ticket.id,
        ticket.receives,
        ticket.token
    ])
}

/// Counts, and the age of the oldest. Messages that are due count as visible before a receive has shown them, the first
/// [`DUE`] of them at least, and so does what hasn't been settled: of many thousands sent at once, some that were sent with
/// a delay. Each receive shows and settles some.
pub(super) fn depth(conn: &Connection, now: Timestamp) -> rusqlite::Result<Depth> {
    let [ready, delayed, in_flight] = conn
        .prepare_cached(
            "SELECT coalesce(sum(ready), 0), coalesce(sum(delayed), 0), coalesce(sum(in_flight), 0) FROM groups",
        )?
        .query_row([], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?]))?;
    let [due_delayed, due_in_flight] = conn
        .prepare_cached(DUE_COUNT)?
        .query_row(params![now.0, DUE], |row| Ok([row.get::<_, i64>(0)?, row.get(1)?]))?;
    let dead: i64 = conn.prepare_cached("SELECT dead FROM totals")?.query_row([], |row| row.get(0))?;
    // Contiguous: counted without being read.
    let arrived: i64 = conn
        .prepare_cached("SELECT coalesce((SELECT max(id) FROM arrivals) - (SELECT min(id) FROM arrivals) + 1, 0)")?
        .query_row([], |row| row.get(0))?;
    let oldest: Option<i64> = conn
        .prepare_cached(
            "SELECT min(sent_at) FROM (SELECT * FROM (SELECT sent_at FROM messages ORDER BY id LIMIT 1)
             UNION ALL SELECT * FROM (SELECT sent_at FROM arrivals ORDER BY id LIMIT 1))",
        )?
        .query_row([], |row| row.get(0))?;
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Depth {
        visible: count(arrived + ready + due_delayed + due_in_flight),
        in_flight: count(in_flight - due_in_flight),
        delayed: count(delayed - due_delayed),
        dead: count(dead),
        oldest_age_ms: oldest.map(|sent| count(now.0.saturating_sub(sent))),
    })
}
