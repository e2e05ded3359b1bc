use std::fs;
use std::future::Future as _;
use std::pin::pin;
use std::sync::mpsc as std_mpsc;
use std::task::{Context, Waker};
use std::time::Instant;

use tempfile::TempDir;

use super::*;

mod room;

const NOTES: Schema = Schema {
    kind: "notes",
    application_id: 7,
    migrations: &["CREATE TABLE notes (n INTEGER PRIMARY KEY) STRICT"],
    unmarked: &["notes"],
};
const SHORT: Duration = Duration::from_millis(50);

fn on_disk() -> (TempDir, Database) {
    let dir = tempfile::tempdir().unwrap();
    let db = Database::open_with(&dir.path().join("notes.db"), &NOTES, SHORT).unwrap();
    (dir, db)
}

fn note(n: i64) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> + Send + 'static {
    move |conn| conn.prepare_cached("INSERT INTO notes VALUES (?1)")?.execute([n])
}

async fn notes(db: &Database) -> i64 {
    db.read(|conn| conn.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))).await.unwrap()
}

/// Occupies the writer until the returned sender is used or dropped.
fn occupied(db: &Database) -> std_mpsc::Sender<()> {
    let (release, released) = std_mpsc::channel::<()>();
    let (started, running) = std_mpsc::channel();
    db.submit(move |_| {
        started.send(()).unwrap();
        let _ = released.recv();
        Ok(())
    });
    running.recv().unwrap();
    release
}

#[tokio::test]
async fn what_arrives_while_the_writer_is_busy_is_one_transaction() {
    let (_dir, db) = on_disk();
    let release = occupied(&db);
    for n in 0..50 {
        db.submit(move |conn| note(n)(conn).map(drop));
    }
    let (release_last, hold) = std_mpsc::channel::<()>();
    let (sender, seen_inside) = oneshot::channel();
    db.submit(move |conn| {
        let count: i64 = conn.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?;
        sender.send(count).unwrap();
        let _ = hold.recv();
        Ok(())
    });
    drop(release);

    assert_eq!(seen_inside.await.unwrap(), 50);
    assert_eq!(notes(&db).await, 0, "nothing of the group is committed yet");
    drop(release_last);
    db.write(note(50)).await.unwrap();
    assert_eq!(notes(&db).await, 51);
}

#[tokio::test]
async fn an_error_or_a_panic_undoes_its_own_call_only() {
    for (_dir, db) in [(None, Database::in_memory(&NOTES).unwrap()), on_disk_some()] {
        let release = occupied(&db);
        let failed = db.write(|conn| {
            note(1)(conn)?;
            note(1)(conn)
        });
        let panicked = db.write(|conn| {
            note(2)(conn)?;
            let mut open = conn.prepare_cached("SELECT n FROM notes")?;
            let _rows = open.query([])?;
            panic!("a defect")
        });
        let panicked = async { panicked.await.map(|(): ()| ()) };
        let (ok, failed, panicked, ()) = tokio::join!(db.write(note(3)), failed, panicked, async { drop(release) });

        assert_eq!(ok.unwrap(), 1);
        assert!(matches!(failed, Err(SqliteError::Other(_))), "{failed:?}");
        assert!(matches!(panicked, Err(SqliteError::Other(_))), "{panicked:?}");
        assert_eq!(notes(&db).await, 1);
        db.write(note(4)).await.unwrap();
    }
}

fn on_disk_some() -> (Option<TempDir>, Database) {
    let (dir, db) = on_disk();
    (Some(dir), db)
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_doesnt_run() {
    let (_dir, db) = on_disk();
    let release = occupied(&db);
    {
        let mut dropped = pin!(db.write(note(1)));
        assert!(dropped.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(release);
    db.write(note(2)).await.unwrap();
    assert_eq!(notes(&db).await, 1);
}

#[tokio::test]
async fn a_file_held_by_another_process_is_busy_in_time_and_nothing_is_half_written() {
    let (dir, db) = on_disk();
    let other = Connection::open(dir.path().join("notes.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();

    let started = Instant::now();
    let calls: Vec<_> = (0..2_000)
        .map(|n| {
            tokio::spawn({
                let db = db.clone();
                async move { db.write(note(n)).await }
            })
        })
        .collect();
    for call in calls {
        assert!(matches!(call.await.unwrap(), Err(SqliteError::Busy(_))));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "one time-out for all, not one each");

    other.execute_batch("COMMIT").unwrap();
    assert_eq!(notes(&db).await, 0);
    db.write(note(1)).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_told_apart_and_over_when_there_is_room() {
    let (_dir, db) = on_disk();
    db.write(|conn| conn.execute_batch("CREATE TABLE large (b BLOB)")).await.unwrap();
    let room = |pages: &'static str| move |conn: &Connection| conn.execute_batch(pages);
    db.write(room("PRAGMA max_page_count = 5")).await.unwrap();

    let filled = db.write(|conn| {
        note(1)(conn)?;
        conn.execute("INSERT INTO large VALUES (zeroblob(100000))", [])
    });
    assert!(matches!(filled.await, Err(SqliteError::Full(_))));
    assert_eq!(notes(&db).await, 0);
    db.write(room("PRAGMA max_page_count = 10000")).await.unwrap();
    db.write(note(1)).await.unwrap();
}

#[tokio::test]
async fn a_call_that_ends_the_transaction_fails_and_the_writer_goes_on() {
    let (_dir, db) = on_disk();
    let ended = db.write(|conn| conn.execute_batch("ROLLBACK")).await;
    assert!(matches!(ended, Err(SqliteError::Other(_))), "{ended:?}");
    db.write(note(1)).await.unwrap();
    assert_eq!(notes(&db).await, 1);
}

#[tokio::test]
async fn reads_cant_write() {
    let (_dir, db) = on_disk();
    assert!(db.read(note(1)).await.is_err());
    assert_eq!(notes(&db).await, 0);
}

#[tokio::test]
async fn closing_commits_what_waits_and_folds_the_log_into_the_file() {
    let (dir, db) = on_disk();
    let release = occupied(&db);
    db.submit(|conn| note(7)(conn).map(drop));
    drop(release);
    db.close().await;
    assert!(!dir.path().join("notes.db-wal").exists());
    let file = Connection::open(dir.path().join("notes.db")).unwrap();
    assert_eq!(file.query_row("SELECT n FROM notes", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
}

#[cfg(unix)]
#[tokio::test]
async fn new_files_and_directories_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/notes.db");
    let db = Database::open(&path, &NOTES).unwrap();
    db.write(note(1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&dir.path().join("a/b/notes.db-wal")), 0o600);
    assert_eq!(mode(&dir.path().join("a/b")), 0o700);
    assert_eq!(mode(&dir.path().join("a")), 0o700);
}

#[tokio::test]
async fn migrations_go_on_from_where_the_file_is() {
    const TWO: Schema =
        Schema { migrations: &[NOTES.migrations[0], "ALTER TABLE notes ADD COLUMN text TEXT"], ..NOTES };
    const BROKEN: Schema =
        Schema { migrations: &[NOTES.migrations[0], "CREATE TABLE half (a); CREATE nonsense"], ..NOTES };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.db");
    let first = Database::open(&path, &NOTES).unwrap();
    first.write(note(1)).await.unwrap();

    let broken = Database::open_with(&path, &BROKEN, SHORT);
    assert!(matches!(broken, Err(SqliteError::Other(_))));
    assert!(first.read(|conn| conn.prepare("SELECT * FROM half").map(drop)).await.is_err());

    let second = Database::open(&path, &TWO).unwrap();
    second.write(|conn| conn.execute("UPDATE notes SET text = 'x'", [])).await.unwrap();
    let newer = Database::open(&path, &NOTES).unwrap_err();
    assert!(matches!(newer, SqliteError::Newer { found: 2, known: 1, .. }), "{newer:?}");
    assert!(newer.to_string().contains("newer eco-coder"));
}

#[test]
fn many_that_open_a_new_file_at_once_make_one_schema() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.db");
    std::thread::scope(|scope| {
        let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| Database::open(&path, &NOTES))).collect();
        for opened in opening {
            opened.join().unwrap().unwrap();
        }
    });
}

#[test]
fn what_is_no_database_is_named_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.db");
    let text = "certainly not a database\n".repeat(100);
    fs::write(&path, &text).unwrap();
    let refused = Database::open(&path, &NOTES).unwrap_err();
    assert!(matches!(&refused, SqliteError::Corrupt(e) if e.contains("notes.db")), "{refused:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    let refused = Database::open(dir.path(), &NOTES).unwrap_err();
    assert!(matches!(refused, SqliteError::Io(_)), "{refused:?}");
}

#[test]
fn somebody_elses_database_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("theirs.db");
    let theirs = |statements: &str| {
        let _ = fs::remove_file(&path);
        Connection::open(&path).unwrap().execute_batch(statements).unwrap();
        fs::read(&path).unwrap()
    };
    for statements in [
        "CREATE TABLE songs (name)",
        "CREATE TABLE songs (name); PRAGMA user_version = 1",
        "PRAGMA application_id = 8; CREATE TABLE notes (n INTEGER PRIMARY KEY) STRICT; PRAGMA user_version = 1",
    ] {
        let before = theirs(statements);
        let refused = Database::open(&path, &NOTES).unwrap_err();
        assert!(matches!(refused, SqliteError::Foreign { kind: "notes", .. }), "{statements}: {refused:?}");
        assert!(Look::at(&path, &NOTES).is_err());
        assert_eq!(fs::read(&path).unwrap(), before, "{statements}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "{statements}");
    }
    theirs("CREATE TABLE notes (n INTEGER PRIMARY KEY) STRICT; PRAGMA user_version = 1");
    drop(Database::open(&path, &NOTES).unwrap());
}

#[tokio::test]
async fn a_look_makes_nothing_and_a_copy_is_one_moment_of_a_file_that_is_written_to() {
    let (dir, db) = on_disk();
    assert!(matches!(Look::at(&dir.path().join("none.db"), &NOTES), Err(SqliteError::Io(_))));
    assert!(!dir.path().join("none.db").exists());

    for n in 0..500 {
        db.write(note(n)).await.unwrap();
    }
    let (path, to) = (dir.path().join("notes.db"), dir.path().join("copy.db"));
    let copying = tokio::task::spawn_blocking({
        let to = to.clone();
        move || Look::at(&path, &NOTES).unwrap().copy(&to)
    });
    let mut n = 500;
    while !copying.is_finished() {
        db.write(note(n)).await.unwrap();
        n += 1;
    }
    copying.await.unwrap().unwrap();
    let copy = Look::at(&to, &NOTES).unwrap();
    let (count, last): (i64, i64) =
        copy.read(|c| c.query_row("SELECT count(*), max(n) FROM notes", [], |r| Ok((r.get(0)?, r.get(1)?)))).unwrap();
    assert!(count >= 500 && last == count - 1, "{count} {last}");
    assert!(!dir.path().join("copy.db-wal").exists());
}
