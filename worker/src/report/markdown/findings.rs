//! Findings: what, how bad, where; why and what to do; the evidence; the rule with its other names.

use eco_coder_analyzer::{Category, Finding};

use super::{MAX_NAME, fold, numbers};
use crate::publish::sanitize;

/// Longest text of a rule, in characters.
const MAX_TEXT: usize = 600;

/// A finding in full.
pub(super) fn full(number: usize, finding: &Finding, remarks: &[String]) -> String {
    let title = sanitize::text(&shortened(&finding.title));
    let (severity, category, place) = (finding.severity, category(finding.category), place(finding));
    let texts = [Some(&finding.description), Some(&finding.recommendation), finding.evidence.as_ref()];
    let mut text = texts
        .into_iter()
        .flatten()
        .map(|text| sanitize::line(text, MAX_TEXT))
        .filter(|text| !text.is_empty())
        .map(|text| super::sentence(&text))
        .collect::<Vec<_>>();
    text.extend_from_slice(remarks);
    text.push(rule(finding));
    format!("**{number}. {title}** - {severity}, {category} - {place}\n{}", text.join(" "))
}

/// Findings as a folded list of single lines, counted; none, no list.
pub(super) fn folded(findings: &[&Finding], one: &str, many: &str, max: usize) -> Option<String> {
    if findings.is_empty() {
        return None;
    }
    let mut lines: Vec<String> = findings
        .iter()
        .take(max)
        .map(|finding| {
            let title = sanitize::text(&shortened(&finding.title));
            format!(
                "- {title} - {}, {} - {}",
                finding.severity,
                place(finding),
                sanitize::code(&finding.rule_id, MAX_NAME)
            )
        })
        .collect();
    if findings.len() > max {
        lines.push(format!("- and {} more", numbers::grouped((findings.len() - max) as u64)));
    }
    Some(fold(&numbers::count(findings.len(), one, many), &lines.join("\n")))
}

pub(super) fn shortened(title: &str) -> String {
    title.chars().take(MAX_NAME).collect()
}

pub(super) fn category(category: Category) -> &'static str {
    match category {
        Category::CodeQuality => "Code quality",
        Category::Security => "Security",
        Category::Performance => "Performance",
        Category::BestPractices => "Best practices",
        Category::Energy => "Energy",
    }
}

fn place(finding: &Finding) -> String {
    place_of(&finding.file_path, finding.start_line, finding.end_line)
}

/// `` `a.py` lines 3-4 ``
pub(super) fn place_of(path: &str, start: u32, end: u32) -> String {
    let path = sanitize::code(path, MAX_NAME);
    if end > start { format!("{path} lines {start}-{end}") } else { format!("{path} line {start}") }
}

/// `` `EC-PY-072`, GCI72 ``, linked if the rule's documentation is at a place that comments may link to.
fn rule(finding: &Finding) -> String {
    let id = sanitize::code(&finding.rule_id, MAX_NAME);
    let id = match finding.link.as_deref().and_then(sanitize::link) {
        Some(url) => format!("[{id}]({url})"),
        None => id,
    };
    let aliases = finding.aliases.iter().take(5).map(|alias| sanitize::text(&shortened(alias)));
    std::iter::once(id).chain(aliases.filter(|alias| !alias.is_empty())).collect::<Vec<_>>().join(", ")
}
