//! Spans on their way out: a bounded queue, one request at a time over OTLP/HTTP, and nobody who waits for either. What the queue
//! has no room for, or the collector doesn't take in time, is dropped and counted; there is no second try.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Uri, header};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use metrics::counter;
use opentelemetry::{Context, StringValue, Value};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use prost::Message as _;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::ConfigError;

/// Spans that wait to be sent; some hundreds of bytes each.
const PLACES: usize = 4096;
/// Spans in one request.
const BATCH: usize = 256;
/// The longest a span waits for others to go with.
const EVERY: Duration = Duration::from_secs(1);
/// For one request.
const PATIENCE: Duration = Duration::from_secs(3);
/// For what is held at a process's end.
pub(super) const FLUSH: Duration = Duration::from_secs(3);
/// Between two complaints in the log.
const COMPLAIN: Duration = Duration::from_mins(1);
/// The longest text of one attribute, bytes.
const MAX_TEXT: usize = 256;
/// As much of an answer as is read, so that its connection can be used again.
const MAX_ANSWER: usize = 64 * 1024;
/// The longest address of a collector.
const MAX_ADDRESS: usize = 2048;

enum Item {
    Span(Box<SpanData>),
    /// Everything before it is sent, or given up.
    Flush(oneshot::Sender<()>),
}

/// Where ended spans are left.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    places: mpsc::Sender<Item>,
}

impl Outlet {
    /// Starts sending, as a task of the runtime it is called in.
    pub(super) fn open(collector: Collector) -> Self {
        let (places, inbox) = mpsc::channel(PLACES);
        tokio::spawn(send_all(inbox, collector));
        Self { places }
    }

    /// Until all that was left is sent or dropped, or [`FLUSH`] is over.
    pub(super) async fn flush(&self) {
        let (tell, done) = oneshot::channel();
        let flushed = async {
            if self.places.send(Item::Flush(tell)).await.is_ok() {
                let _ = done.await;
            }
        };
        if timeout(FLUSH, flushed).await.is_err() {
            tracing::warn!(component = "traces", "the collector did not take the last spans in time; they are lost");
        }
    }
}

impl SpanProcessor for Outlet {
    fn on_start(&self, _span: &mut Span, _context: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        for attribute in &mut span.attributes {
            bound(&mut attribute.value);
        }
        if self.places.try_send(Item::Span(Box::new(span))).is_err() {
            dropped(1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Whatever a text is made of, only so much of it leaves.
fn bound(value: &mut Value) {
    if let Value::String(text) = value
        && text.as_str().len() > MAX_TEXT
    {
        let whole = text.as_str();
        let end = (0..=MAX_TEXT - '…'.len_utf8()).rev().find(|end| whole.is_char_boundary(*end)).unwrap_or_default();
        *value = Value::String(StringValue::from(format!("{}…", &whole[..end])));
    }
}

fn dropped(spans: usize) {
    counter!("TraceSpans", "Result" => "dropped").increment(spans as u64);
}

async fn send_all(mut inbox: mpsc::Receiver<Item>, collector: Collector) {
    let mut complained: Option<Instant> = None;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(first) = inbox.recv().await {
        let until = Instant::now() + EVERY;
        let mut next = Some(first);
        let mut flushed = None;
        while let Some(item) = next {
            match item {
                Item::Span(span) => batch.push(*span),
                Item::Flush(tell) => flushed = Some(tell),
            }
            if flushed.is_some() || batch.len() >= BATCH {
                break;
            }
            next = timeout_at(until, inbox.recv()).await.ok().flatten();
        }
        let spans = batch.len();
        if spans > 0 {
            match collector.send(std::mem::take(&mut batch)).await {
                Ok(()) => counter!("TraceSpans", "Result" => "sent").increment(spans as u64),
                Err(error) => {
                    dropped(spans);
                    if complained.is_none_or(|at| at.elapsed() >= COMPLAIN) {
                        complained = Some(Instant::now());
                        tracing::warn!(
                            component = "traces",
                            error,
                            spans,
                            "the collector takes no spans; they are lost"
                        );
                    }
                }
            }
        }
        if let Some(tell) = flushed {
            let _ = tell.send(());
        }
    }
}

/// Whoever takes the spans.
pub(super) struct Collector {
    client: Client<HttpConnector, Full<Bytes>>,
    url: Uri,
    resource: Arc<ResourceAttributesWithSchema>,
}

impl Collector {
    /// At the base of OTLP over HTTP, such as `http://127.0.0.1:4318`.
    pub(super) fn new(endpoint: &str, resource: &Resource) -> Result<Self, ConfigError> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(PATIENCE));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(1).build(connector);
        Ok(Self { client, url: url(endpoint)?, resource: Arc::new(ResourceAttributesWithSchema::from(resource)) })
    }

    async fn send(&self, batch: Vec<SpanData>) -> Result<(), String> {
        let spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans: spans }.encode_to_vec();
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.url.clone())
            .header(header::CONTENT_TYPE, "application/x-protobuf")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            // What it says beside its status is nobody's here.
            let _ = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            if status.is_success() { Ok(()) } else { Err(format!("it answered {}", status.as_u16())) }
        };
        timeout(PATIENCE, exchange).await.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }
}

/// Where spans are posted to.
pub(super) fn url(endpoint: &str) -> Result<Uri, ConfigError> {
    let wrong = || {
        ConfigError::value(
            "telemetry.otlp_endpoint",
            "it must be the address of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318; https and \
             credentials are the collector's to add on the way further",
        )
    };
    let given: Uri = endpoint.parse().map_err(|_| wrong())?;
    let plain = given.scheme_str() == Some("http")
        && given.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && given.query().is_none();
    if !plain || endpoint.len() > MAX_ADDRESS {
        return Err(wrong());
    }
    format!("{}/v1/traces", endpoint.trim_end_matches('/')).parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
