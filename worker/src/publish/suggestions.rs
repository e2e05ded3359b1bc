//! Mends that can be committed with a click: comments on lines, each with GitHub's `suggestion`. What is written and what goes is
//! decided here, purely; a finding's comment stays while the finding does, and goes with it unless somebody has answered.

use std::collections::{BTreeMap, BTreeSet};

use eco_coder_analyzer::{Finding, Fix};
use eco_coder_github::{NewReviewComment, ReviewComment};

use super::sanitize;

/// The first words of ours.
const MARK: &str = "<!-- eco-coder:suggestion v=1 deployment=";
/// The longest mend, bytes: it is read by a person.
const MAX_REPLACEMENT: usize = 4_000;

/// A finding with its mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    fingerprint: String,
    comment: NewReviewComment,
}

impl Suggestion {
    /// As the deployment writes it; `None` if it is too long to be read, or if a click might change the file's line ends.
    pub fn new(deployment: &str, finding: &Finding, fix: &Fix) -> Option<Self> {
        if fix.replacement.len() > MAX_REPLACEMENT || fix.replacement.contains('\r') {
            return None;
        }
        let fingerprint = finding.fingerprint.clone();
        let marker = format!("{MARK}{deployment} finding={fingerprint} -->");
        let (title, advice) = (sanitize::text(&finding.title), sanitize::line(&finding.recommendation, 600));
        let rule = sanitize::code(&finding.rule_id, 80);
        let fence = fence(&fix.replacement);
        // Without a line in it, the block removes the lines.
        let lines = if fix.replacement.is_empty() { String::new() } else { format!("{}\n", fix.replacement) };
        let (severity, category) = (finding.severity, finding.category);
        let body = format!(
            "{marker}\n**{title}** - {severity}, {category}. {advice} {rule}\n\n{fence}suggestion\n{lines}{fence}"
        );
        let start_line = (fix.start_line < fix.end_line).then_some(fix.start_line);
        let comment = NewReviewComment { path: finding.file_path.clone(), body, start_line, line: fix.end_line };
        Some(Self { fingerprint, comment })
    }
}

/// Longer than any run of backticks in the text, so that nothing in it ends the block.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Comments of ours that go.
    pub delete: Vec<u64>,
    /// Comments to be written.
    pub create: Vec<NewReviewComment>,
}

/// From what stands to what is wanted. `me`: our author id.
pub fn changes(deployment: &str, me: u64, standing: &[ReviewComment], wanted: &[Suggestion]) -> Changes {
    let answered: BTreeSet<u64> = standing.iter().filter_map(|comment| comment.answers).collect();
    let mut missing: BTreeMap<&str, &Suggestion> =
        wanted.iter().map(|suggestion| (suggestion.fingerprint.as_str(), suggestion)).collect();
    let mut delete = Vec::new();
    for comment in standing {
        let Some(finding) = finding_of(deployment, me, comment) else { continue };
        // The oldest that says what is to be said stays; doubles are of a write that came twice.
        let says_it = |wanted: &&Suggestion| comment.line.is_some() && same_body(&wanted.comment.body, &comment.body);
        let stays = missing.get(finding).is_some_and(says_it);
        if stays || (answered.contains(&comment.id) && missing.contains_key(finding)) {
            missing.remove(finding);
        } else if !answered.contains(&comment.id) {
            delete.push(comment.id);
        }
    }
    let still = |suggestion: &&Suggestion| missing.contains_key(suggestion.fingerprint.as_str());
    let create = wanted.iter().filter(still).map(|suggestion| suggestion.comment.clone()).collect();
    Changes { delete, create }
}

/// The finding that a comment of ours is about.
fn finding_of<'a>(deployment: &str, me: u64, comment: &'a ReviewComment) -> Option<&'a str> {
    if comment.author_id != me || comment.answers.is_some() {
        return None;
    }
    let rest = comment.body.strip_prefix(MARK)?.strip_prefix(deployment)?.strip_prefix(" finding=")?;
    rest.split(" -->").next()
}

/// A listed body is the beginning of the whole; GitHub may have changed line ends.
fn same_body(whole: &str, listed: &str) -> bool {
    let plain = |text: &str| text.replace("\r\n", "\n").trim_end().to_owned();
    plain(whole).starts_with(&plain(listed))
}

#[cfg(test)]
mod tests;
