use std::sync::Arc;

use eco_coder_github::testing::{FakeGitHub, Fault, answer};
use eco_coder_github::transport::Method;
use eco_coder_github::{App, Auth, GitHub, StaticToken};
use eco_coder_shared::env::ManualEnv;
use eco_coder_shared::ids::{PullNumber, RepoId};
use serde_json::{Value, json};

use super::*;
use crate::claim::Verdict;
use crate::publish::Settings;
use crate::store::sqlite::SqliteStore;

const KEY: &str = include_str!("../../../github/src/testing/app_key.pem");
const RUNS: &str = "/repos/o/r/check-runs";

struct Scene {
    fake: Arc<FakeGitHub>,
    env: Arc<ManualEnv>,
    store: SqliteStore,
    publisher: Publisher,
    repository: RepoName,
    head: CommitSha,
    epoch: u64,
}

fn key() -> PullKey {
    PullKey { repo_id: RepoId(7), pull: PullNumber::try_from(3).unwrap() }
}

async fn scene(auth: Auth) -> Scene {
    let fake = FakeGitHub::new();
    fake.answer(Method::Get, "/repos/o/r/installation", answer(200, &json!({ "id": 5 })));
    let token = json!({ "token": "ghs_x", "expires_at": "2040-01-01T00:00:00Z" });
    fake.answer(Method::Post, "/app/installations/5/access_tokens", answer(201, &token));
    let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_700_000_000), 1));
    let github_settings = eco_coder_github::Settings {
        write_interval: Duration::ZERO,
        retries: eco_coder_shared::retry::Policy { attempts: 1, ..eco_coder_shared::retry::Policy::HTTP },
        ..eco_coder_github::Settings::default()
    };
    let github = GitHub::new(fake.clone(), auth, env.clone(), github_settings);
    let settings = Settings {
        deployment: "eco-coder".to_owned(),
        clean_comment: true,
        status: StatusKind::Auto,
        render: crate::report::markdown::RenderOptions::default(),
        dry_run: false,
        request_timeout: Duration::from_secs(30),
        lease: Duration::from_mins(2),
    };
    let store = SqliteStore::in_memory().unwrap();
    let claim = Transition::Claim {
        holder: "a".to_owned(),
        now: eco_coder_shared::env::Env::now(&*env),
        lease: Duration::from_mins(2),
        first_receive: true,
    };
    let Verdict::Mine(row) = store.transition(key(), &claim).await.unwrap() else { panic!("not mine") };
    let publisher = Publisher::new(github, env.clone(), settings);
    let (repository, head) = ("o/r".parse().unwrap(), "a".repeat(40).parse().unwrap());
    Scene { fake, env, store, publisher, repository, head, epoch: row.epoch }
}

async fn as_app() -> Scene {
    scene(Auth::App(Arc::new(App::new("1", Arc::new(StaticToken(KEY.into())))))).await
}

async fn with_token() -> Scene {
    scene(Auth::token("ghp_x".into())).await
}

impl Scene {
    fn spot(&self) -> Spot<'_> {
        let Self { repository, head, epoch, .. } = self;
        Spot { store: &self.store, key: key(), epoch: *epoch, repository, head }
    }

    async fn say(&self, known: Option<&Mark>, notice: &Notice) -> Option<Mark> {
        self.publisher.say(self.spot(), known, notice, false).await.unwrap()
    }

    async fn row(&self) -> Option<Mark> {
        self.store.row(key()).await.unwrap().mark
    }

    fn written(&self) -> Vec<(Method, String)> {
        let calls = self.fake.sent().into_iter().filter(|sent| sent.method.is_write());
        calls.map(|sent| (sent.method, sent.path)).filter(|(_, path)| !path.starts_with("/app/")).collect()
    }
}

fn none() -> Value {
    json!({ "total_count": 0, "check_runs": [] })
}

fn run(id: u64) -> Value {
    json!({ "id": id, "name": "eco-coder", "external_id": "eco-coder:1:7:3" })
}

#[tokio::test]
async fn a_check_run_is_made_once_changed_by_its_number_and_left_where_it_says_the_same() {
    let s = as_app().await;
    s.fake.answer(Method::Get, &format!("/repos/o/r/commits/{}/check-runs", s.head), answer(200, &none()));
    s.fake.answer(Method::Post, RUNS, answer(201, &run(9)));
    s.fake.answer(Method::Patch, &format!("{RUNS}/9"), answer(200, &run(9)));
    let running = Notice::running(&s.head);
    let mark = s.say(None, &running).await;
    assert_eq!(s.row().await, mark);
    let known = mark.clone().unwrap();
    assert_eq!((known.id, known.open, known.drafts, known.misses), (Some(9), true, 1, 0));
    assert_eq!(s.say(mark.as_ref(), &running).await, mark);
    let last = s.say(mark.as_ref(), &Notice::failed(3, "no")).await.unwrap();
    assert_eq!((last.id, last.open, last.drafts), (Some(9), false, 0));
    assert_eq!(s.written(), [(Method::Post, RUNS.to_owned()), (Method::Patch, format!("{RUNS}/9"))]);
}

#[tokio::test]
async fn a_check_run_that_may_be_there_is_looked_for_before_another_is_made() {
    let s = as_app().await;
    let list = format!("/repos/o/r/commits/{}/check-runs", s.head);
    s.fake.fault(Method::Get, Fault::Answer(answer(200, &json!({ "id": 5 }))));
    s.fake.fault(Method::Get, Fault::Answer(answer(200, &none())));
    let token = json!({ "token": "ghs_x", "expires_at": "2040-01-01T00:00:00Z" });
    s.fake.fault(Method::Post, Fault::Answer(answer(201, &token)));
    s.fake.fault(Method::Post, Fault::Lost);
    let mark = s.say(None, &Notice::running(&s.head)).await.unwrap();
    assert_eq!((mark.id, mark.open, mark.text.as_str()), (None, true, ""));
    // It was made after all.
    s.fake.answer(Method::Get, &list, answer(200, &json!({ "check_runs": [run(9)] })));
    s.fake.answer(Method::Patch, &format!("{RUNS}/9"), answer(200, &run(9)));
    let mark = s.say(Some(&mark), &Notice::failed(1, "no")).await.unwrap();
    assert_eq!((mark.id, mark.open), (Some(9), false));
    assert_eq!(s.written().iter().filter(|(method, _)| *method == Method::Post).count(), 1);
}

#[tokio::test]
async fn the_last_word_is_owed_until_it_was_tried_so_often() {
    let s = with_token().await;
    let mut mark = None;
    for misses in 1..=MAX_MISSES {
        s.fake.fault(Method::Post, Fault::Lost);
        mark = s.say(mark.as_ref(), &Notice::failed(1, "no")).await;
        let known = mark.clone().unwrap();
        assert_eq!((known.misses, known.open), (misses, misses < MAX_MISSES));
    }
    assert_eq!(s.row().await, mark);
    assert_eq!(s.written().len(), usize::from(MAX_MISSES));
}

#[tokio::test]
async fn where_it_is_not_allowed_nothing_more_is_tried_for_an_hour_and_nothing_is_owed() {
    let s = with_token().await;
    let path = format!("/repos/o/r/statuses/{}", s.head);
    let forbidden = json!({ "message": "Resource not accessible by personal access token" });
    s.fake.answer(Method::Post, &path, answer(403, &forbidden));
    assert_eq!(s.say(None, &Notice::running(&s.head)).await, None);
    assert_eq!(s.say(None, &Notice::failed(1, "no")).await, None);
    assert_eq!((s.written().len(), s.row().await), (1, None));
    s.env.advance(REFUSED);
    s.say(None, &Notice::failed(1, "no")).await;
    assert_eq!(s.written().len(), 2);
}

#[tokio::test]
async fn whoever_lost_the_lease_says_nothing_and_hears_of_what_came_late() {
    let s = with_token().await;
    let late = Spot { epoch: s.epoch + 1, ..s.spot() };
    let said = s.publisher.say(late, None, &Notice::running(&s.head), false).await;
    assert!(matches!(said, Err(PublishError::Late { written: false })), "{said:?}");
    assert_eq!(s.written(), []);
}

#[test]
fn accounts_that_refuse_are_remembered_up_to_the_bound() {
    let refused = Refused::default();
    let now = Timestamp(0);
    for n in 0..=MAX_REFUSED {
        refused.remember(&format!("o{n}/r").parse().unwrap(), now);
    }
    assert!(refused.holds(&format!("O{MAX_REFUSED}/other").parse().unwrap(), now));
    assert!(!refused.holds(&"o0/r".parse().unwrap(), now), "one past the bound all are forgotten, and asked again");
}
