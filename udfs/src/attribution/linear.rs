//! Attributes the orders of one group by the linear model (A7).
//!
//! Touches come sorted by time. For each order a sliding range covers the touches within the longest window, and they are
//! visited from the latest to the earliest. So the first touch seen of a unit is its latest, and units are seen in the
//! order in which they get the leftover steps of 0.0001.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use super::ledger::{Ledger, Touch};
use super::resolve::{Credit, NONE, Parts, SortedOrders, is_eligible};
use super::rules::{Classes, Lanes};

/// A touch that is eligible for at least one order of its group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) group: u32,
    at: i64,
    /// Its index in the ledger.
    touch: u32,
    /// The position of the only order that it can count for (A4), or [`NONE`] for all.
    only_order: u32,
}

impl Candidate {
    /// Creates a candidate for all orders of its group.
    pub(super) fn new(touch: &Touch, place: u32) -> Self {
        Self {
            group: touch.group,
            at: touch.at,
            touch: place,
            only_order: NONE,
        }
    }

    /// Creates a candidate for one order (A4).
    pub(super) fn for_order(touch: &Touch, place: u32, order: usize) -> Self {
        Self {
            // The ledger holds fewer than 2^32 orders.
            only_order: order as u32,
            ..Self::new(touch, place)
        }
    }
}

/// Sorts candidates by group and time (E2).
pub(super) fn sort(candidates: &mut [Candidate], ledger: &Ledger, classes: &Classes) {
    let touches = ledger.touches();
    candidates.sort_unstable_by(|a, b| {
        (a.group, a.at).cmp(&(b.group, b.at)).then_with(|| {
            let (x, y) = (&touches[a.touch as usize], &touches[b.touch as usize]);
            ledger.compare_total(x, y, classes)
        })
    });
}

/// Collects the units of an order. The same value is used for all orders and groups, to keep its buffers.
#[derive(Default)]
pub(super) struct Units {
    /// By candidate of the group, the number of its unit.
    of_touch: Vec<u32>,
    /// By unit, the last order for which it was seen.
    last_order: Vec<u32>,
    /// The latest touch of each unit of one order, the latest first.
    latest: Vec<u32>,
    /// Which units get a row.
    parts: Parts,
}

impl Units {
    /// Creates empty buffers; `parts` says which units get a row.
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            parts,
            ..Self::default()
        }
    }

    /// Numbers the units of a group: each agent conversation and each marketing message is one.
    fn assign_units(&mut self, ledger: &Ledger, candidates: &[Candidate]) {
        let mut known: HashMap<(bool, &str), u32> = HashMap::new();
        self.of_touch.clear();
        for candidate in candidates {
            let touch = &ledger.touches()[candidate.touch as usize];
            // There are at most as many units as touches, below 2^32.
            let next = known.len() as u32;
            let unit = known
                .entry((touch.agent, ledger.unit(touch)))
                .or_insert(next);
            self.of_touch.push(*unit);
        }
        self.last_order.clear();
        self.last_order.resize(known.len(), NONE);
    }
}

/// Attributes the orders of one group, given its candidates sorted by time.
pub(super) fn attribute(
    ledger: &Ledger,
    orders: &SortedOrders,
    run: Range<usize>,
    candidates: &[Candidate],
    lanes: &Lanes,
    units: &mut Units,
    credits: &mut Vec<Credit>,
) {
    if candidates.is_empty() {
        return;
    }
    units.assign_units(ledger, candidates);
    let longest = lanes.longest();
    let (mut from, mut to) = (0, 0);
    for k in run {
        let ordered = orders.at[k];
        while to < candidates.len() && candidates[to].at <= ordered {
            to += 1;
        }
        while from < to && ordered.saturating_sub(candidates[from].at) > longest {
            from += 1;
        }
        let web = collect_units(ledger, k, ordered, candidates, from..to, lanes, units);
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

/// Collects the units of one order in `units.latest`, or returns the web chat touch that takes the whole order.
fn collect_units(
    ledger: &Ledger,
    k: usize,
    ordered: i64,
    candidates: &[Candidate],
    within: Range<usize>,
    lanes: &Lanes,
    units: &mut Units,
) -> Option<u32> {
    // The ledger holds fewer than 2^32 orders.
    let this = k as u32;
    let (mut agent, mut web_seen): (Option<&Touch>, bool) = (None, false);
    units.latest.clear();
    for i in within.rev() {
        let candidate = &candidates[i];
        if candidate.only_order != NONE && candidate.only_order != this {
            continue;
        }
        let touch = &ledger.touches()[candidate.touch as usize];
        let Some((lane, window)) = lanes.lane_and_window(touch.class) else {
            continue;
        };
        if !is_eligible(ordered, candidate.at, window) {
            continue;
        }
        if lane == Lanes::WEB_CHAT {
            let later =
                agent.is_some_and(|agent| ledger.compare(agent, touch) == Ordering::Greater);
            if !web_seen && !later {
                return Some(candidate.touch);
            }
            web_seen = true;
            continue;
        }
        if touch.agent && agent.is_none() {
            agent = Some(touch);
        }
        let last_order = &mut units.last_order[units.of_touch[i] as usize];
        if *last_order != this {
            *last_order = this;
            units.latest.push(candidate.touch);
        }
    }
    None
}
