//! The language model's seam: a request of ours in, a reply of ours out. No SDK type crosses it. What a model says is
//! untrusted.

pub mod bedrock;
pub mod energy;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod openai;
pub mod prices;
#[cfg(any(test, feature = "testing"))]
pub mod scripted;

use std::sync::Arc;

use async_trait::async_trait;
use eco_coder_shared::env::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::energy::ModelEnergy;
use crate::tools::ToolSpec;

/// How deep a call's input may be nested. A session keeps it within layers of its own, and what serde_json writes 128 deep
/// it doesn't read again.
const MAX_DEPTH: usize = 100;

/// The one member of an input whose arguments were no JSON: what the model wrote.
pub const MALFORMED: &str = "malformed_arguments";

/// One piece of what a model said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Said {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// It asks for a tool.
    ToolUse {
        /// The model's id of the call.
        id: String,
        /// The tool's name, as the model wrote it.
        name: String,
        /// Arguments, as the model wrote them.
        input: Value,
    },
    /// Something to hand back unmodified (reasoning).
    Opaque {
        /// As the engine gave it.
        value: Value,
    },
}

/// One piece of what we say to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A tool's answer.
    ToolResult {
        /// The model's id of the call.
        id: String,
        /// JSON, or the error's words.
        content: String,
        /// It failed.
        is_error: bool,
    },
}

/// One turn of the conversation; `T` is what we say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Turn<T = Told> {
    /// Ours.
    User {
        /// What we say.
        content: Vec<T>,
    },
    /// The model's.
    Assistant {
        /// What it said.
        content: Vec<Said>,
    },
}

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRequest {
    /// The system prompt.
    pub system: &'static str,
    /// The conversation so far.
    pub turns: Vec<Turn>,
    /// The tools it may ask for.
    pub tools: Arc<[ToolSpec]>,
    /// The most it may write.
    pub max_tokens: u32,
}

/// Tokens of one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Read, those from the cache included.
    pub input: u64,
    /// Written.
    pub output: u64,
    /// Read from the model's prompt cache.
    pub cache_read: u64,
    /// Written to the model's prompt cache.
    pub cache_write: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_write += other.cache_write;
    }
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// What it said.
    pub content: Vec<Said>,
    /// What it cost.
    pub usage: Usage,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum ModelError {
    /// It asks us to wait until then.
    #[error("the model is throttled until {until}")]
    Throttled {
        /// Until then.
        until: Timestamp,
    },
    /// It took too long.
    #[error("the model did not answer in time")]
    Timeout,
    /// Nothing more may be spent; in words for the author.
    #[error("{why}")]
    OverBudget {
        /// Why.
        why: String,
    },
    /// It answered, with nothing that can be used; the words are for an operator.
    #[error("the model's answer can't be used: {message}")]
    Unusable {
        /// For an operator.
        message: String,
        /// What it cost, as far as it said.
        usage: Usage,
    },
    /// It failed; the words are for an operator.
    #[error("the model failed: {message}")]
    Failed {
        /// For an operator.
        message: String,
    },
}

/// A language model.
#[async_trait]
pub trait Model: Send + Sync {
    /// Its id, as reports name it and sessions are bound to it.
    fn id(&self) -> &str;

    /// US dollars for these tokens, if a price is known.
    fn dollars(&self, usage: Usage) -> Option<f64>;

    /// What its own computation takes for these tokens, if somebody has published it.
    fn energy(&self, usage: Usage) -> Option<ModelEnergy> {
        energy::published(self.id()).map(|rates| rates.of(usage))
    }

    /// One turn.
    async fn reply(&self, request: ModelRequest) -> Result<ModelReply, ModelError>;
}
