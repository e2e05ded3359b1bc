use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// Nothing on loopback takes this long, so that a test that would hang fails instead.
const SAFETY: Duration = Duration::from_secs(30);
const DEADLINE: Duration = Duration::from_millis(300);
const LARGE: usize = 1 << 20;

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

async fn start(max_connections: usize) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let routes =
        Router::new().route("/healthz", get(|| async { "alive" })).route("/large", get(|| async { vec![b'x'; LARGE] }));
    let limits = Limits { header_timeout: DEADLINE, max_connections, grace: Duration::from_secs(1) };
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(serve(listener, routes, limits, async {
        let _ = stopped.await;
    }));
    Running { addr, stop, ended }
}

impl Running {
    async fn ask(&self, request: &str) -> String {
        let mut peer = TcpStream::connect(self.addr).await.unwrap();
        let _ = peer.write_all(request.as_bytes()).await;
        let mut said = Vec::new();
        let _ = tokio::time::timeout(SAFETY, peer.read_to_end(&mut said)).await.expect("an answer");
        String::from_utf8(said).unwrap()
    }

    async fn healthy(&self) -> bool {
        self.ask("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.ends_with("alive")
    }

    /// Asks for much more than all buffers hold.
    async fn greedy(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let mut peer = socket.connect(self.addr).await.unwrap();
        peer.write_all("GET /large HTTP/1.1\r\nHost: h\r\n\r\n".repeat(64).as_bytes()).await.unwrap();
        peer
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(SAFETY, self.ended).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_peer_that_never_reads_loses_its_place_at_the_deadline() {
    let server = start(2).await;
    let mut greedy = server.greedy().await;
    assert!(server.healthy().await, "there is a place left");
    let second = server.greedy().await;
    // Both places are taken by peers that never read: only the deadline lets this one in.
    assert!(server.healthy().await);
    let mut said = 0;
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = tokio::time::timeout(SAFETY, greedy.read(&mut chunk)).await.expect("it is closed") {
        said += n;
    }
    assert!(said < 64 * LARGE);
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn a_peer_that_takes_a_little_now_and_then_gains_no_time() {
    let server = start(1).await;
    let mut greedy = server.greedy().await;
    let trickle = tokio::spawn(async move {
        let mut chunk = [0; 512];
        let mut pace = tokio::time::interval(DEADLINE / 10);
        while greedy.read(&mut chunk).await.is_ok_and(|n| n > 0) {
            pace.tick().await;
        }
    });
    assert!(server.healthy().await);
    tokio::time::timeout(SAFETY, trickle).await.expect("it is closed").unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_peer_that_reads_gets_all_it_asked_for() {
    let server = start(1).await;
    let mut greedy = server.greedy().await;
    greedy.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    tokio::time::timeout(SAFETY, greedy.read_to_end(&mut said)).await.unwrap().unwrap();
    assert!(said.len() > 64 * LARGE && said.ends_with(b"alive"));
    server.stop().await;
}

#[tokio::test]
async fn no_connection_is_kept_while_more_than_half_of_the_places_are_taken() {
    let server = start(4).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut peer = TcpStream::connect(server.addr).await.unwrap();
        for _ in 0..2 {
            peer.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
            let mut said = [0; 1024];
            let length = tokio::time::timeout(SAFETY, peer.read(&mut said)).await.unwrap().unwrap();
            let said = std::str::from_utf8(&said[..length]).unwrap();
            assert!(said.ends_with("alive") && !said.contains("close"), "{said}");
        }
        kept.push(peer);
    }
    let said = server.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert!(said.ends_with("alive") && said.contains("connection: close\r\n"), "{said}");
    server.stop().await;
}

#[tokio::test]
async fn headers_over_their_limit_are_refused_and_those_at_it_are_not() {
    let server = start(8).await;
    let with = |total: usize| {
        let (start, end) = ("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: ", "\r\n\r\n");
        format!("{start}{}{end}", "x".repeat(total - start.len() - end.len()))
    };
    assert!(server.ask(&with(HEADER_BYTES - 1)).await.ends_with("alive"));
    for length in [HEADER_BYTES + 1, 70_000, 400_000] {
        let said = server.ask(&with(length)).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{length}: {said}");
    }
    server.stop().await;
}

/// hyper's own limit, which nothing here raises.
#[tokio::test]
async fn a_hundred_headers_are_read_and_one_more_is_refused() {
    let server = start(8).await;
    let with = |count: usize| {
        let more = "X: y\r\n".repeat(count - 2);
        format!("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{more}\r\n")
    };
    assert!(server.ask(&with(100)).await.ends_with("alive"));
    assert!(server.ask(&with(101)).await.starts_with("HTTP/1.1 431 "));
    server.stop().await;
}
