use std::sync::Arc;

use eco_coder_shared::env::ManualEnv;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::testing::codeguru::profiler::{sample_profile, sample_recommendation};
use crate::testing::codeguru::{FakeCodeGuru, Trouble};

const GROUP: &str = "shop-api";
const START: Timestamp = Timestamp(1_790_000_000_000);
const END: Timestamp = Timestamp(1_790_003_600_000);
const REPOSITORY: RepoId = RepoId(1);

struct Stage {
    fake: FakeCodeGuru,
    env: Arc<ManualEnv>,
    engine: CodeGuruProfiler,
}

impl Stage {
    /// A group with a profile, and an engine that asks for it.
    async fn new() -> Self {
        let fake = FakeCodeGuru::start().await;
        fake.profiler(|profiler| {
            let group = profiler.group(GROUP);
            group.put(START, sample_profile(START, END).to_string());
            group.recommendations = vec![sample_recommendation(START, END)];
        });
        let env = Arc::new(ManualEnv::new(END, 1));
        let engine = engine(&fake, &env, GROUP).await;
        Self { fake, env, engine }
    }

    async fn ask(&self) -> Result<Profiled, ToolError> {
        self.engine.profile(REPOSITORY, None).await
    }

    async fn measured(&self) -> PerformanceProfile {
        self.ask().await.unwrap().measured().cloned().expect("a profile")
    }

    fn put(&self, profile: impl Into<Vec<u8>>) {
        self.fake.profiler(|profiler| profiler.group(GROUP).put(START, profile));
    }

    fn counted(&self) -> [usize; 3] {
        ["DescribeProfilingGroup", "GetProfile", "GetRecommendations"].map(|name| self.fake.calls(name).len())
    }
}

async fn engine(fake: &FakeCodeGuru, env: &Arc<ManualEnv>, group: &str) -> CodeGuruProfiler {
    let (group, timeout) = (ProfilingGroup::try_from(group).unwrap(), Duration::from_mins(2));
    let engine =
        CodeGuruProfiler::new(group, Period::default(), timeout, fake.settings(), Arc::clone(env) as SharedEnv)
            .unwrap();
    assert!(engine.client.set(client(&fake.sdk().await)).is_ok());
    engine
}

fn nothing(outcome: Result<Profiled, ToolError>) -> String {
    match outcome.unwrap() {
        Profiled::Nothing { nothing_measured } => nothing_measured,
        Profiled::Measured(profile) => panic!("{profile:?}"),
    }
}

#[tokio::test]
async fn the_deployed_services_profile_comes_with_what_codeguru_recommends() {
    let stage = Stage::new().await;
    for is_zipped in [false, true] {
        stage.fake.profiler(|profiler| profiler.group(GROUP).is_zipped = is_zipped);
        stage.env.advance(FRESH);
        let measured = stage.measured().await;
        assert!(measured.profiling_id.starts_with("codeguru-"));
        assert_eq!(measured.source, "CodeGuru Profiler, profiling group shop-api");
        assert_eq!(measured.profile.total_cpu_time_ms, Some(7_200_000.0));
        assert_eq!(measured.profile.bottlenecks[0].function_name, "shop.Search:search");
        let service = measured.deployed_service.unwrap();
        assert_eq!((service.start, service.end), (Some(START), Some(END)));
        assert_eq!(service.recommendations_missing, None);
        let [one] = service.recommendations.as_slice() else { panic!("{service:?}") };
        assert_eq!((one.name.as_str(), one.threshold_percent), ("Compiling a regular expression", Some(1.0)));
        assert_eq!(one.top_matches[0].function_name, "shop.Search:search");
    }
    let asked = &stage.fake.calls("GetProfile")[0].query;
    assert_eq!(asked, "period=P1D", "the latest one: the period alone");
    let asked = &stage.fake.calls("GetRecommendations")[0].query;
    assert!(
        asked.contains("startTime=2026-09-21T14%3A13%3A20Z") && asked.contains("endTime=2026-09-21T15%3A13%3A20Z"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_thousand_reviews_are_three_calls_until_the_answer_is_old() {
    let stage = Stage::new().await;
    let all = join_all((0..1000).map(|_| async {
        let name = stage.engine.fingerprint().await;
        (name, stage.ask().await.unwrap())
    }));
    let all = all.await;
    assert!(all.iter().all(|one| *one == all[0]));
    assert_eq!(stage.counted(), [1, 1, 1]);
    stage.env.advance(FRESH);
    stage.ask().await.unwrap();
    assert_eq!(stage.counted(), [2, 2, 2]);
    // Another period is another question.
    let week = stage.engine.profile(REPOSITORY, Some(Duration::from_hours(7 * 24))).await;
    assert!(week.unwrap().measured().is_some());
    assert_eq!(stage.fake.calls("GetProfile")[2].query, "period=P7D");
    for never in [Duration::from_secs(299), Duration::from_hours(7 * 24 + 1)] {
        let error = stage.engine.profile(REPOSITORY, Some(never)).await.unwrap_err();
        assert_eq!(error.error_type, ErrorType::ValidationError);
        assert!(error.for_model.contains("from PT5M to P7D"), "{error}");
    }
}

#[tokio::test]
async fn the_fingerprint_changes_once_a_period_and_not_while_codeguru_cannot_be_asked() {
    let stage = Stage::new().await;
    let day = Duration::from_hours(24);
    let first = stage.engine.fingerprint().await;
    let later = async |by: Duration| {
        stage.fake.profiler(|profiler| {
            let group = profiler.group(GROUP);
            group.latest = group.latest.map(|latest| latest + by);
        });
        stage.env.advance(FRESH);
        stage.engine.fingerprint().await
    };
    assert_eq!(later(Duration::from_mins(5)).await, first, "a profile that is five minutes younger is no other");
    let second = later(day).await;
    assert_ne!(second, first);
    stage.fake.trouble("DescribeProfilingGroup", 1, &Trouble::Denied);
    assert_eq!(later(day).await, second, "what is known holds");
    stage.env.advance(REFUSED);
    assert_ne!(stage.engine.fingerprint().await, second);
    // One that never heard anything has a name, too.
    stage.fake.trouble("DescribeProfilingGroup", 1, &Trouble::Denied);
    let other = engine(&stage.fake, &stage.env, GROUP).await;
    assert_eq!(other.fingerprint().await, "codeguru-profiler shop-api P1D unknown");
}

#[tokio::test]
async fn a_group_without_a_profile_is_no_error() {
    let stage = Stage::new().await;
    stage.fake.profiler(|profiler| profiler.group("empty").latest = None);
    let empty = engine(&stage.fake, &stage.env, "empty").await;
    assert_eq!(empty.fingerprint().await, "codeguru-profiler empty P1D none");
    assert_eq!(nothing(empty.profile(REPOSITORY, None).await), "the profiling group empty has no profile yet");
    assert_eq!(stage.counted(), [1, 0, 0]);
    // It had one, but not in this period.
    stage.fake.profiler(|profiler| profiler.group(GROUP).profile = None);
    assert_eq!(nothing(stage.ask().await), "the profiling group shop-api has no profile of the last P1D");
    stage.env.advance(FRESH);
    stage.put(r#"{"callgraph": {}}"#);
    assert_eq!(nothing(stage.ask().await), "the profiling group shop-api has no profile with samples of the last P1D");
}

#[tokio::test]
async fn each_refusal_says_what_it_is_and_stands_for_a_while() {
    let stage = Stage::new().await;
    for (trouble, calls, error_type, for_model, for_operator) in [
        (Trouble::Throttled, 3, ErrorType::Throttle, "asked too often", "GetProfile: ThrottlingException"),
        (
            Trouble::Denied,
            1,
            ErrorType::ValidationError,
            "refuses access",
            "allow codeguru-profiler:GetProfile in the role's policy",
        ),
        (Trouble::Internal, 3, ErrorType::ApiError, "could not be asked", "GetProfile: InternalServerException"),
    ] {
        let before = stage.counted()[1];
        stage.fake.trouble("GetProfile", calls, &trouble);
        let error = stage.ask().await.unwrap_err();
        assert_eq!(error.error_type, error_type, "{error}");
        assert!(error.for_model.contains(for_model), "{}", error.for_model);
        assert!(error.for_operator.contains(for_operator), "{error}");
        assert!(!error.for_model.contains("codeguru-profiler:"), "IAM is none of the author's business");
        assert_eq!(stage.ask().await.unwrap_err(), error);
        assert_eq!(stage.counted()[1], before + calls, "the SDK's tries, and no call for what is known");
        stage.env.advance(kept_for(Some(&error)));
        assert!(stage.ask().await.is_ok());
        stage.env.advance(FRESH);
    }
}

#[tokio::test]
async fn a_group_that_is_not_there_is_named() {
    let stage = Stage::new().await;
    let other = engine(&stage.fake, &stage.env, "other").await;
    let error = other.profile(REPOSITORY, None).await.unwrap_err();
    assert_eq!(
        (error.error_type, error.for_model.as_str()),
        (ErrorType::ValidationError, "there is no profiling group other")
    );
    assert!(error.for_operator.contains("profiles.codeguru_group and aws.region"), "{error}");
}

#[tokio::test]
async fn missing_recommendations_leave_the_profile() {
    let stage = Stage::new().await;
    stage.fake.trouble("GetRecommendations", 1, &Trouble::Denied);
    let service = stage.measured().await.deployed_service.unwrap();
    assert!(service.recommendations.is_empty());
    assert!(service.recommendations_missing.unwrap().contains("refuses access"));
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_is_refused_and_the_report_is_made_without_it() {
    let stage = Stage::new().await;
    let deep = format!("{}1{}", r#"{"callgraph":{"children":{"f":"#, "}}}");
    let deeper = r#"{"children":{"f":"#.repeat(10_002);
    let deepest = format!(r#"{{"callgraph":{deeper}1{}}}"#, "}}".repeat(10_002));
    let cases: [(Vec<u8>, &str); 5] = [
        (b"garbage".to_vec(), "it is not JSON"),
        (sample_profile(START, END).to_string().into_bytes()[..100].to_vec(), "damaged or has another form"),
        (deepest.into_bytes(), "more than 10000 frames in a stack"),
        (br#"{"callgraph": {"counts": {"WAITING": 1}}}"#.to_vec(), "threads that wait"),
        (vec![0xe0, 0x01, 0x00, 0xea, 0xd0], "not JSON, which was asked for"),
    ];
    for (bytes, words) in cases {
        stage.put(bytes);
        let error = stage.ask().await.unwrap_err();
        assert_eq!(error.error_type, ErrorType::ValidationError);
        assert!(error.for_model.contains(words), "{error}");
        stage.env.advance(FRESH);
    }
    stage.put(deep);
    assert!(nothing(stage.ask().await).contains("with samples"));
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_bound_and_no_further() {
    let stage = Stage::new().await;
    let limit = Limits::default().max_input_bytes;
    let profile = sample_profile(START, END).to_string();
    let of = |bytes: usize| format!("{profile}{}", " ".repeat(bytes - profile.len()));
    stage.put(of(limit));
    assert!(stage.ask().await.is_ok());
    stage.env.advance(FRESH);
    for past in [limit + 1, limit + (4 << 20)] {
        stage.put(of(past));
        let error = stage.ask().await.unwrap_err();
        assert!(error.for_model.contains("more than 16777216 bytes; set a shorter profiles.period"), "{error}");
        stage.env.advance(FRESH);
    }
    // What else is asked for is bounded in the same way.
    stage.put(profile);
    let endless = format!(r#"{{"anomalies": {}"#, "[".repeat(limit));
    stage.fake.trouble("GetRecommendations", 3, &Trouble::Nonsense(endless.into_bytes()));
    let service = stage.measured().await.deployed_service.unwrap();
    assert_eq!(service.recommendations_missing.as_deref(), Some("CodeGuru Profiler could not be asked"));
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let mut stage = Stage::new().await;
    stage.engine.timeout = Duration::from_millis(50);
    stage.engine.fingerprint().await;
    stage.fake.trouble("GetProfile", 3, &Trouble::Silence);
    let error = stage.ask().await.unwrap_err();
    assert_eq!(error.error_type, ErrorType::Timeout);
    stage.fake.calm();
    stage.engine.timeout = Duration::from_mins(1);
    stage.env.advance(FAILED);
    assert!(stage.ask().await.is_ok());
}

#[tokio::test]
async fn without_a_time_of_its_own_the_profile_is_of_the_last_period() {
    let stage = Stage::new().await;
    stage.put(json!({"callgraph": {"counts": {"RUNNABLE": 1}}}).to_string());
    let service = stage.measured().await.deployed_service.unwrap();
    assert_eq!((service.start, service.end), (None, None));
    let asked = &stage.fake.calls("GetRecommendations")[0].query;
    assert!(
        asked.contains("startTime=2026-09-20T15%3A13%3A20Z") && asked.contains("endTime=2026-09-21T15%3A13%3A20Z"),
        "{asked}"
    );
}

#[test]
fn a_result_of_an_older_version_is_of_the_head() {
    let old =
        json!({"profiling_id": "p", "sample_type": "cpu", "bottlenecks": [], "samples": 1, "source": "cpu.pprof"});
    let profile: PerformanceProfile = serde_json::from_value(old.clone()).unwrap();
    assert_eq!(profile.deployed_service, None);
    assert_eq!(serde_json::to_value(&profile).unwrap(), old, "and is written as it was");
    let measured: Profiled = serde_json::from_value(old).unwrap();
    assert_eq!(measured, Profiled::Measured(Box::new(profile)));
    let none: Value = json!({"nothing_measured": "why"});
    assert_eq!(serde_json::to_value(serde_json::from_value::<Profiled>(none.clone()).unwrap()).unwrap(), none);
}
