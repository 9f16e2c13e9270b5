//! Stores the texts of all groups in one buffer.
//!
//! A state keeps a few short texts, most of them event ids that a later event replaces. Boxing each text would cost an
//! allocation for every replacement; here a text that fits into the old one's room overwrites it, and a handle takes 8
//! bytes. Dropped texts stay as garbage until [`Pool::release`] finds that they fill more than half of the buffer.

use datafusion::common::{Result, resources_err};

use super::{Decoder, Encoder};

/// Texts start at multiples of this many bytes, so that 32 bits address 32 GiB.
const UNIT: usize = 8;

/// The pool is not compacted for less garbage than this many bytes.
const MIN_GARBAGE: usize = 1 << 16;

/// Points to a text in a [`Pool`], or to none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    start: u32,
    len: u32,
}

impl Default for Text {
    fn default() -> Self {
        Self::NONE
    }
}

impl Text {
    /// No text, which differs from an empty text.
    pub(crate) const NONE: Self = Self {
        start: 0,
        len: u32::MAX,
    };

    /// Returns whether there is a text.
    #[inline]
    pub(crate) fn is_some(self) -> bool {
        self.len != u32::MAX
    }

    /// Returns the bytes that the text takes in the pool.
    fn room(self) -> usize {
        if self.is_some() {
            (self.len as usize).next_multiple_of(UNIT)
        } else {
            0
        }
    }
}

/// Stores the texts of all groups, and counts the memory of their states.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    bytes: Vec<u8>,
    /// Bytes of dropped texts in `bytes`.
    garbage: usize,
    /// Bytes that the states own on the heap themselves.
    heap: usize,
    /// Whether a text did not fit; [`Pool::check`] makes it an error.
    full: bool,
    scratch: Encoder,
}

impl Pool {
    /// Returns the bytes of a text.
    #[inline]
    pub(crate) fn get(&self, text: Text) -> Option<&[u8]> {
        text.is_some().then(|| {
            let start = text.start as usize * UNIT;
            &self.bytes[start..start + text.len as usize]
        })
    }

    /// Stores a new text.
    pub(crate) fn put(&mut self, new: &[u8]) -> Text {
        let (Ok(start), Ok(len)) = (
            u32::try_from(self.bytes.len() / UNIT),
            u32::try_from(new.len()),
        ) else {
            self.full = true;
            return Text::NONE;
        };
        if len == u32::MAX {
            self.full = true;
            return Text::NONE;
        }
        self.bytes.extend_from_slice(new);
        self.bytes
            .resize(self.bytes.len().next_multiple_of(UNIT), 0);
        Text { start, len }
    }

    /// Replaces a text, in place where the new one fits.
    #[inline]
    pub(crate) fn set(&mut self, text: &mut Text, new: Option<&[u8]>) {
        let room = text.room();
        match new {
            None => {
                self.garbage += room;
                *text = Text::NONE;
            }
            Some(new) if text.is_some() && new.len() <= room => {
                let start = text.start as usize * UNIT;
                self.bytes[start..start + new.len()].copy_from_slice(new);
                // At most `room`, which fits into 32 bits.
                text.len = new.len() as u32;
                self.garbage += room - text.room();
            }
            Some(new) => {
                self.garbage += room;
                *text = self.put(new);
            }
        }
    }

    /// Replaces a text by several fields, any of which may be missing, encoded as one text.
    pub(crate) fn set_fields(&mut self, text: &mut Text, fields: &[Option<&[u8]>]) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        for field in fields {
            scratch.text(*field);
        }
        self.set(text, Some(scratch.bytes()));
        self.scratch = scratch;
    }

    /// Returns the fields that [`Pool::set_fields`] stored; all are missing where there is no text.
    pub(crate) fn fields<const N: usize>(&self, text: Text) -> Result<[Option<&[u8]>; N]> {
        let mut fields = [None; N];
        if let Some(bytes) = self.get(text) {
            let mut bytes = Decoder::new(bytes);
            for field in &mut fields {
                *field = bytes.text()?;
            }
        }
        Ok(fields)
    }

    /// Returns as many fields as [`Pool::set_fields`] stored, without those that are missing.
    pub(crate) fn list(&self, text: Text) -> Result<Vec<&[u8]>> {
        let mut bytes = Decoder::new(self.get(text).unwrap_or_default());
        let mut items = vec![];
        while !bytes.is_empty() {
            items.extend(bytes.text()?);
        }
        Ok(items)
    }

    /// Records that a state's own heap changed from `before` bytes to `after` bytes.
    pub(crate) fn track_heap(&mut self, before: usize, after: usize) {
        self.heap = (self.heap + after).saturating_sub(before);
    }

    /// Returns an error where a text did not fit into the pool.
    pub(crate) fn check(&self, function: &str) -> Result<()> {
        if self.full {
            return resources_err!(
                "{function}: the texts of one partition's groups exceed 32 GiB; use more partitions"
            );
        }
        Ok(())
    }

    /// Drops all texts, but keeps the buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.garbage = 0;
        self.heap = 0;
    }

    /// Drops the texts that `dropped` visits. Where most of the pool is garbage, it moves those that `kept` visits, which
    /// must be all others, into a new buffer.
    pub(crate) fn release(
        &mut self,
        dropped: impl FnOnce(&mut dyn FnMut(&mut Text)),
        kept: impl FnOnce(&mut dyn FnMut(&mut Text)),
    ) {
        let mut garbage = self.garbage;
        dropped(&mut |text| garbage += text.room());
        self.garbage = garbage;
        if self.garbage < MIN_GARBAGE || self.garbage * 2 < self.bytes.len() {
            return;
        }
        let live = self.bytes.len().saturating_sub(self.garbage);
        let mut moved = Vec::with_capacity(live);
        kept(&mut |text| {
            if text.is_some() {
                let start = text.start as usize * UNIT;
                // A text never moves towards the end, so its new start fits too.
                text.start = (moved.len() / UNIT) as u32;
                moved.extend_from_slice(&self.bytes[start..start + text.room()]);
            }
        });
        self.bytes = moved;
        self.garbage = 0;
    }

    /// Returns the bytes that the pool and the states' own heap take.
    pub(crate) fn size(&self) -> usize {
        self.bytes.capacity() + self.heap
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_text_is_not_an_empty_text() {
        let mut pool = Pool::default();
        let empty = pool.put(b"");
        assert_eq!(
            (pool.get(Text::NONE), pool.get(empty)),
            (None, Some(&b""[..]))
        );
    }

    #[test]
    fn a_text_that_fits_is_replaced_in_place() {
        let mut pool = Pool::default();
        let mut text = pool.put(b"0123456789");
        let before = pool.bytes.len();
        for new in [&b"abcdefghij"[..], b"0123456789abcdef", b"x", b"12345678"] {
            pool.set(&mut text, Some(new));
            assert_eq!((pool.get(text), pool.bytes.len()), (Some(new), before));
        }
        pool.set(&mut text, Some(b"123456789"));
        assert!(pool.bytes.len() > before);
    }

    #[test]
    fn the_pool_is_compacted_when_most_of_it_is_garbage() {
        let mut pool = Pool::default();
        let mut texts: Vec<_> = (0..10_000)
            .map(|i| pool.put(format!("{i:020}").as_bytes()))
            .collect();
        let mut kept = texts.split_off(9_000);
        pool.release(
            |visit| texts.iter_mut().for_each(visit),
            |visit| kept.iter_mut().for_each(visit),
        );
        assert_eq!((pool.bytes.len(), pool.garbage), (1_000 * 24, 0));
        for (i, text) in kept.iter().enumerate() {
            assert_eq!(
                pool.get(*text),
                Some(format!("{:020}", i + 9_000).as_bytes())
            );
        }
    }

    #[test]
    fn fields_are_read_as_they_were_set() -> Result<()> {
        let (mut pool, mut text) = (Pool::default(), Text::NONE);
        assert_eq!(pool.fields::<2>(text)?, [None, None]);
        for fields in [[None, Some(&b"sms"[..])], [Some(b""), None]] {
            pool.set_fields(&mut text, &fields);
            assert_eq!(pool.fields::<2>(text)?, fields);
            let given: Vec<_> = fields.into_iter().flatten().collect();
            assert_eq!(pool.list(text)?, given);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn texts_keep_what_was_set_last(
            steps in prop::collection::vec((0..8_usize, prop::option::of(prop::collection::vec(any::<u8>(), 0..40))), 1..200)
        ) {
            let (mut pool, mut texts, mut model) = (Pool::default(), [Text::NONE; 8], vec![None; 8]);
            for (which, new) in steps {
                pool.set(&mut texts[which], new.as_deref());
                model[which] = new;
                let live: usize = texts.iter().map(|text| text.room()).sum();
                prop_assert_eq!(pool.bytes.len(), live + pool.garbage);
            }
            for (text, expected) in texts.iter().zip(&model) {
                prop_assert_eq!(pool.get(*text), expected.as_deref());
            }
        }
    }
}
