//! The tests' fakes of CodeGuru as a process: `cargo run --example fake-codeguru [ADDRESS]` says where the Profiler is served,
//! and on the next line where the Reviewer is, with something of each kind in them, until it is ended. For tests/support/codeguru_shapes.py and for trying things out.

use std::io::Write;

use eco_coder_shared::env::Timestamp;
use eco_coder_worker::backends::codeguru_reviewer::fake::{FakeReview, FakeReviewer, recommendation};
use eco_coder_worker::testing::codeguru::FakeCodeGuru;
use eco_coder_worker::testing::codeguru::profiler::{sample_profile, sample_recommendation};

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
    writeln!(std::io::stdout(), "{}\n{}", fake.url(), reviewer.serve().await?)?;
    std::future::pending().await
}
