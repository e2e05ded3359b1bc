use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use eco_coder_shared::env::ManualEnv;
use eco_coder_shared::ids::{PullNumber, RepoName};
use futures_util::FutureExt;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::auth::TokenSource;
use crate::limits::LONGEST_WAIT;
use crate::testing::{FakeGitHub, Fault, answer, answer_with};
use crate::transport::Method;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const EAGER: Settings = Settings {
    write_interval: Duration::ZERO,
    write_wait: Duration::from_secs(10),
    reads_at_once: 2,
    retries: Policy { initial: Duration::ZERO, factor: 1.0, cap: Duration::ZERO, floor: Duration::ZERO, attempts: 3 },
};

struct Scene {
    fake: Arc<FakeGitHub>,
    env: Arc<ManualEnv>,
    github: GitHub,
}

fn scene(settings: Settings) -> Scene {
    let fake = FakeGitHub::new();
    let env = Arc::new(ManualEnv::new(NOW, 1));
    let auth = Auth::token("ghp_canary".into());
    let github = GitHub::new(fake.clone(), auth, env.clone(), settings);
    fake.answer(Method::Get, "/user", answer(200, &json!({ "id": 1, "login": "me", "type": "User" })));
    Scene { fake, env, github }
}

fn repo() -> RepoName {
    "o/r".parse().unwrap()
}

fn pull() -> PullNumber {
    7.try_into().unwrap()
}

#[tokio::test]
async fn a_read_survives_two_faults_and_no_more() {
    let s = scene(EAGER);
    s.fake.fault(Method::Get, Fault::Connect);
    s.fake.fault(Method::Get, Fault::Lost);
    assert_eq!(s.github.viewer().await.unwrap().login, "me");
    assert_eq!(s.fake.sent().len(), 3);

    for _ in 0..3 {
        s.fake.fault(Method::Get, Fault::Answer(answer(502, &json!({ "message": "oops" }))));
    }
    let expected = ApiError::Unavailable { reason: "it answered 502".to_owned(), retry_after: None, late: false };
    assert_eq!(s.github.viewer().await, Err(expected));
    assert_eq!(s.fake.sent().len(), 6);
}

#[tokio::test]
async fn a_post_that_was_applied_and_answered_500_or_reset_is_ambiguous_and_never_repeated() {
    for fault in [
        Fault::AppliedThenAnswer(answer(500, &json!({}))),
        Fault::AppliedThenLost,
        Fault::AppliedThenAnswer(answer(201, &json!({ "unexpected": true }))),
    ] {
        let s = scene(EAGER);
        s.fake.fault(Method::Post, fault);
        let error = s.github.create_comment(&repo(), pull(), "hello").await.unwrap_err();
        assert!(matches!(error, ApiError::Ambiguous { .. }), "{error:?}");
        assert_eq!(s.fake.sent().len(), 1);
        // The caller's next step finds it.
        assert_eq!(s.github.comments(&repo(), pull()).await.unwrap().len(), 1);
    }
}

#[test]
fn silence_is_told_apart_from_all_else_that_leaves_no_answer() {
    let late = TransportError::Late(Duration::from_secs(30));
    assert!(matches!(lost(&late, true), (ApiError::Ambiguous { late: true, .. }, Retry::No)));
    assert!(matches!(lost(&late, false), (ApiError::Unavailable { late: true, .. }, Retry::Yes)));
    let reset = TransportError::Ambiguous("reset".to_owned());
    assert!(matches!(lost(&reset, true), (ApiError::Ambiguous { late: false, .. }, Retry::No)));
    assert!(matches!(lost(&reset, false), (ApiError::Unavailable { late: false, .. }, Retry::Yes)));
}

#[tokio::test]
async fn a_write_that_was_never_sent_is_sent_again() {
    let s = scene(EAGER);
    s.fake.fault(Method::Post, Fault::Connect);
    s.fake.fault(Method::Post, Fault::Connect);
    let comment = s.github.create_comment(&repo(), pull(), "hello").await.unwrap();
    assert_eq!(s.fake.comments().len(), 1);

    for method in [Method::Patch, Method::Delete] {
        for _ in 0..3 {
            s.fake.fault(method, Fault::Connect);
        }
    }
    let update = s.github.update_comment(&repo(), comment.id, "x").await.unwrap_err();
    let delete = s.github.delete_comment(&repo(), comment.id).await.unwrap_err();
    assert!(matches!(update, ApiError::Unavailable { .. }), "{update:?}");
    assert!(matches!(delete, ApiError::Unavailable { .. }), "{delete:?}");
}

#[tokio::test]
async fn the_last_calls_of_the_hour_are_kept_for_writes() {
    let s = scene(EAGER);
    let reset = (NOW.0 / 1000 + 600).to_string();
    let headers = [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "20"), ("x-ratelimit-reset", &reset)];
    let me = json!({ "id": 1, "login": "me", "type": "User" });
    s.fake.fault(Method::Get, Fault::Answer(answer_with(200, &headers, &me)));
    s.github.viewer().await.unwrap();
    let until = NOW + Duration::from_mins(10);
    assert_eq!(s.github.viewer().await, Err(ApiError::RateLimited { until, secondary: false }));
    assert_eq!(s.fake.sent().len(), 1, "no read is made");
    s.github.create_comment(&repo(), pull(), "posted all the same").await.unwrap();
    s.env.advance(Duration::from_mins(10));
    s.github.viewer().await.unwrap();
}

#[tokio::test]
async fn a_limit_is_not_slept_on_and_stops_every_call_until_its_end() {
    let s = scene(EAGER);
    let limited = answer_with(429, &[("retry-after", "30")], &json!({ "message": "slow down" }));
    s.fake.fault(Method::Post, Fault::Answer(limited));
    let until = NOW + Duration::from_secs(30);
    let expected = ApiError::RateLimited { until, secondary: true };

    assert_eq!(s.github.create_comment(&repo(), pull(), "hello").await, Err(expected.clone()));
    assert_eq!(s.github.viewer().await, Err(expected));
    assert_eq!(s.github.limited_until(&repo()), Some(until));
    assert_eq!(s.fake.sent().len(), 1);

    s.env.advance(Duration::from_secs(30));
    assert!(s.github.clone().viewer().await.is_ok());
    assert_eq!(s.github.limited_until(&repo()), None);
}

#[tokio::test]
async fn the_last_request_of_the_hour_succeeds_and_the_next_is_not_sent() {
    let s = scene(EAGER);
    let last = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700000600")];
    s.fake.fault(Method::Get, Fault::Answer(answer_with(200, &last, &json!({ "id": 1, "login": "me" }))));
    assert!(s.github.viewer().await.is_ok());
    let until = NOW + Duration::from_mins(10);
    assert_eq!(s.github.viewer().await, Err(ApiError::RateLimited { until, secondary: false }));
    assert_eq!(s.fake.sent().len(), 1);
}

#[tokio::test]
async fn a_shorter_limit_does_not_end_a_longer_one() {
    let s = scene(EAGER);
    for secs in ["50", "5"] {
        let limit = answer_with(429, &[("retry-after", secs)], &json!({}));
        let response = s.github.judge(
            limit,
            &s.github.inner.own,
            Manner { write: false, as_app: false, conditional: false },
            None,
        );
        assert!(response.is_err());
    }
    assert_eq!(s.github.limited_until(&repo()), Some(NOW + Duration::from_secs(50)));
}

#[tokio::test]
async fn a_clock_that_is_put_back_does_not_stop_calls_for_long() {
    let s = scene(EAGER);
    s.github.inner.own.remember(Limit { until: NOW + 2 * LONGEST_WAIT, secondary: false }, NOW);
    assert!(s.github.viewer().await.is_ok());
}

#[tokio::test]
async fn a_missing_permission_is_not_a_limit_and_not_retried() {
    let s = scene(EAGER);
    let refusal = answer(403, &json!({ "message": "Resource not accessible for ghp_canary" }));
    s.fake.fault(Method::Get, Fault::Answer(refusal));
    let message = "Resource not accessible for [redacted]".to_owned();
    assert_eq!(s.github.viewer().await, Err(ApiError::Forbidden { message }));
    assert_eq!(s.fake.sent().len(), 1);
    assert!(s.github.viewer().await.is_ok());
}

#[tokio::test]
async fn each_status_has_its_error() {
    for (status, is_expected) in [
        (401, (|e| matches!(e, ApiError::Unauthorized)) as fn(&ApiError) -> bool),
        (404, |e| matches!(e, ApiError::NotFound)),
        (410, |e| matches!(e, ApiError::Gone)),
        (422, |e| matches!(e, ApiError::Validation { message } if message == "why")),
        (409, |e| matches!(e, ApiError::Refused { status: 409, .. })),
    ] {
        let s = scene(EAGER);
        s.fake.fault(Method::Get, Fault::Answer(answer(status, &json!({ "message": "why" }))));
        let error = s.github.viewer().await.unwrap_err();
        assert!(is_expected(&error), "{status}: {error:?}");
        assert_eq!(s.fake.sent().len(), 1);
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_named_but_not_repeated() {
    let s = scene(EAGER);
    s.fake.fault(Method::Get, Fault::Answer(answer(200, &json!({ "id": "canary" }))));
    let error = s.github.viewer().await.unwrap_err();
    assert!(matches!(&error, ApiError::Decode { what } if what.starts_with("the user, line 1")), "{error:?}");
    assert!(!error.to_string().contains("canary"));
}

#[tokio::test(start_paused = true)]
async fn writes_start_a_second_apart_and_reads_do_not_wait() {
    let s = scene(Settings { retries: EAGER.retries, ..Settings::default() });
    let start = Instant::now();
    for _ in 0..3 {
        s.github.create_comment(&repo(), pull(), "hello").await.unwrap();
        s.github.viewer().await.unwrap();
    }
    assert_eq!(start.elapsed().as_millis(), 2000);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_write_leaves_its_turn_to_the_next() {
    let s = scene(Settings { retries: EAGER.retries, ..Settings::default() });
    s.github.create_comment(&repo(), pull(), "first").await.unwrap();
    let start = Instant::now();
    for _ in 0..5 {
        let repo = repo();
        let write = s.github.create_comment(&repo, pull(), "cancelled");
        assert!(tokio::time::timeout(Duration::from_millis(10), write).await.is_err());
    }
    s.github.create_comment(&repo(), pull(), "second").await.unwrap();
    assert_eq!(start.elapsed().as_millis(), 1000);
    assert_eq!(s.fake.comments().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_turn_is_too_far_away_is_not_sent() {
    let write_wait = Duration::from_millis(1500);
    let s = scene(Settings { write_wait, retries: EAGER.retries, ..Settings::default() });
    let (repo, body) = (repo(), "x");
    let write = || s.github.create_comment(&repo, pull(), body);
    let (a, b, c) = tokio::join!(write(), write(), write());
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(c, Err(ApiError::RateLimited { until: NOW + write_wait, secondary: true }));
    assert_eq!(s.fake.comments().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_sees_the_limit_its_forerunner_found() {
    let s = scene(Settings { retries: EAGER.retries, ..Settings::default() });
    s.github.create_comment(&repo(), pull(), "x").await.unwrap();
    s.fake.fault(Method::Post, Fault::Answer(answer_with(403, &[("retry-after", "60")], &json!({}))));
    let (repo, body) = (repo(), "x");
    let write = || s.github.create_comment(&repo, pull(), body);
    let answers = tokio::join!(write(), write());
    let expected = Err(ApiError::RateLimited { until: NOW + Duration::from_mins(1), secondary: true });
    assert_eq!(answers, (expected.clone(), expected));
    assert_eq!(s.fake.sent().len(), 2);
}

/// Hands out a new token each time, and fails after two.
#[derive(Default)]
struct Counting(AtomicUsize);

#[async_trait]
impl TokenSource for Counting {
    async fn token(&self) -> Result<SecretString, ApiError> {
        match self.0.fetch_add(1, Ordering::Relaxed) {
            n @ 0..2 => Ok(format!("token-{n}").into()),
            _ => Err(ApiError::Unauthorized),
        }
    }
}

#[tokio::test]
async fn every_attempt_asks_for_the_token_of_now() {
    let s = scene(EAGER);
    let source = Arc::new(Counting::default());
    let github = GitHub::new(s.fake.clone(), Auth::Token(source.clone()), s.env.clone(), EAGER);
    s.fake.fault(Method::Get, Fault::Lost);
    assert!(github.viewer().await.is_ok());
    assert_eq!(source.0.load(Ordering::Relaxed), 2);
    assert_eq!(github.viewer().await, Err(ApiError::Unauthorized));
    assert_eq!(s.fake.sent().len(), 2);
}

/// Keeps every request until it is let go, and counts those under way.
#[derive(Default)]
struct Keeping {
    under_way: AtomicUsize,
    gone: tokio::sync::Notify,
}

#[async_trait]
impl Transport for Keeping {
    async fn send(&self, _: Request, _: Option<&SecretString>) -> Result<Response, TransportError> {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.gone.notified().await;
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        Err(TransportError::TooLarge)
    }
}

#[tokio::test]
async fn reads_beyond_the_bound_wait_and_writes_do_not_wait_for_them() {
    let keeping = Arc::new(Keeping::default());
    let env = Arc::new(ManualEnv::new(NOW, 1));
    let github = GitHub::new(keeping.clone(), Auth::Anonymous, env, EAGER);
    let mut reads: Vec<_> = (0..3).map(|_| Box::pin(github.viewer())).collect();
    for read in &mut reads {
        assert!(read.now_or_never().is_none());
    }
    assert_eq!(keeping.under_way.load(Ordering::Relaxed), 2);
    let repo = repo();
    let mut write = Box::pin(github.create_comment(&repo, pull(), "x"));
    assert!((&mut write).now_or_never().is_none());
    assert_eq!(keeping.under_way.load(Ordering::Relaxed), 3);
    keeping.gone.notify_waiters();
    assert!((&mut reads[0]).now_or_never().is_some());
    assert!((&mut reads[2]).now_or_never().is_none());
    assert_eq!(keeping.under_way.load(Ordering::Relaxed), 3, "the third read took the place of the first");
}

#[tokio::test]
async fn debug_shows_no_token_and_anonymous_sends_none() {
    let s = scene(EAGER);
    assert!(!format!("{:?}", s.github).contains("ghp_canary"));
    let source = crate::auth::StaticToken("ghp_canary".into());
    assert!(!format!("{source:?}").contains("ghp_canary"));
    let anonymous = GitHub::new(s.fake.clone(), Auth::Anonymous, s.env.clone(), EAGER);
    anonymous.viewer().await.unwrap();
    s.github.viewer().await.unwrap();
    assert_eq!(s.fake.sent().iter().map(|sent| sent.signed).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn calls_can_be_spawned() {
    fn is_send<T: Send>(_: T) {}
    let s = scene(EAGER);
    let (repo, sha) = (repo(), "a".repeat(40).parse().unwrap());
    is_send(s.github.pull_files(&repo, pull(), 1, std::convert::identity));
    is_send(s.github.comments(&repo, pull()));
    is_send(s.github.create_comment(&repo, pull(), "x"));
    is_send(s.github.content(&repo, "x", &sha, 1));
    is_send(s.github.status(&repo, &sha, "x"));
}

/// Turns that are all taken until then.
struct Taken(Timestamp, AtomicUsize);

#[async_trait]
impl Pace for Taken {
    async fn take(&self, identity: &str, _: Timestamp) -> Result<(), Timestamp> {
        assert_eq!(identity, "token");
        self.1.fetch_add(1, Ordering::Relaxed);
        Err(self.0)
    }
}

#[tokio::test]
async fn a_write_whose_turn_among_all_workers_is_later_is_not_sent_and_reads_go_on() {
    let s = scene(EAGER);
    let until = NOW + Duration::from_secs(40);
    let taken = Arc::new(Taken(until, AtomicUsize::new(0)));
    let github = GitHub::paced(s.fake.clone(), Auth::token("t".into()), s.env.clone(), EAGER, Some(taken.clone()));
    let refused = github.create_comment(&repo(), pull(), "hello").await;
    assert_eq!(refused, Err(ApiError::RateLimited { until, secondary: true }));
    assert!(github.viewer().await.is_ok());
    assert_eq!((s.fake.sent().len(), taken.1.load(Ordering::Relaxed)), (1, 1));
}
