//! The card that explains an order's attribution, from the query `explain_order`: a sentence, the facts, a drawing of the
//! window, and every touch that was considered, the winner first. The views of a conversation and of an order show it.

mod touches;
mod window;
mod words;

use askama::Template;
use chrono::{DateTime, Utc};

use super::call::Call;
use super::error::Part;
use super::links;
use super::numbers::{Currency, Money, short_percent, whole_duration};
use super::rows::{Row, Rows};
use super::visit::Visit;
use crate::pg::PgError;
use touches::{Touch, TouchRow};
use window::Window;
pub use words::class_name;

/// How many touches are read.
const TOUCHES: usize = 500;

/// Represents an order and its credit.
#[derive(Debug, Clone)]
pub struct Order {
    /// The order's id.
    pub id: String,
    /// When it was placed.
    pub at: DateTime<Utc>,
    /// Its value, in its currency.
    pub value: Money,
    /// Its currency.
    pub currency: String,
    /// The refunded value (SPEC A9).
    pub refunded: Money,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// The credit of the viewed conversation, or of all conversations; none if the order is not credited.
    pub credited: Option<Credited>,
}

/// Represents the part of an order that conversations are credited with (SPEC A8).
#[derive(Debug, Clone)]
pub struct Credited {
    /// The credit, greater than 0 and at most 1.
    pub credit: f64,
    /// The credited value before refunds.
    pub gross: Money,
    /// The credited value after refunds.
    pub net: Money,
}

impl Order {
    /// Reads a row with the columns of the relation `orders`.
    ///
    /// # Errors
    /// If a column is missing or has another type.
    pub fn read(row: Row<'_>, credited: Option<Credited>) -> Result<Order, PgError> {
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
}

impl Credited {
    /// Reads the columns `credit`, `attributed_value` and `net_value`.
    ///
    /// # Errors
    /// If a column is missing or has another type.
    pub fn read(row: Row<'_>) -> Result<Credited, PgError> {
        Ok(Credited {
            credit: row.float("credit")?.unwrap_or_default(),
            gross: row.money("attributed_value")?.unwrap_or_default(),
            net: row.money("net_value")?.unwrap_or_default(),
        })
    }
}

/// Represents the card that explains an order.
#[derive(Template)]
#[template(path = "orders/order.html")]
pub struct OrderCard {
    anchor: String,
    id: String,
    badge: &'static str,
    won: bool,
    value: String,
    exact: String,
    open: bool,
    why: &'static str,
    explained: Part<Explained>,
}

struct Explained {
    sentence: String,
    facts: Vec<Fact>,
    window: Option<Window>,
    rows: Vec<TouchRow>,
    more: usize,
    earned_by: Option<String>,
}

struct Fact {
    name: &'static str,
    text: String,
    code: bool,
    href: Option<String>,
}

impl Fact {
    fn of(name: &'static str, text: String) -> Fact {
        Fact {
            name,
            text,
            code: false,
            href: None,
        }
    }
}

/// Makes the card of the order at index `at` of the view. `here` is the viewed conversation, if it is a conversation's view.
pub async fn card(
    visit: &Visit,
    order: &Order,
    here: Option<&str>,
    at: usize,
    open: bool,
) -> OrderCard {
    let currency = Currency::of(&order.currency);
    let explained = explain(visit, order, here, &currency).await;
    OrderCard {
        anchor: format!("order-{at}"),
        id: order.id.clone(),
        badge: match (&order.credited, here) {
            (Some(part), Some(_)) if part.credit < 1.0 => "Credited in part to this conversation",
            (Some(_), Some(_)) => "Credited to this conversation",
            (Some(_), None) => "Credited to the agent",
            (None, Some(_)) => "Not credited to this conversation",
            (None, None) => "Not credited to the agent",
        },
        won: order.credited.is_some(),
        value: currency.cents(order.value),
        exact: order.value.exact(),
        open,
        why: match order.credited {
            Some(_) => "Why it is credited",
            None => "Why it is not credited",
        },
        explained: explained.into(),
    }
}

async fn explain(
    visit: &Visit,
    order: &Order,
    here: Option<&str>,
    currency: &Currency,
) -> Result<Explained, PgError> {
    let call = Call::of("explain_order")
        .with("order", &order.id)
        .limit(TOUCHES);
    let rows = Rows::ask(&visit.inquiry, &call.sql()).await?;
    let touches = rows
        .iter()
        .map(Touch::read)
        .collect::<Result<Vec<_>, _>>()?;
    // If several conversations share the order (SPEC A7), the viewed one's touch is described.
    let won = |touch: &&Touch| touch.won() && touch.by_agent;
    let mine = touches
        .iter()
        .find(|touch| won(touch) && touch.conversation.as_deref() == here);
    let winner = mine.or_else(|| touches.iter().find(won));
    let model = touches
        .first()
        .map_or(visit.shop.model.as_str(), |touch| touch.model.as_str());
    let table = touches::table(visit, &touches, here);
    Ok(Explained {
        sentence: words::sentence(order, winner, &touches, model),
        facts: facts(visit, order, winner, model, currency),
        window: Window::of(&touches, winner),
        more: table.more,
        earned_by: winner.and_then(|touch| touch.event.clone()),
        rows: table.rows,
    })
}

fn facts(
    visit: &Visit,
    order: &Order,
    winner: Option<&Touch>,
    model: &str,
    currency: &Currency,
) -> Vec<Fact> {
    let shop = &visit.shop;
    let mut facts = Vec::new();
    if let Some(touch) = winner {
        let href = touch
            .event
            .as_ref()
            .filter(|_| touch.by_agent)
            .zip(touch.conversation.as_ref());
        facts.push(Fact {
            href: href.map(|(event, conversation)| {
                format!(
                    "{}#{}",
                    links::conversation(visit, conversation),
                    anchor(event)
                )
            }),
            ..Fact::of("Touch", shop.local(touch.at).second_of(shop.today))
        });
        facts.push(Fact {
            code: true,
            ..Fact::of("Class", touch.class.clone())
        });
        facts.push(Fact::of("Time between", whole_duration(touch.seconds)));
        facts.push(Fact::of("Window", words::window_name(touch.window)));
    }
    facts.push(Fact::of("Model", words::model_name(model)));
    if let Some(part) = &order.credited {
        facts.push(Fact::of("Credit", short_percent(part.credit)));
        facts.push(Fact::of("Credited, gross", currency.cents(part.gross)));
        facts.push(Fact::of("Net of refunds", currency.cents(part.net)));
    } else {
        facts.push(Fact::of("Credit", "none".to_owned()));
    }
    if order.cancelled {
        facts.push(Fact::of("Refunded", "cancelled".to_owned()));
    } else if order.refunded > Money(0) {
        facts.push(Fact::of("Refunded", currency.cents(order.refunded)));
    }
    facts
}

/// Makes the HTML id of an event in a conversation's view, escaped so that it is also a URL's fragment.
pub fn anchor(event: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        other => format!("_{other:02x}"),
    };
    let name: String = event.bytes().map(escape).collect();
    format!("e-{name}")
}

impl OrderCard {
    /// Returns the id of the event that won the order.
    pub fn earned_by(&self) -> Option<String> {
        match &self.explained {
            Part::Ready(explained) => explained.earned_by.clone(),
            Part::Failed(_) => None,
        }
    }
}
