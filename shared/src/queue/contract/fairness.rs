//! Groups take turns.

use super::{Engine, PAST_VISIBILITY, receive, send};
use crate::queue::Received;

fn groups(received: &[Received]) -> Vec<&str> {
    received.iter().map(|message| message.group.as_str()).collect()
}

/// However long the other's queue is, and however early it came.
pub async fn a_small_group_doesnt_wait_for_a_large_one(engine: &dyn Engine) {
    if !engine.exactness().fair {
        return;
    }
    let queue = engine.fresh().await;
    send(&*queue, "large", &["x"; 200]).await;
    assert_eq!(groups(&receive(engine, &*queue, 5).await), ["large"; 5]);
    send(&*queue, "small", &["y"]).await;
    assert_eq!(groups(&receive(engine, &*queue, 2).await), ["small", "large"]);
}

/// A batch is no way around the turns.
pub async fn groups_take_turns_in_one_receive(engine: &dyn Engine) {
    if !engine.exactness().fair {
        return;
    }
    let queue = engine.fresh().await;
    send(&*queue, "a", &["1", "2", "3", "4", "5", "6"]).await;
    send(&*queue, "b", &["1", "2"]).await;
    send(&*queue, "c", &["1", "2"]).await;
    let received = receive(engine, &*queue, 10).await;
    assert_eq!(groups(&received), ["a", "b", "c", "a", "b", "c", "a", "a", "a", "a"]);
}

/// Only what is in flight now counts.
pub async fn an_expired_receive_weighs_nothing(engine: &dyn Engine) {
    if !engine.exactness().fair {
        return;
    }
    let queue = engine.fresh().await;
    send(&*queue, "a", &["1", "2", "3"]).await;
    receive(engine, &*queue, 3).await;
    send(&*queue, "b", &["1", "2"]).await;
    engine.pass(PAST_VISIBILITY).await;
    assert_eq!(groups(&receive(engine, &*queue, 5).await), ["a", "b", "a", "b", "a"]);
}

/// Given back or expired, it has not lost its place.
pub async fn in_a_group_the_oldest_comes_first(engine: &dyn Engine) {
    if !engine.exactness().ordered {
        return;
    }
    let queue = engine.fresh().await;
    send(&*queue, "g", &["1", "2", "3"]).await;
    assert_eq!(receive(engine, &*queue, 2).await.len(), 2);
    engine.pass(PAST_VISIBILITY).await;
    let bodies: Vec<_> = receive(engine, &*queue, 3).await.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["1", "2", "3"]);
}
