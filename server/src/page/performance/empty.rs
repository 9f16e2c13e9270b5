//! What the page shows where there are no conversations, and what to do about it.

use askama::Template;

use super::{Days, PATH};
use crate::page::call::Call;
use crate::page::error::PageError;
use crate::page::filter::{Range, channel_name};
use crate::page::numbers;
use crate::page::rows::Rows;
use crate::page::visit::Visit;

/// Explains how to land the first events.
#[derive(Template)]
#[template(path = "performance/no_events.html")]
pub struct NoEvents {
    event: String,
}

impl NoEvents {
    /// Makes the explanation for an account.
    pub fn of(visit: &Visit) -> NoEvents {
        let at = visit.shop.local(visit.shop.now).machine();
        NoEvents {
            event: format!(
                "{{\"event_id\": \"e-81\", \"account_id\": \"{}\", \"type\": \"conversation_started\",\n \
                \"occurred_at\": \"{at}\", \"conversation_id\": \"c-7\", \"channel\": \"web_chat\"}}",
                visit.shop.id
            ),
        }
    }
}

/// Says that a range has no conversations.
#[derive(Template)]
#[template(path = "performance/nothing.html")]
pub struct NothingInRange {
    title: String,
    text: String,
    links: Vec<(String, String)>,
}

/// Says that the days and channels have no conversations, and when the latest one was.
pub async fn nothing_in_range(visit: &Visit, days: Days) -> Result<NothingInRange, PageError> {
    let filter = &visit.filter;
    let call = Call::of("activity_span").with_some("channel", filter.channel());
    let rows = Rows::ask(&visit.inquiry, &call.sql()).await?;
    let row = rows.first();
    let last = row.map(|row| row.date("last_on")).transpose()?.flatten();
    let updated = row
        .map(|row| row.instant("last_updated"))
        .transpose()?
        .flatten();
    let when = match days.from == days.to {
        true => format!("on {}", numbers::day(days.from)),
        false => format!("from {}", numbers::range(days.from, days.to)),
    };
    let names: Vec<&str> = filter
        .channels
        .iter()
        .map(|channel| channel_name(channel))
        .collect();
    let channels = match names.split_last() {
        None => String::new(),
        Some((only, [])) => format!(" in {only}"),
        Some((last, others)) => format!(" in {} or {last}", others.join(", ")),
    };
    let mut links = Vec::new();
    let text = match (last, updated) {
        (Some(last), updated) => {
            let within = Range::Days(numbers::days_before(last, 29), last);
            let href = filter.url_with(PATH, |f| f.range = within);
            links.push((href, format!("The 30 days up to {}", numbers::day(last))));
            let active = match updated {
                Some(at) => format!(
                    "was active on {}",
                    visit
                        .shop
                        .local(at)
                        .minute(visit.shop.today)
                        .replace(", ", " at ")
                ),
                None => format!("began on {}", numbers::day(last)),
            };
            format!("The latest one there {active}. Widen the dates, or look at all channels.")
        }
        (None, _) => "There has never been one. Look at all channels.".to_owned(),
    };
    if !filter.channels.is_empty() {
        let href = filter.url_with(PATH, |f| f.channels.clear());
        links.push((href, "All channels".to_owned()));
    }
    Ok(NothingInRange {
        title: format!("No conversations {when}{channels}"),
        text,
        links,
    })
}
