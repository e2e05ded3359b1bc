//! Storage from an operator's seat: backup while jobs come in, restore, damage told in words, looking that makes nothing.

use std::collections::HashSet;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eco_coder_shared::env::SystemEnv;
use eco_coder_shared::queue::sqlite::SqliteQueue;
use eco_coder_shared::queue::{JobQueue, NewMessage};
use eco_coder_worker::store::sqlite::SqliteStore;

use crate::world::{QUERY_IN_A_LOOP, World, run_in, stdout};

/// The files of an archive, as tar lays them out: a block with name and size, then the content in whole blocks.
fn unpack(archive: &Path, into: &Path) -> Vec<String> {
    let bytes = std::fs::read(archive).unwrap();
    let (mut at, mut names) = (0, Vec::new());
    while bytes[at] != 0 {
        let text = |from: usize, to: usize| {
            std::str::from_utf8(&bytes[at + from..at + to]).unwrap().trim_end_matches('\0').to_owned()
        };
        let (name, size) = (text(0, 100), usize::from_str_radix(&text(124, 136), 8).unwrap());
        std::fs::write(into.join(&name), &bytes[at + 512..at + 512 + size]).unwrap();
        names.push(name);
        at += 512 + size.div_ceil(512) * 512;
    }
    names
}

fn doctor(data: &Path) -> Output {
    let environment = [("ECO_CODER_DATA_DIR".to_owned(), data.display().to_string())];
    run_in(data, &environment, &["doctor", "--storage"])
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_every_job_that_was_accepted_before_it_began() {
    let world = World::new("").await;
    let queue = world.queue();
    let (accepted, stop) = (Arc::new(Mutex::new(HashSet::new())), Arc::new(AtomicBool::new(false)));
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            let (queue, accepted, stop) = (queue.clone(), Arc::clone(&accepted), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let message =
                        NewMessage { group: format!("{sender}"), body: "x".repeat(300), delay: Duration::ZERO };
                    let sent = queue.send(vec![message]).await.unwrap();
                    accepted.lock().unwrap().extend(sent.into_iter().map(Result::unwrap));
                }
            })
        })
        .collect();
    while accepted.lock().unwrap().len() < 500 {
        tokio::task::yield_now().await;
    }
    let before = accepted.lock().unwrap().clone();

    let backup = tokio::task::block_in_place(|| world.run_configured(&["backup", "b.tar"]));
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    assert!(backup.status.success(), "{backup:?}");
    assert!(stdout(&backup).contains("queue.db") && stdout(&backup).contains("key"), "{}", stdout(&backup));
    assert!(accepted.lock().unwrap().len() > before.len(), "senders went on meanwhile");
    let archive = world.dir.path().join("b.tar");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let left: Vec<_> = files(world.dir.path()).into_iter().filter(|name| name.starts_with('.')).collect();
    assert_eq!(left, Vec::<String>::new());

    let restored = tempfile::tempdir().unwrap();
    assert_eq!(unpack(&archive, restored.path()), ["MANIFEST.txt", "queue.db"], "there was no store yet");
    let sound = doctor(restored.path());
    assert!(sound.status.success(), "{}", stdout(&sound));
    let queue = SqliteQueue::open(&restored.path().join("queue.db"), Arc::new(SystemEnv)).unwrap();
    let mut found = HashSet::new();
    loop {
        let received = queue.receive(10, Duration::ZERO, Duration::from_mins(10)).await.unwrap();
        if received.is_empty() {
            break;
        }
        found.extend(received.into_iter().map(|message| message.message_id));
    }
    assert!(before.is_subset(&found), "{} of {} are missing", before.difference(&found).count(), before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_serving_product_is_restored_with_its_key_and_its_memory() {
    let mut world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    let backup = world.run_configured(&["backup", "b.tar"]);
    assert!(backup.status.success(), "{backup:?}");
    let again = world.run_configured(&["backup", "b.tar"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("is there already"), "{again:?}");
    let checked = world.run_configured(&["doctor", "--storage"]);
    assert!(checked.status.success(), "while serving: {}", stdout(&checked));

    world.ingress.take().unwrap().kill();
    world.worker.take().unwrap().kill();
    for name in files(&world.data()).iter().filter(|name| name.contains(".db")) {
        std::fs::remove_file(world.data().join(name)).unwrap();
    }
    assert_eq!(unpack(&world.dir.path().join("b.tar"), &world.data()), ["MANIFEST.txt", "queue.db", "store.db"]);
    let sound = world.run_configured(&["doctor", "--storage"]);
    assert!(sound.status.success(), "{}", stdout(&sound));
    // The result, and what is remembered of the pull request.
    assert!(stdout(&sound).contains("store.tables: 1 pull requests, 2 results"), "{}", stdout(&sound));
    assert!(stdout(&sound).contains("store.sealed: 2 of 2"), "{}", stdout(&sound));

    let writes = world.writes().len();
    world.start_ingress().await;
    world.start_worker().await;
    world.deliver(pull, "opened").await;
    world.settled().await;
    assert_eq!(world.writes().len(), writes, "what was done before the backup is known to be done");

    std::fs::write(world.data().join("session.key"), "7".repeat(64)).unwrap();
    let other = world.run_configured(&["doctor", "--storage"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(stdout(&other).contains("sealed with another key"), "{}", stdout(&other));
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_tells_damage_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
    for _ in 0..100 {
        let message = || NewMessage { group: "g".into(), body: "x".repeat(300), delay: Duration::ZERO };
        queue.send((0..10).map(|_| message()).collect()).await.unwrap();
    }
    queue.close().await;
    let sound = doctor(dir.path());
    assert!(sound.status.success(), "{}", stdout(&sound));
    assert!(
        stdout(&sound).contains("queue.tables: 1000 messages in 1 groups and 0 dead letters"),
        "{}",
        stdout(&sound)
    );
    assert!(stdout(&sound).contains("store: ") && stdout(&sound).contains("not there yet"), "{}", stdout(&sound));

    let whole = std::fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[40 * 4096..60 * 4096].fill(0x55);
    for (bytes, words) in
        [(damaged, "restore a backup"), (whole[..4096 * 30].to_vec(), "restore"), (vec![b'x'; 9000], "restore it")]
    {
        std::fs::write(&path, &bytes).unwrap();
        let ill = doctor(dir.path());
        assert_eq!(ill.status.code(), Some(1), "{}", stdout(&ill));
        assert!(stdout(&ill).contains("MEND    queue") && stdout(&ill).contains(words), "{}", stdout(&ill));
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it only looks");
        let refused = run_in(
            dir.path(),
            &[("ECO_CODER_DATA_DIR".to_owned(), dir.path().display().to_string())],
            &["backup", "b.tar"],
        );
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(!files(dir.path()).iter().any(|name| name.contains("backup") || name.contains("tar")), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_makes_nothing() {
    let world = World::new("").await;
    for arguments in [&["doctor"][..], &["doctor", "--storage"], &["queue", "status"], &["backup", "b.tar"]] {
        let output = world.run_configured(arguments);
        let is_doctor = arguments[0] == "doctor";
        assert_eq!(output.status.code(), Some(if is_doctor { 0 } else { 2 }), "{arguments:?}: {output:?}");
        assert!(!world.data().exists(), "{arguments:?}");
    }
    assert_eq!(files(world.dir.path()), ["eco-coder.toml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_isnt_the_queue_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    drop(SqliteStore::open(&path).unwrap());
    let environment = [("ECO_CODER_QUEUE_PATH".to_owned(), path.display().to_string())];
    let refused = run_in(dir.path(), &environment, &["queue", "status"]);
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("is a database, but not eco-coder's queue"), "{told}");
    drop(SqliteStore::open(&path).unwrap());
}
