//! Clocks: the true one, and each machine's, which can be wrong.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use eco_coder_shared::env::{Env, Timestamp};
use tokio::time::Instant;

use super::dice::Dice;

/// When every history begins: 2026-01-01T00:00:00Z.
const BEGINNING: i64 = 1_767_225_600_000;

/// One machine's clock and dice.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    wrong_by: AtomicI64,
    dice: Mutex<Dice>,
}

impl Clock {
    /// A clock that is right. To be made in the runtime that it counts the time of.
    pub fn new(started: Instant, dice: Dice) -> Self {
        Self { started, wrong_by: AtomicI64::new(0), dice: Mutex::new(dice) }
    }

    /// Puts it forward, or back, by so many milliseconds from what is right.
    pub fn put(&self, wrong_by: i64) {
        self.wrong_by.store(wrong_by, Ordering::Relaxed);
    }
}

impl Env for Clock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp(BEGINNING + passed + self.wrong_by.load(Ordering::Relaxed))
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&dice.bits().to_le_bytes()[..chunk.len()]);
        }
    }
}
