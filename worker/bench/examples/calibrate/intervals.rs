//! Which interval keeps its promise with few samples: how often each holds the true ratio.

use eco_coder_bench::{Dice, Options, compare};

use crate::shapes::{Shape, runs};
use crate::{NOISES, SIZES, part};

const RESAMPLES: usize = 499;

/// The table.
pub(crate) fn coverage(count: usize) {
    println!("The true ratio is 1.1. Intervals of 95% that hold it, in percent, and their median width in percent\n");
    println!("| shape | interval | n = 5 | 10 | 20 | 30 |\n|---|---|---|---|---|---|");
    for shape in [Shape::Normal, Shape::Skewed, Shape::HeavyTails, Shape::Bimodal] {
        let found = SIZES.map(|n| of_size(shape, n, count));
        for (index, name) in
            ["Hodges-Lehmann, exact", "mean, bootstrap-t", "median, percentile", "median, BCa"].iter().enumerate()
        {
            let cells = found.each_ref().map(|held| {
                let (held, widths) = &held[index];
                let mut widths = widths.clone();
                widths.sort_by(f64::total_cmp);
                let width = widths.get(widths.len() / 2).copied().unwrap_or(f64::NAN);
                format!("{}, {:.0}", part(*held, count), 100.0 * width)
            });
            println!("| {shape:?} | {name} | {} |", cells.join(" | "));
        }
    }
}

type Held = [(usize, Vec<f64>); 4];

fn of_size(shape: Shape, n: usize, count: usize) -> Held {
    let mut kept: Held = std::array::from_fn(|_| (0, Vec::new()));
    let mut dice = Dice::seeded(n as u64);
    for _ in 0..count {
        let base = runs(shape, n, NOISES[1], &[1.0], false, &mut dice);
        let head = runs(shape, n, NOISES[1], &[1.1], true, &mut dice);
        let compared = compare(&base, &head, &Options::default());
        let Some(row) = compared.rows.first() else { continue };
        let (base, head) = (base[0].samples(), head[0].samples());
        let ends = [
            row.ci_low.zip(row.ci_high),
            row.mean_ratio.map(|mean| (mean.low, mean.high)),
            Some(percentile(base, head, &mut dice)),
            Some(bca(base, head, &mut dice)),
        ];
        for ((holds, widths), (low, high)) in kept.iter_mut().zip(ends.map(|ends| ends.unwrap_or((1.0, 1.0)))) {
            *holds += usize::from(low <= 1.1 && 1.1 <= high);
            widths.push(high - low);
        }
    }
    kept
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    f64::midpoint(sorted[sorted.len() / 2], sorted[(sorted.len() - 1) / 2])
}

fn resampled(base: &[f64], head: &[f64], dice: &mut Dice) -> Vec<f64> {
    let mut draw = |values: &[f64]| (0..values.len()).map(|_| values[dice.below(values.len())]).collect::<Vec<_>>();
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(|_| median(&draw(head)) / median(&draw(base))).collect();
    ratios.sort_by(f64::total_cmp);
    ratios
}

fn at(sorted: &[f64], part: f64) -> f64 {
    let place = (0..sorted.len()).find(|place| *place as f64 + 1.0 > sorted.len() as f64 * part);
    sorted[place.unwrap_or(sorted.len() - 1)]
}

fn percentile(base: &[f64], head: &[f64], dice: &mut Dice) -> (f64, f64) {
    let ratios = resampled(base, head, dice);
    (at(&ratios, 0.025), at(&ratios, 0.975))
}

/// Bias-corrected and accelerated (Efron, 1987); the acceleration by leaving out each sample in turn.
fn bca(base: &[f64], head: &[f64], dice: &mut Dice) -> (f64, f64) {
    let ratios = resampled(base, head, dice);
    let seen = median(head) / median(base);
    let below = ratios.iter().filter(|ratio| **ratio < seen).count() as f64
        + 0.5 * ratios.iter().filter(|r| (**r - seen).abs() < 1e-12).count() as f64;
    let bias = quantile((below / RESAMPLES as f64).clamp(0.001, 0.999));
    let without = |values: &[f64], left: usize| {
        let rest: Vec<f64> = values.iter().enumerate().filter(|(i, _)| *i != left).map(|(_, v)| *v).collect();
        median(&rest)
    };
    let left: Vec<f64> = (0..base.len())
        .map(|i| median(head) / without(base, i))
        .chain((0..head.len()).map(|i| without(head, i) / median(base)))
        .collect();
    let mean = left.iter().sum::<f64>() / left.len() as f64;
    let (cubes, squares) = left.iter().fold((0.0, 0.0), |(c, s), v| (c + (mean - v).powi(3), s + (mean - v).powi(2)));
    let acceleration = if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 };
    let place = |z: f64| {
        let moved = bias + (bias + z) / (1.0 - acceleration * (bias + z));
        cumulative(moved)
    };
    (at(&ratios, place(-1.96)), at(&ratios, place(1.96)))
}

/// The normal distribution's cumulative (Abramowitz and Stegun, 26.2.17).
fn cumulative(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let poly =
        t * (0.319_381_53 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt() * poly;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// Its inverse, by halving.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if cumulative(middle) < p { low = middle } else { high = middle }
    }
    low
}
