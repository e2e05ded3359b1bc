//! The queue on Amazon SQS: a standard queue and its dead-letter queue. Fair between repositories by MessageGroupId, which
//! a standard queue takes for that and nothing else.
//!
//! What SQS can't promise, nothing rests on: a receipt may be stale without SQS saying so (the row's lease decides who
//! works), counts lag by a minute, and a message may come twice. Deferring and giving up are a send and a deletion, in this
//! order: a crash between the two leaves both, never none.

mod batches;
mod letters;
mod moves;

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};
use futures_util::future::join_all;

pub use self::moves::{MAX_PER_SECOND, MoveTask};

use self::batches::Batches;
use super::{
    DeadLetter, Death, Depth, EntryError, JobQueue, MAX_BATCH, MAX_BODY, MAX_DELAY, MAX_SEND, MAX_VISIBILITY, MAX_WAIT,
    NewMessage, QueueError, Receipt, Received, Redrive, Rewrite,
};
use crate::aws::{ATTEMPT, Fault, count};
use crate::env::SharedEnv;

/// The longest group; SQS's own limit.
const MAX_GROUP: usize = 128;
/// When to call again after a throttle that the SDK's own retries did not outlast.
const THROTTLED: Duration = Duration::from_secs(5);
/// Dead letters are hidden from other operators for so long while they are looked through.
const LOOKING: Duration = Duration::from_secs(30);
/// The most dead letters that one look goes through. More are redriven by SQS's own task.
const MAX_LOOK: usize = 10_000;

/// A queue on SQS, and its dead letters.
pub struct SqsQueue {
    client: Client,
    /// Waits for as long as a long poll does.
    patient: Client,
    url: String,
    dead_url: String,
    env: SharedEnv,
    acks: Batches<Receipt>,
    extensions: Batches<(Receipt, Duration)>,
}

impl SqsQueue {
    /// The queue at `url` with dead letters at `dead_url`; asks nothing of AWS yet. In the runtime that it is used in.
    pub fn new(sdk: &aws_config::SdkConfig, url: String, dead_url: String, env: SharedEnv) -> Self {
        let patience = MAX_WAIT + ATTEMPT;
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(patience).operation_timeout(patience * 2);
        let patient = aws_sdk_sqs::config::Builder::from(sdk).timeout_config(timeouts.build()).build();
        let patient = Client::from_conf(patient);
        Self::with_clients(Client::new(sdk), patient, url, dead_url, env)
    }

    fn with_clients(client: Client, patient: Client, url: String, dead_url: String, env: SharedEnv) -> Self {
        let acks = {
            let (client, url) = (client.clone(), url.clone());
            Batches::start(move |receipts| delete(client.clone(), url.clone(), receipts))
        };
        let extensions = {
            let (client, url) = (client.clone(), url.clone());
            Batches::start(move |entries| change_visibility(client.clone(), url.clone(), entries))
        };
        Self { client, patient, url, dead_url, env, acks, extensions }
    }

    /// Up to ten messages in one call; entries that break a limit are not sent.
    async fn send_batch(&self, batch: &[NewMessage]) -> Vec<Result<String, EntryError>> {
        let mut answers: Vec<Option<Result<String, EntryError>>> =
            batch.iter().map(|message| invalid(message).map(|why| Err(EntryError::Invalid(why)))).collect();
        let entries: Vec<_> = batch
            .iter()
            .enumerate()
            .filter(|(n, _)| answers[*n].is_none())
            .filter_map(|(n, message)| {
                SendMessageBatchRequestEntry::builder()
                    .id(n.to_string())
                    .message_body(&message.body)
                    .message_group_id(&message.group)
                    .delay_seconds(seconds(message.delay))
                    .build()
                    .ok()
            })
            .collect();
        let mut failure = "SQS did not answer for this entry".to_owned();
        if !entries.is_empty() {
            count("sqs", "SendMessageBatch");
            match self.client.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await {
                Ok(sent) => {
                    for one in sent.successful() {
                        put(&mut answers, one.id(), Ok(one.message_id().to_owned()));
                    }
                    for one in sent.failed() {
                        put(&mut answers, one.id(), Err(refused(one)));
                    }
                }
                Err(e) => failure = Fault::new("sqs:SendMessage", &e).words,
            }
        }
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(EntryError::Refused(failure.clone())))).collect()
    }

    /// Sends one message to either queue.
    async fn send_one(
        &self,
        url: &str,
        message: &NewMessage,
        death: Option<(&Death, crate::env::Timestamp)>,
    ) -> Result<(), QueueError> {
        let mut call = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(&message.body)
            .message_group_id(&message.group)
            .delay_seconds(seconds(message.delay));
        if let Some((death, sent_at)) = death {
            for (name, value) in letters::attributes(death, self.env.now(), sent_at) {
                call = call.message_attributes(name, value);
            }
        }
        count("sqs", "SendMessage");
        call.send().await.map(drop).map_err(|e| failed(&Fault::new("sqs:SendMessage", &e)))
    }

    /// Is the message still this receipt's, and for a while? Asked before something is sent in its place.
    async fn hold(&self, receipt: &Receipt) -> Result<Result<(), EntryError>, QueueError> {
        let answers = self.extensions.all([(receipt.clone(), LOOKING)]).await?;
        Ok(answers.into_iter().next().unwrap_or(Err(EntryError::Stale)))
    }

    /// Sends `message` in a received one's place.
    async fn replace(
        &self,
        url: &str,
        received: &Received,
        message: &NewMessage,
        death: Option<&Death>,
    ) -> Result<Result<(), EntryError>, QueueError> {
        if let Some(why) = invalid(message) {
            return Ok(Err(EntryError::Invalid(why)));
        }
        if let Err(stale) = self.hold(&received.receipt).await? {
            return Ok(Err(stale));
        }
        self.send_one(url, message, death.map(|death| (death, received.sent_at))).await?;
        // What can't be deleted now comes back, beside what was sent: that is allowed, losing it is not.
        let answers = self.acks.all([received.receipt.clone()]).await?;
        Ok(answers.into_iter().next().unwrap_or(Ok(())))
    }

    async fn receive_from(
        &self,
        url: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>, QueueError> {
        count("sqs", "ReceiveMessage");
        let call = self
            .patient
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(i32::try_from(max).unwrap_or(1))
            .wait_time_seconds(seconds(wait))
            .visibility_timeout(seconds(visibility))
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All");
        let answer = call.send().await.map_err(|e| failed(&Fault::new("sqs:ReceiveMessage", &e)))?;
        Ok(answer.messages.unwrap_or_default())
    }

    /// Looks through the dead letters, a message each once, until `enough` says so or none comes any more; what was seen
    /// and not taken is given back at the end.
    async fn look_through(&self, mut take: impl FnMut(&Message) -> Take) -> Result<Vec<Message>, QueueError> {
        let (mut taken, mut seen, mut enough) = (Vec::new(), HashMap::new(), false);
        let looked = async {
            while !enough && taken.len() + seen.len() < MAX_LOOK {
                let batch = self.receive_from(&self.dead_url, MAX_BATCH, Duration::from_secs(1), LOOKING).await?;
                // Also when they come round again: a look that takes long outlasts their hiding.
                if batch.iter().all(|message| seen.contains_key(message.message_id().unwrap_or_default())) {
                    break;
                }
                for message in batch {
                    match if enough { Take::Leave } else { take(&message) } {
                        Take::Leave => {
                            let id = message.message_id().unwrap_or_default().to_owned();
                            seen.insert(id, message.receipt_handle().unwrap_or_default().to_owned());
                        }
                        Take::It => taken.push(message),
                        Take::ItAndNoMore => {
                            taken.push(message);
                            enough = true;
                        }
                    }
                }
            }
            Ok(())
        }
        .await;
        let back: Vec<_> = seen.into_values().map(|handle| (Receipt(handle), Duration::ZERO)).collect();
        for some in back.chunks(MAX_BATCH) {
            // What can't be given back comes back by itself.
            let _ = change_visibility(self.client.clone(), self.dead_url.clone(), some.to_vec()).await;
        }
        looked.map(|()| taken)
    }

    async fn attributes(
        &self,
        url: &str,
        names: impl IntoIterator<Item = QueueAttributeName>,
    ) -> Result<HashMap<QueueAttributeName, String>, QueueError> {
        count("sqs", "GetQueueAttributes");
        let call = self.client.get_queue_attributes().queue_url(url);
        let call = call.set_attribute_names(Some(names.into_iter().collect()));
        let answer = call.send().await.map_err(|e| failed(&Fault::new("sqs:GetQueueAttributes", &e)))?;
        Ok(answer.attributes.unwrap_or_default())
    }

    /// What is wrong with the two queues, in words for an operator; nothing if they are as they should be.
    pub async fn look(&self) -> Result<Vec<String>, QueueError> {
        let names = [
            QueueAttributeName::QueueArn,
            QueueAttributeName::RedrivePolicy,
            QueueAttributeName::MessageRetentionPeriod,
        ];
        let main = self.attributes(&self.url, names.clone()).await?;
        let dead = self.attributes(&self.dead_url, names).await?;
        let mut wrong = Vec::new();
        let arn = |of: &HashMap<_, String>| of.get(&QueueAttributeName::QueueArn).cloned().unwrap_or_default();
        if arn(&main) == arn(&dead) {
            wrong.push("queue.url and queue.dead_letter_url are the same queue".to_owned());
        }
        match main.get(&QueueAttributeName::RedrivePolicy) {
            Some(policy) if policy.contains(&arn(&dead)) => {}
            Some(_) => wrong.push("the queue's RedrivePolicy names another dead-letter queue".to_owned()),
            None => wrong.push(format!(
                "the queue has no RedrivePolicy; set deadLetterTargetArn to {} and maxReceiveCount to 1000",
                arn(&dead)
            )),
        }
        let days = dead.get(&QueueAttributeName::MessageRetentionPeriod).and_then(|s| s.parse::<u64>().ok());
        if days.is_some_and(|seconds| seconds < 14 * 86_400) {
            wrong.push("the dead-letter queue keeps messages for less than 14 days; raise its retention".to_owned());
        }
        Ok(wrong)
    }
}

/// What to do with a dead letter that is looked at.
enum Take {
    Leave,
    It,
    ItAndNoMore,
}

#[async_trait]
impl JobQueue for SqsQueue {
    async fn send(&self, batch: Vec<NewMessage>) -> Result<Vec<Result<String, EntryError>>, QueueError> {
        at_most(batch.len(), MAX_SEND)?;
        let calls = batch.chunks(MAX_BATCH).map(|chunk| self.send_batch(chunk));
        Ok(join_all(calls).await.into_iter().flatten().collect())
    }

    async fn receive(&self, max: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>, QueueError> {
        if max == 0 || wait > MAX_WAIT {
            return Err(QueueError::Invalid(format!(
                "a receive is of 1 to {MAX_BATCH} and waits {MAX_WAIT:?} at most"
            )));
        }
        at_most(max, MAX_BATCH)?;
        short_enough(visibility)?;
        let messages = self.receive_from(&self.url, max, wait, visibility).await?;
        Ok(messages.iter().map(received).collect())
    }

    async fn extend(
        &self,
        receipts: &[Receipt],
        visibility: Duration,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        at_most(receipts.len(), MAX_BATCH)?;
        short_enough(visibility)?;
        self.extensions.all(receipts.iter().map(|receipt| (receipt.clone(), visibility))).await
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        at_most(receipts.len(), MAX_BATCH)?;
        self.acks.all(receipts.iter().cloned()).await
    }

    async fn defer(
        &self,
        received: &Received,
        body: String,
        delay: Duration,
    ) -> Result<Result<(), EntryError>, QueueError> {
        let message = NewMessage { group: received.group.clone(), body, delay };
        self.replace(&self.url, received, &message, None).await
    }

    async fn dead_letter(&self, received: &Received, death: Death) -> Result<Result<(), EntryError>, QueueError> {
        let (group, body) = (received.group.clone(), received.body.clone());
        let message = NewMessage { group, body, delay: Duration::ZERO };
        self.replace(&self.dead_url, received, &message, Some(&death)).await
    }

    /// About: SQS counts lag by a minute or more, and the oldest one's age is CloudWatch's to say.
    async fn depth(&self) -> Result<Depth, QueueError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let (main, dead) =
            tokio::join!(self.attributes(&self.url, names.clone()), self.attributes(&self.dead_url, names.clone()));
        let (main, dead) = (main?, dead?);
        let of = |attributes: &HashMap<_, String>, name: &QueueAttributeName| {
            attributes.get(name).and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        let [visible, in_flight, delayed] = &names;
        Ok(Depth {
            visible: of(&main, visible),
            in_flight: of(&main, in_flight),
            delayed: of(&main, delayed),
            dead: names.iter().map(|name| of(&dead, name)).sum(),
            oldest_age_ms: None,
        })
    }

    /// Looks through them all, up to a bound, and hides them from other operators meanwhile.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, QueueError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let mut found = HashMap::new();
        self.look_through(|message| {
            let letter = letters::letter(message);
            found.insert(letter.id.clone(), letter);
            Take::Leave
        })
        .await?;
        let mut letters: Vec<_> = found.into_values().collect();
        letters.sort_by(|a, b| (b.died_at, &b.id).cmp(&(a.died_at, &a.id)));
        letters.truncate(limit);
        Ok(letters)
    }

    async fn redrive(&self, which: Redrive, rewrite: Rewrite) -> Result<u64, QueueError> {
        let one = match &which {
            Redrive::One(id) => Some(id.as_str()),
            Redrive::All => None,
        };
        let letters = self
            .look_through(|message| match one {
                None => Take::It,
                Some(id) if message.message_id() == Some(id) => Take::ItAndNoMore,
                Some(_) => Take::Leave,
            })
            .await?;
        let mut gone = 0;
        for batch in letters.chunks(MAX_BATCH) {
            let messages: Vec<_> = batch
                .iter()
                .map(|message| NewMessage {
                    group: letters::group(message),
                    body: rewrite(message.body().unwrap_or_default()),
                    delay: Duration::ZERO,
                })
                .collect();
            let sent = self.send_batch(&messages).await;
            let receipt = |message: &Message| Receipt(message.receipt_handle().unwrap_or_default().to_owned());
            let (mut done, mut back) = (Vec::new(), Vec::new());
            let mut refusal = None;
            for (message, sent) in batch.iter().zip(sent) {
                match sent {
                    Ok(_) => done.push(receipt(message)),
                    Err(why) => {
                        back.push((receipt(message), Duration::ZERO));
                        refusal = Some(why);
                    }
                }
            }
            gone += done.len() as u64;
            if !done.is_empty() {
                delete(self.client.clone(), self.dead_url.clone(), done).await?;
            }
            if !back.is_empty() {
                change_visibility(self.client.clone(), self.dead_url.clone(), back).await?;
            }
            if let (Some(_), Some(why)) = (one, refusal) {
                return Err(QueueError::Invalid(why.to_string()));
            }
        }
        Ok(gone)
    }

    async fn check(&self) -> Result<(), QueueError> {
        self.attributes(&self.url, [QueueAttributeName::QueueArn]).await.map(drop)
    }
}

fn received(message: &Message) -> Received {
    let count = letters::system(message, &MessageSystemAttributeName::ApproximateReceiveCount);
    Received {
        message_id: message.message_id().unwrap_or_default().to_owned(),
        receipt: Receipt(message.receipt_handle().unwrap_or_default().to_owned()),
        group: letters::group(message),
        body: message.body().unwrap_or_default().to_owned(),
        receive_count: count.and_then(|n| n.parse().ok()).unwrap_or(1),
        sent_at: letters::system_time(message, &MessageSystemAttributeName::SentTimestamp),
        redriven_at: letters::redriven_at(message),
    }
}

async fn delete(
    client: Client,
    url: String,
    receipts: Vec<Receipt>,
) -> Result<Vec<Result<(), EntryError>>, QueueError> {
    let entry = |(n, receipt): (usize, &Receipt)| {
        DeleteMessageBatchRequestEntry::builder().id(n.to_string()).receipt_handle(&receipt.0).build().ok()
    };
    let entries: Vec<_> = receipts.iter().enumerate().filter_map(entry).collect();
    count("sqs", "DeleteMessageBatch");
    let answer = client.delete_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
    let answer = answer.map_err(|e| failed(&Fault::new("sqs:DeleteMessage", &e)))?;
    let mut answers = vec![None; receipts.len()];
    for one in answer.successful() {
        put(&mut answers, one.id(), Ok(()));
    }
    for one in answer.failed() {
        put(&mut answers, one.id(), Err(refused(one)));
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(no_answer)).collect())
}

async fn change_visibility(
    client: Client,
    url: String,
    entries: Vec<(Receipt, Duration)>,
) -> Result<Vec<Result<(), EntryError>>, QueueError> {
    let entry = |(n, (receipt, visibility)): (usize, &(Receipt, Duration))| {
        ChangeMessageVisibilityBatchRequestEntry::builder()
            .id(n.to_string())
            .receipt_handle(&receipt.0)
            .visibility_timeout(seconds(*visibility))
            .build()
            .ok()
    };
    let batch: Vec<_> = entries.iter().enumerate().filter_map(entry).collect();
    count("sqs", "ChangeMessageVisibilityBatch");
    let answer = client.change_message_visibility_batch().queue_url(url).set_entries(Some(batch)).send().await;
    let answer = answer.map_err(|e| failed(&Fault::new("sqs:ChangeMessageVisibility", &e)))?;
    let mut answers = vec![None; entries.len()];
    for one in answer.successful() {
        put(&mut answers, one.id(), Ok(()));
    }
    for one in answer.failed() {
        put(&mut answers, one.id(), Err(refused(one)));
    }
    Ok(answers.into_iter().map(|answer| answer.unwrap_or_else(no_answer)).collect())
}

fn no_answer() -> Result<(), EntryError> {
    Err(EntryError::Refused("SQS did not answer for this entry".to_owned()))
}

/// Puts an answer in its entry's place; ids are places.
fn put<T>(answers: &mut [Option<T>], id: &str, answer: T) {
    if let Some(place) = id.parse::<usize>().ok().and_then(|n| answers.get_mut(n)) {
        *place = Some(answer);
    }
}

fn refused(entry: &BatchResultErrorEntry) -> EntryError {
    let code = entry.code();
    if code.contains("ReceiptHandleIsInvalid") || code.contains("MessageNotInflight") {
        EntryError::Stale
    } else {
        EntryError::Refused(format!("{code}: {}", entry.message().unwrap_or_default()))
    }
}

fn failed(fault: &Fault) -> QueueError {
    if fault.is_throttle() { QueueError::Throttled(THROTTLED) } else { QueueError::Unavailable(fault.words.clone()) }
}

fn at_most(entries: usize, most: usize) -> Result<(), QueueError> {
    if entries > most {
        return Err(QueueError::Invalid(format!("there are {entries} entries; {most} is the most")));
    }
    Ok(())
}

fn short_enough(visibility: Duration) -> Result<(), QueueError> {
    if visibility > MAX_VISIBILITY {
        return Err(QueueError::Invalid(format!("the visibility is longer than {MAX_VISIBILITY:?}")));
    }
    Ok(())
}

/// What is wrong with an entry. Never repeats the body.
fn invalid(message: &NewMessage) -> Option<String> {
    let NewMessage { group, body, delay } = message;
    // Printable ASCII: SQS's alphabet of groups.
    if group.is_empty() || group.len() > MAX_GROUP || !group.bytes().all(|b| b.is_ascii_graphic()) {
        Some(format!("a group is 1 to {MAX_GROUP} printable ASCII characters"))
    } else if body.is_empty() || body.len() > MAX_BODY {
        Some(format!("a body is 1 to {MAX_BODY} bytes"))
    } else if body.chars().any(|c| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{FFFE}' || c == '\u{FFFF}') {
        Some("the body has a control character, which SQS does not take".to_owned())
    } else if *delay > MAX_DELAY {
        Some(format!("a delay is {MAX_DELAY:?} at most"))
    } else {
        None
    }
}

/// Whole seconds, rounded up: never sooner than asked.
fn seconds(length: Duration) -> i32 {
    i32::try_from(length.as_secs() + u64::from(length.subsec_nanos() > 0)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
