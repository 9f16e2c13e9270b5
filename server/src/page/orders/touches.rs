//! The touches that were considered for an order, as rows of a table: those that count for nothing alike are one row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::words;
use crate::page::filter::url;
use crate::page::numbers::{day, duration};
use crate::page::performance::conversation_path;
use crate::page::rows::Row;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// So many rows are shown.
const MOST: usize = 40;

/// A touch with its outcome.
#[derive(Debug, Clone)]
pub struct Touch {
    /// The model that decided: `last_touch` or `linear`.
    pub model: String,
    /// Whether it is the agent's, not marketing's.
    pub agents: bool,
    /// The agent's conversation.
    pub conversation: Option<String>,
    /// Its class, as `email_clicked`.
    pub class: String,
    /// What sent it: `campaign`, `flow`, …
    pub source: Option<String>,
    /// Its event.
    pub event: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Whole seconds from it to the order.
    pub seconds: i64,
    /// How long one of its class counts; none: it never does.
    pub window: Option<i64>,
    /// `won`, `lost` or `left_out`.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// The credit of its unit.
    pub credit: Option<f64>,
}

impl Touch {
    /// Reads a row of `explain_order`.
    pub fn read(row: Row<'_>) -> Result<Touch, PgError> {
        let word = |name| Ok::<_, PgError>(row.word(name)?.to_owned());
        let text = |name| Ok::<_, PgError>(row.text(name)?.map(str::to_owned));
        Ok(Touch {
            model: word("model")?,
            agents: row.word("by")? == "agent",
            conversation: text("conversation_id")?,
            class: word("touch_class")?,
            source: text("source")?,
            event: text("event_id")?,
            at: row.instant("touched_at")?.unwrap_or_default(),
            seconds: row.count("seconds_to_order")?,
            window: row.integer("window_seconds")?,
            outcome: word("outcome")?,
            reason: word("reason")?,
            credit: row.float("credit")?,
        })
    }

    /// Whether it has credit, or a part of it.
    pub fn won(&self) -> bool {
        self.outcome == "won"
    }
}

/// A row of the table.
pub struct TouchRow {
    /// What it was.
    pub what: String,
    /// The agent's conversation, where it is another than the one that is looked at: its address, and what to call it.
    pub other: Option<(String, &'static str)>,
    /// When.
    pub when: String,
    /// How long before the order.
    pub before: String,
    /// How long one of its class counts.
    pub window: String,
    /// Whether it has credit.
    pub won: bool,
    /// Why it won, lost or does not count.
    pub outcome: String,
}

/// What is shown, and how many rows are not.
pub struct Shown {
    /// The rows.
    pub rows: Vec<TouchRow>,
    /// How many there are beside them.
    pub more: usize,
}

/// Writes the table.
pub fn rows(visit: &Visit, touches: &[Touch], here: Option<&str>) -> Shown {
    let alone = |touch: &&Touch| !["no_window", "outside_window"].contains(&touch.reason.as_str());
    let single = touches.iter().filter(alone);
    let mut rows: Vec<TouchRow> = single.map(|touch| row(visit, touch, here)).collect();
    // What came too early to count, or never does, is told once for each kind of it, however often it came.
    let mut alike: BTreeMap<(String, &str), Vec<&Touch>> = BTreeMap::new();
    for touch in touches.iter().filter(|touch| !alone(touch)) {
        alike
            .entry((words::what(touch), &touch.reason))
            .or_default()
            .push(touch);
    }
    rows.extend(
        alike
            .into_values()
            .filter_map(|touches| together(visit, &touches)),
    );
    let more = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    Shown { rows, more }
}

fn row(visit: &Visit, touch: &Touch, here: Option<&str>) -> TouchRow {
    let shop = &visit.shop;
    let account: Vec<(&str, &str)> = visit
        .filter
        .account
        .iter()
        .map(|id| ("account", id.as_str()))
        .collect();
    let link = match here {
        Some(_) => "other conversation",
        None => "its conversation",
    };
    let elsewhere = touch
        .conversation
        .as_deref()
        .filter(|conversation| touch.agents && here != Some(conversation));
    TouchRow {
        what: words::what(touch),
        other: elsewhere
            .map(|conversation| (url(&conversation_path(conversation), &account), link)),
        when: shop.local(touch.at).second_of(shop.today),
        before: duration(touch.seconds),
        window: words::window(touch.window),
        won: touch.won(),
        outcome: words::outcome(touch),
    }
}

fn together(visit: &Visit, touches: &[&Touch]) -> Option<TouchRow> {
    let shop = &visit.shop;
    // The latest comes first.
    let (latest, earliest) = (touches.first()?, touches.last()?);
    let days = (shop.local(earliest.at), shop.local(latest.at));
    let several = touches.len() > 1;
    Some(TouchRow {
        what: match several {
            true => format!("{}, {} times", words::what(latest), touches.len()),
            false => words::what(latest),
        },
        other: None,
        when: match several {
            true if days.0.date() != days.1.date() => {
                format!("{} – {}", day(days.0.date()), day(days.1.date()))
            }
            true => day(days.1.date()),
            false => days.1.second_of(shop.today),
        },
        before: match several {
            true => format!("from {}", duration(latest.seconds)),
            false => duration(latest.seconds),
        },
        window: words::window(latest.window),
        won: false,
        outcome: words::outcome(latest),
    })
}
