//! The reconciler against a fake GitHub that answers as a script says, with a clock that stands.

use eco_coder_github::testing::{FakeGitHub, Fault, answer, answer_with};
use eco_coder_github::transport::Method;
use eco_coder_github::{Auth, Settings as GitHubSettings};
use eco_coder_shared::env::{Env as _, ManualEnv};
use eco_coder_shared::ids::{PullKey, RepoId};
use eco_coder_shared::job::{Cause, Decoded, Job};
use eco_coder_shared::policy::PolicyConfig;
use eco_coder_shared::queue::sqlite::SqliteQueue;
use serde_json::{Value, json};

use super::*;
use crate::claim::{CommentState, Exit, Transition};
use crate::publish::body::Marker;
use crate::store::sqlite::SqliteStore;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const MINUTE: Duration = Duration::from_mins(1);

struct Scene {
    fake: Arc<FakeGitHub>,
    env: Arc<ManualEnv>,
    store: Arc<dyn Store>,
    queue: Arc<dyn JobQueue>,
    policy: PolicyConfig,
    settings: Settings,
}

fn scene(repositories: &[&str]) -> Scene {
    let env = Arc::new(ManualEnv::new(NOW, 1));
    let repositories = repositories.iter().map(|name| (*name).to_owned()).collect();
    Scene {
        fake: FakeGitHub::new(),
        store: Arc::new(SqliteStore::in_memory().unwrap()),
        queue: Arc::new(SqliteQueue::in_memory(env.clone()).unwrap()),
        env,
        policy: PolicyConfig { repositories, ..PolicyConfig::default() },
        settings: Settings {
            every: 15 * MINUTE,
            calls: 100,
            reserve_percent: 20,
            dry_run: false,
            max_attempts: 3,
            deployment: "us".into(),
        },
    }
}

fn sha(c: char) -> String {
    c.to_string().repeat(40)
}

/// A pull request as a list shows it, changed some minutes ago.
fn pull(number: u64, head: char, minutes: u64) -> Value {
    json!({
        "number": number, "draft": false, "user": {"id": 5, "login": "octocat", "type": "User"},
        "head": {"sha": sha(head), "ref": "x"}, "labels": [], "updated_at": (NOW - MINUTE * u32::try_from(minutes).unwrap()).to_string(),
        "base": {"sha": sha('f'), "ref": "main", "repo": {"id": 9, "full_name": "a/one"}},
    })
}

fn key(number: u64) -> PullKey {
    PullKey { repo_id: RepoId(9), pull: number.try_into().unwrap() }
}

impl Scene {
    fn reconciler(&self) -> Reconciler {
        let unpaced = GitHubSettings { write_interval: Duration::ZERO, ..GitHubSettings::default() };
        let github = GitHub::new(self.fake.clone(), Auth::token("t".into()), self.env.clone(), unpaced);
        let policy = Policy::new(self.policy.clone()).unwrap();
        let (store, queue) = (Arc::clone(&self.store), Arc::clone(&self.queue));
        Reconciler::new(github, store, queue, self.env.clone(), policy, self.settings.clone())
    }

    /// What the next question is answered.
    fn answers(&self, headers: &[(&str, &str)], body: &Value) {
        self.fake.fault(Method::Get, Fault::Answer(answer_with(200, headers, body)));
    }

    fn answers_that_nothing_changed(&self) {
        self.fake.fault(Method::Get, Fault::Answer(answer(304, &Value::Null)));
    }

    async fn run(&self) -> Summary {
        match self.reconciler().once(true).await.unwrap() {
            Ran::Done(summary) => *summary,
            other => panic!("{other:?}"),
        }
    }

    /// The hints in the queue, by pull request and cause.
    async fn hints(&self) -> Vec<(u64, Cause)> {
        let received = self.queue.receive(10, Duration::ZERO, MINUTE).await.unwrap();
        let mut hints: Vec<(u64, Cause)> = received
            .iter()
            .map(|message| match Job::decode(&message.body) {
                Decoded::Job(job) => (job.pull.get(), job.cause),
                other => panic!("{other:?}"),
            })
            .collect();
        hints.sort_by_key(|(pull, _)| *pull);
        hints
    }

    fn asked(&self) -> Vec<String> {
        self.fake.sent().into_iter().map(|sent| sent.path).collect()
    }

    /// A review of this head, whose comment stands as 77.
    async fn reviewed(&self, number: u64, head: char) -> u64 {
        let now = self.env.now();
        let claim = Transition::Claim { holder: "h".into(), now, lease: MINUTE, first_receive: true };
        self.store.transition(key(number), &claim).await.unwrap();
        let epoch = self.store.row(key(number)).await.unwrap().epoch;
        let comment = CommentState::Known { id: 77 };
        let head = Some(sha(head).parse().unwrap());
        for step in [
            Transition::Commented { epoch, comment, head },
            Transition::Release {
                epoch,
                exit: Exit::Done {
                    digest: Some("d".into()),
                    sight: Some("s".into()),
                    updated_at: now,
                    forced: None,
                    not_before: now,
                },
            },
        ] {
            self.store.transition(key(number), &step).await.unwrap();
        }
        epoch
    }
}

fn comment(epoch: u64, head: char) -> Value {
    let body = Marker::new("us", epoch, sha(head).parse().unwrap()).render();
    let time = "2023-11-14T22:00:00Z";
    json!({ "id": 77, "user": {"id": 1, "login": "us"}, "body": body, "created_at": time, "updated_at": time })
}

#[tokio::test]
async fn a_head_that_nobody_reviewed_gets_one_hint_and_what_is_refused_or_older_than_we_none() {
    let s = scene(&["a/one"]);
    let draft = json!({ "draft": true });
    let bot = json!({ "user": {"id": 6, "login": "renovate[bot]", "type": "Bot"} });
    let labelled = json!({ "labels": [{"name": "eco-coder-skip"}] });
    let mut list = vec![pull(1, 'a', 1), pull(2, 'a', 2), pull(3, 'a', 3), pull(4, 'a', 4), pull(5, 'a', 60 * 73)];
    for (at, more) in [(1, draft), (2, bot), (3, labelled)] {
        list[at].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    s.answers(&[("etag", "\"1\"")], &list.into());
    let first = s.run().await;
    assert_eq!((first.hinted, first.pulls_changed, first.stopped), (1, 5, None));
    assert_eq!(s.hints().await, [(1, Cause::Sweep)]);

    // Nothing changed, and the hint isn't lost: for a day nobody asks for the same again.
    s.answers_that_nothing_changed();
    let second = s.run().await;
    assert_eq!((second.hinted, second.calls_fresh, second.calls_unchanged), (0, 0, 1));
    s.env.advance(Duration::from_hours(24));
    s.answers_that_nothing_changed();
    assert_eq!(s.run().await.hinted, 1);
}

#[tokio::test]
async fn a_comment_that_is_gone_or_was_written_over_gets_a_hint_that_posts_again() {
    let s = scene(&["a/one"]);
    s.reviewed(1, 'a').await;
    let epoch = s.reviewed(1, 'b').await;
    s.answers(&[("etag", "\"1\"")], &json!([pull(1, 'b', 2)]));
    s.answers(&[("etag", "\"c1\"")], &comment(epoch, 'b'));
    let fine = s.run().await;
    assert_eq!((fine.hinted, fine.comments), (0, 1));

    // A late worker's write, and its worker is gone: only the marker tells.
    s.answers(&[("etag", "\"2\"")], &json!([pull(1, 'b', 1)]));
    s.answers(&[("etag", "\"c2\"")], &comment(epoch - 1, 'a'));
    assert_eq!(s.run().await.hinted, 1);
    assert_eq!(s.hints().await, [(1, Cause::LateWrite)]);

    // Deleted, and the list doesn't show it: it is looked for in time.
    s.env.advance(Duration::from_hours(6));
    s.answers_that_nothing_changed();
    s.fake.fault(Method::Get, Fault::Answer(answer(404, &json!({ "message": "Not Found" }))));
    assert_eq!(s.run().await.hinted, 1);
    assert_eq!(s.asked().last().unwrap(), "/repos/a/one/issues/comments/77");
    let hints = s.hints().await;
    assert!(hints.contains(&(1, Cause::CommentGone)), "{hints:?}");
}

#[tokio::test]
async fn a_run_makes_so_many_requests_and_the_next_goes_on_there() {
    let s = scene(&["a/one", "a/two", "a/three"]);
    let s = Scene { settings: Settings { calls: 2, ..s.settings.clone() }, ..s };
    for _ in 0..3 {
        s.answers(&[], &json!([]));
    }
    let first = s.run().await;
    assert!(first.stopped.unwrap().contains("reconcile.calls"));
    let second = s.run().await;
    let lists: Vec<String> = s.asked().iter().map(|path| path.split('?').next().unwrap().to_owned()).collect();
    // In the order of their names; the last one was only begun.
    assert_eq!(lists[..3], ["/repos/a/one/pulls", "/repos/a/three/pulls", "/repos/a/two/pulls"]);
    assert_eq!(second.repositories, 3, "the one that was left, and around to where the first run ended");
}

#[tokio::test]
async fn a_long_list_is_read_on_where_a_run_stopped() {
    let s = scene(&["a/one"]);
    let s = Scene { settings: Settings { calls: 1, ..s.settings.clone() }, ..s };
    s.answers(
        &[("etag", "\"1\""), ("link", "<https://fake.test/repositories/9/pulls?page=2>; rel=\"next\"")],
        &json!([pull(2, 'a', 1)]),
    );
    let first = s.run().await;
    assert_eq!((first.hinted, first.pulls_changed), (0, 1), "the list comes first");
    s.answers(&[], &json!([pull(1, 'a', 5)]));
    let second = s.run().await;
    assert_eq!((second.hinted, second.pulls_changed), (2, 1));
    assert_eq!(s.asked()[1], "/repositories/9/pulls?page=2");
    assert_eq!(s.hints().await, [(1, Cause::Sweep), (2, Cause::Sweep)]);
}

#[tokio::test]
async fn what_reviews_need_of_the_hour_is_left_to_them() {
    let s = scene(&["a/one", "a/two"]);
    let low = [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "999"), ("x-ratelimit-reset", "1700000600")];
    s.answers(&low, &json!([]));
    let run = s.run().await;
    assert_eq!((s.asked().len(), run.calls_fresh), (1, 1));
    assert!(run.skipped[0].why.contains("reconcile.reserve_percent"), "{:?}", run.skipped);
}

#[tokio::test]
async fn a_pause_for_all_asks_nobody_and_a_paused_repository_is_passed_over() {
    let s = scene(&["a/one", "a/two"]);
    let paused = Scene { policy: PolicyConfig { paused: true, ..s.policy.clone() }, ..s };
    assert!(paused.run().await.stopped.unwrap().contains("policy.paused"));
    assert_eq!(paused.asked(), [""; 0]);
    let policy = PolicyConfig { paused: false, paused_repositories: vec!["a/one".into()], ..paused.policy.clone() };
    let one = Scene { policy, ..paused };
    one.answers(&[], &json!([]));
    assert_eq!(one.run().await.repositories, 1);
    assert!(one.asked()[0].starts_with("/repos/a/two/"));
}

#[tokio::test]
async fn a_dry_run_says_what_it_would_send_and_leaves_it_to_be_found() {
    let s = scene(&["a/one"]);
    let dry = Scene { settings: Settings { dry_run: true, ..s.settings.clone() }, ..s };
    dry.answers(&[("etag", "\"1\"")], &json!([pull(1, 'a', 1)]));
    let run = dry.run().await;
    assert_eq!((run.hinted, run.dry_run), (1, true));
    assert_eq!(dry.hints().await, []);
    let real = Scene { settings: Settings { dry_run: false, ..dry.settings.clone() }, ..dry };
    real.answers(&[("etag", "\"1\"")], &json!([pull(1, 'a', 1)]));
    assert_eq!(real.run().await.hinted, 1);
    assert_eq!(real.hints().await, [(1, Cause::Sweep)]);
}

#[tokio::test]
async fn one_process_of_the_fleet_runs_at_a_time_and_all_together_no_oftener_than_one() {
    let s = scene(&["a/one"]);
    for _ in 0..3 {
        s.answers(&[], &json!([]));
    }
    let (one, two) = (s.reconciler(), s.reconciler());
    assert!(s.store.lease(LEASE, "a third", NOW, NOW + LEASE_FOR).await.unwrap());
    assert!(matches!(one.once(true).await.unwrap(), Ran::Elsewhere));
    s.store.end_lease(LEASE, "a third").await.unwrap();
    assert!(matches!(one.once(false).await.unwrap(), Ran::Done(_)));
    assert!(matches!(two.once(false).await.unwrap(), Ran::NotDue), "the other's run is not long ago");
    assert!(matches!(two.once(true).await.unwrap(), Ran::Done(_)), "an operator doesn't wait");
    s.env.advance(15 * MINUTE);
    assert!(matches!(two.once(false).await.unwrap(), Ran::Done(_)));
    let noted = s.store.noted(&note_name(false), s.env.now()).await.unwrap().unwrap();
    assert_eq!(LastRun::read(&noted).unwrap().started, s.env.now());
}

#[tokio::test]
async fn a_repository_that_is_gone_is_left_out_and_the_others_are_not() {
    let s = scene(&["a/one", "a/two"]);
    s.fake.fault(Method::Get, Fault::Answer(answer(404, &json!({ "message": "Not Found" }))));
    s.answers(&[], &json!([]));
    let run = s.run().await;
    assert_eq!((run.repositories, run.skipped.len(), run.stopped), (2, 1, None));
    assert_eq!(run.skipped[0].what, "a/one");
}

#[tokio::test]
async fn of_very_many_that_were_missed_the_rest_comes_in_the_next_run() {
    let s = scene(&["a/one"]);
    let page = |from: u64| (from..from + 100).map(|n| pull(n, 'a', n)).collect::<Value>();
    let next = |n: u64| format!("<https://fake.test/repositories/9/pulls?page={n}>; rel=\"next\"");
    s.answers(&[("link", &next(2))], &page(1));
    s.answers(&[("link", &next(3))], &page(101));
    s.answers(&[], &page(201));
    let first = s.run().await;
    assert_eq!((first.hinted, first.hints.len()), (sweep::MAX_HINTS, 100), "all are counted, some are told");
    s.answers(&[("link", &next(2))], &page(1));
    assert_eq!(s.run().await.hinted, 300 - sweep::MAX_HINTS);
}

#[tokio::test]
async fn of_unchanged_pull_requests_some_comments_are_looked_for_in_each_run() {
    let s = scene(&["a/one"]);
    let most = u64::try_from(sweep::COMMENTS).unwrap();
    let list: Value = (1..=most + 5).map(|n| pull(n, 'a', n)).collect();
    s.answers(&[("etag", "\"1\"")], &list);
    for n in 1..=most + 5 {
        let epoch = s.reviewed(n, 'a').await;
        s.answers(&[("etag", "\"c\"")], &comment(epoch, 'a'));
    }
    assert_eq!(s.run().await.comments, u32::try_from(most).unwrap() + 5, "of those that changed, all");
    s.env.advance(Duration::from_hours(6));
    for expected in [most, 5, 0] {
        for _ in 0..=expected {
            s.answers_that_nothing_changed();
        }
        let run = s.run().await;
        assert_eq!((u64::from(run.comments), run.calls_fresh), (expected, 0));
    }
}
