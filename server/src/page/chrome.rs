//! The frame around every view: the head of the page, the viewer's menu, and an operator's choice of accounts.

use axum::http::header::SET_COOKIE;
use axum::response::{Html, IntoResponse, Response};

use super::assets;
use super::error::PageError;
use super::filter::Filter;
use super::visit::Visit;
use crate::http::csrf::Token;

/// Holds the frame of a view, for its template.
pub struct Chrome {
    /// The title of the document, before the account's name.
    pub title: String,
    /// Which page it is: `performance`, `service`, `commerce`, `sales` or none of them.
    pub current: &'static str,
    /// The view's path, for forms that change a part of its address.
    pub path: String,
    /// The name of the account.
    pub shop: String,
    /// The id of the account.
    pub shop_id: String,
    /// The address of the performance page with the same account, days and channels.
    pub performance: String,
    /// The address of the service page, likewise.
    pub service: String,
    /// The address of the commerce page, likewise.
    pub commerce: String,
    /// The address of the sales page, likewise.
    pub sales: String,
    /// The viewer's name.
    pub user: String,
    /// The viewer's role in words: `Analyst of Aurora Outdoors`.
    pub role: String,
    /// Whether the viewer can open other accounts.
    pub operator: bool,
    /// The accounts that an operator can choose, by id and name.
    pub accounts: Vec<(String, String)>,
    /// The value of the forms' hidden field ([`crate::http::csrf`]).
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
        let common: Filter = visit.filter.common();
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
            performance: common.url("/performance"),
            service: common.url("/service"),
            commerce: common.url("/commerce"),
            sales: common.url("/sales"),
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

    /// Makes the response of a page, with the cookie that its forms need.
    pub fn answer(&self, html: String) -> Response {
        with_cookie(&self.token, Html(html).into_response())
    }
}

/// Adds the cookie that forms need, unless the browser has it.
pub fn with_cookie(token: &Token, mut response: Response) -> Response {
    if let Some(cookie) = token.cookie() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Cuts a text to the 200 characters that a list shows of it.
pub fn clip(text: &str) -> String {
    const MOST: usize = 200;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Renders a template as HTML.
///
/// # Errors
/// If the template cannot be rendered.
pub fn render(template: &impl askama::Template) -> Result<String, PageError> {
    Ok(template.render()?)
}
