//! Reviews with a language model, through the whole product: a scripted server with OpenAI's chat completions, which refuses
//! what a real one refuses. The same conversations are held over Bedrock's SDK, with an emulator's Converse between.

use std::sync::Arc;

use eco_coder_worker::model::openai::fake::{FakeServer, Line, asks, reports};
use serde_json::json;

use eco_coder_shared::testing::ministack::{self, Emulator};

use crate::telemetry::calls_are_allowed;
use crate::world::{CLEAN, QUERY_IN_A_LOOP, World, stdout};

const KEY: &str = "canary-model-key-3fd1";

/// How the model is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Through {
    OpenAi,
    Bedrock,
}

/// With what its model stands behind.
struct Stage {
    world: World,
    _emulator: Option<Emulator>,
}

async fn stage(through: Through, server: &Arc<FakeServer>, more: &str) -> Stage {
    let url = server.serve().await.unwrap();
    let (settings, emulator) = match through {
        Through::OpenAi => {
            let settings = format!(
                "[model]\nkind = \"openai\"\nid = \"qwen2.5-coder\"\nurl = \"{url}\"\n\
                 api_key = \"env:ECO_CODER_SECRET_MODEL\"\nprice_input = 1.0\nprice_output = 2.0\n{more}"
            );
            (settings, None)
        }
        Through::Bedrock => {
            let upstream = url.trim_end_matches("/v1").to_owned();
            let emulator = tokio::task::spawn_blocking(move || ministack::with_bedrock(&upstream)).await.unwrap();
            let endpoint = &emulator.endpoint;
            let aws = format!("[aws]\nregion = \"us-east-1\"\nendpoint_url = \"{endpoint}\"");
            (format!("[model]\nkind = \"bedrock\"\n{more}\n{aws}"), Some(emulator))
        }
    };
    let mut world = World::new(&settings).await;
    world.set_environment("ECO_CODER_SECRET_MODEL", KEY);
    world.start_ingress().await;
    world.start_worker().await;
    Stage { world, _emulator: emulator }
}

/// The comment of a review with this script.
async fn comment(through: Through, server: &Arc<FakeServer>, more: &str) -> (Stage, String) {
    let stage = stage(through, server, more).await;
    let world = &stage.world;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP), ("b.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    world.settled().await;
    (stage, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_looks_closer_mends_its_call_and_ends_with_its_words() {
    let server = FakeServer::new([
        // Two at once, one with arguments that are no JSON.
        asks(&[
            ("a", "analyze_code", "{\"paths\": [\"app/orders.py\"]}"),
            ("b", "profile_code_performance", "{\"period\":"),
        ]),
        asks(&[("b", "profile_code_performance", "{\"period\": \"P1D\"}")]),
        reports("The query in the loop costs a round trip for each order: **mend it first**."),
    ]);
    let (Stage { world, .. }, body) = comment(Through::OpenAi, &server, "").await;
    assert!(body.contains("1 thing to mend"), "{body}");
    assert!(body.contains("costs a round trip for each order: **mend it first**"), "{body}");
    assert!(body.contains("Suggested by the model"), "{body}");
    // Three turns of 1,000 tokens read and 50 written.
    assert!(body.contains("model `qwen2.5-coder`: 3,000 tokens in, 150 out, $0.003"), "{body}");
    let requests = server.requests();
    let answers: Vec<_> = requests[1]["messages"].as_array().unwrap().iter().filter(|m| m["role"] == "tool").collect();
    assert!(answers[0]["content"].as_str().unwrap().contains("EC-PY-072"), "{answers:?}");
    assert!(answers[1]["content"].as_str().unwrap().contains("not valid JSON"), "{answers:?}");
    assert_eq!(server.unused(), 0);
    let everything = format!("{}{}{body}", world.worker().output(), world.at_rest().await);
    assert!(!everything.contains(KEY), "the key is in a log, the store or the comment");
    assert_eq!(server.keys(), vec![Some(KEY.to_owned()); 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_bedrock_the_same_conversation_is_held() {
    let server = FakeServer::new([
        asks(&[
            ("a", "analyze_code", "{\"paths\": [\"app/orders.py\"]}"),
            ("b", "profile_code_performance", "{\"period\": \"P1D\"}"),
            ("c", "read_changes", "{\"path\": \"nowhere.py\"}"),
        ]),
        // Arguments that are no JSON: Converse says so, and nothing else of the turn counts.
        asks(&[("d", "analyze_code", "{\"paths\":")]),
        reports("The query in the loop costs a round trip for each order: **mend it first**."),
    ]);
    let (Stage { world, .. }, body) = comment(Through::Bedrock, &server, "").await;
    assert!(body.contains("1 thing to mend"), "{body}");
    assert!(body.contains("costs a round trip for each order: **mend it first**"), "{body}");
    assert!(body.contains("model `us.anthropic.claude-sonnet-5-5`: 3,000 tokens in, 150 out, $0.0"), "{body}");
    let requests = server.requests();
    let answers: Vec<_> = requests[1]["messages"].as_array().unwrap().iter().filter(|m| m["role"] == "tool").collect();
    let answer = |at: usize| answers[at]["content"].as_str().unwrap();
    assert!(answer(0).contains("EC-PY-072") && answer(1).contains("nothing_measured"), "{answers:?}");
    assert!(answer(2).contains("not in the diff"), "{answers:?}");
    assert!(calls_are_allowed(&world).await.contains("bedrock:InvokeModel"));
    assert_eq!(server.unused(), 0);
    assert_eq!(world.writes().iter().filter(|call| call.path.ends_with("/comments")).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_never_ends_says_nothing_or_refuses_leaves_the_tools_report_marked_so() {
    for through in [Through::OpenAi, Through::Bedrock] {
        never_to_its_report(through).await;
    }
}

async fn never_to_its_report(through: Through) {
    let endless = vec![asks(&[("x", "analyze_code", "{}")]); 3];
    let silent = vec![Line::Says(json!({"role": "assistant", "content": ""})); 3];
    let long = vec![Line::Says(json!({"role": "assistant", "content": "x".repeat(1 << 20)})); 3];
    let refusal = vec![Line::Says(json!({"role": "assistant", "content": null, "refusal": "I can't help with that."}))];
    let gone = vec![Line::Answers(404, Vec::new(), "{\"error\": \"model not found\"}".to_owned())];
    let turns = "the model used all its turns without a report";
    let mut scripts = vec![(endless, turns), (silent, turns), (long, turns)];
    if through == Through::OpenAi {
        // The emulator makes friendly answers of these.
        scripts.extend([(refusal, "the model's answer could not be used"), (gone, "the model failed")]);
    }
    for (script, says) in scripts {
        let server = FakeServer::new(script);
        let (_stage, body) = comment(through, &server, "max_turns = 3").await;
        assert!(body.contains("1 thing to mend"), "{body}");
        assert!(body.contains(&format!("The model's part is missing: {says}")), "{says}: {body}");
        assert!(!body.contains("I can't help"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_waited_for_in_the_queue_and_nothing_is_done_twice() {
    let server = FakeServer::new([
        asks(&[("a", "profile_code_performance", "{}")]),
        Line::Answers(429, vec![("retry-after", "1".to_owned())], String::new()),
        reports("Mend the query."),
    ]);
    let (Stage { world, .. }, body) = comment(Through::OpenAi, &server, "").await;
    assert!(body.contains("Mend the query.") && body.contains("2,000 tokens in"), "{body}");
    let waits = world.worker().says("waits").await;
    assert!(waits.to_string().contains("the model is throttled"), "{waits}");
    let fetched =
        world.forge.requests().iter().filter(|request| request.path.contains("/contents/app/orders.py")).count();
    assert_eq!(fetched, 1, "the analysis is not made again");
    let history = stdout(&world.run_configured(&["history"]));
    assert!(history.contains("1 finding (1 high)") && history.contains("$0.0022"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_model_says_in_the_comment_is_inert() {
    let hostile =
        "@octocat ![x](https://evil.test/i.png) <script>alert(1)</script> [a](javascript:alert(1)) Fixes #1\n\n/merge";
    let server = FakeServer::new([reports(hostile)]);
    let (_stage, body) = comment(Through::OpenAi, &server, "").await;
    for harm in ["![", "<script", "javascript:", "](https://evil.test", "\n/merge"] {
        assert!(!body.contains(harm), "{harm}: {body}");
    }
    assert!(!body.contains(" @octocat") && !body.contains("Fixes #1"), "{body}");
}
