//! A review of a local git working copy: the same code as a worker's, over the local forge, without a socket.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method as HttpMethod, Request as HttpRequest, header};
use eco_coder_github::transport::{Headers, Method, Request, Response, Target};
use eco_coder_github::{Transport, TransportError};
use eco_coder_shared::config::Settings;
use eco_coder_shared::ids::RepoName;
use eco_coder_worker::config::WorkerConfig;
use eco_coder_worker::report::Report;
use eco_coder_worker::service::{self, FromCi};
use eco_coder_worker::store::seal::SealKey;
use eco_coder_worker::store::sqlite::SqliteStore;
use eco_coder_worker::subject::Head;
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tower::ServiceExt;

use super::system_env;
use crate::forge::{Content, Forge, ForgeSettings, NewPull};

/// Stands for a token where nobody checks one against the world.
const TOKEN: &str = "local";

/// The settings of a local review: the user's, and a token that only the local forge takes.
pub fn settings(file: Option<&std::path::Path>) -> anyhow::Result<WorkerConfig> {
    let mut environment = Settings::process_environment();
    environment.insert("ECO_CODER_GITHUB_TOKEN".to_owned(), TOKEN.to_owned());
    let mut settings = Settings::load(file, environment)?;
    settings.set("github.token_source", "env:ECO_CODER_GITHUB_TOKEN");
    settings.unset("github.app_id");
    settings.unset("github.app_key_source");
    // CodeGuru knows pull requests on GitHub, and none of a working copy.
    settings.set("analysis.kind", "embedded");
    settings.unset("analysis.codeguru_associations");
    // Nothing is kept: any key does.
    settings.set("store.session_key", "env:ECO_CODER_GITHUB_TOKEN");
    settings.set("github.write_interval_ms", 0);
    Ok(WorkerConfig::from_settings(&settings)?)
}

/// Reviews what `head` has and `base` has not.
pub async fn report(
    config: &WorkerConfig,
    name: &RepoName,
    content: Content,
    (base, head): (&str, &str),
    from_ci: FromCi,
) -> anyhow::Result<Report> {
    let secret = || SecretString::from(TOKEN);
    let forge = Forge::new(ForgeSettings::new("http://localhost", secret(), secret()));
    forge.add_repository(name, content);
    let pull = NewPull { base: base.to_owned(), ..NewPull::new("local", head) };
    let number = forge.open_pull(name, pull)?;
    let env = system_env();
    let github = service::github(config, Arc::new(InProcess(forge.router())), Arc::clone(&env));
    let store = Arc::new(SqliteStore::in_memory().context("a store in memory")?);
    let mut key = [0; 32];
    env.fill_random(&mut key);
    let inspector = service::inspector(config, &github, store, SealKey::new(&key), env, from_ci)?;
    let head = Head::read(&github, github.pull(name, number).await?).await?;
    Ok(inspector.inspect(&head, None, None).await?.report)
}

/// Calls a router as if it were on the other side of a socket.
struct InProcess(Router);

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request, token: Option<&SecretString>) -> Result<Response, TransportError> {
        let lost = |e: &dyn std::fmt::Display| TransportError::Ambiguous(e.to_string());
        let answer = self.0.clone().oneshot(http_request(&request, token)?).await.map_err(|e| lost(&e))?;
        let (parts, body) = answer.into_parts();
        let headers: Headers =
            parts.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let limited = http_body_util::Limited::new(body, request.max_body.unwrap_or(usize::MAX));
        let body = match limited.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(e) if e.is::<http_body_util::LengthLimitError>() => return Err(TransportError::TooLarge),
            Err(e) => return Err(lost(&e)),
        };
        Ok(Response { status: parts.status.as_u16(), headers, body })
    }
}

fn http_request(request: &Request, token: Option<&SecretString>) -> Result<HttpRequest<Body>, TransportError> {
    let mut uri = match &request.target {
        Target::Path(path) | Target::Url(path) => path.clone(),
    };
    for (name, value) in &request.query {
        let joint = if uri.contains('?') { '&' } else { '?' };
        uri.extend([joint.to_string().as_str(), name, "="]);
        uri.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    let method = match request.method {
        Method::Get => HttpMethod::GET,
        Method::Post => HttpMethod::POST,
        Method::Patch => HttpMethod::PATCH,
        Method::Delete => HttpMethod::DELETE,
    };
    let mut builder = HttpRequest::builder()
        .method(method)
        .uri(uri)
        .header(header::ACCEPT, request.accept.as_str())
        .header(header::USER_AGENT, "eco-coder");
    if let Some(token) = token {
        builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
    }
    let body = match &request.body {
        None => Body::empty(),
        Some(json) => {
            builder = builder.header(header::CONTENT_TYPE, "application/json");
            Body::from(json.to_string())
        }
    };
    builder.body(body).map_err(|_| TransportError::Refused("the request can't be written as HTTP"))
}
