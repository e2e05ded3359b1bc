//! The engine against an emulator, the whole contract, and against recorded answers for what no emulator does.

use std::sync::Arc;

use super::*;
use crate::env::{Env, SystemEnv, Timestamp};
use crate::queue::contract::{Engine, Exactness};
use crate::testing::ministack;

mod recorded;

/// Each queue is a new pair, as AWS would have it set up.
struct Emulated;

async fn pair(client: &Client) -> (String, String) {
    let name = SystemEnv.random_id();
    let create = |name: String| async move {
        client.create_queue().queue_name(name).send().await.unwrap().queue_url().unwrap().to_owned()
    };
    (create(name.clone()).await, create(format!("{name}-dead")).await)
}

async fn emulated() -> SqsQueue {
    let sdk = ministack::sdk().await;
    let (url, dead) = pair(&Client::new(&sdk)).await;
    SqsQueue::new(&sdk, url, dead, Arc::new(SystemEnv))
}

#[async_trait]
impl Engine for Emulated {
    async fn fresh(&self) -> Arc<dyn JobQueue> {
        Arc::new(emulated().await)
    }

    /// An emulator's clock can't be moved: its time has to pass.
    async fn pass(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }

    fn wait(&self) -> Duration {
        Duration::from_secs(1)
    }

    /// A standard queue keeps no order; the emulator is not fair, and its counts are SQS's.
    fn exactness(&self) -> Exactness {
        Exactness { depth: false, fair: false, ordered: false }
    }
}

mod contract {
    use super::*;
    crate::queue_contract!(Emulated);
}

#[tokio::test]
async fn counts_are_those_of_both_queues() {
    let queue = emulated().await;
    let message = |delay| NewMessage { group: "7".to_owned(), body: "x".to_owned(), delay };
    queue.send(vec![message(Duration::ZERO), message(Duration::ZERO), message(MAX_DELAY)]).await.unwrap();
    let taken = queue.receive(1, Duration::from_secs(1), Duration::from_mins(1)).await.unwrap();
    let death = Death { reason: "\u{1}no\ttext\n".to_owned(), attempts: 2, last_error: Some(String::new()) };
    assert_eq!(queue.dead_letter(&taken[0], death).await.unwrap(), Ok(()));
    let counts = queue.depth().await.unwrap();
    assert_eq!((counts.visible, counts.in_flight, counts.delayed, counts.dead), (1, 0, 1, 1));
    assert_eq!(counts.oldest_age_ms, None);
    let letter = &queue.dead_letters(1).await.unwrap()[0];
    assert_eq!((letter.reason.as_str(), &letter.last_error), ("no\ttext\n", &None));
}

#[tokio::test]
async fn a_message_that_sqs_moved_by_itself_is_a_letter_that_says_so() {
    let queue = emulated().await;
    queue.client.send_message().queue_url(&queue.dead_url).message_body("{\"v\":1}").send().await.unwrap();
    let letters = queue.dead_letters(10).await.unwrap();
    assert!(letters[0].reason.contains("maxReceiveCount"), "{}", letters[0].reason);
    assert_eq!((letters[0].group.as_str(), letters[0].attempts), ("none", 0));
    let same: Rewrite = str::to_owned;
    assert_eq!(queue.redrive(Redrive::One(letters[0].id.clone()), same).await.unwrap(), 1);
    let received = queue.receive(1, Duration::from_secs(1), Duration::from_mins(1)).await.unwrap();
    assert_eq!((received[0].body.as_str(), received[0].redriven_at), ("{\"v\":1}", None));
}

#[tokio::test]
async fn a_message_that_sqs_moved_back_is_received_as_redriven() {
    let queue = emulated().await;
    let death = Death { reason: "x".to_owned(), attempts: 3, last_error: None };
    let mut call = queue.client.send_message().queue_url(&queue.url).message_body("x").message_group_id("7");
    for (name, value) in letters::attributes(&death, Timestamp(1000), Timestamp(500)) {
        call = call.message_attributes(name, value);
    }
    call.send().await.unwrap();
    let received = queue.receive(1, Duration::from_secs(1), Duration::ZERO).await.unwrap();
    assert_eq!(received[0].redriven_at, Some(received[0].sent_at));
    // Another receive is of the same redrive.
    let again = queue.receive(1, Duration::from_secs(1), Duration::ZERO).await.unwrap();
    assert_eq!(again[0].redriven_at, received[0].redriven_at);
}

#[tokio::test]
async fn what_is_wrong_with_the_queues_is_said() {
    let queue = emulated().await;
    let wrong = queue.look().await.unwrap();
    assert!(wrong.iter().any(|w| w.contains("RedrivePolicy")), "{wrong:?}");
    let attributes = queue.attributes(&queue.dead_url, [QueueAttributeName::QueueArn]).await.unwrap();
    let policy = format!(
        "{{\"deadLetterTargetArn\":\"{}\",\"maxReceiveCount\":\"1000\"}}",
        attributes[&QueueAttributeName::QueueArn]
    );
    let set = |url: &str, name, value: &str| {
        queue.client.set_queue_attributes().queue_url(url).attributes(name, value).send()
    };
    set(&queue.url, QueueAttributeName::RedrivePolicy, &policy).await.unwrap();
    set(&queue.dead_url, QueueAttributeName::MessageRetentionPeriod, "1209600").await.unwrap();
    assert_eq!(queue.look().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_said_with_what_was_asked() {
    let sdk = ministack::sdk().await;
    let url = format!("{}/000000000000/nobody", ministack::endpoint());
    let queue = SqsQueue::new(&sdk, url.clone(), url, Arc::new(SystemEnv));
    let error = queue.check().await.unwrap_err().to_string();
    assert!(error.contains("sqs:GetQueueAttributes") && error.contains("NonExistentQueue"), "{error}");
    let message = NewMessage { group: "7".to_owned(), body: "x".to_owned(), delay: Duration::ZERO };
    let sent = queue.send(vec![message]).await.unwrap();
    assert!(matches!(&sent[0], Err(EntryError::Refused(words)) if words.contains("sqs:SendMessage")), "{sent:?}");
}
