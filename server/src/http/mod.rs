//! The HTTP side's ground: connections, who is logged in, and what machines ask: whether the server lives, whether it can
//! be asked, and its figures. What people and scripts see stands on it: [`crate::page`] and [`crate::api`].

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

/// Names a cookie of ours. Over TLS the name says that only this host, and over TLS, can have set it.
fn cookie_name(what: &str, encrypted: bool) -> String {
    let prefix = if encrypted { "__Host-" } else { "" };
    format!("{prefix}rapport_{what}")
}

/// What the routes tell of.
#[derive(Clone)]
pub struct Told {
    /// How the server is.
    pub health: Arc<Health>,
    /// Its figures.
    pub figures: PrometheusHandle,
}

/// The routes that machines ask.
pub fn router(told: Told) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(figures))
        .with_state(told)
}

const FRESH: (header::HeaderName, &str) = (header::CACHE_CONTROL, "no-store");

/// Answers as long as the server takes connections.
async fn healthz() -> impl IntoResponse {
    ([FRESH], "ok\n")
}

/// 200 while queries can be answered, else 503 with the part that is missing.
async fn readyz(State(told): State<Told>) -> impl IntoResponse {
    match told.health.ready().await {
        Ok(()) => (StatusCode::OK, [FRESH], "ready\n".to_owned()),
        Err(missing) => (
            StatusCode::SERVICE_UNAVAILABLE,
            [FRESH],
            format!("not ready: {missing}\n"),
        ),
    }
}

/// All figures in Prometheus's text format.
async fn figures(State(told): State<Told>) -> impl IntoResponse {
    told.health.measure();
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    ([FRESH, (header::CONTENT_TYPE, TEXT)], told.figures.render())
}
