//! CodeGuru Reviewer beside the embedded analyser, through the whole product.

use std::io::Read as _;
use std::path::Path;

use eco_coder_worker::backends::codeguru_reviewer::fake::{FakeReview, FakeReviewer, recommendation};

use crate::telemetry::calls_are_allowed;
use crate::world::{QUERY_IN_A_LOOP, World, stdout};

/// A file of more lines than the least, with one finding of our own on lines 3 and 4 or so.
fn long() -> String {
    format!("{QUERY_IN_A_LOOP}{}", "\n\ndef f():\n    return 1\n".repeat(40))
}

async fn world(fake: &std::sync::Arc<FakeReviewer>, more: &str) -> World {
    let arn = fake.associate("acme/shop", "GitHub", "Associated");
    let endpoint = fake.serve().await.unwrap();
    let settings = format!(
        "[analysis]\nkind = \"codeguru\"\ncodeguru_poll_seconds = 1\ncodeguru_associations = [\"acme/shop={arn}\"]\n{more}\n\
         [aws]\nregion = \"us-east-1\"\nendpoint_url = \"{endpoint}\""
    );
    World::running(&settings).await
}

#[tokio::test(flavor = "multi_thread")]
async fn its_recommendations_stand_in_the_comment_and_the_review_is_put_down_while_it_works() {
    let fake = FakeReviewer::new();
    let world = world(&fake, "").await;
    let (pull, head) = world.open("feature", &[("a.py", &long()), ("b.py", "x = 1\n")]);
    let arn = fake.review(FakeReview {
        state: "Pending".to_owned(),
        ..FakeReview::completed(
            "acme/shop",
            pull.get(),
            head.as_str(),
            vec![
                recommendation("a.py", (20, 21), "Critical", "SecurityIssues"),
                recommendation("b.py", (9, 9), "High", "SecurityIssues"),
            ],
        )
    });
    world.deliver(pull, "opened").await;
    // It waits in the queue, and costs no attempt; nothing is posted.
    let line = world.worker().says("waits").await;
    assert!(line.to_string().contains("CodeGuru Reviewer has not answered yet"), "{line}");
    assert!(world.ours(&world.forge, pull).is_empty());
    fake.set_state(&arn, "Completed");
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("2 things to mend"), "{}", comment.body);
    assert!(
        comment.body.contains("**1. SQL injection** - Critical, Security - `a.py` lines 20-21"),
        "{}",
        comment.body
    );
    assert!(comment.body.contains("`python/sql-injection@v1.0`, CodeGuru SecurityIssues, CWE-89"), "{}", comment.body);
    assert!(comment.body.contains("CodeGuru Reviewer: 2 recommendations, 1 on changed lines"), "{}", comment.body);
    world.settled().await;
    // The analysis was done once, whatever the polls.
    let fetched = world.forge.requests().iter().filter(|request| request.path.contains("/contents/a.py")).count();
    assert_eq!(fetched, 1);
    assert!(calls_are_allowed(&world).await.contains("codeguru-reviewer:ListRecommendations"));

    // Small changes are the embedded analyser's alone.
    let asked = fake.calls().len();
    let (small, head) = world.open("small", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(small, "opened").await;
    let comment = world.comment(small, &head).await;
    assert!(comment.body.contains("1 thing to mend") && !comment.body.contains("CodeGuru"), "{}", comment.body);
    assert_eq!(fake.calls().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_answer_the_comment_has_the_embedded_findings_and_says_what_is_missing() {
    let fake = FakeReviewer::new();
    let world = world(&fake, "codeguru_timeout_seconds = 1").await;
    let (pull, head) = world.open("feature", &[("a.py", &long())]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("1 thing to mend; code analysis incomplete"), "{}", comment.body);
    let says = "CodeGuru Reviewer: it has not reviewed this commit within 1 s; the embedded analyser did its part";
    assert!(comment.body.contains(says), "{}", comment.body);
    world.settled().await;
    // That is an answer: nothing is tried again by itself, nothing is dead.
    assert_eq!(world.stored().await, 0);
    let history = stdout(&world.run_configured(&["history"]));
    assert!(history.contains("incomplete"), "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_its_associations_and_makes_nothing() {
    let fake = FakeReviewer::new();
    let arn = fake.associate("acme/shop", "GitHub", "Associated");
    let gone = arn.replace("association-0", "association-1");
    let endpoint = fake.serve().await.unwrap();
    let settings = |associations: &str| {
        format!(
            "[analysis]\nkind = \"codeguru\"\ncodeguru_associations = [{associations}]\n\
             [aws]\nregion = \"us-east-1\"\nendpoint_url = \"{endpoint}\""
        )
    };
    let world = World::new(&settings(&format!("\"acme/shop={arn}\""))).await;
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("analysis: CodeGuru Reviewer, 1 associated"), "{text}");
    assert!(!world.data().exists(), "it only looks");
    let world = World::new(&settings(&format!("\"acme/shop={arn}\", \"acme/till={gone}\""))).await;
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("MEND    analysis: acme/till: codeguru-reviewer:DescribeRepositoryAssociation"), "{text}");
    assert!(text.contains("see analysis.codeguru_associations"), "{text}");
}

/// Turns up in the source alone.
const CANARY: &str = "canary-source-4b7d02";

/// Of a repository that is associated with a bucket; `more` are lines of `[analysis]`.
async fn world_with_bucket(fake: &std::sync::Arc<FakeReviewer>, more: &str) -> World {
    let arn = fake.associate_bucket("shop-scans", "codeguru-reviewer-acme", "Associated");
    let endpoint = fake.serve().await.unwrap();
    let settings = format!(
        "[analysis]\nkind = \"codeguru\"\ncodeguru_poll_seconds = 1\ncodeguru_associations = [\"acme/shop={arn}\"]\n{more}\n\
         [aws]\nregion = \"us-east-1\"\nendpoint_url = \"{endpoint}\""
    );
    let mut world = World::new(&settings).await;
    let scratch = world.dir.path().join("tmp");
    std::fs::create_dir(&scratch).unwrap();
    world.set_environment("TMPDIR", scratch.to_str().unwrap());
    world.set_environment("PATH", &std::env::var("PATH").unwrap());
    world
}

/// Files below a directory that hold the source.
fn holding_source(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding_source(&path));
        } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).contains(CANARY) {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn source_is_uploaded_to_the_associations_bucket_reviewed_and_removed_again() {
    let fake = FakeReviewer::new();
    fake.scans("Pending", vec![recommendation("a.py", (20, 21), "Critical", "SecurityIssues")]);
    let mut world = world_with_bucket(&fake, "codeguru_upload_source = true").await;
    world.start_ingress().await;
    world.start_worker().await;
    let source = format!("# {CANARY}\n{}", long());
    let (pull, head) = world.open("feature", &[("a.py", &source)]);
    world.deliver(pull, "opened").await;
    world.worker().says("waits").await;
    assert!(world.ours(&world.forge, pull).is_empty());
    assert_eq!(fake.objects().len(), 1, "it stays while CodeGuru works");
    fake.set_all("Completed");
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("SQL injection** - Critical, Security - `a.py` lines 20-21"), "{}", comment.body);
    assert!(comment.body.contains("CodeGuru Reviewer: 1 recommendation"), "{}", comment.body);
    world.settled().await;
    assert_eq!((fake.objects(), fake.uploads().len(), fake.reviews().len()), (Vec::new(), 1, 1));

    // What CodeGuru got: the files of the head, and the two commits.
    let unpacked = tempfile::tempdir().unwrap();
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(fake.uploads().remove(0))).unwrap();
    let mut text = String::new();
    zip.by_name("a.py").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, source);
    zip.extract(unpacked.path()).unwrap();
    let base = world.forge.pull(&world.repo, pull).unwrap().base_sha;
    let git = std::process::Command::new("git")
        .arg("-C")
        .arg(unpacked.path())
        .args(["merge-base", "HEAD", base.as_str()])
        .output();
    assert_eq!(String::from_utf8(git.unwrap().stdout).unwrap().trim(), base.as_str());
    let token = |dir: &Path| std::fs::read_to_string(dir.join(".git/config")).unwrap().contains("xtraheader");
    assert!(!token(unpacked.path()));

    // And nobody else: it is at rest nowhere.
    for dir in [world.dir.path(), Path::new("/dev/shm")] {
        let scratch = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        for dir in scratch.filter(|path| path.is_dir()) {
            assert_eq!(holding_source(&dir), Vec::<std::path::PathBuf>::new());
        }
    }
    assert!(!world.at_rest().await.contains(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_no_source_leaves_and_the_report_says_what_to_set() {
    let fake = FakeReviewer::new();
    let mut world = world_with_bucket(&fake, "").await;
    world.start_ingress().await;
    world.start_worker().await;
    let (pull, head) = world.open("feature", &[("a.py", &long())]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("uploading source to it is not allowed: analysis.codeguru"), "{}", comment.body);
    world.settled().await;
    assert_eq!(fake.uploads().len(), 0);
    assert!(!world.forge.requests().iter().any(|request| request.path.contains(".git/")));
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("set analysis.codeguru_upload_source = true"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_for_git_if_source_is_uploaded() {
    let fake = FakeReviewer::new();
    let mut world = world_with_bucket(&fake, "codeguru_upload_source = true").await;
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("analysis: CodeGuru Reviewer, 1 associated"), "{text}");
    world.set_environment("PATH", "/nowhere");
    let text = stdout(&world.run_configured(&["doctor"]));
    assert!(text.contains("MEND    analysis: analysis.codeguru_upload_source: git can't be started"), "{text}");
    assert_eq!(fake.uploads().len(), 0);
}
