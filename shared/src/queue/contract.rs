//! What every engine of [`JobQueue`] must do: one suite, run against each of them with [`queue_contract!`].
//!
//! Behaviours know the trait only, so that an engine over a network joins unchanged. What an emulator can't do, it says
//! in [`Engine::exactness`].
//!
//! [`queue_contract!`]: crate::queue_contract

#![expect(clippy::unwrap_used, reason = "a behaviour that doesn't hold fails by panicking")]

mod dead_letters;
mod delivery;
mod fairness;
mod limits;
mod receipts;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{EntryError, JobQueue, NewMessage, Receipt, Received};

pub use dead_letters::*;
pub use delivery::*;
pub use fairness::*;
pub use limits::*;
pub use receipts::*;

/// An engine under test.
#[async_trait]
pub trait Engine: Send + Sync {
    /// A queue with nothing in it, not in the dead letters either.
    async fn fresh(&self) -> Arc<dyn JobQueue>;

    /// Lets `length` of the queue's time pass: moves its clock, or waits.
    async fn pass(&self, length: Duration);

    /// How long a receive that expects a message waits for it.
    fn wait(&self) -> Duration {
        Duration::ZERO
    }

    /// What the engine can't be held to.
    fn exactness(&self) -> Exactness {
        Exactness::default()
    }
}

/// Where engines may differ. The default is to be held to everything.
#[derive(Debug, Clone, Copy)]
pub struct Exactness {
    /// Depth and age are exact, and at once.
    pub depth: bool,
    /// Groups take turns.
    pub fair: bool,
    /// Messages of a group come in the order in which they were sent.
    pub ordered: bool,
}

impl Default for Exactness {
    fn default() -> Self {
        Self { depth: true, fair: true, ordered: true }
    }
}

/// Long enough for a test to finish in, short enough to wait for on an engine that has no clock to move.
const VISIBILITY: Duration = Duration::from_secs(2);
/// A little more.
const PAST_VISIBILITY: Duration = Duration::from_millis(2_500);

fn message(group: &str, body: &str) -> NewMessage {
    NewMessage { group: group.into(), body: body.into(), delay: Duration::ZERO }
}

/// Sends `bodies`, all of one group, and returns the ids.
async fn send(queue: &dyn JobQueue, group: &str, bodies: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for batch in bodies.chunks(super::MAX_BATCH) {
        let sent = queue.send(batch.iter().map(|body| message(group, body)).collect()).await.unwrap();
        ids.extend(sent.into_iter().map(Result::unwrap));
    }
    ids
}

/// Receives until `count` messages have come, or none comes any more.
async fn receive(engine: &dyn Engine, queue: &dyn JobQueue, count: usize) -> Vec<Received> {
    let mut all = Vec::new();
    while all.len() < count {
        let max = (count - all.len()).min(super::MAX_BATCH);
        let some = queue.receive(max, engine.wait(), VISIBILITY).await.unwrap();
        if some.is_empty() {
            break;
        }
        all.extend(some);
    }
    all
}

async fn receive_one(engine: &dyn Engine, queue: &dyn JobQueue) -> Received {
    let [one] = <[_; 1]>::try_from(receive(engine, queue, 1).await).unwrap();
    one
}

/// Nothing can be received now.
async fn assert_nothing(queue: &dyn JobQueue) {
    assert_eq!(queue.receive(super::MAX_BATCH, Duration::ZERO, VISIBILITY).await.unwrap(), []);
}

async fn ack(queue: &dyn JobQueue, received: &[Received]) -> Vec<Result<(), EntryError>> {
    queue.ack(&receipts(received)).await.unwrap()
}

fn receipts(received: &[Received]) -> Vec<Receipt> {
    received.iter().map(|message| message.receipt.clone()).collect()
}

fn sorted_bodies(received: &[Received]) -> Vec<&str> {
    let mut bodies: Vec<_> = received.iter().map(|message| message.body.as_str()).collect();
    bodies.sort_unstable();
    bodies
}

/// Generates a test for each behaviour against the engine that the expression makes. Needs tokio's test macro.
#[macro_export]
macro_rules! queue_contract {
    ($engine:expr) => {
        $crate::queue_contract! { @each $engine;
            a_batch_is_answered_entry_by_entry,
            a_message_comes_as_it_was_sent,
            a_received_message_is_hidden_until_its_visibility_ends,
            receives_are_counted,
            a_delayed_message_comes_when_its_delay_has_passed,
            a_waiting_receive_sees_what_is_sent_meanwhile,
            a_waiting_receive_sees_what_is_given_back_meanwhile,
            a_receive_without_messages_ends_with_its_wait,
            depth_counts_each_message_once_and_knows_the_oldest,
            a_queue_that_can_store_says_so,
            a_heartbeat_keeps_a_message_hidden,
            a_message_given_back_is_received_at_once,
            an_ack_twice_is_no_second_ack,
            an_overtaken_receipt_changes_nothing,
            text_that_is_no_receipt_is_refused_alone,
            a_deferred_message_keeps_its_group_and_counts_afresh,
            a_stale_message_is_not_deferred,
            a_dead_letter_keeps_its_reason,
            the_newest_dead_letters_come_first,
            redriving_one_twice_sends_it_once,
            redriving_all_sends_each_once_with_a_new_body,
            a_letter_that_cant_be_sent_stays_dead,
            a_small_group_doesnt_wait_for_a_large_one,
            groups_take_turns_in_one_receive,
            an_expired_receive_weighs_nothing,
            in_a_group_the_oldest_comes_first,
            an_invalid_entry_fails_alone,
            limits_hold_at_the_bound_and_one_past,
            empty_batches_do_nothing,
        }
    };
    (@each $engine:expr; $($behaviour:ident,)*) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                $crate::queue::contract::$behaviour(&$engine).await;
            }
        )*
    };
}
