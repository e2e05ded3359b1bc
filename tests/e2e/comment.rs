//! One living comment: for the head, kept up to date, converged to after every kind of trouble.

use eco_coder::forge::{Action, Fault, Gate, NewPull};

use eco_coder_github::ApiError;
use eco_coder_worker::publish::body::{self, Marker};

use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, SECRET, TOKEN, World, on_both_engines, stdout, tree};

const CREATE: &str = "/repos/*/*/issues/*/comments";

on_both_engines! {
    a_signed_webhook_becomes_one_comment_with_the_finding,
    a_push_changes_the_same_comment,
    the_history_lists_each_review_with_what_it_found,
    a_redelivered_webhook_costs_one_read_and_no_write,
    a_result_known_by_its_commit_is_not_made_again,
    closed_draft_and_labelled_pull_requests_get_no_comment,
    a_create_that_github_makes_and_then_answers_500_or_resets_is_one_comment,
    a_create_that_fails_without_a_trace_is_made_again,
    doubles_from_two_workers_at_once_converge_to_the_oldest,
    a_stale_list_after_the_create_makes_no_double,
    a_comment_that_a_user_deleted_is_posted_once_more,
    a_silent_deployment_says_nothing_about_a_clean_pull_request,
    a_dry_run_does_everything_but_write,
    secrets_and_environment_turn_up_nowhere,
}

async fn a_signed_webhook_becomes_one_comment_with_the_finding(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("### Eco-Coder: 1 thing to mend"), "{}", comment.body);
    assert!(comment.body.contains("`app/orders.py`"), "{}", comment.body);
    world.settled().await;
    let statuses = world.forge.statuses(&world.repo, &head);
    assert_eq!(statuses.last().map(|s| s.state.as_str()), Some("success"), "{statuses:?}");
    assert!(statuses.last().unwrap().target_url.as_deref().unwrap().contains("/pull/"));
}

async fn the_history_lists_each_review_with_what_it_found(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &first).await;
    world.settled().await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &second).await;
    world.settled().await;
    let output = world.run_configured(&["history", "--format", "json"]);
    let reviews: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let heads: Vec<_> = reviews.as_array().unwrap().iter().map(|r| r["target"]["head_sha"].as_str().unwrap()).collect();
    assert_eq!(heads, [second.as_str(), first.as_str()], "the newest first");
    assert_eq!((&reviews[0]["findings"]["high"], &reviews[1]["findings"]["high"]), (&0.into(), &1.into()));
    let text = stdout(&world.run_configured(&["history", "--repository", "ACME/shop", "--limit", "1"]));
    assert!(text.contains("acme/shop#1 at ") && text.contains("0 findings") && text.lines().count() == 1, "{text}");
    let none = stdout(&world.run_configured(&["history", "--repository", "acme/other", "--days", "90"]));
    assert_eq!(none.trim(), "no review in the last 90 days");
}

async fn a_push_changes_the_same_comment(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let before = world.comment(pull, &first).await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    let after = world.comment(pull, &second).await;
    assert_eq!(before.id, after.id);
    assert!(after.body.contains("nothing to mend"), "{}", after.body);
}

async fn a_redelivered_webhook_costs_one_read_and_no_write(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    world.forge.clear_requests();
    world.deliver(pull, "opened").await;
    world.worker().says("the head is reviewed already").await;
    world.settled().await;
    assert_eq!(world.writes(), []);
    let reads: Vec<String> = world.forge.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(reads, [format!("/repos/acme/shop/pulls/{pull}")]);
}

async fn a_result_known_by_its_commit_is_not_made_again(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (first, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(first, "opened").await;
    world.comment(first, &head).await;
    world.settled().await;
    world.forge.clear_requests();
    // Another pull request from the same branch: the same head, the same merge base.
    let second = world.forge.open_pull(&world.repo, NewPull::new("Again", "feature")).unwrap();
    world.deliver(second, "opened").await;
    let comment = world.comment(second, &head).await;
    assert!(comment.body.contains("1 thing to mend") && comment.body.contains("cached result"), "{}", comment.body);
    // What the repository says of reviews is part of the result's name; source is not fetched.
    let fetched = world.forge.requests().into_iter().filter(|r| r.path.ends_with("/contents/a.py")).count();
    assert_eq!(fetched, 0);
}

async fn closed_draft_and_labelled_pull_requests_get_no_comment(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (closed, _) = world.open("one", &[("a.py", QUERY_IN_A_LOOP)]);
    let opened = world.forge.webhook(&world.repo, closed, "opened").unwrap();
    world.forge.close(&world.repo, closed).unwrap();
    // The webhook said open; GitHub's answer decides.
    assert_eq!(world.send(&opened).await.status, 202);
    let (draft, _) = world.open("two", &[("a.py", QUERY_IN_A_LOOP)]);
    world.forge.set_draft(&world.repo, draft, true).unwrap();
    let answer = world.send(&world.forge.webhook(&world.repo, draft, "opened").unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("draft"), "{}", answer.body);
    let (labelled, head) = world.open("three", &[("a.py", QUERY_IN_A_LOOP)]);
    world.forge.label(&world.repo, labelled, "eco-coder-skip").unwrap();
    assert_eq!(world.send(&world.forge.webhook(&world.repo, labelled, "opened").unwrap()).await.status, 200);
    world.settled().await;
    assert_eq!(world.writes(), []);
    world.forge.unlabel(&world.repo, labelled, "eco-coder-skip").unwrap();
    world.deliver(labelled, "unlabeled").await;
    world.comment(labelled, &head).await;
}

async fn a_create_that_github_makes_and_then_answers_500_or_resets_is_one_comment(engines: Engines) {
    for action in [Action::CommitThenAnswer { status: 500 }, Action::CommitThenReset] {
        let world = World::running_on(engines, "").await;
        world.forge.add_fault(Fault::on("POST", CREATE, action.clone()));
        let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
        world.deliver(pull, "opened").await;
        world.comment(pull, &head).await;
        world.settled().await;
        assert_eq!(world.ours(&world.forge, pull).len(), 1, "{action:?}");
        let creates =
            world.writes().into_iter().filter(|w| w.method == "POST" && w.path.ends_with("/comments")).count();
        assert_eq!(creates, 1, "a create is never repeated blindly");
    }
}

async fn a_create_that_fails_without_a_trace_is_made_again(engines: Engines) {
    let world = World::running_on(engines, "").await;
    world.forge.add_fault(Fault::on("POST", CREATE, Action::status(502)));
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
}

async fn doubles_from_two_workers_at_once_converge_to_the_oldest(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("POST", CREATE, Action::Hold(gate.clone())));
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    gate.arrived(1).await;
    // While our create is on its way, another worker of this deployment makes one.
    let body = format!("<!-- eco-coder:comment v=1 deployment=eco-coder epoch=1 head={head} -->\n\nolder");
    let me = world.forge.settings().viewer.login.clone();
    let older = world.forge.add_comment_as(&world.repo, pull, &me, &body).unwrap();
    gate.release();
    world.settled().await;
    let ours = world.ours(&world.forge, pull);
    assert_eq!(ours.iter().map(|c| c.id).collect::<Vec<_>>(), [older]);
    assert!(ours[0].body.contains("nothing to mend"), "{}", ours[0].body);
}

async fn a_stale_list_after_the_create_makes_no_double(engines: Engines) {
    let world = World::running_on(engines, "").await;
    world.forge.add_fault(Fault::on("GET", CREATE, Action::StaleList { missing: 1 }).times(2));
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_comment_is_found_on_page_seven_and_adopted() {
    let world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    for n in 0..620 {
        world.forge.add_comment_as(&world.repo, pull, "talker", &format!("remark {n}")).unwrap();
    }
    let me = world.forge.settings().viewer.login.clone();
    let old = "<!-- eco-coder:comment v=1 deployment=eco-coder epoch=4 head=0000000000000000000000000000000000000000 -->\n\nold";
    let ours = world.forge.add_comment_as(&world.repo, pull, &me, old).unwrap();
    world.deliver(pull, "opened").await;
    assert_eq!(world.comment(pull, &head).await.id, ours);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_writes_our_marker_first_is_ignored() {
    let world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    let forged = format!("<!-- eco-coder:comment v=1 deployment=eco-coder epoch=9 head={head} -->\n\nmine");
    let theirs = world.forge.add_comment_as(&world.repo, pull, "mallory", &forged).unwrap();
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    world.settled().await;
    assert_ne!(comment.id, theirs);
    let kept = world.forge.comments(&world.repo, pull).into_iter().find(|c| c.id == theirs).unwrap();
    assert_eq!(kept.body, forged);
}

async fn a_comment_that_a_user_deleted_is_posted_once_more(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, first) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    let gone = world.comment(pull, &first).await;
    world.settled().await;
    world.forge.delete_comment(&world.repo, gone.id).unwrap();
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", QUERY_IN_A_LOOP)])).unwrap();
    world.deliver(pull, "synchronize").await;
    assert_ne!(world.comment(pull, &second).await.id, gone.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_findings_make_a_comment_that_github_takes() {
    let world = World::running("").await;
    let long = "d".repeat(180);
    let files: Vec<(String, String)> =
        (0..120).map(|n| (format!("{long}/{n}/{long}.py"), QUERY_IN_A_LOOP.to_owned())).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (pull, head) = world.open("feature", &files);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.chars().count() <= 65_536);
    assert!(comment.body.contains("120 things to mend"), "{}", &comment.body[..300]);
}

async fn a_silent_deployment_says_nothing_about_a_clean_pull_request(engines: Engines) {
    let world = World::running_on(engines, "[report]\nclean_comment = false").await;
    let (pull, first) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.settled().await;
    assert_eq!(world.forge.comments(&world.repo, pull), []);
    assert_eq!(world.forge.statuses(&world.repo, &first).last().map(|s| s.state.clone()).as_deref(), Some("success"));
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", QUERY_IN_A_LOOP)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &second).await;
}

async fn a_dry_run_does_everything_but_write(engines: Engines) {
    let world = World::running_on(engines, "dry_run = true").await;
    let (pull, _) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.worker().says("reviewed").await;
    world.settled().await;
    assert_eq!(world.writes(), []);
}

async fn secrets_and_environment_turn_up_nowhere(engines: Engines) {
    let world = World::running_on(engines, "[telemetry]\nlevel = 'trace'").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    world.settled().await;
    let said = comment.body + &world.worker().output() + &world.ingress().output() + &world.at_rest().await;
    for canary in [TOKEN, SECRET, "canary of the environment"] {
        assert!(!said.contains(canary), "{canary} was found");
    }
    assert!(!said.contains("SELECT id, price"), "source text was found at rest or in a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_at_githubs_limit_is_taken_and_one_beyond_it_is_cut_with_its_fences_closed() {
    let world = World::new("").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    let github = world.client();
    let marker = Marker::new("eco-coder", 1, head);
    for length in [65_535, 65_536, 65_537, 200_000] {
        // An open fence all the way, of characters that count twice in UTF-16.
        let bare = format!("### Title\n\n```text\n{}", "\u{1f331}".repeat(length));
        let room = body::length(&body::compose(&marker, ""));
        let exact: String = bare
            .chars()
            .scan(room, |used, c| {
                *used += c.len_utf16();
                (*used <= length).then_some(c)
            })
            .collect();
        let comment = github.create_comment(&world.repo, pull, &body::compose(&marker, &exact)).await.unwrap();
        assert!(body::length(&comment.body) <= body::MAX_BODY_CHARS);
        assert_eq!(Marker::parse(&comment.body).as_ref(), Some(&marker));
        if length > body::MAX_BODY_CHARS {
            assert_eq!(comment.body.matches("```").count() % 2, 0, "an open fence is closed");
        }
    }
    let refused = github.create_comment(&world.repo, pull, &"x".repeat(65_537)).await;
    assert!(matches!(refused, Err(ApiError::Validation { .. })), "the forge has GitHub's limit: {refused:?}");
}
