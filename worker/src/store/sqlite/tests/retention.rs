//! What is over goes, in small writes, with the writers of reviews in between.

use std::time::Duration;

use super::*;
use crate::store::ROW_DAYS;

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn many_that_are_over_go_in_small_writes_with_others_in_between() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let fill = |c: &Connection| {
        c.execute_batch(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO results SELECT 'r' || i, zeroblob(8000), i FROM n;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
             INSERT INTO events SELECT 's', i, zeroblob(100), 5 FROM n;
             INSERT INTO results SELECT 'large' || value, zeroblob(8000000), 7 FROM json_each('[1, 2, 3]');
             INSERT INTO results VALUES ('kept', x'01', 5000)",
        )
    };
    store.database.write(fill).await.unwrap();
    let before = Check::look(&path).unwrap().size().unwrap().bytes;

    let (now, mut writes) = (Timestamp(3000), 0);
    loop {
        let (key, claim) = (contract::key(writes + 1), contract::claim("a", 3));
        let (purged, claimed) = tokio::join!(store.purge(now), store.transition(key, &claim));
        assert!(matches!(claimed.unwrap(), Verdict::Mine(_)));
        let purged = purged.unwrap();
        assert!(purged <= 4 * 100 + 256, "{purged} in one write");
        if purged == 0 {
            break;
        }
        writes += 1;
    }
    assert!(writes >= 30, "{writes}");
    let look = Check::look(&path).unwrap();
    let check = Check::of(&look, None).unwrap();
    assert_eq!((check.results, check.events, check.pulls), (1, 0, writes + 1));
    let after = look.size().unwrap().bytes;
    assert!(after < before / 5, "{before} bytes became {after}");
}

#[tokio::test]
async fn a_row_goes_when_nobody_asked_for_it_for_long() {
    let store = SqliteStore::in_memory().unwrap();
    let at = Timestamp::from_seconds;
    let (idle, used) = (contract::key(1), contract::key(2));
    store.transition(idle, &contract::claim("a", 1)).await.unwrap();
    store.transition(used, &contract::claim("a", 1)).await.unwrap();
    store.transition(used, &contract::claim("b", 1000)).await.unwrap();
    let over = at(1) + DAY * ROW_DAYS;
    assert_eq!(store.purge(Timestamp(over.0 - 1)).await.unwrap(), 0);
    assert_eq!(store.row(idle).await.unwrap().epoch, 1);
    assert_eq!(store.purge(over).await.unwrap(), 1);
    assert_eq!(store.row(idle).await.unwrap(), Row::default());
    assert_eq!(store.row(used).await.unwrap().epoch, 2);
}

#[tokio::test]
async fn what_was_sealed_with_another_key_or_is_no_row_is_told() {
    use eco_coder_shared::env::SystemEnv;

    use crate::review::inspect;
    use crate::store::seal::SealKey;

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path).unwrap();
    let (key, other) = (SealKey::new(&[7; 32]), SealKey::new(&[8; 32]));
    let (name, at) = (ResultKey("k".into()), Timestamp(10));
    let sealed = key.seal(&SystemEnv, &inspect::result_place(&name), b"result");
    store.put_result(&name, sealed, at).await.unwrap();
    let pull = contract::key(1);
    let sealed = key.seal(&SystemEnv, &inspect::kept_place(pull), b"report");
    store.keep_report(pull, &"a/b".parse().unwrap(), sealed, at).await.unwrap();
    let session = SessionId("s".into());
    let sealed = key.seal(&SystemEnv, &crate::agent::driver::place(&session, 0), b"event");
    store.append(&session, 0, sealed, at).await.unwrap();

    let look = Check::look(&path).unwrap();
    let sound = Check::of(&look, Some(&key)).unwrap();
    assert_eq!((sound.tried, sound.sealed_otherwise, sound.unreadable), (3, 0, 0));
    assert_eq!(Check::of(&look, Some(&other)).unwrap().sealed_otherwise, 3);
    let odd =
        |c: &Connection| c.execute("INSERT INTO pulls (repo_id, pull, row) VALUES (9, 9, '{\"epoch\":\"x\"}')", []);
    store.database.write(odd).await.unwrap();
    assert_eq!(Check::of(&look, Some(&key)).unwrap().unreadable, 1);
}
