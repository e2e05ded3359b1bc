//! One listening socket and its connections: HTTP/1.1 only, a cap, a deadline for headers (idle connections included)
//! and for peers that don't take their answers, none kept once half the cap is in use, and a drain with an end. Bodies of requests have their own deadline,
//! where they are read. Knows nothing of what is served.

mod patient;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use axum::middleware::map_response;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

use self::patient::Patient;

/// The most that a request's line and headers may take together, and about what a connection buffers each way.
const HEADER_BYTES: usize = 64 * 1024;

/// Connections that wait to be accepted: with the usual 128 a burst of webhooks has its peers try again after one, three and seven
/// seconds. The system may allow less (`net.core.somaxconn`).
const LISTEN_QUEUE: u32 = 1024;

/// After an error of the listening socket itself (no file descriptors left, for one).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one listening socket allows.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the first wait for a request until its headers are there; and from when a peer stops taking its answer until
    /// it has taken what was waiting. Answers are expected to be small.
    pub header_timeout: Duration,
    /// Open connections; more wait in the listen queue. While more than half of it is in use, each is closed with its answer:
    /// peers that keep theirs for later would take the places of those that have something to say.
    pub max_connections: usize,
    /// For requests under way once it is told to stop.
    pub grace: Duration,
}

/// Serves until `shutdown` is ready, then takes no more and ends when the requests under way are answered, or the grace
/// time is over.
pub async fn serve(listener: TcpListener, routes: Router, limits: Limits, shutdown: impl Future<Output = ()>) {
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let routes = routes.layer(map_response({
        let slots = Arc::clone(&slots);
        move |mut response: Response| {
            // One place is in the hand of whoever accepts the next.
            if slots.available_permits() + 1 < limits.max_connections / 2 {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            std::future::ready(response)
        }
    }));
    let drain = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout);
    // The buffer's limit alone lets through what the last read brought beyond it.
    http.max_buf_size(HEADER_BYTES).max_header_size(HEADER_BYTES);
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept(&listener, &slots) => match accepted {
                Ok((stream, slot)) => {
                    // Answers are small and whole: waiting to fill a packet only delays them.
                    let _ = stream.set_nodelay(true);
                    let service = TowerToHyperService::new(routes.clone());
                    let stream = TokioIo::new(Patient::new(stream, limits.header_timeout));
                    let connection = drain.watch(http.serve_connection(stream, service));
                    connections.spawn(async move {
                        // How a peer leaves (deadline, reset, bad HTTP) is its own affair, and hyper has answered it.
                        let _ = connection.await;
                        drop(slot);
                    });
                }
                Err(error) if is_the_peer_s(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "no connection can be accepted; raise the limit of open files if it is that");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(limits.grace, drain.shutdown()).await;
    if drained.is_err() {
        tracing::warn!(grace = ?limits.grace, "connections are cut: the grace time is over");
    }
    connections.shutdown().await;
}

/// A socket that listens there, with a queue long enough for a burst.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Else a program that was stopped could not be started again for a minute.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_QUEUE)
}

/// Takes a slot before a connection, so that what is over the cap costs nothing but its place in the listen queue.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, slot))
}

fn is_the_peer_s(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a request's handler panicked; its connection was closed. Please report this");
    }
}
