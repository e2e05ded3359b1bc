use std::sync::Arc;

use eco_coder_shared::env::{ManualEnv, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::auth::Auth;
use crate::client::Settings;
use crate::testing::{FakeGitHub, Fault, answer_with};
use crate::transport::Method;

const NOW: Timestamp = Timestamp(1_700_000_000_000);

fn github(fake: &Arc<FakeGitHub>) -> GitHub {
    GitHub::new(fake.clone(), Auth::token("t".into()), Arc::new(ManualEnv::new(NOW, 1)), Settings::default())
}

fn pull(number: u64) -> Value {
    json!({
        "number": number, "draft": false, "user": {"id": 5, "login": "renovate[bot]", "type": "Bot"},
        "head": {"sha": "a".repeat(40), "ref": "x"}, "labels": [{"name": "wip"}], "updated_at": "2023-11-14T22:00:00Z",
        "base": {"sha": "b".repeat(40), "ref": "main", "repo": {"id": 9, "full_name": "o/r"}},
    })
}

#[tokio::test]
async fn what_is_known_is_asked_for_by_its_tag_and_not_read_again() {
    let fake = FakeGitHub::new();
    let repo = "o/r".parse().unwrap();
    let next = "https://github.test/repositories/9/pulls?page=2";
    let link = format!("<{next}>; rel=\"next\"");
    let headers = [("etag", "W/\"1\""), ("link", link.as_str()), ("x-ratelimit-limit", "5000")];
    let left = [("x-ratelimit-remaining", "900"), ("x-ratelimit-reset", "1700000600")];
    fake.fault(Method::Get, Fault::Answer(answer_with(200, &[headers.as_slice(), &left].concat(), &json!([pull(3)]))));
    fake.fault(Method::Get, Fault::Answer(answer_with(304, &[], &Value::Null)));
    let github = github(&fake);
    let Seen::Fresh(page) = github.open_pulls(&repo, None, None).await.unwrap() else { panic!("not fresh") };
    assert_eq!((page.tag.as_deref(), page.next.as_deref()), (Some("W/\"1\""), Some(next)));
    assert!(page.items[0].author.is_bot && page.items[0].labels == ["wip"], "{:?}", page.items);
    let quota = github.quota(&crate::Caller::Repository(repo.clone())).unwrap();
    assert_eq!((quota.limit, quota.remaining), (5000, 900));
    assert!(quota.is_below(20, NOW) && !quota.is_below(18, NOW));
    assert_eq!(github.open_pulls(&repo, None, page.tag.as_deref()).await.unwrap(), Seen::Unchanged);
    assert_eq!(fake.sent()[0].path, "/repos/o/r/pulls?state=open&sort=updated&direction=desc&per_page=100");
}

#[tokio::test]
async fn nothing_changed_is_no_answer_to_whoever_knows_nothing() {
    let fake = FakeGitHub::new();
    fake.fault(Method::Get, Fault::Answer(answer_with(304, &[], &Value::Null)));
    let unasked = github(&fake).open_pulls(&"o/r".parse().unwrap(), None, None).await;
    assert!(matches!(unasked, Err(ApiError::Refused { status: 304, .. })), "{unasked:?}");
}

#[tokio::test]
async fn tags_and_links_beyond_their_bounds_are_as_if_they_were_not_there() {
    let fake = FakeGitHub::new();
    let (tag, link) =
        ("t".repeat(MAX_TAG + 1), format!("<https://github.test/{}>; rel=\"next\"", "x".repeat(MAX_LINK)));
    let headers = [("etag", tag.as_str()), ("link", link.as_str())];
    fake.fault(Method::Get, Fault::Answer(answer_with(200, &headers, &json!([]))));
    let Seen::Fresh(page) = github(&fake).open_pulls(&"o/r".parse().unwrap(), None, None).await.unwrap() else {
        panic!("not fresh")
    };
    assert_eq!((page.tag, page.next), (None, None));
}
