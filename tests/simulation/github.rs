//! GitHub as a process sees it: the forge, over a network that loses and delays, with limits and replicas that lag. What is
//! sent stays on its way when its sender has gone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use eco_coder_github::transport::{Headers, Method, Request, Response, Target};
use eco_coder_github::{Transport, TransportError};
use secrecy::SecretString;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::process::{Process, Seam};
use super::settings::REQUEST_TIMEOUT;
use super::weather::Deliberate;
use super::world::World;

/// How far a replica lags.
const LAG: Duration = Duration::from_secs(6);
/// The longest that a write is on its way.
const LATEST: Duration = Duration::from_secs(10);

/// One process's way to GitHub.
pub struct ItsGitHub(pub Arc<Process>);

/// What happens to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// No connection.
    Connect,
    /// Cut before it was performed.
    Reset,
    /// Performed, and cut.
    CommitThenReset,
    /// 5xx, not performed.
    Broken,
    /// Performed, and 5xx.
    CommitThenBroken,
    /// The answer comes so late that nobody waits; it is performed at any time before.
    Late,
    /// The rate is limited, for so many seconds.
    Limited(u64),
}

fn fate(process: &Process) -> (Fate, Duration) {
    let weather = process.world.weather();
    process.world.throw(|dice| {
        let fate = if dice.chance(weather.limit) {
            Fate::Limited(dice.between(1, 90))
        } else if dice.chance(weather.broken) {
            *dice.pick(&[
                Fate::Connect,
                Fate::Reset,
                Fate::CommitThenReset,
                Fate::CommitThenReset,
                Fate::Broken,
                Fate::CommitThenBroken,
            ])
        } else if dice.chance(weather.slow / 2) {
            Fate::Late
        } else {
            Fate::Answered
        };
        let most = if dice.chance(weather.slow) { 4_500 } else { 150 };
        (fate, dice.millis(10, most))
    })
}

/// The path, of a link too.
pub fn path(request: &Request) -> String {
    match &request.target {
        Target::Path(path) => path.clone(),
        Target::Url(url) => {
            let after = url.splitn(4, '/').nth(3).unwrap_or_default();
            format!("/{}", after.split('?').next().unwrap_or_default())
        }
    }
}

/// A write of or to a comment on the conversation.
fn is_of_comment(path: &str) -> bool {
    path.contains("/issues/")
}

fn answer(status: u16, headers: &[(&str, String)], message: &str) -> Response {
    let headers: Headers = headers.iter().map(|(name, value)| (*name, value.clone())).collect();
    Response { status, headers, body: json!({ "message": message }).to_string().into() }
}

fn limited(world: &World, seconds: u64) -> Response {
    let words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    let reset = world.now().0 / 1000 + i64::try_from(seconds).unwrap_or(0) + 1;
    match world.throw(|dice| dice.between(0, 2)) {
        0 => answer(403, &[("retry-after", seconds.to_string())], words),
        1 => answer(429, &[("retry-after", seconds.to_string())], words),
        _ => {
            let headers = [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", reset.to_string())];
            answer(403, &headers, "API rate limit exceeded for user ID 1.")
        }
    }
}

impl ItsGitHub {
    /// Performs it on the forge, and tells the judge of what was written.
    async fn apply(
        world: &Arc<World>,
        request: Request,
        token: Option<SecretString>,
    ) -> Result<Response, TransportError> {
        let (method, path) = (request.method, path(&request));
        let body = request.body.as_ref().and_then(|body| body["body"].as_str()).map(str::to_owned);
        let response = world.perform(request, token.as_ref()).await?;
        if method.is_write() && is_of_comment(&path) && response.status < 300 {
            world.judge().written(method, &path, body.as_deref(), &response);
        }
        Ok(response)
    }

    async fn exchange(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        let (process, world) = (&self.0, &self.0.world);
        let path = path(&request);
        let write = request.method.is_write();
        let what = format!("{} {path}", request.method);
        let (fate, travel) = fate(process);
        // Without a connection nothing is sent, and the client may try again.
        if write && is_of_comment(&path) && fate != Fate::Connect {
            let body = request.body.as_ref().and_then(|body| body["body"].as_str());
            world.judge().begins(process, &path, body);
        }
        let lost = || Err(TransportError::Ambiguous("simulated: the answer is lost".to_owned()));
        match fate {
            Fate::Answered => {}
            Fate::Limited(seconds) => {
                process.note(|| format!("{what}: limited for {seconds} s"));
                sleep_until(world.own_moment(travel)).await;
                return Ok(limited(world, seconds));
            }
            other => {
                world.harm();
                process.note(|| format!("{what}: {other:?}"));
            }
        }
        if let Some(stale) = world.stale(&request, &path) {
            process.note(|| format!("{what}: an answer of before"));
            sleep_until(world.own_moment(travel)).await;
            return Ok(stale);
        }
        match fate {
            Fate::Connect => return Err(TransportError::Connect("simulated".to_owned())),
            Fate::Reset => return lost(),
            Fate::Broken => return Ok(answer(502, &[], "Server Error")),
            _ => {}
        }
        if !write && fate == Fate::Answered {
            sleep_until(world.own_moment(travel)).await;
            let answered = Self::apply(world, request, token.cloned()).await;
            process.note(|| format!("{what}: {}", answered.as_ref().map_or(0, |response| response.status)));
            return answered.map(|response| world.as_listed(&path, response));
        }
        let (tell, told) = oneshot::channel();
        let token = token.cloned();
        let on_its_way = {
            let (world, request, token) = (Arc::clone(world), request.clone(), token.clone());
            let most = u64::try_from(LATEST.as_millis()).unwrap_or(0);
            let arrives = if fate == Fate::Late { world.throw(|dice| dice.millis(1, most)) } else { travel };
            async move {
                sleep_until(world.own_moment(arrives)).await;
                let answer = Self::apply(&world, request, token).await;
                if fate == Fate::Late {
                    sleep(LATEST).await;
                }
                let _ = tell.send(answer);
            }
        };
        // It goes on whatever becomes of whoever sent it.
        tokio::spawn(on_its_way);
        let answered = timeout(REQUEST_TIMEOUT, told).await;
        process.alive().await;
        let Ok(Ok(answered)) = answered else {
            process.note(|| format!("{what}: no answer in time"));
            return lost();
        };
        let unknown = matches!(fate, Fate::CommitThenReset | Fate::CommitThenBroken);
        if unknown && request.method == Method::Post && world.plan.deliberate == Some(Deliberate::RepeatsPost) {
            let body = request.body.as_ref().and_then(|body| body["body"].as_str());
            world.judge().begins(process, &path, body);
            return Self::apply(world, request, token).await;
        }
        match fate {
            Fate::CommitThenReset => lost(),
            Fate::CommitThenBroken => Ok(answer(502, &[], "Server Error")),
            _ => {
                process.note(|| match &answered {
                    Ok(response) => format!("{what}: {}", response.status),
                    Err(e) => format!("{what}: {e}"),
                });
                answered.map(|response| world.as_listed(&path, response))
            }
        }
    }
}

#[async_trait]
impl Transport for ItsGitHub {
    async fn send(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        let what = format!("call GitHub: {} {}", request.method, path(&request));
        let answer = self.0.over(Seam::GitHub, &what, self.exchange(request, token), |_| "seen".to_owned()).await;
        answer.unwrap_or_else(|_| Err(TransportError::Ambiguous("simulated".to_owned())))
    }
}

/// What a pull request looked like before its last change, if that was just now.
pub fn before(changes: &[(Instant, Arc<str>)], back: usize) -> Option<Arc<str>> {
    // Each is how it looked until then.
    let recent: Vec<_> = changes.iter().filter(|(until, _)| until.elapsed() < LAG).collect();
    recent.get(back % recent.len().max(1)).map(|(_, looked)| Arc::clone(looked))
}

/// How many comments a replica that lags doesn't know yet.
pub fn too_new(created: impl Iterator<Item = Duration>) -> usize {
    created.filter(|age| *age < LAG).count()
}
