//! The worker as a program of its own, for its image: arguments, nothing else.

#![forbid(unsafe_code)]

use std::path::PathBuf;

use clap::Parser;
use eco_coder_shared::config::Settings;
use eco_coder_shared::healthcheck;
use eco_coder_worker::service::{self, Source};

/// Takes jobs from the queue, reviews, and keeps one comment up to date.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The settings file (TOML). Without one, defaults and ECO_CODER_* variables hold.
    #[arg(long, value_name = "FILE", env = "ECO_CODER_CONFIG")]
    config: Option<PathBuf>,
    /// Take invocations of AgentCore Runtime in place of jobs from the queue.
    #[arg(long)]
    agentcore: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Ask the worker that runs beside this, on its operators' port, whether it is well; exit code 0 or 1
    Healthcheck,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let settings = Settings::load(arguments.config.as_deref(), Settings::process_environment())?;
    match arguments.command {
        Some(Command::Healthcheck) => {
            healthcheck::check(&settings, "worker", "127.0.0.1:9091").await.map_err(anyhow::Error::msg)
        }
        None => service::serve(&settings, if arguments.agentcore { Source::AgentCore } else { Source::Queue }).await,
    }
}
