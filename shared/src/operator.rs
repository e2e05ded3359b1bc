//! The operators' port of each half: `/healthz` (the process lives), `/readyz` (it can do its work), `/metrics`.
//! Never on the port that GitHub reaches.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;

/// Can the half do its work?
#[async_trait]
pub trait Readiness: Send + Sync {
    /// `Err` says what is missing. Called for each `/readyz` and before each `/metrics`, so that gauges are fresh.
    async fn check(&self) -> Result<(), String>;
}

#[derive(Clone)]
struct Operator {
    readiness: Arc<dyn Readiness>,
    metrics: Option<PrometheusHandle>,
}

/// The routes of the operators' port.
pub fn router(readiness: Arc<dyn Readiness>, metrics: Option<PrometheusHandle>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "alive"})) }))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state(Operator { readiness, metrics })
}

async fn ready(State(operator): State<Operator>) -> Response {
    match operator.readiness.check().await {
        Ok(()) => Json(json!({"status": "ready"})).into_response(),
        Err(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "not ready", "reason": reason}))).into_response()
        }
    }
}

async fn render(State(operator): State<Operator>) -> Response {
    let _ = operator.readiness.check().await;
    match operator.metrics {
        Some(handle) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()).into_response()
        }
        None => (StatusCode::SERVICE_UNAVAILABLE, "no metrics recorder is installed\n").into_response(),
    }
}
