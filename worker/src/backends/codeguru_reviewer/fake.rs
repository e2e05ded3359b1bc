//! CodeGuru Reviewer as tests need it: associations and code reviews that change while they are watched, pages, faults on
//! demand, a log of calls; the buckets of associations with S3 are served beside it. Nobody emulates the service; `tests/support/codeguru_shapes.py` holds these answers against
//! AWS's own description of it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::{Json, Router};
use serde_json::{Value, json};

mod uploads;

pub use uploads::Scan;

/// Seconds since 1970, as the service's times are.
const CREATED: f64 = 1_700_000_000.0;

/// A code review at CodeGuru.
#[derive(Debug, Clone)]
pub struct FakeReview {
    /// `OWNER/NAME`.
    pub repository: String,
    /// The pull request.
    pub pull: u64,
    /// The commit.
    pub head: String,
    /// Pending, Completed, Failed, Deleting.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// As the service answers them.
    pub recommendations: Vec<Value>,
    /// Of one that was asked for.
    pub scan: Option<Scan>,
}

impl FakeReview {
    /// A completed one.
    pub fn completed(repository: &str, pull: u64, head: &str, recommendations: Vec<Value>) -> Self {
        Self {
            repository: repository.to_owned(),
            pull,
            head: head.to_owned(),
            state: "Completed".to_owned(),
            reason: None,
            recommendations,
            scan: None,
        }
    }
}

/// A recommendation as the service answers it.
pub fn recommendation(path: &str, lines: (u32, u32), severity: &str, category: &str) -> Value {
    json!({
        "FilePath": path,
        "RecommendationId": format!("{:064x}", lines.0),
        "StartLine": lines.0,
        "EndLine": lines.1,
        "Description": "The value reaches the statement as text. Bind it as a parameter.",
        "RecommendationCategory": category,
        "Severity": severity,
        "RuleMetadata": {
            "RuleId": "python/sql-injection@v1.0",
            "RuleName": "SQL injection",
            "ShortDescription": "Untrusted input in a statement.",
            "LongDescription": "Untrusted input in a statement lets a caller change what it does.",
            "RuleTags": ["security", "cwe-89"],
        },
    })
}

#[derive(Default)]
struct Held {
    associations: HashMap<String, Value>,
    /// By ARN, in the order in which they were made.
    reviews: Vec<(String, FakeReview)>,
    faults: VecDeque<(&'static str, u16, &'static str)>,
    calls: Vec<&'static str>,
    buckets: BTreeSet<String>,
    /// By `BUCKET/KEY`.
    objects: BTreeMap<String, Vec<u8>>,
    uploads: Vec<Vec<u8>>,
    /// What reviews that are asked for are in, and recommend.
    scans: (String, Vec<Value>),
}

/// The service.
#[derive(Default)]
pub struct FakeReviewer {
    held: Mutex<Held>,
}

impl FakeReviewer {
    /// Empty.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Associates a repository (`OWNER/NAME`), and gives the association's ARN.
    pub fn associate(&self, repository: &str, provider: &str, state: &str) -> String {
        let mut held = self.held();
        let id = format!("association-{}", held.associations.len());
        let arn = format!("arn:aws:codeguru-reviewer:us-east-1:123456789012:association:{id}");
        let (owner, name) = repository.split_once('/').unwrap_or_default();
        let answer = json!({
            "AssociationId": id, "AssociationArn": arn, "Name": name, "Owner": owner, "ProviderType": provider,
            "State": state, "StateReason": format!("{state} for a test"), "CreatedTimeStamp": CREATED,
            "LastUpdatedTimeStamp": CREATED,
        });
        held.associations.insert(arn.clone(), answer);
        arn
    }

    /// Makes a code review, and gives its ARN.
    pub fn review(&self, review: FakeReview) -> String {
        let mut held = self.held();
        let name = format!("PullRequest-GitHub-{}-{}-{}", review.pull, &review.head[..7], held.reviews.len());
        let arn = format!("arn:aws:codeguru-reviewer:us-east-1:123456789012:association:a:codereview:{name}");
        held.reviews.push((arn.clone(), review));
        arn
    }

    /// Changes a code review.
    pub fn set_state(&self, arn: &str, state: &str) {
        if let Some((_, review)) = self.held().reviews.iter_mut().find(|(known, _)| known == arn) {
            state.clone_into(&mut review.state);
        }
    }

    /// Lets the next call of this operation fail so; several wait their turn.
    pub fn fault(&self, operation: &'static str, status: u16, kind: &'static str) {
        self.held().faults.push_back((operation, status, kind));
    }

    /// The calls so far, by operation.
    pub fn calls(&self) -> Vec<&'static str> {
        self.held().calls.clone()
    }

    /// Its routes.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/associations/{arn}", get(association))
            .route("/codereviews", get(reviews).post(uploads::create))
            .route("/codereviews/{arn}", get(review))
            .route("/codereviews/{arn}/Recommendations", get(recommendations))
            .fallback(any(uploads::bucket))
            .with_state(Arc::clone(self))
    }

    /// Serves on loopback until the runtime ends; gives the address, as in `http://127.0.0.1:40123`.
    pub async fn serve(self: &Arc<Self>) -> std::io::Result<String> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let router = self.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    /// Serves it, and gives what clients are made from.
    pub async fn sdk(self: &Arc<Self>) -> std::io::Result<aws_config::SdkConfig> {
        let credentials = aws_sdk_codegurureviewer::config::Credentials::new("t", "t", None, None, "test");
        let loader = aws_config::defaults(aws_config::BehaviorVersion::v2026_01_12())
            .region(aws_config::Region::from_static("us-east-1"))
            .endpoint_url(self.serve().await?)
            .credentials_provider(credentials);
        Ok(loader.load().await)
    }

    /// Notes the call; a fault that is due, or a request that nobody signed for this service, is the answer.
    fn refused(&self, operation: &'static str, headers: &HeaderMap) -> Option<Response> {
        let mut held = self.held();
        held.calls.push(operation);
        let signature = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !signature.contains("/codeguru-reviewer/aws4_request") {
            return Some(error(403, "AccessDeniedException"));
        }
        let due = held.faults.iter().position(|(of, ..)| *of == operation);
        let (_, status, kind) = due.and_then(|at| held.faults.remove(at))?;
        Some(error(status, kind))
    }
}

fn error(status: u16, kind: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("x-amzn-ErrorType", kind)], Json(json!({"Message": "for a test"}))).into_response()
}

/// A list's members of one page, and the token of the next: where it begins.
fn page(list: &str, all: &[Value], query: &str, most: usize) -> Response {
    let value = |name: &str| {
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let from: usize = value("NextToken").and_then(|token| token.parse().ok()).unwrap_or(0);
    let size: usize = value("MaxResults").and_then(|size| size.parse().ok()).unwrap_or(100);
    if size == 0 || size > most {
        return error(400, "ValidationException");
    }
    let mut answer = json!({list: all.iter().skip(from).take(size).collect::<Vec<_>>()});
    if from + size < all.len() {
        answer["NextToken"] = (from + size).to_string().into();
    }
    Json(answer).into_response()
}

async fn association(State(fake): State<Arc<FakeReviewer>>, Path(arn): Path<String>, headers: HeaderMap) -> Response {
    if let Some(answer) = fake.refused("DescribeRepositoryAssociation", &headers) {
        return answer;
    }
    match fake.held().associations.get(&arn) {
        Some(found) => Json(json!({"RepositoryAssociation": found, "Tags": {}})).into_response(),
        None => error(404, "NotFoundException"),
    }
}

async fn reviews(State(fake): State<Arc<FakeReviewer>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    if let Some(answer) = fake.refused("ListCodeReviews", &headers) {
        return answer;
    }
    let query = query.unwrap_or_default();
    let is_scan = query.contains("Type=RepositoryAnalysis");
    if !is_scan && !query.contains("Type=PullRequest") {
        return error(400, "ValidationException");
    }
    let named = |name: &str| query.split('&').any(|pair| pair == format!("RepositoryNames={name}"));
    let held = fake.held();
    let of = held
        .reviews
        .iter()
        .filter(|(_, review)| review.scan.is_some() == is_scan)
        .filter(|(_, review)| review.repository.split_once('/').is_some_and(|(_, name)| named(name)));
    let summaries: Vec<Value> = of.map(|(arn, review)| described(arn, review, false)).collect();
    page("CodeReviewSummaries", &summaries, &query, 100)
}

async fn review(State(fake): State<Arc<FakeReviewer>>, Path(arn): Path<String>, headers: HeaderMap) -> Response {
    if let Some(answer) = fake.refused("DescribeCodeReview", &headers) {
        return answer;
    }
    match fake.held().reviews.iter().find(|(known, _)| *known == arn) {
        Some((arn, review)) => Json(json!({"CodeReview": described(arn, review, true)})).into_response(),
        None => error(404, "ResourceNotFoundException"),
    }
}

async fn recommendations(
    State(fake): State<Arc<FakeReviewer>>,
    Path(arn): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Some(answer) = fake.refused("ListRecommendations", &headers) {
        return answer;
    }
    match fake.held().reviews.iter().find(|(known, _)| *known == arn) {
        Some((_, review)) => page("RecommendationSummaries", &review.recommendations, &query.unwrap_or_default(), 300),
        None => error(404, "ResourceNotFoundException"),
    }
}

/// A code review as it is described, or as it stands in a list.
fn described(arn: &str, review: &FakeReview, whole: bool) -> Value {
    let (owner, name) = review.repository.split_once('/').unwrap_or_default();
    let metrics = json!({"MeteredLinesOfCodeCount": 10, "FindingsCount": review.recommendations.len()});
    let mut answer = json!({
        "Name": arn.rsplit(':').next(), "CodeReviewArn": arn, "RepositoryName": name, "Owner": owner,
        "ProviderType": "GitHub", "State": review.state, "CreatedTimeStamp": CREATED, "LastUpdatedTimeStamp": CREATED,
        "Type": "PullRequest", "PullRequestId": review.pull.to_string(),
        "SourceCodeType": {"CommitDiff": {"SourceCommit": review.head, "DestinationCommit": "0".repeat(40)}},
    });
    if let Some(scan) = &review.scan {
        uploads::describe(&mut answer, scan);
    }
    if whole {
        answer["Metrics"] = metrics;
        answer["AnalysisTypes"] = json!(["CodeQuality"]);
        if let Some(reason) = &review.reason {
            answer["StateReason"] = reason.as_str().into();
        }
    } else {
        answer["MetricsSummary"] = metrics;
    }
    answer
}
