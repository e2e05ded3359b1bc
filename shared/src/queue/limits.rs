//! What a call may ask for: the trait's limits, which an engine of our own checks before anything is stored.

use std::time::Duration;

use crate::queue::{EntryError, MAX_BATCH, MAX_BODY, MAX_DELAY, MAX_VISIBILITY, MAX_WAIT, NewMessage, QueueError};

/// The longest group in bytes (SQS's own limit for a MessageGroupId).
pub(super) const MAX_GROUP: usize = 128;

/// One message to send.
pub(super) fn message(message: &NewMessage) -> Result<(), EntryError> {
    if message.group.is_empty() || message.group.len() > MAX_GROUP {
        let text = format!("the group has {} bytes; 1 to {MAX_GROUP} are allowed", message.group.len());
        return Err(EntryError::Invalid(text));
    }
    body(&message.body)?;
    delay(message.delay)
}

/// A body, new or rewritten.
pub(super) fn body(body: &str) -> Result<(), EntryError> {
    if body.is_empty() || body.len() > MAX_BODY {
        return Err(EntryError::Invalid(format!("the body has {} bytes; 1 to {MAX_BODY} are allowed", body.len())));
    }
    Ok(())
}

/// How long a message waits before it can be received.
pub(super) fn delay(delay: Duration) -> Result<(), EntryError> {
    if delay > MAX_DELAY {
        let text = format!("a delay of {delay:?} is longer than {MAX_DELAY:?}; send it again later to wait longer");
        return Err(EntryError::Invalid(text));
    }
    Ok(())
}

/// The number of entries in one call that allows `most`.
pub(super) fn entries(entries: usize, most: usize) -> Result<(), QueueError> {
    if entries > most {
        return Err(QueueError::Invalid(format!("{entries} entries in one call; at most {most} are allowed")));
    }
    Ok(())
}

/// How long a received message stays hidden.
pub(super) fn visibility(visibility: Duration) -> Result<(), QueueError> {
    if visibility > MAX_VISIBILITY {
        let text = format!("a visibility of {visibility:?} is longer than {MAX_VISIBILITY:?}");
        return Err(QueueError::Invalid(text));
    }
    Ok(())
}

/// A receive.
pub(super) fn receive(max: usize, wait: Duration, hidden: Duration) -> Result<(), QueueError> {
    if max == 0 || max > MAX_BATCH {
        return Err(QueueError::Invalid(format!("{max} messages asked for; 1 to {MAX_BATCH} are allowed")));
    }
    if wait > MAX_WAIT {
        return Err(QueueError::Invalid(format!("a wait of {wait:?} is longer than {MAX_WAIT:?}")));
    }
    visibility(hidden)
}
