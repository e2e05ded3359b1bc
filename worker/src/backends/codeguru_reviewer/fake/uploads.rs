//! The fake's part about S3: associations with a bucket, the buckets themselves, and code reviews that are asked for.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::{CREATED, FakeReview, FakeReviewer, described, error};

/// Whose everything is.
const ACCOUNT: &str = "123456789012";
/// The largest object.
const MAX_OBJECT: usize = 256 << 20;

/// What makes a code review one that was asked for.
#[derive(Debug, Clone)]
pub struct Scan {
    /// The caller's name of it.
    pub name: String,
    /// What makes a second call of the same be the first.
    pub token: String,
    /// The call, as it came.
    pub asked: Value,
}

impl FakeReviewer {
    /// Associates a repository that is called so with a bucket, which is made, and gives the association's ARN.
    pub fn associate_bucket(&self, name: &str, bucket: &str, state: &str) -> String {
        let arn = self.associate(&format!("{ACCOUNT}/{name}"), "S3Bucket", state);
        let mut held = self.held();
        if let Some(answer) = held.associations.get_mut(&arn) {
            answer["S3RepositoryDetails"] =
                json!({"BucketName": bucket, "CodeArtifacts": {"SourceCodeArtifactsObjectKey": "first.zip"}});
        }
        held.buckets.insert(bucket.to_owned());
        arn
    }

    /// What reviews are in that are asked for from now on, and what they recommend.
    pub fn scans(&self, state: &str, recommendations: Vec<Value>) {
        self.held().scans = (state.to_owned(), recommendations);
    }

    /// Changes all reviews.
    pub fn set_all(&self, state: &str) {
        self.held().reviews.iter_mut().for_each(|(_, review)| state.clone_into(&mut review.state));
    }

    /// Reviews there are.
    pub fn reviews(&self) -> Vec<FakeReview> {
        self.held().reviews.iter().map(|(_, review)| review.clone()).collect()
    }

    /// `BUCKET/KEY` of the objects that are there now.
    pub fn objects(&self) -> Vec<String> {
        self.held().objects.keys().cloned().collect()
    }

    /// All that was ever put.
    pub fn uploads(&self) -> Vec<Vec<u8>> {
        self.held().uploads.clone()
    }
}

pub(super) async fn create(State(fake): State<Arc<FakeReviewer>>, headers: HeaderMap, body: String) -> Response {
    if let Some(answer) = fake.refused("CreateCodeReview", &headers) {
        return answer;
    }
    let asked: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |value: &Value, most: usize| {
        let text = value.as_str().unwrap_or_default().to_owned();
        let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        (is_plain && !text.is_empty() && text.len() <= most).then_some(text)
    };
    let (Some(name), Some(token)) = (text(&asked["Name"], 100), text(&asked["ClientRequestToken"], 64)) else {
        return error(400, "ValidationException");
    };
    let source = asked["Type"]["RepositoryAnalysis"]["SourceCodeType"].clone();
    if asked["Type"]["AnalysisTypes"] != json!(["CodeQuality"]) || source["S3BucketRepository"].is_null() {
        return error(400, "ValidationException");
    }
    let mut held = fake.held();
    let association = asked["RepositoryAssociationArn"].as_str().unwrap_or_default().to_owned();
    let Some(repository) = held.associations.get(&association).and_then(|found| found["Name"].as_str()) else {
        return error(404, "ResourceNotFoundException");
    };
    let repository = format!("{ACCOUNT}/{repository}");
    let scan = |review: &FakeReview| review.scan.clone();
    let known = held.reviews.iter().find(|(_, review)| scan(review).is_some_and(|scan| scan.name == name));
    if let Some((arn, review)) = known {
        return match scan(review) {
            Some(scan) if scan.token == token && scan.asked != asked => error(400, "ValidationException"),
            Some(scan) if scan.token == token => {
                Json(json!({"CodeReview": described(arn, review, true)})).into_response()
            }
            _ => error(409, "ConflictException"),
        };
    }
    let details = &source["S3BucketRepository"]["Details"];
    let key = details["CodeArtifacts"]["SourceCodeArtifactsObjectKey"].as_str().unwrap_or_default();
    let object = format!("{}/{key}", details["BucketName"].as_str().unwrap_or_default());
    let is_there = held.objects.contains_key(&object);
    let (state, recommendations) = held.scans.clone();
    let review = FakeReview {
        repository,
        pull: 0,
        head: source["CommitDiff"]["SourceCommit"].as_str().unwrap_or_default().to_owned(),
        state: if is_there { state } else { "Failed".to_owned() },
        reason: (!is_there).then(|| format!("there is no {object}")),
        recommendations,
        scan: Some(Scan { name: name.clone(), token, asked }),
    };
    let arn = format!("{association}:codereview:RepositoryAnalysis-{name}");
    let answer = Json(json!({"CodeReview": described(&arn, &review, true)})).into_response();
    held.reviews.push((arn, review));
    answer
}

/// A code review that was asked for, as it is described.
pub(super) fn describe(answer: &mut Value, scan: &Scan) {
    answer["Name"] = scan.name.as_str().into();
    answer["ProviderType"] = "S3Bucket".into();
    answer["Type"] = "RepositoryAnalysis".into();
    answer["SourceCodeType"] = scan.asked["Type"]["RepositoryAnalysis"]["SourceCodeType"].clone();
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("PullRequestId");
    }
}

/// Buckets, by path.
pub(super) async fn bucket(
    State(fake): State<Arc<FakeReviewer>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let operation = match method {
        Method::PUT => "PutObject",
        Method::DELETE => "DeleteObject",
        Method::GET => "GetObject",
        _ => return refuse(405, "MethodNotAllowed"),
    };
    let Ok(body) = to_bytes(body, MAX_OBJECT).await else { return refuse(400, "EntityTooLarge") };
    let mut held = fake.held();
    held.calls.push(operation);
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_signed = header("authorization").is_some_and(|value| value.contains("/s3/aws4_request"));
    let is_ours = header("x-amz-expected-bucket-owner").is_none_or(|owner| owner == ACCOUNT);
    if !is_signed || !is_ours {
        return refuse(403, "AccessDenied");
    }
    if let Some(at) = held.faults.iter().position(|(of, ..)| *of == operation)
        && let Some((_, status, kind)) = held.faults.remove(at)
    {
        return refuse(status, kind);
    }
    let place = uri.path().trim_start_matches('/').to_owned();
    if !place.split_once('/').is_some_and(|(bucket, _)| held.buckets.contains(bucket)) {
        return refuse(404, "NoSuchBucket");
    }
    match operation {
        "PutObject" => {
            held.uploads.push(body.to_vec());
            held.objects.insert(place, body.to_vec());
            (StatusCode::OK, [("etag", "\"0\"")]).into_response()
        }
        "DeleteObject" => {
            held.objects.remove(&place);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => match held.objects.get(&place) {
            Some(bytes) => bytes.clone().into_response(),
            None => refuse(404, "NoSuchKey"),
        },
    }
}

fn refuse(status: u16, code: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body =
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>for a test, {CREATED}</Message></Error>");
    (status, [("content-type", "application/xml")], body).into_response()
}
