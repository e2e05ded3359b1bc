//! Chat completions as JSON: our request in their form, their answer in ours. Pure.
//!
//! Servers differ: ids of tool calls may be missing or repeated, arguments may be an object in place of a text, counts of
//! tokens may be missing. What a model wrote as arguments that isn't JSON becomes an input that says so, so that the model
//! is told and can mend it.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::{MALFORMED, MAX_DEPTH, ModelReply, ModelRequest, Said, Told, Turn, Usage};

/// Tool calls of one answer that are read; the loop takes far fewer.
const MAX_CALLS: usize = 64;
/// What is kept of arguments that are no JSON, characters.
const MAX_MALFORMED: usize = 1000;
/// Bytes of a token, about, where a server doesn't count.
const TOKEN_BYTES: usize = 4;

/// The body of the request.
pub(super) fn request(request: &ModelRequest, name: &str, temperature: Option<f64>) -> String {
    let mut messages = vec![json!({"role": "system", "content": request.system})];
    for turn in &request.turns {
        match turn {
            Turn::User { content } => messages.extend(content.iter().map(told)),
            Turn::Assistant { content } => messages.push(said(content)),
        }
    }
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| {
            let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.input_schema});
            json!({"type": "function", "function": function})
        })
        .collect();
    let mut body = json!({
        "model": name, "messages": messages, "tools": tools, "max_tokens": request.max_tokens, "stream": false,
    });
    if let Some(temperature) = temperature {
        body["temperature"] = temperature.into();
    }
    body.to_string()
}

fn told(told: &Told) -> Value {
    match told {
        Told::Text { text } => json!({"role": "user", "content": text}),
        Told::ToolResult { id, content, is_error } => {
            let content = if *is_error { format!("Error: {content}") } else { content.clone() };
            json!({"role": "tool", "tool_call_id": id, "content": content})
        }
    }
}

fn said(content: &[Said]) -> Value {
    let mut text = String::new();
    let mut calls = Vec::new();
    for said in content {
        match said {
            Said::Text { text: more } => text.push_str(more),
            Said::ToolUse { id, name, input } => {
                let function = json!({"name": name, "arguments": input.to_string()});
                calls.push(json!({"id": id, "type": "function", "function": function}));
            }
            // Another engine's.
            Said::Opaque { .. } => {}
        }
    }
    let mut message = json!({"role": "assistant", "content": text});
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    message
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Counts>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<Value>,
    tool_calls: Option<Vec<Call>>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Call {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: Value,
}

#[derive(Deserialize, Default)]
struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
}

/// The server's answer to `request`, whose body had `asked` bytes. An error is for an operator, with what the answer cost.
pub(super) fn reply(bytes: &[u8], request: &ModelRequest, asked: usize) -> Result<ModelReply, (String, Usage)> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|e| {
        let why = format!(
            "the server's answer is no chat completion (line {} column {}); look at model.url",
            e.line(),
            e.column()
        );
        (why, Usage::default())
    })?;
    let usage = usage(answer.usage.unwrap_or_default(), asked, bytes.len());
    let Some(choice) = answer.choices.into_iter().next() else {
        return Err(("the server's answer holds no choice; look at model.url".to_owned(), usage));
    };
    let Choice { message, finish_reason } = choice;
    let mut content = Vec::new();
    let text = words(message.content.as_ref());
    if !text.is_empty() {
        content.push(Said::Text { text });
    }
    let mut ids = known_ids(&request.turns);
    for call in message.tool_calls.unwrap_or_default().into_iter().take(MAX_CALLS) {
        let id = unused(call.id, &mut ids);
        content.push(Said::ToolUse { id, name: call.function.name, input: input(call.function.arguments) });
    }
    if content.is_empty() {
        match (finish_reason.as_deref(), message.refusal) {
            (Some("content_filter"), _) => {
                return Err(("the server's content filter held the answer back".to_owned(), usage));
            }
            (_, Some(_)) => return Err(("the model refused to answer".to_owned(), usage)),
            // Nothing is an answer too: the loop tells the model how to end.
            _ => {}
        }
    }
    Ok(ModelReply { content, usage })
}

/// A text, or a list of parts with texts.
fn words(content: Option<&Value>) -> String {
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn input(arguments: Value) -> Value {
    let malformed = |text: &str| {
        let kept: String = text.chars().take(MAX_MALFORMED).collect();
        json!({MALFORMED: kept})
    };
    match arguments {
        Value::String(text) if text.trim().is_empty() => json!({}),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(value) if is_within(&value, MAX_DEPTH) => value,
            _ => malformed(&text),
        },
        Value::Null => json!({}),
        other if is_within(&other, MAX_DEPTH) => other,
        other => malformed(&other.to_string()),
    }
}

/// Is it nested no deeper?
fn is_within(value: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match value {
        Value::Array(items) => items.iter().all(|item| is_within(item, depth)),
        Value::Object(members) => members.values().all(|member| is_within(member, depth)),
        _ => true,
    }
}

fn known_ids(turns: &[Turn]) -> BTreeSet<String> {
    let said =
        turns.iter().filter_map(|turn| if let Turn::Assistant { content } = turn { Some(content) } else { None });
    let ids =
        said.flatten().filter_map(|said| if let Said::ToolUse { id, .. } = said { Some(id.clone()) } else { None });
    ids.collect()
}

/// An id that this conversation doesn't have yet: the server's, if it gives one.
fn unused(given: Option<String>, known: &mut BTreeSet<String>) -> String {
    let given = given.filter(|id| (1..=200).contains(&id.len()) && !known.contains(id));
    let id = given.unwrap_or_else(|| {
        let mut number = known.len();
        while known.contains(&format!("call-{number}")) {
            number += 1;
        }
        format!("call-{number}")
    });
    known.insert(id.clone());
    id
}

fn usage(counts: Counts, asked: usize, answered: usize) -> Usage {
    // A budget that nobody counts would hold nothing.
    let about = |bytes: usize| (bytes / TOKEN_BYTES) as u64;
    Usage {
        input: counts.prompt_tokens.filter(|tokens| *tokens > 0).unwrap_or(about(asked)),
        output: counts.completion_tokens.unwrap_or(about(answered)),
        cache_read: counts.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or(0),
        cache_write: 0,
    }
}

/// What an error's body says.
pub(super) struct Refusal {
    pub(super) message: String,
    /// No money is left, as OpenAI says it.
    pub(super) is_out_of_quota: bool,
}

pub(super) fn error(body: &[u8]) -> Refusal {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    // OpenAI's form, and that of servers which answer `{"error": "words"}`.
    let error = &value["error"];
    let message = error["message"].as_str().or(error.as_str()).unwrap_or_default().to_owned();
    let is_out_of_quota =
        [&error["code"], &error["type"]].iter().any(|kind| kind.as_str() == Some("insufficient_quota"));
    Refusal { message, is_out_of_quota }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::tools;

    fn asking(turns: Vec<Turn>) -> ModelRequest {
        ModelRequest { system: "Be brief.", turns, tools: Arc::clone(tools::specs()), max_tokens: 4096 }
    }

    fn with_message(message: &Value) -> Vec<u8> {
        json!({"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}).to_string().into_bytes()
    }

    fn calls(calls: &Value) -> Vec<Said> {
        let bytes = with_message(&json!({"role": "assistant", "content": null, "tool_calls": calls}));
        reply(&bytes, &asking(Vec::new()), 400).unwrap().content
    }

    #[test]
    fn a_conversation_is_written_as_the_interface_wants_it() {
        let call = Said::ToolUse { id: "1".into(), name: "analyze_code".into(), input: json!({"paths": ["a.py"]}) };
        let turns = vec![
            Turn::User { content: vec![Told::Text { text: "Results".into() }] },
            Turn::Assistant { content: vec![Said::Text { text: "Let me look.".into() }, call] },
            Turn::User {
                content: vec![
                    Told::ToolResult { id: "1".into(), content: "no such path".into(), is_error: true },
                    Told::Text { text: "End.".into() },
                ],
            },
            Turn::Assistant { content: vec![Said::Opaque { value: json!(1) }] },
        ];
        let body: Value = serde_json::from_str(&request(&asking(turns), "qwen", Some(0.1))).unwrap();
        let expected = json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Results"},
            {"role": "assistant", "content": "Let me look.", "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "analyze_code", "arguments": "{\"paths\":[\"a.py\"]}"}},
            ]},
            {"role": "tool", "tool_call_id": "1", "content": "Error: no such path"},
            {"role": "user", "content": "End."},
            {"role": "assistant", "content": ""},
        ]);
        assert_eq!(body["messages"], expected);
        assert_eq!(
            (&body["model"], &body["max_tokens"], &body["temperature"]),
            (&json!("qwen"), &json!(4096), &json!(0.1))
        );
        assert_eq!(body["tools"].as_array().unwrap().len(), 5);
        assert_eq!(body["tools"][0]["function"]["parameters"]["type"], "object");
        let without: Value = serde_json::from_str(&request(&asking(Vec::new()), "qwen", None)).unwrap();
        assert!(without.get("temperature").is_none(), "some models refuse any");
    }

    #[test]
    fn ids_that_are_missing_or_repeated_become_ids_of_their_own() {
        let call =
            |id: Value| json!({"id": id, "type": "function", "function": {"name": "analyze_code", "arguments": "{}"}});
        let said = calls(&json!([
            call(json!("a")),
            call(json!("a")),
            call(json!("")),
            call(Value::Null),
            call(json!("call-1"))
        ]));
        let ids: BTreeSet<_> = known_ids(&[Turn::Assistant { content: said.clone() }]);
        assert_eq!((said.len(), ids.len()), (5, 5), "{said:?}");
        // One of an earlier turn is taken, too.
        let turns = vec![Turn::Assistant { content: said }];
        let bytes = with_message(&json!({"tool_calls": [call(json!("a"))]}));
        let again = reply(&bytes, &asking(turns), 0).unwrap().content;
        assert!(matches!(&again[0], Said::ToolUse { id, .. } if !ids.contains(id)), "{again:?}");
    }

    #[test]
    fn arguments_may_be_a_text_or_an_object_and_what_is_neither_says_so() {
        let arguments = |value: Value| {
            let said = calls(&json!([{"id": "1", "function": {"name": "analyze_code", "arguments": value}}]));
            let [Said::ToolUse { input, .. }] = said.as_slice() else { panic!("{said:?}") };
            input.clone()
        };
        assert_eq!(arguments(json!("{\"paths\": [\"a\"]}")), json!({"paths": ["a"]}));
        assert_eq!(arguments(json!({"paths": ["a"]})), json!({"paths": ["a"]}));
        assert_eq!(arguments(json!(" ")), json!({}));
        assert_eq!(arguments(json!(null)), json!({}));
        assert_eq!(arguments(json!("{\"paths\": [")), json!({MALFORMED: "{\"paths\": ["}));
        let long = arguments(json!("x".repeat(MAX_MALFORMED + 1)));
        assert_eq!(long[MALFORMED].as_str().unwrap().len(), MAX_MALFORMED);
    }

    #[test]
    fn arguments_that_a_session_could_not_read_again_are_malformed() {
        for as_text in [true, false] {
            let arguments = |depth: usize| {
                let value = (1..depth).fold(Value::Null, |inner, _| json!([inner]));
                let given = if as_text { value.to_string().into() } else { value };
                let said = calls(&json!([{"id": "1", "function": {"name": "analyze_code", "arguments": given}}]));
                let [Said::ToolUse { input, .. }] = said.as_slice() else { panic!("{said:?}") };
                input.get(MALFORMED).is_none()
            };
            assert!(arguments(MAX_DEPTH) && !arguments(MAX_DEPTH + 1), "as text: {as_text}");
        }
    }

    #[test]
    fn tokens_are_the_server_s_count_or_about_a_quarter_of_the_bytes() {
        let counted = json!({
            "choices": [{"message": {"content": "Hi"}}],
            "usage": {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 60}},
        });
        let usage = reply(counted.to_string().as_bytes(), &asking(Vec::new()), 400).unwrap().usage;
        assert_eq!(usage, Usage { input: 90, output: 7, cache_read: 60, cache_write: 0 });
        let bytes = with_message(&json!({"content": "x".repeat(400)}));
        let usage = reply(&bytes, &asking(Vec::new()), 4000).unwrap().usage;
        assert_eq!((usage.input, usage.output), (1000, bytes.len() as u64 / 4));
    }

    #[test]
    fn refusals_filters_and_what_is_no_answer_are_told_apart() {
        let of = |value: Value| reply(value.to_string().as_bytes(), &asking(Vec::new()), 0);
        let filtered = json!({"choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}]});
        assert!(of(filtered).unwrap_err().0.contains("content filter"));
        let refused =
            json!({"choices": [{"message": {"content": null, "refusal": "I can't"}, "finish_reason": "stop"}]});
        assert!(of(refused).unwrap_err().0.contains("refused"));
        assert!(of(json!({"choices": []})).unwrap_err().0.contains("no choice"));
        assert!(of(json!({"choices": [{"message": 7}]})).unwrap_err().0.contains("model.url"));
        let empty = of(json!({"choices": [{"message": {"role": "assistant", "content": ""}}]})).unwrap();
        assert_eq!(empty.content, []);
        let parts = of(json!({"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"text": "b"}]}}]}));
        assert_eq!(parts.unwrap().content, [Said::Text { text: "ab".into() }]);
    }

    proptest! {
        #[test]
        fn whatever_the_server_says_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = reply(&bytes, &asking(Vec::new()), 0);
            error(&bytes);
        }

        #[test]
        fn whatever_a_model_writes_as_arguments_goes_back_as_json(text in ".{0,60}") {
            let said = calls(&json!([{"id": "1", "function": {"name": "analyze_code", "arguments": text}}]));
            let body: Value = serde_json::from_str(&request(&asking(vec![Turn::Assistant { content: said }]), "m", None)).unwrap();
            let arguments = body["messages"][1]["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
            prop_assert!(serde_json::from_str::<Value>(arguments).is_ok());
        }
    }
}
