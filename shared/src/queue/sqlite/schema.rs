//! The queue's tables, and why they are shaped so.
//!
//! `messages` holds small rows in append order. A message is ready, delayed or in flight, and stands in exactly one of
//! two disjoint partial indexes: `ready` (by span of ids, then group) or `hidden` (by when it shows). `groups` holds one small row for
//! each group that has messages: how many in each state, and its `head`, the oldest ready one. The index `turns` keeps
//! the groups in the order in which they are served, so that a receive costs the same with one message or a hundred
//! thousand. Triggers keep `groups` true whatever statement touches a message; no code does it by hand.
//!
//! What is sent is appended to `arrivals`, which has no index and no trigger: the sender, a webhook's answer, waits for
//! one page whatever the number of groups. Whoever receives next settles it: gives it its place among the messages. Of
//! many, it begins with some, and the others follow at once beside it.
//! Arrivals are contiguous: appended at the end, settled from the start.
//!
//! Ids are given to arrivals, kept for the message's life, and never used twice (AUTOINCREMENT): an old receipt can't name
//! a new message.

use crate::sqlite::Schema;

/// A message that can be received.
pub(super) const READY: i64 = 0;
/// A message that was sent with a delay.
pub(super) const DELAYED: i64 = 1;
/// A message that was received, and is hidden until its visibility ends.
pub(super) const IN_FLIGHT: i64 = 2;

/// A queue's file.
pub const SCHEMA: Schema = Schema {
    kind: "queue",
    // "ECOq"
    application_id: 0x4543_4f71,
    migrations: &[FIRST, SECOND],
    unmarked: &["messages", "groups", "dead", "probe"],
};

const FIRST: &str = "
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
";

/// The index `ready` is by span, 4,096 ids, and by group within it: a message that is sent is written beside those sent
/// just before, whatever their groups. By group alone, each would have a page of its own to write when many wait.
/// `spans` lists the spans that have a ready message, for finding a group's next one. (`+s.span` has no affinity, which an
/// index on an expression asks for.)
const SECOND: &str = "
    DROP INDEX ready;
    CREATE INDEX ready ON messages (id >> 12, grp) WHERE state = 0;
    CREATE TABLE spans (span INTEGER PRIMARY KEY) STRICT;
    INSERT INTO spans SELECT DISTINCT id >> 12 FROM messages WHERE state = 0;
    -- What is due is counted from the index alone.
    DROP INDEX hidden;
    CREATE INDEX hidden ON messages (visible_at, state) WHERE state <> 0;

    DROP TRIGGER message_comes;
    CREATE TRIGGER message_comes AFTER INSERT ON messages BEGIN
        INSERT INTO groups (name, ready, delayed, in_flight, head)
        VALUES (NEW.grp, NEW.state = 0, NEW.state = 1, NEW.state = 2, iif(NEW.state = 0, NEW.id, NULL))
        ON CONFLICT (name) DO UPDATE SET
            ready = ready + excluded.ready,
            delayed = delayed + excluded.delayed,
            in_flight = in_flight + excluded.in_flight,
            head = coalesce(head, excluded.head);
        INSERT INTO spans SELECT NEW.id >> 12 WHERE NEW.state = 0 ON CONFLICT DO NOTHING;
    END;
    DROP TRIGGER message_changes;
    CREATE TRIGGER message_changes AFTER UPDATE OF state ON messages WHEN OLD.state <> NEW.state BEGIN
        UPDATE groups SET
            ready = ready - (OLD.state = 0) + (NEW.state = 0),
            delayed = delayed - (OLD.state = 1) + (NEW.state = 1),
            in_flight = in_flight - (OLD.state = 2) + (NEW.state = 2),
            head = CASE
                WHEN NEW.state = 0 THEN min(coalesce(head, NEW.id), NEW.id)
                WHEN head = OLD.id AND ready = 1 THEN NULL
                WHEN head = OLD.id THEN
                    (SELECT m.id FROM spans AS s CROSS JOIN messages AS m
                     WHERE s.span >= OLD.id >> 12 AND m.id >> 12 = +s.span AND m.grp = OLD.grp AND m.state = 0
                     ORDER BY s.span, m.id LIMIT 1)
                ELSE head
            END
        WHERE name = NEW.grp;
        INSERT INTO spans SELECT NEW.id >> 12 WHERE NEW.state = 0 ON CONFLICT DO NOTHING;
        DELETE FROM spans WHERE OLD.state = 0 AND span = OLD.id >> 12
            AND NOT EXISTS (SELECT 1 FROM messages WHERE id >> 12 = OLD.id >> 12 AND state = 0);
    END;
    DROP TRIGGER message_goes;
    CREATE TRIGGER message_goes AFTER DELETE ON messages BEGIN
        UPDATE groups SET
            ready = ready - (OLD.state = 0),
            delayed = delayed - (OLD.state = 1),
            in_flight = in_flight - (OLD.state = 2),
            head = CASE
                WHEN head = OLD.id AND ready = 1 THEN NULL
                WHEN head = OLD.id THEN
                    (SELECT m.id FROM spans AS s CROSS JOIN messages AS m
                     WHERE s.span >= OLD.id >> 12 AND m.id >> 12 = +s.span AND m.grp = OLD.grp AND m.state = 0
                     ORDER BY s.span, m.id LIMIT 1)
                ELSE head
            END
        WHERE name = OLD.grp;
        DELETE FROM groups WHERE name = OLD.grp AND ready + delayed + in_flight = 0;
        DELETE FROM spans WHERE OLD.state = 0 AND span = OLD.id >> 12
            AND NOT EXISTS (SELECT 1 FROM messages WHERE id >> 12 = OLD.id >> 12 AND state = 0);
    END;

    -- One row: how many dead letters there are, without counting them.
    CREATE TABLE totals (id INTEGER PRIMARY KEY CHECK (id = 1), dead INTEGER NOT NULL) STRICT;
    INSERT INTO totals SELECT 1, count(*) FROM dead;
    CREATE TRIGGER letter_comes AFTER INSERT ON dead BEGIN
        UPDATE totals SET dead = dead + 1;
    END;
    CREATE TRIGGER letter_goes AFTER DELETE ON dead BEGIN
        UPDATE totals SET dead = dead - 1;
    END;

    CREATE TABLE arrivals (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        grp        TEXT NOT NULL,
        visible_at INTEGER NOT NULL,            -- ms since 1970; later than sent_at if it was sent with a delay
        sent_at    INTEGER NOT NULL,            -- ms since 1970
        body       TEXT NOT NULL
    ) STRICT;
    -- No id that a message ever had is given again.
    INSERT INTO sqlite_sequence (name, seq) SELECT 'arrivals', seq FROM sqlite_sequence WHERE name = 'messages';
    -- A process of version 1 that has the file open would give ids of its own, which then stand twice: settling would fail
    -- from there on, and nothing be received. Its sends are refused instead.
    CREATE TRIGGER stranger_comes BEFORE INSERT ON messages WHEN NOT EXISTS (SELECT 1 FROM arrivals WHERE id = NEW.id)
    BEGIN
        SELECT RAISE(ABORT, 'a newer eco-coder has migrated this file: stop this process and start that version');
    END;
";
