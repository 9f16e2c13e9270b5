//! The timeline of a conversation: its events, messages and orders, by time.

use askama::Template;
use chrono::NaiveDate;

use crate::page::chrome::clip;
use crate::page::filter::channel_name;
use crate::page::numbers::{Local, count};
use crate::page::orders::{Order, OrderCard, anchor};
use crate::page::rows::{Row, Rows};
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Represents the content of an entry.
enum Body {
    /// The head of a new day.
    Day(String),
    /// A message: who sent it, and its text.
    Message {
        by: &'static str,
        class: &'static str,
        text: Option<String>,
    },
    /// An event in words, with a name from the event between them.
    Event {
        before: String,
        name: Option<Name>,
        after: String,
    },
    /// An order and why it is credited.
    Order(Box<OrderCard>),
}

struct Name {
    kind: &'static str,
    text: String,
    href: Option<String>,
}

/// Represents an entry of the timeline.
#[derive(Template)]
#[template(path = "conversation/entry.html")]
pub struct Entry {
    anchor: String,
    machine: String,
    clock: String,
    class: &'static str,
    body: Body,
}

/// Merges events and orders by time, with a head for each day.
pub fn entries(
    visit: &Visit,
    events: &Rows,
    most: usize,
    orders: &[Order],
    cards: Vec<OrderCard>,
    conversation: Row<'_>,
    touches: &[String],
) -> Result<Vec<Entry>, PgError> {
    let decided = conversation.text("decided_by")?.unwrap_or_default();
    let mut timed: Vec<(Local, Entry)> = Vec::new();
    let mut instants = Vec::new();
    for row in events.iter().take(most) {
        let Some(at) = row.instant("occurred_at")? else {
            continue;
        };
        let local = visit.shop.local(at);
        let id = row.word("event_id")?;
        let mut body = body(row)?;
        let earned = touches.iter().any(|touch| touch == id);
        if let (Body::Event { after, .. }, true) = (&mut body, earned) {
            after.push_str(" This earned the order below.");
        }
        let class = match (&body, earned, id == decided) {
            (Body::Message { class, .. }, ..) => class,
            (_, true, _) => "key-event",
            (_, _, true) => "key-event status-event",
            _ => "",
        };
        instants.push(at);
        timed.push((local, entry(anchor(id), local, class, body)));
    }
    for (order, card) in orders.iter().zip(cards) {
        let local = visit.shop.local(order.at);
        let place = instants.partition_point(|at| *at <= order.at);
        let class = if order.credited.is_some() {
            "has-order key-event"
        } else {
            "has-order"
        };
        let body = Body::Order(Box::new(card));
        instants.insert(place, order.at);
        timed.insert(place, (local, entry(String::new(), local, class, body)));
    }
    let mut entries = Vec::new();
    let mut day: Option<NaiveDate> = None;
    for (local, entry) in timed {
        if day != Some(local.date()) {
            day = Some(local.date());
            entries.push(Entry {
                anchor: String::new(),
                machine: String::new(),
                clock: String::new(),
                class: "date",
                body: Body::Day(local.date().format("%A %-d %B %Y").to_string()),
            });
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(anchor: String, at: Local, class: &'static str, body: Body) -> Entry {
    Entry {
        anchor,
        machine: at.machine(),
        clock: at.clock_second(),
        class,
        body,
    }
}

fn body(row: Row<'_>) -> Result<Body, PgError> {
    let event = |before: &str, name: Option<Name>, after: &str| Body::Event {
        before: before.to_owned(),
        name,
        after: after.to_owned(),
    };
    let named = |kind, column| {
        let text = row.text(column)?;
        Ok::<_, PgError>(text.map(|text| Name {
            kind,
            text: clip(text),
            href: None,
        }))
    };
    Ok(match row.word("type")? {
        "conversation_started" => {
            let channel = channel_name(row.word("channel")?);
            event(
                &format!("Conversation started by {}", lower(channel)),
                None,
                "",
            )
        }
        "message_sent" => {
            let (by, class) = match row.word("sender")? {
                "agent" => ("Agent", "msg msg--agent"),
                "human" => ("Person", "msg msg--human"),
                _ => ("Shopper", "msg msg--shopper"),
            };
            Body::Message {
                by,
                class,
                text: row.text("text")?.map(str::to_owned),
            }
        }
        "procedure_started" => event("Procedure ", named("b", "procedure")?, " picked"),
        "product_recommended" => {
            let products = row.texts("product_ids")?;
            let name = (!products.is_empty()).then(|| Name {
                kind: "code",
                text: clip(&products.join(", ")),
                href: None,
            });
            event(
                if name.is_some() {
                    "Recommended: "
                } else {
                    "Products recommended"
                },
                name,
                "",
            )
        }
        "link_clicked" => match row.flag("counted")? {
            true => {
                let url = row.text("url")?;
                let name = url.map(|url| Name {
                    kind: "link",
                    text: clip(url),
                    href: web_url(url),
                });
                event(
                    if name.is_some() {
                        "Link clicked: "
                    } else {
                        "Link clicked"
                    },
                    name,
                    ".",
                )
            }
            false => event("Link clicked by a bot, not counted", None, ""),
        },
        "added_to_cart" => {
            let product = named("code", "product_id")?;
            let units = match row.integer("quantity")? {
                Some(1) => ", 1 unit".to_owned(),
                Some(units) => format!(", {} units", count(units)),
                None => String::new(),
            };
            event(
                if product.is_some() {
                    "Added to cart: "
                } else {
                    "Added to cart"
                },
                product,
                &units,
            )
        }
        "tag_added" => event("Tag ", named("tag", "tag")?, " added"),
        "profile_linked" => event("Profile linked: ", named("code", "profile_id")?, ""),
        "conversation_resolved" => match named("b", "procedure")? {
            Some(name) => event("Resolved by the agent, procedure ", Some(name), ""),
            None => event("Resolved by the agent", None, ""),
        },
        "conversation_escalated" => {
            let reason = named("b", "reason")?;
            event(
                if reason.is_some() {
                    "Escalated: "
                } else {
                    "Escalated"
                },
                reason,
                "",
            )
        }
        "conversation_closed" => {
            let reason = named("code", "reason")?;
            event(
                if reason.is_some() {
                    "Conversation closed, reason "
                } else {
                    "Conversation closed"
                },
                reason,
                "",
            )
        }
        "conversation_rated" => {
            let rating = row.count("rating")?;
            match named("b", "comment")? {
                Some(comment) => event(&format!("Rated {rating} of 5: "), Some(comment), ""),
                None => event(&format!("Rated {rating} of 5"), None, ""),
            }
        }
        other => event(&other.replace('_', " "), None, ""),
    })
}

fn lower(channel: &str) -> String {
    match channel {
        "SMS" | "WhatsApp" => channel.to_owned(),
        other => other.to_lowercase(),
    }
}

/// Returns an event's URL if it may be a link: only `http` and `https` may.
fn web_url(url: &str) -> Option<String> {
    let parsed = url::Url::parse(url).ok()?;
    matches!(parsed.scheme(), "http" | "https").then(|| parsed.to_string())
}

#[cfg(test)]
mod tests {
    use super::web_url;

    #[test]
    fn only_http_and_https_urls_are_links() {
        assert_eq!(
            web_url("https://a.example/x").as_deref(),
            Some("https://a.example/x")
        );
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "/products/x",
            "\u{1}javascript:alert(1)",
        ] {
            assert_eq!(web_url(url), None, "{url}");
        }
    }
}
