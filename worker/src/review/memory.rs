//! What is remembered of a pull request's last review, so that reviews converge: which findings it had, to say which are fixed,
//! and what the model said of which patches, so that it isn't asked again about what hasn't changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eco_coder_shared::ids::{CommitSha, PullKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::report::{ModelPart, Report, SCHEMA, Since};
use crate::store::ResultKey;

/// How long it is remembered: 90 days.
pub(super) const KEPT: Duration = Duration::from_hours(24 * 90);

/// A pull request's last review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    schema: u32,
    /// What was reviewed.
    head: CommitSha,
    /// What the tools found.
    findings: Vec<Found>,
    /// What the model said, if it came to its report.
    pub model: Option<Remark>,
}

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    fingerprint: String,
    file_path: String,
}

/// What a model said, and of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// Which model, with which prompt.
    pub asked: String,
    /// What it said.
    pub part: ModelPart,
    /// Digests of the patches that it saw whole, by path.
    pub patches: BTreeMap<String, String>,
}

/// The name it is stored under.
pub(super) fn key(pull: PullKey) -> ResultKey {
    ResultKey(hex::encode(Sha256::digest(format!("memory of {pull}"))))
}

impl Memory {
    /// Of this report; `model` is what stands of the model's words.
    pub fn of(report: &Report, model: Option<Remark>) -> Self {
        let found = report
            .findings()
            .into_iter()
            .map(|finding| Found { fingerprint: finding.fingerprint.clone(), file_path: finding.file_path.clone() });
        Self { schema: SCHEMA, head: report.target.head_sha.clone(), findings: found.collect(), model }
    }

    /// Is it of this build's form?
    pub fn is_current(&self) -> bool {
        self.schema == SCHEMA
    }

    /// Nothing that a next review could build on.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.model.is_none()
    }

    /// How the report's findings differ from those of this one. `None`: it is the same head, or it can't be said.
    pub fn since(&self, report: &Report) -> Option<Since> {
        let analysis = report.quality.present()?;
        // Of those that are left out nobody can say whether they are fixed.
        if self.head == report.target.head_sha || analysis.recommendations.len() < analysis.total_recommendations {
            return None;
        }
        let unseen: BTreeSet<&str> =
            analysis.skipped.iter().filter(|file| file.gap).map(|file| file.path.as_str()).collect();
        let now: BTreeSet<&str> = analysis.recommendations.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let before: BTreeSet<&str> = self.findings.iter().map(|found| found.fingerprint.as_str()).collect();
        let gone = self.findings.iter().filter(|found| !now.contains(found.fingerprint.as_str()));
        let fixed = gone.filter(|found| !unseen.contains(found.file_path.as_str())).count();
        let new = now.iter().filter(|fingerprint| !before.contains(*fingerprint));
        let new: Vec<String> = new.map(|fingerprint| (*fingerprint).to_owned()).collect();
        Some(Since { head: self.head.clone(), fixed, remaining: now.len() - new.len(), new })
    }
}

impl Remark {
    /// What it said that still holds: of files whose patch is the one that was reviewed.
    pub fn standing(&self, is_known: impl Fn(&str) -> bool, report: &Report) -> ModelPart {
        let mut part = self.part.clone();
        part.further.retain(|finding| is_known(&finding.file_path));
        let findings = report.findings();
        part.important.retain(|emphasis| {
            findings.iter().any(|f| f.fingerprint == emphasis.fingerprint && is_known(&f.file_path))
        });
        part
    }
}

/// A new part with what stands of the one before.
pub fn joined(mut new: ModelPart, old: ModelPart) -> ModelPart {
    for finding in old.further {
        let is_there = |other: &crate::report::ModelFinding| {
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
