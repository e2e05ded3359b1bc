//! The store on one machine: SQLite, one file, correct across processes.

mod check;
mod retention;
mod schema;

use std::path::Path;

use async_trait::async_trait;
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoId, RepoName};
use eco_coder_shared::sqlite::{Database, SqliteError};
use rusqlite::{Connection, OptionalExtension, params};

pub use check::Check;
pub use schema::SCHEMA;

use super::history::{self, Reviewed};
use super::{Appended, MAX_VALUE, ResultKey, SessionId, Store, StoreError};
use crate::claim::{self, Row, Transition, Verdict};

/// The SQLite engine.
#[derive(Clone)]
pub struct SqliteStore {
    database: Database,
}

impl SqliteStore {
    /// Opens, and makes if need be, the file.
    pub fn open(path: &Path) -> Result<Self, SqliteError> {
        Ok(Self { database: Database::open(path, &SCHEMA)? })
    }

    /// A store that ends with the process.
    pub fn in_memory() -> Result<Self, SqliteError> {
        Ok(Self { database: Database::in_memory(&SCHEMA)? })
    }
}

impl From<SqliteError> for StoreError {
    fn from(e: SqliteError) -> Self {
        Self::Unavailable(e.to_string())
    }
}

/// SQLite counts in 64 bits with a sign; GitHub's ids are far below.
fn id(key: PullKey) -> (i64, i64) {
    (key.repo_id.0.cast_signed(), key.pull.get().cast_signed())
}

fn row_text(connection: &Connection, key: PullKey) -> rusqlite::Result<Option<String>> {
    let (repo, pull) = id(key);
    connection
        .prepare_cached("SELECT row FROM pulls WHERE repo_id = ?1 AND pull = ?2")?
        .query_row(params![repo, pull], |r| r.get(0))
        .optional()
}

fn parse_row(text: Option<&str>) -> Result<Row, StoreError> {
    text.map_or_else(
        || Ok(Row::default()),
        |text| serde_json::from_str(text).map_err(|e| StoreError::Corrupt { what: "row", cause: e.to_string() }),
    )
}

fn bounded(what: &'static str, value: &[u8]) -> Result<(), StoreError> {
    if value.len() > MAX_VALUE { Err(StoreError::TooLarge { what, bytes: value.len() }) } else { Ok(()) }
}

#[async_trait]
impl Store for SqliteStore {
    async fn row(&self, key: PullKey) -> Result<Row, StoreError> {
        parse_row(self.database.read(move |c| row_text(c, key)).await?.as_deref())
    }

    async fn transition(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        let transition = transition.clone();
        self.database
            .write(move |connection| {
                let row = match parse_row(row_text(connection, key)?.as_deref()) {
                    Ok(row) => row,
                    Err(e) => return Ok(Err(e)),
                };
                let (changed, verdict) = claim::apply(&row, &transition);
                if let Some(row) = changed {
                    let (repo, pull) = id(key);
                    let text = serde_json::to_string(&row).unwrap_or_default();
                    // Every round begins with a claim: that is when the row was last of use.
                    let touched = if let Transition::Claim { now, .. } = &transition { Some(now.0) } else { None };
                    connection
                        .prepare_cached(
                            "INSERT INTO pulls (repo_id, pull, row, touched) VALUES (?1, ?2, ?3, coalesce(?4, 0))
                             ON CONFLICT (repo_id, pull)
                             DO UPDATE SET row = excluded.row, touched = coalesce(?4, touched)",
                        )?
                        .execute(params![repo, pull, text, touched])?;
                }
                Ok(Ok(verdict))
            })
            .await?
    }

    async fn result(&self, key: &ResultKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.0.clone();
        let value = self.database.read(move |c| {
            c.prepare_cached("SELECT value FROM results WHERE key = ?1 AND expires > ?2")?
                .query_row(params![key, now.0], |r| r.get(0))
                .optional()
        });
        Ok(value.await?)
    }

    async fn put_result(&self, key: &ResultKey, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        bounded("result", &value)?;
        let key = key.0.clone();
        let write = self.database.write(move |c| {
            c.prepare_cached("INSERT OR REPLACE INTO results (key, value, expires) VALUES (?1, ?2, ?3)")?
                .execute(params![key, value, expires.0])
        });
        write.await?;
        Ok(())
    }

    async fn append(
        &self,
        session: &SessionId,
        sequence: u32,
        event: Vec<u8>,
        expires: Timestamp,
    ) -> Result<Appended, StoreError> {
        bounded("session event", &event)?;
        let session = session.0.clone();
        let write = self.database.write(move |c| {
            c.prepare_cached(
                "INSERT INTO events (session, sequence, event, expires) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![session, sequence, event, expires.0])
        });
        Ok(if write.await? == 1 { Appended::Stored } else { Appended::Conflict })
    }

    async fn events(&self, session: &SessionId, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        let session = session.0.clone();
        let read = self.database.read(move |c| {
            // A session is over as one, with its first event: what is left of it would not replay.
            c.prepare_cached(
                "SELECT event FROM events WHERE session = ?1
                 AND (SELECT min(expires) FROM events WHERE session = ?1) > ?2 ORDER BY sequence",
            )?
            .query_map(params![session, now.0], |r| r.get(0))?
            .collect()
        });
        Ok(read.await?)
    }

    async fn end_session(&self, session: &SessionId) -> Result<(), StoreError> {
        let session = session.0.clone();
        let write =
            self.database.write(move |c| c.prepare_cached("DELETE FROM events WHERE session = ?1")?.execute([session]));
        write.await?;
        Ok(())
    }

    async fn keep_report(
        &self,
        key: PullKey,
        name: &RepoName,
        sealed: Vec<u8>,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        bounded("report", &sealed)?;
        let (repo, pull) = id(key);
        let name = name.as_str().to_ascii_lowercase();
        let write = self.database.write(move |c| {
            c.prepare_cached(
                "INSERT OR REPLACE INTO kept (repo_id, pull, name, report, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![repo, pull, name, sealed, expires.0])
        });
        write.await?;
        Ok(())
    }

    async fn kept_report(
        &self,
        name: &RepoName,
        pull: PullNumber,
        now: Timestamp,
    ) -> Result<Option<(PullKey, Vec<u8>)>, StoreError> {
        let name = name.as_str().to_ascii_lowercase();
        let number = pull.get().cast_signed();
        let read = self.database.read(move |c| {
            // Few are kept: no index is worth its upkeep.
            c.prepare_cached(
                "SELECT repo_id, report FROM kept WHERE name = ?1 AND pull = ?2 AND expires > ?3 ORDER BY expires DESC",
            )?
            .query_row(params![name, number, now.0], |r| Ok((r.get::<_, i64>(0)?, r.get(1)?)))
            .optional()
        });
        let found = read.await?;
        Ok(found.map(|(repo, report)| (PullKey { repo_id: RepoId(repo.cast_unsigned()), pull }, report)))
    }

    async fn drop_report(&self, key: PullKey) -> Result<(), StoreError> {
        let (repo, pull) = id(key);
        let write = self.database.write(move |c| {
            c.prepare_cached("DELETE FROM kept WHERE repo_id = ?1 AND pull = ?2")?.execute(params![repo, pull])
        });
        write.await?;
        Ok(())
    }

    async fn record(&self, review: &Reviewed) -> Result<(), StoreError> {
        let (repo, pull) = id(review.key());
        let (epoch, at) = (review.epoch.cast_signed(), review.at.0);
        let text = serde_json::to_string(review).map_err(|e| StoreError::Unavailable(e.to_string()))?;
        let write = self.database.write(move |c| {
            c.prepare_cached(
                "INSERT OR REPLACE INTO reviews (repo_id, pull, epoch, at, review) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![repo, pull, epoch, at, text])
        });
        write.await?;
        Ok(())
    }

    async fn reviews(&self, from: Timestamp, now: Timestamp, most: usize) -> Result<Vec<Reviewed>, StoreError> {
        // What is at the bound is over already.
        let from = from.max(Timestamp(history::oldest(now).0 + 1));
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let read = self.database.read(move |c| {
            c.prepare_cached(
                "SELECT review FROM reviews WHERE at >= ?1 ORDER BY at DESC, repo_id, pull, epoch LIMIT ?2",
            )?
            .query_map(params![from.0, most], |r| r.get(0))?
            .collect::<rusqlite::Result<Vec<String>>>()
        });
        let read = read.await?;
        read.iter()
            .map(|text| {
                serde_json::from_str(text).map_err(|e| StoreError::Corrupt { what: "review", cause: e.to_string() })
            })
            .collect()
    }

    async fn spend(&self, name: &str, amount: u64, limit: u64, expires: Timestamp) -> Result<bool, StoreError> {
        if amount > limit {
            return Ok(false);
        }
        let (name, amount, limit) = (name.to_owned(), number(amount), number(limit));
        let write = self.database.write(move |c| {
            c.prepare_cached(
                "INSERT INTO budgets (name, spent, expires) VALUES (?1, ?2, ?4)
                 ON CONFLICT (name) DO UPDATE SET spent = spent + ?2 WHERE spent + ?2 <= ?3",
            )?
            .execute(params![name, amount, limit, expires.0])
        });
        Ok(write.await? == 1)
    }

    async fn give_back(&self, name: &str, amount: u64) -> Result<(), StoreError> {
        let (name, amount) = (name.to_owned(), number(amount));
        let write = self.database.write(move |c| {
            c.prepare_cached("UPDATE budgets SET spent = max(0, spent - ?2) WHERE name = ?1")?
                .execute(params![name, amount])
        });
        write.await?;
        Ok(())
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let write = self.database.write(move |c| {
            c.prepare_cached(
                "INSERT INTO leases (name, holder, expires) VALUES (?1, ?2, ?4)
                 ON CONFLICT (name) DO UPDATE SET holder = ?2, expires = ?4 WHERE holder = ?2 OR expires <= ?3",
            )?
            .execute(params![name, holder, now.0, until.0])
        });
        Ok(write.await? == 1)
    }

    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let (name, holder) = (name.to_owned(), holder.to_owned());
        let write = self.database.write(move |c| {
            c.prepare_cached("DELETE FROM leases WHERE name = ?1 AND holder = ?2")?.execute(params![name, holder])
        });
        write.await?;
        Ok(())
    }

    async fn noted(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let name = name.to_owned();
        let read = self.database.read(move |c| {
            c.prepare_cached("SELECT value FROM notes WHERE name = ?1 AND expires > ?2")?
                .query_row(params![name, now.0], |r| r.get(0))
                .optional()
        });
        Ok(read.await?)
    }

    async fn note(&self, name: &str, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        bounded("note", &value)?;
        let name = name.to_owned();
        let write = self.database.write(move |c| {
            c.prepare_cached("INSERT OR REPLACE INTO notes (name, value, expires) VALUES (?1, ?2, ?3)")?
                .execute(params![name, value, expires.0])
        });
        write.await?;
        Ok(())
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        Ok(self.database.write(move |c| retention::purge(c, now)).await?)
    }

    async fn check(&self) -> Result<(), StoreError> {
        let write = self.database.write(|c| c.prepare_cached("DELETE FROM pulls WHERE repo_id = -1")?.execute([]));
        write.await?;
        Ok(())
    }
}

/// As SQLite counts.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
