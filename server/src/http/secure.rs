//! Plain HTTP where encryption is required: the page's requests are redirected to HTTPS, the API's are refused.
//!
//! A browser that is redirected has sent nothing secret yet. A program has sent its token in clear already: it gets an
//! error, so that its owner learns of it.

use axum::Router;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

/// Makes routes that redirect every request to the same address over HTTPS, if its `Host` is valid, and refuse the API's.
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
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_:[]".contains(c);
    let Some(host) = host.filter(|host| !host.is_empty() && host.chars().all(allowed)) else {
        return (StatusCode::FORBIDDEN, "this server wants HTTPS\n").into_response();
    };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let location = [(LOCATION, format!("https://{host}{path}"))];
    (StatusCode::PERMANENT_REDIRECT, location).into_response()
}
