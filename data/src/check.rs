//! Checks events against the rules of SPEC E3, once for all input formats.
//!
//! Each input format implements [`Source`], which finds the fields of one event and converts them to plain values. All rules
//! on plain values (required, empty, one of a list, too old) are here. What always holds: a check returns either all cells of
//! a row or one reason, and a rejected event adds nothing to the rows.

use crate::event::{
    COMMON_FIELDS, EventType, Field, FieldRule, Kind, MAX_EVENT_ID_CHARACTERS, is_account_id,
};
use crate::fault::Fault;
use crate::instant;
use std::borrow::Cow;
use std::fmt;

/// A value, in the type of its column.
#[derive(Debug)]
pub(crate) enum Cell<'a> {
    Text(Cow<'a, str>),
    TextList(Vec<Cow<'a, str>>),
    /// The index of an enum value.
    Code(i8),
    Whole(i64),
    Flag(bool),
    /// Microseconds since 1970 in UTC.
    Instant(i64),
    /// Steps of 0.0001.
    Money(i64),
}

/// The value of a field: none where it is missing or null, a fault where it is malformed.
pub(crate) type Found<T> = Result<Option<T>, Fault>;

/// Finds and converts the fields of one event, in one input format.
pub(crate) trait Source<'a> {
    fn text(&self, field: Field) -> Found<Cow<'a, str>>;
    fn text_list(&self, field: Field) -> Found<Vec<Cow<'a, str>>>;
    fn whole(&self, field: Field) -> Found<i64>;
    fn flag(&self, field: Field) -> Found<bool>;
    fn instant(&self, field: Field) -> Found<i64>;
    fn money(&self, field: Field) -> Found<i64>;
}

/// The reason why a line or row is rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    NotUtf8 { at: usize },
    NotJson(crate::json::NotJson),
    NotAnObject(crate::json::Shape),
    LineTooLong { bytes: usize },
    UnknownType(String),
    UnknownValue(Field, String, &'static [&'static str]),
    Missing(Field),
    Malformed(Field, Fault),
    TooEarly,
    TooLate,
    OtherAccount(String),
}

/// The common fields of an event that passed the checks.
pub(crate) struct Checked<'a> {
    pub(crate) kind: EventType,
    pub(crate) account: Cow<'a, str>,
    pub(crate) event_id: Cow<'a, str>,
    pub(crate) occurred_at: i64,
}

/// Checks one event. `cells` receives the values of the fields of its type.
pub(crate) fn check<'a>(
    source: &impl Source<'a>,
    latest: i64,
    cells: &mut Vec<(Field, Cell<'a>)>,
) -> Result<Checked<'a>, Reason> {
    let event = check_common(source, latest)?;
    cells.clear();
    for rule in event.kind.fields() {
        if let Some(cell) = check_field(source, rule)? {
            cells.push((rule.field, cell));
        }
    }
    Ok(event)
}

/// Checks the fields that every event must have.
#[inline]
pub(crate) fn check_common<'a>(
    source: &impl Source<'a>,
    latest: i64,
) -> Result<Checked<'a>, Reason> {
    let event_id = required_text(source, Field::EventId)?;
    if event_id.len() > MAX_EVENT_ID_CHARACTERS
        && event_id.chars().count() > MAX_EVENT_ID_CHARACTERS
    {
        return Err(Reason::Malformed(Field::EventId, Fault::TooLong));
    }
    let account = required_text(source, Field::AccountId)?;
    if !is_account_id(&account) {
        return Err(Reason::Malformed(Field::AccountId, Fault::NotAnAccount));
    }
    let name = required_text(source, Field::Type)?;
    let kind = EventType::from_name(&name).ok_or_else(|| Reason::UnknownType(excerpt(&name)))?;
    let occurred_at = source
        .instant(Field::OccurredAt)
        .map_err(|fault| missing_or(source, Field::OccurredAt, fault))?
        .ok_or(Reason::Missing(Field::OccurredAt))?;
    if occurred_at < instant::EARLIEST {
        return Err(Reason::TooEarly);
    }
    if occurred_at > latest {
        return Err(Reason::TooLate);
    }
    Ok(Checked {
        kind,
        account,
        event_id,
        occurred_at,
    })
}

fn required_text<'a>(source: &impl Source<'a>, field: Field) -> Result<Cow<'a, str>, Reason> {
    found(field, name(source, field))?.ok_or(Reason::Missing(field))
}

/// Reads a text that names something: an empty one counts as missing, and U+0000 is a fault (SPEC E7).
#[inline]
fn name<'a>(source: &impl Source<'a>, field: Field) -> Found<Cow<'a, str>> {
    match source.text(field)? {
        Some(text) if text.contains('\0') => Err(Fault::Nul),
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

/// Reads a text that people wrote, which may be empty, replacing U+0000 by U+FFFD (SPEC E7).
#[inline]
fn words<'a>(source: &impl Source<'a>, field: Field) -> Found<Cow<'a, str>> {
    let shown = |text: Cow<'a, str>| match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => text,
    };
    Ok(source.text(field)?.map(shown))
}

/// Reads a list of texts that name something; U+0000 is a fault (SPEC E7).
fn names<'a>(source: &impl Source<'a>, field: Field) -> Found<Vec<Cow<'a, str>>> {
    match source.text_list(field)? {
        Some(list) if list.iter().any(|text| text.contains('\0')) => Err(Fault::Nul),
        list => Ok(list),
    }
}

/// Returns the reason of a fault in a required field; an empty one is missing (SPEC E3).
#[cold]
fn missing_or<'a>(source: &impl Source<'a>, field: Field, fault: Fault) -> Reason {
    match source.text(field) {
        Ok(Some(text)) if text.is_empty() => Reason::Missing(field),
        _ => Reason::Malformed(field, fault),
    }
}

fn found<T>(field: Field, found: Found<T>) -> Result<Option<T>, Reason> {
    found.map_err(|fault| Reason::Malformed(field, fault))
}

/// Checks one field of an event's type, and returns its value, if it has one.
#[inline]
pub(crate) fn check_field<'a>(
    source: &impl Source<'a>,
    rule: &FieldRule,
) -> Result<Option<Cell<'a>>, Reason> {
    let field = rule.field;
    let cell = match rule.kind {
        Kind::Name => name(source, field).map(|name| name.map(Cell::Text)),
        Kind::Words => words(source, field).map(|words| words.map(Cell::Text)),
        Kind::TextList => names(source, field).map(|list| list.map(Cell::TextList)),
        Kind::Whole => source.whole(field).map(|number| number.map(Cell::Whole)),
        Kind::Rating => match source.whole(field) {
            Ok(rating) if rating.is_none_or(|rating| (1..=5).contains(&rating)) => {
                Ok(rating.map(Cell::Whole))
            }
            _ => Err(Fault::NotARating),
        },
        Kind::Flag => source.flag(field).map(|flag| flag.map(Cell::Flag)),
        Kind::Instant => source
            .instant(field)
            .map(|instant| instant.map(Cell::Instant)),
        Kind::Money => source.money(field).map(|steps| steps.map(Cell::Money)),
        Kind::Currency => source.text(field).and_then(|text| match text {
            Some(text) if !is_currency_code(&text) => Err(Fault::NotACurrency),
            text => Ok(text.map(Cell::Text)),
        }),
        Kind::OneOf(names) => match source.text(field) {
            Ok(Some(text)) if text.contains('\0') => Err(Fault::Nul),
            Ok(Some(text)) if !(rule.required && text.is_empty()) => {
                let code = names.iter().position(|name| *name == text);
                let code = code.and_then(|code| i8::try_from(code).ok());
                let code =
                    code.ok_or_else(|| Reason::UnknownValue(field, excerpt(&text), names))?;
                return Ok(Some(Cell::Code(code)));
            }
            Ok(_) => Ok(None),
            Err(fault) => Err(fault),
        },
    };
    let cell = cell.map_err(|fault| match rule.required {
        true => missing_or(source, field, fault),
        false => Reason::Malformed(field, fault),
    })?;
    match cell {
        None if rule.required => Err(Reason::Missing(field)),
        cell => Ok(cell),
    }
}

/// Returns whether a text is three capitals. Only account settings check that the currency exists (SPEC E3).
fn is_currency_code(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// Quotes the first 40 characters of a value, for a reason.
#[cold]
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NotUtf8 { at } => write!(f, "not_json: not UTF-8 at byte {at}"),
            Reason::NotJson(error) => write!(f, "not_json: {error}"),
            Reason::NotAnObject(shape) => {
                write!(f, "not_an_object: {shape}; expected one JSON object a line")
            }
            Reason::LineTooLong { bytes } => {
                let most = crate::ndjson::MAX_LINE_BYTES;
                write!(
                    f,
                    "line_too_long: {bytes} bytes without the newline; at most {most} (1 MiB)"
                )
            }
            Reason::UnknownType(name) => {
                write!(
                    f,
                    "unknown_type: {name} is none of {}",
                    EventType::NAMES.join(", ")
                )
            }
            Reason::UnknownValue(field, value, names) => {
                write!(
                    f,
                    "unknown_value: {field} {value} is none of {}",
                    names.join(", ")
                )
            }
            Reason::Missing(field) => write!(f, "missing_field: {field}"),
            Reason::Malformed(field, fault) => write!(f, "malformed_field: {field} {fault}"),
            Reason::TooEarly => write!(
                f,
                "out_of_range: {} is before 2000-01-01T00:00:00Z",
                Field::OccurredAt
            ),
            Reason::TooLate => write!(
                f,
                "out_of_range: {} is over 24 h in the future",
                Field::OccurredAt
            ),
            Reason::OtherAccount(account) => write!(
                f,
                "other_account: {} {account:?} is not that of the sender",
                Field::AccountId
            ),
        }
    }
}

// `check_common` reads the four common fields by name.
const _: () = assert!(COMMON_FIELDS.len() == 4);

#[cfg(test)]
mod tests;
