//! The ratio of means, with a bootstrap interval. A verdict doesn't rest on it; whoever multiplies by a number of
//! executions needs it, because what a million calls cost is their mean and not their median.
//!
//! The interval is studentised (bootstrap-t) on the logarithms of the means: with 5 or 10 samples the percentile interval
//! is too short and this one is about right; `examples/calibrate.rs` measures both. Whole units are drawn, so that
//! what follows each other in a round stays together.

use serde::{Deserialize, Serialize};

use crate::benchmark::Benchmark;
use crate::dice::Dice;

/// Resamples: a bound of 95% then stands on 50.
const RESAMPLES: usize = 999;

/// The ratio of head's mean to base's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanRatio {
    /// The ratio.
    pub ratio: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// The ratio of the means, with its interval; `None` with fewer than 4 samples (or rounds) on a side, or a mean of 0. The
/// dice are seeded with the samples.
pub fn mean_ratio(base: &Benchmark, head: &Benchmark, level: f64) -> Option<MeanRatio> {
    let rounds = base.rounds().count().min(head.rounds().count()) >= crate::units::MIN_ROUNDS;
    let units = |benchmark: &Benchmark| -> Vec<f64> {
        if rounds {
            benchmark.rounds().map(mean).collect()
        } else {
            let samples = benchmark.samples();
            let size = samples.len().div_ceil(crate::units::MAX_UNITS).max(1);
            samples.chunks(size).map(mean).collect()
        }
    };
    of_units(&units(base), &units(head), level)
}

/// The place of the score that only `level` of so many lie beyond.
fn beyond(count: usize, level: f64) -> Option<usize> {
    (0..count).rev().find(|place| (count - place) as f64 >= level * (count + 1) as f64)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean's logarithm and its variance, to the first order.
fn log_mean(values: impl Iterator<Item = f64> + Clone, n: f64) -> (f64, f64) {
    let mean = values.clone().sum::<f64>() / n;
    let variance = values.map(|v| (v / mean - 1.0).powi(2)).sum::<f64>() / (n - 1.0) / n;
    (mean.ln(), variance)
}

pub(crate) fn of_units(base: &[f64], head: &[f64], level: f64) -> Option<MeanRatio> {
    const LEAST: usize = 4;
    if base.len() < LEAST || head.len() < LEAST {
        return None;
    }
    let (n, m) = (base.len() as f64, head.len() as f64);
    let (from, from_variance) = log_mean(base.iter().copied(), n);
    let (to, to_variance) = log_mean(head.iter().copied(), m);
    let (shift, error) = (to - from, (from_variance + to_variance).sqrt());
    if !(shift.is_finite() && error.is_finite()) {
        return None;
    }
    let mut dice = Dice::of(&[base, head]);
    let mut drawn = (vec![0.0; base.len()], vec![0.0; head.len()]);
    let mut scores: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            drawn.0.iter_mut().for_each(|value| *value = base[dice.below(base.len())]);
            drawn.1.iter_mut().for_each(|value| *value = head[dice.below(head.len())]);
            let (from, from_variance) = log_mean(drawn.0.iter().copied(), n);
            let (to, to_variance) = log_mean(drawn.1.iter().copied(), m);
            let score = (to - from - shift) / (from_variance + to_variance).sqrt();
            score.is_finite().then_some(score.abs())
        })
        .collect();
    // Symmetric: the quantile of |t|. With few samples its ends are steadier than those of t.
    scores.sort_by(f64::total_cmp);
    let reach = if error > 0.0 { *scores.get(beyond(scores.len(), level)?)? } else { 0.0 };
    let (low, high) = ((shift - reach * error).exp(), (shift + reach * error).exp());
    (low.is_finite() && high.is_finite()).then(|| MeanRatio { ratio: shift.exp(), low, high })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::benchmark::{Metric, Tool};

    #[test]
    fn the_mean_sees_what_the_median_does_not() {
        // A tenth of the executions takes ten times as long.
        let base = vec![1.0, 1.01, 0.99, 1.0, 1.02, 0.98, 1.0, 1.0, 1.01, 0.99];
        let mut head = base.clone();
        head[3] = 10.0;
        let of = |samples| Benchmark::new("x", Metric::Time, Tool::Jmh, &[samples]).unwrap();
        let found = mean_ratio(&of(base), &of(head), 0.05).unwrap();
        assert!((found.ratio - 1.9).abs() < 1e-9, "{found:?}");
        assert!(found.low < 1.0 && found.high > 1.9, "one outlier proves nothing: {found:?}");
    }

    #[test]
    fn nothing_is_said_of_too_few_and_no_noise_is_no_interval() {
        assert_eq!(of_units(&[1.0; 3], &[1.0; 9], 0.05), None);
        assert_eq!(of_units(&[0.0; 5], &[1.0; 5], 0.05), None);
        let exact = of_units(&[2.0; 5], &[3.0; 5], 0.05).unwrap();
        assert!((exact.ratio - 1.5).abs() < 1e-12 && (exact.high - exact.low).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn an_interval_is_around_its_ratio_and_the_same_again(
            base in prop::collection::vec(1e-3..1e9_f64, 4..12), head in prop::collection::vec(1e-3..1e9_f64, 4..12),
        ) {
            let found = of_units(&base, &head, 0.05);
            prop_assert_eq!(found, of_units(&base, &head, 0.05));
            if let Some(found) = found {
                prop_assert!(0.0 < found.low && found.low <= found.ratio && found.ratio <= found.high);
            }
        }
    }
}
