//! `analyze_code`: findings on the changed lines of the pull request's files.

use eco_coder_analyzer::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ToolError;
use crate::backends::embedded::Embedded;
use crate::subject::Subject;

/// For the model.
pub const DESCRIPTION: &str = "Analyses the pull request's changed files for code quality, security, performance and \
     energy use; returns findings on changed lines only. Give paths to look at some of the changed files only.";

/// Arguments of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// Some of the pull request's changed files; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<String>>,
}

/// How a code review ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReviewStatus {
    /// Everything that can be looked at was.
    Completed,
    /// Something was not: see `reason` and `skipped`.
    Partial,
    /// Nothing was.
    Failed,
}

/// A changed file that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// Its path: untrusted text.
    pub path: String,
    /// Why, in words: "generated", "over 2 MB".
    pub reason: String,
    /// It should have been looked at: a limit or a fault kept it from being, not its kind.
    pub gap: bool,
}

/// The tool's output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CodeAnalysis {
    /// Names this analysis: engine and commit.
    pub review_id: String,
    /// How it ended.
    pub status: ReviewStatus,
    /// Why it isn't complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The findings.
    pub recommendations: Vec<Finding>,
    /// Their number.
    pub total_recommendations: usize,
    /// Files looked at.
    pub files_analyzed: usize,
    /// Files that the pull request changes.
    pub files_changed: usize,
    /// Files not looked at.
    pub skipped: Vec<SkippedFile>,
    /// Findings muted in the source.
    pub suppressed: u32,
    /// CPU time of the analysis, seconds, as the system counted it.
    pub cpu_seconds: f64,
}

impl CodeAnalysis {
    /// Did it see less than it should?
    pub fn is_partial(&self) -> bool {
        self.status != ReviewStatus::Completed
    }
}

/// Runs the tool. Paths outside the pull request are refused: it shows nothing but its own files.
pub async fn call(arguments: &Arguments, subject: &Subject, code: &Embedded) -> Result<CodeAnalysis, ToolError> {
    if let Some(paths) = &arguments.paths {
        let unknown = paths.iter().filter(|path| !subject.files.iter().any(|file| file.path == **path)).count();
        if unknown > 0 || paths.is_empty() {
            return Err(ToolError::arguments(format!(
                "{unknown} of {} paths are not among the files that this pull request changes; name some that are",
                paths.len()
            )));
        }
    }
    code.analyze(subject, arguments.paths.as_deref()).await
}
