//! The embedded analysis of a pull request: fetches the changed files at the head, has them analysed on their changed
//! lines, and says what it did not look at. Holds at most `source_bytes` of source at once, over all reviews.

use std::sync::Arc;
use std::time::Duration;

use eco_coder_analyzer::{FileAnalysis, Finding, Limits, LineSet, Options, Skipped, skip_path};
use eco_coder_github::{ApiError, ChangedFile, Content, GitHub, patch};
use eco_coder_shared::ids::CommitSha;
use futures_util::{FutureExt, StreamExt};
use globset::GlobSet;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::cpu::CpuPool;
use crate::results::{CodeAnalysis, ErrorType, ReviewStatus, SkippedFile, ToolError};
use crate::subject::{Subject, has_new_text};

/// How the analysis is bounded.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Largest file, bytes.
    pub max_file_bytes: usize,
    /// Files fetched at once in one review.
    pub fetch_concurrency: usize,
    /// Paths that are not analysed.
    pub exclude: GlobSet,
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

/// One file's outcome.
enum Looked {
    At(Box<FileAnalysis>, Duration),
    Skipped(SkippedFile),
    /// GitHub asks to wait: the whole analysis stops here.
    Wait(ApiError),
}

fn skipped(file: &ChangedFile, reason: &dyn std::fmt::Display, gap: bool) -> Looked {
    Looked::Skipped(SkippedFile { path: file.path.clone(), reason: reason.to_string(), gap })
}

/// Is this a file that should have been looked at?
fn is_gap(reason: &Skipped) -> bool {
    matches!(
        reason,
        Skipped::TooLarge { .. } | Skipped::LineTooLong { .. } | Skipped::TooDeep { .. } | Skipped::TimedOut
    )
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
        hash.update(format!("{:?}", self.settings));
        hex::encode(hash.finalize())
    }

    /// Analyses the changed files, or those of them in `paths`. Partial results at the deadline.
    pub async fn analyze(&self, subject: &Subject, paths: Option<&[String]>) -> Result<CodeAnalysis, ToolError> {
        let deadline = Instant::now() + self.settings.timeout;
        let wanted = |file: &&ChangedFile| paths.is_none_or(|paths| paths.contains(&file.path));
        let files: Vec<&ChangedFile> = subject.files.iter().filter(wanted).collect();
        let mut looks = Vec::new();
        for file in &files {
            looks.push(async { (file.path.as_str(), self.look_at(subject, file).await) }.boxed());
        }
        let mut looks = futures_util::stream::iter(looks).buffer_unordered(self.settings.fetch_concurrency.max(1));

        let mut done = Tally::default();
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
        if paths.is_none() {
            done.skipped.extend(subject.left_out.iter().map(|path| SkippedFile {
                path: path.clone(),
                reason: "beyond the number of files that are looked at (analysis.max_files)".to_owned(),
                gap: true,
            }));
        }
        Ok(done.into_analysis(subject, timed_out))
    }

    async fn look_at(&self, subject: &Subject, file: &ChangedFile) -> Looked {
        if !has_new_text(file) {
            return skipped(file, &"nothing added", false);
        }
        if self.settings.exclude.is_match(&file.path) {
            return skipped(file, &"excluded by the settings", false);
        }
        if let Some(reason) = skip_path(&file.path) {
            return skipped(file, &reason, is_gap(&reason));
        }
        // As much as the file may have; a permit for what it has would need to know its size before.
        let kib = (self.settings.max_file_bytes / 1024 + 1).min(self.source_kib);
        let Ok(_source) = self.source.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX)).await else {
            return skipped(file, &"the worker is stopping", true);
        };
        let text = match self.fetch(subject, &file.path, &subject.target.head_sha).await {
            Ok(text) => text,
            Err(looked) => return looked.into_looked(file),
        };
        let changed = match &file.patch {
            Some(patch) => match patch::changed_lines(patch) {
                Ok(ranges) => LineSet::from_ranges(ranges),
                Err(e) => return skipped(file, &format!("its patch can't be read: {e}"), true),
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
            Ok((Err(reason), _)) => skipped(file, &reason, is_gap(&reason)),
            Err(lost) => skipped(file, &lost, true),
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
            Err(Missing::NotFound) => String::new(),
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
    NotFound,
    NotText,
    TooLarge(usize),
    Lost,
    Api(ApiError),
}

impl Missing {
    fn into_looked(self, file: &ChangedFile) -> Looked {
        match self {
            Self::NotFound => skipped(file, &"not a file at this commit", false),
            Self::NotText => skipped(file, &"not UTF-8 text", false),
            Self::TooLarge(limit) => skipped(file, &format!("over {} kB", limit / 1000), true),
            Self::Lost => skipped(file, &"its comparison ended abnormally", true),
            Self::Api(error @ (ApiError::RateLimited { .. } | ApiError::Unauthorized)) => Looked::Wait(error),
            Self::Api(_) => skipped(file, &"GitHub did not give it out", true),
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
            Looked::Skipped(file) => self.skipped.push(file),
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
