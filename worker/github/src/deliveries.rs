//! The App's webhook deliveries: what GitHub sent, what came of it, and asking for it once more. As the App itself.
//!
//! Source: <https://docs.github.com/en/rest/apps/webhooks>

use eco_coder_shared::env::Timestamp;
use serde::Deserialize;

use crate::client::GitHub;
use crate::error::ApiError;
use crate::pulls::rfc3339;
use crate::seen::{Page, Seen};
use crate::transport::{Method, Request};

/// The longest guid and event name that are taken, bytes.
const MAX_WORD: usize = 64;

/// One try to deliver a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HookDelivery {
    /// Of this try; later ones are larger.
    pub id: u64,
    /// Of the webhook: the same for each try.
    pub guid: String,
    /// When.
    #[serde(deserialize_with = "rfc3339")]
    pub delivered_at: Timestamp,
    /// What was answered; 0 if nothing was.
    #[serde(default)]
    pub status_code: u16,
    /// What it is about: `pull_request`.
    pub event: String,
}

impl HookDelivery {
    /// Was it taken?
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

impl GitHub {
    /// A page of the App's deliveries, the newest first. GitHub keeps those of three days.
    pub async fn hook_deliveries(
        &self,
        next: Option<&str>,
        tag: Option<&str>,
    ) -> Result<Seen<Page<HookDelivery>>, ApiError> {
        let first = Request::new(Method::Get, "/app/hook/deliveries");
        let read = |page: Vec<HookDelivery>| {
            page.into_iter().filter(|d| d.guid.len() <= MAX_WORD && d.event.len() <= MAX_WORD).collect()
        };
        self.page_again(first, next, tag, "the App's deliveries", read).await
    }

    /// Asks GitHub to deliver it again. It does so in its own time.
    pub async fn redeliver(&self, id: u64) -> Result<(), ApiError> {
        self.send(Request::new(Method::Post, format!("/app/hook/deliveries/{id}/attempts"))).await.map(drop)
    }
}
