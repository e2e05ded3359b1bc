//! The ingress as a process of its own, for its image. Wiring, nothing else.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use eco_coder_ingress::{Ingress, IngressConfig};
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_shared::shutdown;
use eco_coder_shared::telemetry;

/// Verifies GitHub's webhooks and puts jobs on the queue.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings file (TOML). Without one, defaults and ECO_CODER_* variables hold.
    #[arg(long, value_name = "FILE", env = "ECO_CODER_CONFIG")]
    config: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("eco-coder-ingress: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let settings = Settings::load(arguments.config.as_deref(), Settings::process_environment())?;
    let config = IngressConfig::from_settings(&settings)?;
    telemetry::init_logs(&config.telemetry)?;
    let env: SharedEnv = Arc::new(SystemEnv);
    let queue =
        config.queue.open(Arc::clone(&env)).with_context(|| format!("the queue {} can't be opened", config.queue))?;
    Ingress::bind(config, queue, env).await?.run(shutdown::signal()).await;
    Ok(())
}
