//! The parts of a worker, each made as the settings say: store, GitHub, model, and what makes reports. Asks nobody anything
//! yet, but for a store that is there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use eco_coder_github::{App, Auth, GitHub, HttpSettings, HttpTransport, Pace, Transport};
use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::retry;
use secrecy::SecretString;
use tokio::sync::RwLock;

use crate::agent::budget::Limits;
use crate::agent::driver::Deadlines;
use crate::agent::purse::DayLimits;
use crate::backends::Backends;
use crate::backends::artifacts::{Artifacts, Places};
use crate::backends::benchmarks::BenchmarkFiles;
use crate::backends::codeguru_reviewer::CodeguruReviewer;
use crate::backends::cpu::CpuPool;
use crate::backends::embedded::{self, Embedded};
use crate::backends::linters::{self, Linters};
use crate::backends::profiles::Profiles;
use crate::config::model::Engine;
use crate::config::{ProfilesPlace, SignIn, StorePlace, WorkerConfig, connect_timeout, write_time};
use crate::consumer;
use crate::model::bedrock::BedrockModel;
use crate::model::openai::OpenAiModel;
use crate::model::{Model, prices};
use crate::pacing::SharedPace;
use crate::publish::{self, Publisher};
use crate::reconcile::{self, Reconciler};
use crate::report::markdown::{ProfileHint, RenderOptions};
use crate::review::inspect::Inspector;
use crate::review::{self, Reviewer};
use crate::store::Store;
use crate::store::dynamodb::DynamoStore;
use crate::store::seal::SealKey;
use crate::store::sqlite::SqliteStore;
use crate::token::RotatedToken;

/// The configured store.
pub async fn open_store(place: &StorePlace, env: &SharedEnv) -> anyhow::Result<Arc<dyn Store>> {
    let opening = || format!("opening the store {place}");
    match place {
        StorePlace::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path).with_context(opening)?)),
        StorePlace::DynamoDb { table, aws } => {
            let store = DynamoStore::new(&aws.load().await, table.clone(), Arc::clone(env));
            store.check().await.with_context(opening)?;
            Ok(Arc::new(store))
        }
    }
}

/// The transport to the configured GitHub.
pub fn transport(config: &WorkerConfig) -> anyhow::Result<Arc<dyn Transport>> {
    let settings = HttpSettings {
        api: config.github.api_url.clone(),
        timeout: Duration::from_secs(config.github.request_timeout_seconds),
        connect_timeout: connect_timeout(&config.github),
        ..HttpSettings::default()
    };
    Ok(Arc::new(HttpTransport::new(&settings)?))
}

/// A client for the configured identity, whose writes nobody counts.
pub fn github(config: &WorkerConfig, transport: Arc<dyn Transport>, env: SharedEnv) -> GitHub {
    paced_github(config, transport, env, None)
}

/// A client for the configured identity, whose writes take turns with those of all workers.
fn paced_github(
    config: &WorkerConfig,
    transport: Arc<dyn Transport>,
    env: SharedEnv,
    pace: Option<Arc<dyn Pace>>,
) -> GitHub {
    let settings = eco_coder_github::Settings {
        write_interval: Duration::from_millis(config.github.write_interval_ms),
        reads_at_once: config.github.reads_at_once,
        ..eco_coder_github::Settings::default()
    };
    let again = |key, reference: &str, secret: &SecretString| {
        Arc::new(RotatedToken::new(
            config.settings.clone(),
            key,
            reference.to_owned(),
            secret.clone(),
            Arc::clone(&env),
        ))
    };
    let auth = match &config.sign_in {
        SignIn::Token { reference, token } => Auth::Token(again("github.token_source", reference, token)),
        SignIn::App { id, reference, key } => {
            Auth::App(Arc::new(App::new(id, again("github.app_key_source", reference, key))))
        }
    };
    GitHub::paced(transport, auth, env, settings, pace)
}

/// What looks for what was missed.
pub fn reconciler(
    config: &WorkerConfig,
    github: GitHub,
    store: Arc<dyn Store>,
    queue: Arc<dyn JobQueue>,
    env: SharedEnv,
) -> Reconciler {
    let settings = reconcile::Settings {
        every: Duration::from_secs(config.reconcile.every_seconds),
        calls: config.reconcile.calls,
        reserve_percent: config.reconcile.reserve_percent,
        dry_run: config.dry_run,
        max_attempts: config.worker.max_attempts,
        deployment: config.deployment.clone(),
    };
    Reconciler::new(github, store, queue, env, config.policy.clone(), settings)
}

/// The configured model.
fn model(config: &WorkerConfig, env: &SharedEnv) -> anyhow::Result<Option<Arc<dyn Model>>> {
    let env = Arc::clone(env);
    Ok(match config.model_engine.clone() {
        Engine::None => None,
        Engine::OpenAi(settings) => Some(Arc::new(OpenAiModel::new(settings, env)?)),
        Engine::Bedrock(settings, aws) => Some(Arc::new(BedrockModel::new(settings, aws, env))),
    })
}

/// What makes reports, with these profiles.
pub fn inspector(
    config: &WorkerConfig,
    github: &GitHub,
    store: Arc<dyn Store>,
    seal: SealKey,
    env: SharedEnv,
    from_ci: FromCi,
) -> anyhow::Result<Inspector> {
    let pool = CpuPool::start(config.worker.cpu_threads, eco_coder_analyzer::STACK_BYTES)?;
    let settings = embedded::Settings {
        max_files: config.analysis.max_files,
        max_file_bytes: config.analysis.max_file_bytes,
        fetch_concurrency: config.analysis.fetch_concurrency,
        exclude: config.exclude.clone(),
        timeout: Duration::from_secs(config.analysis.timeout_seconds),
        cpu: Duration::from_secs(config.analysis.cpu_seconds),
        options: config.analyzer_options(),
    };
    let grid = config.grid(Arc::clone(&env));
    let model = model(config, &env)?;
    let codeguru = config
        .codeguru
        .clone()
        .map(|(settings, aws)| CodeguruReviewer::new(settings, aws, Arc::clone(&store), Arc::clone(&env), github));
    Ok(Inspector {
        github: github.clone(),
        store,
        seal,
        env,
        model,
        backends: Backends {
            code: Arc::new(Embedded::new(github.clone(), pool, config.worker.source_bytes, settings)),
            codeguru: codeguru.map(Arc::new),
            linters: Arc::new(from_ci.linters),
            artifacts: artifacts(config, github).map(Arc::new),
            benchmarks: Arc::new(from_ci.benchmarks),
            profiles: Arc::new(from_ci.profiles),
            flame_graphs: config.flame_graphs().map(Arc::new),
            carbon: grid,
        },
        deadlines: Deadlines {
            analyze: Duration::from_secs(config.analysis.timeout_seconds),
            profile: Duration::from_secs(config.profiles.timeout_seconds),
            model: Duration::from_secs(config.model.timeout_seconds),
            review: Duration::from_secs(config.worker.review_seconds),
        },
        limits: Limits {
            turns: config.model.max_turns,
            tokens: config.model.review_tokens,
            patience: Duration::from_mins(config.model.throttle_minutes),
            ..Limits::default()
        },
        day: DayLimits {
            tokens: config.model.daily_tokens,
            microdollars: config.model.daily_dollars.map(prices::microdollars),
        },
        diff_tokens: config.model.diff_tokens,
    })
}

/// Who has what CI, or a service as it is deployed, measured and found.
pub struct FromCi {
    /// Profiles.
    pub profiles: Profiles,
    /// Linters' findings.
    pub linters: Linters,
    /// Benchmark results.
    pub benchmarks: BenchmarkFiles,
}

impl FromCi {
    /// As the settings say. Asks nobody anything yet.
    pub fn configured(config: &WorkerConfig, env: &SharedEnv) -> std::io::Result<Self> {
        let linters = Linters::new(linters::Place::Dir(config.sarif_dir.clone()))?;
        let benchmarks = BenchmarkFiles::new(config.benchmarks_dir.clone())?;
        Ok(Self { profiles: Profiles::configured(config, env)?, linters, benchmarks })
    }
}

/// How reports become comments.
pub(super) fn render_options(config: &WorkerConfig) -> RenderOptions {
    // A service's profile is no author's to provide.
    let is_wanted = config.report.profile_hint && config.profiles_place.dir().is_some();
    let profile_hint = match &config.ci.artifact {
        _ if !is_wanted => ProfileHint::Off,
        Some(name) => ProfileHint::Artifact { name: name.clone(), is_looked_for: true },
        None => ProfileHint::Artifact { name: "eco-coder".to_owned(), is_looked_for: false },
    };
    RenderOptions {
        profile_hint,
        flame_graphs_url: config.profiles.flame_graphs_url.clone(),
        ..RenderOptions::default()
    }
}

/// Who brings what workflows left, if the settings name it.
fn artifacts(config: &WorkerConfig, github: &GitHub) -> Option<Artifacts> {
    let name = config.ci.artifact.clone()?;
    let profiles = match &config.profiles_place {
        ProfilesPlace::Dir(dir) => Some(dir.clone()),
        ProfilesPlace::CodeGuru { .. } => None,
    };
    let places = Places {
        profiles,
        benchmarks: config.benchmarks_dir.clone(),
        sarif: config.sarif_dir.clone(),
        brought: config.artifacts_dir.clone(),
    };
    Some(Artifacts::new(github.clone(), name, places))
}

/// What reviews pull requests, with `model` in the configured one's place if there is one.
pub fn reviewer(
    config: &WorkerConfig,
    store: Arc<dyn Store>,
    transport: Arc<dyn Transport>,
    env: SharedEnv,
    model: Option<Arc<dyn Model>>,
) -> anyhow::Result<Reviewer> {
    let seal = SealKey::new(&config.session_key.read(&*env)?);
    let pace = SharedPace::configured(&config.github, &store, &env);
    let github = paced_github(config, transport, Arc::clone(&env), pace);
    let from_ci = FromCi::configured(config, &env)?;
    let inspector = inspector(config, &github, Arc::clone(&store), seal.clone(), Arc::clone(&env), from_ci)?;
    let inspector = Inspector { model: model.or(inspector.model), ..inspector };
    let seconds = Duration::from_secs;
    let lease = seconds(config.worker.lease_seconds);
    let publisher = Publisher::new(
        github.clone(),
        Arc::clone(&env),
        publish::Settings {
            deployment: config.deployment.clone(),
            clean_comment: config.report.clean_comment,
            status: config.status,
            render: render_options(config),
            dry_run: config.dry_run,
            request_timeout: write_time(&config.github),
            lease,
        },
    );
    Ok(Reviewer {
        github,
        store,
        seal,
        env,
        policy: config.policy.clone(),
        inspector,
        publisher,
        settings: review::Settings {
            lease,
            cooldown: seconds(config.worker.cooldown_seconds),
            max_attempts: config.worker.max_attempts,
            retry: retry::Policy {
                initial: seconds(config.worker.retry_seconds),
                cap: seconds(config.worker.retry_cap_seconds),
                ..retry::Policy::HTTP
            },
            outage: seconds(config.worker.outage_seconds),
            silence: Duration::from_mins(config.worker.silence_minutes),
            dry_run: config.dry_run,
            suggestions: config.report.suggestions,
            hours: config.hours.clone(),
        },
        alone: RwLock::new(()),
    })
}

/// How jobs are taken.
pub fn consumer_settings(config: &WorkerConfig) -> consumer::Settings {
    let seconds = Duration::from_secs;
    consumer::Settings {
        jobs: config.worker.jobs,
        visibility: seconds(config.worker.visibility_seconds),
        hide: seconds(config.worker.hide_seconds),
        grace: seconds(config.worker.shutdown_grace_seconds),
    }
}
