//! Which path means what. One on GitHub's port; the operators' are in `eco_coder_shared::operator`, on another port.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::routing::any;
use eco_coder_shared::operator::Readiness;
use eco_coder_shared::queue::{Depth, JobQueue};
use metrics::gauge;

use crate::webhook::{self, Webhook};

/// How long the queue may take to say that it is there.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// GitHub's port.
pub(crate) fn webhooks(webhook: Arc<Webhook>) -> Router {
    Router::new().route("/webhooks/github", any(webhook::receive)).fallback(webhook::nothing_here).with_state(webhook)
}

/// Ready as long as jobs can be stored and nobody asked the ingress to stop.
pub(crate) struct IngressReadiness {
    queue: Arc<dyn JobQueue>,
    stopping: AtomicBool,
}

impl IngressReadiness {
    pub(crate) fn new(queue: Arc<dyn JobQueue>) -> Self {
        Self { queue, stopping: AtomicBool::new(false) }
    }

    /// From now on not ready, so that load balancers look elsewhere.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    async fn look(&self) -> Result<(), String> {
        self.queue.check().await.map_err(|e| e.to_string())?;
        // A queue that can store but not count is ready; its gauges keep their last value.
        if let Ok(depth) = self.queue.depth().await {
            show(depth);
        }
        Ok(())
    }
}

#[async_trait]
impl Readiness for IngressReadiness {
    async fn check(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Acquire) {
            return Err("the ingress is shutting down".to_owned());
        }
        let timed_out = || format!("the queue did not answer within {CHECK_TIMEOUT:?}");
        tokio::time::timeout(CHECK_TIMEOUT, self.look()).await.unwrap_or_else(|_| Err(timed_out()))
    }
}

fn show(depth: Depth) {
    gauge!("QueueVisible").set(depth.visible as f64);
    gauge!("QueueInFlight").set(depth.in_flight as f64);
    gauge!("QueueDead").set(depth.dead as f64);
    gauge!("QueueOldestAge").set(depth.oldest_age_ms.unwrap_or(0) as f64 / 1e3);
}
