//! Attributes the orders of a ledger (SPEC A3 to A7).
//!
//! Orders are few and touches many, so only orders are sorted. Each touch is assigned to the first order of its group at or
//! after it; if it is too early for that order, it is too early for all later ones. Later orders get it by carrying the
//! latest touch of each lane forward from order to order. The cost is O(touches) + O(orders x lanes), and a touch of a group
//! without orders costs one lookup. What always holds: the result depends on the rows, never on their order (E2).

use std::cmp::Ordering;
use std::collections::HashMap;

use super::ledger::{Ledger, Touch};
use super::linear;
use super::rules::{Classes, Lanes, Model};

/// Stands for "no touch".
pub(super) const NONE: u32 = u32::MAX;

/// Credits a part of an order to a unit: an agent's conversation or a marketing message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// The order's index in the ledger.
    pub order: u32,
    /// The index in the ledger of the unit's latest eligible touch.
    pub touch: u32,
    /// The number of units that share the order; the credit is 1 divided by it.
    pub units: u32,
    /// The unit's part of the order's value, in steps of 0.0001.
    pub value: i64,
}

/// Selects which units of an order get a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parts {
    /// The agent's conversations (A7).
    #[default]
    Agent,
    /// Marketing messages too. No attributed row shows them, but `touch_outcome` does.
    All,
}

/// Gives the model and windows of each group.
#[derive(Debug)]
pub struct RuleBook {
    /// The distinct rules.
    pub rules: Vec<(Model, Lanes)>,
    /// By group, the index in `rules`; `None` where all groups have the first.
    pub of_group: Option<Vec<u32>>,
}

impl RuleBook {
    /// Returns the rules of a group.
    pub(super) fn rules_of(&self, group: usize) -> Option<&(Model, Lanes)> {
        let rule = match &self.of_group {
            None => 0,
            Some(of_group) => *of_group.get(group)? as usize,
        };
        self.rules.get(rule)
    }

    /// Returns the greatest number of lanes of any rule.
    fn lanes(&self) -> usize {
        self.rules
            .iter()
            .map(|(_, lanes)| lanes.len())
            .max()
            .unwrap_or(0)
    }
}

/// Holds the credits, sorted by group, by order, and then with the latest touch first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Credits {
    /// The credits of all groups.
    pub rows: Vec<Credit>,
    /// By group, the end of its credits in `rows`.
    pub ends: Vec<usize>,
}

/// Holds the orders sorted by group and, inside a group, by instant.
pub(super) struct SortedOrders {
    /// By group, the position of its first order; one more entry at the end.
    starts: Vec<u32>,
    /// By group, a bit that is set where the group has orders. Most groups have none, and the bits stay in the cache.
    occupied: Vec<u64>,
    /// By position, the order's index in the ledger.
    pub(super) rows: Vec<u32>,
    /// By position, the order's instant.
    pub(super) at: Vec<i64>,
}

impl SortedOrders {
    fn new(ledger: &Ledger, groups: usize) -> Self {
        let orders = ledger.orders();
        let mut starts = vec![0u32; groups + 1];
        let mut occupied = vec![0u64; groups / 64 + 1];
        for order in orders {
            let group = order.group as usize;
            starts[group + 1] += 1;
            occupied[group / 64] |= 1 << (group % 64);
        }
        for group in 0..groups {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut rows = vec![0u32; orders.len()];
        for (row, order) in (0u32..).zip(orders) {
            let place = &mut next[order.group as usize];
            rows[*place as usize] = row;
            *place += 1;
        }
        for group in 0..groups {
            let run = &mut rows[starts[group] as usize..starts[group + 1] as usize];
            if run.len() > 1 {
                run.sort_unstable_by(|a, b| {
                    let (a, b) = (&orders[*a as usize], &orders[*b as usize]);
                    a.at.cmp(&b.at)
                        .then_with(|| ledger.order_id(a).cmp(ledger.order_id(b)))
                        .then_with(|| a.value.cmp(&b.value))
                });
            }
        }
        let at = rows.iter().map(|row| orders[*row as usize].at).collect();
        Self {
            starts,
            occupied,
            rows,
            at,
        }
    }

    /// Returns whether a group has orders.
    fn has_orders(&self, group: usize) -> bool {
        self.occupied[group / 64] >> (group % 64) & 1 == 1
    }

    /// Returns the positions of a group's orders.
    fn run(&self, group: usize) -> std::ops::Range<usize> {
        self.starts[group] as usize..self.starts[group + 1] as usize
    }

    /// Returns the position of the first order in `run` at or after an instant.
    fn first_at_or_after(&self, run: &std::ops::Range<usize>, at: i64) -> Option<usize> {
        let instants = &self.at[run.clone()];
        let skip = if instants.len() <= 16 {
            instants.iter().position(|t| *t >= at)?
        } else {
            instants.partition_point(|t| *t < at)
        };
        (skip < instants.len()).then_some(run.start + skip)
    }
}

/// Finds orders by id, for addressed touches (A4): by a scan in groups of few orders, by a sorted list in others.
#[derive(Default)]
struct OrdersById(HashMap<usize, Vec<u32>>);

impl OrdersById {
    /// Calls `found` with the position of each order of `run` with an id.
    fn for_each_match(
        &mut self,
        ledger: &Ledger,
        orders: &SortedOrders,
        run: std::ops::Range<usize>,
        id: &str,
        mut found: impl FnMut(usize),
    ) {
        let id_of = |k: usize| ledger.order_id(&ledger.orders()[orders.rows[k] as usize]);
        if run.len() <= 8 {
            run.filter(|k| id_of(*k) == id).for_each(found);
            return;
        }
        let sorted = self.0.entry(run.start).or_insert_with(|| {
            // The ledger holds fewer than 2^32 orders.
            let mut sorted: Vec<u32> = run.map(|k| k as u32).collect();
            sorted.sort_by_key(|k| id_of(*k as usize));
            sorted
        });
        let from = sorted.partition_point(|k| id_of(*k as usize) < id);
        for k in &sorted[from..] {
            if id_of(*k as usize) != id {
                break;
            }
            found(*k as usize);
        }
    }
}

/// Returns whether a touch at `at` is eligible for an order at `ordered` (A3); all in microseconds.
pub(super) fn is_eligible(ordered: i64, at: i64, window: i64) -> bool {
    (0..=window).contains(&ordered.saturating_sub(at))
}

/// Attributes the orders of all groups by the rules of each.
pub fn resolve(
    ledger: &Ledger,
    groups: usize,
    book: &RuleBook,
    classes: &Classes,
    parts: Parts,
) -> Credits {
    if ledger.orders().is_empty() || ledger.touches().is_empty() {
        return Credits {
            rows: Vec::new(),
            ends: vec![0; groups],
        };
    }
    let orders = SortedOrders::new(ledger, groups);
    let mut last = LastTouches::new(ledger, &orders, book, classes);
    let mut candidates = Vec::new();
    let mut by_id = OrdersById::default();
    for (place, touch) in (0u32..).zip(ledger.touches()) {
        let group = touch.group as usize;
        if !orders.has_orders(group) {
            continue;
        }
        let run = orders.run(group);
        let Some((model, lanes)) = book.rules_of(group) else {
            continue;
        };
        let Some((lane, window)) = lanes.lane_and_window(touch.class) else {
            continue;
        };
        if touch.addressed {
            by_id.for_each_match(
                ledger,
                &orders,
                run,
                ledger.addressed_order_id(touch),
                |k| {
                    if is_eligible(orders.at[k], touch.at, window) {
                        match model {
                            Model::LastTouch => last.add_addressed(k, place),
                            Model::Linear => {
                                candidates.push(linear::Candidate::for_order(touch, place, k))
                            }
                        }
                    }
                },
            );
        } else if let Some(k) = orders.first_at_or_after(&run, touch.at)
            && is_eligible(orders.at[k], touch.at, window)
        {
            match model {
                Model::LastTouch => last.add_shared(k, lane, place),
                Model::Linear => candidates.push(linear::Candidate::new(touch, place)),
            }
        }
    }
    drop(by_id);
    last.sort();
    linear::sort(&mut candidates, ledger, classes);

    let mut credits = Credits {
        rows: Vec::with_capacity(orders.rows.len()),
        ends: Vec::with_capacity(groups),
    };
    let mut candidates = candidates.as_slice();
    let mut units = linear::Units::new(parts);
    for group in 0..groups {
        let run = orders.run(group);
        if !run.is_empty()
            && let Some((model, lanes)) = book.rules_of(group)
        {
            match model {
                Model::LastTouch => last.attribute(run, lanes, &mut credits.rows),
                Model::Linear => {
                    let count = candidates.partition_point(|p| p.group as usize <= group);
                    let (own, rest) = candidates.split_at(count);
                    candidates = rest;
                    linear::attribute(
                        ledger,
                        &orders,
                        run,
                        own,
                        lanes,
                        &mut units,
                        &mut credits.rows,
                    );
                }
            }
        }
        credits.ends.push(credits.rows.len());
    }
    credits
}

/// Finds the last touch before each order (A5, A6).
struct LastTouches<'a> {
    ledger: &'a Ledger,
    orders: &'a SortedOrders,
    classes: &'a Classes,
    lanes: usize,
    /// By order and lane, the latest touch for which this is the first order at or after it.
    latest: Vec<u32>,
    /// Pairs of an order and a touch that can count for it alone (A4), sorted by order before use.
    addressed: Vec<(u32, u32)>,
    /// The index in `addressed` of the first pair not used yet.
    next_addressed: usize,
    /// By lane, the latest touch carried over from earlier orders of the group.
    carried: Vec<u32>,
}

impl<'a> LastTouches<'a> {
    fn new(
        ledger: &'a Ledger,
        orders: &'a SortedOrders,
        book: &RuleBook,
        classes: &'a Classes,
    ) -> Self {
        let used = book
            .rules
            .iter()
            .any(|(model, _)| *model == Model::LastTouch);
        let lanes = if used { book.lanes() } else { 0 };
        Self {
            ledger,
            orders,
            classes,
            lanes,
            latest: vec![NONE; orders.rows.len() * lanes],
            addressed: Vec::new(),
            next_addressed: 0,
            carried: vec![NONE; lanes],
        }
    }

    fn touch(&self, place: u32) -> &'a Touch {
        &self.ledger.touches()[place as usize]
    }

    /// Returns the later of two touches, either of which may be [`NONE`].
    fn later(&self, a: u32, b: u32) -> u32 {
        if a == NONE || b == NONE {
            return a.min(b);
        }
        match self
            .ledger
            .compare_total(self.touch(a), self.touch(b), self.classes)
        {
            Ordering::Less => b,
            Ordering::Equal | Ordering::Greater => a,
        }
    }

    /// Adds an eligible touch that can count for order `k` and all later ones of its group.
    fn add_shared(&mut self, k: usize, lane: usize, place: u32) {
        let slot = k * self.lanes + lane;
        self.latest[slot] = self.later(self.latest[slot], place);
    }

    /// Adds an eligible touch that can count for order `k` alone.
    fn add_addressed(&mut self, k: usize, place: u32) {
        // The ledger holds fewer than 2^32 orders.
        self.addressed.push((k as u32, place));
    }

    fn sort(&mut self) {
        self.addressed.sort_unstable();
    }

    /// Attributes the orders of one group. Must be called for the groups in ascending order.
    fn attribute(&mut self, run: std::ops::Range<usize>, lanes: &Lanes, credits: &mut Vec<Credit>) {
        self.carried.fill(NONE);
        for k in run {
            let ordered = self.orders.at[k];
            let (mut web, mut other) = (NONE, NONE);
            for lane in 0..lanes.len() {
                let latest = self.later(self.latest[k * self.lanes + lane], self.carried[lane]);
                self.carried[lane] = latest;
                let Some(window) = lanes.window(lane) else {
                    continue;
                };
                if latest != NONE && is_eligible(ordered, self.touch(latest).at, window) {
                    match lane {
                        Lanes::WEB_CHAT => web = latest,
                        _ => other = self.later(other, latest),
                    }
                }
            }
            while let Some((order, place)) = self.addressed.get(self.next_addressed).copied()
                && order as usize == k
            {
                match self.touch(place).class {
                    Classes::WEB_CHAT => web = self.later(web, place),
                    _ => other = self.later(other, place),
                }
                self.next_addressed += 1;
            }
            if let Some(touch) = self.winner(web, other) {
                let order = self.orders.rows[k];
                credits.push(Credit {
                    order,
                    touch,
                    units: 1,
                    value: self.ledger.orders()[order as usize].value,
                });
            }
        }
    }

    /// Returns the touch that gets the credit, given the last web chat touch and the last other touch (A6).
    fn winner(&self, web: u32, other: u32) -> Option<u32> {
        let other = (other != NONE && self.touch(other).agent).then_some(other);
        match (web, other) {
            (NONE, other) => other,
            (web, None) => Some(web),
            (web, Some(other)) => match self.ledger.compare(self.touch(other), self.touch(web)) {
                Ordering::Greater => Some(other),
                Ordering::Equal | Ordering::Less => Some(web),
            },
        }
    }
}
