//! Profiles in files: `DIR/OWNER/REPO/SHA/`, or files named by a command. Reads, never writes.
//!
//! What is read at once, over all reviews, is one commit's profile, or for a flame graph of the difference the base's beside it:
//! a hostile one takes up to 400 MB to read (see [`Limits`]). It is read on a thread of its own, with turns between
//! repositories, so that it never waits for the analysis of files.

mod find;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use eco_coder_profile::{
    ChangedFunction, Limits, Matched, Measures, Options, Profile, SampleType, Summary, attribute, flame_graph,
    flame_graph_of_difference,
};
use eco_coder_shared::ids::{CommitSha, RepoName};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

pub use self::find::is_a_profile;
use self::find::{Found, found, newest_in};
use super::cpu::CpuPool;
use super::cpu::budget::CpuBudget;
use super::measured;
use crate::results::{ErrorType, PerformanceProfile, Share, ToolError};
use crate::subject::Target;

/// Looks at directories at once, over all reviews: each holds a thread while it waits for the disk.
const LOOKS: usize = 4;

/// Where the files are.
#[derive(Debug, Clone)]
pub enum Place {
    /// These files, whatever the commits.
    Files {
        /// Of the head.
        head: PathBuf,
        /// Of the base, if there is one.
        base: Option<PathBuf>,
    },
    /// `DIR/OWNER/REPO/SHA/`.
    Dir(PathBuf),
}

/// Which commit of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where the branch left its base.
    Base,
    /// What is to be merged.
    Head,
}

/// What functions use of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Uses {
    /// What the shares are of.
    pub of: SampleType,
    /// Samples of the profile.
    pub samples: u64,
    /// The heaviest first.
    pub functions: Vec<FunctionShare>,
}

impl Uses {
    /// Whether the shares are of CPU time.
    pub fn is_cpu_time(&self) -> bool {
        self.of.measures == Measures::CpuTime
    }
}

/// What one function uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FunctionShare {
    /// Its place among those that were asked for.
    pub number: usize,
    /// What its frames were known by.
    pub matched: Matched,
    /// Its share.
    pub share: Share,
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

impl ProfileFiles {
    /// Looks in `place`.
    pub fn new(place: Place, folded_sample_ms: Option<f64>) -> std::io::Result<Self> {
        let reader = CpuPool::start(1, STACK_BYTES)?;
        Ok(Self { place, folded_sample_ms, reader, looks: Semaphore::new(LOOKS), limits: Limits::default() })
    }

    /// The newest profiles' names, sizes and times: changes when another one comes of either side. Cheap.
    pub async fn fingerprint(&self, repository: &RepoName, base: &CommitSha, head: &CommitSha) -> String {
        let mut all = Vec::new();
        for (side, sha) in [(Side::Base, base), (Side::Head, head)] {
            if let Ok(Some(f)) = self.newest(side, repository, sha, None).await {
                let (path, bytes, modified) = (f.path.display(), f.bytes, f.modified);
                all.push(format!("{side:?}:{path}:{bytes}:{modified:?}:{:?}", self.folded_sample_ms));
            }
        }
        all.join("\n")
    }

    /// The newest profile of the head; `None`: there is none.
    pub async fn profile(
        &self,
        target: &Target,
        period: Option<Duration>,
    ) -> Result<Option<PerformanceProfile>, ToolError> {
        let top = self.limits.top;
        let summed = move |profile: &Profile| Summary::of(profile, top).map_err(|e| e.to_string());
        let Some((name, bytes_name, summary)) = self.of_side(target, Side::Head, period, summed).await? else {
            return Ok(None);
        };
        Ok(Some(PerformanceProfile {
            profiling_id: format!("profile-{bytes_name}"),
            cpu: measured::cpu_of(&summary, &name),
            memory: measured::memory_of(&summary, &name),
            profile: summary,
            flame_graph_url: None,
            source: name,
            deployed_service: None,
        }))
    }

    /// What these functions use of the newest profile of one side, of time: CPU time before other time, or what is `like`
    /// another side's. `None`: there is no profile, or none of time.
    pub async fn uses(
        &self,
        target: &Target,
        side: Side,
        functions: Vec<ChangedFunction>,
        like: Option<SampleType>,
    ) -> Result<Option<Uses>, ToolError> {
        let used = move |profile: &Profile| match &like {
            Some(like) => {
                let unlike =
                    || format!("it has no {}, which the head's profile measures; record both alike", like.name);
                profile.like(like).ok_or_else(unlike).map(|of| uses(profile, of, &functions))
            }
            None => Ok(profile.time().and_then(|of| uses(profile, of, &functions))),
        };
        Ok(self.of_side(target, side, None, used).await?.and_then(|(.., uses)| uses))
    }

    /// Whether a profile of this side is there. Cheap.
    pub async fn has_profile(&self, target: &Target, side: Side) -> bool {
        let found = self.newest(side, &target.repository, Self::sha(target, side), None).await;
        found.is_ok_and(|found| found.is_some())
    }

    /// The head's flame graph, or if the base has a profile of the same kind, too, that of the difference. `None`: the head has
    /// no profile.
    pub async fn flame_graph(&self, target: &Target) -> Result<Option<String>, ToolError> {
        let newest = |side| self.newest(side, &target.repository, Self::sha(target, side), None);
        let Some(head) = newest(Side::Head).await.map_err(unreadable)? else { return Ok(None) };
        let base = newest(Side::Base).await.map_err(unreadable)?;
        let (sample_ms, limits) = (self.folded_sample_ms, self.limits.clone());
        let draw = move |_| {
            let (_, head) = read(&head.path, sample_ms, &limits)?;
            // Without a base that can be read, head's is one all the same.
            let base = base.and_then(|base| read(&base.path, sample_ms, &limits).ok());
            if let Some((_, base)) = base
                && let Ok(difference) = flame_graph_of_difference(&base, &head, None)
            {
                return Ok(difference);
            }
            let drawn = head.choose(None).and_then(|of| flame_graph(&head, of));
            drawn.map_err(|e| invalid(e.to_string()))
        };
        let drawn = self.reader.run(target.repository_id, &CpuBudget::unlimited(), draw).await;
        drawn.map_err(|e| invalid(e.to_string()))?.0.map(Some)
    }

    fn sha(target: &Target, side: Side) -> &CommitSha {
        match side {
            Side::Base => &target.merge_base_sha,
            Side::Head => &target.head_sha,
        }
    }

    /// The file's name, a name for its bytes, and what `work` makes of the profile on the reader's thread.
    async fn of_side<T: Send + 'static>(
        &self,
        target: &Target,
        side: Side,
        period: Option<Duration>,
        work: impl FnOnce(&Profile) -> Result<T, String> + Send + 'static,
    ) -> Result<Option<(String, String, T)>, ToolError> {
        let newest = self.newest(side, &target.repository, Self::sha(target, side), period).await;
        let Some(found) = newest.map_err(unreadable)? else { return Ok(None) };
        let name = found.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (limits, sample_ms, said) = (self.limits.clone(), self.folded_sample_ms, name.clone());
        let read = move |_| {
            let (digest, profile) = read(&found.path, sample_ms, &limits)?;
            work(&profile).map(|made| (digest, made)).map_err(|why| invalid(format!("{said}: {why}")))
        };
        let read = self.reader.run(target.repository_id, &CpuBudget::unlimited(), read).await;
        let (digest, made) = read.map_err(|e| invalid(e.to_string()))?.0?;
        Ok(Some((name, digest, made)))
    }

    async fn newest(
        &self,
        side: Side,
        repository: &RepoName,
        sha: &CommitSha,
        period: Option<Duration>,
    ) -> std::io::Result<Option<Found>> {
        let path = match (&self.place, side) {
            (Place::Files { head, .. }, Side::Head) => head.clone(),
            (Place::Files { base: Some(base), .. }, Side::Base) => base.clone(),
            (Place::Files { base: None, .. }, Side::Base) => return Ok(None),
            (Place::Dir(dir), _) => dir.join(repository.owner()).join(repository.name()).join(sha.as_str()),
        };
        let is_named = matches!(self.place, Place::Files { .. });
        // The runtime would make a thread for each look that waits for the disk.
        let _look = self.looks.acquire().await;
        let look = move || if is_named { found(path).map(Some) } else { newest_in(&path, period) };
        tokio::task::spawn_blocking(look).await.map_err(std::io::Error::other)?
    }
}

/// `None`: the profile has no sample of the kind.
fn uses(profile: &Profile, of: usize, functions: &[ChangedFunction]) -> Option<Uses> {
    let share = |one: &eco_coder_profile::Attributed<'_>| FunctionShare {
        number: one.number,
        matched: one.matched,
        share: Share { self_percentage: one.self_share * 100.0, total_percentage: one.total_share * 100.0 },
    };
    let kind = profile.sample_types().get(of).filter(|_| profile.total(of) > 0.0)?;
    let functions = attribute(profile, of, functions).iter().map(share).collect();
    Some(Uses { of: kind.clone(), samples: profile.samples(), functions })
}

/// A name for the file's bytes, and the profile.
fn read(path: &Path, sample_ms: Option<f64>, limits: &Limits) -> Result<(String, Profile), ToolError> {
    let mut bytes = Vec::new();
    // One byte more than is read: enough for its refusal, however large it is by now.
    let most = limits.max_input_bytes as u64 + 1;
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(unreadable)?;
    let digest = hex::encode(&Sha256::digest(&bytes)[..8]);
    let options = Options { folded_sample_ms: sample_ms };
    let profile = eco_coder_profile::read(&bytes, &options, limits);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok((digest, profile.map_err(|e| invalid(format!("{name}: {e}")))?))
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
mod tests;
