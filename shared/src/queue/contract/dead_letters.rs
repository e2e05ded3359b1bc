//! Giving up, and taking back.

use super::{Engine, PAST_VISIBILITY, assert_nothing, receive, receive_one, send, sorted_bodies};
use crate::queue::{Death, JobQueue, MAX_BODY, Received, Redrive};

fn death(reason: &str) -> Death {
    Death { reason: reason.into(), attempts: 3, last_error: Some("timeout".into()) }
}

async fn bury(queue: &dyn JobQueue, received: &Received, reason: &str) {
    assert_eq!(queue.dead_letter(received, death(reason)).await.unwrap(), Ok(()));
}

fn rewritten(body: &str) -> String {
    format!("{body}, again")
}

/// And everything else an operator needs; it is not received any more.
pub async fn a_dead_letter_keeps_its_reason(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "17", &["x"]).await;
    let received = receive_one(engine, &*queue).await;
    bury(&*queue, &received, "the diff can't be read").await;

    engine.pass(PAST_VISIBILITY).await;
    assert_nothing(&*queue).await;
    let letters = queue.dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.group.as_str(), letter.body.as_str(), letter.attempts), ("17", "x", 3));
    assert_eq!((letter.reason.as_str(), letter.last_error.as_deref()), ("the diff can't be read", Some("timeout")));
    assert_eq!(letter.sent_at, received.sent_at);
    assert!(letter.died_at >= letter.sent_at);
}

/// As many as were asked for.
pub async fn the_newest_dead_letters_come_first(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["1", "2", "3"]).await;
    let received = receive(engine, &*queue, 3).await;
    for message in &received {
        bury(&*queue, message, "x").await;
    }
    if engine.exactness().depth {
        assert_eq!(queue.depth().await.unwrap().dead, 3);
    }
    let newest = queue.dead_letters(2).await.unwrap();
    let bodies: Vec<_> = newest.iter().map(|letter| &letter.body).collect();
    assert_eq!(bodies, [&received[2].body, &received[1].body]);
    assert_eq!(queue.dead_letters(0).await.unwrap(), []);
}

/// The second time finds nothing, and says so. Its neighbour stays.
pub async fn redriving_one_twice_sends_it_once(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["1", "2"]).await;
    for message in receive(engine, &*queue, 2).await {
        bury(&*queue, &message, "x").await;
    }
    let letters = queue.dead_letters(10).await.unwrap();
    let chosen = &letters[1];
    assert_eq!(queue.redrive(Redrive::One(chosen.id.clone()), rewritten).await.unwrap(), 1);
    assert_eq!(queue.redrive(Redrive::One(chosen.id.clone()), rewritten).await.unwrap(), 0);
    assert_eq!(queue.redrive(Redrive::One("no such letter".into()), rewritten).await.unwrap(), 0);

    let received = receive(engine, &*queue, 10).await;
    assert_eq!(sorted_bodies(&received), [rewritten(&chosen.body)]);
    assert_eq!((received[0].group.as_str(), received[0].receive_count), ("g", 1));
    assert_eq!(queue.dead_letters(10).await.unwrap(), letters[..1]);
}

/// More than one batch of them.
pub async fn redriving_all_sends_each_once_with_a_new_body(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    let bodies: Vec<_> = (100..125).map(|n| n.to_string()).collect();
    send(&*queue, "g", &bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for message in receive(engine, &*queue, 25).await {
        bury(&*queue, &message, "x").await;
    }
    assert_eq!(queue.redrive(Redrive::All, rewritten).await.unwrap(), 25);
    assert_eq!(queue.redrive(Redrive::All, rewritten).await.unwrap(), 0);

    let received = receive(engine, &*queue, 30).await;
    assert_eq!(sorted_bodies(&received), bodies.iter().map(|body| rewritten(body)).collect::<Vec<_>>());
    assert_eq!(queue.dead_letters(10).await.unwrap(), []);
}

/// Nothing is lost by a rewriting that goes wrong.
pub async fn a_letter_that_cant_be_sent_stays_dead(engine: &dyn Engine) {
    let queue = engine.fresh().await;
    send(&*queue, "g", &["x"]).await;
    bury(&*queue, &receive_one(engine, &*queue).await, "x").await;
    let id = queue.dead_letters(1).await.unwrap()[0].id.clone();
    let too_long: fn(&str) -> String = |body| body.repeat(MAX_BODY + 1);
    assert!(queue.redrive(Redrive::One(id), too_long).await.is_err());
    assert_eq!(queue.redrive(Redrive::All, too_long).await.unwrap(), 0);
    assert_eq!(queue.dead_letters(10).await.unwrap().len(), 1);
    assert_nothing(&*queue).await;
}
