//! Profiles in files: `DIR/OWNER/REPO/SHA/`, or one file named by a command. Reads, never writes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eco_coder_shared::ids::{CommitSha, RepoName};
use sha2::{Digest, Sha256};

use super::cpu::CpuPool;
use super::pprof::{self, Limits};
use crate::results::{ErrorType, PerformanceProfile, ToolError};
use crate::subject::Target;

/// What a profile's name ends with.
const ENDINGS: [&str; 5] = [".pprof", ".pb.gz", ".pb", ".folded", ".txt"];

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
        Self { place, folded_sample_ms, pool, limits: Limits::default() }
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
        let bytes = tokio::fs::read(&found.path).await.map_err(unreadable)?;
        let source = found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let profiling_id = format!("profile-{}", hex::encode(&Sha256::digest(&bytes)[..8]));
        let (limits, sample_ms) = (self.limits.clone(), self.folded_sample_ms);
        let parse = move || pprof::read(&bytes, sample_ms, &limits);
        let (profile, _) = self.pool.run(parse).await.map_err(|e| invalid(e.to_string()))?;
        let profile = profile.map_err(|e| invalid(e.to_string()))?;
        Ok(Some(PerformanceProfile { profiling_id, profile, flame_graph_url: None, source }))
    }

    async fn newest(
        &self,
        repository: &RepoName,
        head: &CommitSha,
        period: Option<Duration>,
    ) -> std::io::Result<Option<Found>> {
        let directory = match &self.place {
            Place::File(path) => return Ok(Some(found(path).await?)),
            Place::Dir(dir) => dir.join(repository.owner()).join(repository.name()).join(head.as_str()),
        };
        let mut entries = match tokio::fs::read_dir(&directory).await {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut newest: Option<Found> = None;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_file = entry.file_type().await?.is_file();
            if !is_file || !ENDINGS.iter().any(|ending| name.ends_with(ending)) {
                continue;
            }
            let candidate = found(&entry.path()).await?;
            let too_old = period.is_some_and(|p| candidate.modified.elapsed().is_ok_and(|age| age > p));
            let is_newer =
                newest.as_ref().is_none_or(|n| (candidate.modified, &candidate.path) > (n.modified, &n.path));
            if !too_old && is_newer {
                newest = Some(candidate);
            }
        }
        Ok(newest)
    }
}

async fn found(path: &Path) -> std::io::Result<Found> {
    let metadata = tokio::fs::metadata(path).await?;
    Ok(Found { path: path.to_owned(), bytes: metadata.len(), modified: metadata.modified()? })
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
