//! The promises of docs/benchmarks.md on simulated benchmarks, seeded: small, so that they run with every test. The
//! tables themselves come from `examples/calibrate`.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

#[path = "../examples/calibrate/shapes.rs"]
mod shapes;

use eco_coder_bench::{Comparison, Dice, Options, Row, compare};
use shapes::{SHAPES, Shape, changed_alone, rounds, runs};

fn families(count: usize, seed: u64, shape: Shape, n: usize, noise: f64, changes: &[f64]) -> Vec<Comparison> {
    let mut dice = Dice::seeded(seed);
    let mut one = || {
        let base = runs(shape, n, noise, changes, false, &mut dice);
        compare(&base, &runs(shape, n, noise, changes, true, &mut dice), &Options::default())
    };
    (0..count).map(|_| one()).collect()
}

fn changed(row: &Row) -> bool {
    row.verdict.is_worse() || row.verdict.is_better()
}

fn part(comparisons: &[Comparison], of: impl Fn(&Row) -> bool) -> f64 {
    let rows: Vec<&Row> = comparisons.iter().flat_map(|comparison| &comparison.rows).collect();
    rows.iter().filter(|row| of(row)).count() as f64 / rows.len() as f64
}

#[test]
fn of_single_benchmarks_that_did_not_change_at_most_five_in_a_hundred_are_called_changed() {
    for (seed, shape) in SHAPES.into_iter().enumerate() {
        for n in [5, 10, 20, 30] {
            // Two hundred; with a true 5%, 18 or more are wrong about once in a hundred times.
            let wrong = part(&families(10, seed as u64, shape, n, 0.05, &[1.0; 20]), changed_alone);
            assert!(wrong < 0.09, "{shape:?} n={n}: {wrong}");
        }
    }
}

#[test]
fn of_reports_in_which_nothing_changed_few_hold_a_false_verdict() {
    for (seed, shape) in [Shape::Normal, Shape::HeavyTails, Shape::Lopsided, Shape::Uneven].into_iter().enumerate() {
        for n in [6, 10, 30] {
            let reports = families(30, seed as u64, shape, n, 0.02, &[1.0; 20]);
            let wrong = reports.iter().filter(|report| report.rows.iter().any(changed)).count();
            assert!(wrong <= 3, "{shape:?} n={n}: {wrong} of 30");
        }
    }
}

#[test]
fn rounds_as_different_as_their_samples_are_judged_right() {
    let mut dice = Dice::seeded(7);
    let mut of = |n: usize, change: f64| {
        let base = rounds(n, 0.02, &[change; 20], false, &mut dice);
        compare(&base, &rounds(n, 0.02, &[change; 20], true, &mut dice), &Options::default())
    };
    for n in [6, 10, 30] {
        let wrong = (0..20).filter(|_| of(n, 1.0).rows.iter().any(changed)).count();
        assert!(wrong <= 3, "{n} rounds: {wrong} of 20 reports");
    }
    assert!(part(&[of(20, 1.1)], |row| row.verdict.is_worse()) > 0.95);
}

#[test]
fn a_change_of_a_fifth_is_found_and_one_of_a_twentieth_in_little_noise() {
    for shape in [Shape::Normal, Shape::Skewed, Shape::Bimodal, Shape::Lag50] {
        let found =
            |n, noise, change| part(&families(6, 9, shape, n, noise, &[change; 20]), |row| row.verdict.is_worse());
        assert!(found(10, 0.02, 1.2) > 0.97, "{shape:?}");
        assert!(found(10, 0.01, 1.05) > 0.95, "{shape:?}");
    }
    let faster = families(2, 9, Shape::Normal, 10, 0.02, &[0.8; 20]);
    assert!(part(&faster, |row| row.verdict.is_better()) > 0.97);
}

#[test]
fn the_least_change_that_is_named_is_found_in_four_of_five_comparisons() {
    for n in [5, 10, 30] {
        let of = |seed, change| families(150, seed, Shape::LogNormal, n, 0.03, &[change]);
        let mut named: Vec<f64> = of(4, 1.0).iter().flat_map(|c| &c.rows).filter_map(|row| row.detectable).collect();
        named.sort_by(f64::total_cmp);
        let change = 1.0 + named[named.len() / 2];
        let found = part(&of(5, change), |row| row.verdict.is_worse());
        assert!((0.65..0.92).contains(&found), "n={n}: {change} was found in {found}");
    }
}

#[test]
fn intervals_hold_the_true_ratio() {
    for shape in [Shape::LogNormal, Shape::Skewed, Shape::HeavyTails, Shape::Bimodal] {
        for n in [5, 10, 30] {
            let rows = families(40, 11, shape, n, 0.05, &[1.1; 20]);
            let held = part(&rows, |row| row.ci_low.unwrap() <= 1.1 && 1.1 <= row.ci_high.unwrap());
            assert!(held > 0.93, "{shape:?} n={n}: {held}");
            // With heavy tails the mean hardly has a true ratio.
            let mean = part(&rows, |row| row.mean_ratio.is_some_and(|mean| mean.low <= 1.1 && 1.1 <= mean.high));
            assert!(mean > 0.92 || shape == Shape::HeavyTails, "{shape:?} n={n}: mean {mean}");
        }
    }
}
