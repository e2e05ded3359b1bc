//! The review's own ledger, and how to mute a finding.

use super::{MAX_NAME, head, numbers};
use crate::publish::sanitize;
use crate::report::{Freshness, Ledger, ModelSection, Report};

pub(super) fn footer(report: &Report) -> String {
    let mut parts = vec![what(report), analyser(&report.ledger)];
    parts.extend(codeguru(report));
    parts.extend(model(report));
    if report.ledger.freshness == Freshness::Cached {
        parts.push("cached result".to_owned());
    }
    if let Some(muted) = report.quality.present().map(|analysis| analysis.suppressed).filter(|&muted| muted > 0) {
        parts.push(format!("{} muted in the source", numbers::count(muted as usize, "finding", "findings")));
    }
    parts.push("this comment is kept up to date".to_owned());
    // What another engine found can't be muted by a comment.
    if let Some(finding) = report.findings().iter().find(|finding| finding.rule_id.starts_with("EC-")) {
        let mute = sanitize::code(&format!("eco-coder-ignore {}: reason", finding.rule_id), MAX_NAME);
        parts.push(format!("{mute} on the line mutes a finding"));
    }
    format!("<sub>{}</sub>", parts.join(" - "))
}

/// `12 of 14 files at `3f2a9c1` in 4.1 s`
fn what(report: &Report) -> String {
    let time = numbers::seconds(report.ledger.seconds);
    match report.quality.present() {
        Some(analysis) => format!(
            "{} of {} at {} in {time}",
            numbers::grouped(analysis.files_analyzed as u64),
            numbers::count(analysis.files_changed, "file", "files"),
            head(report)
        ),
        None => format!("{} in {time}", head(report)),
    }
}

fn analyser(ledger: &Ledger) -> String {
    let cpu = format!("analyser {} CPU", numbers::seconds(ledger.analyser_cpu_seconds));
    match ledger.co2e_grams {
        Some(grams) => format!("{cpu}, about {} CO2e", eco_coder_carbon::grams_text(grams.grams())),
        None => cpu,
    }
}

/// `CodeGuru Reviewer: 12 recommendations, 3 on changed lines`, if it answered.
fn codeguru(report: &Report) -> Option<String> {
    let beside = report.quality.present()?.codeguru.as_ref()?;
    let made = numbers::count(beside.total_recommendations, "recommendation", "recommendations");
    let kept = numbers::grouped(beside.on_changed_lines as u64);
    Some(format!("CodeGuru Reviewer: {made}, {kept} on changed lines"))
}

/// Tokens and dollars, if a model was asked.
fn model(report: &Report) -> Option<String> {
    let ledger = &report.ledger;
    let name = match &report.model {
        ModelSection::Finished(part) => format!("model {}", sanitize::code(&part.model, MAX_NAME)),
        _ if ledger.input_tokens == 0 && ledger.output_tokens == 0 => return None,
        _ => "model".to_owned(),
    };
    let cached = if ledger.cached_tokens > 0 {
        format!(" ({} cached)", numbers::grouped(ledger.cached_tokens))
    } else {
        String::new()
    };
    let dollars = ledger.dollars.map(|dollars| format!(", {}", numbers::dollars(dollars))).unwrap_or_default();
    let (read, written) = (numbers::grouped(ledger.input_tokens), numbers::grouped(ledger.output_tokens));
    let energy = ledger.model_energy.as_ref().map(|energy| {
        let range = numbers::range(energy.wh_low, energy.wh_high);
        format!(", about {range} Wh by published figures")
    });
    Some(format!("{name}: {read} tokens in{cached}, {written} out{dollars}{}", energy.unwrap_or_default()))
}
