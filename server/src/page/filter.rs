//! The filter of a view, kept in its address, so that a view can be shared, bookmarked and returned to.
//!
//! What always holds: an address that is written here is parsed to the same filter. Parameters with their default are
//! left out. A wrong parameter is refused with its name, its value and the accepted form.

use chrono::{Datelike, Months, NaiveDate};
use url::form_urlencoded::Serializer;

use super::numbers::days_before;

/// The channels, in the order in which they are shown.
pub const CHANNELS: [(&str, &str); 4] = [
    ("web_chat", "Web chat"),
    ("email", "Email"),
    ("sms", "SMS"),
    ("whatsapp", "WhatsApp"),
];
/// The statuses (SPEC C3), in the order in which they are shown.
pub const STATUSES: [(&str, &str); 4] = [
    ("resolved", "Resolved"),
    ("routed", "Routed"),
    ("closed", "Closed"),
    ("open", "Open"),
];
/// The presets of dates, with their names in addresses and on the page.
pub const PRESETS: [(Preset, &str, &str); 5] = [
    (Preset::Last(7), "7-days", "7 days"),
    (Preset::Last(30), "30-days", "30 days"),
    (Preset::Last(90), "90-days", "90 days"),
    (Preset::ThisMonth, "this-month", "This month"),
    (Preset::LastMonth, "last-month", "Last month"),
];
const DEFAULT: Preset = Preset::Last(30);
/// The columns that conversations can be sorted by; the first is the default.
pub const SORTS: [&str; 3] = ["last_updated", "started_at", "messages"];
/// The columns that procedures can be sorted by; the first is the default.
pub const PROCEDURE_SORTS: [&str; 6] = [
    "conversations",
    "procedure",
    "share",
    "resolution-rate",
    "escalated",
    "escalation-rate",
];
/// How many days a view may span: three years, one of them a leap year.
pub const LONGEST_RANGE: i64 = 1_096;
/// How long a parameter's text may be, in characters.
const LONGEST_TEXT: usize = 1_000;
/// The parameters of an escalation; an empty one asks for escalations that have none.
const ESCALATION: [&str; 3] = ["reason", "category", "escalated_by"];

/// Represents a range of days that moves with today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// The last so many days, today included (SPEC T3).
    Last(i64),
    /// From the first of this month to today.
    ThisMonth,
    /// All of the month before.
    LastMonth,
}

/// Represents the range of days of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Days that move with today.
    Preset(Preset),
    /// First and last day, both included.
    Days(NaiveDate, NaiveDate),
}

impl Range {
    /// Returns the first and last day, both included.
    pub fn days(self, today: NaiveDate) -> (NaiveDate, NaiveDate) {
        let first_of_month = today.with_day(1).unwrap_or(today);
        match self {
            Range::Days(from, to) => (from, to),
            Range::Preset(Preset::Last(days)) => (days_before(today, days - 1), today),
            Range::Preset(Preset::ThisMonth) => (first_of_month, today),
            Range::Preset(Preset::LastMonth) => {
                let from = first_of_month.checked_sub_months(Months::new(1));
                (from.unwrap_or(today), days_before(first_of_month, 1))
            }
        }
    }
}

/// Represents a cursor in a sorted list: the row that a page begins after or ends before. It names the row by its key, so
/// rows that land or go meanwhile do not move it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Whether the page ends before the row, and does not begin after it.
    pub before: bool,
    /// The row's sort key.
    pub key: i64,
    /// The row's id, which tells rows with the same key apart.
    pub id: String,
}

impl Cursor {
    fn parse(before: bool, text: &str) -> Option<Cursor> {
        let (key, id) = text.split_once('~')?;
        let key = key.parse().ok()?;
        let id = id.to_owned();
        (!id.is_empty()).then_some(Cursor { before, key, id })
    }
}

/// Holds the parameters of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// The account that an operator has chosen.
    pub account: Option<String>,
    /// The range of days.
    pub range: Range,
    /// The channels; empty for all.
    pub channels: Vec<&'static str>,
    /// The statuses of the listed conversations; empty for all.
    pub statuses: Vec<&'static str>,
    /// The text to search for.
    pub search: Option<String>,
    /// The procedure of the listed conversations.
    pub procedure: Option<String>,
    /// Whether only conversations without a procedure are listed.
    pub unassigned: bool,
    /// The tag of the listed conversations.
    pub tag: Option<String>,
    /// Whether only escalated conversations are listed.
    pub escalated: bool,
    /// The escalation's reason; an empty text for escalations without one, as in the next two fields.
    pub reason: Option<String>,
    /// The escalation's category.
    pub category: Option<String>,
    /// The procedure that escalated.
    pub escalated_by: Option<String>,
    /// Whether only conversations without a link click are listed.
    pub unclicked: bool,
    /// The column that the conversations are sorted by.
    pub sort: &'static str,
    /// Whether the conversations are sorted in ascending order.
    pub ascending: bool,
    /// Where the list's page is; none for the first page.
    pub cursor: Option<Cursor>,
    /// The column that the procedures are sorted by.
    pub procedures: &'static str,
}

/// Says which parameter of an address is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter} is {value:?}; expected {expected}")]
pub struct BadFilter {
    /// The parameter's name.
    pub parameter: &'static str,
    /// The value, cut to 80 characters.
    pub value: String,
    /// The accepted form.
    pub expected: String,
}

impl Default for Filter {
    fn default() -> Filter {
        Filter {
            account: None,
            range: Range::Preset(DEFAULT),
            channels: Vec::new(),
            statuses: Vec::new(),
            search: None,
            procedure: None,
            unassigned: false,
            tag: None,
            escalated: false,
            reason: None,
            category: None,
            escalated_by: None,
            unclicked: false,
            sort: SORTS[0],
            ascending: false,
            cursor: None,
            procedures: PROCEDURE_SORTS[0],
        }
    }
}

fn refuse(parameter: &'static str, value: &str, expected: impl Into<String>) -> BadFilter {
    BadFilter {
        parameter,
        value: value.chars().take(80).collect(),
        expected: expected.into(),
    }
}

fn parse_date(parameter: &'static str, text: &str) -> Result<NaiveDate, BadFilter> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let date = date.filter(|date| text.len() == 10 && (2000..=2200).contains(&date.year()));
    date.ok_or_else(|| refuse(parameter, text, "a date as YYYY-MM-DD, from 2000 to 2200"))
}

/// Parses words separated by commas and returns them in the order of `known`; empty if all are given.
fn parse_words(
    parameter: &'static str,
    text: &str,
    known: &[(&'static str, &str)],
) -> Result<Vec<&'static str>, BadFilter> {
    let given: Vec<&str> = text.split(',').map(str::trim).collect();
    let all: Vec<&'static str> = known.iter().map(|(word, _)| *word).collect();
    if let Some(unknown) = given.iter().find(|word| !all.contains(word)) {
        return Err(refuse(
            parameter,
            unknown,
            format!("some of {}", all.join(", ")),
        ));
    }
    let chosen: Vec<&str> = all
        .iter()
        .copied()
        .filter(|word| given.contains(word))
        .collect();
    // To choose all is to choose none.
    Ok(if chosen.len() == all.len() {
        Vec::new()
    } else {
        chosen
    })
}

fn parse_word(
    parameter: &'static str,
    text: &str,
    known: &[&'static str],
) -> Result<&'static str, BadFilter> {
    let found = known.iter().find(|word| **word == text);
    found
        .copied()
        .ok_or_else(|| refuse(parameter, text, format!("one of {}", known.join(", "))))
}

fn parse_flag(parameter: &'static str, text: &str, yes: &str) -> Result<bool, BadFilter> {
    match text {
        text if text == yes => Ok(true),
        _ => Err(refuse(parameter, text, format!("{yes}, or nothing"))),
    }
}

impl Filter {
    /// Parses the parameters of an address. An empty one counts as left out, because forms send empty fields, except for
    /// those of an escalation. Unknown parameters are ignored.
    ///
    /// # Errors
    /// The first wrong parameter.
    pub fn parse(pairs: &[(String, String)]) -> Result<Filter, BadFilter> {
        let mut filter = Filter::default();
        let (mut from, mut to) = (None, None);
        for (name, value) in pairs {
            // Spaces around what people type are dropped; names of procedures and tags come from links and may have them.
            let value = match name.as_str() {
                "procedure" | "tag" => value.as_str(),
                name if ESCALATION.contains(&name) => value.as_str(),
                _ => value.trim(),
            };
            if value.is_empty() && !ESCALATION.contains(&name.as_str()) {
                continue;
            }
            if value.chars().count() > LONGEST_TEXT {
                let name = ["search", "procedure", "tag", "account"]
                    .into_iter()
                    .chain(ESCALATION)
                    .find(|known| known == name);
                let expected = format!("at most {LONGEST_TEXT} characters");
                return Err(refuse(name.unwrap_or("a parameter"), value, expected));
            }
            let text = || Some(value.to_owned());
            match name.as_str() {
                "account" => filter.account = text(),
                "range" => {
                    let known: Vec<&'static str> =
                        PRESETS.iter().map(|(_, name, _)| *name).collect();
                    let word = parse_word("range", value, &known)?;
                    let preset = PRESETS.iter().find(|(_, name, _)| *name == word);
                    filter.range = Range::Preset(preset.map_or(DEFAULT, |(preset, ..)| *preset));
                }
                "from" => from = Some(parse_date("from", value)?),
                "to" => to = Some(parse_date("to", value)?),
                "channel" => filter.channels = parse_words("channel", value, &CHANNELS)?,
                "status" => filter.statuses = parse_words("status", value, &STATUSES)?,
                "search" => filter.search = text(),
                "procedure" => filter.procedure = text(),
                "unassigned" => filter.unassigned = parse_flag("unassigned", value, "1")?,
                "tag" => filter.tag = text(),
                "escalated" => filter.escalated = parse_flag("escalated", value, "1")?,
                "reason" => filter.reason = text(),
                "category" => filter.category = text(),
                "escalated_by" => filter.escalated_by = text(),
                "clicked" => filter.unclicked = parse_flag("clicked", value, "0")?,
                "sort" => filter.sort = parse_word("sort", value, &SORTS)?,
                "order" => filter.ascending = parse_flag("order", value, "ascending")?,
                "procedures" => {
                    filter.procedures = parse_word("procedures", value, &PROCEDURE_SORTS)?;
                }
                "after" | "before" => {
                    let before = name == "before";
                    let cursor = Cursor::parse(before, value);
                    let name = if before { "before" } else { "after" };
                    let cursor =
                        cursor.ok_or_else(|| refuse(name, value, "KEY~ID, as links have it"));
                    filter.cursor = Some(cursor?);
                }
                _ => {}
            }
        }
        match (from, to) {
            (None, None) => {}
            (Some(from), Some(to)) if from <= to => {
                if (to - from).num_days() >= LONGEST_RANGE {
                    let expected = format!("a day at most {LONGEST_RANGE} days after from={from}");
                    return Err(refuse("to", &to.to_string(), expected));
                }
                filter.range = Range::Days(from, to);
            }
            (Some(from), Some(to)) => {
                let expected = format!("a day not before from={from}");
                return Err(refuse("to", &to.to_string(), expected));
            }
            (Some(_), None) => return Err(refuse("to", "", "a date too, since from is one")),
            (None, Some(_)) => return Err(refuse("from", "", "a date too, since to is one")),
        }
        Ok(filter)
    }

    /// Returns the parameters of the address, without those that have their default.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut put = |name, value: Option<&str>| {
            let value = value.filter(|value| !value.is_empty() || ESCALATION.contains(&name));
            if let Some(value) = value {
                pairs.push((name, value.to_owned()));
            }
        };
        put("account", self.account.as_deref());
        match self.range {
            Range::Preset(preset) if preset == DEFAULT => {}
            Range::Preset(preset) => {
                let known = PRESETS.iter().find(|(known, ..)| *known == preset);
                put("range", known.map(|(_, name, _)| *name));
            }
            Range::Days(from, to) => {
                put("from", Some(&from.to_string()));
                put("to", Some(&to.to_string()));
            }
        }
        put("channel", Some(&self.channels.join(",")));
        put("status", Some(&self.statuses.join(",")));
        put("search", self.search.as_deref());
        put("procedure", self.procedure.as_deref());
        put("unassigned", self.unassigned.then_some("1"));
        put("tag", self.tag.as_deref());
        put("escalated", self.escalated.then_some("1"));
        put("reason", self.reason.as_deref());
        put("category", self.category.as_deref());
        put("escalated_by", self.escalated_by.as_deref());
        put("clicked", self.unclicked.then_some("0"));
        put("sort", Some(self.sort).filter(|sort| *sort != SORTS[0]));
        put("order", self.ascending.then_some("ascending"));
        let procedures = Some(self.procedures).filter(|sort| *sort != PROCEDURE_SORTS[0]);
        put("procedures", procedures);
        if let Some(cursor) = &self.cursor {
            let name = if cursor.before { "before" } else { "after" };
            put(name, Some(&format!("{}~{}", cursor.key, cursor.id)));
        }
        pairs
    }

    /// Writes the address of a view with this filter.
    pub fn url(&self, path: &str) -> String {
        url(path, &self.pairs())
    }

    /// Writes the address of a view with a changed filter, at the first page of its list.
    pub fn url_with(&self, path: &str, change: impl FnOnce(&mut Filter)) -> String {
        let mut changed = Filter {
            cursor: None,
            ..self.clone()
        };
        change(&mut changed);
        changed.url(path)
    }

    /// Returns the parameters that all views have in common: account, days and channels.
    pub fn common(&self) -> Filter {
        Filter {
            account: self.account.clone(),
            range: self.range,
            channels: self.channels.clone(),
            ..Filter::default()
        }
    }

    /// Whether the listed conversations are filtered by more than days and channels.
    pub fn is_narrowed(&self) -> bool {
        let plain = Filter {
            sort: self.sort,
            ascending: self.ascending,
            cursor: self.cursor.clone(),
            procedures: self.procedures,
            ..self.common()
        };
        *self != plain
    }

    /// Returns the value of the queries' parameter `channel`; none for all channels.
    pub fn channel(&self) -> Option<String> {
        (!self.channels.is_empty()).then(|| self.channels.join(","))
    }
}

/// Writes the address of a path with parameters.
pub fn url<N: AsRef<str>, V: AsRef<str>>(path: &str, pairs: &[(N, V)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{path}?{query}")
}

/// Whether a name from an event is short enough for an address; longer ones are shown without a link.
pub fn fits_in_address(name: Option<&str>) -> bool {
    name.is_none_or(|name| name.chars().count() <= LONGEST_TEXT)
}

/// Returns a channel's name on the page.
pub fn channel_name(channel: &str) -> &str {
    let known = CHANNELS.iter().find(|(word, _)| *word == channel);
    known.map_or(channel, |(_, name)| name)
}

/// Returns a status's name on the page.
pub fn status_name(status: &str) -> &str {
    let known = STATUSES.iter().find(|(word, _)| *word == status);
    known.map_or(status, |(_, name)| name)
}

#[cfg(test)]
mod tests;
