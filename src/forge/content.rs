//! What a repository holds: commits and files, either made up in memory or read from a git working copy.
//!
//! Answers the same few questions for both kinds: which commit a name means, what two commits have in common, what
//! changed between them, what stands at a path. Knows nothing of pull requests or HTTP, and changes no working copy.

use std::collections::BTreeMap;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::CommitSha;

pub mod diff;
pub mod git;
pub mod memory;
pub mod objects;

use git::GitCopy;
use memory::Memory;

/// A whole snapshot: file contents by path.
pub type Tree = BTreeMap<String, Vec<u8>>;

/// The branch that a repository in memory starts with.
pub const DEFAULT_BRANCH: &str = "main";

/// Why a repository can't answer. The messages carry git's words only where git wrote them for the user's own command.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A branch, tag or commit that isn't there.
    #[error("there is no commit named {0:?} in the repository: name a branch, a tag or a commit that exists")]
    UnknownRevision(String),
    /// A name that git could take for an option or a range.
    #[error("{0:?} can't be the name of a commit: use a branch, a tag or a commit SHA")]
    BadRevision(String),
    /// The operation needs a repository in memory.
    #[error("a git working copy is only read: commit with git itself, then push by revision")]
    ReadOnly,
    /// A blob that is too large to be read at all.
    #[error("a blob of the repository is larger than {} MiB, the most that is read of one", git::MAX_BLOB >> 20)]
    TooLarge,
    /// git isn't installed, or can't be started.
    #[error("git can't be started ({0}): install git and make sure that it is on the PATH")]
    NoGit(std::io::Error),
    /// git refused.
    #[error("git {command} failed in {path}: {message}")]
    Git {
        /// The subcommand.
        command: &'static str,
        /// The working copy.
        path: String,
        /// The last line git wrote, shortened.
        message: String,
    },
    /// git answered something unexpected.
    #[error("git {0} gave an answer that can't be read: check that git is version 2.30 or newer")]
    Unreadable(&'static str),
}

/// What happened to a file, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeStatus {
    /// New.
    Added,
    /// Other content.
    Modified,
    /// Gone.
    Removed,
    /// Other path, and maybe content.
    Renamed,
    /// Other mode or type.
    Changed,
}

impl ChangeStatus {
    /// As the API has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Modified => "modified",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Changed => "changed",
        }
    }
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// Path at the newer commit (at the older one for a removed file).
    pub path: String,
    /// Path before a rename.
    pub previous_path: Option<String>,
    /// What happened.
    pub status: ChangeStatus,
    /// Lines added.
    pub additions: usize,
    /// Lines removed.
    pub deletions: usize,
    /// Unified hunks without file headers; none for binary, very large and content-less changes.
    pub patch: Option<String>,
    /// The blob at the newer commit (at the older one for a removed file).
    pub blob: String,
}

/// One commit, as far as people look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its name.
    pub sha: CommitSha,
    /// The commits it follows.
    pub parents: Vec<CommitSha>,
    /// Its author's name.
    pub author: String,
    /// When it was made.
    pub at: Timestamp,
    /// The whole message.
    pub message: String,
}

/// How two commits relate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Where both come from.
    pub merge_base: CommitSha,
    /// Commits that only the head has, oldest first; at most 250, as GitHub lists.
    pub commits: Vec<CommitInfo>,
    /// How many commits only the head has.
    pub ahead_by: usize,
    /// How many commits only the base has.
    pub behind_by: usize,
}

/// What stands in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Name without path.
    pub name: String,
    /// `file`, `dir`, `symlink` or `submodule`.
    pub kind: &'static str,
    /// Git's name of it.
    pub sha: String,
    /// Bytes; 0 for what has no size.
    pub size: usize,
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A file's bytes.
    File {
        /// Git's name of it.
        sha: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// A directory.
    Directory(Vec<DirectoryEntry>),
    /// A symbolic link that leads nowhere within the repository.
    Symlink {
        /// Git's name of it.
        sha: String,
        /// Where it points.
        target: String,
    },
    /// Another repository's commit.
    Submodule {
        /// That commit.
        sha: String,
    },
}

/// A repository's commits and files.
#[derive(Debug)]
pub enum Content {
    /// Made up, for tests and the demo.
    Memory(Memory),
    /// A working copy on this machine, read through the `git` command.
    Git(GitCopy),
}

impl Content {
    /// A repository in memory, whose branch [`DEFAULT_BRANCH`] has one commit with these files.
    pub fn memory(tree: Tree) -> Self {
        Self::Memory(Memory::new(tree))
    }

    /// A git working copy or bare repository. Nothing is read yet.
    pub fn git(path: impl Into<std::path::PathBuf>) -> Self {
        Self::Git(GitCopy::new(path))
    }

    /// The commit that a branch, tag or SHA means.
    pub fn resolve(&self, revision: &str) -> Result<CommitSha, ContentError> {
        match self {
            Self::Memory(memory) => memory.resolve(revision),
            Self::Git(copy) => copy.resolve(revision),
        }
    }

    /// A new commit on `branch`; a branch that isn't there starts at the default branch's commit.
    pub fn commit(&self, branch: &str, tree: Tree, message: &str, at: Timestamp) -> Result<CommitSha, ContentError> {
        match self {
            Self::Memory(memory) => memory.commit(branch, tree, message, at),
            Self::Git(_) => Err(ContentError::ReadOnly),
        }
    }

    /// How `head` relates to `base`. `None` if they share no history.
    pub fn relation(&self, base: &CommitSha, head: &CommitSha) -> Result<Option<Relation>, ContentError> {
        match self {
            Self::Memory(memory) => Ok(memory.relation(base, head)),
            Self::Git(copy) => copy.relation(base, head),
        }
    }

    /// One commit.
    pub fn commit_info(&self, sha: &CommitSha) -> Result<CommitInfo, ContentError> {
        match self {
            Self::Memory(memory) => memory.commit_info(sha),
            Self::Git(copy) => copy.commit_info(sha),
        }
    }

    /// The files that differ, ordered by path.
    pub fn changes(&self, from: &CommitSha, to: &CommitSha) -> Result<Vec<FileChange>, ContentError> {
        match self {
            Self::Memory(memory) => memory.changes(from, to),
            Self::Git(copy) => copy.changes(from, to),
        }
    }

    /// What stands at `path` as of a commit; the empty path is the root.
    pub fn entry(&self, commit: &CommitSha, path: &str) -> Result<Option<Entry>, ContentError> {
        match self {
            Self::Memory(memory) => memory.entry(commit, path),
            Self::Git(copy) => copy.entry(commit, path),
        }
    }

    /// Where git itself can read it. One in memory is written to `scratch`, an empty directory.
    pub fn as_git(&self, scratch: &std::path::Path) -> Result<std::path::PathBuf, ContentError> {
        match self {
            Self::Memory(memory) => memory.write_to(scratch).map(|()| scratch.to_owned()),
            Self::Git(copy) => Ok(copy.path().to_owned()),
        }
    }

    /// A blob's bytes.
    pub fn blob(&self, sha: &CommitSha) -> Result<Option<Vec<u8>>, ContentError> {
        match self {
            Self::Memory(memory) => Ok(memory.blob(sha)),
            Self::Git(copy) => copy.blob(sha),
        }
    }
}
