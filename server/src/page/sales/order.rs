//! `/orders/{id}`: one order, and why it is credited to the agent or not.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use super::super::chrome::{Chrome, clip, render};
use super::super::error::PageError;
use super::super::filter::url;
use super::super::numbers;
use super::super::orders::{self, Credited, Order, OrderCard};
use super::super::performance::conversation_path;
use super::super::question::literal;
use super::super::rows::{Row, Rows};
use super::super::visit::Visit;
use crate::pg::PgError;

#[derive(Template)]
#[template(path = "sales/order.html")]
struct Page {
    chrome: Chrome,
    title: String,
    placed: String,
    conversations: Vec<(String, String)>,
    card: OrderCard,
}

/// Answers `GET /orders/{id}`.
pub async fn show(Path(id): Path<String>, visit: Visit) -> Result<Response, PageError> {
    let named = literal(&id);
    let order = format!("SELECT * FROM orders WHERE order_id = {named} LIMIT 1");
    let parts = format!(
        "SELECT conversation_id, sum(credit) OVER () AS credit, sum(attributed_value) OVER () AS attributed_value, \
        sum(net_value) OVER () AS net_value \
        FROM attributed_orders WHERE order_id = {named} ORDER BY touched_at DESC, conversation_id"
    );
    let (order, parts) = tokio::join!(
        Rows::ask(&visit.inquiry, &order),
        Rows::ask(&visit.inquiry, &parts)
    );
    let (order, parts) = (order?, parts?);
    let row = order.first().ok_or(PageError::NotFound)?;
    let order = read(row, &parts)?;
    let card = orders::card(&visit, &order, None, 0, true).await;
    let account: Vec<(&str, &str)> = visit
        .filter
        .account
        .iter()
        .map(|id| ("account", id.as_str()))
        .collect();
    let conversations = parts.iter().map(|part| {
        let conversation = part.word("conversation_id")?;
        Ok((
            url(&conversation_path(conversation), &account),
            clip(conversation),
        ))
    });
    let title = format!("Order {}", clip(&order.id));
    let placed = visit.shop.local(order.at);
    let page = Page {
        chrome: Chrome::of(&visit, &title, "sales", "/sales"),
        title,
        placed: format!("{}, {}", placed.second(), numbers::zone(visit.shop.zone)),
        conversations: conversations.collect::<Result<_, PgError>>()?,
        card,
    };
    let html = render(&page)?;
    Ok(page.chrome.answer(html))
}

/// Puts an order and the sums of its attributed rows together: the model may split it between conversations (SPEC A7).
fn read(row: Row<'_>, parts: &Rows) -> Result<Order, PgError> {
    let credited = match parts.first() {
        None => None,
        Some(sums) => Some(Credited {
            credit: sums.float("credit")?.unwrap_or_default(),
            gross: sums.money("attributed_value")?.unwrap_or_default(),
            net: sums.money("net_value")?.unwrap_or_default(),
        }),
    };
    Ok(Order {
        id: row.word("order_id")?.to_owned(),
        at: row.instant("ordered_at")?.unwrap_or_default(),
        value: row.money("value")?.unwrap_or_default(),
        currency: row.word("currency")?.to_owned(),
        refunded: row.money("refunded_value")?.unwrap_or_default(),
        cancelled: row.flag("cancelled")?,
        credited,
    })
}
