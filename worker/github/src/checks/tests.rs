use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::SystemEnv;

use super::*;
use crate::auth::Auth;
use crate::client::Settings;
use crate::testing::{FakeGitHub, answer};

const WHICH: CheckName<'static> = CheckName { name: "eco-coder", external_id: "eco-coder:1:7:3" };

fn github(fake: &Arc<FakeGitHub>) -> GitHub {
    let settings = Settings { write_interval: Duration::ZERO, ..Settings::default() };
    GitHub::new(Arc::clone(fake) as _, Auth::Anonymous, Arc::new(SystemEnv), settings)
}

fn text(state: CheckState) -> CheckText {
    CheckText { state, title: "t".to_owned(), summary: "s".to_owned(), details_url: None }
}

#[tokio::test]
async fn a_check_run_is_created_with_its_names_and_changed_without_them() {
    let fake = FakeGitHub::new();
    let (github, repo, sha) = (github(&fake), "o/r".parse().unwrap(), "a".repeat(40).parse().unwrap());
    let made = json!({ "id": 41, "name": "eco-coder", "external_id": "eco-coder:1:7:3", "status": "in_progress" });
    fake.answer(Method::Post, "/repos/o/r/check-runs", answer(201, &made));
    fake.answer(Method::Patch, "/repos/o/r/check-runs/41", answer(200, &made));
    let id = github.create_check(&repo, &sha, WHICH, &text(CheckState::InProgress)).await.unwrap();
    let done = CheckText {
        details_url: Some("https://github.test/o/r/pull/3".to_owned()),
        ..text(CheckState::Completed(Conclusion::Neutral))
    };
    github.update_check(&repo, id, &done).await.unwrap();
    let sent: Vec<Value> = fake.sent().into_iter().filter_map(|sent| sent.body).collect();
    let output = json!({ "title": "t", "summary": "s" });
    assert_eq!(
        sent,
        [
            json!({"name": "eco-coder", "head_sha": "a".repeat(40), "external_id": "eco-coder:1:7:3",
                   "status": "in_progress", "output": output}),
            json!({"status": "completed", "conclusion": "neutral", "output": output,
                   "details_url": "https://github.test/o/r/pull/3"}),
        ]
    );
}

#[tokio::test]
async fn of_ours_the_newest_is_found_and_never_another_s() {
    let fake = FakeGitHub::new();
    let (github, repo, sha) = (github(&fake), "o/r".parse().unwrap(), "a".repeat(40).parse().unwrap());
    let path = format!("/repos/o/r/commits/{sha}/check-runs");
    let one = |id: u64, name: &str, external: Value| json!({ "id": id, "name": name, "external_id": external });
    let runs = json!([
        one(9, "eco-coder", json!("eco-coder:1:7:4")),
        one(8, "other", json!("eco-coder:1:7:3")),
        one(7, "eco-coder", Value::Null),
        one(5, "eco-coder", json!("eco-coder:1:7:3")),
        one(6, "eco-coder", json!("eco-coder:1:7:3")),
    ]);
    fake.answer(Method::Get, &path, answer(200, &json!({ "total_count": 5, "check_runs": runs })));
    assert_eq!(github.find_check(&repo, &sha, WHICH).await, Ok(Some(6)));
    let sent = &fake.sent()[0].path;
    assert!(sent.ends_with("?check_name=eco-coder&filter=all&per_page=100"), "{sent}");
    let nobody = CheckName { external_id: "eco-coder:1:7:5", ..WHICH };
    assert_eq!(github.find_check(&repo, &sha, nobody).await, Ok(None));
}

#[test]
fn a_check_run_s_words_are_sent_whole_up_to_their_bounds_and_cut_one_past_them() {
    for (title, summary) in [(MAX_TITLE, MAX_SUMMARY), (MAX_TITLE + 1, MAX_SUMMARY + 1)] {
        let text = CheckText { title: "é".repeat(title), summary: "é".repeat(summary), ..text(CheckState::Queued) };
        let output = &body(&text)["output"];
        let length = |name: &str| output[name].as_str().unwrap().chars().count();
        assert_eq!((length("title"), length("summary")), (MAX_TITLE, MAX_SUMMARY));
        let whole = output["summary"] == text.summary.as_str();
        assert_eq!(whole, summary == MAX_SUMMARY);
    }
}
