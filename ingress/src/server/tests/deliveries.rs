//! Deliveries: GitHub's own examples, signatures, rotation, and a queue that can't.

use std::fmt::Write;

use eco_coder_shared::job::Cause;
use serde::Deserialize;

use super::fake_queue::Fault;
use super::*;

#[derive(Deserialize)]
struct Signatures {
    secret: String,
    files: std::collections::BTreeMap<String, String>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    secret: Option<String>,
    payload: String,
    signature: String,
}

fn signatures() -> Signatures {
    serde_json::from_slice(&std::fs::read(fixtures().join("signatures.json")).unwrap()).unwrap()
}

fn outcome(reply: &Reply) -> String {
    let text = |key: &str| reply.json[key].as_str().unwrap_or_default().to_owned();
    let words = [text("status"), text("action"), text("reason")];
    format!("{} {}", reply.status, words.join(" ").split_whitespace().collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn github_s_examples_become_jobs_or_are_ignored_with_a_reason() {
    let server = Server::default();
    let signatures = signatures();
    let (mut table, mut peer) = (String::new(), server.connect().await);
    for (name, signature) in &signatures.files {
        let body = std::fs::read(fixtures().join(name)).unwrap();
        let event = name.split('/').next().unwrap();
        let headers = [
            format!("X-Hub-Signature-256: {signature}"),
            format!("X-GitHub-Event: {event}"),
            "Content-Type: application/json".to_owned(),
        ];
        peer.write(&request(&headers.each_ref().map(String::as_str), &body)).await;
        let reply = peer.reply().await.expect("all on one connection");
        writeln!(table, "{name}: {}", outcome(&reply)).unwrap();
    }
    assert_eq!(signatures.files.keys().filter(|name| name.starts_with("pull_request/")).count(), 29);
    insta::assert_snapshot!(table, @r"
    check_run/00-created.json: 200 ignored nobody asked for a check again
    check_run/06-requested_action.json: 200 ignored nobody asked for a check again
    check_run/07-rerequested.json: 200 ignored the check run is not one of Eco-Coder's in this repository
    check_suite/04-requested.json: 200 ignored nobody asked for a check again
    check_suite/07-rerequested.json: 202 accepted rerequested
    issue_comment/00-created.json: 200 ignored only pull_request, workflow_run, check_run and check_suite events are reviewed
    ping/00-ping.json: 200 pong
    pull_request/00-opened.json: 202 accepted opened
    pull_request/01-assigned.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/02-assigned.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/03-closed.json: 202 accepted closed
    pull_request/04-closed.json: 202 accepted closed
    pull_request/05-converted_to_draft.json: 202 accepted converted_to_draft
    pull_request/06-converted_to_draft.json: 202 accepted converted_to_draft
    pull_request/07-converted_to_draft.json: 202 accepted converted_to_draft
    pull_request/08-labeled.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/09-labeled.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/10-locked.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/11-locked.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/12-opened.json: 202 accepted opened
    pull_request/13-opened.json: 202 accepted opened
    pull_request/14-opened.json: 202 accepted opened
    pull_request/15-ready_for_review.json: 202 accepted ready_for_review
    pull_request/16-ready_for_review.json: 202 accepted ready_for_review
    pull_request/17-ready_for_review.json: 202 accepted ready_for_review
    pull_request/18-reopened.json: 202 accepted reopened
    pull_request/19-reopened.json: 202 accepted reopened
    pull_request/20-review_request_removed.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/21-review_requested.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/22-synchronize.json: 202 accepted synchronize
    pull_request/23-unassigned.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/24-unassigned.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/25-unlabeled.json: 200 ignored the removed label is not the skip label (policy.skip_label)
    pull_request/26-unlabeled.json: 200 ignored the removed label is not the skip label (policy.skip_label)
    pull_request/27-unlocked.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request/28-unlocked.json: 200 ignored this action of a pull request changes nothing that is reviewed
    pull_request_review/00-submitted.json: 200 ignored only pull_request, workflow_run, check_run and check_suite events are reviewed
    push/00-push.json: 200 ignored only pull_request, workflow_run, check_run and check_suite events are reviewed
    ");

    let jobs = server.queue.jobs();
    assert_eq!(jobs.len(), 16);
    for job in &jobs {
        assert_eq!((job.key().to_string().as_str(), job.repo.as_str()), ("186853002#2", "Codertocat/Hello-World"));
        assert_eq!(job.head.as_ref().unwrap().as_str(), "ec26c3e57ca3a959ca5aad62de7213c562f8c821");
        assert_eq!(job.updated_at.is_some(), job.cause != Cause::Rerequested);
    }
    server.stop().await;
}

#[tokio::test]
async fn a_check_run_of_ours_that_is_asked_for_again_is_a_job_for_the_pull_request_that_it_names() {
    let server = Server::default();
    // GitHub's own example names no pull request, as for a fork's branch; ours does.
    let real = std::fs::read_to_string(fixtures().join("check_run/07-rerequested.json")).unwrap();
    let ours = real.replacen("\"external_id\":\"\"", "\"external_id\":\"eco-coder:1:526:9\"", 1);
    assert_ne!(real, ours);
    let reply = server.send(&signed("check_run", ours.as_bytes())).await;
    assert_eq!((reply.status, &reply.json["action"]), (202, &json!("rerequested")));
    let jobs = server.queue.jobs();
    let job = &jobs[0];
    assert_eq!((job.key().to_string().as_str(), job.repo.as_str()), ("526#9", "github/hello-world"));
    assert!(job.nonce.is_some() && job.redriven_at == Some(job.accepted_at), "{job:?}");
    let elsewhere = ours.replace("eco-coder:1:526:9", "eco-coder:1:527:9");
    assert_eq!(server.send(&signed("check_run", elsewhere.as_bytes())).await.json["status"], "ignored");
    server.stop().await;
}

#[test]
fn we_sign_as_octokit_signs() {
    let signatures = signatures();
    for (name, signature) in &signatures.files {
        let body = std::fs::read(fixtures().join(name)).unwrap();
        assert_eq!(sign(&signatures.secret, &body), *signature, "{name}");
    }
    for vector in &signatures.vectors {
        let secret = vector.secret.as_ref().unwrap_or(&signatures.secret);
        assert_eq!(sign(secret, vector.payload.as_bytes()), vector.signature);
    }
}

#[tokio::test]
async fn an_accepted_delivery_says_what_was_stored() {
    let server = Server::default();
    let reply = server.send(&signed("pull_request", &opened(7))).await;
    let job = &server.queue.jobs()[0];
    assert_eq!(reply.status, 202);
    let said = json!({"status": "accepted", "job": job.id, "pull_request": "octo-org/hello#7", "action": "opened"});
    assert_eq!(reply.json, said);
    assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
    assert_eq!(job.delivery.as_ref().unwrap().as_str(), "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    server.stop().await;
}

#[tokio::test]
async fn the_documented_vector_passes_and_a_flipped_bit_leaves_no_job() {
    let server = Server::default();
    assert_eq!(server.send(&signed("ping", b"Hello, World!")).await.json, json!({"status": "pong"}));
    let good = signed("pull_request", &opened(7));
    let start = good.windows(7).position(|w| w == b"sha256=").unwrap() + 7;
    for (at, bit) in [(start, 1), (start + 63, 1), (good.len() - 1, 1), (good.len() - 2, 0x80)] {
        let mut bad = good.clone();
        bad[at] ^= bit;
        assert_eq!(server.send(&bad).await.status, 401, "byte {at}");
    }
    assert!(server.queue.jobs().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn signatures_of_another_form_are_refused() {
    let server = Server::default();
    let body = opened(7);
    let good = sign(SECRET, &body);
    let digits = &good["sha256=".len()..];
    let of = |value: &str| format!("X-Hub-Signature-256: {value}");
    for (lines, status) in [
        (vec![], 401),
        (vec![format!("X-Hub-Signature: sha1={}", &digits[..40])], 401),
        (vec![of(&format!("sha1={digits}"))], 401),
        (vec![of(digits)], 401),
        (vec![of(&good[..70])], 401),
        (vec![of(&format!("sha256={}", "z".repeat(64)))], 401),
        (vec![of(&good), of(&good)], 400),
    ] {
        let mut headers: Vec<&str> = lines.iter().map(String::as_str).collect();
        headers.push("X-GitHub-Event: pull_request");
        let reply = server.send(&request(&headers, &body)).await;
        assert_eq!((reply.status, &reply.json["status"]), (status, &json!("refused")), "{lines:?}");
        assert!(reply.json["next"].is_string() && reply.head.contains("connection: close"));
    }
    assert!(server.queue.jobs().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_bad_signature_over_bad_json_is_about_the_signature() {
    let server = Server::default();
    let reply = server.send(&signed_with("a guess", "pull_request", b"{not json")).await;
    assert_eq!(reply.status, 401);
    assert!(reply.json["reason"].as_str().unwrap().contains("signature"));
    server.stop().await;
}

#[tokio::test]
async fn both_secrets_pass_during_a_rotation_and_the_old_one_fails_after_it() {
    let during = config(r#"ingress.webhook_secrets = ["env:ECO_CODER_SECRET_NEW", "env:ECO_CODER_WEBHOOK_SECRET"]"#);
    let server = Server::start(&during);
    assert_eq!(server.send(&signed_with("the new one", "ping", b"{}")).await.status, 200);
    assert_eq!(server.send(&signed_with(SECRET, "ping", b"{}")).await.status, 200);
    server.stop().await;
    let server = Server::start(&config(r#"ingress.webhook_secrets = ["env:ECO_CODER_SECRET_NEW"]"#));
    assert_eq!(server.send(&signed_with("the new one", "ping", b"{}")).await.status, 200);
    assert_eq!(server.send(&signed_with(SECRET, "ping", b"{}")).await.status, 401);
    server.stop().await;
}

#[tokio::test]
async fn signed_but_odd_json_is_400_and_not_repeated() {
    let server = Server::default();
    let good = opened(7);
    let mut odd: Vec<Vec<u8>> = (0..good.len()).step_by(17).map(|end| good[..end].to_vec()).collect();
    odd.push("[".repeat(300_000).into_bytes());
    odd.push(b"{\"action\":\"\\ud800\"}".to_vec());
    odd.push([b"\xef\xbb\xbf", &good[..]].concat());
    odd.push(b"{\"action\":\"canary\",\"action\":\"canary\"}".to_vec());
    odd.push(b"{\"action\":[\"canary\"]}".to_vec());
    odd.push(String::from_utf8(good).unwrap().replace("\"number\":7", "\"number\":1e999").into_bytes());
    for body in odd {
        let reply = server.send(&signed("pull_request", &body)).await;
        assert_eq!((reply.status, &reply.json["status"]), (400, &json!("refused")), "{reply:?}");
        assert!(!reply.json.to_string().contains("canary"));
    }
    assert!(server.queue.jobs().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn the_event_header_is_needed_and_the_delivery_id_is_not() {
    let server = Server::default();
    let body = opened(7);
    let signature = format!("X-Hub-Signature-256: {}", sign(SECRET, &body));
    assert_eq!(server.send(&request(&[&signature], &body)).await.status, 400);
    let twice = [&*signature, "X-GitHub-Event: ping", "X-GitHub-Event: pull_request"];
    assert_eq!(server.send(&request(&twice, &body)).await.status, 400);
    let odd_id = [&*signature, "X-GitHub-Event: pull_request", "X-GitHub-Delivery: <script>"];
    assert_eq!(server.send(&request(&odd_id, &body)).await.status, 202);
    assert_eq!(server.queue.jobs()[0].delivery, None);
    server.stop().await;
}

#[tokio::test]
async fn a_queue_that_can_t_store_means_503_in_time() {
    let mut config = config("");
    config.enqueue_timeout = Duration::from_millis(50);
    let server = Server::start(&config);
    let body = signed("pull_request", &opened(7));
    for (fault, retry_after) in [
        (Fault::Unavailable, "retry-after: 30"),
        (Fault::EntryRefused, "retry-after: 30"),
        (Fault::NoEntries, "retry-after: 30"),
        (Fault::Throttled, "retry-after: 3\r"),
        (Fault::Silent, "retry-after: 30"),
    ] {
        server.queue.fail_with(fault);
        let reply = server.send(&body).await;
        assert_eq!((reply.status, &reply.json["status"]), (503, &json!("unavailable")), "{fault:?}");
        assert!(reply.head.contains(retry_after), "{fault:?}: {}", reply.head);
        assert!(server.queue.jobs().is_empty());
    }
    server.queue.fail_with(None);
    assert_eq!(server.send(&body).await.status, 202);
    assert_eq!(server.queue.jobs().len(), 1);
    server.stop().await;
}

/// Keeps the fields of audit events.
#[derive(Clone, Default)]
struct AuditLog(Arc<std::sync::Mutex<Vec<std::collections::BTreeMap<String, String>>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for AuditLog {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == eco_coder_shared::telemetry::AUDIT {
            let mut fields = std::collections::BTreeMap::new();
            event.record(&mut |field: &tracing::field::Field, value: &dyn std::fmt::Debug| {
                fields.insert(field.name().to_owned(), format!("{value:?}").trim_matches('"').replace("\\\"", "\""));
            });
            self.0.lock().unwrap().push(fields);
        }
    }
}

#[tokio::test]
async fn every_signed_delivery_and_no_other_is_audited_once() {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;
    let log = AuditLog::default();
    // Of one listener alone tracing asks only the thread that first comes by a place, and another test's has none.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry().with(LevelFilter::OFF));
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let server = Server::default();
    server.send(&signed("pull_request", &opened(7))).await;
    server.send(&signed("push", b"{}")).await;
    server.send(&signed("ping", b"{}")).await;
    server.send(&signed("pull_request", b"{\"action\":\"canary\"")).await;
    server.send(&signed_with("a guess", "ping", b"{}")).await;
    server.queue.fail_with(Fault::Unavailable);
    server.send(&signed("pull_request", &opened(8))).await;
    let job = server.queue.jobs()[0].id.clone();
    server.stop().await;

    let events = log.0.lock().unwrap().clone();
    let results: Vec<&str> = events.iter().map(|e| e["result"].as_str()).collect();
    assert_eq!(results, ["accepted", "ignored", "pong", "refused", "unavailable"]);
    assert!(events.iter().all(|e| e["event_type"] == "webhook" && !format!("{e:?}").contains("canary")));
    assert_eq!(events[0]["session_id"], job);
    let parameters: Value = serde_json::from_str(&events[0]["parameters"]).unwrap();
    assert_eq!((&parameters["repository"], &parameters["pull_request"]), (&json!("octo-org/hello"), &json!(7)));
}
