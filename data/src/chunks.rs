//! Cuts a stream into chunks of whole lines, so that many cores can read one input in bounded memory.

use crate::error::InputError;
use std::io::Read;

/// The most bytes that are held of one line, its newline among them: lines between this and
/// [`crate::MAX_LINE_BYTES`] are kept whole as rejected events; a longer one ends the input with an error, because it
/// could not be kept.
pub const MAX_LINE_KEPT: usize = 64 << 20;

/// How much is asked of the stream at once, when a line outgrows its chunk.
const STEP: usize = 1 << 20;

/// Some whole lines of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The lines with their newlines; the input's last may lack it.
    pub bytes: Vec<u8>,
    /// The number of the first line, the input's first being 1.
    pub first_line: u64,
}

/// An iterator over the chunks of a stream. It holds at most one chunk and one line ([`MAX_LINE_KEPT`]). After an error
/// it ends.
#[derive(Debug)]
pub struct LineChunker<R> {
    reader: R,
    chunk_bytes: usize,
    /// The beginning of a line whose end has not been read yet.
    rest: Vec<u8>,
    next_line: u64,
    ended: bool,
}

impl<R: Read> LineChunker<R> {
    /// Cuts what `reader` gives, already decompressed, into chunks of about `chunk_bytes` (from 1 byte to 64 MiB).
    pub fn new(reader: R, chunk_bytes: usize) -> LineChunker<R> {
        LineChunker {
            reader,
            chunk_bytes: chunk_bytes.clamp(1, MAX_LINE_KEPT),
            rest: Vec::new(),
            next_line: 1,
            ended: false,
        }
    }

    fn chunk(&mut self) -> Result<Option<Chunk>, InputError> {
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            // What was there before this round has no newline in it.
            let searched = bytes.len();
            let wanted = self
                .chunk_bytes
                .saturating_sub(searched)
                .max(STEP.min(self.chunk_bytes));
            bytes.reserve(wanted);
            let read = self
                .reader
                .by_ref()
                .take(wanted as u64)
                .read_to_end(&mut bytes)?;
            self.ended = read < wanted;
            let end = bytes[searched..]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map(|at| searched + at + 1);
            let first = bytes[searched..]
                .iter()
                .position(|byte| *byte == b'\n')
                .map(|at| searched + at + 1);
            if first.unwrap_or(bytes.len()) > MAX_LINE_KEPT {
                return Err(InputError::LineTooLong {
                    line: self.next_line,
                    limit: MAX_LINE_KEPT,
                });
            }
            match end {
                Some(end) if !self.ended => self.rest = bytes.split_off(end),
                None if !self.ended => continue,
                _ => {}
            }
            if bytes.is_empty() {
                return Ok(None);
            }
            let first_line = self.next_line;
            self.next_line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
            return Ok(Some(Chunk { bytes, first_line }));
        }
    }
}

impl<R: Read> Iterator for LineChunker<R> {
    type Item = Result<Chunk, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let chunk = self.chunk();
        self.ended |= chunk.is_err();
        chunk.transpose()
    }
}

#[cfg(test)]
mod tests;
