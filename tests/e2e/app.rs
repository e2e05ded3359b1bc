//! The worker as a GitHub App, against the forge: the bot's comment, tokens that end, an App that is taken away.

use eco_coder_worker::backends::codeguru_reviewer::fake::{FakeReviewer, recommendation};

use crate::world::{APP_KEY, CLEAN, Engines, QUERY_IN_A_LOOP, World, stdout, tree};

pub async fn world() -> World {
    world_with("").await
}

/// `more` are tables of settings.
async fn world_with(more: &str) -> World {
    World::as_app(Engines::OneMachine, more).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_s_one_comment_is_kept_up_to_date_though_its_tokens_end() {
    let mut world = world().await;
    world.forge.install_app("acme");
    world.start_ingress().await;
    world.start_worker().await;
    let (pull, first) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let before = world.comment(pull, &first).await;
    assert!(before.author.bot && before.body.contains("1 thing to mend"), "{before:?}");
    world.settled().await;

    world.forge.revoke_app_tokens();
    let second = world.forge.push(&world.repo, pull, tree(&[("a.py", CLEAN)])).unwrap();
    world.deliver(pull, "synchronize").await;
    let after = world.comment(pull, &second).await;
    assert_eq!((after.id, world.ours(&world.forge, pull).len()), (before.id, 1));
    world.settled().await;

    let asked = |end: &str| world.forge.requests().iter().filter(|request| request.path.ends_with(end)).count();
    assert_eq!((asked("/installation"), asked("/access_tokens")), (1, 2), "a token for each end of one");
    assert_eq!(asked("/user"), 0, "an installation is no user");
    let everything = format!("{}{}{}", world.worker().output(), world.at_rest().await, after.body);
    assert!(!everything.contains("ghs_") && !everything.contains("PRIVATE KEY"), "a token or the key got out");
    assert!(!everything.contains(APP_KEY.lines().nth(3).unwrap()), "the key got out");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_not_installed_the_job_ends_as_a_dead_letter_that_says_so_and_can_be_redriven() {
    let mut world = world().await;
    world.start_ingress().await;
    world.start_worker().await;
    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let line = world.worker().says("given up").await;
    assert!(line.to_string().contains("attempts"), "{line}");
    let dead = stdout(&world.run_configured(&["queue", "dead-letters"]));
    assert!(dead.contains("the GitHub App is not installed on acme/shop: install it there"), "{dead}");
    world.forge.install_app("acme");
    let redriven = world.run_configured(&["queue", "redrive", "--all"]);
    assert!(redriven.status.success(), "{redriven:?}");
    world.comment(pull, &head).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_signs_in_as_the_app_and_says_what_is_wrong() {
    let mut world = world().await;
    world.forge.install_app("acme");
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("as the App Eco-Coder (eco-coder), 1 installations"), "{text}");
    world.set_environment("ECO_CODER_SECRET_APP", "no key");
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("github.app_key_source") && text.contains("no RSA private key in PEM"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn source_for_codeguru_is_fetched_with_the_installation_s_token() {
    let fake = FakeReviewer::new();
    fake.scans("Completed", vec![recommendation("a.py", (20, 21), "Critical", "SecurityIssues")]);
    let arn = fake.associate_bucket("shop-scans", "codeguru-reviewer-acme", "Associated");
    let endpoint = fake.serve().await.unwrap();
    let mut world = world_with(&format!(
        "[analysis]\nkind = \"codeguru\"\ncodeguru_poll_seconds = 1\ncodeguru_upload_source = true\n\
         codeguru_associations = [\"acme/shop={arn}\"]\n[aws]\nregion = \"us-east-1\"\nendpoint_url = \"{endpoint}\""
    ))
    .await;
    world.set_environment("PATH", &std::env::var("PATH").unwrap());
    world.forge.install_app("acme");
    world.start_ingress().await;
    world.start_worker().await;
    let (pull, head) = world.open("feature", &[("a.py", &"\n\ndef f():\n    return 1\n".repeat(40))]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("SQL injection"), "{}", comment.body);
    world.settled().await;
    assert_eq!((fake.uploads().len(), fake.objects().len()), (1, 0));
    let asked = |end: &str| world.forge.requests().iter().filter(|request| request.path.ends_with(end)).count();
    assert_eq!(asked("/access_tokens"), 1, "it is the token that everything is read with");
}
