//! `eco-coder worker`: takes jobs and reviews.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use eco_coder_shared::shutdown;
use eco_coder_shared::telemetry::{init_logs, metrics};
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::service::{Worker, transport};
use eco_coder_worker::store::sqlite::SqliteStore;

use super::{ConfigArgs, system_env};

/// Runs until SIGTERM or Ctrl-C, then drains.
pub async fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let config = WorkerConfig::from_settings(&args.settings()?)?;
    init_logs(&config.telemetry)?;
    metrics::install();
    let env = system_env();
    let queue = config.queue.open(Arc::clone(&env)).context("opening the queue")?;
    let store = Arc::new(SqliteStore::open(&config.store).context("opening the store")?);
    let worker = Worker::bind(&config, queue, store, transport(&config)?, env).await?;
    tracing::info!(component = "worker", operator = %worker.operator_addr()?, dry_run = config.dry_run, "working");
    worker.run(shutdown::signal()).await?;
    Ok(ExitCode::SUCCESS)
}
