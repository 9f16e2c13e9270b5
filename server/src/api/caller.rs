//! The caller of the API: the bearer of a token, or a user who is logged in to the page.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use tower_sessions::Session;

use super::Api;
use super::problem::Problem;
use crate::http::{Client, logins};
use crate::pg::Peer;
use crate::users::{Right, Token, User};

/// Represents the caller of a request. They see the data of the user's account, or of all accounts if it has none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The user, or the one that stands for a token.
    pub user: Arc<User>,
    /// The caller's end of the connection.
    pub peer: Peer,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Caller, Problem> {
        let client = parts.extensions.get::<Client>();
        let peer = client.map(|client| client.peer());
        let peer = peer.ok_or_else(|| Problem::internal("a request came from nowhere"))?;
        // A request with a token is decided by the token: a session's cookie does not make up for a wrong one.
        let user = match parts.headers.get(AUTHORIZATION) {
            Some(authorization) => Arc::clone(token(authorization, api, Right::Read)?.user()),
            None => session_user(parts, api)
                .await
                .ok_or_else(Problem::unauthenticated)?,
        };
        Ok(Caller { user, peer })
    }
}

/// Represents the sender of events: the bearer of a token, for a session's cookie could be sent by another site's page.
#[derive(Debug, Clone)]
pub struct Writer {
    /// The token's name.
    pub name: String,
    /// The only account that it may write; any if it is `None`.
    pub account: Option<String>,
}

impl FromRequestParts<Api> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Writer, Problem> {
        let authorization = parts.headers.get(AUTHORIZATION);
        let authorization = authorization.ok_or_else(Problem::unauthenticated)?;
        let token = token(authorization, api, Right::Write)?;
        Ok(Writer {
            name: token.name.clone(),
            account: token.reach.account().map(str::to_owned),
        })
    }
}

async fn session_user(parts: &Parts, api: &Api) -> Option<Arc<User>> {
    let session = parts.extensions.get::<Session>()?;
    logins::user_of(session, &api.users).await
}

/// Finds the token of a request, which must have a right.
fn token(authorization: &HeaderValue, api: &Api, right: Right) -> Result<Arc<Token>, Problem> {
    let secret = authorization.to_str().ok().and_then(bearer);
    let secret = secret.ok_or_else(Problem::unauthenticated)?;
    let token = api.users.tokens().find(secret).map_err(Problem::internal)?;
    let token = token.ok_or_else(Problem::bad_token)?;
    match token.may(right) {
        true => Ok(token),
        false => Err(Problem::no_right(right)),
    }
}

/// Returns the token of `Bearer TOKEN` (RFC 6750); `Bearer` may be in any case.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_follows_bearer() {
        for (header, token) in [
            ("Bearer rapport_1", Some("rapport_1")),
            ("bearer  rapport_1 ", Some("rapport_1")),
            ("BEARER rapport_1", Some("rapport_1")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic rapport_1", None),
            ("rapport_1", None),
            ("", None),
        ] {
            assert_eq!(bearer(header), token, "{header:?}");
        }
    }
}
