//! Each rule of SPEC section 4, by example.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use rstest::rstest;

use super::super::conversation::Conversation;
use super::super::conversation_status::StatusState;
use super::model::{Columns, Event, Folded, Shape, read};
use crate::grouped::{Groups, SingleGroup};

/// Parses an event written as `KIND[=VALUE]@INSTANT/ID`.
fn event(text: &'static str) -> Event {
    let (what, place) = text.split_once('@').unwrap();
    let (at, id) = place.split_once('/').unwrap_or((place, ""));
    let (kind, value) = match what.split_once('=') {
        Some((kind, value)) => (kind, Some(value)),
        None => (what, None),
    };
    let mut event = Event {
        id: id.to_owned(),
        at: at.parse().unwrap(),
        ..Event::default()
    };
    event.kind = match kind {
        "start" => {
            event.channel = Some("sms");
            event.profile = value;
            "conversation_started"
        }
        "preview" => {
            event.mode = Some("preview");
            "conversation_started"
        }
        "hello" => {
            event.first_message = value;
            "conversation_started"
        }
        "shopper" | "agent" | "human" => {
            event.sender = Some(kind);
            event.text = value;
            "message_sent"
        }
        "uses" => {
            event.procedure = value;
            "procedure_started"
        }
        "tag" => {
            event.tag = value;
            "tag_added"
        }
        "link" => {
            event.profile = value;
            "profile_linked"
        }
        "resolved" => {
            event.procedure = value;
            "conversation_resolved"
        }
        "resolved_tags" => {
            event.tags = Some(value.unwrap().split(',').collect());
            "conversation_resolved"
        }
        "escalated" => {
            event.reason = value;
            "conversation_escalated"
        }
        "escalated_by" => {
            event.procedure = value;
            event.category = Some("billing");
            "conversation_escalated"
        }
        "closed" => "conversation_closed",
        "click" => {
            event.is_bot = value.map(|value| value == "bot");
            "link_clicked"
        }
        "rated" => {
            event.rating = value.map(|value| value.parse().unwrap());
            "conversation_rated"
        }
        "cart" => "added_to_cart",
        "recommended" => "product_recommended",
        "order" => "order_placed",
        other => panic!("{other}"),
    };
    event
}

pub(super) fn events(texts: &[&'static str]) -> Vec<Event> {
    texts.iter().map(|text| event(text)).collect()
}

/// Folds the events in both orders, checking that the results agree, and agree with `conversation_status`.
fn folded(texts: &[&'static str]) -> Option<Folded> {
    let mut events = events(texts);
    let mut answers = vec![];
    for _ in 0..2 {
        let columns = Columns {
            events: &events,
            shape: Shape::Utf8View,
        };
        let mut whole = SingleGroup::<Conversation>::default();
        whole.update_batch(&columns.fold()).unwrap();
        let answer = read(&whole.evaluate().unwrap().to_array().unwrap(), 0);
        let mut status = SingleGroup::<StatusState>::default();
        status.update_batch(&columns.status()).unwrap();
        assert_eq!(
            status.evaluate().unwrap(),
            ScalarValue::Utf8(answer.as_ref().and_then(|answer| answer.status.clone()))
        );
        answers.push(answer);
        events.reverse();
    }
    assert_eq!(answers[0], answers[1]);
    answers.swap_remove(0)
}

#[rstest]
#[case::c3_1_escalated(&["start@0", "escalated@1", "resolved@2"], "routed")]
#[case::c3_1_human(&["start@0", "human@1", "resolved@2"], "routed")]
#[case::c3_1_is_final(&["human@1", "closed@2", "resolved@3", "shopper@4"], "routed")]
#[case::c3_2_resolved(&["start@0", "shopper@1", "resolved@2"], "resolved")]
#[case::c3_2_agent_may_go_on(&["shopper@1", "resolved@2", "agent@3"], "resolved")]
#[case::c3_2_reopened(&["shopper@1", "resolved@2", "shopper@3"], "open")]
#[case::c3_2_resolved_again(&["resolved@2", "shopper@3", "resolved@4"], "resolved")]
#[case::c3_2_before_c3_3(&["resolved@2", "closed@3"], "resolved")]
#[case::c3_2_tie_shopper_later(&["resolved@2/a", "shopper@2/b"], "open")]
#[case::c3_2_tie_resolved_later(&["resolved@2/b", "shopper@2/a"], "resolved")]
#[case::c3_2_tie_bytewise(&["resolved@2/Z", "shopper@2/a"], "open")]
#[case::c3_3_closed(&["shopper@1", "closed@2"], "closed")]
#[case::c3_3_closed_after_reopening(&["resolved@1", "shopper@2", "closed@3"], "closed")]
#[case::c3_3_not_last(&["closed@2", "shopper@3"], "open")]
#[case::c3_5_open(&["start@0", "shopper@1", "agent@2"], "open")]
#[case::c10_events_before_the_start(&["start@9", "resolved@1"], "resolved")]
fn c3_status(#[case] texts: &[&'static str], #[case] expected: &str) {
    assert_eq!(folded(texts).unwrap().status.as_deref(), Some(expected));
}

#[rstest]
#[case::c4_earliest_with_text(&["hello=from the start@0", "shopper@1", "shopper=@2", "agent=hi@3", "shopper=b@5", "shopper=a@4"], Some("a"))]
#[case::c4_tie(&["shopper=second@4/s", "shopper=first@4/q"], Some("first"))]
#[case::c4_first_message(&["hello=from the start@0", "agent=hi@1"], Some("from the start"))]
#[case::c4_not_of_a_later_start(&["start@0", "hello=second@1"], None)]
#[case::c4_before_the_start(&["hello=x@5", "shopper=early@1"], Some("early"))]
fn c4_first_question(#[case] texts: &[&'static str], #[case] expected: Option<&str>) {
    assert_eq!(folded(texts).unwrap().first_question.as_deref(), expected);
}

#[rstest]
#[case::start(&["start=p1@0"], Some("p1"))]
#[case::linked_later(&["start=p1@0", "link=p2@1", "link=p3@2"], Some("p3"))]
#[case::linked_before_the_start(&["start=p1@5", "link=p2@1"], Some("p1"))]
#[case::tie(&["link=pB@5/l1", "link=pA@5/l2"], Some("pA"))]
#[case::tie_with_the_start(&["start=p1@5/a", "link=p2@5/b"], Some("p2"))]
#[case::a_later_start_has_none(&["start@0", "start=p2@1"], None)]
#[case::a_later_start_is_ignored(&["start=p1@0", "start=p2@9", "link=p3@5"], Some("p3"))]
#[case::a_link_without_one(&["start=p1@0", "link@5"], Some("p1"))]
#[case::none(&["start@0"], None)]
fn c5_profile(#[case] texts: &[&'static str], #[case] expected: Option<&str>) {
    assert_eq!(folded(texts).unwrap().profile.as_deref(), expected);
}

#[rstest]
#[case::latest(&["start@0", "rated=5@1", "rated=2@3", "rated=4@2"], Some((2, 3)), None)]
#[case::tie(&["rated=5@1/b", "rated=2@1/a"], Some((5, 1)), None)]
#[case::never(&["start@0", "agent@1"], None, None)]
#[case::earliest_human(&["start@5", "human@3", "human@1", "agent@0", "rated=1@9"], Some((1, 9)), Some(1))]
fn c11_rating_and_human_reply(
    #[case] texts: &[&'static str],
    #[case] rated: Option<(i64, i64)>,
    #[case] human_replied_at: Option<i64>,
) {
    let folded = folded(texts).unwrap();
    assert_eq!(folded.rating.zip(folded.rated_at), rated);
    assert_eq!(folded.rated_at.is_some(), rated.is_some());
    assert_eq!(folded.human_replied_at, human_replied_at);
}

#[rstest]
#[case::order_of_first_use(
    &["uses=Returns@3", "uses=Order status@2", "uses=Order status@4", "escalated_by=Refunds@5", "resolved=Sizing@6"],
    &["Order status", "Returns", "Refunds", "Sizing"], &["Order status", "Refunds", "Returns", "Sizing"])]
#[case::tie(&["uses=alpha@1/x2", "uses=beta@1/x1"], &["beta", "alpha"], &["alpha", "beta"])]
#[case::tags_bytewise(
    &["tag=vip@1", "tag=Vip@1", "resolved_tags=size,fit,size@2", "escalated=late@3", "escalated=angry@4"],
    &[], &["Vip", "angry", "fit", "late", "size", "vip"])]
#[case::a_procedure_is_one_tag(&["uses=a@1", "tag=a@2"], &["a"], &["a"])]
#[case::none(&["start@0"], &[], &[])]
fn c6_procedures_and_tags(
    #[case] texts: &[&'static str],
    #[case] procedures: &[&str],
    #[case] tags: &[&str],
) {
    let folded = folded(texts).unwrap();
    assert_eq!(
        (&folded.procedures[..], &folded.tags[..]),
        (&owned(procedures)[..], &owned(tags)[..])
    );
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn c1_later_starts_are_ignored_but_counted_as_events() {
    let folded = folded(&["start=p1@1/a", "preview@1/b", "start=p2@9", "agent@4"]).unwrap();
    assert_eq!(
        (folded.started_at, folded.mode.as_deref()),
        (Some(1), Some("live"))
    );
    assert_eq!(
        (folded.channel.as_deref(), folded.last_updated),
        (Some("sms"), Some(4))
    );
    assert_eq!(
        (folded.first_event_at, folded.last_event_at, folded.events),
        (Some(1), Some(9), 4)
    );
}

#[test]
fn c1_events_without_a_start_have_no_channel_and_mode() {
    let folded = folded(&["agent@4", "link=p2@6"]).unwrap();
    assert_eq!(
        (folded.started_at, &folded.channel, &folded.mode),
        (None, &None, &None)
    );
    assert_eq!(
        (folded.last_updated, folded.events, folded.messages),
        (Some(6), 2, 1)
    );
}

#[rstest]
#[case(&[])]
#[case(&["order@1"])]
fn c1_without_events_of_the_conversation_the_result_is_null(#[case] texts: &[&'static str]) {
    assert_eq!(folded(texts), None);
}

#[test]
fn c1_an_order_is_no_event_of_the_conversation() {
    let folded = folded(&["start@1", "order@99"]).unwrap();
    assert_eq!(
        (folded.last_event_at, folded.last_updated, folded.events),
        (Some(1), Some(1), 1)
    );
}

#[test]
fn c2_the_mode_is_preview() {
    assert_eq!(
        folded(&["preview@1"]).unwrap().mode.as_deref(),
        Some("preview")
    );
}

#[test]
fn c7_c9_counts() {
    let folded = folded(&[
        "start@0",
        "shopper@1",
        "agent@2",
        "human@3",
        "click@4",
        "click=bot@5",
        "click=person@6",
        "cart@7",
        "cart@8",
        "recommended@9",
    ])
    .unwrap();
    assert_eq!(folded.messages, 3);
    assert_eq!(
        (
            folded.link_clicks,
            folded.human_link_clicks,
            folded.cart_adds
        ),
        (3, 2, 2)
    );
    assert_eq!((folded.last_updated, folded.events), (Some(9), 10));
}

#[test]
fn c8_the_earliest_escalation_gives_the_fields_and_resolved_at_is_null() {
    let folded = folded(&[
        "resolved@1",
        "escalated=angry@5/b",
        "escalated_by=Refunds@5/a",
    ])
    .unwrap();
    assert_eq!((folded.escalated_at, folded.resolved_at), (Some(5), None));
    assert_eq!(
        folded.escalation,
        [None, Some("billing".into()), Some("Refunds".into())]
    );
}

#[rstest]
#[case::resolved(&["resolved@1", "resolved@3"], Some(3), false)]
#[case::reopened_and_resolved(&["resolved@1", "shopper@2", "resolved@3"], Some(3), true)]
#[case::reopened(&["resolved@1", "shopper@2"], None, true)]
#[case::shopper_before(&["shopper@0", "resolved@1"], Some(1), false)]
#[case::tie(&["resolved@5/r5", "shopper@5/s5"], None, true)]
#[case::routed(&["resolved@1", "human@2"], None, false)]
fn c8_resolved_at_and_reopened(
    #[case] texts: &[&'static str],
    #[case] resolved_at: Option<i64>,
    #[case] reopened: bool,
) {
    let folded = folded(texts).unwrap();
    assert_eq!(
        (folded.resolved_at, folded.reopened),
        (resolved_at, reopened)
    );
}

#[test]
fn more_than_128_channels_are_refused() {
    let names: Vec<&'static str> = (0..129).map(|i| &*i.to_string().leak()).collect();
    let events: Vec<_> = names
        .iter()
        .map(|name| Event {
            channel: Some(*name),
            ..event("start@0")
        })
        .collect();
    let columns = Columns {
        events: &events,
        shape: Shape::Utf8,
    };
    let indices: Vec<_> = (0..129).collect();
    let mut groups = Groups::<Conversation>::default();
    groups
        .update_batch(&columns.fold(), &indices, None, 129)
        .unwrap();
    let error = groups.evaluate(EmitTo::All).unwrap_err().to_string();
    assert!(
        error.contains("channel has more than 128 different values"),
        "{error}"
    );
}
