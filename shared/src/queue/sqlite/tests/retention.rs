//! Dead letters that are kept long enough.

use super::*;

const DAY: Duration = Duration::from_hours(24);

/// `count` letters that died now, straight into the table.
async fn bury(queue: &SqliteQueue, env: &ManualEnv, first: i64, count: i64) {
    let now = env.now();
    let bury = move |conn: &Connection| {
        conn.execute(
            "WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
             INSERT INTO dead (id, grp, reason, attempts, died_at, sent_at, body) SELECT i, 'g', 'x', 1, ?3, 0, 'x' FROM n",
            rusqlite::params![first, first + count - 1, now.0],
        )
    };
    queue.db.write(bury).await.unwrap();
}

#[tokio::test]
async fn a_letter_is_seen_until_its_time_is_over_and_not_a_moment_longer() {
    let env = clock();
    let queue = SqliteQueue::in_memory(env.clone()).unwrap().keeping_dead_letters(2);
    bury(&queue, &env, 1, 1).await;
    env.advance(DAY);
    bury(&queue, &env, 2, 1).await;
    env.advance(Duration::from_millis(24 * 3_600_000 - 1));
    assert_eq!(queue.dead_letters(10).await.unwrap().len(), 2);
    env.advance(Duration::from_millis(1));

    // Over, and not deleted yet.
    let left = queue.dead_letters(10).await.unwrap();
    assert_eq!(left.iter().map(|letter| letter.id.as_str()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(queue.redrive(Redrive::One("1".into()), str::to_owned).await.unwrap(), 0);
    assert_eq!(queue.tidy().await.unwrap(), 1);
    assert_eq!(queue.tidy().await.unwrap(), 0);
    assert_eq!(queue.redrive(Redrive::All, str::to_owned).await.unwrap(), 1);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.dead, depth.visible), (0, 1));
}

#[tokio::test]
async fn many_that_are_over_go_in_small_writes_with_others_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let env = clock();
    let queue = SqliteQueue::open(&dir.path().join("queue.db"), env.clone()).unwrap();
    bury(&queue, &env, 1, 20_000).await;
    env.advance(14 * DAY);
    bury(&queue, &env, 20_001, 3).await;

    let mut writes = 0;
    loop {
        let (tidied, sent) = tokio::join!(queue.tidy(), queue.send(vec![message("g", "x")]));
        assert!(sent.unwrap()[0].is_ok());
        let tidied = tidied.unwrap();
        assert!(tidied <= 100 + 256, "{tidied} in one write");
        if tidied == 0 {
            break;
        }
        writes += 1;
    }
    assert!(writes >= 200, "{writes}");
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.dead, depth.visible), (3, writes + 1));
}

/// In steps of SQLite's machine, which no load on this machine changes.
#[tokio::test]
async fn asking_how_many_there_are_costs_the_same_whatever_lies_there() {
    let env = clock();
    let queue = SqliteQueue::in_memory(env.clone()).unwrap();
    let steps = || {
        queue.db.read(|conn| {
            let (dead, due) = ("SELECT dead FROM totals", rows::DUE_COUNT);
            let mut total = 0;
            for (sql, parameters) in [(dead, vec![]), (due, vec![i64::MAX, 10_000])] {
                let mut statement = conn.prepare(sql)?;
                statement.query(rusqlite::params_from_iter(parameters))?.next()?;
                total += statement.get_status(StatementStatus::VmStep);
            }
            Ok(total)
        })
    };
    let hide = |conn: &Connection| conn.execute("UPDATE messages SET state = 1, visible_at = 0", []);
    fill(&queue, "g", 10_000).await;
    queue.db.write(hide).await.unwrap();
    let few = steps().await.unwrap();
    fill(&queue, "g", 20_000).await;
    bury(&queue, &env, 1, 20_000).await;
    queue.db.write(hide).await.unwrap();
    assert!(steps().await.unwrap() <= few + 20);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.delayed, depth.dead), (10_000, 20_000, 20_000));
}
