//! Tests of attribution: cases, SQL, and a comparison with a naive loop written straight from the rules.

mod cases;
mod naive;
mod partial;
mod properties;
mod sql;
mod touch_outcome;
mod verdicts;

use super::ledger::{Ledger, OrderRow, TouchRow};
use super::resolve::{Parts, RuleBook, resolve};
use super::rules::{Classes, Lanes, Model, Windows};
use naive::{Attributed, Row};

/// Microseconds in an hour.
pub(crate) const HOUR: i64 = 3_600_000_000;

/// Converts rows to a ledger and the codes of their classes, and counts their groups.
pub(crate) fn ledger_of(windows: &Windows, rows: &[Row]) -> (Ledger, Classes, usize) {
    let mut classes = Classes::from_windows(windows);
    let mut ledger = Ledger::default();
    let groups = rows.iter().map(|row| row.group() + 1).max().unwrap_or(0);
    for row in rows {
        match row {
            Row::Order(group, order) => {
                let row = OrderRow {
                    at: order.at,
                    value: order.value,
                    id: &order.id,
                };
                ledger.push_order(*group as u32, row).unwrap();
            }
            Row::Touch(group, touch) => {
                let row = TouchRow {
                    at: touch.at,
                    event: &touch.event,
                    class: classes.intern(&touch.class).unwrap(),
                    unit: &touch.unit,
                    agent: touch.agent,
                    order: touch.order.as_deref(),
                };
                ledger.push_touch(*group as u32, row).unwrap();
            }
        }
    }
    (ledger, classes, groups)
}

/// Attributes the rows with [`resolve`], and returns the attributed rows of each group.
pub(crate) fn attribute(model: Model, windows: &str, rows: &[Row]) -> Vec<Vec<Attributed>> {
    let windows: Windows = windows.parse().unwrap();
    let (ledger, classes, groups) = ledger_of(&windows, rows);
    let book = RuleBook {
        rules: vec![(model, Lanes::new(&windows, &classes))],
        of_group: None,
    };
    let credits = resolve(&ledger, groups, &book, &classes, Parts::Agent);
    let mut from = 0;
    let groups = credits.ends.iter().map(|end| {
        let rows = &credits.rows[from..*end];
        from = *end;
        let rows = rows.iter().map(|credit| {
            let touch = &ledger.touches()[credit.touch as usize];
            Attributed {
                order: ledger
                    .order_id(&ledger.orders()[credit.order as usize])
                    .to_owned(),
                unit: ledger.unit(touch).to_owned(),
                class: classes.name(touch.class).to_owned(),
                touched_at: touch.at,
                units: credit.units,
                value: credit.value,
            }
        });
        rows.collect()
    });
    groups.collect()
}
