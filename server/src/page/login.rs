//! Login and logout of the page, with the Postgres endpoint's users, passwords and limits on failed logins.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::{Extension, extract::RawForm};
use serde::Deserialize;
use tower_sessions::Session;

use super::chrome::with_cookie;
use super::error::PageError;
use super::{Site, assets};
use crate::http::csrf::{self, Token};
use crate::http::{Client, logins};
use crate::users::LoginError;

/// How long a login form may be, in bytes.
const LONGEST_FORM: usize = 16 * 1024;

/// Represents the parameter of the address to open after the login.
#[derive(Debug, Deserialize)]
pub struct Next {
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    style: &'a str,
    csrf: String,
    next: &'a str,
    user: &'a str,
    failed: Option<(&'a str, String)>,
}

#[derive(Default)]
struct Credentials {
    csrf: String,
    user: String,
    password: String,
    next: String,
}

/// Answers `GET /login` with the form, or with a redirect for a user who is logged in.
pub async fn show(
    State(site): State<Site>,
    Extension(client): Extension<Client>,
    session: Session,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, PageError> {
    let next = local_address(next.as_deref().unwrap_or_default());
    if logins::user_of(&session, &site.users).await.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    let token = Token::of(&headers, client.encrypted);
    form(&token, next, "", None, StatusCode::OK)
}

/// Answers `POST /login`.
pub async fn log_in(
    State(site): State<Site>,
    Extension(client): Extension<Client>,
    session: Session,
    headers: HeaderMap,
    RawForm(bytes): RawForm,
) -> Result<Response, PageError> {
    let Some(given) = parse_form(&bytes) else {
        return Err(PageError::Forged);
    };
    if !csrf::is_own_form(&headers, client.encrypted, &given.csrf) {
        return Err(PageError::Forged);
    }
    let token = Token::of(&headers, client.encrypted);
    let next = local_address(&given.next);
    let tried = site
        .users
        .log_in(
            &given.user,
            given.password,
            Some(client.address),
            &site.attempts,
        )
        .await;
    let (status, failed) = match tried {
        Ok(user) => {
            if let Err(error) = logins::begin(&session, &user).await {
                tracing::error!("a session could not begin: {error}");
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    (
                        "You could not be logged in.",
                        "The server's log says why.".to_owned(),
                    ),
                )
            } else {
                return Ok(Redirect::to(next).into_response());
            }
        }
        Err(LoginError::Refused) => (
            StatusCode::UNAUTHORIZED,
            (
                "That name and password do not match.",
                "Check both and try again.".to_owned(),
            ),
        ),
        Err(LoginError::TooMany(wait)) => (
            StatusCode::TOO_MANY_REQUESTS,
            (
                "Too many logins have failed.",
                format!("Try again in {} s.", wait.as_secs_f64().ceil()),
            ),
        ),
        Err(LoginError::Role) => (
            StatusCode::FORBIDDEN,
            (
                "This user may not log in.",
                "Whoever runs this server can give it a role that may.".to_owned(),
            ),
        ),
        Err(LoginError::Unavailable) => (
            StatusCode::SERVICE_UNAVAILABLE,
            (
                "Users cannot be looked up.",
                "The server's log says why.".to_owned(),
            ),
        ),
    };
    let mut response = form(&token, next, &given.user, Some(failed), status)?;
    if status == StatusCode::TOO_MANY_REQUESTS {
        let wait = header::HeaderValue::from_static("10");
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    Ok(response)
}

/// Answers `POST /logout`.
pub async fn log_out(
    Extension(client): Extension<Client>,
    session: Session,
    headers: HeaderMap,
    RawForm(bytes): RawForm,
) -> Result<Redirect, PageError> {
    let field = parse_form(&bytes).unwrap_or_default().csrf;
    if !csrf::is_own_form(&headers, client.encrypted, &field) {
        return Err(PageError::Forged);
    }
    if let Err(error) = logins::end(&session).await {
        tracing::error!("a session could not be ended: {error}");
    }
    Ok(Redirect::to("/login"))
}

fn parse_form(bytes: &[u8]) -> Option<Credentials> {
    let pairs = (bytes.len() <= LONGEST_FORM).then(|| url::form_urlencoded::parse(bytes))?;
    let mut given = Credentials::default();
    for (name, value) in pairs {
        match name.as_ref() {
            "csrf" => given.csrf = value.into_owned(),
            "user" => given.user = value.into_owned(),
            "password" => given.password = value.into_owned(),
            "next" => given.next = value.into_owned(),
            _ => {}
        }
    }
    Some(given)
}

/// Returns `next` if it is an address of this server, else the performance page: a link with another site as `next` must
/// not redirect there.
fn local_address(next: &str) -> &str {
    let second = next.as_bytes().get(1);
    let local = next.starts_with('/')
        && !matches!(second, Some(b'/' | b'\\'))
        && next
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let login = next.starts_with("/login") || next.starts_with("/logout");
    if local && !login {
        next
    } else {
        "/performance"
    }
}

fn form(
    token: &Token,
    next: &str,
    user: &str,
    failed: Option<(&str, String)>,
    status: StatusCode,
) -> Result<Response, PageError> {
    let page = LoginPage {
        style: assets::style(),
        csrf: token.field(),
        next,
        user,
        failed,
    };
    let answer = (status, Html(page.render()?)).into_response();
    Ok(with_cookie(token, answer))
}

#[cfg(test)]
mod tests {
    use super::local_address;

    #[test]
    fn a_login_redirects_to_this_server_alone() {
        for next in ["/performance?range=7-days", "/conversations/cv_1", "/sales"] {
            assert_eq!(local_address(next), next);
        }
        for next in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/login",
            "/logout",
            "/a b",
            "/a\r\nb",
        ] {
            assert_eq!(local_address(next), "/performance", "{next}");
        }
    }
}
