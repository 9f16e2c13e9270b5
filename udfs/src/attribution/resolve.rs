//! Attribution of the orders of a ledger, from the order side.
//!
//! Orders are few and touches many, so only orders are sorted. A touch goes to the first order of its group at or
//! after it: too early for that one is too early for all later ones, and the others are reached by carrying the
//! latest touch of each lane forward over the orders. So the cost is O(touches) + O(orders x lanes), and a touch of
//! a group without orders costs one look. What always holds: the answer depends on the rows, never on their order (E2).

use std::cmp::Ordering;
use std::collections::HashMap;

use super::ledger::{Ledger, Touch};
use super::linear;
use super::rules::{Classes, Lanes, Model};

/// Stands for "no touch".
pub(super) const NONE: u32 = u32::MAX;

/// A row of the answer: what of an order goes to an agent's conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// The order, by its place in the ledger.
    pub order: u32,
    /// The touch that stands for the conversation, by its place in the ledger.
    pub touch: u32,
    /// The credit is one divided by this.
    pub units: u32,
    /// The part of the order's value, in steps of 0.0001.
    pub value: i64,
}

/// Which of an order's parts the answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parts {
    /// Those of the agent's conversations (A7).
    #[default]
    OfAgent,
    /// Those of marketing's messages too, which no attributed row shows.
    All,
}

/// The model and windows of each group.
#[derive(Debug)]
pub struct RuleBook {
    /// The distinct rules.
    pub rules: Vec<(Model, Lanes)>,
    /// By group, which of them; `None` where all groups have the first.
    pub of_group: Option<Vec<u32>>,
}

impl RuleBook {
    /// The rules of a group.
    pub(super) fn of(&self, group: usize) -> Option<&(Model, Lanes)> {
        let rule = match &self.of_group {
            None => 0,
            Some(of_group) => *of_group.get(group)? as usize,
        };
        self.rules.get(rule)
    }

    fn lanes(&self) -> usize {
        self.rules
            .iter()
            .map(|(_, lanes)| lanes.len())
            .max()
            .unwrap_or(0)
    }
}

/// The answer: the credits group after group, in a group order after order, in an order the latest touch first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Credits {
    /// All rows.
    pub rows: Vec<Credit>,
    /// By group, how many rows there are up to its end.
    pub ends: Vec<usize>,
}

/// The orders by group and, inside a group, by instant.
pub(super) struct SortedOrders {
    /// By group, the first of its orders; one more at the end.
    starts: Vec<u32>,
    /// By group, a bit that says whether it has any. Most have none, and these bits stay in the cache.
    some: Vec<u64>,
    /// Places in the ledger.
    pub(super) rows: Vec<u32>,
    /// Instants.
    pub(super) at: Vec<i64>,
}

impl SortedOrders {
    fn new(ledger: &Ledger, groups: usize) -> Self {
        let orders = ledger.orders();
        let mut starts = vec![0u32; groups + 1];
        let mut some = vec![0u64; groups / 64 + 1];
        for order in orders {
            let group = order.group as usize;
            starts[group + 1] += 1;
            some[group / 64] |= 1 << (group % 64);
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
            some,
            rows,
            at,
        }
    }

    /// Whether a group has orders.
    fn any(&self, group: usize) -> bool {
        self.some[group / 64] >> (group % 64) & 1 == 1
    }

    /// The run of a group.
    fn run(&self, group: usize) -> std::ops::Range<usize> {
        self.starts[group] as usize..self.starts[group + 1] as usize
    }

    /// The first order of a run at or after an instant.
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

/// Finds the orders that addressed touches name: by a scan in short runs, by a sorted list in long ones.
#[derive(Default)]
struct OrdersById(HashMap<usize, Vec<u32>>);

impl OrdersById {
    fn named(
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
            // A run is of at most 2^32 orders, as the ledger is.
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

/// Whether a touch at `at` is eligible for an order at `ordered` (A3).
pub(super) fn eligible(ordered: i64, at: i64, window: i64) -> bool {
    (0..=window).contains(&ordered.saturating_sub(at))
}

/// Attributes the orders of all groups.
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
    let mut placed = Vec::new();
    let mut by_id = OrdersById::default();
    for (place, touch) in (0u32..).zip(ledger.touches()) {
        let group = touch.group as usize;
        if !orders.any(group) {
            continue;
        }
        let run = orders.run(group);
        let Some((model, lanes)) = book.of(group) else {
            continue;
        };
        let Some((lane, window)) = lanes.of(touch.class) else {
            continue;
        };
        if touch.addressed {
            by_id.named(ledger, &orders, run, ledger.addressee(touch), |k| {
                if eligible(orders.at[k], touch.at, window) {
                    match model {
                        Model::LastTouch => last.address(k, place),
                        Model::Linear => placed.push(linear::Placed::addressed(touch, place, k)),
                    }
                }
            });
        } else if let Some(k) = orders.first_at_or_after(&run, touch.at)
            && eligible(orders.at[k], touch.at, window)
        {
            match model {
                Model::LastTouch => last.reach(k, lane, place),
                Model::Linear => placed.push(linear::Placed::new(touch, place)),
            }
        }
    }
    drop(by_id);
    last.sort();
    linear::sort(&mut placed, ledger, classes);

    let mut credits = Credits {
        rows: Vec::with_capacity(orders.rows.len()),
        ends: Vec::with_capacity(groups),
    };
    let mut placed = placed.as_slice();
    let mut units = linear::Units::of(parts);
    for group in 0..groups {
        let run = orders.run(group);
        if !run.is_empty()
            && let Some((model, lanes)) = book.of(group)
        {
            match model {
                Model::LastTouch => last.attribute(run, lanes, &mut credits.rows),
                Model::Linear => {
                    let count = placed.partition_point(|p| p.group as usize <= group);
                    let (own, rest) = placed.split_at(count);
                    placed = rest;
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

/// The touches that may be the last before an order (A5, A6).
struct LastTouches<'a> {
    ledger: &'a Ledger,
    orders: &'a SortedOrders,
    classes: &'a Classes,
    lanes: usize,
    /// By order and lane, the latest touch whose first order at or after it is this one.
    best: Vec<u32>,
    /// Orders and the touches that reach them alone, by order once sorted.
    addressed: Vec<(u32, u32)>,
    /// How many of `addressed` were passed.
    passed: usize,
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
            best: vec![NONE; orders.rows.len() * lanes],
            addressed: Vec::new(),
            passed: 0,
            carried: vec![NONE; lanes],
        }
    }

    fn touch(&self, place: u32) -> &'a Touch {
        &self.ledger.touches()[place as usize]
    }

    /// The later of two touches, either of which may be none.
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

    fn reach(&mut self, k: usize, lane: usize, place: u32) {
        let slot = k * self.lanes + lane;
        self.best[slot] = self.later(self.best[slot], place);
    }

    fn address(&mut self, k: usize, place: u32) {
        // An order's number is below 2^32, as the ledger's rows are.
        self.addressed.push((k as u32, place));
    }

    fn sort(&mut self) {
        self.addressed.sort_unstable();
    }

    /// Attributes the orders of one group; groups come in order.
    fn attribute(&mut self, run: std::ops::Range<usize>, lanes: &Lanes, credits: &mut Vec<Credit>) {
        self.carried.fill(NONE);
        for k in run {
            let ordered = self.orders.at[k];
            let (mut web, mut other) = (NONE, NONE);
            for lane in 0..lanes.len() {
                let latest = self.later(self.best[k * self.lanes + lane], self.carried[lane]);
                self.carried[lane] = latest;
                let Some(window) = lanes.window(lane) else {
                    continue;
                };
                if latest != NONE && eligible(ordered, self.touch(latest).at, window) {
                    match lane {
                        Lanes::WEB_CHAT => web = latest,
                        _ => other = self.later(other, latest),
                    }
                }
            }
            while let Some((order, place)) = self.addressed.get(self.passed).copied()
                && order as usize == k
            {
                match self.touch(place).class {
                    Classes::WEB_CHAT => web = self.later(web, place),
                    _ => other = self.later(other, place),
                }
                self.passed += 1;
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

    /// Between the last web chat touch and the last other one (A6).
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
