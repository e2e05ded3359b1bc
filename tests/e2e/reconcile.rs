//! What was missed is found and made good: webhooks that nobody took, pushes that nobody told, comments that are not what
//! they were. By the binaries, against the forge.

use eco_coder::forge::{Action, Fault, Gate, LoggedRequest};
use eco_coder_worker::publish::body::Marker;
use serde_json::Value;

use crate::app;
use crate::world::{CLEAN, Engines, QUERY_IN_A_LOOP, World, on_both_engines, stdout, tree};

on_both_engines!(
    what_nobody_told_is_reviewed_and_a_world_that_did_not_change_costs_nothing,
    a_comment_that_was_deleted_or_written_over_late_is_put_right,
);

/// With a token, what is swept has to be named.
const NAMED: &str = "[policy]\nrepositories = ['acme/shop']";

/// One run, and what it says of itself.
fn reconcile(world: &World) -> Value {
    let output = tokio::task::block_in_place(|| world.run_configured(&["reconcile", "--once", "--format", "json"]));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

/// Runs until one finds nothing new, and gives the reads of that one: GitHub's seconds have to pass.
fn until_nothing_is_new(world: &World) -> Vec<LoggedRequest> {
    for _ in 0..200 {
        world.forge.clear_requests();
        let run = reconcile(world);
        assert_eq!((&run["hinted"], &run["redelivered"]), (&0.into(), &0.into()), "{run}");
        if run["calls_fresh"] == 0 {
            return world.forge.requests().into_iter().filter(|request| !request.is_write()).collect();
        }
    }
    panic!("there is always something new");
}

async fn what_nobody_told_is_reviewed_and_a_world_that_did_not_change_costs_nothing(engines: Engines) {
    let mut world = World::on(engines, NAMED).await;
    world.start_worker().await;
    let (draft, _) = world.open("draft", &[("a.py", CLEAN)]);
    world.forge.set_draft(&world.repo, draft, true).unwrap();
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    let run = reconcile(&world);
    assert_eq!((&run["hinted"], &run["hints"][0]["cause"]), (&1.into(), &"sweep".into()), "{run}");
    world.comment(pull, &first).await;
    world.settled().await;

    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    assert_eq!(reconcile(&world)["hinted"], 1);
    world.comment(pull, &second).await;
    world.settled().await;

    let reads = until_nothing_is_new(&world);
    assert_eq!(
        reads.iter().map(|read| (read.path.as_str(), read.status)).collect::<Vec<_>>(),
        [("/repos/acme/shop/pulls", Some(304))]
    );
    assert_eq!(world.forge.comments(&world.repo, draft), []);
}

async fn a_comment_that_was_deleted_or_written_over_late_is_put_right(engines: Engines) {
    let world = World::running_on(engines, NAMED).await;
    let (pull, first) = world.open("feature", &[("a.py", CLEAN)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &first).await;
    world.settled().await;
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", QUERY_IN_A_LOOP)])).unwrap();
    world.deliver(pull, "synchronize").await;
    let shown = world.comment(pull, &second).await;
    world.settled().await;
    assert_eq!(reconcile(&world)["hinted"], 0);

    // What a worker wrote that had lost its lease, and died before it noticed.
    let late = Marker::new("eco-coder", 1, first).render();
    world.forge.edit_comment(&world.repo, shown.id, &format!("{late}\nnothing to mend")).unwrap();
    let run = reconcile(&world);
    assert_eq!((&run["hinted"], &run["hints"][0]["cause"]), (&1.into(), &"late_write".into()), "{run}");
    let mended = world.comment(pull, &second).await;
    assert_eq!(mended.id, shown.id);
    assert!(mended.body.contains("1 thing to mend"), "{}", mended.body);
    world.settled().await;

    world.forge.delete_comment(&world.repo, mended.id).unwrap();
    let run = reconcile(&world);
    assert_eq!((&run["hinted"], &run["hints"][0]["cause"]), (&1.into(), &"comment_gone".into()), "{run}");
    let back = world.comment(pull, &second).await;
    assert!(back.id != mended.id && back.body.contains("1 thing to mend"), "{back:?}");
    world.settled().await;
    assert_eq!(reconcile(&world)["hinted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_s_lost_delivery_comes_again_and_its_installations_are_swept_for_nothing() {
    let mut world = app::world().await;
    world.forge.install_app("acme");
    world.start_ingress().await;
    world.start_worker().await;
    let (told, told_head) = world.open("told", &[("a.py", CLEAN)]);
    world.deliver(told, "opened").await;
    world.comment(told, &told_head).await;
    let (lost, lost_head) = world.open("lost", &[("a.py", QUERY_IN_A_LOOP)]);
    world.forge.lose(&world.forge.webhook(&world.repo, lost, "opened").unwrap());
    let run = reconcile(&world);
    assert_eq!(run["redelivered"], 1, "{run}");
    let came = |forge: &eco_coder::forge::Forge| {
        forge.hook_deliveries().into_iter().find(|delivery| delivery.redelivery && delivery.status == 202)
    };
    let again = world.until("the delivery", came).await;
    assert_eq!(run["redeliveries"][0], again.guid);
    world.comment(lost, &lost_head).await;
    world.settled().await;

    let reads = until_nothing_is_new(&world);
    let paths: Vec<&str> = reads.iter().map(|read| read.path.as_str()).collect();
    let expected =
        ["/app/hook/deliveries", "/app/installations", "/installation/repositories", "/repos/acme/shop/pulls"];
    assert_eq!(paths, expected);
    assert!(reads.iter().all(|read| read.status == Some(304)), "{reads:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_workers_and_an_operator_one_reconciles() {
    let settings = format!(
        "{NAMED}\n[reconcile]\nevery_seconds = 1\n[github]\nrequest_timeout_seconds = 60\n[worker]\nlease_seconds = 120"
    );
    let mut world = World::new(&settings).await;
    let gate = Gate::new();
    world.forge.add_fault(Fault::on("GET", "/repos/*/*/pulls", Action::Hold(gate.clone())).times(100));
    world.start_worker().await;
    let other = world.another("worker");
    other.says("working").await;
    gate.arrived(1).await;
    let refused = tokio::task::block_in_place(|| world.run_configured(&["reconcile", "--once"]));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("a worker is at it now"), "{words}");
    assert_eq!(world.forge.requests().len(), 1, "{:?}", world.forge.requests());
    gate.release();
    tokio::select! {
        line = world.worker().says("reconciled") => assert_eq!(line["context"]["repositories"], 1),
        line = other.says("reconciled") => assert_eq!(line["context"]["repositories"], 1),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_the_hour_is_left_to_reviews_and_the_doctor_knows_the_last_run() {
    let settings = "[policy]\nrepositories = ['acme/shop', 'acme/till']\n[reconcile]\nevery_seconds = 3600";
    let world = World::new(settings).await;
    world.open("feature", &[("a.py", CLEAN)]);
    world.forge.leave_requests(150_000);
    let run = tokio::task::block_in_place(|| world.run_configured(&["reconcile", "--once"]));
    let text = stdout(&run);
    assert_eq!(run.status.code(), Some(1));
    assert!(text.contains("the rest of the hourly limit is for reviews (reconcile.reserve_percent)"), "{text}");
    assert_eq!(world.forge.requests().len(), 1, "what one answer said is enough");
    let doctor = stdout(&tokio::task::block_in_place(|| world.run_configured(&["doctor"])));
    assert!(doctor.contains("reconcile: last run at") && doctor.contains("1 left out"), "{doctor}");
}
