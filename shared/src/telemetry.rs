//! Logs, metrics and audit events: their names and their form. What is worth saying is decided where it happens.
//!
//! Logs are one JSON object a line: `timestamp, level, session_id, request_id, component, message, context`. Audit
//! events (target [`AUDIT`]) are flat: `event_type, timestamp, session_id, tool_name, parameters, result, duration_ms`.
//! Secrets are `SecretString` and source text is never a field, so neither can be logged by accident.
//!
//! Audit events and tools' records ([`TOOL`]) are written at every level and with every sampling.

pub mod audit;
pub mod emf;
mod json;
pub mod metrics;
mod output;
mod sampling;
pub mod trace;

use serde::Deserialize;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::ConfigError;

/// The tracing target of audit events.
pub const AUDIT: &str = "eco_coder::audit";

/// The tracing target of what tools tell of their calls; such a record's component is the tool's name with `_tool`.
pub const TOOL: &str = "eco_coder::tool";

/// The `[telemetry]` table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// Least level of the logs.
    pub level: String,
    /// The share of reviews whose informational lines are written, 0 to 1.
    pub log_sampling: f64,
    /// Do the values of histograms go to the log, for CloudWatch?
    pub emf: bool,
    /// The base address of a collector that takes traces over OTLP/HTTP; empty: none are made.
    pub otlp_endpoint: String,
    /// The share of traces that are kept, 0 to 1.
    pub trace_sampling: f64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            log_sampling: 1.0,
            emf: false,
            otlp_endpoint: String::new(),
            trace_sampling: 1.0,
        }
    }
}

impl TelemetryConfig {
    /// Are level, shares and address what they can be?
    pub fn check(self) -> Result<Self, ConfigError> {
        if !["error", "warn", "info", "debug", "trace"].contains(&self.level.to_ascii_lowercase().as_str()) {
            let problem = "it must be error, warn, info, debug or trace (LOG_LEVEL sets it, too)";
            return Err(ConfigError::value("telemetry.level", problem));
        }
        for (key, share) in
            [("telemetry.log_sampling", self.log_sampling), ("telemetry.trace_sampling", self.trace_sampling)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(ConfigError::value(key, &format!("it is {share}; it must be from 0 (none) to 1 (all)")));
            }
        }
        if !self.otlp_endpoint.is_empty() {
            trace::address(&self.otlp_endpoint)?;
        }
        Ok(self)
    }
}

/// Sends logs as JSON lines to standard error, and traces to their collector in the name of `service`, from now on and for the
/// whole process. Called once, by a main, in its runtime; one that ends by itself calls [`end`] then.
pub fn init(config: &TelemetryConfig, service: &'static str) -> Result<(), ConfigError> {
    let config = config.clone().check()?;
    let lines = json::JsonLines::new(|| output::Lines).with_filter(lines(&config));
    let logs = tracing_subscriber::registry().with(lines);
    match trace::begin(&config, service)? {
        Some(traces) => logs.with(traces).try_init(),
        None => logs.try_init(),
    }
    .map_err(|e| ConfigError::value("telemetry", &e.to_string()))?;
    if config.emf {
        emf::begin();
    }
    Ok(())
}

/// Writes and sends what is held, for a process's end.
pub async fn end() {
    emf::flush();
    trace::flush().await;
}

/// What is written: libraries speak only when something is wrong; our own packages at the level asked for, and of the reviews
/// that are left out only when something is wrong; audit events and tools' records always.
fn lines<S>(config: &TelemetryConfig) -> impl tracing_subscriber::layer::Filter<S> + use<S>
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    let level = config.level.to_ascii_lowercase();
    let ours = ["eco_coder", "eco_coder_ingress", "eco_coder_worker", "eco_coder_shared", "eco_coder_github"];
    let directives: Vec<String> = ours.iter().map(|name| format!("{name}={level}")).collect();
    let least = if level == "error" { "error" } else { "warn" };
    let levels =
        EnvFilter::new(format!("{least},{AUDIT}=info,{TOOL}=info,{}=off,{}", trace::TRACE, directives.join(",")));
    levels.and(sampling::OfReviews::new(config.log_sampling))
}

#[cfg(test)]
mod tests;
