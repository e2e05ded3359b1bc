//! What a benchmark is here: a name, a metric, and the samples in the order in which they were taken. Whatever is in one
//! was checked when it was made: samples are finite numbers, names are short and can't steer a terminal.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// Longest name, in characters; a longer one is cut, and keeps a digest of the whole.
pub const MAX_NAME: usize = 200;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Nanoseconds of one execution; less is better.
    Time,
    /// Nanoseconds that processors worked for one execution, which a busy machine disturbs far less; less is better.
    CpuTime,
    /// Executions in a second; more is better.
    Throughput,
    /// Bytes: allocated by one execution (Go, JMH), or the most a process held (hyperfine); less is better.
    Memory,
    /// Allocations of one execution; less is better.
    Allocations,
}

impl Metric {
    /// Its unit, as it is written behind a figure.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Time | Self::CpuTime => "ns",
            Self::Throughput => "ops/s",
            Self::Memory => "B",
            Self::Allocations => "allocs",
        }
    }

    /// What to write behind a benchmark's name, where its time is written without.
    pub fn label(self) -> &'static str {
        match self {
            Self::Time | Self::Throughput => "",
            Self::CpuTime => " (CPU time)",
            Self::Memory => " (memory)",
            Self::Allocations => " (allocations)",
        }
    }

    /// Throughput only.
    pub fn more_is_better(self) -> bool {
        self == Self::Throughput
    }

    /// Counted, not timed: it may be 0, and it may be the same in every sample because nothing disturbs it.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Memory | Self::Allocations)
    }
}

/// What a benchmark was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// criterion, by itself or through cargo-criterion.
    Criterion,
    /// pytest-benchmark.
    PytestBenchmark,
    /// `go test -bench`.
    Go,
    /// hyperfine.
    Hyperfine,
    /// JMH.
    Jmh,
}

impl Tool {
    /// How it is told to keep repeated samples.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Criterion => "keep sample.json beside estimates.json",
            Self::PytestBenchmark => "--benchmark-save-data with --benchmark-json keeps the samples",
            Self::Go => "-count 10 repeats each benchmark",
            Self::Hyperfine => "--export-json keeps the times, --runs 10 says how many",
            Self::Jmh => "-f 5 -i 10 -rf json repeats it and keeps rawData",
        }
    }
}

impl Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Criterion => "criterion",
            Self::PytestBenchmark => "pytest-benchmark",
            Self::Go => "go test -bench",
            Self::Hyperfine => "hyperfine",
            Self::Jmh => "JMH",
        })
    }
}

/// Why a sample is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSample {
    /// NaN or infinite.
    #[error("a sample is no finite number")]
    NotFinite,
    /// Below zero.
    #[error("a sample is negative")]
    Negative,
    /// A time or throughput of zero: the timer was too coarse.
    #[error("a sample is zero, which no time is: let one sample do more work")]
    Zero,
    /// Nothing to name it by.
    #[error("it has no name")]
    NoName,
}

/// One benchmark's samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    name: String,
    metric: Metric,
    tool: Tool,
    samples: Vec<f64>,
    rounds: Vec<usize>,
    sessions: usize,
    summary: Option<f64>,
}

impl Benchmark {
    /// Samples in the metric's unit and in the order in which they were taken. A round is what one process run gave: a
    /// file, a fork of JMH. Rounds are taken for measured in turn with the other side's. Empty ones are left out. The
    /// name is cleaned.
    pub fn new(name: &str, metric: Metric, tool: Tool, rounds: &[Vec<f64>]) -> Result<Self, BadSample> {
        let samples: Vec<f64> = rounds.iter().flatten().copied().collect();
        samples.iter().try_for_each(|sample| check(*sample, metric))?;
        let rounds: Vec<usize> = rounds.iter().map(Vec::len).filter(|length| *length > 0).collect();
        Ok(Self { name: clean(name)?, metric, tool, samples, sessions: rounds.len(), rounds, summary: None })
    }

    /// Only a figure that sums samples up; the samples themselves are missing.
    pub fn without_samples(name: &str, metric: Metric, tool: Tool, summary: f64) -> Result<Self, BadSample> {
        check(summary, metric)?;
        Ok(Self { summary: Some(summary), ..Self::new(name, metric, tool, &[])? })
    }

    /// Cleaned: no control characters, [`MAX_NAME`] characters at most. Still another's text: to be quoted.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is measured.
    pub fn metric(&self) -> Metric {
        self.metric
    }

    /// What it was made by.
    pub fn tool(&self) -> Tool {
        self.tool
    }

    /// All samples, in the metric's unit.
    pub fn samples(&self) -> &[f64] {
        &self.samples
    }

    /// The samples of each round.
    pub fn rounds(&self) -> impl Iterator<Item = &[f64]> {
        let mut rest = self.samples.as_slice();
        self.rounds.iter().map(move |length| {
            let (round, after) = rest.split_at((*length).min(rest.len()));
            rest = after;
            round
        })
    }

    /// The median of the samples, or what the tool said in place of them.
    pub fn typical(&self) -> Option<f64> {
        median(&self.samples).or(self.summary)
    }

    /// How often this side was measured, with time for the other side between: files, not forks of one run.
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// All rounds are of one run of the tool, with nothing between them.
    pub(crate) fn in_one_session(self) -> Self {
        Self { sessions: 1, ..self }
    }

    /// Takes in the rounds of another file's benchmark of the same name.
    pub(crate) fn append(&mut self, other: Self, as_rounds: bool) {
        self.sessions += if as_rounds { other.sessions } else { 0 };
        self.samples.extend(other.samples);
        match self.rounds.last_mut() {
            Some(last) if !as_rounds => *last += other.rounds.iter().sum::<usize>(),
            _ => self.rounds.extend(other.rounds),
        }
        self.summary = self.summary.or(other.summary);
    }
}

fn check(sample: f64, metric: Metric) -> Result<(), BadSample> {
    match sample {
        s if !s.is_finite() => Err(BadSample::NotFinite),
        s if s < 0.0 => Err(BadSample::Negative),
        // Subnormal numbers are zero for every timer, and their ratios overflow.
        s if s < f64::MIN_POSITIVE && !(metric.is_counted() && s == 0.0) => Err(BadSample::Zero),
        _ => Ok(()),
    }
}

/// The median; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted.get((sorted.len() / 2).saturating_sub(1)).copied().unwrap_or(upper);
    Some(lower + (upper - lower) / 2.0)
}

/// A name that can be shown: control characters and those that turn or hide text are replaced. What was changed carries
/// a digest of what it was, so that two names never become one.
fn clean(name: &str) -> Result<String, BadSample> {
    let name = name.trim();
    if name.is_empty() {
        return Err(BadSample::NoName);
    }
    let hides = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let shown: String = name.chars().map(|c| if hides(c) { ' ' } else { c }).take(MAX_NAME + 1).collect();
    if shown == name && shown.chars().count() <= MAX_NAME {
        return Ok(shown);
    }
    let digest = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3) // FNV-1a
    });
    let kept: String = shown.chars().take(MAX_NAME - 10).collect();
    Ok(format!("{}… {:08x}", kept.trim_end(), digest >> 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_of(name: &str) -> String {
        Benchmark::new(name, Metric::Time, Tool::Go, &[]).unwrap().name().to_owned()
    }

    #[test]
    fn a_name_is_kept_up_to_the_bound_and_cut_one_past_it() {
        let longest = "é".repeat(MAX_NAME);
        assert_eq!(name_of(&longest), longest);
        let cut = name_of(&format!("{longest}é"));
        assert!(cut.chars().count() <= MAX_NAME && cut.starts_with("éé"), "{cut}");
        assert_ne!(cut, name_of(&format!("{longest}è")), "two names stay two");
    }

    #[test]
    fn names_can_t_steer_a_terminal_and_stay_two() {
        let (a, b) = (name_of("a\u{1b}[2Jb"), name_of("a\u{1b}\u{202e}2Jb"));
        assert!(a.starts_with("a [2Jb") && !a.contains('\u{1b}') && !b.contains('\u{202e}'), "{a} {b}");
        assert_ne!(name_of("a\nb"), name_of("a\tb"));
        assert_eq!(Benchmark::new(" \n", Metric::Time, Tool::Go, &[]), Err(BadSample::NoName));
    }

    #[test]
    fn what_is_no_sample_is_refused_and_named() {
        let of = |metric, sample| Benchmark::new("x", metric, Tool::Jmh, &[vec![1.0, sample]]).err();
        assert_eq!(of(Metric::Time, f64::NAN), Some(BadSample::NotFinite));
        assert_eq!(of(Metric::Time, f64::INFINITY), Some(BadSample::NotFinite));
        assert_eq!(of(Metric::Memory, -1.0), Some(BadSample::Negative));
        assert_eq!(of(Metric::Throughput, 0.0), Some(BadSample::Zero));
        assert_eq!(of(Metric::Time, 5e-324), Some(BadSample::Zero));
        assert_eq!(of(Metric::Allocations, 0.0), None);
        assert_eq!(Benchmark::without_samples("x", Metric::Time, Tool::Jmh, -1.0), Err(BadSample::Negative));
    }

    #[test]
    fn rounds_are_kept_apart_and_samples_in_order() {
        let rounds = [vec![3.0], vec![], vec![1.0, 2.0]];
        let benchmark = Benchmark::new("x", Metric::Time, Tool::Jmh, &rounds).unwrap();
        assert_eq!(benchmark.rounds().collect::<Vec<_>>(), [&[3.0][..], &[1.0, 2.0]]);
        assert_eq!(benchmark.samples(), [3.0, 1.0, 2.0]);
        assert_eq!(benchmark.typical(), Some(2.0));
    }
}
