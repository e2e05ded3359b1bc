//! The store's tables, version by version.

use eco_coder_shared::sqlite::Schema;

/// A store's file.
pub const SCHEMA: Schema = Schema {
    kind: "store",
    // "ECOs"
    application_id: 0x4543_4f73,
    migrations: &[FIRST, SECOND, THIRD, FOURTH],
    unmarked: &["pulls", "results", "events", "kept"],
};

const FIRST: &str = "
    CREATE TABLE pulls (repo_id INTEGER, pull INTEGER, row TEXT NOT NULL, PRIMARY KEY (repo_id, pull)) WITHOUT ROWID;
    CREATE TABLE results (key TEXT PRIMARY KEY, value BLOB NOT NULL, expires INTEGER NOT NULL);
    CREATE INDEX results_by_expiry ON results (expires);
    CREATE TABLE events (
        session TEXT, sequence INTEGER, event BLOB NOT NULL, expires INTEGER NOT NULL, PRIMARY KEY (session, sequence)
    ) WITHOUT ROWID;
    CREATE INDEX events_by_expiry ON events (expires);
    CREATE TABLE kept (
        repo_id INTEGER, pull INTEGER, name TEXT NOT NULL, report BLOB NOT NULL, expires INTEGER NOT NULL,
        PRIMARY KEY (repo_id, pull)
    ) WITHOUT ROWID;
";

/// Rows of old files count as touched when the file is migrated: none is deleted too early.
const SECOND: &str = "
    -- ms since 1970: when a hint last claimed the row.
    ALTER TABLE pulls ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
    UPDATE pulls SET touched = CAST(unixepoch() AS INTEGER) * 1000;
    CREATE INDEX pulls_by_touch ON pulls (touched);
    CREATE INDEX kept_by_expiry ON kept (expires);
";

const THIRD: &str = "
    CREATE TABLE reviews (
        repo_id INTEGER, pull INTEGER, epoch INTEGER, at INTEGER NOT NULL, review TEXT NOT NULL,
        PRIMARY KEY (repo_id, pull, epoch)
    ) WITHOUT ROWID;
    CREATE INDEX reviews_by_time ON reviews (at);
    CREATE TABLE budgets (name TEXT PRIMARY KEY, spent INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX budgets_by_expiry ON budgets (expires);
";

const FOURTH: &str = "
    CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX leases_by_expiry ON leases (expires);
    CREATE TABLE notes (name TEXT PRIMARY KEY, value BLOB NOT NULL, expires INTEGER NOT NULL);
    CREATE INDEX notes_by_expiry ON notes (expires);
";
