//! Encodes and decodes partial states, which pass between the phases of an aggregation.
//!
//! The format is the same on every machine: integers are little-endian, counts and lengths LEB128. The length of a text is
//! written plus one; 0 stands for a missing text.

use datafusion::common::{Result, internal_err};

/// Writes states, one after another.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// Writes a count or a length.
    #[inline]
    pub(crate) fn count(&mut self, mut count: u64) {
        while count >= 0x80 {
            self.bytes.push(count as u8 | 0x80);
            count >>= 7;
        }
        self.bytes.push(count as u8);
    }

    /// Writes an instant.
    #[inline]
    pub(crate) fn instant(&mut self, instant: i64) {
        self.bytes.extend_from_slice(&instant.to_le_bytes());
    }

    /// Writes an amount of money, in steps of 0.0001.
    pub(crate) fn money(&mut self, money: i128) {
        self.bytes.extend_from_slice(&money.to_le_bytes());
    }

    /// Writes a flag.
    pub(crate) fn flag(&mut self, flag: bool) {
        self.bytes.push(flag.into());
    }

    /// Writes a text, or that there is none.
    #[inline]
    pub(crate) fn text(&mut self, text: Option<&[u8]>) {
        match text {
            None => self.count(0),
            Some(text) => {
                self.count(text.len() as u64 + 1);
                self.bytes.extend_from_slice(text);
            }
        }
    }

    /// Discards everything written, but keeps the buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Returns everything written so far.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the offset at which the next state begins.
    pub(crate) fn position(&self) -> usize {
        self.bytes.len()
    }

    /// Returns everything written, as an owned buffer.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Reads one state. A state that ends early or holds impossible lengths is an internal error, never a panic.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Creates a reader of the bytes that an [`Encoder`] wrote.
    pub(crate) fn new(state: &'a [u8]) -> Self {
        Self { rest: state }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => internal_err!("a partial state ends {} bytes early", len - self.rest.len()),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Reads a count or a length.
    #[inline]
    pub(crate) fn count(&mut self) -> Result<u64> {
        let (mut count, mut shift) = (0, 0);
        loop {
            let [byte] = self.array()?;
            if shift > 63 {
                return internal_err!("a count in a partial state is too long");
            }
            count |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(count);
            }
            shift += 7;
        }
    }

    /// Reads an instant.
    pub(crate) fn instant(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// Reads an amount of money, in steps of 0.0001.
    pub(crate) fn money(&mut self) -> Result<i128> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    /// Reads a flag.
    pub(crate) fn flag(&mut self) -> Result<bool> {
        let [byte] = self.array()?;
        Ok(byte != 0)
    }

    /// Reads a text, or none.
    pub(crate) fn text(&mut self) -> Result<Option<&'a [u8]>> {
        match usize::try_from(self.count()?) {
            Ok(0) => Ok(None),
            Ok(len) => self.take(len - 1).map(Some),
            Err(_) => internal_err!("a text in a partial state is too long"),
        }
    }

    /// Returns whether everything was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn reads_what_was_written(
            count in any::<u64>(), instant in any::<i64>(), money in any::<i128>(), flag in any::<bool>(),
            text in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
        ) {
            let mut out = Encoder::default();
            out.count(count);
            out.instant(instant);
            out.money(money);
            out.flag(flag);
            out.text(text.as_deref());
            let bytes = out.into_bytes();
            let mut state = Decoder::new(&bytes);
            prop_assert_eq!(state.count().unwrap(), count);
            prop_assert_eq!(state.instant().unwrap(), instant);
            prop_assert_eq!(state.money().unwrap(), money);
            prop_assert_eq!(state.flag().unwrap(), flag);
            prop_assert_eq!(state.text().unwrap(), text.as_deref());
            prop_assert!(state.is_empty());
        }

        #[test]
        fn bytes_of_another_origin_cause_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut state = Decoder::new(&bytes);
            while state.count().is_ok() && state.text().is_ok() && state.instant().is_ok() {}
        }
    }
}
