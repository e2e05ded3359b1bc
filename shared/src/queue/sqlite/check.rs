//! Does the queue's file hold together? What SQLite can't know: that the tables agree. Looks only.

use std::path::Path;

use rusqlite::Connection;

use super::SCHEMA;
use crate::env::Timestamp;
use crate::queue::Depth;
use crate::sqlite::{Look, SqliteError};

/// What a look at the queue's tables found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Messages, whatever their state, settled or not.
    pub messages: u64,
    /// Dead letters.
    pub dead: u64,
    /// Groups with messages.
    pub groups: u64,
    /// What doesn't agree, in words.
    pub faults: Vec<String>,
}

impl Check {
    /// The file at `path`, looked at while others serve from it.
    pub fn look(path: &Path) -> Result<Look, SqliteError> {
        Look::at(path, &SCHEMA)
    }

    /// The counts that the queue itself tells; none if serving will first migrate the file.
    pub fn depth(look: &Look, now: Timestamp) -> Result<Option<Depth>, SqliteError> {
        if look.version() < SCHEMA.version() {
            return Ok(None);
        }
        look.read(|conn| super::rows::depth(conn, now)).map(Some)
    }

    /// Counts everything, and compares the tables. Reads them as a whole.
    pub fn of(look: &Look) -> Result<Self, SqliteError> {
        let version = look.version();
        look.read(|conn| {
            if version == 0 {
                return Ok(Self { messages: 0, dead: 0, groups: 0, faults: Vec::new() });
            }
            let (messages, groups) =
                if version < 2 { (SETTLED, "SELECT count(*) FROM groups") } else { (ALL, ALL_GROUPS) };
            Ok(Self {
                messages: count(conn, messages)?,
                dead: count(conn, "SELECT count(*) FROM dead")?,
                groups: count(conn, groups)?,
                faults: faults(conn, version)?,
            })
        })
    }
}

const SETTLED: &str = "SELECT count(*) FROM messages";
const ALL: &str = "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM arrivals)";
const ALL_GROUPS: &str = "SELECT count(*) FROM (SELECT name FROM groups UNION SELECT grp FROM arrivals)";

const WRONG_SPANS: &str = "WITH actual AS (SELECT DISTINCT id >> 12 FROM messages WHERE state = 0)
    SELECT (SELECT count(*) FROM (SELECT span FROM spans EXCEPT SELECT * FROM actual))
         + (SELECT count(*) FROM (SELECT * FROM actual EXCEPT SELECT span FROM spans))";

/// Groups that say something else than the messages do, missing and left over ones included.
const WRONG_GROUPS: &str = "WITH told AS (SELECT name, ready, delayed, in_flight, head FROM groups),
         actual AS (SELECT grp, sum(state = 0), sum(state = 1), sum(state = 2), min(iif(state = 0, id, NULL))
                    FROM messages GROUP BY grp)
    SELECT (SELECT count(*) FROM (SELECT * FROM told EXCEPT SELECT * FROM actual))
         + (SELECT count(*) FROM (SELECT * FROM actual EXCEPT SELECT * FROM told))";

/// Arrivals are contiguous, and behind every message that was settled.
const WRONG_ARRIVALS: &str = "SELECT coalesce(max(id) - min(id) + 1 - count(*), 0)
         + (SELECT count(*) FROM messages WHERE id >= (SELECT min(id) FROM arrivals)) FROM arrivals";

/// How many dead letters too many or too few are told.
const WRONG_DEAD: &str = "SELECT abs((SELECT coalesce(sum(dead), -1) FROM totals) - (SELECT count(*) FROM dead))";

/// What doesn't agree in a file of schema `version`, in words.
pub(super) fn faults(conn: &Connection, version: i64) -> rusqlite::Result<Vec<String>> {
    let checks = [
        (1, WRONG_GROUPS, "entries of the table of groups don't agree with the messages"),
        (2, WRONG_SPANS, "entries of the table of spans don't agree with the messages"),
        (2, WRONG_ARRIVALS, "messages that arrived are missing, or stand twice"),
        (2, WRONG_DEAD, "is how far the number of dead letters is off"),
    ];
    let mut faults = Vec::new();
    for (_, sql, words) in checks.into_iter().filter(|(since, _, _)| version >= *since) {
        let wrong = count(conn, sql)?;
        if wrong > 0 {
            faults.push(format!("{wrong} {words}"));
        }
    }
    Ok(faults)
}

fn count(conn: &Connection, sql: &str) -> rusqlite::Result<u64> {
    conn.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|n| u64::try_from(n).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::env::SystemEnv;
    use crate::queue::sqlite::SqliteQueue;
    use crate::queue::{Death, JobQueue, NewMessage};

    #[tokio::test]
    async fn tables_that_dont_agree_are_told_and_sound_ones_arent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("queue.db");
        let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
        let message = |group: &str| NewMessage { group: group.into(), body: "x".into(), delay: Duration::ZERO };
        queue.send(vec![message("a"), message("a"), message("b")]).await.unwrap();
        let received = queue.receive(1, Duration::ZERO, Duration::from_mins(1)).await.unwrap();
        let death = Death { reason: "x".into(), attempts: 1, last_error: None };
        queue.dead_letter(&received[0], death).await.unwrap().unwrap();

        let look = Check::look(&path).unwrap();
        let sound = Check { messages: 2, dead: 1, groups: 2, faults: Vec::new() };
        assert_eq!(Check::of(&look).unwrap(), sound);
        assert_eq!(look.faults().unwrap(), Vec::<String>::new());

        let break_it = |conn: &Connection| {
            conn.execute_batch(
                "UPDATE groups SET ready = 7 WHERE name = 'a'; UPDATE totals SET dead = 0;
                 DELETE FROM arrivals WHERE body = 'lost'",
            )
        };
        let three = ["x", "lost", "x"].map(|body| NewMessage { body: body.into(), ..message("a") });
        queue.send(three.to_vec()).await.unwrap();
        assert_eq!(Check::of(&look).unwrap(), Check { messages: 5, ..sound });
        queue.db.write(break_it).await.unwrap();
        let check = Check::of(&look).unwrap();
        assert_eq!(check.faults.len(), 3, "{:?}", check.faults);
        assert!(check.faults[0].contains("2 entries"), "{:?}", check.faults);
    }
}
