//! What must hold, whatever happens. Looks at what is performed, not at what the product thinks of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use eco_coder_github::transport::{Method, Response};
use eco_coder_shared::ids::{CommitSha, PullKey, PullNumber, RepoName};
use eco_coder_shared::job::Job;
use eco_coder_worker::publish::body::Marker;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::process::Process;
use super::queue::job;
use super::weather::Weather;
use super::world::World;

/// More calls in a minute than this are a loop that waits for nothing.
const MAX_CALLS_A_MINUTE: u64 = 1_000;
/// Calls that a repeated hint may cost.
const MAX_CALLS_A_REPEAT: u64 = 40;

/// How much happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Calls to the engines.
    pub calls: u64,
    /// The most of them in one minute.
    pub busiest_minute: u64,
    /// Deliveries that were answered 202.
    pub accepted: u64,
    /// Writes to comments.
    pub writes: u64,
    /// Reports of the model.
    pub answers: u64,
    /// Workers that ended without a word.
    pub crashes: u64,
    /// Attempts that were charged and not refunded.
    pub charged: u64,
    /// Jobs that were given up.
    pub buried: u64,
    /// Calls of workers until nothing was left to do.
    pub worker_calls: u64,
    marked: (u64, u64),
}

impl Tally {
    /// From here on, calls and writes are counted apart.
    pub fn mark(&mut self) {
        self.marked = (self.calls, self.writes);
    }

    /// Adds another history's.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.busiest_minute = self.busiest_minute.max(other.busiest_minute);
        self.accepted += other.accepted;
        self.writes += other.writes;
        self.answers += other.answers;
        self.crashes += other.crashes;
        self.charged += other.charged;
        self.buried += other.buried;
        self.worker_calls += other.worker_calls;
    }
}

/// What is known of one pull request.
#[derive(Debug)]
struct Facts {
    repo: RepoName,
    number: PullNumber,
    /// Its heads, oldest first.
    heads: Vec<CommitSha>,
    /// The newest that a comment has shown.
    shown: Option<usize>,
    /// Open, and no draft.
    is_open: bool,
    /// When it was not, last.
    was_not: Option<Instant>,
    /// What it looked like, each until when; the last still does.
    looked: Vec<(Instant, Arc<str>)>,
    looks: Arc<str>,
    /// The last change that needs a look, and whether news of it was accepted.
    changed: Instant,
    is_announced: bool,
    /// Something happened that only the sweep can know.
    is_owed: bool,
    /// Hints that were accepted: for which head, and when.
    accepted: Vec<(usize, Instant)>,
}

/// What a message promises.
#[derive(Debug)]
struct Promise {
    key: PullKey,
    head: usize,
    since: Instant,
}

/// The judge.
pub struct Judge {
    pub tally: Tally,
    pulls: BTreeMap<PullKey, Facts>,
    /// By the job's id.
    promises: BTreeMap<String, Promise>,
    /// Comments of ours, by id.
    comments: BTreeMap<u64, PullKey>,
    /// How many failures had been met when its last attempt was settled: a session can have one of an earlier holder.
    settled: BTreeMap<PullKey, u64>,
    minute: (u64, u64),
    failure: Option<String>,
    tell: Arc<Notify>,
}

impl Judge {
    /// One that has seen nothing; `tell` hears of the first rule that is broken.
    pub fn new(tell: Arc<Notify>) -> Self {
        Self {
            tally: Tally::default(),
            pulls: BTreeMap::new(),
            promises: BTreeMap::new(),
            comments: BTreeMap::new(),
            settled: BTreeMap::new(),
            minute: (0, 0),
            failure: None,
            tell,
        }
    }

    pub fn tally(&self) -> Tally {
        self.tally
    }

    pub fn failure(&self) -> Option<String> {
        self.failure.clone()
    }

    fn fails(&mut self, why: String) {
        if self.failure.is_none() {
            self.failure = Some(why);
            self.tell.notify_one();
        }
    }

    /// Somebody calls an engine.
    pub fn called(&mut self, at: Duration) {
        self.tally.calls += 1;
        let minute = at.as_secs() / 60;
        self.minute = if self.minute.0 == minute { (minute, self.minute.1 + 1) } else { (minute, 1) };
        self.tally.busiest_minute = self.tally.busiest_minute.max(self.minute.1);
        if self.minute.1 > MAX_CALLS_A_MINUTE {
            self.fails(format!("a hot loop: more than {MAX_CALLS_A_MINUTE} calls in minute {minute}"));
        }
    }

    /// A pull request is there.
    pub fn opened(&mut self, key: PullKey, repo: RepoName, number: PullNumber, head: CommitSha, looks: Arc<str>) {
        let now = Instant::now();
        let facts = Facts {
            repo,
            number,
            heads: vec![head],
            shown: None,
            is_open: true,
            was_not: None,
            looked: Vec::new(),
            looks,
            changed: now,
            is_announced: false,
            is_owed: false,
            accepted: Vec::new(),
        };
        self.pulls.insert(key, facts);
    }

    /// It has changed. `head`: it has another one.
    pub fn changed(&mut self, key: PullKey, head: Option<CommitSha>, is_open: bool, looks: Arc<str>) {
        let now = Instant::now();
        let Some(facts) = self.pulls.get_mut(&key) else { return };
        if !facts.is_open || !is_open {
            facts.was_not = Some(now);
        }
        facts.is_open = is_open;
        facts.heads.extend(head);
        let looked = std::mem::replace(&mut facts.looks, looks);
        facts.looked.push((now, looked));
        (facts.changed, facts.is_announced) = (now, false);
    }

    /// Somebody deleted our comment.
    pub fn bereft(&mut self, key: PullKey) {
        if let Some(facts) = self.pulls.get_mut(&key) {
            facts.is_owed = true;
        }
    }

    /// A delivery that was made at `made` was answered 202.
    pub fn accepted(&mut self, key: PullKey, head: usize, made: Instant) {
        self.tally.accepted += 1;
        if let Some(facts) = self.pulls.get_mut(&key) {
            facts.is_announced |= made >= facts.changed;
            facts.accepted.push((head, Instant::now()));
        }
    }

    /// The number of its newest head.
    pub fn newest(&self, key: PullKey) -> usize {
        self.pulls.get(&key).map_or(0, |facts| facts.heads.len() - 1)
    }

    /// Its newest head.
    pub fn head(&self, key: PullKey) -> CommitSha {
        self.pulls.get(&key).and_then(|facts| facts.heads.last().cloned()).unwrap_or_else(CommitSha::zero)
    }

    /// What it looked like before, each until when.
    pub fn looked(&self, key: PullKey) -> &[(Instant, Arc<str>)] {
        self.pulls.get(&key).map_or(&[], |facts| &facts.looked)
    }

    pub fn names(&self, key: PullKey) -> Option<(RepoName, PullNumber)> {
        self.pulls.get(&key).map(|facts| (facts.repo.clone(), facts.number))
    }

    /// Those that are to be reviewed.
    pub fn open(&self) -> Vec<PullKey> {
        self.pulls.iter().filter(|(_, facts)| facts.is_open).map(|(key, _)| *key).collect()
    }

    /// Which pull request a path of the API is about.
    pub fn pull_of(&self, path: &str) -> Option<PullKey> {
        let parts: Vec<&str> = path.split('/').collect();
        let (repo, rest) = match &parts[..] {
            ["", "repos", owner, name, rest @ ..] => (format!("{owner}/{name}"), rest),
            _ => return None,
        };
        let number: u64 = match rest {
            ["issues", "comments", id] => return self.comments.get(&id.parse().ok()?).copied(),
            ["issues" | "pulls", number, ..] => number.parse().ok()?,
            _ => return None,
        };
        let is_it = |facts: &Facts| facts.repo.as_str() == repo && facts.number.get() == number;
        self.pulls.iter().find(|(_, facts)| is_it(facts)).map(|(key, _)| *key)
    }

    /// A process begins a write to a comment.
    pub fn begins(&mut self, process: &Process, path: &str, body: Option<&str>) {
        self.tally.writes += 1;
        let Some(key) = self.pull_of(path) else { return };
        let permit = process.held().permits.remove(&key);
        let epoch = body.and_then(Marker::parse).map(|marker| marker.epoch);
        let is_permitted = permit.is_some_and(|(permitted, _)| epoch.is_none_or(|epoch| epoch == permitted));
        if !is_permitted {
            self.fails(format!("{} writes to {key} without being allowed to under the current epoch", process.name));
        }
    }

    /// GitHub has performed a write to a comment.
    pub fn written(&mut self, method: Method, path: &str, body: Option<&str>, response: &Response) {
        let Some(key) = self.pull_of(path) else { return };
        if method == Method::Post {
            let created: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            self.comments.extend(created["id"].as_u64().map(|id| (id, key)));
        }
        let marker = body.and_then(Marker::parse);
        if let (Some(marker), Some(facts)) = (marker, self.pulls.get_mut(&key)) {
            let shown = facts.heads.iter().position(|head| *head == marker.head);
            facts.shown = facts.shown.max(shown);
        }
    }

    /// A message is in the queue.
    pub fn sent(&mut self, job: &Job) {
        let Some(facts) = self.pulls.get(&job.key()).filter(|_| job.cause.asks_for_review()) else { return };
        let head = job.head.as_ref().and_then(|head| facts.heads.iter().position(|known| known == head));
        let promise = Promise { key: job.key(), head: head.unwrap_or(0), since: Instant::now() };
        self.promises.entry(job.id.clone()).or_insert(promise);
    }

    /// A fresh hint was not taken: the sweep owes it.
    pub fn owe(&mut self, jobs: &[Job]) {
        for job in jobs {
            self.bereft(job.key());
        }
    }

    /// A worker ended, maybe between a late write and its hint.
    pub fn owe_all(&mut self) {
        for facts in self.pulls.values_mut() {
            facts.is_owed = true;
        }
    }

    fn is_kept(&self, key: PullKey, head: usize, since: Instant) -> bool {
        self.pulls.get(&key).is_none_or(|facts| {
            let shown = facts.shown.is_some_and(|shown| shown >= head);
            shown || !facts.is_open || facts.was_not.is_some_and(|at| at >= since)
        })
    }

    /// A message is gone for good.
    pub fn acked(&mut self, job: &Job) {
        let Some(Promise { key, head, since }) = self.promises.get(&job.id) else { return };
        let (key, head) = (*key, *head);
        if !self.is_kept(key, head, *since) {
            self.fails(format!(
                "the hint {} of {key} was acked before a comment has shown head {head} or a later one",
                job.id
            ));
        }
    }

    /// A job was given up.
    pub fn buried(&mut self, job: &Job, weather: Weather) {
        self.tally.buried += 1;
        self.bereft(job.key());
        if weather.only_waiting {
            self.fails(format!("the hint {} of {} was given up, though it only had to wait", job.id, job.key()));
        }
    }

    /// An attempt is over; so many failures had been met by anybody.
    pub fn settled(&mut self, key: PullKey, harms: u64) {
        self.settled.insert(key, harms);
    }

    /// An attempt stays charged.
    pub fn charged(&mut self, key: PullKey, harms: u64, weather: Weather, error: &str) {
        self.tally.charged += 1;
        let met_none = self.settled.insert(key, harms).unwrap_or(0) == harms;
        if weather.only_waiting || met_none {
            self.fails(format!("{key} was charged for waiting: {error}"));
        }
    }

    /// Does it have exactly one comment of ours, for its head?
    pub fn shows_its_head(&self, world: &World, key: PullKey) -> Result<(), String> {
        let Some(facts) = self.pulls.get(&key) else { return Ok(()) };
        let me = world.forge.settings().viewer.id;
        let comments = world.forge.comments(&facts.repo, facts.number);
        let ours: Vec<Marker> =
            comments.iter().filter(|c| c.author.id == me).filter_map(|c| Marker::parse(&c.body)).collect();
        let head = facts.heads.last();
        match ours.as_slice() {
            [one] if Some(&one.head) == head => Ok(()),
            [one] => {
                let shown = facts.heads.iter().position(|head| *head == one.head);
                Err(format!("{key} shows head {shown:?}, and has head {}", facts.heads.len() - 1))
            }
            others => Err(format!("{key} has {} comments of ours", others.len())),
        }
    }

    /// Before anybody sweeps: every accepted hint was kept or is among the dead letters, and what needs no sweep has converged.
    pub fn nothing_accepted_was_lost(&self, world: &World) -> Result<(), String> {
        let dead: Vec<PullKey> = world.dead().iter().filter_map(|body| job(body)).map(|job| job.key()).collect();
        for (key, facts) in self.pulls.iter().filter(|(key, _)| !dead.contains(key)) {
            if let Some((head, at)) = facts.accepted.iter().find(|(head, at)| !self.is_kept(*key, *head, *at)) {
                let at = at.duration_since(world.started).as_secs_f64();
                return Err(format!("LOST: {key} never showed head {head}, of which news was accepted at {at:.3}"));
            }
            if facts.is_open && facts.is_announced && !facts.is_owed {
                self.shows_its_head(world, *key).map_err(|why| format!("not converged without a sweep: {why}"))?;
            }
        }
        Ok(())
    }

    /// At the end: one comment each, for the head.
    pub fn converged(&self, world: &World) -> Result<(), String> {
        self.open()
            .into_iter()
            .try_for_each(|key| self.shows_its_head(world, key).map_err(|why| format!("not converged: {why}")))
    }

    /// Since the mark: no write, and few reads.
    pub fn repeating_cost_reads(&self) -> Result<(), String> {
        let (calls, writes) = self.tally.marked;
        if self.tally.writes > writes {
            return Err("a repeated hint cost a write".to_owned());
        }
        let hints = self.open().len() as u64;
        // A receive that finds nothing ends after twenty seconds, and there are some of them.
        let most = hints * MAX_CALLS_A_REPEAT + 60;
        let cost = self.tally.calls - calls;
        if cost > most { Err(format!("{hints} repeated hints cost {cost} calls, more than {most}")) } else { Ok(()) }
    }
}
