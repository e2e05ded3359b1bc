//! One process of the product, as far as the world can do something to it: it ends, stands still, its clock jumps. All its
//! calls to engines go over [`Process::over`]; one that has ended never comes back from there, and what it held in memory is
//! dropped with its tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::ids::PullKey;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::clock::Clock;
use super::world::World;

/// The engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seam {
    Queue,
    Store,
    GitHub,
    Model,
}

/// Why a call has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing was done.
    Refused,
    /// It was done, and the answer is lost.
    Lost,
}

/// What a round holds that the judge looks at.
#[derive(Debug, Default)]
pub struct Held {
    /// Pull requests for which a write may begin: under which epoch, since when. Each is for one write.
    pub permits: BTreeMap<PullKey, (u64, Instant)>,
    /// Jobs that were told that their pull request is busy.
    pub busy: BTreeSet<String>,
}

/// A process.
pub struct Process {
    pub name: String,
    pub world: Arc<World>,
    pub clock: Arc<Clock>,
    works: bool,
    dead: AtomicBool,
    gone: Notify,
    asked: Notify,
    frozen_until: Mutex<Instant>,
    held: Mutex<Held>,
}

impl Process {
    /// A new one. `works`: a worker, to which everything can happen.
    pub fn new(world: &Arc<World>, name: String, works: bool) -> Arc<Self> {
        let clock = Arc::new(world.clock(&name));
        Arc::new(Self {
            name,
            world: Arc::clone(world),
            clock,
            works,
            dead: AtomicBool::new(false),
            gone: Notify::new(),
            asked: Notify::new(),
            frozen_until: Mutex::new(Instant::now()),
            held: Mutex::default(),
        })
    }

    /// Its clock and dice, for the product.
    pub fn env(&self) -> SharedEnv {
        Arc::clone(&self.clock) as SharedEnv
    }

    /// Ends it, as `kill -9` does.
    pub fn end(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.gone.notify_one();
    }

    /// Ready when it has ended.
    pub async fn gone(&self) {
        self.gone.notified().await;
    }

    /// Ready when it is asked to end.
    pub async fn asked_to_end(&self) {
        self.asked.notified().await;
    }

    /// Until when it stands still.
    pub fn frozen_until(&self) -> Instant {
        *self.frozen_until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, text: impl FnOnce() -> String) {
        self.world.note(&self.name, text);
    }

    /// Goes on only while the process lives, and not while it stands still.
    pub async fn alive(&self) {
        loop {
            if self.dead.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let frozen = self.frozen_until().saturating_duration_since(Instant::now());
            if frozen.is_zero() {
                return;
            }
            sleep_until(self.world.own_moment(frozen)).await;
        }
    }

    async fn dies(&self, when: &str) -> ! {
        self.note(|| format!("ends {when}"));
        {
            let mut judge = self.world.judge();
            judge.tally.crashes += 1;
            judge.owe_all();
        }
        self.end();
        std::future::pending().await
    }

    /// A call to an engine, with what may happen before and after it. `what` names it, with its answer.
    pub async fn over<T>(
        self: &Arc<Self>,
        seam: Seam,
        what: &str,
        effect: impl Future<Output = T>,
        shown: impl FnOnce(&T) -> String,
    ) -> Result<T, Trouble> {
        self.alive().await;
        let call = self.world.counted(self);
        let weather = self.world.weather();
        let luck = self.world.throw(|dice| {
            let refusing = match seam {
                Seam::Queue => weather.queue,
                Seam::Store => weather.store,
                // They have troubles of their own.
                Seam::GitHub | Seam::Model => 0,
            };
            let refusing = if self.works { refusing } else { weather.refused };
            // Where it matters most: between being allowed to create a comment and creating it.
            let freezing = if what.contains("POST") { weather.freeze * 5 } else { weather.freeze };
            let slow = if dice.chance(100) { 1500 } else { 12 };
            Luck {
                ends_before: self.works && dice.chance(weather.crash / 2),
                ends_after: self.works && dice.chance(weather.crash / 2),
                refused: dice.chance(refusing / 2),
                lost: dice.chance(refusing / 2),
                freezes: (self.works && dice.chance(freezing)).then(|| dice.millis(2_000, 240_000)),
                jumps: (self.works && dice.chance(weather.jump)).then(|| dice.between(0, 1_200_000)),
                asked: self.works && dice.chance(weather.asked_to_end),
                before: dice.millis(1, slow),
                after: if dice.chance(2500) { dice.millis(1, slow) } else { Duration::ZERO },
            }
        });
        if luck.asked {
            self.note(|| "is asked to end".to_owned());
            self.asked.notify_one();
        }
        if let Some(jump) = luck.jumps {
            let wrong_by = i64::try_from(jump).unwrap_or(0) - 600_000;
            self.note(|| format!("has a clock that is wrong by {wrong_by} ms"));
            self.clock.put(wrong_by);
            self.world.harm();
        }
        let crash_at = self.world.plan.crash_at.filter(|at| self.works && call == Some(at.call));
        if luck.ends_before || crash_at.is_some_and(|at| !at.performed) {
            self.world.harm();
            self.dies(&format!("before {what}")).await;
        }
        if let Some(length) = luck.freezes {
            self.note(|| format!("stands still for {} ms before {what}", length.as_millis()));
            self.world.harm();
            *self.frozen_until.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + length;
        }
        sleep_until(self.world.own_moment(luck.before)).await;
        self.alive().await;
        if luck.refused {
            self.note(|| format!("{what}: refused"));
            self.harmed_by(seam);
            return Err(Trouble::Refused);
        }
        let answer = effect.await;
        self.note(|| format!("{what}: {}", shown(&answer)));
        if luck.ends_after || crash_at.is_some_and(|at| at.performed) {
            self.world.harm();
            self.dies(&format!("after {what}")).await;
        }
        if !luck.after.is_zero() {
            sleep_until(self.world.own_moment(luck.after)).await;
        }
        self.alive().await;
        if luck.lost {
            self.note(|| format!("{what}: the answer is lost"));
            self.harmed_by(seam);
            return Err(Trouble::Lost);
        }
        Ok(answer)
    }

    /// A queue that doesn't answer makes somebody wait; a store that doesn't costs a lease.
    fn harmed_by(&self, seam: Seam) {
        match seam {
            Seam::Store => self.world.harm(),
            Seam::Queue | Seam::GitHub | Seam::Model => {}
        }
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is thrown for itself")]
struct Luck {
    ends_before: bool,
    ends_after: bool,
    refused: bool,
    lost: bool,
    freezes: Option<Duration>,
    jumps: Option<u64>,
    asked: bool,
    before: Duration,
    after: Duration,
}
