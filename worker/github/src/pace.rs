//! The seam to whoever counts the writes of all processes together. GitHub counts them for an installation or an account,
//! however many of ours write as it.

use async_trait::async_trait;
use eco_coder_shared::env::Timestamp;

/// Turns of writes that several processes share.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Takes a turn at `now` for a write as `identity` (`installation-7`, `token`). An error says when there are turns again.
    async fn take(&self, identity: &str, now: Timestamp) -> Result<(), Timestamp>;
}
