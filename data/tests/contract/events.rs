//! Generates random events from the table of fields, some of them invalid.

use proptest::prelude::*;
use rapport_data::{COMMON_FIELDS, EventType, Field, FieldRule, Kind};
use serde_json::{Map, Value, json};

/// An event as a JSON object.
pub type Event = Map<String, Value>;

/// The format of an instant in an event read back.
pub const INSTANT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

/// Generates a value that the field's rule accepts.
fn good(rule: &FieldRule) -> BoxedStrategy<Value> {
    match rule.kind {
        _ if rule.field == Field::EventId => "[^\u{0}]{1,128}".prop_map(Value::from).boxed(),
        _ if rule.field == Field::AccountId => "[A-Za-z0-9_-]{1,64}".prop_map(Value::from).boxed(),
        Kind::Name => r"[^\x00\n]{1,12}".prop_map(Value::from).boxed(),
        Kind::Words => r"[^\x00\n]{0,12}".prop_map(Value::from).boxed(),
        Kind::TextList => prop::collection::vec(r"[^\x00\n]{0,6}", 0..4)
            .prop_map(Value::from)
            .boxed(),
        Kind::OneOf(names) => prop::sample::select(names).prop_map(Value::from).boxed(),
        Kind::Whole => (0..=i64::MAX).prop_map(Value::from).boxed(),
        Kind::Rating => (1..=5).prop_map(Value::from).boxed(),
        Kind::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Instant => (946_684_800_000_000..1_798_848_000_000_000_i64)
            .prop_map(instant)
            .boxed(),
        Kind::Money => (0..=999_999_999_999_999_999_i64).prop_map(money).boxed(),
        Kind::Currency => "[A-Z]{3}".prop_map(Value::from).boxed(),
    }
}

/// Generates a value that the rule may refuse, but that fits a column of good values.
fn odd(rule: &FieldRule) -> BoxedStrategy<Value> {
    let texts =
        |texts: &'static [&'static str]| prop::sample::select(texts).prop_map(Value::from).boxed();
    match rule.kind {
        _ if rule.field == Field::EventId => ".{129}".prop_map(Value::from).boxed(),
        Kind::Name | Kind::Words | Kind::OneOf(_) => {
            texts(&["", " ", "none such", "é", "a/b", "a\0b"])
        }
        Kind::TextList => prop_oneof![Just(json!([""])), Just(json!(["a", "\0"]))].boxed(),
        Kind::Whole => (i64::MIN..0).prop_map(Value::from).boxed(),
        Kind::Rating => prop::sample::select(&[-1, 0, 6][..])
            .prop_map(Value::from)
            .boxed(),
        Kind::Flag => Just(json!(true)).boxed(),
        Kind::Instant => texts(&[
            "1999-12-31T23:59:59.999999Z",
            "2199-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T00:00:00",
            "",
        ]),
        Kind::Money => texts(&[
            "-0.0001",
            "1.00000",
            "100000000000000",
            "NaN",
            "",
            "1e2",
            "0.00",
        ]),
        Kind::Currency => texts(&["", "usd", "DOLLARS", "ÜS"]),
    }
}

pub fn instant(micros: i64) -> Value {
    let instant = chrono::DateTime::from_timestamp_micros(micros).unwrap();
    instant.format(INSTANT).to_string().into()
}

pub fn money(steps: i64) -> Value {
    format!("{}.{:04}", steps / 10_000, steps % 10_000).into()
}

/// Generates all required fields of `rules` and some optional ones; with `odds`, sometimes without a required field or with
/// an odd value.
fn fields(rules: Vec<FieldRule>, odds: bool) -> BoxedStrategy<Event> {
    let strange = move || {
        if odds {
            prop::bool::weighted(0.03).boxed()
        } else {
            Just(false).boxed()
        }
    };
    let field = |rule: FieldRule| {
        let value = (good(&rule), odd(&rule), strange())
            .prop_map(|(good, odd, strange)| if strange { odd } else { good });
        let there = (any::<bool>(), strange())
            .prop_map(move |(there, strange)| (there || rule.required) && !strange);
        (value, there)
            .prop_map(move |(value, there)| there.then(|| (rule.field.name().to_owned(), value)))
    };
    rules
        .into_iter()
        .map(field)
        .collect::<Vec<_>>()
        .prop_map(|fields| fields.into_iter().flatten().collect())
        .boxed()
}

/// Generates fields that the type does not list: unknown ones, and those of other types.
fn extras(kind: EventType) -> impl Strategy<Value = Event> {
    // Without money, which as a property is a string in a line but a number in a decimal column.
    let foreign =
        move |rule: &FieldRule| !kind.listed().contains(rule.field) && rule.kind != Kind::Money;
    let others = EventType::ALL
        .iter()
        .flat_map(|other| other.fields())
        .filter(|rule| foreign(rule));
    let others: Vec<FieldRule> = others.copied().collect();
    let foreign = prop::sample::select(others).prop_flat_map(|rule| {
        good(&rule).prop_map(move |value| (rule.field.name().to_owned(), value))
    });
    let unknown = prop_oneof![
        ".{0,8}".prop_map(|text| ("note".to_owned(), json!(text))),
        any::<i64>().prop_map(|number| ("tokens".to_owned(), json!(number))),
        any::<bool>().prop_map(|flag| ("gift \"wrap\"".to_owned(), json!(flag))),
    ];
    prop::collection::vec(prop_oneof![1 => foreign, 2 => unknown], 0..3)
        .prop_map(|extras| extras.into_iter().collect())
}

/// Generates events of all types; with `odds`, some that are rejected.
pub fn events(odds: bool) -> impl Strategy<Value = Vec<Event>> {
    let event = prop::sample::select(EventType::ALL).prop_flat_map(move |kind| {
        let common = COMMON_FIELDS
            .iter()
            .filter(|rule| rule.field != Field::Type);
        let rules: Vec<FieldRule> = common.chain(kind.fields()).copied().collect();
        (fields(rules, odds), extras(kind)).prop_map(move |(mut event, extras)| {
            event.insert("type".to_owned(), kind.name().into());
            event.extend(extras);
            event
        })
    });
    prop::collection::vec(event, 0..12)
}

/// Formats the events as lines.
pub fn lines(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| format!("{}\n", serde_json::to_string(event).unwrap()))
        .collect()
}
