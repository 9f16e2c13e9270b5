//! Protection against cross-site request forgery: forms that another site made are refused.
//!
//! A page with a form carries a random token twice: in a cookie that scripts and other sites cannot read, and in a hidden
//! field. A POST is accepted only where both are the same and the browser does not say that another site sent it. The
//! field is masked anew in each response, so that the length of compressed responses does not reveal the token.

use axum::http::header::{COOKIE, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use tower_sessions::cookie::{Cookie, SameSite};

use super::cookie_name;
use crate::hex;

const BYTES: usize = 16;

/// Represents a browser's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    bytes: [u8; BYTES],
    encrypted: bool,
    /// Whether the browser's cookie has it already.
    in_cookie: bool,
}

impl Token {
    /// Takes the token of the browser's cookie, or makes one.
    pub fn of(headers: &HeaderMap, encrypted: bool) -> Token {
        let cookie = cookie_token(headers, encrypted);
        Token {
            bytes: cookie.unwrap_or_else(rand::random),
            encrypted,
            in_cookie: cookie.is_some(),
        }
    }

    /// Writes the token for a form's hidden field: a random mask and the masked token, in hexadecimal digits.
    pub fn field(&self) -> String {
        let mask: [u8; BYTES] = rand::random();
        let masked = std::array::from_fn(|at| self.bytes[at] ^ mask[at]);
        hex::encode(&[mask, masked].concat())
    }

    /// Writes the cookie, unless the browser has it.
    pub fn cookie(&self) -> Option<HeaderValue> {
        if self.in_cookie {
            return None;
        }
        let name = cookie_name("csrf", self.encrypted);
        let cookie = Cookie::build((name, hex::encode(&self.bytes)))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.encrypted)
            .path("/")
            .build();
        HeaderValue::from_str(&cookie.to_string()).ok()
    }
}

/// Whether a form was made by a page of this server; `field` is the value of its hidden field.
pub fn is_own_form(headers: &HeaderMap, encrypted: bool, field: &str) -> bool {
    let cross_site = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    let opaque_origin = headers.get(ORIGIN).is_some_and(|origin| origin == "null");
    let (Some(expected), Some(given)) = (
        cookie_token(headers, encrypted),
        bytes::<{ 2 * BYTES }>(field),
    ) else {
        return false;
    };
    let (mask, masked) = given.split_at(BYTES);
    let differ = expected
        .iter()
        .zip(mask.iter().zip(masked))
        .fold(0, |differ, (expected, (mask, masked))| {
            differ | (expected ^ mask ^ masked)
        });
    !cross_site && !opaque_origin && differ == 0
}

/// Reads the token from the browser's cookie.
fn cookie_token(headers: &HeaderMap, encrypted: bool) -> Option<[u8; BYTES]> {
    let name = cookie_name("csrf", encrypted);
    let cookies = headers.get_all(COOKIE).iter();
    let texts = cookies.filter_map(|cookies| cookies.to_str().ok());
    texts
        .flat_map(|text| Cookie::split_parse(text).flatten())
        .find(|cookie| cookie.name() == name)
        .and_then(|cookie| bytes(cookie.value()))
}

fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    hex::decode("a token", digits).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_form_is_accepted_only_with_its_browsers_token_and_from_this_site() {
        let token = Token::of(&HeaderMap::new(), false);
        let cookie = token.cookie().unwrap();
        let cookie = cookie
            .to_str()
            .unwrap()
            .split(';')
            .next()
            .unwrap()
            .to_owned();
        let with = |more: &[(&'static str, &str)]| {
            headers(&[&[("cookie", cookie.as_str())][..], more].concat())
        };
        assert_ne!(token.field(), token.field());
        assert!(is_own_form(&with(&[]), false, &token.field()));
        assert!(is_own_form(
            &with(&[("sec-fetch-site", "same-origin")]),
            false,
            &token.field()
        ));
        for (headers, field) in [
            (with(&[]), String::new()),
            (with(&[]), "0".repeat(64)),
            (with(&[]), Token::of(&HeaderMap::new(), false).field()),
            (HeaderMap::new(), token.field()),
            (with(&[("sec-fetch-site", "cross-site")]), token.field()),
            (with(&[("sec-fetch-site", "same-site")]), token.field()),
            (with(&[("origin", "null")]), token.field()),
        ] {
            assert!(!is_own_form(&headers, false, &field), "{headers:?}");
        }
        // The cookie of a plain connection does not count on an encrypted one.
        assert!(!is_own_form(&with(&[]), true, &token.field()));
        assert!(Token::of(&with(&[]), false).cookie().is_none());
    }
}
