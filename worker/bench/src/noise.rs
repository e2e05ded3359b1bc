//! How much samples scatter though nothing changes, and what follows: the margin that a change must pass, and the least
//! change that would be found.

use std::collections::HashMap;

use crate::benchmark::median;
use crate::dice::Dice;
use crate::rank::{Differences, NullDistribution, NullDistributions};
use crate::units::Units;

/// With one run of each side, a change must exceed this part of the noise, whatever the number of samples. What is common
/// to a run (memory layout, a neighbour at work, the clock of the processor) doesn't show as scatter within it, and more
/// samples of the same run don't average it away. Measured: docs/benchmarks.md, "One run of each side".
const RUN_SHARE: f64 = 1.0;

/// A drift of more spreads than this is none of the level (of a straight one it is 1.4): one half was disturbed more often.
const MOST_DRIFT: f64 = 3.0;

/// Simulated comparisons behind the least change that is found.
const DRAWS: usize = 400;

/// In how many of them the least change must be found: four of five.
const FOUND: usize = DRAWS / 5 * 4;

/// The standard deviation of logarithms, by the median absolute deviation: a few outliers are no noise. Of both sides,
/// the root of their mean square.
pub(crate) fn spread(base: &[f64], head: &[f64]) -> f64 {
    let (base, head) = (deviation(base), deviation(head));
    f64::midpoint(base * base, head * head).sqrt()
}

fn deviation(values: &[f64]) -> f64 {
    // What makes the deviation of a few normal samples unbiased: Croux and Rousseeuw (1992), section 3.
    const SMALL: [f64; 10] = [1.0, 1.0, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107];
    let Some(middle) = median(values) else { return 0.0 };
    let distances: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    let n = values.len() as f64;
    let factor = SMALL.get(values.len()).copied().unwrap_or(n / (n - 0.8));
    match median(&distances) {
        Some(distance) if distance > 0.0 => 1.4826 * factor * distance,
        // More than half are equal (a coarse timer): what the others do is noise all the same.
        _ => (distances.iter().map(|d| d * d).sum::<f64>() / (n - 1.0).max(1.0)).sqrt(),
    }
}

/// How much a run got slower (or, below zero, faster) while it lasted, as a logarithm, if that can be told from noise: its
/// second half against its first. What has drifted while it was measured has no one level that could be compared.
pub(crate) fn drift(run: &Units, spread: f64, level: f64, nulls: &mut NullDistributions) -> Option<f64> {
    let (first, second) = run.logs.split_at(run.logs.len() / 2);
    if run.in_turn {
        return None; // what drifts moves both sides
    }
    let differences = Differences::of(first, second);
    let told = differences.p_beyond(0.0, nulls.of(first.len(), second.len())) <= level;
    told.then(|| differences.shift()).filter(|drift| drift.abs() <= MOST_DRIFT * spread)
}

/// What a change must exceed, as a logarithm: what nobody would act on; and if the sides weren't measured in turn, as much
/// as the noise, and how far a run drifted.
pub(crate) fn margin(threshold: f64, spread: f64, in_turn: bool, drifted: f64) -> f64 {
    let of_runs = if in_turn { 0.0 } else { RUN_SHARE * spread + drifted };
    threshold.ln_1p().max(of_runs)
}

/// Least changes, remembered by numbers of samples and of wins that are needed.
#[derive(Debug, Default)]
pub(crate) struct LeastChanges(HashMap<(usize, usize, usize), f64>);

impl LeastChanges {
    /// The change, as a logarithm, that would be found in 80% of comparisons with this spread. By simulation with normal
    /// noise, always with the same dice. `level` is the family's share for one comparison.
    pub(crate) fn of(
        &mut self,
        null: &NullDistribution,
        sizes: (usize, usize),
        level: f64,
        spread: f64,
        margin: f64,
    ) -> Option<f64> {
        let critical = null.critical(level)?;
        let spreads = *self.0.entry((sizes.0, sizes.1, critical)).or_insert_with(|| in_spreads(sizes, critical));
        Some(margin + spreads * spread)
    }
}

/// The shift in standard deviations with which at least `critical` pairs are won in 80% of the draws.
fn in_spreads((base, head): (usize, usize), critical: usize) -> f64 {
    let mut dice = Dice::seeded(1);
    let mut needed: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let base: Vec<f64> = (0..base).map(|_| dice.normal()).collect();
            let head: Vec<f64> = (0..head).map(|_| dice.normal()).collect();
            let mut short: Vec<f64> = base.iter().flat_map(|b| head.iter().map(move |h| b - h)).collect();
            let place = critical.saturating_sub(1).min(short.len().saturating_sub(1));
            *short.select_nth_unstable_by(place, f64::total_cmp).1
        })
        .collect();
    *needed.select_nth_unstable_by(FOUND, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_is_that_of_the_noise_and_not_of_an_outlier() {
        let mut dice = Dice::seeded(3);
        let mut draw = |n: usize| (0..n).map(|_| 0.1 * dice.normal()).collect::<Vec<_>>();
        for n in [4, 5, 10, 30] {
            let mean = (0..2_000).map(|_| deviation(&draw(n))).sum::<f64>() / 2_000.0;
            assert!((mean / 0.1 - 1.0).abs() < 0.06, "{n}: {mean}");
        }
        let mut values = draw(30);
        let before = deviation(&values);
        values[7] = 100.0;
        assert!(deviation(&values) < before * 1.2);
    }

    #[test]
    fn values_of_a_coarse_timer_have_a_spread_too() {
        assert!(deviation(&[1.0, 1.0, 1.0, 1.0, 2.0]) > 0.3);
        assert!(deviation(&[1.0, 1.0]) < 1e-12 && deviation(&[]) < 1e-12 && deviation(&[3.0]) < 1e-12);
    }

    #[test]
    fn the_least_change_falls_with_samples_and_rises_with_the_family() {
        let mut least = LeastChanges::default();
        let mut of = |n, level| least.of(&NullDistribution::of(n, n), (n, n), level, 0.02, 0.01);
        let (few, many) = (of(10, 0.05).unwrap(), of(30, 0.05).unwrap());
        assert!(many < few && few < 0.05, "{few} {many}");
        assert!(of(10, 0.05 / 20.0).unwrap() > few);
        assert_eq!(of(5, 0.001), None);
    }
}
