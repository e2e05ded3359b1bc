//! The engine over the real SDK against a Converse endpoint of ours.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use eco_coder_shared::env::{ManualEnv, Timestamp};
use serde_json::{Value, json};

use super::fake::{ERRORS, FakeConverse, Line};
use super::*;
use crate::model::{Said, Told, Turn};
use crate::tools::{self, ToolSpec};

async fn model(fake: &Arc<FakeConverse>, id: &str) -> BedrockModel {
    let credentials = aws_sdk_bedrockruntime::config::Credentials::new("t", "t", None, None, "test");
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
        .region(aws_config::Region::from_static("us-east-1"))
        .endpoint_url(fake.serve().await.unwrap())
        .credentials_provider(credentials)
        // As in production, without the waits between tries.
        .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::ZERO))
        .load()
        .await;
    let settings = Settings { id: id.to_owned(), guardrail: None, timeout: Duration::from_millis(500) };
    let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1000), 1));
    let model = BedrockModel::new(settings, AwsSettings::default(), env);
    BedrockModel { client: OnceCell::new_with(Some(client(&sdk, model.settings.timeout))), ..model }
}

fn request(turns: Vec<Turn>) -> ModelRequest {
    let mut all = vec![Turn::User { content: vec![Told::Text { text: "Results".into() }] }];
    all.extend(turns);
    ModelRequest { system: "Be brief.", turns: all, tools: Arc::clone(tools::specs()), max_tokens: 4096 }
}

fn text(text: &str) -> Line {
    Line::Says(json!([{"text": text}]), "end_turn")
}

#[tokio::test]
async fn a_conversation_with_parallel_calls_and_reasoning_goes_there_and_back_unmodified() {
    let reasoning = json!({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig=="}}});
    let redacted = json!({"reasoningContent": {"redactedContent": "AAEC"}});
    let call = |id: &str, input: Value| json!({"toolUse": {"toolUseId": id, "name": "analyze_code", "input": input}});
    let said =
        json!([reasoning, redacted, {"text": "Two looks."}, call("1", json!({"paths": ["a"]})), call("2", json!({}))]);
    let fake = FakeConverse::new([Line::Says(said.clone(), "tool_use"), text("Done.")]);
    let model = model(&fake, DEFAULT_ID).await;
    let first = model.reply(request(Vec::new())).await.unwrap();
    assert_eq!(first.content.len(), 5);
    assert_eq!(first.usage, Usage { input: 600, output: 20, cache_read: 400, cache_write: 100 });
    // 100 at 2.2, 400 from the cache at 0.11, 100 into it as others, 20 written at 11 dollars a million.
    let dollars = model.dollars(first.usage).unwrap();
    assert!((dollars - (200.0 * 2.2 + 400.0 * 0.11 + 20.0 * 11.0) / 1e6).abs() < 1e-9, "{dollars}");
    let answers = vec![
        Told::ToolResult { id: "1".into(), content: "{}".into(), is_error: false },
        Told::ToolResult { id: "2".into(), content: "no such path".into(), is_error: true },
    ];
    let turns = vec![Turn::Assistant { content: first.content }, Turn::User { content: answers }];
    assert_eq!(model.reply(request(turns)).await.unwrap().content, [Said::Text { text: "Done.".into() }]);

    let (id, body) = &fake.requests()[1];
    assert_eq!(id, DEFAULT_ID);
    assert_eq!(body["messages"][1]["content"], said);
    let results = &body["messages"][2]["content"];
    assert_eq!(results[0]["toolResult"], json!({"toolUseId": "1", "content": [{"text": "{}"}], "status": "success"}));
    assert_eq!(results[1]["toolResult"]["status"], "error");
    // Cached: system prompt, tools, and what was said.
    let point = json!({"cachePoint": {"type": "default"}});
    assert_eq!((&body["system"][1], &results[2], &body["toolConfig"]["tools"][5]), (&point, &point, &point));
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 4096}), "this family takes no sampling");
    assert_eq!(body["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"]["json"]["type"], "object");
}

/// tests/support/aws_shapes.py holds the same file against AWS's description of the call.
#[tokio::test]
async fn the_question_is_the_one_that_aws_describes() {
    let call = |id: &str| json!({"toolUse": {"toolUseId": id, "name": "read_changes", "input": {"path": "a.py"}}});
    let reasoning = json!({"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig=="}}});
    let said = json!([reasoning, {"text": "Two looks."}, call("1"), call("2")]);
    let fake = FakeConverse::new([Line::Says(said, "tool_use"), text("a")]);
    let mut model = model(&fake, "us.anthropic.claude-sonnet-4-6").await;
    model.settings.guardrail = Some(("gr1".to_owned(), "2".to_owned()));
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let tool = ToolSpec { name: "read_changes".into(), description: "Shows changes.".into(), input_schema: schema };
    let asking = |turns| ModelRequest { tools: [tool.clone()].into(), ..request(turns) };
    let content = model.reply(asking(Vec::new())).await.unwrap().content;
    let told = |id: &str, is_error| Told::ToolResult { id: id.into(), content: "1+x = 1".into(), is_error };
    let last = Told::Text { text: "This is your last turn.".into() };
    let answers = vec![told("1", false), told("2", true), last];
    model.reply(asking(vec![Turn::Assistant { content }, Turn::User { content: answers }])).await.unwrap();
    let (id, body) = &fake.requests()[1];
    let described: Value = serde_json::from_str(include_str!("tests/converse.json")).unwrap();
    assert_eq!(json!({"modelId": id, "body": body}), described, "{body}");
}

#[tokio::test]
async fn each_family_gets_what_it_takes_and_a_guardrail_is_named() {
    let fake = FakeConverse::new([text("a"), text("b")]);
    let mut older = model(&fake, "us.anthropic.claude-sonnet-4-6").await;
    older.settings.guardrail = Some(("gr-1".to_owned(), "2".to_owned()));
    older.reply(request(Vec::new())).await.unwrap();
    let (_, body) = &fake.requests()[0];
    let temperature = body["inferenceConfig"]["temperature"].as_f64().unwrap();
    assert!((temperature - 0.1).abs() < 1e-6 && body["inferenceConfig"].get("topP").is_none(), "{body}");
    assert_eq!(body["guardrailConfig"]["guardrailIdentifier"], "gr-1");
    let fake = FakeConverse::new([text("a")]);
    model(&fake, "amazon.nova-pro-v1:0").await.reply(request(Vec::new())).await.unwrap();
    let (_, body) = &fake.requests()[0];
    assert!(!body.to_string().contains("cachePoint"), "{body}");
}

#[tokio::test]
async fn every_stop_reason_is_a_turn_or_a_failure_in_words() {
    for stop in [
        "end_turn",
        "tool_use",
        "max_tokens",
        "stop_sequence",
        "malformed_tool_use",
        "malformed_model_output",
        "new_one",
    ] {
        let fake = FakeConverse::new([Line::Says(json!([{"text": "x"}]), stop)]);
        let reply = model(&fake, DEFAULT_ID).await.reply(request(Vec::new())).await;
        assert_eq!(reply.unwrap().content, [Said::Text { text: "x".into() }], "{stop}");
    }
    for (stop, says) in [
        ("guardrail_intervened", "model.guardrail_id"),
        ("content_filtered", "content filter"),
        ("model_context_window_exceeded", "longer than the model's context"),
    ] {
        let fake = FakeConverse::new([Line::Says(json!([{"text": "Sorry"}]), stop)]);
        let error = model(&fake, DEFAULT_ID).await.reply(request(Vec::new())).await.unwrap_err().to_string();
        assert!(error.contains(says), "{stop}: {error}");
    }
    let fake = FakeConverse::new([Line::Says(json!([]), "end_turn")]);
    assert_eq!(model(&fake, DEFAULT_ID).await.reply(request(Vec::new())).await.unwrap().content, []);
}

#[tokio::test]
async fn each_error_is_decided() {
    // Each that there is: (status, type, tries, what it comes to)
    let cases = [
        (429, "ThrottlingException", 3, "throttled"),
        (429, "ModelNotReadyException", 3, "throttled"),
        (503, "ServiceUnavailableException", 3, "throttled"),
        (500, "InternalServerException", 3, "bedrock:InvokeModel: InternalServerException"),
        (408, "ModelTimeoutException", 1, "did not answer in time"),
        (424, "ModelErrorException", 1, "ModelErrorException"),
        (400, "ServiceQuotaExceededException", 1, "raise the quota"),
        (400, "ValidationException", 1, "ValidationException"),
        (404, "ResourceNotFoundException", 1, "still in service?"),
        (403, "AccessDeniedException", 1, "allow bedrock:InvokeModel in the role's policy"),
    ];
    assert_eq!(cases.map(|(status, kind, ..)| (status, kind)), ERRORS);
    for (status, kind, tries, says) in cases {
        let fake = FakeConverse::new(vec![Line::Fails(status, kind); 4]);
        let error = model(&fake, DEFAULT_ID).await.reply(request(Vec::new())).await.unwrap_err();
        assert!(error.to_string().contains(says), "{kind}: {error}");
        assert_eq!(fake.requests().len(), tries, "{kind}");
        if let ModelError::Throttled { until } = error {
            let wait = Timestamp::from_seconds(1000).until(until);
            assert!((THROTTLED..=THROTTLED * 3 / 2).contains(&wait), "{wait:?}");
        }
    }
    let fake = FakeConverse::new([Line::Hangs]);
    assert_eq!(model(&fake, DEFAULT_ID).await.reply(request(Vec::new())).await, Err(ModelError::Timeout));
}
