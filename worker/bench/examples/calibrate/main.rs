//! How often verdicts are wrong, and what they find: simulated benchmarks, compared as real ones are. Prints the tables
//! of docs/benchmarks.md.
//!
//! `cargo run --release -p eco-coder-bench --example calibrate [FAMILIES]`: 150 families of 20 benchmarks for each cell take
//! a few minutes. Seeded: the same tables come out each time.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "what it is for")]

mod intervals;
mod shapes;

use eco_coder_bench::{Benchmark, Comparison, Dice, Options, Row, compare};
use shapes::{SHAPES, Shape, changed_alone, rounds, runs};

const FAMILY: usize = 20;
const SIZES: [usize; 4] = [5, 10, 20, 30];
const NOISES: [f64; 2] = [0.01, 0.05];

fn main() {
    let families = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(150);
    println!("{families} families of {FAMILY} benchmarks in each cell\n");
    false_verdicts(families);
    power(families);
    of_rounds(families);
    intervals::coverage(families * 10);
}

/// The comparisons of one cell.
fn families(
    count: usize,
    seed: usize,
    make: impl Fn(bool, &mut Dice) -> Vec<Benchmark>,
) -> impl Iterator<Item = Comparison> {
    let mut dice = Dice::seeded(seed as u64);
    (0..count).map(move |_| compare(&make(false, &mut dice), &make(true, &mut dice), &Options::default()))
}

fn changed(row: &Row) -> bool {
    row.verdict.is_worse() || row.verdict.is_better()
}

fn part(count: usize, of: usize) -> String {
    format!("{:.1}", 100.0 * count as f64 / of as f64)
}

/// Of one comparison, and of a report: the parts in percent of false ones.
fn false_of(comparisons: impl Iterator<Item = Comparison>) -> (String, String) {
    let (mut alone, mut rows, mut reports, mut all) = (0, 0, 0, 0);
    for comparison in comparisons {
        alone += comparison.rows.iter().filter(|row| changed_alone(row)).count();
        rows += comparison.rows.len();
        reports += usize::from(comparison.rows.iter().any(changed));
        all += 1;
    }
    (part(alone, rows), part(reports, all))
}

fn false_verdicts(count: usize) {
    println!(
        "Nothing changed, one run of each side. Called changed, in percent: a benchmark alone / a report of {FAMILY}\n"
    );
    println!("| shape | noise | n = 5 | 10 | 20 | 30 |\n|---|---|---|---|---|---|");
    for (s, shape) in SHAPES.iter().enumerate() {
        for noise in NOISES {
            let cells = SIZES.map(|n| {
                let (alone, report) = false_of(families(count, s * 100 + n, |head, dice| {
                    runs(*shape, n, noise, &[1.0; FAMILY], head, dice)
                }));
                format!("{alone} / {report}")
            });
            println!("| {shape:?} | {:.0}% | {} |", noise * 100.0, cells.join(" | "));
        }
    }
    println!();
}

fn power(count: usize) {
    println!("All changed, one run of each side. Found, in percent: a benchmark alone / in a report of {FAMILY}\n");
    println!("| shape | noise | change | n = 5 | 10 | 20 | 30 |\n|---|---|---|---|---|---|---|");
    for shape in [Shape::Normal, Shape::Skewed, Shape::HeavyTails, Shape::Outliers, Shape::Bimodal, Shape::Lag50] {
        for noise in [0.01, 0.02, 0.05] {
            for change in [1.05, 1.2] {
                let cells = SIZES.map(|n| {
                    found(families(count / 4, n, |head, dice| runs(shape, n, noise, &[change; FAMILY], head, dice)))
                });
                println!(
                    "| {shape:?} | {:.0}% | {:.0}% | {} |",
                    noise * 100.0,
                    change * 100.0 - 100.0,
                    cells.join(" | ")
                );
            }
        }
    }
    println!();
}

fn found(comparisons: impl Iterator<Item = Comparison>) -> String {
    let (mut alone, mut report, mut all) = (0, 0, 0);
    for row in comparisons.flat_map(|comparison| comparison.rows) {
        alone += usize::from(changed_alone(&row));
        report += usize::from(changed(&row));
        all += 1;
    }
    format!("{} / {}", part(alone, all), part(report, all))
}

fn of_rounds(count: usize) {
    println!(
        "Rounds of three samples, runs as different as samples. Called changed, in percent: alone / in a report of {FAMILY}\n"
    );
    println!("| noise | change | 5 rounds | 10 | 20 | 30 |\n|---|---|---|---|---|---|");
    for noise in [0.01, 0.05, 0.2] {
        for change in [1.0, 1.05, 1.2] {
            let cells = SIZES.map(|n| {
                let all = families(count, n, |head, dice| rounds(n, noise, &[change; FAMILY], head, dice));
                if change > 1.0 {
                    return found(all);
                }
                let (alone, report) = false_of(all);
                format!("{alone} / {report}")
            });
            println!("| {:.0}% | {:.0}% | {} |", noise * 100.0, change * 100.0 - 100.0, cells.join(" | "));
        }
    }
    println!();
}
