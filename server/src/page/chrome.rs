//! What stands around every view: the head of the page, the viewer's menu, the accounts of an operator.

use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::error::PageError;
use super::filter::Filter;
use super::visit::Visit;
use crate::http::csrf::Token;

/// The frame of a view, as its template fills it in.
pub struct Chrome {
    /// The title of the document, before the account's name.
    pub title: String,
    /// Which page it is: `performance`, `sales` or neither.
    pub current: &'static str,
    /// Where this view is, for forms that change a part of its address.
    pub path: String,
    /// The name of the account.
    pub shop: String,
    /// Its id.
    pub shop_id: String,
    /// Addresses of the pages with the same account, days and channels.
    pub performance: String,
    /// Likewise.
    pub sales: String,
    /// The viewer's name.
    pub user: String,
    /// What the viewer is: `Analyst of Aurora Outdoors`.
    pub role: String,
    /// Whether the viewer can go to other accounts.
    pub operator: bool,
    /// Which: id and name.
    pub accounts: Vec<(String, String)>,
    /// The hidden field of forms.
    pub csrf: String,
    /// The style's address.
    pub style: &'static str,
    /// The script's address.
    pub script: &'static str,
    token: Token,
}

impl Chrome {
    /// Makes the frame of a view.
    pub fn of(visit: &Visit, title: &str, current: &'static str, path: &str) -> Chrome {
        let frame: Filter = visit.filter.frame();
        let info = &visit.user.info;
        let operator = info.account.is_none();
        let role = if operator {
            "Operator: sees every shop".to_owned()
        } else {
            let mut role = info.role.clone();
            if let Some(first) = role.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            format!("{role} of {}", visit.shop.name)
        };
        Chrome {
            title: title.to_owned(),
            current,
            path: path.to_owned(),
            shop: visit.shop.name.clone(),
            shop_id: visit.shop.id.clone(),
            performance: frame.url("/performance"),
            sales: frame.url("/sales"),
            user: info.name.clone(),
            role,
            operator,
            accounts: visit.accounts.clone(),
            csrf: visit.token.field(),
            style: assets::style(),
            script: assets::script(),
            token: visit.token,
        }
    }

    /// Answers with a page, and with the cookie that its forms need.
    pub fn answer(&self, html: String) -> Response {
        with_cookie(&self.token, Html(html).into_response())
    }
}

/// Adds the cookie that forms need, where the browser does not have it.
pub fn with_cookie(token: &Token, mut response: Response) -> Response {
    if let Some(cookie) = token.cookie() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Cuts a text from outside to what a list shows of it (200 characters).
pub fn clip(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Renders a template into an answer.
///
/// # Errors
/// If it cannot be written.
pub fn render(template: &impl askama::Template) -> Result<String, PageError> {
    Ok(template.render()?)
}
