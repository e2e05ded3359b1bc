//! The webhook secrets as they are now: read again now and then, and soon after a signature that none of them made, so
//! that a rotation needs no restart. Junk can't turn into calls: it is looked no more often than once a minute.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use eco_coder_shared::config::Settings;
use secrecy::SecretString;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::signature::Secrets;

/// How old they get.
const AGE: Duration = Duration::from_mins(5);
/// Between two looks.
const LEAST: Duration = Duration::from_mins(1);

/// The setting that names them.
const KEY: &str = "ingress.webhook_secrets";

/// Where the secrets are, if they can change without a restart.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    settings: Settings,
    references: Vec<String>,
}

impl Source {
    pub(crate) fn new(settings: Settings, references: Vec<String>) -> Self {
        Self { settings, references }
    }

    /// All of them, and those before them that are still about. An error if any can't be had: none is dropped for that.
    async fn read(&self) -> Result<Vec<SecretString>, String> {
        let mut secrets = Vec::new();
        for reference in &self.references {
            secrets.extend(self.settings.secret_now(KEY, reference).await.map_err(|e| e.to_string())?);
        }
        Ok(secrets)
    }
}

/// What deliveries are verified with.
pub(crate) struct Current {
    secrets: RwLock<Arc<Secrets>>,
    doubted: Arc<Notify>,
}

impl Current {
    /// Begins with `secrets`; those of `source` take their place as they change.
    pub(crate) fn start(secrets: &[SecretString], source: Option<Source>) -> Arc<Self> {
        let doubted = Arc::new(Notify::new());
        let current =
            Arc::new(Self { secrets: RwLock::new(Arc::new(Secrets::new(secrets))), doubted: Arc::clone(&doubted) });
        if let Some(source) = source {
            let weak = Arc::downgrade(&current);
            tokio::spawn(async move {
                loop {
                    let Some(current) = weak.upgrade() else { return };
                    match source.read().await {
                        Ok(secrets) => current.put(&secrets),
                        Err(error) => tracing::warn!(
                            component = "ingress",
                            error,
                            "the webhook secrets can't be read again; those known go on"
                        ),
                    }
                    drop(current);
                    sleep(LEAST).await;
                    let _ = timeout(AGE.saturating_sub(LEAST), doubted.notified()).await;
                }
            });
        }
        current
    }

    pub(crate) fn now(&self) -> Arc<Secrets> {
        Arc::clone(&self.secrets.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A signature was none of theirs.
    pub(crate) fn doubt(&self) {
        self.doubted.notify_one();
    }

    fn put(&self, secrets: &[SecretString]) {
        *self.secrets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Secrets::new(secrets));
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::Sha256;

    use super::super::body::Held;
    use super::super::signature::Claimed;
    use super::*;

    const BODY: &[u8] = b"{}";

    /// Would a body that was signed with `secret` be let through now?
    fn passes(current: &Current, secret: &str) -> bool {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(BODY).finalize().into_bytes();
        let mut headers = HeaderMap::new();
        let header = format!("sha256={}", hex::encode(mac));
        headers.insert("x-hub-signature-256", HeaderValue::from_str(&header).unwrap());
        let claimed = Claimed::from_headers(&headers).unwrap();
        current.now().verify(claimed, Held::new(BODY.to_vec().into())).is_ok()
    }

    async fn settled() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotated_secret_is_taken_with_its_age_or_after_a_doubt_but_not_more_than_once_a_minute() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "one").unwrap();
        let source = Source::new(Settings::parse("", []).unwrap(), vec![format!("file:{}", path.display())]);
        let current = Current::start(&["one".into()], Some(source));
        settled().await;
        assert!(passes(&current, "one") && !passes(&current, "two"));

        std::fs::write(&path, "two").unwrap();
        current.doubt();
        settled().await;
        assert!(!passes(&current, "two"), "it was looked for less than a minute ago");
        sleep(LEAST + Duration::from_secs(1)).await;
        settled().await;
        assert!(passes(&current, "two") && !passes(&current, "one"));

        std::fs::write(&path, "three").unwrap();
        sleep(AGE + Duration::from_secs(1)).await;
        settled().await;
        assert!(passes(&current, "three"), "nobody doubted, but they had their age");

        std::fs::remove_file(&path).unwrap();
        sleep(2 * AGE).await;
        assert!(passes(&current, "three"), "what can't be read again goes on");
    }
}
