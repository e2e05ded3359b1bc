//! Figures and verdicts in words: the sentence of a comparison, and numbers with the digits that they have a right to.

use crate::benchmark::Metric;
use crate::compare::{Comparison, Row, Verdict};

impl Comparison {
    /// The comparison in one sentence: `2 of 14 slower, 1 faster, 11 indistinguishable (noise 1-3%).`
    pub fn sentence(&self) -> String {
        let count = |verdict: Verdict| self.rows.iter().filter(|row| row.verdict == verdict).count();
        let said = [
            (Verdict::Slower, "slower"),
            (Verdict::Faster, "faster"),
            (Verdict::More, "with more memory"),
            (Verdict::Less, "with less memory"),
            (Verdict::Indistinguishable, "indistinguishable"),
            (Verdict::NoVerdict, "without a verdict"),
        ];
        let all = self.rows.len();
        if all == 0 {
            return "Nothing to compare: base and head have no benchmark in common.".to_owned();
        }
        let mut parts: Vec<String> = Vec::new();
        for (verdict, words) in said {
            let count = count(verdict);
            if count > 0 {
                let of = if parts.is_empty() { format!(" of {all}") } else { String::new() };
                parts.push(format!("{count}{of} {words}"));
            }
        }
        format!("{}{}.", parts.join(", "), self.noise())
    }

    /// ` (noise 1-3%)`: the least and the most of the rows.
    fn noise(&self) -> String {
        let noises = self.rows.iter().filter_map(|row| row.noise);
        let Some((least, most)) = noises.fold(None, |range: Option<(f64, f64)>, noise| {
            Some(range.map_or((noise, noise), |(least, most)| (least.min(noise), most.max(noise))))
        }) else {
            return String::new();
        };
        let (least, most) = (percent(least), percent(most));
        if least == most {
            format!(" (noise {most})")
        } else {
            format!(" (noise {}-{most})", least.trim_end_matches('%'))
        }
    }
}

impl Row {
    /// The change with its interval: `+38% (+32% to +44%)`; without one, nothing.
    pub fn change(&self) -> Option<String> {
        let change = percent_change(self.ratio?);
        let ends = self.ci_low.zip(self.ci_high).filter(|(low, high)| low < high);
        Some(match ends {
            Some((low, high)) => format!("{change} ({} to {})", percent_change(low), percent_change(high)),
            None => change,
        })
    }
}

/// A part in percent: two digits, no more: `0.4%`, `12%`.
pub fn percent(part: f64) -> String {
    let percent = part * 100.0;
    match percent.abs() {
        p if p < 0.05 => "0%".to_owned(),
        p if p < 9.95 => {
            let text = format!("{percent:.1}");
            format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
        }
        p if p < 1e6 => format!("{percent:.0}%"),
        _ => format!("{percent:.0e}%"),
    }
}

/// A ratio as a change, with its sign; from three times on as a multiple: `+12%`, `-3%`, `0%`, `5.0x`.
pub fn percent_change(ratio: f64) -> String {
    if ratio >= 1e6 {
        return format!("{ratio:.0e}x");
    }
    if ratio >= 3.0 {
        return format!("{ratio:.*}x", usize::from(ratio < 9.95));
    }
    let text = percent(ratio - 1.0);
    if ratio > 1.0 && text != "0%" { format!("+{text}") } else { text }
}

/// A figure with its unit, three digits: `41.2 ms`, `1.20 million ops/s`, `512 B`.
pub fn figure(metric: Metric, value: f64) -> String {
    let steps: &[(f64, &str)] = match metric {
        Metric::Time | Metric::CpuTime => &[(1e9, " s"), (1e6, " ms"), (1e3, " us"), (1.0, " ns")],
        Metric::Throughput => {
            &[(1e9, " billion ops/s"), (1e6, " million ops/s"), (1e3, " thousand ops/s"), (1.0, " ops/s")]
        }
        Metric::Memory => &[(1e9, " GB"), (1e6, " MB"), (1e3, " kB"), (1.0, " B")],
        Metric::Allocations => &[(1e9, " billion"), (1e6, " million"), (1.0, "")],
    };
    let last = steps.last().copied().unwrap_or((1.0, ""));
    let (unit, name) = steps.iter().copied().find(|(unit, _)| value >= *unit * 0.9995).unwrap_or(last);
    let scaled = value / unit;
    if scaled >= 1e6 || (scaled > 0.0 && scaled < 0.01) {
        return format!("{scaled:.2e}{name}");
    }
    let whole = metric.is_counted() && unit <= 1.0 && scaled.fract().abs() < 1e-9;
    let digits = match scaled {
        _ if whole => 0,
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits_and_a_unit_that_reads_well() {
        let time = |ns| figure(Metric::Time, ns);
        assert_eq!(
            [time(0.25), time(41.24), time(999.96), time(41_236_000.0)],
            ["0.25 ns", "41.2 ns", "1.00 us", "41.2 ms"]
        );
        assert_eq!([time(3.6e12), time(1e-6)], ["3600 s", "1.00e-6 ns"]);
        assert_eq!(figure(Metric::Throughput, 1_204_000.0), "1.20 million ops/s");
        assert_eq!([figure(Metric::Memory, 16.0), figure(Metric::Memory, 2.5e6)], ["16 B", "2.50 MB"]);
        assert_eq!([figure(Metric::Allocations, 0.0), figure(Metric::Allocations, 12.0)], ["0", "12"]);
    }

    #[test]
    fn changes_have_a_sign_and_no_more_digits_than_they_mean() {
        let words: Vec<String> = [1.382, 0.969, 1.0001, 1.004, 2.0, 3.0, 12.4, 0.5, 1e9].map(percent_change).into();
        assert_eq!(words, ["+38%", "-3.1%", "0%", "+0.4%", "+100%", "3.0x", "12x", "-50%", "1e9x"]);
        assert_eq!([percent(0.03), percent(0.004), percent(1e-9), percent(0.126)], ["3%", "0.4%", "0%", "13%"]);
    }
}
