//! What a file of ours is: its mark, its versions, and telling it from anybody else's.

use rusqlite::Connection;

use super::SqliteError;

/// The tables of one kind of file, version by version.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// What the file is, in words: "queue".
    pub kind: &'static str,
    /// SQLite's `application_id` of such a file, so that no other is taken for it.
    pub application_id: i32,
    /// `migrations[n]` takes a file from version `n` to `n + 1`. One that was released is never changed.
    pub migrations: &'static [&'static str],
    /// Tables that a file of version 1 has: those were made before files were marked.
    pub unmarked: &'static [&'static str],
}

impl Schema {
    /// The version that this build writes.
    pub fn version(&self) -> i64 {
        i64::try_from(self.migrations.len()).unwrap_or(i64::MAX)
    }

    /// The version of the file behind `conn`, 0 for an empty one. Refuses what isn't ours, or is newer than this build.
    /// Looks only.
    pub(super) fn recognise(&self, conn: &Connection, place: &str) -> Result<i64, SqliteError> {
        // One statement sees one moment: another process may be making the file.
        let (mark, version, tables): (i32, i64, i64) = conn.query_row(
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                    (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let before_marks = || -> rusqlite::Result<bool> {
            let mut is_there = conn.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
            self.unmarked.iter().try_fold(!self.unmarked.is_empty(), |all, table| Ok(all && is_there.exists([table])?))
        };
        let ours = match (mark, version) {
            (mark, _) if mark == self.application_id => true,
            (0, 0) => tables == 0,
            (0, 1) => before_marks()?,
            _ => false,
        };
        if !ours {
            return Err(SqliteError::Foreign { file: place.into(), kind: self.kind });
        }
        if version > self.version() {
            return Err(SqliteError::Newer { file: place.into(), found: version, known: self.version() });
        }
        Ok(version)
    }
}
