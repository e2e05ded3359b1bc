//! Fuzz targets of a delivery: its signature, and what it means. Each is judged by a second, plainer reading.

#![allow(clippy::panic, reason = "a target fails by panicking")]

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue};
use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::RepoName;
use eco_coder_shared::job::{Cause, Decoded, Job};
use eco_coder_shared::policy::{Policy, PolicyConfig};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use sha2::Sha256;

use super::answer::Refusal;
use super::body::Held;
use super::event::{Arrival, Decision, decide};
use super::signature::{Claimed, Secrets, SignedBody};
use tree::{Tree, Unlike};

mod tree;

/// The current secrets; the second one goes out of use.
const SECRETS: [&str; 2] = ["It's a Secret to Everybody", "old"];

/// Values of the signature header, a line each; after an empty line, the body. `NEW` and `OLD` in a value stand for the
/// body's HMAC under the two secrets.
pub(crate) fn signature(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let body = bytes.get(end + 2..).unwrap_or_default();
    let macs = SECRETS.map(|secret| mac(secret, body));
    let mut headers = HeaderMap::new();
    let mut values = Vec::new();
    for line in bytes[..end].split(|b| *b == b'\n').filter(|_| end > 0) {
        let value = replaced(&replaced(line, b"NEW", &macs[0]), b"OLD", &macs[1]);
        let Ok(header) = HeaderValue::from_bytes(&value) else { return };
        headers.append("x-hub-signature-256", header);
        values.push(value);
    }

    let secrets = SECRETS.map(SecretString::from);
    let verified = Claimed::from_headers(&headers)
        .and_then(|claimed| Secrets::new(&secrets).verify(claimed, Held::new(body.to_vec().into())));

    let outcome = verified.map(|signed| assert_eq!(signed.bytes(), body, "what is let through is what came"));
    let expected = match values.as_slice() {
        [] => Err(Refusal::SignatureMissing),
        [value] if !well_formed(value) => Err(Refusal::SignatureMalformed),
        [value] if macs.iter().any(|mac| value.strip_prefix(b"sha256=") == Some(mac.as_bytes())) => Ok(()),
        [_] => Err(Refusal::SignatureWrong),
        [..] => Err(Refusal::SignatureTwice),
    };
    assert_eq!(outcome, expected);
}

fn mac(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mac| mac.chain_update(body).finalize());
    mac.map(|mac| hex::encode(mac.into_bytes())).unwrap_or_default()
}

fn replaced(line: &[u8], name: &[u8], by: &str) -> Vec<u8> {
    match line.windows(name.len()).position(|part| part == name) {
        Some(at) => [&line[..at], by.as_bytes(), &line[at + name.len()..]].concat(),
        None => line.to_vec(),
    }
}

fn well_formed(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"sha256=").unwrap_or_default();
    digits.len() == 64 && digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// One that keeps drafts and bots out, and one that doesn't; made once, because patterns take a while.
static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let config = |open| PolicyConfig { review_drafts: open, review_bots: open, ..PolicyConfig::default() };
    [false, true].into_iter().filter_map(|open| Policy::new(config(open)).ok()).collect()
});

/// The body of a signed `pull_request` delivery, under a policy that keeps drafts and bots out and one that doesn't.
pub(crate) fn webhook(bytes: &[u8]) {
    let tree = serde_json::from_slice::<Tree>(bytes);
    let expected = match &tree {
        Ok(tree) => tree::facts(tree),
        // What ends too early is always noticed. What else is wrong may stand where nobody looks.
        Err(error) if error.is_eof() => Err(Unlike::Wrong),
        Err(_) => Err(Unlike::Unclear),
    };
    let body = SignedBody::for_test(bytes.to_vec());
    for (open, policy) in [false, true].into_iter().zip(&*POLICIES) {
        let arrival = Arrival {
            id: "f".repeat(32),
            at: Timestamp(1_000),
            delivery: "72d3162e-cc78-11e3-81ab-4c9367dc0958".parse().ok(),
        };
        let decision = decide("pull_request", &body, policy, &arrival);
        match &decision {
            Ok(Decision::Review(job)) => {
                let encoded = job.encode();
                assert!(encoded.len() < 1024, "{encoded}");
                assert_eq!(Job::decode(&encoded), Decoded::Job(job.clone()));
                assert_eq!((&job.id, job.accepted_at, &job.delivery), (&arrival.id, arrival.at, &arrival.delivery));
            }
            Err(refusal) => {
                assert_eq!(refusal.status(), axum::http::StatusCode::BAD_REQUEST);
                assert!(refusal.reason().len() < 100);
            }
            Ok(Decision::Pong | Decision::Ignore(_)) => {}
        }
        match &expected {
            Ok(facts) => agree(facts, open, &decision),
            Err(Unlike::Wrong) => assert!(decision.is_err(), "{decision:?}"),
            Err(Unlike::Unclear) => {}
        }
    }
}

/// Does the decision follow from the facts?
fn agree(facts: &tree::Facts<'_>, open: bool, decision: &Result<Decision, Refusal>) {
    let repo = facts.repository.parse::<RepoName>().ok();
    let (Some(repo), true) = (repo, (1..=1 << 53).contains(&facts.number)) else {
        assert!(decision.is_err(), "{decision:?}");
        return;
    };
    let cause = match facts.action {
        "opened" => Some(Cause::Opened),
        "synchronize" => Some(Cause::Synchronize),
        "reopened" => Some(Cause::Reopened),
        "ready_for_review" => Some(Cause::ReadyForReview),
        "closed" => Some(Cause::Closed),
        "converted_to_draft" => Some(Cause::ConvertedToDraft),
        "edited" if facts.base_changed => Some(Cause::BaseChanged),
        "unlabeled" if facts.removed_label.is_some_and(skips) => Some(Cause::Unlabeled),
        _ => None,
    };
    let stop = matches!(cause, Some(Cause::Closed | Cause::ConvertedToDraft));
    let over = facts.state == "closed" && cause != Some(Cause::Closed);
    let kept_out =
        facts.by_bot && !open || !stop && (facts.draft && !open || facts.labels.iter().any(|label| skips(label)));
    match (cause.filter(|_| !over && !kept_out), decision) {
        (None, Ok(Decision::Ignore(reason))) => assert!(!reason.is_empty()),
        (Some(cause), Ok(Decision::Review(job))) => {
            assert_eq!((job.cause, &job.repo, job.repo_id.0), (cause, &repo, facts.repository_id));
            assert_eq!(job.pull.get(), facts.number);
            assert_eq!(job.head, facts.head.parse().ok());
            assert_eq!(job.updated_at, Timestamp::parse_rfc3339(facts.updated_at));
        }
        (expected, decision) => panic!("{expected:?} instead of {decision:?}"),
    }
}

fn skips(label: &str) -> bool {
    label.eq_ignore_ascii_case("eco-coder-skip")
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::fuzzing::over_corpus;

    use super::*;

    #[test]
    fn the_corpora_of_deliveries_hold() {
        over_corpus("signature", signature);
        over_corpus("webhook", webhook);
    }
}
