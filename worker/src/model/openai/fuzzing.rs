//! The fuzz target of an OpenAI-compatible server's answers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::wire;
use crate::model::fuzzing::{holds, question};
use crate::model::{ModelRequest, Said, Turn};

/// An answer: what is read of it can be kept, shown to the tools, and sent back.
pub fn openai(bytes: &[u8]) {
    let words = wire::error(bytes);
    assert!(words.message.len() <= bytes.len().max(1) * 3);
    let asked = question();
    let reply = match wire::reply(bytes, &asked, 400) {
        Ok(reply) => reply,
        Err((why, _)) => {
            assert!((10..200).contains(&why.len()), "{why}");
            return;
        }
    };
    let ids: Vec<&str> = reply
        .content
        .iter()
        .filter_map(|said| if let Said::ToolUse { id, .. } = said { Some(&**id) } else { None })
        .collect();
    assert!(ids.len() <= 64 && ids.iter().all(|id| (1..=200).contains(&id.len())), "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "an id twice");
    let reply = holds(reply);
    let turns = [asked.turns.clone(), vec![Turn::Assistant { content: reply.content }]].concat();
    let body: Result<Value, _> = serde_json::from_str(&wire::request(&ModelRequest { turns, ..asked }, "m", None));
    assert!(body.is_ok_and(|body| body["messages"].as_array().is_some_and(|messages| messages.len() == 3)));
}
