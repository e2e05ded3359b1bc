//! HTTP as bytes: what a test sends is what arrives, and what comes back can be counted.

use std::net::SocketAddr;

use eco_coder::forge::SignedWebhook;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::PATIENCE;
use crate::world::SECRET;

/// The other end of a connection, and what it has read of answers to come.
pub struct Peer {
    stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub json: Value,
}

impl Peer {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).await.unwrap()
    }

    pub async fn try_connect(address: SocketAddr) -> std::io::Result<Self> {
        Ok(Self { stream: TcpStream::connect(address).await?, unread: Vec::new() })
    }

    /// What can't be written any more has been closed on the other side; the answer tells.
    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await.expect("it is read");
    }

    /// The next answer; `None` if the connection ends first.
    pub async fn reply(&mut self) -> Option<Reply> {
        let head_end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more().await?;
        };
        let head = String::from_utf8(self.unread.drain(..head_end).collect()).unwrap().to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length.map_or(0, |value| value.trim().parse().unwrap());
        while self.unread.len() < length {
            self.more().await?;
        }
        let body: Vec<u8> = self.unread.drain(..length).collect();
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Some(Reply { status: head[9..12].parse().unwrap(), json })
    }

    async fn more(&mut self) -> Option<()> {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await;
        match read.expect("the connection stays silent") {
            Ok(0) | Err(_) => None,
            Ok(n) => {
                self.unread.extend_from_slice(&chunk[..n]);
                Some(())
            }
        }
    }

    /// Waits for the server to close; whatever it says before is returned.
    pub async fn closed(mut self) -> String {
        while self.more().await.is_some() {}
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}

/// One request on a connection of its own.
pub async fn ask(address: SocketAddr, request: &[u8]) -> Reply {
    let mut peer = Peer::connect(address).await;
    peer.write(request).await;
    peer.reply().await.expect("an answer")
}

/// A signature over bytes that come piece by piece: of a long body's every beginning, without starting over.
#[derive(Clone)]
pub struct Signer(Hmac<Sha256>);

impl Signer {
    pub fn new() -> Self {
        Self(Hmac::new_from_slice(SECRET.as_bytes()).unwrap())
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The header line for what came so far.
    pub fn line(&self) -> String {
        format!("X-Hub-Signature-256: sha256={}", hex::encode(self.0.clone().finalize().into_bytes()))
    }
}

/// The signature's header line.
pub fn signature(body: &[u8]) -> String {
    let mut signer = Signer::new();
    signer.update(body);
    signer.line()
}

/// A request for the webhooks' path with these header lines and its body's length.
pub fn request(headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("POST /webhooks/github HTTP/1.1\r\nHost: hooks\r\nContent-Length: {}\r\n", body.len());
    for line in headers {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// A signed event.
pub fn signed(event: &str, body: &[u8]) -> Vec<u8> {
    let event = format!("X-GitHub-Event: {event}");
    request(&[&signature(body), &event, "Content-Type: application/json"], body)
}

/// One of the forge's deliveries.
pub fn delivery(webhook: &SignedWebhook) -> Vec<u8> {
    let headers: Vec<String> = webhook.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    request(&headers.iter().map(String::as_str).collect::<Vec<_>>(), &webhook.body)
}
