//! Any server with OpenAI's chat completions: Ollama, vLLM, llama.cpp, OpenAI, a proxy. Sends one request a turn; what such
//! a server says is untrusted, bounded, and read leniently where servers differ.
//!
//! Waits are not slept out: a server that is busy (429, 503, 529) ends the turn, and the review is put down until it may ask
//! again. A lost connection or a 5xx is tried again here, and nowhere above.

mod wire;

#[cfg(any(test, feature = "testing"))]
pub mod fake;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_shared::config;
use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::retry::{Policy, Retry, retry};
use reqwest::{Client, Response, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};

use super::prices::Price;
use super::{Model, ModelError, ModelReply, ModelRequest, Usage};
use crate::token::RotatedToken;

/// The longest answer that is read, bytes: 4,096 tokens are a hundredth of it.
const MAX_ANSWER: usize = 2 << 20;
/// What is shown of an error's body, characters.
const MAX_WORDS: usize = 300;
/// For name look-up, TCP and TLS.
const CONNECT: Duration = Duration::from_secs(5);
/// Before a busy server is asked again that doesn't say when, and at most.
const BUSY: Duration = Duration::from_secs(30);
const LONGEST_BUSY: Duration = Duration::from_mins(10);

/// Which server, and which of its models.
#[derive(Debug, Clone)]
pub struct Settings {
    /// As in `http://127.0.0.1:11434/v1`; `/chat/completions` comes after it.
    pub url: String,
    /// The model's name there.
    pub name: String,
    /// The bearer token, if the server wants one.
    pub api_key: Option<ApiKey>,
    /// Only if it is set: some models refuse any.
    pub temperature: Option<f64>,
    /// For one turn.
    pub timeout: Duration,
    /// What its tokens cost, if that is known.
    pub price: Option<Price>,
}

/// The setting that names the key.
const KEY: &str = "model.api_key";

/// A server's key as it was at the start, and where it is read again.
#[derive(Clone)]
pub struct ApiKey {
    /// `env:NAME`, `file:PATH`, `aws:NAME`.
    pub reference: String,
    /// The key.
    pub key: SecretString,
    /// What reads it.
    pub settings: config::Settings,
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKey").field(&self.reference).finish()
    }
}

/// The engine.
pub struct OpenAiModel {
    settings: Settings,
    key: Option<RotatedToken>,
    url: String,
    client: Client,
    env: SharedEnv,
}

/// A failed attempt, and whether another one makes sense.
type Failed = (ModelError, Retry);

impl OpenAiModel {
    /// Asks nothing yet.
    pub fn new(settings: Settings, env: SharedEnv) -> anyhow::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(settings.timeout)
            // The key goes to this server and no other.
            .redirect(redirect::Policy::none())
            .build()?;
        let url = format!("{}/chat/completions", settings.url.trim_end_matches('/'));
        let key = settings
            .api_key
            .clone()
            .map(|ApiKey { reference, key, settings }| RotatedToken::new(settings, KEY, reference, key, env.clone()));
        Ok(Self { settings, key, url, client, env })
    }

    async fn attempt(&self, body: &str) -> Result<Vec<u8>, Failed> {
        let key = self.key.as_ref().map(RotatedToken::now);
        let mut answer = self.send(body, key.as_ref()).await?;
        if answer.status() == StatusCode::UNAUTHORIZED
            && let (Some(source), Some(refused)) = (&self.key, &key)
            && source.is_replaced(refused).await
        {
            answer = self.send(body, Some(&source.now())).await?;
        }
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let bytes = self.read(answer).await?;
        if status.is_success() {
            return Ok(bytes);
        }
        Err(self.refused(status, retry_after, &bytes))
    }

    async fn send(&self, body: &str, key: Option<&SecretString>) -> Result<Response, Failed> {
        let mut request = self.client.post(&self.url).header("content-type", "application/json").body(body.to_owned());
        if let Some(key) = key {
            request = request.bearer_auth(key.expose_secret());
        }
        request.send().await.map_err(|e| self.lost(&e))
    }

    async fn read(&self, mut answer: Response) -> Result<Vec<u8>, Failed> {
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| self.lost(&e))? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err((failed(format!("its answer has more than {MAX_ANSWER} bytes")), Retry::No));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    fn lost(&self, e: &reqwest::Error) -> Failed {
        if e.is_timeout() {
            return (ModelError::Timeout, Retry::No);
        }
        let what = if e.is_connect() { "can't be reached" } else { "broke off its answer" };
        (failed(format!("the server at model.url {what}; is it running at {}?", self.settings.url)), Retry::Yes)
    }

    fn refused(&self, status: StatusCode, retry_after: Option<Duration>, body: &[u8]) -> Failed {
        let error = wire::error(body);
        let words: String = error.message.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
        let code = status.as_u16();
        match code {
            // Waiting brings no money.
            429 if error.is_out_of_quota => (
                failed(format!("429: the account's quota is used up; raise it, or set another model: {words}")),
                Retry::No,
            ),
            429 | 503 | 529 => {
                let wait = retry_after.unwrap_or(BUSY).clamp(Duration::from_secs(1), LONGEST_BUSY);
                // Who was told the same second doesn't come back together.
                let wait = wait + self.env.between(Duration::ZERO, wait / 4);
                (ModelError::Throttled { until: self.env.now() + wait }, Retry::No)
            }
            408 => (ModelError::Timeout, Retry::No),
            500..=599 => (failed(format!("the server answered {code}: {words}")), Retry::Yes),
            401 | 403 => (failed(format!("{code}: the server refuses model.api_key: {words}")), Retry::No),
            404 => (
                failed(format!("404: is model.url right, and is there a model {}? {words}", self.settings.name)),
                Retry::No,
            ),
            _ => (failed(format!("the server answered {code}: {words}")), Retry::No),
        }
    }
}

fn failed(message: String) -> ModelError {
    ModelError::Failed { message }
}

/// In seconds; as a date it counts as not given.
fn retry_after(answer: &Response) -> Option<Duration> {
    let value = answer.headers().get("retry-after")?.to_str().ok()?;
    value.trim().parse::<u32>().ok().map(|seconds| Duration::from_secs(seconds.into()))
}

#[async_trait]
impl Model for OpenAiModel {
    fn id(&self) -> &str {
        &self.settings.name
    }

    fn dollars(&self, usage: Usage) -> Option<f64> {
        self.settings.price.map(|price| price.of(usage))
    }

    async fn reply(&self, request: ModelRequest) -> Result<ModelReply, ModelError> {
        let body = wire::request(&request, &self.settings.name, self.settings.temperature);
        let answer =
            retry(&Policy::HTTP, self.env.as_ref(), |(_, retry): &Failed| *retry, || self.attempt(&body)).await;
        let bytes = answer.map_err(|(error, _)| error)?;
        wire::reply(&bytes, &request, body.len()).map_err(|(message, usage)| ModelError::Unusable { message, usage })
    }
}

#[cfg(test)]
mod tests;
