//! kill -9 of the whole product at moments drawn by lot, during a load of webhooks: every 202 ends as exactly one
//! comment. `tests/load/kill.sh` does more of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eco_coder::forge::{Action, Content, Fault, Forge, Gate, NewPull, SignedWebhook, Tree};
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::process::{PATIENCE, chosen};
use crate::wire::{Peer, delivery};
use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, tree};

on_both_engines!(whenever_the_process_is_killed_every_202_ends_as_exactly_one_comment);

const REPOSITORIES: [&str; 3] = ["acme/shop", "acme/till", "other/one"];
/// Webhooks under way at once.
const SENDERS: usize = 6;
/// Webhooks in one life of the process.
const QUOTA: usize = 14;
/// A pull request whose review is killed again and again is taken for the killer in the end. Here none is.
const SETTINGS: &str = "[worker]\nmax_attempts = 100\njobs = 6";
const CREATE: &str = "/repos/*/*/issues/*/comments";
const STATUS: &str = "/repos/*/*/statuses/*";

/// Numbers by lot, the same for the same seed: SplitMix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

/// When the process is killed, counted from its start.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// Once it has so many files open: in the middle of its start.
    StartingUp(usize),
    /// Once so many webhooks were answered with 202, most likely before any was reviewed.
    Accepting(usize),
    /// Once it has called GitHub so often.
    Calling(usize),
    /// A comment or a status is on its way to GitHub: not made, or made without its answer.
    Publishing { path: &'static str, made: bool, skip: usize },
}

impl Moment {
    /// All kinds in turn, so that none is left out; the rest by lot.
    fn draw(kill: usize, dice: &mut Dice) -> Self {
        match kill % 4 {
            0 => Self::Accepting(1 + dice.below(12)),
            1 => {
                let path = if dice.below(4) == 0 { STATUS } else { CREATE };
                Self::Publishing { path, made: dice.below(2) == 0, skip: dice.below(6) }
            }
            2 => Self::StartingUp(4 + dice.below(20)),
            _ => Self::Calling(1 + dice.below(60)),
        }
    }
}

/// One pull request of the load, and what is owed to it.
struct Owed {
    repo: RepoName,
    pull: PullNumber,
    head: CommitSha,
    /// Was any webhook of it answered with 202?
    accepted: bool,
    /// Was the one for its head?
    head_accepted: bool,
}

/// What the senders and whoever kills tell each other.
struct Load {
    forge: Forge,
    /// Where webhooks are taken now.
    address: watch::Sender<Option<SocketAddr>>,
    /// Webhooks that may be sent.
    quota: Semaphore,
    /// Webhooks answered with 202.
    accepted: watch::Sender<usize>,
}

impl Load {
    /// Sends webhooks, each once, until the quota is closed: of new pull requests, and now and then of a push to one of
    /// its own. What isn't answered with 202 is not sent again.
    async fn send(self: Arc<Self>, sender: usize, mut dice: Dice) -> Vec<Owed> {
        let mut owed: Vec<Owed> = Vec::new();
        for n in 0.. {
            let Ok(permit) = self.quota.acquire().await else { break };
            permit.forget();
            let text = if dice.below(2) == 0 { CLEAN } else { QUERY_IN_A_LOOP };
            let files = tree(&[("a.py", &format!("# {sender} {n}\n{text}"))]);
            let (at, action) = if !owed.is_empty() && dice.below(4) == 0 {
                let at = dice.below(owed.len());
                owed[at].head = self.forge.push(&owed[at].repo, owed[at].pull, files).unwrap();
                (at, "synchronize")
            } else {
                owed.push(self.open(&format!("change-{sender}-{n}"), files, &mut dice));
                (owed.len() - 1, "opened")
            };
            let webhook = self.forge.webhook(&owed[at].repo, owed[at].pull, action).unwrap();
            owed[at].head_accepted = self.deliver(&webhook).await;
            owed[at].accepted |= owed[at].head_accepted;
        }
        owed
    }

    fn open(&self, branch: &str, files: Tree, dice: &mut Dice) -> Owed {
        let repo: RepoName = REPOSITORIES[dice.below(REPOSITORIES.len())].parse().unwrap();
        let head = self.forge.commit(&repo, branch, files, "A change").unwrap();
        let pull = self.forge.open_pull(&repo, NewPull::new("A change", branch)).unwrap();
        Owed { repo, pull, head, accepted: false, head_accepted: false }
    }

    /// Was it answered with 202? Other answers are none, and on a busy machine 503.
    async fn deliver(&self, webhook: &SignedWebhook) -> bool {
        let Some(to) = *self.address.subscribe().wait_for(Option::is_some).await.unwrap() else { return false };
        let Ok(mut peer) = Peer::try_connect(to).await else { return false };
        peer.write(&delivery(webhook)).await;
        let Some(reply) = peer.reply().await else { return false };
        if reply.status != 202 {
            assert_eq!(reply.status, 503, "{reply:?}");
            return false;
        }
        self.accepted.send_modify(|count| *count += 1);
        true
    }

    /// As many as this may be sent from now on.
    fn allow(&self, webhooks: usize) {
        self.quota.forget_permits(usize::MAX >> 4);
        self.quota.add_permits(webhooks);
    }
}

/// Starts the product, and kills it at the moment.
async fn start_and_kill(world: &mut World, load: &Load, moment: Moment) {
    let starting = world.starting_serve();
    if let Moment::StartingUp(files) = moment {
        let started = || starting.output().contains("takes webhooks");
        while starting.open_files().is_some_and(|open| open < files) && !started() {
            tokio::task::yield_now().await;
        }
        world.ingress = Some(starting);
        world.ingress.as_mut().unwrap().kill();
        return;
    }
    let gate = Gate::new();
    if let Moment::Publishing { path, made, skip } = moment {
        let held = if made { Action::CommitThenHold(gate.clone()) } else { Action::Hold(gate.clone()) };
        world.forge.add_fault(Fault::on("POST", path, held).after(skip));
    }
    world.forge.clear_requests();
    let before = *load.accepted.borrow();
    world.serves(starting).await;
    load.allow(QUOTA);
    load.address.send_replace(Some(world.address()));
    let come = async {
        match moment {
            Moment::Accepting(count) => {
                load.accepted.subscribe().wait_for(|now| *now >= before + count).await.unwrap();
            }
            Moment::Calling(count) => {
                world.forge.wait_for(|forge| (forge.requests().len() >= count).then_some(())).await;
            }
            Moment::Publishing { .. } => gate.arrived(1).await,
            Moment::StartingUp(_) => {}
        }
    };
    tokio::time::timeout(PATIENCE, come).await.unwrap_or_else(|_| panic!("never came: {moment:?}"));
    world.ingress.as_mut().unwrap().kill();
    load.address.send_replace(None);
    // What was on its way to GitHub arrives there after its sender's end.
    world.forge.clear_faults();
}

/// Waits until nothing is left to do, however long that takes, as long as there is less and less.
async fn drained(world: &World) {
    let queue = world.queue();
    let (mut least, mut since) = (u64::MAX, Instant::now());
    loop {
        let depth = queue.depth().await.unwrap();
        let left = depth.visible + depth.in_flight + depth.delayed;
        if left == 0 {
            break;
        }
        if left < least {
            (least, since) = (left, Instant::now());
        }
        assert!(since.elapsed() < 2 * PATIENCE, "the queue does not become empty: {depth:?}");
        // Another process's queue tells nobody here: looking again is the only way.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(queue.dead_letters(10).await.unwrap(), []);
}

async fn whenever_the_process_is_killed_every_202_ends_as_exactly_one_comment(engines: Engines) {
    let kills = chosen("ECO_CODER_TEST_KILLS", 6);
    let seed = chosen("ECO_CODER_TEST_SEED", 1);
    eprintln!("seed={seed}");
    let mut world = World::on(engines, SETTINGS).await;
    for name in &REPOSITORIES[1..] {
        world.forge.add_repository(&name.parse().unwrap(), Content::memory(tree(&[("README.md", "one\n")])));
    }
    let load = Arc::new(Load {
        forge: world.forge.clone(),
        address: watch::Sender::new(None),
        quota: Semaphore::new(0),
        accepted: watch::Sender::new(0),
    });
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let dice = Dice((seed + sender) as u64);
        senders.spawn(Arc::clone(&load).send(sender, dice));
    }
    let mut dice = Dice(seed as u64 ^ u64::MAX);
    for kill in 0..kills {
        let moment = Moment::draw(kill, &mut dice);
        start_and_kill(&mut world, &load, moment).await;
        let accepted = *load.accepted.borrow();
        eprintln!("killed at {moment:?}, after {accepted} webhooks");
    }
    load.quota.close();
    world.start_serve().await;
    load.address.send_replace(Some(world.address()));
    let owed: Vec<Owed> = senders.join_all().await.into_iter().flatten().collect();
    drained(&world).await;

    let me = world.forge.settings().viewer.id;
    let (mut accepted, mut comments, mut lost, mut doubled) = (0, 0, 0, 0);
    for Owed { repo, pull, head, accepted: promised, head_accepted } in &owed {
        let ours: Vec<String> =
            world.forge.comments(repo, *pull).into_iter().filter(|c| c.author.id == me).map(|c| c.body).collect();
        accepted += usize::from(*promised);
        comments += usize::from(*promised && ours.len() == 1);
        doubled += usize::from(ours.len() > 1);
        let shows_head = ours.first().is_some_and(|body| body.contains(&format!("head={head}")));
        lost += usize::from(*promised && ours.is_empty() || *head_accepted && !shows_head);
    }
    let webhooks = *load.accepted.borrow();
    eprintln!("{webhooks} webhooks answered 202, of {accepted} of {} pull requests", owed.len());
    let engine = if engines == Engines::OneMachine { "sqlite" } else { "ministack" };
    eprintln!("engine={engine} kills={kills} accepted={accepted} comments={comments} lost={lost} doubled={doubled}");
    assert!(accepted > 0, "there was a load");
    assert_eq!((lost, doubled, comments), (0, 0, accepted), "with seed {seed}");
}
