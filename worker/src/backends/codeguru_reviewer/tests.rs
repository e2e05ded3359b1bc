//! The engine over the real SDK, against the fake: what it finds, how long it waits, what it says when it can't.

use eco_coder_analyzer::LineSet;
use eco_coder_github::Auth;
use eco_coder_github::testing::FakeGitHub;
use eco_coder_shared::env::{Env, ManualEnv};
use eco_coder_shared::ids::{PullNumber, RepoId};
use secrecy::SecretString;

mod uploading;

use super::fake::{FakeReview, FakeReviewer, recommendation};
use super::*;
use crate::store::sqlite::SqliteStore;
use crate::subject::{SubjectFile, Target};

struct Stage {
    fake: Arc<FakeReviewer>,
    env: Arc<ManualEnv>,
    codeguru: CodeguruReviewer,
    _dir: tempfile::TempDir,
}

const POLL: Duration = Duration::from_secs(20);
const TIMEOUT: Duration = Duration::from_mins(5);

fn head() -> String {
    "a".repeat(40)
}

fn subject(path: &str, lines: u32) -> Subject {
    let target = Target {
        repository: "acme/shop".parse().unwrap(),
        repository_id: RepoId(1),
        pull_request: PullNumber::try_from(17).unwrap(),
        head_sha: head().parse().unwrap(),
        merge_base_sha: "b".repeat(40).parse().unwrap(),
    };
    let change = Change::Lines(LineSet::from_ranges([1..=lines]));
    let file = SubjectFile { path: path.to_owned(), previous_path: None, change };
    Subject { target, files: vec![file], truncated: false, files_changed: 1, settings: Arc::default() }
}

impl Stage {
    /// Of a repository that is associated so.
    async fn with(provider: &str, state: &str) -> Self {
        let fake = FakeReviewer::new();
        let arn = fake.associate("acme/shop", provider, state);
        Self::of(fake, arn).await
    }

    async fn new() -> Self {
        Self::with("GitHub", "Associated").await
    }

    async fn of(fake: Arc<FakeReviewer>, arn: String) -> Self {
        Self::uploading(fake, arn, None).await
    }

    /// Source comes from there.
    async fn uploading(fake: Arc<FakeReviewer>, arn: String, upload: Option<source_archive::Settings>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
        let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_700_000_000), 3));
        let settings = Settings {
            associations: vec![Association { repository: "acme/shop".parse().unwrap(), arn }],
            min_changed_lines: 100,
            timeout: TIMEOUT,
            poll: POLL,
            daily_limit: 2,
            upload,
        };
        let github = GitHub::new(
            FakeGitHub::new(),
            Auth::token(SecretString::from("token")),
            env.clone(),
            eco_coder_github::Settings::default(),
        );
        let sdk = fake.sdk().await.unwrap();
        let codeguru = CodeguruReviewer::new(settings, AwsSettings::default(), store, env.clone(), &github);
        Self { fake, env, codeguru: codeguru.unpaced(&sdk), _dir: dir }
    }

    async fn step(&self, progress: &Progress) -> Result<Step, ToolError> {
        self.codeguru.step(progress.clone(), &subject("a.py", 200)).await
    }

    async fn wrong(&self) -> Vec<String> {
        self.codeguru.associations.wrong(&self.codeguru.api).await
    }

    /// Steps, each when it is due, until an answer; with the number of steps.
    async fn answer(&self) -> (Result<CodeReview, ToolError>, usize) {
        let mut progress = Progress::default();
        for steps in 1..100 {
            match self.step(&progress).await {
                Ok(Step::Done(review)) => return (Ok(*review), steps),
                Ok(Step::Wait { until, progress: next }) => {
                    let noted = progress.upload.is_none() && next.upload.is_some();
                    assert!(noted || until > self.env.now(), "a step that is due at once would spin");
                    self.env.advance(self.env.now().until(until));
                    progress = next;
                }
                Err(error) => return (Err(error), steps),
            }
        }
        panic!("it never ends");
    }
}

fn three() -> Vec<serde_json::Value> {
    vec![
        recommendation("a.py", (3, 4), "High", "SecurityIssues"),
        recommendation("a.py", (900, 900), "High", "SecurityIssues"),
        recommendation("other.py", (3, 3), "High", "SecurityIssues"),
    ]
}

#[tokio::test]
async fn the_review_of_this_head_is_found_among_others_and_cut_to_changed_lines() {
    let stage = Stage::new().await;
    for (repository, pull, head) in
        [("acme/shop", 17, "c".repeat(40)), ("acme/shop", 18, head()), ("other/shop", 17, head())]
    {
        stage.fake.review(FakeReview::completed(repository, pull, &head, Vec::new()));
    }
    // The one that counts is on the second page.
    for n in 0..100 {
        stage.fake.review(FakeReview::completed("acme/shop", 1000 + n, &head(), Vec::new()));
    }
    stage.fake.review(FakeReview::completed("ACME/shop", 17, &head(), three()));
    let (answer, steps) = stage.answer().await;
    let answer = answer.unwrap();
    assert_eq!((steps, answer.status), (1, ReviewStatus::Completed));
    assert_eq!((answer.total_recommendations, answer.recommendations.len()), (3, 1));
    assert_eq!(answer.recommendations[0].aliases, ["CodeGuru SecurityIssues", "CWE-89"]);
    assert!(answer.review_id.starts_with("PullRequest-GitHub-17"), "{}", answer.review_id);
}

#[tokio::test]
async fn seven_hundred_recommendations_come_in_pages() {
    let stage = Stage::new().await;
    let all = (1..=700).map(|line| recommendation("a.py", (line, line), "Low", "DuplicateCode")).collect();
    stage.fake.review(FakeReview::completed("acme/shop", 17, &head(), all));
    let answer = stage.answer().await.0.unwrap();
    assert_eq!((answer.total_recommendations, answer.recommendations.len()), (700, 200));
    assert_eq!(stage.fake.calls().iter().filter(|call| **call == "ListRecommendations").count(), 3);
}

#[tokio::test]
async fn it_waits_in_steps_and_looks_at_the_association_once() {
    let stage = Stage::new().await;
    let Ok(Step::Wait { until, progress }) = stage.step(&Progress::default()).await else { panic!("no wait") };
    let interval = stage.env.now().until(until);
    assert!((POLL * 3 / 4..=POLL * 5 / 4).contains(&interval), "{interval:?}");
    let arn = stage
        .fake
        .review(FakeReview { state: "Pending".to_owned(), ..FakeReview::completed("acme/shop", 17, &head(), three()) });
    let Ok(Step::Wait { progress, .. }) = stage.step(&progress).await else { panic!("no wait") };
    assert_eq!(progress.review.as_ref(), Some(&arn));
    stage.fake.set_state(&arn, "Completed");
    let Ok(Step::Done(review)) = stage.step(&progress).await else { panic!("no answer") };
    assert_eq!(review.recommendations.len(), 1);
    let calls = stage.fake.calls();
    let expected = [
        "DescribeRepositoryAssociation",
        "ListCodeReviews",
        "ListCodeReviews",
        "DescribeCodeReview",
        "DescribeCodeReview",
        "ListRecommendations",
    ];
    assert_eq!(calls, expected);
}

#[tokio::test]
async fn at_the_deadline_it_takes_what_there_is_or_says_that_there_is_nothing() {
    let stage = Stage::new().await;
    let began = stage.env.now();
    let error = stage.answer().await.0.unwrap_err();
    assert_eq!((error.error_type, began.until(stage.env.now())), (ErrorType::Timeout, TIMEOUT));
    assert_eq!(error.for_model, "it has not reviewed this commit within 5 minutes");

    stage
        .fake
        .review(FakeReview { state: "Pending".to_owned(), ..FakeReview::completed("acme/shop", 17, &head(), three()) });
    let partial = stage.answer().await.0.unwrap();
    assert_eq!((partial.status, partial.recommendations.len()), (ReviewStatus::Partial, 1));
    assert_eq!(partial.reason.as_deref(), Some("it was not done within 5 minutes; what it had is here"));
}

#[tokio::test]
async fn throttles_and_outages_are_waited_out_further_apart_each_time() {
    let stage = Stage::new().await;
    stage.fake.review(FakeReview::completed("acme/shop", 17, &head(), three()));
    stage.fake.fault("DescribeRepositoryAssociation", 429, "ThrottlingException");
    stage.fake.fault("ListCodeReviews", 500, "InternalServerException");
    stage.fake.fault("ListRecommendations", 429, "ThrottlingException");
    let mut progress = Progress::default();
    let mut last = Duration::ZERO;
    for troubles in 1..=3 {
        let Ok(Step::Wait { until, progress: next }) = stage.step(&progress).await else { panic!("no wait") };
        let interval = stage.env.now().until(until);
        assert!(next.troubles == troubles && interval > last, "{interval:?} after {last:?}");
        (progress, last) = (next, interval);
    }
    assert!(matches!(stage.step(&progress).await, Ok(Step::Done(_))));
    // One call a step and operation: nothing is retried below.
    assert_eq!(stage.fake.calls().len(), 1 + 2 + 3 + 2, "{:?}", stage.fake.calls());
}

#[tokio::test]
async fn throttled_to_the_end_it_says_so() {
    let stage = Stage::new().await;
    (0..50).for_each(|_| stage.fake.fault("DescribeRepositoryAssociation", 429, "ThrottlingException"));
    let (error, steps) = stage.answer().await;
    let error = error.unwrap_err();
    assert_eq!(error.error_type, ErrorType::Throttle);
    assert_eq!(error.for_model, "it asked us to wait for more than 5 minutes");
    assert!(steps < 8, "{steps} steps: they must go apart");
}

#[tokio::test]
async fn reviews_that_failed_or_are_deleted_are_named() {
    for (state, says) in [("Failed", "its review failed: too large"), ("Deleting", "its review is being deleted")] {
        let stage = Stage::new().await;
        let review = FakeReview::completed("acme/shop", 17, &head(), three());
        stage.fake.review(FakeReview { state: state.to_owned(), reason: Some("too large".to_owned()), ..review });
        let (error, steps) = stage.answer().await;
        let error = error.unwrap_err();
        assert_eq!((error.for_model.as_str(), error.error_type, steps), (says, ErrorType::ApiError, 1));
    }
    // A state of a later time may still end.
    let stage = Stage::new().await;
    let review = FakeReview::completed("acme/shop", 17, &head(), three());
    stage.fake.review(FakeReview { state: "Queued".to_owned(), ..review });
    assert!(matches!(stage.step(&Progress::default()).await, Ok(Step::Wait { .. })));
}

#[tokio::test]
async fn an_association_that_cannot_serve_is_named_for_authors_and_operators() {
    for (provider, state, says) in [
        ("GitHub", "Disassociated", "the configured association is not in use"),
        ("GitHub", "Hibernating", "the configured association is not in use"),
        ("CodeCommit", "Associated", "the configured association is neither with GitHub nor with S3"),
    ] {
        let error = Stage::with(provider, state).await.answer().await.0.unwrap_err();
        assert_eq!((error.for_model.as_str(), error.error_type), (says, ErrorType::ValidationError));
        assert!(error.for_operator.contains("analysis.codeguru_associations"), "{error}");
        assert!(!error.for_model.contains("123456789012"), "{}", error.for_model);
    }
    let stage = Stage::of(FakeReviewer::new(), "arn:aws:codeguru-reviewer:r:1:association:none".to_owned()).await;
    let error = stage.answer().await.0.unwrap_err();
    assert_eq!(error.for_model, "the configured association does not exist");
    let fake = FakeReviewer::new();
    let arn = fake.associate("acme/till", "GitHub", "Associated");
    let error = Stage::of(fake, arn).await.answer().await.0.unwrap_err();
    assert_eq!(error.for_model, "the configured association is another repository's");
    let stage = Stage::new().await;
    stage.fake.fault("ListCodeReviews", 403, "AccessDeniedException");
    let error = stage.answer().await.0.unwrap_err();
    assert_eq!(error.for_model, "the worker may not ask it");
    assert!(error.for_operator.contains("allow codeguru-reviewer:ListCodeReviews"), "{error}");
}

#[tokio::test]
async fn the_doctor_is_told_of_each_association_and_of_a_missing_permission() {
    assert_eq!(Stage::new().await.wrong().await, Vec::<String>::new());
    let stage = Stage::with("GitHub", "Failed").await;
    stage.fake.fault("ListCodeReviews", 403, "AccessDeniedException");
    let wrong = stage.wrong().await;
    assert!(wrong[0].starts_with("acme/shop: arn:") && wrong[0].contains("Failed for a test"), "{wrong:?}");
    assert!(wrong[1].contains("allow codeguru-reviewer:ListCodeReviews in the role's policy"), "{wrong:?}");
}

#[tokio::test]
async fn the_day_s_limit_is_one_for_all_and_ends_with_the_day() {
    let stage = Stage::new().await;
    stage.fake.review(FakeReview::completed("acme/shop", 17, &head(), three()));
    for _ in 0..2 {
        stage.answer().await.0.unwrap();
    }
    let error = stage.answer().await.0.unwrap_err();
    assert_eq!(error.error_type, ErrorType::Throttle);
    assert!(error.for_operator.contains("analysis.codeguru_daily_limit"), "{error}");
    stage.env.advance(Duration::from_hours(24));
    stage.answer().await.0.unwrap();
}

#[tokio::test]
async fn it_is_asked_only_above_the_least_lines_and_only_about_what_it_reads() {
    let codeguru = Stage::new().await.codeguru;
    for (path, lines, asked) in
        [("a.py", 100, false), ("a.py", 101, true), ("A.java", 101, true), ("a.rs", 500, false), ("a.pyc", 500, false)]
    {
        assert_eq!(codeguru.is_for(&subject(path, lines)), asked, "{path} {lines}");
    }
    let mut large = subject("a.py", 1);
    large.files[0].change = Change::Unknown;
    assert!(codeguru.is_for(&large), "GitHub gives no patch for it");
    let mut other = subject("a.py", 200);
    other.target.repository = "acme/till".parse().unwrap();
    assert!(!codeguru.is_for(&other), "it has no association");
}

#[tokio::test]
async fn a_step_is_never_nearer_or_further_than_its_bounds() {
    let codeguru = Stage::new().await.codeguru;
    for troubles in (0..100).chain([u32::MAX]) {
        let interval = codeguru.interval(troubles);
        assert!((POLL * 3 / 4..=POLL * MOST_INTERVALS * 5 / 4).contains(&interval), "{troubles}: {interval:?}");
    }
}
