//! Stores the orders and touches of many groups in arrival order: one fixed-size entry per row, and one arena for all texts.
//!
//! Nothing is sorted or indexed on the way in, because most touches belong to shoppers who never order, which is known only
//! at the end. What always holds: the texts of an entry lie next to each other in the arena, in the order of its lengths.

use std::cmp::Ordering;
use std::fmt;

use super::rules::Classes;

/// Describes why a row cannot be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// A text of 4 GiB or more, whose length 32 bits cannot hold.
    TooLong {
        /// The name of the argument.
        what: &'static str,
        /// The length in bytes.
        length: usize,
    },
    /// More rows or groups than 32 bits count, or more classes than 16 bits count.
    TooMany(&'static str),
    /// A partial state that this function did not write.
    Malformed,
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { what, length } => {
                write!(
                    f,
                    "{what} of {length} bytes is too long; at most {} are accepted",
                    u32::MAX
                )
            }
            Self::TooMany(what) => write!(f, "too many {what} in one aggregation"),
            Self::Malformed => {
                f.write_str("partial state is malformed: it was not written by this function")
            }
        }
    }
}

impl std::error::Error for LedgerError {}

/// An order, as it is read from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRow<'a> {
    /// Microseconds since 1970.
    pub at: i64,
    /// Steps of 0.0001.
    pub value: i64,
    /// `order_id`.
    pub id: &'a str,
}

/// A touch, as it is read from a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchRow<'a> {
    /// Microseconds since 1970.
    pub at: i64,
    /// `event_id`, which orders touches of one instant (E2).
    pub event: &'a str,
    /// The code of its class.
    pub class: u16,
    /// The conversation of an agent's touch, or the message of a marketing touch (A7).
    pub unit: &'a str,
    /// Whether it is the agent's (A1).
    pub agent: bool,
    /// The only order that it can count for (A4); none where it can count for every order of its group.
    pub order: Option<&'a str>,
}

/// An order, as the ledger stores it.
#[derive(Debug, Clone, Copy)]
pub struct Order {
    /// Microseconds since 1970.
    pub at: i64,
    /// Steps of 0.0001.
    pub value: i64,
    start: u64,
    /// Its group.
    pub group: u32,
    id: u32,
}

/// A touch, as the ledger stores it. Texts may be as long as an input line, 1 MiB (SPEC E3), so lengths take 32 bits.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// Microseconds since 1970.
    pub at: i64,
    start: u64,
    /// Its group.
    pub group: u32,
    event: u32,
    unit: u32,
    order: u32,
    /// The code of its class.
    pub class: u16,
    /// Whether it is the agent's.
    pub agent: bool,
    /// Whether it can count for one order only (A4).
    pub addressed: bool,
}

impl Order {
    /// Returns the lengths of its texts in the arena: the id.
    pub fn lengths(&self) -> [u32; 1] {
        [self.id]
    }
}

impl Touch {
    /// Returns the lengths of its texts in the arena: event id, unit, and the id of the only order it can count for.
    pub fn lengths(&self) -> [u32; 3] {
        [self.event, self.unit, self.order]
    }
}

/// Stores orders and touches: see the module.
#[derive(Debug, Default)]
pub struct Ledger {
    orders: Vec<Order>,
    touches: Vec<Touch>,
    texts: Vec<u8>,
}

impl Ledger {
    /// Returns all orders, in arrival order.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Returns all touches, in arrival order.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// Adds an order to a group.
    pub fn push_order(&mut self, group: u32, row: OrderRow<'_>) -> Result<(), LedgerError> {
        let id = text_length("order_id", row.id)?;
        if u32::try_from(self.orders.len()).is_err() {
            return Err(LedgerError::TooMany("orders"));
        }
        let start = self.texts.len() as u64;
        self.texts.extend_from_slice(row.id.as_bytes());
        self.orders.push(Order {
            at: row.at,
            value: row.value,
            start,
            group,
            id,
        });
        Ok(())
    }

    /// Adds a touch to a group.
    pub fn push_touch(&mut self, group: u32, row: TouchRow<'_>) -> Result<(), LedgerError> {
        let event = text_length("event_id", row.event)?;
        let unit = text_length("unit", row.unit)?;
        let order = text_length("order_id", row.order.unwrap_or(""))?;
        // `resolve` uses the greatest index for "no touch".
        if self.touches.len() >= u32::MAX as usize {
            return Err(LedgerError::TooMany("touches"));
        }
        let start = self.texts.len() as u64;
        self.texts.extend_from_slice(row.event.as_bytes());
        self.texts.extend_from_slice(row.unit.as_bytes());
        if let Some(order) = row.order {
            self.texts.extend_from_slice(order.as_bytes());
        }
        self.touches.push(Touch {
            at: row.at,
            start,
            group,
            event,
            unit,
            order,
            class: row.class,
            agent: row.agent,
            addressed: row.order.is_some(),
        });
        Ok(())
    }

    /// Returns the id of an order.
    pub fn order_id(&self, order: &Order) -> &str {
        self.text(order.start, 0, order.id)
    }

    /// Returns the unit of a touch.
    pub fn unit(&self, touch: &Touch) -> &str {
        self.text(touch.start, touch.event as usize, touch.unit)
    }

    /// Returns the id of the only order that a touch can count for; empty where it can count for all.
    pub fn addressed_order_id(&self, touch: &Touch) -> &str {
        let before = touch.event as usize + touch.unit as usize;
        self.text(touch.start, before, touch.order)
    }

    /// Returns the texts of an order, one after another.
    pub fn order_texts(&self, order: &Order) -> &[u8] {
        self.text_bytes(order.start, 0, order.lengths())
    }

    /// Returns the texts of a touch, one after another.
    pub fn touch_texts(&self, touch: &Touch) -> &[u8] {
        self.text_bytes(touch.start, 0, touch.lengths())
    }

    fn text(&self, start: u64, skip: usize, length: u32) -> &str {
        // Only whole texts are written, so this is always valid UTF-8.
        std::str::from_utf8(self.text_bytes(start, skip, [length])).unwrap_or("")
    }

    fn text_bytes<const N: usize>(&self, start: u64, skip: usize, lengths: [u32; N]) -> &[u8] {
        let from = start as usize + skip;
        let length: usize = lengths.into_iter().map(|length| length as usize).sum();
        self.texts.get(from..from + length).unwrap_or(&[])
    }

    /// Compares two touches in time (E2): by instant, then by event id, bytewise.
    pub fn compare(&self, a: &Touch, b: &Touch) -> Ordering {
        a.at.cmp(&b.at).then_with(|| {
            let (x, y) = (
                self.text_bytes(a.start, 0, [a.event]),
                self.text_bytes(b.start, 0, [b.event]),
            );
            x.cmp(y)
        })
    }

    /// Compares like [`compare`](Self::compare), but breaks every tie, so that the result never depends on arrival order.
    ///
    /// Events of two raw tables may share instant and id. Then the agent's touch is the later one; between two of the
    /// agent's or two of marketing's, unit and class decide.
    pub fn compare_total(&self, a: &Touch, b: &Touch, classes: &Classes) -> Ordering {
        self.compare(a, b)
            .then_with(|| a.agent.cmp(&b.agent))
            .then_with(|| self.unit(a).cmp(self.unit(b)))
            .then_with(|| classes.name(a.class).cmp(classes.name(b.class)))
    }

    /// Removes and returns the rows of the groups below `n`; the numbers of the other groups decrease by `n`.
    pub fn split_off_first(&mut self, n: u32) -> Self {
        let all = std::mem::take(self);
        let mut first = Self::default();
        for order in &all.orders {
            let (to, group) = match order.group.checked_sub(n) {
                Some(group) => (&mut *self, group),
                None => (&mut first, order.group),
            };
            let start = to.texts.len() as u64;
            to.texts.extend_from_slice(all.order_texts(order));
            to.orders.push(Order {
                group,
                start,
                ..*order
            });
        }
        for touch in &all.touches {
            let (to, group) = match touch.group.checked_sub(n) {
                Some(group) => (&mut *self, group),
                None => (&mut first, touch.group),
            };
            let start = to.texts.len() as u64;
            to.texts.extend_from_slice(all.touch_texts(touch));
            to.touches.push(Touch {
                group,
                start,
                ..*touch
            });
        }
        first
    }

    /// Returns the heap bytes held.
    pub fn size(&self) -> usize {
        self.orders.capacity() * size_of::<Order>()
            + self.touches.capacity() * size_of::<Touch>()
            + self.texts.capacity()
    }
}

/// Returns the length of the text of argument `what`, or an error where 32 bits cannot hold it.
pub fn text_length(what: &'static str, text: &str) -> Result<u32, LedgerError> {
    u32::try_from(text.len()).map_err(|_| LedgerError::TooLong {
        what,
        length: text.len(),
    })
}
