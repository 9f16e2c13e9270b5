//! `/orders/{id}`: an order, and why it is credited to the agent or not.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;

use crate::page::call::literal;
use crate::page::chrome::{Chrome, clip, render};
use crate::page::error::PageError;
use crate::page::links;
use crate::page::numbers;
use crate::page::orders::{self, Credited, Order, OrderCard};
use crate::page::rows::Rows;
use crate::page::visit::Visit;
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
    let id = literal(&id);
    let order = format!("SELECT * FROM orders WHERE order_id = {id} LIMIT 1");
    let parts = format!(
        "SELECT conversation_id, sum(credit) OVER () AS credit, sum(attributed_value) OVER () AS attributed_value, \
        sum(net_value) OVER () AS net_value \
        FROM attributed_orders WHERE order_id = {id} ORDER BY touched_at DESC, conversation_id"
    );
    let (order, parts) = tokio::join!(
        Rows::ask(&visit.inquiry, &order),
        Rows::ask(&visit.inquiry, &parts)
    );
    let (order, parts) = (order?, parts?);
    let row = order.first().ok_or(PageError::NotFound)?;
    // The model may split an order between conversations (SPEC A7): each row has the sums of all of them.
    let credited = parts.first().map(Credited::read).transpose()?;
    let order = Order::read(row, credited)?;
    let card = orders::card(&visit, &order, None, 0, true).await;
    let conversations = parts.iter().map(|part| {
        let conversation = part.word("conversation_id")?;
        Ok((
            links::conversation(&visit, conversation),
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
