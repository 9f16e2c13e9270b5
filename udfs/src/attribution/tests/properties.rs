//! Random rows in any order give the results of the naive loop.

use proptest::prelude::*;

use super::naive::{self, Attributed, Order, Row, Touch};
use super::{HOUR, attribute};
use crate::attribution::rules::{Model, WEB_CHAT, Windows};

pub(super) const CLASSES: [&str; 6] = [
    WEB_CHAT,
    "sms_clicked",
    "email_opened",
    "push_opened",
    "email_clicked",
    "off",
];

pub(super) fn models() -> impl Strategy<Value = Model> {
    prop_oneof![Just(Model::LastTouch), Just(Model::Linear)]
}

/// Generates windows of a few hours, so that touches lie inside and outside.
pub(super) fn windows() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::option::of(0..12u32), CLASSES.len() - 1).prop_map(|hours| {
        let entries = CLASSES.iter().zip(hours).map(|(class, hours)| {
            hours.map_or(format!("{class}=off"), |hours| {
                format!("{class}={hours} hours")
            })
        });
        entries.collect::<Vec<_>>().join(",")
    })
}

/// Generates rows of few instants, units and orders, so that many tie. Event ids are distinct, except that a touch may come
/// twice: for all orders, and for one order alone (A4).
pub(super) fn rows(groups: usize) -> impl Strategy<Value = Vec<Row>> {
    let order = (0..groups, 0..15i64, 0..100i64).prop_map(|row| (row, None));
    let touch = (
        (0..groups, 0..15i64, 0..100i64),
        (
            0..CLASSES.len(),
            0..4u8,
            any::<bool>(),
            proptest::option::of(0..12usize),
            any::<bool>(),
        ),
    )
        .prop_map(|(row, touch)| (row, Some(touch)));
    let row = prop_oneof![1 => order, 3 => touch];
    (proptest::collection::vec(row, 0..60), any::<u64>()).prop_map(|(drawn, seed)| {
        let mut rows = Vec::new();
        for (i, ((group, at, value), touch)) in drawn.into_iter().enumerate() {
            let at = at * HOUR;
            // Ids sort differently from arrival order, and differ in length.
            let id = (i as u64 + 1).wrapping_mul(seed | 1) % 100_003;
            let Some((class, unit, agent, order, twice)) = touch else {
                let id = format!("o{}", rows.len() % 12);
                let taken = |row: &Row| matches!(row, Row::Order(_, order) if order.id == id);
                if !rows.iter().any(taken) {
                    rows.push(Row::Order(group, Order { id, at, value }));
                }
                continue;
            };
            let touch = Touch {
                event: format!("{id}-{i}"),
                at,
                class: CLASSES[class].to_owned(),
                unit: format!("u{unit}"),
                agent: agent || class == 0,
                order: order.map(|order| format!("o{order}")),
            };
            if twice {
                let order = None;
                rows.push(Row::Touch(
                    group,
                    Touch {
                        order,
                        ..touch.clone()
                    },
                ));
            }
            rows.push(Row::Touch(group, touch));
        }
        rows
    })
}

/// Returns the naive loop's attributed rows of each group.
pub(super) fn expected(
    model: Model,
    windows: &str,
    groups: usize,
    rows: &[Row],
) -> Vec<Vec<Attributed>> {
    let windows: Windows = windows.parse().unwrap();
    let windows: Vec<_> = windows.iter().collect();
    let of_group = (0..groups).map(|group| {
        let (mut orders, mut touches) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.group() == group) {
            match row {
                Row::Order(_, order) => orders.push(order.clone()),
                Row::Touch(_, touch) => touches.push(touch.clone()),
            }
        }
        naive::attribute(model, &windows, &orders, &touches)
    });
    of_group.collect()
}

/// Generates so many touches, each with its own id and group.
pub(super) fn many(count: usize) -> Vec<Row> {
    let touch = |i: usize| Touch {
        event: format!("event-{i:08}"),
        at: i as i64,
        class: "sms_clicked".to_owned(),
        unit: format!("conversation-{i:08}"),
        agent: true,
        order: None,
    };
    (0..count).map(|i| Row::Touch(i, touch(i))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn matches_the_naive_loop(model in models(), windows in windows(), rows in rows(3)) {
        let groups = rows.iter().map(|row| row.group() + 1).max().unwrap_or(0);
        let answer = attribute(model, &windows, &rows);
        prop_assert_eq!(&answer, &expected(model, &windows, groups, &rows));
    }

    #[test]
    fn matches_the_naive_loop_in_one_group_of_many_orders(model in models(), windows in windows(), rows in rows(1)) {
        let groups = usize::from(!rows.is_empty());
        prop_assert_eq!(attribute(model, &windows, &rows), expected(model, &windows, groups, &rows));
    }

    /// E2 holds even where event ids collide.
    #[test]
    fn e2_arrival_order_does_not_matter(
        model in models(),
        windows in windows(),
        (rows, shuffled) in rows(2)
            .prop_map(|rows| rows.into_iter().map(|row| match row {
                Row::Touch(group, touch) => {
                    let event = touch.event.chars().take(1).collect();
                    Row::Touch(group, Touch { event, ..touch })
                }
                order => order,
            }).collect::<Vec<_>>())
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        prop_assert_eq!(attribute(model, &windows, &rows), attribute(model, &windows, &shuffled));
    }

    /// The credits of an order never sum to more than 1, nor its parts to more than its value.
    #[test]
    fn a8_nothing_is_credited_twice(model in models(), windows in windows(), rows in rows(1)) {
        let answer: Vec<Attributed> = attribute(model, &windows, &rows).into_iter().flatten().collect();
        for row in &rows {
            let Row::Order(_, order) = row else { continue };
            let own: Vec<_> = answer.iter().filter(|row| row.order == order.id).collect();
            prop_assert!(own.iter().map(|row| row.value).sum::<i64>() <= order.value);
            prop_assert!(own.iter().all(|row| own.len() <= row.units as usize));
        }
    }
}
