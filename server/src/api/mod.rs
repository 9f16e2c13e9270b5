//! The HTTP API: saved queries for programs that do not speak the Postgres protocol, and landing of their events.
//!
//! ```text
//! GET /v1/queries          the saved queries, with parameters and columns
//! GET /v1/queries/NAME     a query's rows, as JSON, CSV or Parquet
//! GET /v1/openapi.json     the API's description, as OpenAPI
//! POST /v1/events          lands events
//! ```
//!
//! What always holds: the caller has a token, or is logged in to the page, which is enough for queries alone. The rows are those that the same call returns
//! over the Postgres endpoint, under the same limits (SPEC M7), and are never all in memory. An account or a query that
//! the caller may not know of is answered as one that does not exist (SPEC 8). An error after the first rows breaks the
//! transfer, so that no part is taken for the whole.

mod arguments;
mod caller;
mod describe;
mod events;
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
use axum::routing::{MethodRouter, any, get, post};
use rapport_engine::session::SavedQuery;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::http::logins::Logins;
use crate::landing::Lander;
use crate::pg::{Asker, Inquirer, Inquiry, PgError};
use crate::users::Users;
use arguments::Arguments;
pub use caller::Caller;
pub use describe::describe;
use export::Export;
use form::Form;
pub use form::PARQUET;
use problem::Problem;

/// The API's application name in `system.sessions`.
const APPLICATION: &str = "rapport http";

/// Holds what the API answers from. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// Runs the queries.
    pub inquirer: Inquirer,
    /// The users and tokens.
    pub users: Users,
    /// The logins to the page.
    pub logins: Logins,
    /// Lands events.
    pub lander: Lander,
}

/// Makes the routes of the API, for encrypted connections or for plain ones.
pub fn router(api: &Api, encrypted: bool) -> Router {
    Router::new()
        .route("/v1/queries", only_get(list))
        .route("/v1/queries/{name}", only_get(query))
        .route("/v1/openapi.json", only_get(description))
        .route("/v1/events", post(events::land).fallback(only_post))
        .route("/v1", any(not_found))
        .route("/v1/{*path}", any(not_found))
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

/// Makes a route that answers GET alone: axum would answer HEAD by doing all the work of GET.
fn only_get<H, T>(handler: H) -> MethodRouter<Api>
where
    H: Handler<T, Api>,
    T: 'static,
{
    get(handler)
        .head(method_not_allowed)
        .fallback(method_not_allowed)
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::method_not_allowed(&method, "GET")
}

async fn only_post(method: Method) -> Problem {
    Problem::method_not_allowed(&method, "POST")
}

/// Answers unknown paths. It takes the caller, so that without authentication they are answered as known ones are.
async fn not_found(_: Caller) -> Problem {
    Problem::not_found()
}

/// Opens the session of a request, for one account if the request names one.
async fn open(api: &Api, caller: Caller, account: Option<&str>) -> Result<Inquiry, Problem> {
    let own = caller.user.info.account.clone();
    let seen = match (&own, account) {
        (Some(own), Some(wanted)) if own != wanted => return Err(Problem::not_found()),
        (None, Some(wanted)) if !rapport_data::is_account_id(wanted) => {
            return Err(Problem::not_found());
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
    let inquiry = api
        .inquirer
        .open(asker)
        .await
        .map_err(Problem::from_error)?;
    // A user's own account exists even before its first event; one that an operator names may not.
    if named && !has_account(&inquiry).await.map_err(Problem::from_error)? {
        return Err(Problem::not_found());
    }
    Ok(inquiry)
}

/// Whether the account that a session sees exists.
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
    let all: Vec<_> = queries.iter().map(describe).collect();
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
    let form = Form::negotiate(arguments.form.as_deref(), &headers)?;
    let inquiry = open(&api, caller, arguments.account.as_deref()).await?;
    let query: SavedQuery = inquiry.saved_query(&name).ok_or_else(Problem::not_found)?;
    let sql = arguments.call_sql(&query)?;
    let answer = inquiry
        .ask(&sql)
        .await
        .map_err(Problem::from_planning_error)?;
    let export = Export::new(inquiry, answer, form)?;
    export.response(&query.name, version).await
}
