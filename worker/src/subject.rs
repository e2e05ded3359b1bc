//! What a review looks at: the pull request at its head, and the files it changes. Ids and lists; source text is fetched
//! when it is analysed, and dropped then.

use std::sync::Arc;

use eco_coder_analyzer::LineSet;
use eco_coder_github::patch::{self, PatchError};
use eco_coder_github::pulls::MAX_FILES;
use eco_coder_github::{ApiError, ChangedFile, FileStatus, GitHub, Pull};
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};
use serde::{Deserialize, Serialize};

use crate::diff::Diff;
use crate::repository::RepositorySettings;

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
    /// What the base branch says of reviews.
    pub settings: Arc<RepositorySettings>,
}

impl Head {
    /// Reads where the branch left its base, and what the base says of reviews: as it was when the branch was last pushed.
    pub async fn read(github: &GitHub, pull: Pull) -> Result<Self, ApiError> {
        let merge_base_sha = github.merge_base(&pull.base_repo, &pull.base_sha, &pull.head_sha).await?;
        let target = Target {
            repository: pull.base_repo.clone(),
            repository_id: pull.base_repo_id,
            pull_request: pull.number,
            head_sha: pull.head_sha.clone(),
            merge_base_sha,
        };
        let settings = RepositorySettings::read(github, &pull.base_repo, &pull.base_sha).await?;
        Ok(Self { pull, target, settings: Arc::new(settings) })
    }
}

/// Ranges of changed lines that are kept of one file: 32 kB. A file with more is compared when its turn comes.
const MAX_RANGES: usize = 4096;

/// Where a file changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nowhere: there is no text at the head that could be new.
    Nothing,
    /// On these lines.
    Lines(LineSet),
    /// GitHub gives no patch, or it has very many parts: both versions are to be compared.
    Unknown,
    /// The patch can't be read.
    Unreadable(PatchError),
}

/// A file that the pull request changes: names and numbers, none of its text. A review waits for a model with these in
/// hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFile {
    /// Path at the head: its author's words.
    pub path: String,
    /// Path before a rename.
    pub previous_path: Option<String>,
    /// Where it changed.
    pub change: Change,
}

impl From<ChangedFile> for SubjectFile {
    fn from(file: ChangedFile) -> Self {
        let change = match &file.patch {
            _ if !has_new_text(&file) => Change::Nothing,
            None => Change::Unknown,
            Some(patch) => match patch::changed_lines(patch) {
                Ok(ranges) if ranges.len() > MAX_RANGES => Change::Unknown,
                Ok(ranges) => Change::Lines(LineSet::from_ranges(ranges)),
                Err(error) => Change::Unreadable(error),
            },
        };
        Self { path: file.path, previous_path: file.previous_path, change }
    }
}

/// Is the changed text kept, packed, or dropped when its lines are counted?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// A model is to read it.
    Kept,
    /// Nobody is.
    Dropped,
}

/// The pull request with its changed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What is reviewed.
    pub target: Target,
    /// The changed files that are listed.
    pub files: Vec<SubjectFile>,
    /// There may be more files, whose names GitHub doesn't tell.
    pub truncated: bool,
    /// All files that the pull request changes.
    pub files_changed: usize,
    /// What the base branch says of reviews.
    pub settings: Arc<RepositorySettings>,
}

impl Subject {
    /// Lists the changed files, as far as GitHub does, with what they change if a model is to read it. It lists those of whatever is head then; `None`: the head
    /// or the base has moved meanwhile, and this list belongs to neither.
    pub async fn read(github: &GitHub, head: &Head, text: Text) -> Result<Option<(Self, Diff)>, ApiError> {
        let mut diff = Diff::new();
        let keep = |file: ChangedFile| {
            if text == Text::Kept && file.status != FileStatus::Removed && has_new_text(&file) {
                diff.add(&file.path, file.patch.as_deref());
            }
            SubjectFile::from(file)
        };
        let list = github.pull_files(&head.pull.base_repo, head.pull.number, MAX_FILES, keep).await?;
        let now = github.pull(&head.pull.base_repo, head.pull.number).await?;
        if (&now.head_sha, &now.base_sha) != (&head.pull.head_sha, &head.pull.base_sha) {
            return Ok(None);
        }
        let files_changed = usize::try_from(head.pull.changed_files).unwrap_or(usize::MAX);
        let subject = Self {
            target: head.target.clone(),
            files_changed: files_changed.max(list.files.len()),
            files: list.files,
            truncated: list.truncated,
            settings: Arc::clone(&head.settings),
        };
        Ok(Some((subject, diff)))
    }

    /// The repository whose contents hold both commits, a fork's head too.
    pub fn repository(&self) -> &RepoName {
        &self.target.repository
    }
}

/// Has this file any text at the head that could be new?
fn has_new_text(file: &ChangedFile) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(status: FileStatus, additions: u64, patch: Option<&str>) -> Change {
        let file = ChangedFile {
            path: "a.py".into(),
            previous_path: None,
            status,
            additions,
            deletions: 0,
            patch: patch.map(Into::into),
            blob_sha: None,
        };
        SubjectFile::from(file).change
    }

    #[test]
    fn a_patch_becomes_line_numbers_and_is_dropped() {
        let lines = changed(FileStatus::Modified, 1, Some("@@ -1 +1,2 @@\n a\n+b"));
        assert_eq!(lines, Change::Lines(LineSet::from_ranges([2..=2])));
        assert_eq!(changed(FileStatus::Removed, 0, Some("@@ -1 +0,0 @@\n-a")), Change::Nothing);
        assert_eq!(changed(FileStatus::Renamed, 0, None), Change::Nothing);
        assert_eq!(changed(FileStatus::Modified, 9, None), Change::Unknown);
        assert!(matches!(changed(FileStatus::Modified, 1, Some("nonsense")), Change::Unreadable(_)));
    }

    #[test]
    fn beyond_the_ranges_kept_a_file_is_compared_later() {
        let patch = |ranges: usize| {
            let body = "\n a\n+b".repeat(ranges);
            format!("@@ -1,{ranges} +1,{} @@{body}", 2 * ranges)
        };
        assert!(matches!(changed(FileStatus::Modified, 9, Some(&patch(MAX_RANGES))), Change::Lines(_)));
        assert_eq!(changed(FileStatus::Modified, 9, Some(&patch(MAX_RANGES + 1))), Change::Unknown);
    }
}
