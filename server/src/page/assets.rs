//! Style and script of the page, under names that change with what they hold, so that browsers keep them for good.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A file that the page refers to.
struct Asset {
    path: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, ending: &str, kind: &'static str, content: &'static str) -> Asset {
        // Its keys are fixed: the same content has the same name on every server.
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

/// Names the style.
pub fn style() -> &'static str {
    &STYLE.path
}

/// Names the script.
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
