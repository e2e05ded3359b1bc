//! Peers that are slow, silent, many, or that mean two things at once.

use std::time::Instant;

use super::*;

fn impatient() -> IngressConfig {
    let mut config = config("");
    config.header_timeout = Duration::from_millis(400);
    config.body_timeout = Duration::from_millis(400);
    config
}

#[tokio::test]
async fn slow_and_idle_peers_are_closed_at_their_deadline_while_good_ones_are_served() {
    let server = Server::start(&impatient());
    let mut idle = Vec::new();
    // with both ends in one process, and the usual limit of 1,024 open files
    for _ in 0..300 {
        idle.push(server.connect().await);
    }
    let mut slow_header = server.connect().await;
    slow_header.write(b"POST /webhooks/github HTTP/1.1\r\nHost: h\r\nX-Never-En").await;
    let mut slow_body = server.connect().await;
    let good = signed("pull_request", &opened(1));
    slow_body.write(&good[..good.len() - 1]).await;

    let asked = Instant::now();
    assert_eq!(server.send(&good).await.status, 202);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());

    assert_eq!(slow_header.closed().await, "");
    let reply = slow_body.reply().await.unwrap();
    assert_eq!((reply.status, &reply.json["status"]), (408, &json!("refused")));
    assert_eq!(slow_body.closed().await, "");
    for peer in idle {
        assert_eq!(peer.closed().await, "");
    }
    assert_eq!(server.queue.jobs().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_connection_kept_alive_and_left_idle_is_closed_too() {
    let server = Server::start(&impatient());
    let mut peer = server.connect().await;
    peer.write(&signed("ping", b"{}")).await;
    assert_eq!(peer.reply().await.unwrap().status, 200);
    assert_eq!(peer.closed().await, "");
    server.stop().await;
}

#[tokio::test]
async fn many_who_announce_much_and_send_nothing_hold_nobody_up() {
    let server = Server::default();
    let signature = format!("X-Hub-Signature-256: sha256={}", "0".repeat(64));
    let announced =
        format!("POST /webhooks/github HTTP/1.1\r\nHost: h\r\nContent-Length: 26214400\r\n{signature}\r\n\r\n");
    let mut silent = Vec::new();
    for _ in 0..50 {
        let mut peer = server.connect().await;
        peer.write(announced.as_bytes()).await;
        silent.push(peer);
    }
    let asked = Instant::now();
    assert_eq!(server.send(&signed("pull_request", &opened(1))).await.status, 202);
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    drop(silent);
    server.stop().await;
}

#[tokio::test]
async fn peers_that_never_read_their_answers_are_closed_on_both_ports() {
    let server = Server::start(&impatient());
    for addr in [server.operator_addr, server.addr] {
        let mut peers = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let peer = tokio::net::TcpSocket::new_v4().unwrap();
            peer.set_recv_buffer_size(4096).unwrap();
            let mut peer = peer.connect(addr).await.unwrap();
            peers.spawn(async move {
                let requests = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n".repeat(1000);
                while peer.write_all(requests.as_bytes()).await.is_ok() {}
            });
        }
        let mut probe = Peer(TcpStream::connect(server.operator_addr).await.unwrap(), Vec::new());
        probe.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
        assert_eq!(probe.reply().await.unwrap().status, 200);
        tokio::time::timeout(PATIENCE, peers.join_all()).await.expect("all are closed");
    }
    server.stop().await;
}

#[tokio::test]
async fn connections_over_the_cap_wait_and_are_served_when_one_ends() {
    let mut config = config("");
    config.max_connections = 1;
    let server = Server::start(&config);
    let mut first = server.connect().await;
    first.write(&signed("ping", b"{}")).await;
    assert_eq!(first.reply().await.unwrap().status, 200);
    let mut second = server.connect().await;
    second.write(&signed("pull_request", &opened(2))).await;
    first.write(&signed("pull_request", &opened(1))).await;
    assert_eq!(first.reply().await.unwrap().status, 202);
    drop(first);
    assert_eq!(second.reply().await.unwrap().status, 202);
    let pulls: Vec<u64> = server.queue.jobs().iter().map(|job| job.pull.get()).collect();
    assert_eq!(pulls, [1, 2]);
    drop(second);
    server.stop().await;
}

#[tokio::test]
async fn a_request_with_two_meanings_never_gets_a_second_answer() {
    let server = Server::default();
    let hidden = String::from_utf8(signed("pull_request", &opened(666))).unwrap();
    let ping = format!("X-GitHub-Event: ping\r\nX-Hub-Signature-256: {}", sign(SECRET, b"{}"));
    let empty = format!("X-GitHub-Event: ping\r\nX-Hub-Signature-256: {}", sign(SECRET, b""));
    let line = "POST /webhooks/github HTTP/1.1\r\nHost: h";
    let both = format!("Content-Length: {}\r\n", 5 + hidden.len());
    for (what, raw) in [
        ("lengths differ", format!("{line}\r\nContent-Length: 2\r\nContent-Length: 9\r\n{ping}\r\n\r\n{{}}{hidden}")),
        ("a list of lengths", format!("{line}\r\nContent-Length: 2, 9\r\n{ping}\r\n\r\n{{}}{hidden}")),
        ("a signed length", format!("{line}\r\nContent-Length: +2\r\n{ping}\r\n\r\n{{}}{hidden}")),
        (
            "length, then chunked",
            format!("{line}\r\n{both}Transfer-Encoding: chunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "chunked, then length",
            format!("{line}\r\nTransfer-Encoding: chunked\r\n{both}{empty}\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("chunked in disguise", format!("{line}\r\nTransfer-Encoding: xchunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}")),
        (
            "chunked, then not",
            format!("{line}\r\nTransfer-Encoding: chunked, identity\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        ("a space before the colon", format!("{line}\r\nContent-Length : 2\r\n{ping}\r\n\r\n{{}}{hidden}")),
        (
            "a folded header",
            format!("{line}\r\nX-Folded: a\r\n Content-Length: 9\r\nContent-Length: 2\r\n{ping}\r\n\r\n{{}}{hidden}"),
        ),
        ("a folded length", format!("{line}\r\nContent-Length:\r\n 2\r\n{ping}\r\n\r\n{{}}{hidden}")),
        (
            "a bare line feed in a header",
            format!("{line}\r\nX: a\nContent-Length: 0\r\nContent-Length: 2\r\n{ping}\r\n\r\n{{}}{hidden}"),
        ),
        (
            "chunked in HTTP/1.0",
            format!("POST /webhooks/github HTTP/1.0\r\nTransfer-Encoding: chunked\r\n{empty}\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a huge chunk",
            format!("{line}\r\nTransfer-Encoding: chunked\r\n{empty}\r\n\r\nffffffffffffffff1\r\n{hidden}"),
        ),
        ("HTTP/2", format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{hidden}")),
        ("no HTTP", format!("\u{16}\u{3}\u{1}{hidden}")),
    ] {
        let mut peer = server.connect().await;
        peer.write(raw.as_bytes()).await;
        let said = peer.closed().await;
        assert!(said.matches("HTTP/1.").count() <= 1, "{what}: {said}");
        assert!(!said.contains(" 202 "), "{what}: {said}");
    }
    assert!(server.queue.jobs().is_empty());
    server.stop().await;
}
