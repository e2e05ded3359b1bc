//! Reviews that converge: a push is compared with the review before it, and a model isn't asked again about what it has seen.

use std::sync::Arc;

use eco_coder_worker::model::openai::fake::{FakeServer, Line, asks};
use serde_json::{Value, json};

use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, tree};

on_both_engines!(
    a_push_says_what_is_fixed_and_the_model_reads_only_what_is_new,
    without_a_model_a_push_says_what_is_fixed_too,
);

const DIVIDES: &str = "def mean(rows):\n    return sum(rows) / len(rows)\n";

pub fn further(file: &str, line: u32, evidence: &str, title: &str) -> Value {
    json!({
        "file": file, "line": line, "evidence": evidence, "title": title, "severity": "High",
        "category": "CodeQuality", "explanation": "Without rows this divides by zero.", "fix": "Return None first.",
    })
}

/// The model ends with this report.
pub fn reports(report: &Value) -> Line {
    asks(&[("end", "post_github_comment", &json!({"report": report}).to_string())])
}

pub async fn with_model(engines: Engines, server: &Arc<FakeServer>, more: &str) -> World {
    let url = server.serve().await.unwrap();
    World::running_on(engines, &format!("[model]\nkind = \"openai\"\nid = \"qwen\"\nurl = \"{url}\"\n{more}")).await
}

/// The first question of a review.
fn opening(request: &Value) -> &str {
    request["messages"][1]["content"].as_str().unwrap()
}

async fn a_push_says_what_is_fixed_and_the_model_reads_only_what_is_new(engines: Engines) {
    let server = FakeServer::new([
        reports(&json!({
            "verdict": "mend", "summary": "Both matter.",
            "important": [{"finding": "F1", "why": "Orders have many lines."}],
            "further": [
                further("b.py", 2, "return sum(rows) / len(rows)", "Division by zero"),
                further("b.py", 2, "return rows.mean()", "Made up"),
                further("c.py", 1, "def mean(rows):", "Not in this pull request"),
            ],
        })),
        reports(&json!({"verdict": "fine", "summary": "The query is gone."})),
    ]);
    let world = with_model(engines, &server, "").await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP), ("b.py", DIVIDES)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &first).await.body;
    assert!(body.contains("### Eco-Coder: 1 thing to mend; 1 suggestion by the model\n"), "{body}");
    assert!(body.contains("Here, as the model sees it: Orders have many lines."), "{body}");
    assert!(
        body.contains("**M1. Division by zero** - High, Code quality - `b.py` line 2 - suggested by the model\n> ")
    );
    assert!(!body.contains("Made up") && !body.contains("Not in this pull request"), "{body}");
    assert!(body.contains("2 findings of its own were left out") && !body.contains("Since `"), "{body}");
    world.settled().await;

    // The query is mended; the other file is as it was.
    let head = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN), ("b.py", DIVIDES)])).unwrap();
    world.deliver(pull, "synchronize").await;
    let body = world.comment(pull, &head).await.body;
    let requests = server.requests();
    assert!(opening(&requests[0]).contains("=== b.py (+2)"), "{}", opening(&requests[0]));
    assert!(!opening(&requests[1]).contains("=== b.py"), "{}", opening(&requests[1]));
    assert!(opening(&requests[1]).contains("Unchanged since you reviewed it last: b.py (+2)"));
    assert!(body.contains("### Eco-Coder: nothing to mend; 1 suggestion by the model\n"), "{body}");
    assert!(body.contains(&format!("Since `{}`: 1 fixed.", &first.as_str()[..7])), "{body}");
    assert!(body.contains("**M1. Division by zero**") && body.contains("The query is gone."), "{body}");
    world.settled().await;

    // Nothing is new: nobody is asked, and what was said stands.
    let third = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN), ("b.py", DIVIDES)])).unwrap();
    world.deliver(pull, "synchronize").await;
    let body = world.comment(pull, &third).await.body;
    assert_eq!(server.requests().len(), 2);
    assert!(body.contains("**M1. Division by zero**") && body.contains("The query is gone."), "{body}");
    world.settled().await;
    assert!(!world.at_rest().await.contains("Division by zero"), "what a model said is sealed");
}

async fn without_a_model_a_push_says_what_is_fixed_too(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let two = format!("{QUERY_IN_A_LOOP}\n\n{}", QUERY_IN_A_LOOP.replace("lines_of", "rows_of"));
    let (pull, first) = world.open("feature", &[("a.py", &two)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &first).await;
    world.settled().await;
    // One is mended, one has only moved, and another one is new.
    let moved = format!("X = 1\n\n\n{QUERY_IN_A_LOOP}");
    let files = [("a.py", moved.as_str()), ("b.py", QUERY_IN_A_LOOP)];
    let head = world.forge.push(&world.repo, pull, tree(&files)).unwrap();
    world.deliver(pull, "synchronize").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains(&format!("Since `{}`: 1 fixed, 1 still there, 1 new.", &first.as_str()[..7])), "{body}");
    assert_eq!(body.matches(&format!("New since `{}`.", &first.as_str()[..7])).count(), 1, "{body}");
    world.settled().await;
}
