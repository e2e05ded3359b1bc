//! What is said beside a commit, from the first look to the comment: check runs as an App, commit statuses with a token; the
//! button that asks again; hours in which nothing is reviewed.

use eco_coder::forge::{Action, CheckRun, Fault, Forge, Gate};
use eco_coder_shared::check::ExternalId;
use eco_coder_shared::env::{Env, SystemEnv};
use eco_coder_shared::ids::{CommitSha, PullNumber};

use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, tree};

on_both_engines! {
    a_check_run_is_under_way_and_then_a_success_that_leads_to_the_comment,
    a_worker_that_is_killed_leaves_one_check_run_that_the_next_one_ends,
    a_newer_head_ends_what_was_said_of_the_older_one,
    a_review_that_is_given_up_fails_its_check_and_the_button_makes_it_well,
    with_a_token_the_same_is_said_by_commit_statuses,
    without_the_permission_the_review_is_posted_all_the_same,
    outside_of_working_hours_a_review_waits_and_says_until_when_unless_it_is_asked_for,
}

const FILES: &str = "/repos/*/*/pulls/*/files";
const CONTENTS: &str = "/repos/*/*/contents/**";

async fn app(engines: Engines, more: &str) -> World {
    let mut world = World::as_app(engines, more).await;
    world.forge.install_app("acme");
    world.start_ingress().await;
    world.start_worker().await;
    world
}

/// The one check run beside the commit.
fn check(world: &World, forge: &Forge, head: &CommitSha) -> Option<CheckRun> {
    let mut runs = forge.check_runs(&world.repo, head);
    assert!(runs.len() <= 1, "{runs:?}");
    runs.pop()
}

/// Waits until it says this.
async fn says(world: &World, head: &CommitSha, status: &str, conclusion: Option<&str>) -> CheckRun {
    world
        .until(&format!("{status} {conclusion:?}"), |forge| {
            check(world, forge, head).filter(|run| run.status == status && run.conclusion.as_deref() == conclusion)
        })
        .await
}

fn title(run: &CheckRun) -> &str {
    run.output.as_ref().map_or("", |output| output.title.as_str())
}

fn summary(run: &CheckRun) -> &str {
    run.output.as_ref().map_or("", |output| output.summary.as_str())
}

/// Somebody presses *Re-run*.
async fn press(world: &World, run: &CheckRun, from_a_fork: bool) {
    let webhook = world.forge.check_webhook(&world.repo, run.id, "rerequested", from_a_fork).unwrap();
    let answer = world.send(&webhook).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
}

async fn a_check_run_is_under_way_and_then_a_success_that_leads_to_the_comment(engines: Engines) {
    let world = app(engines, "").await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", CONTENTS, Action::Hold(gate.clone())));
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP), ("vendor/x.min.js", "x=1")]);
    world.deliver(pull, "opened").await;
    let begun = says(&world, &head, "in_progress", None).await;
    assert_eq!((begun.name.as_str(), title(&begun)), ("eco-coder", "Reviewing"));
    assert_eq!(world.ours(&world.forge, pull).len(), 0);
    gate.release();
    let comment = world.comment(pull, &head).await;
    let done = says(&world, &head, "completed", Some("success")).await;
    world.settled().await;
    assert_eq!((done.id, done.words), (begun.id, 2), "two writes");
    assert_eq!(title(&done), "1 thing to mend (1 high)");
    let link = done.details_url.as_deref().unwrap();
    assert!(link.ends_with(&format!("/pull/{pull}#issuecomment-{}", comment.id)), "{link}");
    assert!(summary(&done).contains("1 high on the changed lines."), "{done:?}");
    assert!(summary(&done).contains("`vendor/x.min.js` (third-party code)"), "{done:?}");
    assert!(summary(&done).contains(&format!("[The comment]({link})")), "{done:?}");
    let ExternalId(key) = done.external_id.as_deref().unwrap().parse().unwrap();
    assert_eq!(key.pull, pull);
    assert_eq!(world.forge.statuses(&world.repo, &head), [], "one of the two is enough");

    // The same once more costs nothing; asked for by hand, it is reviewed again and says so.
    world.deliver(pull, "reopened").await;
    world.settled().await;
    assert_eq!(check(&world, &world.forge, &head).unwrap().words, 2);
    press(&world, &done, false).await;
    world.until("two more writes", |forge| check(&world, forge, &head).filter(|run| run.words == 4)).await;
    world.settled().await;
    says(&world, &head, "completed", Some("success")).await;
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
    assert_eq!(world.worker().output().matches("\"message\":\"reviewed\"").count(), 2);
}

async fn a_worker_that_is_killed_leaves_one_check_run_that_the_next_one_ends(engines: Engines) {
    let mut world = app(engines, "[worker]\nmax_attempts = 100").await;
    let gate = Gate::new();
    // The check run is made, and nobody learns its number.
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/check-runs", Action::CommitThenHold(gate.clone())));
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.until("the check run", |forge| check(&world, forge, &head)).await;
    world.worker.as_mut().unwrap().kill();
    gate.release();
    world.start_worker().await;
    world.comment(pull, &head).await;
    says(&world, &head, "completed", Some("success")).await;
    world.settled().await;
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
}

async fn a_newer_head_ends_what_was_said_of_the_older_one(engines: Engines) {
    let world = app(engines, "").await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", FILES, Action::Hold(gate.clone())));
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    gate.arrived(1).await;
    says(&world, &first, "in_progress", None).await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    gate.release();
    let old = says(&world, &first, "completed", Some("cancelled")).await;
    assert_eq!(title(&old), format!("Superseded by {}", second.short()));
    world.comment(pull, &second).await;
    says(&world, &second, "completed", Some("success")).await;
    world.settled().await;
    assert_eq!(check(&world, &world.forge, &first).unwrap().words, 2);
}

async fn a_review_that_is_given_up_fails_its_check_and_the_button_makes_it_well(engines: Engines) {
    let world = app(engines, "[worker]\nmax_attempts = 2").await;
    world.forge.add_fault(Fault::on("GET", FILES, Action::forbidden()).times(2));
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let failed = says(&world, &head, "completed", Some("failure")).await;
    world.worker().says("given up").await;
    assert_eq!((title(&failed), failed.words), ("The review failed after 2 attempts", 2));
    assert!(summary(&failed).contains("Resource not accessible by integration"), "{failed:?}");
    assert_eq!(world.ours(&world.forge, pull).len(), 0);
    // The button, on a fork's branch: GitHub names no pull request then.
    press(&world, &failed, true).await;
    world.comment(pull, &head).await;
    let well = says(&world, &head, "completed", Some("success")).await;
    assert_eq!((well.id, well.words), (failed.id, 4));
    let others = world.forge.check_webhook(&world.repo, well.id, "completed", false).unwrap();
    assert_eq!(world.send(&others).await.status, 200);
}

async fn with_a_token_the_same_is_said_by_commit_statuses(engines: Engines) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 1").await;
    let states = |head: &CommitSha| -> Vec<String> {
        world.forge.statuses(&world.repo, head).into_iter().map(|status| status.state).collect()
    };
    let (pull, head) = world.open("one", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(states(&head), ["pending", "success"]);
    let last = world.forge.statuses(&world.repo, &head).pop().unwrap();
    assert_eq!((last.context.as_str(), last.description.as_deref()), ("eco-coder", Some("1 thing to mend (1 high)")));
    assert_eq!(world.forge.check_runs(&world.repo, &head), []);

    world.forge.add_fault(Fault::on("GET", FILES, Action::forbidden()));
    let (pull, head) = world.open("two", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.worker().says("given up").await;
    world.settled().await;
    assert_eq!(states(&head), ["pending", "error"]);
}

async fn without_the_permission_the_review_is_posted_all_the_same(engines: Engines) {
    let world = app(engines, "").await;
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/check-runs", Action::forbidden()).times(1000));
    for branch in ["one", "two"] {
        let (pull, head) = world.open(branch, &[("a.py", &format!("{branch} = 1\n"))]);
        world.deliver(pull, "opened").await;
        world.comment(pull, &head).await;
        world.settled().await;
    }
    let said = world.worker().output().matches("give the App Checks: read and write").count();
    let tried = world.writes().iter().filter(|write| write.path.ends_with("/check-runs")).count();
    assert_eq!((said, tried), (1, 1), "once for all");
    let line = world.worker().says("working").await;
    let operator = line["context"]["operator"].as_str().unwrap().to_owned();
    let metrics = reqwest::get(format!("http://{operator}/metrics")).await.unwrap().text().await.unwrap();
    assert!(metrics.contains("StatusesSaid{Result=\"refused\"}"), "{metrics}");
}

/// A day of the week on which it is neither now nor within a day.
fn another_day() -> &'static str {
    const FROM_THURSDAY: [&str; 7] = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"];
    let days = SystemEnv.now().0.div_euclid(86_400_000);
    FROM_THURSDAY[usize::try_from(days + 3).unwrap() % 7]
}

async fn outside_of_working_hours_a_review_waits_and_says_until_when_unless_it_is_asked_for(engines: Engines) {
    let hours = format!("[hours]\nzone = \"UTC\"\ndays = [\"{}\"]\nfrom = \"09:00\"\nto = \"17:00\"", another_day());
    let world = app(engines, &hours).await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let waiting = says(&world, &head, "queued", None).await;
    let words = title(&waiting);
    assert!(words.starts_with("Outside of working hours; goes on at 20") && words.ends_with(" 09:00 UTC"), "{words}");
    let line = world.worker().says("waits").await;
    assert!(line["context"]["until"].as_str().unwrap().contains("T09:00:00"), "{line}");
    assert_eq!(world.ours(&world.forge, pull).len(), 0);
    // A second hint of the same finds the same.
    world.deliver(pull, "reopened").await;
    world.until("both looked at", |forge| (looks(forge, pull) >= 2).then_some(())).await;
    press(&world, &waiting, false).await;
    world.comment(pull, &head).await;
    let done = says(&world, &head, "completed", Some("success")).await;
    assert_eq!((done.id, done.words), (waiting.id, 3));
}

/// How often the pull request was read.
fn looks(forge: &Forge, pull: PullNumber) -> usize {
    let end = format!("/pulls/{pull}");
    forge.requests().iter().filter(|call| call.method == "GET" && call.path.ends_with(&end)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_github_s_limit_stops_says_when_it_goes_on() {
    let world = app(Engines::OneMachine, "").await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", FILES, Action::Hold(gate.clone())));
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    says(&world, &head, "in_progress", None).await;
    // The last calls of the hour are kept for writes.
    world.forge.leave_calls(15);
    gate.release();
    let waiting = says(&world, &head, "queued", None).await;
    assert!(title(&waiting).starts_with("Waiting for GitHub's rate limit; goes on at "), "{waiting:?}");
    world.worker().says("waits").await;
    assert_eq!(world.ours(&world.forge, pull).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_a_paused_repository_and_a_deployment_that_is_told_to_say_nothing() {
    for (settings, reviewed) in [
        ("[policy]\npaused_repositories = [\"acme/*\"]", None),
        ("[report]\nstatus = \"off\"", Some(true)),
        ("[worker]\nmax_attempts = 3", Some(false)),
    ] {
        let mut world = World::as_app(Engines::OneMachine, settings).await;
        world.forge.install_app("acme");
        if reviewed == Some(false) {
            world.set_environment("ECO_CODER_DRY_RUN", "true");
        }
        world.start_ingress().await;
        world.start_worker().await;
        let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
        world.deliver(pull, "opened").await;
        world.worker().says(if reviewed.is_none() { "waits" } else { "reviewed" }).await;
        if reviewed == Some(true) {
            world.comment(pull, &head).await;
            world.settled().await;
        }
        assert_eq!(world.forge.check_runs(&world.repo, &head), [], "{settings}");
        assert_eq!(world.forge.statuses(&world.repo, &head), [], "{settings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_incomplete_is_neither_a_success_nor_a_failure() {
    let world = app(Engines::OneMachine, "[worker]\nmax_attempts = 1").await;
    world.forge.add_fault(Fault::on("GET", CONTENTS, Action::status(404)).times(1000));
    let (pull, head) = world.open("feature", &[("a`@octocat`.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    let run = says(&world, &head, "completed", Some("neutral")).await;
    world.settled().await;
    assert!(title(&run).contains("incomplete"), "{run:?}");
    assert!(summary(&run).contains("Not looked at: 2 files: ``a`@octocat`.py`` ("), "{run:?}");
}
