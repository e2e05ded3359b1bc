//! Who calls: nobody, the bearer of a token, or an App. Where tokens come from is behind a trait, because an App's installation
//! tokens last an hour and have to be asked for. Never stores a token outside `SecretString`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::app::App;
use crate::error::ApiError;

/// Gives the token for the next request.
#[async_trait]
pub trait TokenSource: Send + Sync {
    /// A token that is valid now. Called before every request: a source that has to ask for tokens caches them.
    async fn token(&self) -> Result<SecretString, ApiError>;

    /// GitHub refused this token. True if the next one will be another: then the call is made once more.
    async fn refused(&self, _: &SecretString) -> bool {
        false
    }
}

/// A personal access token, or any other that doesn't change while the process runs.
#[derive(Debug, Clone)]
pub struct StaticToken(pub SecretString);

#[async_trait]
impl TokenSource for StaticToken {
    async fn token(&self) -> Result<SecretString, ApiError> {
        Ok(self.0.clone())
    }
}

/// How requests are signed.
#[derive(Clone)]
pub enum Auth {
    /// Not at all: public repositories, reading only, 60 requests an hour.
    Anonymous,
    /// With a bearer token.
    Token(Arc<dyn TokenSource>),
    /// As an App, in each repository as its installation there.
    App(Arc<App>),
}

impl Auth {
    /// Signs with one token that doesn't change.
    pub fn token(token: SecretString) -> Self {
        Self::Token(Arc::new(StaticToken(token)))
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Token(_) => "Token(..)",
            Self::App(_) => "App(..)",
        })
    }
}
