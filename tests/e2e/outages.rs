//! What the product depends on is dead or slow: GitHub, SQS and DynamoDB, a model. Webhooks are answered in time, jobs wait
//! free of charge, and all goes on by itself.

use std::time::{Duration, Instant};

use eco_coder::forge::{Action, Fault};
use eco_coder_shared::testing::ministack;
use eco_coder_worker::model::openai::fake::{FakeServer, Line, reports};

use crate::link::{Link, State};
use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines};

on_both_engines! {
    a_pull_request_that_github_is_silent_about_waits_free_of_charge_and_heals,
    a_pull_request_that_github_never_answers_about_is_dead_lettered_with_what_to_do_and_neighbours_are_not,
}

const PULL: &str = "/repos/*/*/pulls/1";

#[tokio::test(flavor = "multi_thread")]
async fn while_github_is_dead_or_slow_webhooks_are_taken_and_jobs_wait_free_of_charge() {
    for state in [State::Dead, State::Stalled] {
        let link = Link::new().await;
        let settings = format!("[worker]\nmax_attempts = 1\n[github]\napi_url = \"{}\"", link.url());
        let world = World::running(&settings).await;
        link.lead_to_url(&world.forge.settings().base_url);
        link.set(state);
        let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
        world.deliver(pull, "opened").await;
        world.worker().says("GitHub gives no answer; jobs wait").await;
        link.set(State::Open);
        world.comment(pull, &head).await;
        world.settled().await;
        assert_eq!(world.queue().dead_letters(10).await.unwrap(), [], "{state:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_sqs_and_dynamodb_are_dead_or_slow_webhooks_are_503_in_time_and_work_goes_on_after() {
    for state in [State::Dead, State::Stalled] {
        let link = Link::new().await;
        link.lead_to_url(ministack::endpoint());
        let settings = format!(
            "[aws]\nendpoint_url = \"{}\"\n[ingress]\nenqueue_timeout_seconds = 2\n[worker]\nmax_attempts = 1",
            link.url()
        );
        let world = World::running_on(Engines::Fleet, &settings).await;
        let (before, before_head) = world.open("before", &[("a.py", CLEAN)]);
        world.deliver(before, "opened").await;
        world.comment(before, &before_head).await;
        link.set(state);
        let (pull, _) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
        let opened = world.forge.webhook(&world.repo, pull, "opened").unwrap();
        let asked = Instant::now();
        let answer = world.send(&opened).await;
        assert_eq!(answer.status, 503, "{state:?}: {}", answer.body);
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
        link.set(State::Open);
        // GitHub's deliveries have a button for it, and the App's API.
        let (after, after_head) = world.open("after", &[("a.py", CLEAN)]);
        world.deliver(after, "opened").await;
        world.comment(after, &after_head).await;
        world.settled().await;
        assert_eq!(world.queue().dead_letters(10).await.unwrap(), [], "{state:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_dead_or_slow_leaves_the_tools_report_marked_so() {
    for (state, says) in [
        (State::Dead, "The model's part is missing: the model failed"),
        (State::Stalled, "The model's part is missing: the model did not answer in time"),
    ] {
        let (link, server) = (Link::new().await, FakeServer::new([reports("Mend it.")]));
        link.lead_to_url(server.serve().await.unwrap().trim_end_matches("/v1"));
        link.set(state);
        let model =
            format!("[model]\nkind = \"openai\"\nid = \"qwen\"\nurl = \"{}/v1\"\ntimeout_seconds = 1", link.url());
        let world = World::running(&model).await;
        let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
        world.deliver(pull, "opened").await;
        let body = world.comment(pull, &head).await.body;
        assert!(body.contains("1 thing to mend") && body.contains(says), "{state:?}: {body}");
        world.settled().await;
        assert!(link.connections() > 0 && world.queue().dead_letters(10).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_server_that_breaks_is_asked_once_more_at_the_next_push_only() {
    let broken = || Line::Answers(500, Vec::new(), String::new());
    let server = FakeServer::new((0..3).map(|_| broken()));
    let world = crate::converge::with_model(Engines::OneMachine, &server, "").await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    assert!(body.contains("The model's part is missing"), "{body}");
    world.settled().await;
    let asked = server.requests().len();
    assert!(asked <= 3, "{asked} questions to a server that is broken");
    world.deliver(pull, "opened").await;
    world.settled().await;
    assert_eq!(server.requests().len(), asked);
}

async fn a_pull_request_that_github_is_silent_about_waits_free_of_charge_and_heals(engines: Engines) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 1").await;
    // Three looks, each with its retries; meanwhile GitHub answers everything else.
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::status(502)).times(9));
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let waits = world.worker().says("waits").await;
    let why = waits["context"]["why"].as_str().unwrap();
    assert!(why.contains("the changed files") && why.contains("it answered 502"), "{why}");
    assert!(why.contains("GitHub answers others; this costs no attempt until"), "{why}");
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(world.queue().dead_letters(10).await.unwrap(), []);
}

async fn a_pull_request_that_github_never_answers_about_is_dead_lettered_with_what_to_do_and_neighbours_are_not(
    engines: Engines,
) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 2\nsilence_minutes = 0").await;
    let (silent, _) = world.open("silent", &[("a.py", CLEAN)]);
    let (neighbour, head) = world.open("neighbour", &[("b.py", CLEAN)]);
    assert_eq!(silent.get(), 1);
    // Not even the pull request itself is to be had.
    world.forge.add_fault(Fault::on("GET", PULL, Action::status(503)).times(10_000));
    world.deliver(silent, "opened").await;
    world.deliver(neighbour, "opened").await;
    world.comment(neighbour, &head).await;
    world.settled().await;
    let letters = world.queue().dead_letters(10).await.unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.attempts, 2);
    let error = letter.last_error.as_deref().unwrap();
    for words in [
        "the pull request: GitHub is unavailable",
        "it answered 503",
        "GitHub answers other calls",
        "open it on GitHub",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
    // While nobody gets an answer it isn't the pull request's failure.
    world.forge.add_fault(Fault::on("GET", "/rate_limit", Action::status(503)).times(10_000));
    world.run_configured(&["queue", "redrive", "--all"]);
    world.worker().says("GitHub gives no answer; jobs wait").await;
    world.forge.clear_faults();
    let (_, head) = (silent, world.forge.pull(&world.repo, silent).unwrap().head_sha);
    world.comment(silent, &head).await;
    world.settled().await;
}
