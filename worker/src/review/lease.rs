//! Keeps the row's lease while a round runs. Liveness only: every write asks the row again.

use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::SharedEnv;
use eco_coder_shared::ids::PullKey;
use tokio::sync::watch;

use crate::claim::{Transition, Verdict};
use crate::store::Store;

/// A lease that is renewed within a third of its length until this is dropped; not all workers' at once.
pub(super) struct KeptLease {
    lost: watch::Receiver<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl KeptLease {
    /// Starts renewing.
    pub(super) fn keep(store: Arc<dyn Store>, env: SharedEnv, key: PullKey, epoch: u64, lease: Duration) -> Self {
        let (tell, lost) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut lapses = env.now() + lease;
            loop {
                tokio::time::sleep(env.between(lease / 4, lease / 3)).await;
                let renew = Transition::Renew { epoch, now: env.now(), lease };
                match store.transition(key, &renew).await {
                    Ok(Verdict::Mine(row)) => lapses = row.lease_until,
                    // The store may come back before the lease is over; after that, another may have it.
                    Err(_) if env.now() < lapses => {}
                    Ok(Verdict::Hide { .. } | Verdict::Late) | Err(_) => break,
                }
            }
            tell.send_replace(true);
        });
        Self { lost, task }
    }

    /// Ready when another has the lease, or may have.
    pub(super) async fn lost(&mut self) {
        let _ = self.lost.wait_for(|lost| *lost).await;
    }
}

impl Drop for KeptLease {
    fn drop(&mut self) {
        self.task.abort();
    }
}
