//! A model that says what a test wrote down. It fails the test's review if it is told a tool result that it didn't ask
//! for, or asked for and wasn't told: a conversation that a real model's server would refuse.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use super::{Model, ModelError, ModelReply, ModelRequest, Said, Told, Turn, Usage};

type Line = Result<ModelReply, ModelError>;

/// Replies in the order of the script, and keeps what it was asked.
#[derive(Clone, Default)]
pub struct ScriptedModel {
    state: Arc<Mutex<(VecDeque<Line>, Vec<ModelRequest>)>>,
}

impl ScriptedModel {
    /// With this script.
    pub fn new(script: impl IntoIterator<Item = Line>) -> Self {
        Self { state: Arc::new(Mutex::new((script.into_iter().collect(), Vec::new()))) }
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.lock().1.clone()
    }

    /// How many lines nobody asked for.
    pub fn unused(&self) -> usize {
        self.lock().0.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (VecDeque<Line>, Vec<ModelRequest>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reply of words.
pub fn says(text: &str) -> Line {
    Ok(reply(vec![Said::Text { text: text.into() }]))
}

/// A reply that asks for tools: (id, name, input).
pub fn asks(calls: &[(&str, &str, Value)]) -> Line {
    let call = |(id, name, input): &(&str, &str, Value)| Said::ToolUse {
        id: (*id).into(),
        name: (*name).into(),
        input: input.clone(),
    };
    Ok(reply(calls.iter().map(call).collect()))
}

fn reply(content: Vec<Said>) -> ModelReply {
    ModelReply { content, usage: Usage { input: 1000, output: 50, ..Usage::default() } }
}

#[async_trait]
impl Model for ScriptedModel {
    fn id(&self) -> &'static str {
        "scripted"
    }

    fn dollars(&self, usage: Usage) -> Option<f64> {
        Some(usage.input as f64 * 2e-6 + usage.output as f64 * 1e-5)
    }

    async fn reply(&self, request: ModelRequest) -> Result<ModelReply, ModelError> {
        check(&request.turns).map_err(|message| ModelError::Failed { message })?;
        let mut state = self.lock();
        state.1.push(request);
        state.0.pop_front().unwrap_or_else(|| Err(ModelError::Failed { message: "the script is at its end".into() }))
    }
}

fn check(turns: &[Turn]) -> Result<(), String> {
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for (i, turn) in turns.iter().enumerate() {
        match turn {
            Turn::Assistant { content } if i % 2 == 1 => {
                asked = content
                    .iter()
                    .filter_map(|s| if let Said::ToolUse { id, .. } = s { Some(&**id) } else { None })
                    .collect();
            }
            Turn::User { content } if i % 2 == 0 => {
                let told: BTreeSet<&str> = content
                    .iter()
                    .filter_map(|t| if let Told::ToolResult { id, .. } = t { Some(&**id) } else { None })
                    .collect();
                if told != asked {
                    return Err(format!("asked for {asked:?}, was told {told:?}"));
                }
                asked.clear();
            }
            _ => return Err(format!("turn {i} is out of order")),
        }
    }
    if turns.len() % 2 == 1 { Ok(()) } else { Err("the last turn must be the user's".into()) }
}
