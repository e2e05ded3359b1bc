//! Associations with S3: what is asked, what a crash or a second worker does to it, and that the object is gone in every
//! ending. The source comes from a real repository.

use std::path::Path;
use std::process::Command;

use super::*;
use crate::backends::codeguru_reviewer::identity::Identity;
use crate::backends::source_archive::{Bounds, HEAD_BRANCH};

const BUCKET: &str = "codeguru-reviewer-acme-us-east-1";

/// A stage with a repository of a base and a head, which its subject names.
struct Uploading {
    stage: Stage,
    head: String,
    base: String,
    dir: tempfile::TempDir,
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=o", "-c", "user.email=o@example.com"];
    let output = Command::new("git").arg("-C").arg(dir).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn from(dir: &Path, bounds: Bounds) -> source_archive::Settings {
    let environment = eco_coder_shared::config::Settings::process_environment();
    let surroundings = eco_coder_shared::config::Settings::parse("", environment).unwrap().surroundings();
    let scratch = dir.join("scratch");
    std::fs::create_dir_all(&scratch).unwrap();
    source_archive::Settings {
        root: format!("file://{}", dir.display()),
        surroundings: surroundings.with_scratch(scratch),
        bounds,
    }
}

impl Uploading {
    async fn new() -> Self {
        Self::within(Bounds::default()).await
    }

    async fn within(bounds: Bounds) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("acme/shop.git");
        std::fs::create_dir_all(&repository).unwrap();
        git(&repository, &["init", "--quiet", "--initial-branch=main"]);
        std::fs::write(repository.join("a.py"), "x = 1\n").unwrap();
        git(&repository, &["add", "."]);
        git(&repository, &["commit", "--quiet", "-m", "one"]);
        let base = git(&repository, &["rev-parse", "HEAD"]);
        std::fs::write(repository.join("a.py"), "x = 2\n".repeat(200)).unwrap();
        git(&repository, &["commit", "--quiet", "-a", "-m", "two"]);
        let head = git(&repository, &["rev-parse", "HEAD"]);
        let fake = FakeReviewer::new();
        fake.scans("Completed", three());
        let arn = fake.associate_bucket("shop-scans", BUCKET, "Associated");
        let stage = Stage::uploading(fake, arn, Some(from(dir.path(), bounds))).await;
        Self { stage, head, base, dir }
    }

    fn subject(&self) -> Subject {
        let mut subject = subject("a.py", 200);
        subject.target.head_sha = self.head.parse().unwrap();
        subject.target.merge_base_sha = self.base.parse().unwrap();
        subject
    }

    async fn step(&self, progress: &Progress) -> Result<Step, ToolError> {
        self.stage.codeguru.step(progress.clone(), &self.subject()).await
    }

    /// The step waits, with this.
    async fn waits(&self, progress: &Progress) -> Progress {
        match self.step(progress).await {
            Ok(Step::Wait { until, progress }) => {
                let now = self.stage.env.now();
                self.stage.env.advance(now.until(until));
                progress
            }
            other => panic!("{other:?}"),
        }
    }

    async fn answer(&self) -> Result<CodeReview, ToolError> {
        let mut progress = Progress::default();
        for _ in 0..100 {
            match self.step(&progress).await {
                Ok(Step::Done(review)) => return Ok(*review),
                Ok(Step::Wait { until, progress: next }) => {
                    self.stage.env.advance(self.stage.env.now().until(until));
                    progress = next;
                }
                Err(error) => return Err(error),
            }
        }
        panic!("it never ends");
    }

    fn calls(&self, operation: &str) -> usize {
        self.stage.fake.calls().iter().filter(|call| **call == operation).count()
    }

    /// Nothing is in the bucket, and nothing where scratch files are.
    fn is_clean(&self) {
        assert_eq!(self.stage.fake.objects(), Vec::<String>::new());
        let left: Vec<_> = std::fs::read_dir(self.dir.path().join("scratch")).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test]
async fn the_head_is_uploaded_reviewed_against_the_base_and_removed() {
    let world = Uploading::new().await;
    let review = world.answer().await.unwrap();
    assert_eq!((review.total_recommendations, review.recommendations.len()), (3, 1));
    let asked = world.stage.fake.reviews().remove(0).scan.unwrap();
    // tests/support/aws_shapes.py holds the same file against AWS's description of the call.
    let identity = Identity::of(&world.subject().target);
    let arn = &world.stage.codeguru.settings.associations[0].arn;
    let expected = include_str!("create_code_review.json")
        .replace("DIGEST", identity.token())
        .replace("ASSOCIATION", arn)
        .replace("HEAD_SHA", &world.head)
        .replace("BASE_SHA", &world.base);
    assert_eq!(asked.asked, serde_json::from_str::<serde_json::Value>(&expected).unwrap());
    assert_eq!(HEAD_BRANCH, "eco-coder-head");
    assert_eq!((world.calls("PutObject"), world.calls("DeleteObject")), (1, 1));
    world.is_clean();
}

#[tokio::test]
async fn the_object_stays_while_codeguru_works_and_goes_with_each_ending() {
    for (state, is_good) in [("Completed", true), ("Failed", false), ("Deleting", false)] {
        let world = Uploading::new().await;
        world.stage.fake.scans("Pending", three());
        let noted = world.waits(&Progress::default()).await;
        assert_eq!((world.stage.fake.objects().len(), noted.upload.as_ref().unwrap().is_stored), (0, false));
        let waiting = world.waits(&noted).await;
        assert!(waiting.upload.as_ref().unwrap().is_stored && waiting.review.is_some());
        let waiting = world.waits(&waiting).await;
        assert_eq!(world.stage.fake.objects().len(), 1);
        world.stage.fake.set_all(state);
        assert_eq!(world.step(&waiting).await.is_ok(), is_good, "{state}");
        world.is_clean();
    }
    // At the deadline, too: there what there is must do.
    let world = Uploading::new().await;
    world.stage.fake.scans("Pending", three());
    let partial = world.answer().await.unwrap();
    assert_eq!((partial.status, partial.recommendations.len()), (ReviewStatus::Partial, 1));
    world.is_clean();
    // And if it never came to a review.
    let world = Uploading::new().await;
    (0..50).for_each(|_| world.stage.fake.fault("CreateCodeReview", 429, "ThrottlingException"));
    assert_eq!(world.answer().await.unwrap_err().error_type, ErrorType::Throttle);
    assert_eq!(world.calls("PutObject"), 1, "it is put once");
    world.is_clean();
}

#[tokio::test]
async fn whoever_goes_on_after_a_crash_starts_nothing_twice() {
    let world = Uploading::new().await;
    world.stage.fake.scans("Pending", three());
    let noted = world.waits(&Progress::default()).await;
    // It was put and asked for, and what came of it is lost.
    let lost = world.waits(&noted).await;
    let again = world.waits(&noted).await;
    assert_eq!(again.review, lost.review);
    assert_eq!((world.stage.fake.reviews().len(), world.stage.fake.objects().len()), (1, 1));
    // Another pull request of the same head asks for the same.
    let mut other = world.subject();
    other.target.pull_request = PullNumber::try_from(18).unwrap();
    let Ok(Step::Wait { progress, .. }) = world.stage.codeguru.step(noted.clone(), &other).await else { panic!() };
    assert_eq!((progress.review, world.stage.fake.reviews().len()), (lost.review, 1));
    // Between the two as well.
    let stored = Progress { review: None, ..again };
    world.stage.fake.set_all("Completed");
    assert!(matches!(world.step(&stored).await, Ok(Step::Done(_))));
    assert_eq!((world.stage.fake.reviews().len(), world.calls("PutObject")), (1, 3));
    world.is_clean();
}

#[tokio::test]
async fn a_review_that_has_the_name_already_is_the_one() {
    let world = Uploading::new().await;
    let first = world.waits(&Progress::default()).await;
    let arn = world.stage.fake.review(FakeReview {
        scan: Some(fake::Scan {
            name: Identity::of(&world.subject().target).name(),
            token: "another".to_owned(),
            asked: serde_json::json!({}),
        }),
        ..FakeReview::completed("123456789012/shop-scans", 0, &world.head, three())
    });
    let Ok(Step::Done(review)) = world.step(&first).await else { panic!("no answer") };
    assert!(arn.ends_with(&review.review_id), "{arn}");
    world.is_clean();
    // One that is not listed yet is looked for again.
    let world = Uploading::new().await;
    world.stage.fake.fault("CreateCodeReview", 409, "ConflictException");
    world.answer().await.unwrap();
    assert_eq!((world.calls("CreateCodeReview"), world.calls("PutObject")), (2, 1));
    world.is_clean();
}

#[tokio::test]
async fn what_may_not_be_done_is_named_and_nothing_stays() {
    for (operation, status, kind, says, action) in [
        ("PutObject", 403, "AccessDenied", "the worker may not put the source into its bucket", "s3:PutObject"),
        ("PutObject", 404, "NoSuchBucket", "its bucket is not there", "s3:PutObject"),
        (
            "CreateCodeReview",
            403,
            "AccessDeniedException",
            "the worker may not ask it",
            "codeguru-reviewer:CreateCodeReview",
        ),
        (
            "CreateCodeReview",
            400,
            "ValidationException",
            "it refused the question",
            "codeguru-reviewer:CreateCodeReview",
        ),
    ] {
        let world = Uploading::new().await;
        world.stage.fake.fault(operation, status, kind);
        let error = world.answer().await.unwrap_err();
        assert_eq!(error.for_model, says);
        assert!(error.for_operator.contains(action), "{error}");
        assert_eq!(world.calls("DeleteObject"), 1, "it may be there, all the same");
        world.is_clean();
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_removed_costs_no_report() {
    let world = Uploading::new().await;
    world.stage.fake.fault("DeleteObject", 403, "AccessDenied");
    assert_eq!(world.answer().await.unwrap().recommendations.len(), 1);
    assert_eq!(world.stage.fake.objects().len(), 1);
}

#[tokio::test]
async fn throttles_and_outages_on_the_way_are_waited_out() {
    let world = Uploading::new().await;
    (0..3).for_each(|_| world.stage.fake.fault("PutObject", 503, "SlowDown"));
    world.stage.fake.fault("CreateCodeReview", 429, "ThrottlingException");
    let noted = world.waits(&Progress::default()).await;
    // S3's client tries three times by itself.
    let one = world.waits(&noted).await;
    assert_eq!((one.troubles, one.upload.as_ref().unwrap().is_stored), (1, false));
    let two = world.waits(&one).await;
    assert_eq!((two.troubles, two.upload.as_ref().unwrap().is_stored), (2, true));
    assert!(matches!(world.step(&two).await, Ok(Step::Done(_))));
    world.is_clean();
}

#[tokio::test]
async fn source_that_is_too_large_or_not_there_is_not_uploaded() {
    let world = Uploading::within(Bounds { unpacked: 1000, ..Bounds::default() }).await;
    let error = world.answer().await.unwrap_err();
    assert_eq!(error.error_type, ErrorType::ValidationError);
    assert!(error.for_model.contains("the files at the head have more than"), "{error}");
    assert_eq!(world.calls("PutObject"), 0);
    world.is_clean();
    let mut world = Uploading::new().await;
    world.head = "c".repeat(40);
    let error = world.answer().await.unwrap_err();
    assert_eq!(
        (error.error_type, error.for_model.as_str()),
        (ErrorType::Timeout, "it could not be asked within 5 minutes")
    );
    assert!(error.for_operator.contains("git fetch failed"), "{error}");
    world.is_clean();
}

#[tokio::test]
async fn without_the_setting_nothing_is_uploaded_and_it_is_said_what_to_set() {
    let fake = FakeReviewer::new();
    let arn = fake.associate_bucket("shop-scans", BUCKET, "Associated");
    let stage = Stage::of(fake, arn).await;
    let error = stage.answer().await.0.unwrap_err();
    assert_eq!(error.error_type, ErrorType::ValidationError);
    assert!(error.for_model.contains("analysis.codeguru_upload_source"), "{error}");
    assert!(stage.wrong().await[0].contains("set analysis.codeguru_upload_source = true"), "{:?}", stage.wrong().await);
    assert_eq!(stage.fake.calls().iter().filter(|call| **call == "PutObject").count(), 0);
    // With it, an association with GitHub is what it was.
    let dir = tempfile::tempdir().unwrap();
    let fake = FakeReviewer::new();
    let arn = fake.associate("acme/shop", "GitHub", "Associated");
    fake.review(FakeReview::completed("acme/shop", 17, &head(), three()));
    let stage = Stage::uploading(fake, arn, Some(from(dir.path(), Bounds::default()))).await;
    stage.answer().await.0.unwrap();
    assert_eq!(stage.fake.uploads().len(), 0);
}

#[tokio::test]
async fn a_bucket_that_codeguru_cannot_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let fake = FakeReviewer::new();
    let arn = fake.associate_bucket("shop-scans", "acme-codeguru-reviewer-", "Associated");
    let stage = Stage::uploading(fake, arn, Some(from(dir.path(), Bounds::default()))).await;
    let error = stage.answer().await.0.unwrap_err();
    assert!(error.for_operator.contains("begins with codeguru-reviewer-"), "{error}");
    assert_eq!(stage.fake.uploads().len(), 0);
}
