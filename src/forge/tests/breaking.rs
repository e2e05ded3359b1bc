use super::*;

const CREATE: &str = "/repos/*/*/issues/*/comments";

#[tokio::test]
async fn a_write_can_be_applied_and_its_answer_lost() {
    let scene = Scene::new();
    scene.forge.add_fault(Fault::on("POST", CREATE, Action::CommitThenAnswer { status: 500 }));
    assert_eq!(scene.comment("one").await.status, 500);
    assert_eq!(scene.bodies(), ["one"]);
    assert_eq!(scene.comment("two").await.status, 201);
}

#[tokio::test]
async fn an_error_can_come_without_anything_being_done() {
    let scene = Scene::new();
    scene.forge.add_fault(Fault::on("POST", CREATE, Action::status(502)).times(2));
    scene.forge.add_fault(Fault::on("GET", "/user", Action::secondary_limit(Some(7))));
    assert_eq!(scene.comment("one").await.status, 502);
    assert_eq!(scene.comment("one").await.status, 502);
    assert_eq!(scene.comment("one").await.status, 201);
    let limited = scene.get("/user").await;
    assert_eq!((limited.status, limited.header("retry-after")), (403, "7"));
    assert!(limited.json()["message"].as_str().unwrap().contains("secondary rate limit"));
    assert_eq!(scene.bodies(), ["one"]);
}

#[tokio::test]
async fn without_a_socket_a_cut_connection_breaks_the_body() {
    let scene = Scene::new();
    scene.forge.add_fault(Fault::on("POST", CREATE, Action::CommitThenReset));
    let path = "/repos/acme/shop/issues/1/comments";
    let body = Some(json!({ "body": "one" }));
    assert!(scene.send("POST", path, &[("authorization", "Bearer token")], body).await.is_err());
    assert_eq!(scene.bodies(), ["one"]);
    assert_eq!(scene.forge.requests()[0].status, None);
}

#[tokio::test]
async fn a_list_can_lag_behind() {
    let scene = Scene::new();
    scene.comment("one").await;
    scene.comment("two").await;
    scene.forge.add_fault(Fault::on("GET", CREATE, Action::StaleList { missing: 1 }));
    let list = scene.get("/repos/acme/shop/issues/1/comments").await.json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["body"], "one");
    let list = scene.get("/repos/acme/shop/issues/1/comments").await.json();
    assert_eq!(list.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_held_write_is_applied_even_if_its_caller_is_gone() {
    let scene = Arc::new(Scene::new());
    let gate = Gate::new();
    scene.forge.add_fault(Fault::on("POST", CREATE, Action::Hold(gate.clone())));
    let caller = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.comment("late").await.status }
    });
    gate.arrived(1).await;
    assert!(scene.bodies().is_empty());
    caller.abort();
    assert!(caller.await.is_err());
    gate.release();
    let late = scene.forge.wait_for(|forge| forge.comments(&scene.repo, scene.number).pop()).await;
    assert_eq!(late.body, "late");
}

#[tokio::test]
async fn an_answer_can_be_held_after_the_write() {
    let scene = Arc::new(Scene::new());
    let gate = Gate::new();
    scene.forge.add_fault(Fault::on("POST", CREATE, Action::CommitThenHold(gate.clone())));
    let caller = tokio::spawn({
        let scene = Arc::clone(&scene);
        async move { scene.comment("early").await.status }
    });
    gate.arrived(1).await;
    assert_eq!(scene.bodies(), ["early"]);
    scene.forge.clear_faults();
    assert_eq!(caller.await.unwrap(), 201);
}

#[tokio::test]
async fn the_hourly_limit_is_kept_and_ends() {
    let env = Arc::new(ManualEnv::new(START, 1));
    let settings = ForgeSettings {
        rate_limit: 2,
        env: env.clone(),
        ..ForgeSettings::new("http://forge.test", "token".to_owned().into(), "s".to_owned().into())
    };
    let scene = Scene {
        forge: Forge::new(settings),
        env,
        repo: "acme/shop".parse().unwrap(),
        number: PullNumber::try_from(1).unwrap(),
    };
    scene.get("/user").await;
    assert_eq!(scene.get("/user").await.header("x-ratelimit-remaining"), "0");
    let limited = scene.get("/user").await;
    assert_eq!((limited.status, limited.header("x-ratelimit-remaining")), (403, "0"));
    scene.env.advance(std::time::Duration::from_hours(1));
    assert_eq!(scene.get("/user").await.status, 200);
}

#[tokio::test]
async fn over_a_socket_a_cut_connection_is_a_reset_after_the_write() {
    let scene = Scene::new();
    scene.forge.add_fault(Fault::on("POST", CREATE, Action::CommitThenReset));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/repos/acme/shop/issues/1/comments", listener.local_addr().unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(scene.forge.clone().serve(listener, async {
        let _ = stopped.await;
    }));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = || client.post(&url).header("authorization", "Bearer token").body(r#"{"body":"x"}"#).send();
    let error = post().await.unwrap_err();
    assert!(!error.is_connect() && !error.is_body(), "{error:?}");
    assert_eq!(scene.bodies().len(), 1);
    assert_eq!(post().await.unwrap().status(), 201);
    drop(client);
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
