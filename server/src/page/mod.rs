//! The performance page, on which the people of a shop see its metrics (SPEC 6, 7).
//!
//! The server renders it. A view runs saved queries, within the endpoint's limits and over one version of the lake, and
//! fills a template with their rows; it computes no metric of its own (SPEC M7). A view's whole state is in its address.
//! The page works without scripts and loads nothing from other hosts.
//!
//! What always holds: a view shows its viewer's account alone, because its queries see nothing else. Another account's
//! address is answered as one that does not exist (SPEC 8). The templates escape every text from events.

mod assets;
mod call;
mod chrome;
mod commerce;
mod conversation;
mod error;
mod figures;
mod filter;
mod links;
mod login;
mod numbers;
mod orders;
mod paging;
mod performance;
mod rows;
mod sales;
mod service;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};

use crate::http::logins::Logins;
use crate::pg::Inquirer;
use crate::users::{Attempts, Users};

/// Holds what the page's views use. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    /// Runs the queries.
    pub inquirer: Inquirer,
    /// The users, who log in with their passwords.
    pub users: Users,
    /// The failed logins.
    pub attempts: Arc<Attempts>,
    /// The logins of browsers.
    pub logins: Logins,
}

/// The content security policy: a page may load styles, scripts and images from this server, send forms to it, and nothing
/// else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Makes the routes of the page, for encrypted connections or for plain ones.
pub fn router(site: &Site, encrypted: bool) -> Router {
    let pages = Router::new()
        .route("/", get(|| async { Redirect::to("/performance") }))
        .route("/login", get(login::show).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/performance", get(performance::show))
        .route("/conversations/{id}", get(conversation::show))
        .route("/service", get(service::show))
        .route("/commerce", get(commerce::show))
        .route("/sales", get(sales::show))
        .route("/orders/{id}", get(sales::show_order))
        .fallback(error::no_such_page)
        .layer(site.logins.layer(encrypted))
        .layer(axum::middleware::map_response(add_security_headers))
        .with_state(site.clone());
    Router::new()
        .route("/assets/{name}", get(assets::asset))
        .merge(pages)
}

/// Adds headers that forbid browsers to store, frame or sniff a page, and to send its address to other sites.
async fn add_security_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-store");
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    );
    response
}
