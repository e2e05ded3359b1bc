//! How every client of AWS is made: one configuration, with deadlines, one layer of retries, and an endpoint that tests
//! can override. Holds no client; each service's own file does. Credentials come from the SDK's usual chain (environment,
//! profile, container, instance), which no setting of ours replaces.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use serde::{Deserialize, Serialize};
use tracing::Span;

use crate::config::{ConfigError, Settings};

/// For name look-up, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(3);
/// For one try of a call. A client whose calls wait on purpose (SQS's long poll) sets its own.
pub const ATTEMPT: Duration = Duration::from_secs(10);
/// For a call with its retries.
pub const OPERATION: Duration = Duration::from_secs(30);
/// Tries of a call, the first included: the SDK's standard retries are the only layer that repeats a call to AWS.
const ATTEMPTS: u32 = 3;

/// The `[aws]` table: where AWS is. Read by whatever has an engine there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AwsSettings {
    /// As in `us-east-1`. Unset: the SDK's own chain (`AWS_REGION`, the profile, the instance).
    pub region: Option<String>,
    /// Instead of each service's own address: an emulator, or a private endpoint that serves all of them.
    pub endpoint_url: Option<String>,
}

impl AwsSettings {
    /// Reads and checks the table.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let table: Self = settings.table("aws")?;
        let wrong = |key: &str, problem: &str| Err(ConfigError::value(key, problem));
        if table.region.as_deref().is_some_and(|region| {
            region.is_empty() || region.len() > 40 || !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        }) {
            return wrong("aws.region", "it must be a region's name, such as us-east-1");
        }
        if table.endpoint_url.as_deref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://"))
        {
            return wrong("aws.endpoint_url", "it must begin with https:// (or http:// for an emulator)");
        }
        Ok(table)
    }

    /// Makes what clients are made from. Asks the instance for its region only if nothing else names one.
    pub async fn load(&self) -> SdkConfig {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(ATTEMPT)
            .operation_timeout(OPERATION)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS));
        if let Some(region) = &self.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(url) = &self.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        loader.load().await
    }
}

/// What a call to AWS came back with in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// AWS's own name of it, if it answered at all.
    pub code: Option<String>,
    /// For an operator: what was asked, what came back, and what to do next.
    pub words: String,
}

impl Fault {
    /// `action` is the IAM action that the call needs, as in `sqs:SendMessage`.
    pub fn new<E, R>(action: &str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned);
        let said = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
        let words = match (error, code.as_deref()) {
            (SdkError::TimeoutError(_), _) => {
                format!("{action}: no answer in time; look at the network and at AWS's status")
            }
            (SdkError::DispatchFailure(_), _) => format!(
                "{action}: AWS can't be reached or no credentials were found; look at the network, aws.region, \
                 aws.endpoint_url, and the task's role"
            ),
            (_, Some(code)) if is_denied(code) => {
                format!("{action}: {code}; allow {action} in the role's policy: {}", cut(said))
            }
            (_, Some(code)) => format!("{action}: {code}: {}", cut(said)),
            (_, None) => {
                format!("{action}: the answer is not AWS's; look at aws.endpoint_url and the proxy in between")
            }
        };
        Self { code, words }
    }

    /// Should the caller call less?
    pub fn is_throttle(&self) -> bool {
        self.code.as_deref().is_some_and(|code| {
            code.contains("Throttl")
                || code.contains("LimitExceeded")
                || ["OverLimit", "SlowDown", "ProvisionedThroughputExceededException"].contains(&code)
        })
    }

    /// Does the role lack the permission?
    pub fn is_denied(&self) -> bool {
        self.code.as_deref().is_some_and(is_denied)
    }
}

fn is_denied(code: &str) -> bool {
    code.contains("AccessDenied") || code.contains("NotAuthorized") || code.contains("InvalidClientTokenId")
}

/// AWS's words are short; an endpoint that is none of AWS's may say anything.
fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(300).collect()
}

/// Counts a call: they are what AWS asks money for. Returns its step in a review's trace, for whoever is in one.
pub fn count(service: &'static str, operation: &'static str) -> Span {
    metrics::counter!("AwsCalls", "Service" => service, "Operation" => operation).increment(1);
    crate::step!(
        format!("{} {operation} API", told(service)),
        otel.kind = "client",
        rpc.system = "aws-api",
        rpc.service = told(service),
        rpc.method = operation
    )
}

/// A service as AWS calls it.
fn told(service: &'static str) -> &'static str {
    match service {
        "bedrock" => "Bedrock",
        "codeguru-reviewer" => "CodeGuru",
        "codeguruprofiler" => "CodeGuru Profiler",
        "dynamodb" => "DynamoDB",
        "s3" => "S3",
        "secretsmanager" => "Secrets Manager",
        "ssm" => "Parameter Store",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Result<AwsSettings, ConfigError> {
        AwsSettings::from_settings(&Settings::parse(text, [])?)
    }

    #[test]
    fn a_region_and_an_endpoint_that_cannot_be_are_refused() {
        assert_eq!(settings("").unwrap(), AwsSettings::default());
        let both = settings("[aws]\nregion = \"eu-west-1\"\nendpoint_url = \"http://127.0.0.1:4577\"").unwrap();
        assert_eq!(both.region.as_deref(), Some("eu-west-1"));
        for wrong in
            ["region = \"\"", "region = \"us east\"", "endpoint_url = \"127.0.0.1:4577\"", "endpoint_url = \"\""]
        {
            settings(&format!("[aws]\n{wrong}")).unwrap_err();
        }
    }

    #[tokio::test]
    async fn what_is_set_is_what_clients_get() {
        let aws = settings("[aws]\nregion = \"eu-west-1\"\nendpoint_url = \"http://127.0.0.1:4577\"").unwrap();
        let loaded = aws.load().await;
        assert_eq!(loaded.region().unwrap().as_ref(), "eu-west-1");
        assert_eq!(loaded.endpoint_url(), Some("http://127.0.0.1:4577"));
        assert_eq!(loaded.timeout_config().unwrap().operation_timeout(), Some(OPERATION));
        assert_eq!(loaded.retry_config().unwrap().max_attempts(), ATTEMPTS);
    }
}
