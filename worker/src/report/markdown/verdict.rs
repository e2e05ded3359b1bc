//! The verdict in words: the title, the sentence that an e-mail's reader sees first, and the line of the commit status.

use eco_coder_analyzer::{Finding, Severity};

use super::{benchmarks, changed, deployed, head, measured, numbers, sentence, weighed, words};
use crate::report::{Report, Section};
use crate::results::CodeAnalysis;

/// The longest description of a commit status on GitHub, in characters.
const MAX_STATUS: usize = 140;

/// What the review comes to: `2 things to mend; code analysis incomplete`.
pub(super) fn title(report: &Report) -> String {
    titled(report, true)
}

/// `named`: with names that aren't ours, made inert.
fn titled(report: &Report, named: bool) -> String {
    let (mend, remarks) = weighed(report);
    let mut title = match &report.quality {
        Section::Failed { .. } => return format!("code analysis unavailable{}", unmeasured(report)),
        Section::Absent { .. } => "no code to look at".to_owned(),
        Section::Present(_) if !mend.is_empty() => numbers::count(mend.len(), "thing to mend", "things to mend"),
        Section::Present(analysis) if saw_nothing(analysis) => "no code was looked at".to_owned(),
        // Who hasn't seen everything can't say that there is nothing.
        Section::Present(analysis) if analysis.is_partial() => "nothing to mend in what was seen".to_owned(),
        Section::Present(_) => "nothing to mend".to_owned(),
    };
    if mend.is_empty() && !remarks.is_empty() {
        title = format!("{title}, {}", numbers::count(remarks.len(), "remark", "remarks"));
    }
    title.push_str(&benchmarks::title(report, named));
    if report.quality.present().is_some_and(CodeAnalysis::is_partial) {
        title.push_str("; code analysis incomplete");
    }
    title.push_str(unmeasured(report));
    match report.model_part().map_or(0, |part| part.further.len()) {
        0 => title,
        further => format!("{title}; {} by the model", numbers::count(further, "suggestion", "suggestions")),
    }
}

/// `Since `a1b2c3d`: 2 fixed, 1 still there, 1 new.`
fn since(report: &Report) -> Option<String> {
    let since = report.since.as_ref().filter(|since| since.fixed + since.remaining + since.new.len() > 0)?;
    let counted = [(since.fixed, "fixed"), (since.remaining, "still there"), (since.new.len(), "new")];
    let counted =
        counted.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", numbers::grouped(*n as u64)));
    Some(format!("Since `{}`: {}.", since.head.short(), counted.collect::<Vec<_>>().join(", ")))
}

/// Said of a finding that the last review didn't have, if it had others.
pub(super) fn is_new(report: &Report, finding: &Finding) -> Option<String> {
    let since = report.since.as_ref().filter(|since| since.remaining > 0)?;
    since.new.contains(&finding.fingerprint).then(|| format!("New since `{}`.", since.head.short()))
}

/// It should have looked at something, and could not.
fn saw_nothing(analysis: &CodeAnalysis) -> bool {
    analysis.is_partial() && analysis.files_analyzed == 0
}

fn unmeasured(report: &Report) -> &'static str {
    if matches!(report.performance, Section::Failed { .. }) { "; profile unavailable" } else { "" }
}

/// One line without anything that isn't ours, for the commit status: at most 140 characters.
pub fn summary_line(report: &Report) -> String {
    let mut line = titled(report, false);
    if let Some(first) = line.get(..1).map(str::to_uppercase) {
        line.replace_range(..1, &first);
    }
    let (mend, _) = weighed(report);
    let longer = match (&report.quality, mend.is_empty()) {
        (Section::Present(_), false) => format!("{line} ({})", severities(&mend)),
        (Section::Present(analysis), true) => {
            format!("{line} ({})", numbers::count(analysis.files_analyzed, "file", "files"))
        }
        _ => line.clone(),
    };
    let line = if longer.chars().count() <= MAX_STATUS { longer } else { line };
    line.chars().take(MAX_STATUS).collect()
}

/// What to know first: the measurement, then the findings by weight.
pub(super) fn parts(report: &Report) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(benchmarks::sentence(report));
    parts.extend(measured::sentence(report));
    parts.extend(changed::first_words(report));
    let (mend, remarks) = weighed(report);
    match &report.quality {
        // Said among the failures.
        Section::Present(analysis) if saw_nothing(analysis) => {}
        Section::Present(analysis) => {
            let files = numbers::count(analysis.files_analyzed, "file", "files");
            parts.push(if mend.is_empty() && remarks.is_empty() {
                format!("{files} at {}, no finding on the changed lines.", head(report))
            } else {
                let all: Vec<&Finding> = if mend.is_empty() { remarks } else { mend };
                format!("{files} at {}: {} on the changed lines.", head(report), severities(&all))
            });
        }
        Section::Absent { why } => parts.push(sentence(&format!("At {}: {}", head(report), words(why)))),
        // Said among the failures.
        Section::Failed { .. } => {}
    }
    parts.extend(since(report));
    if deployed::measurement(report).is_some() {
        parts.push("Nothing of this pull request was measured; the deployed service's profile is below.".to_owned());
    }
    parts
}

/// The paragraph below the title.
pub(super) fn first_words(report: &Report) -> String {
    let mut parts = parts(report);
    if parts.is_empty() {
        parts.push(format!("Nothing could be said about {}.", head(report)));
    }
    parts.join(" ")
}

/// `1 high, 2 medium`.
pub(super) fn severities(findings: &[&Finding]) -> String {
    let all = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counted = all.into_iter().filter_map(|severity| {
        let number = findings.iter().filter(|finding| finding.severity == severity).count();
        (number > 0).then(|| format!("{} {}", numbers::grouped(number as u64), severity.as_str().to_lowercase()))
    });
    counted.collect::<Vec<_>>().join(", ")
}
