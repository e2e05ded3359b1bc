//! Samples as benchmarks give them, made up: of each shape of noise, any number of runs of which nothing or something has
//! changed. Times in nanoseconds about a million, so that a coarse timer can be simulated too.

use eco_coder_bench::{Benchmark, Dice, Metric, Row, Tool};

/// How the samples of a run are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Normal,
    LogNormal,
    /// To the right: 1 in 10 takes much longer.
    Skewed,
    /// Student's t with 2 degrees of freedom.
    HeavyTails,
    /// Normal, and a tenth takes 1.5 to 4 times as long.
    Outliers,
    /// Two modes, each as likely.
    Bimodal,
    /// Two modes, one of them in a fifth of the samples.
    Lopsided,
    /// Normal, rounded to steps as large as the noise.
    CoarseTimer,
    /// Every run gets slower by 1.5 times the noise, from its first to its last sample.
    Warming,
    /// Every run drifts by its own slope, the noise on average, up or down.
    Drift,
    /// A third of what disturbs a sample disturbs the next (an autoregressive process).
    Lag30,
    /// Half of it.
    Lag50,
    /// Every run has an offset of its own, a third of the noise.
    Offset,
    /// Head's noise is three times base's.
    Uneven,
}

pub(crate) const SHAPES: [Shape; 14] = [
    Shape::Normal,
    Shape::LogNormal,
    Shape::Skewed,
    Shape::HeavyTails,
    Shape::Outliers,
    Shape::Bimodal,
    Shape::Lopsided,
    Shape::CoarseTimer,
    Shape::Warming,
    Shape::Drift,
    Shape::Lag30,
    Shape::Lag50,
    Shape::Offset,
    Shape::Uneven,
];

impl Shape {
    /// One run of `n` samples with this noise (a part), `change` times as long as base's; `head` says whose.
    pub(crate) fn run(self, n: usize, noise: f64, change: f64, head: bool, dice: &mut Dice) -> Vec<f64> {
        let (offset, slope) = (dice.normal() / 3.0, dice.normal());
        let mut before = dice.normal();
        let mut lag = |part: f64, dice: &mut Dice| {
            before = part * before + (1.0 - part * part).sqrt() * dice.normal();
            before
        };
        (0..n)
            .map(|i| {
                let along = i as f64 / n as f64;
                let z = match self {
                    Self::Skewed => -dice.uniform().ln() - 1.0,
                    Self::HeavyTails => dice.normal() / (-dice.uniform().ln()).sqrt() / 1.4,
                    Self::Bimodal => either(dice, 0.5, -1.0, 1.0) + 0.2 * dice.normal(),
                    Self::Lopsided => either(dice, 0.2, 2.0, -0.5) + 0.2 * dice.normal(),
                    Self::Warming => dice.normal() + 1.5 * along,
                    Self::Drift => dice.normal() + slope * along,
                    Self::Lag30 => lag(0.3, dice),
                    Self::Lag50 => lag(0.5, dice),
                    Self::Offset => dice.normal() + offset,
                    Self::Uneven if head => 3.0 * dice.normal(),
                    Self::Normal | Self::LogNormal | Self::CoarseTimer | Self::Outliers | Self::Uneven => dice.normal(),
                };
                let disturbed = match self {
                    Self::Normal => (1.0 + noise * z).max(0.01),
                    Self::Outliers if dice.uniform() < 0.1 => (noise * z).exp() * (1.5 + 2.5 * dice.uniform()),
                    _ => (noise * z).exp(),
                };
                let ns = 1e6 * change * disturbed;
                if self == Self::CoarseTimer { (ns / (1e6 * noise)).round().max(1.0) * 1e6 * noise } else { ns }
            })
            .collect()
    }
}

fn either(dice: &mut Dice, likely: f64, this: f64, that: f64) -> f64 {
    if dice.uniform() < likely { this } else { that }
}

/// A family of benchmarks, each one run of `n` samples.
pub(crate) fn runs(shape: Shape, n: usize, noise: f64, changes: &[f64], head: bool, dice: &mut Dice) -> Vec<Benchmark> {
    let of = |(index, change): (usize, &f64)| {
        let samples = shape.run(n, noise, if head { *change } else { 1.0 }, head, dice);
        Benchmark::new(&format!("benchmark {index:02}"), Metric::Time, Tool::Hyperfine, &[samples]).ok()
    };
    changes.iter().enumerate().filter_map(of).collect()
}

/// A family of benchmarks, each of `rounds` runs of three samples; the runs differ by as much as the samples do.
pub(crate) fn rounds(rounds: usize, noise: f64, changes: &[f64], head: bool, dice: &mut Dice) -> Vec<Benchmark> {
    let of = |(index, change): (usize, &f64)| {
        let rounds: Vec<Vec<f64>> = (0..rounds)
            .map(|_| {
                let times = if head { *change } else { 1.0 };
                let level = 1e6 * (noise * dice.normal()).exp() * times;
                (0..3).map(|_| level * (noise * dice.normal()).exp()).collect()
            })
            .collect();
        Benchmark::new(&format!("benchmark {index:02}"), Metric::Time, Tool::Hyperfine, &rounds).ok()
    };
    changes.iter().enumerate().filter_map(of).collect()
}

/// Whether it would be called changed if it were the only benchmark: the interval lies beyond the margin.
pub(crate) fn changed_alone(row: &Row) -> bool {
    let Some(((low, high), margin)) = row.ci_low.zip(row.ci_high).zip(row.margin) else { return false };
    low > 1.0 + margin || high < 1.0 / (1.0 + margin)
}
