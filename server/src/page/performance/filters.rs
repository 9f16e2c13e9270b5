//! The choice of dates and channels of a view, as links: each choice has an address of its own.

use askama::Template;
use chrono::NaiveDate;

use super::Days;
use crate::page::filter::{CHANNELS, Filter, LONGEST_RANGE, PRESETS, Range};
use crate::page::numbers;
use crate::page::visit::Visit;

/// Represents a link that turns a choice on or off.
struct Choice {
    href: String,
    name: &'static str,
    count: Option<String>,
    on: bool,
}

/// Holds the dates and channels to choose from.
#[derive(Template)]
#[template(path = "performance/filters.html")]
pub struct Filters {
    /// The range in words.
    pub range: String,
    /// The range that it is compared with, in words.
    pub before: String,
    presets: Vec<Choice>,
    custom: bool,
    from: NaiveDate,
    to: NaiveDate,
    latest: NaiveDate,
    longest: i64,
    /// All parameters but the dates, for the hidden fields of the form of custom dates.
    hidden: Vec<(&'static str, String)>,
    all_channels: String,
    all: bool,
    channels: Vec<Choice>,
    path: &'static str,
}

impl Filters {
    /// Makes the filters of a view; `counts` are conversations by channel.
    pub fn of(visit: &Visit, path: &'static str, counts: Option<&[(String, i64)]>) -> Filters {
        let filter = &visit.filter;
        let days = Days::of(visit);
        let before = days.before();
        let presets = PRESETS.map(|(preset, _, name)| Choice {
            href: filter.url_with(path, |f| f.range = Range::Preset(preset)),
            name,
            count: None,
            on: filter.range == Range::Preset(preset),
        });
        let channels = CHANNELS.map(|(channel, name)| {
            let on = filter.channels.contains(&channel);
            let found = counts.and_then(|counts| counts.iter().find(|(of, _)| of == channel));
            let toggled = filter.url_with(path, |f| {
                let wanted = |known: &str| (known == channel) ^ f.channels.contains(&known);
                let chosen: Vec<_> = CHANNELS.iter().map(|(known, _)| *known).collect();
                let chosen: Vec<_> = chosen.into_iter().filter(|known| wanted(known)).collect();
                f.channels = if chosen.len() == CHANNELS.len() {
                    Vec::new()
                } else {
                    chosen
                };
            });
            Choice {
                href: toggled,
                name,
                count: found.map(|(_, count)| numbers::count(*count)),
                on,
            }
        });
        let hidden = Filter {
            range: Filter::default().range,
            cursor: None,
            ..filter.clone()
        };
        Filters {
            range: numbers::range(days.from, days.to),
            before: numbers::range_next_to(before.from, before.to, days.to),
            presets: presets.into(),
            custom: matches!(filter.range, Range::Days(..)),
            from: days.from,
            to: days.to,
            latest: visit.shop.today,
            longest: LONGEST_RANGE,
            hidden: hidden.pairs(),
            all_channels: filter.url_with(path, |f| f.channels.clear()),
            all: filter.channels.is_empty(),
            channels: channels.into(),
            path,
        }
    }
}
