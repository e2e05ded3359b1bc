//! What workflows of GitHub Actions left for a commit: profiles, benchmark results and what linters found, in an artifact whose name
//! the settings say. Brought to where the readers of each look, once; opened with bounds; never run.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod unpack;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eco_coder_github::{ApiError, GitHub};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, RepoName};
use tokio::sync::Semaphore;

use self::unpack::{Kind, Unpacked, unpack};

/// The largest zip file that is downloaded, bytes.
const MAX_ZIP: usize = 24 << 20;
/// The most artifacts of a commit: a workflow that runs again leaves another one.
const MAX_ARTIFACTS: usize = 3;
/// How long what was brought is kept.
const KEPT: Duration = Duration::from_hours(24 * 14);

/// Where the readers look: `DIR/OWNER/REPO/SHA/`.
#[derive(Debug, Clone)]
pub struct Places {
    /// Profiles; `None`: nobody reads them.
    pub profiles: Option<PathBuf>,
    /// Benchmark results.
    pub benchmarks: PathBuf,
    /// Linters' results.
    pub sarif: PathBuf,
    /// What was brought already.
    pub brought: PathBuf,
}

/// Brings them.
pub struct Artifacts {
    github: GitHub,
    name: String,
    places: Places,
    /// One is in memory at a time, over all reviews.
    turn: Semaphore,
}

impl Artifacts {
    /// Those of this name.
    pub fn new(github: GitHub, name: String, places: Places) -> Self {
        Self { github, name, places, turn: Semaphore::new(1) }
    }

    /// Brings what is there and wasn't brought yet. One request if there is nothing new. What can't be used is logged: a workflow
    /// that leaves garbage is no reason for no review.
    pub async fn bring(&self, repository: &RepoName, sha: &CommitSha) -> Result<(), ApiError> {
        let found = match self.github.artifacts(repository, &self.name, sha).await {
            // The token may not read Actions, or they are switched off: there is nothing to bring.
            Err(error @ (ApiError::NotFound | ApiError::Gone | ApiError::Forbidden { .. })) => {
                tracing::warn!(component = "artifacts", %error, "artifacts can't be listed; the token needs Actions: read");
                return Ok(());
            }
            other => other?,
        };
        for artifact in found.into_iter().take(MAX_ARTIFACTS) {
            let mark = place(&self.places.brought, repository, sha).join(artifact.id.to_string());
            if tokio::fs::try_exists(&mark).await.unwrap_or(false) {
                continue;
            }
            let _turn = self.turn.acquire().await;
            if artifact.bytes > MAX_ZIP as u64 {
                tracing::warn!(
                    component = "artifacts",
                    artifact = artifact.id,
                    bytes = artifact.bytes,
                    "an artifact is too large"
                );
            } else {
                let zip = match self.github.artifact_zip(repository, artifact.id, MAX_ZIP).await {
                    Err(
                        error @ (ApiError::NotFound
                        | ApiError::Gone
                        | ApiError::TooLarge { .. }
                        | ApiError::Blocked { .. }),
                    ) => {
                        tracing::warn!(component = "artifacts", artifact = artifact.id, %error, "an artifact can't be had");
                        continue;
                    }
                    other => other?,
                };
                self.open(repository, sha, artifact.id, zip).await;
            }
            if let Err(error) = write(&mark, b"").await {
                tracing::warn!(component = "artifacts", %error, "what was brought can't be noted; it is brought again");
            }
        }
        Ok(())
    }

    /// Puts each file where it is looked for.
    async fn open(&self, repository: &RepoName, sha: &CommitSha, id: u64, zip: bytes::Bytes) {
        let opened = tokio::task::spawn_blocking(move || unpack(&zip)).await;
        let Unpacked { files, refused } = opened.unwrap_or_else(|_| Unpacked::refused("it could not be opened"));
        let count = files.len();
        for file in files {
            let Some(dir) = self.dir(file.kind) else { continue };
            let path = place(dir, repository, sha).join(format!("{id}")).join(&file.path);
            // Readers of profiles and SARIF look at one level.
            let path = match file.kind {
                Kind::Benchmark => path,
                _ => place(dir, repository, sha).join(format!("{id}-{}", file.path.replace('/', "-"))),
            };
            if let Err(error) = write(&path, &file.bytes).await {
                tracing::warn!(component = "artifacts", artifact = id, %error, "a file of an artifact can't be written");
            }
        }
        tracing::info!(component = "artifacts", artifact = id, files = count, refused = ?refused, "an artifact was brought");
    }

    fn dir(&self, kind: Kind) -> Option<&Path> {
        match kind {
            Kind::Profile => self.places.profiles.as_deref(),
            Kind::Benchmark => Some(&self.places.benchmarks),
            Kind::Sarif => Some(&self.places.sarif),
        }
    }

    /// Deletes what was brought long ago, by its mark.
    pub async fn tidy(&self, now: Timestamp) {
        let places = self.places.clone();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.0).unwrap_or(0));
        let tidied = tokio::task::spawn_blocking(move || tidy(&places, now)).await;
        if let Ok(Err(error)) = tidied {
            tracing::warn!(component = "artifacts", %error, "what was brought long ago could not be deleted");
        }
    }
}

fn place(dir: &Path, repository: &RepoName, sha: &CommitSha) -> PathBuf {
    dir.join(repository.owner()).join(repository.name()).join(sha.as_str())
}

/// Whole or not at all.
async fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    tokio::fs::create_dir_all(folder).await?;
    let half = path.with_extension("half");
    tokio::fs::write(&half, bytes).await?;
    tokio::fs::rename(&half, path).await
}

/// For each old mark: it, and the files that came with it.
fn tidy(places: &Places, now: SystemTime) -> io::Result<()> {
    let dirs = [places.profiles.as_ref(), Some(&places.benchmarks), Some(&places.sarif)];
    for commit in commits(&places.brought)? {
        let Ok(relative) = commit.strip_prefix(&places.brought) else { continue };
        for mark in entries(&commit)? {
            let age = now.duration_since(mark.metadata()?.modified()?);
            if !age.is_ok_and(|age| age > KEPT) {
                continue;
            }
            let id = mark.file_name().to_string_lossy().into_owned();
            dirs.into_iter().flatten().try_for_each(|dir| forget(&dir.join(relative), &id))?;
            std::fs::remove_file(mark.path())?;
        }
        // Only if it is empty by now.
        let _ = std::fs::remove_dir(&commit);
    }
    Ok(())
}

/// `DIR/OWNER/REPO/SHA`, each of them.
fn commits(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut level = vec![dir.to_owned()];
    for _ in 0..3 {
        let below: Vec<Vec<PathBuf>> = level.iter().map(|folder| folders(folder)).collect::<io::Result<_>>()?;
        level = below.concat();
    }
    Ok(level)
}

/// Deletes the files that came with this artifact.
fn forget(folder: &Path, id: &str) -> io::Result<()> {
    let prefix = format!("{id}-");
    for entry in entries(folder)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == id && entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else if name.starts_with(&prefix) && entry.file_type()?.is_file() {
            std::fs::remove_file(entry.path())?;
        }
    }
    let _ = std::fs::remove_dir(folder);
    Ok(())
}

fn entries(folder: &Path) -> io::Result<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other?.collect(),
    }
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let is_folder = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries(folder)?.iter().filter(|entry| is_folder(entry)).map(std::fs::DirEntry::path).collect())
}

#[cfg(test)]
mod tests;
