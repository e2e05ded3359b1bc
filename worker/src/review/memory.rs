//! What is remembered of a pull request's last review, so that reviews converge: which findings it had, to say which are fixed,
//! and what the model said of which patches, so that it isn't asked again about what hasn't changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eco_coder_analyzer::Severity;
use eco_coder_shared::ids::{CommitSha, PullKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::report::{ModelFinding, ModelPart, Report, SCHEMA, Since};
use crate::results::ReviewStatus;
use crate::store::ResultKey;
use crate::tools::post_github_comment::Advice;

/// How long it is remembered: 90 days.
pub(super) const KEPT: Duration = Duration::from_hours(24 * 90);

/// A pull request's last review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    schema: u32,
    /// The last head of which all was seen that can be.
    complete: Option<Complete>,
    /// What the model said, if it came to its report.
    pub model: Option<Remark>,
    /// Suggestions of ours may stand on lines.
    #[serde(default)]
    pub suggested: bool,
}

/// A review that saw everything: only two of those can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Complete {
    head: CommitSha,
    /// Fingerprints of what the tools found.
    findings: BTreeSet<String>,
    /// Findings muted in the source.
    muted: u32,
    /// The one before it, for when the same head is reviewed again.
    before: Option<Box<Complete>>,
}

/// What a model said, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Which model, with which prompt.
    pub asked: String,
    /// What it said.
    pub part: ModelPart,
    /// Digests of the patches that it saw, by path.
    pub patches: BTreeMap<String, String>,
}

/// The name it is stored under.
pub(super) fn key(pull: PullKey) -> ResultKey {
    ResultKey(hex::encode(Sha256::digest(format!("memory of {pull}"))))
}

impl Memory {
    /// After this report; `model` is what stands of the model's words. `None`: there is nothing to remember, nor was there.
    pub fn after(last: Option<&Self>, report: &Report, model: Option<Remark>) -> Option<Self> {
        let before = last.and_then(|last| last.complete.as_ref());
        let complete = Complete::of(report, before).or_else(|| before.cloned());
        let is_empty = model.is_none() && complete.as_ref().is_none_or(|complete| complete.findings.is_empty());
        let suggested = last.is_some_and(|last| last.suggested);
        (last.is_some() || !is_empty).then_some(Self { schema: SCHEMA, complete, model, suggested })
    }

    /// Is it of this build's form?
    pub fn is_current(&self) -> bool {
        self.schema == SCHEMA
    }

    /// How the report's findings differ from those of the last head. `None`: it can't be said.
    pub fn since(&self, report: &Report) -> Option<Since> {
        let complete = self.complete.as_ref()?;
        let before = complete.other_than(&report.target.head_sha)?;
        let now = Complete::of(report, None)?;
        let gone = before.findings.difference(&now.findings).count();
        // A finding that was muted is gone, and not mended.
        let muted = usize::try_from(now.muted.saturating_sub(before.muted)).unwrap_or(usize::MAX);
        let new: Vec<String> = now.findings.difference(&before.findings).cloned().collect();
        let remaining = now.findings.len() - new.len();
        Some(Since { head: before.head.clone(), fixed: gone.saturating_sub(muted), remaining, new })
    }
}

impl Complete {
    fn of(report: &Report, before: Option<&Self>) -> Option<Self> {
        let analysis = report.quality.present().filter(|analysis| analysis.status == ReviewStatus::Completed)?;
        let head = report.target.head_sha.clone();
        let before =
            before.and_then(|before| before.other_than(&head)).map(|before| Self { before: None, ..before.clone() });
        let findings = analysis.recommendations.iter().map(|finding| finding.fingerprint.clone()).collect();
        Some(Self { head, findings, muted: analysis.suppressed, before: before.map(Box::new) })
    }

    /// This one, or the one before it if this is of the same head.
    fn other_than(&self, head: &CommitSha) -> Option<&Self> {
        if self.head == *head { self.before.as_deref() } else { Some(self) }
    }
}

impl Remark {
    /// The findings of files whose patch is the one that was reviewed.
    pub fn further(&self, is_known: impl Fn(&str) -> bool) -> Vec<&ModelFinding> {
        self.part.further.iter().filter(|finding| is_known(&finding.file_path)).collect()
    }

    /// What it said that still holds. If some of it doesn't, the words about all of it don't.
    pub fn standing(&self, is_known: impl Fn(&str) -> bool, report: &Report) -> Option<ModelPart> {
        let mut part = self.part.clone();
        part.further.retain(|finding| is_known(&finding.file_path));
        let findings = report.findings();
        part.important.retain(|emphasis| {
            findings.iter().any(|f| f.fingerprint == emphasis.fingerprint && is_known(&f.file_path))
        });
        let is_whole =
            part.further.len() == self.part.further.len() && part.important.len() == self.part.important.len();
        if !is_whole || self.patches.keys().any(|path| !is_known(path)) {
            part.summary.clear();
            part.suggestions.clear();
            part.dropped = 0;
            part.verdict = floor(&part);
        }
        (is_whole || !part.further.is_empty() || !part.important.is_empty()).then_some(part)
    }
}

/// The least that is advised while these findings stand.
fn floor(part: &ModelPart) -> Advice {
    match part.further.iter().map(|finding| finding.severity).max() {
        Some(severity) if severity >= Severity::High => Advice::Mend,
        Some(_) => Advice::Consider,
        None if !part.important.is_empty() => Advice::Consider,
        None => Advice::Fine,
    }
}

/// A new part with what stands of the one before.
pub fn joined(mut new: ModelPart, old: ModelPart) -> ModelPart {
    new.verdict = new.verdict.max(floor(&old));
    for finding in old.further {
        let is_there = |other: &ModelFinding| {
            (&other.file_path, other.line, &other.title) == (&finding.file_path, finding.line, &finding.title)
        };
        if !new.further.iter().any(is_there) {
            new.further.push(finding);
        }
    }
    new.further.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for emphasis in old.important {
        if !new.important.iter().any(|other| other.fingerprint == emphasis.fingerprint) {
            new.important.push(emphasis);
        }
    }
    new
}

#[cfg(test)]
mod tests;
