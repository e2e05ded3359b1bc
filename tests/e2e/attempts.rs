//! What failing, dying, waiting and stopping cost: attempts, dead letters, redrive, shutdown.

use eco_coder::forge::{Action, Fault, Gate};
use eco_coder_shared::queue::NewMessage;

use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, stdout};

on_both_engines! {
    a_job_that_always_fails_is_dead_lettered_with_its_reason_and_neighbours_finish,
    a_job_that_kills_its_worker_is_dead_lettered_and_its_neighbour_is_not,
    what_was_under_way_when_a_worker_died_is_taken_up_again_all_at_once,
    a_rate_limit_is_waited_for_and_costs_no_attempt,
    a_report_that_cannot_be_posted_is_kept_and_can_be_read,
    sigterm_hands_back_what_is_under_way_without_a_charge_and_another_worker_finishes_it,
    garbage_is_dead_lettered_and_a_newer_version_waits,
    a_neighbour_that_failed_before_is_not_taken_along_by_a_job_that_kills_its_worker,
}

async fn a_job_that_always_fails_is_dead_lettered_with_its_reason_and_neighbours_finish(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (poison, poisoned) = world.open("poison", &[("a.py", CLEAN)]);
    let files = format!("/repos/*/*/pulls/{poison}/files");
    world.forge.add_fault(Fault::on("GET", &files, Action::forbidden()).times(3));
    let (neighbour, head) = world.open("neighbour", &[("b.py", QUERY_IN_A_LOOP)]);
    world.deliver(poison, "opened").await;
    world.deliver(neighbour, "opened").await;
    world.comment(neighbour, &head).await;
    world.worker().says("given up").await;
    world.settled().await;

    let letters = world.queue().dead_letters(10).await.unwrap();
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!(letter.attempts, 3);
    assert!(
        letter.reason.contains(poisoned.short()) && letter.reason.contains("eco-coder queue redrive"),
        "{letter:?}"
    );
    assert!(letter.last_error.as_deref().unwrap().contains("permission"), "{letter:?}");
    assert_eq!(world.ours(&world.forge, poison), []);
    let shown = stdout(&world.run_configured(&["queue", "dead-letters"]));
    assert!(shown.contains(&format!("acme/shop#{poison}")) && shown.contains("3 attempts"), "{shown}");

    // Mended: redriven once, it is done; redriven twice, there is nothing to do.
    let first = stdout(&world.run_configured(&["queue", "redrive", &letter.id]));
    assert_eq!(first.trim(), "1 sent again.");
    world.comment(poison, &poisoned).await;
    let second = stdout(&world.run_configured(&["queue", "redrive", &letter.id]));
    assert!(second.starts_with("There is no such dead letter"), "{second}");
    world.settled().await;
    assert_eq!(world.ours(&world.forge, poison).len(), 1);
}

async fn a_job_that_kills_its_worker_is_dead_lettered_and_its_neighbour_is_not(engines: Engines) {
    let mut world = World::running_on(engines, "[worker]\nmax_attempts = 2").await;
    let (poison, _) = world.open("poison", &[("a.py", CLEAN)]);
    let (neighbour, head) = world.open("neighbour", &[("b.py", CLEAN)]);
    let files = |pull| format!("/repos/*/*/pulls/{pull}/files");
    // Both are under way when the first worker dies of one of them.
    let (killing, innocent) = (Gate::new(), Gate::new());
    world.forge.add_fault(Fault::on("GET", &files(poison), Action::Hold(killing.clone())).times(9));
    world.forge.add_fault(Fault::on("GET", &files(neighbour), Action::Hold(innocent.clone())));
    world.deliver(poison, "opened").await;
    world.deliver(neighbour, "opened").await;
    for death in 1..=2 {
        killing.arrived(death).await;
        if death == 1 {
            innocent.arrived(1).await;
        }
        world.worker.as_mut().unwrap().kill();
        innocent.release();
        world.start_worker().await;
    }
    let line = world.worker().says("given up").await;
    assert!(line["context"]["reason"].as_str().unwrap().contains("without a word"), "{line}");
    world.comment(neighbour, &head).await;
    world.settled().await;
    let letters = world.queue().dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].attempts, 2);
}

async fn what_was_under_way_when_a_worker_died_is_taken_up_again_all_at_once(engines: Engines) {
    let mut world = World::running_on(engines, "").await;
    let (one, one_head) = world.open("one", &[("a.py", CLEAN)]);
    let (other, other_head) = world.open("other", &[("b.py", CLEAN)]);
    let gates = [Gate::new(), Gate::new()];
    for (pull, gate) in [one, other].into_iter().zip(&gates) {
        let files = format!("/repos/*/*/pulls/{pull}/files");
        world.forge.add_fault(Fault::on("GET", &files, Action::Hold(gate.clone())).times(2));
        world.deliver(pull, "opened").await;
        gate.arrived(1).await;
    }
    world.worker.as_mut().unwrap().kill();
    world.start_worker().await;
    // Both are under way again; neither waits for the other to be over.
    for gate in &gates {
        gate.arrived(2).await;
    }
    gates.iter().for_each(Gate::release);
    world.comment(one, &one_head).await;
    world.comment(other, &other_head).await;
    world.settled().await;
}

async fn a_rate_limit_is_waited_for_and_costs_no_attempt(engines: Engines) {
    let world = World::running_on(engines, "[worker]\nmax_attempts = 1").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*", Action::secondary_limit(Some(1))));
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/issues/*/comments", Action::secondary_limit(Some(1))));
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(world.queue().dead_letters(10).await.unwrap(), []);
}

async fn a_report_that_cannot_be_posted_is_kept_and_can_be_read(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, head) = world.open("feature", &[("app/orders.py", QUERY_IN_A_LOOP)]);
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/issues/*/comments", Action::forbidden()).times(3));
    world.deliver(pull, "opened").await;
    let line = world.worker().says("given up").await;
    let reason = line["context"]["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("eco-coder report show acme/shop#{pull}")), "{reason}");
    let output = world.run_configured(&["report", "show", &format!("acme/shop#{pull}")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let shown = stdout(&output);
    assert!(shown.contains("1 thing to mend") && shown.contains("app/orders.py"), "{shown}");
    assert!(!world.at_rest().await.contains("app/orders.py"), "a kept report is sealed");

    world.settled().await;
    world.run_configured(&["queue", "redrive", "--all"]);
    world.comment(pull, &head).await;
    world.settled().await;
    let gone = world.run_configured(&["report", "show", &format!("acme/shop#{pull}")]);
    assert!(!gone.status.success());
}

async fn sigterm_hands_back_what_is_under_way_without_a_charge_and_another_worker_finishes_it(engines: Engines) {
    let mut world = World::running_on(engines, "[worker]\nmax_attempts = 1\nshutdown_grace_seconds = 0").await;
    let (pull, head) = world.open("feature", &[("a.py", CLEAN)]);
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls/*/files", Action::Hold(gate.clone())));
    world.deliver(pull, "opened").await;
    gate.arrived(1).await;
    world.worker().terminate();
    assert!(world.worker.as_mut().unwrap().ended().await.success());
    gate.release();
    world.start_worker().await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(world.queue().dead_letters(10).await.unwrap(), []);
}

async fn garbage_is_dead_lettered_and_a_newer_version_waits(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let message = |body: &str| NewMessage { group: "1".into(), body: body.into(), delay: std::time::Duration::ZERO };
    let sent = world.queue().send(vec![message("not a job"), message(r#"{"v":99}"#)]).await.unwrap();
    assert!(sent.iter().all(Result::is_ok));
    world.worker().says("given up").await;
    world.worker().says("a job of an unknown version waits for a newer worker").await;
    let queue = world.queue();
    let told = async {
        loop {
            let depth = queue.depth().await.unwrap();
            if (depth.delayed, depth.dead) == (1, 1) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::process::PATIENCE, told).await.unwrap();
    let letters = queue.dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert!(letters[0].reason.contains("not a job"));
}

async fn a_neighbour_that_failed_before_is_not_taken_along_by_a_job_that_kills_its_worker(engines: Engines) {
    let mut world = World::running_on(engines, "[worker]\nmax_attempts = 2").await;
    let (poison, _) = world.open("poison", &[("a.py", CLEAN)]);
    let (neighbour, head) = world.open("neighbour", &[("b.py", CLEAN)]);
    let files = |pull| format!("/repos/*/*/pulls/{pull}/files");
    let (killing, innocent) = (Gate::new(), Gate::new());
    // An ordinary failure, then its second try is under way when another kills the worker.
    world.forge.add_fault(Fault::on("GET", &files(neighbour), Action::forbidden()));
    world.forge.add_fault(Fault::on("GET", &files(neighbour), Action::Hold(innocent.clone())));
    world.forge.add_fault(Fault::on("GET", &files(poison), Action::Hold(killing.clone())));
    world.deliver(neighbour, "opened").await;
    innocent.arrived(1).await;
    world.deliver(poison, "opened").await;
    killing.arrived(1).await;
    world.worker.as_mut().unwrap().kill();
    innocent.release();
    killing.release();
    world.start_worker().await;
    world.settled().await;
    let letters = world.queue().dead_letters(10).await.unwrap();
    assert_eq!(letters, []);
    world.comment(neighbour, &head).await;
}
