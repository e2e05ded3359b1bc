//! Does the store's file hold together: do rows parse, can what is sealed be opened? Looks only.

use std::path::Path;

use eco_coder_shared::ids::{PullKey, PullNumber, RepoId};
use eco_coder_shared::sqlite::{Look, SqliteError};
use rusqlite::{Connection, OptionalExtension};

use super::SCHEMA;
use crate::agent::driver;
use crate::claim::Row;
use crate::review::inspect;
use crate::store::seal::SealKey;
use crate::store::{ResultKey, SessionId};

/// The newest items of each kind that are opened: enough to know whether the key is the right one.
const OPENED: u32 = 1000;

/// What a look at the store's tables found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// Rows of pull requests.
    pub pulls: u64,
    /// Results by commit SHA.
    pub results: u64,
    /// Events of sessions.
    pub events: u64,
    /// Kept reports.
    pub kept: u64,
    /// Reviews in the history.
    pub reviews: u64,
    /// Sealed items that were opened, or tried.
    pub tried: u64,
    /// Of these, those that could not be.
    pub sealed_otherwise: u64,
    /// Rows that are not rows.
    pub unreadable: u64,
}

impl Check {
    /// The file at `path`, looked at while others serve from it.
    pub fn look(path: &Path) -> Result<Look, SqliteError> {
        Look::at(path, &SCHEMA)
    }

    /// What workers noted under `name`, whether or not its time is over; none in a file of before.
    pub fn noted(look: &Look, name: &str) -> Result<Option<Vec<u8>>, SqliteError> {
        if look.version() < 4 {
            return Ok(None);
        }
        look.read(|conn| conn.query_row("SELECT value FROM notes WHERE name = ?1", [name], |row| row.get(0)).optional())
    }

    /// Counts everything, parses every row, and opens what is sealed with `key`, if there is one, as far as
    /// `OPENED`.
    pub fn of(look: &Look, key: Option<&SealKey>) -> Result<Self, SqliteError> {
        if look.version() == 0 {
            return Ok(Self::default());
        }
        // A file that this build has not migrated yet.
        let has_history = look.version() >= 3;
        look.read(|conn| {
            let count = |table: &str| -> rusqlite::Result<u64> {
                let count = conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
                count.map(i64::cast_unsigned)
            };
            let mut check = Self {
                pulls: count("pulls")?,
                results: count("results")?,
                events: count("events")?,
                kept: count("kept")?,
                reviews: if has_history { count("reviews")? } else { 0 },
                unreadable: unreadable(conn)?,
                ..Self::default()
            };
            if let Some(key) = key {
                for sealed in SEALED {
                    sealed.open(conn, key, &mut check)?;
                }
            }
            Ok(check)
        })
    }
}

fn unreadable(conn: &Connection) -> rusqlite::Result<u64> {
    let mut rows = conn.prepare("SELECT row FROM pulls")?;
    let mut wrong = 0;
    for row in rows.query_map([], |row| row.get::<_, String>(0))? {
        wrong += u64::from(serde_json::from_str::<Row>(&row?).is_err());
    }
    Ok(wrong)
}

/// A column of sealed values.
struct Sealed {
    newest: &'static str,
    /// What a value is bound to; none if there can be no such thing.
    place: fn(&rusqlite::Row<'_>) -> rusqlite::Result<Option<String>>,
}

const SEALED: [Sealed; 3] = [
    Sealed {
        newest: "SELECT value, key FROM results ORDER BY expires DESC LIMIT ?1",
        place: |row| Ok(Some(inspect::result_place(&ResultKey(row.get(1)?)))),
    },
    Sealed {
        newest: "SELECT event, session, sequence FROM events ORDER BY expires DESC LIMIT ?1",
        place: |row| Ok(Some(driver::place(&SessionId(row.get(1)?), row.get(2)?))),
    },
    Sealed {
        newest: "SELECT report, repo_id, pull FROM kept ORDER BY expires DESC LIMIT ?1",
        place: |row| {
            let repo_id = RepoId(row.get::<_, i64>(1)?.cast_unsigned());
            let pull = PullNumber::try_from(row.get::<_, i64>(2)?.cast_unsigned()).ok();
            Ok(pull.map(|pull| inspect::kept_place(PullKey { repo_id, pull })))
        },
    },
];

impl Sealed {
    fn open(&self, conn: &Connection, key: &SealKey, check: &mut Check) -> rusqlite::Result<()> {
        let mut newest = conn.prepare(self.newest)?;
        let mut rows = newest.query([OPENED])?;
        while let Some(row) = rows.next()? {
            let value: Vec<u8> = row.get(0)?;
            let opens = (self.place)(row)?.is_some_and(|place| key.open(&place, &value).is_ok());
            check.tried += 1;
            check.sealed_otherwise += u64::from(!opens);
        }
        Ok(())
    }
}
