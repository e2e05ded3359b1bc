//! The decision over made payloads, odd JSON included. The real payloads go through the whole server, in its tests.

use eco_coder_shared::policy::PolicyConfig;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn payload(action: &str) -> Value {
    json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "number": 7,
            "draft": false,
            "state": "open",
            "updated_at": "2025-10-19T10:30:45Z",
            "title": "never read",
            "head": {"ref": "topic", "sha": "ec26c3e57ca3a959ca5aad62de7213c562f8c821"},
            "user": {"login": "octocat", "type": "User"},
            "labels": [],
        },
        "repository": {"id": 186_853_002, "full_name": "octo-org/hello", "private": false},
        "sender": {"login": "octocat"},
    })
}

fn with(action: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut payload = payload(action);
    change(&mut payload);
    payload
}

fn arrival() -> Arrival {
    Arrival { id: "f".repeat(32), at: Timestamp(1_000), delivery: Some("72d3162e-cc78-11e3".parse().unwrap()) }
}

fn decide_bytes(event: &str, body: impl Into<Vec<u8>>, policy: PolicyConfig) -> Result<Decision, Refusal> {
    let policy = Policy::new(policy).unwrap();
    decide(event, &SignedBody::for_test(body.into()), &policy, &arrival())
}

fn decided(payload: &Value) -> Decision {
    decide_bytes("pull_request", payload.to_string(), PolicyConfig::default()).unwrap()
}

fn under(policy: PolicyConfig, payload: &Value) -> Decision {
    decide_bytes("pull_request", payload.to_string(), policy).unwrap()
}

fn cause_of(decision: &Decision) -> Option<Cause> {
    match decision {
        Decision::Review(job) => Some(job.cause),
        _ => None,
    }
}

#[test]
fn a_job_carries_ids_and_nothing_else_of_the_payload() {
    let Decision::Review(job) = decided(&payload("synchronize")) else { panic!("no job") };
    let expected = Job {
        id: "f".repeat(32),
        repo_id: RepoId(186_853_002),
        repo: "octo-org/hello".parse().unwrap(),
        pull: PullNumber::try_from(7).unwrap(),
        cause: Cause::Synchronize,
        head: Some("ec26c3e57ca3a959ca5aad62de7213c562f8c821".parse().unwrap()),
        updated_at: Timestamp::parse_rfc3339("2025-10-19T10:30:45Z"),
        accepted_at: Timestamp(1_000),
        rereads: 0,
        redriven_at: None,
        nonce: None,
        not_before: None,
        delivery: Some("72d3162e-cc78-11e3".parse().unwrap()),
        traceparent: None,
    };
    assert_eq!(*job, expected);
}

#[test]
fn the_actions_that_matter_become_jobs() {
    for (action, cause) in [
        ("opened", Cause::Opened),
        ("synchronize", Cause::Synchronize),
        ("reopened", Cause::Reopened),
        ("ready_for_review", Cause::ReadyForReview),
        ("closed", Cause::Closed),
        ("converted_to_draft", Cause::ConvertedToDraft),
    ] {
        assert_eq!(cause_of(&decided(&payload(action))), Some(cause));
    }
}

#[test]
fn an_edit_matters_only_if_the_base_changed() {
    let title = with("edited", |p| p["changes"] = json!({"title": {"from": "x"}}));
    assert_eq!(decided(&title), Decision::Ignore("the edit did not change the base branch"));
    assert_eq!(decided(&payload("edited")), Decision::Ignore("the edit did not change the base branch"));
    let base = with("edited", |p| p["changes"] = json!({"base": {"ref": {"from": "main"}, "sha": {"from": "0"}}}));
    assert_eq!(cause_of(&decided(&base)), Some(Cause::BaseChanged));
}

#[test]
fn an_unlabeling_matters_only_if_it_was_the_last_skip_label() {
    let other = with("unlabeled", |p| p["label"] = json!({"name": "bug"}));
    assert!(matches!(decided(&other), Decision::Ignore(reason) if reason.contains("not the skip label")));
    let skip = with("unlabeled", |p| p["label"] = json!({"name": "ECO-coder-skip"}));
    assert_eq!(cause_of(&decided(&skip)), Some(Cause::Unlabeled));
}

#[test]
fn a_workflow_that_ended_is_a_hint_for_its_pull_request() {
    let run = |pulls: Value| {
        json!({
            "action": "completed", "workflow_run": {"head_sha": "a".repeat(40), "pull_requests": pulls, "id": 1},
            "repository": {"id": 186_853_002, "full_name": "octo-org/hello"},
        })
        .to_string()
    };
    let pull = |number: u64, repository: u64| json!({"number": number, "base": {"repo": {"id": repository}}});
    let decide = |text: &str| decide_bytes("workflow_run", text, PolicyConfig::default());
    let Ok(Decision::Review(job)) = decide(&run(json!([pull(3, 5), pull(7, 186_853_002)]))) else { panic!("no job") };
    assert_eq!((job.pull.get(), job.cause, job.updated_at), (7, Cause::CiFinished, None));
    assert_eq!(job.head.unwrap().as_str(), "a".repeat(40));
    for none in [json!([]), json!(null), json!([pull(3, 5)])] {
        assert!(matches!(decide(&run(none)), Ok(Decision::Ignore(reason)) if reason.contains("no pull request")));
    }
    let requested = run(json!([pull(7, 186_853_002)])).replace("completed", "requested");
    assert_eq!(decide(&requested), Ok(Decision::Ignore("the workflow has not ended")));
    assert!(decide(&run(json!([{"number": "x"}]))).is_err());
    assert!(decide(r#"{"action": "completed"}"#).is_err());
    let elsewhere = PolicyConfig { repositories: vec!["acme/*".to_owned()], ..PolicyConfig::default() };
    let refused = decide_bytes("workflow_run", run(json!([pull(7, 186_853_002)])), elsewhere);
    assert!(matches!(refused, Ok(Decision::Ignore(_))));
}

fn check(event: &str, action: &str, fields: &Value) -> String {
    let mut check = json!({"id": 1, "head_sha": "a".repeat(40), "app": {"id": 3}, "pull_requests": []});
    check.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({"action": action, event: check, "repository": {"id": 186_853_002, "full_name": "octo-org/hello"}})
        .to_string()
}

#[test]
fn whoever_presses_re_run_gets_a_review_that_nothing_stored_answers_with_its_attempts_afresh() {
    let body = check("check_run", "rerequested", &json!({"external_id": "eco-coder:1:186853002:7"}));
    let Ok(Decision::Review(job)) = decide_bytes("check_run", body, PolicyConfig::default()) else { panic!("no job") };
    let expected = Job {
        head: Some("a".repeat(40).parse().unwrap()),
        redriven_at: Some(Timestamp(1_000)),
        nonce: Some("f".repeat(32)),
        ..hint(
            PullKey { repo_id: RepoId(186_853_002), pull: PullNumber::try_from(7).unwrap() },
            "octo-org/hello".parse().unwrap(),
            Cause::Rerequested,
            &arrival(),
        )
    };
    assert_eq!(*job, expected);
}

#[test]
fn a_check_run_that_is_not_ours_or_of_this_repository_is_none_of_our_business() {
    let pulls = json!([{"number": 7, "base": {"repo": {"id": 186_853_002}}}]);
    for id in [json!(null), json!(""), json!("7"), json!("eco-coder:1:5:7"), json!("eco-coder:1:186853002:0")] {
        let body = check("check_run", "rerequested", &json!({"external_id": id, "pull_requests": pulls}));
        let decision = decide_bytes("check_run", body, PolicyConfig::default());
        assert!(matches!(decision, Ok(Decision::Ignore(reason)) if reason.contains("not one of")), "{id}");
    }
    let without = check("check_run", "rerequested", &json!({ "pull_requests": pulls }));
    assert!(matches!(decide_bytes("check_run", without, PolicyConfig::default()), Ok(Decision::Ignore(_))));
}

#[test]
fn a_suite_is_asked_for_again_by_the_pull_request_that_github_names() {
    let suite = |pulls: Value| check("check_suite", "rerequested", &json!({ "pull_requests": pulls }));
    let decide = |body: String| decide_bytes("check_suite", body, PolicyConfig::default());
    let pull = |number: u64, repository: u64| json!({"number": number, "base": {"repo": {"id": repository}}});
    let Ok(Decision::Review(job)) = decide(suite(json!([pull(3, 5), pull(7, 186_853_002)]))) else { panic!("no job") };
    assert_eq!((job.pull.get(), job.cause, job.nonce.is_some()), (7, Cause::Rerequested, true));
    for none in [json!([]), json!(null), json!([pull(3, 5)])] {
        assert!(
            matches!(decide(suite(none)), Ok(Decision::Ignore(reason)) if reason.contains("re-run the check itself"))
        );
    }
}

#[test]
fn what_else_happens_to_checks_is_ignored_and_odd_checks_are_refused() {
    for (event, action) in [
        ("check_run", "created"),
        ("check_run", "completed"),
        ("check_run", "requested_action"),
        ("check_suite", "requested"),
        ("check_suite", "completed"),
    ] {
        let body = check(event, action, &json!({"external_id": "eco-coder:1:186853002:7"}));
        let ignored = decide_bytes(event, body, PolicyConfig::default());
        assert_eq!(ignored, Ok(Decision::Ignore("nobody asked for a check again")), "{event} {action}");
    }
    let ours = json!({"external_id": "eco-coder:1:186853002:7"});
    let body = check("check_run", "rerequested", &ours);
    let elsewhere = PolicyConfig { repositories: vec!["acme/*".to_owned()], ..PolicyConfig::default() };
    assert!(matches!(decide_bytes("check_run", body.clone(), elsewhere), Ok(Decision::Ignore(_))));
    let paused = PolicyConfig { paused: true, ..PolicyConfig::default() };
    assert!(matches!(decide_bytes("check_run", body.clone(), paused), Ok(Decision::Review(_))), "waits in the queue");
    for end in 0..body.len() {
        assert!(decide_bytes("check_run", &body.as_bytes()[..end], PolicyConfig::default()).is_err(), "{end}");
    }
    for odd in [json!({"external_id": 7}), json!({"head_sha": 7}), json!({"pull_requests": [{"number": "x"}]})] {
        let body = check("check_run", "rerequested", &odd);
        assert!(decide_bytes("check_run", body, PolicyConfig::default()).is_err());
    }
    // The other event's field is none of this one's.
    assert!(decide_bytes("check_suite", body, PolicyConfig::default()).is_err());
}

#[test]
fn other_actions_and_events_are_ignored_with_a_reason() {
    for action in ["labeled", "assigned", "locked", "review_requested", "enqueued", "", "Opened"] {
        assert!(
            matches!(decided(&payload(action)), Decision::Ignore(reason) if reason.contains("this action")),
            "{action}"
        );
    }
    for event in ["push", "issue_comment", "pull_request_review", "check_runs", "PULL_REQUEST", "\u{1b}[31m"] {
        let ignored = decide_bytes(event, "not even JSON", PolicyConfig::default());
        assert_eq!(
            ignored,
            Ok(Decision::Ignore("only pull_request, workflow_run, check_run and check_suite events are reviewed"))
        );
    }
    assert_eq!(decide_bytes("ping", "", PolicyConfig::default()), Ok(Decision::Pong));
}

#[test]
fn policy_keeps_drafts_bots_labels_and_repositories_out() {
    let refused = |decision: Decision| match decision {
        Decision::Ignore(reason) => reason,
        other => panic!("{other:?}"),
    };
    let draft = with("opened", |p| p["pull_request"]["draft"] = json!(true));
    assert_eq!(refused(decided(&draft)), PolicyRefusal::Draft.reason());
    let bot = with("opened", |p| p["pull_request"]["user"] = json!({"login": "dependabot[bot]", "type": "Bot"}));
    assert_eq!(refused(decided(&bot)), PolicyRefusal::Bot.reason());
    let labelled =
        with("opened", |p| p["pull_request"]["labels"] = json!([{"name": "bug"}, {"name": "eco-coder-SKIP"}]));
    assert_eq!(refused(decided(&labelled)), PolicyRefusal::SkipLabel.reason());
    let elsewhere = PolicyConfig { repositories: vec!["acme/*".into()], ..PolicyConfig::default() };
    assert_eq!(refused(under(elsewhere, &payload("opened"))), PolicyRefusal::NotAllowed.reason());
    let paused = PolicyConfig { paused: true, ..PolicyConfig::default() };
    assert_eq!(cause_of(&under(paused, &payload("closed"))), Some(Cause::Closed), "a pause is waited for in the queue");

    let open = PolicyConfig { review_drafts: true, review_bots: true, ..PolicyConfig::default() };
    assert_eq!(cause_of(&under(open.clone(), &draft)), Some(Cause::Opened));
    assert_eq!(cause_of(&under(open, &bot)), Some(Cause::Opened));
}

#[test]
fn a_stop_goes_through_for_drafts_and_skipped_ones() {
    for action in ["closed", "converted_to_draft"] {
        let stop = with(action, |p| {
            p["pull_request"]["draft"] = json!(true);
            p["pull_request"]["labels"] = json!([{"name": "eco-coder-skip"}]);
        });
        assert!(cause_of(&decided(&stop)).is_some(), "{action}");
    }
}

#[test]
fn what_happens_to_a_closed_pull_request_is_no_work() {
    for action in ["synchronize", "converted_to_draft"] {
        let closed = with(action, |p| p["pull_request"]["state"] = json!("closed"));
        assert_eq!(decided(&closed), Decision::Ignore("the pull request is closed"));
    }
    let closed = with("closed", |p| p["pull_request"]["state"] = json!("closed"));
    assert_eq!(cause_of(&decided(&closed)), Some(Cause::Closed));
}

#[test]
fn what_may_be_missing_may_be_missing() {
    let sparse = with("opened", |p| {
        let pull = p["pull_request"].as_object_mut().unwrap();
        pull.remove("draft");
        pull.remove("labels");
        pull.insert("user".into(), Value::Null);
        pull.insert("updated_at".into(), json!("some day"));
        pull.insert("head".into(), json!({"sha": "HEAD"}));
    });
    let Decision::Review(job) = decided(&sparse) else { panic!("no job") };
    assert_eq!((job.head, job.updated_at), (None, None));
}

/// Payloads that GitHub never sends, each signed all the same.
fn odd() -> Vec<Vec<u8>> {
    let good = payload("opened").to_string();
    let mut odd: Vec<Vec<u8>> = [
        "",
        "null",
        "true",
        "7",
        "\"opened\"",
        "[]",
        "{}",
        "\u{feff}{}",
        "{\"action\":\"opened\"",
        "{\"action\":\"opened\",}",
        "{\"action\":\"\\ud800\"}",
        "{\"action\":\"\\udc00\\ud800\"}",
        "{\"action\":1e400}",
        "NaN",
        "\u{0}",
        "{'action': 'opened'}",
    ]
    .iter()
    .map(|s| s.as_bytes().to_vec())
    .collect();
    odd.push(format!("\u{feff}{good}").into_bytes());
    odd.push(format!("{good}{good}").into_bytes());
    odd.push(good.replacen("{\"action\"", "{\"action\":\"closed\",\"action\"", 1).into_bytes());
    odd.push(good.replacen("\"number\":7", "\"number\":7,\"number\":8", 2).into_bytes());
    odd.push("[".repeat(1_000_000).into_bytes());
    odd.push("{\"pull_request\":".repeat(200_000).into_bytes());
    odd.push(format!("{{\"x\":{}", "[".repeat(1_000_000)).into_bytes());
    odd.push(b"{\"action\":\"\xff\xfe\"}".to_vec());
    for number in [
        "0",
        "-1",
        "1.5",
        "1e3",
        "18446744073709551616",
        "99999999999999999999999999",
        "\"7\"",
        "null",
        "9007199254740993",
    ] {
        odd.push(good.replace("\"number\":7", &format!("\"number\":{number}")).into_bytes());
    }
    for name in ["", "a", "a/b/c", "../..", "a/..", "a b/c", "o/\u{1f600}", &"x/".repeat(400)] {
        odd.push(good.replace("octo-org/hello", name).into_bytes());
    }
    for key in ["action", "pull_request", "repository"] {
        for wrong in [Value::Null, json!(7), json!([]), json!("text"), json!({})] {
            if !(key == "action" && wrong.is_string()) {
                odd.push(with("opened", |p| p[key] = wrong.clone()).to_string().into_bytes());
            }
        }
    }
    for key in ["state", "head", "labels", "updated_at"] {
        odd.push(with("opened", |p| p["pull_request"][key] = json!(7)).to_string().into_bytes());
    }
    odd
}

#[test]
fn odd_json_is_refused_in_words_of_our_own() {
    for body in odd() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let refusal = decide_bytes("pull_request", body, PolicyConfig::default()).expect_err(&shown);
        assert_eq!(refusal.status(), axum::http::StatusCode::BAD_REQUEST, "{shown}");
        let words = refusal.reason();
        assert!(words.len() < 100 && !words.contains("octo") && !words.contains("text"), "{words}");
    }
}

#[test]
fn deep_nesting_beside_what_is_needed_is_skipped_without_recursion() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let body = payload("opened").to_string().replacen('{', &format!("{{\"deep\":{deep},"), 1);
    assert!(matches!(decide_bytes("pull_request", body, PolicyConfig::default()), Ok(Decision::Review(_))));
}

#[test]
fn every_truncation_is_refused() {
    let body = payload("opened").to_string().into_bytes();
    for end in 0..body.len() {
        let refusal = decide_bytes("pull_request", &body[..end], PolicyConfig::default()).expect_err("a truncation");
        assert_eq!(refusal, Refusal::Incomplete, "at {end}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body: Vec<u8>) {
        for event in ["pull_request", "check_run", "check_suite"] {
            let _ = decide_bytes(event, body.clone(), PolicyConfig::default());
        }
    }

    #[test]
    fn one_changed_byte_never_makes_it_panic_or_name_an_impossible_repository(at: prop::sample::Index, byte: u8) {
        let mut body = payload("opened").to_string().into_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        if let Ok(Decision::Review(job)) = decide_bytes("pull_request", body, PolicyConfig::default()) {
            prop_assert!(job.encode().len() < 1024);
        }
    }
}
