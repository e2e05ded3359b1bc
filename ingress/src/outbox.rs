//! Between the requests and the queue: what arrives while a send is under way goes with the next one, so that the busier
//! it is, the more jobs share a commit, and a lone job waits for nobody. No timer, and one send at a time in order.
//! What a commit stored is audited in one write.
//!
//! Never answers for a job that the queue has not answered for, and never sends twice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::queue::{JobQueue, MAX_SEND, NewMessage, QueueError};
use eco_coder_shared::telemetry::audit;
use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Jobs that can wait for a send. More connections than this are rarely open, and each has one request.
const PLACES: usize = 4096;
/// A send is held back for requests that are being read already until it has so many jobs. With more, a commit gets no
/// cheaper that anybody would notice, and while it is written the next requests can be read.
const FULL: usize = 24;

/// When to try again if the queue doesn't say.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Why a job is not stored, as far as anybody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotStored {
    /// For the log.
    pub(crate) error: String,
    /// When to try again.
    pub(crate) retry_after: Duration,
}

impl NotStored {
    pub(crate) fn because(error: impl Into<String>) -> Self {
        Self { error: error.into(), retry_after: RETRY_AFTER }
    }
}

impl From<QueueError> for NotStored {
    fn from(error: QueueError) -> Self {
        let retry_after = if let QueueError::Throttled(wait) = error { wait } else { RETRY_AFTER };
        Self { error: error.to_string(), retry_after }
    }
}

/// Says that a job is stored, for the audit log.
type Note = Box<dyn FnOnce() + Send>;

struct Waiting {
    message: NewMessage,
    stored: oneshot::Sender<Result<(), NotStored>>,
    note: Note,
}

/// Where jobs are left. When the last clone is dropped, what was left is still sent.
#[derive(Clone)]
pub(crate) struct Outbox {
    inbox: mpsc::Sender<Waiting>,
    patience: Duration,
}

impl Outbox {
    /// Starts sending to `queue`, as a task of the runtime it is called in. A send may take `patience`, and so may the
    /// answer to whoever waits.
    pub(crate) fn start(queue: Arc<dyn JobQueue>, patience: Duration) -> Self {
        let (sender, inbox) = mpsc::channel(PLACES);
        tokio::spawn(send_all(queue, patience, inbox));
        Self { inbox: sender, patience }
    }

    /// Stores `message`; `Ok` means that the queue has it for good, and that `note` is called, once. Otherwise `note` is
    /// never called, but the message may be stored all the same: the queue was late, or this was dropped.
    pub(crate) async fn store(
        &self,
        message: NewMessage,
        note: impl FnOnce() + Send + 'static,
    ) -> Result<(), NotStored> {
        let (stored, mut answer) = oneshot::channel();
        self.inbox
            .try_send(Waiting { message, stored, note: Box::new(note) })
            .map_err(|_| NotStored::because("more jobs wait for the queue than it can take"))?;
        let late = || NotStored::because(format!("the queue did not answer within {:?}", self.patience));
        if let Ok(answered) = timeout(self.patience, &mut answer).await {
            return answered.unwrap_or_else(|_| Err(late()));
        }
        // An answer that was given while the time ran out counts: its note is being called.
        answer.close();
        answer.try_recv().unwrap_or_else(|_| Err(late()))
    }
}

async fn send_all(queue: Arc<dyn JobQueue>, patience: Duration, mut inbox: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::new();
    while inbox.recv_many(&mut batch, MAX_SEND).await > 0 {
        // What can go on now gets here first. Alone, a job is sent at once.
        while batch.len() < FULL {
            let before = batch.len();
            tokio::task::yield_now().await;
            batch.extend(std::iter::from_fn(|| inbox.try_recv().ok()).take(MAX_SEND - before));
            if batch.len() == before {
                break;
            }
        }
        // Whoever gave up while others were sent has had its answer.
        batch.retain(|waiting| !waiting.stored.is_closed());
        if batch.is_empty() {
            continue;
        }
        // However a send ends, those who wait are told, and the next ones go on.
        let sending =
            timeout(patience, AssertUnwindSafe(send(queue.as_ref(), std::mem::take(&mut batch))).catch_unwind());
        if let Ok(Err(_)) = sending.await {
            tracing::error!("sending to the queue panicked. Please report this");
        }
    }
}

/// Sends the batch and answers entry by entry: one may fail alone.
async fn send(queue: &dyn JobQueue, batch: Vec<Waiting>) {
    let mut messages = Vec::with_capacity(batch.len());
    let mut waiting = Vec::with_capacity(batch.len());
    for Waiting { message, stored, note } in batch {
        messages.push(message);
        waiting.push((stored, note));
    }
    // Whoever waited has gone away where telling fails.
    match queue.send(messages).await {
        Ok(entries) => {
            let mut entries = entries.into_iter();
            audit::together(|| {
                for (stored, note) in waiting {
                    let answer = match entries.next() {
                        Some(entry) => entry.map(drop).map_err(|refused| NotStored::because(refused.to_string())),
                        None => Err(NotStored::because("the queue did not answer for this entry")),
                    };
                    let kept = answer.is_ok();
                    if stored.send(answer).is_ok() && kept {
                        note();
                    }
                }
            });
        }
        Err(error) => {
            let failure = NotStored::from(error);
            for (stored, _) in waiting {
                let _ = stored.send(Err(failure.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use eco_coder_shared::env::SystemEnv;
    use eco_coder_shared::queue::sqlite::SqliteQueue;

    use super::*;

    fn message(body: String) -> NewMessage {
        NewMessage { group: "g".to_owned(), body, delay: Duration::ZERO }
    }

    #[tokio::test]
    async fn more_than_one_send_takes_are_all_stored_and_each_learns_its_own_fate() {
        let queue = Arc::new(SqliteQueue::in_memory(Arc::new(SystemEnv)).unwrap());
        let outbox = Outbox::start(Arc::clone(&queue) as _, Duration::from_mins(1));
        let waiting: Vec<_> = (0..2 * MAX_SEND)
            .map(|n| {
                let outbox = outbox.clone();
                // One in a hundred can't be stored: an empty group is none.
                let group = if n % 100 == 0 { "" } else { "g" };
                tokio::spawn(async move {
                    outbox.store(NewMessage { group: group.to_owned(), ..message(n.to_string()) }, || ()).await
                })
            })
            .collect();
        for (n, stored) in waiting.into_iter().enumerate() {
            assert_eq!(stored.await.unwrap().is_ok(), n % 100 != 0, "{n}");
        }
        assert_eq!(queue.depth().await.unwrap().visible, 2 * MAX_SEND as u64 - 6);
    }

    #[tokio::test]
    async fn what_is_over_the_places_is_refused_at_once() {
        let queue = Arc::new(SqliteQueue::in_memory(Arc::new(SystemEnv)).unwrap());
        let outbox = Outbox::start(queue, Duration::from_mins(1));
        // The sending task doesn't run before these have been polled: it is another task of the same thread.
        let stores: Vec<_> = (0..=PLACES).map(|n| Box::pin(outbox.store(message(n.to_string()), || ()))).collect();
        let mut refused = 0;
        for store in stores {
            if let Some(answer) = store.now_or_never() {
                assert!(answer.unwrap_err().error.contains("more jobs wait"));
                refused += 1;
            }
        }
        assert_eq!(refused, 1);
    }
}
