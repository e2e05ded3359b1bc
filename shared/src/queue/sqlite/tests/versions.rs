//! Files that earlier builds made, opened by this one. A new version adds its frozen file here.

use sha2::{Digest as _, Sha256};

use super::*;

/// Digests of the released migrations, in order: what ran on somebody's file can't be changed any more.
const RELEASED: &[&str] = &[
    "6593ae981b71bdd25dccdc29a65b39e350e6e26c1554d0817f5a1e8932fd4137",
    "b4b28930960b2b2531b440e115aaabfb026685873ebb64961689385fc7289c4d",
];

#[test]
fn released_migrations_are_never_edited() {
    let made: Vec<String> =
        SCHEMA.migrations.iter().map(|migration| hex::encode(Sha256::digest(migration.as_bytes()))).collect();
    assert_eq!(made, RELEASED, "add a migration and its digest; leave those that were released as they are");
}

/// Tables, indices and triggers, without the spaces that don't matter.
fn shape(conn: &Connection) -> Vec<(String, String)> {
    let mut statement = conn.prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.unwrap()).map(|(n, sql)| (n, sql.split_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

#[tokio::test]
async fn a_file_of_version_1_keeps_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    Connection::open(&path).unwrap().execute_batch(include_str!("versions/1.sql")).unwrap();
    let env = clock();
    let queue = SqliteQueue::open(&path, env.clone()).unwrap();

    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.delayed, depth.in_flight, depth.dead), (1, 1, 1, 2));
    let letters = queue.dead_letters(10).await.unwrap();
    assert_eq!(
        letters.iter().map(|l| (l.id.as_str(), l.body.as_str())).collect::<Vec<_>>(),
        [("91", "second"), ("90", "first")]
    );
    let old_receipt = Receipt("3.3.fffffffffffffffb".into());
    assert_eq!(queue.extend(std::slice::from_ref(&old_receipt), MINUTE).await.unwrap(), [Ok(())]);
    assert_eq!(queue.ack(&[old_receipt]).await.unwrap(), [Ok(())]);
    let received = queue.receive(10, Duration::ZERO, MINUTE).await.unwrap();
    assert_eq!(received.iter().map(|m| m.body.as_str()).collect::<Vec<_>>(), ["ready"]);
    env.advance(MINUTE);
    assert_eq!(queue.redrive(Redrive::One("90".into()), str::to_owned).await.unwrap(), 1);
    let bodies: HashSet<String> =
        queue.receive(10, Duration::ZERO, MINUTE).await.unwrap().into_iter().map(|m| m.body).collect();
    assert_eq!(bodies, ["ready", "delayed", "first"].map(String::from).into());
    assert_eq!(queue.send(vec![message("7", "new")]).await.unwrap(), [Ok("93".to_owned())], "ids go on");
    assert_eq!(queue.depth().await.unwrap().dead, 1);
    let check = Check::of(&Check::look(&path).unwrap()).unwrap();
    assert_eq!(check.faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_migrated_file_is_like_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old.db"), dir.path().join("new.db"));
    Connection::open(&old).unwrap().execute_batch(include_str!("versions/1.sql")).unwrap();
    for path in [&old, &new] {
        SqliteQueue::open(path, clock()).unwrap().close().await;
    }
    let (old, new) = (Connection::open(&old).unwrap(), Connection::open(&new).unwrap());
    assert_eq!(shape(&old), shape(&new));
    for pragma in ["user_version", "application_id", "auto_vacuum"] {
        let value = |conn: &Connection| conn.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(value(&old), value(&new), "{pragma}");
    }
}

/// It would take ids that were given to others: the message that settles under such an id would stop every receive.
#[tokio::test]
async fn a_process_of_version_1_that_has_the_file_open_is_refused_and_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("versions/1.sql")).unwrap();
    let mut send = old
        .prepare("INSERT INTO messages (grp, state, visible_at, sent_at, body) VALUES ('7', 0, 0, 0, 'from version 1')")
        .unwrap();
    send.execute([]).unwrap();
    let queue = SqliteQueue::open(&path, clock()).unwrap();

    let refused = send.execute([]).unwrap_err().to_string();
    assert!(refused.contains("newer eco-coder"), "{refused}");
    queue.send(vec![message("8", "new")]).await.unwrap()[0].clone().unwrap();
    assert!(send.execute([]).is_err());
    let received = queue.receive(10, Duration::ZERO, MINUTE).await.unwrap();
    let bodies: HashSet<&str> = received.iter().map(|m| m.body.as_str()).collect();
    assert_eq!(bodies, ["ready", "from version 1", "new"].into());
}
