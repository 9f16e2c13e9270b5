//! What a view cannot show: said in words, with a way out.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::assets;
use super::filter::BadFilter;
use crate::pg::{PgError, code};

/// Why there is no view.
#[derive(Debug)]
pub enum PageError {
    /// Nobody is logged in; after the login they come back to this address.
    LoggedOut(String),
    /// There is nothing at this address, or nothing that this viewer may see.
    NotFound,
    /// The address cannot be read.
    BadFilter(BadFilter),
    /// The form was made by another site, or long ago.
    Forged,
    /// What every view needs could not be read.
    Failed(PgError),
    /// The template could not be written.
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

/// Answers an address that there is no view for.
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

/// Why a part of a view is missing, in words.
#[derive(Debug)]
pub struct Failure {
    /// As an answer of its own.
    pub status: StatusCode,
    /// What is wrong and what to do.
    pub text: String,
}

impl Failure {
    /// Says what an error of a query means to who looks at a page.
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

/// A part of a view: there, or missing for a reason that takes no other part with it.
pub enum Part<T> {
    /// It is there.
    There(T),
    /// It could not be read.
    Missing(Failure),
}

impl<T> From<Result<T, PgError>> for Part<T> {
    fn from(result: Result<T, PgError>) -> Part<T> {
        match result {
            Ok(there) => Part::There(there),
            Err(error) => Part::Missing(Failure::of(&error)),
        }
    }
}
