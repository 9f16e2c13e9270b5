//! HTTP: connections, logins, and the routes that monitoring asks: liveness, readiness and metrics.
//!
//! [`crate::page`], for people, and [`crate::api`], for scripts, are built on it.

mod client;
pub mod csrf;
pub mod logins;
mod secure;
mod server;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::serve::Health;

pub use client::Client;
pub use secure::to_https;
pub use server::{Routers, serve};

/// Names a cookie. Over TLS it has the prefix `__Host-`, with which browsers accept it only from this host and over TLS.
fn cookie_name(what: &str, encrypted: bool) -> String {
    let prefix = if encrypted { "__Host-" } else { "" };
    format!("{prefix}rapport_{what}")
}

/// Holds what the monitoring routes report.
#[derive(Clone)]
pub struct Monitoring {
    /// The server's health.
    pub health: Arc<Health>,
    /// The process's metrics.
    pub metrics: PrometheusHandle,
}

/// Makes the monitoring routes.
pub fn router(monitoring: Monitoring) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(monitoring)
}

const NO_STORE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Answers 200 as long as the server accepts connections.
async fn healthz() -> impl IntoResponse {
    ([NO_STORE], "ok\n")
}

/// Answers 200 while queries can be answered, else 503 with the reason.
async fn readyz(State(monitoring): State<Monitoring>) -> impl IntoResponse {
    match monitoring.health.ready().await {
        Ok(()) => (StatusCode::OK, [NO_STORE], "ready\n".to_owned()),
        Err(missing) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [NO_STORE],
            format!("not ready: {missing}\n"),
        ),
    }
}

/// Answers with all metrics in Prometheus's text format.
async fn metrics(State(monitoring): State<Monitoring>) -> impl IntoResponse {
    monitoring.health.update_gauges();
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    (
        [NO_STORE, (header::CONTENT_TYPE, TEXT)],
        monitoring.metrics.render(),
    )
}
