//! What an invocation asks for. Pure; what it can't make sense of is refused with what would be right.

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::{CommitSha, PullNumber, RepoId, RepoName};
use eco_coder_shared::job::Cause;
use serde::Deserialize;

/// Runtime's own limit for a session's id.
pub(super) const MAX_SESSION_ID: usize = 256;

/// The pull request to bring up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// From the body; the header's goes before it.
    pub(super) session_id: Option<String>,
    pub(super) repo: RepoName,
    pub(super) pull: PullNumber,
    /// Known if GitHub's own payload was given.
    pub(super) repo_id: Option<RepoId>,
    pub(super) cause: Cause,
    pub(super) head: Option<CommitSha>,
    pub(super) updated_at: Option<Timestamp>,
}

/// Either of the forms: an agent's input, or a `pull_request` webhook's payload as GitHub sends it.
#[derive(Deserialize)]
struct Body {
    #[serde(rename = "sessionId")]
    session_id: Option<String>,
    #[serde(rename = "inputText", alias = "prompt")]
    input_text: Option<String>,
    #[serde(flatten)]
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    action: String,
    pull_request: Pull,
    repository: Repository,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    updated_at: Option<String>,
    head: Option<Head>,
}

#[derive(Deserialize)]
struct Head {
    sha: String,
}

#[derive(Deserialize)]
struct Repository {
    id: u64,
    full_name: String,
}

const FORMS: &str = "send {\"inputText\": \"OWNER/REPO#NUMBER\"}, the pull request's URL in its place, or the payload of a pull_request webhook";

impl Call {
    /// Reads a body. The error is for whoever called, and repeats nothing of it.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let wrong = || format!("the body is not an invocation: {FORMS}");
        let body: Body = serde_json::from_slice(body).map_err(|_| wrong())?;
        if body.session_id.as_ref().is_some_and(|id| id.len() > MAX_SESSION_ID) {
            return Err(format!("sessionId is longer than {MAX_SESSION_ID} bytes"));
        }
        let call = match (body.payload, body.input_text) {
            (Some(payload), _) => Self::from_payload(&payload)?,
            (None, Some(text)) => match serde_json::from_str::<Payload>(&text) {
                Ok(payload) => Self::from_payload(&payload)?,
                Err(_) => Self::from_text(&text)
                    .ok_or_else(|| format!("inputText does not name exactly one pull request: {FORMS}"))?,
            },
            (None, None) => return Err(wrong()),
        };
        Ok(Self { session_id: body.session_id, ..call })
    }

    fn from_payload(payload: &Payload) -> Result<Self, String> {
        let pull = &payload.pull_request;
        Ok(Self {
            session_id: None,
            repo: payload
                .repository
                .full_name
                .parse()
                .map_err(|_| "repository.full_name is not an owner/name that GitHub allows".to_owned())?,
            pull: PullNumber::try_from(pull.number)
                .map_err(|_| "pull_request.number is not a pull request's number".to_owned())?,
            repo_id: Some(RepoId(payload.repository.id)),
            cause: match payload.action.as_str() {
                "synchronize" => Cause::Synchronize,
                "reopened" => Cause::Reopened,
                "ready_for_review" => Cause::ReadyForReview,
                // What happened is for logs: what to do is decided from GitHub's answer.
                _ => Cause::Opened,
            },
            head: pull.head.as_ref().and_then(|head| head.sha.parse().ok()),
            updated_at: pull.updated_at.as_deref().and_then(Timestamp::parse_rfc3339),
        })
    }

    /// A sentence that names one pull request, in any of the forms in which people write it.
    fn from_text(text: &str) -> Option<Self> {
        let (mut repos, mut pulls) = (Vec::new(), Vec::new());
        for word in text.split_whitespace().take(1000) {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '#' && c != '/' && c != '_');
            let (repo, pull) = match word.split_once("/pull/") {
                Some((url, number)) => (last_two(url), number.split(['/', '?', '#']).next()),
                None => match word.split_once('#') {
                    Some((repo, number)) => (repo, Some(number)),
                    None => (word, None),
                },
            };
            repos.extend(repo.parse::<RepoName>());
            pulls.extend(pull.and_then(|n| n.parse::<u64>().ok()).map(PullNumber::try_from).and_then(Result::ok));
        }
        repos.dedup();
        pulls.dedup();
        let ([repo], [pull]) = (repos.as_slice(), pulls.as_slice()) else { return None };
        Some(Self {
            session_id: None,
            repo: repo.clone(),
            pull: *pull,
            repo_id: None,
            cause: Cause::Opened,
            head: None,
            updated_at: None,
        })
    }
}

/// `owner/name` at the end of a URL.
fn last_two(url: &str) -> &str {
    url.rmatch_indices('/').nth(1).map_or(url, |(at, _)| &url[at + 1..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn named(text: &str) -> Option<(String, u64)> {
        let body = serde_json::json!({ "inputText": text }).to_string();
        Call::read(body.as_bytes()).ok().map(|call| (call.repo.to_string(), call.pull.get()))
    }

    #[test]
    fn a_pull_request_is_named_as_people_do() {
        let it = Some(("octo-org/hello.rs".to_owned(), 12));
        for text in [
            "octo-org/hello.rs#12",
            "https://github.com/octo-org/hello.rs/pull/12",
            "https://github.example.org/octo-org/hello.rs/pull/12/files?w=1",
            "Analyze PR #12 in octo-org/hello.rs: Faster queries",
            "please (octo-org/hello.rs#12).",
        ] {
            assert_eq!(named(text), it, "{text}");
        }
    }

    #[test]
    fn signs_that_belong_to_a_name_stay_with_it() {
        for name in ["octo-/hello", "_octo/.github", "octo/hello-"] {
            assert_eq!(named(&format!("(see {name}#12)")), Some((name.to_owned(), 12)));
            assert_eq!(named(&format!("-{name}#12")), Some((name.to_owned(), 12)), "an item of a list");
        }
    }

    #[test]
    fn what_names_none_or_two_is_refused() {
        for text in ["", "octo-org/hello", "#12", "a/b#1 and a/c#2", "a/b#1 a/b#2", "a/b#0", "a/b#x", "../..#1"] {
            assert_eq!(named(text), None, "{text}");
        }
    }

    #[test]
    fn a_webhook_s_payload_is_read_as_a_body_and_as_a_text() {
        let payload = serde_json::json!({
            "action": "synchronize",
            "pull_request": {
                "number": 7, "updated_at": "2026-11-22T10:00:00Z", "head": {"sha": "a".repeat(40), "ref": "x"},
            },
            "repository": {"id": 99, "full_name": "octo-org/hello", "private": true},
        });
        let call = Call::read(payload.to_string().as_bytes()).unwrap();
        assert_eq!((call.repo_id, call.pull.get(), call.cause), (Some(RepoId(99)), 7, Cause::Synchronize));
        assert!(call.head.is_some() && call.updated_at.is_some());
        let wrapped = serde_json::json!({ "sessionId": "s", "inputText": payload.to_string(), "sessionState": {} });
        let again = Call::read(wrapped.to_string().as_bytes()).unwrap();
        assert_eq!(again, Call { session_id: Some("s".to_owned()), ..call });
    }

    #[test]
    fn a_session_id_has_256_bytes_at_most() {
        let read = |length: usize| {
            Call::read(
                serde_json::json!({"sessionId": "s".repeat(length), "inputText": "a/b#1"}).to_string().as_bytes(),
            )
        };
        assert!(read(MAX_SESSION_ID).is_ok());
        assert!(read(MAX_SESSION_ID + 1).unwrap_err().contains("sessionId"));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in ".{0,200}") {
            let _ = Call::read(text.as_bytes());
            let _ = named(&text);
        }
    }
}
