//! The seam between the client and the network: one HTTP exchange, in plain data. Knows no endpoint, decides nothing.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use eco_coder_shared::ids::RepoName;
use secrecy::SecretString;

/// The methods the API is called with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates; never safe to repeat once it may have been sent.
    Post,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
}

impl Method {
    /// As it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Does it change something on GitHub?
    pub fn is_write(self) -> bool {
        self != Self::Get
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What form the answer should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accept {
    /// `application/vnd.github+json`
    Json,
    /// `application/vnd.github.raw+json`: a file's bytes as they are
    Raw,
}

impl Accept {
    /// The media type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.github+json",
            Self::Raw => "application/vnd.github.raw+json",
        }
    }
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path below the API's root: starts with `/`, percent-encoded, without a query.
    Path(String),
    /// A whole URL that GitHub gave (the next page). A transport refuses it if its origin isn't the API's own.
    Url(String),
}

/// As whom a request is made, if the sign-in is an App's: it is somebody else in each installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// As the App itself.
    App,
    /// As its installation on this repository.
    Repository(RepoName),
    /// As its installation with this number.
    Installation(u64),
}

impl Caller {
    /// Whom a path is asked as: below `/repos/OWNER/NAME` the installation there.
    fn of(path: &str) -> Self {
        let mut parts = path.split('/').skip(1);
        match (parts.next(), parts.next(), parts.next()) {
            (Some("repos"), Some(owner), Some(name)) => {
                format!("{owner}/{name}").parse().map_or(Self::App, Self::Repository)
            }
            _ => Self::App,
        }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// As whom.
    pub caller: Caller,
    /// What to do.
    pub method: Method,
    /// Where.
    pub target: Target,
    /// Appended to the target's query; not encoded yet.
    pub query: Vec<(String, String)>,
    /// What form the answer should have.
    pub accept: Accept,
    /// A JSON body.
    pub body: Option<serde_json::Value>,
    /// The tag of what is known already: if that is what there is, the answer is 304 and costs nothing of the hourly limit.
    pub if_none_match: Option<String>,
    /// The most bytes of a successful answer's body; `None` for the transport's own limit, which always holds.
    pub max_body: Option<usize>,
    /// A redirect may lead to another server, which is asked without the token: where GitHub keeps artifacts.
    pub may_lead_elsewhere: bool,
}

impl Request {
    /// A request for JSON without query or body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self {
            caller: Caller::of(&path),
            method,
            target: Target::Path(path),
            query: Vec::new(),
            accept: Accept::Json,
            body: None,
            if_none_match: None,
            max_body: None,
            may_lead_elsewhere: false,
        }
    }

    /// With one more query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn body(mut self, body: serde_json::Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// Header names in lower case, with their values; values that aren't visible ASCII are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of the header, whose name is given in lower case.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value as a number, `None` if it isn't one.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.trim().parse().ok()
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.as_ref().to_ascii_lowercase(), value.into())).collect())
    }
}

/// One answer, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: Headers,
    /// The body; of an answer that isn't a success maybe only its beginning.
    pub body: Bytes,
}

/// Why there is no answer. The reasons are the transport's own words, without URLs, tokens or bodies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection: nothing was sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// Sent, or maybe sent, and the answer is unknown: a timeout, a reset, a broken body.
    #[error("no answer: {0}")]
    Ambiguous(String),
    /// The same, because nothing came in time.
    #[error("no answer: nothing within {0:?}")]
    Late(Duration),
    /// Sent and answered, with a body over the limit.
    #[error("the answer is larger than allowed")]
    TooLarge,
    /// The request was not made, or led to a redirect that isn't followed: nothing was done.
    #[error("the request was not made: {0}")]
    Refused(&'static str),
}

/// Makes one exchange. Doesn't retry, wait for limits or interpret a status, except for redirects: within the API's own
/// origin it follows them (renamed repositories), beyond it only for a read that may lead elsewhere.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`, signed with `token` if there is one. The token goes to the API's own origin only.
    async fn send(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError>;
}
