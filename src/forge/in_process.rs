//! The reviewer's transport to a forge in the same process: the same requests and answers, without a socket.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{Method as HttpMethod, Request as HttpRequest, header};
use eco_coder_github::transport::{Headers, Method, Request, Response, Target};
use eco_coder_github::{Transport, TransportError};
use http_body_util::BodyExt;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tower::ServiceExt;

use super::Forge;

/// Calls a forge as if it were on the other side of a socket.
#[derive(Debug, Clone)]
pub struct InProcess(Router);

impl InProcess {
    /// To this forge.
    pub fn new(forge: &Forge) -> Self {
        Self(forge.router())
    }
}

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
    if let Some(tag) = &request.if_none_match {
        builder = builder.header(header::IF_NONE_MATCH, tag);
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
