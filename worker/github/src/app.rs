//! Sign-in as a GitHub App: a JWT for the App itself, a token of an hour for each of its installations. Remembers both in
//! memory alone; who is installed where is looked at again after an hour.
//!
//! Source: <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app>

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eco_coder_shared::env::Timestamp;
use eco_coder_shared::ids::RepoName;
use eco_coder_shared::retry::Retry;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::MutexGuard;

use crate::auth::TokenSource;
use crate::client::line::Line;
use crate::client::{Failed, GitHub, Settings, parse};
use crate::error::ApiError;
use crate::transport::{Caller, Method, Request, Response};

/// Before now: GitHub's clock may be behind ours.
const ISSUED_BEFORE: Duration = Duration::from_mins(1);
/// GitHub takes ten minutes at most, by its clock.
const GOOD_FOR: Duration = Duration::from_mins(9);
/// A token is asked for anew so long before it ends: a request that has it takes its time.
const BEFORE_ITS_END: Duration = Duration::from_mins(5);
/// How long an installation is taken for granted.
const INSTALLED: Duration = Duration::from_hours(1);

/// An App's identity and its installations.
pub struct App {
    id: String,
    /// Gives the private key, PEM.
    key: Arc<dyn TokenSource>,
    installed: Mutex<Installed>,
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Installed {
    /// By the repository's lower-case name; until then.
    on: HashMap<String, (u64, Timestamp)>,
    all: HashMap<u64, Arc<Installation>>,
}

impl Installed {
    fn numbered(&mut self, id: u64, settings: Settings) -> Arc<Installation> {
        let made = || Arc::new(Installation { id, line: Line::new(settings), token: tokio::sync::Mutex::default() });
        Arc::clone(self.all.entry(id).or_insert_with(made))
    }
}

/// The App where an account has installed it.
pub(crate) struct Installation {
    id: u64,
    pub(crate) line: Line,
    /// Held while one asks for it.
    token: tokio::sync::Mutex<Option<Minted>>,
}

struct Minted {
    token: SecretString,
    expires: Timestamp,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
}

/// What an App is, as GitHub says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct AppInfo {
    /// Its name in addresses; its comments are by `SLUG[bot]`.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it may do: `contents` -> `read`.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    /// What it is told of.
    #[serde(default)]
    pub events: Vec<String>,
    /// Accounts that have installed it, if GitHub says so.
    pub installations_count: Option<u64>,
}

/// Is this an RSA private key in PEM, as GitHub gives it? An error says what to do, and nothing of the key.
pub fn check_key(pem: &SecretString) -> Result<(), &'static str> {
    EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map(drop).map_err(|_| {
        "it is no RSA private key in PEM; generate one in the App's settings on GitHub, and name the .pem file as it is"
    })
}

impl App {
    /// `id` is the App's id or client id, `key` the source of its private key in PEM.
    pub fn new(id: impl Into<String>, key: Arc<dyn TokenSource>) -> Self {
        Self { id: id.into(), key, installed: Mutex::default(), looking: tokio::sync::Mutex::default() }
    }

    /// The App's own token, signed now.
    pub(crate) async fn jwt(&self, now: Timestamp) -> Result<SecretString, ApiError> {
        let pem = self.key.token().await?;
        let wrong = ApiError::Blocked { reason: "the App's private key is no RSA key in PEM" };
        let key = EncodingKey::from_rsa_pem(pem.expose_secret().as_bytes()).map_err(|_| wrong.clone())?;
        let seconds = |at: Timestamp| at.0.div_euclid(1000);
        let claims = Claims { iat: seconds(now - ISSUED_BEFORE), exp: seconds(now + GOOD_FOR), iss: &self.id };
        let signed = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key);
        signed.map(SecretString::from).map_err(|_| wrong)
    }

    /// GitHub refused a token that this key signed. True if there is another key now.
    pub(crate) async fn key_refused(&self) -> bool {
        match self.key.token().await {
            Ok(pem) => self.key.refused(&pem).await,
            Err(_) => false,
        }
    }

    fn installed(&self) -> std::sync::MutexGuard<'_, Installed> {
        self.installed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The installation there, as far as it is known.
    pub(crate) fn known(&self, repository: &RepoName, now: Timestamp) -> Option<Arc<Installation>> {
        let installed = self.installed();
        let (id, until) = installed.on.get(&repository.as_str().to_ascii_lowercase())?;
        if now < *until { installed.all.get(id).cloned() } else { None }
    }

    /// This installation is no more: whoever calls next looks again. Names the repositories that it was known on.
    pub(crate) fn gone(&self, installation: &Installation) -> String {
        let mut installed = self.installed();
        installed.all.remove(&installation.id);
        let mut names = Vec::new();
        installed.on.retain(|name, (id, _)| {
            let stays = *id != installation.id;
            if !stays {
                names.push(name.clone());
            }
            stays
        });
        names.sort_unstable();
        names.truncate(3);
        if names.is_empty() { "its account".to_owned() } else { names.join(", ") }
    }

    pub(crate) async fn looking(&self) -> MutexGuard<'_, ()> {
        self.looking.lock().await
    }

    /// Installation `id` is the one on these. One installation is one line, whatever its repositories.
    pub(crate) fn remember(
        &self,
        repositories: &[RepoName],
        id: u64,
        now: Timestamp,
        settings: Settings,
    ) -> Arc<Installation> {
        let mut installed = self.installed();
        installed.on.retain(|_, (_, until)| now < *until);
        let names = repositories.iter().map(|name| name.as_str().to_ascii_lowercase());
        installed.on.extend(names.map(|name| (name, (id, now + INSTALLED))));
        installed.numbered(id, settings)
    }

    /// The installation with this number.
    pub(crate) fn numbered(&self, id: u64, settings: Settings) -> Arc<Installation> {
        self.installed().numbered(id, settings)
    }
}

impl Installation {
    /// Whose writes take turns, for whoever shares them.
    pub(crate) fn identity(&self) -> String {
        format!("installation-{}", self.id)
    }

    /// The token that is good now; asked for with `ask` if there is none.
    pub(crate) async fn token<F>(&self, now: Timestamp, ask: impl FnOnce() -> F) -> Result<SecretString, Failed>
    where
        F: Future<Output = Result<Response, Failed>>,
    {
        let mut minted = self.token.lock().await;
        if let Some(known) = minted.as_ref().filter(|known| now + BEFORE_ITS_END < known.expires) {
            return Ok(known.token.clone());
        }
        let fresh = read_token(&ask().await?).map_err(|error| (error, Retry::No))?;
        Ok(minted.insert(fresh).token.clone())
    }

    /// GitHub refused this token: another one is asked for next.
    pub(crate) async fn forget(&self, refused: &SecretString) -> bool {
        let mut minted = self.token.lock().await;
        if minted.as_ref().is_some_and(|known| known.token.expose_secret() == refused.expose_secret()) {
            *minted = None;
        }
        true
    }

    pub(crate) fn token_request(&self) -> Request {
        Request::new(Method::Post, format!("/app/installations/{}/access_tokens", self.id))
    }
}

/// Asks which installation is there.
pub(crate) fn installation_request(repository: &RepoName) -> Request {
    Request { caller: Caller::App, ..Request::new(Method::Get, format!("/repos/{repository}/installation")) }
}

/// What that was answered.
pub(crate) fn installation_id(answer: &Response) -> Result<u64, ApiError> {
    #[derive(Deserialize)]
    struct Wire {
        id: u64,
    }
    parse::<Wire>(answer, "the App's installation").map(|wire| wire.id)
}

fn read_token(answer: &Response) -> Result<Minted, ApiError> {
    #[derive(Deserialize)]
    struct Wire {
        token: SecretString,
        expires_at: String,
    }
    let wire: Wire = parse(answer, "the installation's token")?;
    let expires = Timestamp::parse_rfc3339(&wire.expires_at)
        .ok_or_else(|| ApiError::Decode { what: "the end of the installation's token".to_owned() })?;
    Ok(Minted { token: wire.token, expires })
}

impl GitHub {
    /// The App that is signed in. With a token, GitHub forbids it.
    pub async fn app(&self) -> Result<AppInfo, ApiError> {
        self.json(Request::new(Method::Get, "/app"), "the App").await
    }
}

#[cfg(test)]
mod tests;
