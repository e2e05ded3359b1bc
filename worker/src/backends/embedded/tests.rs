//! The embedded analysis against a stateful fake of GitHub: budgets, permits, and what is named when they are spent.

use std::sync::{Arc, mpsc};

use eco_coder_analyzer::LineSet;
use eco_coder_github::testing::FakeGitHub;
use eco_coder_github::transport::{Headers, Method, Response};
use eco_coder_github::{Auth, GitHub};
use eco_coder_shared::env::{ManualEnv, Timestamp};
use eco_coder_shared::ids::{PullNumber, RepoId};
use futures_util::FutureExt;
use secrecy::SecretString;

use super::*;
use crate::results::ReviewStatus;
use crate::subject::{Subject, Target};

const SOURCE: &str =
    "def f(cursor, ids):\n    for i in ids:\n        cursor.execute('SELECT a FROM t WHERE i = %s', (i,))\n";

struct Stage {
    github: Arc<FakeGitHub>,
    pool: CpuPool,
    code: Embedded,
}

impl Stage {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let github = FakeGitHub::new();
        let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_000_000), 7));
        let auth = Auth::token(SecretString::from("t"));
        let client = GitHub::new(github.clone(), auth, env, eco_coder_github::Settings::default());
        let pool = CpuPool::start(1, eco_coder_analyzer::STACK_BYTES).unwrap();
        let mut settings = Settings {
            max_files: 100,
            max_file_bytes: 1 << 20,
            fetch_concurrency: 1,
            exclude: Exclude::new(&[]).unwrap(),
            timeout: Duration::from_mins(1),
            cpu: Duration::from_mins(1),
            options: Options::default(),
        };
        change(&mut settings);
        Self { github, code: Embedded::new(client, pool.clone(), 1 << 24, settings), pool }
    }

    fn has(&self, path: &str, text: &'static str) {
        let raw = Response { status: 200, headers: Headers::default(), body: text.into() };
        self.github.answer(Method::Get, &format!("/repos/o/r/contents/{path}"), raw);
    }

    async fn analyze(&self, files: &[SubjectFile], spent: Duration) -> CodeAnalysis {
        self.code.analyze(&subject(files), None, &self.code.budget(spent)).await.unwrap()
    }
}

fn file(path: &str, change: Change) -> SubjectFile {
    SubjectFile { path: path.into(), previous_path: None, change }
}

fn all_of(path: &str) -> SubjectFile {
    file(path, Change::Lines(LineSet::from_ranges([1..=99])))
}

fn subject(files: &[SubjectFile]) -> Subject {
    Subject {
        target: Target {
            repository: "o/r".parse().unwrap(),
            repository_id: RepoId(1),
            pull_request: PullNumber::try_from(1).unwrap(),
            head_sha: "a".repeat(40).parse().unwrap(),
            merge_base_sha: "b".repeat(40).parse().unwrap(),
        },
        files: files.to_vec(),
        truncated: false,
        files_changed: files.len(),
        settings: Arc::default(),
    }
}

#[tokio::test]
async fn a_review_whose_cpu_time_is_spent_names_the_files_that_are_left_and_fetches_none_of_them() {
    let stage = Stage::new(|settings| settings.cpu = Duration::from_micros(1));
    stage.has("a.py", SOURCE);
    let analysis = stage.analyze(&[all_of("a.py"), all_of("b.py"), all_of("c.py")], Duration::ZERO).await;
    assert_eq!(stage.github.sent().len(), 1);
    assert_eq!((analysis.status, analysis.faults), (ReviewStatus::Partial, 0), "another try would be the same");
    let left: Vec<&str> = analysis.skipped.iter().map(|skipped| skipped.path.as_str()).collect();
    assert_eq!(left, ["b.py", "c.py"]);
    assert!(analysis.skipped.iter().all(|skipped| skipped.gap && skipped.reason.contains("analysis.cpu_seconds")));
    assert!(analysis.cpu_seconds.seconds() > 0.0);

    let later = stage.analyze(&[all_of("a.py")], Duration::from_mins(1)).await;
    assert_eq!(later.files_analyzed, 0, "what the session used before counts");
}

#[tokio::test]
async fn each_thing_that_is_missing_is_said() {
    let stage = Stage::new(|settings| settings.max_files = 1);
    stage.has("a.py", Box::leak(SOURCE.repeat(201).into_boxed_str()));
    let lines = Change::Lines(LineSet::from_ranges([1..=9999]));
    let mut subject = subject(&[file("a.py", lines), all_of("b.py")]);
    subject.truncated = true;
    let analysis = stage.code.analyze(&subject, None, &stage.code.budget(Duration::ZERO)).await.unwrap();
    let reason = analysis.reason.unwrap();
    for part in ["3,000 files", "1 file could not be looked at", "200"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
}

#[tokio::test]
async fn without_a_patch_both_versions_are_compared() {
    let stage = Stage::new(|_| {});
    stage.has("a.py", SOURCE);
    let analysis = stage.analyze(&[file("a.py", Change::Unknown)], Duration::ZERO).await;
    // The fake gives the same text for both commits: nothing is new.
    assert_eq!((analysis.files_analyzed, analysis.recommendations.len()), (1, 0));
    assert_eq!(stage.github.sent().len(), 2);
    assert_eq!(stage.code.source_in_use(), 0);
}

#[tokio::test]
async fn the_permit_outlives_the_deadline_for_as_long_as_the_text_does() {
    let stage = Stage::new(|settings| settings.timeout = Duration::ZERO);
    stage.has("a.py", SOURCE);
    // The pool's one thread is busy with something else.
    let (held, until) = mpsc::channel::<()>();
    let (pool, budget) = (stage.pool.clone(), CpuBudget::unlimited());
    let mut busy = Box::pin(async move { pool.run(RepoId(2), &budget, move |_| until.recv().unwrap_or(())).await });
    assert!((&mut busy).now_or_never().is_none());

    let analysis = stage.analyze(&[all_of("a.py")], Duration::ZERO).await;
    assert_eq!(analysis.skipped[0].reason, "the time for the analysis was up");
    assert_eq!(analysis.faults, 1, "it waited for others: another try may see it");
    assert_eq!(stage.code.source_in_use(), 2 * SOURCE.len(), "it waits in the pool, with its permit");

    drop(held);
    busy.await.unwrap();
    stage.pool.run(RepoId(2), &CpuBudget::unlimited(), |_| ()).await.unwrap();
    assert_eq!(stage.code.source_in_use(), 0);
}
