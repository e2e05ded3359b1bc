use std::sync::Arc;

use eco_coder_shared::env::SystemEnv;
use serde_json::{Value, json};

use super::*;
use crate::auth::Auth;
use crate::client::Settings;
use crate::testing::{FakeGitHub, answer, answer_with};

fn github() -> (Arc<FakeGitHub>, GitHub) {
    let fake = FakeGitHub::new();
    let github = GitHub::new(fake.clone(), Auth::Anonymous, Arc::new(SystemEnv), Settings::default());
    (fake, github)
}

fn repo() -> RepoName {
    "o/r".parse().unwrap()
}

fn seven() -> PullNumber {
    7.try_into().unwrap()
}

fn sha(digit: &str) -> CommitSha {
    digit.repeat(40).parse().unwrap()
}

fn wire_pull() -> Value {
    json!({
        "id": 99, "number": 7, "state": "closed", "merged": true, "draft": false, "title": "Café",
        "user": { "id": 5, "login": "renovate[bot]", "type": "Bot" },
        "head": { "sha": "a".repeat(40), "ref": "feature", "repo": null },
        "base": { "sha": "b".repeat(40), "ref": "main", "repo": { "id": 123, "full_name": "new/name" } },
        "labels": [{ "name": "skip" }, { "name": "x" }],
        "updated_at": "2026-01-02T03:04:05Z",
        "changed_files": 3, "additions": 10, "deletions": 4, "something_new": {},
    })
}

#[tokio::test]
async fn a_pull_request_is_read_whole() {
    let (fake, github) = github();
    fake.answer(Method::Get, "/repos/o/r/pulls/7", answer(200, &wire_pull()));
    let pull = github.pull(&repo(), seven()).await.unwrap();
    assert_eq!(
        pull,
        Pull {
            id: 99,
            number: seven(),
            state: PullState::Closed,
            merged: true,
            draft: false,
            title: "Café".to_owned(),
            author: User { id: 5, login: "renovate[bot]".to_owned(), is_bot: true },
            head_sha: sha("a"),
            head_ref: "feature".to_owned(),
            base_sha: sha("b"),
            base_ref: "main".to_owned(),
            base_repo_id: RepoId(123),
            base_repo: "new/name".parse().unwrap(),
            labels: vec!["skip".to_owned(), "x".to_owned()],
            updated_at: Timestamp::parse_rfc3339("2026-01-02T03:04:05Z").unwrap(),
            changed_files: 3,
            additions: 10,
            deletions: 4,
        }
    );
}

#[tokio::test]
async fn a_ghosts_pull_request_is_read_too() {
    let (fake, github) = github();
    let mut wire = wire_pull();
    wire["user"] = Value::Null;
    wire["merged"] = Value::Null;
    wire["head"]["sha"] = "c".repeat(64).into();
    fake.answer(Method::Get, "/repos/o/r/pulls/7", answer(200, &wire));
    let pull = github.pull(&repo(), seven()).await.unwrap();
    assert_eq!(pull.author, User { id: 0, login: "ghost".to_owned(), is_bot: false });
    assert!(!pull.merged);
}

#[tokio::test]
async fn ids_that_are_none_are_refused_at_the_border() {
    for (pointer, value) in [
        ("/head/sha", json!("HEAD")),
        ("/base/sha", json!("../..")),
        ("/base/repo/full_name", json!("a/../b")),
        ("/number", json!(0)),
        ("/state", json!("ajar")),
        ("/updated_at", json!("yesterday")),
    ] {
        let (fake, github) = github();
        let mut wire = wire_pull();
        *wire.pointer_mut(pointer).unwrap() = value;
        fake.answer(Method::Get, "/repos/o/r/pulls/7", answer(200, &wire));
        let error = github.pull(&repo(), seven()).await.unwrap_err();
        assert!(matches!(error, ApiError::Decode { .. }), "{pointer}: {error:?}");
    }
}

#[tokio::test]
async fn the_merge_base_is_the_comparisons() {
    let (fake, github) = github();
    let path = format!("/repos/o/r/compare/{}...{}", sha("b"), sha("a"));
    fake.answer(Method::Get, &path, answer(200, &json!({ "merge_base_commit": { "sha": "d".repeat(40) } })));
    assert_eq!(github.merge_base(&repo(), &sha("b"), &sha("a")).await, Ok(sha("d")));
    assert_eq!(github.merge_base(&repo(), &sha("a"), &sha("b")).await, Err(ApiError::NotFound));
}

fn wire_file(n: usize) -> Value {
    json!({ "filename": format!("f{n}"), "status": "modified", "additions": 1, "deletions": 1, "sha": "e".repeat(40),
            "patch": "@@ -1 +1 @@\n-a\n+b" })
}

/// Lists `count` files in pages of a hundred.
fn plant_files(fake: &FakeGitHub, count: usize) {
    let pages = count.div_ceil(100).max(1);
    for page in 1..=pages {
        let files: Vec<Value> = ((page - 1) * 100..count.min(page * 100)).map(wire_file).collect();
        let path = if page == 1 { "?per_page=100".to_owned() } else { format!("?page={page}") };
        let next = format!("<https://fake.test/repos/o/r/pulls/7/files?page={}>; rel=\"next\"", page + 1);
        let link: &[(&str, &str)] = if page < pages { &[("link", &next)] } else { &[] };
        fake.answer(Method::Get, &format!("/repos/o/r/pulls/7/files{path}"), answer_with(200, link, &files.into()));
    }
}

#[tokio::test]
async fn files_beyond_the_number_asked_for_are_named() {
    let (fake, github) = github();
    plant_files(&fake, 250);
    let list = github.pull_files(&repo(), seven(), 120, std::convert::identity).await.unwrap();
    assert_eq!((list.files.len(), list.left_out.len(), list.truncated), (120, 130, false));
    assert_eq!((list.files[119].path.as_str(), list.left_out[0].as_str()), ("f119", "f120"));
    assert_eq!(fake.sent().len(), 3);
}

#[tokio::test]
async fn a_list_as_long_as_github_makes_it_is_marked() {
    let (fake, github) = github();
    plant_files(&fake, 3100);
    let list = github.pull_files(&repo(), seven(), 10_000, std::convert::identity).await.unwrap();
    assert_eq!((list.files.len(), list.truncated), (3000, true));
}

#[tokio::test]
async fn odd_files_are_read() {
    let (fake, github) = github();
    let files = json!([
        { "filename": "new\nname", "previous_filename": "old", "status": "renamed", "additions": 0, "deletions": 0,
          "sha": "f".repeat(40) },
        { "filename": "sub", "status": "teleported", "additions": 1, "deletions": 1, "sha": null, "patch": "" },
    ]);
    fake.answer(Method::Get, "/repos/o/r/pulls/7/files", answer(200, &files));
    let list = github.pull_files(&repo(), seven(), 10, std::convert::identity).await.unwrap();
    assert_eq!(list.files[0].status, FileStatus::Renamed);
    assert_eq!(list.files[0].previous_path.as_deref(), Some("old"));
    assert_eq!(list.files[0].patch, None);
    assert_eq!((list.files[1].status, &list.files[1].blob_sha), (FileStatus::Other, &None));
}

#[tokio::test]
async fn a_next_page_on_another_server_is_not_followed() {
    let (fake, github) = github();
    let link = [("link", "<https://evil.test/repos/o/r/pulls/7/files?page=2>; rel=\"next\"")];
    fake.answer(Method::Get, "/repos/o/r/pulls/7/files", answer_with(200, &link, &json!([])));
    let error = github.pull_files(&repo(), seven(), 10, std::convert::identity).await.unwrap_err();
    assert!(matches!(error, ApiError::Blocked { .. }), "{error:?}");
}

#[tokio::test]
async fn a_list_that_never_ends_is_left_and_marked() {
    let (fake, github) = github();
    let link = [("link", "<https://fake.test/repos/o/r/pulls/7/files>; rel=\"next\"")];
    fake.answer(Method::Get, "/repos/o/r/pulls/7/files", answer_with(200, &link, &json!([])));
    let list = github.pull_files(&repo(), seven(), 10, std::convert::identity).await.unwrap();
    assert!(list.truncated);
    assert_eq!(fake.sent().len(), 30);
}
