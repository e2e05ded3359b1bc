//! The ingress as a whole: both ports bound before anything is served, and both drained before it ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::operator;
use eco_coder_shared::queue::JobQueue;
use eco_coder_shared::server::{Limits, listen, serve};
use eco_coder_shared::telemetry::metrics;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::config::IngressConfig;
use crate::routes::{self, IngressReadiness};
use crate::webhook::Webhook;

/// Operators and their probes need few.
const OPERATOR_CONNECTIONS: usize = 64;

/// A port that can't be had. The words say which setting, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: can't listen on {addr}: {cause}; {next}")]
pub struct BindError {
    /// The setting that names the address.
    pub setting: &'static str,
    /// The address.
    pub addr: SocketAddr,
    /// The system's words; shown in the message, so not its source too.
    pub cause: io::Error,
    next: &'static str,
}

/// An ingress whose addresses are bound and known; connections wait in the listen queue until [`Ingress::run`].
pub struct Ingress {
    webhooks: Port,
    operators: Port,
    readiness: Arc<IngressReadiness>,
    header_timeout: Duration,
    max_connections: usize,
    grace: Duration,
}

struct Port {
    listener: TcpListener,
    addr: SocketAddr,
    routes: Router,
}

impl Ingress {
    /// Binds both ports (port 0: any free one) and installs the process's metrics recorder if there is none yet. To be called in
    /// the runtime that serves.
    pub fn bind(config: &IngressConfig, queue: Arc<dyn JobQueue>, env: SharedEnv) -> Result<Self, BindError> {
        // Before the webhook makes its meters: they stay with the recorder that is there then.
        let recorder = metrics::install();
        let readiness = Arc::new(IngressReadiness::new(Arc::clone(&queue)));
        let webhooks = Self::webhooks(config, queue, env);
        let operator_routes = operator::router(Arc::clone(&readiness) as _, recorder);
        Ok(Self {
            webhooks: Port::bind("ingress.listen", config.listen, webhooks)?,
            operators: Port::bind("ingress.operator_listen", config.operator_listen, operator_routes)?,
            readiness,
            header_timeout: config.header_timeout,
            max_connections: config.max_connections,
            grace: config.shutdown_grace,
        })
    }

    /// What answers on GitHub's port, without the port: for whoever brings requests another way. To be called in the runtime
    /// that serves.
    pub fn webhooks(config: &IngressConfig, queue: Arc<dyn JobQueue>, env: SharedEnv) -> Router {
        routes::webhooks(Arc::new(Webhook::new(config, queue, env)))
    }

    /// Where webhooks come in.
    pub fn addr(&self) -> SocketAddr {
        self.webhooks.addr
    }

    /// Where operators look.
    pub fn operator_addr(&self) -> SocketAddr {
        self.operators.addr
    }

    /// Serves until `shutdown` is ready; then takes no more, says on the operators' port that it isn't ready, and ends
    /// when the requests under way are answered or the grace time is over.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let limits =
            Limits { header_timeout: self.header_timeout, max_connections: self.max_connections, grace: self.grace };
        let operator_limits =
            Limits { max_connections: OPERATOR_CONNECTIONS, grace: Duration::from_secs(1).min(self.grace), ..limits };
        let webhooks = format!("http://{}/webhooks/github", self.webhooks.addr);
        tracing::info!(component = "ingress", webhooks, operator = %self.operators.addr, "the ingress takes webhooks");
        let readiness = self.readiness;
        let (drained, until_drained) = oneshot::channel::<()>();
        let webhooks = async move {
            let stop = async {
                shutdown.await;
                readiness.stop();
            };
            serve(self.webhooks.listener, self.webhooks.routes, limits, stop).await;
            drop(drained);
        };
        let stop = async {
            let _ = until_drained.await;
        };
        tokio::join!(webhooks, serve(self.operators.listener, self.operators.routes, operator_limits, stop));
        tracing::info!("the ingress has stopped");
    }
}

impl Port {
    fn bind(setting: &'static str, addr: SocketAddr, routes: Router) -> Result<Self, BindError> {
        let failed = |cause: io::Error| BindError { setting, addr, next: remedy(&cause), cause };
        let listener = listen(addr).map_err(failed)?;
        let addr = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, addr, routes })
    }
}

fn remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::AddrInUse => "another process has this port: stop it, or choose another port",
        io::ErrorKind::PermissionDenied => {
            "choose a port from 1024 upwards, or give the process the right to lower ones"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address: use 127.0.0.1, or 0.0.0.0 for all of them"
        }
        _ => "choose another address",
    }
}

#[cfg(test)]
mod tests;
