//! The claim protocol over every interleaving of a small history: pushes, redeliveries, leases and visibilities that run
//! out under live workers, workers that stall between checking their epoch and writing to GitHub, crashes, lost acks.
//! The row's part is the real [`apply`]; the rest of the world is this model.
//!
//! Checked: when no hint and no work is left, the comment shows the head; and from every state such a quiet one can be
//! reached. Three deliberate faults show that the check can fail.

use std::collections::{HashMap, HashSet, VecDeque};

use super::*;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// A busy worker acks its hint and trusts the holder.
    Fold,
    /// Publishing without the current epoch.
    Unfenced,
    /// A worker whose write came late goes away without sending a fresh hint.
    Late,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Hint {
    Unused,
    New,
    Visible,
    Flying,
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
enum Step {
    Idle,
    Claim,
    Head,
    Check,
    Write,
    Recheck,
    Release,
    Ack,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
struct Worker {
    step: Step,
    hint: Option<usize>,
    epoch: u64,
    read: u8,
}

const IDLE: Worker = Worker { step: Step::Idle, hint: None, epoch: 0, read: 0 };

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct World {
    head: u8,
    comment: u8,
    hints: Vec<Hint>,
    /// A crash between a late write and its fresh hint: the reconciler owes one.
    owed: bool,
    row: RowState,
    workers: Vec<Worker>,
    crashes: u8,
}

/// The row, as far as the protocol moves it. Time stands still at 100; the lease is over when it ends at 100.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct RowState {
    epoch: u64,
    holder: Option<String>,
    leased: bool,
}

const NOW: Timestamp = Timestamp(100);
const LEASE: Duration = Duration::from_millis(50);

impl RowState {
    fn row(&self) -> Row {
        let lease_until = if self.leased { NOW + LEASE } else { Timestamp(0) };
        Row { epoch: self.epoch, holder: self.holder.clone(), lease_until, ..Row::default() }
    }

    fn from_row(row: &Row) -> Self {
        Self { epoch: row.epoch, holder: row.holder.clone(), leased: row.lease_until > NOW }
    }
}

fn perform(world: &mut World, transition: &Transition) -> Verdict {
    let (changed, verdict) = apply(&world.row.row(), transition);
    if let Some(row) = changed {
        world.row = RowState::from_row(&row);
    }
    verdict
}

fn fresh_hint(world: &mut World) {
    match world.hints.iter().position(|h| *h == Hint::Unused) {
        Some(slot) => world.hints[slot] = Hint::Visible,
        None => world.owed = true,
    }
}

fn is_mine(world: &World, worker: &Worker) -> bool {
    let may = Transition::MayWrite { epoch: worker.epoch, now: NOW, request: Duration::ZERO };
    matches!(apply(&world.row.row(), &may).1, Verdict::Mine(_))
}

/// The current epoch, whether or not the lease has run out since.
fn is_current(world: &World, worker: &Worker) -> bool {
    let commented = Transition::Commented { epoch: worker.epoch, comment: CommentState::Known { id: 1 }, head: None };
    matches!(apply(&world.row.row(), &commented).1, Verdict::Mine(_))
}

fn moves(world: &World, fault: Fault) -> Vec<(String, World)> {
    let mut out = Vec::new();
    let mut go = |label: String, change: &dyn Fn(&mut World)| {
        let mut next = world.clone();
        change(&mut next);
        out.push((label, next));
    };
    if let Some(k) = world.hints.iter().position(|h| *h == Hint::New) {
        go(format!("push {k}"), &|w| {
            w.head += 1;
            w.hints[k] = Hint::Visible;
        });
    }
    for (k, hint) in world.hints.iter().enumerate() {
        if *hint == Hint::Flying {
            go(format!("hint {k} is visible again"), &|w| w.hints[k] = Hint::Visible);
        }
    }
    if world.row.leased {
        go("the lease runs out".into(), &|w| w.row.leased = false);
    }
    if world.owed {
        let spent = |k: &usize| world.hints[*k] == Hint::Gone && !world.workers.iter().any(|w| w.hint == Some(*k));
        if let Some(k) = (0..world.hints.len()).find(spent) {
            go("the sweep sends a hint".into(), &|w| {
                w.owed = false;
                w.hints[k] = Hint::Visible;
            });
        }
    }
    for (i, worker) in world.workers.iter().enumerate() {
        worker_moves(world, i, *worker, fault, &mut go);
    }
    out
}

/// Takes a move: its name, and what it does to the world.
type Go<'a> = &'a mut dyn FnMut(String, &dyn Fn(&mut World));

fn worker_moves(world: &World, i: usize, worker: Worker, fault: Fault, go: Go<'_>) {
    let hint = worker.hint.unwrap_or(0);
    if worker.step != Step::Idle && world.crashes > 0 {
        go(format!("{i} crashes at {:?}", worker.step), &|w| {
            w.owed |= worker.step == Step::Recheck && !is_current(w, &worker);
            w.crashes -= 1;
            w.workers[i] = IDLE;
        });
    }
    let to = |step| move |w: &mut World| w.workers[i].step = step;
    match worker.step {
        Step::Idle => {
            for (k, at) in world.hints.iter().enumerate() {
                if *at == Hint::Visible {
                    go(format!("{i} receives {k}"), &|w| {
                        w.hints[k] = Hint::Flying;
                        w.workers[i] = Worker { step: Step::Claim, hint: Some(k), ..IDLE };
                    });
                }
            }
        }
        Step::Claim => go(format!("{i} claims for {hint}"), &|w| {
            let claim = Transition::Claim { holder: hint.to_string(), now: NOW, lease: LEASE, first_receive: false };
            let folds = fault == Fault::Fold && w.row.holder.as_deref() != Some(hint.to_string().as_str());
            match perform(w, &claim) {
                Verdict::Mine(row) => {
                    w.workers[i] = Worker { step: Step::Head, hint: Some(hint), epoch: row.epoch, read: 0 };
                }
                Verdict::Hide { .. } if folds => {
                    w.hints[hint] = Hint::Gone;
                    w.workers[i] = IDLE;
                }
                Verdict::Hide { .. } => {
                    if w.hints[hint] == Hint::Flying {
                        w.hints[hint] = Hint::Visible;
                    }
                    w.workers[i] = IDLE;
                }
                Verdict::Late => unreachable!("a claim is never late"),
            }
        }),
        Step::Head => go(format!("{i} reads head {}", world.head), &|w| {
            w.workers[i].read = w.head;
            w.workers[i].step = Step::Check;
        }),
        Step::Check => {
            // A lease that ran out is renewed before a write if nobody else has claimed.
            let renewed = |w: &mut World| {
                perform(w, &Transition::Renew { epoch: worker.epoch, now: NOW, lease: LEASE });
                is_mine(w, &worker)
            };
            let mut tried = world.clone();
            if renewed(&mut tried) || fault == Fault::Unfenced {
                go(format!("{i} begins to publish {}", worker.read), &|w| {
                    renewed(w);
                    w.workers[i].step = Step::Write;
                });
            } else {
                go(format!("{i} is late"), &|w| w.workers[i] = IDLE);
            }
        }
        Step::Write => go(format!("{i} publishes {}", worker.read), &|w| {
            w.comment = worker.read; // GitHub takes it whatever became of the lease
            w.workers[i].step = Step::Recheck;
        }),
        Step::Recheck if is_current(world, &worker) => go(format!("{i} was in time"), &to(Step::Release)),
        Step::Recheck => go(format!("{i} was late"), &|w| {
            w.workers[i] = IDLE;
            if fault == Fault::None || fault == Fault::Fold {
                fresh_hint(w);
            }
        }),
        Step::Release => go(format!("{i} releases"), &|w| match perform(
            w,
            &Transition::Release { epoch: worker.epoch, exit: Exit::Free },
        ) {
            Verdict::Mine(_) => w.workers[i].step = Step::Ack,
            Verdict::Hide { .. } | Verdict::Late => w.workers[i] = IDLE,
        }),
        Step::Ack => {
            go(format!("{i} acks {hint}"), &|w| {
                w.hints[hint] = Hint::Gone;
                w.workers[i] = IDLE;
            });
            go(format!("{i}'s ack is lost"), &|w| w.workers[i] = IDLE);
        }
    }
}

/// Epochs matter only by being the row's or not; workers are interchangeable; what a step doesn't use is cut.
fn canonical(mut world: World) -> World {
    let current = world.row.epoch;
    for worker in &mut world.workers {
        worker.epoch = u64::from(worker.epoch == current && worker.epoch != 0);
        match worker.step {
            Step::Idle | Step::Claim => (worker.epoch, worker.read) = (0, 0),
            Step::Release | Step::Ack | Step::Head => worker.read = 0,
            Step::Check | Step::Write | Step::Recheck => {}
        }
        if worker.step == Step::Ack {
            worker.epoch = 0;
        }
    }
    world.row.epoch = 1;
    world.workers.sort_unstable();
    world
}

fn is_quiet(world: &World) -> bool {
    !world.owed
        && world.hints.iter().all(|h| matches!(h, Hint::Gone | Hint::Unused))
        && world.workers.iter().all(|w| w.step == Step::Idle)
}

/// Explores everything. `Ok`: how many states, and how many of them quiet. `Err`: what went wrong, and the way there.
fn explore(pushes: usize, workers: usize, crashes: u8, fault: Fault) -> Result<(usize, usize), String> {
    let mut hints = vec![Hint::New; pushes];
    hints.push(Hint::Unused);
    let first = canonical(World {
        head: 0,
        comment: 0,
        hints,
        owed: false,
        row: RowState { epoch: 1, holder: None, leased: false },
        workers: vec![IDLE; workers],
        crashes,
    });
    let mut ids = HashMap::from([(first.clone(), 0usize)]);
    let mut states = vec![first];
    let mut came_from: Vec<Option<(usize, String)>> = vec![None];
    let mut back: Vec<Vec<usize>> = vec![Vec::new()];
    let mut todo = VecDeque::from([0]);
    let mut quiet = Vec::new();
    let trace = |came_from: &[Option<(usize, String)>], mut at: usize| {
        let mut steps = Vec::new();
        while let Some((before, label)) = &came_from[at] {
            steps.push(label.clone());
            at = *before;
        }
        steps.reverse();
        steps.join("\n  ")
    };
    while let Some(at) = todo.pop_front() {
        let world = states[at].clone();
        if is_quiet(&world) {
            quiet.push(at);
            if world.comment != world.head {
                return Err(format!("LOST: shows {}, head {}\n  {}", world.comment, world.head, trace(&came_from, at)));
            }
        }
        for (label, after) in moves(&world, fault) {
            let after = canonical(after);
            let id = *ids.entry(after.clone()).or_insert_with(|| {
                states.push(after);
                came_from.push(Some((at, label)));
                back.push(Vec::new());
                todo.push_back(states.len() - 1);
                states.len() - 1
            });
            back[id].push(at);
        }
    }
    let mut settles: HashSet<usize> = quiet.iter().copied().collect();
    let mut todo: VecDeque<usize> = quiet.iter().copied().collect();
    while let Some(at) = todo.pop_front() {
        for before in &back[at] {
            if settles.insert(*before) {
                todo.push_back(*before);
            }
        }
    }
    match (0..states.len()).find(|at| !settles.contains(at)) {
        Some(stuck) => Err(format!("STUCK: no quiet state can be reached\n  {}", trace(&came_from, stuck))),
        None => Ok((states.len(), quiet.len())),
    }
}

#[test]
fn no_interleaving_of_two_pushes_two_workers_and_a_crash_loses_a_hint_and_every_state_can_settle() {
    let (states, quiet) = explore(2, 2, 1, Fault::None).unwrap_or_else(|e| panic!("{e}"));
    assert!(states > 10_000 && quiet > 0, "{states} states, {quiet} quiet: the model has shrunk");
}

#[test]
fn the_check_finds_a_busy_worker_that_acks_on_another_jobs_promise() {
    assert!(explore(2, 2, 1, Fault::Fold).unwrap_err().starts_with("LOST"));
}

#[test]
fn the_check_finds_a_publish_without_the_current_epoch() {
    assert!(explore(2, 2, 1, Fault::Unfenced).unwrap_err().starts_with("LOST"));
}

#[test]
fn the_check_finds_a_late_write_without_a_fresh_hint() {
    assert!(explore(2, 2, 1, Fault::Late).unwrap_err().starts_with("LOST"));
}
