//! The freshness of the numbers: as of when they are, how many events are not derived yet, and which may still change.

use askama::Template;
use chrono::NaiveDate;

use crate::page::call::Call;
use crate::page::numbers::{self, count};
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Says how fresh the numbers are.
#[derive(Template)]
#[template(path = "performance/freshness.html")]
pub struct Freshness {
    machine: String,
    clock: String,
    zone: String,
    waiting: Option<String>,
    soft: String,
    newest: Option<String>,
    window: String,
    since: String,
    open: String,
    idle: Option<String>,
    /// The first day whose sales may still change.
    pub changes_from: Option<NaiveDate>,
}

/// Reads the query `freshness`.
pub async fn ask(visit: &Visit) -> Result<Freshness, PgError> {
    let rows = Rows::ask(&visit.inquiry, &Call::of("freshness").sql()).await?;
    let row = rows.first();
    let shop = &visit.shop;
    let integer = |name| match row {
        Some(row) => row.count(name),
        None => Ok(0),
    };
    let (waiting, window) = (integer("waiting_events")?, integer("window_days")?);
    let open = integer("open_conversations")?;
    let newest = row
        .map(|row| row.instant("newest_event_at"))
        .transpose()?
        .flatten();
    let changes_from = row
        .map(|row| row.date("changes_from"))
        .transpose()?
        .flatten();
    let oldest = row
        .map(|row| row.date("oldest_open_on"))
        .transpose()?
        .flatten();
    let idle = row
        .map(|row| row.text("idle_timeout"))
        .transpose()?
        .flatten();
    let as_of = shop.local(shop.now);
    let days = |days: i64| match days {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    Ok(Freshness {
        machine: as_of.machine(),
        clock: as_of.clock(),
        zone: numbers::zone(shop.zone),
        waiting: (waiting > 0).then(|| match waiting {
            1 => "1 event waits to be counted.".to_owned(),
            more => format!("{} events wait to be counted.", count(more)),
        }),
        soft: match window {
            1 => "Numbers of today may still change.".to_owned(),
            days => format!("Numbers of the last {days} days may still change."),
        },
        newest: newest.map(|newest| shop.local(newest).minute(shop.today)),
        window: days(window),
        since: changes_from.map(numbers::day).unwrap_or_default(),
        open: match (open, oldest) {
            (0, _) | (_, None) => "No conversation is open.".to_owned(),
            (1, Some(on)) => format!(
                "1 conversation is open, from {}; how it ends counts on that day.",
                numbers::day(on)
            ),
            (open, Some(on)) => format!(
                "{} conversations are open, the oldest from {}; how each ends counts on the day it started.",
                count(open),
                numbers::day(on)
            ),
        },
        idle: idle.map(str::to_owned),
        changes_from,
    })
}
