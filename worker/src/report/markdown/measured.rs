//! What was measured: one sentence and the one table. Nothing is shown without a measurement behind it.

use eco_coder_carbon::Footprint;

use super::{head, numbers, weighed};
use crate::publish::sanitize;
use crate::report::{Report, Section};
use crate::results::PerformanceProfile;

/// Rows of functions in the table.
pub(super) const MAX_FUNCTIONS: usize = 5;

/// Longest function name in the table, in characters.
pub(super) const MAX_FUNCTION: usize = 60;

/// The head's profile, if it holds anything that can be shown. A deployed service's is [`deployed`](super::deployed)'s.
pub(super) fn measurement(report: &Report) -> Option<&PerformanceProfile> {
    let has_numbers = |measured: &&PerformanceProfile| {
        measured.profile.total_cpu_time_ms.is_some()
            || measured.profile.total_memory_mb.is_some()
            || !measured.profile.bottlenecks.is_empty()
    };
    report.measured_head().filter(has_numbers)
}

/// The footprint of the measurement: none without CPU time.
pub(super) fn footprint(report: &Report) -> Option<&Footprint> {
    let measured = measurement(report)?;
    measured.profile.total_cpu_time_ms.and_then(|_| report.carbon.present())
}

/// `Measured: 4.12 s of CPU time, 41% of it in `search` itself; about 0.9 mg CO2e per execution.`
pub(super) fn sentence(report: &Report) -> Option<String> {
    let measured = measurement(report)?;
    let top = measured.profile.bottlenecks.first();
    let mut text = match (measured.profile.total_cpu_time_ms, top) {
        (Some(ms), Some(top)) => format!(
            "Measured: **{}** of CPU time, {} of it in {} itself",
            numbers::duration(ms),
            numbers::percent(top.cpu_percentage),
            sanitize::code(&top.function_name, MAX_FUNCTION)
        ),
        (Some(ms), None) => format!("Measured: **{}** of CPU time", numbers::duration(ms)),
        (None, Some(top)) => format!(
            "Measured: {} of the samples are in {} itself",
            numbers::percent(top.cpu_percentage),
            sanitize::code(&top.function_name, MAX_FUNCTION)
        ),
        (None, None) => "Measured: memory only".to_owned(),
    };
    if let Some(footprint) = footprint(report) {
        text.push_str("; about ");
        text.push_str(&eco_coder_carbon::grams_text(footprint.co2e_per_execution));
        text.push_str(" CO2e per execution");
    }
    Some(format!("{text}."))
}

/// The table.
pub(super) fn table(report: &Report) -> Option<String> {
    let measured = measurement(report)?;
    let mut rows = vec![format!("| | head {} |", head(report)), "|---|---:|".to_owned()];
    let mut row = |name: &str, value: &str| rows.push(format!("| {name} | {value} |"));
    if let Some(ms) = measured.profile.total_cpu_time_ms {
        row("Total CPU time", &numbers::duration(ms));
    }
    for function in measured.profile.bottlenecks.iter().take(MAX_FUNCTIONS) {
        let share = numbers::percent(function.cpu_percentage);
        let time = function.self_time_ms.map(|ms| format!(" ({})", numbers::duration(ms)));
        let name = sanitize::code(&function.function_name, MAX_FUNCTION);
        row(&format!("{name} itself"), &format!("{share}{}", time.unwrap_or_default()));
    }
    if let Some(megabytes) = measured.profile.total_memory_mb {
        row("Memory", &format!("{} MB", numbers::significant(megabytes, 3)));
    }
    if let Some(footprint) = footprint(report) {
        let value = eco_coder_carbon::grams_text(footprint.co2e_per_execution);
        row("CO2e per execution", &format!("{value}{}", interval(footprint).unwrap_or_default()));
    }
    if let Section::Present(_) = report.quality {
        let (mend, remarks) = weighed(report);
        let all: Vec<_> = mend.into_iter().chain(remarks).collect();
        let counted = super::verdict::severities(&all);
        row("Findings on changed lines", if counted.is_empty() { "none" } else { &counted });
    }
    Some(rows.join("\n"))
}

/// ` (0.6 mg to 1.3 mg)`, of one execution as the value beside it; the footprint's own interval is of all.
pub(super) fn interval(footprint: &Footprint) -> Option<String> {
    let (low, high) = footprint.interval?;
    let share = footprint.co2e_per_execution / footprint.co2e_grams;
    let (low, high) = (eco_coder_carbon::grams_text(low * share), eco_coder_carbon::grams_text(high * share));
    (share.is_finite() && low != high).then(|| format!(" ({low} to {high})"))
}
