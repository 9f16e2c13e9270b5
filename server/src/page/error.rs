//! Error pages, and the errors of a view's parts, in words and with a way out.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::assets;
use super::filter::BadFilter;
use crate::pg::{PgError, code};

/// Says why a view cannot be shown.
#[derive(Debug)]
pub enum PageError {
    /// Nobody is logged in; the login returns to this address.
    LoggedOut(String),
    /// Nothing has this address, or nothing that the viewer may see (SPEC 8).
    NotFound,
    /// A parameter of the address is wrong.
    BadFilter(BadFilter),
    /// The form was made by another site, or the browser has lost its cookie.
    Forged,
    /// A query that the whole view needs failed.
    Failed(PgError),
    /// The template could not be rendered.
    Template(askama::Error),
}

impl From<BadFilter> for PageError {
    fn from(error: BadFilter) -> PageError {
        PageError::BadFilter(error)
    }
}

impl From<PgError> for PageError {
    fn from(error: PgError) -> PageError {
        PageError::Failed(error)
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> PageError {
        PageError::Template(error)
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    style: &'a str,
    title: &'a str,
    text: &'a str,
    href: &'a str,
    way_out: &'a str,
}

/// Answers addresses without a view.
pub async fn no_such_page() -> PageError {
    PageError::NotFound
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, text, way_out) = match self {
            PageError::LoggedOut(next) => {
                let next = [("next", next)];
                let login = match next[0].1.as_str() {
                    "/" | "/performance" => "/login".to_owned(),
                    _ => super::filter::url("/login", &next),
                };
                return Redirect::to(&login).into_response();
            }
            PageError::NotFound => (
                StatusCode::NOT_FOUND,
                "There is nothing here",
                "No view, account or conversation has this address, or it is not one that you may see.".to_owned(),
                "Go to Performance",
            ),
            PageError::BadFilter(error) => (
                StatusCode::BAD_REQUEST,
                "This address cannot be read",
                format!("{error}."),
                "Show the last 30 days",
            ),
            PageError::Forged => (
                StatusCode::FORBIDDEN,
                "This form is no longer valid",
                "It was made by another site, or your browser has forgotten its cookies since. Nothing was changed."
                    .to_owned(),
                "Start again",
            ),
            PageError::Failed(error) => {
                let Failure { status, text } = Failure::of(&error);
                (status, "This page could not be read", text, "Try again")
            }
            PageError::Template(error) => {
                tracing::error!("a page could not be written: {error}");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "This page could not be written",
                    "The server's log says why.".to_owned(),
                    "Try again",
                )
            }
        };
        let page = ErrorPage {
            style: assets::style(),
            title,
            text: &text,
            href: "/performance",
            way_out,
        };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => (status, text).into_response(),
        }
    }
}

/// Says in words why a part of a view is missing.
#[derive(Debug)]
pub struct Failure {
    /// The status of a response for this failure alone.
    pub status: StatusCode,
    /// What is wrong and what to do.
    pub text: String,
}

impl Failure {
    /// Says what a query's error means for the viewer, by its SQLSTATE.
    pub fn of(error: &PgError) -> Failure {
        let (status, text) = match error.code {
            code::CANCELED => (
                StatusCode::GATEWAY_TIMEOUT,
                "The query took too long and was stopped. Choose a shorter range, or try again.",
            ),
            "53400" | code::TOO_MANY => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many queries run at the moment. Try again in a few seconds.",
            ),
            code::OUT_OF_MEMORY => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The query needed more memory than it may have. Choose a shorter range.",
            ),
            code::SHUTDOWN => (
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is stopping. Try again in a moment.",
            ),
            _ => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "The server's log says why. Try again, or tell whoever runs this server.",
            ),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("a query of the page failed: {error}");
        }
        Failure {
            status,
            text: text.to_owned(),
        }
    }
}

/// Represents a part of a view, or why it could not be read; the other parts are shown all the same.
pub enum Part<T> {
    /// The part was read.
    Ready(T),
    /// The part could not be read.
    Failed(Failure),
}

impl<T> From<Result<T, PgError>> for Part<T> {
    fn from(result: Result<T, PgError>) -> Part<T> {
        match result {
            Ok(value) => Part::Ready(value),
            Err(error) => Part::Failed(Failure::of(&error)),
        }
    }
}
