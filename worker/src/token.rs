//! What others ask of us for an answer: the token for GitHub, an App's private key, a model's key, from wherever the settings say.
//! Read again when it is refused, so that a rotation needs no restart. Never asks more often than once a minute: a token that
//! is wrong stays wrong, and jobs wait for it.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_github::{ApiError, TokenSource};
use eco_coder_shared::config::Settings;
use eco_coder_shared::env::{SharedEnv, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

/// Between two looks.
const LEAST: Duration = Duration::from_mins(1);

/// A secret that can be another after a rotation.
pub struct RotatedToken {
    settings: Settings,
    /// The setting that names it.
    key: &'static str,
    reference: String,
    env: SharedEnv,
    current: RwLock<SecretString>,
    /// When it was looked for last.
    looked: Mutex<Timestamp>,
}

impl RotatedToken {
    /// `token` is what `reference` was at the start, which the setting `key` holds.
    pub fn new(settings: Settings, key: &'static str, reference: String, token: SecretString, env: SharedEnv) -> Self {
        Self { settings, key, reference, env, current: RwLock::new(token), looked: Mutex::new(Timestamp(0)) }
    }

    /// As it is known now.
    pub fn now(&self) -> SecretString {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `token` was refused. True if there is another one now.
    pub async fn is_replaced(&self, token: &SecretString) -> bool {
        // One looks; the others wait and find what it has found.
        let mut looked = self.looked.lock().await;
        if !same(&self.now(), token) {
            return true;
        }
        let now = self.env.now();
        if now < *looked + LEAST {
            return false;
        }
        *looked = now;
        match self.settings.secret_now(self.key, &self.reference).await {
            Ok(secrets) => {
                let fresh = secrets.into_iter().next().filter(|fresh| !same(fresh, token));
                let Some(fresh) = fresh else { return false };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
                tracing::info!(component = "token", setting = self.key, "it was refused; there is another one now");
                true
            }
            Err(error) => {
                tracing::warn!(component = "token", %error, setting = self.key, "it was refused, and can't be read again");
                false
            }
        }
    }
}

fn same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

#[async_trait]
impl TokenSource for RotatedToken {
    async fn token(&self) -> Result<SecretString, ApiError> {
        Ok(self.now())
    }

    async fn refused(&self, token: &SecretString) -> bool {
        self.is_replaced(token).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use eco_coder_shared::env::ManualEnv;

    use super::*;

    #[tokio::test]
    async fn a_refused_token_is_read_again_once_a_minute_and_only_another_one_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "old\n").unwrap();
        let settings = Settings::parse("", []).unwrap();
        let env = Arc::new(ManualEnv::new(Timestamp::from_seconds(1000), 1));
        let source = RotatedToken::new(
            settings,
            "github.token_source",
            format!("file:{}", path.display()),
            "old".into(),
            env.clone(),
        );
        let old = source.token().await.unwrap();
        assert!(!source.refused(&old).await, "it is the same as before");
        std::fs::write(&path, "new").unwrap();
        assert!(!source.refused(&old).await, "not so soon");
        env.advance(LEAST);
        assert!(source.refused(&old).await);
        let new = source.token().await.unwrap();
        assert_eq!(new.expose_secret(), "new");
        // Who still had the old one is told at once.
        assert!(source.refused(&old).await);
        assert!(!source.refused(&new).await);
        // What can't be read leaves the one that is there.
        std::fs::remove_file(&path).unwrap();
        env.advance(LEAST);
        assert!(!source.refused(&new).await);
        assert_eq!(source.token().await.unwrap().expose_secret(), "new");
    }
}
