//! The wire contract between ingress and worker: one hint, "bring this pull request up to date".
//!
//! A job carries ids, not payloads, in less than 1 KB. The encoding is tagged with its version; a version that this
//! build doesn't know is told apart from garbage, so that a worker defers what a newer ingress sent and only
//! dead-letters what nobody can read.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::error::Category;

use crate::env::Timestamp;
use crate::ids::{CommitSha, DeliveryId, PullKey, PullNumber, RepoId, RepoName};
use crate::telemetry::trace::TraceParent;

/// Why the pull request may need work. For logs, metrics and attempts: what to do is decided from GitHub's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// `pull_request.opened`
    Opened,
    /// `pull_request.synchronize`
    Synchronize,
    /// `pull_request.reopened`
    Reopened,
    /// `pull_request.ready_for_review`
    ReadyForReview,
    /// `pull_request.edited`, with another base
    BaseChanged,
    /// `pull_request.closed`: stop
    Closed,
    /// `pull_request.converted_to_draft`: stop
    ConvertedToDraft,
    /// `pull_request.unlabeled`: the skip label may be gone
    Unlabeled,
    /// `workflow_run.completed`: there may be measurements
    CiFinished,
    /// A holder wrote to GitHub after it had lost the lease
    LateWrite,
    /// Nobody told us, and the reconciler saw it: its head is not reviewed
    Sweep,
    /// The reconciler saw that somebody deleted the comment
    CommentGone,
    /// `check_run.rerequested` or `check_suite.rerequested`: a person asks again
    Rerequested,
}

impl Cause {
    /// Was there something to review when it came? Not when the pull request was closed or became a draft.
    pub fn asks_for_review(self) -> bool {
        !matches!(self, Self::Closed | Self::ConvertedToDraft)
    }

    /// Does the report have to be posted again though this head's was?
    pub fn is_about_the_comment(self) -> bool {
        matches!(self, Self::LateWrite | Self::CommentGone)
    }

    /// The version of jobs that has it: a worker of before defers what it doesn't know.
    fn version(self) -> u64 {
        match self {
            Self::Sweep | Self::CommentGone | Self::Rerequested => 2,
            _ => 1,
        }
    }
}

/// One hint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// This hint's own id, random; a redrive and a late write's fresh hint have new ones.
    pub id: String,
    /// The repository's number: rows and queue groups go by it.
    pub repo_id: RepoId,
    /// The repository's name when the webhook came. May be renamed since; GitHub redirects.
    pub repo: RepoName,
    /// The pull request.
    pub pull: PullNumber,
    /// What happened.
    pub cause: Cause,
    /// The head as the webhook saw it, for logs only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<CommitSha>,
    /// The pull request's `updated_at` in the webhook: GitHub's answer must be at least as new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// When the ingress accepted the webhook.
    pub accepted_at: Timestamp,
    /// How often GitHub's answer was older than `updated_at`, and the job was deferred to read again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rereads: u8,
    /// When an operator took it back from the dead letters: attempts start afresh from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redriven_at: Option<Timestamp>,
    /// Makes a review that nobody's result answers: for asking again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// It waits until then: a queue's delay may be shorter, and then it is put off again without another look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// GitHub's delivery id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<DeliveryId>,
    /// The trace that the webhook began, for whoever reviews. A message whose trace context can't be read is a job without one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "TraceParent::lenient")]
    pub traceparent: Option<TraceParent>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(n: &u8) -> bool {
    *n == 0
}

/// A message body as a worker finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// A job of a version this build knows.
    Job(Box<Job>),
    /// A job of another version: defer it until a worker comes that knows it.
    UnknownVersion(u64),
    /// Not a job at all: dead-letter it.
    Garbage(String),
}

/// The latest version that this build reads. It writes each job in the oldest that has everything in it.
pub const VERSION: u64 = 2;

/// The longest wait that a job itself may ask for; a later time was written by a clock that has been put back since.
pub const LONGEST_WAIT: Duration = Duration::from_hours(14 * 24);

#[derive(Serialize)]
struct Tagged<'a> {
    v: u64,
    #[serde(flatten)]
    job: &'a Job,
}

#[derive(Deserialize)]
struct Tag {
    v: u64,
}

impl Job {
    /// The row it is about.
    pub fn key(&self) -> PullKey {
        PullKey { repo_id: self.repo_id, pull: self.pull }
    }

    /// The queue's fairness group: one per repository.
    pub fn group(&self) -> String {
        self.repo_id.to_string()
    }

    /// How long it is still to wait, if it is.
    pub fn waits(&self, now: Timestamp) -> Option<Duration> {
        let until = self.not_before.filter(|until| *until > now && *until <= now + LONGEST_WAIT)?;
        Some(now.until(until))
    }

    /// The message body, JSON, under 1 KB.
    pub fn encode(&self) -> String {
        let mut body = Vec::with_capacity(512);
        // A struct of strings and numbers always serialises, and to UTF-8.
        let _ = serde_json::to_writer(&mut body, &Tagged { v: self.cause.version(), job: self });
        String::from_utf8(body).unwrap_or_default()
    }

    /// Reads a message body.
    pub fn decode(body: &str) -> Decoded {
        match serde_json::from_str::<Tag>(body) {
            Err(e) => Decoded::Garbage(format!("the message is not a job: {}", fault(&e))),
            Ok(Tag { v }) if !(1..=VERSION).contains(&v) => Decoded::UnknownVersion(v),
            Ok(Tag { v }) => match Self::from_str(body) {
                Ok(job) => Decoded::Job(Box::new(job)),
                Err(e) => Decoded::Garbage(format!("the message is not a job of version {v}: {}", fault(&e))),
            },
        }
    }
}

/// What is wrong and where, without the message's own text: serde's words repeat it, whatever its length.
fn fault(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "it ends in the middle",
        Category::Data => "a field is missing or has another form",
        Category::Syntax | Category::Io => "it is not JSON",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

impl FromStr for Job {
    type Err = serde_json::Error;

    fn from_str(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn largest() -> Job {
        Job {
            id: "f".repeat(32),
            repo_id: RepoId(u64::MAX),
            repo: format!("{}/{}", "o".repeat(39), "n".repeat(100)).parse().unwrap(),
            pull: PullNumber::try_from(1 << 53).unwrap(),
            cause: Cause::ConvertedToDraft,
            head: Some("a".repeat(64).parse().unwrap()),
            updated_at: Some(Timestamp(i64::MAX)),
            accepted_at: Timestamp(i64::MAX),
            rereads: 255,
            redriven_at: Some(Timestamp(i64::MAX)),
            nonce: Some("f".repeat(32)),
            not_before: Some(Timestamp(i64::MAX)),
            delivery: Some("d".repeat(64).parse().unwrap()),
            traceparent: Some(format!("00-{}-{}-01", "f".repeat(32), "f".repeat(16)).parse().unwrap()),
        }
    }

    #[test]
    fn the_largest_job_fits_a_kilobyte_and_comes_back() {
        let body = largest().encode();
        assert!(body.len() < 1024, "{} bytes", body.len());
        assert_eq!(Job::decode(&body), Decoded::Job(Box::new(largest())));
    }

    #[test]
    fn a_worker_that_does_not_know_a_cause_takes_it_for_a_newer_version() {
        let of = |cause| Job { cause, ..largest() }.encode();
        assert!(of(Cause::LateWrite).starts_with(r#"{"v":1,"#));
        assert!(of(Cause::Rerequested).starts_with(r#"{"v":2,"#));
        assert!(matches!(Job::decode(&of(Cause::Rerequested)), Decoded::Job(job) if job.cause == Cause::Rerequested));
    }

    #[test]
    fn a_job_waits_for_its_time_and_for_none_that_no_wait_reaches() {
        let now = Timestamp::from_seconds(1_700_000_000);
        let waits = |until: Timestamp| Job { not_before: Some(until), ..largest() }.waits(now);
        assert_eq!(waits(now + Duration::from_hours(3)), Some(Duration::from_hours(3)));
        assert_eq!(waits(now + LONGEST_WAIT), Some(LONGEST_WAIT));
        for none in [now, now - Duration::from_secs(1), now + LONGEST_WAIT + Duration::from_millis(1)] {
            assert_eq!(waits(none), None);
        }
        assert_eq!(Job { not_before: None, ..largest() }.waits(now), None);
    }

    #[test]
    fn a_newer_version_is_not_garbage() {
        assert_eq!(Job::decode(r#"{"v":3,"pull_requests":[1,2]}"#), Decoded::UnknownVersion(3));
        assert_eq!(Job::decode(r#"{"v":0}"#), Decoded::UnknownVersion(0));
        for bad in ["", "{}", "[]", "null", r#"{"v":"1"}"#, r#"{"v":1}"#, "\u{0}"] {
            assert!(matches!(Job::decode(bad), Decoded::Garbage(_)), "{bad:?}");
        }
    }

    #[test]
    fn a_cause_of_later_is_of_a_version_that_a_worker_of_before_defers() {
        for (cause, version) in [(Cause::Opened, 1), (Cause::LateWrite, 1), (Cause::Sweep, 2), (Cause::CommentGone, 2)]
        {
            let job = Job { cause, ..largest() };
            let body = job.encode();
            assert!(body.starts_with(&format!("{{\"v\":{version},")) && body.len() < 1024, "{body}");
            assert_eq!(Job::decode(&body), Decoded::Job(Box::new(job)));
        }
    }

    #[test]
    fn what_is_no_job_is_not_repeated() {
        let long = "ghp_x".repeat(1_000);
        for bad in
            [format!("\"{long}\""), format!("{{\"v\":\"{long}\"}}"), format!("{{\"v\":1,\"id\":[\"{long}\"]}}"), long]
        {
            let Decoded::Garbage(why) = Job::decode(&bad) else { panic!("{bad}") };
            assert!(why.len() < 120 && !why.contains("ghp_"), "{why}");
        }
    }

    #[test]
    fn a_job_without_a_trace_or_with_anything_in_its_place_is_a_job() {
        let mut value: serde_json::Value = serde_json::from_str(&largest().encode()).unwrap();
        let whole = value["traceparent"].clone();
        let deep = "[".repeat(100) + &"]".repeat(100);
        let others = ["null", "7", "true", r#""""#, r#""00-0-0-01""#, r#""\u0000""#, r#"{"a":[1]}"#, "[[]]", &deep];
        let others = others.map(|text| serde_json::from_str(text).unwrap());
        for other in
            others.into_iter().chain([format!("{}0", whole.as_str().unwrap()).into(), "ab".repeat(100_000).into()])
        {
            value["traceparent"] = other;
            let Decoded::Job(job) = Job::decode(&value.to_string()) else { panic!("{value:.400}") };
            assert_eq!(*job, Job { traceparent: None, ..largest() });
        }
        value.as_object_mut().unwrap().remove("traceparent");
        assert!(matches!(Job::decode(&value.to_string()), Decoded::Job(job) if job.traceparent.is_none()));
    }

    #[test]
    fn fields_that_a_later_build_adds_are_ignored() {
        let mut value: serde_json::Value = serde_json::from_str(&largest().encode()).unwrap();
        value["later"] = serde_json::json!({"x": 1});
        assert_eq!(Job::decode(&value.to_string()), Decoded::Job(Box::new(largest())));
    }
}
