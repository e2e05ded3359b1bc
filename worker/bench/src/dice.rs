//! Dice that fall the same way each time: SplitMix64, seeded. For simulations and resampling, never for secrets.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Seeded with a number.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Seeded with the samples themselves: the same samples always meet the same dice.
    pub(crate) fn of(samples: &[&[f64]]) -> Self {
        let mut dice = Self(samples.len() as u64);
        for sample in samples.iter().copied().flatten() {
            dice.0 = dice.0.rotate_left(5) ^ sample.to_bits();
            dice.0 = dice.next();
        }
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Evenly in (0, 1).
    pub fn uniform(&mut self) -> f64 {
        ((self.next() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Evenly in `0..bound`; 0 if there is nothing.
    pub fn below(&mut self, bound: usize) -> usize {
        // The high half of a product: no division, and a bias of bound / 2^64.
        let high = (u128::from(self.next()) * bound as u128) >> 64;
        usize::try_from(high).unwrap_or(0) // always below `bound`
    }

    /// The standard normal distribution (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        let (radius, turn) = ((-2.0 * self.uniform().ln()).sqrt(), std::f64::consts::TAU * self.uniform());
        radius * turn.cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_are_fair_and_fall_the_same_way_again() {
        let (mut a, mut b) = (Dice::of(&[&[1.0, 2.0]]), Dice::of(&[&[1.0, 2.0]]));
        assert!((0..100).all(|_| a.next() == b.next()));
        assert_ne!(Dice::of(&[&[2.0, 1.0]]).next(), Dice::of(&[&[1.0, 2.0]]).next());
        let draws: Vec<f64> = (0..20_000).map(|_| a.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 20_000.0;
        let variance = draws.iter().map(|x| x * x).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let mut seen = [0; 5];
        (0..5_000).for_each(|_| seen[a.below(5)] += 1);
        assert!(seen.iter().all(|count| (900..1_100).contains(count)), "{seen:?}");
        assert_eq!(a.below(0), 0);
    }
}
