//! Bounds: the last value that is allowed, and the first that isn't.

use std::time::Duration;

use super::{Engine, VISIBILITY, assert_nothing, message, receipts, receive, receive_one, send, sorted_bodies};
use crate::queue::{
    EntryError, MAX_BATCH, MAX_BODY, MAX_DELAY, MAX_SEND, MAX_VISIBILITY, MAX_WAIT, NewMessage, QueueError,
};

const LITTLE: Duration = Duration::from_secs(1);

/// Its neighbours are stored.
pub async fn an_invalid_entry_fails_alone(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let sent = queue
        .send(vec![
            message("g", "1"),
            message("g", &"x".repeat(MAX_BODY + 1)),
            message("g", "2"),
            NewMessage { delay: MAX_DELAY + LITTLE, ..message("g", "3") },
            message("", "4"),
            message("g", ""),
            message(&"g".repeat(129), "5"),
        ])
        .await
        .unwrap();
    let stored: Vec<_> = sent.iter().map(Result::is_ok).collect();
    assert_eq!(stored, [true, false, true, false, false, false, false]);
    for refused in sent.iter().filter_map(|entry| entry.as_ref().err()) {
        assert!(matches!(refused, EntryError::Invalid(_)), "{refused:?}");
        assert!(!refused.to_string().contains("xxx"), "bodies are not echoed");
    }
    assert_eq!(sorted_bodies(&receive(engine, &*queue, 5).await), ["1", "2"]);
}

/// The largest of everything goes through.
pub async fn limits_hold_at_the_bound_and_one_past(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let largest = "é".repeat(MAX_BODY / 2);
    let late = NewMessage { delay: MAX_DELAY, ..message("g", "late") };
    let sent = queue.send(vec![message(&"g".repeat(128), &largest), late]).await.unwrap();
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");

    let received = receive_one(engine, &*queue).await;
    assert_eq!(received.body, largest);
    let receipt = [received.receipt];
    assert_eq!(queue.extend(&receipt, MAX_VISIBILITY).await.unwrap(), [Ok(())]);
    assert_nothing(&*queue).await;

    let too_many = vec![message("g", "x"); MAX_SEND + 1];
    let receipts = vec![receipt[0].clone(); MAX_BATCH + 1];
    let invalid = [
        queue.send(too_many).await.err(),
        queue.receive(0, Duration::ZERO, VISIBILITY).await.err(),
        queue.receive(MAX_BATCH + 1, Duration::ZERO, VISIBILITY).await.err(),
        queue.receive(1, MAX_WAIT + LITTLE, VISIBILITY).await.err(),
        queue.receive(1, Duration::ZERO, MAX_VISIBILITY + LITTLE).await.err(),
        queue.extend(&receipt, MAX_VISIBILITY + LITTLE).await.err(),
        queue.extend(&receipts, VISIBILITY).await.err(),
        queue.ack(&receipts).await.err(),
    ];
    for (call, error) in invalid.iter().enumerate() {
        assert!(matches!(error, Some(QueueError::Invalid(_))), "call {call}: {error:?}");
    }
    assert_nothing(&*queue).await;
}

/// And are no error.
pub async fn empty_batches_do_nothing(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    assert_eq!(queue.send(vec![]).await.unwrap(), []);
    assert_eq!(queue.extend(&[], VISIBILITY).await.unwrap(), []);
    assert_eq!(queue.ack(&[]).await.unwrap(), []);
    send(&*queue, "g", &[]).await;
    assert_eq!(receipts(&receive(engine, &*queue, 1).await), []);
}
