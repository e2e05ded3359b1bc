//! Comments on lines of a pull request's diff. A comment keeps its line as the branch grows; where its code is gone it has none.

use std::ops::ControlFlow;

use eco_coder_shared::ids::{CommitSha, PullNumber, RepoName};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::GitHub;
use crate::comments::shortened;
use crate::error::ApiError;
use crate::transport::{Method, Request};
use crate::users::{User, WireUser};

/// The most pages that are read.
const MAX_PAGES: usize = 50;

/// A comment on lines. Its body is its author's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewComment {
    /// GitHub's number; grows.
    pub id: u64,
    /// The author's number; 0 if the account is gone.
    pub author_id: u64,
    /// The first 4,096 characters.
    pub body: String,
    /// The file.
    pub path: String,
    /// The last of its lines at the head now. `None`: the code that it was written about is gone.
    pub line: Option<u32>,
    /// The comment that it answers.
    pub answers: Option<u64>,
}

/// A comment to be written, on lines that are in the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewReviewComment {
    /// The file at the head.
    pub path: String,
    /// Markdown.
    pub body: String,
    /// The first line, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_line: Option<u32>,
    /// The last line.
    pub line: u32,
}

#[derive(Deserialize)]
struct WireReviewComment {
    id: u64,
    user: Option<WireUser>,
    body: Option<String>,
    path: String,
    line: Option<u32>,
    in_reply_to_id: Option<u64>,
}

impl From<WireReviewComment> for ReviewComment {
    fn from(comment: WireReviewComment) -> Self {
        Self {
            id: comment.id,
            author_id: User::from(comment.user).id,
            body: shortened(comment.body.unwrap_or_default()),
            path: comment.path,
            line: comment.line,
            answers: comment.in_reply_to_id,
        }
    }
}

impl GitHub {
    /// All comments on lines, oldest first. An error rather than a part of them.
    pub async fn review_comments(&self, repo: &RepoName, number: PullNumber) -> Result<Vec<ReviewComment>, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/pulls/{number}/comments"));
        let mut comments = Vec::new();
        let complete = self
            .pages(request, MAX_PAGES, "the comments on lines", |page: Vec<WireReviewComment>| {
                comments.extend(page.into_iter().map(ReviewComment::from));
                ControlFlow::Continue(())
            })
            .await?;
        if complete { Ok(comments) } else { Err(ApiError::TooLarge { what: "over 50 pages of comments on lines" }) }
    }

    /// Writes comments on lines of `head`, all of them with one notification. [`ApiError::Validation`] if one of the lines isn't in the
    /// diff; on [`ApiError::Ambiguous`] they may exist: list before writing again.
    pub async fn create_review(
        &self,
        repo: &RepoName,
        number: PullNumber,
        head: &CommitSha,
        comments: &[NewReviewComment],
    ) -> Result<(), ApiError> {
        let mut list = Vec::new();
        for comment in comments {
            let mut value = json!({"path": comment.path, "body": comment.body, "line": comment.line, "side": "RIGHT"});
            if let Some(start) = comment.start_line.filter(|start| *start < comment.line) {
                value["start_line"] = start.into();
                value["start_side"] = "RIGHT".into();
            }
            list.push(value);
        }
        let body = json!({"commit_id": head, "event": "COMMENT", "comments": list});
        let request = Request::new(Method::Post, format!("/repos/{repo}/pulls/{number}/reviews"));
        self.send(request.body(body)).await.map(|_| ())
    }

    /// Deletes a comment on lines. `NotFound` if somebody else did.
    pub async fn delete_review_comment(&self, repo: &RepoName, id: u64) -> Result<(), ApiError> {
        self.send(Request::new(Method::Delete, format!("/repos/{repo}/pulls/comments/{id}"))).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use eco_coder_shared::env::SystemEnv;
    use serde_json::json;

    use super::*;
    use crate::auth::Auth;
    use crate::client::Settings;
    use crate::testing::{FakeGitHub, answer};

    fn github() -> (Arc<FakeGitHub>, GitHub) {
        let fake = FakeGitHub::new();
        let settings = Settings { write_interval: Duration::ZERO, ..Settings::default() };
        let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), settings);
        (fake, github)
    }

    #[tokio::test]
    async fn comments_on_lines_are_listed_and_those_without_code_have_no_line() {
        let (fake, github) = github();
        let list = json!([
            {"id": 1, "user": {"id": 7, "login": "x", "type": "Bot"}, "body": "a", "path": "a.py", "line": 3},
            {"id": 2, "user": null, "body": null, "path": "a.py", "line": null, "in_reply_to_id": 1},
        ]);
        fake.answer(Method::Get, "/repos/o/r/pulls/7/comments", answer(200, &list));
        let comments = github.review_comments(&"o/r".parse().unwrap(), 7.try_into().unwrap()).await.unwrap();
        assert_eq!((comments[0].author_id, comments[0].line, comments[0].answers), (7, Some(3), None));
        assert_eq!((comments[1].author_id, comments[1].line, comments[1].answers), (0, None, Some(1)));
    }

    #[tokio::test]
    async fn a_review_names_its_lines_on_the_side_of_the_head() {
        let (fake, github) = github();
        fake.answer(Method::Post, "/repos/o/r/pulls/7/reviews", answer(200, &json!({"id": 1})));
        let comment = |start_line| NewReviewComment { path: "a.py".into(), body: "b".into(), start_line, line: 4 };
        let head = "a".repeat(40).parse().unwrap();
        let comments = [comment(Some(2)), comment(Some(4)), comment(None)];
        github.create_review(&"o/r".parse().unwrap(), 7.try_into().unwrap(), &head, &comments).await.unwrap();
        let sent = fake.sent()[0].body.clone().unwrap();
        assert_eq!(sent["event"], "COMMENT");
        assert_eq!(sent["comments"][0]["start_line"], 2);
        assert_eq!(sent["comments"][1].get("start_line"), None);
        assert_eq!(sent["comments"][2]["side"], "RIGHT");
    }
}
