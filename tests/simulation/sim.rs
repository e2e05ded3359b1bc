//! The whole flow in one process: webhooks that GitHub signs, the ingress's decision, the queue, workers with claims, the
//! agent and publishing, and a GitHub that remembers. Everything is the product's own code but the engines, which are in
//! memory, and the clock and the dice, which are the simulation's: one seed gives one history, to the millisecond.
//!
//! Knows what goes wrong and what must hold all the same; how it is told is the caller's.

mod clock;
mod dice;
mod github;
mod judge;
mod model;
mod people;
mod process;
mod queue;
mod settings;
mod store;
mod weather;
mod workers;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Builder;

pub use judge::Tally;
pub use weather::{Deliberate, Weather};
use world::World;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Everything that is left to chance follows from it.
    pub seed: u64,
    /// What goes wrong.
    pub weather: Weather,
    /// What people do.
    pub story: Story,
    /// A worker ends at this call over a seam.
    pub crash_at: Option<CrashAt>,
    /// A rule of the protocol that is left out, to see that it is missed.
    pub deliberate: Option<Deliberate>,
    /// Keep a line for everything that happens.
    pub trace: bool,
}

/// What people do on GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// Anything, for some minutes, on up to three pull requests.
    Busy,
    /// One pull request is opened, and pushed to once.
    One,
    /// So many pushes to one pull request, within seconds.
    Storm(u32),
    /// One is opened, pushed to, made a draft and ready again, in one second.
    Quick,
}

/// The call at which the worker's process ends, counted from 0 over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrashAt {
    /// Which call.
    pub call: u64,
    /// The call is performed before, and its answer never seen.
    pub performed: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// How much happened; or the rule that was broken.
    pub result: Result<Tally, String>,
    /// What happened, line by line, if it was to be kept.
    pub trace: Vec<String>,
}

impl Plan {
    /// A busy history with the weather of this seed.
    pub fn of(seed: u64) -> Self {
        let weather = Weather::of(seed);
        Self { seed, weather, story: Story::Busy, crash_at: None, deliberate: None, trace: false }
    }
}

/// Simulates on a thread of its own, whose stack bears an analysis.
pub fn run(plan: &Plan) -> Outcome {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(eco_coder_analyzer::STACK_BYTES);
        let running = thread.spawn_scoped(scope, || run_here(plan)).expect("a thread");
        running.join().unwrap_or_else(|_| Outcome { result: Err("it panicked".to_owned()), trace: Vec::new() })
    })
}

/// What came of many.
#[derive(Debug, Default)]
pub struct Many {
    /// All together.
    pub tally: Tally,
    /// How many histories held.
    pub held: u64,
    /// Those that did not, by seed.
    pub broken: BTreeMap<u64, String>,
}

/// Simulates these seeds, as many at once as there are processors, and stops when `enough` have broken a rule.
pub fn over(seeds: std::ops::Range<u64>, enough: usize, plan: impl Fn(u64) -> Plan + Sync) -> Many {
    let next = AtomicU64::new(seeds.start);
    let many = Mutex::new(Many::default());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let is_enough = many.lock().is_ok_and(|many| many.broken.len() >= enough);
            if seed >= seeds.end || is_enough {
                return;
            }
            let outcome = run(&plan(seed));
            let mut many = many.lock().expect("nobody panicked");
            match outcome.result {
                Ok(tally) => {
                    many.held += 1;
                    many.tally.add(&tally);
                }
                Err(why) => {
                    many.broken.insert(seed, why);
                }
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    many.into_inner().expect("nobody panicked")
}

fn run_here(plan: &Plan) -> Outcome {
    // One thread, a clock that moves only when nobody has anything to do, and one thread beside it for what looks at files:
    // what it answers is taken in its order, after everything that can go on without it.
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .max_blocking_threads(1)
        .global_queue_interval(u32::MAX)
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(async {
        let world = World::new(plan.clone());
        let result = tokio::select! {
            biased;
            broken = world.broken() => Err(broken),
            done = through(&world) => done,
        };
        world.end();
        Outcome { result: result.map(|()| world.judge().tally()), trace: world.take_trace() }
    });
    // Processes that ended wait for ever in their calls: they are dropped with it.
    runtime.shutdown_timeout(Duration::from_millis(0));
    outcome
}

/// The history, and then the questions.
async fn through(world: &Arc<World>) -> Result<(), String> {
    workers::start(world);
    people::act(world).await;
    world.clear_up().await;
    world.quiet("after the last fault").await?;
    world.judge().tally.worker_calls = world.calls();
    world.judge().nothing_accepted_was_lost(world)?;
    world.recover().await?;
    world.judge().converged(world)?;
    world.repeat_every_hint().await;
    world.quiet("after repeated hints").await?;
    world.judge().repeating_cost_reads()
}

/// What shows a seed's history.
pub fn command(seed: u64, deliberate: Option<Deliberate>) -> String {
    let name = |rule| Deliberate::ALL.into_iter().find(|(_, known)| *known == rule).map_or("", |(name, _)| name);
    let rule = deliberate.map(|rule| format!(" --deliberate {}", name(rule))).unwrap_or_default();
    format!("cargo run --release --example simulate -p eco-coder -- --seed {seed} --trace{rule}")
}
