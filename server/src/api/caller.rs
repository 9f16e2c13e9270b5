//! Who asks: the bearer of a token, or who is logged in to the page.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::Api;
use super::problem::Problem;
use crate::pg::Peer;
use crate::users::{Right, User};

/// Who asks, and with it whose data they see: those of the user's account, or of all where it has none.
#[derive(Debug, Clone)]
pub struct Caller {
    /// A user, or the one that stands for a token.
    pub user: Arc<User>,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Caller, Problem> {
        let Some(authorization) = parts.headers.get(AUTHORIZATION) else {
            let logged_in = parts.extensions.get::<Caller>().cloned();
            return logged_in.ok_or_else(Problem::nobody);
        };
        // Who shows a token means it: no cookie makes up for a wrong one.
        let authorization = authorization.to_str().ok();
        let secret = authorization.and_then(bearer).ok_or_else(Problem::nobody)?;
        let token = api.users.tokens().find(secret).map_err(Problem::internal)?;
        let token = token.ok_or_else(Problem::bad_token)?;
        if !token.may(Right::Read) {
            return Err(Problem::no_right(Right::Read));
        }
        Ok(Caller {
            user: Arc::clone(token.user()),
        })
    }
}

/// The token in `Bearer TOKEN` (RFC 6750), whose first word may be in any case.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Peer, Self::Rejection> {
        let unknown = Peer {
            address: None,
            encrypted: false,
        };
        Ok(parts.extensions.get::<Peer>().copied().unwrap_or(unknown))
    }
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
