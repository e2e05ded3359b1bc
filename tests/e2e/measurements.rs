//! What workflows of GitHub Actions left of base and head: benchmarks, profiles and linters' findings, in the comment.

use std::io::Write;

use serde_json::json;

use crate::world::{CLEAN, World};

fn zip(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Hyperfine's results of two commands, in seconds.
fn hyperfine(search: f64) -> String {
    let times = |seconds: f64| (0..30).map(|n| seconds * (1.0 + f64::from(n % 7) * 0.002)).collect::<Vec<_>>();
    let of = |command: &str, seconds: f64| json!({"command": command, "mean": seconds, "times": times(seconds)});
    json!({"results": [of("search", search), of("parse", 0.0081)]}).to_string()
}

#[tokio::test]
async fn what_a_workflow_measured_comes_into_the_comment_when_it_has_ended() {
    let world = World::running("[ci]\nartifact = \"eco-coder\"\n[carbon]\nregion = \"eu-west-1\"").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("### Eco-Coder: nothing to mend\n"), "{body}");
    world.settled().await;

    let base = world.forge.pull(&world.repo, pull).unwrap().base_sha;
    let fast = zip(&[("hyperfine.json", &hyperfine(0.0412))]);
    let slow = zip(&[("out/hyperfine.json", &hyperfine(0.0569)), ("cpu.folded", "main;search 300\nmain;parse 100\n")]);
    world.forge.add_artifact(&world.repo, &base, "eco-coder", &fast).unwrap();
    world.forge.add_artifact(&world.repo, &head, "eco-coder", &slow).unwrap();
    let answer = world.send(&world.forge.workflow_webhook(&world.repo, pull).unwrap()).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let found = world.until("the benchmarks", |forge| {
        world.ours(forge, pull).into_iter().find(|comment| comment.body.contains("How the benchmarks were compared"))
    });
    let body = found.await.body;
    assert!(body.contains("### Eco-Coder: nothing to mend, and `search` got worse\n"), "{body}");
    assert!(body.contains("Time of `search` **+38% (+"), "{body}");
    assert!(body.contains("CO2e per million executions"), "{body}");
    assert!(body.contains("| `search` time | 41.") && body.contains("slower |"), "{body}");
    assert!(body.contains("| 1 other | | | within noise, or without a verdict |"), "{body}");
    assert!(body.contains("`search`") && body.contains("of the samples are in"), "{body}");
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
    world
        .until("the status", |forge| {
            let status = forge.statuses(&world.repo, &head).pop()?;
            status.description.filter(|line| line.contains("1 benchmark got worse"))
        })
        .await;
    world.settled().await;
}

#[tokio::test]
async fn a_workflow_that_left_nothing_costs_two_reads() {
    let world = World::running("[ci]\nartifact = \"eco-coder\"").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    world.forge.clear_requests();
    world.send(&world.forge.workflow_webhook(&world.repo, pull).unwrap()).await;
    world.settled().await;
    let reads: Vec<String> = world.forge.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(reads, ["/repos/acme/shop/pulls/1", "/repos/acme/shop/actions/artifacts"], "{reads:?}");
}
