//! CodeGuru Profiler's part of the fake: profiling groups with their profiles and recommendations, and the three calls
//! that read them.

#![expect(clippy::result_large_err, reason = "an answer that is a refusal is an answer")]

use std::collections::BTreeMap;
use std::io::Write;

use aws_sdk_codeguruprofiler::primitives::{DateTime, DateTimeFormat};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::get;
use eco_coder_shared::env::Timestamp;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{Call, FakeCodeGuru, answer, error};
use crate::backends::codeguru_profiler::iso_duration;

/// The name that requests are signed for.
pub const SIGNED: &str = "codeguru-profiler";

/// The longest time that one profile can be of, days. Source: the API's reference.
const MAX_DAYS: u64 = 7;

/// What the service has.
#[derive(Debug, Clone, Default)]
pub struct Profiler {
    groups: BTreeMap<String, Group>,
}

/// A profiling group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// When the latest aggregated profile begins, if there is one.
    pub latest: Option<Timestamp>,
    /// Its bytes, whatever they are.
    pub profile: Option<Vec<u8>>,
    /// Sent as gzip.
    pub is_zipped: bool,
    /// Of `GetRecommendations`, as it lists them.
    pub recommendations: Vec<Value>,
}

impl Profiler {
    /// The group of this name; it is made if it isn't there.
    pub fn group(&mut self, name: &str) -> &mut Group {
        self.groups.entry(name.to_owned()).or_default()
    }
}

impl Group {
    /// Gives it a profile that begins then.
    pub fn put(&mut self, latest: Timestamp, profile: impl Into<Vec<u8>>) {
        (self.latest, self.profile) = (Some(latest), Some(profile.into()));
    }
}

/// A profile as the agents write it: a service whose `search` calls itself, on the JVM.
pub fn sample_profile(start: Timestamp, end: Timestamp) -> Value {
    json!({
        "start": start.0, "end": end.0,
        "agentMetadata": {
            "sampleWeights": {"RUNNABLE": 1.0, "BLOCKED": 1.0, "NATIVE": 1.0},
            "durationInMs": end.0 - start.0, "cpuTimeInSeconds": 7200.0, "numTimesSampled": 86_400,
            "agentInfo": {"type": "CodeGuruProfiler-java", "version": "1.2.3"},
            "agentOverhead": {"memoryInMB": 12},
        },
        "callgraph": {"children": {
            "shop.Server:handle": {"file": "Server.java", "line": [40], "counts": {"RUNNABLE": 100, "WAITING": 9000}, "children": {
                "shop.Search:search": {
                    "file": "shop/Search.java", "line": [17, 25], "counts": {"RUNNABLE": 300}, "children": {
                        "shop.Search:search": {"file": "shop/Search.java", "line": [21], "counts": {"RUNNABLE": 300, "BLOCKED": 100}},
                        "java.util.regex.Pattern:compile": {"counts": {"NATIVE": 100, "RUNNABLE": 100}},
                    }},
            }},
            "java.lang.Thread:sleep": {"counts": {"TIMED_WAITING": 50_000}},
        }},
    })
}

/// A recommendation as CodeGuru lists it.
pub fn sample_recommendation(start: Timestamp, end: Timestamp) -> Value {
    json!({
        "allMatchesCount": 1, "allMatchesSum": 0.2, "startTime": time(start), "endTime": time(end),
        "pattern": {
            "id": "JAVA_REGEX_COMPILE", "name": "Compiling a regular expression",
            "description": "Compiling a pattern is expensive; [Pattern](https://docs.oracle.com/x) is immutable.",
            "resolutionSteps": "Compile it once, and keep it in a static field.",
            "targetFrames": [["java.util.regex.Pattern:compile"]], "thresholdPercent": 1.0,
            "countersToAggregate": ["RUNNABLE"],
        },
        "topMatches": [{
            "frameAddress": "shop.Search:search", "targetFramesIndex": 0, "thresholdBreachValue": 20.0,
        }],
    })
}

/// As rest-json writes times in bodies.
fn time(time: Timestamp) -> String {
    DateTime::from_millis(time.0).fmt(DateTimeFormat::DateTime).expect("a time of this era")
}

pub(super) fn routes(fake: FakeCodeGuru) -> Router {
    Router::new()
        .route("/profilingGroups/{name}", get(describe))
        .route("/profilingGroups/{name}/profile", get(profile))
        .route("/internal/profilingGroups/{name}/recommendations", get(recommendations))
        .with_state(fake)
}

/// The parameters of a query that are there.
struct Query(BTreeMap<String, String>);

impl Query {
    fn of(query: Option<&str>) -> Self {
        let url = reqwest::Url::parse(&format!("http://fake/?{}", query.unwrap_or_default())).expect("a query");
        Self(url.query_pairs().into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A time, if there is one: `Err` if it isn't one.
    fn time(&self, name: &str) -> Result<Option<Timestamp>, Response<Body>> {
        let parse = |text: &str| Timestamp::parse_rfc3339(text).ok_or_else(|| invalid(&format!("{name} is no time")));
        self.get(name).map(parse).transpose()
    }
}

fn invalid(message: &str) -> Response<Body> {
    error(StatusCode::BAD_REQUEST, "ValidationException", message)
}

fn no_such(what: &str) -> Response<Body> {
    error(StatusCode::NOT_FOUND, "ResourceNotFoundException", &format!("{what} was not found"))
}

impl FakeCodeGuru {
    /// What every call begins with, and the group that it is about.
    async fn group_for(
        &self,
        operation: &'static str,
        name: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Group, Response<Body>> {
        let call = Call { operation, query: query.unwrap_or_default().to_owned() };
        if let Some(instead) = self.meet(SIGNED, call, headers).await {
            return Err(instead);
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !(1..=255).contains(&name.len()) || !name.bytes().all(legal) {
            return Err(invalid("profilingGroupName must satisfy ^[\\w-]+$"));
        }
        self.profiler(|profiler| profiler.groups.get(name).cloned()).ok_or_else(|| no_such("the profiling group"))
    }
}

async fn describe(
    State(fake): State<FakeCodeGuru>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let group = match fake.group_for("DescribeProfilingGroup", &name, query.as_deref(), &headers).await {
        Ok(group) => group,
        Err(instead) => return instead,
    };
    let created = time(Timestamp::from_seconds(1_700_000_000));
    let mut status = json!({});
    if let Some(latest) = group.latest {
        status = json!({
            "latestAggregatedProfile": {"period": "PT5M", "start": time(latest)},
            "latestAgentProfileReportedAt": time(latest), "latestAgentOrchestratedAt": time(latest),
        });
    }
    answer(&json!({
        "name": name, "arn": format!("arn:aws:codeguru-profiler:{}:123456789012:profilingGroup/{name}", super::REGION),
        "agentOrchestrationConfig": {"profilingEnabled": true}, "computePlatform": "Default",
        "createdAt": created, "updatedAt": created, "tags": {}, "profilingStatus": status,
    }))
}

async fn profile(
    State(fake): State<FakeCodeGuru>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let group = match fake.group_for("GetProfile", &name, query.as_deref(), &headers).await {
        Ok(group) => group,
        Err(instead) => return instead,
    };
    let query = Query::of(query.as_deref());
    let times = ["startTime", "endTime", "period"].iter().filter(|name| query.get(name).is_some()).count();
    if !(1..=2).contains(&times) {
        return invalid("one or two of startTime, endTime and period must be given");
    }
    if let Err(instead) = query.time("startTime").and(query.time("endTime")) {
        return instead;
    }
    if let Some(period) = query.get("period") {
        match iso_duration(period) {
            None => return invalid("period is no ISO 8601 duration"),
            Some(length) if length.as_secs() > MAX_DAYS * 86_400 => return invalid("the time range is over 7 days"),
            Some(_) => {}
        }
    }
    let Some(bytes) = group.profile else { return no_such("a profile of that time") };
    // The default is Ion: this is its mark, and an empty struct.
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts != "application/json" {
        let ion = vec![0xe0, 0x01, 0x00, 0xea, 0xd0];
        let builder = Response::builder().header(header::CONTENT_TYPE, "application/x-amzn-ion");
        return builder.body(ion.into()).expect("a body");
    }
    let mut builder = Response::builder().header(header::CONTENT_TYPE, "application/json");
    let body = if group.is_zipped {
        builder = builder.header(header::CONTENT_ENCODING, "gzip");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&bytes).and_then(|()| encoder.finish()).expect("memory")
    } else {
        bytes
    };
    builder.body(body.into()).expect("a body")
}

async fn recommendations(
    State(fake): State<FakeCodeGuru>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let group = match fake.group_for("GetRecommendations", &name, query.as_deref(), &headers).await {
        Ok(group) => group,
        Err(instead) => return instead,
    };
    let query = Query::of(query.as_deref());
    let (start, end) = match (query.time("startTime"), query.time("endTime")) {
        (Ok(Some(start)), Ok(Some(end))) if start < end => (start, end),
        (Err(instead), _) | (_, Err(instead)) => return instead,
        _ => return invalid("startTime and endTime must be given, in this order"),
    };
    answer(&json!({
        "profilingGroupName": name, "profileStartTime": time(start), "profileEndTime": time(end),
        "recommendations": group.recommendations,
        "anomalies": [{
            "metric": {"frameName": "shop.Search:search", "type": "AggregatedRelativeTotalTime", "threadStates": ["RUNNABLE"]},
            "reason": "It takes more of the time than before.",
            "instances": [{"id": "00000000-0000-4000-8000-000000000001", "startTime": time(start), "endTime": time(end),
                "userFeedback": {"type": "Positive"}}],
        }],
    }))
}
