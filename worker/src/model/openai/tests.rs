//! The engine against a server on loopback: what each status means, and whole conversations through the agent's driver
//! are in the end-to-end tests.

use std::sync::Arc;

use eco_coder_shared::env::{Env, ManualEnv, Timestamp};
use serde_json::json;

use super::fake::{FakeServer, Line, asks};
use super::*;
use crate::model::{Said, Told, Turn};
use crate::tools;

async fn model(server: &Arc<FakeServer>, key: Option<&str>) -> (OpenAiModel, Arc<ManualEnv>) {
    let api_key = key.map(|key| {
        let settings = config::Settings::parse("", [("KEY".to_owned(), key.to_owned())]).unwrap();
        ApiKey { reference: "env:KEY".to_owned(), key: key.into(), settings }
    });
    model_with(server, api_key).await
}

async fn model_with(server: &Arc<FakeServer>, api_key: Option<ApiKey>) -> (OpenAiModel, Arc<ManualEnv>) {
    let settings = Settings {
        url: format!("{}/", server.serve().await.unwrap()),
        name: "qwen".to_owned(),
        api_key,
        temperature: None,
        timeout: Duration::from_millis(300),
        price: None,
    };
    let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1000), 1));
    (OpenAiModel::new(settings, env.clone()).unwrap(), env)
}

fn request() -> ModelRequest {
    let turns = vec![Turn::User { content: vec![Told::Text { text: "Results".into() }] }];
    ModelRequest { system: "Be brief.", turns, tools: Arc::clone(tools::specs()), max_tokens: 4096 }
}

fn answers(status: u16, body: &str) -> Line {
    Line::Answers(status, Vec::new(), body.to_owned())
}

#[tokio::test]
async fn a_turn_is_asked_with_the_key_and_answered_with_calls_and_tokens() {
    let server = FakeServer::new([asks(&[("1", "analyze_code", "{}"), ("2", "shell", "{")])]);
    let (model, _) = model(&server, Some("canary-key")).await;
    let reply = model.reply(request()).await.unwrap();
    let names: Vec<_> =
        reply.content.iter().map(|s| if let Said::ToolUse { name, .. } = s { &**name } else { "" }).collect();
    assert_eq!(names, ["analyze_code", "shell"]);
    assert_eq!((reply.usage.input, reply.usage.output), (1000, 50));
    assert_eq!(server.keys(), [Some("canary-key".to_owned())]);
    assert_eq!(server.requests()[0]["model"], "qwen");
}

#[tokio::test]
async fn a_refused_key_is_read_again_and_the_turn_goes_on_with_the_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "new\n").unwrap();
    let settings = config::Settings::parse("", []).unwrap();
    let old = ApiKey { reference: format!("file:{}", path.display()), key: "old".into(), settings };
    assert!(!format!("{old:?}").contains("old"));
    let answer = || asks(&[("1", "analyze_code", "{}")]);
    let server = FakeServer::new([answers(401, "{}"), answer(), answer(), answers(401, "{}")]);
    let (model, _) = model_with(&server, Some(old)).await;
    assert_eq!(model.reply(request()).await.unwrap().content.len(), 1);
    assert_eq!(model.reply(request()).await.unwrap().content.len(), 1);
    // The same key again: nobody is asked twice with it, and the file is read once a minute at most.
    let refused = model.reply(request()).await.unwrap_err().to_string();
    assert!(refused.contains("refuses model.api_key") && !refused.contains("new"), "{refused}");
    let keys: Vec<_> = server.keys().into_iter().flatten().collect();
    assert_eq!(keys, ["old", "new", "new", "new"]);
}

#[tokio::test]
async fn a_busy_server_is_a_wait_and_no_money_is_a_failure() {
    let until = |seconds: u64| Timestamp::from_seconds(1000) + Duration::from_secs(seconds);
    for (status, header, least, most) in
        [(429, Some("7"), 7, 9), (503, None, 30, 38), (529, Some("soon"), 30, 38), (429, Some("999999"), 600, 750)]
    {
        let headers = header.map(|value| ("retry-after", value.to_owned())).into_iter().collect();
        let server = FakeServer::new([Line::Answers(status, headers, "{}".to_owned())]);
        let (model, env) = model(&server, None).await;
        let Err(ModelError::Throttled { until: at }) = model.reply(request()).await else { panic!("{status}") };
        assert!(at >= until(least) && at <= until(most), "{status}: {at}");
        assert_eq!((env.now(), server.requests().len()), (until(0), 1), "nothing is slept out or asked again");
    }
    let body = json!({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}).to_string();
    let server = FakeServer::new([answers(429, &body)]);
    let error = model(&server, None).await.0.reply(request()).await.unwrap_err().to_string();
    assert!(error.contains("quota is used up"), "{error}");
}

#[tokio::test]
async fn a_broken_answer_is_asked_for_again_and_a_refusal_is_not() {
    let server = FakeServer::new([answers(500, ""), answers(502, "<html>"), asks(&[("1", "analyze_code", "{}")])]);
    let (first, _) = model(&server, None).await;
    assert_eq!(first.reply(request()).await.unwrap().content.len(), 1);
    assert_eq!(server.requests().len(), 3);
    for (status, says) in [
        (500, "the server answered 500"),
        (401, "refuses model.api_key"),
        (404, "is there a model qwen"),
        (400, "the server answered 400: no \u{2028}tools"),
    ] {
        let body = json!({"error": {"message": "no \u{2028}\u{1b}tools"}}).to_string();
        let tries = if status == 500 { 3 } else { 1 };
        let server = FakeServer::new(vec![answers(status, &body); tries]);
        let error = model(&server, None).await.0.reply(request()).await.unwrap_err().to_string();
        assert!(error.contains(says), "{status}: {error}");
        assert_eq!((server.requests().len(), server.unused()), (tries, 0));
    }
}

#[tokio::test]
async fn silence_is_a_timeout_and_nobody_there_says_where_to_look() {
    let server = FakeServer::new([Line::Hangs]);
    assert_eq!(model(&server, None).await.0.reply(request()).await, Err(ModelError::Timeout));
    let settings = Settings { url: "http://127.0.0.1:1/v1".to_owned(), ..model(&server, None).await.0.settings };
    let env = Arc::new(ManualEnv::new(Timestamp(0), 1));
    let error = OpenAiModel::new(settings, env).unwrap().reply(request()).await.unwrap_err().to_string();
    assert!(error.contains("model.url can't be reached; is it running at http://127.0.0.1:1/v1?"), "{error}");
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_bound_and_refused_one_past_it_and_redirects_lead_nowhere() {
    for (more, is_read) in [(0, true), (1, false)] {
        let empty = json!({"choices": [{"message": {"content": ""}}]}).to_string();
        let body = json!({"choices": [{"message": {"content": "x".repeat(MAX_ANSWER - empty.len() + more)}}]});
        let server = FakeServer::new([answers(200, &body.to_string())]);
        let answer = model(&server, None).await.0.reply(request()).await;
        assert_eq!(answer.is_ok(), is_read, "{:?}", answer.err());
    }
    let elsewhere = FakeServer::new([]);
    let url = elsewhere.serve().await.unwrap();
    let server =
        FakeServer::new([Line::Answers(307, vec![("location", format!("{url}/chat/completions"))], String::new())]);
    let error = model(&server, Some("key")).await.0.reply(request()).await.unwrap_err().to_string();
    assert!(error.contains("answered 307"), "{error}");
    assert_eq!(elsewhere.requests().len(), 0, "the key goes nowhere else");
}
