//! `eco-coder serve`: ingress and worker in one process, sharing one queue.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use eco_coder_ingress::config::IngressConfig;
use eco_coder_ingress::server::Ingress;
use eco_coder_shared::shutdown;
use eco_coder_shared::telemetry::{self, metrics};
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::service::{WORKER_SECRETS, Worker, open_store, transport};
use tokio::sync::watch;

use super::{ConfigArgs, system_env};

/// Serves until SIGTERM or Ctrl-C, then drains.
pub async fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let settings = args.settings()?.fetching(&WORKER_SECRETS).await?.fetching(&["ingress.webhook_secrets"]).await?;
    let ingress = IngressConfig::from_settings(&settings)?;
    let worker = WorkerConfig::from_settings(&settings)?;
    telemetry::init(&worker.telemetry, "eco-coder")?;
    metrics::install();
    let env = system_env();
    let queue = worker.queue.open(Arc::clone(&env)).await.context("opening the queue")?;
    let store = open_store(&worker.store, &env).await?;
    let dry_run = worker.dry_run;
    let worker = Worker::bind(&worker, queue.clone(), store, transport(&worker)?, Arc::clone(&env)).await?;
    let ingress = Ingress::bind(&ingress, queue, env)?;
    tracing::info!(
        component = "serve",
        operator = %worker.operator_addr()?,
        dry_run,
        "the worker takes jobs"
    );
    metrics::ready(began);
    let (tell, stop) = watch::channel(false);
    let stopped = |mut stop: watch::Receiver<bool>| async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let mut ingress = tokio::spawn(ingress.run(stopped(stop.clone())));
    let mut worker = tokio::spawn(worker.run(stopped(stop)));
    // Either half's end is the end: half a product is worse than a restart.
    tokio::select! {
        () = shutdown::signal() => {}
        ended = &mut ingress => ended.context("the ingress ended")?,
        ended = &mut worker => ended?.context("the worker ended")?,
    }
    tell.send_replace(true);
    if !ingress.is_finished() {
        ingress.await?;
    }
    if !worker.is_finished() {
        worker.await??;
    }
    telemetry::end().await;
    Ok(ExitCode::SUCCESS)
}
