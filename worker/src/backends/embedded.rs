//! The embedded analysis of a pull request: fetches the changed files at the head, has them analysed on their changed
//! lines, and says what it did not look at.
//!
//! Over all reviews at most [`FETCHES`] files are fetched at once and at most `source_bytes` of source are held, both
//! given in turns between repositories. The permit for source travels with the text, into the analysis too, and is of
//! the size that is held; when [`analyze`](Embedded::analyze) returns, its review holds none.

mod look;
mod outcome;
mod passing;
mod source;

use std::sync::Arc;
use std::time::Duration;

use eco_coder_analyzer::{Options, skip_path};
use eco_coder_github::GitHub;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use globset::{Glob, GlobSet, GlobSetBuilder};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::outcome::{Looked, Skip, Tally, failure, skip_of, skipped};
use self::passing::Room;
use super::cpu::budget::CpuBudget;
use super::cpu::{CpuPool, NoResult};
use crate::gate::Gate;
use crate::repository::Compiled;
use crate::results::{CodeAnalysis, ToolError};
use crate::subject::{Change, Subject, SubjectFile};

/// Files fetched at once over all reviews. GitHub answers one in about 100 ms: 32 at once are 320 files a second, as
/// many as two cores analyse. It is half of the reads that the client has under way at once, so that reviews which only
/// ask what is head aren't held up by others' files.
pub const FETCHES: usize = 32;

/// Paths that are left out, as written and compiled.
#[derive(Debug, Clone, Default)]
pub struct Exclude {
    patterns: Vec<String>,
    globs: GlobSet,
}

impl Exclude {
    /// Compiles the patterns.
    pub fn new(patterns: &[String]) -> Result<Self, globset::Error> {
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            globs.add(Glob::new(pattern)?);
        }
        Ok(Self { patterns: patterns.to_vec(), globs: globs.build()? })
    }

    /// Is this path left out?
    pub fn is_match(&self, path: &str) -> bool {
        self.globs.is_match(path)
    }
}

/// How the analysis is bounded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Files of one pull request, beside those that are none of our business.
    pub max_files: usize,
    /// Largest file, bytes.
    pub max_file_bytes: usize,
    /// Files fetched at once in one review.
    pub fetch_concurrency: usize,
    /// Paths that are not analysed.
    pub exclude: Exclude,
    /// For all of one pull request.
    pub timeout: Duration,
    /// CPU time of one review, all its calls together.
    pub cpu: Duration,
    /// Rules that are off.
    pub options: Options,
}

/// The engine.
pub struct Embedded {
    github: GitHub,
    pool: CpuPool,
    /// Bytes.
    source: Gate,
    fetches: Gate,
    room: Room,
    settings: Settings,
    digest: String,
}

impl Embedded {
    /// With at most `source_bytes` of source at once.
    pub fn new(github: GitHub, pool: CpuPool, source_bytes: usize, settings: Settings) -> Self {
        let digest = digest(&settings);
        Self {
            github,
            pool,
            source: Gate::new(source_bytes),
            fetches: Gate::new(FETCHES),
            room: Room::new(),
            settings,
            digest,
        }
    }

    /// The same engine on another pool.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn on(self, pool: CpuPool) -> Self {
        Self { pool, ..self }
    }

    /// What results depend on beside the commits: engine, rules and settings.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The operator's choice of rules.
    pub fn options(&self) -> &Options {
        &self.settings.options
    }

    /// The CPU time of one review, of which `spent` is used already.
    pub fn budget(&self, spent: Duration) -> CpuBudget {
        CpuBudget::new(self.settings.cpu.saturating_sub(spent))
    }

    /// Bytes of source that are held or reserved now, over all reviews.
    pub fn source_in_use(&self) -> usize {
        self.source.in_use()
    }

    /// Analyses the changed files, or those of them in `paths`. Partial results at the deadline, and when the CPU budget
    /// is spent.
    pub async fn analyze(
        &self,
        subject: &Subject,
        paths: Option<&[String]>,
        budget: &CpuBudget,
    ) -> Result<CodeAnalysis, ToolError> {
        let deadline = Instant::now() + self.settings.timeout;
        let (compiled, took) = self.compiled(subject, budget).await?;
        let mut done = Tally::new(took, compiled.problems.clone());
        let mut files: Vec<&SubjectFile> = Vec::new();
        for file in subject.files.iter().filter(|file| paths.is_none_or(|paths| paths.contains(&file.path))) {
            match self.none_of_ours(file, &compiled) {
                Some(looked) => done.skip(looked),
                None if files.len() < self.settings.max_files => files.push(file),
                None => {
                    done.skip(skipped(file, &"beyond the number of files looked at (analysis.max_files)", Skip::Limit));
                }
            }
        }
        // A look begins when there is room for it: one that waits costs its path, not a future.
        let mut notes = self.room.notes(files.len());
        let mut next = 0;
        let mut looks = FuturesUnordered::new();
        let mut seen = vec![false; files.len()];
        let timed_out = loop {
            while next < files.len() && looks.len() < self.settings.fetch_concurrency.max(1) {
                let (at, file, compiled) = (next, files[next], &compiled);
                looks.push(async move { (at, self.look_at(subject, file, compiled, budget).await) }.boxed());
                next += 1;
            }
            match tokio::time::timeout_at(deadline, looks.next()).await {
                Ok(None) => break false,
                Err(_) => break true,
                Ok(Some((_, (Looked::Wait(error), _)))) => return Err(failure(&error)),
                Ok(Some((at, (looked, took)))) => {
                    seen[at] = true;
                    done.cpu += took;
                    done.add(looked, &mut notes);
                }
            }
        };
        if timed_out {
            // Its own time is bounded by its CPU budget: what is missing waited, for GitHub or for others' reviews. Without
            // a fault it would count as done, and never be looked at.
            let missed = files.iter().zip(seen).filter(|(_, seen)| !seen);
            missed.for_each(|(file, _)| done.skip(skipped(file, &"the time for the analysis was up", Skip::Fault)));
        }
        // Without time nothing is said in passing.
        let taken = self.pool.run(subject.target.repository_id, budget, move |_| notes.finish());
        if let Ok(Ok((notes, took))) = tokio::time::timeout_at(deadline, taken).await {
            done.cpu += took;
            done.notes = notes;
        }
        Ok(done.into_analysis(subject, timed_out))
    }

    /// What the repository says, ready to be asked; with the CPU time that it took.
    async fn compiled(&self, subject: &Subject, budget: &CpuBudget) -> Result<(Compiled, Duration), ToolError> {
        // Without time nothing is looked at, whatever they say.
        if subject.settings.digest().is_empty() || budget.is_spent() {
            return Ok((Compiled::default(), Duration::ZERO));
        }
        let settings = Arc::clone(&subject.settings);
        let compiled = self.pool.run(subject.target.repository_id, budget, move |_| settings.compile()).await;
        match compiled {
            Ok(compiled) => Ok(compiled),
            Err(NoResult::BudgetSpent) => Ok((Compiled::default(), Duration::ZERO)),
            Err(why @ NoResult::Lost) => Err(ToolError::unavailable(why.to_string())),
        }
    }

    /// By its name and what the list says of it: is it a file to look at?
    fn none_of_ours(&self, file: &SubjectFile, repository: &Compiled) -> Option<Looked> {
        if file.change == Change::Nothing {
            return Some(skipped(file, &"nothing added", Skip::Kind));
        }
        if self.settings.exclude.is_match(&file.path) {
            return Some(skipped(file, &"excluded by the settings", Skip::Kind));
        }
        if repository.exclude().is_match(&file.path) {
            return Some(skipped(file, &"excluded by .eco-coder.toml", Skip::Kind));
        }
        skip_path(&file.path).map(|reason| skipped(file, &reason, skip_of(&reason)))
    }
}

fn digest(settings: &Settings) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(eco_coder_analyzer::rules_digest());
    let Settings { max_files, max_file_bytes, exclude, options, .. } = settings;
    for part in [max_files.to_string(), max_file_bytes.to_string(), exclude.patterns.join("\n"), format!("{options:?}")]
    {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests;
