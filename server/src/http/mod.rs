//! The HTTP side; for now only whether the server lives.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

/// The routes of the HTTP side.
pub fn router() -> Router {
    Router::new().route("/healthz", get(healthz))
}

/// Answers as long as the server takes connections.
async fn healthz() -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], "ok\n")
}
