//! What is compared: not every sample, but what is independent of its neighbours. Samples that follow each other in one
//! process share its memory layout and the machine's mood, and a thousand of them don't know a thousand times as much.

use crate::benchmark::{Benchmark, median};

/// So many units of a side at most: more samples are drawn together, neighbours first.
pub(crate) const MAX_UNITS: usize = 30;

/// From so many rounds on they are the units: how much one process run differs from the next is then known.
pub(crate) const MIN_ROUNDS: usize = 5;

/// The units of one side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Units {
    /// Logarithms, in the order in which they were taken.
    pub(crate) logs: Vec<f64>,
    /// Each is a round: a process run of its own.
    pub(crate) rounds: bool,
    /// Both sides were measured in turn, so that what the machine did meanwhile is in the scatter of each.
    pub(crate) in_turn: bool,
}

impl Units {
    /// Rounds if both sides have enough of them, else samples. Every value must be above zero.
    pub(crate) fn of(base: &Benchmark, head: &Benchmark) -> (Self, Self) {
        let rounds = base.rounds().count().min(head.rounds().count()) >= MIN_ROUNDS;
        let in_turn = base.sessions().min(head.sessions()) >= MIN_ROUNDS;
        (Self::one(base, rounds, in_turn), Self::one(head, rounds, in_turn))
    }

    fn one(benchmark: &Benchmark, rounds: bool, in_turn: bool) -> Self {
        let log = |value: f64| value.ln();
        let values: Vec<f64> =
            if rounds { benchmark.rounds().filter_map(median).collect() } else { benchmark.samples().to_vec() };
        Self { logs: batches(&values).into_iter().map(log).collect(), rounds, in_turn }
    }
}

/// At most [`MAX_UNITS`] medians of neighbours, in groups whose sizes differ by one at most.
fn batches(values: &[f64]) -> Vec<f64> {
    let count = values.len().min(MAX_UNITS);
    let edge = |batch: usize| batch * values.len() / count.max(1);
    (0..count).filter_map(|batch| median(&values[edge(batch)..edge(batch + 1)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::benchmark::{Metric, Tool};

    fn rounds(lengths: &[usize]) -> Benchmark {
        let rounds: Vec<Vec<f64>> = lengths.iter().enumerate().map(|(i, n)| vec![(i + 1) as f64; *n]).collect();
        Benchmark::new("x", Metric::Time, Tool::Jmh, &rounds).unwrap()
    }

    #[test]
    fn rounds_count_if_both_sides_have_enough_of_them() {
        let (base, head) = Units::of(&rounds(&[3; MIN_ROUNDS]), &rounds(&[2; MIN_ROUNDS + 1]));
        assert!(base.rounds && head.rounds);
        assert_eq!((base.logs.len(), head.logs.len()), (MIN_ROUNDS, MIN_ROUNDS + 1));
        let (base, head) = Units::of(&rounds(&[3; MIN_ROUNDS - 1]), &rounds(&[2; MIN_ROUNDS]));
        assert!(!base.rounds && !head.rounds);
        assert_eq!((base.logs.len(), head.logs.len()), (3 * (MIN_ROUNDS - 1), 2 * MIN_ROUNDS));
    }

    #[test]
    fn samples_are_units_up_to_the_bound_and_drawn_together_one_past_it() {
        let numbers = |n: usize| (1..=n).map(|i| i as f64).collect::<Vec<_>>();
        assert_eq!(batches(&numbers(MAX_UNITS)), numbers(MAX_UNITS));
        let drawn = batches(&numbers(MAX_UNITS + 1));
        assert_eq!(drawn.len(), MAX_UNITS);
        assert_eq!(drawn.iter().filter(|v| v.fract() != 0.0).count(), 1, "one is a median of two");
        assert_eq!(batches(&numbers(100)).len(), MAX_UNITS);
        assert!(batches(&[]).is_empty());
    }
}
