//! What went wrong, as a problem document (RFC 9457).

use std::fmt::Display;

use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::pg::{PgError, code, is_timeout};
use crate::users::Right;

/// The media type of these documents.
pub const PROBLEM: &str = "application/problem+json";

/// What is told of everything that is not there, or not for the caller to know of: always the same.
const UNKNOWN: &str = "there is no such query or account";

/// Why a request is not answered with rows.
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

    /// Nobody has said who they are.
    pub fn nobody() -> Problem {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "a token is missing; expected the header `Authorization: Bearer TOKEN`",
        )
        .with(WWW_AUTHENTICATE, "Bearer realm=\"rapport\"")
    }

    /// There is no such token, or no longer.
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

    /// The token is good, for other things.
    pub fn no_right(right: Right) -> Problem {
        let detail = format!("the token has no right to {right}");
        Problem::new(StatusCode::FORBIDDEN, detail).with(
            WWW_AUTHENTICATE,
            "Bearer realm=\"rapport\", error=\"insufficient_scope\"",
        )
    }

    /// No query, no account, or none for the caller.
    pub fn unknown() -> Problem {
        Problem::new(StatusCode::NOT_FOUND, UNKNOWN)
    }

    /// A route that is only there for GET.
    pub fn method(method: &Method) -> Problem {
        let detail = format!("method {method} is not allowed; expected GET");
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).with(ALLOW, "GET")
    }

    /// Something that was asked for cannot be; `detail` names it, its value and what was expected.
    pub fn wrong(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// No form of a result is one that the client accepts.
    pub fn not_acceptable(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_ACCEPTABLE, detail)
    }

    /// The protocol has no way to tell the end of a result from a break.
    pub fn old_protocol() -> Problem {
        Problem::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "the result is too large for HTTP/1.0, which cannot tell its end from a break; expected HTTP/1.1",
        )
    }

    /// A fault of ours: logged in full, and told in short.
    pub fn internal(what: impl Display) -> Problem {
        Problem::failed(PgError::internal(what))
    }

    /// A call was refused before it ran: for what is wrong with it, which is the caller's, or for want of anything.
    pub fn refused(error: PgError) -> Problem {
        match error.code.get(..2) {
            Some("22" | "42") => Problem::wrong(error.in_words()),
            _ => Problem::failed(error),
        }
    }

    /// A statement could not be run to its end.
    pub fn failed(error: PgError) -> Problem {
        let detail = error.in_words();
        match error.code {
            _ if is_timeout(&error) => Problem::new(StatusCode::GATEWAY_TIMEOUT, detail),
            // The account's own line is full.
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
                Problem::refused(error.clone()).status,
                asked,
                "{code} {message}"
            );
            assert_eq!(Problem::failed(error).status, running, "{code} {message}");
        }
    }
}
