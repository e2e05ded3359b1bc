//! Permits of a bounded whole (bytes, requests, places), given in turns between repositories. Waiting costs a few bytes
//! and no thread. A permit travels with what it stands for, and gives back its share when that is dropped.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use eco_coder_shared::ids::RepoId;
use tokio::sync::oneshot;

use crate::turns::Turns;

/// The whole. Clones share it.
#[derive(Debug, Clone)]
pub struct Gate {
    total: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: Turns<RepoId, Waiter>,
}

#[derive(Debug)]
struct Waiter {
    amount: usize,
    tell: oneshot::Sender<Permit>,
}

/// A share of the whole, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    amount: usize,
    gate: Gate,
}

/// Somebody who waits. One who goes away may have kept those behind from what is free.
struct Waiting<'a>(&'a Gate);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.serve(&mut self.0.lock());
    }
}

impl Gate {
    /// So much in all; at least 1.
    pub fn new(total: usize) -> Self {
        let total = total.max(1);
        Self { total, state: Arc::new(Mutex::new(State { free: total, waiting: Turns::default() })) }
    }

    /// How much is given out.
    pub fn in_use(&self) -> usize {
        self.total - self.lock().free
    }

    /// Waits for its repository's turn, and until so much is free. More than the whole is the whole. Whoever's turn it
    /// is isn't overtaken by somebody who needs less: large shares don't starve.
    pub async fn acquire(&self, repository: RepoId, amount: usize) -> Permit {
        let amount = amount.min(self.total);
        let (tell, told) = oneshot::channel();
        {
            let mut state = self.lock();
            state.waiting.push(repository, Waiter { amount, tell });
            self.serve(&mut state);
        }
        let waiting = Waiting(self);
        let permit = told.await;
        std::mem::forget(waiting);
        // The other end is in the queue until it has been used.
        permit.unwrap_or_else(|_| Permit { amount: 0, gate: self.clone() })
    }

    /// Gives to those whose turn it is, as far as it goes.
    fn serve(&self, state: &mut State) {
        let wanted = |waiter: &Waiter| !waiter.tell.is_closed();
        while state.waiting.first(wanted).is_some_and(|waiter| waiter.amount <= state.free) {
            let Some(waiter) = state.waiting.take(wanted) else { return };
            if let Err(mut refused) = waiter.tell.send(Permit { amount: waiter.amount, gate: self.clone() }) {
                // It went away this moment. Dropping a permit takes the lock, which is held here: an empty one doesn't.
                refused.amount = 0;
            } else {
                state.free -= waiter.amount;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, amount: usize) {
        if amount > 0 {
            let mut state = self.lock();
            state.free += amount;
            self.serve(&mut state);
        }
    }
}

impl Permit {
    /// Gives back what is more than `amount`: less is held than was reserved.
    pub fn shrink_to(&mut self, amount: usize) {
        let excess = self.amount.saturating_sub(amount);
        self.amount -= excess;
        self.gate.give_back(excess);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gate.give_back(self.amount);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const A: RepoId = RepoId(1);
    const B: RepoId = RepoId(2);

    #[test]
    fn what_is_free_is_given_at_once_and_comes_back_when_dropped() {
        let gate = Gate::new(10);
        let mut seven = gate.acquire(A, 7).now_or_never().unwrap();
        assert_eq!(gate.in_use(), 7);
        let mut four = Box::pin(gate.acquire(A, 4));
        assert!((&mut four).now_or_never().is_none(), "4 of 3 can't be had");
        seven.shrink_to(6);
        let four = four.now_or_never().unwrap();
        assert_eq!(gate.in_use(), 10);
        drop((seven, four));
        assert_eq!(gate.in_use(), 0);
    }

    #[test]
    fn more_than_the_whole_is_the_whole() {
        let gate = Gate::new(10);
        drop(gate.acquire(A, usize::MAX).now_or_never().unwrap());
        assert_eq!(gate.in_use(), 0);
    }

    #[test]
    fn one_repository_waits_for_one_turn_behind_five_thousand_of_another() {
        let gate = Gate::new(1);
        let first = gate.acquire(A, 1).now_or_never().unwrap();
        let mut many: Vec<_> = (0..5000).map(|_| Box::pin(gate.acquire(A, 1))).collect();
        assert!(many.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
        let mut other = Box::pin(gate.acquire(B, 1));
        assert!((&mut other).now_or_never().is_none());
        drop(first);
        drop((&mut many[0]).now_or_never().unwrap());
        assert!(other.now_or_never().is_some());
    }

    #[test]
    fn whoever_goes_away_keeps_nobody_waiting() {
        let gate = Gate::new(10);
        let held = gate.acquire(A, 6).now_or_never().unwrap();
        let mut large = Box::pin(gate.acquire(A, 10));
        let mut small = Box::pin(gate.acquire(B, 4));
        assert!((&mut large).now_or_never().is_none());
        assert!((&mut small).now_or_never().is_none(), "it isn't overtaken by one who needs less");
        drop(large);
        let small = small.now_or_never().unwrap();
        drop((held, small));

        // Given, and gone before it was taken.
        let held = gate.acquire(A, 10).now_or_never().unwrap();
        let mut gone = Box::pin(gate.acquire(A, 10));
        assert!((&mut gone).now_or_never().is_none());
        drop(held);
        drop(gone);
        assert_eq!(gate.in_use(), 0);
    }
}
