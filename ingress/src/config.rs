//! What the ingress is told, read once at start and checked as a whole. Never reads the environment itself.

use std::net::SocketAddr;
use std::time::Duration;

use eco_coder_shared::config::{ConfigError, Settings};
use eco_coder_shared::policy::{Policy, PolicyConfig};
use eco_coder_shared::queue::settings::QueueSettings;
use eco_coder_shared::telemetry::TelemetryConfig;
use serde::Deserialize;

use crate::webhook::rotation::Source;

/// GitHub's own limit of a webhook's body, 25 MB. Source: GitHub's documentation of webhook events and payloads.
pub const GITHUB_MAX_BODY: usize = 26_214_400;

/// GitHub gives up on a delivery after 10 s; an answer must leave before.
const GITHUB_PATIENCE_SECONDS: u64 = 10;

/// No deadline is longer than an hour.
const LONGEST_SECONDS: u64 = 3600;

/// Everything the ingress needs to know.
#[derive(Debug, Clone)]
pub struct IngressConfig {
    /// Where webhooks come in. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Where operators look. Port 0 takes any free one.
    pub operator_listen: SocketAddr,
    /// A delivery signed with any of these is GitHub's.
    pub(crate) secrets: Source,
    /// Longest body in bytes.
    pub max_body_bytes: usize,
    /// From the first wait for a request until its headers are there; an idle connection is closed by it too.
    pub header_timeout: Duration,
    /// From a request's headers until its body is there.
    pub body_timeout: Duration,
    /// Open connections.
    pub max_connections: usize,
    /// Bytes of bodies held at once over all connections, beyond the small first part that each has to itself.
    pub max_body_memory_bytes: usize,
    /// Until the queue must have stored a job.
    pub enqueue_timeout: Duration,
    /// For requests under way when the ingress is told to stop.
    pub shutdown_grace: Duration,
    /// Which pull requests are reviewed.
    pub policy: Policy,
    /// File of the SQLite queue.
    pub queue: QueueSettings,
    /// Logs.
    pub telemetry: TelemetryConfig,
}

/// The `[ingress]` table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct IngressTable {
    listen: String,
    operator_listen: String,
    webhook_secrets: Vec<String>,
    max_body_bytes: u64,
    header_timeout_seconds: u64,
    body_timeout_seconds: u64,
    max_connections: u64,
    max_body_memory_bytes: u64,
    enqueue_timeout_seconds: u64,
    shutdown_grace_seconds: u64,
}

impl Default for IngressTable {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            operator_listen: "127.0.0.1:9090".to_owned(),
            webhook_secrets: vec!["env:ECO_CODER_WEBHOOK_SECRET".to_owned()],
            max_body_bytes: GITHUB_MAX_BODY as u64,
            header_timeout_seconds: 10,
            body_timeout_seconds: 20,
            max_connections: 1024,
            max_body_memory_bytes: 256 * 1024 * 1024,
            enqueue_timeout_seconds: 8,
            shutdown_grace_seconds: 20,
        }
    }
}

impl IngressConfig {
    /// Takes the tables `ingress`, `policy`, `queue` and `telemetry`, resolves the secrets, and checks that all fits
    /// together. The error names the setting and how to mend it.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let table: IngressTable = settings.table("ingress")?;
        let listen = address("ingress.listen", &table.listen)?;
        let operator_listen = address("ingress.operator_listen", &table.operator_listen)?;
        if listen == operator_listen && listen.port() != 0 {
            return Err(ConfigError::value(
                "ingress.operator_listen",
                "it is the same as ingress.listen; operators need a port that GitHub can't reach, such as 127.0.0.1:9090",
            ));
        }
        let max_body_bytes = within("ingress.max_body_bytes", table.max_body_bytes, 1, GITHUB_MAX_BODY as u64)?;
        Ok(Self {
            listen,
            operator_listen,
            secrets: Source::new(settings, table.webhook_secrets)?,
            max_body_bytes: to_usize(max_body_bytes),
            header_timeout: seconds(
                "ingress.header_timeout_seconds",
                table.header_timeout_seconds,
                1,
                LONGEST_SECONDS,
            )?,
            body_timeout: seconds("ingress.body_timeout_seconds", table.body_timeout_seconds, 1, LONGEST_SECONDS)?,
            max_connections: to_usize(within("ingress.max_connections", table.max_connections, 1, 1_000_000)?),
            max_body_memory_bytes: to_usize(within(
                "ingress.max_body_memory_bytes",
                table.max_body_memory_bytes,
                max_body_bytes,
                u64::from(u32::MAX),
            )?),
            enqueue_timeout: seconds(
                "ingress.enqueue_timeout_seconds",
                table.enqueue_timeout_seconds,
                1,
                GITHUB_PATIENCE_SECONDS - 1,
            )?,
            shutdown_grace: seconds(
                "ingress.shutdown_grace_seconds",
                table.shutdown_grace_seconds,
                0,
                LONGEST_SECONDS,
            )?,
            policy: Policy::new(settings.table::<PolicyConfig>("policy")?)?,
            queue: QueueSettings::from_settings(settings)?,
            telemetry: settings.table::<TelemetryConfig>("telemetry")?.check()?,
        })
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        ConfigError::value(
            key,
            "it must be an IP address and a port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080",
        )
    })
}

fn within(key: &str, value: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::value(key, &format!("it is {value}; it must be from {least} to {most}")))
    }
}

fn seconds(key: &str, value: u64, least: u64, most: u64) -> Result<Duration, ConfigError> {
    within(key, value, least, most).map(Duration::from_secs)
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use eco_coder_shared::config::{KEYS, Kind};
    use secrecy::ExposeSecret;

    use super::*;

    fn from(toml: &str) -> Result<IngressConfig, ConfigError> {
        let environment = [("ECO_CODER_WEBHOOK_SECRET", "one"), ("ECO_CODER_SECRET_TWO", "two"), ("NOTHING", "")];
        let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned()));
        IngressConfig::from_settings(&Settings::parse(toml, environment)?)
    }

    #[test]
    fn nothing_set_is_what_the_documented_defaults_say() {
        let mut documented = String::from("[ingress]\n");
        for key in KEYS.iter().filter(|k| k.path.starts_with("ingress.")) {
            let name = key.path.trim_start_matches("ingress.");
            let quote = if key.kind == Kind::Text { "\"" } else { "" };
            writeln!(documented, "{name} = {quote}{}{quote}", key.default).unwrap();
        }
        let without_debug_secrets = |config: IngressConfig| format!("{config:?}");
        assert_eq!(without_debug_secrets(from("").unwrap()), without_debug_secrets(from(&documented).unwrap()));
        let config = from("").unwrap();
        assert_eq!(config.queue.to_string(), "eco-coder-data/queue.db");
        assert_eq!(config.max_body_bytes, GITHUB_MAX_BODY);
    }

    #[test]
    fn a_rotation_names_two_secrets_in_order() {
        let config =
            from(r#"ingress.webhook_secrets = ["env:ECO_CODER_SECRET_TWO", "env:ECO_CODER_WEBHOOK_SECRET"]"#).unwrap();
        let secrets = config.secrets.secrets();
        let values: Vec<_> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(values, ["two", "one"]);
        assert!(!format!("{config:?}").contains("\"two\""));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_setting_s_name() {
        for (toml, names) in [
            ("ingress.listen = \"localhost\"", "ingress.listen"),
            ("ingress.operator_listen = \"127.0.0.1:8080\"", "ingress.operator_listen"),
            ("ingress.webhook_secrets = []", "ingress.webhook_secrets"),
            ("ingress.webhook_secrets = [\"env:NOTHING\"]", "ingress.webhook_secrets"),
            ("ingress.webhook_secrets = [\"env:UNSET\"]", "ingress.webhook_secrets"),
            ("ingress.webhook_secrets = [\"plain text\"]", "ingress.webhook_secrets"),
            ("ingress.max_body_bytes = 0", "ingress.max_body_bytes"),
            ("ingress.max_body_bytes = 26214401", "ingress.max_body_bytes"),
            ("ingress.max_body_bytes = -1", "ingress"),
            ("ingress.max_body_memory_bytes = 1000", "ingress.max_body_memory_bytes"),
            ("ingress.header_timeout_seconds = 0", "ingress.header_timeout_seconds"),
            ("ingress.body_timeout_seconds = 99999", "ingress.body_timeout_seconds"),
            ("ingress.max_connections = 0", "ingress.max_connections"),
            ("ingress.enqueue_timeout_seconds = 10", "ingress.enqueue_timeout_seconds"),
            ("ingress.shutdown_grace_seconds = 4000", "ingress.shutdown_grace_seconds"),
            ("queue.kind = \"sqs\"", "queue.kind"),
            ("queue.path = \"\"", "queue.path"),
            ("policy.repositories = []", "policy.repositories"),
        ] {
            let error = from(toml).expect_err(toml).to_string();
            assert!(error.contains(names), "{toml}: {error}");
            assert!(!error.contains("plain text"), "{error}");
        }
    }

    #[test]
    fn each_setting_is_taken_at_its_bounds_and_refused_one_past_them() {
        for (key, least, most) in [
            ("max_body_bytes", 1, 26_214_400_u64),
            ("header_timeout_seconds", 1, 3600),
            ("body_timeout_seconds", 1, 3600),
            ("max_connections", 1, 1_000_000),
            ("max_body_memory_bytes", 26_214_400, u64::from(u32::MAX)),
            ("enqueue_timeout_seconds", 1, 9),
            ("shutdown_grace_seconds", 0, 3600),
        ] {
            let with = |value: u64| from(&format!("ingress.{key} = {value}"));
            for taken in [least, most] {
                assert!(with(taken).is_ok(), "{key} = {taken}: {:?}", with(taken));
            }
            for refused in [least.checked_sub(1), Some(most + 1)].into_iter().flatten() {
                let error = with(refused).unwrap_err().to_string();
                assert!(error.contains(&format!("ingress.{key}: it is {refused}; it must be from")), "{error}");
            }
        }
        let secrets = |count: usize| {
            let names = vec!["\"env:ECO_CODER_WEBHOOK_SECRET\""; count].join(", ");
            from(&format!("ingress.webhook_secrets = [{names}]"))
        };
        assert_eq!(secrets(10).unwrap().secrets.secrets().len(), 10);
        assert!(secrets(11).unwrap_err().to_string().contains("10 at most"));
    }
}
