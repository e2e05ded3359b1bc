//! Everything there is beside the processes: the engines, GitHub, chance, the trace; and what an operator and a sweep do when
//! the trouble is over.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use eco_coder::forge::{Action, Content, Fault, Forge, ForgeSettings, InProcess, Tree};
use eco_coder_github::transport::{Method, Request, Response};
use eco_coder_github::{Transport, TransportError};
use eco_coder_ingress::Ingress;
use eco_coder_shared::env::{Env, SharedEnv, Timestamp};
use eco_coder_shared::ids::{PullKey, PullNumber, RepoId, RepoName};
use eco_coder_shared::job::{Cause, Job};
use eco_coder_shared::queue::memory::MemoryQueue;
use eco_coder_shared::queue::{JobQueue, NewMessage, Redrive};
use eco_coder_worker::reconcile::Ran;
use eco_coder_worker::service;
use eco_coder_worker::store::Store;
use eco_coder_worker::store::memory::MemoryStore;
use futures_util::FutureExt;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::clock::Clock;
use super::dice::Dice;
use super::github::{self, ItsGitHub};
use super::judge::Judge;
use super::process::Process;
use super::queue::{ItsQueue, job};
use super::settings::{Choice, Configured, SECRET};
use super::store::ItsStore;
use super::weather::Weather;
use super::{Plan, Story};

/// In which everything must have come to rest.
const PATIENCE: Duration = Duration::from_hours(6);
/// Between two looks at the queue.
const LOOK: Duration = Duration::from_secs(5);
/// After the last job: what is on its way to GitHub arrives.
const SETTLING: Duration = Duration::from_secs(20);
/// Runs of the reconciler, and the time between them.
const RUNS: u32 = 4;
const BETWEEN_RUNS: Duration = Duration::from_mins(16);

/// The world.
pub struct World {
    pub plan: Plan,
    pub started: Instant,
    pub forge: Forge,
    transport: InProcess,
    pub queue: Arc<MemoryQueue>,
    pub store: Arc<MemoryStore>,
    pub config: Arc<Configured>,
    pub has_model: bool,
    /// By the number of the pull request in the story.
    pub repositories: Vec<(RepoName, RepoId)>,
    clock: Arc<Clock>,
    dice: Mutex<Dice>,
    judge: Mutex<Judge>,
    trace: Mutex<Vec<String>>,
    /// Nothing goes wrong any more.
    is_fair: AtomicBool,
    /// Failures that somebody met.
    harms: AtomicU64,
    calls: AtomicU64,
    /// Milliseconds since the start at which somebody's wait ends.
    moments: Mutex<BTreeSet<u128>>,
    broken: Arc<Notify>,
    processes: Mutex<Vec<Arc<Process>>>,
    ingress: Mutex<Option<Router>>,
    /// What the forge said of commits, by path and query.
    answers: Mutex<BTreeMap<String, Response>>,
}

impl World {
    /// When a wait from now is over, so that no other ends in the same millisecond: which of two the runtime wakes first
    /// depends on when the process started.
    pub fn own_moment(&self, wait: Duration) -> Instant {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.started.elapsed().as_millis();
        *moments = moments.split_off(&now);
        let mut at = now + wait.as_millis();
        while !moments.insert(at) {
            at += 1;
        }
        self.started + Duration::from_millis(u64::try_from(at).unwrap_or(u64::MAX))
    }

    /// With two repositories, and nothing running.
    pub fn new(plan: Plan) -> Arc<Self> {
        let started = Instant::now();
        let clock = Arc::new(Clock::new(started, Dice::new(plan.seed, "GitHub and the queue")));
        let env = Arc::clone(&clock) as SharedEnv;
        let of_forge = ForgeSettings::new("http://127.0.0.1:9", SECRET.into(), SECRET.into());
        let forge = Forge::new(ForgeSettings { env: Arc::clone(&env), rate_limit: 10_000_000, ..of_forge });
        let readme: Tree = [("README.md".to_owned(), b"A shop\n".to_vec())].into();
        let add = |name: &str| {
            let name: RepoName = name.parse().expect("a name");
            let id = forge.add_repository(&name, Content::memory(readme.clone()));
            (name, id)
        };
        let mut repositories = vec![add("acme/shop"), add("acme/tools")];
        repositories.push(repositories[0].clone());
        let mut dice = Dice::new(plan.seed, "settings");
        let config = Choice::of(&mut dice, plan.story).settings();
        let broken = Arc::new(Notify::new());
        let world = Arc::new(Self {
            started,
            transport: InProcess::new(&forge),
            forge,
            queue: Arc::new(MemoryQueue::new(env)),
            store: Arc::default(),
            config,
            repositories,
            has_model: plan.story != Story::Busy || dice.chance(5000),
            clock,
            dice: Mutex::new(Dice::new(plan.seed, "what happens")),
            judge: Mutex::new(Judge::new(Arc::clone(&broken))),
            trace: Mutex::default(),
            is_fair: AtomicBool::new(false),
            harms: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            moments: Mutex::default(),
            broken,
            processes: Mutex::default(),
            ingress: Mutex::default(),
            answers: Mutex::default(),
            plan,
        });
        let process = Process::new(&world, "ingress".to_owned(), false);
        let router = Ingress::webhooks(&world.config.ingress, Arc::new(ItsQueue(Arc::clone(&process))), process.env());
        *world.ingress.lock().unwrap_or_else(PoisonError::into_inner) = Some(router);
        world
    }

    /// A machine's clock.
    pub fn clock(&self, machine: &str) -> Clock {
        Clock::new(self.started, Dice::new(self.plan.seed, machine))
    }

    /// The true time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ready when a rule is broken, with which.
    pub async fn broken(&self) -> String {
        loop {
            if let Some(broken) = self.judge().failure() {
                return broken;
            }
            self.broken.notified().await;
        }
    }

    /// Throws the dice.
    pub fn throw<T>(&self, game: impl FnOnce(&mut Dice) -> T) -> T {
        game(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What may happen now.
    pub fn weather(&self) -> Weather {
        if self.is_fair.load(Ordering::Relaxed) { Weather::FAIR } else { self.plan.weather }
    }

    pub fn note(&self, who: &str, text: impl FnOnce() -> String) {
        if self.plan.trace {
            let line = format!("{:>10.3}  {who:<12} {}", self.started.elapsed().as_secs_f64(), text());
            self.trace.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    pub fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut *self.trace.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something has happened that can be a review's failure.
    pub fn harm(&self) {
        self.harms.fetch_add(1, Ordering::Relaxed);
    }

    pub fn harms(&self) -> u64 {
        self.harms.load(Ordering::Relaxed)
    }

    /// Counts a call; returns its number if it is a worker's.
    pub fn counted(&self, process: &Process) -> Option<u64> {
        self.judge().called(self.started.elapsed());
        process.name.starts_with("worker").then(|| self.calls.fetch_add(1, Ordering::Relaxed))
    }

    /// Calls of workers so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// A process has begun.
    pub fn began(&self, process: &Arc<Process>) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(process));
    }

    /// Where webhooks go.
    pub fn ingress(&self) -> Option<Router> {
        self.ingress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The answer of a replica that lags, if this request comes to one.
    pub fn stale(&self, request: &Request, path: &str) -> Option<Response> {
        let weather = self.weather();
        let back = self.throw(|dice| dice.chance(weather.stale).then(|| dice.between(0, 3)))?;
        if request.method != Method::Get {
            return None;
        }
        if path.ends_with("/comments") && path.contains("/issues/") {
            let key = self.judge().pull_of(path)?;
            let (repo, number) = self.judge().names(key)?;
            let now = self.now();
            let ages = self.forge.comments(&repo, number).into_iter().map(|comment| comment.created_at.until(now));
            let missing = github::too_new(ages);
            if missing > 0 {
                self.note("GitHub", || format!("a list without its newest {missing}"));
                self.forge.add_fault(Fault::on("GET", path, Action::StaleList { missing }));
            }
            return None;
        }
        let key = if is_of_pull(path) { self.judge().pull_of(path) } else { None }?;
        let looked = github::before(self.judge().looked(key), usize::try_from(back).unwrap_or(0))?;
        Some(plain(200, looked.to_string()))
    }

    /// The forge's answer. What it says of two commits it is asked once, and a pull request is shown without the fields that
    /// nobody reads: making JSON would be most of what a history costs.
    pub async fn perform(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        let path = github::path(&request);
        if request.method == Method::Get && is_of_pull(&path) {
            let key = self.judge().pull_of(&path);
            let shown =
                key.and_then(|key| self.judge().names(key)).and_then(|(repo, number)| self.shown(&repo, number));
            let body = shown.as_ref().map(Value::to_string).unwrap_or_default();
            return Ok(plain(if shown.is_some() { 200 } else { 404 }, body));
        }
        if let Some((_, commits)) = path.split_once("/compare/") {
            // No branch of these ever comes from elsewhere than from the base's only commit.
            let base = commits.split("...").next().unwrap_or_default();
            return Ok(plain(200, json!({ "merge_base_commit": { "sha": base } }).to_string()));
        }
        let is_fixed = request.method == Method::Get && path.contains("/contents/");
        let name = format!("{path} {:?} {:?}", request.query, request.accept);
        let answers = || self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers().get(&name) {
            return Ok(known.clone());
        }
        let answer = self.transport.send(request, token).await?;
        if is_fixed {
            answers().insert(name, answer.clone());
        }
        Ok(answer)
    }

    /// A pull request as the API and webhooks show it, as far as anybody reads that.
    pub fn shown(&self, repo: &RepoName, number: PullNumber) -> Option<Value> {
        let view = self.forge.pull(repo, number).ok()?;
        let (_, id) = self.repositories.iter().find(|(name, _)| name == repo)?;
        let updated_at = in_seconds(view.updated_at).to_string();
        let kind = if view.author.bot { "Bot" } else { "User" };
        Some(json!({
            "id": view.id, "number": view.number, "state": if view.open { "open" } else { "closed" },
            "draft": view.draft, "merged": view.merged, "title": view.title, "labels": [],
            "user": { "id": view.author.id, "login": view.author.login, "type": kind },
            "head": { "sha": view.head_sha, "ref": view.head_ref },
            "base": { "sha": view.base_sha, "ref": view.base_ref, "repo": { "id": id, "full_name": repo } },
            "updated_at": updated_at, "changed_files": 1, "additions": 1, "deletions": 0,
        }))
    }

    /// What a caller sees of an answer, if it is a list of comments and the rest of it is left out on purpose.
    pub fn as_listed(&self, path: &str, response: Response) -> Response {
        if self.plan.deliberate != Some(super::Deliberate::ListsOne) || !path.ends_with("/comments") {
            return response;
        }
        let Ok(Value::Array(mut comments)) = serde_json::from_slice(&response.body) else { return response };
        let mut seen = false;
        comments.retain(|comment| {
            let is_ours = comment["user"]["id"].as_u64() == Some(self.forge.settings().viewer.id);
            !is_ours || !std::mem::replace(&mut seen, true)
        });
        Response { body: Value::Array(comments).to_string().into(), ..response }
    }

    /// From now on nothing goes wrong, and what was wrong is right.
    pub async fn clear_up(&self) {
        self.note("", || "the trouble is over".to_owned());
        self.is_fair.store(true, Ordering::Relaxed);
        for process in self.processes.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            process.clock.put(0);
        }
        let frozen: Vec<Instant> =
            self.processes.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|p| p.frozen_until()).collect();
        sleep_until(frozen.into_iter().max().unwrap_or_else(Instant::now)).await;
        sleep(SETTLING).await;
    }

    /// Waits until nothing is left to do.
    pub async fn quiet(&self, when: &str) -> Result<(), String> {
        let began = Instant::now();
        loop {
            sleep(LOOK).await;
            let left = self.left().await;
            if left == 0 {
                sleep(SETTLING).await;
                if self.left().await == 0 {
                    return Ok(());
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{left} messages are still in the queue {PATIENCE:?} {when}"));
            }
        }
    }

    /// Bodies of the dead letters.
    pub fn dead(&self) -> Vec<String> {
        let letters = self.queue.dead_letters(usize::MAX).now_or_never().and_then(Result::ok).unwrap_or_default();
        letters.into_iter().map(|letter| letter.body).collect()
    }

    async fn left(&self) -> u64 {
        let depth = self.queue.depth().await.unwrap_or_default();
        depth.visible + depth.in_flight + depth.delayed
    }

    /// What an operator does, and the reconciler: dead letters go back, and what was missed is looked for. A review that was put
    /// down is left alone for a while: it runs until there is nothing more to be found.
    pub async fn recover(self: &Arc<Self>) -> Result<(), String> {
        REDRIVEN_AT.set(self.now().0);
        let redriven = self.queue.redrive(Redrive::All, renewed).await.unwrap_or(0);
        self.note("operator", || format!("redrives {redriven} dead letters"));
        self.quiet("after the redrive").await?;
        for _ in 0..RUNS {
            let open = self.judge().open();
            if open.into_iter().all(|key| self.judge().shows_its_head(self, key).is_ok()) {
                break;
            }
            self.reconcile().await?;
            self.quiet("after a run of the reconciler").await?;
            sleep(BETWEEN_RUNS).await;
        }
        Ok(())
    }

    async fn reconcile(self: &Arc<Self>) -> Result<(), String> {
        let process = Process::new(self, "reconciler".to_owned(), false);
        let env = process.env();
        let github = service::github(&self.config.worker, Arc::new(ItsGitHub(Arc::clone(&process))), Arc::clone(&env));
        let store = Arc::new(ItsStore(Arc::clone(&process)));
        let queue = Arc::new(ItsQueue(process));
        let reconciler = service::reconciler(&self.config.worker, github, store, queue, env);
        match reconciler.once(true).await {
            Ok(Ran::Done(summary)) if summary.stopped.is_none() => Ok(()),
            other => Err(format!("the reconciler did not come to its end: {other:?}")),
        }
    }

    /// The same news once more, for every open pull request whose review is complete.
    pub async fn repeat_every_hint(&self) {
        self.judge().tally.mark();
        let keys = self.judge().open();
        for key in keys {
            // A review that was incomplete to the end is left to the next hint: it is made again.
            let is_done = self.store.row(key).await.is_ok_and(|row| row.done.is_some());
            if let Some(job) = self.new_hint(key, Cause::Synchronize).filter(|_| is_done) {
                self.hint(job).await;
            }
        }
    }

    fn new_hint(&self, key: PullKey, cause: Cause) -> Option<Job> {
        let (repo, number) = self.judge().names(key)?;
        let view = self.forge.pull(&repo, number).ok()?;
        Some(Job {
            id: self.clock.random_id(),
            repo_id: key.repo_id,
            repo,
            pull: number,
            cause,
            head: Some(view.head_sha),
            updated_at: Some(in_seconds(view.updated_at)),
            accepted_at: self.now(),
            rereads: 0,
            redriven_at: None,
            not_before: None,
            nonce: None,
            delivery: None,
            traceparent: None,
        })
    }

    async fn hint(&self, job: Job) {
        self.note("GitHub", || format!("tells of {} once more", job.key()));
        let message = NewMessage { group: job.group(), body: job.encode(), delay: Duration::ZERO };
        // The queue in memory fails only under a process's hands.
        let _ = self.queue.send(vec![message]).await;
    }

    /// It is over: what waits for each other lets go.
    pub fn end(&self) {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.ingress.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// A pull request itself, and nothing of it.
fn is_of_pull(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(before, _)| before.ends_with("/pulls"))
}

/// As GitHub counts.
fn in_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_seconds(at.0.div_euclid(1000))
}

fn plain(status: u16, body: String) -> Response {
    Response { status, headers: std::iter::empty::<(&str, &str)>().collect(), body: body.into() }
}

thread_local! {
    static REDRIVEN_AT: Cell<i64> = const { Cell::new(0) };
}

/// As `eco-coder queue redrive` does, with an id that follows from the old one.
fn renewed(body: &str) -> String {
    let Some(job) = job(body) else { return body.to_owned() };
    let id = job.id.chars().rev().collect();
    Job { id, redriven_at: Some(Timestamp(REDRIVEN_AT.get())), rereads: 0, ..job }.encode()
}
