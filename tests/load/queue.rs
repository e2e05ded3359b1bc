//! How fast the SQLite queue is while so many jobs wait in it: `queue_load DIRECTORY REPOSITORIES JOBS`. `queue.sh` builds
//! it and runs it for several sizes.
//!
//! Makes an empty queue on the disk, sends jobs of so many repositories, and measures sends by 32 callers, receive and
//! ack by 8, and the redrive of dead letters, in microseconds a job; then what opening costs. Never runs against a queue
//! in use.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement that fails, fails")]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use eco_coder_shared::env::{Env as _, SystemEnv, Timestamp};
use eco_coder_shared::ids::{PullNumber, RepoId};
use eco_coder_shared::job::{Cause, Job};
use eco_coder_shared::queue::sqlite::SqliteQueue;
use eco_coder_shared::queue::{Death, JobQueue, MAX_BATCH, NewMessage, Redrive};

/// Jobs sent, and received, for one rate.
const SAMPLE: u64 = 20_000;
/// Dead letters redriven for one rate, at most.
const LETTERS: u64 = 5_000;
/// Callers that send at once: the ingress under load.
const SENDERS: u64 = 32;
/// Callers that receive at once.
const RECEIVERS: u64 = 8;
const MINUTE: Duration = Duration::from_mins(1);

/// A job as the ingress makes it.
fn job(n: u64, repositories: u64) -> NewMessage {
    let repo = n % repositories;
    let job = Job {
        id: SystemEnv.random_id(),
        repo_id: RepoId(600_000_000 + repo * 7919),
        repo: format!("some-organisation/service-{repo}").parse().unwrap_or_else(|e| panic!("{e}")),
        pull: PullNumber::try_from(n / repositories + 1).unwrap(),
        cause: Cause::Synchronize,
        head: Some(format!("{:040x}", u128::from(n) * 0x9e37_79b9_7f4a_7c15).parse().unwrap_or_else(|e| panic!("{e}"))),
        updated_at: Some(Timestamp(1_700_000_000_000)),
        accepted_at: SystemEnv.now(),
        rereads: 0,
        redriven_at: None,
        nonce: None,
        not_before: None,
        delivery: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958".parse().unwrap_or_else(|e| panic!("{e}"))),
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse().ok(),
    };
    NewMessage { group: job.group(), body: job.encode(), delay: Duration::ZERO }
}

/// Sends `count` jobs, `batch` in a call, and returns how long the calls took.
async fn send(queue: &SqliteQueue, count: u64, batch: u64, repositories: u64) -> Vec<Duration> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let left = Arc::new(AtomicU64::new(count / batch));
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| {
            let (queue, left) = (queue.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let mut took = Vec::new();
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                    let first = NEXT.fetch_add(batch, Ordering::Relaxed);
                    let jobs = (first..first + batch).map(|n| job(n, repositories)).collect();
                    let started = Instant::now();
                    let sent = queue.send(jobs).await.unwrap();
                    took.push(started.elapsed());
                    assert!(sent.iter().all(Result::is_ok));
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for sender in senders {
        took.extend(sender.await.unwrap());
    }
    took
}

/// Receives `count` jobs, and acks them or buries them.
async fn receive(queue: &SqliteQueue, count: u64, bury: bool) {
    let left = Arc::new(AtomicU64::new(count / MAX_BATCH as u64));
    let receivers: Vec<_> = (0..RECEIVERS)
        .map(|_| {
            let (queue, left) = (queue.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok() {
                    let received = queue.receive(MAX_BATCH, Duration::ZERO, MINUTE).await.unwrap();
                    assert_eq!(received.len(), MAX_BATCH);
                    if bury {
                        for message in &received {
                            let death = Death { reason: "measured".into(), attempts: 3, last_error: None };
                            queue.dead_letter(message, death).await.unwrap().unwrap();
                        }
                    } else {
                        let receipts: Vec<_> = received.into_iter().map(|m| m.receipt).collect();
                        assert!(queue.ack(&receipts).await.unwrap().iter().all(Result::is_ok));
                    }
                }
            })
        })
        .collect();
    for receiver in receivers {
        receiver.await.unwrap();
    }
}

/// How long each took, and the slowest hundredth of the sends.
struct Costs {
    send_us: f64,
    send_p99_ms: f64,
    receive_us: f64,
    redrive_us: f64,
}

/// With `size` jobs waiting: each round takes out as many as it put in. The fastest of three rounds counts: what the
/// machine does besides only adds.
async fn measure(queue: &SqliteQueue, size: u64, repositories: u64) -> Costs {
    let mut best = Costs { send_us: f64::MAX, send_p99_ms: f64::MAX, receive_us: f64::MAX, redrive_us: f64::MAX };
    for _ in 0..3 {
        let started = Instant::now();
        let mut took = send(queue, SAMPLE, 1, repositories).await;
        best.send_us = best.send_us.min(micros(started) / SAMPLE as f64);
        took.sort_unstable();
        let p99 = took.get(took.len() * 99 / 100).map_or(f64::NAN, |took| took.as_secs_f64() * 1e3);
        best.send_p99_ms = best.send_p99_ms.min(p99);
        let started = Instant::now();
        receive(queue, SAMPLE, false).await;
        best.receive_us = best.receive_us.min(micros(started) / SAMPLE as f64);
        receive(queue, LETTERS.min(size), true).await;
        let started = Instant::now();
        let went = queue.redrive(Redrive::All, str::to_owned).await.unwrap();
        assert_eq!(went, LETTERS.min(size));
        best.redrive_us = best.redrive_us.min(micros(started) / went as f64);
    }
    best
}

fn micros(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, repositories, size] = arguments.as_slice() else {
        panic!("usage: queue_load DIRECTORY REPOSITORIES JOBS");
    };
    let (repositories, size): (u64, u64) = (repositories.parse().unwrap(), size.parse().unwrap());
    let path = Path::new(dir).join("queue.db");
    let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
    let started = Instant::now();
    send(&queue, size, 10, repositories).await;
    let fill_s = started.elapsed().as_secs_f64();
    let costs = measure(&queue, size, repositories).await;
    let started = Instant::now();
    let depth = queue.depth().await.unwrap();
    let depth_ms = micros(started) / 1e3;
    assert_eq!((depth.visible, depth.in_flight, depth.dead), (size, 0, 0));
    queue.close().await;
    // Nobody has it open.
    let file_mb = std::fs::metadata(&path).unwrap().len() as f64 / 1e6;

    let started = Instant::now();
    let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
    let first = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
    let open_ms = micros(started) / 1e3;
    assert_eq!(first.len(), 1);
    queue.close().await;
    let Costs { send_us, send_p99_ms, receive_us, redrive_us } = costs;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "repositories={repositories} waiting={size} fill_s={fill_s:.1} send_us={send_us:.1} \
         send_p99_ms={send_p99_ms:.2} receive_us={receive_us:.1} redrive_us={redrive_us:.1} depth_ms={depth_ms:.2} \
         file_mb={file_mb:.1} open_ms={open_ms:.1}"
    )
    .unwrap();
}
