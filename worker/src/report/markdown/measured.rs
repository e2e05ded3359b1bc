//! What was measured: one sentence and the one table. Nothing is shown without a measurement behind it.

use eco_coder_carbon::{counted, grams_within};

use super::{head, numbers, weighed};
use crate::publish::sanitize;
use crate::report::{Report, Section};
use crate::results::{MeasuredFootprint, PerformanceProfile};

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
pub(super) fn footprint(report: &Report) -> Option<&MeasuredFootprint> {
    let measured = measurement(report)?;
    measured.profile.total_cpu_time_ms.and_then(|_| report.carbon.present())
}

/// `Measured: 4.12 s of CPU time, 41% of it in `search` itself; about 0.9 mg CO2e per execution, 11 kg a year.`
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
        (None, None) => match (measured.profile.total_memory_mb, measured.profile.memory_consumers.first()) {
            (Some(megabytes), Some(top)) => format!(
                "Measured: **{} MB** of memory, {} of it in {} itself",
                numbers::significant(megabytes, 3),
                numbers::percent(top.memory_percentage),
                sanitize::code(&top.function_name, MAX_FUNCTION)
            ),
            _ => "Measured: memory only".to_owned(),
        },
    };
    if let Some(footprint) = footprint(report) {
        let (one, _) = grams_within(footprint.co2e_per_execution, per_execution(footprint));
        let a_year = year(footprint).map(|(grams, interval)| format!(", {} a year", grams_within(grams, interval).0));
        text = format!("{text}; about {one} CO2e per execution{}", a_year.unwrap_or_default());
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
    for function in measured.profile.memory_consumers.iter().take(MAX_FUNCTIONS) {
        let share = numbers::percent(function.memory_percentage);
        let name = sanitize::code(&function.function_name, MAX_FUNCTION);
        let megabytes = numbers::significant(function.memory_mb, 3);
        row(&format!("Memory of {name} itself"), &format!("{share} ({megabytes} MB)"));
    }
    if let Some(footprint) = footprint(report) {
        row("CO2e per execution", &amount(footprint.co2e_per_execution, per_execution(footprint)));
        if let Some(((grams, interval), yearly)) = year(footprint).zip(footprint.yearly) {
            let monthly = counted(yearly.executions_per_month, "execution");
            row(&format!("CO2e a year, at {monthly} a month"), &amount(grams, interval));
        }
    }
    if let Section::Present(_) = report.quality {
        let (mend, remarks) = weighed(report);
        let all: Vec<_> = mend.into_iter().chain(remarks).collect();
        let counted = super::verdict::severities(&all);
        row("Findings on changed lines", if counted.is_empty() { "none" } else { &counted });
    }
    Some(rows.join("\n"))
}

/// `0.9 mg (0.6 mg to 1.3 mg)`.
pub(super) fn amount(grams: f64, interval: Option<(f64, f64)>) -> String {
    match grams_within(grams, interval) {
        (estimate, Some((least, most))) => format!("{estimate} ({least} to {most})"),
        (estimate, None) => estimate,
    }
}

/// The interval of one execution; the footprint's own is of all.
fn per_execution(footprint: &MeasuredFootprint) -> Option<(f64, f64)> {
    let (least, most) = footprint.interval?;
    let share = footprint.co2e_per_execution / footprint.co2e_grams;
    share.is_finite().then_some((least * share, most * share))
}

/// A year's grams and their interval, if the settings say how often the code runs.
fn year(footprint: &MeasuredFootprint) -> Option<(f64, Option<(f64, f64)>)> {
    let yearly = footprint.yearly?;
    let grams = |kilograms: f64| kilograms * 1000.0;
    let interval = yearly.interval_kg.map(|(least, most)| (grams(least), grams(most)));
    Some((grams(yearly.co2e_kg), interval))
}
