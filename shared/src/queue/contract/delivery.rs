//! Sending, receiving, waiting, counting.

use std::time::Duration;

use super::{
    Engine, PAST_VISIBILITY, VISIBILITY, ack, assert_nothing, message, receipts, receive, receive_one, send,
    sorted_bodies,
};
use crate::queue::{Depth, NewMessage};

/// Each entry's answer is its own: as many as entries, all ids different.
pub async fn a_batch_is_answered_entry_by_entry(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let bodies: Vec<_> = (0..10).map(|n| format!("body {n}")).collect();
    let mut ids = send(&*queue, "g", &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(ids.len(), 10);

    let received = receive(engine, &*queue, 10).await;
    assert_eq!(sorted_bodies(&received), bodies);
    let mut received_ids: Vec<_> = received.iter().map(|m| m.message_id.clone()).collect();
    ids.sort_unstable();
    received_ids.sort_unstable();
    assert_eq!(received_ids, ids);
    ids.dedup();
    assert_eq!(ids.len(), 10);

    assert_eq!(ack(&*queue, &received).await, vec![Ok(()); 10]);
    engine.pass(PAST_VISIBILITY).await;
    assert_nothing(&*queue).await;
}

/// Body and group come back byte by byte.
pub async fn a_message_comes_as_it_was_sent(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let body = "{\"a\": \"quote ' and \\\" and é 漢 🦀\"}\n\t'; DROP TABLE messages; --";
    send(&*queue, "17", &[body]).await;
    let received = receive_one(engine, &*queue).await;
    assert_eq!((received.group.as_str(), received.body.as_str(), received.receive_count), ("17", body, 1));
}

/// Nobody else receives it meanwhile; afterwards somebody does.
pub async fn a_received_message_is_hidden_until_its_visibility_ends(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    let first = receive_one(engine, &*queue).await;
    assert_nothing(&*queue).await;

    engine.pass(PAST_VISIBILITY).await;
    let second = receive_one(engine, &*queue).await;
    assert_eq!(second.message_id, first.message_id);
    assert_eq!(second.sent_at, first.sent_at);
    assert_ne!(second.receipt, first.receipt);
}

/// This one included.
pub async fn receives_are_counted(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    for count in 1..=5 {
        let received = receive_one(engine, &*queue).await;
        assert_eq!(received.receive_count, count);
        assert_eq!(queue.extend(&[received.receipt], Duration::ZERO).await.unwrap(), [Ok(())]);
    }
}

/// Not before; others are not held up.
pub async fn a_delayed_message_comes_when_its_delay_has_passed(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let late = NewMessage { delay: VISIBILITY, ..message("g", "late") };
    queue.send(vec![late, message("g", "now")]).await.unwrap();
    let now = receive_one(engine, &*queue).await;
    assert_eq!(now.body, "now");
    ack(&*queue, &[now]).await;
    assert_nothing(&*queue).await;

    engine.pass(PAST_VISIBILITY).await;
    assert_eq!(receive_one(engine, &*queue).await.body, "late");
}

/// Long polls end with the first message, not with their time.
pub async fn a_waiting_receive_sees_what_is_sent_meanwhile(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let (received, _) =
        tokio::join!(queue.receive(10, Duration::from_secs(20), VISIBILITY), send(&*queue, "g", &["x"]));
    assert_eq!(sorted_bodies(&received.unwrap()), ["x"]);
}

/// As above.
pub async fn a_waiting_receive_sees_what_is_given_back_meanwhile(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    let first = receipts(&receive(engine, &*queue, 1).await);
    let (received, _) =
        tokio::join!(queue.receive(10, Duration::from_secs(20), VISIBILITY), queue.extend(&first, Duration::ZERO));
    assert_eq!(sorted_bodies(&received.unwrap()), ["x"]);
}

/// With nothing, which is no error.
pub async fn a_receive_without_messages_ends_with_its_wait(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    assert_nothing(&*queue).await;
    assert_eq!(queue.receive(10, Duration::from_secs(1), VISIBILITY).await.unwrap(), []);
}

/// Through all states of a message.
pub async fn depth_counts_each_message_once_and_knows_the_oldest(engine: &dyn Engine) {
    if !engine.exactness().depth {
        return;
    }
    let queue = engine.fresh().await;
    assert_eq!(queue.depth().await.unwrap(), Depth::default());

    send(&*queue, "a", &["1", "2"]).await;
    engine.pass(Duration::from_secs(1)).await;
    queue.send(vec![NewMessage { delay: Duration::from_mins(1), ..message("b", "3") }]).await.unwrap();
    let taken = receive_one(engine, &*queue).await;
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.delayed, depth.dead), (1, 1, 1, 0));
    assert!(depth.oldest_age_ms.unwrap() >= 1000);

    engine.pass(PAST_VISIBILITY).await;
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.delayed), (2, 0, 1), "the visibility has ended");

    ack(&*queue, &[taken]).await;
    let depth = queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight, depth.delayed), (1, 0, 1));
    assert!(depth.oldest_age_ms.unwrap() >= 3500);
}

/// For readiness.
pub async fn a_queue_that_can_store_says_so(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    queue.check().await.unwrap();
    assert_nothing(&*queue).await;
}
