//! The fuzz target of Converse's answers, from where the SDK has read them: it knows no JSON of ours.

use aws_sdk_bedrockruntime::operation::converse::ConverseOutput as Answer;
use aws_sdk_bedrockruntime::types::{
    ContentBlock, ConversationRole, ConverseOutput, Message, ReasoningContentBlock, ReasoningTextBlock, StopReason,
    TokenUsage, ToolUseBlock,
};
use aws_smithy_types::Blob;
use serde_json::Value;

use super::wire;
use crate::model::Turn;
use crate::model::fuzzing::{holds, question};

/// An answer as Converse's JSON has it: what is read of it can be kept, shown to the tools, and sent back.
pub fn bedrock(bytes: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return };
    let Some(answer) = answer(&json) else { return };
    let reply = match wire::reply(answer) {
        Ok(reply) => reply,
        Err(why) => {
            assert!((10..200).contains(&why.len()), "{why}");
            return;
        }
    };
    let reply = holds(reply);
    let turns = [question().turns, vec![Turn::Assistant { content: reply.content }]].concat();
    for caches in [true, false] {
        let messages = wire::messages(&turns, caches);
        assert!(messages.is_ok_and(|messages| messages.len() == 2 && messages.iter().all(|m| !m.content().is_empty())));
    }
}

fn answer(json: &Value) -> Option<Answer> {
    let tokens = |name: &str| i32::try_from(json["usage"][name].as_i64().unwrap_or_default()).unwrap_or(i32::MAX);
    let usage = TokenUsage::builder()
        .input_tokens(tokens("inputTokens"))
        .output_tokens(tokens("outputTokens"))
        .total_tokens(tokens("totalTokens"))
        .cache_read_input_tokens(tokens("cacheReadInputTokens"))
        .cache_write_input_tokens(tokens("cacheWriteInputTokens"));
    let mut message = Message::builder().role(ConversationRole::Assistant).set_content(Some(Vec::new()));
    for said in json["output"]["message"]["content"].as_array()? {
        message = message.content(block(said)?);
    }
    let stop = StopReason::from(json["stopReason"].as_str().unwrap_or("end_turn"));
    let answer = Answer::builder().stop_reason(stop).usage(usage.build().ok()?);
    answer.output(ConverseOutput::Message(message.build().ok()?)).build().ok()
}

fn block(said: &Value) -> Option<ContentBlock> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(words) = text(&said["text"]) {
        return Some(ContentBlock::Text(words));
    }
    let (call, reasoning) = (&said["toolUse"], &said["reasoningContent"]);
    if call.is_object() {
        let block = ToolUseBlock::builder().tool_use_id(text(&call["toolUseId"])?).name(text(&call["name"])?);
        return block.input(wire::document(&call["input"])).build().ok().map(ContentBlock::ToolUse);
    }
    let block = if let Some(bytes) = text(&reasoning["redactedContent"]) {
        ReasoningContentBlock::RedactedContent(Blob::new(bytes))
    } else {
        let (words, signature) = (&reasoning["reasoningText"]["text"], &reasoning["reasoningText"]["signature"]);
        let block = ReasoningTextBlock::builder().text(text(words)?).set_signature(text(signature));
        ReasoningContentBlock::ReasoningText(block.build().ok()?)
    };
    Some(ContentBlock::ReasoningContent(block))
}
