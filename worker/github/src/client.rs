//! The client's core: signs, sends, retries what is safe, paces writes, and remembers limits. Knows no endpoint.
//!
//! - Reads are retried on lost connections, timeouts and 5xx; writes only if no connection came about, so that nothing
//!   was sent. A write whose outcome is unknown is [`ApiError::Ambiguous`]: the caller reads before it writes again.
//! - A rate limit is never slept on. It is returned with its end, and until then every call fails at once, without a
//!   request: GitHub bans clients that keep calling.
//! - Reads of one client and its clones take turns beyond [`Settings::reads_at_once`].
//! - Writes of one client and its clones start at least [`Settings::write_interval`] apart.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eco_coder_shared::env::{SharedEnv, Timestamp};
use eco_coder_shared::retry::{Policy, Retry, retry};
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::auth::Auth;
use crate::error::{self, ApiError};
use crate::limits::{self, LONGEST_WAIT, Verdict};
use crate::transport::{Request, Response, Transport, TransportError};

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
    limit: Mutex<Option<Limit>>,
    reads: Semaphore,
    /// When the last write started. Held while waiting, so that writes take turns in the order they came.
    last_write: tokio::sync::Mutex<Option<Instant>>,
}

/// A limit that is known to hold.
#[derive(Debug, Clone, Copy)]
struct Limit {
    until: Timestamp,
    secondary: bool,
}

/// A failed attempt, and whether another one is safe.
type Failed = (ApiError, Retry);

impl GitHub {
    /// A client that has called nothing yet.
    pub fn new(transport: Arc<dyn Transport>, auth: Auth, env: SharedEnv, settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                transport,
                auth,
                env,
                settings,
                limit: Mutex::default(),
                reads: Semaphore::new(settings.reads_at_once.clamp(1, Semaphore::MAX_PERMITS)),
                last_write: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// The end of the rate limit that holds now, if one is known.
    pub fn limited_until(&self) -> Option<Timestamp> {
        self.limit().map(|limit| limit.until)
    }

    /// Sends, and gives the answer if it is a success.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, ApiError> {
        let Inner { settings, env, .. } = &*self.inner;
        retry(&settings.retries, env.as_ref(), |(_, retry): &Failed| *retry, || self.attempt(request.clone()))
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
                ApiError::Ambiguous { reason: format!("the answer can't be read: {what}") }
            }
            error => error,
        })
    }

    async fn attempt(&self, request: Request) -> Result<Response, Failed> {
        let write = request.method.is_write();
        self.check_limit()?;
        let _place = if write {
            self.take_turn().await?;
            None
        } else {
            self.inner.reads.acquire().await.ok()
        };
        // Those who went before may have found a limit.
        self.check_limit()?;
        let token = match &self.inner.auth {
            Auth::Anonymous => None,
            Auth::Token(source) => Some(source.token().await.map_err(|error| (error, Retry::No))?),
        };
        let answer = self.call(request.clone(), write, token.as_ref()).await;
        let (Err((ApiError::Unauthorized, _)), Auth::Token(source), Some(refused)) =
            (&answer, &self.inner.auth, &token)
        else {
            return answer;
        };
        // Rotated since: a call that was refused has done nothing.
        if !source.refused(refused).await {
            return answer;
        }
        let token = source.token().await.map_err(|error| (error, Retry::No))?;
        Box::pin(self.call(request, write, Some(&token))).await
    }

    async fn call(&self, request: Request, write: bool, token: Option<&SecretString>) -> Result<Response, Failed> {
        match self.inner.transport.send(request, token).await {
            Ok(response) => self.judge(response, write, token),
            Err(error) => Err(lost(&error, write)),
        }
    }

    fn judge(&self, response: Response, write: bool, token: Option<&SecretString>) -> Result<Response, Failed> {
        let now = self.inner.env.now();
        let message = || error::message(&response.body, token);
        let error = match limits::classify(response.status, &response.headers, &response.body, now) {
            Verdict::Success => {
                if let Some(until) = limits::exhausted(&response.headers, now) {
                    self.remember(Limit { until, secondary: false });
                }
                return Ok(response);
            }
            Verdict::Limited { until, secondary } => {
                self.remember(Limit { until, secondary });
                ApiError::RateLimited { until, secondary }
            }
            Verdict::Broken { .. } if write => {
                ApiError::Ambiguous { reason: format!("GitHub answered {}", response.status) }
            }
            Verdict::Broken { retry_after } => {
                let reason = format!("it answered {}", response.status);
                let retry = retry_after.map_or(Retry::Yes, Retry::After);
                return Err((ApiError::Unavailable { reason, retry_after }, retry));
            }
            Verdict::Unauthorized => ApiError::Unauthorized,
            Verdict::Forbidden => ApiError::Forbidden { message: message() },
            Verdict::NotFound => ApiError::NotFound,
            Verdict::Gone => ApiError::Gone,
            Verdict::Invalid => ApiError::Validation { message: message() },
            Verdict::Refused => ApiError::Refused { status: response.status, message: message() },
        };
        Err((error, Retry::No))
    }

    fn limit(&self) -> Option<Limit> {
        let now = self.inner.env.now();
        let limit = *self.inner.limit.lock().unwrap_or_else(PoisonError::into_inner);
        // An end that is further away than any limit's means that the clock was put back: asking again is right.
        limit.filter(|limit| now < limit.until && limit.until <= now + LONGEST_WAIT)
    }

    fn check_limit(&self) -> Result<(), Failed> {
        match self.limit() {
            Some(Limit { until, secondary }) => Err((ApiError::RateLimited { until, secondary }, Retry::No)),
            None => Ok(()),
        }
    }

    fn remember(&self, new: Limit) {
        // The later end counts: an answer that was long on its way must not shorten it.
        let new = self.limit().filter(|known| known.until >= new.until).unwrap_or(new);
        tracing::warn!(until = %new.until, secondary = new.secondary, "GitHub's rate limit is reached");
        *self.inner.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(new);
    }

    /// Waits until a write may start. Dropping it gives the turn to the next one.
    async fn take_turn(&self) -> Result<(), Failed> {
        let Settings { write_interval, write_wait, .. } = self.inner.settings;
        if write_interval.is_zero() {
            return Ok(());
        }
        let turn = async {
            let mut last = self.inner.last_write.lock().await;
            if let Some(last) = *last {
                tokio::time::sleep_until(last + write_interval).await;
            }
            *last = Some(Instant::now());
        };
        tokio::time::timeout(write_wait, turn).await.map_err(|_| {
            let until = self.inner.env.now() + write_wait;
            (ApiError::RateLimited { until, secondary: true }, Retry::No)
        })
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
    let reason = error.to_string();
    match *error {
        TransportError::Refused(reason) => (ApiError::Blocked { reason }, Retry::No),
        TransportError::Ambiguous(_) | TransportError::TooLarge if write => (ApiError::Ambiguous { reason }, Retry::No),
        TransportError::Connect(_) | TransportError::Ambiguous(_) => {
            (ApiError::Unavailable { reason, retry_after: None }, Retry::Yes)
        }
        TransportError::TooLarge => (ApiError::TooLarge { what: "the answer's body" }, Retry::No),
    }
}

/// Reads JSON; an error names the place, never the text.
pub(crate) fn parse<T: DeserializeOwned>(response: &Response, what: &'static str) -> Result<T, ApiError> {
    serde_json::from_slice(&response.body)
        .map_err(|e| ApiError::Decode { what: format!("{what}, line {} column {}", e.line(), e.column()) })
}
