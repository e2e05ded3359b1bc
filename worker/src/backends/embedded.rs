//! The embedded analysis of a pull request: fetches the changed files at the head, has them analysed on their changed
//! lines, and says what it did not look at. Holds at most `source_bytes` of source at once, over all reviews.

use std::sync::Arc;
use std::time::Duration;

use eco_coder_analyzer::{FileAnalysis, Finding, Limits, LineSet, Options, Skipped, skip_path};
use eco_coder_github::{ApiError, ChangedFile, Content, GitHub, patch};
use eco_coder_shared::ids::CommitSha;
use futures_util::{FutureExt, StreamExt};
use globset::{Glob, GlobSet, GlobSetBuilder};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::cpu::CpuPool;
use crate::results::{CodeAnalysis, ErrorType, ReviewStatus, SkippedFile, ToolError};
use crate::subject::{Subject, has_new_text};

/// Paths that are left out, as written and compiled.
#[derive(Debug, Clone)]
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
    /// Rules that are off.
    pub options: Options,
}

/// The engine.
pub struct Embedded {
    github: GitHub,
    pool: CpuPool,
    /// Permits of one KiB of source each.
    source: Arc<Semaphore>,
    source_kib: usize,
    settings: Settings,
}

/// Why a file that is skipped is not looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Skip {
    /// It is none of our business.
    Kind,
    /// It is beyond a limit of ours: another try is the same.
    Limit,
    /// Something failed: another try may see it.
    Fault,
}

/// One file's outcome.
enum Looked {
    At(Box<FileAnalysis>, Duration),
    Skipped(SkippedFile, Skip),
    /// GitHub asks to wait: the whole analysis stops here.
    Wait(ApiError),
}

fn skipped(file: &ChangedFile, reason: &dyn std::fmt::Display, skip: Skip) -> Looked {
    let gap = skip != Skip::Kind;
    Looked::Skipped(SkippedFile { path: file.path.clone(), reason: reason.to_string(), gap }, skip)
}

fn skip_of(reason: &Skipped) -> Skip {
    match reason {
        Skipped::TooLarge { .. } | Skipped::LineTooLong { .. } | Skipped::TooDeep { .. } | Skipped::TimedOut => {
            Skip::Limit
        }
        Skipped::Generated(_) | Skipped::Vendored | Skipped::UnsupportedLanguage | Skipped::Binary => Skip::Kind,
    }
}

impl Embedded {
    /// With at most `source_bytes` of source at once.
    pub fn new(github: GitHub, pool: CpuPool, source_bytes: usize, settings: Settings) -> Self {
        let source_kib = (source_bytes / 1024).clamp(1, Semaphore::MAX_PERMITS);
        Self { github, pool, source: Arc::new(Semaphore::new(source_kib)), source_kib, settings }
    }

    /// What results depend on beside the commits: engine, rules and settings.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(eco_coder_analyzer::rules_digest());
        let Settings { max_files, max_file_bytes, exclude, options, .. } = &self.settings;
        for part in
            [max_files.to_string(), max_file_bytes.to_string(), exclude.patterns.join("\n"), format!("{options:?}")]
        {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hex::encode(hash.finalize())
    }

    /// Analyses the changed files, or those of them in `paths`. Partial results at the deadline.
    pub async fn analyze(&self, subject: &Subject, paths: Option<&[String]>) -> Result<CodeAnalysis, ToolError> {
        let deadline = Instant::now() + self.settings.timeout;
        let mut done = Tally::default();
        let mut files: Vec<&ChangedFile> = Vec::new();
        for file in subject.files.iter().filter(|file| paths.is_none_or(|paths| paths.contains(&file.path))) {
            match self.none_of_ours(file) {
                Some(looked) => done.add(looked),
                None if files.len() < self.settings.max_files => files.push(file),
                None => {
                    done.add(skipped(file, &"beyond the number of files looked at (analysis.max_files)", Skip::Limit));
                }
            }
        }
        let mut looks = Vec::new();
        for file in &files {
            looks.push(async { (file.path.as_str(), self.look_at(subject, file).await) }.boxed());
        }
        let mut looks = futures_util::stream::iter(looks).buffer_unordered(self.settings.fetch_concurrency.max(1));

        let mut seen: Vec<&str> = Vec::new();
        let timed_out = loop {
            match tokio::time::timeout_at(deadline, looks.next()).await {
                Ok(None) => break false,
                Err(_) => break true,
                Ok(Some((_, Looked::Wait(error)))) => return Err(failure(&error)),
                Ok(Some((path, looked))) => {
                    seen.push(path);
                    done.add(looked);
                }
            }
        };
        if timed_out {
            let missed = files.iter().filter(|file| !seen.contains(&file.path.as_str()));
            done.skipped.extend(missed.map(|file| SkippedFile {
                path: file.path.clone(),
                reason: "the time for the analysis was up".to_owned(),
                gap: true,
            }));
        }
        Ok(done.into_analysis(subject, timed_out))
    }

    /// By its name and what the list says of it: is it a file to look at?
    fn none_of_ours(&self, file: &ChangedFile) -> Option<Looked> {
        if !has_new_text(file) {
            return Some(skipped(file, &"nothing added", Skip::Kind));
        }
        if self.settings.exclude.globs.is_match(&file.path) {
            return Some(skipped(file, &"excluded by the settings", Skip::Kind));
        }
        skip_path(&file.path).map(|reason| skipped(file, &reason, skip_of(&reason)))
    }

    async fn look_at(&self, subject: &Subject, file: &ChangedFile) -> Looked {
        // As much as the file may have; a permit for what it has would need to know its size before.
        let kib = (self.settings.max_file_bytes / 1024 + 1).min(self.source_kib);
        let Ok(_source) = self.source.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX)).await else {
            return skipped(file, &"the worker is stopping", Skip::Fault);
        };
        let text = match self.fetch(subject, &file.path, &subject.target.head_sha).await {
            Ok(text) => text,
            Err(looked) => return looked.into_looked(file),
        };
        let changed = match &file.patch {
            Some(patch) => match patch::changed_lines(patch) {
                Ok(ranges) => LineSet::from_ranges(ranges),
                Err(e) => return skipped(file, &format!("its patch can't be read: {e}"), Skip::Limit),
            },
            None => match self.changed_against_base(subject, file, &text).await {
                Ok(changed) => changed,
                Err(looked) => return looked.into_looked(file),
            },
        };
        let path = file.path.clone();
        let options = self.settings.options.clone();
        let limits = Limits { max_bytes: self.settings.max_file_bytes, ..Limits::default() };
        let work = move || eco_coder_analyzer::analyze(&path, &text, Some(&changed), &options, &limits);
        match self.pool.run(work).await {
            Ok((Ok(analysis), time)) => Looked::At(Box::new(analysis), time),
            Ok((Err(reason), _)) => skipped(file, &reason, skip_of(&reason)),
            Err(lost) => skipped(file, &lost, Skip::Fault),
        }
    }

    /// GitHub gives no patch for large changes: both versions are compared here.
    async fn changed_against_base(
        &self,
        subject: &Subject,
        file: &ChangedFile,
        text: &str,
    ) -> Result<LineSet, Missing> {
        let before = file.previous_path.as_deref().unwrap_or(&file.path);
        let base = match self.fetch(subject, before, &subject.target.merge_base_sha).await {
            Ok(base) => base,
            Err(Missing::NotAFile | Missing::NotFound) => String::new(),
            Err(other) => return Err(other),
        };
        let text = text.to_owned();
        let compare = move || added_lines(&base, &text);
        self.pool.run(compare).await.map(|(lines, _)| lines).map_err(|_| Missing::Lost)
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

/// The lines of `after` that `before` doesn't have, within a bounded time.
fn added_lines(before: &str, after: &str) -> LineSet {
    let diff = similar::TextDiff::configure().timeout(Duration::from_secs(2)).diff_lines(before, after);
    diff.iter_all_changes()
        .filter(|change| change.tag() == similar::ChangeTag::Insert)
        .filter_map(|change| u32::try_from(change.new_index()? + 1).ok())
        .collect()
}

/// Why there is no text.
enum Missing {
    NotAFile,
    NotFound,
    NotText,
    TooLarge(usize),
    Lost,
    Api(ApiError),
}

impl Missing {
    fn into_looked(self, file: &ChangedFile) -> Looked {
        match self {
            Self::NotAFile => skipped(file, &"not a file at this commit", Skip::Kind),
            Self::NotFound => skipped(file, &"GitHub does not find it at this commit", Skip::Fault),
            Self::NotText => skipped(file, &"not UTF-8 text", Skip::Kind),
            Self::TooLarge(limit) => skipped(file, &Skipped::TooLarge { bytes: 0, limit: limit as u64 }, Skip::Limit),
            Self::Lost => skipped(file, &"its comparison ended abnormally", Skip::Fault),
            Self::Api(error @ (ApiError::RateLimited { .. } | ApiError::Unauthorized)) => Looked::Wait(error),
            Self::Api(_) => skipped(file, &"GitHub did not give it out", Skip::Fault),
        }
    }
}

fn failure(error: &ApiError) -> ToolError {
    let (error_type, for_model) = match error {
        ApiError::RateLimited { .. } => (ErrorType::Throttle, "GitHub's rate limit is reached"),
        _ => (ErrorType::ApiError, "GitHub did not give out the files"),
    };
    ToolError { error_type, for_model: for_model.to_owned(), for_operator: error.to_string() }
}

#[derive(Default)]
struct Tally {
    findings: Vec<Finding>,
    skipped: Vec<SkippedFile>,
    analyzed: usize,
    suppressed: u32,
    partial: Option<String>,
    faults: usize,
    cpu: Duration,
}

impl Tally {
    fn add(&mut self, looked: Looked) {
        match looked {
            Looked::At(analysis, time) => {
                self.findings.extend(analysis.findings);
                self.suppressed += analysis.suppressed;
                self.analyzed += 1;
                self.cpu += time;
                self.partial = self.partial.take().or(analysis.partial);
            }
            Looked::Skipped(file, skip) => {
                self.faults += usize::from(skip == Skip::Fault);
                self.skipped.push(file);
            }
            Looked::Wait(_) => {}
        }
    }

    fn into_analysis(mut self, subject: &Subject, timed_out: bool) -> CodeAnalysis {
        self.findings
            .sort_by(|a, b| (&a.file_path, a.start_line, &a.rule_id).cmp(&(&b.file_path, b.start_line, &b.rule_id)));
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        let gaps = self.skipped.iter().filter(|file| file.gap).count();
        let reason = if timed_out {
            Some("the time for the analysis was up".to_owned())
        } else if subject.truncated {
            Some("GitHub lists at most 3,000 files of a pull request".to_owned())
        } else if gaps > 0 {
            Some(format!("{gaps} {} not be looked at", if gaps == 1 { "file could" } else { "files could" }))
        } else {
            self.partial
        };
        let status = match &reason {
            None => ReviewStatus::Completed,
            Some(_) if self.analyzed == 0 && gaps > 0 => ReviewStatus::Failed,
            Some(_) => ReviewStatus::Partial,
        };
        CodeAnalysis {
            review_id: format!("embedded-{}", subject.target.head_sha),
            status,
            reason,
            total_recommendations: self.findings.len(),
            recommendations: self.findings,
            files_analyzed: self.analyzed,
            files_changed: subject.files_changed,
            skipped: self.skipped,
            suppressed: self.suppressed,
            faults: self.faults,
            cpu_seconds: self.cpu.as_secs_f64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_lines_are_those_that_the_base_has_not() {
        let lines = added_lines("a\nb\nc\n", "a\nB\nc\nd\n");
        assert!(lines.contains(2) && lines.contains(4));
        assert!(!lines.contains(1) && !lines.contains(3));
        assert!(added_lines("", "x\ny").contains(2));
    }
}
