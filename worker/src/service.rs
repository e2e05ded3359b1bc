//! Puts a worker together from its settings, and runs it.

mod beside;
mod parts;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use eco_coder_github::Transport;
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::telemetry::{self, metrics as names};
use eco_coder_shared::{server, shutdown};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::parts::{FromCi, consumer_settings, github, inspector, open_store, reconciler, reviewer, transport};

use self::beside::{Beside, Kept, OPERATOR_PORT, Ready, listen};
use crate::agentcore::AgentCore;
use crate::config::WorkerConfig;
use crate::consumer::{self, Consumer};
use crate::ecs;
use crate::model::Model;
use crate::reconcile::Reconciler;
use crate::review::Reviewer;
use crate::store::Store;

/// For the reconciler to let go of its lease, which else lasts for minutes.
const LET_GO: Duration = Duration::from_secs(2);

/// The settings of a worker that name secrets.
pub const WORKER_SECRETS: [&str; 4] =
    ["github.token_source", "github.app_key_source", "store.session_key", "model.api_key"];

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
    let began = Instant::now();
    let settings = settings.clone().fetching(&WORKER_SECRETS).await?;
    let config = WorkerConfig::from_settings(&settings)?;
    telemetry::init(&config.telemetry, "eco-coder-worker")?;
    names::install();
    let env: SharedEnv = Arc::new(SystemEnv);
    let queue =
        config.queue.open(Arc::clone(&env)).await.with_context(|| format!("opening the queue {}", config.queue))?;
    let store = open_store(&config.store, &env).await?;
    let worker = Worker::bind(&config, queue, store, transport(&config)?, env).await?;
    let operator = worker.operator_addr()?;
    names::ready(began);
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
    telemetry::end().await;
    Ok(())
}

/// A worker that can run.
pub struct Worker {
    consumer: Consumer,
    reviewer: Arc<Reviewer>,
    reconciler: Reconciler,
    operator: TcpListener,
    readiness: Arc<Ready>,
    env: SharedEnv,
    settings: consumer::Settings,
    ecs: Option<ecs::Agent>,
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
        let reviewer = reviewer(config, Arc::clone(&store), transport, Arc::clone(&env), model)?;
        let (github, of_reconciler) = (reviewer.github.clone(), Arc::clone(&queue));
        let reconciler = reconciler(config, github, Arc::clone(&store), of_reconciler, Arc::clone(&env));
        let settings = consumer_settings(config);
        let operator = listen("worker.operator_listen", &config.worker.operator_listen).await?;
        let ecs = config.worker.ecs_agent_uri.as_deref().map(ecs::Agent::new).transpose()?;
        let reviewer = Arc::new(reviewer);
        let consumer = Consumer::new(Arc::clone(&queue), Arc::clone(&reviewer), Arc::clone(&env), settings.clone());
        let readiness = Arc::new(Ready { queue, store });
        Ok(Self { consumer, reviewer, reconciler, operator, readiness, env, settings, ecs })
    }

    /// Where operators reach it.
    pub fn operator_addr(&self) -> std::io::Result<SocketAddr> {
        self.operator.local_addr()
    }

    /// Works until `shutdown` is ready, then drains.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
        let kept = Kept::of(&self.reviewer.inspector.backends);
        let beside = Beside::start(self.operator, self.readiness, self.env, kept);
        let protecting = self.ecs.map(|agent| {
            let under_way = self.consumer.under_way();
            tokio::spawn(async move { ecs::protect(under_way, |on| agent.protect(on)).await })
        });
        let (tell, stop) = watch::channel(false);
        let mut reconciling = tokio::spawn(self.reconciler.run(stop.clone()));
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
        tell.send_replace(true);
        if tokio::time::timeout(LET_GO, &mut reconciling).await.is_err() {
            reconciling.abort();
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
        let kept = Kept::of(&self.reviewer.inspector.backends);
        let beside = Beside::start(self.operator, self.readiness, Arc::clone(&self.env), kept);
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
