//! The model's part: its words, cleaned, bounded, and marked as its own wherever they stand.

use eco_coder_analyzer::Finding;

use super::findings::{category, place_of, shortened};
use super::{MAX_NAME, fold, numbers, sentence};
use crate::publish::sanitize;
use crate::report::{ModelFinding, ModelPart, Report};
use crate::tools::post_github_comment::Advice;

/// The longest text of a finding, in characters.
const MAX_TEXT: usize = 600;
/// The most findings of a model's own that are shown in full.
const MAX_SHOWN: usize = 5;

/// Why a finding of the tools matters here, in the model's words.
pub(super) fn why(report: &Report, finding: &Finding) -> Option<String> {
    let why = sanitize::line(report.model_part()?.why(finding)?, MAX_TEXT);
    (!why.is_empty()).then(|| format!("Here, as the model sees it: {}", sentence(&why)))
}

/// The model's own findings, as many as there is room for, the others counted.
pub(super) fn findings(report: &Report, room: usize) -> Vec<String> {
    let Some(part) = report.model_part() else { return Vec::new() };
    let room = room.min(MAX_SHOWN);
    let mut out: Vec<String> = part.further.iter().take(room).zip(1..).map(|(one, number)| full(number, one)).collect();
    if part.further.len() > room {
        let lines: Vec<String> = part.further[room..].iter().map(line).collect();
        let what = numbers::count(lines.len(), "more finding of the model", "more findings of the model");
        out.push(fold(&what, &lines.join("\n")));
    }
    out
}

fn full(number: usize, one: &ModelFinding) -> String {
    let title = sanitize::text(&shortened(&one.title));
    let texts = [&one.explanation, &one.fix].map(|text| sanitize::line(text, MAX_TEXT));
    let texts: Vec<String> = texts.iter().filter(|text| !text.is_empty()).map(|text| sentence(text)).collect();
    let place = place_of(&one.file_path, one.line, one.line);
    let (severity, category) = (one.severity, category(one.category));
    let words = quote(&texts.join(" "));
    format!("**M{number}. {title}** - {severity}, {category} - {place} - suggested by the model\n{words}")
}

fn line(one: &ModelFinding) -> String {
    let place = place_of(&one.file_path, one.line, one.line);
    format!("- {} - {}, {place}", sanitize::text(&shortened(&one.title)), one.severity)
}

/// Its summary and suggestions, folded.
pub(super) fn words(report: &Report) -> Option<String> {
    let part = report.model_part()?;
    let mut parts = Vec::new();
    let summary = sanitize::prose(&part.summary, &sanitize::Limits::default());
    if !summary.is_empty() {
        parts.push(summary);
    }
    let suggestions =
        part.suggestions.iter().map(|text| sanitize::line(text, MAX_TEXT)).filter(|text| !text.is_empty());
    let suggestions: Vec<String> = suggestions.map(|text| format!("- {}", sentence(&text))).collect();
    if !suggestions.is_empty() {
        parts.push(suggestions.join("\n"));
    }
    if parts.is_empty() {
        return None;
    }
    let words = format!("{}\n\n<sub>{}</sub>", quote(&parts.join("\n\n")), whose(part));
    Some(fold(advice(part.verdict), &words))
}

/// As a quotation: another's words, and no line begins with them, where a robot that reads comments could take them for a
/// command.
fn quote(words: &str) -> String {
    let lines = words.lines().map(|line| if line.is_empty() { ">".to_owned() } else { format!("> {line}") });
    lines.collect::<Vec<_>>().join("\n")
}

fn advice(verdict: Advice) -> &'static str {
    match verdict {
        Advice::Mend => "Suggested by the model: mend something before merging",
        Advice::Consider => "Suggested by the model: worth a look",
        Advice::Fine => "Suggested by the model: nothing to do",
    }
}

fn whose(part: &ModelPart) -> String {
    let by = sanitize::code(&part.model, MAX_NAME);
    let whose = format!("Words of {by}; figures and unmarked findings are the tools'.");
    if part.dropped == 0 {
        return whose;
    }
    let dropped = numbers::count(part.dropped, "finding of its own was", "findings of its own were");
    format!("{whose} {dropped} left out: not in the diff, or found by the tools.")
}
