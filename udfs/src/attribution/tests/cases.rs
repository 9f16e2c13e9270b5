//! One case for each edge of the rules.

use rstest::rstest;

use super::naive::{Order, Row, Touch};
use super::{HOUR, attribute};
use crate::attribution::rules::Model::{self, LastTouch, Linear};

/// The windows of the preset `current`.
const CURRENT: &str = "email_clicked=5 days,email_opened=5 days,sms_clicked=5 days,sms_opened=1 day,\
                       sms_delivered=12 hours,whatsapp_clicked=5 days,whatsapp_opened=12 hours,push_opened=24 hours";

/// The instant of the order in most cases; touches are given by the time before it.
const ORDERED: i64 = 1_000 * HOUR;

fn order(id: &str, at: i64, value: i64) -> Row {
    let id = id.to_owned();
    Row::Order(0, Order { id, at, value })
}

fn touch(event: &str, before: i64, class: &str, unit: &str, agent: bool) -> Row {
    Row::Touch(
        0,
        Touch {
            event: event.to_owned(),
            at: ORDERED - before,
            class: class.to_owned(),
            unit: unit.to_owned(),
            agent,
            order: None,
        },
    )
}

fn web(event: &str, before: i64, unit: &str) -> Row {
    touch(event, before, "web_chat", unit, true)
}

fn agent(event: &str, before: i64, class: &str, unit: &str) -> Row {
    touch(event, before, class, unit, true)
}

fn marketing(event: &str, before: i64, class: &str, unit: &str) -> Row {
    touch(event, before, class, unit, false)
}

/// Addresses a touch to one order (A4).
fn to(id: &str, row: Row) -> Row {
    match row {
        Row::Touch(group, touch) => {
            let order = Some(id.to_owned());
            Row::Touch(group, Touch { order, ..touch })
        }
        order @ Row::Order(..) => order,
    }
}

/// Attributes the rows in both orders, and formats each attributed row as `order unit class value/units`.
fn answer(model: Model, windows: &str, rows: &[Row]) -> Vec<String> {
    let mut reversed = rows.to_vec();
    reversed.reverse();
    let answer = attribute(model, windows, rows);
    assert_eq!(
        answer,
        attribute(model, windows, &reversed),
        "arrival order matters"
    );
    answer
        .into_iter()
        .flatten()
        .map(|row| {
            format!(
                "{} {} {} {}/{}",
                row.order, row.unit, row.class, row.value, row.units
            )
        })
        .collect()
}

#[rstest]
#[case::a1_web_chat_has_24_hours_without_being_given(vec![web("m", 24 * HOUR, "w")], &["o w web_chat 100/1"])]
#[case::a3_window_ends_inclusive(vec![agent("m", 12 * HOUR, "sms_delivered", "s")], &["o s sms_delivered 100/1"])]
#[case::a3_one_microsecond_late(vec![agent("m", 12 * HOUR + 1, "sms_delivered", "s")], &[])]
#[case::a3_web_chat_one_microsecond_late(vec![web("m", 24 * HOUR + 1, "w")], &[])]
#[case::a3_same_instant_whatever_the_event_id(vec![web("zzz", 0, "w")], &["o w web_chat 100/1"])]
#[case::a3_after_the_order(vec![web("m", -1, "w")], &[])]
#[case::a2_class_without_a_window(vec![agent("m", 0, "email_delivered", "e")], &[])]
#[case::a5_the_latest_of_several(
    vec![web("a", 3 * HOUR, "w1"), web("b", HOUR, "w2"), web("c", 2 * HOUR, "w3")], &["o w2 web_chat 100/1"])]
#[case::e2_tie_by_greater_event_id_bytewise(
    vec![web("9", HOUR, "w1"), web("10", HOUR, "w2")], &["o w1 web_chat 100/1"])]
#[case::e2_tie_of_web_and_other(
    vec![web("Z", HOUR, "w"), agent("a", HOUR, "sms_delivered", "s")], &["o s sms_delivered 100/1"])]
#[case::a6_marketing_takes_an_sms_order(
    vec![agent("a", 2 * HOUR, "sms_delivered", "s"), marketing("b", HOUR, "email_clicked", "m")], &[])]
#[case::a6_earlier_marketing_takes_nothing(
    vec![agent("a", HOUR, "sms_delivered", "s"), marketing("b", 2 * HOUR, "email_clicked", "m")],
    &["o s sms_delivered 100/1"])]
#[case::a6_marketing_of_no_window_takes_nothing(
    vec![agent("a", 2 * HOUR, "sms_delivered", "s"), marketing("b", HOUR, "email_delivered", "m")],
    &["o s sms_delivered 100/1"])]
#[case::a6_marketing_never_takes_a_web_chat_order(
    vec![web("a", 2 * HOUR, "w"), marketing("b", HOUR, "email_clicked", "m")], &["o w web_chat 100/1"])]
#[case::a6_later_agent_takes_a_web_chat_order(
    vec![web("a", 2 * HOUR, "w"), agent("b", HOUR, "sms_clicked", "s")], &["o s sms_clicked 100/1"])]
#[case::a6_marketing_in_between_gives_back_to_web_chat(
    vec![web("a", 3 * HOUR, "w"), agent("b", 2 * HOUR, "sms_clicked", "s"), marketing("c", HOUR, "push_opened", "m")],
    &["o w web_chat 100/1"])]
#[case::a6_falls_back_past_a_window(
    vec![agent("a", 48 * HOUR, "sms_clicked", "s1"), agent("b", 13 * HOUR, "sms_delivered", "s2")],
    &["o s1 sms_clicked 100/1"])]
#[case::a6_falls_back_past_marketing_out_of_its_window(
    vec![agent("a", 48 * HOUR, "sms_clicked", "s"), marketing("b", 25 * HOUR, "push_opened", "m")],
    &["o s sms_clicked 100/1"])]
#[case::a4_touch_for_the_order_alone(vec![to("o", web("a", HOUR, "w"))], &["o w web_chat 100/1"])]
#[case::a4_touch_for_another_order(vec![to("p", web("a", HOUR, "w"))], &[])]
#[case::a4_named_conversation_beside_the_profiles(
    vec![web("a", 2 * HOUR, "w1"), to("o", web("b", HOUR, "w2"))], &["o w2 web_chat 100/1"])]
#[case::a4_reached_twice(
    vec![agent("a", HOUR, "sms_clicked", "s"), to("o", agent("a", HOUR, "sms_clicked", "s"))],
    &["o s sms_clicked 100/1"])]
#[case::a4_named_conversation_out_of_its_window(vec![to("o", web("a", 25 * HOUR, "w"))], &[])]
fn last_touch(#[case] mut rows: Vec<Row>, #[case] expected: &[&str]) {
    rows.push(order("o", ORDERED, 100));
    assert_eq!(answer(LastTouch, CURRENT, &rows), expected);
}

#[rstest]
#[case::a7_web_chat_takes_all(vec![web("a", HOUR, "w")], &["o w web_chat 100/1"])]
#[case::a7_web_chat_holds_against_marketing(
    vec![web("a", 2 * HOUR, "w"), marketing("b", HOUR, "email_clicked", "m")], &["o w web_chat 100/1"])]
#[case::a7_web_chat_holds_against_an_earlier_agent(
    vec![web("a", HOUR, "w"), agent("b", 2 * HOUR, "sms_clicked", "s")], &["o w web_chat 100/1"])]
#[case::a7_web_chat_yields_to_a_later_agent_and_is_no_unit(
    vec![web("a", 2 * HOUR, "w"), agent("b", HOUR, "sms_clicked", "s"), marketing("c", 3 * HOUR, "email_clicked", "m")],
    &["o s sms_clicked 50/2"])]
#[case::a7_e2_web_chat_yields_at_the_same_instant_to_a_greater_id(
    vec![web("a", HOUR, "w"), agent("b", HOUR, "sms_clicked", "s")], &["o s sms_clicked 100/1"])]
#[case::a7_e2_web_chat_holds_at_the_same_instant_with_the_greater_id(
    vec![web("b", HOUR, "w"), agent("a", HOUR, "sms_clicked", "s")], &["o w web_chat 100/1"])]
#[case::a7_later_agent_that_is_not_eligible(
    vec![web("a", 20 * HOUR, "w"), agent("b", 13 * HOUR, "sms_delivered", "s")], &["o w web_chat 100/1"])]
#[case::a7_web_chat_out_of_its_window(
    vec![web("a", 25 * HOUR, "w"), agent("b", 30 * HOUR, "sms_clicked", "s")], &["o s sms_clicked 100/1"])]
#[case::a7_a_unit_for_each_conversation_and_message(
    vec![
        agent("a", 5 * HOUR, "sms_delivered", "s"), agent("b", 4 * HOUR, "sms_clicked", "s"),
        agent("c", 3 * HOUR, "email_clicked", "e"),
        marketing("d", 2 * HOUR, "email_opened", "m"), marketing("f", HOUR, "email_clicked", "m"),
    ],
    // 33.34, 33.33 and 33.33, the marketing message being the latest.
    &["o e email_clicked 33/3", "o s sms_clicked 33/3"])]
#[case::a7_steps_left_over_to_the_latest(
    vec![
        agent("a", 3 * HOUR, "sms_clicked", "s1"), agent("b", 2 * HOUR, "sms_clicked", "s2"),
        marketing("c", 4 * HOUR, "email_clicked", "m"),
    ],
    &["o s2 sms_clicked 34/3", "o s1 sms_clicked 33/3"])]
#[case::a7_steps_left_over_tie_by_event_id(
    vec![
        agent("b", HOUR, "sms_clicked", "s1"), agent("c", HOUR, "sms_clicked", "s2"), agent("a", HOUR, "sms_clicked", "s3"),
    ],
    &["o s2 sms_clicked 34/3", "o s1 sms_clicked 33/3", "o s3 sms_clicked 33/3"])]
#[case::a7_a_conversation_is_no_message_of_the_same_name(
    vec![agent("a", HOUR, "sms_clicked", "x"), marketing("b", 2 * HOUR, "sms_clicked", "x")],
    &["o x sms_clicked 50/2"])]
#[case::a7_only_marketing(vec![marketing("a", HOUR, "email_clicked", "m")], &[])]
#[case::a4_reached_twice_is_one_unit(
    vec![agent("a", HOUR, "sms_clicked", "s"), to("o", agent("a", HOUR, "sms_clicked", "s"))],
    &["o s sms_clicked 100/1"])]
#[case::a4_named_conversation_is_a_unit(
    vec![agent("a", HOUR, "sms_clicked", "s1"), to("o", agent("b", 2 * HOUR, "sms_clicked", "s2"))],
    &["o s1 sms_clicked 50/2", "o s2 sms_clicked 50/2"])]
fn linear(#[case] mut rows: Vec<Row>, #[case] expected: &[&str]) {
    rows.push(order("o", ORDERED, 100));
    assert_eq!(answer(Linear, CURRENT, &rows), expected);
}

#[rstest]
#[case::even(vec![], 3, &["o s2 sms_clicked 2/2", "o s1 sms_clicked 1/2"])]
#[case::one_step(vec![], 1, &["o s2 sms_clicked 1/2", "o s1 sms_clicked 0/2"])]
#[case::nothing(vec![], 0, &["o s2 sms_clicked 0/2", "o s1 sms_clicked 0/2"])]
fn a7_small_values(#[case] mut rows: Vec<Row>, #[case] value: i64, #[case] expected: &[&str]) {
    rows.push(agent("a", 2 * HOUR, "sms_clicked", "s1"));
    rows.push(agent("b", HOUR, "sms_clicked", "s2"));
    rows.push(order("o", ORDERED, value));
    assert_eq!(answer(Linear, CURRENT, &rows), expected);
}

/// A touch counts for every order of the shopper within its window, whatever other orders lie between.
#[rstest]
#[case(LastTouch)]
#[case(Linear)]
fn a3_orders_of_one_shopper(#[case] model: Model) {
    let rows = [
        order("first", ORDERED, 1),
        order("same instant", ORDERED, 2),
        order("within", ORDERED + 23 * HOUR, 3),
        order("late", ORDERED + 25 * HOUR, 4),
        order("before", ORDERED - 2 * HOUR, 5),
        web("a", HOUR, "w"),
    ];
    assert_eq!(
        answer(model, CURRENT, &rows),
        [
            "first w web_chat 1/1",
            "same instant w web_chat 2/1",
            "within w web_chat 3/1"
        ]
    );
}

/// A4: an addressed touch counts for its order alone, even if another order lies between them.
#[rstest]
#[case(LastTouch)]
#[case(Linear)]
fn a4_addressed_past_other_orders(#[case] model: Model) {
    let mut rows: Vec<Row> = (0..30)
        .map(|i| order(&format!("o{i}"), ORDERED + i * HOUR / 10, i))
        .collect();
    rows.push(to("o7", web("a", HOUR, "w7")));
    rows.push(to("o23", web("b", HOUR, "w23")));
    assert_eq!(
        answer(model, CURRENT, &rows),
        ["o7 w7 web_chat 7/1", "o23 w23 web_chat 23/1"]
    );
}

/// Events of two raw tables may share instant and id (E1). Then the agent wins over marketing, and web chat over the agent's
/// other touches.
#[rstest]
#[case(vec![agent("x", HOUR, "sms_clicked", "s"), marketing("x", HOUR, "email_clicked", "m")], "o s sms_clicked 4/1")]
#[case(vec![agent("x", HOUR, "sms_clicked", "s"), web("x", HOUR, "w")], "o w web_chat 4/1")]
fn e2_full_ties(#[case] mut rows: Vec<Row>, #[case] expected: &str) {
    rows.push(order("o", ORDERED, 4));
    assert_eq!(answer(LastTouch, CURRENT, &rows), [expected]);
}

/// A what-if query may give web chat another window, or none.
#[rstest]
#[case("web_chat=2 days", &["o w web_chat 4/1"])]
#[case("web_chat=1 hour", &[])]
#[case("web_chat=off", &[])]
#[case("", &[])]
fn a1_web_chat_of_another_window(#[case] windows: &str, #[case] expected: &[&str]) {
    let rows = [order("o", ORDERED, 4), web("a", 40 * HOUR, "w")];
    assert_eq!(answer(LastTouch, windows, &rows), expected);
    assert_eq!(answer(Linear, windows, &rows), expected);
}
