use std::sync::Arc;

use eco_coder_shared::env::SystemEnv;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::Auth;
use crate::client::Settings;
use crate::testing::{FakeGitHub, answer, answer_with};
use crate::transport::Response;

async fn read(answer: Response, max_bytes: usize) -> Result<Content, ApiError> {
    let fake = FakeGitHub::new();
    fake.answer(Method::Get, "/repos/o/r/contents/a%20b/c.rs", answer);
    let github = GitHub::new(fake, Auth::Anonymous, Arc::new(SystemEnv), Settings::default());
    let sha = "a".repeat(40).parse().unwrap();
    github.content(&"o/r".parse().unwrap(), "a b/c.rs", &sha, max_bytes).await
}

fn raw(body: &'static [u8]) -> Response {
    let headers = [("content-type", "application/vnd.github.raw+json; charset=utf-8")].into_iter().collect();
    Response { status: 200, headers, body: Bytes::from_static(body) }
}

#[tokio::test]
async fn a_file_is_its_bytes_up_to_the_limit() {
    assert_eq!(read(raw(b"fn\xff"), 3).await, Ok(Content::Found(Bytes::from_static(b"fn\xff"))));
    assert_eq!(read(raw(b"fn\xff"), 2).await, Ok(Content::TooLarge));
    assert_eq!(
        read(raw(b"{\"type\":\"dir\"}"), 100).await,
        Ok(Content::Found(Bytes::from_static(b"{\"type\":\"dir\"}")))
    );
}

#[tokio::test]
async fn what_is_no_file_or_too_large_for_github_is_an_answer() {
    let json_type = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(read(answer_with(200, &json_type, &json!({ "type": "submodule" })), 100).await, Ok(Content::NotAFile));
    assert_eq!(read(answer(404, &json!({})), 100).await, Ok(Content::NotFound));
    let too_large =
        json!({ "message": "This API returns blobs up to 100 MB in size.", "errors": [{ "code": "too_large" }] });
    assert_eq!(read(answer(403, &too_large), 100).await, Ok(Content::TooLarge));
    assert!(matches!(read(answer(403, &json!({ "message": "no" })), 100).await, Err(ApiError::Forbidden { .. })));
}

#[tokio::test]
async fn paths_that_git_cannot_have_are_never_asked_for() {
    let fake = FakeGitHub::new();
    let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), Settings::default());
    let long = "x".repeat(5000);
    for path in ["", "/", "/etc/passwd", "a/", "a//b", ".", "..", "../../../user", "a/../b", "a/.", "a\0b", &long] {
        let sha = "a".repeat(40).parse().unwrap();
        let content = github.content(&"o/r".parse().unwrap(), path, &sha, 100).await;
        assert_eq!(content, Ok(Content::NotAFile), "{path:?}");
    }
    assert_eq!(fake.sent(), []);
    let longest = "x".repeat(MAX_PATH);
    assert!(encode(&longest).is_some() && encode(&format!("{longest}x")).is_none());
}

#[test]
fn hostile_names_stay_one_segment() {
    for (path, encoded) in [
        ("a/b.rs", "a/b.rs"),
        ("%2e%2e/x", "%252e%252e/x"),
        ("a#b?c=d&e", "a%23b%3Fc%3Dd%26e"),
        ("..\\x", "..%5Cx"),
        ("a\nb\r\t", "a%0Ab%0D%09"),
        ("...", "..."),
        ("é", "%C3%A9"),
        ("@:;~_-", "%40%3A%3B~_-"),
    ] {
        assert_eq!(encode(path).as_deref(), Some(encoded), "{path:?}");
    }
}

proptest! {
    #[test]
    fn an_encoded_path_means_the_same_path_to_a_url_parser(path in "[a./%#?\\\\ \n\u{e9}:@+&]{1,12}") {
        if let Some(encoded) = encode(&path) {
            let url = reqwest::Url::parse(&format!("https://h/contents/{encoded}")).unwrap();
            prop_assert_eq!(url.path(), format!("/contents/{encoded}"));
            prop_assert_eq!((url.query(), url.fragment()), (None, None));
            let decoded = percent_encoding::percent_decode_str(&encoded).decode_utf8().unwrap().into_owned();
            prop_assert_eq!(decoded, path);
        }
    }
}
