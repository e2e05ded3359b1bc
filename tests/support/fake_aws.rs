//! The tests' fakes of CodeGuru and Bedrock as a process: `cargo run --example fake-aws [ADDRESS]` says where the Profiler is served,
//! and on the next lines where the Reviewer and Bedrock's Converse are, with something of each kind in them, until it is ended. For tests/support/aws_shapes.py and for trying things out.

#![forbid(unsafe_code)]

use std::io::Write;

use eco_coder_shared::env::Timestamp;
use eco_coder_worker::backends::codeguru_reviewer::fake::{FakeReview, FakeReviewer, recommendation};
use eco_coder_worker::model::bedrock::fake::{ERRORS, FakeConverse, Line};
use eco_coder_worker::testing::codeguru::FakeCodeGuru;
use eco_coder_worker::testing::codeguru::profiler::{sample_profile, sample_recommendation};
use serde_json::json;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let fake = FakeCodeGuru::listen(&address).await;
    let (start, end) = (Timestamp::from_seconds(1_790_000_000), Timestamp::from_seconds(1_790_086_400));
    fake.profiler(|profiler| {
        for (name, is_zipped) in [("shop-api", false), ("shop-zipped", true)] {
            let group = profiler.group(name);
            group.put(start, sample_profile(start, end).to_string());
            group.is_zipped = is_zipped;
            group.recommendations = vec![sample_recommendation(start, end)];
        }
        profiler.group("shop-empty").latest = None;
    });
    let reviewer = FakeReviewer::new();
    for state in ["Associated", "Failed"] {
        reviewer.associate("acme/shop", "GitHub", state);
    }
    reviewer.associate_bucket("shop-scans", "codeguru-reviewer-acme-us-east-1", "Associated");
    reviewer.scans("Pending", Vec::new());
    for state in ["Completed", "Pending", "Failed"] {
        let all = (1..=150).map(|line| recommendation("a.py", (line, line), "High", "SecurityIssues")).collect();
        let review = FakeReview::completed("acme/shop", 17, &"a".repeat(40), all);
        let reason = Some("for a test".to_owned());
        reviewer.review(FakeReview { state: state.to_owned(), reason, ..review });
    }
    let stops = ["end_turn", "tool_use", "max_tokens", "guardrail_intervened", "malformed_tool_use"];
    let said = json!([
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "sig=="}}},
        {"text": "A look."},
        {"toolUse": {"toolUseId": "1", "name": "analyze_code", "input": {"paths": ["a.py"]}}},
    ]);
    let says = stops.into_iter().map(|stop| Line::Says(said.clone(), stop));
    let converse = FakeConverse::new(says.chain(ERRORS.map(|(status, kind)| Line::Fails(status, kind))));
    let (reviewer, converse) = (reviewer.serve().await?, converse.serve().await?);
    writeln!(std::io::stdout(), "{}\n{reviewer}\n{converse}", fake.url())?;
    std::future::pending().await
}
