//! What a run ends with: turn 0's results as the report's sections, and how far the model came.

use serde::{Deserialize, Serialize};

use super::{ANALYZE, CARBON, PROFILE, Run};
use crate::model::Usage;
use crate::report::Section;
use crate::results::{CodeAnalysis, CodeReview, MeasuredFootprint, PerformanceProfile, Profiled, ToolError};
use crate::tools::post_github_comment::ModelReport;
use crate::tools::{CODEGURU, ToolOutput};

/// What the loop ends with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// Turn 0's analysis.
    pub quality: Section<CodeAnalysis>,
    /// Turn 0's profile.
    pub performance: Section<PerformanceProfile>,
    /// Turn 0's footprint.
    pub carbon: Section<MeasuredFootprint>,
    /// How far the model came.
    pub model: Ended,
    /// Its tokens.
    pub usage: Usage,
}

/// How far the model came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Ended {
    /// There is none, or it was not to be asked.
    NotConfigured,
    /// To its report, of whose findings none is checked against the diff.
    Finished(Box<ModelReport>),
    /// Not to its report.
    Unfinished {
        /// Why, in words for the author.
        why: String,
    },
}

pub(super) fn finish(run: &Run, model: Ended) -> Finish {
    let performance = match outcome(run, PROFILE) {
        Some(Ok(ToolOutput::ProfileCodePerformance(Profiled::Measured(profile)))) => Section::Present(*profile),
        Some(Ok(ToolOutput::ProfileCodePerformance(Profiled::Nothing { nothing_measured }))) => {
            Section::Absent { why: nothing_measured }
        }
        other => not_there(other, "the profile was not looked for"),
    };
    let carbon = match outcome(run, CARBON) {
        Some(Ok(ToolOutput::CalculateCarbonFootprint(footprint))) => Section::Present(*footprint),
        other => not_there(other, "no CPU time was measured"),
    };
    Finish { quality: quality(run), performance, carbon, model, usage: run.spent.usage }
}

pub(super) fn quality(run: &Run) -> Section<CodeAnalysis> {
    let quality = match outcome(run, ANALYZE) {
        Some(Ok(ToolOutput::AnalyzeCode(analysis))) => Section::Present(*analysis),
        other => not_there(other, "the analysis did not run"),
    };
    match outcome(run, CODEGURU) {
        Some(Ok(ToolOutput::CodeguruReviewer(review))) => with_codeguru(quality, Ok(*review)),
        Some(Err(error)) => with_codeguru(quality, Err(error)),
        _ => quality,
    }
}

/// What turn 0's call of this tool came to.
fn outcome(run: &Run, name: &str) -> Option<Result<ToolOutput, ToolError>> {
    run.planned(name).and_then(|call| call.outcome.clone())
}

/// What CodeGuru said, or why it didn't, beside our own analysis. If that failed, it stays so: CodeGuru alone sees two
/// languages.
fn with_codeguru(quality: Section<CodeAnalysis>, review: Result<CodeReview, ToolError>) -> Section<CodeAnalysis> {
    match quality {
        Section::Present(analysis) => Section::Present(analysis.merged(review)),
        other => other,
    }
}

fn not_there<T>(outcome: Option<Result<ToolOutput, ToolError>>, absent: &str) -> Section<T> {
    match outcome {
        Some(Err(error)) => Section::Failed { error_type: error.error_type, why: error.for_model },
        _ => Section::Absent { why: absent.to_owned() },
    }
}
