use super::*;

/// A forge whose App is installed, and a token of the installation.
async fn installed() -> (Scene, String) {
    const KEY: &str = include_str!("../../../worker/github/src/testing/app_key.pem");
    const PUBLIC: &str = include_str!("../../../worker/github/src/testing/app_key.pub.pem");
    let mut scene = Scene::new();
    let settings = ForgeSettings {
        app: Some(AppSettings { id: 7, public_key: PUBLIC.to_owned() }),
        env: scene.env.clone(),
        ..ForgeSettings::new("http://forge.test", "token".to_owned().into(), "It's a Secret".to_owned().into())
    };
    scene.forge = Forge::new(settings);
    scene.forge.add_repository(&scene.repo, Content::memory(tree([("app.py", "x = 1\n")])));
    scene.forge.commit(&scene.repo, "topic", tree([("app.py", "x = 2\n")]), "Another").unwrap();
    scene.number = scene.forge.open_pull(&scene.repo, NewPull::new("Two", "topic")).unwrap();
    let installation = scene.forge.install_app("acme");
    let now = START.0 / 1000;
    let claims = json!({ "iat": now - 60, "exp": now + 300, "iss": "7" });
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap();
    let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
    let jwt = format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &key).unwrap());
    let path = format!("/app/installations/{installation}/access_tokens");
    let minted = scene.send("POST", &path, &[("authorization", &jwt)], None).await.unwrap().json();
    let token = format!("Bearer {}", minted["token"].as_str().unwrap());
    (scene, token)
}

#[tokio::test]
async fn only_an_app_writes_check_runs_and_everybody_reads_them() {
    let (scene, token) = installed().await;
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    let path = "/repos/acme/shop/check-runs";
    let body = json!({ "name": "eco-coder", "head_sha": head, "external_id": "x", "status": "in_progress" });
    let refused = scene.call("POST", path, Some(body.clone())).await;
    assert_eq!(
        (refused.status, refused.json()["message"].as_str()),
        (403, Some("You must authenticate via a GitHub App."))
    );
    let made = scene.send("POST", path, &[("authorization", &token)], Some(body)).await.unwrap();
    assert_eq!(made.status, 201);
    let made = made.json();
    assert_eq!(
        (&made["status"], &made["conclusion"], &made["app"]["id"]),
        (&json!("in_progress"), &Value::Null, &json!(7))
    );
    assert_eq!(made["pull_requests"][0]["number"], 1);

    let one = format!("{path}/{}", made["id"]);
    let done = json!({ "conclusion": "neutral", "output": { "title": "t", "summary": "s" } });
    let changed = scene.send("PATCH", &one, &[("authorization", &token)], Some(done)).await.unwrap().json();
    assert_eq!((&changed["status"], &changed["conclusion"]), (&json!("completed"), &json!("neutral")));
    assert!(changed["completed_at"].is_string());
    // Asked for again, it is under way once more.
    let again = json!({ "status": "queued" });
    let again = scene.send("PATCH", &one, &[("authorization", &token)], Some(again)).await.unwrap().json();
    assert_eq!((&again["conclusion"], &again["completed_at"]), (&Value::Null, &Value::Null));
    assert_eq!(again["output"]["summary"], "s");
    let list = scene.get(&format!("/repos/acme/shop/commits/{head}/check-runs?check_name=eco-coder")).await.json();
    assert_eq!((&list["total_count"], &list["check_runs"][0]["id"]), (&json!(1), &made["id"]));
}

#[tokio::test]
async fn of_a_name_the_newest_check_run_is_shown_unless_all_are_asked_for() {
    let (scene, token) = installed().await;
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    for external in ["one", "two"] {
        let body = json!({ "name": "eco-coder", "head_sha": head, "external_id": external });
        scene.send("POST", "/repos/acme/shop/check-runs", &[("authorization", &token)], Some(body)).await.unwrap();
    }
    let path = format!("/repos/acme/shop/commits/{head}/check-runs");
    let latest = scene.get(&path).await.json();
    assert_eq!((&latest["total_count"], &latest["check_runs"][0]["external_id"]), (&json!(1), &json!("two")));
    assert_eq!(scene.get(&format!("{path}?filter=all")).await.json()["total_count"], 2);
    assert_eq!(scene.get(&format!("{path}?check_name=other")).await.json()["total_count"], 0);
}

#[tokio::test]
async fn a_check_run_that_says_too_little_is_refused() {
    let (scene, token) = installed().await;
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    for bad in [
        json!({ "head_sha": head }),
        json!({ "name": "x" }),
        json!({ "name": "x", "head_sha": "0".repeat(40) }),
        json!({ "name": "x", "head_sha": head, "status": "completed" }),
        json!({ "name": "x", "head_sha": head, "conclusion": "well" }),
        json!({ "name": "x", "head_sha": head, "status": "done" }),
        json!({ "name": "x", "head_sha": head, "output": { "title": "t" } }),
        json!({ "name": "x", "head_sha": head, "output": { "title": "t", "summary": "s".repeat(65_536) } }),
        json!({ "name": "x", "head_sha": head, "external_id": 7 }),
    ] {
        let headers = [("authorization", token.as_str())];
        let reply = scene.send("POST", "/repos/acme/shop/check-runs", &headers, Some(bad.clone())).await.unwrap();
        assert_eq!(reply.status, 422, "{bad}");
    }
    assert_eq!(scene.forge.check_runs(&scene.repo, &head), []);
    let headers = [("authorization", token.as_str())];
    let gone = scene.send("PATCH", "/repos/acme/shop/check-runs/1", &headers, Some(json!({}))).await.unwrap();
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn the_delivery_of_a_re_run_names_the_pull_request_unless_it_is_a_fork_s() {
    let (scene, token) = installed().await;
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    let body = json!({ "name": "eco-coder", "head_sha": head, "external_id": "eco-coder:1:1:1" });
    let made =
        scene.send("POST", "/repos/acme/shop/check-runs", &[("authorization", &token)], Some(body)).await.unwrap();
    let id = made.json()["id"].as_u64().unwrap();
    for (from_a_fork, pulls) in [(false, 1), (true, 0)] {
        let webhook = scene.forge.check_webhook(&scene.repo, id, "rerequested", from_a_fork).unwrap();
        assert_eq!(webhook.header("x-github-event"), Some("check_run"));
        let payload: Value = serde_json::from_slice(&webhook.body).unwrap();
        assert_eq!(
            (&payload["action"], &payload["check_run"]["external_id"]),
            (&json!("rerequested"), &json!("eco-coder:1:1:1"))
        );
        assert_eq!(payload["check_run"]["pull_requests"].as_array().unwrap().len(), pulls);
    }
    assert!(scene.forge.check_webhook(&scene.repo, 1, "rerequested", false).is_err());
}

/// For `tests/support/forge_shapes.py`.
#[tokio::test]
#[ignore = "serves for five minutes: see tests/support/forge_shapes.py"]
#[expect(clippy::print_stdout, reason = "whoever runs it needs the address")]
async fn a_forge_to_hold_against_githubs_description() {
    let (scene, token) = installed().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let token = token.trim_start_matches("Bearer ");
    println!("tests/support/forge_shapes.py DESCRIPTION http://{at} token acme/shop 1 {token}");
    let end = tokio::time::sleep(std::time::Duration::from_mins(5));
    scene.forge.serve(listener, end).await.unwrap();
}
