//! The test behind a verdict and the interval that goes with it: Mann-Whitney's U with its exact distribution, and the
//! Hodges-Lehmann estimate of a shift with the interval that inverts the test.
//!
//! Both look at all pairs of a base and a head sample. If base and head are of one distribution, whatever its shape, each
//! order of the pooled samples is equally likely: the probability of a U follows by counting, at 4 samples as at 30. Ties
//! are counted against the difference, which can only make the test more careful.

use std::collections::HashMap;

/// How U is distributed for two sample sizes, if nothing changed.
#[derive(Debug, Clone)]
pub(crate) struct NullDistribution {
    /// `tails[u]`: the probability of a U of `u` or more.
    tails: Vec<f64>,
}

impl NullDistribution {
    /// For `base` and `head` samples, 30 each at most.
    ///
    /// The number of orders with U = u is the coefficient of q^u in the Gaussian binomial coefficient (n + m over n), which
    /// is the product over i = 1..n of (1 - q^(m+i)) / (1 - q^i).
    pub(crate) fn of(base: usize, head: usize) -> Self {
        let pairs = base * head;
        let mut ways = vec![0_i128; pairs + 1];
        ways[0] = 1;
        for i in 1..=base {
            for u in (head + i..=pairs).rev() {
                ways[u] -= ways[u - head - i];
            }
            for u in i..=pairs {
                ways[u] += ways[u - i];
            }
        }
        let total = ways.iter().sum::<i128>() as f64;
        let mut sum = 0_i128;
        let mut tails: Vec<f64> = ways
            .iter()
            .rev()
            .map(|count| {
                sum += count;
                sum as f64 / total
            })
            .collect();
        tails.reverse();
        Self { tails }
    }

    /// Two-sided: the probability of so many won pairs or more in either direction.
    pub(crate) fn p_of(&self, won: usize) -> f64 {
        self.tails.get(won).map_or(0.0, |tail| (2.0 * tail).min(1.0))
    }

    /// The fewest won pairs that are significant at `level`; `None` if not even all are.
    pub(crate) fn critical(&self, level: f64) -> Option<usize> {
        let critical = self.tails.partition_point(|tail| 2.0 * tail > level);
        (critical < self.tails.len()).then_some(critical)
    }

    /// The least p that these sizes can give.
    pub(crate) fn least_p(&self) -> f64 {
        self.p_of(self.tails.len() - 1)
    }
}

/// The distributions that were needed so far, by the two sample sizes.
#[derive(Debug, Default)]
pub(crate) struct NullDistributions(HashMap<(usize, usize), NullDistribution>);

impl NullDistributions {
    pub(crate) fn of(&mut self, base: usize, head: usize) -> &NullDistribution {
        self.0.entry((base, head)).or_insert_with(|| NullDistribution::of(base, head))
    }
}

/// All differences of a head and a base sample, in order.
#[derive(Debug)]
pub(crate) struct Differences(Vec<f64>);

impl Differences {
    /// Of logarithms: differences are then logarithms of ratios, and the shift is the logarithm of head's ratio to base.
    pub(crate) fn of(base: &[f64], head: &[f64]) -> Self {
        let mut all: Vec<f64> = head.iter().flat_map(|h| base.iter().map(move |b| h - b)).collect();
        all.sort_by(f64::total_cmp);
        Self(all)
    }

    /// The Hodges-Lehmann estimate of the shift: the median of the differences.
    pub(crate) fn shift(&self) -> f64 {
        let half = self.0.len() / 2;
        let upper = self.0.get(half).copied().unwrap_or(0.0);
        if self.0.len() % 2 == 1 {
            return upper;
        }
        f64::midpoint(upper, self.0.get(half.saturating_sub(1)).copied().unwrap_or(upper))
    }

    /// The shifts that the test doesn't refuse at `level`; `None` with too few samples for one.
    pub(crate) fn interval(&self, null: &NullDistribution, level: f64) -> Option<(f64, f64)> {
        let from_end = null.critical(level)?;
        Some((*self.0.get(self.0.len() - from_end)?, *self.0.get(from_end - 1)?))
    }

    /// The probability of what was seen, or more, if the shift were none beyond `margin` (in the direction that is seen).
    pub(crate) fn p_beyond(&self, margin: f64, null: &NullDistribution) -> f64 {
        let above = self.0.len() - self.0.partition_point(|d| *d <= margin);
        let below = self.0.partition_point(|d| *d < -margin);
        null.p_of(above.max(below))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_distribution_is_the_one_of_the_tables() {
        // Two-sided 5% critical values of U (the smaller one), from the published tables: 5 and 5: 2; 10 and 10: 23;
        // 20 and 20: 127; 8 and 12: 22. The larger U is what remains of all pairs.
        for (base, head, small) in [(5, 5, 2), (10, 10, 23), (20, 20, 127), (8, 12, 22), (4, 4, 0)] {
            let null = NullDistribution::of(base, head);
            assert_eq!(null.critical(0.05), Some(base * head - small), "{base} {head}");
        }
        assert_eq!(NullDistribution::of(3, 3).critical(0.05), None);
        let least = NullDistribution::of(5, 5).least_p();
        assert!((least - 2.0 / 252.0).abs() < 1e-15);
    }

    #[test]
    fn the_distribution_is_that_of_a_count_of_all_orders() {
        let (base, head) = (4_u32, 3_u32);
        let mut counts = [0_u32; 13];
        for chosen in (0_u32..1 << (base + head)).filter(|bits| bits.count_ones() == head) {
            let won: usize = (0..base + head)
                .filter(|place| chosen >> place & 1 == 1)
                .map(|place| (0..place).filter(|below| chosen >> below & 1 == 0).count())
                .sum();
            counts[won] += 1;
        }
        let null = NullDistribution::of(4, 3);
        for u in 0..=12 {
            let tail = f64::from(counts[u..].iter().sum::<u32>()) / 35.0;
            assert!((null.tails[u] - tail).abs() < 1e-12, "{u}: {} {tail}", null.tails[u]);
        }
    }

    #[test]
    fn at_thirty_samples_each_the_tails_are_whole() {
        let null = NullDistribution::of(30, 30);
        assert!((null.tails[0] - 1.0).abs() < 1e-12);
        assert!(null.tails.windows(2).all(|pair| pair[0] >= pair[1]));
        assert!((null.tails[451] + null.tails[450] - 1.0).abs() < 1e-12, "symmetric about 450");
    }

    proptest! {
        #[test]
        fn the_interval_leaves_out_a_shift_exactly_if_the_test_refuses_it(
            base in prop::collection::vec(-9_i32..9, 2..12), head in prop::collection::vec(-9_i32..9, 2..12),
            margin in 0_i32..5,
        ) {
            // Halves and thirds of whole numbers: ties in plenty.
            let of = |values: &[i32]| values.iter().map(|v| f64::from(*v) / 2.0).collect::<Vec<_>>();
            let (base, head, margin) = (of(&base), of(&head), f64::from(margin) / 2.0);
            let (null, differences) = (NullDistribution::of(base.len(), head.len()), Differences::of(&base, &head));
            let refused = differences.p_beyond(margin, &null) <= 0.05;
            match differences.interval(&null, 0.05) {
                None => prop_assert!(!refused && null.least_p() > 0.05),
                Some((low, high)) => {
                    prop_assert!(low <= differences.shift() && differences.shift() <= high);
                    prop_assert_eq!(refused, low > margin || high < -margin);
                }
            }
        }

        #[test]
        fn base_and_head_exchanged_turn_the_sign(
            base in prop::collection::vec(-9.0..9.0_f64, 1..9), head in prop::collection::vec(-9.0..9.0_f64, 1..9),
        ) {
            let (there, back) = (Differences::of(&base, &head), Differences::of(&head, &base));
            prop_assert!((there.shift() + back.shift()).abs() < 1e-12);
            let (n, m) = (NullDistribution::of(base.len(), head.len()), NullDistribution::of(head.len(), base.len()));
            prop_assert!((there.p_beyond(0.5, &n) - back.p_beyond(0.5, &m)).abs() < 1e-12);
        }
    }
}
