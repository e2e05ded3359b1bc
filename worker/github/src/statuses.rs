//! Commit statuses: the mark beside a commit, for identities that can't write check runs (a plain token).

use std::ops::ControlFlow;

use eco_coder_shared::ids::{CommitSha, RepoName};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::GitHub;
use crate::error::ApiError;
use crate::transport::{Method, Request};

#[cfg(test)]
mod tests;

/// The longest description in characters. Source: GitHub answers 422 above it.
pub const MAX_DESCRIPTION: usize = 140;
/// Pages of statuses read: GitHub keeps at most 1,000 per commit and context.
const MAX_PAGES: usize = 10;

/// What the mark says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusState {
    /// Not done yet.
    Pending,
    /// Done and well.
    Success,
    /// Done, with an unwelcome result.
    Failure,
    /// Couldn't be done.
    Error,
}

/// A mark of one context beside one commit; the newest of a context counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// What it says.
    pub state: StatusState,
    /// Who says it, for example `eco-coder`.
    pub context: String,
    /// One line; cut to [`MAX_DESCRIPTION`] characters when created.
    pub description: Option<String>,
    /// Where there is more.
    pub target_url: Option<String>,
}

impl GitHub {
    /// Sets a mark. Repeating it adds another one, to the same effect: after [`ApiError::Ambiguous`] that is safe.
    pub async fn create_status(&self, repo: &RepoName, sha: &CommitSha, status: &Status) -> Result<(), ApiError> {
        let mut body = json!({ "state": status.state, "context": status.context });
        if let Some(description) = &status.description {
            body["description"] = cut(description, MAX_DESCRIPTION).into();
        }
        if let Some(url) = &status.target_url {
            body["target_url"] = url.as_str().into();
        }
        let request = Request::new(Method::Post, format!("/repos/{repo}/statuses/{sha}"));
        self.send(request.body(body)).await.map(|_| ())
    }

    /// The newest mark of `context` beside the commit.
    pub async fn status(&self, repo: &RepoName, sha: &CommitSha, context: &str) -> Result<Option<Status>, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/commits/{sha}/statuses"));
        let mut found = None;
        self.pages(request, MAX_PAGES, "the statuses", |page: Vec<Status>| {
            // Newest first.
            found = page.into_iter().find(|status| status.context == context);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .await?;
        Ok(found)
    }
}

/// At most so many characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}
