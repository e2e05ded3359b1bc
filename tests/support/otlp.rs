//! A collector on loopback: takes spans over OTLP as any would, and keeps them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::process::PATIENCE;

/// A span as it came.
#[derive(Debug, Clone)]
pub struct Span {
    pub service: String,
    pub trace: String,
    pub id: String,
    /// Empty: it is a root.
    pub parent: String,
    pub name: String,
    /// Nanoseconds since 1970.
    pub start: u64,
    pub end: u64,
    /// Each as its text.
    pub attributes: BTreeMap<String, String>,
    pub failed: bool,
    /// The status's own words.
    pub words: String,
    pub events: usize,
}

impl Span {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// All that came.
#[derive(Clone)]
pub struct Collector {
    pub url: String,
    spans: watch::Sender<Vec<Span>>,
    raw: Arc<Mutex<Vec<u8>>>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let collector = Self { url, spans: watch::Sender::new(Vec::new()), raw: Arc::default() };
        let taking = collector.clone();
        let take = move |body: Bytes| {
            taking.take(&body);
            std::future::ready(())
        };
        let routes = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        collector
    }

    fn take(&self, body: &Bytes) {
        self.raw.lock().unwrap().extend_from_slice(body);
        let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
        let came = request.resource_spans.into_iter().flat_map(|resource| {
            let attributes = texts(&resource.resource.unwrap().attributes);
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            spans.map(move |span| read(span, &attributes)).collect::<Vec<_>>()
        });
        self.spans.send_modify(|spans| spans.extend(came));
    }

    /// Waits until `look` finds it among all spans.
    pub async fn until<T>(&self, what: &str, look: impl Fn(&[Span]) -> Option<T>) -> T {
        let mut spans = self.spans.subscribe();
        let found = async {
            loop {
                if let Some(found) = look(&spans.borrow_and_update()) {
                    return found;
                }
                spans.changed().await.unwrap();
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("never came: {what}; of {:#?}", self.spans()))
    }

    pub fn spans(&self) -> Vec<Span> {
        self.spans.borrow().clone()
    }

    /// Everything that was sent, byte for byte.
    pub fn raw(&self) -> Vec<u8> {
        self.raw.lock().unwrap().clone()
    }
}

fn read(span: Sent, resource: &BTreeMap<String, String>) -> Span {
    let status = span.status.unwrap_or_default();
    Span {
        service: resource["service.name"].clone(),
        trace: hex::encode(&span.trace_id),
        id: hex::encode(&span.span_id),
        parent: hex::encode(&span.parent_span_id),
        name: span.name,
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        attributes: texts(&span.attributes),
        failed: status.code == 2,
        words: status.message,
        events: span.events.len(),
    }
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(value) => value.to_string(),
        Value::IntValue(value) => value.to_string(),
        Value::DoubleValue(value) => value.to_string(),
        other => format!("{other:?}"),
    };
    let value = |pair: &KeyValue| pair.value.as_ref().and_then(|value| value.value.as_ref()).map(text);
    attributes.iter().map(|pair| (pair.key.clone(), value(pair).unwrap_or_default())).collect()
}
