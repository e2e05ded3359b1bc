//! The worker as a program of its own, for its image: wiring only.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::SystemEnv;
use eco_coder_shared::shutdown;
use eco_coder_shared::telemetry::{init_logs, metrics};
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::service::{Worker, transport};
use eco_coder_worker::store::sqlite::SqliteStore;

/// Takes jobs from the queue, reviews, and keeps one comment up to date.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings file (TOML). Without one, defaults and ECO_CODER_* variables hold.
    #[arg(long, value_name = "FILE", env = "ECO_CODER_CONFIG")]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::load(arguments.config.as_deref(), Settings::process_environment())?;
    let config = WorkerConfig::from_settings(&settings)?;
    init_logs(&config.telemetry)?;
    metrics::install();
    let env = Arc::new(SystemEnv);
    let queue = config.queue.open(env.clone()).context("opening the queue")?;
    let store = Arc::new(SqliteStore::open(&config.store).context("opening the store")?);
    let worker = Worker::bind(&config, queue, store, transport(&config)?, env).await?;
    tracing::info!(component = "worker", operator = %worker.operator_addr()?, dry_run = config.dry_run, "working");
    worker.run(shutdown::signal()).await?;
    Ok(())
}
