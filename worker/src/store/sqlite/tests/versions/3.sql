-- A store of schema version 3, as its build made it, with data in every table. Frozen: never edited.
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA application_id = 1162039155;
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
ALTER TABLE pulls ADD COLUMN touched INTEGER NOT NULL DEFAULT 0;
CREATE INDEX pulls_by_touch ON pulls (touched);
CREATE INDEX kept_by_expiry ON kept (expires);
CREATE TABLE reviews (
    repo_id INTEGER, pull INTEGER, epoch INTEGER, at INTEGER NOT NULL, review TEXT NOT NULL,
    PRIMARY KEY (repo_id, pull, epoch)
) WITHOUT ROWID;
CREATE INDEX reviews_by_time ON reviews (at);
CREATE TABLE budgets (name TEXT PRIMARY KEY, spent INTEGER NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX budgets_by_expiry ON budgets (expires);
INSERT INTO pulls VALUES (1, 1, '{"epoch":4,"holder":null,"lease_until":0,"not_before":1700000000000,"wanted":2,"done":"d","sight":"s","attempts":1,"attempts_for":"0123456789abcdef0123456789abcdef01234567","refreshed_at":0,"forced":null,"newest":1699999990000,"under_way":null,"last_error":"HTTP 500","comment":{"state":"known","id":77},"published":"0123456789abcdef0123456789abcdef01234567"}', 1700000000000);
INSERT INTO results VALUES ('k', x'010203', 1700000010000);
INSERT INTO events VALUES ('s', 0, x'00', 1700000010000), ('s', 1, x'01', 1700000010000);
INSERT INTO kept VALUES (1, 1, 'acme/shop', x'0405', 1700000010000);
INSERT INTO budgets VALUES ('day', 7, 1700000010000);
PRAGMA user_version = 3;
