//! How results are told to a model: compact words, bounded. A finding has an id by its place among turn 0's findings.

use eco_coder_analyzer::Finding;

use crate::diff::view::name;
use crate::report::ordered;
use crate::results::{CodeAnalysis, PerformanceProfile, Profiled};
use crate::tools::ToolOutput;

/// Findings that are listed; the lighter ones are counted.
const MAX_LISTED: usize = 60;
/// The longest piece of a result, characters; what is beyond is cut, and said to be.
pub(super) const MAX_TOLD: usize = 30_000;

/// One line for each of the heaviest findings: `F1 High Performance a.py:3-4 Query in a loop (EC-PY-072)`.
pub(super) fn findings(analysis: &CodeAnalysis) -> String {
    let all = ordered(analysis);
    let mut lines: Vec<String> =
        all.iter().take(MAX_LISTED).zip(1..).map(|(finding, n)| format!("F{n} {}\n", line(finding))).collect();
    if all.len() > MAX_LISTED {
        lines.push(format!("and {} lighter ones\n", all.len() - MAX_LISTED));
    }
    lines.concat()
}

fn line(finding: &Finding) -> String {
    let Finding { severity, category, file_path, start_line, end_line, title, rule_id, .. } = finding;
    let lines = if end_line > start_line { format!("{start_line}-{end_line}") } else { start_line.to_string() };
    format!("{severity} {category} {}:{lines} {title} ({rule_id})", name(file_path))
}

/// The answer to a call of the model's. `turn_zero` gives findings their ids.
pub(super) fn output(output: &ToolOutput, turn_zero: Option<&CodeAnalysis>) -> String {
    let text = match output {
        ToolOutput::AnalyzeCode(analysis) => explained(analysis, turn_zero),
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    cut(text, MAX_TOLD, "The result was cut here: there was more. Ask for less at once.")
}

/// Findings with what their rules say.
fn explained(analysis: &CodeAnalysis, turn_zero: Option<&CodeAnalysis>) -> String {
    let known = turn_zero.map(ordered).unwrap_or_default();
    let mut out = vec![format!(
        "Findings: {}, in files looked at: {}\n",
        analysis.total_recommendations, analysis.files_analyzed
    )];
    for finding in ordered(analysis) {
        let id = known.iter().position(|other| other.fingerprint == finding.fingerprint);
        let id = id.map(|at| format!("F{} ", at + 1)).unwrap_or_default();
        let Finding { description, recommendation, evidence, .. } = finding;
        let evidence = evidence.as_deref().unwrap_or_default();
        out.push(format!("{id}{}: {description} {recommendation} {evidence}\n", line(finding)));
    }
    out.concat()
}

/// What was measured, and of what.
pub(super) fn measured(profiled: &Profiled) -> String {
    match profiled {
        Profiled::Nothing { .. } => "Nothing was measured.".to_owned(),
        Profiled::Measured(profile) => {
            let PerformanceProfile { deployed_service, .. } = &**profile;
            let what = if deployed_service.is_some() { "the deployed service, not this change" } else { "the head" };
            let json = serde_json::to_string(profile).unwrap_or_default();
            format!("Profile of {what}: {}", cut(json, 6_000, "(cut)"))
        }
    }
}

/// All of it up to `most` characters.
pub(super) fn cut(mut text: String, most: usize, note: &str) -> String {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('\n');
        text.push_str(note);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_told_whole_up_to_the_bound_and_cut_one_past_it() {
        let whole = "é".repeat(MAX_TOLD);
        assert_eq!(cut(whole.clone(), MAX_TOLD, "more"), whole);
        assert_eq!(cut(format!("{whole}é"), MAX_TOLD, "more"), format!("{whole}\nmore"));
    }
}
