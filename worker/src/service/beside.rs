//! What runs beside the work: the operators' port, and housekeeping.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::operator::{self, Readiness};
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::server;
use eco_coder_shared::telemetry::metrics as names;
use metrics::gauge;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backends::Backends;
use crate::backends::artifacts::Artifacts;
use crate::backends::flame_graphs::FlameGraphs;
use crate::store::Store;

/// Between two rounds of housekeeping.
const HOUSEKEEPING: Duration = Duration::from_hours(1);
/// Between two writes of one round.
const HOUSEKEEPING_PAUSE: Duration = Duration::from_millis(100);

/// What the operators' port bears.
pub(super) const OPERATOR_PORT: server::Limits =
    server::Limits { header_timeout: Duration::from_secs(10), max_connections: 64, grace: Duration::from_secs(1) };

/// Says whether queue and store answer.
pub(super) struct Ready {
    pub(super) queue: Arc<dyn JobQueue>,
    pub(super) store: Arc<dyn Store>,
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

/// Files that are kept for a time.
pub(super) struct Kept {
    artifacts: Option<Arc<Artifacts>>,
    flame_graphs: Option<Arc<FlameGraphs>>,
}

impl Kept {
    pub(super) fn of(backends: &Backends) -> Self {
        Self { artifacts: backends.artifacts.clone(), flame_graphs: backends.flame_graphs.clone() }
    }

    async fn tidy(&self, now: Timestamp) {
        if let Some(artifacts) = &self.artifacts {
            artifacts.tidy(now).await;
        }
        if let Some(flame_graphs) = &self.flame_graphs {
            flame_graphs.tidy(now).await;
        }
    }
}

/// What runs beside the work.
pub(super) struct Beside {
    stop: watch::Sender<bool>,
    port: JoinHandle<()>,
    housekeeping: JoinHandle<()>,
}

impl Beside {
    pub(super) fn start(operator: TcpListener, readiness: Arc<Ready>, env: SharedEnv, kept: Kept) -> Self {
        let (stop, mut ended) = watch::channel(false);
        let (queue, store) = (Arc::clone(&readiness.queue), Arc::clone(&readiness.store));
        let recorder = names::install();
        crate::meters::begin();
        let mut routes = operator::router(readiness, recorder);
        if let Some(flame_graphs) = &kept.flame_graphs {
            routes = routes.merge(flame_graphs.router());
        }
        let housekeeping = tokio::spawn(keep_house(queue, store, env, kept));
        let port = tokio::spawn(async move {
            let ended = async move {
                let _ = ended.wait_for(|stop| *stop).await;
            };
            server::serve(operator, routes, OPERATOR_PORT, ended).await;
        });
        Self { stop, port, housekeeping }
    }

    pub(super) fn stop(self) {
        self.stop.send_replace(true);
        self.housekeeping.abort();
        self.port.abort();
    }
}

pub(super) async fn listen(setting: &str, address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|e| anyhow::anyhow!("{setting}: {address} can't be listened on: {e}; free it or choose another"))
}

/// Deletes what is over, a little at a time, with pauses in which others write.
async fn keep_house(queue: Arc<dyn JobQueue>, store: Arc<dyn Store>, env: SharedEnv, kept: Kept) {
    loop {
        kept.tidy(env.now()).await;
        let purged = store.purge(env.now()).await.map_err(|e| e.to_string());
        let tidied = queue.tidy().await.map_err(|e| e.to_string());
        let done = purged.and_then(|purged| Ok(purged + tidied?));
        if let Err(error) = &done {
            tracing::warn!(component = "housekeeping", %error, "what is over could not be deleted; it is tried again in an hour");
        }
        tokio::time::sleep(if done.is_ok_and(|done| done > 0) { HOUSEKEEPING_PAUSE } else { HOUSEKEEPING }).await;
    }
}
