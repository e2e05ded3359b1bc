//! The row's epoch around writes to GitHub: none begins without it, and what came late is noticed by recording.

use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::PullKey;

use super::PublishError;
use crate::claim::{Transition, Verdict};
use crate::store::Store;

/// One holder's writes: whose row, under which epoch.
pub(super) struct Fence<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) key: PullKey,
    pub(super) epoch: u64,
    /// A write may have reached GitHub.
    pub(super) written: bool,
}

impl Fence<'_> {
    /// Makes the lease last, then asks whether a write of at most `request` may start.
    pub(super) async fn may_write(
        &mut self,
        now: Timestamp,
        lease: Duration,
        request: Duration,
    ) -> Result<(), PublishError> {
        self.perform(&Transition::Renew { epoch: self.epoch, now, lease }).await?;
        self.perform(&Transition::MayWrite { epoch: self.epoch, now, request }).await?;
        self.written = true;
        Ok(())
    }

    /// One transition of the row.
    pub(super) async fn perform(&self, transition: &Transition) -> Result<(), PublishError> {
        match self.store.transition(self.key, transition).await? {
            Verdict::Mine(_) => Ok(()),
            Verdict::Hide { .. } | Verdict::Late => Err(PublishError::Late { written: self.written }),
        }
    }
}
