//! More work than can be done at once: repositories take turns, whoever came first and with however much; a storm of
//! pushes is little work; many hands never take the same job.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use eco_coder::forge::{Action, Content, Fault, Gate, NewPull};
use eco_coder_shared::env::SystemEnv;
use eco_coder_shared::ids::{PullNumber, RepoName};
use eco_coder_shared::job::{Decoded, Job};
use eco_coder_shared::queue::sqlite::SqliteQueue;
use eco_coder_shared::queue::{JobQueue, MAX_BATCH, NewMessage};
use eco_coder_worker::model::openai::fake::{FakeServer, reports};
use tokio::task::JoinSet;

use crate::link::{Link, State};
use crate::process::{PATIENCE, chosen};
use crate::world::{CLEAN, QUERY_IN_A_LOOP, World, tree};

/// Waiting before the other repository's only job comes.
const FLOOD: usize = 5_000;
/// Pull requests that the flood is about.
const PULLS: usize = 40;
/// Reviews at once.
const JOBS: usize = 4;

/// The jobs of the whole flood, from a real one for each pull request.
async fn flood(world: &World, pulls: &[PullNumber]) -> Vec<NewMessage> {
    let queue = world.queue();
    let mut jobs = Vec::new();
    for pull in pulls {
        world.deliver(*pull, "opened").await;
    }
    while jobs.len() < pulls.len() {
        for received in queue.receive(MAX_BATCH, Duration::ZERO, Duration::from_mins(1)).await.unwrap() {
            let Decoded::Job(job) = Job::decode(&received.body) else { panic!("{}", received.body) };
            jobs.push(*job);
            queue.ack(&[received.receipt]).await.unwrap()[0].clone().unwrap();
        }
    }
    let copy = |n: usize| {
        let job = &jobs[n % jobs.len()];
        let body = Job { id: format!("{n:032x}"), ..job.clone() }.encode();
        NewMessage { group: job.group(), body, delay: Duration::ZERO }
    };
    (0..FLOOD).map(copy).collect()
}

/// How many pull requests of `first` were looked at after `from` calls, and before the first one of `second`.
fn served_before(world: &World, from: usize, first: &RepoName, second: &RepoName) -> usize {
    let requests = world.forge.requests();
    let of = |repo: &RepoName, path: &str| {
        let number = path.strip_prefix(&format!("/repos/{repo}/pulls/"))?.split('/').next()?;
        Some(number.to_owned())
    };
    let end = requests.iter().position(|request| of(second, &request.path).is_some()).unwrap();
    let between = requests.iter().take(end).skip(from);
    between.filter_map(|request| of(first, &request.path)).collect::<BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_with_one_job_does_not_wait_for_another_with_five_thousand() {
    let mut world = World::new(&format!("[worker]\njobs = {JOBS}")).await;
    world.start_ingress().await;
    let mut pulls = Vec::new();
    for n in 0..PULLS {
        let (pull, _) = world.open(&format!("change-{n}"), &[("a.py", CLEAN)]);
        pulls.push(pull);
    }
    let queue = world.queue();
    let mut sending = JoinSet::new();
    for batch in flood(&world, &pulls).await.chunks(MAX_BATCH) {
        let (queue, batch) = (queue.clone(), batch.to_vec());
        sending.spawn(async move { queue.send(batch).await.unwrap().iter().all(Result::is_ok) });
    }
    assert!(sending.join_all().await.into_iter().all(|stored| stored));
    assert_eq!(world.stored().await, FLOOD as u64);

    // All hands are full with the flood when the other one comes.
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", "/repos/acme/shop/pulls/*", Action::Hold(gate.clone())).times(JOBS));
    world.start_worker().await;
    gate.arrived(JOBS).await;
    let small: RepoName = "small/one".parse().unwrap();
    world.forge.add_repository(&small, Content::memory(tree(&[("README.md", "one\n")])));
    // The second one comes while the flood flows.
    for branch in ["first", "second"] {
        let head = world.forge.commit(&small, branch, tree(&[("b.py", CLEAN)]), "One").unwrap();
        let pull = world.forge.open_pull(&small, NewPull::new("One", branch)).unwrap();
        let opened = world.forge.webhook(&small, pull, "opened").unwrap();
        world.forge.clear_requests();
        assert_eq!(world.send(&opened).await.status, 202);
        let from = world.forge.requests().len();
        gate.release();
        world
            .until("the small repository's comment", |forge| {
                let comments = forge.comments(&small, pull);
                comments.first().filter(|comment| comment.body.contains(&format!("head={head}"))).map(drop)
            })
            .await;
        let before = served_before(&world, from, &world.repo, &small);
        // What was under way then, and what took its place before the first hand was free for it.
        assert!(before <= 2 * JOBS, "{before} pull requests of the flood were served before it");
    }
    assert!(world.stored().await > 4_000, "most of the flood waits still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_with_more_findings_than_can_be_kept_gets_its_comment() {
    let world = World::running("").await;
    let many = QUERY_IN_A_LOOP.repeat(200);
    let mut files: Vec<(&str, &str)> =
        ["1.py", "2.py", "3.py", "4.py", "5.py"].into_iter().map(|path| (path, many.as_str())).collect();
    files.push(("6.py", QUERY_IN_A_LOOP));
    let (pull, head) = world.open("feature", &files);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    world.settled().await;
    assert!(comment.body.contains("1,000 things to mend; code analysis incomplete"), "{}", comment.body);
    assert!(comment.body.contains("of 1001 findings, the 1000 heaviest are kept"), "{}", comment.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_fifty_pushes_is_two_runs_of_the_model_at_most_and_the_comment_shows_the_head() {
    const PUSHES: usize = 50;
    let (link, server) = (Link::new().await, FakeServer::new((0..PUSHES).map(|_| reports("Mend the query."))));
    link.lead_to_url(server.serve().await.unwrap().trim_end_matches("/v1"));
    let world =
        World::running(&format!("[model]\nkind = \"openai\"\nid = \"qwen\"\nurl = \"{}/v1\"", link.url())).await;
    // The model thinks about the first head while all others come.
    link.set(State::Stalled);
    let (pull, mut head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let asked = async {
        while link.connections() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the model is asked");
    for n in 0..PUSHES {
        let text = format!("# {n}\n{QUERY_IN_A_LOOP}");
        head = world.forge.push(&world.repo, pull, tree(&[("a.py", &text)])).unwrap();
        world.deliver(pull, "synchronize").await;
    }
    link.set(State::Open);
    world.comment(pull, &head).await;
    world.settled().await;
    world.comment(pull, &head).await;
    let runs = server.requests().len();
    assert!((1..=2).contains(&runs), "{runs} runs of the model");
    let created =
        world.writes().iter().filter(|call| call.method == "POST" && call.path.ends_with("/comments")).count();
    assert_eq!(created, 1);
}

/// Where the children of the next test find the queue.
const QUEUE: &str = "ECO_CODER_TEST_QUEUE";

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_share_ten_thousand_jobs_and_none_is_taken_twice() {
    const PROCESSES: usize = 8;
    let jobs = chosen("ECO_CODER_TEST_JOBS", 10_000);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
    let mut sent = BTreeSet::new();
    for first in (0..jobs).step_by(250) {
        let message =
            |n: usize| NewMessage { group: format!("{}", n % 97), body: n.to_string(), delay: Duration::ZERO };
        let batch = (first..jobs.min(first + 250)).map(message).collect();
        sent.extend(queue.send(batch).await.unwrap().into_iter().map(Result::unwrap));
    }
    assert_eq!(sent.len(), jobs);

    let children = (0..PROCESSES).map(|_| {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "overload::takes_jobs_until_none_is_left"])
            .env(QUEUE, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            let taken: Vec<String> =
                lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("took ")?.to_owned())).collect();
            (child.wait().unwrap().success(), taken)
        })
    });
    let children: Vec<_> = children.collect();
    let (mut taken, mut hands) = (BTreeMap::<String, usize>::new(), 0);
    for child in children {
        let (well, its) = tokio::task::block_in_place(|| child.join().unwrap());
        assert!(well);
        hands += usize::from(!its.is_empty());
        for id in its {
            *taken.entry(id).or_default() += 1;
        }
    }
    let twice: Vec<_> = taken.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "taken twice: {twice:?}");
    assert_eq!(taken.into_keys().collect::<BTreeSet<_>>(), sent);
    assert!(hands > 1, "one process took them all before another had begun");
}

#[tokio::test]
#[ignore = "a part of eight_processes_share_ten_thousand_jobs_and_none_is_taken_twice, which starts it"]
async fn takes_jobs_until_none_is_left() {
    let path = PathBuf::from(std::env::var_os(QUEUE).expect("the other test starts this one"));
    // As a worker does: whom others keep from the file for seconds tries again.
    let queue = patiently(async || SqliteQueue::open(&path, Arc::new(SystemEnv))).await;
    loop {
        let received =
            patiently(async || queue.receive(MAX_BATCH, Duration::ZERO, Duration::from_mins(10)).await).await;
        if received.is_empty() {
            break;
        }
        for message in &received {
            writeln!(std::io::stdout(), "took {}", message.message_id).unwrap();
        }
        let receipts: Vec<_> = received.into_iter().map(|message| message.receipt).collect();
        let acks = patiently(async || queue.ack(&receipts).await).await;
        assert!(acks.iter().all(Result::is_ok), "{acks:?}");
    }
}

/// Asks again and again until there is an answer, or patience ends.
async fn patiently<T, E: std::fmt::Debug>(ask: impl AsyncFn() -> Result<T, E>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < until, "{error:?}"),
        }
    }
}
