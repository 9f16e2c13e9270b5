//! Attribution against a loop written straight from the rules, and through SQL.

mod cases;
mod naive;
mod partial;
mod properties;
mod sql;

use super::ledger::{Ledger, OrderRow, TouchRow};
use super::resolve::{RuleBook, resolve};
use super::rules::{Classes, Lanes, Model, Windows};
use naive::{Attributed, Row};

/// Hours, as the cases write instants.
pub(crate) const HOUR: i64 = 3_600_000_000;

/// Attributes the rows with the module under test, group after group.
pub(crate) fn attribute(model: Model, windows: &str, rows: &[Row]) -> Vec<Vec<Attributed>> {
    let windows: Windows = windows.parse().unwrap();
    let mut classes = Classes::of(&windows);
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
    let book = RuleBook {
        rules: vec![(model, Lanes::new(&windows, &classes))],
        of_group: None,
    };
    let credits = resolve(&ledger, groups, &book, &classes);
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
