use super::*;
use hmac::{Hmac, KeyInit as _, Mac as _};

#[test]
fn a_delivery_is_signed_over_its_bytes_and_as_large_as_githubs() {
    let scene = Scene::new();
    let webhook = scene.forge.webhook(&scene.repo, scene.number, "opened").unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"It's a Secret").unwrap();
    mac.update(&webhook.body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(webhook.header("x-hub-signature-256"), Some(&*signature));
    assert_eq!(webhook.header("X-GitHub-Event"), Some("pull_request"));
    assert_eq!(webhook.header("x-github-delivery").unwrap().len(), 36);
    // GitHub's own have 21 to 27 kB, with longer addresses.
    assert!(webhook.body.len() > 18_000, "{}", webhook.body.len());
    let payload: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!((&payload["action"], &payload["number"]), (&json!("opened"), &json!(1)));
    assert_eq!(payload["repository"]["id"], payload["pull_request"]["base"]["repo"]["id"]);
    assert_eq!(payload["sender"]["login"], "octocat");
    let again = scene.forge.webhook(&scene.repo, scene.number, "opened").unwrap();
    assert_ne!(again.header("x-github-delivery"), webhook.header("x-github-delivery"));
}

#[test]
fn each_action_tells_what_changed() {
    let scene = Scene::new();
    let payload = |action: &str| -> Value {
        serde_json::from_slice(&scene.forge.webhook(&scene.repo, scene.number, action).unwrap().body).unwrap()
    };
    let before = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    let after = scene.forge.push(&scene.repo, scene.number, tree([("app.py", "3\n")])).unwrap();
    let synchronize = payload("synchronize");
    assert_eq!((&synchronize["before"], &synchronize["after"]), (&json!(before), &json!(after)));
    scene.forge.commit(&scene.repo, "release", tree([("app.py", "4\n")]), "Release").unwrap();
    scene.forge.change_base(&scene.repo, scene.number, "release").unwrap();
    assert_eq!(payload("edited")["changes"]["base"]["ref"]["from"], "main");
    scene.forge.unlabel(&scene.repo, scene.number, "skip-review").unwrap();
    assert_eq!(payload("unlabeled")["label"]["name"], "skip-review");
    scene.forge.close(&scene.repo, scene.number).unwrap();
    assert_eq!(payload("closed")["pull_request"]["state"], "closed");
}

#[tokio::test]
async fn a_delivery_arrives_as_it_was_made() {
    let scene = Scene::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/github", listener.local_addr().unwrap());
    let echo = Router::new().fallback(async |headers: HeaderMap, body: bytes::Bytes| {
        let event = headers.get("x-github-event").unwrap().to_str().unwrap().to_owned();
        (axum::http::StatusCode::ACCEPTED, format!("{event} {}", body.len()))
    });
    let serving = tokio::spawn(async move { axum::serve(listener, echo).await });
    let webhook = scene.forge.ping();
    let answer = scene.forge.deliver(&url, &webhook).await.unwrap();
    assert_eq!(answer, Delivered { status: 202, body: format!("ping {}", webhook.body.len()) });
    serving.abort();
}
