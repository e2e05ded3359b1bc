//! The folded parts: the model's words, what was not looked at, how the numbers were made.

use super::measured::{footprint, measurement};
use super::{MAX_NAME, RenderOptions, changed, deployed, fold, numbers, sentence, words};
use crate::publish::sanitize;
use crate::report::Report;
use crate::results::MeasuredFootprint;

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
pub(super) fn method(report: &Report, options: &RenderOptions) -> Option<String> {
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
    lines.extend(changed::method(report));
    if let Some(url) = measured.flame_graph_url.as_deref() {
        lines.push(match sanitize::link(url).or_else(|| of_ours(url, options)) {
            Some(url) => format!("- [Flame graph]({url})"),
            None => format!("- Flame graph: {}", sanitize::code(url, 2 * MAX_NAME)),
        });
    }
    if let Some(footprint) = footprint(report) {
        lines.extend(of_a_footprint(footprint));
        lines.push(sci(footprint));
    }
    Some(fold("How the numbers were made", &lines.join("\n")))
}

/// Below the operator's own address, and nothing that breaks out of a link.
fn of_ours(url: &str, options: &RenderOptions) -> Option<String> {
    let below = url.strip_prefix(options.flame_graphs_url.as_deref()?.trim_end_matches('/'))?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/%:".contains(&b);
    let is_plain = url.starts_with("https://") && below.starts_with('/') && url.bytes().all(plain);
    (is_plain && url.len() <= 600).then(|| url.to_owned())
}

/// How a footprint was made.
pub(super) fn of_a_footprint(footprint: &MeasuredFootprint) -> Vec<String> {
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
        let over = sanitize::line(&footprint.interval_spans.join("; "), 1_000);
        lines.push(format!(
            "- Interval: the least and the most that the same measurement gives over {}",
            sentence(&over)
        ));
    }
    lines
}

/// What the Software Carbon Intensity of one execution is, and what is in it.
fn sci(footprint: &MeasuredFootprint) -> String {
    let sci = &footprint.sci;
    let grams = eco_coder_carbon::grams_text;
    let of_what = match sci.embodied_grams {
        Some(embodied) => format!("{} operational, {} embodied", grams(sci.operational_grams), grams(embodied)),
        None => "operational; embodied carbon is not counted".to_owned(),
    };
    format!("- SCI (ISO/IEC 21031:2024): {} CO2e per execution, {of_what}.", grams(sci.grams_per_execution))
}
