//! The transport over the network: HTTPS by `reqwest` (the only module that knows it), with deadlines and size limits.
//!
//! The token goes to the API's own origin and nowhere else: redirects are followed by hand, within that origin only, and
//! so are the links that GitHub gives. Never retries, and never turns a request into one with another method.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Client, Url, redirect};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::printable;
use crate::transport::{Method, Request, Response, Target, Transport, TransportError};

#[cfg(test)]
mod tests;

/// The REST API's version these types were written for.
const API_VERSION: &str = "2022-11-28";
/// Redirects followed for one request: a repository renamed, its owner renamed, and one to spare.
const MAX_REDIRECTS: usize = 3;
/// How much of an answer that is no success is read: enough for its message.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// Idle connections are dropped before a server or a balancer on the way is likely to: a request written to a closed
/// connection has an unknown outcome.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// How GitHub is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpSettings {
    /// The API's root, for example `https://api.github.com` or `https://github.example.com/api/v3`.
    pub api: String,
    /// GitHub refuses calls without one.
    pub user_agent: String,
    /// For name look-up, TCP and TLS together.
    pub connect_timeout: Duration,
    /// For the whole exchange, redirects and body included.
    pub timeout: Duration,
    /// The most bytes of an answer's body, decompressed.
    pub max_body: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            api: "https://api.github.com".to_owned(),
            user_agent: concat!("eco-coder/", env!("CARGO_PKG_VERSION")).to_owned(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_body: 32 * 1024 * 1024,
        }
    }
}

/// Why the settings can't work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The address is wrong.
    #[error("the GitHub API address is not usable: {0}")]
    Address(&'static str),
    /// The HTTP client can't be built with these settings on this machine.
    #[error("the HTTP client can't be set up: {0}")]
    Client(String),
}

/// GitHub over the network.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    client: Client,
    /// Without a slash at its end.
    root: Url,
    timeout: Duration,
    max_body: usize,
}

impl HttpTransport {
    /// Checks the settings; connects to nothing yet.
    pub fn new(settings: &HttpSettings) -> Result<Self, SetupError> {
        let root = Url::parse(settings.api.trim_end_matches('/'))
            .map_err(|_| SetupError::Address("it must be a URL like https://api.github.com"))?;
        let loopback = is_loopback(&root);
        match root.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => {
                return Err(SetupError::Address("it must start with https:// (http:// for this machine only)"));
            }
        }
        if has_credentials(&root) || root.query().is_some() || root.fragment().is_some() {
            return Err(SetupError::Address("it must not have a user, password, query or fragment"));
        }
        let mut builder = Client::builder()
            .user_agent(&settings.user_agent)
            .connect_timeout(settings.connect_timeout)
            .pool_idle_timeout(POOL_IDLE)
            .redirect(redirect::Policy::none())
            .referer(false)
            .https_only(root.scheme() == "https");
        if loopback {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|e| SetupError::Client(printable(&chain(&e))))?;
        Ok(Self { client, root, timeout: settings.timeout, max_body: settings.max_body })
    }

    /// The longest time that one exchange takes; a retrying client takes several.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    fn url(&self, request: &Request) -> Result<Url, TransportError> {
        let mut url = match &request.target {
            Target::Path(path) => {
                let whole = format!("{}{path}", self.root.as_str().trim_end_matches('/'));
                let url = Url::parse(&whole).map_err(|_| TransportError::Refused("the path is not valid"))?;
                // A path that the parser changed ("..", an unencoded '?') would ask for something else.
                if !path.starts_with('/') || url.as_str() != whole || url.query().is_some() || url.fragment().is_some()
                {
                    return Err(TransportError::Refused("the path is not in its normal form"));
                }
                url
            }
            Target::Url(text) => Url::parse(text).map_err(|_| TransportError::Refused("a link is not valid"))?,
        };
        self.same_origin(&url)?;
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    fn same_origin(&self, url: &Url) -> Result<(), TransportError> {
        if url.origin() == self.root.origin() && !has_credentials(url) {
            Ok(())
        } else {
            Err(TransportError::Refused("it leads to another server than the API's"))
        }
    }

    /// Another server's address: HTTPS, unless all of this is on one machine.
    fn is_elsewhere(&self, url: &Url) -> bool {
        let secure = url.scheme() == "https" || (is_loopback(&self.root) && is_loopback(url));
        url.origin() != self.root.origin() && !has_credentials(url) && secure
    }

    async fn exchange(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        let mut url = self.url(&request)?;
        let body = request.body.as_ref().map(|body| Bytes::from(body.to_string()));
        let mut authorization = token.map(bearer).transpose()?;
        for _ in 0..=MAX_REDIRECTS {
            let mut call = self
                .client
                .request(method(request.method), url.clone())
                .header(ACCEPT, request.accept.as_str())
                .header("x-github-api-version", API_VERSION);
            if let Some(authorization) = &authorization {
                call = call.header(AUTHORIZATION, authorization.clone());
            }
            if let Some(tag) = &request.if_none_match {
                call = call.header(IF_NONE_MATCH, tag);
            }
            if let Some(body) = &body {
                call = call.header(CONTENT_TYPE, "application/json").body(body.clone());
            }
            let answer = call.send().await.map_err(failed)?;
            match redirected(&answer) {
                Some(location) => {
                    url = url.join(location).map_err(|_| TransportError::Refused("a redirect is not valid"))?;
                    if request.may_lead_elsewhere && request.method == Method::Get && self.is_elsewhere(&url) {
                        authorization = None;
                    } else {
                        self.same_origin(&url)?;
                    }
                }
                None => return self.read(answer, request.max_body).await,
            }
        }
        Err(TransportError::Refused("it was redirected too often"))
    }

    async fn read(&self, mut answer: reqwest::Response, max_body: Option<usize>) -> Result<Response, TransportError> {
        let success = answer.status().is_success();
        let limit = if success { max_body.unwrap_or(usize::MAX).min(self.max_body) } else { MAX_ERROR_BODY };
        if success && answer.content_length().is_some_and(|length| length > limit as u64) {
            return Err(TransportError::TooLarge);
        }
        // Never larger than the limit, and of the right size if the answer says its length.
        let announced = answer.content_length().and_then(|length| usize::try_from(length).ok());
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(limit));
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            let room = limit - body.len();
            if chunk.len().min(room) > body.capacity() - body.len() {
                let wanted = (2 * body.capacity()).max(body.len() + chunk.len()).min(limit);
                body.reserve_exact(wanted - body.len());
            }
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() > room {
                if success {
                    return Err(TransportError::TooLarge);
                }
                break;
            }
        }
        let headers = answer.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        Ok(Response { status: answer.status().as_u16(), headers: headers.collect(), body: body.into() })
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        tokio::time::timeout(self.timeout, self.exchange(request, token))
            .await
            .unwrap_or_else(|_| Err(TransportError::Late(self.timeout)))
    }
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// Where the request has to be repeated as it is, as GitHub's redirects mean it.
/// Source: <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>
fn redirected(answer: &reqwest::Response) -> Option<&str> {
    matches!(answer.status().as_u16(), 301 | 302 | 307 | 308)
        .then(|| answer.headers().get(LOCATION))
        .flatten()
        .and_then(|location| location.to_str().ok())
}

fn bearer(token: &SecretString) -> Result<HeaderValue, TransportError> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| TransportError::Refused("the token has characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

fn failed(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let words = printable(&chain(&error));
    if error.is_connect() {
        TransportError::Connect(words)
    } else if error.is_builder() {
        TransportError::Refused("the request is not valid")
    } else {
        TransportError::Ambiguous(words)
    }
}

/// The error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
