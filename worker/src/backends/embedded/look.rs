//! One file of a pull request: fetched, its changed lines found, analysed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use eco_coder_analyzer::{Finding, Fix, Function, Limits, LineSet, Shape, wants_base};
use eco_coder_github::Content;
use eco_coder_shared::ids::CommitSha;

use super::Embedded;
use super::outcome::{Looked, Missing, Skip, skip_of, skipped};
use super::passing::{Before, Seen};
use super::source::{self, Base, Source};
use crate::backends::cpu::NoResult;
use crate::backends::cpu::budget::CpuBudget;
use crate::gate::Permit;
use crate::repository::Compiled;
use crate::subject::{Change, Subject, SubjectFile};

impl Embedded {
    /// The mends of these findings. What can't be fetched again has none.
    pub async fn mends(&self, subject: &Subject, findings: &[&Finding]) -> Vec<(Finding, Fix)> {
        let budget = self.budget(Duration::ZERO);
        let Ok((compiled, _)) = self.compiled(subject, &budget).await else { return Vec::new() };
        let mut mends = Vec::new();
        let wanted = |file: &&SubjectFile| findings.iter().any(|finding| finding.file_path == file.path);
        // Where GitHub gives no patch, it takes no comments on lines.
        let shown = |file: &&SubjectFile| matches!(file.change, Change::Lines(_));
        for file in subject.files.iter().filter(wanted).filter(shown) {
            let (Looked::At(analysis, _), _) = self.look_at(subject, file, &compiled, &budget).await else { continue };
            let is_wanted = |found: &Finding| findings.iter().any(|finding| finding.fingerprint == found.fingerprint);
            let mended = analysis.findings.into_iter().filter(is_wanted);
            mends.extend(mended.filter_map(|mut finding| finding.fix.take().map(|fix| (finding, fix))));
        }
        mends
    }

    /// Fetches and analyses one file; with the CPU time that it took.
    pub(super) async fn look_at(
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
        let limits = self.limits();
        let lines = changed.clone();
        let work = move |left: Duration| {
            let limits = Limits { time: limits.time.min(left), ..limits };
            eco_coder_analyzer::inspect(&path, source.text(), Some(&lines), &options, &limits)
        };
        let (inspected, time) = self.pool.run(repository, budget, work).await?;
        *took += time;
        Ok(match inspected {
            Ok((analysis, shape)) => {
                let base = self.before(subject, file, &shape, &changed, budget, took).await;
                Looked::At(Box::new(analysis), Box::new(Seen { path: file.path.clone(), shape, changed, base }))
            }
            Err(reason) => skipped(file, &reason, skip_of(&reason)),
        })
    }

    fn limits(&self) -> Limits {
        Limits { max_bytes: self.settings.max_file_bytes, ..Limits::default() }
    }

    /// The file's functions before the change, if it has one now that is worth a word. What can't be had is not known: nothing
    /// is said then of what may have been so before.
    async fn before(
        &self,
        subject: &Subject,
        file: &SubjectFile,
        shape: &Shape,
        changed: &LineSet,
        budget: &CpuBudget,
        took: &mut Duration,
    ) -> Before {
        if !wants_base(shape, Some(changed)) {
            return Before::Unknown;
        }
        self.shape_before(subject, file, budget, took).await
    }

    /// By their paths at the head, what these files were called where the branch left its base, and the functions that they had:
    /// none if a file is new. A file that can't be had is left out. One file is fetched at a time.
    pub async fn functions_before(
        &self,
        subject: &Subject,
        paths: &BTreeSet<&str>,
        budget: &CpuBudget,
    ) -> BTreeMap<String, (String, Vec<Function>)> {
        let (mut all, mut took) = (BTreeMap::new(), Duration::ZERO);
        for file in subject.files.iter().filter(|file| paths.contains(file.path.as_str())) {
            let functions = match self.shape_before(subject, file, budget, &mut took).await {
                Before::Unknown => continue,
                Before::Absent => Vec::new(),
                Before::Known(shape) => shape.functions().to_vec(),
            };
            let called = file.previous_path.as_ref().unwrap_or(&file.path);
            all.insert(file.path.clone(), (called.clone(), functions));
        }
        all
    }

    async fn shape_before(
        &self,
        subject: &Subject,
        file: &SubjectFile,
        budget: &CpuBudget,
        took: &mut Duration,
    ) -> Before {
        if budget.is_spent() {
            return Before::Unknown;
        }
        let repository = subject.target.repository_id;
        let place = self.fetches.acquire(repository, 1).await;
        let permit = self.source.acquire(repository, source::reserved(self.settings.max_file_bytes)).await;
        let path = file.previous_path.clone().unwrap_or_else(|| file.path.clone());
        let text = match self.fetch(subject, &path, &subject.target.merge_base_sha).await {
            Ok(text) => text,
            Err(Missing::NotAFile | Missing::NotFound) => return Before::Absent,
            Err(_) => return Before::Unknown,
        };
        drop(place);
        let base = Source::new(text, permit, 0);
        let limits = self.limits();
        let work = move |left: Duration| {
            let limits = Limits { time: limits.time.min(left), ..limits };
            eco_coder_analyzer::shape(&path, base.text(), &limits)
        };
        match self.pool.run(repository, budget, work).await {
            Ok((Ok(shape), time)) => {
                *took += time;
                Before::Known(Box::new(shape))
            }
            _ => Before::Unknown,
        }
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
