//! Bodies: how long, how encoded, how announced.

use super::*;

/// A payload of exactly `length` bytes.
fn padded(length: usize) -> Vec<u8> {
    let mut body = opened(7);
    body.pop();
    body.extend_from_slice(b",\"padding\":\"");
    assert!(body.len() + 2 <= length);
    body.resize(length - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

fn chunked(body: &[u8], headers: &str) -> Vec<u8> {
    let mut out =
        format!("POST /webhooks/github HTTP/1.1\r\nHost: hooks\r\nTransfer-Encoding: chunked\r\n{headers}\r\n")
            .into_bytes();
    for chunk in body.chunks(1 << 20) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
    out
}

#[tokio::test]
async fn twenty_five_megabytes_are_taken_and_one_byte_more_is_not() {
    let server = Server::default();
    let body = padded(26_214_400);
    assert_eq!(server.send(&signed("pull_request", &body)).await.status, 202);
    // refused by its announcement, and the sender that writes on all the same gets to read why
    let reply = server.send(&signed("pull_request", &padded(26_214_401))).await;
    assert_eq!(reply.status, 413);
    assert!(reply.json["reason"].as_str().unwrap().contains("26214400"));
    assert_eq!(server.queue.jobs().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn an_unannounced_body_is_counted_as_it_comes() {
    let server = Server::start(&config("ingress.max_body_bytes = 300000\ningress.max_body_memory_bytes = 300000"));
    let headers =
        |body: &[u8]| format!("X-Hub-Signature-256: {}\r\nX-GitHub-Event: pull_request\r\n", sign(SECRET, body));
    let fits = padded(300_000);
    assert_eq!(server.send(&chunked(&fits, &headers(&fits))).await.status, 202);
    let over = padded(300_001);
    assert_eq!(server.send(&chunked(&over, &headers(&over))).await.status, 413);
    assert_eq!(server.queue.jobs().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_sender_that_asks_first_is_refused_without_the_body() {
    let server = Server::default();
    let mut peer = server.connect().await;
    peer.write(
        b"POST /webhooks/github HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 26214401\r\n\r\n",
    )
    .await;
    assert_eq!(peer.reply().await.unwrap().status, 413);
    server.stop().await;
}

#[tokio::test]
async fn other_encodings_are_refused_with_what_to_do() {
    let server = Server::default();
    let body = opened(7);
    let signature = format!("X-Hub-Signature-256: {}", sign(SECRET, &body));
    let with = |line: &str| request(&[&signature, "X-GitHub-Event: pull_request", line], &body);
    for line in [
        "Content-Encoding: gzip",
        "Content-Encoding: identity, gzip",
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
        "Content-Type: text/plain",
        "Content-Type: application/jsonp",
    ] {
        let reply = server.send(&with(line)).await;
        assert_eq!(reply.status, 415, "{line}");
        assert!(reply.json["next"].is_string());
    }
    let form = server.send(&with("Content-Type: application/x-www-form-urlencoded")).await;
    assert_eq!(form.json["next"], "set the webhook's content type to application/json in its settings");
    for line in ["Content-Encoding: identity", "Content-Type: application/json; charset=utf-8", "X-Nothing: 1"] {
        assert_eq!(server.send(&with(line)).await.status, 202, "{line}");
    }
    server.stop().await;
}

#[tokio::test]
async fn other_methods_and_paths_are_refused_in_json() {
    let server = Server::default();
    for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let reply = server.send(format!("{method} /webhooks/github HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await;
        assert_eq!((reply.status, &reply.json["status"]), (405, &json!("refused")), "{method}");
        assert!(reply.head.contains("allow: post"));
    }
    for path in ["/", "/webhooks/github/", "/webhooks/gitlab", "/metrics", "/readyz", "//webhooks/github"] {
        let reply =
            server.send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes()).await;
        assert_eq!((reply.status, &reply.json["status"]), (404, &json!("refused")), "{path}");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_connection_carries_many_deliveries() {
    let server = Server::default();
    let mut peer = server.connect().await;
    for number in 1..=50 {
        peer.write(&signed("pull_request", &opened(number))).await;
        assert_eq!(peer.reply().await.unwrap().status, 202);
    }
    let pulls: Vec<u64> = server.queue.jobs().iter().map(|job| job.pull.get()).collect();
    assert_eq!(pulls, (1..=50).collect::<Vec<_>>());
    server.stop().await;
}
