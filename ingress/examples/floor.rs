//! The least that a webhook receiver does: axum as it comes, the signature verified, the payload parsed, nothing stored.
//! `tests/load/ingress.sh` measures the ingress against it; it is no part of the product.
//!
//! `floor ADDRESS SECRET`: the secret of a measurement, which is none.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a measuring stick that can't start has nothing better to do")]

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

#[derive(Deserialize)]
struct Payload<'a> {
    action: &'a str,
    #[serde(borrow)]
    pull_request: PullRequest<'a>,
    #[serde(borrow)]
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct PullRequest<'a> {
    number: u64,
    draft: bool,
    state: &'a str,
    updated_at: &'a str,
    #[serde(borrow)]
    head: Head<'a>,
    #[serde(borrow)]
    user: User<'a>,
}

#[derive(Deserialize)]
struct Head<'a> {
    sha: &'a str,
}

#[derive(Deserialize)]
struct User<'a> {
    login: &'a str,
}

#[derive(Deserialize)]
struct Repository<'a> {
    id: u64,
    full_name: &'a str,
}

async fn receive(State(key): State<Arc<Hmac<Sha256>>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let claimed = headers.get("x-hub-signature-256").and_then(|v| v.as_bytes().strip_prefix(b"sha256="));
    let mut mac = [0; 32];
    if claimed.is_none_or(|digits| hex::decode_to_slice(digits, &mut mac).is_err()) {
        return StatusCode::UNAUTHORIZED;
    }
    if Hmac::clone(&key).chain_update(&body).verify_slice(&mac).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(payload) = serde_json::from_slice::<Payload<'_>>(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    let pull = &payload.pull_request;
    let read = (payload.action, payload.repository.id, payload.repository.full_name);
    std::hint::black_box((read, pull.number, pull.draft, pull.state, pull.updated_at, pull.head.sha, pull.user.login));
    StatusCode::ACCEPTED
}

#[tokio::main]
async fn main() {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let secret = std::env::args().nth(2).unwrap();
    let key = Arc::new(Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap());
    let routes = Router::new().route("/webhooks/github", post(receive)).with_state(key);
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    axum::serve(listener, routes).await.unwrap();
}
