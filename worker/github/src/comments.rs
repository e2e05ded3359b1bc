//! Comments on a pull request's conversation: list, read, create, change, delete. Decides nothing about which.

use std::ops::ControlFlow;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{PullNumber, RepoName};
use serde::Deserialize;
use serde_json::json;

use crate::client::GitHub;
use crate::error::ApiError;
use crate::pulls::rfc3339;
use crate::seen::Seen;
use crate::transport::{Method, Request};
use crate::users::{User, WireUser};

#[cfg(test)]
mod tests;

/// The most pages of comments that are read; GitHub itself stops at 2,500 comments in many places.
const MAX_PAGES: usize = 100;

/// How much of a listed comment's body is kept, in characters: a marker stands at its start, and ten thousand whole
/// bodies are more than is held for that.
const MAX_LISTED_BODY: usize = 4096;

/// A comment. Its body is its author's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueComment {
    /// GitHub's number; grows, so the smallest is the oldest.
    pub id: u64,
    /// The author's number; 0 if the account is gone.
    pub author_id: u64,
    /// The author's name now.
    pub author_login: String,
    /// Markdown.
    pub body: String,
    /// For people.
    pub html_url: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

#[derive(Deserialize)]
struct WireComment {
    id: u64,
    user: Option<WireUser>,
    body: Option<String>,
    #[serde(default)]
    html_url: String,
    #[serde(deserialize_with = "rfc3339")]
    created_at: Timestamp,
    #[serde(deserialize_with = "rfc3339")]
    updated_at: Timestamp,
}

impl From<WireComment> for IssueComment {
    fn from(comment: WireComment) -> Self {
        let author = User::from(comment.user);
        Self {
            id: comment.id,
            author_id: author.id,
            author_login: author.login,
            body: comment.body.unwrap_or_default(),
            html_url: comment.html_url,
            created_at: comment.created_at,
            updated_at: comment.updated_at,
        }
    }
}

impl IssueComment {
    fn shortened(self) -> Self {
        Self { body: shortened(self.body), ..self }
    }
}

/// As much of a body as is kept of a listed comment.
pub(crate) fn shortened(body: String) -> String {
    match body.char_indices().nth(MAX_LISTED_BODY) {
        // A copy: what is cut off is not to stay allocated.
        Some((end, _)) => body[..end].to_owned(),
        None => body,
    }
}

impl GitHub {
    /// All comments, oldest first, each with the first 4,096 characters of its body. An error rather than a part of them: who looks for a comment of its own must not
    /// take a part for the whole. A comment deleted while the pages are read can hide the one after it.
    pub async fn comments(&self, repo: &RepoName, number: PullNumber) -> Result<Vec<IssueComment>, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/issues/{number}/comments"));
        let mut comments = Vec::new();
        let complete = self
            .pages(request, MAX_PAGES, "the comments", |page: Vec<WireComment>| {
                comments.extend(page.into_iter().map(|comment| IssueComment::from(comment).shortened()));
                ControlFlow::Continue(())
            })
            .await?;
        if complete { Ok(comments) } else { Err(ApiError::TooLarge { what: "over 100 pages of comments" }) }
    }

    /// One comment.
    pub async fn comment(&self, repo: &RepoName, id: u64) -> Result<IssueComment, ApiError> {
        self.wire_comment(Request::new(Method::Get, comment_path(repo, id))).await
    }

    /// One comment, unless it is what has this tag; with the tag of what it is now.
    pub async fn comment_again(
        &self,
        repo: &RepoName,
        id: u64,
        tag: Option<&str>,
    ) -> Result<Seen<(IssueComment, Option<String>)>, ApiError> {
        let request = Request::new(Method::Get, comment_path(repo, id));
        Ok(match self.seen::<WireComment>(request, tag, "the comment").await? {
            Seen::Unchanged => Seen::Unchanged,
            Seen::Fresh((comment, answer)) => {
                Seen::Fresh((IssueComment::from(comment).shortened(), crate::seen::tag_of(&answer)))
            }
        })
    }

    /// Creates a comment. On [`ApiError::Ambiguous`] it may exist: list before creating again.
    pub async fn create_comment(
        &self,
        repo: &RepoName,
        number: PullNumber,
        body: &str,
    ) -> Result<IssueComment, ApiError> {
        let request = Request::new(Method::Post, format!("/repos/{repo}/issues/{number}/comments"));
        self.wire_comment(request.body(json!({ "body": body }))).await
    }

    /// Replaces a comment's body. `NotFound` if somebody deleted it.
    pub async fn update_comment(&self, repo: &RepoName, id: u64, body: &str) -> Result<IssueComment, ApiError> {
        let request = Request::new(Method::Patch, comment_path(repo, id));
        self.wire_comment(request.body(json!({ "body": body }))).await
    }

    /// Deletes a comment. `NotFound` if somebody else did.
    pub async fn delete_comment(&self, repo: &RepoName, id: u64) -> Result<(), ApiError> {
        self.send(Request::new(Method::Delete, comment_path(repo, id))).await.map(|_| ())
    }

    async fn wire_comment(&self, request: Request) -> Result<IssueComment, ApiError> {
        self.json::<WireComment>(request, "the comment").await.map(IssueComment::from)
    }
}

fn comment_path(repo: &RepoName, id: u64) -> String {
    format!("/repos/{repo}/issues/comments/{id}")
}
