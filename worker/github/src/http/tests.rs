use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::*;

/// What the server does with the next request.
enum Play {
    /// Answers with these bytes.
    Answer(Vec<u8>),
    /// Answers, keeps the connection for one more request, and closes it when that has come.
    AnswerThenClose(&'static str),
    /// Never answers, and keeps the connection open.
    Silence,
    /// Resets the connection.
    Reset,
    /// Answers with a head, then bytes without end.
    Flood(&'static str),
}

/// A server on loopback that plays its acts, one per connection, and ends with the test.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(acts: impl IntoIterator<Item = Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (log, mut acts) = (requests.clone(), acts.into_iter().collect::<VecDeque<_>>());
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut socket, _)) = listener.accept().await {
                let request = read_request(&mut socket).await;
                log.lock().unwrap().push(request);
                match acts.pop_front() {
                    Some(Play::Answer(bytes)) => {
                        let _ = socket.write_all(&bytes).await;
                        let _ = socket.shutdown().await;
                    }
                    Some(Play::AnswerThenClose(text)) => {
                        let _ = socket.write_all(text.as_bytes()).await;
                        let request = read_request(&mut socket).await;
                        log.lock().unwrap().push(request);
                    }
                    Some(Play::Silence) => open.push(socket),
                    Some(Play::Reset) => {
                        let _ = socket.set_zero_linger();
                    }
                    Some(Play::Flood(head)) => {
                        let _ = socket.write_all(head.as_bytes()).await;
                        while socket.write_all(&[b'x'; 4096]).await.is_ok() {}
                    }
                    None => panic!("one request too many"),
                }
            }
        });
        Self { address, requests, task }
    }

    fn transport(&self) -> HttpTransport {
        transport(&format!("http://{}/api/v3", self.address))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// A whole request: head, and as much body as it says.
async fn read_request(socket: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") && socket.read(&mut byte).await.unwrap() == 1 {
        text.push(byte[0]);
    }
    let head = String::from_utf8(text).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    head + &String::from_utf8(body).unwrap()
}

fn transport(api: &str) -> HttpTransport {
    HttpTransport::new(&HttpSettings { api: api.to_owned(), max_body: 100_000, ..HttpSettings::default() }).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> Play {
    let length = body.len();
    Play::Answer(
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}").into(),
    )
}

fn redirect_to(status: &str, location: &str) -> Play {
    answer(status, &format!("location: {location}\r\n"), "")
}

fn token() -> SecretString {
    SecretString::from("ghp_canary")
}

fn read(path: &str) -> Request {
    Request::new(Method::Get, path)
}

fn write(path: &str) -> Request {
    Request::new(Method::Post, path).body(json!({ "body": "hello" }))
}

#[tokio::test]
async fn a_request_is_signed_versioned_and_below_the_root() {
    let server = Server::start([answer("201 Created", "X-RateLimit-Remaining: 9\r\n", "{}")]).await;
    let response = server.transport().send(write("/x").query("ref", "a&b c"), Some(&token())).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (201, &b"{}"[..]));
    assert_eq!(response.headers.number("x-ratelimit-remaining"), Some(9));
    let request = &server.requests()[0];
    assert!(request.starts_with("post /api/v3/x?ref=a%26b+c http/1.1\r\n"), "{request}");
    for line in [
        "authorization: bearer ghp_canary",
        "accept: application/vnd.github+json",
        "x-github-api-version: 2022-11-28",
        "content-type: application/json",
        "user-agent: eco-coder/",
        "{\"body\":\"hello\"}",
    ] {
        assert!(request.contains(line), "{line} in {request}");
    }
}

#[tokio::test]
async fn no_connection_means_nothing_was_sent() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = transport(&format!("http://{address}")).send(write("/x"), Some(&token())).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect(_)), "{error:?}");
}

#[tokio::test]
async fn silence_a_reset_and_half_an_answer_leave_the_outcome_unknown() {
    let half = Play::Answer("HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\nhalf".into());
    let server = Server::start([Play::Silence, Play::Reset, half, Play::Answer("garbage\r\n\r\n".into())]).await;
    let patient = server.transport();
    let hasty = HttpTransport { timeout: Duration::from_millis(300), ..patient.clone() };
    let silent = hasty.send(write("/x"), Some(&token())).await;
    assert_eq!(silent, Err(TransportError::Late(hasty.timeout)));
    for transport in [&patient, &patient, &patient] {
        let error = transport.send(write("/x"), Some(&token())).await.unwrap_err();
        assert!(matches!(error, TransportError::Ambiguous(_)), "{error:?}");
        assert!(!error.to_string().contains("ghp_canary"));
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn an_answer_over_the_limit_is_not_read_to_its_end() {
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n";
    let endless = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
    let server = Server::start([
        Play::Flood(long),
        Play::Flood(endless),
        answer("200 OK", "", "12345"),
        answer("200 OK", "", "12345"),
    ])
    .await;
    let transport = server.transport();
    assert_eq!(transport.send(read("/x"), None).await, Err(TransportError::TooLarge));
    assert_eq!(transport.send(read("/x"), None).await, Err(TransportError::TooLarge));
    let limited = |most| Request { max_body: Some(most), ..read("/x") };
    assert_eq!(transport.send(limited(4), None).await, Err(TransportError::TooLarge));
    assert_eq!(transport.send(limited(5), None).await.unwrap().body, "12345");
}

#[tokio::test]
async fn a_refusal_keeps_its_status_however_long_its_body() {
    let server = Server::start([Play::Flood("HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n")]).await;
    let response = server.transport().send(Request { max_body: Some(1), ..read("/x") }, None).await.unwrap();
    assert_eq!((response.status, response.body.len()), (404, MAX_ERROR_BODY));
}

#[tokio::test]
async fn a_renamed_repository_is_found_with_the_same_method_and_body() {
    for status in ["301 Moved Permanently", "307 Temporary Redirect"] {
        let server =
            Server::start([redirect_to(status, "/api/v3/repositories/1"), answer("201 Created", "", "{}")]).await;
        let response = server.transport().send(write("/repos/old/name"), Some(&token())).await.unwrap();
        assert_eq!(response.status, 201);
        let second = &server.requests()[1];
        assert!(second.starts_with("post /api/v3/repositories/1 "), "{second}");
        assert!(second.contains("bearer ghp_canary") && second.ends_with("{\"body\":\"hello\"}"), "{second}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_origin_gets_neither_request_nor_token() {
    let thief = Server::start([]).await;
    let elsewhere = [
        format!("http://{}/x", thief.address),
        format!("//{}/x", thief.address),
        "https://127.0.0.1/x".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for location in elsewhere {
        let server = Server::start([redirect_to("301 Moved Permanently", &location)]).await;
        let error = server.transport().send(read("/x"), Some(&token())).await.unwrap_err();
        assert!(matches!(error, TransportError::Refused(_)), "{location}: {error:?}");
        let user = format!("http://me:pw@{}/x", server.address);
        let error = server.transport().send(Request { target: Target::Url(user), ..read("") }, Some(&token())).await;
        assert!(matches!(error, Err(TransportError::Refused(_))), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(thief.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_read_that_may_lead_elsewhere_goes_there_without_the_token() {
    let storage = Server::start([answer("200 OK", "", "zip")]).await;
    let location = format!("http://{}/blob?sig=1", storage.address);
    let server = Server::start([redirect_to("302 Found", &location), redirect_to("302 Found", &location)]).await;
    let leading = Request { may_lead_elsewhere: true, ..read("/x") };
    let response = server.transport().send(leading, Some(&token())).await.unwrap();
    assert_eq!(response.body, "zip");
    assert!(server.requests()[0].contains("authorization"));
    assert!(!storage.requests()[0].contains("authorization") && !storage.requests()[0].contains("ghp_canary"));
    // A write never does.
    let writing = Request { may_lead_elsewhere: true, ..write("/x") };
    assert!(matches!(server.transport().send(writing, Some(&token())).await, Err(TransportError::Refused(_))));
    assert_eq!(storage.requests().len(), 1);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let circle = || redirect_to("307 Temporary Redirect", "/api/v3/x");
    let server = Server::start([circle(), circle(), circle(), circle()]).await;
    let error = server.transport().send(read("/x"), None).await.unwrap_err();
    assert_eq!(error, TransportError::Refused("it was redirected too often"));
    let found = Server::start([circle(), circle(), circle(), answer("200 OK", "", "{}")]).await;
    assert_eq!(found.transport().send(read("/x"), None).await.unwrap().status, 200, "three are followed");
}

#[tokio::test]
async fn links_are_followed_on_the_same_origin_only() {
    let server = Server::start([answer("200 OK", "", "[]")]).await;
    let link = |url: String| Request { target: Target::Url(url), ..read("") };
    let own = format!("http://{}/api/v3/x?page=2", server.address);
    assert_eq!(server.transport().send(link(own), Some(&token())).await.unwrap().status, 200);
    for url in ["http://127.0.0.1:1/x", "https://api.github.com/x", "not a url", "data:,x"] {
        let error = server.transport().send(link(url.to_owned()), Some(&token())).await.unwrap_err();
        assert!(matches!(error, TransportError::Refused(_)), "{url}: {error:?}");
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn paths_and_tokens_that_would_change_the_request_are_refused() {
    let server = Server::start([]).await;
    for path in ["x", "/a/../b", "/a/%2e%2e/b", "/a?b", "/a#b", "/a b", "/a\\b", "/\n", "@evil.test/", ""] {
        let error = server.transport().send(read(path), Some(&token())).await.unwrap_err();
        assert!(matches!(error, TransportError::Refused(_)), "{path:?}: {error:?}");
    }
    let split = SecretString::from("ghp_canary\r\nx: y");
    let error = server.transport().send(read("/x"), Some(&split)).await.unwrap_err();
    assert!(matches!(error, TransportError::Refused(_)) && !error.to_string().contains("canary"));
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[test]
fn only_safe_addresses_are_accepted() {
    let set_up = |api: &str| HttpTransport::new(&HttpSettings { api: api.to_owned(), ..HttpSettings::default() });
    for good in [
        "https://api.github.com",
        "https://ghe.example/api/v3/",
        "http://127.0.0.1:1",
        "http://[::1]:1",
        "http://localhost:1",
    ] {
        assert!(set_up(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "api.github.com",
        "http://api.github.com",
        "http://127.0.0.1.evil.test",
        "https://u:p@h",
        "https://h/?q",
        "https://h/#f",
        "ftp://h",
    ] {
        assert!(matches!(set_up(bad), Err(SetupError::Address(_))), "{bad}");
    }
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_over_the_limit() {
    use std::io::Write as _;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(&vec![b' '; 10_000_000]).unwrap();
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 100_000);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let server = Server::start([Play::Answer([head.into_bytes(), packed].concat())]).await;
    assert_eq!(server.transport().send(read("/x"), None).await, Err(TransportError::TooLarge));
}

#[tokio::test]
async fn a_write_on_a_connection_that_closes_is_not_sent_twice() {
    let server = Server::start([Play::AnswerThenClose("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")]).await;
    let transport = server.transport();
    assert_eq!(transport.send(read("/x"), None).await.unwrap().status, 200);
    let error = transport.send(write("/x"), None).await.unwrap_err();
    assert!(matches!(error, TransportError::Ambiguous(_)), "{error:?}");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn debug_shows_no_token() {
    let header = bearer(&token()).unwrap();
    assert!(!format!("{header:?}").contains("ghp_canary"));
}
