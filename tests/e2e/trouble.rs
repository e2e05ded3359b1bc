//! GitHub lags, breaks, forbids and moves on; workers stall. No hint is lost, no head is judged by another's files, and
//! the comment converges.

use eco_coder::forge::{Action, Fault, Gate};
use eco_coder_shared::ids::RepoName;
use serde_json::Value;

use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, TOKEN, World, on_both_engines, tree};

on_both_engines! {
    a_failure_before_the_head_is_known_is_counted_and_dead_lettered,
    a_replica_that_does_not_know_the_push_yet_loses_no_hint,
    a_pull_request_that_is_gone_is_dead_lettered_with_the_reason,
    files_that_github_does_not_find_are_no_clean_bill_and_the_next_hint_looks_again,
    a_short_outage_leaves_an_incomplete_comment_that_heals_by_itself,
    many_redriven_letters_of_one_pull_request_do_not_reset_each_other_for_ever,
    after_a_dry_run_the_comment_is_posted,
    a_create_that_lands_after_another_was_made_is_removed_by_the_next_review,
    a_head_that_moves_while_its_files_are_listed_is_judged_by_its_own_files,
    a_retry_looks_again_and_does_not_replay_an_outage,
    a_comment_of_our_former_account_does_not_block_the_pull_request,
    a_job_queued_under_an_old_name_obeys_the_pause_of_the_new_one,
    a_redelivery_costs_no_write_with_settings_of_any_kind,
    a_write_that_lands_while_its_worker_is_stopped_past_its_lease_is_written_over,
    an_older_head_from_a_lagging_replica_is_not_published_over_a_newer_one,
}

const CONTENTS: &str = "/repos/*/*/contents/**";
const CREATE: &str = "/repos/*/*/issues/*/comments";
const UPDATE: &str = "/repos/*/*/issues/comments/*";

fn failures(world: &World) -> usize {
    world.worker().output().matches("\"message\":\"the review failed\"").count()
}

async fn letters(world: &World) -> Vec<eco_coder_shared::queue::DeadLetter> {
    world.queue().dead_letters(100).await.unwrap()
}

async fn a_failure_before_the_head_is_known_is_counted_and_dead_lettered(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*", Action::forbidden()).times(1000));
    world.deliver(pull, "opened").await;
    world.worker().says("given up").await;
    world.settled().await;
    let letters = letters(&world).await;
    assert_eq!((letters.len(), letters[0].attempts), (1, 3));
    assert!(letters[0].reason.contains(head.short()), "{letters:?}");
    assert!(letters[0].last_error.as_deref().unwrap().contains("permission"), "{letters:?}");
}

async fn a_replica_that_does_not_know_the_push_yet_loses_no_hint(engines: Engines) {
    let world = World::running_on(engines, "").await;
    for (n, path) in ["/repos/*/*/pulls/*", "/repos/*/*/compare/*", "/repos/*/*/pulls/*/files"].into_iter().enumerate()
    {
        let (pull, head) = world.open(&format!("feature-{n}"), &[("a.py", &format!("x = {n}\n"))]);
        world.forge.add_fault(Fault::on("GET", path, Action::status(404)));
        world.deliver(pull, "opened").await;
        world.comment(pull, &head).await;
    }
    world.settled().await;
    assert_eq!(letters(&world).await, []);
}

async fn a_pull_request_that_is_gone_is_dead_lettered_with_the_reason(engines: Engines) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 1").await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*", Action::status(404)).times(1000));
    world.deliver(pull, "opened").await;
    world.worker().says("given up").await;
    world.settled().await;
    let last_error = letters(&world).await[0].last_error.clone().unwrap();
    assert!(last_error.contains("the token may not see it"), "{last_error}");
}

async fn files_that_github_does_not_find_are_no_clean_bill_and_the_next_hint_looks_again(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.forge.add_fault(Fault::on("GET", CONTENTS, Action::status(404)).times(1000));
    world.deliver(pull, "opened").await;
    let first = world.comment(pull, &head).await;
    assert!(!first.body.contains("nothing to mend") && first.body.contains("a.py"), "{}", first.body);
    world.settled().await;
    world.forge.clear_faults();
    world.deliver(pull, "opened").await;
    world.until("the finding", |forge| world.ours(forge, pull)[0].body.contains("1 thing to mend").then_some(())).await;
}

async fn a_short_outage_leaves_an_incomplete_comment_that_heals_by_itself(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, _) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    // One fetch, with its retries.
    world.forge.add_fault(Fault::on("GET", CONTENTS, Action::status(503)).times(3));
    world.deliver(pull, "opened").await;
    world
        .until("the finding", |forge| {
            let ours = world.ours(forge, pull);
            ours.first().is_some_and(|comment| comment.body.contains("1 thing to mend")).then_some(())
        })
        .await;
    world.settled().await;
    assert_eq!((world.ours(&world.forge, pull).len(), letters(&world).await.len()), (1, 0));
}

async fn many_redriven_letters_of_one_pull_request_do_not_reset_each_other_for_ever(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::forbidden()).times(100_000));
    world.deliver(pull, "opened").await;
    for _ in 0..4 {
        world.deliver(pull, "synchronize").await;
    }
    world.settled().await;
    assert_eq!(letters(&world).await.len(), 5);
    let before = failures(&world);
    world.run_configured(&["queue", "redrive", "--all"]);
    world.settled().await;
    assert_eq!(letters(&world).await.len(), 5);
    let more = failures(&world) - before;
    assert!(more <= 5 * 3, "{more} more failures");
}

async fn after_a_dry_run_the_comment_is_posted(engines: Engines) {
    let mut world = World::running_on(engines, "dry_run = true").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.worker().says("reviewed").await;
    world.settled().await;
    world.worker.as_mut().unwrap().kill();
    world.set_environment("ECO_CODER_DRY_RUN", "false");
    world.start_worker().await;
    world.deliver(pull, "reopened").await;
    world.comment(pull, &head).await;
}

async fn a_create_that_lands_after_another_was_made_is_removed_by_the_next_review(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("POST", CREATE, Action::Hold(gate.clone())));
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    // The first create timed out on its way; when it could have arrived, and didn't, a second one is made.
    world.comment(pull, &head).await;
    world.settled().await;
    gate.release();
    world.until("the late create", |forge| (world.ours(forge, pull).len() == 2).then_some(())).await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", QUERY_IN_A_LOOP)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &second).await;
    world.settled().await;
    assert_eq!(world.ours(&world.forge, pull).len(), 1);
}

async fn a_head_that_moves_while_its_files_are_listed_is_judged_by_its_own_files(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let gate = Gate::new();
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::Hold(gate.clone())));
    world.deliver(pull, "opened").await;
    gate.arrived(1).await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", "x = 1\n")])).unwrap();
    gate.release();
    let comment = world.comment(pull, &second).await;
    assert!(comment.body.contains("nothing to mend"), "{}", comment.body);
    // Back to the first head: nothing false was remembered of it.
    world.settled().await;
    world.forge.push_revision(&world.repo, pull, first.as_str()).unwrap();
    world.deliver(pull, "synchronize").await;
    assert!(world.comment(pull, &first).await.body.contains("1 thing to mend"));
}

async fn a_retry_looks_again_and_does_not_replay_an_outage(engines: Engines) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 1").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/contents/a.py", Action::status(503)).times(3));
    world.forge.add_fault(Fault::on("POST", CREATE, Action::forbidden()));
    world.deliver(pull, "opened").await;
    world.worker().says("given up").await;
    world.settled().await;
    world.run_configured(&["queue", "redrive", "--all"]);
    assert!(world.comment(pull, &head).await.body.contains("1 thing to mend"));
}

async fn a_comment_of_our_former_account_does_not_block_the_pull_request(engines: Engines) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 1").await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let theirs = world.comment(pull, &first).await;
    world.settled().await;
    // From now on GitHub lets us change the old comment no more, and says that it is another's.
    world.forge.delete_comment(&world.repo, theirs.id).unwrap();
    world.forge.add_comment_as(&world.repo, pull, "former-bot", &theirs.body).unwrap();
    world.forge.add_fault(Fault::on("PATCH", UPDATE, Action::forbidden()));
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &second).await;
    assert_eq!(letters(&world).await, []);
}

async fn a_job_queued_under_an_old_name_obeys_the_pause_of_the_new_one(engines: Engines) {
    let mut world = World::on(engines, "[policy]\npaused_repositories = [\"acme/secret\"]").await;
    world.start_ingress().await;
    let (pull, _) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let new: RepoName = "acme/secret".parse().unwrap();
    world.forge.rename_repository(&world.repo, &new).unwrap();
    world.start_worker().await;
    let line = world.worker().says("waits").await;
    assert!(line["context"]["why"].as_str().unwrap().contains("policy.paused_repositories"), "{line}");
    assert_eq!(world.writes(), []);
}

async fn a_redelivery_costs_no_write_with_settings_of_any_kind(engines: Engines) {
    let world = World::running_on(engines, "[analysis]\nexclude = [\"vendor/**/[a-z]*/*.py\"]").await;
    let (pull, head) = world.open("feature", &[("source/of/the/shop/app/orders.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    world.forge.clear_requests();
    world.deliver(pull, "opened").await;
    world.settled().await;
    assert_eq!(world.writes(), []);
}

async fn a_write_that_lands_while_its_worker_is_stopped_past_its_lease_is_written_over(engines: Engines) {
    let mut world = World::running_on(engines, "").await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &first).await;
    world.settled().await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("PATCH", UPDATE, Action::Hold(gate.clone())));
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    gate.arrived(1).await;
    let late = world.worker.take().unwrap();
    late.signal("STOP");
    let third = world.forge.push(&world.repo, pull, tree(&[("a.py", "x = 1\n")])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.start_worker().await;
    world.comment(pull, &third).await;
    world.settled().await;
    gate.release();
    world.comment(pull, &second).await; // the late write has landed
    late.signal("CONT");
    world.comment(pull, &third).await;
}

async fn an_older_head_from_a_lagging_replica_is_not_published_over_a_newer_one(engines: Engines) {
    const LONG_AGO: &str = "2020-01-01T00:00:00Z";
    let world = World::running_on(engines, "").await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    let address = format!("{}/repos/{}/pulls/{pull}", world.forge.settings().base_url, world.repo);
    let answer = reqwest::Client::new().get(address).bearer_auth(TOKEN).send().await.unwrap();
    let mut lagging: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    lagging["updated_at"] = LONG_AGO.into();
    let webhook = world.forge.webhook(&world.repo, pull, "opened").unwrap();
    let mut payload: Value = serde_json::from_slice(&webhook.body).unwrap();
    payload["pull_request"]["updated_at"] = LONG_AGO.into();
    world.deliver(pull, "opened").await;
    world.comment(pull, &first).await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &second).await;
    world.settled().await;

    // The first webhook comes once more, and a replica answers what fits it.
    world.forge.clear_requests();
    let stale = Action::Answer { status: 200, headers: Vec::new(), body: lagging.to_string() };
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*", stale));
    assert_eq!(world.send(&world.forge.sign("pull_request", &payload)).await.status, 202);
    world.worker().logged(|line| line["context"]["why"].as_str().is_some_and(|why| why.contains("older"))).await;
    world.settled().await;
    assert_eq!(world.writes(), []);
    world.comment(pull, &second).await;
}
