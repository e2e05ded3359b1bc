//! One identity's line to GitHub: the limit that is known to hold, the turns of its writes, and how many reads are under way.
//! GitHub counts each of these for an account, or for an installation, by itself.

use std::sync::{Mutex, PoisonError};

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::retry::Retry;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{Failed, Settings};
use crate::error::ApiError;
use crate::limits::{LONGEST_WAIT, Quota};

/// A limit that is known to hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) until: Timestamp,
    pub(crate) secondary: bool,
}

pub(crate) struct Line {
    settings: Settings,
    limit: Mutex<Option<Limit>>,
    quota: Mutex<Option<Quota>>,
    /// Until then what remains of the hour is for writes.
    reads_end: Mutex<Option<Timestamp>>,
    reads: Semaphore,
    /// When the last write started. Held while waiting, so that writes take turns in the order they came.
    last_write: tokio::sync::Mutex<Option<Instant>>,
}

impl Line {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            settings,
            limit: Mutex::default(),
            quota: Mutex::default(),
            reads_end: Mutex::default(),
            reads: Semaphore::new(settings.reads_at_once.clamp(1, Semaphore::MAX_PERMITS)),
            last_write: tokio::sync::Mutex::default(),
        }
    }

    pub(crate) fn limit(&self, now: Timestamp) -> Option<Limit> {
        let limit = *self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        // An end that is further away than any limit's means that the clock was put back: asking again is right.
        limit.filter(|limit| now < limit.until && limit.until <= now + LONGEST_WAIT)
    }

    pub(super) fn check(&self, now: Timestamp) -> Result<(), Failed> {
        match self.limit(now) {
            Some(Limit { until, secondary }) => Err((ApiError::RateLimited { until, secondary }, Retry::No)),
            None => Ok(()),
        }
    }

    pub(super) fn remember(&self, new: Limit, now: Timestamp) {
        // The later end counts: an answer that was long on its way must not shorten it.
        let new = self.limit(now).filter(|known| known.until >= new.until).unwrap_or(new);
        tracing::warn!(until = %new.until, secondary = new.secondary, "GitHub's rate limit is reached");
        *self.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
    }

    /// What is left of the hour, as the last answer said.
    pub(super) fn quota(&self) -> Option<Quota> {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, quota: Quota) {
        *self.quota.lock().unwrap_or_else(PoisonError::into_inner) = Some(quota);
    }

    /// May anything be read? The last calls of the hour are for writes.
    pub(super) fn check_read(&self, now: Timestamp) -> Result<(), Failed> {
        let reads_end = *self.reads_end.lock().unwrap_or_else(PoisonError::into_inner);
        match reads_end.filter(|until| now < *until && *until <= now + LONGEST_WAIT) {
            Some(until) => Err((ApiError::RateLimited { until, secondary: false }, Retry::No)),
            None => Ok(()),
        }
    }

    /// What remains until then is for writes.
    pub(super) fn end_reads(&self, until: Timestamp) {
        tracing::warn!(%until, "GitHub's hourly limit is nearly reached: what remains is kept for writes");
        *self.reads_end.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Waits until a read may start.
    pub(super) async fn read(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok()
    }

    /// Does a write wait for its turn?
    pub(super) fn is_busy(&self) -> bool {
        self.last_write.try_lock().is_err()
    }

    /// Waits until a write may start. Dropping it gives the turn to the next one.
    pub(super) async fn take_turn(&self, now: Timestamp) -> Result<(), Failed> {
        let Settings { write_interval, write_wait, .. } = self.settings;
        if write_interval.is_zero() {
            return Ok(());
        }
        let turn = async {
            let mut last = self.last_write.lock().await;
            if let Some(last) = *last {
                tokio::time::sleep_until(last + write_interval).await;
            }
            *last = Some(Instant::now());
        };
        tokio::time::timeout(write_wait, turn)
            .await
            .map_err(|_| (ApiError::RateLimited { until: now + write_wait, secondary: true }, Retry::No))
    }
}
