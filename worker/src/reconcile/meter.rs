//! What a run may still do: how many requests are left, whether the lease is still ours, and whether reviews need what an
//! installation has left of its hour. Every request goes through here.

use eco_coder_github::{ApiError, Caller, Seen};
use eco_coder_shared::env::Timestamp;
use metrics::counter;

use super::{LEASE, LEASE_FOR, Reconciler};
use crate::store::StoreError;

/// Why a run, or a part of it, ends before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Halt {
    /// The next run goes on.
    #[error("its requests are used up (reconcile.calls); the next run goes on there")]
    Spent,
    /// Another process has the lease.
    #[error("the lease was lost; another worker goes on")]
    Lost,
    /// Reviews come first.
    #[error("the rest of the hourly limit is for reviews (reconcile.reserve_percent), until {until}")]
    Low {
        /// When there is more.
        until: Timestamp,
    },
    /// Of this part.
    #[error(transparent)]
    GitHub(ApiError),
    /// The queue took no hint.
    #[error("the queue takes no hint: {0}")]
    Queue(String),
    /// Nothing can be remembered.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Counts one run's requests.
pub(super) struct Meter<'a> {
    reconciler: &'a Reconciler,
    left: u32,
    fresh: u32,
    unchanged: u32,
    leased_at: Timestamp,
}

impl<'a> Meter<'a> {
    pub(super) fn new(reconciler: &'a Reconciler, now: Timestamp) -> Self {
        Self { reconciler, left: reconciler.settings.calls, fresh: 0, unchanged: 0, leased_at: now }
    }

    /// Requests that were answered: with something new, and with nothing new.
    pub(super) fn made(&self) -> (u32, u32) {
        (self.fresh, self.unchanged)
    }

    /// May a request be made as `caller`? Then it counts.
    async fn ready(&mut self, caller: &Caller) -> Result<(), Halt> {
        let Reconciler { github, store, env, settings, id, .. } = self.reconciler;
        let now = env.now();
        if now > self.leased_at + LEASE_FOR / 3 {
            if !store.lease(LEASE, id, now, now + LEASE_FOR).await? {
                return Err(Halt::Lost);
            }
            self.leased_at = now;
        }
        if let Some(quota) = github.quota(caller).filter(|quota| quota.is_below(settings.reserve_percent, now)) {
            return Err(Halt::Low { until: quota.reset });
        }
        self.left = self.left.checked_sub(1).ok_or(Halt::Spent)?;
        Ok(())
    }

    /// Makes a request whose answer is always new.
    pub(super) async fn call<T>(
        &mut self,
        caller: &Caller,
        request: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, Halt> {
        match self.look(caller, async { request.await.map(Seen::Fresh) }).await? {
            Seen::Fresh(answer) => Ok(answer),
            Seen::Unchanged => Err(Halt::GitHub(ApiError::Refused { status: 304, message: String::new() })),
        }
    }

    /// Makes a request that may find nothing new.
    pub(super) async fn look<T>(
        &mut self,
        caller: &Caller,
        request: impl Future<Output = Result<Seen<T>, ApiError>>,
    ) -> Result<Seen<T>, Halt> {
        self.ready(caller).await?;
        let answer = request.await;
        if matches!(answer, Ok(Seen::Unchanged)) {
            self.unchanged += 1;
            counter!("ReconcileCalls", "Result" => "unchanged").increment(1);
        } else {
            self.fresh += 1;
            counter!("ReconcileCalls", "Result" => "fresh").increment(1);
        }
        answer.map_err(|error| match error {
            ApiError::RateLimited { until, .. } => Halt::Low { until },
            error => Halt::GitHub(error),
        })
    }
}
