use std::collections::HashSet;
use std::fs;
use std::future::Future as _;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Waker};

use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;

use super::*;
use crate::env::{Env as _, ManualEnv, SystemEnv, Timestamp};

mod arrivals;
mod engines;
mod model;
mod processes;
mod retention;
mod versions;

const MINUTE: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_millis(50);

fn message(group: &str, body: &str) -> NewMessage {
    NewMessage { group: group.into(), body: body.into(), delay: Duration::ZERO }
}

fn clock() -> Arc<ManualEnv> {
    Arc::new(ManualEnv::new(Timestamp::from_seconds(1_700_000_000), 7))
}

fn on_disk() -> (TempDir, SqliteQueue) {
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&dir.path().join("queue.db"), Arc::new(SystemEnv)).unwrap();
    (dir, queue)
}

/// `count` messages at once, each in its place.
async fn fill(queue: &SqliteQueue, group: &'static str, count: u32) {
    let fill = move |conn: &Connection| {
        conn.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO arrivals (grp, visible_at, sent_at, body) SELECT ?1, 0, 0, 'x' FROM n",
            rusqlite::params![group, count],
        )?;
        rows::settle(conn, u32::MAX)
    };
    queue.db.write(fill).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_receivers_on_two_handles_never_claim_a_message_twice() {
    let (dir, first) = on_disk();
    let second = SqliteQueue::open(&dir.path().join("queue.db"), Arc::new(SystemEnv)).unwrap();
    for batch in 0..200 {
        let messages = (0..10).map(|n| message(&format!("{}", n % 7), &format!("{batch}.{n}"))).collect();
        assert!(first.send(messages).await.unwrap().iter().all(Result::is_ok));
    }

    let left = Arc::new(AtomicUsize::new(2_000));
    let receivers: Vec<_> = (0..8)
        .map(|n| {
            let queue = if n % 2 == 0 { first.clone() } else { second.clone() };
            let left = Arc::clone(&left);
            tokio::spawn(async move {
                let mut bodies = Vec::new();
                while left.load(Ordering::SeqCst) > 0 {
                    let received = queue.receive(10, SHORT, MINUTE).await.unwrap();
                    let receipts: Vec<_> = received.iter().map(|m| m.receipt.clone()).collect();
                    assert!(queue.ack(&receipts).await.unwrap().iter().all(Result::is_ok));
                    left.fetch_sub(received.len(), Ordering::SeqCst);
                    bodies.extend(received.into_iter().map(|m| (m.body, m.receive_count)));
                }
                bodies
            })
        })
        .collect();

    let mut all = Vec::new();
    for receiver in receivers {
        all.extend(receiver.await.unwrap());
    }
    assert_eq!(all.len(), 2_000);
    assert!(all.iter().all(|(_, count)| *count == 1));
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 2_000);
    assert_eq!(first.depth().await.unwrap(), Depth::default());
}

/// What is in the files the moment after `send` answered is all that a crash leaves.
#[tokio::test]
async fn what_send_answered_is_in_a_copy_of_the_files_taken_right_after() {
    let (dir, queue) = on_disk();
    // A copy isn't atomic: no checkpoint must move pages between copying one file and the other. What a reader may still
    // want to see as it was is not moved.
    let reader = Connection::open(dir.path().join("queue.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM messages").unwrap();
    let mut promised = Vec::new();
    for round in 0..20 {
        let sends = (0..10).map(|n| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.send(vec![message("g", &format!("{round}.{n}"))]).await })
        });
        for send in sends.collect::<Vec<_>>() {
            promised.extend(send.await.unwrap().unwrap().into_iter().map(Result::unwrap));
        }
        let late = tokio::spawn({
            let queue = queue.clone();
            async move { queue.send(vec![message("late", "x")]).await }
        });

        let copy = tempfile::tempdir().unwrap();
        for file in ["queue.db", "queue.db-wal"] {
            fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
        }
        let survivor = Connection::open(copy.path().join("queue.db")).unwrap();
        let check: String = survivor.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(check, "ok");
        let mut statement = survivor.prepare("SELECT id FROM messages UNION ALL SELECT id FROM arrivals").unwrap();
        let found: HashSet<i64> = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        for id in &promised {
            assert!(found.contains(&id.parse().unwrap()), "message {id} was promised");
        }
        late.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_locked_file_is_unavailable_in_time_and_nothing_is_half_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let db = Database::open_with(&path, &SCHEMA, SHORT).unwrap();
    let queue = SqliteQueue::on(db, Arc::new(SystemEnv));
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let started = std::time::Instant::now();
    let sent = queue.send(vec![message("g", "1"), message("g", "2")]).await;
    assert!(matches!(&sent, Err(QueueError::Unavailable(advice)) if advice.contains("busy")), "{sent:?}");
    assert!(queue.check().await.is_err());
    assert!(queue.receive(1, Duration::ZERO, MINUTE).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(10));

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
    queue.check().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_nothing_is_half_written() {
    let (_dir, queue) = on_disk();
    queue.db.write(|conn| conn.execute_batch("PRAGMA max_page_count = 24")).await.unwrap();
    let batch: Vec<_> = (0..10).map(|n| message("g", &n.to_string().repeat(15_000))).collect();
    let sent = queue.send(batch).await;
    assert!(matches!(&sent, Err(QueueError::Unavailable(advice)) if advice.contains("disk is full")), "{sent:?}");
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
    assert!(queue.send(vec![message("g", "small")]).await.unwrap()[0].is_ok());
}

#[tokio::test]
async fn every_step_of_a_receive_goes_by_an_index() {
    let queue = SqliteQueue::in_memory(clock()).unwrap();
    let plan = |sql: &'static str| {
        queue.db.read(move |conn| {
            let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
            let steps = statement.query_map(rusqlite::params_from_iter(unbound), |row| row.get::<_, String>(3))?;
            Ok(steps.collect::<rusqlite::Result<Vec<_>>>()?.join("; "))
        })
    };
    assert_eq!(plan(rows::TURN).await.unwrap(), "SCAN groups USING COVERING INDEX turns");
    let show = plan(rows::SHOW).await.unwrap();
    assert!(show.contains("SEARCH messages USING COVERING INDEX hidden (visible_at<?)"), "{show}");
    assert!(!show.contains("SCAN messages") && !show.contains("TEMP B-TREE"), "{show}");
    let next = "SELECT m.id FROM spans AS s CROSS JOIN messages AS m
         WHERE s.span >= ?1 >> 12 AND m.id >> 12 = +s.span AND m.grp = ?2 AND m.state = 0
         ORDER BY s.span, m.id LIMIT 1";
    assert!(SCHEMA.migrations[1].contains("ORDER BY s.span, m.id LIMIT 1"), "the triggers' own question");
    let by_rowid = "SEARCH s USING INTEGER PRIMARY KEY (rowid>?)";
    assert_eq!(
        plan(next).await.unwrap(),
        format!("{by_rowid}; SEARCH m USING COVERING INDEX ready (<expr>=? AND grp=?)")
    );
    let empty = plan("SELECT 1 FROM messages WHERE id >> 12 = 7 AND state = 0").await.unwrap();
    assert!(empty.starts_with("SEARCH messages USING ") && empty.ends_with("INDEX ready (<expr>=?)"), "{empty}");
}

/// In steps of SQLite's machine, which no load on this machine changes.
#[tokio::test]
async fn a_receive_costs_the_same_with_a_hundred_thousand_messages() {
    let queue = SqliteQueue::in_memory(clock()).unwrap();
    let steps = || {
        queue.db.write(|conn| {
            let mut turn = conn.prepare(rows::TURN)?;
            let head: i64 = turn.query_row([], |row| row.get(0))?;
            let mut take = conn.prepare("UPDATE messages SET state = 2, visible_at = ?2 WHERE id = ?1")?;
            take.execute([head, i64::MAX])?;
            Ok(turn.get_status(StatementStatus::VmStep) + take.get_status(StatementStatus::VmStep))
        })
    };
    fill(&queue, "large", 10).await;
    let few = steps().await.unwrap();
    fill(&queue, "large", 100_000).await;
    let many = steps().await.unwrap();
    assert!(few > 0 && many <= few + 10, "{few} steps with ten, {many} with a hundred thousand");

    fill(&queue, "small", 1).await;
    fill(&queue, "large", 100_000).await;
    let only_one = steps().await.unwrap();
    assert!(only_one <= few + 10, "{few} steps with ten, {only_one} for a group's last one before a hundred thousand");

    queue.send(vec![message("late", "y")]).await.unwrap();
    assert_eq!(queue.receive(1, Duration::ZERO, MINUTE).await.unwrap()[0].group, "late");
}

#[tokio::test]
async fn thousands_that_come_due_at_once_dont_hold_up_a_receive() {
    let env = clock();
    let queue = SqliteQueue::in_memory(env.clone()).unwrap();
    fill(&queue, "g", 5_000).await;
    let hide = |conn: &Connection| conn.execute("UPDATE messages SET state = 1, visible_at = 0", []);
    queue.db.write(hide).await.unwrap();
    assert_eq!(queue.depth().await.unwrap().visible, 5_000);

    assert_eq!(queue.receive(10, Duration::ZERO, MINUTE).await.unwrap().len(), 10);
    let shown = |conn: &Connection| {
        conn.query_row("SELECT count(*) FROM messages WHERE state <> 1", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(queue.db.read(shown).await.unwrap(), 256);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.delayed), (4_990, 10, 0));
}

#[tokio::test]
async fn a_receive_that_was_given_up_gives_its_messages_back() {
    let queue = SqliteQueue::in_memory(clock()).unwrap();
    queue.send(vec![message("g", "x")]).await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    queue.db.submit(move |_| {
        let _ = released.recv();
        Ok(())
    });
    {
        let mut receiving = std::pin::pin!(queue.receive(1, Duration::ZERO, MINUTE));
        let mut context = Context::from_waker(Waker::noop());
        assert!(receiving.as_mut().poll(&mut context).is_pending());
        drop(release);
        // The writer serves in turn: when this is answered, the message is claimed and on its way.
        queue.check().await.unwrap();
        assert_eq!(queue.depth().await.unwrap().in_flight, 1);
    }
    let again = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    assert_eq!(again[0].body, "x");
    assert_eq!(again[0].receive_count, 2);
}

#[tokio::test]
async fn a_message_received_a_thousand_times_is_dead() {
    let queue = SqliteQueue::in_memory(clock()).unwrap();
    queue.send(vec![message("g", "poison"), message("g", "good")]).await.unwrap();
    let nearly = |conn: &Connection| {
        rows::settle(conn, 2)?;
        conn.execute("UPDATE messages SET receives = 998 WHERE body = 'poison'", [])
    };
    assert_eq!(queue.db.write(nearly).await.unwrap(), 1);
    for count in [999, 1000] {
        let received = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
        assert_eq!((received[0].body.as_str(), received[0].receive_count), ("poison", count));
        queue.extend(&[received[0].receipt.clone()], Duration::ZERO).await.unwrap()[0].as_ref().unwrap();
    }
    let received = queue.receive(10, Duration::ZERO, MINUTE).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].body, "good");
    let letters = queue.dead_letters(10).await.unwrap();
    assert_eq!(letters[0].body, "poison");
    assert!(letters[0].reason.contains("1000 times"), "{}", letters[0].reason);
}

#[tokio::test]
async fn long_reasons_are_cut_between_characters() {
    let queue = SqliteQueue::in_memory(clock()).unwrap();
    queue.send(vec![message("g", "x")]).await.unwrap();
    let received = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    let death = Death { reason: "漢".repeat(10_000), attempts: 1, last_error: Some("é".repeat(10_000)) };
    queue.dead_letter(&received[0], death).await.unwrap().unwrap();
    let letter = &queue.dead_letters(1).await.unwrap()[0];
    assert_eq!(letter.reason.len(), dead::MAX_TEXT / 3 * 3);
    assert_eq!(letter.last_error.as_ref().unwrap().len(), dead::MAX_TEXT);
}

#[tokio::test]
async fn another_process_is_heard_within_the_interval() {
    let (dir, here) = on_disk();
    let elsewhere = SqliteQueue::open(&dir.path().join("queue.db"), Arc::new(SystemEnv)).unwrap();
    let started = Instant::now();
    let (received, sent) = tokio::join!(here.receive(1, Duration::from_secs(20), MINUTE), async {
        elsewhere.send(vec![message("g", "x")]).await
    });
    assert!(sent.unwrap()[0].is_ok());
    assert_eq!(received.unwrap()[0].body, "x");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn what_arrived_last_is_in_turn_once_somebody_receives_however_much_arrived_before() {
    let (_dir, queue) = on_disk();
    let flood = || vec![message("large", "x"); MAX_SEND];
    for _ in 0..20 {
        queue.send(flood()).await.unwrap();
    }
    queue.send(vec![message("small", "y")]).await.unwrap();
    let groups = |received: Vec<Received>| received.into_iter().map(|m| m.group).collect::<Vec<_>>();
    assert_eq!(groups(queue.receive(1, Duration::ZERO, MINUTE).await.unwrap()), ["large"]);
    let left = || queue.db.read(|conn| conn.query_row("SELECT count(*) FROM arrivals", [], |row| row.get::<_, i64>(0)));
    while left().await.unwrap() >= i64::from(rows::SETTLE) {
        tokio::task::yield_now().await;
    }
    assert_eq!(groups(queue.receive(2, Duration::ZERO, MINUTE).await.unwrap()), ["small", "large"]);
}
