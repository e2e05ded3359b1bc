//! The ingress: verifies GitHub's webhooks, decides which of them are work, and answers 202 once a job is durable.
//! Never asks GitHub anything and never reads a pull request. Which pull requests are reviewed at all is
//! `eco_coder_shared::policy`, because the worker asks the same of GitHub's own answer.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking"))]

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, SystemEnv};
use eco_coder_shared::{shutdown, telemetry};

pub mod config;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod outbox;
mod routes;
pub mod server;
mod webhook;

pub use config::IngressConfig;
pub use server::{BindError, Ingress};

/// The ingress as a process: reads its settings, and takes webhooks until it is asked to end.
pub async fn serve(settings: &Settings) -> anyhow::Result<()> {
    let began = Instant::now();
    // Its clock measures itself for some ten milliseconds: meanwhile the queue is opened.
    std::thread::spawn(telemetry::metrics::install);
    let settings = settings.clone().fetching(&["ingress.webhook_secrets"]).await?;
    let config = IngressConfig::from_settings(&settings)?;
    telemetry::init(&config.telemetry, "eco-coder-ingress")?;
    let env: SharedEnv = Arc::new(SystemEnv);
    let queue =
        config.queue.open(Arc::clone(&env)).await.with_context(|| format!("opening the queue {}", config.queue))?;
    let ingress = Ingress::bind(&config, queue, env)?;
    telemetry::metrics::ready(began);
    ingress.run(shutdown::signal()).await;
    telemetry::end().await;
    Ok(())
}
