//! Profiles in files: `DIR/OWNER/REPO/SHA/`, or one file named by a command. Reads, never writes.
//!
//! One profile is in memory at a time, over all reviews: a hostile one takes up to 400 MB to read (see [`Limits`]). It is read
//! on a thread of its own, with turns between repositories, so that it never waits for the analysis of files.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use eco_coder_shared::ids::{CommitSha, RepoName};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::cpu::CpuPool;
use super::cpu::budget::CpuBudget;
use super::measured;
use crate::results::{ErrorType, PerformanceProfile, ToolError};
use crate::subject::Target;
use eco_coder_profile::{Limits, Summary, summary};

/// What a profile's name ends with.
const ENDINGS: [&str; 9] =
    [".pprof", ".pb.gz", ".pb", ".folded", ".txt", ".cpuprofile", ".speedscope.json", ".perf", ".collapsed"];

/// By its name in lower case: is this a profile?
pub fn may_be_a_profile(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

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

/// The reader's stack: reading doesn't recurse.
const STACK_BYTES: usize = 1 << 20;

/// The engine.
pub struct ProfileFiles {
    place: Place,
    /// CPU milliseconds of one sample of folded stacks.
    folded_sample_ms: Option<f64>,
    /// Of one thread: it has one profile in hand.
    reader: CpuPool,
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
    pub fn new(place: Place, folded_sample_ms: Option<f64>) -> std::io::Result<Self> {
        let reader = CpuPool::start(1, STACK_BYTES)?;
        Ok(Self { place, folded_sample_ms, reader, looks: Semaphore::new(LOOKS), limits: Limits::default() })
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
        let source = found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (limits, sample_ms) = (self.limits.clone(), self.folded_sample_ms);
        let read = move |_| read(&found.path, sample_ms, &limits);
        let read = self.reader.run(target.repository_id, &CpuBudget::unlimited(), read).await;
        let (read, _) = read.map_err(|e| invalid(e.to_string()))?;
        let (profiling_id, profile) = read?;
        Ok(Some(PerformanceProfile {
            profiling_id,
            cpu: measured::cpu_of(&profile, &source),
            memory: measured::memory_of(&profile, &source),
            profile,
            flame_graph_url: None,
            source,
            deployed_service: None,
        }))
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

/// The measurement's name, and what it says.
fn read(path: &Path, sample_ms: Option<f64>, limits: &Limits) -> Result<(String, Summary), ToolError> {
    let mut bytes = Vec::new();
    // One byte more than is read: enough for its refusal, however large it is by now.
    let most = limits.max_input_bytes as u64 + 1;
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(unreadable)?;
    let profiling_id = format!("profile-{}", hex::encode(&Sha256::digest(&bytes)[..8]));
    let profile = summary(&bytes, sample_ms, limits).map_err(|e| invalid(e.to_string()))?;
    Ok((profiling_id, profile))
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

#[cfg(test)]
mod tests {
    use eco_coder_shared::ids::{PullNumber, RepoId};
    use futures_util::future::join_all;

    use super::*;

    fn target() -> Target {
        Target {
            repository: "o/r".parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(1).unwrap(),
            head_sha: "a".repeat(40).parse().unwrap(),
            merge_base_sha: "b".repeat(40).parse().unwrap(),
        }
    }

    /// An engine with one file of these bytes.
    fn engine(bytes: &[u8]) -> (tempfile::TempDir, ProfileFiles) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cpu.folded");
        std::fs::write(&path, bytes).unwrap();
        (dir, ProfileFiles::new(Place::File(path), Some(10.0)).unwrap())
    }

    #[tokio::test]
    async fn profiles_are_read_one_at_a_time_in_turns() {
        let (_dir, profiles) = engine(b"main;f 100\n");
        assert_eq!(profiles.reader.threads(), 1);
        let target = target();
        let reads = join_all((0..50).map(|_| profiles.profile(&target, None))).await;
        assert!(reads.into_iter().all(|read| read.unwrap().unwrap().profile.samples == 100));
    }

    #[tokio::test]
    async fn a_file_is_read_up_to_the_bound_and_refused_one_past_it() {
        for (bytes, is_read) in [(1000, true), (1001, false)] {
            let line = b"main;f 1\n";
            let padding = bytes - line.len();
            let (_dir, mut profiles) = engine(&[vec![b'\n'; padding], line.to_vec()].concat());
            profiles.limits.max_input_bytes = 1000;
            let answer = profiles.profile(&target(), None).await;
            assert_eq!(answer.is_ok(), is_read, "{answer:?}");
            assert!(answer.is_ok() || answer.unwrap_err().for_model.contains("more than 1000 bytes"));
        }
    }
}
