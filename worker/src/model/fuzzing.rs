//! What the fuzz targets of models share: what a model said is kept with its session, and asks for tools.

use std::sync::Arc;

use super::{ModelReply, ModelRequest, Said, Told, Turn};
use crate::tools::{self, ToolCall};

/// A conversation's first question.
pub(crate) fn question() -> ModelRequest {
    let turns = vec![Turn::User { content: vec![Told::Text { text: "Results".to_owned() }] }];
    ModelRequest { system: "Be brief.", turns, tools: Arc::clone(tools::specs()), max_tokens: 4096 }
}

/// Shows each call to the tools; then the reply as a session gives it back, within as many layers as an event has.
pub(crate) fn holds(reply: ModelReply) -> ModelReply {
    for said in &reply.content {
        let Said::ToolUse { name, input, .. } = said else { continue };
        match ToolCall::parse(name, input) {
            Ok(ToolCall::PostGithubComment(report)) => {
                let _ = report.validate(3);
            }
            Ok(call) => assert!(tools::NAMES.contains(&call.name())),
            Err(error) => {
                let words = error.to_string();
                assert!(words.len() < 2_000 && !error.for_operator.contains("CANARY"), "{error:?}");
            }
        }
    }
    let kept = serde_json::to_string(&[[[&reply]]]).unwrap_or_default();
    let read = serde_json::from_str::<[[[ModelReply; 1]; 1]; 1]>(&kept);
    assert!(read.is_ok(), "a session that can't be read again: {read:?}");
    reply
}
