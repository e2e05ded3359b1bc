-- A queue of schema version 1, as its build made it, with data in every table. Frozen: never edited.
PRAGMA journal_mode = WAL;
CREATE TABLE messages (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    grp        TEXT NOT NULL,
    state      INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
    visible_at INTEGER NOT NULL,            -- ms since 1970: when it shows, or showed last
    sent_at    INTEGER NOT NULL,            -- ms since 1970
    receives   INTEGER NOT NULL DEFAULT 0,
    token      INTEGER NOT NULL DEFAULT 0,  -- of the last receive, random
    body       TEXT NOT NULL
) STRICT;
CREATE INDEX ready ON messages (grp) WHERE state = 0;
CREATE INDEX hidden ON messages (visible_at) WHERE state <> 0;

CREATE TABLE groups (
    name      TEXT PRIMARY KEY,
    ready     INTEGER NOT NULL,
    delayed   INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,
    head      INTEGER                       -- the oldest ready message
) STRICT, WITHOUT ROWID;
CREATE INDEX turns ON groups (in_flight, head) WHERE head IS NOT NULL;

CREATE TRIGGER message_comes AFTER INSERT ON messages BEGIN
    INSERT INTO groups (name, ready, delayed, in_flight, head)
    VALUES (NEW.grp, NEW.state = 0, NEW.state = 1, NEW.state = 2, iif(NEW.state = 0, NEW.id, NULL))
    ON CONFLICT (name) DO UPDATE SET
        ready = ready + excluded.ready,
        delayed = delayed + excluded.delayed,
        in_flight = in_flight + excluded.in_flight,
        head = coalesce(head, excluded.head);
END;
CREATE TRIGGER message_changes AFTER UPDATE OF state ON messages WHEN OLD.state <> NEW.state BEGIN
    UPDATE groups SET
        ready = ready - (OLD.state = 0) + (NEW.state = 0),
        delayed = delayed - (OLD.state = 1) + (NEW.state = 1),
        in_flight = in_flight - (OLD.state = 2) + (NEW.state = 2),
        head = (SELECT min(id) FROM messages WHERE grp = NEW.grp AND state = 0)
    WHERE name = NEW.grp;
END;
CREATE TRIGGER message_goes AFTER DELETE ON messages BEGIN
    UPDATE groups SET
        ready = ready - (OLD.state = 0),
        delayed = delayed - (OLD.state = 1),
        in_flight = in_flight - (OLD.state = 2),
        head = iif(OLD.state = 0, (SELECT min(id) FROM messages WHERE grp = OLD.grp AND state = 0), head)
    WHERE name = OLD.grp;
    DELETE FROM groups WHERE name = OLD.grp AND ready + delayed + in_flight = 0;
END;

CREATE TABLE dead (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,  -- in the order of dying
    id         INTEGER NOT NULL UNIQUE,            -- the message's
    grp        TEXT NOT NULL,
    reason     TEXT NOT NULL,
    attempts   INTEGER NOT NULL,
    last_error TEXT,
    died_at    INTEGER NOT NULL,
    sent_at    INTEGER NOT NULL,
    body       TEXT NOT NULL
) STRICT;

-- One row, written to learn whether messages could be stored.
CREATE TABLE probe (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;
INSERT INTO probe VALUES (1, 0);

INSERT INTO messages (grp, state, visible_at, sent_at, receives, token, body) VALUES
    ('7', 0, 1699999990000, 1699999990000, 0, 0, 'ready'),
    ('7', 1, 1700000060000, 1699999991000, 0, 0, 'delayed'),
    ('9', 2, 1700000030000, 1699999992000, 3, -5, 'in flight');
INSERT INTO dead (id, grp, reason, attempts, last_error, died_at, sent_at, body) VALUES
    (90, '7', 'gave up', 3, 'HTTP 500', 1699999999000, 1699999000000, 'first'),
    (91, '8', 'gave up', 3, NULL, 1699999999500, 1699999000000, 'second');
UPDATE sqlite_sequence SET seq = 91 WHERE name = 'messages';
UPDATE probe SET at = 1699999999000;
PRAGMA user_version = 1;
