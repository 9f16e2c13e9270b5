//! The texts of all groups, in one buffer.
//!
//! A state keeps a handful of short texts, most of them event ids that a later event replaces. Boxing each would cost an
//! allocation for every new maximum; here a text of no greater length is replaced in place, and a state stays small. Texts
//! that were dropped are garbage until [`Pool::release`] finds that they outweigh the rest.

use datafusion::common::{Result, resources_err};

use super::{Decoder, Encoder};

/// Texts start at multiples of this, so 32 bits address 32 GiB.
const UNIT: usize = 8;

/// Less garbage than this is not worth a move.
const WORTH_MOVING: usize = 1 << 16;

/// A text in a [`Pool`], or none.
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
    /// No text, which is not an empty one.
    pub(crate) const NONE: Self = Self {
        start: 0,
        len: u32::MAX,
    };

    /// Whether there is a text.
    #[inline]
    pub(crate) fn is_some(self) -> bool {
        self.len != u32::MAX
    }

    /// Bytes taken in the pool.
    fn room(self) -> usize {
        if self.is_some() {
            (self.len as usize).next_multiple_of(UNIT)
        } else {
            0
        }
    }
}

/// The texts of all groups.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    bytes: Vec<u8>,
    garbage: usize,
    boxed: usize,
    full: bool,
    scratch: Encoder,
}

impl Pool {
    /// The bytes of a text.
    #[inline]
    pub(crate) fn get(&self, text: Text) -> Option<&[u8]> {
        text.is_some().then(|| {
            let start = text.start as usize * UNIT;
            &self.bytes[start..start + text.len as usize]
        })
    }

    /// A new text.
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

    /// Makes `text` say something else.
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
                // No longer than the old text, whose length fitted.
                text.len = new.len() as u32;
                self.garbage += room - text.room();
            }
            Some(new) => {
                self.garbage += room;
                *text = self.put(new);
            }
        }
    }

    /// Makes `text` say several texts, any of which may be missing, for [`Pool::said`] to read.
    pub(crate) fn set_all(&mut self, text: &mut Text, said: &[Option<&[u8]>]) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        for said in said {
            scratch.text(*said);
        }
        self.set(text, Some(scratch.bytes()));
        self.scratch = scratch;
    }

    /// The texts that [`Pool::set_all`] put; none of them where it put nothing.
    pub(crate) fn said<const N: usize>(&self, text: Text) -> Result<[Option<&[u8]>; N]> {
        let mut said = [None; N];
        if let Some(bytes) = self.get(text) {
            let mut bytes = Decoder::new(bytes);
            for said in &mut said {
                *said = bytes.text()?;
            }
        }
        Ok(said)
    }

    /// Tells that a state's own heap grew or shrank from so many bytes to so many.
    pub(crate) fn boxed(&mut self, before: usize, after: usize) {
        self.boxed = (self.boxed + after).saturating_sub(before);
    }

    /// Whether everything fitted.
    pub(crate) fn check(&self, function: &str) -> Result<()> {
        if self.full {
            return resources_err!(
                "{function}: the texts of one partition's groups exceed 32 GiB; use more partitions"
            );
        }
        Ok(())
    }

    /// Forgets everything, but keeps its memory for what comes next.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.garbage = 0;
        self.boxed = 0;
    }

    /// Drops the texts that `gone` shows, and gathers those that `kept` shows where most of the pool is garbage.
    pub(crate) fn release(
        &mut self,
        gone: impl FnOnce(&mut dyn FnMut(&mut Text)),
        kept: impl FnOnce(&mut dyn FnMut(&mut Text)),
    ) {
        let mut garbage = self.garbage;
        gone(&mut |text| garbage += text.room());
        self.garbage = garbage;
        if self.garbage < WORTH_MOVING || self.garbage * 2 < self.bytes.len() {
            return;
        }
        let live = self.bytes.len().saturating_sub(self.garbage);
        let mut moved = Vec::with_capacity(live);
        kept(&mut |text| {
            if text.is_some() {
                let start = text.start as usize * UNIT;
                // Moving only brings texts nearer to the start.
                text.start = (moved.len() / UNIT) as u32;
                moved.extend_from_slice(&self.bytes[start..start + text.room()]);
            }
        });
        self.bytes = moved;
        self.garbage = 0;
    }

    /// Bytes taken, the states' own heap included.
    pub(crate) fn size(&self) -> usize {
        self.bytes.capacity() + self.boxed
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
    fn a_text_of_no_greater_length_is_replaced_in_place() {
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
    fn garbage_is_gathered_when_it_outweighs_the_rest() {
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
    fn several_texts_are_kept_as_one() -> Result<()> {
        let (mut pool, mut text) = (Pool::default(), Text::NONE);
        assert_eq!(pool.said::<2>(text)?, [None, None]);
        for said in [[None, Some(&b"sms"[..])], [Some(b""), None]] {
            pool.set_all(&mut text, &said);
            assert_eq!(pool.said::<2>(text)?, said);
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
