//! What the generator promises: the same bytes again, and the traits that its docs name.

#![allow(clippy::unwrap_used, clippy::panic)]

mod outputs;

use std::collections::{BTreeMap, HashMap, HashSet};

use rstest::rstest;
use serde_json::{Map, Value};

use super::endings::COMMENTS;
use super::procedures::{AGAIN, CLOSINGS, PEOPLE, PROCEDURES, THANKS, UNASSIGNED};
use super::*;

fn options(accounts: usize, days: u32, conversations: u64, seed: u64) -> SynthOptions {
    SynthOptions {
        accounts,
        days,
        conversations,
        seed,
        ..SynthOptions::default()
    }
}

fn ndjson(options: &SynthOptions) -> Vec<u8> {
    let mut lines = Vec::new();
    Events::new(options).write_ndjson(&mut lines).unwrap();
    lines
}

fn objects(options: &SynthOptions) -> Vec<Map<String, Value>> {
    ndjson(options)
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn text<'a>(event: &'a Map<String, Value>, field: &str) -> &'a str {
    event.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let of = |seed| ndjson(&options(4, 10, 300, seed));
    assert!(of(1) == of(1), "two runs with one seed differ");
    assert!(of(1) != of(2), "two seeds give the same");
}

#[test]
fn shops_are_named_alike_whatever_the_seed() {
    let first = accounts(&options(5, 1, 1, 1));
    assert_eq!(first, accounts(&options(30, 1, 1, 9))[..5]);
    assert!(first[0].contains(r#""account_id":"aurora-outdoors""#));
    let many = accounts(&options(300, 1, 1, 9));
    let ids: HashSet<String> = many
        .iter()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["account_id"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 300);
}

#[test]
fn every_place_is_in_a_zone_that_there_is() {
    // No shop is in UTC, which stands for a zone that is not there.
    for index in 0..400 {
        let shop = shops::Identity::new(index, 7);
        assert_ne!(shop.zone, rapport_zones::Tz::UTC, "{}", shop.id);
    }
}

#[test]
fn nothing_happens_after_the_end_and_little_before_the_start() {
    let options = options(5, 7, 500, 3);
    let end = options
        .end
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let start = (options.end - chrono::Duration::days(7))
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    for event in objects(&options) {
        let at = text(&event, "occurred_at");
        assert!(
            at <= end.as_str() && at >= start.as_str(),
            "{at} outside {start}..{end}"
        );
    }
}

/// Events arrive roughly as they occur; a few come a day late or more, a few twice and then with the same content.
#[test]
fn some_events_are_late_and_some_repeated() {
    let events = objects(&options(3, 20, 2000, 8));
    let mut newest = String::new();
    let mut late = 0;
    let mut first: HashMap<&str, &Map<String, Value>> = HashMap::new();
    let mut repeated = 0;
    for event in &events {
        let date = &text(event, "occurred_at")[..10];
        if date < newest.as_str() {
            late += 1;
        }
        newest = newest.max(date.to_owned());
        if let Some(earlier) = first.insert(text(event, "event_id"), event) {
            assert_eq!(earlier, event);
            repeated += 1;
        }
    }
    let per_mille = |count: usize| count * 1000 / events.len();
    assert!(
        (3..30).contains(&per_mille(late)),
        "{late} late of {}",
        events.len()
    );
    assert!(
        (1..6).contains(&per_mille(repeated)),
        "{repeated} repeated of {}",
        events.len()
    );
}

#[test]
fn every_type_and_kind_occurs() {
    let events = objects(&options(6, 30, 6000, 4));
    let mut seen: HashSet<String> = HashSet::new();
    for event in &events {
        for field in [
            "type",
            "channel",
            "mode",
            "sender",
            "kind",
            "source",
            "category",
            "currency",
            "procedure",
        ] {
            if let Some(value) = event.get(field) {
                seen.insert(format!("{field}={}", value.as_str().unwrap()));
            }
        }
        for field in ["is_bot", "is_machine_open", "is_transactional"] {
            if event.get(field) == Some(&Value::Bool(true)) {
                seen.insert(field.to_owned());
            }
        }
    }
    let mut expected: Vec<String> = [
        "type=conversation_started",
        "type=message_sent",
        "type=procedure_started",
        "type=product_recommended",
        "type=link_clicked",
        "type=added_to_cart",
        "type=tag_added",
        "type=profile_linked",
        "type=conversation_resolved",
        "type=conversation_escalated",
        "type=conversation_closed",
        "type=conversation_rated",
        "type=order_placed",
        "type=order_refunded",
        "type=order_cancelled",
        "type=touch",
        "channel=web_chat",
        "channel=email",
        "channel=sms",
        "channel=whatsapp",
        "channel=push",
        "mode=preview",
        "mode=live",
        "sender=shopper",
        "sender=agent",
        "sender=human",
        "kind=delivered",
        "kind=opened",
        "kind=clicked",
        "source=campaign",
        "source=flow",
        "source=transactional",
        "source=agent",
        "is_bot",
        "is_machine_open",
        "is_transactional",
    ]
    .map(str::to_owned)
    .to_vec();
    expected.extend(
        PROCEDURES
            .iter()
            .map(|procedure| format!("procedure={}", procedure.name)),
    );
    for trait_name in expected {
        assert!(seen.contains(&trait_name), "{trait_name} does not occur");
    }
}

/// The proportions that the measure of land and derive counts on.
#[test]
fn there_is_as_much_of_everything_as_promised() {
    let conversations = 8000;
    let events = objects(&options(10, 90, conversations, 2));
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut started = HashSet::new();
    for event in &events {
        let kind = text(event, "type");
        let group = match kind {
            "touch" | "order_placed" => kind,
            "order_refunded" | "order_cancelled" => "order_changed",
            _ => "conversation",
        };
        *counts.entry(group).or_default() += 1;
        if kind == "conversation_started" {
            started.insert(text(event, "conversation_id"));
        }
    }
    assert!(
        (7_950..=conversations as usize).contains(&started.len()),
        "{} started",
        started.len()
    );
    let in_hundred = |group: &str| counts[group] * 100 / conversations;
    assert!(
        (1050..1200).contains(&in_hundred("conversation")),
        "{counts:?}"
    );
    assert!(
        (85..115).contains(&in_hundred("order_placed")),
        "{counts:?}"
    );
    assert!((200..330).contains(&in_hundred("touch")), "{counts:?}");
    assert!((2..8).contains(&in_hundred("order_changed")), "{counts:?}");
}

/// Resolution and escalation differ by procedure as designed.
#[rstest]
#[case::good("Order status", 780..950, 0..110)]
#[case::bad("Cancel or change order", 280..480, 300..450)]
#[case::handed_over("Damaged or missing item", 100..300, 540..720)]
fn procedures_do_as_designed(
    #[case] procedure: &str,
    #[case] resolved: std::ops::Range<usize>,
    #[case] escalated: std::ops::Range<usize>,
) {
    let events = objects(&options(4, 60, 12_000, 6));
    let mut about: HashSet<&str> = HashSet::new();
    let (mut ended_well, mut handed_over): (HashSet<&str>, HashSet<&str>) = Default::default();
    for event in &events {
        let conversation = text(event, "conversation_id");
        match text(event, "type") {
            "conversation_resolved" => {
                ended_well.insert(conversation);
            }
            "conversation_escalated" => {
                handed_over.insert(conversation);
            }
            "procedure_started" if text(event, "procedure") == procedure => {
                about.insert(conversation);
            }
            _ => {}
        }
    }
    let per_mille = |set: &HashSet<&str>| about.intersection(set).count() * 1000 / about.len();
    assert!(about.len() > 200, "only {} about {procedure}", about.len());
    assert!(
        resolved.contains(&per_mille(&ended_well)),
        "{procedure}: {} resolved",
        per_mille(&ended_well)
    );
    assert!(
        escalated.contains(&per_mille(&handed_over)),
        "{procedure}: {} escalated",
        per_mille(&handed_over)
    );
}

/// The largest of 200 shops has about a sixth of all.
#[test]
fn shops_are_of_skewed_size() {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    let mut all = 0;
    for event in Events::new(&options(200, 3, 10_000, 1)) {
        *counts.entry(event.shop).or_default() += 1;
        all += 1;
    }
    let largest = counts[&0] * 1000 / all;
    assert!((140..210).contains(&largest), "{largest} per mille");
    assert!(
        (0..200).all(|shop| counts.contains_key(&shop)),
        "some shops have nothing"
    );
}

/// What lines are written by relies on it.
#[test]
fn no_text_needs_an_escape() {
    let plain = |text: &str| !text.contains(['"', '\\']) && !text.chars().any(char::is_control);
    for procedure in PROCEDURES.iter().chain([&UNASSIGNED]) {
        let texts = [
            procedure.questions,
            procedure.follow_ups,
            procedure.answers,
            procedure.tags,
        ]
        .concat();
        assert!(
            texts
                .iter()
                .chain([&procedure.name])
                .all(|text| plain(text)),
            "{}",
            procedure.name
        );
        assert!(
            procedure
                .escalations
                .iter()
                .all(|(reason, category)| plain(reason) && plain(category))
        );
        assert!(procedure.tags.len() <= 8 && !procedure.escalations.is_empty());
        for template in texts {
            for (at, _) in template.match_indices('{') {
                assert!(
                    ["{p}", "{o}", "{n}"].contains(&&template[at..at + 3]),
                    "{template}"
                );
            }
        }
    }
    for text in [&THANKS[..], &AGAIN, &PEOPLE, &CLOSINGS, &COMMENTS.concat()].concat() {
        assert!(plain(text), "{text}");
    }
    for catalogue in &super::catalogue::CATALOGUES {
        assert!(catalogue.products.len() <= super::catalogue::MAX_PRODUCTS);
        assert!(
            catalogue
                .products
                .iter()
                .all(|product| plain(product.id) && plain(product.name))
        );
    }
}

#[rstest]
#[case::no_accounts(0, 7, 10)]
#[case::no_days(3, 0, 10)]
#[case::no_conversations(3, 7, 0)]
fn little_to_do_is_no_trouble(#[case] shops: usize, #[case] days: u32, #[case] conversations: u64) {
    let options = options(shops, days, conversations, 1);
    assert_eq!(Events::new(&options).count(), 0);
    assert!(Events::new(&options).next_batch(10).unwrap().is_none());
    assert_eq!(accounts(&options).len(), shops);
}
