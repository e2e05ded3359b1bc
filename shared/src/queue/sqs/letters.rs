//! A dead letter as a message of the dead-letter queue: the body as it was, and beside it, as message attributes, what an
//! operator wants to know. SQS moves messages there by itself, too (its own maxReceiveCount, a far backstop); those have
//! no attributes of ours.

use std::collections::HashMap;

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};

use crate::env::Timestamp;
use crate::queue::{DeadLetter, Death};

const REASON: &str = "EcoCoder.Reason";
const ATTEMPTS: &str = "EcoCoder.Attempts";
const LAST_ERROR: &str = "EcoCoder.LastError";
const DIED_AT: &str = "EcoCoder.DiedAt";
const SENT_AT: &str = "EcoCoder.SentAt";

/// The longest text of an attribute, characters.
const MAX_TEXT: usize = 2000;

/// Why a message is there that nobody of ours gave up.
const MOVED: &str = "SQS moved it here after its maxReceiveCount: workers received it and never came to an end, not even to \
                     a failure; look at their logs for what kills them, then redrive it";

/// The attributes of a message that is given up.
pub(super) fn attributes(
    death: &Death,
    died_at: Timestamp,
    sent_at: Timestamp,
) -> impl Iterator<Item = (&'static str, MessageAttributeValue)> {
    [
        (REASON, text(&death.reason)),
        (ATTEMPTS, number(i64::from(death.attempts))),
        (LAST_ERROR, death.last_error.as_deref().and_then(text)),
        (DIED_AT, number(died_at.0)),
        (SENT_AT, number(sent_at.0)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// SQS takes no empty value, and no control characters but line breaks and tabs.
fn text(text: &str) -> Option<MessageAttributeValue> {
    let clean: String = text.chars().filter(|c| !c.is_control() || "\n\t".contains(*c)).take(MAX_TEXT).collect();
    let value = MessageAttributeValue::builder().data_type("String").string_value(clean.clone());
    if clean.is_empty() { None } else { value.build().ok() }
}

fn number(number: i64) -> Option<MessageAttributeValue> {
    MessageAttributeValue::builder().data_type("Number").string_value(number.to_string()).build().ok()
}

/// What a message of the dead-letter queue says.
pub(super) fn letter(message: &Message) -> DeadLetter {
    let entered = system_time(message, &MessageSystemAttributeName::SentTimestamp);
    DeadLetter {
        id: message.message_id().unwrap_or_default().to_owned(),
        group: group(message),
        body: message.body().unwrap_or_default().to_owned(),
        reason: attribute(message, REASON).unwrap_or(MOVED).to_owned(),
        attempts: attribute(message, ATTEMPTS).and_then(|n| n.parse().ok()).unwrap_or(0),
        last_error: attribute(message, LAST_ERROR).map(str::to_owned),
        died_at: time(message, DIED_AT).unwrap_or(entered),
        sent_at: time(message, SENT_AT).unwrap_or(entered),
    }
}

/// When SQS itself moved a message of the queue back from the dead letters; `None` if it never was one.
pub(super) fn redriven_at(message: &Message) -> Option<Timestamp> {
    time(message, DIED_AT).map(|_| system_time(message, &MessageSystemAttributeName::SentTimestamp))
}

/// The fairness group; a message that somebody else sent may have none, and goes with its like.
pub(super) fn group(message: &Message) -> String {
    system(message, &MessageSystemAttributeName::MessageGroupId).unwrap_or("none").to_owned()
}

/// When it was sent, or entered its queue.
pub(super) fn system_time(message: &Message, name: &MessageSystemAttributeName) -> Timestamp {
    Timestamp(system(message, name).and_then(|ms| ms.parse().ok()).unwrap_or(0))
}

/// A system attribute.
pub(super) fn system<'a>(message: &'a Message, name: &MessageSystemAttributeName) -> Option<&'a str> {
    message.attributes()?.get(name).map(String::as_str)
}

fn attribute<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    let attributes: &HashMap<String, MessageAttributeValue> = message.message_attributes()?;
    attributes.get(name)?.string_value()
}

fn time(message: &Message, name: &str) -> Option<Timestamp> {
    attribute(message, name)?.parse().ok().map(Timestamp)
}
