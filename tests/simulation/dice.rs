//! Chance from a seed: splitmix64, the same on every machine.

use std::time::Duration;

/// The dice.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// With this seed, for this purpose: two purposes don't share throws.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
        for byte in purpose.bytes() {
            dice.0 = dice.bits() ^ u64::from(byte);
        }
        dice
    }

    /// 64 bits.
    pub fn bits(&mut self) -> u64 {
        // splitmix64, public domain, Sebastiano Vigna
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high - low + 1)
    }

    /// So many times in 10,000.
    pub fn chance(&mut self, in_ten_thousand: u32) -> bool {
        in_ten_thousand > 0 && self.bits() % 10_000 < u64::from(in_ten_thousand)
    }

    /// A time between these, in milliseconds.
    pub fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[usize::try_from(self.bits() % all.len() as u64).unwrap_or(0)]
    }
}
