//! What became of the files, one by one and together: why one was not looked at, and what the whole says of itself.

use std::time::Duration;

use eco_coder_analyzer::{FileAnalysis, Finding, Notes, Skipped};
use eco_coder_github::ApiError;

use super::passing::{Seen, Taking};
use crate::backends::cpu::NoResult;
use crate::results::{CodeAnalysis, ErrorType, OwnCpu, ReviewStatus, SkippedFile, ToolError, Touched};
use crate::subject::{Subject, SubjectFile};

/// Why a file that is skipped is not looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// It is none of our business.
    Kind,
    /// It is beyond a limit of ours: another try is the same.
    Limit,
    /// Something failed: another try may see it.
    Fault,
}

/// One file's outcome.
pub(super) enum Looked {
    At(Box<FileAnalysis>, Box<Seen>),
    Skipped(SkippedFile, Skip),
    /// GitHub asks to wait: the whole analysis stops here.
    Wait(ApiError),
}

pub(super) fn skipped(file: &SubjectFile, reason: &dyn std::fmt::Display, skip: Skip) -> Looked {
    let gap = skip != Skip::Kind;
    Looked::Skipped(SkippedFile { path: file.path.clone(), reason: reason.to_string(), gap }, skip)
}

pub(super) fn skip_of(reason: &Skipped) -> Skip {
    match reason {
        Skipped::TooLarge { .. } | Skipped::LineTooLong { .. } | Skipped::TooDeep { .. } | Skipped::TimedOut => {
            Skip::Limit
        }
        Skipped::Generated(_) | Skipped::Vendored | Skipped::UnsupportedLanguage | Skipped::Binary => Skip::Kind,
    }
}

/// Why a file has no analysis.
pub(super) enum Missing {
    NotAFile,
    NotFound,
    NotText,
    TooLarge(usize),
    TooManyLines,
    NoResult(NoResult),
    Api(ApiError),
}

impl From<NoResult> for Missing {
    fn from(why: NoResult) -> Self {
        Self::NoResult(why)
    }
}

impl Missing {
    pub(super) fn into_looked(self, file: &SubjectFile) -> Looked {
        match self {
            Self::NotAFile => skipped(file, &"not a file at this commit", Skip::Kind),
            Self::NotFound => skipped(file, &"GitHub does not find it at this commit", Skip::Fault),
            Self::NotText => skipped(file, &"not UTF-8 text", Skip::Kind),
            Self::TooLarge(limit) => skipped(file, &Skipped::TooLarge { bytes: 0, limit: limit as u64 }, Skip::Limit),
            Self::TooManyLines => skipped(file, &"too many lines to find the changed ones", Skip::Limit),
            Self::NoResult(why @ NoResult::Lost) => skipped(file, &why, Skip::Fault),
            Self::NoResult(why @ NoResult::BudgetSpent) => skipped(file, &why, Skip::Limit),
            Self::Api(
                error @ (ApiError::RateLimited { .. } | ApiError::Unauthorized | ApiError::AppRefused { .. }),
            ) => Looked::Wait(error),
            Self::Api(_) => skipped(file, &"GitHub did not give it out", Skip::Fault),
        }
    }
}

pub(super) fn failure(error: &ApiError) -> ToolError {
    let (error_type, for_model) = match error {
        ApiError::RateLimited { .. } => (ErrorType::Throttle, "GitHub's rate limit is reached"),
        _ => (ErrorType::ApiError, "GitHub did not give out the files"),
    };
    ToolError { error_type, for_model: for_model.to_owned(), for_operator: error.to_string() }
}

#[derive(Default)]
pub(super) struct Tally {
    findings: Vec<Finding>,
    pub(super) skipped: Vec<SkippedFile>,
    notices: Vec<String>,
    pub(super) notes: Notes,
    touched: Touched,
    analyzed: usize,
    suppressed: u32,
    partial: Option<String>,
    faults: usize,
    pub(super) cpu: Duration,
}

impl Tally {
    /// With what was said and spent before the first file.
    pub(super) fn new(cpu: Duration, notices: Vec<String>) -> Self {
        Self { notices, cpu, ..Self::default() }
    }

    /// What a look came to.
    pub(super) fn add(&mut self, looked: Looked, notes: &mut Taking) {
        match looked {
            Looked::At(analysis, seen) => {
                self.findings.extend(analysis.findings);
                self.suppressed += analysis.suppressed;
                self.analyzed += 1;
                self.partial = self.partial.take().or(analysis.partial);
                self.touched.file(&seen.path, seen.shape.functions(), &seen.changed);
                notes.file(*seen);
            }
            other => self.skip(other),
        }
    }

    /// A file that is not looked at.
    pub(super) fn skip(&mut self, looked: Looked) {
        if let Looked::Skipped(file, skip) = looked {
            self.faults += usize::from(skip == Skip::Fault);
            self.skipped.push(file);
        }
    }

    pub(super) fn into_analysis(mut self, subject: &Subject, timed_out: bool) -> CodeAnalysis {
        self.findings
            .sort_by(|a, b| (&a.file_path, a.start_line, &a.rule_id).cmp(&(&b.file_path, b.start_line, &b.rule_id)));
        self.skipped.sort_by(|a, b| a.path.cmp(&b.path));
        let gaps = self.skipped.iter().filter(|file| file.gap).count();
        let reasons = [
            timed_out.then(|| "the time for the analysis was up".to_owned()),
            subject.truncated.then(|| "GitHub lists at most 3,000 files of a pull request".to_owned()),
            (gaps > 0)
                .then(|| format!("{gaps} {} not be looked at", if gaps == 1 { "file could" } else { "files could" })),
            self.partial,
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
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
            notices: self.notices,
            notes: self.notes,
            touched: self.touched,
            suppressed: self.suppressed,
            faults: self.faults,
            cpu_seconds: OwnCpu::counted(self.cpu),
            codeguru: None,
        }
    }
}
