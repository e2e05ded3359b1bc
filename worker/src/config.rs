//! The worker's settings: its tables of the settings file, checked against each other, before anything starts.

mod carbon;
mod checks;
mod codeguru;
pub mod model;
pub mod sign_in;
pub mod tables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use eco_coder_analyzer::Options;
use eco_coder_carbon::Input;
use eco_coder_github::HttpSettings;
use eco_coder_shared::aws::AwsSettings;
use eco_coder_shared::config::{ConfigError, Settings};
use eco_coder_shared::env::{Env, SharedEnv};
use eco_coder_shared::policy::{Policy, PolicyConfig};
use eco_coder_shared::queue::settings::QueueSettings;
use eco_coder_shared::secrets;
use eco_coder_shared::telemetry::TelemetryConfig;
use secrecy::{ExposeSecret, SecretString};

pub use self::sign_in::SignIn;
use self::tables::{
    AnalysisTable, BenchmarksTable, CiTable, GitHubTable, HoursTable, ModelTable, ProfilesTable, ReconcileTable,
    ReportTable, StoreTable, WorkerTable,
};
use crate::backends::codeguru_profiler::{self, Period, ProfilingGroup};
use crate::backends::codeguru_reviewer;
use crate::backends::embedded::Exclude;
use crate::backends::flame_graphs::FlameGraphs;
use crate::backends::parameter_store::Grid;
use crate::hours::Hours;
use crate::publish::status::StatusKind;

/// Everything a worker needs to know.
#[derive(Debug)]
pub struct WorkerConfig {
    /// Name in the comment's marker.
    pub deployment: String,
    /// Do everything but write to GitHub.
    pub dry_run: bool,
    /// `[queue]`.
    pub queue: QueueSettings,
    /// `[store]`: where.
    pub store: StorePlace,
    /// 32 bytes, hex.
    pub session_key: SessionKey,
    /// `[worker]`.
    pub worker: WorkerTable,
    /// `[github]`.
    pub github: GitHubTable,
    /// Who the worker is there.
    pub sign_in: SignIn,
    /// For reading it again.
    pub settings: Settings,
    /// `[reconcile]`.
    pub reconcile: ReconcileTable,
    /// `[model]`.
    pub model: ModelTable,
    /// Which model is asked, and how.
    pub model_engine: model::Engine,
    /// `[analysis]`.
    pub analysis: AnalysisTable,
    /// Its globs.
    pub exclude: Exclude,
    /// Its part about CodeGuru Reviewer, if that is asked.
    pub codeguru: Option<(codeguru_reviewer::Settings, AwsSettings)>,
    /// `[profiles]`.
    pub profiles: ProfilesTable,
    /// Who has profiles, and where.
    pub profiles_place: ProfilesPlace,
    /// Where linters' results are.
    pub sarif_dir: PathBuf,
    /// Where benchmark results are.
    pub benchmarks_dir: PathBuf,
    /// What was brought of workflows' artifacts already.
    pub artifacts_dir: PathBuf,
    /// `[ci]`.
    pub ci: CiTable,
    /// `[carbon]`, as the calculation takes it.
    pub carbon: Input,
    /// Where its intensity is in Parameter Store, if it is there.
    pub intensity_path: Option<(String, AwsSettings)>,
    /// `[report]`.
    pub report: ReportTable,
    /// Its `status`.
    pub status: StatusKind,
    /// `[hours]`.
    pub hours: Option<Hours>,
    /// `[policy]`.
    pub policy: Policy,
    /// `[telemetry]`.
    pub telemetry: TelemetryConfig,
}

/// Which engine the store has, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// SQLite, in this file.
    Sqlite(PathBuf),
    /// One DynamoDB table.
    DynamoDb {
        /// Its name or ARN.
        table: String,
        /// Where AWS is.
        aws: AwsSettings,
    },
}

impl StorePlace {
    /// Its file, if it is in one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::DynamoDb { .. } => None,
        }
    }
}

impl std::fmt::Display for StorePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::DynamoDb { table, .. } => write!(f, "DynamoDB table {table}"),
        }
    }
}

/// Who has profiles, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfilesPlace {
    /// Files below this directory.
    Dir(PathBuf),
    /// A profiling group of CodeGuru Profiler.
    CodeGuru {
        /// Its name.
        group: ProfilingGroup,
        /// How much of the service's time is looked at.
        period: Period,
        /// Where AWS is.
        aws: AwsSettings,
    },
}

impl ProfilesPlace {
    /// The directory, if they are files.
    pub fn dir(&self) -> Option<&Path> {
        match self {
            Self::Dir(dir) => Some(dir),
            Self::CodeGuru { .. } => None,
        }
    }

    fn from_settings(settings: &Settings, table: &ProfilesTable, data_dir: &Path) -> Result<Self, ConfigError> {
        let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
        let is_set =
            |of_files: [(&'static str, bool); 2]| of_files.into_iter().find_map(|(key, set)| set.then_some(key));
        match table.kind.as_str() {
            "files" => {
                let others = [
                    ("profiles.codeguru_group", table.codeguru_group.is_some()),
                    ("profiles.period", table.period.is_some()),
                ];
                if let Some(key) = is_set(others) {
                    return wrong(key, "it is for profiles.kind = \"codeguru\"; set that, or remove this");
                }
                Ok(Self::Dir(table.dir.clone().unwrap_or_else(|| data_dir.join("profiles"))))
            }
            "codeguru" => {
                let others = [
                    ("profiles.dir", table.dir.is_some()),
                    ("profiles.folded_sample_ms", table.folded_sample_ms.is_some()),
                ];
                if let Some(key) = is_set(others) {
                    return wrong(key, "it is for profiles.kind = \"files\"; remove it, or set that");
                }
                let Some(group) = &table.codeguru_group else {
                    return wrong(
                        "profiles.codeguru_group",
                        "profiles.kind is \"codeguru\", so it must be set: the profiling group's name",
                    );
                };
                let group = ProfilingGroup::try_from(group.as_str())
                    .map_err(|e| ConfigError::value("profiles.codeguru_group", &e.to_string()))?;
                let period = table.period.as_deref().map_or(Ok(Period::default()), str::parse);
                let period = period.map_err(|e: codeguru_profiler::PeriodError| {
                    ConfigError::value("profiles.period", &e.to_string())
                })?;
                Ok(Self::CodeGuru { group, period, aws: AwsSettings::from_settings(settings)? })
            }
            _ => wrong("profiles.kind", "it must be \"files\" or \"codeguru\""),
        }
    }
}

/// The `[store]` table: what commands need that only read what is kept.
#[derive(Debug)]
pub struct StoreSettings {
    /// Engine and place.
    pub place: StorePlace,
    /// 32 bytes, hex.
    pub session_key: SessionKey,
}

impl StoreSettings {
    /// Reads and checks the table.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let data_dir = settings.data_dir()?;
        let table: StoreTable = settings.table("store")?;
        let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
        let place = match (table.kind.as_str(), table.path, table.table) {
            ("sqlite", _, Some(_)) => {
                return wrong("store.table", "it is for store.kind = \"dynamodb\"; set that, or remove this");
            }
            ("sqlite", path, None) => StorePlace::Sqlite(path.unwrap_or_else(|| data_dir.join("store.db"))),
            ("dynamodb", Some(_), _) => {
                return wrong("store.path", "it is for store.kind = \"sqlite\"; remove it, or set that");
            }
            ("dynamodb", None, Some(name)) if !name.is_empty() => {
                StorePlace::DynamoDb { table: name, aws: AwsSettings::from_settings(settings)? }
            }
            ("dynamodb", None, _) => {
                return wrong("store.table", "store.kind is \"dynamodb\", so it must be set: the table's name");
            }
            _ => return wrong("store.kind", "it must be \"sqlite\" or \"dynamodb\""),
        };
        let session_key = match (&table.session_key, &place) {
            (Some(reference), _) => SessionKey::Given(settings.secret("store.session_key", reference)?),
            (None, StorePlace::Sqlite(_)) => SessionKey::File(data_dir.join("session.key")),
            (None, StorePlace::DynamoDb { .. }) => {
                return wrong(
                    "store.session_key",
                    "the store is shared, so its key must be: make one with openssl rand -hex 32, and name it here for all \
                     workers",
                );
            }
        };
        Ok(Self { place, session_key })
    }
}

/// Where the key of sealed values is.
#[derive(Debug)]
pub enum SessionKey {
    /// In this file of the data directory; made if it isn't there.
    File(PathBuf),
    /// Given by the operator.
    Given(SecretString),
}

impl WorkerConfig {
    /// Reads and checks everything; the first fault is the answer.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let data_dir = settings.data_dir()?;
        let store = StoreSettings::from_settings(settings)?;
        let model: ModelTable = settings.table("model")?;
        let model_engine = model::from_table(&model, settings)?;
        let analysis: AnalysisTable = settings.table("analysis")?;
        let profiles: ProfilesTable = settings.table("profiles")?;
        let github: GitHubTable = settings.table("github")?;
        let codeguru = codeguru::from_table(&analysis, &github.api_url, settings)?;
        let worker: WorkerTable = settings.table("worker")?;
        let report: ReportTable = settings.table("report")?;
        let benchmarks: BenchmarksTable = settings.table("benchmarks")?;
        let ci: CiTable = settings.table("ci")?;
        let reconcile: ReconcileTable = settings.table("reconcile")?;
        checks::ci(&ci)?;
        checks::reconcile(&reconcile)?;
        checks::flame_graphs(&profiles)?;
        checks::worker(&worker, &github)?;
        checks::analysis(&analysis, &profiles, &worker)?;
        checks::appetite(&analysis, &model, &report)?;
        Ok(Self {
            deployment: deployment(settings)?,
            dry_run: settings.dry_run()?,
            queue: shared_with(QueueSettings::from_settings(settings)?, &store.place)?,
            store: store.place,
            session_key: store.session_key,
            settings: settings.clone(),
            sign_in: sign_in::from_table(&github, settings)?,
            exclude: Exclude::new(&analysis.exclude).map_err(|e| {
                ConfigError::value("analysis.exclude", &format!("a pattern is not a glob: {}", e.kind()))
            })?,
            codeguru,
            benchmarks_dir: benchmarks.dir.unwrap_or_else(|| data_dir.join("benchmarks")),
            artifacts_dir: data_dir.join("artifacts"),
            ci,
            sarif_dir: analysis.sarif_dir.clone().unwrap_or_else(|| data_dir.join("sarif")),
            profiles_place: ProfilesPlace::from_settings(settings, &profiles, &data_dir)?,
            intensity_path: carbon::intensity_path(settings)?,
            carbon: carbon::input(&settings.table("carbon")?)?,
            status: checks::status(&report)?,
            report,
            hours: Hours::from_table(&settings.table::<HoursTable>("hours")?)?,
            policy: Policy::new(settings.table::<PolicyConfig>("policy")?)?,
            telemetry: settings.table::<TelemetryConfig>("telemetry")?.check()?,
            worker,
            github,
            reconcile,
            model,
            model_engine,
            analysis,
            profiles,
        })
    }

    /// What footprints are calculated with.
    pub fn grid(&self, env: SharedEnv) -> Grid {
        match &self.intensity_path {
            None => Grid::fixed(self.carbon.clone()),
            Some((path, aws)) => Grid::at(self.carbon.clone(), path, aws.clone(), env),
        }
    }

    /// Who keeps flame graphs, if a directory is set.
    pub fn flame_graphs(&self) -> Option<FlameGraphs> {
        let dir = self.profiles.flame_graphs_dir.clone()?;
        Some(FlameGraphs::new(dir, self.profiles.flame_graphs_url.clone()))
    }

    /// The options of the embedded analysis.
    pub fn analyzer_options(&self) -> Options {
        Options { disabled_rules: self.analysis.disabled_rules.iter().cloned().collect(), ..Options::default() }
    }
}

impl SessionKey {
    /// The key's bytes, if it is there: makes none.
    pub fn look(&self, env: &dyn Env) -> Result<Option<[u8; 32]>, ConfigError> {
        match self {
            Self::File(path) if !path.exists() => Ok(None),
            _ => self.read(env).map(Some),
        }
    }

    /// The key's bytes; made if the data directory has none yet.
    pub fn read(&self, env: &dyn Env) -> Result<[u8; 32], ConfigError> {
        let wrong = |problem: &str| ConfigError::value("store.session_key", problem);
        match self {
            Self::File(path) => {
                make_private_dir(path.parent().unwrap_or(Path::new("."))).map_err(|e| wrong(&e.to_string()))?;
                secrets::key_file(path, env).map_err(|e| wrong(&e.to_string()))
            }
            Self::Given(secret) => {
                let mut key = [0; 32];
                hex::decode_to_slice(secret.expose_secret().trim(), &mut key)
                    .map_err(|_| wrong("it must hold 64 hex digits; make one with: openssl rand -hex 32"))?;
                Ok(key)
            }
        }
    }
}

fn make_private_dir(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Who takes jobs from a shared queue shares the rows' leases, too.
fn shared_with(queue: QueueSettings, store: &StorePlace) -> Result<QueueSettings, ConfigError> {
    match (&queue, store) {
        (QueueSettings::Sqs { .. }, StorePlace::Sqlite(_)) => Err(ConfigError::value(
            "store.kind",
            "queue.kind is \"sqs\", and workers that share a queue must share a store: set \"dynamodb\" and store.table",
        )),
        _ => Ok(queue),
    }
}

fn deployment(settings: &Settings) -> Result<String, ConfigError> {
    let name = settings.text("deployment")?.unwrap_or_else(|| "eco-coder".to_owned());
    let legal = (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if legal { Ok(name) } else { Err(ConfigError::value("deployment", "it must be 1 to 64 letters, digits and '-'")) }
}

/// For name look-up, TCP and TLS; never longer than the whole request may take.
pub fn connect_timeout(github: &GitHubTable) -> Duration {
    HttpSettings::default().connect_timeout.min(Duration::from_secs(github.request_timeout_seconds))
}

/// The longest a write to GitHub takes: turns in the pacing and connections that fail, and the request.
pub fn write_time(github: &GitHubTable) -> Duration {
    let client = eco_coder_github::Settings::default();
    let turn = if github.write_interval_ms == 0 { Duration::ZERO } else { client.write_wait };
    (turn + connect_timeout(github)) * client.retries.attempts + Duration::from_secs(github.request_timeout_seconds)
}

#[cfg(test)]
mod tests;
