//! `eco-coder ingress`: takes webhooks and queues jobs.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use eco_coder_ingress::config::IngressConfig;
use eco_coder_ingress::server::Ingress;
use eco_coder_shared::shutdown;
use eco_coder_shared::telemetry::{init_logs, metrics};

use super::{ConfigArgs, system_env};

/// Runs until SIGTERM or Ctrl-C.
pub async fn run(args: &ConfigArgs) -> anyhow::Result<ExitCode> {
    let config = IngressConfig::from_settings(&args.settings()?)?;
    init_logs(&config.telemetry)?;
    metrics::install();
    let env = system_env();
    let queue = config.queue.open(Arc::clone(&env)).context("opening the queue")?;
    let ingress = Ingress::bind(config, queue, env).await?;
    tracing::info!(
        component = "ingress",
        webhooks = %format!("http://{}/webhooks/github", ingress.addr()),
        operator = %ingress.operator_addr(),
        "listening"
    );
    ingress.run(shutdown::signal()).await;
    Ok(ExitCode::SUCCESS)
}
