//! The performance page: what the people of a shop see of it (SPEC 6, 7).
//!
//! Server-rendered: a view asks saved queries, within the limits of the endpoint and over one version of the lake, and
//! writes what they answer into a template beside it; it computes no metric of its own (SPEC M7). All that a view shows is
//! in its address. It works without scripts, and loads nothing from anywhere else.
//!
//! What always holds: a view sees its viewer's account alone, since its queries do; another account's address is answered
//! as one that does not exist; and every text from outside is escaped by the templates.

mod assets;
mod chrome;
mod conversation;
mod error;
mod filter;
mod login;
mod numbers;
mod orders;
mod paging;
mod performance;
mod question;
mod rows;
mod sales;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};

use crate::http::logins::Logins;
use crate::pg::Inquirer;
use crate::users::{Attempts, Users};

/// What the page stands on. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    /// Asks its queries.
    pub inquirer: Inquirer,
    /// Who may log in.
    pub users: Users,
    /// How often they failed to.
    pub attempts: Arc<Attempts>,
    /// Who has logged in.
    pub logins: Logins,
}

/// What a browser may do with a page: load style, script and pictures from here, send forms to here, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Makes the routes of the page, for encrypted connections or for plain ones.
pub fn router(site: &Site, encrypted: bool) -> Router {
    let pages = Router::new()
        .route("/", get(|| async { Redirect::to("/performance") }))
        .route("/login", get(login::show).post(login::enter))
        .route("/logout", post(login::leave))
        .route("/performance", get(performance::show))
        .route("/conversations/{id}", get(conversation::show))
        .route("/sales", get(sales::show))
        .route("/orders/{id}", get(sales::show_order))
        .fallback(error::no_such_page)
        .layer(site.logins.layer(encrypted))
        .layer(axum::middleware::map_response(guarded))
        .with_state(site.clone());
    Router::new()
        .route("/assets/{name}", get(assets::asset))
        .merge(pages)
}

/// Adds what keeps a page from being stored, framed, sniffed or told of.
async fn guarded(mut response: Response) -> Response {
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
