//! CodeGuru Reviewer's look at the head, in steps: each asks what there is and says when to ask again, so that the review
//! is put down between them. No model can call it; code plans it in turn 0.

use eco_coder_shared::aws::Fault;
use eco_coder_shared::env::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backends::codeguru_reviewer::CodeguruReviewer;
use crate::results::{CodeReview, ErrorType, ToolError};
use crate::subject::Subject;

/// How far the look is; what a session stores of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When CodeGuru was first asked.
    pub since: Option<Timestamp>,
    /// The code review's ARN, once it is known.
    pub review: Option<String>,
    /// Times that CodeGuru asked us to call less, or did not answer.
    pub troubles: u32,
    /// The latest of them.
    #[serde(default)]
    pub trouble: Option<Fault>,
    /// Where the source is that was uploaded for it, or is about to be: it is to be removed.
    #[serde(default)]
    pub upload: Option<Upload>,
}

/// An object in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The bucket.
    pub bucket: String,
    /// The object.
    pub key: String,
    /// It is known to be there. If not, it may be, all the same.
    pub is_stored: bool,
}

/// What a step came to.
#[derive(Debug)]
pub enum Step {
    /// CodeGuru's answer.
    Done(Box<CodeReview>),
    /// Not yet.
    Wait {
        /// Ask again then.
        until: Timestamp,
        /// With this.
        progress: Progress,
    },
}

/// Takes one step.
pub async fn step(
    progress: &Progress,
    subject: &Subject,
    codeguru: Option<&CodeguruReviewer>,
) -> Result<Step, ToolError> {
    match codeguru {
        Some(codeguru) => codeguru.step(progress.clone(), subject).await,
        // A session that was begun with other settings.
        None => Err(ToolError {
            error_type: ErrorType::ValidationError,
            for_model: "it is not configured any more".to_owned(),
            for_operator: "the session asked CodeGuru Reviewer, and analysis.kind isn't \"codeguru\" now".to_owned(),
        }),
    }
}
