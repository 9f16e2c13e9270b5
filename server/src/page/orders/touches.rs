//! The table of the touches that were considered for an order. Touches outside of their window are grouped into one row per
//! kind.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::words;
use crate::page::links;
use crate::page::numbers::{day, duration};
use crate::page::rows::Row;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// How many rows are shown.
const MAX_ROWS: usize = 40;

/// Represents a touch and what became of it: a row of `explain_order`.
#[derive(Debug, Clone)]
pub struct Touch {
    /// The model that decided: `last_touch` or `linear`.
    pub model: String,
    /// Whether it is the agent's touch, not marketing's.
    pub by_agent: bool,
    /// The agent's conversation.
    pub conversation: Option<String>,
    /// The touch's class, such as `email_clicked`.
    pub class: String,
    /// What sent it: `campaign`, `flow`, ….
    pub source: Option<String>,
    /// The touch's event id.
    pub event: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Whole seconds from it to the order.
    pub seconds: i64,
    /// The class's window in seconds; none if the class never counts.
    pub window: Option<i64>,
    /// `won`, `lost` or `left_out`.
    pub outcome: String,
    /// The reason of the outcome.
    pub reason: String,
    /// The credit of the touch's unit (SPEC A7).
    pub credit: Option<f64>,
}

impl Touch {
    /// Reads a row of `explain_order`.
    pub fn read(row: Row<'_>) -> Result<Touch, PgError> {
        let word = |name| Ok::<_, PgError>(row.word(name)?.to_owned());
        let text = |name| Ok::<_, PgError>(row.text(name)?.map(str::to_owned));
        Ok(Touch {
            model: word("model")?,
            by_agent: row.word("by")? == "agent",
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

    /// Whether the touch has credit, in whole or in part.
    pub fn won(&self) -> bool {
        self.outcome == "won"
    }
}

/// Represents a row of the table.
pub struct TouchRow {
    /// The touch in words.
    pub what: String,
    /// The address of the agent's conversation and the link's text, if it is not the viewed conversation.
    pub other: Option<(String, &'static str)>,
    /// When the touch was.
    pub when: String,
    /// How long it was before the order.
    pub before: String,
    /// The class's window.
    pub window: String,
    /// Whether the touch has credit.
    pub won: bool,
    /// Why it won, lost or does not count.
    pub outcome: String,
}

/// Holds the rows that are shown, and how many are not.
pub struct TouchTable {
    /// The rows.
    pub rows: Vec<TouchRow>,
    /// How many rows are left out.
    pub more: usize,
}

/// Makes the table. `here` is the viewed conversation, if it is a conversation's view.
pub fn table(visit: &Visit, touches: &[Touch], here: Option<&str>) -> TouchTable {
    let single = |touch: &&Touch| !["no_window", "outside_window"].contains(&touch.reason.as_str());
    let singles = touches.iter().filter(single);
    let mut rows: Vec<TouchRow> = singles.map(|touch| row(visit, touch, here)).collect();
    // There may be many touches that came too early or never count; each kind of them is one row.
    let mut groups: BTreeMap<(String, &str), Vec<&Touch>> = BTreeMap::new();
    for touch in touches.iter().filter(|touch| !single(touch)) {
        groups
            .entry((words::touch_name(touch), &touch.reason))
            .or_default()
            .push(touch);
    }
    rows.extend(
        groups
            .into_values()
            .filter_map(|touches| group_row(visit, &touches)),
    );
    let more = rows.len().saturating_sub(MAX_ROWS);
    rows.truncate(MAX_ROWS);
    TouchTable { rows, more }
}

fn row(visit: &Visit, touch: &Touch, here: Option<&str>) -> TouchRow {
    let shop = &visit.shop;
    let link = match here {
        Some(_) => "other conversation",
        None => "its conversation",
    };
    let elsewhere = touch
        .conversation
        .as_deref()
        .filter(|conversation| touch.by_agent && here != Some(conversation));
    TouchRow {
        what: words::touch_name(touch),
        other: elsewhere.map(|conversation| (links::conversation(visit, conversation), link)),
        when: shop.local(touch.at).second_of(shop.today),
        before: duration(touch.seconds),
        window: words::window_name(touch.window),
        won: touch.won(),
        outcome: words::outcome(touch),
    }
}

/// Makes the row of touches of one kind, which are sorted from the latest to the earliest.
fn group_row(visit: &Visit, touches: &[&Touch]) -> Option<TouchRow> {
    let shop = &visit.shop;
    let (latest, earliest) = (touches.first()?, touches.last()?);
    let days = (shop.local(earliest.at), shop.local(latest.at));
    let several = touches.len() > 1;
    Some(TouchRow {
        what: match several {
            true => format!("{}, {} times", words::touch_name(latest), touches.len()),
            false => words::touch_name(latest),
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
        window: words::window_name(latest.window),
        won: false,
        outcome: words::outcome(latest),
    })
}
