//! Only what GitHub signed gets in, and what is refused leaves nothing behind.

use axum::body::Bytes;
use eco_coder::forge::SignedWebhook;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::world::{CLEAN, World};

fn signed(secret: &str, body: &[u8]) -> SignedWebhook {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    webhook(body, &[("x-hub-signature-256", &signature)])
}

fn webhook(body: &[u8], more: &[(&str, &str)]) -> SignedWebhook {
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("x-github-event".to_owned(), "pull_request".to_owned()),
        ("x-github-delivery".to_owned(), "72d3162e-cc78-11e3-81ab-4c9367dc0958".to_owned()),
    ];
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    SignedWebhook { headers, body: Bytes::copy_from_slice(body) }
}

/// An ingress alone, with this secret.
async fn ingress(secrets: &[(&str, &str)]) -> World {
    let names: Vec<String> = secrets.iter().map(|(name, _)| format!("'env:{name}'")).collect();
    let mut world = World::new(&format!("[ingress]\nwebhook_secrets = [{}]", names.join(", "))).await;
    for (name, value) in secrets {
        world.set_environment(name, value);
    }
    world.start_ingress().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn githubs_documented_vector_passes_and_any_flipped_bit_does_not() {
    let world = ingress(&[("ECO_CODER_SECRET_A", "It's a Secret to Everybody")]).await;
    let good = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let answer = world.send(&webhook(b"Hello, World!", &[("x-hub-signature-256", &format!("sha256={good}"))])).await;
    // Signed by GitHub, and not JSON: past the signature, refused after it.
    assert_eq!(answer.status, 400, "{}", answer.body);
    let bytes = hex::decode(good).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let signature = format!("sha256={}", hex::encode(flipped));
        let answer = world.send(&webhook(b"Hello, World!", &[("x-hub-signature-256", &signature)])).await;
        assert_eq!(answer.status, 401, "bit {bit}");
    }
    let other_body =
        world.send(&webhook(b"Hello, World?", &[("x-hub-signature-256", &format!("sha256={good}"))])).await;
    assert_eq!(other_body.status, 401);
    assert_eq!(world.stored().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_signatures_are_401_and_two_of_them_400() {
    let world = ingress(&[("ECO_CODER_SECRET_A", "s")]).await;
    let good = signed("s", b"{}").header("x-hub-signature-256").unwrap().to_owned();
    let hex = good.strip_prefix("sha256=").unwrap();
    for bad in ["sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709", hex, "sha256=", &good[..40], "sha256=zz", "sha256"] {
        assert_eq!(world.send(&webhook(b"{}", &[("x-hub-signature-256", bad)])).await.status, 401, "{bad}");
    }
    assert_eq!(world.send(&webhook(b"{}", &[])).await.status, 401);
    let twice = webhook(b"{}", &[("x-hub-signature-256", &good), ("x-hub-signature-256", &good)]);
    assert_eq!(world.send(&twice).await.status, 400);
    assert_eq!(world.stored().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signature_over_bad_json_is_401_not_400() {
    let world = ingress(&[("ECO_CODER_SECRET_A", "s")]).await;
    assert_eq!(world.send(&signed("other", b"{\"action\":")).await.status, 401);
    assert_eq!(world.send(&signed("s", b"{\"action\":")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn during_a_rotation_both_secrets_pass_and_after_it_the_old_one_does_not() {
    let world = ingress(&[("ECO_CODER_SECRET_NEW", "new"), ("ECO_CODER_SECRET_OLD", "old")]).await;
    let (pull, _) = world.open("feature", &[("a.py", CLEAN)]);
    let body = world.forge.webhook(&world.repo, pull, "opened").unwrap().body;
    assert_eq!(world.send(&signed("new", &body)).await.status, 202);
    assert_eq!(world.send(&signed("old", &body)).await.status, 202);
    assert_eq!(world.stored().await, 2);
    drop(world);

    let world = ingress(&[("ECO_CODER_SECRET_NEW", "new")]).await;
    assert_eq!(world.send(&signed("new", &body)).await.status, 202);
    assert_eq!(world.send(&signed("old", &body)).await.status, 401);
    assert_eq!(world.stored().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_secret_refuses_to_start() {
    let mut world = World::new("").await;
    world.set_environment("ECO_CODER_WEBHOOK_SECRET", "");
    let output = world.run_configured(&["ingress"]);
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ECO_CODER_WEBHOOK_SECRET is empty"), "{said}");
}
