//! `/conversations/{id}`: the timeline of a conversation, why it has its status, and its orders, clicks and cart adds.

mod ruling;
mod timeline;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use chrono::NaiveDate;

use super::call::Call;
use super::chrome::{Chrome, clip, render};
use super::error::PageError;
use super::filter::{channel_name, status_name};
use super::numbers::{self, Currency, count};
use super::orders::{self, Credited, Order};
use super::rows::{Row, Rows};
use super::visit::Visit;
use crate::pg::PgError;
use ruling::Ruling;
use timeline::Entry;

/// How many orders are explained in the view of a conversation.
const EXPLAINED: usize = 10;
/// How many events are shown.
const EVENTS: usize = 2_000;

#[derive(Template)]
#[template(path = "conversation/page.html")]
struct Page {
    chrome: Chrome,
    back: String,
    title: String,
    status: String,
    status_name: String,
    facts: Vec<String>,
    ruling: Ruling,
    sales: Vec<(String, String)>,
    clicks: String,
    bots: Option<String>,
    carts: String,
    details: Vec<Detail>,
    tags: Vec<String>,
    counted: String,
    entries: Vec<Entry>,
    cut: bool,
}

struct Detail {
    name: &'static str,
    text: String,
    code: bool,
}

/// Answers `GET /conversations/{id}`.
pub async fn show(Path(id): Path<String>, visit: Visit) -> Result<Response, PageError> {
    let call = |query| Call::of(query).with("conversation", &id);
    let (found, events, orders) = (
        call("explain_conversation").sql(),
        call("conversation_events").limit(EVENTS + 1).sql(),
        call("conversation_orders").sql(),
    );
    let (found, events, orders) = tokio::join!(
        Rows::ask(&visit.inquiry, &found),
        Rows::ask(&visit.inquiry, &events),
        Rows::ask(&visit.inquiry, &orders),
    );
    let (found, events, orders) = (found?, events?, orders?);
    let row = found.first().ok_or(PageError::NotFound)?;
    let orders = orders
        .iter()
        .map(read_order)
        .collect::<Result<Vec<_>, _>>()?;
    let explained = orders.iter().take(EXPLAINED).enumerate();
    let cards =
        explained.map(|(at, order)| orders::card(&visit, order, Some(&id), at, orders.len() <= 3));
    let cards = futures::future::join_all(cards).await;
    let touches: Vec<String> = cards
        .iter()
        .filter_map(orders::OrderCard::earned_by)
        .collect();
    let entries = timeline::entries(&visit, &events, EVENTS, &orders, cards, row, &touches)?;
    let title = row
        .text("first_question")?
        .map_or_else(|| "No question yet".to_owned(), clip);
    let chrome = Chrome::of(&visit, &title, "performance", "/performance");
    let page = page(&visit, row, &events, &orders, entries, chrome, title)?;
    let html = render(&page)?;
    Ok(page.chrome.answer(html))
}

fn page(
    visit: &Visit,
    row: Row<'_>,
    events: &Rows,
    orders: &[Order],
    entries: Vec<Entry>,
    chrome: Chrome,
    title: String,
) -> Result<Page, PgError> {
    let shop = &visit.shop;
    let status = row.word("status")?;
    let local = |name| Ok::<_, PgError>(row.instant(name)?.map(|at| shop.local(at)));
    let (started, updated) = (local("started_at")?, local("last_updated")?);
    let second = |at: Option<numbers::Local>| at.map(|at| at.second()).unwrap_or_default();
    let messages = row.count("messages")?;
    let mut details = Vec::new();
    let mut put = |name, text: String, code| {
        details.push(Detail { name, text, code });
    };
    put(
        "Profile",
        row.text("profile_id")?.unwrap_or("not linked").to_owned(),
        row.text("profile_id")?.is_some(),
    );
    put(
        "Conversation",
        row.word("conversation_id")?.to_owned(),
        true,
    );
    let procedures = row.texts("procedures")?;
    let procedures = if procedures.is_empty() {
        "Unassigned".to_owned()
    } else {
        procedures.join(" · ")
    };
    put("Procedures", procedures, false);
    put("Started", second(started), false);
    put("Last updated", second(updated), false);
    if row.flag("reopened")? {
        put(
            "Reopened",
            "The shopper wrote again after it was resolved".to_owned(),
            false,
        );
    }
    let bots = row.count("bot_clicks")?;
    let credited = orders
        .iter()
        .enumerate()
        .filter_map(|(at, order)| Some((at, order, order.credited.as_ref()?)));
    let sales = credited.map(|(at, order, part)| {
        (
            format!("#order-{at}"),
            Currency::of(&order.currency).cents(part.gross),
        )
    });
    let days = (started.map(|at| at.date()), updated.map(|at| at.date()));
    let shown = events.len().min(EVENTS);
    Ok(Page {
        back: format!(
            "{}#conversations",
            visit.filter.common().url("/performance")
        ),
        title,
        status: status.to_owned(),
        status_name: status_name(status).to_owned(),
        facts: vec![
            channel_name(row.word("channel")?).to_owned(),
            plural(messages, "message"),
            format!("{}, {}", span(days), numbers::zone(shop.zone)),
        ],
        ruling: Ruling::of(visit, row)?,
        sales: sales.collect(),
        clicks: count(row.count("link_clicks")?),
        bots: (bots > 0).then(|| format!("and {} by a bot, left out", count(bots))),
        carts: count(row.count("cart_adds")?),
        details,
        tags: row.texts("tags")?,
        counted: match orders.len() {
            0 => plural(shown as i64, "event"),
            some => format!(
                "{} and {}",
                plural(shown as i64, "event"),
                plural(some as i64, "order")
            ),
        },
        entries,
        cut: events.len() > EVENTS,
        chrome,
    })
}

fn span(days: (Option<NaiveDate>, Option<NaiveDate>)) -> String {
    match days {
        // The last event may be earlier than the start (SPEC C10), but no range ends before it begins.
        (Some(from), Some(to)) => numbers::range(from.min(to), to.max(from)),
        _ => String::new(),
    }
}

fn plural(number: i64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(number))
}

/// Reads a row of `conversation_orders`.
fn read_order(row: Row<'_>) -> Result<Order, PgError> {
    let credited = match row.flag("credited")? {
        true => Some(Credited::read(row)?),
        false => None,
    };
    Order::read(row, credited)
}
