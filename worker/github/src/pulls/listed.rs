//! Pull requests as a list shows them: enough to know whether one needs work.

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};
use serde::Deserialize;

use super::{WireBase, WireHead, WireLabel, rfc3339};
use crate::client::GitHub;
use crate::error::ApiError;
use crate::seen::{Page, Seen};
use crate::transport::{Caller, Method, Request};
use crate::users::{User, WireUser};

/// An open pull request. Label names are people's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPull {
    /// Its number in the repository.
    pub number: PullNumber,
    /// Not ready for review.
    pub draft: bool,
    /// Who opened it.
    pub author: User,
    /// The newest commit to be merged.
    pub head_sha: CommitSha,
    /// The repository it goes to.
    pub base_repo_id: RepoId,
    /// That repository's name now.
    pub base_repo: RepoName,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
}

#[derive(Deserialize)]
struct WireListed {
    number: PullNumber,
    draft: Option<bool>,
    user: Option<WireUser>,
    head: WireHead,
    base: WireBase,
    #[serde(default)]
    labels: Vec<WireLabel>,
    #[serde(deserialize_with = "rfc3339")]
    updated_at: Timestamp,
}

impl From<WireListed> for ListedPull {
    fn from(pull: WireListed) -> Self {
        Self {
            number: pull.number,
            draft: pull.draft.unwrap_or(false),
            author: pull.user.into(),
            head_sha: pull.head.sha,
            base_repo_id: pull.base.repo.id,
            base_repo: pull.base.repo.full_name,
            labels: pull.labels.into_iter().map(|label| label.name).collect(),
            updated_at: pull.updated_at,
        }
    }
}

impl GitHub {
    /// A page of the repository's open pull requests, what changed last first: the first one, or the one that `next` of the
    /// page before leads to. Nothing new if the page has this tag.
    pub async fn open_pulls(
        &self,
        repo: &RepoName,
        next: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Seen<Page<ListedPull>>, ApiError> {
        let first = Request::new(Method::Get, format!("/repos/{repo}/pulls"))
            .query("state", "open")
            .query("sort", "updated")
            .query("direction", "desc");
        let first = Request { caller: Caller::Repository(repo.clone()), ..first };
        let read = |page: Vec<WireListed>| page.into_iter().map(ListedPull::from).collect();
        self.page_again(first, next, tag, "the open pull requests", read).await
    }
}
