//! Starting, watching, stopping.

use super::fake_queue::Fault;
use super::*;

async fn operator(server: &Server, path: &str) -> (u16, String) {
    let mut peer = Peer(TcpStream::connect(server.operator_addr).await.unwrap(), Vec::new());
    peer.write(format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").as_bytes()).await;
    let said = peer.closed().await;
    (said[9..12].parse().unwrap(), said)
}

#[tokio::test]
async fn operators_see_life_readiness_and_metrics() {
    let server = Server::default();
    assert_eq!(server.send(&signed("pull_request", &opened(1))).await.status, 202);
    assert_eq!(server.send(&signed_with("a guess", "ping", b"{}")).await.status, 401);
    assert_eq!(operator(&server, "/healthz").await.0, 200);
    assert_eq!(operator(&server, "/readyz").await.0, 200);
    let (status, metrics) = operator(&server, "/metrics").await;
    assert_eq!(status, 200);
    for name in [
        "WebhookDeliveries{Result=\"accepted\"}",
        "WebhookDeliveries{Result=\"refused\"}",
        "WebhookDuration_bucket",
        "QueueVisible ",
        "QueueOldestAge 1.5",
    ] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
    server.queue.fail_with(Fault::Unavailable);
    let (status, said) = operator(&server, "/readyz").await;
    assert!(status == 503 && said.contains("queue is unavailable"), "{said}");
    assert_eq!(operator(&server, "/healthz").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn stopping_lets_requests_under_way_finish_and_takes_no_more() {
    let mut server = Server::default();
    server.queue.hold();
    let mut under_way = server.connect().await;
    under_way.write(&signed("pull_request", &opened(1))).await;
    server.queue.begun.acquire().await.unwrap().forget();

    server.stop.take().unwrap().send(()).unwrap();
    // The operators' port answers on; once it says that the ingress stops, nothing new is taken.
    while operator(&server, "/readyz").await.0 == 200 {}
    assert!(operator(&server, "/readyz").await.1.contains("shutting down"));
    while TcpStream::connect(server.addr).await.is_ok() {}

    server.queue.release(1);
    assert_eq!(under_way.reply().await.unwrap().status, 202);
    tokio::time::timeout(PATIENCE, server.ended).await.unwrap().unwrap();
    assert_eq!(server.queue.jobs().len(), 1);
}

#[tokio::test]
async fn the_grace_time_has_an_end() {
    let mut config = config("");
    config.shutdown_grace = Duration::from_millis(50);
    let server = Server::start(&config);
    server.queue.hold();
    let mut stuck = server.connect().await;
    stuck.write(&signed("pull_request", &opened(1))).await;
    server.queue.begun.acquire().await.unwrap().forget();
    server.stop().await;
    assert_eq!(stuck.closed().await, "");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config("");
    config.listen = taken.local_addr().unwrap();
    let queue: Arc<FakeQueue> = Arc::default();
    let error = Ingress::bind(&config, queue, Arc::new(SystemEnv)).err().unwrap().to_string();
    assert!(error.starts_with(&format!("ingress.listen: can't listen on {}", taken.local_addr().unwrap())), "{error}");
    assert!(error.ends_with("another process has this port: stop it, or choose another port"), "{error}");
}
