//! Small calls gathered into batch calls: AWS asks the same for ten entries as for one. An entry waits at most [`LINGER`]
//! for others, and is answered by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::queue::{EntryError, MAX_BATCH, QueueError};

/// Nobody notices it at the end of a review, and on a busy worker it fills the batches.
const LINGER: Duration = Duration::from_millis(20);
/// Batch calls under way at once.
const CALLS: usize = 16;

type Answer = Result<Result<(), EntryError>, QueueError>;

/// Gathers entries of one kind of call.
pub(super) struct Batches<E>(mpsc::UnboundedSender<(E, oneshot::Sender<Answer>)>);

impl<E: Send + 'static> Batches<E> {
    /// `call` takes up to [`MAX_BATCH`] entries and answers for each, in order. As a task of this runtime.
    pub(super) fn start<F, C>(call: F) -> Self
    where
        F: Fn(Vec<E>) -> C + Send + Sync + 'static,
        C: Future<Output = Result<Vec<Result<(), EntryError>>, QueueError>> + Send + 'static,
    {
        let (sender, inbox) = mpsc::unbounded_channel();
        tokio::spawn(gather(inbox, Arc::new(call)));
        Self(sender)
    }

    /// All of `entries`, each in some batch; an `Err` if any batch failed as a whole.
    pub(super) async fn all(
        &self,
        entries: impl IntoIterator<Item = E>,
    ) -> Result<Vec<Result<(), EntryError>>, QueueError> {
        let waiting: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let (answered, answer) = oneshot::channel();
                // Whoever gathers lives as long as this.
                let _ = self.0.send((entry, answered));
                answer
            })
            .collect();
        let mut answers = Vec::with_capacity(waiting.len());
        for answer in waiting {
            let lost = || QueueError::Unavailable("the call was given up".to_owned());
            answers.push(answer.await.unwrap_or_else(|_| Err(lost()))?);
        }
        Ok(answers)
    }
}

async fn gather<E, F, C>(mut inbox: mpsc::UnboundedReceiver<(E, oneshot::Sender<Answer>)>, call: Arc<F>)
where
    E: Send + 'static,
    F: Fn(Vec<E>) -> C + Send + Sync + 'static,
    C: Future<Output = Result<Vec<Result<(), EntryError>>, QueueError>> + Send + 'static,
{
    let calls = Arc::new(Semaphore::new(CALLS));
    while let Some(first) = inbox.recv().await {
        let mut batch = vec![first];
        let end = Instant::now() + LINGER;
        while batch.len() < MAX_BATCH {
            let Ok(Some(next)) = timeout_at(end, inbox.recv()).await else { break };
            batch.push(next);
        }
        let Ok(permit) = Arc::clone(&calls).acquire_owned().await else { return };
        let call = Arc::clone(&call);
        tokio::spawn(async move {
            let (entries, waiting): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            let answers = call(entries).await;
            drop(permit);
            let mut answers = answers.map(Vec::into_iter);
            for waiting in waiting {
                let answer = match &mut answers {
                    Ok(answers) => {
                        answers.next().ok_or_else(|| QueueError::Unavailable("an entry has no answer".to_owned()))
                    }
                    Err(error) => Err(error.clone()),
                };
                // Whoever waited may have gone.
                let _ = waiting.send(answer);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn entries_of_the_same_moment_share_a_call_and_each_has_its_own_answer() {
        let sizes: Arc<Mutex<Vec<usize>>> = Arc::default();
        let seen = Arc::clone(&sizes);
        let batches = Arc::new(Batches::start(move |entries: Vec<usize>| {
            seen.lock().unwrap().push(entries.len());
            async move { Ok(entries.iter().map(|n| if n % 2 == 0 { Ok(()) } else { Err(EntryError::Stale) }).collect()) }
        }));
        let tasks: Vec<_> = (0..23)
            .map(|n| {
                let batches = Arc::clone(&batches);
                tokio::spawn(async move { batches.all([n]).await.unwrap() })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap()[0].is_ok(), n % 2 == 0);
        }
        assert_eq!(*sizes.lock().unwrap(), [10, 10, 3]);
        assert_eq!(batches.all([]).await.unwrap(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_call_fails_its_entries_and_no_others() {
        let batches = Batches::start(|entries: Vec<bool>| async move {
            if entries[0] { Ok(vec![Ok(()); entries.len()]) } else { Err(QueueError::Throttled(LINGER)) }
        });
        assert_eq!(batches.all([false, true]).await, Err(QueueError::Throttled(LINGER)));
        assert_eq!(batches.all([true, true]).await, Ok(vec![Ok(()), Ok(())]));
    }
}
