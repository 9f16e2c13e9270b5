//! An order and why it is credited, from the query `explain_order`: a sentence, the facts, the window drawn, and every touch
//! that was considered, the winner first. The views of a conversation, of the sales and of an order share it.

mod touches;
mod window;
mod words;

use askama::Template;
use chrono::{DateTime, Utc};

use super::error::{Failure, Part};
use super::filter::url;
use super::numbers::{Currency, Money, percent, whole_duration};
use super::performance::conversation_path;
use super::question::Call;
use super::rows::Rows;
use super::visit::Visit;
use crate::pg::PgError;
use touches::{Touch, TouchRow};
use window::Window;
pub use words::class as class_name;

/// So many touches are asked for.
const TOUCHES: usize = 500;

/// An order as a list of orders has it.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// When it was placed.
    pub at: DateTime<Utc>,
    /// Its value, in its currency.
    pub value: Money,
    /// Its currency.
    pub currency: String,
    /// What of it was refunded (SPEC A9).
    pub refunded: Money,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// What a conversation has of it; none where no conversation in sight has.
    pub credited: Option<Credited>,
}

/// A conversation's part of an order (SPEC A8).
#[derive(Debug, Clone)]
pub struct Credited {
    /// The part, over 0 to 1.
    pub credit: f64,
    /// That part of the value, before refunds.
    pub gross: Money,
    /// And after them.
    pub net: Money,
}

/// The card of an order.
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

/// Explains an order. `here` is the conversation that is looked at, if one is.
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
        explained: match explained {
            Ok(explained) => Part::There(explained),
            Err(error) => Part::Missing(Failure::of(&error)),
        },
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
    // Of several agent's units the one that is looked at is the one that is told of.
    let won = |touch: &&Touch| touch.won() && touch.agents;
    let mine = touches
        .iter()
        .find(|touch| won(touch) && touch.conversation.as_deref() == here);
    let winner = mine.or_else(|| touches.iter().find(won));
    let model = touches
        .first()
        .map_or(visit.shop.model.as_str(), |touch| touch.model.as_str());
    let shown = touches::rows(visit, &touches, here);
    Ok(Explained {
        sentence: words::sentence(order, winner, &touches, model),
        facts: facts(visit, order, winner, model, currency),
        window: Window::of(&touches, winner),
        more: shown.more,
        earned_by: winner.and_then(|touch| touch.event.clone()),
        rows: shown.rows,
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
            .filter(|_| touch.agents)
            .zip(touch.conversation.as_ref());
        let account: Vec<(&str, &str)> = visit
            .filter
            .account
            .iter()
            .map(|id| ("account", id.as_str()))
            .collect();
        facts.push(Fact {
            href: href.map(|(event, conversation)| {
                format!(
                    "{}#{}",
                    url(&conversation_path(conversation), &account),
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
        facts.push(Fact::of("Window", words::window(touch.window)));
    }
    facts.push(Fact::of("Model", words::model(model)));
    if let Some(part) = &order.credited {
        facts.push(Fact::of("Credit", percent(part.credit).replace(".0%", "%")));
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

/// Names an event's place in a conversation's view: whatever characters its id has, these are none that a URL minds.
pub fn anchor(event: &str) -> String {
    let safe = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        other => format!("_{other:02x}"),
    };
    let name: String = event.bytes().map(safe).collect();
    format!("e-{name}")
}

impl OrderCard {
    /// Names the event that won the order, for the place where it happened.
    pub fn earned_by(&self) -> Option<String> {
        match &self.explained {
            Part::There(explained) => explained.earned_by.clone(),
            Part::Missing(_) => None,
        }
    }
}
