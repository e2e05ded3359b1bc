//! What can be done with a received message, and what an old receipt can't do.

use std::time::Duration;

use super::{Engine, PAST_VISIBILITY, VISIBILITY, ack, assert_nothing, message, receipts, receive, receive_one, send};
use crate::queue::{Death, EntryError, MAX_DELAY, Receipt};

/// Once and again, longer than any one visibility.
pub async fn a_heartbeat_keeps_a_message_hidden(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    let received = receive_one(engine, &*queue).await;
    for _ in 0..3 {
        engine.pass(VISIBILITY / 2).await;
        let extended = queue.extend(std::slice::from_ref(&received.receipt), VISIBILITY).await.unwrap();
        assert_eq!(extended, [Ok(())]);
        assert_nothing(&*queue).await;
    }
    engine.pass(PAST_VISIBILITY).await;
    assert_eq!(receive_one(engine, &*queue).await.receive_count, 2);
}

/// Not when its visibility would have ended.
pub async fn a_message_given_back_is_received_at_once(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    let received = receive_one(engine, &*queue).await;
    assert_eq!(queue.extend(&[received.receipt], Duration::ZERO).await.unwrap(), [Ok(())]);
    assert_eq!(receive_one(engine, &*queue).await.message_id, received.message_id);
}

/// The second is stale or does nothing, and its neighbours are acked.
pub async fn an_ack_twice_is_no_second_ack(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["1", "2"]).await;
    let received = receive(engine, &*queue, 2).await;
    assert_eq!(ack(&*queue, &received[..1]).await, [Ok(())]);

    let again = ack(&*queue, &received).await;
    // SQS answers a repeated deletion with success; either way nothing more is gone
    assert!(matches!(again[0], Ok(()) | Err(EntryError::Stale)), "{again:?}");
    assert_eq!(again[1], Ok(()));
    engine.pass(PAST_VISIBILITY).await;
    assert_nothing(&*queue).await;
}

/// Whoever received it last has it.
pub async fn an_overtaken_receipt_changes_nothing(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    let old = receive_one(engine, &*queue).await;
    let receipt = std::slice::from_ref(&old.receipt);
    queue.extend(receipt, Duration::ZERO).await.unwrap();
    let new = receive_one(engine, &*queue).await;

    let stale = Err(EntryError::Stale);
    assert_eq!(queue.ack(receipt).await.unwrap(), vec![stale.clone()]);
    assert_eq!(queue.extend(receipt, Duration::ZERO).await.unwrap(), vec![stale.clone()]);
    assert_eq!(queue.defer(&old, "y".into(), Duration::ZERO).await.unwrap(), stale);
    let death = Death { reason: "late".into(), attempts: 1, last_error: None };
    assert_eq!(queue.dead_letter(&old, death).await.unwrap(), stale);

    assert_nothing(&*queue).await;
    assert_eq!(queue.dead_letters(10).await.unwrap(), []);
    assert_eq!(ack(&*queue, &[new]).await, [Ok(())]);
}

/// The entries beside it go through.
pub async fn text_that_is_no_receipt_is_refused_alone(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    let good = receipts(&receive(engine, &*queue, 1).await);
    let acked = queue.ack(&[Receipt("nonsense".into()), good[0].clone()]).await.unwrap();
    assert!(acked[0].is_err());
    assert_eq!(acked[1], Ok(()));
}

/// A wait that costs nothing: the next receive is a first one.
pub async fn a_deferred_message_keeps_its_group_and_counts_afresh(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "17", &["before"]).await;
    let received = receive_one(engine, &*queue).await;
    assert_eq!(queue.defer(&received, "after".into(), VISIBILITY).await.unwrap(), Ok(()));
    assert_nothing(&*queue).await;
    assert_ne!(ack(&*queue, &[received]).await, [], "the old receipt is of no use");

    engine.pass(PAST_VISIBILITY).await;
    let later = receive_one(engine, &*queue).await;
    assert_eq!((later.group.as_str(), later.body.as_str(), later.receive_count), ("17", "after", 1));
    ack(&*queue, &[later]).await;
    engine.pass(PAST_VISIBILITY).await;
    assert_nothing(&*queue).await;
}

/// And a wait or a body past the limits is refused, with the message still in hand.
pub async fn a_stale_message_is_not_deferred(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    queue.send(vec![message("g", "x")]).await.unwrap();
    let received = receive_one(engine, &*queue).await;
    let too_long = queue.defer(&received, "y".into(), MAX_DELAY + Duration::from_secs(1)).await.unwrap();
    assert!(matches!(too_long, Err(EntryError::Invalid(_))), "{too_long:?}");
    assert_eq!(ack(&*queue, std::slice::from_ref(&received)).await, [Ok(())]);

    assert_eq!(queue.defer(&received, "y".into(), Duration::ZERO).await.unwrap(), Err(EntryError::Stale));
    assert_nothing(&*queue).await;
}
