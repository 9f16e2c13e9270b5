//! SPEC E2: any order, any batches and any partial states give the results of the straightforward fold.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::concat;
use datafusion::common::Result;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use proptest::prelude::*;

use super::super::conversation::Conversation;
use super::super::conversation_ruling::RulingState;
use super::super::conversation_status::StatusState;
use super::model::{Columns, Event, Folded, Shape, fold, read};
use super::ruling;
use crate::grouped::{Fold, Groups, SingleGroup};

const CONVERSATIONS: usize = 4;

fn maybe(options: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(prop::sample::select(options))
}

/// Generates events of few instants, so that most of them tie, with ids that differ little in bytes.
fn event() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(vec![
        "conversation_started",
        "message_sent",
        "message_sent",
        "message_sent",
        "procedure_started",
        "product_recommended",
        "link_clicked",
        "added_to_cart",
        "tag_added",
        "profile_linked",
        "conversation_resolved",
        "conversation_escalated",
        "conversation_closed",
        "conversation_rated",
        "order_placed",
        "",
    ]);
    let names = || {
        maybe(&[
            "a",
            "b",
            "B",
            "",
            "é",
            "a name longer than a view holds",
            "another name, longer still",
        ])
    };
    let tags = prop::option::of(prop::collection::vec(
        prop::sample::select(vec!["x", "y", "a", ""]),
        0..3,
    ));
    (
        (
            prop::sample::select(vec![
                "",
                "a",
                "Z",
                "9",
                "é",
                "a0",
                "a long id that takes more room than others ",
            ]),
            kind,
            -2..3_i64,
        ),
        (
            maybe(&["p1", "p2"]),
            maybe(&["sms", "email"]),
            maybe(&["live", "preview"]),
            maybe(&["shopper", "shopper", "agent", "human", "?"]),
        ),
        (names(), names(), names(), names(), names(), names()),
        (
            tags,
            prop::option::of(any::<bool>()),
            prop::option::of(1..=5_i64),
        ),
    )
        .prop_map(
            |((id, kind, at), (profile, channel, mode, sender), names, (tags, is_bot, rating))| {
                Event {
                    id: id.to_owned(),
                    kind,
                    at,
                    profile,
                    channel,
                    mode,
                    sender,
                    first_message: names.0,
                    text: names.1,
                    procedure: names.2,
                    tag: names.3,
                    reason: names.4,
                    category: names.5,
                    tags,
                    is_bot,
                    rating,
                }
            },
        )
}

/// An event of a conversation, whether it passes the filter, and the partial state that it goes into.
#[derive(Debug, Clone)]
struct Row {
    event: Event,
    conversation: usize,
    passes: bool,
    part: usize,
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        event(),
        0..CONVERSATIONS,
        prop::bool::weighted(0.9),
        0..3_usize,
    );
    prop::collection::vec(row, 0..60)
        .prop_map(|rows| {
            rows.into_iter()
                .enumerate()
                .map(|(i, (mut event, conversation, passes, part))| {
                    // Ids are unique (E1); their order is not that of arrival.
                    event.id.push_str(&(i * 37 % 64).to_string());
                    Row {
                        event,
                        conversation,
                        passes,
                        part,
                    }
                })
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn shape() -> impl Strategy<Value = Shape> {
    prop::sample::select(vec![
        Shape::Utf8,
        Shape::LargeUtf8,
        Shape::Utf8View,
        Shape::Dictionary,
    ])
}

struct Batch {
    arguments: Vec<ArrayRef>,
    groups: Vec<usize>,
    filter: BooleanArray,
}

fn batches(
    rows: &[Row],
    size: usize,
    shape: Shape,
    arguments: fn(&Columns<'_>) -> Vec<ArrayRef>,
) -> Vec<Batch> {
    rows.chunks(size)
        .map(|rows| {
            let events: Vec<_> = rows.iter().map(|row| row.event.clone()).collect();
            Batch {
                arguments: arguments(&Columns {
                    events: &events,
                    shape,
                }),
                groups: rows.iter().map(|row| row.conversation).collect(),
                filter: rows.iter().map(|row| Some(row.passes)).collect(),
            }
        })
        .collect()
}

/// Aggregates through three partial states; the third is converted row by row, as DataFusion does where it skips partial
/// aggregation.
fn through_partial_states<F: Fold>(
    rows: &[Row],
    size: usize,
    shape: Shape,
    arguments: fn(&Columns<'_>) -> Vec<ArrayRef>,
    first: usize,
) -> Result<ArrayRef> {
    let everyone: Vec<usize> = (0..CONVERSATIONS).collect();
    let mut last = Groups::<F>::default();
    for part in 0..3 {
        let rows: Vec<_> = rows
            .iter()
            .filter(|row| row.part == part)
            .cloned()
            .collect();
        let mut groups = Groups::<F>::default();
        for batch in batches(&rows, size, shape, arguments) {
            if part == 2 {
                let states = groups.convert_to_state(&batch.arguments, Some(&batch.filter))?;
                last.merge_batch(&states, &batch.groups, CONVERSATIONS)?;
            } else {
                groups.update_batch(
                    &batch.arguments,
                    &batch.groups,
                    Some(&batch.filter),
                    CONVERSATIONS,
                )?;
            }
        }
        if part < 2 {
            groups.update_batch(
                &arguments(&Columns { events: &[], shape }),
                &[],
                None,
                CONVERSATIONS,
            )?;
            let head = groups.state(EmitTo::First(first))?;
            last.merge_batch(&head, &everyone[..first], CONVERSATIONS)?;
            let tail = groups.state(EmitTo::All)?;
            last.merge_batch(&tail, &everyone[first..], CONVERSATIONS)?;
        }
    }
    assert!(last.size() > 0);
    last.merge_batch(
        &[Arc::new(arrow::array::LargeBinaryArray::new_null(1))],
        &[0],
        CONVERSATIONS,
    )?;
    let head = last.evaluate(EmitTo::First(first))?;
    let tail = last.evaluate(EmitTo::All)?;
    Ok(concat(&[&head, &tail])?)
}

fn passed(rows: &[Row], conversation: usize) -> Vec<Event> {
    rows.iter()
        .filter(|row| row.conversation == conversation && row.passes)
        .map(|row| row.event.clone())
        .collect()
}

fn expected(rows: &[Row], conversation: usize) -> Option<Folded> {
    fold(&passed(rows, conversation))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn e2_conversation_fold(rows in rows(), size in 1..20_usize, shape in shape(), first in 0..=CONVERSATIONS) {
        let answers = through_partial_states::<Conversation>(&rows, size, shape, |columns| columns.fold(), first).unwrap();
        for conversation in 0..CONVERSATIONS {
            prop_assert_eq!(read(&answers, conversation), expected(&rows, conversation));
        }
    }

    #[test]
    fn e2_conversation_status(rows in rows(), size in 1..20_usize, shape in shape(), first in 0..=CONVERSATIONS) {
        let answers = through_partial_states::<StatusState>(&rows, size, shape, |columns| columns.status(), first).unwrap();
        let answers = answers.as_string::<i32>();
        for conversation in 0..CONVERSATIONS {
            let answer = answers.is_valid(conversation).then(|| answers.value(conversation).to_owned());
            prop_assert_eq!(answer, expected(&rows, conversation).and_then(|folded| folded.status));
        }
    }

    #[test]
    fn e2_conversation_ruling(rows in rows(), size in 1..20_usize, shape in shape(), first in 0..=CONVERSATIONS) {
        let answers = through_partial_states::<RulingState>(&rows, size, shape, |columns| columns.status(), first).unwrap();
        for conversation in 0..CONVERSATIONS {
            let expected = ruling::rule(&passed(&rows, conversation));
            prop_assert_eq!(ruling::read(&answers, conversation), expected);
        }
    }

    /// One group, evaluated after every batch as a growing window does, and merged from two halves.
    #[test]
    fn e2_one_group(rows in rows(), size in 1..20_usize, half in any::<prop::sample::Index>()) {
        let events: Vec<_> = rows.into_iter().map(|row| row.event).collect();
        let mut whole = SingleGroup::<Conversation>::default();
        let mut read_so_far = 0;
        for events_now in events.chunks(size) {
            whole.update_batch(&Columns { events: events_now, shape: Shape::Utf8 }.fold()).unwrap();
            read_so_far += events_now.len();
            let answer = whole.evaluate().unwrap().to_array().unwrap();
            prop_assert_eq!(read(&answer, 0), fold(&events[..read_so_far]));
        }
        let (left, right) = events.split_at(half.index(events.len() + 1));
        let mut both = SingleGroup::<Conversation>::default();
        for part in [right, left] {
            let mut single = SingleGroup::<Conversation>::default();
            single.update_batch(&Columns { events: part, shape: Shape::Utf8View }.fold()).unwrap();
            let state: Vec<_> = single.state().unwrap().iter().map(|s| s.to_array().unwrap()).collect();
            both.merge_batch(&state).unwrap();
        }
        let answer = both.evaluate().unwrap().to_array().unwrap();
        prop_assert_eq!(read(&answer, 0), fold(&events));
    }

    /// Emitting group by group, as over sorted input, gives each group its own texts while the pool is compacted.
    #[test]
    fn emitting_some_groups_keeps_the_texts_of_the_others(sizes in prop::collection::vec(1..400_usize, 1..12)) {
        let mut groups = Groups::<Conversation>::default();
        let text: &'static str = "a question of some length, so that the pool fills and is gathered now and then";
        let (mut total, mut emitted) = (0, 0);
        for size in sizes {
            let events: Vec<_> = (0..size).map(|i| Event {
                id: format!("{:08}", total + i),
                kind: "message_sent",
                at: (total + i) as i64,
                sender: Some("shopper"),
                text: Some(text),
                ..Event::default()
            }).collect();
            let indices: Vec<_> = (0..size).map(|i| total - emitted + i).collect();
            total += size;
            groups.update_batch(&Columns { events: &events, shape: Shape::Utf8 }.fold(), &indices, None, total - emitted).unwrap();
            let emit = (total - emitted) * 2 / 3;
            let answers = groups.evaluate(EmitTo::First(emit)).unwrap();
            for row in 0..emit {
                let answer = read(&answers, row).unwrap();
                prop_assert_eq!(answer.first_event_at, Some((emitted + row) as i64));
                prop_assert_eq!(answer.first_question.as_deref(), Some(text));
            }
            emitted += emit;
        }
    }
}
