//! Serves the page's style and script under names that contain a hash of their content, so that browsers cache them forever.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Represents a file that the page refers to.
struct Asset {
    path: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, content: &'static str) -> Asset {
        // The default hasher's keys are fixed: the same content has the same name on every server.
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        Asset {
            path: format!("/assets/{stem}.{:016x}.{ending}", hasher.finish()),
            kind,
            content,
        }
    }
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    const STYLE: &str = include_str!("assets/rapport.css");
    Asset::new("rapport", "css", "text/css; charset=utf-8", STYLE)
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    const SCRIPT: &str = include_str!("assets/rapport.js");
    Asset::new("rapport", "js", "text/javascript; charset=utf-8", SCRIPT)
});

/// Returns the style's path.
pub fn style() -> &'static str {
    &STYLE.path
}

/// Returns the script's path.
pub fn script() -> &'static str {
    &SCRIPT.path
}

/// Answers `/assets/{name}`.
pub async fn asset(Path(name): Path<String>) -> Response {
    let path = format!("/assets/{name}");
    let Some(asset) = [&*STYLE, &*SCRIPT]
        .into_iter()
        .find(|asset| asset.path == path)
    else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, asset.kind),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, asset.content).into_response()
}
