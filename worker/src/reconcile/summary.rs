//! What a run did, for the log, for operators, and for the next run.

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use eco_coder_shared::job::Cause;
use serde::Serialize;

/// Entries of each list that are told; the numbers count all.
const TOLD: usize = 100;

/// A hint that was sent, or would be in a dry run.
#[derive(Debug, Clone, Serialize)]
pub struct Hint {
    /// Where.
    pub repository: RepoName,
    /// Which.
    pub pull_request: PullNumber,
    /// Its head.
    pub head_sha: CommitSha,
    /// What was missed: `sweep`, `comment_gone` or `late_write`.
    pub cause: Cause,
}

/// Something that was left out of this run.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    /// What.
    pub what: String,
    /// Why, and until when.
    pub why: String,
}

/// One run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// When it began, ms since 1970.
    pub started: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// Nothing was sent.
    pub dry_run: bool,
    /// Repositories whose open pull requests were looked at.
    pub repositories: u32,
    /// Pull requests that had changed since.
    pub pulls_changed: u32,
    /// Comments that were looked for.
    pub comments: u32,
    /// Requests with a new answer.
    pub calls_fresh: u32,
    /// Requests that found nothing new: they cost nothing of the hourly limit.
    pub calls_unchanged: u32,
    /// Deliveries that were asked for again.
    pub redelivered: u32,
    /// Their guids, the first hundred.
    pub redeliveries: Vec<String>,
    /// Hints that were sent.
    pub hinted: u32,
    /// The first hundred.
    pub hints: Vec<Hint>,
    /// What was left out, the first hundred.
    pub skipped: Vec<Skipped>,
    /// Why it ended before its end; the next run goes on there.
    pub stopped: Option<String>,
}

impl Summary {
    pub(super) fn hint(&mut self, hint: Hint) {
        self.hinted += 1;
        if self.hints.len() < TOLD {
            self.hints.push(hint);
        }
    }

    pub(super) fn redelivery(&mut self, guid: &str) {
        self.redelivered += 1;
        if self.redeliveries.len() < TOLD {
            self.redeliveries.push(guid.to_owned());
        }
    }

    pub(super) fn skip(&mut self, what: &str, why: &dyn std::fmt::Display) {
        if self.skipped.len() < TOLD {
            self.skipped.push(Skipped { what: what.to_owned(), why: why.to_string() });
        }
    }

    pub(super) fn log(&self) {
        for Skipped { what, why } in &self.skipped {
            tracing::warn!(component = "reconcile", what, why, "left out of this run");
        }
        tracing::info!(
            component = "reconcile",
            repositories = self.repositories,
            pulls_changed = self.pulls_changed,
            comments = self.comments,
            calls_fresh = self.calls_fresh,
            calls_unchanged = self.calls_unchanged,
            redelivered = self.redelivered,
            hinted = self.hinted,
            dry_run = self.dry_run,
            stopped = self.stopped.as_deref().unwrap_or_default(),
            "reconciled"
        );
    }
}
