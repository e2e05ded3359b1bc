//! Base against head: pairs of the same name and metric, and for each a ratio, its interval and a verdict.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::benchmark::{Benchmark, Metric, Tool};
use crate::bootstrap::{MeanRatio, mean_ratio};
use crate::family::{decidable, holm, samples_needed};
use crate::noise::{LeastChanges, drift, margin, spread};
use crate::rank::{Differences, NullDistributions};
use crate::units::{MIN_ROUNDS, Units};
use crate::words::percent_change;

/// How sure a verdict must be, and of what.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// How often a report in which nothing changed may hold a false verdict: 0.05. Intervals are of 1 less this.
    pub level: f64,
    /// A change of less than this part is none, however sure: 0.01.
    pub threshold: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { level: 0.05, threshold: 0.01 }
    }
}

/// What became of a benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Less time, or more throughput.
    Faster,
    /// More time, or less throughput.
    Slower,
    /// Less memory, or fewer allocations.
    Less,
    /// More memory, or more allocations.
    More,
    /// No change beyond the margin can be told from noise.
    Indistinguishable,
    /// The samples don't suffice for a verdict; the reason says what is missing.
    NoVerdict,
}

impl Verdict {
    /// Slower, or more memory.
    pub fn is_worse(self) -> bool {
        matches!(self, Self::Slower | Self::More)
    }

    /// Faster, or less memory.
    pub fn is_better(self) -> bool {
        matches!(self, Self::Faster | Self::Less)
    }

    fn of(metric: Metric, rose: bool) -> Self {
        match (metric.is_counted(), rose == metric.more_is_better()) {
            (false, true) => Self::Faster,
            (false, false) => Self::Slower,
            (true, _) if rose => Self::More,
            (true, _) => Self::Less,
        }
    }
}

/// One benchmark's comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Its name: another's text, cleaned, to be quoted.
    pub name: String,
    /// What was measured.
    pub metric: Metric,
    /// The unit of `base` and `head`.
    #[serde(skip_deserializing)]
    pub unit: &'static str,
    /// Base's median.
    pub base: Option<f64>,
    /// Head's median.
    pub head: Option<f64>,
    /// Head's ratio to base: the Hodges-Lehmann estimate, which the interval is around; with neither noise nor enough
    /// samples, that of the medians.
    pub ratio: Option<f64>,
    /// Lower end of the ratio's interval.
    pub ci_low: Option<f64>,
    /// Upper end of the ratio's interval.
    pub ci_high: Option<f64>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why there is no verdict, or what to know of it.
    pub reason: Option<String>,
    /// Samples of base and of head.
    pub samples: [usize; 2],
    /// Process runs that they are of.
    pub rounds: [usize; 2],
    /// Standard deviation of a sample (or of a round's median), as a part of it.
    pub noise: Option<f64>,
    /// What a change must exceed, as a part.
    pub margin: Option<f64>,
    /// The change that would have been found in 80% of such comparisons, as a part.
    pub detectable: Option<f64>,
    /// The probability of what was seen if the change were within the margin, corrected for the whole report.
    pub p: Option<f64>,
    /// The ratio of the means, for what is multiplied by a number of executions.
    pub mean_ratio: Option<MeanRatio>,
}

/// The comparison of two sets of benchmarks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// In base's order.
    pub rows: Vec<Row>,
    /// Names that head doesn't have.
    pub only_in_base: Vec<String>,
    /// Names that base doesn't have.
    pub only_in_head: Vec<String>,
}

/// A pair that statistics can say something of.
struct Measured {
    row: usize,
    p: f64,
    least_p: f64,
    sizes: (usize, usize),
    spread: f64,
    margin: f64,
    rose: bool,
    rounds: bool,
}

/// Compares what has the same name and metric on both sides. Never fails: what can't be judged is a row that says why.
pub fn compare(base: &[Benchmark], head: &[Benchmark], options: &Options) -> Comparison {
    let heads: BTreeMap<(&str, Metric), &Benchmark> = head.iter().map(|b| ((b.name(), b.metric()), b)).collect();
    let bases: BTreeMap<(&str, Metric), &Benchmark> = base.iter().map(|b| ((b.name(), b.metric()), b)).collect();
    let only = |these: &[Benchmark], those: &BTreeMap<(&str, Metric), &Benchmark>| -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for benchmark in these.iter().filter(|b| !those.contains_key(&(b.name(), b.metric()))) {
            let name = format!("{}{}", benchmark.name(), benchmark.metric().label());
            names.push(name);
        }
        names
    };
    let mut nulls = NullDistributions::default();
    let (mut rows, mut measured) = (Vec::new(), Vec::new());
    let pairs = base.iter().filter_map(|b| Some((b, *heads.get(&(b.name(), b.metric()))?)));
    for (base, head) in pairs {
        let mut row = bare(base, head);
        if let Some(reason) = obstacle(base, head) {
            row.reason = Some(reason);
        } else if let Some(verdict) = exact(base, head, options.threshold) {
            row.verdict = verdict;
            row.reason = Some("the same in every sample: no noise".to_owned());
        } else {
            measured.extend(measure(&mut row, rows.len(), (base, head), options, &mut nulls));
        }
        rows.push(row);
    }
    judge(&mut rows, measured, options, &mut nulls);
    Comparison { rows, only_in_base: only(base, &heads), only_in_head: only(head, &bases) }
}

fn bare(base: &Benchmark, head: &Benchmark) -> Row {
    let several = base.samples().len().min(head.samples().len()) >= 2;
    let ratio = base.typical().zip(head.typical()).map(|(b, h)| h / b).filter(|r| several && r.is_finite());
    Row {
        name: base.name().to_owned(),
        metric: base.metric(),
        unit: base.metric().unit(),
        base: base.typical(),
        head: head.typical(),
        ratio,
        ci_low: None,
        ci_high: None,
        verdict: Verdict::NoVerdict,
        reason: None,
        samples: [base.samples().len(), head.samples().len()],
        rounds: [base.rounds().count(), head.rounds().count()],
        noise: None,
        margin: None,
        detectable: None,
        p: None,
        mean_ratio: None,
    }
}

/// Why nothing can be said of a pair, whatever the figures are.
fn obstacle(base: &Benchmark, head: &Benchmark) -> Option<String> {
    let advice = |tool: Tool| tool.advice();
    if base.tool() != head.tool() {
        return Some(format!("base was made by {}, head by {}: make both by one", base.tool(), head.tool()));
    }
    match base.samples().len().min(head.samples().len()) {
        0 => Some(format!("the samples are missing: {}", advice(base.tool()))),
        1 => Some(format!("one sample says nothing of noise: {}", advice(base.tool()))),
        _ => None,
    }
}

/// Counted things (allocations, bytes) that were the same in every sample: nothing there to doubt.
fn exact(base: &Benchmark, head: &Benchmark, threshold: f64) -> Option<Verdict> {
    let same = |samples: &[f64]| {
        let first = samples.first()?.to_bits();
        samples.iter().all(|sample| sample.to_bits() == first).then_some(f64::from_bits(first))
    };
    if !base.metric().is_counted() {
        return None;
    }
    let (from, to) = (same(base.samples())?, same(head.samples())?);
    let changed = (to > from * (1.0 + threshold)) || (from > to * (1.0 + threshold));
    Some(if changed { Verdict::of(base.metric(), to > from) } else { Verdict::Indistinguishable })
}

fn measure(
    row: &mut Row,
    index: usize,
    (base, head): (&Benchmark, &Benchmark),
    options: &Options,
    nulls: &mut NullDistributions,
) -> Option<Measured> {
    if base.samples().iter().chain(head.samples()).any(|sample| *sample <= 0.0) {
        row.reason = Some("some samples are 0 and some are not: a ratio says nothing".to_owned());
        return None;
    }
    let (base_units, head_units) = Units::of(base, head);
    let sizes = (base_units.logs.len(), head_units.logs.len());
    let spread = spread(&base_units.logs, &head_units.logs);
    let mut drift_of = |units: &Units| drift(units, spread, options.level, nulls);
    let drifts = [("base", drift_of(&base_units)), ("head", drift_of(&head_units))];
    let null = nulls.of(sizes.0, sizes.1);
    let differences = Differences::of(&base_units.logs, &head_units.logs);
    let drifted = drifts.iter().filter_map(|(_, drift)| drift.map(f64::abs)).fold(0.0, f64::max);
    let margin = margin(options.threshold, spread, base_units.in_turn, drifted);
    let shift = differences.shift();
    row.ratio = Some(shift.exp()).filter(|ratio| ratio.is_finite());
    if let Some((low, high)) = differences.interval(null, options.level) {
        (row.ci_low, row.ci_high) = (Some(low.exp()), Some(high.exp()).filter(|high| high.is_finite()));
    }
    row.noise = Some(spread.exp_m1()).filter(|noise| noise.is_finite());
    row.margin = Some(margin.exp_m1()).filter(|margin| margin.is_finite());
    row.mean_ratio = mean_ratio(base, head, options.level);
    row.reason = drift_in_words(drifts, options.threshold);
    Some(Measured {
        row: index,
        p: differences.p_beyond(margin, null),
        least_p: null.least_p(),
        sizes,
        spread,
        margin,
        rose: shift > 0.0,
        rounds: base_units.rounds,
    })
}

/// That a run moved while it was measured, if it moved by more than what matters.
fn drift_in_words(drifts: [(&str, Option<f64>); 2], threshold: f64) -> Option<String> {
    let moved = |(side, drift): (&str, Option<f64>)| {
        let drift = drift.filter(|drift| drift.abs() > threshold.ln_1p())?;
        Some(format!("{side} drifted by {} during its run", percent_change(drift.exp())))
    };
    let said: Vec<String> = drifts.into_iter().filter_map(moved).collect();
    (!said.is_empty()).then(|| format!("{}: warm up, or measure in rounds", said.join(", ")))
}

/// The verdicts of a whole report.
fn judge(rows: &mut [Row], measured: Vec<Measured>, options: &Options, nulls: &mut NullDistributions) {
    let all = measured.len();
    let least_p: Vec<f64> = measured.iter().map(|m| m.least_p).collect();
    let can = decidable(&least_p, options.level);
    let (can, cannot): (Vec<_>, Vec<_>) = measured.into_iter().zip(can).partition(|(_, can)| *can);
    for (pair, _) in cannot {
        rows[pair.row].reason = Some(too_few(&pair, all, options.level));
    }
    let adjusted = holm(&can.iter().map(|(pair, _)| pair.p).collect::<Vec<_>>());
    let share = options.level / can.len().max(1) as f64;
    let mut least = LeastChanges::default();
    for ((pair, _), p) in can.iter().zip(adjusted) {
        let row = &mut rows[pair.row];
        let null = nulls.of(pair.sizes.0, pair.sizes.1);
        let detectable = least.of(null, pair.sizes, share, pair.spread, pair.margin);
        row.detectable = detectable.map(f64::exp_m1).filter(|change| change.is_finite());
        row.p = Some(p);
        let changed = p <= options.level;
        row.verdict = if changed { Verdict::of(row.metric, pair.rose) } else { Verdict::Indistinguishable };
        let alone = pair.p <= options.level;
        if alone && !changed && row.reason.is_none() {
            row.reason = Some(format!("beyond the margin if it were alone, not among {}", can.len()));
        }
    }
}

fn too_few(pair: &Measured, family: usize, level: f64) -> String {
    let (have, what) = (pair.sizes.0.min(pair.sizes.1), if pair.rounds { "rounds" } else { "samples" });
    let other = if pair.rounds { "" } else { " (or as many rounds)" };
    let needed = samples_needed(family, level).unwrap_or(MIN_ROUNDS).max(have + 1);
    let among = if family == 1 { String::new() } else { format!(" for a verdict among {family} benchmarks") };
    format!("{have} {what} on a side are too few: {needed} of each{other} are needed{among}")
}

#[cfg(test)]
mod tests;
