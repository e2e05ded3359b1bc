//! What tools return and how a call can fail: typed, without source text. Engines make these, reports show them.

use eco_coder_analyzer::Finding;
use serde::{Deserialize, Serialize};

use crate::backends::pprof::Profile;

/// Kinds of failure, as the metrics' label `ErrorType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// It took longer than it may.
    Timeout,
    /// Somebody asked us to wait.
    Throttle,
    /// A service answered with an error.
    ApiError,
    /// The arguments were wrong.
    ValidationError,
}

impl ErrorType {
    /// As in the metrics and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Throttle => "throttle",
            Self::ApiError => "api_error",
            Self::ValidationError => "validation_error",
        }
    }
}

/// A tool call failed. What the model or the author reads is kept apart from what an operator reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{for_operator}")]
pub struct ToolError {
    /// What kind.
    pub error_type: ErrorType,
    /// For the model and the report: plain words, no ids, no addresses.
    pub for_model: String,
    /// For logs.
    pub for_operator: String,
}

impl ToolError {
    /// The arguments were wrong; the model can try others.
    pub fn arguments(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { error_type: ErrorType::ValidationError, for_operator: why.clone(), for_model: why }
    }
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
    /// Files not looked at because something failed: another try may see them.
    #[serde(default)]
    pub faults: usize,
    /// CPU time of the analysis, seconds, as the system counted it.
    pub cpu_seconds: f64,
}

impl CodeAnalysis {
    /// Did it see less than it should?
    pub fn is_partial(&self) -> bool {
        self.status != ReviewStatus::Completed
    }
}

/// The tool's output. What can't be derived is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerformanceProfile {
    /// Names this measurement: what `calculate_carbon_footprint` refers to.
    pub profiling_id: String,
    /// The measurement.
    #[serde(flatten)]
    pub profile: Profile,
    /// Where a flame graph can be seen, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flame_graph_url: Option<String>,
    /// Where the profile came from, in words: the file's name.
    pub source: String,
}
