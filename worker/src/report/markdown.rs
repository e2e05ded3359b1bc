//! The comment: a report as Markdown. The verdict first, in words; then what was measured, the findings by weight, and,
//! folded, the rest. Every number comes from the report; every name and every word that isn't ours is made inert. The
//! hidden marker is not written here.

mod benchmarks;
mod changed;
mod check;
mod deployed;
mod findings;
mod folds;
mod footer;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod hint;
mod measured;
mod model;
mod numbers;
mod passing;
mod verdict;

#[cfg(test)]
mod tests;

pub use check::{check_summary, is_plain_url};
pub use hint::ProfileHint;
pub use verdict::summary_line;

use eco_coder_analyzer::Finding;

use super::{ModelSection, Report, Section};
use crate::publish::sanitize;
use crate::results::ErrorType;

/// How much is shown, and where to read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderOptions {
    /// Findings shown in full, heaviest first.
    pub max_findings_shown: usize,
    /// Lines in each folded list.
    pub max_folded: usize,
    /// What is said if nothing was measured.
    pub profile_hint: ProfileHint,
    /// Where flame graphs can be seen, an `https` address of the operator's: what lies below it is linked.
    pub flame_graphs_url: Option<String>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { max_findings_shown: 10, max_folded: 50, profile_hint: ProfileHint::Off, flame_graphs_url: None }
    }
}

/// Longest path, function name or reason in running text, in characters.
const MAX_NAME: usize = 120;
/// Sentences about the repository's settings.
const MAX_NOTICES: usize = 5;

/// The report as the Markdown of a comment, without the marker.
pub fn render(report: &Report, options: &RenderOptions) -> String {
    let (mend, remarks) = weighed(report);
    let mut parts = vec![format!("### Eco-Coder: {}", verdict::title(report)), verdict::first_words(report)];
    parts.extend(failures(report));
    parts.extend(benchmarks::table(report));
    parts.extend(measured::table(report));
    parts.extend(changed::table(report));
    let shown = options.max_findings_shown.min(mend.len());
    parts.extend(mend[..shown].iter().zip(1..).map(|(finding, number)| {
        let remarks: Vec<String> =
            model::why(report, finding).into_iter().chain(verdict::is_new(report, finding)).collect();
        findings::full(number, finding, &remarks)
    }));
    parts.extend(findings::folded(&mend[shown..], "more finding", "more findings", options.max_folded));
    parts.extend(model::findings(report, options.max_findings_shown.saturating_sub(shown)));
    parts.extend(findings::folded(&remarks, "remark of low weight", "remarks of low weight", options.max_folded));
    parts.extend(passing::section(report));
    parts.extend(deployed::section(report));
    parts.extend(changed::of_a_service(report));
    parts.extend(deployed::recommendations(report));
    parts.extend(model::words(report));
    parts.extend(folds::not_looked_at(report, options.max_folded));
    parts.extend(benchmarks::method(report));
    parts.extend(folds::method(report, options));
    parts.extend(hint::section(report, options));
    parts.push(footer::footer(report));
    parts.join("\n\n")
}

/// The findings that are to be mended (medium and heavier), and those that are remarks.
fn weighed(report: &Report) -> (Vec<&Finding>, Vec<&Finding>) {
    report.findings().into_iter().partition(|finding| finding.severity >= eco_coder_analyzer::Severity::Medium)
}

/// What failed or is missing, a paragraph each, before anybody asks.
fn failures(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    match &report.quality {
        Section::Failed { error_type, why } => {
            let mut text = unavailable("Code quality analysis", *error_type, why);
            if measured::measurement(report).is_some() {
                text.push_str(" The performance results are below.");
            }
            out.push(text);
        }
        Section::Present(analysis) if analysis.is_partial() => {
            let reason = analysis.reason.as_deref().map(words).filter(|reason| !reason.is_empty());
            let gaps = analysis.skipped.iter().filter(|file| file.gap).count();
            let mut text = match reason {
                Some(reason) => format!("Code analysis is incomplete: {}", sentence(&reason)),
                None => "Code analysis is incomplete.".to_owned(),
            };
            if gaps > 0 {
                text.push_str(" What is missing is listed below.");
            }
            out.push(text);
        }
        _ => {}
    }
    let notices = report.quality.present().map(|analysis| analysis.notices.as_slice()).unwrap_or_default();
    out.extend(notices.iter().take(MAX_NOTICES).map(|notice| sentence(&words(notice))));
    if notices.len() > MAX_NOTICES {
        out.push(format!("And {} more like that.", numbers::grouped((notices.len() - MAX_NOTICES) as u64)));
    }
    if let Section::Failed { error_type, why } = &report.performance {
        out.push(unavailable("Performance profile", *error_type, why));
    }
    if let (Section::Failed { error_type, why }, Some(_)) = (&report.carbon, report.performance.present()) {
        out.push(unavailable("CO2e of the measurement", *error_type, why));
    }
    if let ModelSection::Unfinished { why, .. } = &report.model {
        out.push(format!(
            "The model's part is missing: {} Everything here comes from the tools.",
            sentence(&words(why))
        ));
    }
    out
}

fn unavailable(what: &str, error_type: ErrorType, why: &str) -> String {
    let kind = match error_type {
        ErrorType::Timeout => "timeout",
        ErrorType::Throttle => "throttled",
        ErrorType::ApiError => "service error",
        ErrorType::ValidationError => "invalid request",
    };
    let why = words(why);
    if why.is_empty() {
        format!("{what} unavailable ({kind}).")
    } else {
        format!("{what} unavailable ({kind}): {}", sentence(&why))
    }
}

/// A reason from a tool: text, inert, on one line.
fn words(reason: &str) -> String {
    let short: String = reason.chars().take(2 * MAX_NAME).collect();
    sanitize::text(&short)
}

/// With a full stop.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
}

/// A folded part; the summary is our own text, never a name.
fn fold(summary: &str, content: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{content}\n\n</details>")
}

/// The reviewed commit's first digits, as code.
fn head(report: &Report) -> String {
    format!("`{}`", report.target.head_sha.short())
}
