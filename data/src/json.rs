//! Splits a line that holds one JSON object into its fields, without copying, and checks the grammar (RFC 8259).
//!
//! Every byte of an NDJSON input passes through here, so it is written for speed: strings are searched eight bytes at a time,
//! and values are slices of the line that the caller converts (SPEC E5: a number stays text; SPEC E4: unlisted fields are
//! kept verbatim). It accepts what `serde_json` accepts, which property tests check, except nesting beyond [`MAX_DEPTH`],
//! which readers of `properties` could not parse.

use std::borrow::Cow;
use std::fmt;

/// The deepest accepted nesting; the event itself is the first level.
const MAX_DEPTH: usize = 128;

/// Describes why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotJson {
    /// The first byte that is wrong, counted from 1.
    at: usize,
    expected: &'static str,
}

/// Refers to a value in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Value<'a> {
    /// The value's text; a string includes its quotes.
    pub(crate) text: &'a str,
    /// Whether it is a string with escapes.
    escaped: bool,
}

/// The type of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number,
    /// A string.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

impl<'a> Value<'a> {
    /// Returns the type of the value, which its first byte determines.
    pub(crate) fn shape(self) -> Shape {
        match self.text.as_bytes().first() {
            Some(b'"') => Shape::Text,
            Some(b'n') => Shape::Null,
            Some(b't') => Shape::Flag(true),
            Some(b'f') => Shape::Flag(false),
            Some(b'[') => Shape::List,
            Some(b'{') => Shape::Object,
            _ => Shape::Number,
        }
    }

    /// Returns the characters of a string; none where the value is no string, or has an invalid escape (half a surrogate
    /// pair).
    pub(crate) fn characters(self) -> Option<Cow<'a, str>> {
        if self.escaped {
            return serde_json::from_str(self.text).ok().map(Cow::Owned);
        }
        self.text
            .strip_prefix('"')?
            .strip_suffix('"')
            .map(Cow::Borrowed)
    }

    /// Returns the elements of a list; none where the value is no list.
    pub(crate) fn elements(self) -> Option<Vec<Value<'a>>> {
        let mut elements = Vec::new();
        let mut scanner = Scanner {
            text: self.text,
            at: 0,
        };
        if !scanner.take(b'[') {
            return None;
        }
        scanner.skip_space();
        if scanner.take(b']') {
            return Some(elements);
        }
        loop {
            scanner.skip_space();
            elements.push(scanner.value().ok()?);
            scanner.skip_space();
            if !scanner.take(b',') {
                return Some(elements);
            }
        }
    }
}

/// Describes why a line is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectError {
    /// The line is not JSON.
    NotJson(NotJson),
    /// The line is another JSON value.
    Other(Shape),
}

/// Calls `field` with the key and value of each field of the object in `line`, in order, repeated keys included.
pub(crate) fn scan_object<'a>(
    line: &'a str,
    mut field: impl FnMut(Value<'a>, Value<'a>),
) -> Result<(), ObjectError> {
    let mut scanner = Scanner { text: line, at: 0 };
    scanner.skip_space();
    if scanner.peek() != Some(b'{') {
        let value = scanner.value().map_err(ObjectError::NotJson)?;
        scanner.end().map_err(ObjectError::NotJson)?;
        return Err(ObjectError::Other(value.shape()));
    }
    scanner
        .object(&mut field)
        .and_then(|()| scanner.end())
        .map_err(ObjectError::NotJson)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    #[cold]
    fn not_json(&self, expected: &'static str) -> NotJson {
        NotJson {
            at: self.at + 1,
            expected,
        }
    }

    fn end(&mut self) -> Result<(), NotJson> {
        self.skip_space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.not_json("the end of the line")),
        }
    }

    /// Reads the object that begins here, calling `field` for each field.
    fn object(&mut self, field: &mut impl FnMut(Value<'a>, Value<'a>)) -> Result<(), NotJson> {
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            let key = self.key()?;
            self.skip_space();
            let value = self.value()?;
            field(key, value);
            self.skip_space();
            if self.take(b',') {
                continue;
            }
            return if self.take(b'}') {
                Ok(())
            } else {
                Err(self.not_json("`,` or `}`"))
            };
        }
    }

    /// Reads a key and its colon.
    #[inline]
    fn key(&mut self) -> Result<Value<'a>, NotJson> {
        if self.peek() != Some(b'"') {
            return Err(self.not_json("a key in quotes"));
        }
        let key = self.string()?;
        self.skip_space();
        if self.take(b':') {
            Ok(key)
        } else {
            Err(self.not_json("`:`"))
        }
    }

    #[inline]
    fn value(&mut self) -> Result<Value<'a>, NotJson> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => return self.string(),
            Some(b'{' | b'[') => self.nested()?,
            _ => self.scalar()?,
        }
        Ok(Value {
            text: &self.text[start..self.at],
            escaped: false,
        })
    }

    /// Skips a number or a literal.
    fn scalar(&mut self) -> Result<(), NotJson> {
        match self.peek() {
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => Err(self.not_json("a value")),
        }
    }

    fn literal(&mut self, literal: &'static str) -> Result<(), NotJson> {
        if !self.text.as_bytes()[self.at..].starts_with(literal.as_bytes()) {
            return Err(self.not_json("a value"));
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), NotJson> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            let _ = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start {
            Ok(())
        } else {
            Err(self.not_json("a digit"))
        }
    }

    /// Reads the string that begins here.
    #[inline]
    fn string(&mut self) -> Result<Value<'a>, NotJson> {
        let start = self.at;
        let mut escaped = false;
        self.at += 1;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Value {
                        text: &self.text[start..self.at],
                        escaped,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.not_json("no control character in a string")),
                None => return Err(self.not_json("the end of a string")),
            }
        }
    }

    /// Skips to the next quote, backslash or control character of a string.
    #[inline]
    fn skip_plain(&mut self) {
        const LOW: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        // Sets the high bit of each zero byte. Bytes above the lowest zero byte may be marked by mistake, which does not
        // matter since only the lowest mark is used.
        let zero = |word: u64| word.wrapping_sub(LOW) & !word;
        let eight_of = |byte: u8| LOW * u64::from(byte);
        let bytes = self.text.as_bytes();
        while let Some(eight) = bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk::<8>())
        {
            let word = u64::from_le_bytes(*eight);
            let control = word.wrapping_sub(eight_of(b' ')) & !word;
            let special =
                (zero(word ^ eight_of(b'"')) | zero(word ^ eight_of(b'\\')) | control) & HIGH;
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while let Some(byte) = self.peek()
            && byte >= 0x20
            && !matches!(byte, b'"' | b'\\')
        {
            self.at += 1;
        }
    }

    fn escape(&mut self) -> Result<(), NotJson> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.not_json("a hexadecimal digit"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.not_json("an escape")),
        }
        Ok(())
    }

    /// Skips the list or object that begins here. It loops instead of recursing, so that no line can exhaust the stack.
    fn nested(&mut self) -> Result<(), NotJson> {
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(bracket @ (b'[' | b'{')) => {
                    // The event itself is a level too.
                    if open.len() + 1 >= MAX_DEPTH {
                        return Err(self.not_json("at most 128 levels of nesting"));
                    }
                    self.at += 1;
                    self.skip_space();
                    let close = bracket + 2;
                    if !self.take(close) {
                        open.push(close);
                        if close == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                Some(b'"') => {
                    self.string()?;
                }
                _ => self.scalar()?,
            }
            loop {
                let Some(&close) = open.last() else {
                    return Ok(());
                };
                self.skip_space();
                if self.take(b',') {
                    if close == b'}' {
                        self.skip_space();
                        self.key()?;
                    }
                    break;
                }
                if !self.take(close) {
                    return Err(self.not_json(if close == b'}' {
                        "`,` or `}`"
                    } else {
                        "`,` or `]`"
                    }));
                }
                open.pop();
            }
        }
    }
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {}", self.expected, self.at)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shape::Null => "null",
            Shape::Flag(_) => "a boolean",
            Shape::Number => "a number",
            Shape::Text => "a string",
            Shape::List => "a list",
            Shape::Object => "an object",
        })
    }
}

#[cfg(test)]
mod tests;
