//! The driver with a scripted model, a stateful fake of GitHub and a real store.

use std::path::PathBuf;
use std::sync::Arc;

use eco_coder_analyzer::{LineSet, Options};
use eco_coder_github::testing::{FakeGitHub, answer};
use eco_coder_github::transport::{Headers, Method, Response};
use eco_coder_github::{Auth, GitHub, Settings};
use eco_coder_shared::env::ManualEnv;
use eco_coder_shared::ids::{PullKey, PullNumber, RepoId, RepoName};
use secrecy::SecretString;
use serde_json::json;

use super::*;
use crate::agent::budget::Limits;
use crate::agent::run::Ended;
use crate::backends::benchmarks::BenchmarkFiles;
use crate::backends::codeguru_reviewer::{self as codeguru, CodeguruReviewer};
use crate::backends::cpu::CpuPool;
use crate::backends::embedded::{self, Embedded, Exclude};
use crate::backends::linters::{self, Linters};
use crate::backends::parameter_store::Grid;
use crate::backends::profile_files::{Place, ProfileFiles};
use crate::backends::profiles::Profiles;
use crate::claim::{Row, Transition, Verdict};
use crate::model::scripted::{ScriptedModel, asks, says};
use crate::model::{ModelRequest, Told, Turn};
use crate::report::Section;
use crate::store::ResultKey;
use crate::store::history::Reviewed;
use crate::store::sqlite::SqliteStore;
use crate::subject::{Change, SubjectFile, Target};
use crate::tools::codeguru_reviewer::{Progress, Upload};

const SOURCE: &str =
    "def f(cursor, ids):\n    for i in ids:\n        cursor.execute('SELECT a FROM t WHERE i = %s', (i,))\n";

struct Stage {
    github: Arc<FakeGitHub>,
    env: Arc<ManualEnv>,
    shared_env: SharedEnv,
    store: SqliteStore,
    seal: SealKey,
    backends: Backends,
    subject: Subject,
    profiles: tempfile::TempDir,
    brief: Brief,
    day: DayLimits,
}

fn sha(digit: &str) -> eco_coder_shared::ids::CommitSha {
    digit.repeat(40).parse().unwrap()
}

impl Stage {
    fn new() -> Self {
        let github = FakeGitHub::new();
        let raw = Response { status: 200, headers: Headers::default(), body: SOURCE.into() };
        github.answer(Method::Get, "/repos/o/r/contents/a.py", raw);
        let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1_000_000), 7));
        let shared_env: SharedEnv = env.clone();
        let settings = Settings { write_interval: Duration::ZERO, ..Settings::default() };
        let auth = Auth::token(SecretString::from("t"));
        let client = GitHub::new(github.clone(), auth, shared_env.clone(), settings);
        let pool = CpuPool::start(1, eco_coder_analyzer::STACK_BYTES).unwrap();
        let settings = embedded::Settings {
            max_files: 2,
            max_file_bytes: 1 << 20,
            fetch_concurrency: 4,
            exclude: Exclude::new(&[]).unwrap(),
            timeout: Duration::from_mins(1),
            cpu: Duration::from_mins(1),
            options: Options::default(),
        };
        let profiles = tempfile::tempdir().unwrap();
        let place = Place::Dir(profiles.path().to_owned());
        let backends = Backends {
            code: Arc::new(Embedded::new(client, pool, 1 << 24, settings)),
            codeguru: None,
            linters: Arc::new(Linters::new(linters::Place::Files(Vec::new())).unwrap()),
            artifacts: None,
            benchmarks: Arc::new(BenchmarkFiles::new("nowhere".into()).unwrap()),
            profiles: Arc::new(Profiles::Files(ProfileFiles::new(place, Some(10.0)).unwrap())),
            flame_graphs: None,
            carbon: Grid::fixed(eco_coder_carbon::Input {
                aws_region: "eu-west-1".into(),
                ..eco_coder_carbon::Input::default()
            }),
        };
        let change = Change::Lines(LineSet::from_ranges([1..=3]));
        let file = SubjectFile { path: "a.py".into(), previous_path: None, change };
        let subject = Subject {
            target: Target {
                repository: "o/r".parse().unwrap(),
                repository_id: RepoId(1),
                pull_request: PullNumber::try_from(1).unwrap(),
                head_sha: sha("a"),
                merge_base_sha: sha("b"),
            },
            files: vec![file],
            truncated: false,
            files_changed: 1,
            settings: Arc::default(),
        };
        let (store, seal) = (SqliteStore::in_memory().unwrap(), SealKey::new(&[3; 32]));
        let (brief, day) = (Brief::default(), DayLimits::default());
        Self { github, env, shared_env, store, seal, backends, subject, profiles, brief, day }
    }

    fn driver<'a>(&'a self, store: &'a dyn Store, model: Option<&'a Arc<dyn Model>>) -> Driver<'a> {
        let deadline = Duration::from_mins(1);
        Driver {
            store,
            seal: &self.seal,
            env: &self.shared_env,
            model,
            backends: &self.backends,
            deadlines: Deadlines { analyze: deadline, profile: deadline, model: deadline, review: deadline },
            brief: &self.brief,
            day: self.day,
            stored: true,
        }
    }

    async fn run(&self, model: Option<&ScriptedModel>) -> Driven {
        let model: Option<Arc<dyn Model>> = model.map(|model| Arc::new(model.clone()) as Arc<dyn Model>);
        let driver = self.driver(&self.store, model.as_ref());
        let run = Run::new(model.as_ref().map(|model| model.id().to_owned()), Limits::default());
        driver.run(&SessionId("s".into()), run, &self.subject).await.unwrap()
    }

    async fn finish(&self, model: Option<&ScriptedModel>) -> Finish {
        match self.run(model).await {
            Driven::Finished(finish) => *finish,
            other => panic!("not finished: {other:?}"),
        }
    }

    fn write_profile(&self, text: &str) {
        let dir: PathBuf = self.profiles.path().join("o/r").join("a".repeat(40));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("cpu.folded"), text).unwrap();
    }

    fn fetched(&self) -> usize {
        self.github.sent().iter().filter(|sent| sent.path.contains("/contents/")).count()
    }
}

fn report(summary: &str) -> Result<ModelReply, ModelError> {
    asks(&[("end", "post_github_comment", json!({"report": {"verdict": "mend", "summary": summary}}))])
}

#[tokio::test]
async fn turn_zero_alone_makes_the_report() {
    let stage = Stage::new();
    stage.write_profile("main;f 100\n");
    let finish = stage.finish(None).await;
    let analysis = finish.quality.present().unwrap();
    assert_eq!(analysis.recommendations[0].rule_id, "EC-PY-072");
    assert_eq!(finish.performance.present().unwrap().profile.total_cpu_time_ms, Some(1000.0));
    assert!(finish.carbon.present().unwrap().co2e_grams > 0.0);
}

#[tokio::test]
async fn a_model_narrows_a_call_and_ends_with_its_report() {
    let stage = Stage::new();
    let model = ScriptedModel::new([
        asks(&[
            ("1", "analyze_code", json!({"paths": ["a.py"]})),
            ("2", "analyze_code", json!({"paths": ["../etc/passwd"]})),
            ("3", "calculate_carbon_footprint", json!({"measurement_id": "made-up"})),
        ]),
        report("Mend the query."),
    ]);
    let finish = stage.finish(Some(&model)).await;
    assert!(matches!(finish.model, Ended::Finished(report) if report.summary == "Mend the query."));
    assert_eq!(finish.usage.input, 2000);
    let requests = model.requests();
    let Some(Turn::User { content }) = requests[1].turns.last() else { panic!("no answers") };
    let errors: Vec<bool> = content.iter().map(|t| matches!(t, Told::ToolResult { is_error: true, .. })).collect();
    assert_eq!(errors, [false, true, true]);
    assert_eq!(model.unused(), 0);
}

#[tokio::test]
async fn the_prompt_holds_results_as_data() {
    let stage = Stage::new();
    let model = ScriptedModel::new([report("Fine.")]);
    stage.finish(Some(&model)).await;
    let request = &model.requests()[0];
    let Turn::User { content } = &request.turns[0] else { panic!("no opening") };
    let Told::Text { text } = &content[0] else { panic!("no text") };
    assert!(text.contains("<<<DATA") && text.contains("EC-PY-072"), "{text}");
    assert!(!text.contains("SELECT a FROM"), "source text in the opening");
    assert!(request.system.split_whitespace().count() < 1000, "the system prompt is under 2,000 tokens");
    assert_eq!(request.tools.len(), 5);
}

#[tokio::test]
async fn a_session_goes_on_where_another_process_left_it_and_pays_nothing_twice() {
    let stage = Stage::new();
    let until = Timestamp::from_seconds(1_000_060);
    let first = ScriptedModel::new([
        asks(&[("1", "profile_code_performance", json!({}))]),
        Err(ModelError::Throttled { until }),
    ]);
    assert!(matches!(stage.run(Some(&first)).await, Driven::Suspended { until: at, .. } if at == until));
    assert_eq!(stage.fetched(), 1);

    // Too early: nothing is asked.
    let silent = ScriptedModel::new([]);
    assert!(matches!(stage.run(Some(&silent)).await, Driven::Suspended { .. }));

    stage.env.advance(Duration::from_mins(1));
    let second = ScriptedModel::new([report("Done.")]);
    let finish = stage.finish(Some(&second)).await;
    assert!(matches!(finish.model, Ended::Finished(_)));
    assert_eq!(second.requests()[0].turns.len(), 3, "the conversation so far is there again");
    assert_eq!(stage.fetched(), 1, "no tool ran again");
    assert_eq!(finish.usage.input, 2000);

    // And once more, finished: not even the model is asked.
    assert!(matches!(stage.finish(Some(&ScriptedModel::new([]))).await.model, Ended::Finished(_)));
}

#[tokio::test]
async fn what_a_model_said_is_stored_sealed() {
    let stage = Stage::new();
    stage.finish(Some(&ScriptedModel::new([says("a secret thought"), report("Visible.")]))).await;
    let events = stage.store.events(&SessionId("s".into()), stage.shared_env.now()).await.unwrap();
    assert_eq!(events.len(), 4, "two tools, two replies");
    for event in events {
        let text = String::from_utf8_lossy(&event).into_owned();
        assert!(!text.contains("secret thought") && !text.contains("Visible") && !text.contains("EC-PY"), "{text}");
    }
}

/// A store in which another worker is always one event ahead.
struct Overtaken(SqliteStore);

#[async_trait::async_trait]
impl Store for Overtaken {
    async fn append(&self, id: &SessionId, n: u32, event: Vec<u8>, expires: Timestamp) -> Result<Appended, StoreError> {
        self.0.append(id, n, b"another worker's".to_vec(), expires).await?;
        self.0.append(id, n, event, expires).await
    }

    async fn events(&self, id: &SessionId, now: Timestamp) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.events(id, now).await
    }

    async fn row(&self, key: PullKey) -> Result<Row, StoreError> {
        self.0.row(key).await
    }

    async fn transition(&self, key: PullKey, transition: &Transition) -> Result<Verdict, StoreError> {
        self.0.transition(key, transition).await
    }

    async fn result(&self, key: &ResultKey, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.result(key, now).await
    }

    async fn put_result(&self, key: &ResultKey, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        self.0.put_result(key, value, expires).await
    }

    async fn end_session(&self, id: &SessionId) -> Result<(), StoreError> {
        self.0.end_session(id).await
    }

    async fn keep_report(
        &self,
        key: PullKey,
        name: &RepoName,
        sealed: Vec<u8>,
        expires: Timestamp,
    ) -> Result<(), StoreError> {
        self.0.keep_report(key, name, sealed, expires).await
    }

    async fn kept_report(
        &self,
        name: &RepoName,
        pull: PullNumber,
        now: Timestamp,
    ) -> Result<Option<(PullKey, Vec<u8>)>, StoreError> {
        self.0.kept_report(name, pull, now).await
    }

    async fn drop_report(&self, key: PullKey) -> Result<(), StoreError> {
        self.0.drop_report(key).await
    }

    async fn record(&self, _: &Reviewed) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reviews(&self, _: Timestamp, _: Timestamp, _: usize) -> Result<Vec<Reviewed>, StoreError> {
        Ok(Vec::new())
    }

    async fn spend(&self, _: &str, _: u64, _: u64, _: Timestamp) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn give_back(&self, _: &str, _: u64) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("gone".into()))
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        self.0.lease(name, holder, now, until).await
    }

    async fn end_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        self.0.end_lease(name, holder).await
    }

    async fn noted(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.noted(name, now).await
    }

    async fn note(&self, name: &str, value: Vec<u8>, expires: Timestamp) -> Result<(), StoreError> {
        self.0.note(name, value, expires).await
    }

    async fn purge(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.0.purge(now).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.0.check().await
    }
}

#[tokio::test]
async fn of_two_processes_on_one_session_the_late_one_stops() {
    let stage = Stage::new();
    let store = Overtaken(stage.store.clone());
    let driver = stage.driver(&store, None);
    let run = Run::new(None, Limits::default());
    let outcome = driver.run(&SessionId("s".into()), run, &stage.subject).await.unwrap();
    assert!(matches!(outcome, Driven::Superseded), "{outcome:?}");
}

#[tokio::test]
async fn a_session_that_cannot_be_read_is_begun_anew() {
    let mut stage = Stage::new();
    stage.finish(None).await;
    stage.seal = SealKey::new(&[4; 32]);
    assert!(stage.finish(None).await.quality.present().is_some());
    assert_eq!(stage.fetched(), 2);
}

#[tokio::test]
async fn a_session_that_is_over_is_begun_anew() {
    let stage = Stage::new();
    stage.finish(None).await;
    stage.env.advance(Duration::from_hours(25));
    assert!(stage.finish(None).await.quality.present().is_some());
    assert_eq!(stage.fetched(), 2);
}

/// A model that looks at what its caller holds.
struct Watchful(Arc<Embedded>, std::sync::Mutex<Vec<usize>>);

#[async_trait::async_trait]
impl Model for Watchful {
    fn id(&self) -> &'static str {
        "watchful"
    }

    fn dollars(&self, _: Usage) -> Option<f64> {
        None
    }

    async fn reply(&self, _: ModelRequest) -> Result<ModelReply, ModelError> {
        let mut seen = self.1.lock().unwrap();
        seen.push(self.0.source_in_use());
        if seen.len() == 1 { asks(&[("1", "analyze_code", json!({}))]) } else { report("Fine.") }
    }
}

#[tokio::test]
async fn no_source_is_held_while_a_model_is_awaited() {
    let stage = Stage::new();
    let watchful = Arc::new(Watchful(Arc::clone(&stage.backends.code), std::sync::Mutex::default()));
    let model: Arc<dyn Model> = watchful.clone();
    let driver = stage.driver(&stage.store, Some(&model));
    let run = Run::new(Some("watchful".into()), Limits::default());
    driver.run(&SessionId("s".into()), run, &stage.subject).await.unwrap();
    assert_eq!(stage.fetched(), 2);
    assert_eq!(*watchful.1.lock().unwrap(), [0, 0]);
}

/// A model that takes its time.
struct SlowModel(Arc<ManualEnv>);

#[async_trait::async_trait]
impl Model for SlowModel {
    fn id(&self) -> &'static str {
        "slow"
    }

    fn dollars(&self, _: Usage) -> Option<f64> {
        None
    }

    async fn reply(&self, _: ModelRequest) -> Result<ModelReply, ModelError> {
        self.0.advance(Duration::from_mins(2));
        says("Let me think.")
    }
}

#[tokio::test]
async fn a_review_ends_at_its_deadline_with_what_is_there() {
    let stage = Stage::new();
    let model: Arc<dyn Model> = Arc::new(SlowModel(stage.env.clone()));
    let driver = stage.driver(&stage.store, Some(&model));
    let run = Run::new(Some("slow".into()), Limits::default());
    let outcome = driver.run(&SessionId("s".into()), run, &stage.subject).await.unwrap();
    let Driven::Finished(finish) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(&finish.model, Ended::Unfinished { why } if why.contains("time was up")));
    assert!(finish.quality.present().is_some());
}

#[tokio::test]
async fn a_file_that_github_does_not_give_out_is_named_and_the_rest_is_looked_at() {
    let mut stage = Stage::new();
    let mut other = stage.subject.files[0].clone();
    other.path = "gone.py".into();
    stage.subject.files.push(other);
    stage.github.answer(Method::Get, "/repos/o/r/contents/gone.py", answer(403, &json!({"message": "no"})));
    let finish = stage.finish(None).await;
    let analysis = finish.quality.present().unwrap();
    assert_eq!((analysis.files_analyzed, analysis.skipped.len()), (1, 1));
    assert!(analysis.is_partial());
    assert_eq!(analysis.skipped[0].path, "gone.py");
}

#[tokio::test]
async fn files_that_are_none_of_ours_take_no_place_in_the_number_looked_at() {
    let mut stage = Stage::new();
    let file = stage.subject.files[0].clone();
    let named = |path: &str| SubjectFile { path: path.into(), ..file.clone() };
    stage.subject.files = ["dist/a.js", "dist/b.js", "dist/c.js", "README.md", "a.py"].map(named).into();
    assert_eq!(stage.finish(None).await.quality.present().unwrap().recommendations.len(), 1);

    stage.subject.files = ["a.py", "b.py", "c.py", "d.py"].map(named).into();
    stage.store.end_session(&SessionId("s".into())).await.unwrap();
    let finish = stage.finish(None).await;
    let analysis = finish.quality.present().unwrap();
    assert!(analysis.is_partial());
    let beyond: Vec<&str> =
        analysis.skipped.iter().filter(|s| s.reason.contains("max_files")).map(|s| s.path.as_str()).collect();
    assert_eq!(beyond, ["c.py", "d.py"]);
}

#[tokio::test]
async fn a_broken_profile_is_a_failed_tool_not_a_failed_review() {
    let stage = Stage::new();
    stage.write_profile("\u{0}\u{1}not a profile");
    let finish = stage.finish(None).await;
    assert!(matches!(finish.performance, Section::Failed { error_type: ErrorType::ValidationError, .. }));
    assert!(matches!(finish.carbon, Section::Absent { .. }));
    assert!(finish.quality.present().is_some());
}

#[tokio::test]
async fn over_the_day_s_budget_nothing_is_asked_and_the_report_is_the_tools() {
    let mut stage = Stage::new();
    stage.day.tokens = Some(20_000);
    // Two questions of some 7,000 tokens at most fit, because the first one cost less than it could have.
    let script = || ScriptedModel::new([asks(&[("1", "profile_code_performance", json!({}))]), report("Done.")]);
    assert!(matches!(stage.finish(Some(&script())).await.model, Ended::Finished(_)));
    stage.day.tokens = Some(2_100 + 5_000);
    stage.store.end_session(&SessionId("s".into())).await.unwrap();
    let model = script();
    let finish = stage.finish(Some(&model)).await;
    assert!(
        matches!(&finish.model, Ended::Unfinished { why } if why.contains("the day's budget")),
        "{:?}",
        finish.model
    );
    assert_eq!((model.requests().len(), finish.usage.input), (0, 0));
    assert!(finish.quality.present().is_some());
}

#[tokio::test]
async fn a_review_s_budget_is_looked_at_before_a_question() {
    let stage = Stage::new();
    let model: Arc<dyn Model> = Arc::new(ScriptedModel::new([report("Done.")]));
    let driver = stage.driver(&stage.store, Some(&model));
    let run = Run::new(Some("m".into()), Limits { tokens: 5_000, ..Limits::default() });
    let Driven::Finished(finish) = driver.run(&SessionId("s".into()), run, &stage.subject).await.unwrap() else {
        panic!("not finished")
    };
    assert!(matches!(&finish.model, Ended::Unfinished { why } if why.contains("token budget")), "{:?}", finish.model);
}

#[tokio::test]
async fn changes_are_read_from_the_diff_in_hand_and_nothing_else_is() {
    let mut stage = Stage::new();
    let patch = "@@ -0,0 +1,2 @@\n+token = 'planted-1f3a'\n+x = 1\n";
    stage.brief.diff.add("a.py", Some(patch));
    let model = ScriptedModel::new([
        asks(&[
            ("1", "read_changes", json!({"path": "a.py"})),
            ("2", "read_changes", json!({"path": "../../etc/passwd"})),
            ("3", "read_changes", json!({"path": "/proc/self/environ"})),
        ]),
        report("Done."),
    ]);
    stage.finish(Some(&model)).await;
    let Some(Turn::User { content }) = model.requests()[1].turns.last().cloned() else { panic!("no answers") };
    let answers: Vec<(bool, String)> = content
        .into_iter()
        .map(|told| match told {
            Told::ToolResult { content, is_error, .. } => (is_error, content),
            other @ Told::Text { .. } => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answers[0], (false, "=== a.py (+2)\n@\n1+token = 'planted-1f3a'\n2+x = 1\n".to_owned()));
    assert!(answers[1].0 && answers[2].0);
    let stored = stage.store.events(&SessionId("s".into()), stage.shared_env.now()).await.unwrap();
    for (sequence, event) in (0..).zip(&stored) {
        let place = place(&SessionId("s".into()), sequence);
        let clear = String::from_utf8(stage.seal.open(&place, event).unwrap()).unwrap();
        assert!(!clear.contains("planted-1f3a"), "not even sealed: {clear}");
    }
}

#[tokio::test]
async fn a_run_whose_time_is_up_removes_what_was_uploaded_for_codeguru() {
    let mut stage = Stage::new();
    let fake = codeguru::fake::FakeReviewer::new();
    fake.associate_bucket("shop-scans", "codeguru-reviewer-acme", "Associated");
    let settings = codeguru::Settings {
        associations: Vec::new(),
        min_changed_lines: 0,
        timeout: Duration::from_mins(5),
        poll: Duration::from_secs(1),
        daily_limit: 1,
        upload: None,
    };
    let client = GitHub::new(stage.github.clone(), Auth::Anonymous, stage.shared_env.clone(), Settings::default());
    let (aws, store) = (eco_coder_shared::aws::AwsSettings::default(), Arc::new(SqliteStore::in_memory().unwrap()));
    let engine = CodeguruReviewer::new(settings, aws, store, stage.shared_env.clone(), &client);
    stage.backends.codeguru = Some(Arc::new(engine.unpaced(&fake.sdk().await.unwrap())));

    let mut driver = stage.driver(&stage.store, None);
    driver.deadlines.review = Duration::ZERO;
    let upload = Upload { bucket: "codeguru-reviewer-acme".into(), key: "eco-coder/a.zip".into(), is_stored: true };
    let progress = Progress { upload: Some(upload), ..Progress::default() };
    let until = stage.shared_env.now() + Duration::from_mins(1);
    let waits = Event::ToolWaits { id: 2, until, call: ToolCall::CodeguruReviewer(progress) };
    let id = SessionId("s".into());
    let mut session = Session { id: &id, length: 0, expires: until };
    driver.append(&mut session, &waits).await.unwrap();
    let run = Run::new(None, Limits::default()).asking_codeguru();
    let ended = driver.run(&id, run, &stage.subject).await.unwrap();
    assert!(matches!(ended, Driven::Finished(_)), "{ended:?}");
    assert_eq!(fake.calls(), ["DeleteObject"]);
}
