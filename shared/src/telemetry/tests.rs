//! What is written at which level, and of which reviews.

use serde_json::Value;
use tracing_subscriber::filter::LevelFilter;

use super::json::tests::Sink;
use super::*;

/// What `work` logs with these settings.
fn written(config: &TelemetryConfig, work: impl FnOnce()) -> Vec<Value> {
    let sink = Sink::default();
    let to = sink.clone();
    let lines = json::JsonLines::new(move || to.clone()).with_filter(lines(config));
    // Of one listener alone tracing asks only the thread that first comes by a place, and another test's has none.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry().with(LevelFilter::OFF));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), work);
    sink.lines()
}

fn messages(lines: &[Value]) -> Vec<&str> {
    let named = |line: &'_ Value| line["message"].as_str().or(line["event_type"].as_str()).map(str::len);
    assert!(lines.iter().all(|line| named(line).is_some()));
    lines.iter().filter_map(|line| line["message"].as_str().or(line["event_type"].as_str())).collect()
}

/// One line of each kind, in a review.
fn everything(session: &str) {
    let review = tracing::error_span!(target: "eco_coder_worker::consumer", "review", session_id = session);
    let _entered = review.enter();
    tracing::error!(target: "eco_coder_worker::review", "error");
    tracing::warn!(target: "eco_coder_worker::review", "warning");
    tracing::info!(target: "eco_coder_worker::review", "information");
    tracing::debug!(target: "eco_coder_worker::review", "detail");
    tracing::warn!(target: "hyper", "a library's warning");
    tracing::info!(target: "hyper", "a library's information");
    tracing::info!(target: TOOL, component = "analyze_code_tool", "a tool's record");
    let step = crate::step!("a step");
    assert!(step.is_disabled(), "without a collector no step is made");
    let _step = step.entered();
    audit::record(audit::EventType::CommentPosted, session, "", &(), "success", std::time::Duration::ZERO);
}

#[test]
fn audit_events_and_tools_records_are_written_at_every_level_and_each_line_knows_its_review() {
    for (level, expected) in [
        ("error", vec!["error", "a tool's record", "comment_posted"]),
        ("warn", vec!["error", "warning", "a library's warning", "a tool's record", "comment_posted"]),
        ("INFO", vec!["error", "warning", "information", "a library's warning", "a tool's record", "comment_posted"]),
        (
            "debug",
            vec![
                "error",
                "warning",
                "information",
                "detail",
                "a library's warning",
                "a tool's record",
                "comment_posted",
            ],
        ),
    ] {
        let config = TelemetryConfig { level: level.to_owned(), ..TelemetryConfig::default() };
        let lines = written(&config, || everything("s1"));
        assert_eq!(messages(&lines), expected, "{level}");
        assert!(lines.iter().all(|line| line["session_id"] == "s1"), "{level}: {lines:?}");
    }
}

#[test]
fn of_a_review_that_is_left_out_only_its_information_is() {
    let with = |log_sampling| TelemetryConfig { log_sampling, ..TelemetryConfig::default() };
    let kept = ["error", "warning", "a library's warning", "a tool's record", "comment_posted"];
    assert_eq!(messages(&written(&with(0.0), || everything("s1"))), kept);
    assert_eq!(written(&with(1.0), || everything("s1")).len(), kept.len() + 1);
    // What belongs to no review is written.
    assert_eq!(messages(&written(&with(0.0), || tracing::info!(target: "eco_coder", "the start"))), ["the start"]);
}

#[test]
fn a_review_is_told_of_as_a_whole_by_its_session_and_the_share_of_them_is() {
    let config = TelemetryConfig { log_sampling: 0.25, ..TelemetryConfig::default() };
    let review = |session: &str| {
        let review = tracing::error_span!(target: "eco_coder_worker::consumer", "review", session_id = session);
        review.in_scope(|| tracing::info!(target: "eco_coder_worker::review", "first"));
        review.in_scope(|| tracing::info!(target: "eco_coder_worker::publish", "second"));
    };
    let twice = || written(&config, || (0..400).for_each(|n| review(&format!("session {n}"))));
    let lines = twice();
    assert!((150..250).contains(&lines.len()), "{}", lines.len());
    for pair in lines.chunks(2) {
        assert_eq!(pair[0]["session_id"], pair[1]["session_id"]);
    }
    let sessions = |lines: Vec<Value>| lines.into_iter().map(|line| line["session_id"].clone()).collect::<Vec<_>>();
    assert_eq!(sessions(lines), sessions(twice()), "on every worker the same");
}

#[test]
fn shares_are_from_none_to_all_and_the_collector_is_an_address() {
    let with = |toml: &str| toml::from_str::<TelemetryConfig>(toml).unwrap().check();
    for fine in [
        "log_sampling = 0",
        "log_sampling = 1",
        "trace_sampling = 0.05",
        "otlp_endpoint = \"\"",
        "otlp_endpoint = \"http://127.0.0.1:4318\"",
        "otlp_endpoint = \"http://collector/base/\"",
    ] {
        assert!(with(fine).is_ok(), "{fine}: {:?}", with(fine));
    }
    for wrong in [
        "log_sampling = -0.01",
        "log_sampling = 1.01",
        "trace_sampling = nan",
        "trace_sampling = inf",
        "otlp_endpoint = \"127.0.0.1:4318\"",
        "otlp_endpoint = \"https://127.0.0.1:4318\"",
        "otlp_endpoint = \"http://name:secret@127.0.0.1:4318\"",
        "otlp_endpoint = \"http://127.0.0.1:4318/?token=secret\"",
        "otlp_endpoint = \"/v1/traces\"",
        &format!("otlp_endpoint = \"http://{}/\"", "a".repeat(2048)),
    ] {
        let error = with(wrong).unwrap_err().to_string();
        let key = format!("telemetry.{}", wrong.split(' ').next().unwrap());
        assert!(error.contains(&key) && !error.contains("secret"), "{error}");
    }
}
