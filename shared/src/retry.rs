//! When to try again: exponential intervals from the crate `backoff` (the only module that knows it), with full jitter
//! from the injected randomness. Decides nothing about *what* may be repeated: each caller says that of its own errors.
//!
//! Retries belong to one layer only. What wraps a call that already retries must not retry it again.

use std::time::Duration;

use backoff::SystemClock;
use backoff::backoff::Backoff as _;
use backoff::exponential::ExponentialBackoff;

use crate::env::Env;

/// How often, and how far apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// The first interval, before jitter.
    pub initial: Duration,
    /// What each interval is multiplied with to give the next; below 1 counts as 1.
    pub factor: f64,
    /// No interval grows past this, and no wait that a server asks for is sat out if it is longer.
    pub cap: Duration,
    /// No wait is shorter than this, whatever the dice say; above `cap` it counts as `cap`.
    pub floor: Duration,
    /// Attempts in all, the first included; zero counts as one.
    pub attempts: u32,
}

impl Policy {
    /// For one HTTP call to a service that is usually there: three attempts, 250 ms doubled, at least 50 ms.
    pub const HTTP: Self = Self {
        initial: Duration::from_millis(250),
        factor: 2.0,
        cap: Duration::from_secs(5),
        floor: Duration::from_millis(50),
        attempts: 3,
    };

    /// The same policy with another number of attempts.
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }

    /// The wait after failure number `failures` (from 1), for attempts that are counted elsewhere.
    pub fn wait_after(&self, failures: u32, env: &dyn Env) -> Duration {
        let mut intervals = Intervals::new(&self.attempts(u32::MAX));
        let mut wait = None;
        // The interval reaches its cap long before.
        for _ in 0..failures.clamp(1, 64) {
            wait = intervals.next(env);
        }
        wait.unwrap_or(self.cap)
    }
}

/// The waits between attempts, one after the other.
#[derive(Debug)]
pub struct Intervals {
    growing: ExponentialBackoff<SystemClock>,
    cap: Duration,
    floor: Duration,
    left: u32,
}

impl Intervals {
    /// Starts at the policy's first interval.
    pub fn new(policy: &Policy) -> Self {
        let initial = policy.initial.min(policy.cap);
        Self {
            growing: ExponentialBackoff {
                current_interval: initial,
                initial_interval: initial,
                randomization_factor: 0.0,
                multiplier: policy.factor.max(1.0),
                max_interval: policy.cap,
                // Attempts are bounded by number: how long they took doesn't matter here.
                max_elapsed_time: None,
                ..ExponentialBackoff::default()
            },
            cap: policy.cap,
            floor: policy.floor.min(policy.cap),
            left: policy.attempts.saturating_sub(1),
        }
    }

    /// The next wait: uniform from zero to the interval ("full jitter"), but never under the floor. `None` once the
    /// attempts are used up.
    pub fn next(&mut self, env: &dyn Env) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        // Read before stepping: what `next_backoff` returns goes through the crate's own dice.
        let interval = self.growing.current_interval;
        self.growing.next_backoff();
        Some(env.between(Duration::ZERO, interval).max(self.floor))
    }

    /// As [`next`](Self::next), when the server said how long to wait: at least that, with the jitter on top, so that
    /// clients which were told the same second don't come back together. `None` if it is longer than the cap: such a
    /// wait is for the caller's caller, who can put the work down.
    pub fn next_after(&mut self, asked: Duration, env: &dyn Env) -> Option<Duration> {
        if asked > self.cap {
            return None;
        }
        self.next(env).map(|wait| asked.saturating_add(wait))
    }
}

/// What may be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Again, at the policy's interval.
    Yes,
    /// Again, but not before this has passed: the server said so.
    After(Duration),
    /// Never: it won't get better, or repeating it may do it twice.
    No,
}

/// Runs `op` until it succeeds, fails in a way that `is_retryable` refuses, or the attempts are used up; returns the
/// last answer. Dropping the future stops it between or within attempts.
pub async fn retry<T, E, F, Fut>(
    policy: &Policy,
    env: &dyn Env,
    is_retryable: impl Fn(&E) -> Retry,
    mut op: F,
) -> Result<T, E>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, E>>,
{
    let mut intervals = Intervals::new(policy);
    loop {
        let error = match op().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let wait = match is_retryable(&error) {
            Retry::No => None,
            Retry::Yes => intervals.next(env),
            Retry::After(asked) => intervals.next_after(asked, env),
        };
        match wait {
            Some(wait) => tokio::time::sleep(wait).await,
            None => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;
    use crate::env::{ManualEnv, Timestamp};

    const POLICY: Policy = Policy {
        initial: Duration::from_millis(100),
        factor: 2.0,
        cap: Duration::from_millis(500),
        floor: Duration::from_millis(20),
        attempts: 6,
    };
    /// Retries without waiting.
    const EAGER: Policy =
        Policy { initial: Duration::ZERO, factor: 2.0, cap: Duration::ZERO, floor: Duration::ZERO, attempts: 3 };

    fn env(seed: u64) -> ManualEnv {
        ManualEnv::new(Timestamp(0), seed)
    }

    /// Dice that always show the same: the edges of the jitter.
    #[derive(Debug)]
    struct Loaded(u8);

    impl Env for Loaded {
        fn now(&self) -> Timestamp {
            Timestamp(0)
        }

        fn fill_random(&self, bytes: &mut [u8]) {
            bytes.fill(self.0);
        }
    }

    fn waits(policy: &Policy, env: &dyn Env) -> Vec<u128> {
        let mut intervals = Intervals::new(policy);
        // Rounded: the highest throw is a hair under one.
        std::iter::from_fn(|| intervals.next(env)).map(|wait| (wait.as_micros() + 500) / 1000).collect()
    }

    #[test]
    fn the_longest_waits_double_up_to_the_cap() {
        assert_eq!(waits(&POLICY, &Loaded(0xff)), [100, 200, 400, 500, 500]);
    }

    #[test]
    fn the_shortest_waits_are_the_floor() {
        assert_eq!(waits(&POLICY, &Loaded(0)), [20; 5]);
    }

    #[test]
    fn the_same_seed_gives_the_same_waits_and_another_seed_others() {
        assert_eq!(waits(&POLICY, &env(1)), waits(&POLICY, &env(1)));
        assert_ne!(waits(&POLICY, &env(1)), waits(&POLICY, &env(2)));
    }

    #[test]
    fn a_wait_the_server_asks_for_is_kept_or_left_to_the_caller() {
        let mut intervals = Intervals::new(&POLICY);
        let wait = intervals.next_after(Duration::from_millis(300), &env(1)).unwrap();
        assert!((320..=400).contains(&wait.as_millis()), "{wait:?}");
        assert_eq!(intervals.next_after(Duration::from_millis(501), &env(1)), None);
    }

    proptest! {
        #[test]
        fn no_policy_panics_and_every_wait_is_within_its_bounds(
            initial in any::<Duration>(), factor in any::<f64>(), cap in any::<Duration>(), floor in any::<Duration>(),
            attempts in 0u32..20, seed in any::<u64>(),
        ) {
            // A thousand years: beyond it even adding durations is at risk, and nobody waits.
            let most = Duration::from_hours(1000 * 365 * 24);
            let policy = Policy { initial: initial.min(most), factor, cap: cap.min(most), floor, attempts };
            let mut intervals = Intervals::new(&policy);
            let env = env(seed);
            let mut n = 0;
            while let Some(wait) = intervals.next(&env) {
                n += 1;
                prop_assert!(wait <= policy.cap && wait >= floor.min(policy.cap));
            }
            prop_assert_eq!(n, attempts.saturating_sub(1));
        }
    }

    /// Runs `retry` on an operation that fails `failures` times; gives its answer and the number of calls.
    async fn run(failures: u32, verdict: Retry) -> (Result<u32, u32>, u32) {
        let calls = Cell::new(0);
        let answer = retry(
            &EAGER,
            &env(1),
            |_| verdict,
            || {
                calls.set(calls.get() + 1);
                std::future::ready(if calls.get() > failures { Ok(calls.get()) } else { Err(calls.get()) })
            },
        )
        .await;
        (answer, calls.get())
    }

    #[tokio::test]
    async fn attempts_end_with_success_refusal_or_the_last_error() {
        assert_eq!(run(0, Retry::Yes).await, (Ok(1), 1));
        assert_eq!(run(2, Retry::Yes).await, (Ok(3), 3));
        assert_eq!(run(9, Retry::Yes).await, (Err(3), 3));
        assert_eq!(run(9, Retry::No).await, (Err(1), 1));
        assert_eq!(run(9, Retry::After(Duration::from_hours(1))).await, (Err(1), 1));
    }
}
