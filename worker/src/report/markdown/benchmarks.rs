//! Benchmarks of base against head: what changed, by how much, how sure that is, and what it means in CO2e.

use eco_coder_bench::{Row, figure, percent};
use eco_coder_carbon::grams_text;

use super::{MAX_NAME, fold, head, numbers, sentence as ended, words};
use crate::publish::sanitize;
use crate::report::Report;
use crate::results::{Benchmarks, CarbonChange};

/// Rows of the table, and of the list of others.
const MAX_ROWS: usize = 10;
/// Longest name in the table, in characters.
const MAX_BENCHMARK: usize = 60;

fn compared(report: &Report) -> Option<&Benchmarks> {
    report.benchmarks.as_ref().filter(|benchmarks| !benchmarks.comparison.rows.is_empty())
}

/// What changed, the worst first.
fn changed(benchmarks: &Benchmarks) -> Vec<&Row> {
    let is_changed = |row: &&Row| row.verdict.is_worse() || row.verdict.is_better();
    let mut rows: Vec<&Row> = benchmarks.comparison.rows.iter().filter(is_changed).collect();
    let weight = |row: &Row| (row.verdict.is_worse(), row.ratio.map_or(0.0, |ratio| ratio.ln().abs()));
    rows.sort_by(|a, b| weight(b).partial_cmp(&weight(a)).unwrap_or(std::cmp::Ordering::Equal));
    rows
}

/// `, and `search` got worse`; nothing without a change. `named`: a single one by its name.
pub(super) fn title(report: &Report, named: bool) -> String {
    let Some(benchmarks) = compared(report) else { return String::new() };
    let rows = changed(benchmarks);
    let said = |worse: bool, words: &str| {
        let rows: Vec<&&Row> = rows.iter().filter(|row| row.verdict.is_worse() == worse).collect();
        match rows.as_slice() {
            [] => None,
            [row] if named => Some(format!(", and {} {words}", sanitize::code(&row.name, MAX_BENCHMARK))),
            rows => Some(format!(", and {} {words}", numbers::count(rows.len(), "benchmark", "benchmarks"))),
        }
    };
    said(true, "got worse").or_else(|| said(false, "got better")).unwrap_or_default()
}

/// The largest change in words; without one, that there is none.
pub(super) fn sentence(report: &Report) -> Option<String> {
    let benchmarks = report.benchmarks.as_ref()?;
    if benchmarks.comparison.rows.is_empty() {
        return benchmarks.remarks.first().map(|why| format!("Benchmarks: {}", ended(&words(why))));
    }
    let Some(first) = changed(benchmarks).first().copied() else {
        return Some(format!("Benchmarks: no measurable change; {}", lower(&benchmarks.comparison.sentence())));
    };
    let name = sanitize::code(&first.name, MAX_BENCHMARK);
    let change = first.change().map(|change| format!("**{change}**")).unwrap_or_default();
    let runs = first.samples[0].min(first.samples[1]);
    let mut text = format!("{} of {name} {change}, {runs} samples each", what(first));
    if let Some(co2e) = benchmarks.co2e.iter().find(|co2e| co2e.name == first.name) {
        text = format!("{text}: about {} CO2e per {} executions", signed(co2e), executions(co2e));
    }
    Some(format!("{text}."))
}

fn what(row: &Row) -> &'static str {
    match row.metric {
        eco_coder_bench::Metric::Time => "Time",
        eco_coder_bench::Metric::CpuTime => "CPU time",
        eco_coder_bench::Metric::Throughput => "Throughput",
        eco_coder_bench::Metric::Memory => "Memory",
        eco_coder_bench::Metric::Allocations => "Allocations",
    }
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// `+1.3 g (+0.9 g to +1.8 g)`
fn signed(co2e: &CarbonChange) -> String {
    let with_sign = |grams: f64| format!("{}{}", if grams < 0.0 { "-" } else { "+" }, grams_text(grams.abs()));
    let change = with_sign(co2e.head_g - co2e.base_g);
    match co2e.interval_g {
        Some((low, high)) => format!("**{change}** ({} to {})", with_sign(low), with_sign(high)),
        None => format!("**{change}**"),
    }
}

fn executions(co2e: &CarbonChange) -> String {
    if co2e.executions == 1_000_000 { "million".to_owned() } else { numbers::grouped(co2e.executions) }
}

/// What changed, and how many did not.
pub(super) fn table(report: &Report) -> Option<String> {
    let benchmarks = compared(report)?;
    let rows = changed(benchmarks);
    if rows.is_empty() {
        return None;
    }
    let base = report.target.merge_base_sha.short();
    let mut lines =
        vec![format!("| | base `{base}` | head {} | change |", head(report)), "|---|---:|---:|---:|".to_owned()];
    let shown = |row: &Row, value: Option<f64>| value.map_or("-".to_owned(), |value| figure(row.metric, value));
    for row in rows.iter().take(MAX_ROWS) {
        let name = sanitize::code(&row.name, MAX_BENCHMARK);
        let change = row.change().unwrap_or_else(|| "-".to_owned());
        let what = what(row).to_lowercase();
        lines.push(format!(
            "| {name} {what} | {} | {} | **{change}** {} |",
            shown(row, row.base),
            shown(row, row.head),
            said(row)
        ));
        if let Some(co2e) = benchmarks.co2e.iter().find(|co2e| co2e.name == row.name) {
            lines.push(format!(
                "| {name} CO2e per {} executions | {} | {} | {} |",
                executions(co2e),
                grams_text(co2e.base_g),
                grams_text(co2e.head_g),
                signed(co2e).replace("**", "")
            ));
        }
    }
    let others = benchmarks.comparison.rows.len() - rows.len();
    if rows.len() > MAX_ROWS {
        lines.push(format!("| {} more changed | | | |", rows.len() - MAX_ROWS));
    }
    if others > 0 {
        let name =
            if others == 1 { "1 other".to_owned() } else { format!("{} others", numbers::grouped(others as u64)) };
        lines.push(format!("| {name} | | | within noise, or without a verdict |"));
    }
    Some(lines.join("\n"))
}

fn said(row: &Row) -> &'static str {
    match (row.verdict.is_worse(), row.metric.is_counted()) {
        (true, false) => "slower",
        (true, true) => "more",
        (false, false) => "faster",
        (false, true) => "less",
    }
}

/// How the comparison was made, and what is not in it.
pub(super) fn method(report: &Report) -> Option<String> {
    let benchmarks = compared(report)?;
    let comparison = &benchmarks.comparison;
    let mut lines = vec![format!("- {}", comparison.sentence())];
    lines.push(
        "- Intervals are of 95%. A verdict is wrong in at most 5% of the reports in which nothing changed, however many \
         benchmarks they have; a change below 1%, or within the noise, is none."
            .to_owned(),
    );
    let detectable = comparison.rows.iter().filter_map(|row| row.detectable).fold(0.0, f64::max);
    if detectable > 0.0 {
        lines.push(format!(
            "- In four of five such comparisons a change of {} would have been found.",
            percent(detectable)
        ));
    }
    if !benchmarks.co2e.is_empty() {
        lines.push(
            "- CO2e: an execution is taken to keep one thread busy for its time; hardware and grid are the settings'."
                .to_owned(),
        );
    }
    let named = |side: &str, names: &[String]| {
        let shown: Vec<String> = names.iter().take(5).map(|name| sanitize::code(name, MAX_NAME)).collect();
        (!names.is_empty()).then(|| format!("- Only in {side} ({}): {}", names.len(), shown.join(", ")))
    };
    lines.extend(named("base", &comparison.only_in_base));
    lines.extend(named("head", &comparison.only_in_head));
    lines.extend(benchmarks.remarks.iter().map(|remark| format!("- {}", ended(&words(remark)))));
    Some(fold("How the benchmarks were compared", &lines.join("\n")))
}
