//! Files that earlier builds made, opened by this one. A new version adds its frozen file here.

use sha2::{Digest as _, Sha256};

use super::*;
use crate::claim::CommentState;

/// Digests of the released migrations, in order: what ran on somebody's file can't be changed any more.
const RELEASED: &[&str] = &[
    "da0f0b2a8013370cb4ceb70b741b5e4b872ed6b8964aa774dae04b10b5fe69d9",
    "c9979496dba3f0edddb3a9e03c189b4d66cab94e37089e0c85bbc0adf81766b5",
    "b41d5c93c3aa3fcc8f9c022a4016e42940bd757375d412253869193539b476c1",
    "885e1de535b867252d7f1fd4cc867e3f888763056c9faf87902ce9048b8cc88c",
];

#[test]
fn released_migrations_are_never_edited() {
    let made: Vec<String> =
        SCHEMA.migrations.iter().map(|migration| hex::encode(Sha256::digest(migration.as_bytes()))).collect();
    assert_eq!(made, RELEASED, "add a migration and its digest; leave those that were released as they are");
}

/// Tables and indices, without the spaces that don't matter.
fn shape(conn: &Connection) -> Vec<(String, String)> {
    let mut statement = conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.unwrap()).map(|(n, sql)| (n, sql.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

/// Files of the released versions, with the same data.
const FILES: [&str; 3] =
    [include_str!("versions/1.sql"), include_str!("versions/2.sql"), include_str!("versions/3.sql")];

#[tokio::test]
async fn a_file_of_an_earlier_version_keeps_what_it_holds() {
    for file in FILES {
        keeps_what_it_holds(file).await;
    }
}

async fn keeps_what_it_holds(file: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    Connection::open(&path).unwrap().execute_batch(file).unwrap();
    let store = SqliteStore::open(&path).unwrap();

    let now = Timestamp::from_seconds(1_700_000_001);
    let key = contract::key(1);
    let row = store.row(key).await.unwrap();
    assert_eq!((row.epoch, row.wanted, row.done.as_deref()), (4, 2, Some("d")));
    assert_eq!(row.comment, CommentState::Known { id: 77 });
    assert_eq!(store.result(&ResultKey("k".into()), now).await.unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(store.events(&SessionId("s".into()), now).await.unwrap(), [[0], [1]]);
    let kept = store.kept_report(&"acme/shop".parse().unwrap(), key.pull, now).await.unwrap();
    assert_eq!(kept, Some((key, vec![4, 5])));

    // Of version 1: long over by its own times, but touched by the migration.
    store.purge(now + std::time::Duration::from_hours(24 * 100)).await.unwrap();
    assert_eq!(store.row(key).await.unwrap().epoch, 4);
    store.record(&contract::reviewed(1, 5, now)).await.unwrap();
    assert_eq!(store.reviews(now, now, 9).await.unwrap().len(), 1);
    assert!(store.lease("l", "a", now, now + std::time::Duration::from_secs(1)).await.unwrap());
    store.note("n", vec![1], now + std::time::Duration::from_secs(1)).await.unwrap();
    assert!(matches!(store.transition(key, &contract::claim("a", 1_700_000_001)).await.unwrap(), Verdict::Mine(_)));
}

#[tokio::test]
async fn a_row_that_a_process_of_version_1_writes_on_is_not_taken_for_one_that_nobody_uses() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("versions/1.sql")).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    old.execute("INSERT OR REPLACE INTO pulls (repo_id, pull, row) SELECT repo_id, pull, row FROM pulls", []).unwrap();
    store.purge(Timestamp::from_seconds(1_700_000_001)).await.unwrap();
    assert_eq!(store.row(contract::key(1)).await.unwrap().epoch, 4);
}

#[tokio::test]
async fn a_migrated_file_is_like_a_new_one() {
    for file in FILES {
        is_like_a_new_one(file).await;
    }
}

async fn is_like_a_new_one(file: &str) {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.db"), dir.path().join("new.db"));
    Connection::open(&old).unwrap().execute_batch(file).unwrap();
    for path in [&old, &new] {
        SqliteStore::open(path).unwrap().database.close().await;
    }
    let (old, new) = (Connection::open(&old).unwrap(), Connection::open(&new).unwrap());
    assert_eq!(shape(&old), shape(&new));
    for pragma in ["user_version", "application_id", "auto_vacuum"] {
        let value = |conn: &Connection| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(value(&old), value(&new), "{pragma}");
    }
}
