//! Pull requests: their state, their merge base, and their changed files. Reads only.

use std::ops::ControlFlow;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};
use serde::{Deserialize, Deserializer};

use crate::client::GitHub;
use crate::error::ApiError;
use crate::pages::PAGE_SIZE;
use crate::transport::{Method, Request};
use crate::users::{User, WireUser};

mod listed;
#[cfg(test)]
mod tests;

pub use listed::ListedPull;

/// The most files of one pull request that GitHub lists.
/// Source: <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>
pub const MAX_FILES: usize = 3000;

/// Open or not; a merged one is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// Can be merged or closed.
    Open,
    /// Merged or closed.
    Closed,
}

/// A pull request as it is now. Title, branch and label names are its author's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// GitHub's number of it in the whole world.
    pub id: u64,
    /// Its number in the repository.
    pub number: PullNumber,
    /// Open or closed.
    pub state: PullState,
    /// Closed by merging.
    pub merged: bool,
    /// Not ready for review.
    pub draft: bool,
    /// One line.
    pub title: String,
    /// Who opened it.
    pub author: User,
    /// The newest commit to be merged.
    pub head_sha: CommitSha,
    /// The branch it comes from, in the head repository, which may be gone.
    pub head_ref: String,
    /// The base branch's commit. Not the merge base, see [`GitHub::merge_base`].
    pub base_sha: CommitSha,
    /// The branch it goes to.
    pub base_ref: String,
    /// The repository it goes to.
    pub base_repo_id: RepoId,
    /// That repository's name now, maybe another than the one asked for.
    pub base_repo: RepoName,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
    /// Files changed against the merge base; may be more than GitHub lists.
    pub changed_files: u32,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// New.
    Added,
    /// Deleted.
    Removed,
    /// Other content.
    Modified,
    /// Other path, and maybe content.
    Renamed,
    /// A copy of another file, maybe changed.
    Copied,
    /// Other mode or type.
    Changed,
    /// The same.
    Unchanged,
    /// A word that GitHub invented since.
    #[serde(other)]
    Other,
}

/// A file that a pull request changes. Paths and patch are its author's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedFile {
    /// Path at the head (at the merge base for a removed file); any characters but NUL.
    #[serde(rename = "filename")]
    pub path: String,
    /// Path before a rename.
    #[serde(rename = "previous_filename", default)]
    pub previous_path: Option<String>,
    /// What happened.
    pub status: FileStatus,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The hunks, for [`patch`](crate::patch). None for binary files, pure renames, and where GitHub finds it too large:
    /// then [`GitHub::content`] has the whole file.
    #[serde(default)]
    pub patch: Option<String>,
    /// The blob at the head; none for what isn't a blob.
    #[serde(rename = "sha", default, deserialize_with = "maybe_sha")]
    pub blob_sha: Option<CommitSha>,
}

/// The changed files, as far as they were asked for and GitHub lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileList<T = ChangedFile> {
    /// In GitHub's order: by path.
    pub files: Vec<T>,
    /// Paths of the files beyond the number asked for.
    pub left_out: Vec<String>,
    /// GitHub listed [`MAX_FILES`]; there may be more, whose names it doesn't tell.
    pub truncated: bool,
}

#[derive(Deserialize)]
struct WirePull {
    id: u64,
    number: PullNumber,
    state: PullState,
    merged: Option<bool>,
    draft: Option<bool>,
    title: String,
    user: Option<WireUser>,
    head: WireHead,
    base: WireBase,
    #[serde(default)]
    labels: Vec<WireLabel>,
    #[serde(deserialize_with = "rfc3339")]
    updated_at: Timestamp,
    changed_files: u32,
    additions: u64,
    deletions: u64,
}

#[derive(Deserialize)]
struct WireHead {
    sha: CommitSha,
    r#ref: String,
}

#[derive(Deserialize)]
struct WireBase {
    sha: CommitSha,
    r#ref: String,
    repo: WireRepo,
}

#[derive(Deserialize)]
struct WireRepo {
    id: RepoId,
    full_name: RepoName,
}

#[derive(Deserialize)]
struct WireLabel {
    name: String,
}

#[derive(Deserialize)]
struct WireComparison {
    merge_base_commit: WireCommit,
}

#[derive(Deserialize)]
struct WireCommit {
    sha: CommitSha,
}

impl From<WirePull> for Pull {
    fn from(pull: WirePull) -> Self {
        Self {
            id: pull.id,
            number: pull.number,
            state: pull.state,
            merged: pull.merged.unwrap_or(false),
            draft: pull.draft.unwrap_or(false),
            title: pull.title,
            author: pull.user.into(),
            head_sha: pull.head.sha,
            head_ref: pull.head.r#ref,
            base_sha: pull.base.sha,
            base_ref: pull.base.r#ref,
            base_repo_id: pull.base.repo.id,
            base_repo: pull.base.repo.full_name,
            labels: pull.labels.into_iter().map(|label| label.name).collect(),
            updated_at: pull.updated_at,
            changed_files: pull.changed_files,
            additions: pull.additions,
            deletions: pull.deletions,
        }
    }
}

impl GitHub {
    /// The pull request as it is now.
    pub async fn pull(&self, repo: &RepoName, number: PullNumber) -> Result<Pull, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/pulls/{number}"));
        let pull: WirePull = self.json(request, "the pull request").await?;
        Ok(pull.into())
    }

    /// The commit that both sides come from: what a pull request's changes are counted against. `NotFound` if the
    /// histories share nothing.
    pub async fn merge_base(&self, repo: &RepoName, base: &CommitSha, head: &CommitSha) -> Result<CommitSha, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/compare/{base}...{head}"));
        let comparison: WireComparison = self.json(request.query("per_page", 1), "the comparison").await?;
        Ok(comparison.merge_base_commit.sha)
    }

    /// The files that the pull request's current head changes: the first `max` as `keep` makes them, the others by name.
    /// A page is dropped before the next one is asked for, so that what `keep` drops (patches) is never held for all. A
    /// head that moves between two pages mixes them: read the pull request again afterwards, and compare.
    pub async fn pull_files<T: Send>(
        &self,
        repo: &RepoName,
        number: PullNumber,
        max: usize,
        mut keep: impl FnMut(ChangedFile) -> T + Send,
    ) -> Result<FileList<T>, ApiError> {
        let request = Request::new(Method::Get, format!("/repos/{repo}/pulls/{number}/files"));
        let mut list = FileList { files: Vec::new(), left_out: Vec::new(), truncated: false };
        let complete = self
            .pages(request, MAX_FILES / PAGE_SIZE, "the changed files", |page: Vec<ChangedFile>| {
                for file in page {
                    if list.files.len() < max {
                        list.files.push(keep(file));
                    } else {
                        list.left_out.push(file.path);
                    }
                }
                ControlFlow::Continue(())
            })
            .await?;
        list.truncated = !complete || list.files.len() + list.left_out.len() >= MAX_FILES;
        Ok(list)
    }
}

/// A time as GitHub's JSON has it.
pub(crate) fn rfc3339<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    Timestamp::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not a time"))
}

/// A SHA, or none if it is null or isn't one.
fn maybe_sha<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<CommitSha>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
}
