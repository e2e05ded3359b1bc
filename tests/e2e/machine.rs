//! The machine fails: its disk is full, another process holds a file, a process stalls or is asked to end. What was
//! answered 202 is there, what can't be stored is a 503 in time, and all goes on by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use eco_coder::forge::{Action, Fault, Gate};
use eco_coder_shared::env::SystemEnv;
use eco_coder_shared::ids::{CommitSha, PullNumber};
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::queue::sqlite::SqliteQueue;
use eco_coder_shared::testing::held::hold;
use tokio::task::JoinSet;

use crate::disk::Disk;
use crate::process::PATIENCE;
use crate::wire::{Peer, delivery};
use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, run_in, stdout};

on_both_engines!(a_worker_that_stalls_past_its_lease_before_its_write_goes_away_without_one);

/// GitHub's patience with a webhook.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Opens a pull request and delivers its webhook: was it accepted? In time, whatever the answer is.
async fn opened(world: &World, branch: &str) -> (bool, PullNumber, CommitSha) {
    // No two are alike: a commit that is known needs no review.
    let (pull, head) = world.open(branch, &[("a.py", &format!("# {branch}\n{CLEAN}"))]);
    let sent = Instant::now();
    let webhook = world.forge.webhook(&world.repo, pull, "opened").unwrap();
    let answer = tokio::time::timeout(PATIENCE, world.send(&webhook)).await.expect("an answer, whatever it is");
    assert!(sent.elapsed() < TIMEOUT, "{:?}", sent.elapsed());
    assert!(matches!(answer.status, 202 | 503), "{} {}", answer.status, answer.body);
    (answer.status == 202, pull, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_means_503_in_time_nothing_half_written_and_work_goes_on_when_there_is_room() {
    for disk in Disk::all() {
        full_and_free_again(disk).await;
    }
}

async fn full_and_free_again(disk: Disk) {
    let mut world = World::new("[worker]\nmax_attempts = 1").await;
    let process = world.starting_serve_on(disk);
    world.serves(process).await;
    let data = world.data();
    let mut accepted = Vec::new();
    let (is_stored, pull, head) = opened(&world, "before").await;
    assert!(is_stored);
    world.comment(pull, &head).await;
    accepted.push((pull, head));

    // A review is under way when the disk becomes full: its worker can keep nothing of it.
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::Hold(gate.clone())).times(100));
    let (is_stored, pull, head) = opened(&world, "under-way").await;
    assert!(is_stored);
    accepted.push((pull, head));
    tokio::time::timeout(PATIENCE, gate.arrived(1)).await.expect("the review is under way");
    disk.fill(world.ingress(), &data);
    let mut refused = 0;
    // The log of the files may have room for a few more.
    for n in 0..200 {
        let (is_stored, pull, head) = opened(&world, &format!("full-{n}")).await;
        if is_stored {
            accepted.push((pull, head));
        } else {
            refused += 1;
        }
        if refused == 5 {
            break;
        }
    }
    assert_eq!(refused, 5, "{disk:?}: {} were stored on a full disk", accepted.len());
    gate.release();
    world.ingress().says("the store failed; the message comes back by itself").await;

    disk.free(world.ingress(), &data);
    let (is_stored, pull, head) = opened(&world, "after").await;
    assert!(is_stored, "{disk:?}: nothing else needs doing");
    accepted.push((pull, head));
    for (pull, head) in &accepted {
        world.comment(*pull, head).await;
    }
    // Looked at as a copy: SQLite doesn't find its way into another process's mounts.
    world.ingress().signal("STOP");
    let copy = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(disk.seen(world.ingress(), &data)).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let queue = SqliteQueue::open(&copy.path().join("queue.db"), Arc::new(SystemEnv)).unwrap();
    assert_eq!(queue.dead_letters(10).await.unwrap(), [], "a full disk is no job's failure");
    queue.close().await;
    let place = [("ECO_CODER_DATA_DIR".to_owned(), copy.path().display().to_string())];
    let sound = run_in(copy.path(), &place, &["doctor", "--storage"]);
    assert!(sound.status.success(), "{}", stdout(&sound));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_another_process_holds_mean_503_in_time_and_a_worker_that_waits() {
    let mut world = World::new("[worker]\nmax_attempts = 1\n[ingress]\nenqueue_timeout_seconds = 1").await;
    world.start_ingress().await;
    world.start_worker().await;
    let queue = hold(&world.data().join("queue.db"));
    let (is_stored, ..) = opened(&world, "busy").await;
    assert!(!is_stored, "nobody could have written it");
    drop(queue);
    let store = hold(&world.data().join("store.db"));
    let (is_stored, pull, head) = opened(&world, "free").await;
    assert!(is_stored, "the queue is free again");
    world.worker().says("the store failed; the message comes back by itself").await;
    drop(store);
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(world.queue().dead_letters(10).await.unwrap(), []);
}

async fn a_worker_that_stalls_past_its_lease_before_its_write_goes_away_without_one(engines: Engines) {
    // What is said beside the commit is written meanwhile, and a file that it holds while it stalls is held from everybody.
    let mut world = World::running_on(engines, "[report]\nstatus = \"off\"").await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::CommitThenHold(gate.clone())));
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    gate.arrived(1).await;
    let late = world.worker.take().unwrap();
    late.signal("STOP");
    world.start_worker().await;
    world.comment(pull, &head).await;
    world.settled().await;
    let writes = world.writes();
    late.signal("CONT");
    gate.release();
    late.says("the lease was lost; another worker goes on").await;
    // What it has to say goes out before it ends.
    late.signal("TERM");
    let mut late = late;
    assert!(late.ended().await.success());
    assert_eq!(world.writes(), writes, "the late one has written nothing");
    world.comment(pull, &head).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_that_stalls_answers_what_waited_when_it_goes_on() {
    let mut world = World::new("").await;
    world.start_ingress().await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    let webhook = delivery(&world.forge.webhook(&world.repo, pull, "opened").unwrap());
    world.ingress().signal("STOP");
    let mut peers = Vec::new();
    for _ in 0..20 {
        let mut peer = Peer::connect(world.address()).await;
        peer.write(&webhook).await;
        peers.push(peer);
    }
    assert_eq!(world.stored().await, 0);
    world.ingress().signal("CONT");
    for peer in &mut peers {
        assert_eq!(peer.reply().await.expect("an answer").status, 202);
    }
    assert_eq!(world.stored().await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_under_load_ends_in_time_and_every_202_is_stored() {
    const SENDERS: usize = 8;
    let mut world = World::new("").await;
    world.start_ingress().await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    let webhook = Arc::new(delivery(&world.forge.webhook(&world.repo, pull, "opened").unwrap()));
    let (address, stop) = (world.address(), Arc::new(AtomicBool::new(false)));
    let accepted = tokio::sync::watch::Sender::new(0_u64);
    let mut senders = JoinSet::new();
    for _ in 0..SENDERS {
        let (webhook, stop, accepted) = (Arc::clone(&webhook), Arc::clone(&stop), accepted.clone());
        senders.spawn(async move {
            let mut cut = 0;
            while !stop.load(Ordering::Relaxed) {
                let Ok(mut peer) = Peer::try_connect(address).await else { return cut };
                peer.write(&webhook).await;
                match peer.reply().await {
                    Some(reply) => {
                        assert_eq!(reply.status, 202, "{reply:?}");
                        accepted.send_modify(|count| *count += 1);
                    }
                    // It waited in the listen queue, which is gone.
                    None => cut += 1,
                }
            }
            cut
        });
    }
    accepted.subscribe().wait_for(|count| *count >= 200).await.unwrap();
    world.ingress().terminate();
    let told = Instant::now();
    let mut ingress = world.ingress.take().unwrap();
    let ended = ingress.ended().await;
    assert!(ended.success() && told.elapsed() < Duration::from_secs(20), "{ended} after {:?}", told.elapsed());
    stop.store(true, Ordering::Relaxed);
    let cut: usize = senders.join_all().await.into_iter().sum();
    assert!(cut <= SENDERS, "{cut} webhooks were left without an answer");
    assert_eq!(world.stored().await, *accepted.borrow());
}
