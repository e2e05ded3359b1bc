//! The embedded analysis of a pull request: fetches the changed files at the head, has them analysed on their changed
//! lines, and says what it did not look at.
//!
//! Over all reviews at most [`FETCHES`] files are fetched at once and at most `source_bytes` of source are held, both
//! given in turns between repositories. The permit for source travels with the text, into the analysis too, and is of
//! the size that is held; when [`analyze`](Embedded::analyze) returns, its review holds none.

mod outcome;
mod source;

use std::sync::Arc;
use std::time::Duration;

use eco_coder_analyzer::{Finding, Fix, Limits, Options, skip_path};
use eco_coder_github::{Content, GitHub};
use eco_coder_shared::ids::CommitSha;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use globset::{Glob, GlobSet, GlobSetBuilder};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use self::outcome::{Looked, Missing, Skip, Tally, failure, skip_of, skipped};
use self::source::{Base, Source};
use super::cpu::budget::CpuBudget;
use super::cpu::{CpuPool, NoResult};
use crate::gate::{Gate, Permit};
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
    settings: Settings,
    digest: String,
}

impl Embedded {
    /// With at most `source_bytes` of source at once.
    pub fn new(github: GitHub, pool: CpuPool, source_bytes: usize, settings: Settings) -> Self {
        let digest = digest(&settings);
        Self { github, pool, source: Gate::new(source_bytes), fetches: Gate::new(FETCHES), settings, digest }
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
                Some(looked) => done.add(looked),
                None if files.len() < self.settings.max_files => files.push(file),
                None => {
                    done.add(skipped(file, &"beyond the number of files looked at (analysis.max_files)", Skip::Limit));
                }
            }
        }
        // A look begins when there is room for it: one that waits costs its path, not a future.
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
                    done.add(looked);
                }
            }
        };
        if timed_out {
            // Its own time is bounded by its CPU budget: what is missing waited, for GitHub or for others' reviews. Without
            // a fault it would count as done, and never be looked at.
            let missed = files.iter().zip(seen).filter(|(_, seen)| !seen);
            missed.for_each(|(file, _)| done.add(skipped(file, &"the time for the analysis was up", Skip::Fault)));
        }
        Ok(done.into_analysis(subject, timed_out))
    }

    /// The mends of these findings. What can't be fetched again has none.
    pub async fn mends(&self, subject: &Subject, findings: &[&Finding]) -> Vec<(Finding, Fix)> {
        let budget = self.budget(Duration::ZERO);
        let Ok((compiled, _)) = self.compiled(subject, &budget).await else { return Vec::new() };
        let mut mends = Vec::new();
        let wanted = |file: &&SubjectFile| findings.iter().any(|finding| finding.file_path == file.path);
        // Where GitHub gives no patch, it takes no comments on lines.
        let shown = |file: &&SubjectFile| matches!(file.change, Change::Lines(_));
        for file in subject.files.iter().filter(wanted).filter(shown) {
            let (Looked::At(analysis), _) = self.look_at(subject, file, &compiled, &budget).await else { continue };
            let is_wanted = |found: &Finding| findings.iter().any(|finding| finding.fingerprint == found.fingerprint);
            let mended = analysis.findings.into_iter().filter(is_wanted);
            mends.extend(mended.filter_map(|mut finding| finding.fix.take().map(|fix| (finding, fix))));
        }
        mends
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

    /// Fetches and analyses one file; with the CPU time that it took.
    async fn look_at(
        &self,
        subject: &Subject,
        file: &SubjectFile,
        compiled: &Compiled,
        budget: &CpuBudget,
    ) -> (Looked, Duration) {
        let mut took = Duration::ZERO;
        let looked =
            self.analysed(subject, file, compiled, budget, &mut took).await.unwrap_or_else(|why| why.into_looked(file));
        (looked, took)
    }

    async fn analysed(
        &self,
        subject: &Subject,
        file: &SubjectFile,
        compiled: &Compiled,
        budget: &CpuBudget,
        took: &mut Duration,
    ) -> Result<Looked, Missing> {
        let repository = subject.target.repository_id;
        if budget.is_spent() {
            return Err(Missing::NoResult(NoResult::BudgetSpent));
        }
        let (source, changed) = match &file.change {
            // Not reached: there is nothing to look at.
            Change::Nothing => return Err(Missing::NotAFile),
            Change::Unreadable(e) => {
                return Ok(skipped(file, &format!("its patch can't be read: {e}"), Skip::Limit));
            }
            Change::Lines(lines) => {
                let place = self.fetches.acquire(repository, 1).await;
                let source = self.source_of(subject, file).await?;
                drop(place);
                (source, lines.clone())
            }
            Change::Unknown => {
                let place = self.fetches.acquire(repository, 1).await;
                let mut source = self.source_of(subject, file).await?;
                let base = self.base_of(subject, file).await?;
                drop(place);
                // GitHub gives no patch for large changes: both versions are compared here.
                let compare = move |left| {
                    let lines = source.lines_not_in(base, left);
                    (source, lines)
                };
                let ((source, lines), time) = self.pool.run(repository, budget, compare).await?;
                *took += time;
                (source, lines.ok_or(Missing::TooManyLines)?)
            }
        };
        let path = file.path.clone();
        let options = compiled.options(&path, &self.settings.options);
        let limits = Limits { max_bytes: self.settings.max_file_bytes, ..Limits::default() };
        let work = move |left: Duration| {
            let limits = Limits { time: limits.time.min(left), ..limits };
            eco_coder_analyzer::analyze(&path, source.text(), Some(&changed), &options, &limits)
        };
        let (analysis, time) = self.pool.run(repository, budget, work).await?;
        *took += time;
        Ok(match analysis {
            Ok(analysis) => Looked::At(Box::new(analysis)),
            Err(reason) => skipped(file, &reason, skip_of(&reason)),
        })
    }

    /// The text at the head, with the permit for all that will be held of it.
    async fn source_of(&self, subject: &Subject, file: &SubjectFile) -> Result<Source, Missing> {
        let permit = self.source.acquire(subject.target.repository_id, source::reserved(self.settings.max_file_bytes));
        let permit: Permit = permit.await;
        let text = self.fetch(subject, &file.path, &subject.target.head_sha).await?;
        let compared = file.change == Change::Unknown;
        Ok(Source::new(text, permit, if compared { self.settings.max_file_bytes } else { 0 }))
    }

    /// The text that the branch began with; it is held under the permit of the text at the head.
    async fn base_of(&self, subject: &Subject, file: &SubjectFile) -> Result<Base, Missing> {
        let before = file.previous_path.as_deref().unwrap_or(&file.path);
        match self.fetch(subject, before, &subject.target.merge_base_sha).await {
            Ok(base) => Ok(Base(base)),
            Err(Missing::NotAFile | Missing::NotFound) => Ok(Base(String::new())),
            Err(other) => Err(other),
        }
    }

    async fn fetch(&self, subject: &Subject, path: &str, sha: &CommitSha) -> Result<String, Missing> {
        let limit = self.settings.max_file_bytes;
        match self.github.content(subject.repository(), path, sha, limit).await {
            Ok(Content::Found(bytes)) => String::from_utf8(bytes.into()).map_err(|_| Missing::NotText),
            Ok(Content::TooLarge) => Err(Missing::TooLarge(limit)),
            Ok(Content::NotAFile) => Err(Missing::NotAFile),
            Ok(Content::NotFound) => Err(Missing::NotFound),
            Err(error) => Err(Missing::Api(error)),
        }
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
