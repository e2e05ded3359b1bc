//! The client's core: signs, sends, retries what is safe, paces writes, and remembers limits. Knows no endpoint.
//!
//! - Reads are retried on lost connections, timeouts and 5xx; writes only if no connection came about, so that nothing
//!   was sent. A write whose outcome is unknown is [`ApiError::Ambiguous`]: the caller reads before it writes again.
//! - A rate limit is never slept on. It is returned with its end, and until then every call fails at once, without a
//!   request: GitHub bans clients that keep calling.
//! - The last calls of an hour are for writes: what is reviewed can still be posted, and it can be said why the rest waits.
//! - Reads of one client and its clones take turns beyond [`Settings::reads_at_once`].
//! - Writes of one client and its clones start at least [`Settings::write_interval`] apart; those of several processes
//!   take their turns from a [`Pace`].
//! - Limits, turns and places are one identity's: an App has them once for each installation.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use eco_coder_shared::env::{Env, SharedEnv, Timestamp};
use eco_coder_shared::ids::RepoName;
use eco_coder_shared::retry::{Policy, Retry, retry};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use self::line::{Limit, Line};
use crate::app::{self, App, Installation};
use crate::auth::Auth;
use crate::error::{self, ApiError};
use crate::limits::{self, Quota, Verdict};
use crate::pace::Pace;
use crate::transport::{Caller, Request, Response, Transport, TransportError};

pub(crate) mod line;
#[cfg(test)]
mod tests;

/// How the client behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// The least time between the starts of two writes; zero turns pacing off. GitHub asks for a second.
    /// Source: <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api>
    pub write_interval: Duration,
    /// The longest time a write waits for its turn before it gives up with [`ApiError::RateLimited`]. A caller whose
    /// lease has to outlast a write adds this to the transport's timeout.
    pub write_wait: Duration,
    /// Reads under way at once. GitHub bans clients with more than 100 requests at once, whatever they are for; this
    /// leaves room for writes, which never wait for a read, and for whatever else uses the same account.
    /// Source: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
    pub reads_at_once: usize,
    /// For what is safe to repeat.
    pub retries: Policy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            write_interval: Duration::from_secs(1),
            write_wait: Duration::from_secs(10),
            reads_at_once: 64,
            retries: Policy::HTTP,
        }
    }
}

/// GitHub, for one identity. Clones share limits and pacing; two identities (installations, tokens) are two clients.
#[derive(Clone)]
pub struct GitHub {
    inner: Arc<Inner>,
}

struct Inner {
    transport: Arc<dyn Transport>,
    auth: Auth,
    env: SharedEnv,
    settings: Settings,
    /// Of everybody but an App's installations.
    own: Line,
    /// Of all processes that write as the same identities.
    pace: Option<Arc<dyn Pace>>,
}

/// How a request is made, as far as its answer depends on it.
#[derive(Clone, Copy)]
struct Manner {
    write: bool,
    as_app: bool,
    conditional: bool,
}

/// A failed attempt, and whether another one is safe.
pub(crate) type Failed = (ApiError, Retry);

impl GitHub {
    /// A client that has called nothing yet.
    pub fn new(transport: Arc<dyn Transport>, auth: Auth, env: SharedEnv, settings: Settings) -> Self {
        Self::paced(transport, auth, env, settings, None)
    }

    /// The same, with writes that take turns with other processes'.
    pub fn paced(
        transport: Arc<dyn Transport>,
        auth: Auth,
        env: SharedEnv,
        settings: Settings,
        pace: Option<Arc<dyn Pace>>,
    ) -> Self {
        Self { inner: Arc::new(Inner { transport, auth, env, settings, own: Line::new(settings), pace }) }
    }

    /// What is left of the hourly limit for calls as `caller`, as the last answer said.
    pub fn quota(&self, caller: &Caller) -> Option<Quota> {
        let now = self.inner.env.now();
        let installation = match (&self.inner.auth, caller) {
            (Auth::App(app), Caller::Repository(repository)) => app.known(repository, now),
            (Auth::App(app), Caller::Installation(id)) => Some(app.numbered(*id, self.inner.settings)),
            _ => None,
        };
        installation.as_ref().map_or(&self.inner.own, |installation| &installation.line).quota()
    }

    /// Installation `id` is the one on these repositories, as a list of them said: none is looked up for an hour.
    pub fn remember_installed(&self, repositories: &[RepoName], id: u64) {
        if let Auth::App(app) = &self.inner.auth {
            app.remember(repositories, id, self.inner.env.now(), self.inner.settings);
        }
    }

    /// The end of the rate limit that holds now for calls on this repository, if one is known.
    pub fn limited_until(&self, repository: &RepoName) -> Option<Timestamp> {
        self.on_line(repository, |line, now| line.limit(now).map(|limit| limit.until))
    }

    /// Do writes on this repository wait for their turn now, or for a limit?
    pub fn writes_wait(&self, repository: &RepoName) -> bool {
        self.on_line(repository, |line, now| line.limit(now).is_some() || line.is_busy())
    }

    /// Looks at the line that calls on this repository stand in, as far as it is known.
    fn on_line<T>(&self, repository: &RepoName, look: impl FnOnce(&Line, Timestamp) -> T) -> T {
        let now = self.inner.env.now();
        let installation = match &self.inner.auth {
            Auth::App(app) => app.known(repository, now),
            Auth::Anonymous | Auth::Token(_) => None,
        };
        look(installation.as_ref().map_or(&self.inner.own, |installation| &installation.line), now)
    }

    /// Is the sign-in an App's?
    pub fn is_app(&self) -> bool {
        matches!(self.inner.auth, Auth::App(_))
    }

    /// How requests are signed.
    pub(crate) fn auth(&self) -> &Auth {
        &self.inner.auth
    }

    /// How what is safe is repeated, and by whose clock.
    pub(crate) fn retries(&self) -> (&Policy, &dyn Env) {
        (&self.inner.settings.retries, self.inner.env.as_ref())
    }

    /// Sends, and gives the answer if it is a success.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, ApiError> {
        let (retries, env) = self.retries();
        retry(retries, env, |(_, retry): &Failed| *retry, || self.attempt(request.clone()))
            .await
            .map_err(|(error, _)| error)
    }

    /// Sends, and reads the answer's JSON. `what` names it in errors.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: Request, what: &'static str) -> Result<T, ApiError> {
        let write = request.method.is_write();
        let response = self.send(request).await?;
        parse(&response, what).map_err(|error| match error {
            // It was applied, but what came of it is unknown.
            ApiError::Decode { what } if write => {
                ApiError::Ambiguous { reason: format!("the answer can't be read: {what}"), late: false }
            }
            error => error,
        })
    }

    async fn attempt(&self, request: Request) -> Result<Response, Failed> {
        let installation = match (&self.inner.auth, &request.caller) {
            (Auth::App(app), Caller::Repository(repository)) => Some(self.installation(app, repository).await?),
            (Auth::App(app), Caller::Installation(id)) => Some(app.numbered(*id, self.inner.settings)),
            _ => None,
        };
        let line = installation.as_ref().map_or(&self.inner.own, |installation| &installation.line);
        let now = || self.inner.env.now();
        line.check(now())?;
        let _place = if request.method.is_write() {
            line.take_turn(now()).await?;
            self.take_shared_turn(installation.as_deref()).await?;
            None
        } else {
            line.check_read(now())?;
            line.read().await
        };
        // Those who went before may have found a limit.
        line.check(now())?;
        self.signed(line, installation.as_deref(), request).await
    }

    /// A turn among all processes. What the App does as itself is no content, and has none.
    async fn take_shared_turn(&self, installation: Option<&Installation>) -> Result<(), Failed> {
        let identity = match (&self.inner.auth, installation) {
            (Auth::App(_), Some(installation)) => installation.identity(),
            (Auth::Token(_), _) => "token".to_owned(),
            (Auth::App(_), None) | (Auth::Anonymous, _) => return Ok(()),
        };
        let Some(pace) = &self.inner.pace else { return Ok(()) };
        pace.take(&identity, self.inner.env.now())
            .await
            .map_err(|until| (ApiError::RateLimited { until, secondary: true }, Retry::No))
    }

    /// Sends with the token of whoever calls; once more if that was refused and there is another one now: a call that was
    /// refused has done nothing.
    async fn signed(
        &self,
        line: &Line,
        installation: Option<&Installation>,
        request: Request,
    ) -> Result<Response, Failed> {
        let token = self.token(installation).await?;
        let answer = self.call(request.clone(), line, token.as_ref()).await;
        let (Err((ApiError::Unauthorized | ApiError::AppRefused { .. }, _)), Some(refused)) = (&answer, &token) else {
            return answer;
        };
        let is_another = match (&self.inner.auth, installation) {
            (Auth::Anonymous, _) => false,
            (Auth::Token(source), _) => source.refused(refused).await,
            (Auth::App(_), Some(installation)) => installation.forget(refused).await,
            (Auth::App(app), None) => app.key_refused().await,
        };
        if !is_another {
            return answer;
        }
        let token = self.token(installation).await?;
        self.call(request, line, token.as_ref()).await
    }

    pub(crate) async fn token(&self, installation: Option<&Installation>) -> Result<Option<SecretString>, Failed> {
        let refuse = |error| (error, Retry::No);
        match (&self.inner.auth, installation) {
            (Auth::Anonymous, _) => Ok(None),
            (Auth::Token(source), _) => source.token().await.map(Some).map_err(refuse),
            (Auth::App(app), None) => app.jwt(self.inner.env.now()).await.map(Some).map_err(refuse),
            (Auth::App(app), Some(installation)) => {
                let ask = || self.ask_as_app(installation.token_request());
                let token = installation.token(self.inner.env.now(), ask).await;
                token.map(Some).map_err(|(error, retry)| match error {
                    ApiError::NotFound => (ApiError::NotInstalled { repository: app.gone(installation) }, Retry::No),
                    error => (error, retry),
                })
            }
        }
    }

    /// The App's installation on the repository.
    pub(crate) async fn installation(&self, app: &App, repository: &RepoName) -> Result<Arc<Installation>, Failed> {
        let (env, settings) = (&self.inner.env, self.inner.settings);
        if let Some(known) = app.known(repository, env.now()) {
            return Ok(known);
        }
        // One looks; the others wait for what it finds.
        let _looking = app.looking().await;
        if let Some(known) = app.known(repository, env.now()) {
            return Ok(known);
        }
        let answer = self.ask_as_app(app::installation_request(repository)).await;
        let answer = answer.map_err(|(error, retry)| match error {
            ApiError::NotFound => (ApiError::NotInstalled { repository: repository.to_string() }, Retry::No),
            error => (error, retry),
        })?;
        let id = app::installation_id(&answer).map_err(|error| (error, Retry::No))?;
        Ok(app.remember(std::slice::from_ref(repository), id, env.now(), settings))
    }

    /// A call of the App itself. None of those that it makes changes what anybody sees, so each is safe to repeat.
    async fn ask_as_app(&self, request: Request) -> Result<Response, Failed> {
        let line = &self.inner.own;
        line.check(self.inner.env.now())?;
        let _place = line.read().await;
        line.check(self.inner.env.now())?;
        Box::pin(self.signed(line, None, request)).await.map_err(|(error, retry)| match error {
            ApiError::Ambiguous { reason, late } => {
                (ApiError::Unavailable { reason, retry_after: None, late }, Retry::Yes)
            }
            error => (error, retry),
        })
    }

    async fn call(&self, request: Request, line: &Line, token: Option<&SecretString>) -> Result<Response, Failed> {
        let manner = Manner {
            write: request.method.is_write(),
            as_app: self.is_app() && request.caller == Caller::App,
            conditional: request.if_none_match.is_some(),
        };
        match self.inner.transport.send(request, token).await {
            Ok(response) => self.judge(response, line, manner, token),
            Err(error) => Err(lost(&error, manner.write)),
        }
    }

    fn judge(
        &self,
        response: Response,
        line: &Line,
        Manner { write, as_app, conditional }: Manner,
        token: Option<&SecretString>,
    ) -> Result<Response, Failed> {
        let now = self.inner.env.now();
        if let Some(quota) = Quota::of(&response.headers, now) {
            line.note(quota);
        }
        let message = || error::message(&response.body, token);
        // What is known already is what was asked for.
        let verdict = match response.status {
            304 if conditional => Verdict::Success,
            status => limits::classify(status, &response.headers, &response.body, now),
        };
        let error = match verdict {
            Verdict::Success => {
                if let Some(until) = limits::exhausted(&response.headers, now) {
                    line.remember(Limit { until, secondary: false }, now);
                } else if let Some(until) = limits::reserved(&response.headers, now)
                    && line.check_read(now).is_ok()
                {
                    line.end_reads(until);
                }
                return Ok(response);
            }
            Verdict::Limited { until, secondary } => {
                line.remember(Limit { until, secondary }, now);
                ApiError::RateLimited { until, secondary }
            }
            Verdict::Broken { .. } if write => {
                ApiError::Ambiguous { reason: format!("GitHub answered {}", response.status), late: false }
            }
            Verdict::Broken { retry_after } => {
                let reason = format!("it answered {}", response.status);
                let retry = retry_after.map_or(Retry::Yes, Retry::After);
                return Err((ApiError::Unavailable { reason, retry_after, late: false }, retry));
            }
            Verdict::Unauthorized if as_app => ApiError::AppRefused { message: message() },
            Verdict::Unauthorized => ApiError::Unauthorized,
            Verdict::Forbidden => ApiError::Forbidden { message: message() },
            Verdict::NotFound => ApiError::NotFound,
            Verdict::Gone => ApiError::Gone,
            Verdict::Invalid => ApiError::Validation { message: message() },
            Verdict::Refused => ApiError::Refused { status: response.status, message: message() },
        };
        Err((error, Retry::No))
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { auth, settings, .. } = &*self.inner;
        f.debug_struct("GitHub").field("auth", auth).field("settings", settings).finish_non_exhaustive()
    }
}

/// An answer that never came.
fn lost(error: &TransportError, write: bool) -> Failed {
    let (reason, late) = (error.to_string(), matches!(error, TransportError::Late(_)));
    match *error {
        TransportError::Refused(reason) => (ApiError::Blocked { reason }, Retry::No),
        TransportError::Ambiguous(_) | TransportError::Late(_) | TransportError::TooLarge if write => {
            (ApiError::Ambiguous { reason, late }, Retry::No)
        }
        TransportError::Connect(_) | TransportError::Ambiguous(_) | TransportError::Late(_) => {
            (ApiError::Unavailable { reason, retry_after: None, late }, Retry::Yes)
        }
        TransportError::TooLarge => (ApiError::TooLarge { what: "the answer's body" }, Retry::No),
    }
}

/// Reads JSON; an error names the place, never the text.
pub(crate) fn parse<T: DeserializeOwned>(response: &Response, what: &'static str) -> Result<T, ApiError> {
    serde_json::from_slice(&response.body)
        .map_err(|e| ApiError::Decode { what: format!("{what}, line {} column {}", e.line(), e.column()) })
}
