//! What a review looks at: the pull request at its head, and the files it changes. Ids and lists; source text is fetched
//! when it is analysed, and dropped then.

use eco_coder_github::pulls::MAX_FILES;
use eco_coder_github::{ApiError, ChangedFile, FileStatus, GitHub, Pull};
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};
use serde::{Deserialize, Serialize};

/// What was reviewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The repository.
    pub repository: RepoName,
    /// Its number.
    pub repository_id: RepoId,
    /// The pull request.
    pub pull_request: PullNumber,
    /// The reviewed commit.
    pub head_sha: CommitSha,
    /// Where the pull request's branch left its base: changes are counted from here.
    pub merge_base_sha: CommitSha,
}

/// A pull request at one head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// As GitHub answered.
    pub pull: Pull,
    /// Repository, head and merge base.
    pub target: Target,
}

impl Head {
    /// Reads where the branch left its base.
    pub async fn read(github: &GitHub, pull: Pull) -> Result<Self, ApiError> {
        let merge_base_sha = github.merge_base(&pull.base_repo, &pull.base_sha, &pull.head_sha).await?;
        let target = Target {
            repository: pull.base_repo.clone(),
            repository_id: pull.base_repo_id,
            pull_request: pull.number,
            head_sha: pull.head_sha.clone(),
            merge_base_sha,
        };
        Ok(Self { pull, target })
    }
}

/// The pull request with its changed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What is reviewed.
    pub target: Target,
    /// The changed files that are listed.
    pub files: Vec<ChangedFile>,
    /// There may be more files, whose names GitHub doesn't tell.
    pub truncated: bool,
    /// All files that the pull request changes.
    pub files_changed: usize,
}

impl Subject {
    /// Lists the changed files, as far as GitHub does. It lists those of whatever is head then; `None`: the head
    /// or the base has moved meanwhile, and this list belongs to neither.
    pub async fn read(github: &GitHub, head: &Head) -> Result<Option<Self>, ApiError> {
        let list = github.pull_files(&head.pull.base_repo, head.pull.number, MAX_FILES).await?;
        let now = github.pull(&head.pull.base_repo, head.pull.number).await?;
        if (&now.head_sha, &now.base_sha) != (&head.pull.head_sha, &head.pull.base_sha) {
            return Ok(None);
        }
        let files_changed = usize::try_from(head.pull.changed_files).unwrap_or(usize::MAX);
        Ok(Some(Self {
            target: head.target.clone(),
            files_changed: files_changed.max(list.files.len()),
            files: list.files,
            truncated: list.truncated,
        }))
    }

    /// The repository whose contents hold both commits, a fork's head too.
    pub fn repository(&self) -> &RepoName {
        &self.target.repository
    }
}

/// Has this file any text at the head that could be new?
pub fn has_new_text(file: &ChangedFile) -> bool {
    match file.status {
        FileStatus::Removed | FileStatus::Unchanged => false,
        FileStatus::Added
        | FileStatus::Modified
        | FileStatus::Renamed
        | FileStatus::Copied
        | FileStatus::Changed
        | FileStatus::Other => file.additions > 0 || file.patch.is_some(),
    }
}
