//! Logs, metrics and audit events: their names and their form. What is worth saying is decided where it happens.
//!
//! Logs are one JSON object a line: `timestamp, level, session_id, request_id, component, message, context`. Audit
//! events (target [`AUDIT`]) are flat: `event_type, timestamp, session_id, tool_name, parameters, result, duration_ms`.
//! Secrets are `SecretString` and source text is never a field, so neither can be logged by accident.

pub mod audit;
pub mod emf;
mod json;
pub mod metrics;
mod output;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::ConfigError;

/// The tracing target of audit events.
pub const AUDIT: &str = "eco_coder::audit";

/// The `[telemetry]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// Least level of the logs.
    pub level: String,
    /// Do the values of histograms go to the log, for CloudWatch?
    pub emf: bool,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), emf: false }
    }
}

impl TelemetryConfig {
    /// Is the level one?
    pub fn check(self) -> Result<Self, ConfigError> {
        if ["error", "warn", "info", "debug", "trace"].contains(&self.level.to_ascii_lowercase().as_str()) {
            Ok(self)
        } else {
            let problem = "it must be error, warn, info, debug or trace (LOG_LEVEL sets it, too)";
            Err(ConfigError::value("telemetry.level", problem))
        }
    }
}

/// Sends logs as JSON lines to standard error, from now on and for the whole process. Called once, by a main; one that ends by
/// itself calls [`emf::flush`] then.
pub fn init_logs(config: &TelemetryConfig) -> Result<(), ConfigError> {
    let level = config.clone().check()?.level.to_ascii_lowercase();
    // Libraries speak only when something is wrong; our own packages at the level asked for; audit events always.
    let ours = ["eco_coder", "eco_coder_ingress", "eco_coder_worker", "eco_coder_shared", "eco_coder_github"];
    let directives: Vec<String> = ours.iter().map(|name| format!("{name}={level}")).collect();
    let filter = EnvFilter::new(format!("warn,{AUDIT}=info,{}", directives.join(",")));
    tracing_subscriber::registry()
        .with(filter)
        .with(json::JsonLines::new(|| output::Lines))
        .try_init()
        .map_err(|e| ConfigError::value("telemetry", &e.to_string()))?;
    if config.emf {
        emf::begin();
    }
    Ok(())
}
