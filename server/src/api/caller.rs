//! Who asks: the bearer of a token, or who is logged in to the page.

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
use crate::users::{Right, User};

/// Who asks, and with it whose data they see: those of the user's account, or of all where it has none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// A user, or the one that stands for a token.
    pub user: Arc<User>,
    /// Where they are.
    pub peer: Peer,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Caller, Problem> {
        let client = parts.extensions.get::<Client>();
        let peer = client.map(|client| client.peer());
        let peer = peer.ok_or_else(|| Problem::internal("a request came from nowhere"))?;
        // Who shows a token means it: no cookie makes up for a wrong one.
        let user = match parts.headers.get(AUTHORIZATION) {
            Some(authorization) => of_token(authorization, api)?,
            None => logged_in(parts, api).await.ok_or_else(Problem::nobody)?,
        };
        Ok(Caller { user, peer })
    }
}

async fn logged_in(parts: &Parts, api: &Api) -> Option<Arc<User>> {
    let session = parts.extensions.get::<Session>()?;
    logins::user_of(session, &api.users).await
}

fn of_token(authorization: &HeaderValue, api: &Api) -> Result<Arc<User>, Problem> {
    let secret = authorization.to_str().ok().and_then(bearer);
    let secret = secret.ok_or_else(Problem::nobody)?;
    let token = api.users.tokens().find(secret).map_err(Problem::internal)?;
    let token = token.ok_or_else(Problem::bad_token)?;
    match token.may(Right::Read) {
        true => Ok(Arc::clone(token.user())),
        false => Err(Problem::no_right(Right::Read)),
    }
}

/// The token in `Bearer TOKEN` (RFC 6750), whose first word may be in any case.
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
