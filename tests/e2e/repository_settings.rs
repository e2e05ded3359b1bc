//! What a repository says of its own reviews, and what its linters found in CI.

use crate::world::{QUERY_IN_A_LOOP, World, tree};

const HOUSE: &str = "\
id: HOUSE-1
title: Print in a service
severity: Medium
category: BestPractices
confidence: High
languages: [Python]
description: Nobody reads what a service prints.
recommendation: Use the logger.
rule: {pattern: print($$$)}
examples:
  bad: ['print(1)']
  good: ['log.info(1)']
";

const PRINTS: &str = "def f(x):\n    print(x)\n";

/// A repository whose main branch has these files.
fn on_main(world: &World, files: &[(&str, &str)]) {
    world.forge.commit(&world.repo, "main", tree(files), "Settings").unwrap();
}

#[tokio::test]
async fn the_base_branch_says_which_rules_speak_and_a_pull_request_cannot_silence_them() {
    let world = World::running("").await;
    let settings = "exclude = ['gen/**']\n[rules]\nown = ['rules/house.yml']\n[[paths]]\nglobs = ['scripts/**']\noff = ['HOUSE-1']\n";
    let base = [(".eco-coder.toml", settings), ("rules/house.yml", HOUSE)];
    on_main(&world, &base);
    let (pull, head) = world.open(
        "feature",
        &[
            (".eco-coder.toml", "[rules]\noff = ['EC-*', 'HOUSE-1']\n"),
            ("rules/house.yml", HOUSE),
            ("a.py", QUERY_IN_A_LOOP),
            ("b.py", PRINTS),
            ("gen/c.py", QUERY_IN_A_LOOP),
            ("scripts/d.py", PRINTS),
        ],
    );
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("### Eco-Coder: 2 things to mend\n"), "{body}");
    assert!(body.contains("EC-PY-072") && body.contains("`b.py` line 2") && body.contains("`HOUSE-1`"), "{body}");
    assert!(!body.contains("scripts/d.py"), "{body}");
    assert!(body.contains("`gen/c.py` (excluded by .eco-coder.toml)"), "{body}");
    world.settled().await;

    // Merged, they hold for the next one.
    on_main(&world, &[(".eco-coder.toml", "[rules]\noff = ['EC-PY-*']\n")]);
    let (next, head) =
        world.open("next", &[(".eco-coder.toml", "[rules]\noff = ['EC-PY-*']\n"), ("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(next, "opened").await;
    let body = world.comment(next, &head).await.body;
    assert!(body.contains("### Eco-Coder: nothing to mend\n"), "{body}");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said_and_the_review_goes_on() {
    let world = World::running("").await;
    on_main(&world, &[(".eco-coder.toml", "[rules]\noff = ['EC-PY-072'\n<!-- @everyone -->")]);
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("### Eco-Coder: 1 thing to mend\n"), "{body}");
    assert!(body.contains(".eco-coder.toml: line ") && body.contains("none of its settings are used"), "{body}");
    assert!(!body.contains("@everyone"), "{body}");
}

#[tokio::test]
async fn what_linters_found_stands_beside_ours_and_comes_later_too() {
    let world = World::running("").await;
    let orders = include_str!("../fixtures/sarif/orders.py");
    let (pull, head) = world.open("feature", &[("app/orders.py", orders)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(!body.contains("ruff/"), "{body}");
    world.settled().await;

    let place = world.data().join("sarif/acme/shop").join(head.as_str());
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("ruff.sarif"), include_str!("../fixtures/sarif/ruff.sarif")).unwrap();
    world.deliver(pull, "synchronize").await;
    let comment = world.until("linters' findings", |forge| {
        world.ours(forge, pull).into_iter().find(|comment| comment.body.contains("ruff/PERF402"))
    });
    let body = comment.await.body;
    // Ours has the shell command under one of its other names; what only the linter says is there.
    assert!(body.contains("EC-PY-301") && !body.contains("ruff/S602"), "{body}");
    assert!(body.contains("imported but unused") && !body.contains("{name}"), "{body}");
    world.settled().await;
}
