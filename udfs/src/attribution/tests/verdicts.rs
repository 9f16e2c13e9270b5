//! Tests of verdicts: a case for each reason, and properties that hold of random touches, checked with the naive loop.

use proptest::prelude::*;
use rstest::rstest;

use super::naive::{self, Attributed, Order, Row, Touch};
use super::properties::{models, rows, windows};
use super::{HOUR, ledger_of};
use crate::attribution::resolve::RuleBook;
use crate::attribution::rules::{
    Lanes,
    Model::{self, LastTouch, Linear},
    WEB_CHAT, Windows,
};
use crate::attribution::verdict::{LeftOut, Lost, Outcome, Verdict, Won, verdicts};

/// Windows of a day for clicks, and of half a day for deliveries.
const WINDOWS: &str = "sms_clicked=24 hours,email_clicked=24 hours,sms_delivered=12 hours";

const ORDERED: i64 = 1_000 * HOUR;

fn order() -> Order {
    Order {
        id: "o".to_owned(),
        at: ORDERED,
        value: 100,
    }
}

/// Creates a touch some hours before the order, with its unit as event id.
fn touch(unit: &str, class: &str, hours: i64, agent: bool) -> Touch {
    Touch {
        event: unit.to_owned(),
        at: ORDERED - hours * HOUR,
        class: class.to_owned(),
        unit: unit.to_owned(),
        agent,
        order: None,
    }
}

fn agent(unit: &str, class: &str, hours: i64) -> Touch {
    touch(unit, class, hours, true)
}

fn marketing(unit: &str, class: &str, hours: i64) -> Touch {
    touch(unit, class, hours, false)
}

fn explain(model: Model, windows: &str, order: &Order, touches: &[Touch]) -> Vec<Verdict> {
    let windows: Windows = windows.parse().unwrap();
    let mut rows = vec![Row::Order(0, order.clone())];
    rows.extend(touches.iter().map(|touch| Row::Touch(0, touch.clone())));
    let (ledger, classes, _) = ledger_of(&windows, &rows);
    let book = RuleBook {
        rules: vec![(model, Lanes::new(&windows, &classes))],
        of_group: None,
    };
    verdicts(&ledger, &book, &classes)
}

const WON: Outcome = Outcome::Won(Won::Latest);
const HOLDS: Outcome = Outcome::Won(Won::WebChatHolds);
const SHARES: Outcome = Outcome::Won(Won::Shares);
const EARLIER: Outcome = Outcome::Lost(Lost::Earlier);
const LATER_MARKETING: Outcome = Outcome::Lost(Lost::LaterMarketing);
const LATER_WEB_CHAT: Outcome = Outcome::Lost(Lost::LaterWebChat);
const WEB_CHAT_WON: Outcome = Outcome::Lost(Lost::WebChatWon);
const MARKETING: Outcome = Outcome::Lost(Lost::Marketing);

#[rstest]
#[case::a5_the_latest(LastTouch, vec![
    (agent("s", "sms_clicked", 2), WON), (agent("t", "sms_clicked", 3), EARLIER), (marketing("m", "email_clicked", 4), EARLIER)])]
#[case::a6_marketing_takes_an_sms_order(LastTouch, vec![
    (agent("s", "sms_clicked", 2), LATER_MARKETING), (agent("t", "sms_clicked", 4), LATER_MARKETING),
    (marketing("m", "email_clicked", 1), MARKETING), (marketing("n", "email_clicked", 3), EARLIER)])]
#[case::a6_marketing_never_takes_a_web_chat_order(LastTouch, vec![
    (agent("w", WEB_CHAT, 2), HOLDS), (agent("v", WEB_CHAT, 3), EARLIER), (marketing("m", "email_clicked", 1), WEB_CHAT_WON),
    (marketing("n", "email_clicked", 4), LATER_WEB_CHAT)])]
#[case::a6_marketing_in_between_gives_back_to_web_chat(LastTouch, vec![
    (agent("w", WEB_CHAT, 3), HOLDS), (agent("s", "sms_clicked", 2), LATER_MARKETING),
    (marketing("m", "email_clicked", 1), WEB_CHAT_WON)])]
#[case::a6_later_web_chat(LastTouch, vec![
    (agent("w", WEB_CHAT, 1), WON), (agent("s", "sms_clicked", 2), LATER_WEB_CHAT)])]
#[case::a6_later_agent_takes_a_web_chat_order(LastTouch, vec![
    (agent("w", WEB_CHAT, 2), EARLIER), (agent("s", "sms_clicked", 1), WON)])]
#[case::e2_a_tie_by_event_id(LastTouch, vec![
    (agent("a", "sms_clicked", 1), EARLIER), (agent("b", "sms_clicked", 1), WON)])]
#[case::a3_a_window_that_is_past(LastTouch, vec![
    (agent("s", "sms_clicked", 23), WON), (agent("t", "sms_delivered", 13), Outcome::LeftOut(LeftOut::OutsideWindow))])]
#[case::a3_marketing_whose_window_is_past_takes_nothing(LastTouch, vec![
    (agent("s", "sms_clicked", 23), WON), (marketing("m", "sms_delivered", 13), Outcome::LeftOut(LeftOut::OutsideWindow))])]
#[case::a3_after_the_order(LastTouch, vec![
    (agent("s", "sms_clicked", 0), WON), (agent("t", "sms_clicked", -1), Outcome::LeftOut(LeftOut::AfterOrder))])]
#[case::a2_no_window(LastTouch, vec![
    (agent("e", "email_delivered", 0), Outcome::LeftOut(LeftOut::NoWindow)),
    (marketing("m", "push_clicked", 0), Outcome::LeftOut(LeftOut::NoWindow))])]
#[case::a7_units_share(Linear, vec![
    (agent("s", "sms_clicked", 1), SHARES), (agent("e", "email_clicked", 3), SHARES), (marketing("m", "email_clicked", 2), MARKETING)])]
#[case::a7_a_units_earlier_touch(Linear, vec![
    (agent("s", "sms_clicked", 1), SHARES), (agent("s", "sms_delivered", 2), EARLIER)])]
#[case::a7_web_chat_takes_it_all(Linear, vec![
    (agent("w", WEB_CHAT, 2), HOLDS), (agent("s", "sms_clicked", 3), LATER_WEB_CHAT), (agent("v", WEB_CHAT, 4), EARLIER),
    (marketing("m", "email_clicked", 1), WEB_CHAT_WON)])]
#[case::a7_a_later_agent_touch_leaves_web_chat_out(Linear, vec![
    (agent("w", WEB_CHAT, 2), EARLIER), (agent("s", "sms_clicked", 1), SHARES)])]
#[case::a7_marketing_alone(Linear, vec![(marketing("m", "email_clicked", 1), MARKETING)])]
fn each_touch_has_its_outcome_and_reason(
    #[case] model: Model,
    #[case] touches: Vec<(Touch, Outcome)>,
) {
    let (touches, expected): (Vec<Touch>, Vec<Outcome>) = touches.into_iter().unzip();
    let verdicts = explain(model, WINDOWS, &order(), &touches);
    let outcomes: Vec<Outcome> = verdicts.iter().map(|verdict| verdict.outcome).collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn a7_a_marketing_unit_takes_its_part_of_a_split() {
    let touches = [
        agent("s", "sms_clicked", 1),
        marketing("m", "email_clicked", 2),
        marketing("m", "email_clicked", 3),
        agent("e", "email_clicked", 4),
    ];
    let verdicts = explain(Linear, WINDOWS, &order(), &touches);
    let parts: Vec<_> = verdicts.iter().map(|verdict| verdict.part).collect();
    assert_eq!(parts, [Some((3, 34)), Some((3, 33)), None, Some((3, 33))]);
}

#[test]
fn a_verdict_has_the_window_of_its_class() {
    let touches = [
        agent("s", "sms_delivered", 20),
        agent("w", WEB_CHAT, 1),
        agent("e", "email_delivered", 1),
    ];
    let verdicts = explain(LastTouch, WINDOWS, &order(), &touches);
    let windows: Vec<_> = verdicts.iter().map(|verdict| verdict.window).collect();
    assert_eq!(windows, [Some(12 * HOUR), Some(24 * HOUR), None]);
}

/// Returns the touches that can count for an order, each once.
fn touches_of(order: &Order, rows: &[Row]) -> Vec<Touch> {
    let mut touches: Vec<Touch> = Vec::new();
    for row in rows {
        if let Row::Touch(_, touch) = row
            && touch.order.as_ref().is_none_or(|id| *id == order.id)
            && touches.iter().all(|known| known.event != touch.event)
        {
            touches.push(Touch {
                order: None,
                ..touch.clone()
            });
        }
    }
    touches
}

fn attributed(order: &Order, touch: &Touch, (units, value): (u32, i64)) -> Attributed {
    Attributed {
        order: order.id.clone(),
        unit: touch.unit.clone(),
        class: touch.class.clone(),
        touched_at: touch.at,
        units,
        value,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn verdicts_match_the_naive_loop(model in models(), windows in windows(), rows in rows(1)) {
        let parsed: Windows = windows.parse().unwrap();
        let listed: Vec<_> = parsed.iter().collect();
        for row in &rows {
            let Row::Order(_, order) = row else { continue };
            let touches = touches_of(order, &rows);
            let verdicts = explain(model, &windows, order, &touches);
            let expected = naive::attribute(model, &listed, std::slice::from_ref(order), &touches);
            let told: Vec<(&Touch, &Verdict)> = touches.iter().zip(&verdicts).collect();
            let later = |a: &Touch, b: &Touch| (a.at, &a.event) > (b.at, &b.event);
            let eligible = |verdict: &Verdict| !matches!(verdict.outcome, Outcome::LeftOut(_));

            // What won is what is attributed (A8).
            let mut won: Vec<Attributed> = told
                .iter()
                .filter(|(_, verdict)| matches!(verdict.outcome, Outcome::Won(_)))
                .map(|(touch, verdict)| attributed(order, touch, verdict.part.unwrap()))
                .collect();
            let key = |row: &Attributed| (std::cmp::Reverse(row.touched_at), row.unit.clone());
            let mut expected = expected;
            won.sort_by_key(key);
            expected.sort_by_key(key);
            prop_assert_eq!(&won, &expected);

            // All parts of a split are the whole (A7).
            let split: Vec<(u32, i64)> = verdicts.iter().filter_map(|verdict| verdict.part).collect();
            if !split.is_empty() {
                prop_assert_eq!(split.iter().map(|(_, value)| value).sum::<i64>(), order.value);
                prop_assert!(split.iter().all(|(units, _)| *units as usize == split.len()));
            }

            let winner = told.iter().find(|(_, verdict)| verdict.outcome == WON || verdict.outcome == HOLDS);
            for (touch, verdict) in &told {
                let some_later = |agent: Option<bool>| told.iter().any(|(other, of_other)| {
                    eligible(of_other) && later(other, touch) && agent.is_none_or(|agent| other.agent == agent)
                });
                let window = listed.iter().find(|(class, _)| *class == touch.class).map(|(_, window)| *window);
                prop_assert_eq!(verdict.window, window);
                match verdict.outcome {
                    Outcome::Won(Won::Latest) => prop_assert!(!some_later(None)),
                    Outcome::Won(Won::WebChatHolds) => {
                        prop_assert!(touch.class == WEB_CHAT && some_later(Some(false)));
                    }
                    Outcome::Won(Won::Shares) => prop_assert!(touch.agent && winner.is_none()),
                    Outcome::Lost(Lost::Earlier) => prop_assert!(some_later(None)),
                    Outcome::Lost(Lost::LaterMarketing) => {
                        prop_assert!(touch.agent && touch.class != WEB_CHAT && some_later(Some(false)));
                        prop_assert!(model == LastTouch && winner.is_none_or(|(winner, _)| !later(winner, touch)));
                    }
                    Outcome::Lost(Lost::LaterWebChat) => {
                        let (winner, _) = winner.unwrap();
                        prop_assert!(winner.class == WEB_CHAT && later(winner, touch) && touch.class != WEB_CHAT);
                    }
                    Outcome::Lost(Lost::WebChatWon) => {
                        let (winner, _) = winner.unwrap();
                        prop_assert!(winner.class == WEB_CHAT && later(touch, winner) && !touch.agent);
                    }
                    Outcome::Lost(Lost::Marketing) => {
                        prop_assert!(!touch.agent && winner.is_none());
                        prop_assert!(model == Linear || !some_later(None));
                    }
                    Outcome::LeftOut(LeftOut::NoWindow) => prop_assert_eq!(window, None),
                    Outcome::LeftOut(LeftOut::AfterOrder) => prop_assert!(touch.at > order.at),
                    Outcome::LeftOut(LeftOut::OutsideWindow) => {
                        prop_assert!(order.at - touch.at > window.unwrap());
                    }
                    other @ Outcome::LeftOut(_) => prop_assert!(false, "told nothing of {:?}", other),
                }
            }
        }
    }
}
