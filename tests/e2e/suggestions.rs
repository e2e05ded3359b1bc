//! Mends on lines of the diff, to be committed with a click: written once, moved with their code, gone with their finding.

use eco_coder::forge::{Action, Fault, LineComment};

use crate::world::{Engines, World, on_both_engines, tree};

on_both_engines!(a_mend_is_offered_on_its_line_and_goes_when_it_is_taken);

const SORTED: &str = "def least(xs):\n    return sorted(xs)[0]\n";

/// What stands on lines, with the lines at the head.
fn standing(world: &World, pull: eco_coder_shared::ids::PullNumber) -> Vec<(LineComment, Option<(u32, u32)>)> {
    world.forge.line_comments(&world.repo, pull)
}

async fn a_mend_is_offered_on_its_line_and_goes_when_it_is_taken(engines: Engines) {
    let world = World::running_on(engines, "").await;
    let (pull, head) = world.open("feature", &[("a.py", SORTED)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    let there = standing(&world, pull);
    assert_eq!(there.len(), 1, "{there:?}");
    let (first, lines) = &there[0];
    assert_eq!((first.path.as_str(), *lines), ("a.py", Some((2, 2))));
    let body = &first.comment.body;
    assert!(body.ends_with("\n```suggestion\n    return min(xs)\n```"), "{body}");
    assert!(body.contains("`EC-PY-123`") && body.contains("**"), "{body}");

    // Code above it: the finding is the same, and so is its comment.
    let more = format!("import os\n\n\n{SORTED}");
    let head = world.forge.push(&world.repo, pull, tree(&[("a.py", &more)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &head).await;
    world.settled().await;
    let there = standing(&world, pull);
    assert_eq!((there.len(), there[0].0.comment.id, there[0].1), (1, first.comment.id, Some((5, 5))));

    // Taken.
    let taken = more.replace("sorted(xs)[0]", "min(xs)");
    let head = world.forge.push(&world.repo, pull, tree(&[("a.py", &taken)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(standing(&world, pull).len(), 0);
    // The source was in the comment alone.
    assert!(!world.at_rest().await.contains("return min(xs)"));
}

#[tokio::test]
async fn what_somebody_answered_stays_and_is_not_said_again() {
    let world = World::running("").await;
    let (pull, head) = world.open("feature", &[("a.py", SORTED)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    let id = standing(&world, pull)[0].0.comment.id;
    world.forge.answer_line_comment(&world.repo, id, "octocat", "We need the order.").unwrap();
    let head = world.forge.push(&world.repo, pull, tree(&[("a.py", "def least(xs):\n    return xs[0]\n")])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(standing(&world, pull).len(), 2);
}

#[tokio::test]
async fn a_refused_suggestion_costs_nothing_but_itself() {
    let world = World::running("").await;
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/pulls/*/reviews", Action::status(422)).times(1));
    let (pull, head) = world.open("feature", &[("a.py", SORTED)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(standing(&world, pull).len(), 0);
    assert_eq!(world.forge.statuses(&world.repo, &head).last().unwrap().state, "success");
}

#[tokio::test]
async fn a_review_whose_outcome_is_unknown_is_not_written_twice() {
    let world = World::running("").await;
    let lost = Action::CommitThenReset;
    world.forge.add_fault(Fault::on("POST", "/repos/*/*/pulls/*/reviews", lost).times(1));
    let (pull, head) = world.open("feature", &[("a.py", SORTED)]);
    world.deliver(pull, "opened").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(standing(&world, pull).len(), 1);
    let more = format!("import os\n\n\n{SORTED}");
    let head = world.forge.push(&world.repo, pull, tree(&[("a.py", &more)])).unwrap();
    world.deliver(pull, "synchronize").await;
    world.comment(pull, &head).await;
    world.settled().await;
    assert_eq!(standing(&world, pull).len(), 1);
}

#[tokio::test]
async fn switched_off_nothing_stands_on_lines() {
    let world = World::running("[report]\nsuggestions = 0").await;
    let (pull, head) = world.open("feature", &[("a.py", SORTED)]);
    world.deliver(pull, "opened").await;
    let body = world.comment(pull, &head).await.body;
    world.settled().await;
    assert!(body.contains("EC-PY-123"), "{body}");
    assert_eq!(standing(&world, pull).len(), 0);
}
