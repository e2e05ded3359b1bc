//! Amazon Bedrock's Converse: one call a turn, with the system prompt, tools, tool results with their status, reasoning handed
//! back unmodified, and a prompt cache. What is long and the same in each turn (system prompt, tools, what was said) is cached.
//!
//! The SDK's standard retries are the one layer that repeats a call; what is still throttled then ends the turn, and the
//! review is put down.

pub mod families;
mod wire;

#[cfg(any(test, feature = "testing"))]
pub mod fake;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrockruntime::Client;
use aws_sdk_bedrockruntime::config::Builder;
use aws_sdk_bedrockruntime::config::timeout::TimeoutConfig;
use aws_sdk_bedrockruntime::operation::converse::ConverseError;
use aws_sdk_bedrockruntime::types::GuardrailConfiguration;
use aws_sdk_bedrockruntime::types::InferenceConfiguration;
use eco_coder_shared::aws::{AwsSettings, Fault, count};
use eco_coder_shared::env::SharedEnv;
use tokio::sync::OnceCell;
use tracing::Instrument as _;

use self::families::Family;
use super::{Model, ModelError, ModelReply, ModelRequest, Usage, prices};

/// What is asked if no other is named: data stays in the region group.
pub const DEFAULT_ID: &str = "us.anthropic.claude-sonnet-5-5";

/// Between two questions to a throttled model.
const THROTTLED: Duration = Duration::from_secs(30);
/// As the specification has it, for models that take one.
const TEMPERATURE: f32 = 0.1;

/// Which model, and how it is asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A model's id, an inference profile's, or an ARN of one.
    pub id: String,
    /// A guardrail's id and version, if one looks at what is said.
    pub guardrail: Option<(String, String)>,
    /// For one turn.
    pub timeout: Duration,
}

/// The engine.
pub struct BedrockModel {
    settings: Settings,
    family: Family,
    aws: AwsSettings,
    client: OnceCell<Client>,
    env: SharedEnv,
}

impl BedrockModel {
    /// Asks nothing yet.
    pub fn new(settings: Settings, aws: AwsSettings, env: SharedEnv) -> Self {
        let family = families::of(&settings.id);
        Self { settings, family, aws, client: OnceCell::new(), env }
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(|| async { client(&self.aws.load().await, self.settings.timeout) }).await
    }

    fn fault(&self, error: &aws_sdk_bedrockruntime::error::SdkError<ConverseError>) -> ModelError {
        use aws_sdk_bedrockruntime::error::SdkError;
        let fault = Fault::new("bedrock:InvokeModel", error);
        let failed = |message: String| ModelError::Failed { message };
        if matches!(error, SdkError::TimeoutError(_)) {
            return ModelError::Timeout;
        }
        match error.as_service_error() {
            Some(
                ConverseError::ThrottlingException(_)
                | ConverseError::ModelNotReadyException(_)
                | ConverseError::ServiceUnavailableException(_),
            ) => {
                let wait = THROTTLED + self.env.between(Duration::ZERO, THROTTLED / 2);
                ModelError::Throttled { until: self.env.now() + wait }
            }
            Some(ConverseError::ModelTimeoutException(_)) => ModelError::Timeout,
            Some(ConverseError::ResourceNotFoundException(_)) => failed(format!(
                "{}; is model.id ({}) one that this region has, and is it still in service?",
                fault.words, self.settings.id
            )),
            _ if fault.code.as_deref() == Some("ServiceQuotaExceededException") => {
                failed(format!("{}; raise the quota, or set another model", fault.words))
            }
            _ => failed(fault.words),
        }
    }
}

fn client(sdk: &SdkConfig, timeout: Duration) -> Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(timeout).operation_timeout(timeout).build();
    Client::from_conf(Builder::from(sdk).timeout_config(timeouts).build())
}

#[async_trait]
impl Model for BedrockModel {
    fn id(&self) -> &str {
        &self.settings.id
    }

    fn dollars(&self, usage: Usage) -> Option<f64> {
        prices::bedrock(&self.settings.id).map(|price| price.of(usage))
    }

    async fn reply(&self, request: ModelRequest) -> Result<ModelReply, ModelError> {
        let broken = |message: String| ModelError::Failed { message };
        let caches = self.family.cache;
        let mut inference =
            InferenceConfiguration::builder().max_tokens(i32::try_from(request.max_tokens).unwrap_or(i32::MAX));
        if self.family.temperature {
            inference = inference.temperature(TEMPERATURE);
        }
        let mut call = self
            .client()
            .await
            .converse()
            .model_id(&self.settings.id)
            .inference_config(inference.build())
            .set_system(Some(wire::system(request.system, caches)))
            .set_messages(Some(wire::messages(&request.turns, caches).map_err(broken)?))
            .tool_config(wire::tools(&request.tools, caches).map_err(broken)?);
        if let Some((id, version)) = &self.settings.guardrail {
            let guardrail = GuardrailConfiguration::builder().guardrail_identifier(id).guardrail_version(version);
            call = call.guardrail_config(guardrail.build());
        }
        let asked = count("bedrock", "Converse");
        let answer = call.send().instrument(asked).await.map_err(|e| self.fault(&e))?;
        let usage = answer.usage().map(wire::usage).unwrap_or_default();
        wire::reply(answer).map_err(|message| ModelError::Unusable { message, usage })
    }
}

#[cfg(test)]
mod tests;
