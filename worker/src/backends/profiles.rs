//! Who has profiles: one of two engines. Files are of the pull request's head; CodeGuru Profiler has the service's as it
//! is deployed, and its result says so.

use std::time::Duration;

use eco_coder_profile::{ChangedFunction, SampleType};
use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::ids::{CommitSha, RepoName};

use super::codeguru_profiler::CodeGuruProfiler;
use super::profile_files::{Place, ProfileFiles, Side, Uses};
use crate::config::{ProfilesPlace, WorkerConfig};
use crate::results::{Profiled, ToolError};
use crate::subject::Target;

/// The engine.
pub enum Profiles {
    /// Files, by commit.
    Files(ProfileFiles),
    /// A profiling group, whatever the commit.
    CodeGuru(Box<CodeGuruProfiler>),
}

impl Profiles {
    /// The one that the settings name. Asks nobody anything yet.
    pub fn configured(config: &WorkerConfig, env: &SharedEnv) -> std::io::Result<Self> {
        match &config.profiles_place {
            ProfilesPlace::Dir(dir) => {
                let place = Place::Dir(dir.clone());
                Ok(Self::Files(ProfileFiles::new(place, config.profiles.folded_sample_ms)?))
            }
            ProfilesPlace::CodeGuru { group, period, aws } => {
                let timeout = Duration::from_secs(config.profiles.timeout_seconds);
                let engine = CodeGuruProfiler::new(group.clone(), *period, timeout, aws.clone(), env.clone())?;
                Ok(Self::CodeGuru(Box::new(engine)))
            }
        }
    }

    /// Part of a result's name: changes when there is another profile worth a new result. Cheap.
    pub async fn fingerprint(&self, repository: &RepoName, base: &CommitSha, head: &CommitSha) -> String {
        match self {
            Self::Files(files) => files.fingerprint(repository, base, head).await,
            Self::CodeGuru(codeguru) => codeguru.fingerprint().await,
        }
    }

    /// The newest profile: of the commit, or of the service. `period`: none that is older, or of so long.
    pub async fn profile(&self, target: &Target, period: Option<Duration>) -> Result<Profiled, ToolError> {
        match self {
            Self::Files(files) => Ok(match files.profile(target, period).await? {
                Some(profile) => Profiled::Measured(Box::new(profile)),
                None => Profiled::Nothing { nothing_measured: "there is no profile for this commit".to_owned() },
            }),
            Self::CodeGuru(codeguru) => codeguru.profile(target.repository_id, period).await,
        }
    }

    /// What these functions use of one side's profile; see [`ProfileFiles::uses`]. A service is measured as it is deployed, and has
    /// no sides.
    pub async fn uses(
        &self,
        target: &Target,
        side: Side,
        functions: Vec<ChangedFunction>,
        like: Option<SampleType>,
    ) -> Result<Option<Uses>, ToolError> {
        match self {
            Self::Files(files) => files.uses(target, side, functions, like).await,
            Self::CodeGuru(_) => Ok(None),
        }
    }

    /// Whether this side has a profile. Cheap.
    pub async fn has_profile(&self, target: &Target, side: Side) -> bool {
        match self {
            Self::Files(files) => files.has_profile(target, side).await,
            Self::CodeGuru(_) => false,
        }
    }

    /// The head's flame graph; see [`ProfileFiles::flame_graph`].
    pub async fn flame_graph(&self, target: &Target) -> Result<Option<String>, ToolError> {
        match self {
            Self::Files(files) => files.flame_graph(target).await,
            Self::CodeGuru(_) => Ok(None),
        }
    }
}
