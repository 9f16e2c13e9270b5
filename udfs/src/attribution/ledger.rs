//! The orders and touches of many groups, as they came: one fixed-size entry a row, and one arena for all texts.
//!
//! Nothing is sorted or looked up here, since most touches belong to shoppers who never order, and one cannot know
//! that before the end. What always holds: the texts of an entry are one run of the arena, in the order of its lengths.

use std::cmp::Ordering;
use std::fmt;

use super::rules::Classes;

/// Says that a row cannot be held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerError {
    /// A text too long for its 32-bit length, which no text of SQL is.
    TooLong {
        /// The argument it came as.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// More rows, groups or classes than 32-bit (classes: 16-bit) codes tell apart.
    TooMany(&'static str),
    /// A state that no accumulator wrote.
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

/// An order as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRow<'a> {
    /// Microseconds since 1970.
    pub at: i64,
    /// Steps of 0.0001.
    pub value: i64,
    /// `order_id`.
    pub id: &'a str,
}

/// A touch as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchRow<'a> {
    /// Microseconds since 1970.
    pub at: i64,
    /// `event_id`, which orders touches of one instant (E2).
    pub event: &'a str,
    /// The code of its class.
    pub class: u16,
    /// The conversation of an agent's touch, the message of a marketing one (A7).
    pub unit: &'a str,
    /// Whether it is the agent's (A1).
    pub agent: bool,
    /// The one order that it can reach, where it is not for all orders of its group (A4).
    pub order: Option<&'a str>,
}

/// An order as it is held.
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

/// A touch as it is held. Its texts may be as long as a line of input, 1 MiB (SPEC E3), so their lengths need 32 bits.
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
    /// Whether it reaches one order alone.
    pub addressed: bool,
}

impl Order {
    /// The lengths of its texts: its id.
    pub fn lengths(&self) -> [u32; 1] {
        [self.id]
    }
}

impl Touch {
    /// The lengths of its texts, as they stand in the arena: event, unit, and the order that it is addressed to.
    pub fn lengths(&self) -> [u32; 3] {
        [self.event, self.unit, self.order]
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    orders: Vec<Order>,
    touches: Vec<Touch>,
    texts: Vec<u8>,
}

impl Ledger {
    /// All orders, as they came.
    pub fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// All touches, as they came.
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// Takes an order.
    pub fn push_order(&mut self, group: u32, row: OrderRow<'_>) -> Result<(), LedgerError> {
        let id = length("order_id", row.id)?;
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

    /// Takes a touch.
    pub fn push_touch(&mut self, group: u32, row: TouchRow<'_>) -> Result<(), LedgerError> {
        let event = length("event_id", row.event)?;
        let unit = length("unit", row.unit)?;
        let order = length("order_id", row.order.unwrap_or(""))?;
        // The greatest index stands for "no touch" in matching.
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

    /// The id of an order.
    pub fn order_id(&self, order: &Order) -> &str {
        self.text(order.start, 0, order.id)
    }

    /// The unit of a touch.
    pub fn unit(&self, touch: &Touch) -> &str {
        self.text(touch.start, touch.event as usize, touch.unit)
    }

    /// The order that a touch is addressed to.
    pub fn addressee(&self, touch: &Touch) -> &str {
        let before = touch.event as usize + touch.unit as usize;
        self.text(touch.start, before, touch.order)
    }

    /// The texts of an order, one after another.
    pub fn order_texts(&self, order: &Order) -> &[u8] {
        self.run(order.start, 0, order.lengths())
    }

    /// The texts of a touch, one after another.
    pub fn touch_texts(&self, touch: &Touch) -> &[u8] {
        self.run(touch.start, 0, touch.lengths())
    }

    fn text(&self, start: u64, skip: usize, length: u32) -> &str {
        // Only whole texts are ever written, so this is always valid.
        std::str::from_utf8(self.run(start, skip, [length])).unwrap_or("")
    }

    fn run<const N: usize>(&self, start: u64, skip: usize, lengths: [u32; N]) -> &[u8] {
        let from = start as usize + skip;
        let length: usize = lengths.into_iter().map(|length| length as usize).sum();
        self.texts.get(from..from + length).unwrap_or(&[])
    }

    /// Which of two touches is the later (E2): by instant, then by event id, bytewise.
    pub fn compare(&self, a: &Touch, b: &Touch) -> Ordering {
        a.at.cmp(&b.at).then_with(|| {
            let (x, y) = (
                self.run(a.start, 0, [a.event]),
                self.run(b.start, 0, [b.event]),
            );
            x.cmp(y)
        })
    }

    /// [`compare`](Self::compare) made total, so that the answer never depends on arrival even where events of two
    /// raw tables share instant and id: then the agent's touch is the later, and after it the unit and class decide.
    pub fn compare_total(&self, a: &Touch, b: &Touch, classes: &Classes) -> Ordering {
        self.compare(a, b)
            .then_with(|| a.agent.cmp(&b.agent))
            .then_with(|| self.unit(a).cmp(self.unit(b)))
            .then_with(|| classes.name(a.class).cmp(classes.name(b.class)))
    }

    /// Takes the rows of the groups below `n` out; the groups that stay are numbered down by `n`.
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

    /// Bytes held.
    pub fn size(&self) -> usize {
        self.orders.capacity() * size_of::<Order>()
            + self.touches.capacity() * size_of::<Touch>()
            + self.texts.capacity()
    }
}

/// The length of a text, if it is not too long to be held.
pub fn length(what: &'static str, text: &str) -> Result<u32, LedgerError> {
    u32::try_from(text.len()).map_err(|_| LedgerError::TooLong {
        what,
        length: text.len(),
    })
}
