//! Encodes the rows of a group as bytes: the partial state that passes between the phases of an aggregation.
//!
//! A state is a sequence of records, one per row, little-endian, in any order; merging two states means reading both. What
//! always holds: touch classes are written by name, because writer and reader may number them differently.
//!
//! | record | bytes |
//! |---|---|
//! | order | `0`, at i64, value i64, length of the id u32; the id |
//! | touch | `1` + 2 (agent) + 4 (addressed), at i64, lengths of class, event, unit and order u32; the four texts |
//! | model | `8`, length u32; the text |
//! | windows | `16`, length u32; the text |

use super::ledger::{Ledger, LedgerError, Order, OrderRow, Touch, TouchRow};
use super::rules::Classes;

const ORDER: u8 = 0;
const TOUCH: u8 = 1;
const AGENT: u8 = 2;
const ADDRESSED: u8 = 4;
const MODEL: u8 = 8;
const WINDOWS: u8 = 16;

/// The bytes of an order record before its text.
const ORDER_HEAD: usize = 21;
/// The bytes of a touch record before its texts.
const TOUCH_HEAD: usize = 25;

/// Receives the bytes of records: to store them, or to count them only.
pub trait Sink {
    /// Receives some bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts the bytes that would be written.
impl Sink for usize {
    fn put(&mut self, bytes: &[u8]) {
        *self += bytes.len();
    }
}

/// Writes into a part of a buffer whose size was counted before.
pub struct BufferWriter<'a> {
    /// The whole buffer.
    pub buffer: &'a mut [u8],
    /// The offset of the next byte.
    pub position: usize,
}

impl Sink for BufferWriter<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let end = self.position + bytes.len();
        if let Some(run) = self.buffer.get_mut(self.position..end) {
            run.copy_from_slice(bytes);
        }
        self.position = end;
    }
}

/// Writes an order record.
pub fn put_order(sink: &mut impl Sink, ledger: &Ledger, order: &Order) {
    let id = ledger.order_texts(order);
    let mut head = [0; ORDER_HEAD];
    head[0] = ORDER;
    head[1..9].copy_from_slice(&order.at.to_le_bytes());
    head[9..17].copy_from_slice(&order.value.to_le_bytes());
    head[17..].copy_from_slice(&order.lengths()[0].to_le_bytes());
    sink.put(&head);
    sink.put(id);
}

/// Writes a touch record.
pub fn put_touch(sink: &mut impl Sink, ledger: &Ledger, touch: &Touch, classes: &Classes) {
    let class = classes.name(touch.class);
    let agent = if touch.agent { AGENT } else { 0 };
    let addressed = if touch.addressed { ADDRESSED } else { 0 };
    let [event, unit, order] = touch.lengths();
    let mut head = [0; TOUCH_HEAD];
    head[0] = TOUCH | agent | addressed;
    head[1..9].copy_from_slice(&touch.at.to_le_bytes());
    // The accumulator checks the length of a class name when it first sees it.
    let class_length = u32::try_from(class.len()).unwrap_or(u32::MAX);
    for (place, length) in [class_length, event, unit, order].into_iter().enumerate() {
        let from = 9 + 4 * place;
        head[from..from + 4].copy_from_slice(&length.to_le_bytes());
    }
    sink.put(&head);
    sink.put(class.as_bytes());
    sink.put(ledger.touch_texts(touch));
}

fn put_text(sink: &mut impl Sink, kind: u8, text: &str) {
    sink.put(&[kind]);
    // No SQL text has 4 GiB.
    sink.put(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    sink.put(text.as_bytes());
}

/// Writes the model of a group.
pub fn put_model(sink: &mut impl Sink, model: &str) {
    put_text(sink, MODEL, model);
}

/// Writes the windows of a group.
pub fn put_windows(sink: &mut impl Sink, windows: &str) {
    put_text(sink, WINDOWS, windows);
}

/// A record, as it is read.
#[derive(Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An order.
    Order(OrderRow<'a>),
    /// A touch, whose class code is not set, and the name of its class.
    Touch(TouchRow<'a>, &'a str),
    /// The model of the group.
    Model(&'a str),
    /// The windows of the group.
    Windows(&'a str),
}

/// Iterates over the records of a group's state, and ends after the first error.
pub struct Records<'a>(pub &'a [u8]);

impl<'a> Records<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], LedgerError> {
        let (head, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(LedgerError::Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LedgerError> {
        self.take(N)?.try_into().map_err(|_| LedgerError::Malformed)
    }

    /// Reads adjacent texts of these lengths.
    fn texts<const N: usize>(&mut self, lengths: [usize; N]) -> Result<[&'a str; N], LedgerError> {
        let run = self.take(lengths.iter().sum())?;
        let mut run = std::str::from_utf8(run).map_err(|_| LedgerError::Malformed)?;
        let mut texts = [""; N];
        for (text, length) in texts.iter_mut().zip(lengths) {
            (*text, run) = run.split_at_checked(length).ok_or(LedgerError::Malformed)?;
        }
        Ok(texts)
    }

    fn text(&mut self) -> Result<&'a str, LedgerError> {
        let length = self.length()?;
        let [text] = self.texts([length])?;
        Ok(text)
    }

    fn integer(&mut self) -> Result<i64, LedgerError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn length(&mut self) -> Result<usize, LedgerError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn record(&mut self) -> Result<Record<'a>, LedgerError> {
        let [kind] = self.array()?;
        match kind {
            ORDER => {
                let (at, value, length) = (self.integer()?, self.integer()?, self.length()?);
                let [id] = self.texts([length])?;
                Ok(Record::Order(OrderRow { at, value, id }))
            }
            MODEL => Ok(Record::Model(self.text()?)),
            WINDOWS => Ok(Record::Windows(self.text()?)),
            kind if kind & !(AGENT | ADDRESSED) == TOUCH => {
                let at = self.integer()?;
                let mut lengths = [0; 4];
                for length in &mut lengths {
                    *length = self.length()?;
                }
                let [class, event, unit, order] = self.texts(lengths)?;
                let touch = TouchRow {
                    at,
                    event,
                    class: Classes::WEB_CHAT,
                    unit,
                    agent: kind & AGENT != 0,
                    order: (kind & ADDRESSED != 0).then_some(order),
                };
                Ok(Record::Touch(touch, class))
            }
            _ => Err(LedgerError::Malformed),
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let record = self.record();
        if record.is_err() {
            self.0 = &[];
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            at: i64, value: i64, id in ".*", event in ".*", unit in ".*", agent: bool,
            order in proptest::option::of(".*"), model in ".*", windows in ".*",
        ) {
            let mut classes = Classes::new();
            let class = classes.intern("sms_clicked").unwrap();
            let mut ledger = Ledger::default();
            let order_row = OrderRow { at, value, id: &id };
            let touch_row = TouchRow { at, event: &event, class, unit: &unit, agent, order: order.as_deref() };
            ledger.push_order(0, order_row).unwrap();
            ledger.push_touch(0, touch_row).unwrap();
            let (mut bytes, mut count) = (Vec::new(), 0usize);
            put_order(&mut bytes, &ledger, &ledger.orders()[0]);
            put_order(&mut count, &ledger, &ledger.orders()[0]);
            put_touch(&mut bytes, &ledger, &ledger.touches()[0], &classes);
            put_touch(&mut count, &ledger, &ledger.touches()[0], &classes);
            put_model(&mut bytes, &model);
            put_windows(&mut bytes, &windows);
            prop_assert!(count < bytes.len());
            let read: Vec<_> = Records(&bytes).collect::<Result<_, _>>().unwrap();
            let touch_read = TouchRow { class: Classes::WEB_CHAT, ..touch_row };
            prop_assert_eq!(read, vec![
                Record::Order(order_row),
                Record::Touch(touch_read, "sms_clicked"),
                Record::Model(&model),
                Record::Windows(&windows),
            ]);
            // A state cut anywhere but between records is refused.
            for cut in 1..count {
                let rows = Records(&bytes[..cut]).collect::<Result<Vec<_>, _>>();
                prop_assert!(rows.is_err() || rows.unwrap().len() == 1);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Records(&bytes).collect::<Result<Vec<_>, _>>();
        }
    }
}
