//! Profiles in files: `DIR/OWNER/REPO/SHA/`, or one file named by a command. Reads, never writes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eco_coder_shared::ids::{CommitSha, RepoName};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::cpu::CpuPool;
use super::cpu::budget::CpuBudget;
use super::pprof::{self, Limits};
use crate::gate::Gate;
use crate::results::{ErrorType, PerformanceProfile, ToolError};
use crate::subject::Target;

/// What a profile's name ends with.
const ENDINGS: [&str; 5] = [".pprof", ".pb.gz", ".pb", ".folded", ".txt"];

/// Looks at directories at once, over all reviews: each holds a thread while it waits for the disk.
const LOOKS: usize = 4;

/// Where the files are.
#[derive(Debug, Clone)]
pub enum Place {
    /// One file, whatever the commit.
    File(PathBuf),
    /// `DIR/OWNER/REPO/SHA/`.
    Dir(PathBuf),
}

/// The engine.
pub struct ProfileFiles {
    place: Place,
    /// CPU milliseconds of one sample of folded stacks.
    folded_sample_ms: Option<f64>,
    pool: CpuPool,
    /// Profiles in memory: no more than can be read into figures at once.
    in_hand: Gate,
    looks: Semaphore,
    limits: Limits,
}

struct Found {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

impl ProfileFiles {
    /// Looks in `place`.
    pub fn new(place: Place, folded_sample_ms: Option<f64>, pool: CpuPool) -> Self {
        let in_hand = Gate::new(pool.threads());
        Self { place, folded_sample_ms, pool, in_hand, looks: Semaphore::new(LOOKS), limits: Limits::default() }
    }

    /// The newest profile's name, size and time: changes when another one comes. Cheap.
    pub async fn fingerprint(&self, repository: &RepoName, head: &CommitSha) -> String {
        let found = self.newest(repository, head, None).await.ok().flatten();
        found.map_or_else(String::new, |f| {
            format!("{}:{}:{:?}:{:?}", f.path.display(), f.bytes, f.modified, self.folded_sample_ms)
        })
    }

    /// The newest profile of the commit; `None`: there is none.
    pub async fn profile(
        &self,
        target: &Target,
        period: Option<Duration>,
    ) -> Result<Option<PerformanceProfile>, ToolError> {
        let Some(found) = self.newest(&target.repository, &target.head_sha, period).await.map_err(unreadable)? else {
            return Ok(None);
        };
        if found.bytes > self.limits.max_input_bytes as u64 {
            return Err(invalid(format!(
                "the profile has {} bytes; {} are read",
                found.bytes, self.limits.max_input_bytes
            )));
        }
        let in_hand = self.in_hand.acquire(target.repository_id, 1).await;
        let bytes = tokio::fs::read(&found.path).await.map_err(unreadable)?;
        let source = found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let profiling_id = format!("profile-{}", hex::encode(&Sha256::digest(&bytes)[..8]));
        let (limits, sample_ms) = (self.limits.clone(), self.folded_sample_ms);
        // The permit goes with the bytes: a read that is given up holds them until its thread is done.
        let parse = move |_| {
            let _in_hand = in_hand;
            pprof::read(&bytes, sample_ms, &limits)
        };
        let read = self.pool.run(target.repository_id, &CpuBudget::unlimited(), parse).await;
        let (profile, _) = read.map_err(|e| invalid(e.to_string()))?;
        let profile = profile.map_err(|e| invalid(e.to_string()))?;
        Ok(Some(PerformanceProfile { profiling_id, profile, flame_graph_url: None, source }))
    }

    async fn newest(
        &self,
        repository: &RepoName,
        head: &CommitSha,
        period: Option<Duration>,
    ) -> std::io::Result<Option<Found>> {
        let place = match &self.place {
            Place::File(path) => Place::File(path.clone()),
            Place::Dir(dir) => Place::Dir(dir.join(repository.owner()).join(repository.name()).join(head.as_str())),
        };
        // The runtime would make a thread for each look that waits for the disk.
        let _look = self.looks.acquire().await;
        let look = move || match place {
            Place::File(path) => found(path).map(Some),
            Place::Dir(dir) => newest_in(&dir, period),
        };
        tokio::task::spawn_blocking(look).await.map_err(std::io::Error::other)?
    }
}

fn newest_in(directory: &Path, period: Option<Duration>) -> std::io::Result<Option<Found>> {
    let entries = match std::fs::read_dir(directory) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut newest: Option<Found> = None;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.file_type()?.is_file() || !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let candidate = found(entry.path())?;
        let too_old = period.is_some_and(|p| candidate.modified.elapsed().is_ok_and(|age| age > p));
        let is_newer = newest.as_ref().is_none_or(|n| (candidate.modified, &candidate.path) > (n.modified, &n.path));
        if !too_old && is_newer {
            newest = Some(candidate);
        }
    }
    Ok(newest)
}

fn found(path: PathBuf) -> std::io::Result<Found> {
    let metadata = std::fs::metadata(&path)?;
    Ok(Found { path, bytes: metadata.len(), modified: metadata.modified()? })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(e: std::io::Error) -> ToolError {
    ToolError {
        error_type: ErrorType::ApiError,
        for_model: "the profile could not be read".to_owned(),
        for_operator: format!("reading the profile failed: {e}"),
    }
}

fn invalid(why: String) -> ToolError {
    ToolError { error_type: ErrorType::ValidationError, for_model: why.clone(), for_operator: why }
}
