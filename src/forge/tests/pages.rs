use super::*;

#[tokio::test]
async fn a_pull_request_is_shown_and_nothing_in_it_acts() {
    let scene = Scene::new();
    let hostile = r#"<script>alert(1)</script><img src=x onerror="alert(1)">"#;
    let pull = NewPull { body: hostile.to_owned(), author: "eve".to_owned(), ..NewPull::new(hostile, "topic") };
    let number = scene.forge.open_pull(&scene.repo, pull).unwrap();
    scene.forge.add_comment_as(&scene.repo, number, "mallory", &format!("hi {hostile}\n\n{hostile}")).unwrap();
    scene
        .forge
        .add_comment_as(&scene.repo, number, "eco-coder[bot]", "### Fine\n\n<!-- marker -->\n\n| a |\n|---|\n| 1 |")
        .unwrap();
    let page = scene.send("GET", &format!("/acme/shop/pull/{number}"), &[], None).await.unwrap();
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert_eq!(page.status, 200);
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(!html.contains("marker"), "{html}");
    assert!(html.contains("<h3>Fine</h3>") && html.contains("<td>1</td>") && html.contains("eve"), "{html}");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
    let index = scene.send("GET", "/", &[], None).await.unwrap();
    let html = String::from_utf8(index.body).unwrap();
    assert!(html.contains("/acme/shop/pull/1") && !html.contains("<script"), "{html}");
}

#[tokio::test]
async fn what_isnt_there_is_a_page_too() {
    let scene = Scene::new();
    for path in ["/acme/shop/pull/99", "/acme/shop/pull/x", "/acme", "/a/b/c/d/e", "/%ff", "/acme/..%2f/pull/1"] {
        assert_eq!(scene.send("GET", path, &[], None).await.unwrap().status, 404, "{path}");
    }
    assert_eq!(scene.send("POST", "/acme/shop/pull/1", &[], None).await.unwrap().status, 405);
}
