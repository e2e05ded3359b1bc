//! Brings the comments on lines to what is wanted, under the epoch like every write. That one can't be written is no reason to do
//! the review again: the comment has every finding.

use eco_coder_github::{ApiError, NewReviewComment};

use super::suggestions::{self, Suggestion};
use super::{PublishError, Publisher, Turn};

/// What is to stand on lines.
#[derive(Debug, Default)]
pub struct Suggestions {
    /// These, and no others of ours.
    pub wanted: Vec<Suggestion>,
    /// Some may stand from an earlier review.
    pub may_stand: bool,
}

impl Publisher {
    pub(super) async fn suggest(&self, turn: &mut Turn<'_>, suggestions: &Suggestions) -> Result<(), PublishError> {
        if suggestions.wanted.is_empty() && !suggestions.may_stand {
            return Ok(());
        }
        match self.bring(turn, suggestions).await {
            Err(PublishError::Api(error)) if !matches!(error, ApiError::RateLimited { .. }) => {
                tracing::warn!(component = "publish", %error, "the suggestions on lines could not be brought up to date");
                Ok(())
            }
            other => other,
        }
    }

    async fn bring(&self, turn: &mut Turn<'_>, suggestions: &Suggestions) -> Result<(), PublishError> {
        let target = turn.target;
        let me = self.me(target).await?;
        let standing = self.github.review_comments(&target.repository, target.pull_request).await?;
        let changes = suggestions::changes(&self.settings.deployment, me, &standing, &suggestions.wanted);
        for id in changes.delete {
            self.may_write(turn).await?;
            match self.github.delete_review_comment(&target.repository, id).await {
                Ok(()) | Err(ApiError::NotFound | ApiError::Gone) => {}
                Err(error) => return Err(error.into()),
            }
        }
        match self.write(turn, &changes.create).await {
            // One line that GitHub doesn't show in the diff refuses them all.
            Err(PublishError::Api(ApiError::Validation { .. })) if changes.create.len() > 1 => {
                for one in &changes.create {
                    match self.write(turn, std::slice::from_ref(one)).await {
                        Err(PublishError::Api(ApiError::Validation { message })) => {
                            tracing::info!(
                                component = "publish",
                                message,
                                "a suggestion stands on lines that can't be commented on"
                            );
                        }
                        other => other?,
                    }
                }
                Ok(())
            }
            other => other,
        }
    }

    async fn write(&self, turn: &mut Turn<'_>, comments: &[NewReviewComment]) -> Result<(), PublishError> {
        if comments.is_empty() {
            return Ok(());
        }
        self.may_write(turn).await?;
        let target = turn.target;
        self.github.create_review(&target.repository, target.pull_request, &target.head_sha, comments).await?;
        Ok(())
    }
}
