//! The whole ingress over real loopback sockets, with a queue that can fail. Raw bytes in, raw bytes out: what a test
//! sends is what it shows.

mod attacks;
mod bodies;
mod deliveries;
mod fake_queue;
mod lifecycle;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::config::Settings;
use eco_coder_shared::env::SystemEnv;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use self::fake_queue::FakeQueue;
use super::*;

/// GitHub's documented example.
const SECRET: &str = "It's a Secret to Everybody";

/// Nothing on loopback takes this long, so that a test that would hang fails instead.
const PATIENCE: Duration = Duration::from_secs(30);

fn config(toml: &str) -> IngressConfig {
    let environment = [("ECO_CODER_WEBHOOK_SECRET", SECRET), ("ECO_CODER_SECRET_NEW", "the new one")];
    let environment = environment.map(|(k, v)| (k.to_owned(), v.to_owned()));
    let mut config = IngressConfig::from_settings(&Settings::parse(toml, environment).unwrap()).unwrap();
    config.listen.set_port(0);
    config.operator_listen.set_port(0);
    config
}

struct Server {
    addr: SocketAddr,
    operator_addr: SocketAddr,
    queue: Arc<FakeQueue>,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Server {
    fn start(config: &IngressConfig) -> Self {
        let queue = Arc::new(FakeQueue::default());
        let ingress = Ingress::bind(config, Arc::clone(&queue) as _, Arc::new(SystemEnv)).unwrap();
        let (addr, operator_addr) = (ingress.addr(), ingress.operator_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(ingress.run(async {
            let _ = stopped.await;
        }));
        Self { addr, operator_addr, queue, stop: Some(stop), ended }
    }

    fn default() -> Self {
        Self::start(&config(""))
    }

    async fn connect(&self) -> Peer {
        Peer(TcpStream::connect(self.addr).await.unwrap(), Vec::new())
    }

    /// One request on a connection of its own.
    async fn send(&self, request: &[u8]) -> Reply {
        let mut peer = self.connect().await;
        peer.write(request).await;
        peer.reply().await.expect("an answer")
    }

    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(PATIENCE, self.ended).await.unwrap().unwrap();
    }
}

/// The other end of a connection, and what it has read of answers to come.
struct Peer(TcpStream, Vec<u8>);

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    json: Value,
}

impl Peer {
    /// What can't be written any more has been closed on the other side; the answer tells.
    async fn write(&mut self, bytes: &[u8]) {
        let _ = tokio::time::timeout(PATIENCE, self.0.write_all(bytes)).await.unwrap();
    }

    /// The next answer; `None` if the connection ends first.
    async fn reply(&mut self) -> Option<Reply> {
        let head_end = loop {
            if let Some(at) = self.1.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.1.drain(..head_end).collect()).unwrap().to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
        let length: usize = field("content-length:").map_or(0, |v| v.parse().unwrap());
        while self.1.len() < length {
            self.more().await?;
        }
        let body: Vec<u8> = self.1.drain(..length).collect();
        let status = head[9..12].parse().unwrap();
        Some(Reply { status, head, json: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    async fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 4096];
        match tokio::time::timeout(PATIENCE, self.0.read(&mut chunk)).await.expect("the connection stays silent") {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.1.extend_from_slice(&chunk[..n]);
                Some(())
            }
        }
    }

    /// Waits for the server to close; whatever it says before is returned.
    async fn closed(mut self) -> String {
        while self.more().await.is_some() {}
        String::from_utf8_lossy(&self.1).into_owned()
    }
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body).finalize();
    format!("sha256={}", hex::encode(mac.into_bytes()))
}

/// A request as GitHub sends it, with the header lines that `headers` gives.
fn request(headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut out = format!("POST /webhooks/github HTTP/1.1\r\nHost: hooks\r\nContent-Length: {}\r\n", body.len());
    for line in headers {
        out.push_str(line);
        out.push_str("\r\n");
    }
    out.push_str("\r\n");
    [out.as_bytes(), body].concat()
}

fn signed_with(secret: &str, event: &str, body: &[u8]) -> Vec<u8> {
    let signature = format!("X-Hub-Signature-256: {}", sign(secret, body));
    let event = format!("X-GitHub-Event: {event}");
    let delivery = "X-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958";
    request(&[&signature, &event, delivery, "Content-Type: application/json"], body)
}

fn signed(event: &str, body: &[u8]) -> Vec<u8> {
    signed_with(SECRET, event, body)
}

fn opened(number: u64) -> Vec<u8> {
    json!({
        "action": "opened",
        "pull_request": {
            "number": number, "draft": false, "state": "open", "updated_at": "2025-10-19T10:30:45Z",
            "head": {"sha": "ec26c3e57ca3a959ca5aad62de7213c562f8c821"},
            "user": {"login": "octocat", "type": "User"}, "labels": [],
        },
        "repository": {"id": 1, "full_name": "octo-org/hello"},
    })
    .to_string()
    .into_bytes()
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/webhooks")
}
