//! What was sent and has no place among the messages yet.

use super::*;

#[tokio::test]
async fn ids_go_on_whatever_was_settled_acked_and_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue.db");
    for last in ["1", "2", "3"] {
        let queue = SqliteQueue::open(&path, Arc::new(SystemEnv)).unwrap();
        assert_eq!(queue.send(vec![message("g", "x")]).await.unwrap(), [Ok(last.to_owned())]);
        let received = queue.receive(1, Duration::ZERO, MINUTE).await.unwrap();
        assert_eq!(received[0].message_id, last);
        queue.ack(&[received[0].receipt.clone()]).await.unwrap()[0].as_ref().unwrap();
        queue.close().await;
    }
}

#[tokio::test]
async fn what_arrived_counts_and_has_an_age_before_it_is_settled() {
    let env = clock();
    let queue = SqliteQueue::in_memory(env.clone()).unwrap();
    queue.send(vec![message("a", "x"), message("b", "y")]).await.unwrap();
    env.advance(MINUTE);
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.oldest_age_ms), (2, Some(60_000)));
}
