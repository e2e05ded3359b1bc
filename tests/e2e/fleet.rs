//! A fleet: several ingresses and workers over one queue and one table, workers killed by lot; nobody notices which one did
//! the work. `tests/load/fleet.sh` does more of it, and counts what it costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use eco_coder::forge::{Content, NewPull};
use eco_coder_shared::env::{Env, SystemEnv};
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use eco_coder_shared::testing::ministack;
use tokio::task::JoinSet;

use crate::process::{PATIENCE, Process, chosen};
use crate::telemetry::calls_are_allowed;
use crate::wire::{Peer, delivery};
use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, SECRET, TOKEN, World, stdout, tree};

const REPOSITORIES: [&str; 3] = ["acme/shop", "acme/till", "other/one"];
const INGRESSES: usize = 2;
const WORKERS: usize = 4;
/// Webhooks under way at once.
const SENDERS: usize = 8;

/// Killing is no failing: nobody is given up here.
const SETTINGS: &str = "[worker]\nmax_attempts = 100\njobs = 8";

/// One pull request of the load: each sender has its own.
struct Owed {
    repo: RepoName,
    pull: PullNumber,
    head: CommitSha,
    /// Was the webhook for the head answered with 202?
    promised: bool,
}

/// Sends `webhooks` in all: an opened one for each of `pulls` pull requests, then pushes to one after another.
async fn send(world: Arc<World>, sender: usize, pulls: usize, webhooks: usize) -> (Vec<Owed>, usize) {
    let mut owed: Vec<Owed> = Vec::new();
    let mut accepted = 0;
    for n in 0..webhooks {
        let text = if n % 2 == 0 { CLEAN } else { QUERY_IN_A_LOOP };
        let files = tree(&[("a.py", &format!("# {sender} {n}\n{text}"))]);
        let (at, action) = if n < pulls {
            let repo: RepoName = REPOSITORIES[(sender + n) % REPOSITORIES.len()].parse().unwrap();
            let branch = format!("change-{sender}-{n}");
            let head = world.forge.commit(&repo, &branch, files, "A change").unwrap();
            let pull = world.forge.open_pull(&repo, NewPull::new("A change", &branch)).unwrap();
            owed.push(Owed { repo, pull, head, promised: false });
            (n, "opened")
        } else {
            let at = n % pulls;
            owed[at].head = world.forge.push(&owed[at].repo, owed[at].pull, files).unwrap();
            (at, "synchronize")
        };
        let webhook = world.forge.webhook(&owed[at].repo, owed[at].pull, action).unwrap();
        let mut peer = Peer::connect(world.addresses[(sender + n) % world.addresses.len()]).await;
        peer.write(&delivery(&webhook)).await;
        let status = peer.reply().await.expect("an answer").status;
        assert!(status == 202 || status == 503, "{status}");
        owed[at].promised = status == 202;
        accepted += usize::from(status == 202);
    }
    (owed, accepted)
}

/// A counter's sum over its labels, of those that begin with `name`.
async fn counted(processes: &[&Process], message: &str, name: &str) -> f64 {
    let mut sum = 0.0;
    for process in processes {
        let line = process.says(message).await;
        let operator = line["context"]["operator"].as_str().unwrap().to_owned();
        let text = reqwest::get(format!("http://{operator}/metrics")).await.unwrap().text().await.unwrap();
        let values = text.lines().filter(|line| line.starts_with(name)).filter_map(|line| line.rsplit(' ').next());
        sum += values.map(|value| value.parse::<f64>().unwrap()).sum::<f64>();
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_can_be_in_secrets_manager() {
    let client = aws_sdk_secretsmanager::Client::new(&ministack::sdk().await);
    let prefix = SystemEnv.random_id();
    let tokens = format!("{{\"github\":\"{TOKEN}\"}}");
    for (name, value) in [("github", tokens.as_str()), ("webhook", SECRET), ("session", &"7a".repeat(32))] {
        client.create_secret().name(format!("{prefix}/{name}")).secret_string(value).send().await.unwrap();
    }
    let settings = format!(
        "[github]\ntoken_source = 'aws:{prefix}/github#github'\n[ingress]\nwebhook_secrets = ['aws:{prefix}/webhook']\n\
         [store]\nsession_key = 'aws:{prefix}/session'\n\
         [carbon]\nregion = 'us-east-1'\nintensity_parameter_path = '/{prefix}/carbon'"
    );
    let mut world = World::on(Engines::Fleet, &settings).await;
    world.unset_environment("ECO_CODER_GITHUB_TOKEN");
    world.unset_environment("ECO_CODER_WEBHOOK_SECRET");
    let doctor = stdout(&world.run_configured(&["doctor"]));
    assert!(doctor.contains("signed in at") && doctor.contains("no RedrivePolicy"), "{doctor}");
    let missing = format!("MEND    carbon: /{prefix}/carbon/us-east-1: ssm:GetParameter: ParameterNotFound");
    assert!(doctor.contains(&missing), "{doctor}");
    world.start_ingress().await;
    world.start_worker().await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    let calls = calls_are_allowed(&world).await;
    for action in ["sqs:SendMessage", "sqs:ReceiveMessage", "dynamodb:PutItem", "secretsmanager:GetSecretValue"] {
        assert!(calls.contains(action), "{action} of {calls:?}");
    }

    let missing = world.run(&["worker"]);
    assert!(!missing.status.success(), "a fleet's settings are not a machine's");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_over_one_queue_lose_nothing_and_double_nothing() {
    let webhooks = chosen("ECO_CODER_TEST_WEBHOOKS", 48);
    let pulls = chosen("ECO_CODER_TEST_PULLS", 16);
    let kills = chosen("ECO_CODER_TEST_KILLS", 2);
    let mut world = World::on(Engines::Fleet, SETTINGS).await;
    for name in &REPOSITORIES[1..] {
        world.forge.add_repository(&name.parse().unwrap(), Content::memory(tree(&[("README.md", "one\n")])));
    }
    let mut ingresses = Vec::new();
    for _ in 0..INGRESSES {
        let process = world.another("ingress");
        let address = process.says("the ingress takes webhooks").await;
        let url: reqwest::Url = address["context"]["webhooks"].as_str().unwrap().parse().unwrap();
        world.addresses.push(url.socket_addrs(|| None).unwrap()[0]);
        ingresses.push(process);
    }
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        let process = world.another("worker");
        process.says("working").await;
        workers.push(process);
    }
    let world = Arc::new(world);
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let share = |all: usize| all / SENDERS + usize::from(sender < all % SENDERS);
        senders.spawn(send(Arc::clone(&world), sender, share(pulls), share(webhooks)));
    }
    // Killed at moments that the work itself gives: after so many calls to GitHub more.
    for kill in 0..kills {
        let calls = world.forge.requests().len() + 40 + 37 * (kill % 5);
        world.until("calls to GitHub", |forge| (forge.requests().len() >= calls).then_some(())).await;
        workers[kill % WORKERS].kill();
        workers[kill % WORKERS] = world.another("worker");
    }
    let (mut owed, mut accepted) = (Vec::new(), 0);
    for (some, count) in senders.join_all().await {
        owed.extend(some);
        accepted += count;
    }
    let sent = began.elapsed();
    let queue = world.queue();
    let empty = async {
        loop {
            let depth = queue.depth().await.unwrap();
            if depth.visible + depth.in_flight + depth.delayed == 0 {
                return;
            }
            // Other processes' queue tells nobody here: looking again is the only way.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(20 * PATIENCE, empty).await.expect("the queue becomes empty");
    let took = began.elapsed();

    let (mut lost, mut doubled) = (0, 0);
    let me = world.forge.settings().viewer.id;
    for Owed { repo, pull, head, promised } in &owed {
        let ours: Vec<String> =
            world.forge.comments(repo, *pull).into_iter().filter(|c| c.author.id == me).map(|c| c.body).collect();
        doubled += usize::from(ours.len() > 1);
        let shows_head = ours.first().is_some_and(|body| body.contains(&format!("head={head}")));
        lost += usize::from(*promised && !shows_head);
    }
    let alive: Vec<&Process> = workers.iter().collect();
    let taking: Vec<&Process> = ingresses.iter().collect();
    let reviews = counted(&alive, "working", "AgentInvocations").await;
    let calls = |service: &'static str| format!("AwsCalls{{Service=\"{service}\"");
    let sqs = counted(&alive, "working", &calls("sqs")).await;
    let dynamodb = counted(&alive, "working", &calls("dynamodb")).await;
    let sends = counted(&taking, "the ingress takes webhooks", &calls("sqs")).await;
    let statuses =
        world.forge.requests().iter().filter(|r| r.method == "POST" && r.path.contains("/statuses/")).count();
    eprintln!(
        "webhooks={webhooks} pulls={} kills={kills} accepted={accepted} lost={lost} doubled={doubled} sent_s={:.1} all_s={:.1} \
         reviews={reviews} statuses={statuses} sqs_per_review={:.1} dynamodb_per_review={:.1} calls_per_webhook={:.2}",
        owed.len(),
        sent.as_secs_f64(),
        took.as_secs_f64(),
        sqs / reviews,
        dynamodb / reviews,
        sends / accepted as f64,
    );
    assert!(accepted > 0, "there was a load");
    assert_eq!((lost, doubled), (0, 0));
    assert_eq!(queue.dead_letters(10).await.unwrap(), []);
}
