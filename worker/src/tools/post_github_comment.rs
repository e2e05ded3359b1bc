//! The terminal call: the model hands over its report, and the loop ends. It doesn't post; `publish` does, once, to the
//! job's own pull request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::results::ToolError;

/// For the model.
pub const DESCRIPTION: &str = "Ends the review. The report's numbers, tables and findings are written by code from the \
     tool results; you give the words: a short summary for the pull request's author.";

/// The longest summary that is taken, in characters.
pub const MAX_SUMMARY: usize = 4000;

/// Arguments of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Arguments {
    /// The report.
    pub report: ModelReport,
}

/// What the model adds to the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelReport {
    /// Two to five sentences of plain Markdown for the author: what matters most, and why. At most 4,000 characters.
    pub summary: String,
}

impl Arguments {
    /// Is it a report at all?
    pub fn validate(&self) -> Result<(), ToolError> {
        let length = self.report.summary.chars().count();
        if self.report.summary.trim().is_empty() {
            Err(ToolError::arguments("report.summary is empty; write two to five sentences"))
        } else if length > MAX_SUMMARY {
            Err(ToolError::arguments(format!("report.summary has {length} characters; {MAX_SUMMARY} is the most")))
        } else {
            Ok(())
        }
    }
}

/// The tool's output, recorded after publishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Success or failure.
    pub status: PostStatus,
    /// The comment's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_id: Option<u64>,
    /// Where a person sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment_url: Option<String>,
    /// Only if the status is failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Did the comment stand in the end?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostStatus {
    /// It stands.
    Success,
    /// It doesn't.
    Failure,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_taken_up_to_the_bound_and_refused_one_past_it() {
        let with = |summary: String| Arguments { report: ModelReport { summary } }.validate();
        assert_eq!(with("é".repeat(MAX_SUMMARY)), Ok(()));
        let error = with("é".repeat(MAX_SUMMARY + 1)).unwrap_err();
        assert!(error.for_model.contains("4001 characters; 4000 is the most"), "{error:?}");
        assert!(with(" \n".to_owned()).is_err());
    }
}
