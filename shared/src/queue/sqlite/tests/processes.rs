//! The queue between real processes: this test binary starts itself again, once for each of them.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

/// Names the file to the children.
const FILE: &str = "ECO_CODER_TEST_QUEUE";

fn child(test: &str, path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .arg(format!("{}::{test}", module_path!().split_once("::").unwrap().1))
        .env(FILE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// What the child has said with [`say`], until it ends or `count` is reached.
fn heard(child: &mut Child, count: usize) -> Vec<String> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.filter_map(|line| line.split_once("said ").map(|(_, text)| text.to_owned())).take(count).collect()
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nsaid {text}").unwrap();
    out.flush().unwrap();
}

/// The queue that the parent named; none if somebody runs the ignored tests by hand.
fn opened() -> Option<SqliteQueue> {
    env::var_os(FILE).map(|file| SqliteQueue::open(Path::new(&file), Arc::new(SystemEnv)).unwrap())
}

/// Eight senders that say what was stored, until the process is killed.
#[tokio::test]
#[ignore = "a child process of the tests below"]
async fn sending_child() {
    let Some(queue) = opened() else { return };
    let senders: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                // ends with the process
                while let Ok(sent) = queue.send(vec![message("g", "x"), message("h", "y")]).await {
                    for id in sent {
                        say(&id.unwrap());
                    }
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
}

/// Takes what there is and says what it was.
#[tokio::test]
#[ignore = "a child process of the tests below"]
async fn receiving_child() {
    let Some(queue) = opened() else { return };
    loop {
        let received = queue.receive(5, Duration::from_millis(500), MINUTE).await.unwrap();
        if received.is_empty() {
            return;
        }
        let receipts: Vec<_> = received.iter().map(|m| m.receipt.clone()).collect();
        assert!(queue.ack(&receipts).await.unwrap().iter().all(Result::is_ok));
        for message in received {
            say(&message.body);
        }
    }
}

#[tokio::test]
async fn what_send_answered_survives_the_processs_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let mut promised = Vec::new();
    for round in 1..=6 {
        let mut sender = child("sending_child", &path);
        // killed at another moment of its work each time
        promised.extend(heard(&mut sender, round * 37));
        sender.kill().unwrap();
        sender.wait().unwrap();
    }
    assert_eq!(promised.len(), 37 * 21);

    let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
    let mut received = HashSet::new();
    loop {
        let some = queue.receive(10, Duration::ZERO, MINUTE).await.unwrap();
        if some.is_empty() {
            break;
        }
        received.extend(some.into_iter().map(|m| m.message_id));
    }
    assert!(promised.iter().all(|id| received.contains(id)));
}

#[tokio::test]
async fn processes_share_a_file_without_claiming_a_message_twice() {
    let (dir, queue) = on_disk();
    for batch in 0..60 {
        let messages = (0..10).map(|n| message(&format!("{}", n % 3), &format!("{batch}.{n}"))).collect();
        assert!(queue.send(messages).await.unwrap().iter().all(Result::is_ok));
    }
    let path = dir.path().join("queue.db");
    let mut children: Vec<_> = (0..4).map(|_| child("receiving_child", &path)).collect();
    let said = tokio::task::spawn_blocking(move || {
        // Each says less than a pipe holds: they are read one after the other.
        children
            .iter_mut()
            .flat_map(|child| {
                let said = heard(child, usize::MAX);
                assert!(child.wait().unwrap().success());
                said
            })
            .collect::<Vec<_>>()
    });
    let said = said.await.unwrap();
    assert_eq!(said.len(), 600);
    assert_eq!(said.into_iter().collect::<HashSet<_>>().len(), 600);
    assert_eq!(queue.depth().await.unwrap(), Depth::default());
}
