use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::SystemEnv;

use super::*;
use crate::auth::Auth;
use crate::client::Settings;
use crate::testing::{FakeGitHub, answer, answer_with};

const LIST: &str = "/repos/o/r/issues/7/comments";

fn github() -> (Arc<FakeGitHub>, GitHub) {
    let fake = FakeGitHub::new();
    let settings = Settings { write_interval: Duration::ZERO, ..Settings::default() };
    let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), settings);
    (fake, github)
}

fn repo() -> RepoName {
    "o/r".parse().unwrap()
}

fn seven() -> PullNumber {
    7.try_into().unwrap()
}

#[tokio::test]
async fn a_comment_lives_and_dies() {
    let (fake, github) = github();
    let created = github.create_comment(&repo(), seven(), "one 🌱").await.unwrap();
    assert_eq!((created.author_id, created.body.as_str()), (FakeGitHub::ME, "one 🌱"));
    let updated = github.update_comment(&repo(), created.id, "two").await.unwrap();
    assert_eq!(github.comment(&repo(), created.id).await, Ok(updated));
    github.delete_comment(&repo(), created.id).await.unwrap();
    assert_eq!(github.delete_comment(&repo(), created.id).await, Err(ApiError::NotFound));
    assert_eq!(github.update_comment(&repo(), created.id, "three").await, Err(ApiError::NotFound));
    assert_eq!(fake.comments(), []);
}

#[tokio::test]
async fn a_comment_on_page_seven_is_found() {
    let (fake, github) = github();
    for n in 0..650 {
        fake.comment_by(2, LIST, &format!("chatter {n}"));
    }
    let ours = fake.comment_by(FakeGitHub::ME, LIST, "marker");
    fake.comment_by(2, "/repos/o/r/issues/8/comments", "elsewhere");
    let comments = github.comments(&repo(), seven()).await.unwrap();
    assert_eq!(comments.len(), 651);
    assert_eq!(comments[650].id, ours);
    assert_eq!(fake.sent().len(), 7);
    assert_eq!(fake.sent()[6].path, format!("{LIST}?per_page=100&page=7"));
}

#[tokio::test]
async fn a_part_of_the_comments_is_not_taken_for_all() {
    let (fake, github) = github();
    // A list whose next page is always itself.
    let link = [("link", "<https://fake.test/repos/o/r/issues/7/comments>; rel=\"next\"")];
    fake.answer(Method::Get, LIST, answer_with(200, &link, &json!([])));
    assert!(matches!(github.comments(&repo(), seven()).await, Err(ApiError::TooLarge { .. })));
    assert_eq!(fake.sent().len(), 100);
}

#[tokio::test]
async fn a_ghosts_empty_comment_is_read() {
    let (fake, github) = github();
    let at = "2026-01-01T00:00:00Z";
    let wire = json!([{ "id": 1, "user": null, "body": null, "created_at": at, "updated_at": at }]);
    fake.answer(Method::Get, LIST, answer(200, &wire));
    let comments = github.comments(&repo(), seven()).await.unwrap();
    assert_eq!((comments[0].author_id, comments[0].body.as_str()), (0, ""));
}

#[tokio::test]
async fn a_listed_comment_has_the_beginning_of_its_body_and_one_read_alone_has_all() {
    let (fake, github) = github();
    for length in [MAX_LISTED_BODY, MAX_LISTED_BODY + 1, 65_536] {
        let id = fake.comment_by(2, LIST, &"é".repeat(length));
        assert_eq!(github.comment(&repo(), id).await.unwrap().body.chars().count(), length);
    }
    let lengths: Vec<usize> =
        github.comments(&repo(), seven()).await.unwrap().iter().map(|c| c.body.chars().count()).collect();
    assert_eq!(lengths, [MAX_LISTED_BODY; 3]);
}
