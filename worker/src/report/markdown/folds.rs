//! The folded parts: the model's words, what was not looked at, how the numbers were made.

use eco_coder_carbon::Footprint;

use super::measured::{footprint, measurement};
use super::{MAX_NAME, deployed, fold, numbers, sentence, words};
use crate::publish::sanitize;
use crate::report::Report;

/// Files that were not looked at, those that should have been first.
pub(super) fn not_looked_at(report: &Report, max: usize) -> Option<String> {
    let mut skipped: Vec<_> = report.quality.present()?.skipped.iter().collect();
    if skipped.is_empty() {
        return None;
    }
    skipped.sort_by_key(|file| !file.gap);
    let mut lines: Vec<String> = skipped
        .iter()
        .take(max)
        .map(|file| format!("- {} ({})", sanitize::code(&file.path, MAX_NAME), words(&file.reason)))
        .collect();
    if skipped.len() > max {
        lines.push(format!("- and {} more", numbers::grouped((skipped.len() - max) as u64)));
    }
    Some(fold(&format!("Not looked at: {}", numbers::count(skipped.len(), "file", "files")), &lines.join("\n")))
}

/// Where the numbers come from: none, no fold.
pub(super) fn method(report: &Report) -> Option<String> {
    if let Some(service) = deployed::measurement(report) {
        return Some(deployed::method(report, service));
    }
    let measured = measurement(report)?;
    let profile = &measured.profile;
    let mut lines = vec![format!(
        "- Measured: {} of {}{} in {}.",
        numbers::count(usize::try_from(profile.samples).unwrap_or(usize::MAX), "sample", "samples"),
        sanitize::code(&profile.sample_type, MAX_NAME),
        profile.duration_ms.map(|ms| format!(" over {}", numbers::duration(ms))).unwrap_or_default(),
        sanitize::code(&measured.source, MAX_NAME),
    )];
    if let Some(url) = measured.flame_graph_url.as_deref() {
        lines.push(match sanitize::link(url) {
            Some(url) => format!("- [Flame graph]({url})"),
            None => format!("- Flame graph: {}", sanitize::code(url, 2 * MAX_NAME)),
        });
    }
    lines.extend(footprint(report).into_iter().flat_map(of_a_footprint));
    Some(fold("How the numbers were made", &lines.join("\n")))
}

/// How a footprint was made.
pub(super) fn of_a_footprint(footprint: &Footprint) -> Vec<String> {
    let mut lines = vec![
        format!(
            "- Energy: {}, at {} g CO2e per kWh: {} CO2e, like {}.",
            numbers::energy(footprint.energy_consumed_kwh),
            numbers::significant(footprint.carbon_intensity_gco2_per_kwh, 3),
            eco_coder_carbon::grams_text(footprint.co2e_grams),
            sanitize::text(&eco_coder_carbon::readable_equivalent(footprint.co2e_grams, footprint.energy_consumed_kwh)),
        ),
        format!("- Method: {}", sentence(&sanitize::line(&footprint.methodology, 1_000))),
    ];
    if footprint.interval.is_some() {
        lines.push("- Interval: the least and the most that the methods give for the same measurement.".to_owned());
    }
    lines
}
