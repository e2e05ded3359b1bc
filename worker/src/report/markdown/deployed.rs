//! A deployed service's profile: what it says, and that it says it of what is deployed. It stands below the findings,
//! because those are of the pull request, and it isn't.

use eco_coder_shared::env::Timestamp;

use super::measured::{MAX_FUNCTION, MAX_FUNCTIONS, amount};
use super::{MAX_NAME, fold, folds, numbers, sentence, words};
use crate::publish::sanitize;
use crate::report::Report;
use crate::results::{DeployedService, MeasuredFootprint, PerformanceProfile, ServiceRecommendation};
use eco_coder_profile::Bottleneck;

/// Recommendations that are shown.
const MAX_SHOWN: usize = 5;
/// A description or its steps, in characters.
const MAX_TEXT: usize = 600;

/// A profile, and the service that it is of.
pub(super) type Measured<'a> = (&'a PerformanceProfile, &'a DeployedService);

/// The service's profile, if the report has one.
pub(super) fn measurement(report: &Report) -> Option<Measured<'_>> {
    let measured = report.performance.present()?;
    Some((measured, measured.deployed_service.as_ref()?))
}

/// Of the service over the period: none without CPU time.
fn footprint(report: &Report) -> Option<&MeasuredFootprint> {
    let (measured, _) = measurement(report)?;
    measured.profile.total_cpu_time_ms.and_then(|_| report.carbon.present())
}

/// A sentence and a table.
pub(super) fn section(report: &Report) -> Option<String> {
    let (measured, service) = measurement(report)?;
    let profile = &measured.profile;
    let group = sanitize::code(&service.profiling_group, MAX_FUNCTION);
    let used = profile.total_cpu_time_ms.map(|ms| format!("used **{}** of CPU time", numbers::duration(ms)));
    let hottest = profile.bottlenecks.first().map(|top| {
        let share = numbers::percent(top.cpu_percentage);
        let name = sanitize::code(&top.function_name, MAX_FUNCTION);
        format!("{share} of its {} are in {name} itself", samples(measured))
    });
    let says = match (used, hottest) {
        (Some(used), Some(hottest)) => format!(" {used}; {hottest}"),
        (Some(says), None) => format!(" {says}"),
        (None, Some(says)) => format!(": {says}"),
        (None, None) => String::new(),
    };
    let mut parts = vec![sentence(&format!(
        "**The deployed service {group}** (not this pull request{}){says}",
        covered(service).map(|period| format!("; {period}")).unwrap_or_default(),
    ))];
    parts.extend(table(report, measured, &group));
    if let Some(why) = &service.recommendations_missing {
        parts.push(format!("CodeGuru Profiler's recommendations are missing: {}", sentence(&words(why))));
    }
    Some(parts.join("\n\n"))
}

fn table(report: &Report, measured: &PerformanceProfile, group: &str) -> Option<String> {
    let mut rows = Vec::new();
    if let Some(ms) = measured.profile.total_cpu_time_ms {
        rows.push(format!("| CPU time over the period | {} |", numbers::duration(ms)));
    }
    for function in measured.profile.bottlenecks.iter().take(MAX_FUNCTIONS) {
        rows.push(format!("| {} itself | {} |", sanitize::code(&function.function_name, MAX_FUNCTION), of(function)));
    }
    if let Some(footprint) = footprint(report) {
        rows.push(format!("| CO2e over the period | {} |", amount(footprint.co2e_grams, footprint.interval)));
    }
    (!rows.is_empty()).then(|| format!("| | deployed service {group} |\n|---|---:|\n{}", rows.join("\n")))
}

/// `41%, 62% with what it calls`.
fn of(function: &Bottleneck) -> String {
    let own = numbers::percent(function.cpu_percentage);
    match function.total_percentage.map(numbers::percent).filter(|total| *total != own) {
        Some(total) => format!("{own}, {total} with what it calls"),
        None => own,
    }
}

fn samples(measured: &PerformanceProfile) -> &'static str {
    if measured.profile.sample_type == "wall" { "wall-clock samples" } else { "CPU samples" }
}

/// `2026-11-20 00:00 to 2026-11-21 00:00 UTC`.
fn covered(service: &DeployedService) -> Option<String> {
    let (start, end) = service.start.zip(service.end)?;
    Some(format!("{} to {} UTC", minute(start), minute(end)))
}

fn minute(time: Timestamp) -> String {
    time.to_string().chars().take(16).collect::<String>().replace('T', " ")
}

/// What CodeGuru recommends for the service, folded; none, no list.
pub(super) fn recommendations(report: &Report) -> Option<String> {
    let (_, service) = measurement(report)?;
    let all = &service.recommendations;
    if all.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = all.iter().take(MAX_SHOWN).map(recommendation).collect();
    let found = service.total_recommendations.max(all.len());
    if found > lines.len() {
        lines.push(format!("- and {} more", numbers::grouped((found - lines.len()) as u64)));
    }
    let counted = numbers::count(found, "recommendation", "recommendations");
    Some(fold(&format!("{counted} of CodeGuru Profiler for the deployed service"), &lines.join("\n")))
}

fn recommendation(one: &ServiceRecommendation) -> String {
    let name: String = one.name.chars().take(MAX_NAME).collect();
    let texts = [&one.description, &one.resolution_steps];
    let texts = texts.into_iter().flatten().map(|text| sanitize::line(text, MAX_TEXT)).filter(|text| !text.is_empty());
    let mut parts = vec![format!("- **{}**", sentence(&sanitize::text(&name)))];
    parts.extend(texts.map(|text| sentence(&text)));
    let places: Vec<String> =
        one.top_matches.iter().map(|place| sanitize::code(&place.function_name, MAX_NAME)).collect();
    if !places.is_empty() {
        parts.push(format!("In {}.", places.join(", ")));
    }
    parts.join(" ")
}

/// Where the numbers come from.
pub(super) fn method(report: &Report, (measured, service): Measured<'_>) -> String {
    let profile = &measured.profile;
    let mut lines = vec![format!(
        "- Measured: {} {} of the service where it runs{}, from {}. This pull request's code was not run: the figures \
         describe what is deployed, as it was used in that time.",
        numbers::grouped(profile.samples),
        samples(measured),
        covered(service).map(|period| format!(", {period}")).unwrap_or_default(),
        sanitize::code(&measured.source, MAX_NAME),
    )];
    if profile.sample_type == "wall" {
        lines.push(
            "- Wall-clock samples count threads that wait, too: their shares are not shares of CPU time.".to_owned(),
        );
    }
    if let Some(footprint) = footprint(report) {
        lines.extend(folds::of_a_footprint(footprint));
    }
    fold("How the numbers were made", &lines.join("\n"))
}
