//! A queue in memory, for simulations: no thread, no file, and every answer depends on the calls before it, the clock and
//! the dice alone. Survives nothing, so no setting leads here.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::{
    DeadLetter, Death, Depth, EntryError, JobQueue, MAX_BATCH, MAX_SEND, NewMessage, QueueError, Receipt, Received,
    Redrive, Rewrite, limits,
};
use crate::env::{SharedEnv, Timestamp};

/// The queue.
#[derive(Debug)]
pub struct MemoryQueue {
    env: SharedEnv,
    state: Mutex<State>,
    /// Told when something may have become visible.
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By id: the oldest first.
    messages: BTreeMap<u64, Message>,
    /// In the order of dying.
    dead: Vec<DeadLetter>,
    last_id: u64,
}

#[derive(Debug)]
struct Message {
    group: String,
    body: String,
    sent_at: Timestamp,
    visible_at: Timestamp,
    /// Received and not given back. Whether that still weighs depends on the time.
    taken: bool,
    receives: u32,
    token: u64,
}

impl MemoryQueue {
    /// An empty one.
    pub fn new(env: SharedEnv) -> Self {
        Self { env, state: Mutex::default(), news: Notify::new() }
    }

    /// The body that a receipt names, if it is the message's last receive.
    pub fn body(&self, receipt: &Receipt) -> Option<String> {
        let (id, token) = parse(receipt).ok()?;
        let state = self.lock();
        state.messages.get(&id).filter(|message| message.token == token).map(|message| message.body.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn each(
        &self,
        receipts: &[Receipt],
        change: impl Fn(&mut State, u64),
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        limits::entries(receipts.len(), MAX_BATCH)?;
        let mut state = self.lock();
        let one = |receipt| {
            let id = state.held(receipt)?;
            change(&mut state, id);
            Ok(())
        };
        Ok(receipts.iter().map(one).collect())
    }
}

fn receipt(id: u64, token: u64) -> Receipt {
    Receipt(format!("{id}.{token:016x}"))
}

fn parse(receipt: &Receipt) -> Result<(u64, u64), EntryError> {
    let parts = receipt.0.split_once('.');
    let read = parts.and_then(|(id, token)| Some((id.parse().ok()?, u64::from_str_radix(token, 16).ok()?)));
    read.ok_or_else(|| EntryError::Invalid("the receipt is not one of this queue's".to_owned()))
}

impl State {
    fn insert(&mut self, group: String, body: String, now: Timestamp, delay: Duration) -> u64 {
        self.last_id += 1;
        let message =
            Message { group, body, sent_at: now, visible_at: now + delay, taken: false, receives: 0, token: 0 };
        self.messages.insert(self.last_id, message);
        self.last_id
    }

    /// The message that the receipt names, if nobody else has received it since.
    fn held(&self, receipt: &Receipt) -> Result<u64, EntryError> {
        let (id, token) = parse(receipt)?;
        let current = self.messages.get(&id).is_some_and(|message| message.receives > 0 && message.token == token);
        if current { Ok(id) } else { Err(EntryError::Stale) }
    }

    /// Those that can be received, group by group in turn: the fewest in flight, then the oldest.
    fn take(&mut self, max: usize, now: Timestamp, visibility: Duration, token: impl Fn() -> u64) -> Vec<Received> {
        let mut in_flight: BTreeMap<String, usize> = BTreeMap::new();
        for message in self.messages.values().filter(|message| message.taken && message.visible_at > now) {
            *in_flight.entry(message.group.clone()).or_default() += 1;
        }
        let mut received: Vec<Received> = Vec::new();
        let mut here: Vec<u64> = Vec::new();
        while received.len() < max {
            let ready = self.messages.iter_mut().filter(|(id, m)| m.visible_at <= now && !here.contains(id));
            let first = ready.min_by_key(|(id, m)| (in_flight.get(&m.group).copied().unwrap_or(0), **id));
            let Some((id, message)) = first else { break };
            message.visible_at = now + visibility;
            message.taken = true;
            message.receives += 1;
            message.token = token();
            *in_flight.entry(message.group.clone()).or_default() += 1;
            here.push(*id);
            received.push(Received {
                message_id: id.to_string(),
                receipt: receipt(*id, message.token),
                group: message.group.clone(),
                body: message.body.clone(),
                receive_count: message.receives,
                sent_at: message.sent_at,
                redriven_at: None,
            });
        }
        received
    }

    /// When the next hidden message shows.
    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages.values().map(|message| message.visible_at).filter(|at| *at > now).min()
    }
}

#[async_trait]
impl JobQueue for MemoryQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        limits::entries(batch.len(), MAX_SEND)?;
        let now = self.env.now();
        let mut state = self.lock();
        let store = |message: NewMessage| {
            limits::message(&message)?;
            Ok(state.insert(message.group, message.body, now, message.delay).to_string())
        };
        let sent = batch.into_iter().map(store).collect();
        self.news.notify_waiters();
        Ok(sent)
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        limits::receive(max, wait, visibility)?;
        let deadline = Instant::now() + wait;
        loop {
            // Listening before looking: what is sent in between wakes us.
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            let now = self.env.now();
            let next = {
                let mut state = self.lock();
                let taken = state.take(max, now, visibility, || self.env.random());
                if !taken.is_empty() || Instant::now() >= deadline {
                    return Ok(taken);
                }
                state.next(now)
            };
            let until = next.map_or(deadline, |next| deadline.min(Instant::now() + now.until(next)));
            // Whichever it was, looking again tells.
            let _ = timeout_at(until, news).await;
        }
    }

    async fn extend(
        &self,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        limits::visibility(visibility)?;
        let until = self.env.now() + visibility;
        let extended = self.each(receipts, |state, id| {
            if let Some(message) = state.messages.get_mut(&id) {
                (message.visible_at, message.taken) = (until, !visibility.is_zero());
            }
        })?;
        self.news.notify_waiters();
        Ok(extended)
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        self.each(receipts, |state, id| {
            state.messages.remove(&id);
        })
    }

    async fn defer(
        &self,
        received: &Received,
        body: String,
        delay: Duration,
    ) -> Result<Result<(), EntryError>, QueueError> {
        let mut state = self.lock();
        let held = limits::body(&body).and(limits::delay(delay)).and_then(|()| state.held(&received.receipt));
        let deferred = held.map(|id| {
            if let Some(old) = state.messages.remove(&id) {
                state.insert(old.group, body, self.env.now(), delay);
            }
        });
        self.news.notify_waiters();
        Ok(deferred)
    }

    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError> {
        let mut state = self.lock();
        let buried = state.held(&received.receipt).map(|id| {
            if let Some(message) = state.messages.remove(&id) {
                state.dead.push(DeadLetter {
                    id: id.to_string(),
                    group: message.group,
                    body: message.body,
                    reason: death.reason,
                    attempts: death.attempts,
                    last_error: death.last_error,
                    died_at: self.env.now(),
                    sent_at: message.sent_at,
                });
            }
        });
        Ok(buried)
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let now = self.env.now();
        let state = self.lock();
        let hidden = |taken| {
            let hidden = state.messages.values().filter(|m| m.visible_at > now && m.taken == taken);
            hidden.count() as u64
        };
        let oldest = state.messages.first_key_value().map(|(_, message)| message.sent_at);
        Ok(Depth {
            visible: state.messages.values().filter(|m| m.visible_at <= now).count() as u64,
            in_flight: hidden(true),
            delayed: hidden(false),
            dead: state.dead.len() as u64,
            oldest_age_ms: oldest.map(|sent| u64::try_from(now.0.saturating_sub(sent.0)).unwrap_or(0)),
        })
    }

    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        Ok(self.lock().dead.iter().rev().take(limit).cloned().collect())
    }

    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError> {
        let now = self.env.now();
        let mut state = self.lock();
        let (mut sent, mut kept) = (0, Vec::new());
        for letter in std::mem::take(&mut state.dead) {
            let chosen = match &which {
                Redrive::All => true,
                Redrive::One(id) => *id == letter.id,
            };
            let body = if chosen { rewrite(&letter.body) } else { String::new() };
            if chosen && limits::body(&body).is_ok() {
                state.insert(letter.group, body, now, Duration::ZERO);
                sent += 1;
            } else {
                kept.push(letter);
            }
        }
        state.dead = kept;
        self.news.notify_waiters();
        let refused = |letter: &DeadLetter| matches!(&which, Redrive::One(id) if *id == letter.id);
        if state.dead.iter().any(refused) {
            return Err(QueueError::Invalid("the rewritten body can't be sent".to_owned()));
        }
        Ok(sent)
    }

    async fn check(&self) -> Result<(), QueueError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::env::ManualEnv;
    use crate::queue::contract::Engine;

    struct InMemory(Arc<ManualEnv>);

    #[async_trait]
    impl Engine for InMemory {
        async fn fresh(&self) -> Arc<dyn JobQueue> {
            Arc::new(MemoryQueue::new(Arc::clone(&self.0) as SharedEnv))
        }

        async fn pass(&self, length: Duration) {
            self.0.advance(length);
        }
    }

    crate::queue_contract!(InMemory(Arc::new(ManualEnv::new(Timestamp::from_seconds(1_700_000_000), 7))));
}
