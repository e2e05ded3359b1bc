//! The source of a repository at a head, with the history back to a base, as one zip: for an engine that reads source where
//! it can't be asked for file by file. It stands in a directory of its own while the archive is in use, and nowhere after,
//! however that ends. Never sends it anywhere.

mod archive;
mod git;
mod scratch;

use std::path::Path;
use std::sync::Arc;

use eco_coder_github::{ApiError, GitHub};
use eco_coder_shared::config::Surroundings;
use eco_coder_shared::ids::{CommitSha, RepoName};
use tokio::sync::Semaphore;

use self::git::Git;
use self::scratch::Scratch;

/// Archives of one process that are there at once.
const AT_ONCE: usize = 2;
/// Commits that are fetched back from head and base: few at first, and more if the base isn't among them.
const DEPTHS: [u32; 2] = [64, 1024];
/// The branch in the archive whose tip is the head.
pub const HEAD_BRANCH: &str = "eco-coder-head";
/// That of the base.
const BASE_BRANCH: &str = "eco-coder-base";

/// The most that is taken, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of what git sends, packed.
    pub packed: u64,
    /// Of all files at the head.
    pub unpacked: u64,
    /// Of the archive.
    pub archive: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { packed: 200 << 20, unpacked: 512 << 20, archive: 200 << 20 }
    }
}

impl Bounds {
    /// What one archive may need while it is made.
    fn room(&self) -> u64 {
        self.packed + self.unpacked + self.archive
    }
}

/// Where the source is, and what `git` is run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where repositories are cloned from: `https://github.com`.
    pub root: String,
    /// What `git` gets to see, and where it may write.
    pub surroundings: Surroundings,
    /// The most that is taken.
    pub bounds: Bounds,
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// `git` can't be started.
    #[error("git can't be started ({0}): install git where the worker runs, and see that it is on the PATH")]
    NoGit(std::io::Error),
    /// `git` is one that would not keep to what it is told.
    #[error("{version} is too old: install git 2.31 or newer where the worker runs")]
    OldGit {
        /// As it says.
        version: String,
    },
    /// `git` refused.
    #[error("git {command} failed: {message}")]
    Git {
        /// The subcommand.
        command: &'static str,
        /// Its last words, cut.
        message: String,
    },
    /// There is no place to work in, or it is full.
    #[error(
        "the source can't be put together: {0}; look at the room in /dev/shm and in the directory that TMPDIR names"
    )]
    Scratch(std::io::Error),
    /// More than the bound.
    #[error("{what} more than {} MiB, the most that is uploaded", most >> 20)]
    TooLarge {
        /// What has.
        what: &'static str,
        /// Bytes.
        most: u64,
    },
    /// GitHub gave no token.
    #[error("there is no token to fetch the source with: {0}")]
    Token(#[from] ApiError),
}

impl SourceError {
    /// May it be otherwise in a while?
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Git { command, .. } => *command == git::FETCH,
            Self::Token(error) => {
                matches!(
                    error,
                    ApiError::RateLimited { .. } | ApiError::Unavailable { .. } | ApiError::Ambiguous { .. }
                )
            }
            Self::NoGit(_) | Self::OldGit { .. } | Self::Scratch(_) | Self::TooLarge { .. } => false,
        }
    }
}

/// Makes archives.
pub struct Sources {
    github: GitHub,
    settings: Settings,
    places: Arc<Semaphore>,
}

/// A zip in a directory of its own; both are gone when this is.
pub struct Archive {
    scratch: Arc<Scratch>,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Archive {
    /// The file.
    pub fn path(&self) -> &Path {
        self.scratch.archive()
    }
}

/// Is there a `git` that will do? For `eco-coder doctor`.
pub async fn check_git(settings: &Settings) -> Result<(), SourceError> {
    Git::new(Path::new("/"), Path::new("/"), &settings.root, &settings.surroundings).check().await
}

impl Sources {
    /// Fetches nothing yet.
    pub fn new(github: GitHub, settings: Settings) -> Self {
        Self { github, settings, places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// The source at `head` with a `.git` in which `head` is checked out and `base` is there. The caller bounds the time.
    pub async fn archive(
        &self,
        repository: &RepoName,
        head: &CommitSha,
        base: &CommitSha,
    ) -> Result<Archive, SourceError> {
        let Settings { root, surroundings, bounds } = &self.settings;
        // Never closed.
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|e| SourceError::Scratch(std::io::Error::other(e)))?;
        check_git(&self.settings).await?;
        let token = self.github.token_for(repository).await?;
        let scratch = Arc::new(Scratch::new(surroundings.scratch(), bounds.room()).map_err(SourceError::Scratch)?);
        let git = Git::new(&scratch.source(), scratch.home(), root, surroundings);
        git.init(HEAD_BRANCH).await?;
        let url = format!("{root}/{repository}.git");
        for depth in DEPTHS {
            git.fetch(&url, token.as_ref(), depth, [(head, HEAD_BRANCH), (base, BASE_BRANCH)], bounds.packed).await?;
            if git.is_ancestor(base, head).await? {
                break;
            }
        }
        // Asked before anything is unpacked: a few bytes of pack may be very many of files.
        if git.size_of(head).await? > bounds.unpacked {
            return Err(SourceError::TooLarge { what: "the files at the head have", most: bounds.unpacked });
        }
        git.check_out().await?;
        let (shared, most) = (Arc::clone(&scratch), bounds.archive);
        // The task holds the directory, too: it is gone when both are done with it.
        let packed =
            tokio::task::spawn_blocking(move || archive::write(&shared.source(), shared.archive(), most)).await;
        packed.map_err(|e| SourceError::Scratch(std::io::Error::other(e)))??;
        Ok(Archive { scratch, _place: place })
    }
}

#[cfg(test)]
mod tests;
