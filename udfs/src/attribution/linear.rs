//! The linear model of one group (A7).
//!
//! Touches come sorted by time; for each order a pair of bounds slides over those that the longest window reaches, and
//! they are walked from the latest to the earliest. So the first touch met of a unit is its latest, and units are met
//! in the order in which the steps left over go to them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use super::ledger::{Ledger, Touch};
use super::resolve::{Credit, NONE, Parts, SortedOrders, eligible};
use super::rules::{Classes, Lanes};

/// A touch that reaches some order of its group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) group: u32,
    at: i64,
    /// Its place in the ledger.
    touch: u32,
    /// The one order that it reaches, or [`NONE`] for all.
    only: u32,
}

impl Placed {
    pub(super) fn new(touch: &Touch, place: u32) -> Self {
        Self {
            group: touch.group,
            at: touch.at,
            touch: place,
            only: NONE,
        }
    }

    pub(super) fn addressed(touch: &Touch, place: u32, order: usize) -> Self {
        Self {
            // An order's number is below 2^32, as the ledger's rows are.
            only: order as u32,
            ..Self::new(touch, place)
        }
    }
}

/// Sorts by group and time (E2).
pub(super) fn sort(placed: &mut [Placed], ledger: &Ledger, classes: &Classes) {
    let touches = ledger.touches();
    placed.sort_unstable_by(|a, b| {
        (a.group, a.at).cmp(&(b.group, b.at)).then_with(|| {
            let (x, y) = (&touches[a.touch as usize], &touches[b.touch as usize]);
            ledger.compare_total(x, y, classes)
        })
    });
}

/// The units of one group: which touch is of which, and which were met for an order. Kept for its buffers.
#[derive(Default)]
pub(super) struct Units {
    /// By touch of the group, the number of its unit.
    of_touch: Vec<u32>,
    /// By unit, the last order for which it was met.
    met: Vec<u32>,
    /// The units of one order: the latest touch of each, the latest first.
    latest: Vec<u32>,
    /// Which of them have a row.
    parts: Parts,
}

impl Units {
    /// No units yet, of which these will have a row.
    pub(super) fn of(parts: Parts) -> Self {
        Self {
            parts,
            ..Self::default()
        }
    }

    /// Numbers the units: an agent's conversation or a marketing message each.
    fn number(&mut self, ledger: &Ledger, own: &[Placed]) {
        let mut known: HashMap<(bool, &str), u32> = HashMap::new();
        self.of_touch.clear();
        for placed in own {
            let touch = &ledger.touches()[placed.touch as usize];
            // There are at most as many units as touches, below 2^32.
            let next = known.len() as u32;
            let unit = known
                .entry((touch.agent, ledger.unit(touch)))
                .or_insert(next);
            self.of_touch.push(*unit);
        }
        self.met.clear();
        self.met.resize(known.len(), NONE);
    }
}

/// Attributes the orders of one group, `own` being the touches placed in it.
pub(super) fn attribute(
    ledger: &Ledger,
    orders: &SortedOrders,
    run: Range<usize>,
    own: &[Placed],
    lanes: &Lanes,
    units: &mut Units,
    credits: &mut Vec<Credit>,
) {
    if own.is_empty() {
        return;
    }
    units.number(ledger, own);
    let longest = lanes.longest();
    let (mut from, mut to) = (0, 0);
    for k in run {
        let ordered = orders.at[k];
        while to < own.len() && own[to].at <= ordered {
            to += 1;
        }
        while from < to && ordered.saturating_sub(own[from].at) > longest {
            from += 1;
        }
        let web = meet(ledger, k, ordered, own, from..to, lanes, units);
        let order = orders.rows[k];
        let value = ledger.orders()[order as usize].value;
        if let Some(touch) = web {
            credits.push(Credit {
                order,
                touch,
                units: 1,
                value,
            });
            continue;
        }
        let Ok(count) = u32::try_from(units.latest.len()) else {
            continue;
        };
        for (rank, touch) in (0u32..).zip(&units.latest) {
            if units.parts == Parts::All || ledger.touches()[*touch as usize].agent {
                let n = i64::from(count);
                let left_over = i64::from(i64::from(rank) < value.rem_euclid(n));
                credits.push(Credit {
                    order,
                    touch: *touch,
                    units: count,
                    value: value.div_euclid(n) + left_over,
                });
            }
        }
    }
}

/// Gathers the units of one order into `units.latest`; or gives the web chat touch that takes it all.
fn meet(
    ledger: &Ledger,
    k: usize,
    ordered: i64,
    own: &[Placed],
    within: Range<usize>,
    lanes: &Lanes,
    units: &mut Units,
) -> Option<u32> {
    // An order's number is below 2^32, as the ledger's rows are.
    let this = k as u32;
    let (mut agent, mut web_seen): (Option<&Touch>, bool) = (None, false);
    units.latest.clear();
    for i in within.rev() {
        let placed = &own[i];
        if placed.only != NONE && placed.only != this {
            continue;
        }
        let touch = &ledger.touches()[placed.touch as usize];
        let Some((lane, window)) = lanes.of(touch.class) else {
            continue;
        };
        if !eligible(ordered, placed.at, window) {
            continue;
        }
        if lane == Lanes::WEB_CHAT {
            let later =
                agent.is_some_and(|agent| ledger.compare(agent, touch) == Ordering::Greater);
            if !web_seen && !later {
                return Some(placed.touch);
            }
            web_seen = true;
            continue;
        }
        if touch.agent && agent.is_none() {
            agent = Some(touch);
        }
        let met = &mut units.met[units.of_touch[i] as usize];
        if *met != this {
            *met = this;
            units.latest.push(placed.touch);
        }
    }
    None
}
