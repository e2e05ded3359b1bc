//! A worker in AgentCore Runtime's container contract: invoked, it reviews, and says how that ended.

use eco_coder::forge::{Action, Fault, Gate};
use serde_json::{Value, json};

use crate::world::{CLEAN, QUERY_IN_A_LOOP, World};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";

async fn invoke(address: &str, body: &Value) -> (u16, Value) {
    let request = reqwest::Client::new().post(format!("{address}/invocations"));
    let answer = request
        .header("content-type", "application/json")
        .header(SESSION, "session-of-33-characters-at-least")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

async fn ping(address: &str) -> Value {
    let answer = reqwest::get(format!("{address}/ping")).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_reviews_and_answers_when_the_comment_stands() {
    let mut world = World::new("").await;
    let address = world.start_agentcore().await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    assert_eq!(ping(&address).await["status"], "Healthy");
    let (status, answer) = invoke(&address, &json!({"inputText": format!("acme/shop#{pull}")})).await;
    assert_eq!((status, &answer["sessionState"]["outcome"]), (200, &json!("reviewed")), "{answer}");
    assert_eq!(answer["sessionId"], "session-of-33-characters-at-least");
    assert_eq!(answer["contentType"], "text/plain");
    let comments = world.ours(&world.forge, pull);
    assert!(comments.len() == 1 && comments[0].body.contains(&format!("head={head}")), "{comments:?}");

    // GitHub's payload names it, too; what is reviewed already costs nothing more.
    let payload: Value =
        serde_json::from_slice(&world.forge.webhook(&world.repo, pull, "opened").unwrap().body).unwrap();
    let (status, answer) = invoke(&address, &payload).await;
    assert_eq!((status, &answer["sessionState"]["outcome"]), (200, &json!("reviewed")), "{answer}");
    assert_eq!(world.ours(&world.forge, pull).len(), 1);

    world.forge.close(&world.repo, pull).unwrap();
    let (status, answer) = invoke(&address, &payload).await;
    assert_eq!((status, &answer["sessionState"]["outcome"]), (200, &json!("nothing_to_review")), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_pull_request_is_refused_and_a_missing_one_fails() {
    let mut world = World::new("").await;
    let address = world.start_agentcore().await;
    let (status, answer) = invoke(&address, &json!({"inputText": "drop everything"})).await;
    assert_eq!((status, &answer["sessionState"]["outcome"]), (400, &json!("refused")), "{answer}");
    let (status, answer) = invoke(&address, &json!({"inputText": "acme/shop#999"})).await;
    assert_eq!((status, &answer["sessionState"]["outcome"]), (502, &json!("failed")), "{answer}");
    assert_eq!(world.writes(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_under_way_shows_in_the_ping_and_goes_to_the_queue_at_shutdown() {
    let mut world = World::new("[worker]\nshutdown_grace_seconds = 0").await;
    let address = world.start_agentcore().await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::Hold(gate.clone())));
    let invoked = tokio::spawn({
        let address = address.clone();
        async move { invoke(&address, &json!({"inputText": format!("acme/shop#{pull}")})).await }
    });
    gate.arrived(1).await;
    assert_eq!(ping(&address).await["status"], "HealthyBusy");
    world.worker().terminate();
    let (status, answer) = invoked.await.unwrap();
    assert_eq!((status, &answer["sessionState"]["outcome"]), (202, &json!("queued")), "{answer}");
    gate.release();
    assert!(world.worker.as_mut().unwrap().ended().await.success());
    world.start_worker().await;
    world.comment(pull, &head).await;
}
