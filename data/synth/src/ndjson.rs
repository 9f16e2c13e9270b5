//! Events as NDJSON, formatted by hand: no tree of values, no formatting machinery, one buffer.
//!
//! Invariant: no text of the generator holds a quote, a backslash or a control character (a test looks), so texts are
//! copied as they are.

use std::io::{self, Write};

use chrono::{DateTime, Datelike};

use super::feed::Events;
use super::rhythm::{DAY, SECOND};
use super::spell::{Field, Shape, Spell};

/// Bytes gathered before they are written.
const GATHERED: usize = 256 * 1024;

impl Events {
    /// Writes all events that are left, one JSON object a line; says how many.
    pub fn write_ndjson(&mut self, out: &mut impl Write) -> io::Result<u64> {
        let mut lines = Lines::default();
        let mut buffer = Vec::with_capacity(GATHERED + 4096);
        let mut written = 0;
        loop {
            let added = self.fill(&mut lines, &mut buffer, GATHERED, u64::MAX, &mut |_| {});
            out.write_all(&buffer)?;
            buffer.clear();
            if added == 0 {
                return Ok(written);
            }
            written += added;
        }
    }

    /// Adds lines to `buffer` until it holds `bytes` or `events` were added; tells `seen` each event and says how many.
    pub(super) fn fill(
        &mut self,
        lines: &mut Lines,
        buffer: &mut Vec<u8>,
        bytes: usize,
        events: u64,
        seen: &mut dyn FnMut(&super::Event),
    ) -> u64 {
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut added = 0;
        while added < events && buffer.len() < bytes {
            let Some(event) = self.next() else { break };
            let mut line = Line { lines, buffer };
            event.spell(&self.shops[event.shop as usize], &mut scratch, &mut line);
            buffer.extend_from_slice(b"}\n");
            seen(&event);
            added += 1;
        }
        self.scratch = scratch;
        added
    }
}

/// What is kept from line to line: the date last written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    day: i64,
    date: [u8; 11],
}

impl Lines {
    /// `YYYY-MM-DDT` of a day since the epoch.
    fn date(&mut self, day: i64) -> &[u8; 11] {
        if self.day != day || self.date[0] == 0 {
            let date = DateTime::from_timestamp_micros(day * DAY).unwrap_or_default();
            let year = date.year().unsigned_abs();
            let pairs = [year / 100, year % 100, date.month(), date.day()];
            let [a, b, c, d] = pairs.map(|pair| PAIRS[(pair % 100) as usize]);
            self.date = [
                a[0], a[1], b[0], b[1], b'-', c[0], c[1], b'-', d[0], d[1], b'T',
            ];
            self.day = day;
        }
        &self.date
    }
}

const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut value = 0;
    while value < 100 {
        pairs[value] = [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8];
        value += 1;
    }
    pairs
};

/// What stands before each field's value.
const KEYS: [([u8; 24], usize); Field::COUNT] = {
    let mut keys = [([0; 24], 0); Field::COUNT];
    let mut field = 0;
    while field < Field::COUNT {
        let (name, shape) = Field::ALL[field];
        let (mut key, mut length) = ([0; 24], 0);
        key[length] = if field == 0 { b'{' } else { b',' };
        key[length + 1] = b'"';
        length += 2;
        let mut place = 0;
        while place < name.len() {
            key[length] = name.as_bytes()[place];
            length += 1;
            place += 1;
        }
        key[length] = b'"';
        key[length + 1] = b':';
        length += 2;
        if matches!(shape, Shape::Text | Shape::Instant) {
            key[length] = b'"';
            length += 1;
        }
        keys[field] = (key, length);
        field += 1;
    }
    keys
};

/// A line being written.
struct Line<'a> {
    lines: &'a mut Lines,
    buffer: &'a mut Vec<u8>,
}

impl Line<'_> {
    fn key(&mut self, field: Field) {
        let (key, length) = &KEYS[field as usize];
        self.buffer.extend_from_slice(&key[..*length]);
    }

    fn number(&mut self, value: u64) {
        let mut digits = [0_u8; 20];
        let (mut rest, mut first) = (value, digits.len());
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(&digits[first..]);
    }
}

impl Spell for Line<'_> {
    fn text(&mut self, field: Field, value: &str) {
        self.key(field);
        self.buffer.extend_from_slice(value.as_bytes());
        self.buffer.push(b'"');
    }

    fn texts<'a>(&mut self, field: Field, values: impl Iterator<Item = &'a str>) {
        self.key(field);
        let mut before = b'[';
        for value in values {
            self.buffer.extend_from_slice(&[before, b'"']);
            self.buffer.extend_from_slice(value.as_bytes());
            self.buffer.push(b'"');
            before = b',';
        }
        if before == b'[' {
            self.buffer.push(before);
        }
        self.buffer.push(b']');
    }

    fn instant(&mut self, field: Field, micros: i64) {
        self.key(field);
        let (day, within) = (micros.div_euclid(DAY), micros.rem_euclid(DAY));
        let (seconds, millis) = (
            (within / SECOND) as usize,
            (within % SECOND / 1000) as usize,
        );
        self.buffer.extend_from_slice(self.lines.date(day));
        let [h, m, s] = [seconds / 3600, seconds / 60 % 60, seconds % 60].map(|pair| PAIRS[pair]);
        let [hundreds, rest] = [b'0' + (millis / 100) as u8, (millis % 100) as u8];
        let [tens, ones] = PAIRS[usize::from(rest)];
        let time = [
            h[0], h[1], b':', m[0], m[1], b':', s[0], s[1], b'.', hundreds, tens, ones, b'Z', b'"',
        ];
        self.buffer.extend_from_slice(&time);
    }

    fn flag(&mut self, field: Field, value: bool) {
        self.key(field);
        self.buffer
            .extend_from_slice(if value { b"true" } else { b"false" });
    }

    fn integer(&mut self, field: Field, value: i64) {
        self.key(field);
        if value < 0 {
            self.buffer.push(b'-');
        }
        self.number(value.unsigned_abs());
    }

    fn money(&mut self, field: Field, cents: i64) {
        self.key(field);
        let cents = cents.unsigned_abs();
        self.number(cents / 100);
        self.buffer.push(b'.');
        self.buffer
            .extend_from_slice(&PAIRS[(cents % 100) as usize]);
    }
}
