//! The clock and the dice, injected, so that tests and simulations own time. Nothing else in the project reads either.

use std::cell::RefCell;
use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Wall-clock time: the only kind that processes can share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Whole seconds, as GitHub's reset headers count.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Reads RFC 3339, as GitHub's JSON has it. `None` if it isn't that.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|at| Self(at.as_millisecond()))
    }

    /// Time left until `later`; zero if it is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_millis(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, length: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, length: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Where time and randomness come from.
pub trait Env: Send + Sync + fmt::Debug {
    /// Wall-clock time.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` with randomness: unpredictable in production, seeded in simulations.
    fn fill_random(&self, bytes: &mut [u8]);

    /// 64 random bits.
    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_random(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// 128 random bits in hex: ids of messages, sessions and nonces.
    fn random_id(&self) -> String {
        let mut bytes = [0; 16];
        self.fill_random(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    }

    /// A uniformly random length from `low` to `high`.
    fn between(&self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low);
        // 53 bits are exact in an f64
        let unit = (self.random() >> 11) as f64 / (1u64 << 53) as f64;
        low + span.mul_f64(unit)
    }
}

/// How every part holds it.
pub type SharedEnv = Arc<dyn Env>;

/// The machine's clock and the system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEnv;

thread_local! {
    /// Randomness of the system that nobody has had yet, at the end: a call to the system costs more than many ids.
    static UNUSED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is asked of the system at once, bytes.
const DRAUGHT: usize = 512;

fn from_the_system(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        // A system without randomness can't make keys or ids: no answer is better than a guessable one.
        std::process::abort();
    }
}

impl Env for SystemEnv {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        from_the_system(bytes);
    }

    fn random_id(&self) -> String {
        UNUSED.with_borrow_mut(|unused| {
            if unused.len() < 16 {
                unused.resize(DRAUGHT, 0);
                from_the_system(unused);
            }
            let id: Vec<u8> = unused.drain(unused.len() - 16..).collect();
            hex::encode(id)
        })
    }
}

/// A clock that stands still until it is moved, and dice with a seed: for tests and simulations.
#[derive(Debug)]
pub struct ManualEnv {
    state: std::sync::Mutex<(i64, u64)>,
}

impl ManualEnv {
    /// Starts at `now` with randomness from `seed`.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self { state: std::sync::Mutex::new((now.0, seed)) }
    }

    /// Moves the clock.
    pub fn advance(&self, length: Duration) {
        let mut state = self.lock();
        state.0 = (Timestamp(state.0) + length).0;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (i64, u64)> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Env for ManualEnv {
    fn now(&self) -> Timestamp {
        Timestamp(self.lock().0)
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        let mut state = self.lock();
        for chunk in bytes.chunks_mut(8) {
            // splitmix64, public domain, Sebastiano Vigna
            state.1 = state.1.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state.1;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_comes_twice_and_none_is_kept() {
        let ids: std::collections::HashSet<String> = (0..10 * DRAUGHT).map(|_| SystemEnv.random_id()).collect();
        assert_eq!(ids.len(), 10 * DRAUGHT);
        assert!(ids.iter().all(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())));
        UNUSED.with_borrow(|unused| assert!(unused.len() < DRAUGHT));
    }

    #[test]
    fn rfc3339_is_read_and_written() {
        let at = Timestamp::parse_rfc3339("2025-10-19T10:30:45Z").unwrap();
        assert_eq!(at.to_string(), "2025-10-19T10:30:45.000Z");
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }

    #[test]
    fn between_stays_between() {
        let env = ManualEnv::new(Timestamp(0), 1);
        for _ in 0..1000 {
            let length = env.between(Duration::from_secs(1), Duration::from_secs(3));
            assert!((Duration::from_secs(1)..=Duration::from_secs(3)).contains(&length));
        }
    }
}
