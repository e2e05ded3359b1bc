//! What the functions that the pull request changes use of the profile: a sentence, and a table of base and head. One profile of each
//! side is no verdict, and none is given.

use eco_coder_profile::Matched;

use super::findings::place_of;
use super::measured::{MAX_FUNCTION, measurement};
use super::{deployed, numbers, sentence, words};
use crate::publish::sanitize;
use crate::report::Report;
use crate::results::{ChangedFunctions, ChangedUse, Share};

/// Rows of the table.
const MAX_ROWS: usize = 10;

/// If any of them is in the head's profile.
fn of_head(report: &Report) -> Option<&ChangedFunctions> {
    measurement(report)?;
    report.changed_functions.as_ref()
}

/// ``Of the functions changed here, `search` uses most: 41% of the CPU time itself, 63% with what it calls (base: 20%, 45%).``
pub(super) fn first_words(report: &Report) -> Option<String> {
    let changed = of_head(report)?;
    let first = changed.rows.first()?;
    let name = sanitize::code(&first.function_name, MAX_FUNCTION);
    let [own, total] = both(first.head);
    let most = if changed.rows.len() + changed.more > 1 { " most" } else { "" };
    let base = first.base.map(both).map(|[own, total]| format!(" (base: {own} and {total})")).unwrap_or_default();
    let of = of_what(changed);
    Some(format!(
        "Of the functions changed here, {name} uses{most}: {own} of {of} itself, {total} with what it calls{base}."
    ))
}

/// The head's figures, with the base's before them if there are any.
pub(super) fn table(report: &Report) -> Option<String> {
    rows(of_head(report)?)
}

/// Those of the deployed service's heaviest functions that are changed here.
pub(super) fn of_a_service(report: &Report) -> Option<String> {
    deployed::measurement(report)?;
    let table = rows(report.changed_functions.as_ref()?)?;
    Some(format!("Of the service's heaviest functions, this pull request changes:\n\n{table}"))
}

fn rows(changed: &ChangedFunctions) -> Option<String> {
    if changed.rows.is_empty() {
        return None;
    }
    let sides = if changed.base_samples.is_some() { ", base → head" } else { "" };
    let mut lines = vec![
        format!("| function changed here | {} itself{sides} | with what it calls{sides} |", capital(of_what(changed))),
        "|---|---:|---:|".to_owned(),
    ];
    lines.extend(changed.rows.iter().take(MAX_ROWS).map(|row| line(row, changed.base_samples.is_some())));
    let more = changed.rows.len().saturating_sub(MAX_ROWS) + changed.more;
    if more > 0 {
        lines.push(format!("| and {} more | | |", numbers::grouped(more as u64)));
    }
    Some(lines.join("\n"))
}

fn line(row: &ChangedUse, has_base: bool) -> String {
    let name = sanitize::code(&row.function_name, MAX_FUNCTION);
    let place = place_of(&row.file_path, row.first_line, row.last_line);
    let [own, total] = both(row.head);
    let [own, total] = if has_base {
        let [own_before, total_before] = row.base.map_or(["-", "-"].map(str::to_owned), both);
        [format!("{own_before} → **{own}**"), format!("{total_before} → **{total}**")]
    } else {
        [format!("**{own}**"), total]
    };
    format!("| {name}, {place} | {own} | {total} |")
}

fn both(share: Share) -> [String; 2] {
    [share.self_percentage, share.total_percentage].map(numbers::percent)
}

fn of_what(changed: &ChangedFunctions) -> &'static str {
    match (changed.is_cpu_time, changed.sample_type.as_str()) {
        (true, _) => "the CPU time",
        (false, "wall") => "the time",
        (false, _) => "the samples",
    }
}

fn capital(text: &str) -> String {
    text.strip_prefix("the ").map_or_else(|| text.to_owned(), |text| text[..1].to_uppercase() + &text[1..])
}

/// How the figures were made, a line each.
pub(super) fn method(report: &Report) -> Vec<String> {
    let Some(changed) = of_head(report) else { return Vec::new() };
    let mut lines = Vec::new();
    if changed.rows.is_empty() {
        if changed.changed > 0 {
            let functions = numbers::count(changed.changed, "changed function", "changed functions");
            lines.push(format!("- None of the {functions} is in the profile."));
        }
        return lines;
    }
    let found = changed.rows.len() + changed.more;
    let functions = numbers::count(changed.changed, "changed function", "changed functions");
    let mut text = format!("- {} of {functions} in the profile.", numbers::grouped(found as u64));
    if let Some(samples) = changed.base_samples {
        let samples = numbers::grouped(samples);
        text = format!(
            "{text} Shares of base ({samples} samples) and head are of one profile each: what differs may be noise, so no verdict \
             is given."
        );
    }
    lines.push(text);
    let by_name = changed.rows.iter().filter(|row| row.matched != Matched::Lines).count();
    if by_name > 0 {
        lines
            .push(format!("- {} known by name, not by line.", numbers::count(by_name, "function is", "functions are")));
    }
    if let Some(why) = &changed.base_missing {
        lines.push(format!("- The base has a profile, which can't be compared: {}", sentence(&words(why))));
    }
    lines
}
