//! Collectors that answer, refuse, and never do.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer, TracerProvider as _};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::net::TcpListener;

use super::*;

fn resource() -> Resource {
    Resource::builder_empty().with_attributes([KeyValue::new("service.name", "test")]).build()
}

fn provider(outlet: &Outlet) -> SdkTracerProvider {
    SdkTracerProvider::builder().with_span_processor(outlet.clone()).with_resource(resource()).build()
}

/// A collector that gives this answer; returns what it was sent.
async fn collector(status: StatusCode) -> (String, mpsc::UnboundedReceiver<ExportTraceServiceRequest>) {
    let (tell, told) = mpsc::unbounded_channel();
    let take = move |body: Bytes| async move {
        tell.send(ExportTraceServiceRequest::decode(body).unwrap()).unwrap();
        status
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, told)
}

#[tokio::test]
async fn spans_arrive_with_their_names_and_nothing_longer_than_the_bound() {
    let (url, mut told) = collector(StatusCode::OK).await;
    let outlet = Outlet::open(Collector::new(&url, &resource()).unwrap());
    let provider = provider(&outlet);
    let mut span = provider.tracer("test").start("a step");
    span.set_attribute(KeyValue::new("at", "x".repeat(MAX_TEXT)));
    span.set_attribute(KeyValue::new("past", "é".repeat(MAX_TEXT)));
    span.end();
    outlet.flush().await;
    let request = told.recv().await.unwrap();
    let sent = &request.resource_spans[0].scope_spans[0].spans[0];
    assert_eq!(sent.name, "a step");
    let text = |name: &str| {
        let attribute = sent.attributes.iter().find(|attribute| attribute.key == name).unwrap();
        match attribute.value.as_ref().unwrap().value.as_ref().unwrap() {
            opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text) => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(text("at"), "x".repeat(MAX_TEXT));
    assert_eq!(text("past"), format!("{}…", "é".repeat(126)));
}

#[tokio::test]
async fn what_the_collector_refuses_is_not_sent_again() {
    let (url, mut told) = collector(StatusCode::SERVICE_UNAVAILABLE).await;
    let outlet = Outlet::open(Collector::new(&url, &resource()).unwrap());
    let provider = provider(&outlet);
    for _ in 0..2 {
        provider.tracer("test").start("a step").end();
        outlet.flush().await;
        told.recv().await.unwrap();
    }
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn more_spans_than_there_are_places_are_dropped_and_nobody_waits() {
    let places = PLACES;
    let (sender, inbox) = mpsc::channel(places);
    let outlet = Outlet { places: sender };
    let provider = provider(&outlet);
    for _ in 0..places + 10 {
        provider.tracer("test").start("a step").end();
    }
    assert_eq!(inbox.len(), places);
}

#[tokio::test]
async fn a_collector_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let collector = Collector::new(&url, &resource()).unwrap();
    // The socket is real: what is connected and sent happens before anything waits for the time that is not.
    let sending = collector.send(Vec::new());
    let (error, _) = tokio::join!(sending, async {
        let accepted = listener.accept().await.unwrap();
        tokio::time::pause();
        tokio::time::advance(PATIENCE).await;
        accepted
    });
    assert!(error.unwrap_err().contains("no answer within"));
}
