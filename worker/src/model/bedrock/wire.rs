//! Converse's shapes: our conversation in them, their answer in ours. Pure.

use std::collections::HashMap;

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput as Answer;
use aws_sdk_bedrockruntime::types::{
    CachePointBlock, CachePointType, ContentBlock, ConversationRole, ConverseOutput, Message, ReasoningContentBlock,
    ReasoningTextBlock, StopReason, SystemContentBlock, TokenUsage, Tool, ToolConfiguration, ToolInputSchema,
    ToolResultBlock, ToolResultContentBlock, ToolResultStatus, ToolSpecification, ToolUseBlock,
};
use aws_smithy_types::{Blob, Document, Number};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{MAX_DEPTH, ModelReply, Said, Told, Turn, Usage};
use crate::tools::ToolSpec;

/// What stands where a turn would be empty, which Converse refuses.
const NOTHING: &str = "(nothing)";

/// Reasoning as a session keeps it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reasoning {
    Text {
        text: String,
        signature: Option<String>,
    },
    /// Hex.
    Redacted(String),
}

fn cache_point() -> Result<CachePointBlock, String> {
    CachePointBlock::builder().r#type(CachePointType::Default).build().map_err(|e| e.to_string())
}

pub(super) fn system(prompt: &str, caches: bool) -> Vec<SystemContentBlock> {
    let mut blocks = vec![SystemContentBlock::Text(prompt.to_owned())];
    if caches && let Ok(point) = cache_point() {
        blocks.push(SystemContentBlock::CachePoint(point));
    }
    blocks
}

pub(super) fn tools(specs: &[ToolSpec], caches: bool) -> Result<ToolConfiguration, String> {
    let mut config = ToolConfiguration::builder();
    for spec in specs {
        let tool = ToolSpecification::builder()
            .name(&spec.name)
            .description(&spec.description)
            .input_schema(ToolInputSchema::Json(document(&spec.input_schema)))
            .build()
            .map_err(|e| e.to_string())?;
        config = config.tools(Tool::ToolSpec(tool));
    }
    if caches {
        config = config.tools(Tool::CachePoint(cache_point()?));
    }
    config.build().map_err(|e| e.to_string())
}

/// The conversation; what was said up to its last turn can be read from the cache by the next one.
pub(super) fn messages(turns: &[Turn], caches: bool) -> Result<Vec<Message>, String> {
    let mut messages = Vec::new();
    for (at, turn) in turns.iter().enumerate() {
        let (role, mut blocks) = match turn {
            Turn::User { content } => {
                (ConversationRole::User, content.iter().map(told).collect::<Result<Vec<_>, _>>()?)
            }
            Turn::Assistant { content } => {
                (ConversationRole::Assistant, content.iter().map(said).collect::<Result<Vec<_>, _>>()?)
            }
        };
        if blocks.is_empty() {
            blocks.push(ContentBlock::Text(NOTHING.to_owned()));
        }
        if caches && at + 1 == turns.len() {
            blocks.push(ContentBlock::CachePoint(cache_point()?));
        }
        let message = Message::builder().role(role).set_content(Some(blocks)).build();
        messages.push(message.map_err(|e| e.to_string())?);
    }
    Ok(messages)
}

fn told(told: &Told) -> Result<ContentBlock, String> {
    Ok(match told {
        Told::Text { text } => ContentBlock::Text(text.clone()),
        Told::ToolResult { id, content, is_error } => {
            let status = if *is_error { ToolResultStatus::Error } else { ToolResultStatus::Success };
            let result = ToolResultBlock::builder()
                .tool_use_id(id)
                .content(ToolResultContentBlock::Text(content.clone()))
                .status(status)
                .build();
            ContentBlock::ToolResult(result.map_err(|e| e.to_string())?)
        }
    })
}

fn said(said: &Said) -> Result<ContentBlock, String> {
    Ok(match said {
        // An empty text is refused.
        Said::Text { text } if text.trim().is_empty() => ContentBlock::Text(NOTHING.to_owned()),
        Said::Text { text } => ContentBlock::Text(text.clone()),
        Said::ToolUse { id, name, input } => {
            // Converse takes an object and nothing else.
            let input =
                if input.is_object() { document(input) } else { document(&serde_json::json!({"input": input})) };
            let call = ToolUseBlock::builder().tool_use_id(id).name(name).input(input).build();
            ContentBlock::ToolUse(call.map_err(|e| e.to_string())?)
        }
        Said::Opaque { value } => {
            let reasoning =
                serde_json::from_value(value.clone()).map_err(|e| format!("the session's reasoning: {e}"))?;
            ContentBlock::ReasoningContent(match reasoning {
                Reasoning::Text { text, signature } => {
                    let block = ReasoningTextBlock::builder().text(text).set_signature(signature).build();
                    ReasoningContentBlock::ReasoningText(block.map_err(|e| e.to_string())?)
                }
                Reasoning::Redacted(hex) => {
                    let bytes = hex::decode(hex).map_err(|e| format!("the session's reasoning: {e}"))?;
                    ReasoningContentBlock::RedactedContent(Blob::new(bytes))
                }
            })
        }
    })
}

/// What an answer cost.
pub(super) fn usage(usage: &TokenUsage) -> Usage {
    let tokens = |count: i32| u64::try_from(count).unwrap_or(0);
    let read = usage.cache_read_input_tokens.map_or(0, tokens);
    let written = usage.cache_write_input_tokens.map_or(0, tokens);
    Usage {
        // Converse counts those of the cache beside the others.
        input: tokens(usage.input_tokens) + read + written,
        output: tokens(usage.output_tokens),
        cache_read: read,
        cache_write: written,
    }
}

/// What a model answered. An error is for an operator: this answer is no turn of a conversation.
pub(super) fn reply(answer: Answer) -> Result<ModelReply, String> {
    let why = match &answer.stop_reason {
        StopReason::GuardrailIntervened => Some("the guardrail of the settings held it back (model.guardrail_id)"),
        StopReason::ContentFiltered => Some("Bedrock's content filter held the answer back"),
        StopReason::ModelContextWindowExceeded => Some("the conversation is longer than the model's context"),
        // EndTurn, ToolUse, StopSequence; MaxTokens: what is there counts; MalformedToolUse and MalformedModelOutput: the
        // loop tells the model how to go on; what a later time adds is read as it comes.
        _ => None,
    };
    if let Some(why) = why {
        return Err(why.to_owned());
    }
    let usage = answer.usage.as_ref().map(usage);
    let Some(ConverseOutput::Message(message)) = answer.output else {
        return Err("Bedrock's answer holds no message".to_owned());
    };
    let mut content = Vec::new();
    for block in message.content {
        match block {
            ContentBlock::Text(text) => content.push(Said::Text { text }),
            ContentBlock::ToolUse(call) => content.push(Said::ToolUse {
                id: call.tool_use_id,
                name: call.name,
                input: value(call.input, MAX_DEPTH).ok_or("a tool call's input is nested too deep")?,
            }),
            ContentBlock::ReasoningContent(block) => content.extend(opaque(block)),
            // Nothing else was asked for.
            _ => {}
        }
    }
    Ok(ModelReply { content, usage: usage.unwrap_or_default() })
}

fn opaque(block: ReasoningContentBlock) -> Option<Said> {
    let reasoning = match block {
        ReasoningContentBlock::ReasoningText(block) => Reasoning::Text { text: block.text, signature: block.signature },
        ReasoningContentBlock::RedactedContent(bytes) => Reasoning::Redacted(hex::encode(bytes.into_inner())),
        _ => return None,
    };
    serde_json::to_value(reasoning).ok().map(|value| Said::Opaque { value })
}

pub(super) fn document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(flag) => Document::Bool(*flag),
        Value::Number(number) => Document::Number(match (number.as_u64(), number.as_i64()) {
            (Some(n), _) => Number::PosInt(n),
            (None, Some(n)) => Number::NegInt(n),
            (None, None) => Number::Float(number.as_f64().unwrap_or_default()),
        }),
        Value::String(text) => Document::String(text.clone()),
        Value::Array(items) => Document::Array(items.iter().map(document).collect()),
        Value::Object(members) => Document::Object(
            members.iter().map(|(name, value)| (name.clone(), document(value))).collect::<HashMap<_, _>>(),
        ),
    }
}

/// `None`: nested deeper than `depth`.
fn value(document: Document, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    Some(match document {
        Document::Null => Value::Null,
        Document::Bool(flag) => Value::Bool(flag),
        Document::Number(Number::PosInt(n)) => n.into(),
        Document::Number(Number::NegInt(n)) => n.into(),
        Document::Number(Number::Float(n)) => n.into(),
        Document::String(text) => Value::String(text),
        Document::Array(items) => {
            Value::Array(items.into_iter().map(|item| value(item, depth)).collect::<Option<_>>()?)
        }
        Document::Object(members) => Value::Object(
            members.into_iter().map(|(name, member)| Some((name, value(member, depth)?))).collect::<Option<_>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e9..1e9f64).prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_is_the_json_that_it_was_made_of(json in any_value()) {
            prop_assert_eq!(value(document(&json), MAX_DEPTH), Some(json));
        }
    }

    #[test]
    fn a_document_is_read_up_to_its_depth_and_refused_one_past_it() {
        let nested = |depth: usize| (1..depth).fold(Document::Null, |inner, _| Document::Array(vec![inner]));
        assert!(value(nested(MAX_DEPTH), MAX_DEPTH).is_some());
        assert_eq!(value(nested(MAX_DEPTH + 1), MAX_DEPTH), None);
    }

    #[test]
    fn an_empty_turn_and_an_input_that_is_no_object_are_made_ones_that_converse_takes() {
        let turns = [
            Turn::User { content: vec![Told::Text { text: "Go".into() }] },
            Turn::Assistant { content: Vec::new() },
            Turn::Assistant {
                content: vec![
                    Said::Text { text: " ".into() },
                    Said::ToolUse { id: "1".into(), name: "x".into(), input: json!([7]) },
                ],
            },
        ];
        let made = messages(&turns, true).unwrap();
        assert_eq!(made[1].content(), [ContentBlock::Text(NOTHING.to_owned())]);
        let ContentBlock::ToolUse(call) = &made[2].content()[1] else { panic!("{made:?}") };
        assert_eq!(value(call.input.clone(), 9), Some(json!({"input": [7]})));
        assert!(matches!(made[2].content()[2], ContentBlock::CachePoint(_)), "the end of what is said");
        assert!(!messages(&turns, false).unwrap().iter().any(|m| m.content().iter().any(ContentBlock::is_cache_point)));
    }
}
