//! The HTTP API: the saved queries for programs that speak no Postgres.
//!
//! ```text
//! GET /v1/queries          which there are, with parameters and columns
//! GET /v1/queries/NAME     its rows, as JSON, CSV or Parquet
//! GET /v1/openapi.json     all that, as OpenAPI
//! ```
//!
//! What always holds: who asks has shown a token, or is logged in to the page; the rows are those that the same call gives
//! over the Postgres endpoint, under the same limits, and are never all in memory; an account or a query that the caller may
//! not know of is answered as one that does not exist; and what goes wrong after the first rows breaks the transfer, so that
//! no part is taken for the whole.

mod arguments;
mod caller;
mod described;
mod export;
mod form;
mod openapi;
mod problem;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method};
use axum::http::{HeaderValue, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use rapport_engine::session::SavedQuery;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::http::logins::Logins;
use crate::pg::{Asker, Inquirer, Inquiry, PgError};
use crate::users::Users;
use arguments::Arguments;
pub use caller::Caller;
pub use described::described;
use export::Export;
use form::Form;
pub use form::PARQUET;
use problem::Problem;

/// How the API names itself in `system.sessions`.
const APPLICATION: &str = "rapport http";

/// What the API answers from.
#[derive(Clone)]
pub struct Api {
    /// What runs the queries.
    pub inquirer: Inquirer,
    /// Who may come in, and with which tokens.
    pub users: Users,
    /// Who is logged in to the page.
    pub logins: Logins,
}

/// Makes the routes of the API, for encrypted connections or for plain ones.
pub fn router(api: &Api, encrypted: bool) -> Router {
    Router::new()
        .route("/v1/queries", only_get(list))
        .route("/v1/queries/{name}", only_get(query))
        .route("/v1/openapi.json", only_get(description))
        .route("/v1", any(nothing))
        .route("/v1/{*path}", any(nothing))
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(api.logins.layer(encrypted))
        .with_state(api.clone())
}

/// A route that is asked by GET alone: a HEAD would do all the work of a GET for nothing.
fn only_get<H, T>(handler: H) -> MethodRouter<Api>
where
    H: Handler<T, Api>,
    T: 'static,
{
    get(handler).head(no_method).fallback(no_method)
}

async fn no_method(method: Method) -> Problem {
    Problem::method(&method)
}

/// Whoever may not come in learns nothing of which paths there are.
async fn nothing(_: Caller) -> Problem {
    Problem::unknown()
}

/// Opens the session of a request, of one account if it names one.
async fn open(api: &Api, caller: Caller, account: Option<&str>) -> Result<Inquiry, Problem> {
    let own = caller.user.info.account.clone();
    let seen = match (&own, account) {
        (Some(own), Some(wanted)) if own != wanted => return Err(Problem::unknown()),
        (None, Some(wanted)) if !rapport_data::is_account_id(wanted) => {
            return Err(Problem::unknown());
        }
        (own, wanted) => wanted.map(str::to_owned).or(own.clone()),
    };
    let named = own.is_none() && seen.is_some();
    let asker = Asker {
        user: Arc::clone(&caller.user),
        account: seen,
        application: APPLICATION,
        peer: caller.peer,
        timeout: None,
    };
    let inquiry = api.inquirer.open(asker).await.map_err(Problem::failed)?;
    // One's own account is there even before its first event; any other has to be looked for.
    if named && !has_account(&inquiry).await.map_err(Problem::failed)? {
        return Err(Problem::unknown());
    }
    Ok(inquiry)
}

/// Whether the account is there that a session sees.
async fn has_account(inquiry: &Inquiry) -> Result<bool, PgError> {
    let mut answer = inquiry.ask("SELECT account_id FROM accounts").await?;
    let mut found = false;
    while let Some(batch) = answer.next().await? {
        found |= batch.num_rows() > 0;
    }
    Ok(found)
}

async fn list(State(api): State<Api>, caller: Caller) -> Result<Response, Problem> {
    let inquiry = open(&api, caller, None).await?;
    let queries = inquiry.saved_queries();
    let all: Vec<_> = queries.iter().map(described).collect();
    Ok(json(&all.into()))
}

async fn description(State(api): State<Api>, caller: Caller) -> Result<Response, Problem> {
    let sees_all = caller.user.info.account.is_none();
    let inquiry = open(&api, caller, None).await?;
    Ok(json(&openapi::document(&inquiry.saved_queries(), sees_all)))
}

fn json(document: &serde_json::Value) -> Response {
    let kind = [(header::CONTENT_TYPE, Form::Json.content_type())];
    (kind, document.to_string()).into_response()
}

async fn query(
    State(api): State<Api>,
    caller: Caller,
    version: Version,
    headers: HeaderMap,
    Path(name): Path<String>,
    RawQuery(text): RawQuery,
) -> Result<Response, Problem> {
    let arguments = Arguments::parse(text.as_deref().unwrap_or_default())?;
    let form = Form::wanted(arguments.form.as_deref(), &headers)?;
    let inquiry = open(&api, caller, arguments.account.as_deref()).await?;
    let query: SavedQuery = inquiry.saved_query(&name).ok_or_else(Problem::unknown)?;
    let sql = arguments.call(&query)?;
    let answer = inquiry.ask(&sql).await.map_err(Problem::refused)?;
    let export = Export::new(inquiry, answer, form)?;
    export.response(&query.name, version).await
}
