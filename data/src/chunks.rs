//! Cuts a stream into chunks of whole lines, so that several cores can parse one input in bounded memory.

use crate::error::InputError;
use std::io::Read;

/// The longest line that is held in memory, in bytes with its newline. Lines over [`crate::MAX_LINE_BYTES`] up to this
/// limit are kept whole as rejected events; a longer one ends the input with an error.
pub const MAX_LINE_KEPT: usize = 64 << 20;

/// The bytes read at once when a line is longer than its chunk.
const STEP: usize = 1 << 20;

/// Holds some whole lines of an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The lines with their newlines; the input's last line may lack one.
    pub bytes: Vec<u8>,
    /// The number of the first line, counted from 1.
    pub first_line: u64,
}

/// Iterates over the chunks of a stream. It holds at most one chunk and one line ([`MAX_LINE_KEPT`]), and ends after the
/// first error.
#[derive(Debug)]
pub struct LineChunker<R> {
    reader: R,
    chunk_bytes: usize,
    /// The start of a line whose end has not been read yet.
    rest: Vec<u8>,
    next_line: u64,
    ended: bool,
}

impl<R: Read> LineChunker<R> {
    /// Cuts the decompressed bytes of `reader` into chunks of about `chunk_bytes` (1 byte to 64 MiB).
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
            // The bytes from earlier rounds hold no newline.
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
