//! The state of an order, and how each event changes it.
//!
//! The earliest `order_placed` defines the order, whichever landed first; later ones are ignored. Refunds and cancellations
//! always count, even those timed before it.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::logical_expr::Documentation;

use super::order_fold::{DOCUMENTATION, PARAMETERS, result_type, results};
use crate::columns::{Instants, ListColumn, Parameter, TextColumn};
use crate::grouped::{Decoder, Encoder, Fold, Pool, Stamp, Text};

/// Classifies events by their `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Placed,
    Refunded,
    Cancelled,
    Other,
}

impl Kind {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("order_placed") => Self::Placed,
            Some("order_refunded") => Self::Refunded,
            Some("order_cancelled") => Self::Cancelled,
            _ => Self::Other,
        }
    }
}

/// Holds the state of `order_fold` for one order.
#[derive(Debug)]
pub(super) struct Order {
    /// The earliest `order_placed`.
    pub(super) placed: Stamp,
    /// Its profile, conversation and currency, as [`Pool::set_fields`] stores them.
    pub(super) placed_fields: Text,
    /// Its list of products, as [`Pool::set_fields`] stores it.
    pub(super) products: Text,
    /// Its value in steps of 0.0001.
    pub(super) value: Option<i128>,
    /// The sum of all refunds, which may exceed the value. 128 bits hold 10^20 refunds of the largest amount.
    refunds: i128,
    pub(super) cancelled: bool,
    /// The earliest instant of any event of the order.
    pub(super) first_at: i64,
    /// The latest instant of any event of the order.
    pub(super) last_at: i64,
    /// How many events of the order there are.
    pub(super) events: u64,
}

impl Default for Order {
    fn default() -> Self {
        Self {
            placed: Stamp::default(),
            placed_fields: Text::NONE,
            products: Text::NONE,
            value: None,
            refunds: 0,
            cancelled: false,
            first_at: i64::MAX,
            last_at: i64::MIN,
            events: 0,
        }
    }
}

impl Order {
    /// Returns the refunded value (A9): the sum of refunds, at most the order's value; the whole value if cancelled.
    pub(super) fn refunded(&self) -> Option<i128> {
        let value = self.value?;
        Some(if self.cancelled {
            value
        } else {
            self.refunds.min(value)
        })
    }

    fn add_placed(&mut self, events: &Events<'_>, row: usize, at: i64, pool: &mut Pool) {
        let id = events.ids.get(row).unwrap_or_default().as_bytes();
        if !self.placed.keep_earlier(at, id, pool) {
            return;
        }
        self.value = events.value(row);
        let fields = [&events.profiles, &events.conversations, &events.currencies];
        let fields = fields.map(|column| column.get(row).map(str::as_bytes));
        pool.set_fields(&mut self.placed_fields, &fields);
        if events.products.is_some(row) {
            let products: Vec<_> = events
                .products
                .get(row)
                .map(str::as_bytes)
                .map(Some)
                .collect();
            pool.set_fields(&mut self.products, &products);
        } else {
            pool.set(&mut self.products, None);
        }
    }
}

/// Reads the argument columns of a batch of events.
pub(super) struct Events<'a> {
    kinds: Vec<Kind>,
    at: Instants<'a>,
    ids: TextColumn<'a>,
    profiles: TextColumn<'a>,
    conversations: TextColumn<'a>,
    values: &'a Decimal128Array,
    currencies: TextColumn<'a>,
    products: ListColumn<'a>,
}

impl Events<'_> {
    fn value(&self, row: usize) -> Option<i128> {
        self.values.is_valid(row).then(|| self.values.value(row))
    }
}

impl Fold for Order {
    const NAME: &'static str = "order_fold";

    const PARAMETERS: &'static [Parameter] = &PARAMETERS;

    type Events<'a> = Events<'a>;

    fn result_type() -> DataType {
        result_type()
    }

    fn documentation() -> &'static Documentation {
        &DOCUMENTATION
    }

    fn read_events(arguments: &[ArrayRef]) -> Result<Events<'_>> {
        let [
            kinds,
            at,
            ids,
            profiles,
            conversations,
            values,
            currencies,
            products,
        ] = take_function_args(Self::NAME, arguments)?;
        Ok(Events {
            kinds: TextColumn::new(kinds)?.codes(kinds.len(), Kind::of),
            at: Instants::new(at)?,
            ids: TextColumn::new(ids)?,
            profiles: TextColumn::new(profiles)?,
            conversations: TextColumn::new(conversations)?,
            values: values.as_primitive_opt::<Decimal128Type>().ok_or_else(|| {
                internal_datafusion_err!("order_fold: value is {}", values.data_type())
            })?,
            currencies: TextColumn::new(currencies)?,
            products: ListColumn::new(products)?,
        })
    }

    #[inline]
    fn add(&mut self, events: &Events<'_>, row: usize, pool: &mut Pool) {
        let kind = events.kinds[row];
        let Some(at) = events.at.get(row).filter(|_| kind != Kind::Other) else {
            return;
        };
        self.events += 1;
        self.first_at = self.first_at.min(at);
        self.last_at = self.last_at.max(at);
        match kind {
            Kind::Placed => self.add_placed(events, row, at, pool),
            Kind::Refunded => self.refunds += events.value(row).unwrap_or(0),
            Kind::Cancelled => self.cancelled = true,
            Kind::Other => {}
        }
    }

    fn encode(&self, pool: &Pool, out: &mut Encoder) {
        out.count(self.events);
        if self.events == 0 {
            return;
        }
        out.instant(self.first_at);
        out.instant(self.last_at);
        out.money(self.refunds);
        out.flag(self.cancelled);
        self.placed.encode(pool, out);
        if self.placed.is_some() {
            out.text(pool.get(self.placed_fields));
            out.text(pool.get(self.products));
            out.flag(self.value.is_some());
            if let Some(value) = self.value {
                out.money(value);
            }
        }
    }

    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        let events = state.count()?;
        if events == 0 {
            return Ok(());
        }
        self.events += events;
        self.first_at = self.first_at.min(state.instant()?);
        self.last_at = self.last_at.max(state.instant()?);
        self.refunds += state.money()?;
        self.cancelled |= state.flag()?;
        if let Some((at, id)) = Stamp::decode(state)? {
            let (fields, products) = (state.text()?, state.text()?);
            let value = if state.flag()? {
                Some(state.money()?)
            } else {
                None
            };
            if self.placed.keep_earlier(at, id, pool) {
                self.value = value;
                pool.set(&mut self.placed_fields, fields);
                pool.set(&mut self.products, products);
            }
        }
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.placed.visit(visit);
        visit(&mut self.placed_fields);
        visit(&mut self.products);
    }

    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef> {
        results(groups, pool)
    }
}
