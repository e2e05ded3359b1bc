use std::sync::Arc;

use eco_coder_shared::env::SystemEnv;

use super::*;
use crate::auth::Auth;
use crate::client::Settings;
use crate::testing::{FakeGitHub, answer, answer_with};

#[tokio::test]
async fn a_status_is_set_with_a_short_description_and_found_again() {
    let fake = FakeGitHub::new();
    let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), Settings::default());
    let repo = "o/r".parse().unwrap();
    let sha: CommitSha = "a".repeat(40).parse().unwrap();
    fake.answer(Method::Post, &format!("/repos/o/r/statuses/{sha}"), answer(201, &json!({})));
    let newest_first = json!([
        { "state": "success", "context": "other", "description": null, "target_url": null },
        { "state": "failure", "context": "eco-coder", "description": "new", "target_url": null },
        { "state": "pending", "context": "eco-coder", "description": "old", "target_url": null },
    ]);
    fake.answer(Method::Get, &format!("/repos/o/r/commits/{sha}/statuses"), answer(200, &newest_first));

    let status = Status {
        state: StatusState::Success,
        context: "eco-coder".to_owned(),
        description: Some("é".repeat(141)),
        target_url: None,
    };
    github.create_status(&repo, &sha, &status).await.unwrap();
    let body = fake.sent()[0].body.clone().unwrap();
    assert_eq!(body["state"], "success");
    assert_eq!(body["description"].as_str().unwrap().chars().count(), 140);
    assert_eq!(body.get("target_url"), None);

    let found = github.status(&repo, &sha, "eco-coder").await.unwrap().unwrap();
    assert_eq!((found.state, found.description.as_deref()), (StatusState::Failure, Some("new")));
    assert_eq!(github.status(&repo, &sha, "nobody").await, Ok(None));
}

#[test]
fn a_description_is_sent_whole_up_to_the_bound_and_cut_one_past_it() {
    assert_eq!(cut(&"é".repeat(MAX_DESCRIPTION), MAX_DESCRIPTION), "é".repeat(MAX_DESCRIPTION));
    let over = cut(&"é".repeat(MAX_DESCRIPTION + 1), MAX_DESCRIPTION);
    assert_eq!(over.chars().count(), MAX_DESCRIPTION);
}

#[tokio::test]
async fn a_list_of_statuses_that_never_ends_is_left() {
    let fake = FakeGitHub::new();
    let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), Settings::default());
    let sha: CommitSha = "a".repeat(40).parse().unwrap();
    let path = format!("/repos/o/r/commits/{sha}/statuses");
    let link = format!("<https://fake.test{path}>; rel=\"next\"");
    fake.answer(Method::Get, &path, answer_with(200, &[("link", &link)], &json!([])));
    assert_eq!(github.status(&"o/r".parse().unwrap(), &sha, "eco-coder").await, Ok(None));
    assert_eq!(fake.sent().len(), MAX_PAGES);
}
