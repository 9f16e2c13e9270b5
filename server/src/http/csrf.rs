//! Forms that another site made are refused.
//!
//! A page with a form brings a random token twice: in a cookie that no script and no other site can read, and in a hidden
//! field. A POST counts only where both are the same, and where the browser does not say that another site sent it. The
//! field is masked anew in each answer, so that the length of compressed answers tells nothing of the token.

use axum::http::header::{COOKIE, ORIGIN};
use axum::http::{HeaderMap, HeaderValue};
use tower_sessions::cookie::{Cookie, SameSite};

use super::cookie_name;

const BYTES: usize = 16;

/// The token of a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    bytes: [u8; BYTES],
    encrypted: bool,
    /// Whether the browser has it already.
    known: bool,
}

impl Token {
    /// Takes the browser's token, or makes one.
    pub fn of(headers: &HeaderMap, encrypted: bool) -> Token {
        let brought = brought(headers, encrypted);
        Token {
            bytes: brought.unwrap_or_else(rand::random),
            encrypted,
            known: brought.is_some(),
        }
    }

    /// Writes it for a form, differently each time.
    pub fn field(&self) -> String {
        let mask: [u8; BYTES] = rand::random();
        let masked = self.bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask);
        hex(mask.into_iter().chain(masked))
    }

    /// Writes the cookie, where the browser does not have it.
    pub fn cookie(&self) -> Option<HeaderValue> {
        if self.known {
            return None;
        }
        let name = cookie_name("csrf", self.encrypted);
        let cookie = Cookie::build((name, hex(self.bytes.into_iter())))
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.encrypted)
            .path("/")
            .build();
        HeaderValue::from_str(&cookie.to_string()).ok()
    }
}

/// Whether a form came from a page of this server's.
pub fn is_ours(headers: &HeaderMap, encrypted: bool, field: &str) -> bool {
    let elsewhere = headers
        .get("sec-fetch-site")
        .is_some_and(|site| site != "same-origin" && site != "none");
    let opaque = headers.get(ORIGIN).is_some_and(|origin| origin == "null");
    let (Some(expected), Some(given)) =
        (brought(headers, encrypted), unhex::<{ 2 * BYTES }>(field))
    else {
        return false;
    };
    let (mask, masked) = given.split_at(BYTES);
    let differ = expected
        .iter()
        .zip(mask.iter().zip(masked))
        .fold(0, |differ, (expected, (mask, masked))| {
            differ | (expected ^ mask ^ masked)
        });
    !elsewhere && !opaque && differ == 0
}

/// The token that the browser sends by its cookie.
fn brought(headers: &HeaderMap, encrypted: bool) -> Option<[u8; BYTES]> {
    let name = cookie_name("csrf", encrypted);
    let cookies = headers.get_all(COOKIE).iter();
    let texts = cookies.filter_map(|cookies| cookies.to_str().ok());
    texts
        .flat_map(|text| Cookie::split_parse(text).flatten())
        .find(|cookie| cookie.name() == name)
        .and_then(|cookie| unhex(cookie.value()))
}

fn hex(bytes: impl Iterator<Item = u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
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
    fn a_form_counts_with_the_token_of_its_browser_alone() {
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
        assert!(is_ours(&with(&[]), false, &token.field()));
        assert!(is_ours(
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
            assert!(!is_ours(&headers, false, &field), "{headers:?}");
        }
        // The cookie of a plain connection is none of an encrypted one.
        assert!(!is_ours(&with(&[]), true, &token.field()));
        assert!(Token::of(&with(&[]), false).cookie().is_none());
    }
}
