//! A line between the product and what it depends on, which a test can cut and stall: TCP on loopback.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// They pass.
    Open,
    /// Connections are ended: whoever is there is dead.
    Dead,
    /// Connections are taken, and nothing passes either way until the line is open again: whoever is there is slow.
    Stalled,
}

/// The line. It ends with the test's runtime.
pub struct Link {
    pub address: SocketAddr,
    state: watch::Sender<State>,
    to: watch::Sender<Option<SocketAddr>>,
    connections: Arc<AtomicUsize>,
}

impl Link {
    /// Open, and leading nowhere yet: connections wait until it does.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = Self {
            address: listener.local_addr().unwrap(),
            state: watch::Sender::new(State::Open),
            to: watch::Sender::new(None),
            connections: Arc::default(),
        };
        let (state, to, connections) = (link.state.clone(), link.to.clone(), Arc::clone(&link.connections));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(near, state.subscribe(), to.subscribe()));
            }
        });
        link
    }

    /// As an address of HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn lead_to(&self, address: SocketAddr) {
        self.to.send_replace(Some(address));
    }

    /// Of an address as in `http://127.0.0.1:40123`.
    pub fn lead_to_url(&self, url: &str) {
        self.lead_to(url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap());
    }

    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Connections that were made so far, in whatever state.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn carry(near: TcpStream, state: watch::Receiver<State>, mut to: watch::Receiver<Option<SocketAddr>>) {
    if *state.borrow() == State::Dead {
        return;
    }
    let Ok(far) = to.wait_for(Option::is_some).await.map(|far| *far) else { return };
    let Ok(far) = TcpStream::connect(far.unwrap()).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let dead = async {
        let _ = state.clone().wait_for(|state| *state == State::Dead).await;
    };
    let both = async { tokio::join!(pass(near_in, far_out, state.clone()), pass(far_in, near_out, state.clone())) };
    tokio::select! {
        () = dead => {}
        _ = both => {}
    }
}

async fn pass(mut from: OwnedReadHalf, mut into: OwnedWriteHalf, mut state: watch::Receiver<State>) {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        if state.wait_for(|state| *state != State::Stalled).await.is_err()
            || into.write_all(&chunk[..read]).await.is_err()
        {
            return;
        }
    }
    let _ = into.shutdown().await;
}
