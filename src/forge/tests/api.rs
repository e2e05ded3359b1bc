use super::*;

#[tokio::test]
async fn a_wrong_or_missing_token_is_refused_and_nothing_happens() {
    let scene = Scene::new();
    let path = "/repos/acme/shop/issues/1/comments";
    for headers in [&[][..], &[("authorization", "Bearer wrong")], &[("authorization", "Basic token")]] {
        let reply = scene.send("POST", path, headers, Some(json!({ "body": "x" }))).await.unwrap();
        assert_eq!(reply.status, 401, "{headers:?}");
    }
    let reply = scene.send("GET", "/user", &[("authorization", "Bearer wrong")], None).await.unwrap();
    assert_eq!(reply.json()["message"], "Bad credentials");
    assert!(scene.bodies().is_empty());
    assert_eq!(scene.get("/user").await.json()["type"], "Bot");
}

#[tokio::test]
async fn a_pull_request_has_githubs_fields() {
    let scene = Scene::new();
    scene.forge.label(&scene.repo, scene.number, "perf").unwrap();
    let pull = scene.get("/repos/acme/shop/pulls/1").await.json();
    let view = scene.forge.pull(&scene.repo, scene.number).unwrap();
    assert_eq!(pull["number"], 1);
    assert_eq!(pull["id"], view.id);
    assert_eq!((pull["state"].as_str(), &pull["draft"], &pull["merged"]), (Some("open"), &json!(false), &json!(false)));
    assert_eq!(pull["head"]["sha"], view.head_sha.as_str());
    assert_eq!((&pull["head"]["ref"], &pull["base"]["ref"]), (&json!("topic"), &json!("main")));
    assert_eq!(pull["base"]["repo"]["full_name"], "acme/shop");
    assert_eq!(pull["labels"][0]["name"], "perf");
    assert_eq!(pull["updated_at"], "2026-03-01T12:00:00Z");
    assert_eq!((&pull["changed_files"], &pull["additions"], &pull["deletions"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(pull["html_url"], "http://forge.test/acme/shop/pull/1");
    let list = scene.get("/repos/acme/shop/pulls?state=open").await.json();
    assert_eq!(list[0]["number"], 1);
    assert_eq!(list[0]["changed_files"], Value::Null);
    assert_eq!(scene.get("/repos/acme/shop/pulls?state=closed").await.json(), json!([]));
}

#[tokio::test]
async fn a_push_moves_the_head_and_the_time() {
    let scene = Scene::new();
    let before = scene.forge.pull(&scene.repo, scene.number).unwrap();
    scene.env.advance(std::time::Duration::from_secs(90));
    let pushed = scene.forge.push(&scene.repo, scene.number, tree([("app.py", "print(3)\n")])).unwrap();
    let pull = scene.get("/repos/acme/shop/pulls/1").await.json();
    assert_ne!(pushed, before.head_sha);
    assert_eq!(pull["head"]["sha"], pushed.as_str());
    assert_eq!(pull["base"]["sha"], before.base_sha.as_str());
    assert_eq!(pull["updated_at"], "2026-03-01T12:01:30Z");
    let removed = scene.get("/repos/acme/shop/pulls/1/files").await.json();
    let words: Vec<_> = removed.as_array().unwrap().iter().map(|f| f["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(words, ["removed", "modified", "removed"]);
}

#[tokio::test]
async fn changed_files_have_patches_and_links() {
    let scene = Scene::new();
    let files = scene.get("/repos/acme/shop/pulls/1/files").await.json();
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    assert_eq!(files.as_array().unwrap().len(), 1);
    assert_eq!(files[0]["filename"], "app.py");
    assert_eq!(files[0]["patch"], "@@ -1,3 +1,3 @@\n import os\n \n-print(1)\n+print(2)");
    assert_eq!(files[0]["changes"], 2);
    assert_eq!(files[0]["contents_url"], format!("http://forge.test/repos/acme/shop/contents/app.py?ref={head}"));
    assert_eq!(files[0].get("previous_filename"), None);
}

#[tokio::test]
async fn long_lists_come_in_pages_of_at_most_a_hundred() {
    let many: Tree = (0..250).map(|i| (format!("f{i:03}.py"), b"x\n".to_vec())).collect();
    let scene = Scene::with(Tree::new(), many);
    let first = scene.get("/repos/acme/shop/pulls/1/files?per_page=1000").await;
    assert_eq!(first.json().as_array().unwrap().len(), 100);
    let mut link = first.header("link").to_owned();
    assert!(link.contains(r#"page=3>; rel="last""#), "{link}");
    let mut seen = 100;
    while let Some(next) = link.split(", ").find(|part| part.ends_with(r#"rel="next""#)) {
        let url = next.trim_start_matches('<').split('>').next().unwrap();
        let page = scene.get(url.strip_prefix("http://forge.test").unwrap()).await;
        seen += page.json().as_array().unwrap().len();
        link = page.header("link").to_owned();
    }
    assert_eq!(seen, 250);
    assert!(link.contains(r#"rel="prev""#) && link.contains(r#"rel="first""#), "{link}");
    let default = scene.get("/repos/acme/shop/pulls/1/files").await;
    assert_eq!(default.json().as_array().unwrap().len(), 30);
    assert_eq!(scene.get("/repos/acme/shop/pulls/1/files?page=99").await.json(), json!([]));
}

#[tokio::test]
async fn a_comparison_names_the_merge_base() {
    let scene = Scene::new();
    let start = scene.forge.pull(&scene.repo, scene.number).unwrap().base_sha;
    let base = scene.forge.commit(&scene.repo, "main", tree([("other.py", "1\n")]), "Meanwhile").unwrap();
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    let comparison = scene.get(&format!("/repos/acme/shop/compare/{base}...{head}?per_page=1")).await.json();
    assert_eq!(comparison["merge_base_commit"]["sha"], start.as_str());
    assert_eq!((&comparison["status"], &comparison["ahead_by"]), (&json!("diverged"), &json!(1)));
    assert_eq!(comparison["commits"][0]["commit"]["message"], "Print another number");
    assert_eq!(comparison["files"][0]["filename"], "app.py");
    assert_eq!(scene.get("/repos/acme/shop/compare/main...main").await.json()["status"], "identical");
    assert_eq!(scene.get("/repos/acme/shop/compare/main...nowhere").await.status, 404);
}

#[tokio::test]
async fn contents_come_raw_or_in_json() {
    let scene = Scene::new();
    let raw = [("authorization", "Bearer token"), ("accept", "application/vnd.github.raw+json")];
    let base = scene.forge.pull(&scene.repo, scene.number).unwrap().base_sha;
    let path = format!("/repos/acme/shop/contents/app.py?ref={base}");
    let file = scene.send("GET", &path, &raw, None).await.unwrap();
    assert_eq!((file.status, &file.body[..]), (200, &b"import os\n\nprint(1)\n"[..]));
    assert_eq!(file.header("content-type"), "application/vnd.github.raw+json; charset=utf-8");
    let json = scene.get("/repos/acme/shop/contents/src/a%20b.py?ref=topic").await.json();
    assert_eq!(
        (&json["type"], &json["encoding"], &json["content"]),
        (&json!("file"), &json!("base64"), &json!("eCA9IDEK\n"))
    );
    let sha = json["sha"].as_str().unwrap();
    assert_eq!(scene.get(&format!("/repos/acme/shop/git/blobs/{sha}")).await.json()["content"], "eCA9IDEK\n");
    let folder = scene.send("GET", "/repos/acme/shop/contents/src", &raw, None).await.unwrap();
    assert_eq!(folder.header("content-type"), "application/json; charset=utf-8");
    assert_eq!(folder.json()[0]["path"], "src/a b.py");
    for missing in ["contents/nope.py", "contents/app.py?ref=nowhere", "contents/%2e%2e/app.py", "contents/a/../app.py"]
    {
        assert_eq!(scene.get(&format!("/repos/acme/shop/{missing}")).await.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn comments_are_created_changed_and_deleted() {
    let scene = Scene::new();
    let created = scene.comment("one").await;
    let comment = created.json();
    assert_eq!((created.status, &comment["body"]), (201, &json!("one")));
    assert_eq!(comment["user"]["login"], "eco-coder[bot]");
    let path = format!("/repos/acme/shop/issues/comments/{}", comment["id"]);
    assert_eq!(comment["html_url"], format!("http://forge.test/acme/shop/pull/1#issuecomment-{}", comment["id"]));
    scene.env.advance(std::time::Duration::from_secs(5));
    let changed = scene.call("PATCH", &path, Some(json!({ "body": "two" }))).await.json();
    assert_eq!(
        (&changed["created_at"], &changed["updated_at"]),
        (&json!("2026-03-01T12:00:00Z"), &json!("2026-03-01T12:00:05Z"))
    );
    assert_eq!(scene.get(&path).await.json()["body"], "two");
    assert_eq!(scene.call("DELETE", &path, None).await.status, 204);
    assert_eq!(scene.call("DELETE", &path, None).await.status, 404);
    assert_eq!(scene.call("PATCH", &path, Some(json!({ "body": "x" }))).await.status, 404);
    assert!(scene.bodies().is_empty());
}

#[tokio::test]
async fn comments_over_65536_characters_are_refused_whatever_their_bytes() {
    let scene = Scene::new();
    for (character, length, wanted) in
        [("x", 65_536, 201), ("\u{1f331}", 65_536, 201), ("x", 65_537, 422), ("\u{e4}", 65_537, 422)]
    {
        let reply = scene.comment(&character.repeat(length)).await;
        assert_eq!(reply.status, wanted, "{length} {character}");
        if wanted == 422 {
            let error = &reply.json()["errors"][0];
            assert_eq!(error["message"], "Body is too long (maximum is 65536 characters)");
        }
    }
    for bad in [json!({}), json!({ "body": 1 }), json!({ "body": " \n" })] {
        let reply = scene.call("POST", "/repos/acme/shop/issues/1/comments", Some(bad.clone())).await;
        assert_eq!(reply.status, 422, "{bad}");
    }
    assert_eq!(scene.bodies().len(), 2);
}

#[tokio::test]
async fn the_newest_status_of_a_context_counts() {
    let scene = Scene::new();
    let head = scene.forge.pull(&scene.repo, scene.number).unwrap().head_sha;
    let path = format!("/repos/acme/shop/statuses/{head}");
    for (state, wanted) in [("pending", 201), ("success", 201), ("done", 422)] {
        let body = json!({ "state": state, "context": "eco-coder", "description": "3 findings" });
        assert_eq!(scene.call("POST", &path, Some(body)).await.status, wanted, "{state}");
    }
    let list = scene.get(&format!("/repos/acme/shop/commits/{head}/statuses")).await.json();
    assert_eq!((&list[0]["state"], &list[1]["state"]), (&json!("success"), &json!("pending")));
    let combined = scene.get("/repos/acme/shop/commits/topic/status").await.json();
    assert_eq!((&combined["state"], &combined["total_count"]), (&json!("success"), &json!(1)));
    let unknown = format!("/repos/acme/shop/statuses/{}", "0".repeat(40));
    assert_eq!(scene.call("POST", &unknown, Some(json!({ "state": "success" }))).await.status, 422);
}

#[tokio::test]
async fn a_repository_is_found_by_number_and_by_its_old_name() {
    let scene = Scene::new();
    let id = scene.get("/repos/ACME/Shop").await.json()["id"].clone();
    assert_eq!(scene.get(&format!("/repositories/{id}")).await.json()["full_name"], "acme/shop");
    assert_eq!(scene.get(&format!("/api/v3/repositories/{id}/pulls/1")).await.json()["number"], 1);
    scene.forge.rename_repository(&scene.repo, &"acme/store".parse().unwrap()).unwrap();
    let moved = scene.get("/repos/acme/shop/pulls/1").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, &*format!("http://forge.test/repositories/{id}/pulls/1"))
    );
    assert_eq!(scene.get("/repos/acme/store/pulls/1").await.status, 200);
    assert_eq!(scene.get("/repos/acme/unknown").await.status, 404);
}

#[tokio::test]
async fn every_answer_tells_the_rate_limit_and_unchanged_ones_are_304() {
    let scene = Scene::new();
    let reply = scene.get("/repos/acme/shop/pulls/1").await;
    assert_eq!((reply.header("x-ratelimit-limit"), reply.header("x-ratelimit-remaining")), ("15000", "14999"));
    assert_eq!(reply.header("x-ratelimit-reset"), "1772370000");
    assert_eq!(scene.get("/rate_limit").await.json()["resources"]["core"]["used"], 1);
    let known = [("authorization", "Bearer token"), ("if-none-match", reply.header("etag"))];
    let again = scene.send("GET", "/repos/acme/shop/pulls/1", &known, None).await.unwrap();
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn the_log_has_every_call_in_order() {
    let scene = Scene::new();
    scene.get("/repos/acme/shop/issues/1/comments?per_page=5&x=a%26b").await;
    scene.comment("hello").await;
    let requests = scene.forge.requests();
    assert_eq!(requests[0].query[1], ("x".to_owned(), "a&b".to_owned()));
    let write = requests.iter().find(|request| request.is_write()).unwrap();
    assert_eq!((&*write.method, &*write.path, write.status), ("POST", "/repos/acme/shop/issues/1/comments", Some(201)));
    assert_eq!(write.body, Some(json!({ "body": "hello" })));
}

#[tokio::test]
async fn pushes_labels_and_closing_wake_those_who_wait() {
    let scene = Scene::new();
    let waiting = tokio::spawn({
        let (forge, repo, number) = (scene.forge.clone(), scene.repo.clone(), scene.number);
        async move { forge.wait_for(|forge| forge.pull(&repo, number).ok().filter(|pull| !pull.open)).await }
    });
    scene.forge.label(&scene.repo, scene.number, "x").unwrap();
    scene.forge.merge(&scene.repo, scene.number).unwrap();
    let pull = waiting.await.unwrap();
    assert_eq!((pull.merged, pull.labels), (true, vec!["x".to_owned()]));
    scene.forge.reopen(&scene.repo, scene.number).unwrap();
    assert_eq!(scene.forge.pull(&scene.repo, scene.number).unwrap().closed_at, None);
}
