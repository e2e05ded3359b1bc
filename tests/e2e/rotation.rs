//! Secrets that become others while the product works: nothing is refused that should pass, and nothing is restarted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use eco_coder_worker::model::openai::fake::{FakeServer, Line, reports};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::wire::{Peer, request};
use crate::world::{CLEAN, QUERY_IN_A_LOOP, TOKEN, World};

const OLD: &str = "canary-webhook-secret-old-41d8";
const NEW: &str = "canary-webhook-secret-new-a90f";
const SENDERS: usize = 2;

/// A delivery of the body, signed with the secret.
fn delivery(secret: &str, body: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body).finalize().into_bytes();
    let signature = format!("X-Hub-Signature-256: sha256={}", hex::encode(mac));
    request(&[&signature, "X-GitHub-Event: pull_request", "Content-Type: application/json"], body)
}

/// What GitHub signs with, and which change of it this is.
type Signing = (usize, &'static [&'static str]);

/// Delivers without a pause what each of the secrets signs, until there is none; every delivery must be taken. `seen` tells
/// the last change after which nothing of before is under way any more.
async fn send(
    address: SocketAddr,
    body: bytes::Bytes,
    signing: watch::Receiver<Signing>,
    seen: Arc<AtomicUsize>,
) -> usize {
    let mut peer = Peer::connect(address).await;
    let mut accepted = 0;
    loop {
        let (change, secrets) = *signing.borrow();
        seen.store(change, Ordering::SeqCst);
        if secrets.is_empty() {
            return accepted;
        }
        for secret in secrets {
            peer.write(&delivery(secret, &body)).await;
            let reply = peer.reply().await.expect("an answer");
            assert_eq!(reply.status, 202, "change {change}, {secret}: {reply:?}");
            accepted += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_a_secret_s_file_goes_from_the_old_one_over_both_to_the_new_one_and_no_delivery_is_refused() {
    let secrets = tempfile::tempdir().unwrap();
    let file = secrets.path().join("webhook");
    std::fs::write(&file, OLD).unwrap();
    let mut world = World::new(&format!("[ingress]\nwebhook_secrets = ['file:{}']", file.display())).await;
    // No setting names these variables: they are there so that whatever the process writes is searched for both.
    world.set_environment("ECO_CODER_SECRET_OLD", OLD);
    world.set_environment("ECO_CODER_SECRET_NEW", NEW);
    world.start_ingress().await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    let body = world.forge.webhook(&world.repo, pull, "opened").unwrap().body;

    let (tell, signing) = watch::channel::<Signing>((1, &[OLD]));
    let (mut senders, mut seen) = (JoinSet::new(), Vec::new());
    for _ in 0..SENDERS {
        seen.push(Arc::new(AtomicUsize::new(0)));
        let seen = seen.last().map(Arc::clone).unwrap();
        senders.spawn(send(world.address(), body.clone(), signing.clone(), seen));
    }
    let all_at = async |change: usize| {
        while seen.iter().any(|seen| seen.load(Ordering::SeqCst) < change) {
            tokio::task::yield_now().await;
        }
    };
    let known = async |count: usize| {
        let ingress = world.ingress();
        let is_it = |line: &serde_json::Value| {
            line["message"] == "the webhook secrets have changed" && line["context"]["secrets"] == count
        };
        ingress.logged(is_it).await;
    };
    all_at(1).await;

    std::fs::write(&file, format!("{OLD}\n{NEW}\n")).unwrap();
    known(2).await;
    // GitHub's setting is changed: deliveries of before are still on their way beside those of after.
    tell.send_replace((2, &[OLD, NEW]));
    all_at(2).await;
    tell.send_replace((3, &[NEW]));
    all_at(3).await;

    std::fs::write(&file, format!("{NEW}\n")).unwrap();
    known(1).await;
    let mut peer = Peer::connect(world.address()).await;
    peer.write(&delivery(OLD, &body)).await;
    assert_eq!(peer.reply().await.expect("an answer").status, 401, "the old one is over");
    tell.send_replace((4, &[NEW]));
    all_at(4).await;

    tell.send_replace((5, &[]));
    let accepted: usize = senders.join_all().await.into_iter().sum();
    assert!(accepted >= SENDERS * 5, "{accepted}");
    assert_eq!(world.stored().await, accepted as u64, "each 202 is a job");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_a_model_s_key_that_were_replaced_are_read_again_when_they_are_refused() {
    let secrets = tempfile::tempdir().unwrap();
    let (token, key) = (secrets.path().join("token"), secrets.path().join("key"));
    std::fs::write(&token, "canary-token-that-was-revoked").unwrap();
    std::fs::write(&key, OLD).unwrap();
    let refused = Line::Answers(401, Vec::new(), "{\"error\":{\"message\":\"bad key\"}}".to_owned());
    let server = FakeServer::new([refused, reports("Words.")]);
    let url = server.serve().await.unwrap();
    let mut world = World::new(&format!(
        "[github]\ntoken_source = 'file:{}'\n[model]\nkind = 'openai'\nid = 'm'\nurl = '{url}'\napi_key = 'file:{}'",
        token.display(),
        key.display()
    ))
    .await;
    world.set_environment("ECO_CODER_SECRET_OLD", OLD);
    world.set_environment("ECO_CODER_SECRET_NEW", NEW);
    world.start_ingress().await;
    world.start_worker().await;
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    std::fs::write(&key, format!("{NEW}\n")).unwrap();

    let (pull, head) = world.open("feature", &[("a.py", QUERY_IN_A_LOOP)]);
    world.deliver(pull, "opened").await;
    let comment = world.comment(pull, &head).await;
    assert!(comment.body.contains("Words."), "{}", comment.body);
    let keys: Vec<String> = server.keys().into_iter().flatten().collect();
    assert_eq!(keys, [OLD, NEW]);
    for setting in ["github.token_source", "model.api_key"] {
        let told = |line: &serde_json::Value| {
            line["message"] == "it was refused; there is another one now" && line["context"]["setting"] == setting
        };
        world.worker().logged(told).await;
    }
}
