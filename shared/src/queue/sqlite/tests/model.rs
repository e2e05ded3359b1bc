//! The engine against a model that is too simple to be wrong: a list of messages, looked through from the start.

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Send {
        group: u8,
        delay: u64,
    },
    Receive {
        max: usize,
        visibility: u64,
    },
    /// The receipt is the one handed out so many receives ago: it may be stale.
    Extend {
        back: usize,
        visibility: u64,
    },
    Ack {
        back: usize,
    },
    Defer {
        back: usize,
        delay: u64,
    },
    Bury {
        back: usize,
    },
    Redrive {
        all: bool,
    },
    Pass {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let back = 0..6_usize;
    prop_oneof![
        4 => (0..4_u8, prop_oneof![3 => Just(0), 1 => 1..20_u64]).prop_map(|(group, delay)| Step::Send { group, delay }),
        4 => (1..=4_usize, 0..20_u64).prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        2 => (back.clone(), 0..20_u64).prop_map(|(back, visibility)| Step::Extend { back, visibility }),
        2 => back.clone().prop_map(|back| Step::Ack { back }),
        1 => (back.clone(), 0..20_u64).prop_map(|(back, delay)| Step::Defer { back, delay }),
        1 => back.prop_map(|back| Step::Bury { back }),
        1 => any::<bool>().prop_map(|all| Step::Redrive { all }),
        2 => (0..15_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

struct Entry {
    group: String,
    body: String,
    visible_at: Timestamp,
    /// Received and not given back: whether that still weighs depends on the time.
    taken: bool,
    receives: u32,
}

#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
    /// Group and body, in the order of dying.
    dead: Vec<(String, String)>,
}

impl Model {
    fn add(&mut self, group: &str, body: &str, visible_at: Timestamp) {
        let entry = Entry { group: group.into(), body: body.into(), visible_at, taken: false, receives: 0 };
        self.entries.push(entry);
    }

    fn in_flight(&self, group: &str, now: Timestamp) -> usize {
        self.entries.iter().filter(|e| e.group == group && e.taken && e.visible_at > now).count()
    }

    fn receive(&mut self, max: usize, now: Timestamp, visibility: Duration) -> Vec<(String, u32)> {
        let mut received: Vec<(String, u32)> = Vec::new();
        // What this receive takes weighs in it, and isn't taken twice by it, even with no visibility at all.
        let mut here: Vec<usize> = Vec::new();
        while received.len() < max {
            let weight = |index: usize| {
                let group = &self.entries[index].group;
                let expired_here =
                    here.iter().filter(|&&i| self.entries[i].group == *group && self.entries[i].visible_at <= now);
                (self.in_flight(group, now) + expired_here.count(), index)
            };
            let ready = (0..self.entries.len()).filter(|i| self.entries[*i].visible_at <= now && !here.contains(i));
            let Some(index) = ready.min_by_key(|i| weight(*i)) else {
                break;
            };
            here.push(index);
            let entry = &mut self.entries[index];
            entry.visible_at = now + visibility;
            entry.taken = true;
            entry.receives += 1;
            received.push((entry.body.clone(), entry.receives));
        }
        received
    }

    /// The entry that this receive still holds.
    fn held(&mut self, received: &Received) -> Option<usize> {
        self.entries.iter().position(|e| e.body == received.body && e.receives == received.receive_count)
    }
}

/// Both, side by side.
struct Pair {
    env: Arc<ManualEnv>,
    queue: SqliteQueue,
    model: Model,
    history: Vec<Received>,
    sent: usize,
}

impl Pair {
    fn body(&mut self) -> String {
        self.sent += 1;
        format!("message {}", self.sent)
    }

    async fn step(&mut self, step: Step) {
        let now = self.env.now();
        let seconds = Duration::from_secs;
        match step {
            Step::Send { group, delay } => {
                let (group, body) = (group.to_string(), self.body());
                let message = NewMessage { delay: seconds(delay), ..message(&group, &body) };
                self.queue.send(vec![message]).await.unwrap()[0].as_ref().unwrap();
                self.model.add(&group, &body, now + seconds(delay));
            }
            Step::Receive { max, visibility } => {
                let received = self.queue.receive(max, Duration::ZERO, seconds(visibility)).await.unwrap();
                let expected = self.model.receive(max, now, seconds(visibility));
                let got: Vec<_> = received.iter().map(|m| (m.body.clone(), m.receive_count)).collect();
                assert_eq!(got, expected);
                self.history.extend(received);
            }
            Step::Pass { seconds: length } => self.env.advance(seconds(length)),
            Step::Redrive { all } => self.redrive(all, now).await,
            Step::Extend { back, .. } | Step::Ack { back } | Step::Defer { back, .. } | Step::Bury { back } => {
                let Some(index) = self.history.len().checked_sub(back + 1) else {
                    return;
                };
                let received = self.history[index].clone();
                self.change(step, &received, now).await;
            }
        }
    }

    async fn change(&mut self, step: Step, received: &Received, now: Timestamp) {
        let receipt = std::slice::from_ref(&received.receipt);
        let held = self.model.held(received);
        let done = match step {
            Step::Extend { visibility, .. } => {
                let visibility = Duration::from_secs(visibility);
                if let Some(index) = held {
                    self.model.entries[index].visible_at = now + visibility;
                    self.model.entries[index].taken = !visibility.is_zero();
                }
                self.queue.extend(receipt, visibility).await.unwrap().remove(0)
            }
            Step::Defer { delay, .. } => {
                let (body, delay) = (self.body(), Duration::from_secs(delay));
                if let Some(index) = held {
                    let entry = self.model.entries.remove(index);
                    self.model.add(&entry.group, &body, now + delay);
                }
                self.queue.defer(received, body, delay).await.unwrap()
            }
            Step::Bury { .. } => {
                if let Some(index) = held {
                    let entry = self.model.entries.remove(index);
                    self.model.dead.push((entry.group, entry.body));
                }
                let death = Death { reason: "x".into(), attempts: 1, last_error: None };
                self.queue.dead_letter(received, death).await.unwrap()
            }
            _ => {
                if let Some(index) = held {
                    self.model.entries.remove(index);
                }
                self.queue.ack(receipt).await.unwrap().remove(0)
            }
        };
        assert_eq!(done, if held.is_some() { Ok(()) } else { Err(EntryError::Stale) });
    }

    async fn redrive(&mut self, all: bool, now: Timestamp) {
        let count = if all { self.model.dead.len() } else { self.model.dead.len().min(1) };
        let which = match self.queue.dead_letters(1_000).await.unwrap().last() {
            Some(oldest) if !all => Redrive::One(oldest.id.clone()),
            _ => Redrive::All,
        };
        let sent = self.queue.redrive(which, |body| format!("{body}'")).await.unwrap();
        assert_eq!(sent, count as u64);
        for (group, body) in self.model.dead.drain(..count).collect::<Vec<_>>() {
            self.model.add(&group, &format!("{body}'"), now);
        }
    }

    /// What can be asked at any time.
    async fn compare(&self) {
        let now = self.env.now();
        let depth = self.queue.depth().await.unwrap();
        let hidden = |taken| {
            let hidden = self.model.entries.iter().filter(|e| e.visible_at > now && e.taken == taken);
            hidden.count() as u64
        };
        assert_eq!((depth.in_flight, depth.delayed), (hidden(true), hidden(false)));
        assert_eq!(depth.visible + depth.in_flight + depth.delayed, self.model.entries.len() as u64);
        let dead: Vec<_> =
            self.queue.dead_letters(1_000).await.unwrap().into_iter().map(|l| (l.group, l.body)).rev().collect();
        assert_eq!(dead, self.model.dead);

        let faults = self.queue.db.read(|conn| check::faults(conn, SCHEMA.version())).await.unwrap();
        assert_eq!(faults, Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_does_what_the_model_does(steps in proptest::collection::vec(step(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let env = clock();
            let queue = SqliteQueue::in_memory(env.clone()).unwrap();
            let mut pair = Pair { env, queue, model: Model::default(), history: Vec::new(), sent: 0 };
            for step in steps {
                pair.step(step).await;
                pair.compare().await;
            }
        });
    }
}
