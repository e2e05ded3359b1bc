//! The room that files take: the log under load, the pages of what was deleted.

use super::*;

const PAGE: u64 = 4096;
/// A row of 24 pages, with the ones that lead to it.
const ROW: i64 = 24 * 4096;
const LARGE: Schema = Schema {
    kind: "large",
    application_id: 9,
    migrations: &["CREATE TABLE large (n INTEGER PRIMARY KEY, b BLOB NOT NULL) STRICT"],
    unmarked: &["large"],
};

fn open(dir: &TempDir) -> Database {
    Database::open(&dir.path().join("large.db"), &LARGE).unwrap()
}

fn log_bytes(dir: &TempDir) -> u64 {
    fs::metadata(dir.path().join("large.db-wal")).map_or(0, |file| file.len())
}

/// Writes about this many pages, 25 in a commit.
async fn write_pages(db: &Database, pages: u64) {
    for _ in 0..pages / 25 {
        db.write(|conn| conn.prepare_cached("INSERT INTO large (b) VALUES (zeroblob(?1))")?.execute([ROW]))
            .await
            .unwrap();
    }
}

/// Only a failing test waits this long.
const PATIENCE: Duration = Duration::from_mins(1);

async fn until(mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            // What a thread does to a file tells nobody: looking again is the only way.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test]
async fn the_log_is_bounded_under_load_and_after_a_long_reader_and_gone_when_all_is_quiet() {
    let fold = u64::try_from(log::FOLD).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    write_pages(&db, fold * 12).await;
    // The log's thread may come late on a busy machine; without it, the log would have twelve times the pages.
    assert!(log_bytes(&dir) < fold * PAGE * 10, "{} bytes under load", log_bytes(&dir));

    let reader = Connection::open(dir.path().join("large.db")).unwrap();
    reader.execute_batch("BEGIN").unwrap();
    let rows = || reader.query_row("SELECT count(*) FROM large", [], |row| row.get::<_, i64>(0)).unwrap();
    let seen = rows();
    write_pages(&db, fold * 8).await;
    assert_eq!(rows(), seen, "the reader still sees its moment");
    let long = log_bytes(&dir);
    assert!(long > fold * PAGE * 7, "the log must keep what the reader doesn't see: {long}");

    reader.execute_batch("COMMIT").unwrap();
    write_pages(&db, fold * 12).await;
    assert!(log_bytes(&dir) < long + fold * PAGE * 10, "it began again: {} after {long}", log_bytes(&dir));

    until(|| log_bytes(&dir) == 0).await;
    drop(reader);
    assert_eq!(notes_in(&db).await, seen + i64::try_from(fold * 20 / 25).unwrap());
}

async fn notes_in(db: &Database) -> i64 {
    db.read(|conn| conn.query_row("SELECT count(*) FROM large", [], |row| row.get(0))).await.unwrap()
}

#[tokio::test]
async fn a_quiet_log_waits_for_its_reader_and_a_later_commit_wakes_its_thread_again() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    write_pages(&db, 50).await;
    until(|| log_bytes(&dir) == 0).await;
    write_pages(&db, 50).await;
    assert!(log_bytes(&dir) > 0);
    until(|| log_bytes(&dir) == 0).await;
}

#[tokio::test]
async fn room_is_given_back_in_steps_down_to_a_reserve() {
    let dir = tempfile::tempdir().unwrap();
    let db = open(&dir);
    write_pages(&db, 8000).await;
    db.write(|conn| conn.execute("DELETE FROM large WHERE n > 3", [])).await.unwrap();
    let mut steps = 0;
    loop {
        let given = db.write(give_back).await.unwrap();
        assert!(given <= 256, "{given} pages in one step");
        if given == 0 {
            break;
        }
        steps += 1;
    }
    let size = Look::at(&dir.path().join("large.db"), &LARGE).unwrap().size().unwrap();
    assert!(steps > 20 && size.bytes < 1200 * PAGE && size.free_bytes <= 1024 * PAGE, "{steps} steps, {size:?}");
    assert_eq!(notes_in(&db).await, 3);
}

#[tokio::test]
async fn a_file_that_could_not_shrink_is_written_anew_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(&format!("PRAGMA journal_mode = WAL; {}; PRAGMA user_version = 1", LARGE.migrations[0])).unwrap();
    old.execute("INSERT INTO large (b) VALUES (zeroblob(50000))", []).unwrap();
    let mode = |conn: &Connection| conn.pragma_query_value(None, "auto_vacuum", |row| row.get::<_, i64>(0));
    assert_eq!(mode(&old).unwrap(), 0);

    // Another process has it open meanwhile.
    let db = open(&dir);
    assert_eq!(db.read(move |conn| mode(conn)).await.unwrap(), 2);
    assert_eq!(notes_in(&db).await, 1);
    assert_eq!(old.query_row("SELECT count(*) FROM large", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}
