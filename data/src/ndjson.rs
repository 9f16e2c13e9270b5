//! Reads events from lines of JSON.
//!
//! A line is parsed and split into fields without copying ([`crate::json`]). The fields that the event's type lists are
//! converted in place; all others are copied verbatim into `properties` (SPEC E4). Where a key repeats, the last value counts.

mod line;

use crate::check::{Cell, Reason, check};
use crate::event::Field;
use crate::instant;
use crate::json::{ObjectError, scan_object};
use crate::parsed::{Parsed, Rejected};
use crate::rows::Rows;
use chrono::{DateTime, Utc};
use line::Line;

/// The longest accepted line in bytes, without its newline (SPEC E3).
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Reads whole lines of JSON as events that arrive at `now`. `first_line` is the number of the first line in the source.
///
/// A newline is `\n` or `\r\n`, and the last line may lack it. Lines of white space are counted and skipped. A chunk must be
/// below 2 GiB, the most that one Arrow string column holds; [`crate::LineChunker`] ensures this.
pub fn parse_ndjson(chunk: &[u8], first_line: u64, now: DateTime<Utc>) -> Parsed {
    parse_ndjson_of(None, chunk, first_line, now)
}

/// As [`parse_ndjson`], for a sender who may write events of `account` alone: those of others are rejected (SPEC 8).
pub fn parse_ndjson_of(
    account: Option<&str>,
    chunk: &[u8],
    first_line: u64,
    now: DateTime<Utc>,
) -> Parsed {
    let mut reader = Reader::new(instant::latest(now), account);
    let mut number = first_line;
    match std::str::from_utf8(chunk) {
        Ok(text) => {
            for line in text.split_terminator('\n') {
                reader.read_line(line, number);
                number += 1;
            }
        }
        Err(_) => {
            let lines = chunk
                .strip_suffix(b"\n")
                .unwrap_or(chunk)
                .split(|byte| *byte == b'\n');
            for line in lines {
                match std::str::from_utf8(line) {
                    Ok(line) => reader.read_line(line, number),
                    Err(error) => reader.reject_non_utf8(line, number, error.valid_up_to()),
                }
                number += 1;
            }
        }
    }
    Parsed {
        rejected: reader.rejected,
        lines: number - first_line,
        ..reader.rows.finish()
    }
}

/// Reads the lines of a chunk, collecting rows and rejections. Its buffers are used for all lines.
struct Reader<'a> {
    latest: i64,
    /// The only account whose events are accepted; none for any.
    account: Option<&'a str>,
    rows: Rows,
    rejected: Vec<Rejected>,
    line: Line<'a>,
    cells: Vec<(Field, Cell<'a>)>,
    properties: String,
}

impl<'a> Reader<'a> {
    fn new(latest: i64, account: Option<&'a str>) -> Reader<'a> {
        Reader {
            latest,
            account,
            rows: Rows::default(),
            rejected: Vec::new(),
            line: Line::default(),
            cells: Vec::new(),
            properties: String::new(),
        }
    }

    fn read_line(&mut self, line: &'a str, number: u64) {
        let content = line.strip_suffix('\r').unwrap_or(line);
        if let Err(reason) = self.read_event(content)
            && !content
                .bytes()
                .all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        {
            self.reject(line.as_bytes(), number, &reason);
        }
    }

    fn read_event(&mut self, line: &'a str) -> Result<(), Reason> {
        check_length(line.len())?;
        self.line.clear();
        scan_object(line, |key, value| self.line.add(key, value)).map_err(|error| match error {
            ObjectError::NotJson(error) => Reason::NotJson(error),
            ObjectError::Other(shape) => Reason::NotAnObject(shape),
        })?;
        let event = check(&self.line, self.latest, &mut self.cells)?;
        if self.account.is_some_and(|own| own != event.account) {
            return Err(Reason::OtherAccount(event.account.into_owned()));
        }
        let properties = self
            .line
            .properties(event.kind.listed(), &mut self.properties);
        self.rows.push(
            &event,
            &self.cells,
            properties.then_some(self.properties.as_str()),
        );
        Ok(())
    }

    fn reject_non_utf8(&mut self, line: &[u8], number: u64, valid: usize) {
        let content = line.strip_suffix(b"\r").unwrap_or(line);
        let reason = check_length(content.len())
            .err()
            .unwrap_or(Reason::NotUtf8 { at: valid + 1 });
        self.reject(line, number, &reason);
    }

    #[cold]
    fn reject(&mut self, line: &[u8], number: u64, reason: &Reason) {
        self.rejected.push(Rejected {
            line: number,
            reason: reason.to_string(),
            raw: line.to_vec(),
        });
    }
}

fn check_length(bytes: usize) -> Result<(), Reason> {
    if bytes > MAX_LINE_BYTES {
        Err(Reason::LineTooLong { bytes })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
