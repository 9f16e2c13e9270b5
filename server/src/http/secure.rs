//! Where encryption is required: plain requests for what people see go to HTTPS, and programs are refused.
//!
//! A browser that is sent to HTTPS has told nothing yet. A program has told its token already: it must learn that at once,
//! and not go on as if nothing had happened.

use axum::Router;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

/// Sends every request to the same address over HTTPS, where its client says which host that is; refuses the API's.
pub fn to_https() -> Router {
    Router::new()
        .route("/v1", any(refuse))
        .route("/v1/{*path}", any(refuse))
        .fallback(redirect)
}

async fn refuse() -> (StatusCode, &'static str) {
    (
        StatusCode::FORBIDDEN,
        "this server wants HTTPS; a token that came in clear may be known to others\n",
    )
}

async fn redirect(uri: Uri, headers: HeaderMap) -> Response {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let named = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let Some(host) = host.filter(|host| !host.is_empty() && host.chars().all(named)) else {
        return (StatusCode::FORBIDDEN, "this server wants HTTPS\n").into_response();
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let location = [(LOCATION, format!("https://{host}{path}"))];
    (StatusCode::PERMANENT_REDIRECT, location).into_response()
}
