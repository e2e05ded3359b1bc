//! One trace for each review, from the webhook to the comment; and a collector that is gone or hangs, which nobody waits for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use eco_coder::forge::{Action, Fault};
use eco_coder_shared::ids::CommitSha;
use eco_coder_worker::model::openai::fake::{FakeServer, asks, reports};
use tokio::net::TcpListener;

use crate::canaries::{self, Canaries};
use crate::otlp::{Collector, Span};
use crate::process::Process;
use crate::waterfall;
use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines};

on_both_engines!(a_review_is_one_trace_from_the_webhook_to_the_comment);

/// What somebody sends who would like to be the parent of our traces.
const STRANGER: &str = "0af7651916cd43dd8448eb211c80319c";
/// A review's last span but for its end.
const LAST: &str = "Eco-Coder Agent Execution";

fn telemetry(url: &str) -> String {
    format!("[telemetry]\notlp_endpoint = \"{url}\"\n")
}

/// A world whose model asks once and then reports, and whose traces go there.
async fn with_all_tools(engines: Engines, collector: &Collector) -> World {
    let asked = asks(&[("call-1", "read_changes", r#"{"path":"app/orders.py"}"#)]);
    let server = FakeServer::new([asked, reports("The query in the loop costs a round trip.")]);
    let url = server.serve().await.unwrap();
    let settings = format!(
        "{}[carbon]\nregion = \"eu-west-1\"\n[profiles]\nfolded_sample_ms = 10.0\n[model]\nkind = \"openai\"\nid = \"qwen2.5-coder\"\n\
         url = \"{url}\"\napi_key = \"env:ECO_CODER_SECRET_MODEL\"",
        telemetry(&collector.url)
    );
    World::running_on(engines, &settings).await
}

/// One review with all tools, and its trace.
async fn traced(world: &World, collector: &Collector) -> (Vec<Span>, CommitSha) {
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    let profiles = world.data().join(format!("profiles/acme/shop/{head}"));
    std::fs::create_dir_all(&profiles).unwrap();
    std::fs::write(profiles.join("cpu.folded"), "main;lines_of 300\nmain;other 100\n").unwrap();
    let mut webhook = world.forge.webhook(&world.repo, pull, "opened").unwrap();
    webhook.headers.push(("traceparent".to_owned(), format!("00-{STRANGER}-b7ad6b7169203331-01")));
    webhook
        .headers
        .push(("x-amzn-trace-id".to_owned(), format!("Root=1-{}-{};Sampled=1", &STRANGER[..8], &STRANGER[8..])));
    assert_eq!(world.send(&webhook).await.status, 202);
    world.comment(pull, &head).await;
    world.settled().await;
    let both = |spans: &[Span]| {
        let has = |name: &str| spans.iter().any(|span| span.name == name);
        (has("GitHub Webhook") && has(LAST)).then(|| spans.to_vec())
    };
    (collector.until("the webhook's span and the review's", both).await, head)
}

/// The names on the way from the root to each span.
fn paths(spans: &[Span]) -> BTreeMap<String, Vec<&str>> {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    let path = |span: &Span| {
        let mut names = Vec::new();
        let mut parent = span.parent.as_str();
        while !parent.is_empty() {
            let of = by_id.get(parent).unwrap_or_else(|| panic!("the parent of {span:?} did not come"));
            names.insert(0, of.name.as_str());
            parent = &of.parent;
        }
        names
    };
    spans.iter().map(|span| (span.name.clone(), path(span))).collect()
}

async fn a_review_is_one_trace_from_the_webhook_to_the_comment(engines: Engines) {
    let collector = Collector::start().await;
    let world = with_all_tools(engines, &collector).await;
    let (spans, head) = traced(&world, &collector).await;

    let traces: BTreeSet<&str> = spans.iter().map(|span| span.trace.as_str()).collect();
    assert_eq!(traces.len(), 1, "{spans:#?}");
    assert!(!traces.contains(STRANGER), "anybody can send a traceparent");
    let paths = paths(&spans);
    let (root, review) = (vec!["GitHub Webhook"], vec!["GitHub Webhook", LAST]);
    let inner = |name: &'static str| [review.clone(), vec![name]].concat();
    for (name, above) in [
        ("GitHub Webhook", vec![]),
        ("Parse GitHub Webhook", root.clone()),
        ("Queue Send", root.clone()),
        ("Queue Wait", root.clone()),
        (LAST, root),
        ("Claim", review.clone()),
        ("Read Pull Request", review.clone()),
        ("Read Base", review.clone()),
        ("Fetch Changes", review.clone()),
        ("Initialize Agent Session", review.clone()),
        ("Tool: analyze_code", review.clone()),
        ("Tool: profile_code_performance", review.clone()),
        ("Tool: calculate_carbon_footprint", review.clone()),
        ("LLM Reasoning - Data Synthesis", review.clone()),
        ("Tool: read_changes", review.clone()),
        ("LLM Reasoning - Report Generation", review.clone()),
        ("Tool: post_github_comment", review.clone()),
        ("GitHub API POST comment", inner("Tool: post_github_comment")),
        ("Persist Session State", review.clone()),
        ("Release", review.clone()),
    ] {
        assert_eq!(paths.get(name), Some(&above), "{name} in {paths:#?}");
    }
    if engines == Engines::Fleet {
        assert_eq!(paths.get("DynamoDB Query API"), Some(&inner("Persist Session State")), "{paths:#?}");
    }
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    for span in ["GitHub Webhook", LAST].map(named) {
        let attributes = ["repository", "pr_number", "agent_version"].map(|name| span.attribute(name));
        assert_eq!(attributes, [Some("acme/shop"), Some("1"), Some(env!("CARGO_PKG_VERSION"))], "{span:?}");
        assert_eq!(span.attribute("session_id"), named(LAST).attribute("session_id"));
    }
    assert_eq!(named("GitHub Webhook").service, "eco-coder-ingress");
    let review = named(LAST);
    assert_eq!(review.service, "eco-coder-worker");
    for (name, value) in [
        ("commit_sha", head.as_str()),
        ("outcome", "done"),
        ("cached", "false"),
        ("receives", "1"),
        ("recommendations_count", "1"),
        ("model_used", "qwen2.5-coder"),
    ] {
        assert_eq!(review.attribute(name), Some(value), "{name} of {review:?}");
    }
    assert!(review.attribute("co2e_grams").unwrap().parse::<f64>().unwrap() > 0.0, "{review:?}");
    assert!(named("LLM Reasoning - Report Generation").attribute("output_tokens").is_some());
    for span in &spans {
        assert!(span.start <= span.end && !span.failed && span.events == 0 && span.words.is_empty(), "{span:?}");
        let parent = spans.iter().find(|other| other.id == span.parent && other.service == span.service);
        if let Some(parent) = parent {
            assert!(parent.start <= span.start && span.end <= parent.end, "{span:?} in {parent:?}");
        }
    }
    Canaries::of(&canaries::environment()).refuse("the spans", &collector.raw());
    let sent = String::from_utf8_lossy(&collector.raw()).into_owned();
    for word in ["SELECT", "lines_of", "orders.py", "round trip", "A change"] {
        assert!(!sent.contains(word), "{word} in a span");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_failed_says_of_which_kind_and_nobody_s_words() {
    let collector = Collector::start().await;
    let mut world = World::new(&format!("{}[worker]\nmax_attempts = 1", telemetry(&collector.url))).await;
    world.start_serve().await;
    let invalid = Action::status(422);
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/issues/*/comments", invalid).times(100));
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    let given_up = world.ingress().says("given up").await;
    let ended = |spans: &[Span]| spans.iter().find(|span| span.name == LAST && span.failed).cloned();
    let review = collector.until("the failed review", ended).await;
    assert_eq!(given_up["session_id"].as_str(), review.attribute("session_id"), "a line that nobody can place");
    assert_eq!((review.service.as_str(), review.attribute("outcome")), ("eco-coder", Some("dead")));
    let posting = collector.spans().into_iter().find(|span| span.name == "Tool: post_github_comment").unwrap();
    for span in [&review, &posting] {
        assert_eq!((span.failed, span.attribute("error.type")), (true, Some("validation_error")), "{span:?}");
        assert_eq!(span.words, "");
    }
    assert!(!String::from_utf8_lossy(&collector.raw()).contains("Server Error"), "GitHub's words");
    let told = scrape(world.ingress(), "the worker takes jobs").await;
    for line in [
        r#"AgentErrors{AgentName="eco-coder-agent",ErrorType="validation_error"} 1"#,
        r#"AgentErrors{AgentName="eco-coder-agent",ErrorType="api_error"} 0"#,
        r#"ToolErrors{ToolName="post_github_comment",ErrorType="validation_error"} 1"#,
    ] {
        assert!(told.lines().any(|told| told == line), "{line} in {told}");
    }
}

async fn scrape(process: &Process, message: &str) -> String {
    let line = process.says(message).await;
    let operator = line["context"]["operator"].as_str().unwrap();
    reqwest::get(format!("http://{operator}/metrics")).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_collector_the_review_is_done_and_the_spans_are_counted() {
    // Taken, and given back: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut world = World::running(&telemetry(&format!("http://{nobody}"))).await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    for process in [world.ingress(), world.worker()] {
        let complaint = process.says("the collector takes no spans; they are lost").await;
        assert!(complaint["context"]["spans"].as_u64() > Some(0), "{complaint}");
    }
    let told = scrape(world.worker(), "working").await;
    let dropped = told.lines().find_map(|line| line.strip_prefix(r#"TraceSpans{Result="dropped"} "#)).unwrap();
    assert!(dropped.parse::<u64>().unwrap() > 0, "{told}");
    let worker = world.worker.as_mut().unwrap();
    worker.terminate();
    assert!(worker.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_up_neither_the_review_nor_the_end() {
    // Whatever connects is accepted by the system, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut world = World::new(&telemetry(&url)).await;
    world.start_serve().await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    let process = world.ingress.as_mut().unwrap();
    let asked = Instant::now();
    process.terminate();
    assert!(process.ended().await.success());
    // The flush has three seconds; all else has ended at once.
    assert!(asked.elapsed().as_secs() < 30, "{:?}", asked.elapsed());
    process.says("the collector did not take the last spans in time; they are lost").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_is_not_kept_at_the_webhook_is_not_kept_by_the_worker_and_neither_are_lines_but_tools_and_audit() {
    let collector = Collector::start().await;
    let sampled = format!("{}trace_sampling = 0.0\nlog_sampling = 0.0", telemetry(&collector.url));
    let mut world = World::new(&sampled).await;
    world.start_ingress().await;
    world.start_worker().await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    for process in [&mut world.ingress, &mut world.worker] {
        let process = process.as_mut().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
    }
    // They have ended, and what they held is sent.
    assert!(collector.spans().is_empty(), "{:#?}", collector.spans());
    let log = world.worker().output();
    for kept in [r#""component":"analyze_code_tool""#, r#""event_type":"tool_invocation""#, r#""message":"working""#] {
        assert!(log.contains(kept), "{kept} in {log}");
    }
    assert!(!log.contains(r#""message":"reviewed""#), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_is_the_root_where_there_is_no_webhook() {
    let collector = Collector::start().await;
    let mut world = World::new(&telemetry(&collector.url)).await;
    let address = world.start_agentcore().await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    let call = reqwest::Client::new().post(format!("{address}/invocations"));
    let call = call.header("traceparent", format!("00-{STRANGER}-b7ad6b7169203331-01"));
    let answer = call.body(format!(r#"{{"inputText":"acme/shop#{pull}"}}"#)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let root = "AgentCore Runtime Invocation";
    let came = |spans: &[Span]| spans.iter().any(|span| span.name == root).then(|| spans.to_vec());
    let spans = collector.until("the invocation's span", came).await;
    let paths = paths(&spans);
    assert_eq!((paths.get(root), paths.get(LAST)), (Some(&vec![]), Some(&vec![root])), "{paths:#?}");
    assert_eq!(paths.get("Claim"), Some(&vec![root, LAST]), "{paths:#?}");
    let invocation = spans.iter().find(|span| span.name == root).unwrap();
    assert_eq!(invocation.attribute("outcome"), Some("reviewed"), "{invocation:?}");
    assert_eq!(invocation.attribute("repository"), Some("acme/shop"), "{invocation:?}");
    assert!(spans.iter().all(|span| span.trace == invocation.trace && span.trace != STRANGER));
}

/// `docs/trace.svg`: `cargo test --test e2e traces::the_picture -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it draws docs/trace.svg anew, with the times of this machine"]
async fn the_picture_of_a_review_is_drawn() {
    let collector = Collector::start().await;
    let world = with_all_tools(Engines::OneMachine, &collector).await;
    let (spans, _) = traced(&world, &collector).await;
    let picture = waterfall::draw(&spans);
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/trace.svg"), picture).unwrap();
}
