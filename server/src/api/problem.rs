//! Errors of the API as problem documents (RFC 9457).

use std::fmt::Display;

use axum::http::header::{ACCEPT_ENCODING, ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::landing::{Full, NotLanded};
use crate::pg::{PgError, code, is_timeout};
use crate::users::Right;

/// The media type of these documents.
pub const PROBLEM: &str = "application/problem+json";

/// The detail of every 404, so that what the caller may not know of cannot be told from what does not exist (SPEC 8).
const NOT_FOUND: &str = "there is no such query or account";

/// Says why a request is not answered with rows.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    headers: Vec<(HeaderName, &'static str)>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            headers: Vec::new(),
        }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// The request has no token and no session: 401.
    pub fn unauthenticated() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "a token is missing; expected the header `Authorization: Bearer TOKEN`",
        )
        .with(WWW_AUTHENTICATE, "Bearer realm=\"rapport\"")
    }

    /// The token does not exist, or no longer: 401.
    pub fn bad_token() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "the token is unknown: it may have been removed",
        )
        .with(
            WWW_AUTHENTICATE,
            "Bearer realm=\"rapport\", error=\"invalid_token\"",
        )
    }

    /// The token lacks a right: 403.
    pub fn no_right(right: Right) -> Problem {
        let detail = format!("the token has no right to {right}");
        Problem::new(StatusCode::FORBIDDEN, detail).with(
            WWW_AUTHENTICATE,
            "Bearer realm=\"rapport\", error=\"insufficient_scope\"",
        )
    }

    /// The query or account does not exist, or the caller may not know of it: 404.
    pub fn not_found() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, NOT_FOUND)
    }

    /// The method is not `expected`: 405.
    pub fn method_not_allowed(method: &Method, expected: &'static str) -> Problem {
        let detail = format!("method {method} is not allowed; expected {expected}");
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(ALLOW, expected)
    }

    /// The events are in a form that is not read: 415. `detail` names the accepted forms.
    pub fn unsupported(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).with(ACCEPT_ENCODING, "gzip, zstd")
    }

    /// The request has more text than one may have: 413.
    pub fn too_large(most: usize) -> Problem {
        let detail =
            format!("a request may have {most} bytes, decompressed; send the events in several");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// The client took too long to send the request: 408.
    pub fn too_slow() -> Problem {
        let detail = "the request was not sent in time; send fewer events at a time";
        Problem::new(StatusCode::REQUEST_TIMEOUT, detail)
    }

    /// More events come than can be landed: 429.
    pub fn full(full: Full) -> Problem {
        Problem::new(StatusCode::TOO_MANY_REQUESTS, full.to_string()).with(RETRY_AFTER, "1")
    }

    /// The events could not be landed: 503.
    pub fn not_landed(why: NotLanded) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, why.to_string()).with(RETRY_AFTER, "5")
    }

    /// A parameter is wrong: 400. `detail` names it, its value and the accepted form.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// The client accepts no form of a result: 406.
    pub fn not_acceptable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
    }

    /// The client's protocol, HTTP/1.0, cannot tell the end of a long result from a broken transfer: 505.
    pub fn old_protocol() -> Problem {
        Problem::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "the result is too large for HTTP/1.0, which cannot tell its end from a break; expected HTTP/1.1",
        )
    }

    /// The server is at fault: 500. The error is logged in full and answered in short.
    pub fn internal(what: impl Display) -> Problem {
        Problem::from_error(PgError::internal(what))
    }

    /// Converts an error from before the statement ran: wrong arguments are the caller's fault (400), and others are as in
    /// [`Problem::from_error`].
    pub fn from_planning_error(error: PgError) -> Problem {
        match error.code.get(..2) {
            Some("22" | "42") => Problem::bad_request(error.in_words()),
            _ => Problem::from_error(error),
        }
    }

    /// Converts an error of a statement by its SQLSTATE.
    pub fn from_error(error: PgError) -> Problem {
        let detail = error.in_words();
        match error.code {
            _ if is_timeout(&error) => Problem::new(StatusCode::GATEWAY_TIMEOUT, detail),
            // The account's queue is full.
            "53400" => Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with(RETRY_AFTER, "5"),
            code::SHUTDOWN | code::CANCELED => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(RETRY_AFTER, "5")
            }
            code if code.starts_with("53") => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(RETRY_AFTER, "30")
            }
            _ => Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = json!({
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let kind = [(CONTENT_TYPE, PROBLEM)];
        let mut response = (self.status, kind, document.to_string()).into_response();
        for (name, value) in self.headers {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_status_that_a_client_acts_on() {
        let timeout = "canceling statement due to statement timeout";
        for (code, message, asked, running) in [
            ("22023", "q: parameter \"from\" is 'x'", 400, 500),
            ("42000", "q: the range ends before it begins", 400, 500),
            ("53400", "too many statements run at a time", 429, 429),
            ("53200", "out of memory", 503, 503),
            ("53100", "out of disk space", 503, 503),
            ("57014", timeout, 504, 504),
            ("57014", "canceling statement due to user request", 503, 503),
            ("57P01", "terminating connection", 503, 503),
            ("XX000", "internal error: see the server's log", 500, 500),
        ] {
            let error = PgError::new(code, message);
            assert_eq!(
                Problem::from_planning_error(error.clone()).status,
                asked,
                "{code} {message}"
            );
            assert_eq!(
                Problem::from_error(error).status,
                running,
                "{code} {message}"
            );
        }
    }
}
