//! Puts a worker together from its settings, and runs it: the consumer, the operators' port, housekeeping.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use eco_coder_github::{App, Auth, GitHub, HttpSettings, HttpTransport, Transport};
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_shared::operator::{self, Readiness};
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::retry;
use eco_coder_shared::telemetry::{init_logs, metrics as names};
use eco_coder_shared::{server, shutdown};
use metrics::gauge;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

use crate::agent::budget::Limits;
use crate::agent::driver::Deadlines;
use crate::agent::purse::DayLimits;
use crate::agentcore::AgentCore;
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
use crate::consumer::{self, Consumer};
use crate::ecs;
use crate::model::bedrock::BedrockModel;
use crate::model::openai::OpenAiModel;
use crate::model::{Model, prices};
use crate::publish::{self, Publisher};
use crate::review::inspect::Inspector;
use crate::review::{self, Reviewer};
use crate::store::Store;
use crate::store::dynamodb::DynamoStore;
use crate::store::seal::SealKey;
use crate::store::sqlite::SqliteStore;
use crate::token::RotatedToken;

/// Between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_hours(1);
/// Between two writes of one round.
const HOUSEKEEPING_PAUSE: Duration = Duration::from_millis(100);

/// What the operators' port bears.
const OPERATOR_PORT: server::Limits =
    server::Limits { header_timeout: Duration::from_secs(10), max_connections: 64, grace: Duration::from_secs(1) };

/// The settings of a worker that name secrets.
pub const WORKER_SECRETS: [&str; 4] =
    ["github.token_source", "github.app_key_source", "store.session_key", "model.api_key"];

/// One review, all tools and turns.
const REVIEW: Duration = Duration::from_mins(20);

/// Where a worker's work comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The queue.
    Queue,
    /// Invocations of AgentCore Runtime.
    AgentCore,
}

/// The worker as a process: reads its settings, and works until it is asked to end.
pub async fn serve(settings: &Settings, source: Source) -> anyhow::Result<()> {
    let settings = settings.clone().fetching(&WORKER_SECRETS).await?;
    let config = WorkerConfig::from_settings(&settings)?;
    init_logs(&config.telemetry)?;
    names::install();
    let env: SharedEnv = Arc::new(SystemEnv);
    let queue =
        config.queue.open(Arc::clone(&env)).await.with_context(|| format!("opening the queue {}", config.queue))?;
    let store = open_store(&config.store, &env).await?;
    let worker = Worker::bind(&config, queue, store, transport(&config)?, env).await?;
    let operator = worker.operator_addr()?;
    match source {
        Source::Queue => {
            tracing::info!(component = "worker", %operator, dry_run = config.dry_run, "working");
            worker.run(shutdown::signal()).await?;
        }
        Source::AgentCore => {
            let invocations = listen("worker.agentcore_listen", &config.worker.agentcore_listen).await?;
            let address = invocations.local_addr()?;
            tracing::info!(component = "worker", %operator, invocations = %address, "taking invocations");
            worker.take_invocations(invocations, shutdown::signal()).await?;
        }
    }
    Ok(())
}

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

/// A client for the configured identity.
pub fn github(config: &WorkerConfig, transport: Arc<dyn Transport>, env: SharedEnv) -> GitHub {
    let settings = eco_coder_github::Settings {
        write_interval: Duration::from_millis(config.github.write_interval_ms),
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
    GitHub::new(transport, auth, env, settings)
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
            carbon: grid,
        },
        deadlines: Deadlines {
            analyze: Duration::from_secs(config.analysis.timeout_seconds),
            profile: Duration::from_secs(config.profiles.timeout_seconds),
            model: Duration::from_secs(config.model.timeout_seconds),
            review: REVIEW,
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

/// A worker that can run.
pub struct Worker {
    consumer: Consumer,
    reviewer: Arc<Reviewer>,
    operator: TcpListener,
    readiness: Arc<Ready>,
    env: SharedEnv,
    settings: consumer::Settings,
    ecs: Option<ecs::Agent>,
}

struct Ready {
    queue: Arc<dyn JobQueue>,
    store: Arc<dyn Store>,
}

#[async_trait]
impl Readiness for Ready {
    async fn check(&self) -> Result<(), String> {
        self.store.check().await.map_err(|e| e.to_string())?;
        let depth = self.queue.depth().await.map_err(|e| e.to_string())?;
        gauge!("QueueVisible").set(depth.visible as f64);
        gauge!("QueueInFlight").set(depth.in_flight as f64);
        gauge!("QueueDead").set(depth.dead as f64);
        gauge!("QueueOldestAge").set(depth.oldest_age_ms.unwrap_or(0) as f64 / 1e3);
        Ok(())
    }
}

impl Worker {
    /// Puts it together; nothing is taken from the queue yet.
    pub async fn bind(
        config: &WorkerConfig,
        queue: Arc<dyn JobQueue>,
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        env: SharedEnv,
    ) -> anyhow::Result<Self> {
        Self::with_model(config, queue, store, transport, env, None).await
    }

    /// As [`bind`](Self::bind), with this model in the configured one's place.
    pub async fn with_model(
        config: &WorkerConfig,
        queue: Arc<dyn JobQueue>,
        store: Arc<dyn Store>,
        transport: Arc<dyn Transport>,
        env: SharedEnv,
        model: Option<Arc<dyn Model>>,
    ) -> anyhow::Result<Self> {
        let seal = SealKey::new(&config.session_key.read(&*env)?);
        let github = github(config, transport, Arc::clone(&env));
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
                commit_status: config.report.commit_status,
                dry_run: config.dry_run,
                request_timeout: write_time(&config.github),
                lease,
            },
        );
        let reviewer = Reviewer {
            github,
            store: Arc::clone(&store),
            seal,
            env: Arc::clone(&env),
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
                dry_run: config.dry_run,
                suggestions: config.report.suggestions,
            },
            alone: RwLock::new(()),
        };
        let settings = consumer::Settings {
            jobs: config.worker.jobs,
            visibility: seconds(config.worker.visibility_seconds),
            hide: seconds(config.worker.hide_seconds),
            grace: seconds(config.worker.shutdown_grace_seconds),
        };
        let operator = listen("worker.operator_listen", &config.worker.operator_listen).await?;
        let ecs = config.worker.ecs_agent_uri.as_deref().map(ecs::Agent::new).transpose()?;
        let reviewer = Arc::new(reviewer);
        let consumer = Consumer::new(Arc::clone(&queue), Arc::clone(&reviewer), Arc::clone(&env), settings.clone());
        Ok(Self { consumer, reviewer, operator, readiness: Arc::new(Ready { queue, store }), env, settings, ecs })
    }

    /// Where operators reach it.
    pub fn operator_addr(&self) -> std::io::Result<SocketAddr> {
        self.operator.local_addr()
    }

    /// Works until `shutdown` is ready, then drains.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
        let artifacts = self.reviewer.inspector.backends.artifacts.clone();
        let beside = Beside::start(self.operator, self.readiness, self.env, artifacts);
        let protecting = self.ecs.map(|agent| {
            let under_way = self.consumer.under_way();
            tokio::spawn(async move { ecs::protect(under_way, |on| agent.protect(on)).await })
        });
        let (tell, stop) = watch::channel(false);
        let work = self.consumer.run(stop);
        tokio::pin!(work);
        tokio::select! {
            () = &mut work => {}
            () = shutdown => {
                tell.send_replace(true);
                work.await;
            }
        }
        beside.stop();
        if let Some(protecting) = protecting {
            protecting.abort();
        }
        Ok(())
    }

    /// Answers AgentCore Runtime's invocations until `shutdown` is ready; what isn't done within the grace then goes on
    /// from the queue.
    pub async fn take_invocations(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let queue = Arc::clone(&self.readiness.queue);
        let artifacts = self.reviewer.inspector.backends.artifacts.clone();
        let beside = Beside::start(self.operator, self.readiness, Arc::clone(&self.env), artifacts);
        let (tell, hand_back) = watch::channel(false);
        let agent = AgentCore::new(self.reviewer, queue, self.env, self.settings.jobs, hand_back);
        let grace = self.settings.grace;
        let limits = server::Limits { grace: grace + consumer::HAND_BACK, max_connections: 1024, ..OPERATOR_PORT };
        let ending = async move {
            shutdown.await;
            tokio::spawn(async move {
                tokio::time::sleep(grace).await;
                tell.send_replace(true);
            });
        };
        server::serve(listener, agent.router(), limits, ending).await;
        beside.stop();
        Ok(())
    }
}

/// What runs beside the work.
struct Beside {
    stop: watch::Sender<bool>,
    port: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
}

impl Beside {
    fn start(operator: TcpListener, readiness: Arc<Ready>, env: SharedEnv, artifacts: Option<Arc<Artifacts>>) -> Self {
        let (stop, mut ended) = watch::channel(false);
        let (queue, store) = (Arc::clone(&readiness.queue), Arc::clone(&readiness.store));
        let housekeeping = tokio::spawn(keep_house(queue, store, env, artifacts));
        let routes = operator::router(readiness, names::install());
        let port = tokio::spawn(async move {
            let ended = async move {
                let _ = ended.wait_for(|stop| *stop).await;
            };
            server::serve(operator, routes, OPERATOR_PORT, ended).await;
        });
        Self { stop, port, housekeeping }
    }

    fn stop(self) {
        self.stop.send_replace(true);
        self.housekeeping.abort();
        self.port.abort();
    }
}

async fn listen(setting: &str, address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|e| anyhow::anyhow!("{setting}: {address} can't be listened on: {e}; free it or choose another"))
}

/// Deletes what is over, a little at a time, with pauses in which others write.
async fn keep_house(
    queue: Arc<dyn JobQueue>,
    store: Arc<dyn Store>,
    env: SharedEnv,
    artifacts: Option<Arc<Artifacts>>,
) {
    loop {
        if let Some(artifacts) = &artifacts {
            artifacts.tidy(env.now()).await;
        }
        let purged = store.purge(env.now()).await.map_err(|e| e.to_string());
        let tidied = queue.tidy().await.map_err(|e| e.to_string());
        let done = purged.and_then(|purged| Ok(purged + tidied?));
        if let Err(error) = &done {
            tracing::warn!(component = "housekeeping", %error, "what is over could not be deleted; it is tried again in an hour");
        }
        tokio::time::sleep(if done.is_ok_and(|done| done > 0) { HOUSEKEEPING_PAUSE } else { HOUSEKEEPING }).await;
    }
}
