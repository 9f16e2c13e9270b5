//! Translates PostgreSQL's regular expressions to Rust's syntax.
//!
//! What the two write differently is translated; what only a backtracking engine can match (looking ahead, references back)
//! is refused, since Rust's reads each text once.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use crate::error::PgError;

/// The options of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Options {
    /// `g`: all matches, not the first alone.
    pub global: bool,
    ignore_case: bool,
    expanded: bool,
    /// The pattern is a literal text.
    quoted: bool,
    /// A dot does not match a line's end.
    dot_stops: bool,
    /// `^` and `$` match at lines' ends.
    by_line: bool,
}

impl Options {
    /// Reads options, one letter each.
    pub fn read(letters: &str) -> Result<Options, PgError> {
        let mut options = Options::default();
        for letter in letters.chars() {
            match letter {
                'g' => options.global = true,
                other => options.set(other)?,
            }
        }
        Ok(options)
    }

    fn set(&mut self, letter: char) -> Result<(), PgError> {
        match letter {
            'i' => self.ignore_case = true,
            'c' => self.ignore_case = false,
            'x' => self.expanded = true,
            't' => self.expanded = false,
            'q' => self.quoted = true,
            'e' => self.quoted = false,
            'n' | 'm' => (self.dot_stops, self.by_line) = (true, true),
            'p' => (self.dot_stops, self.by_line) = (true, false),
            'w' => (self.dot_stops, self.by_line) = (false, true),
            's' => (self.dot_stops, self.by_line) = (false, false),
            other => {
                return Err(PgError::invalid_parameter(format!(
                    "invalid regular expression option: \"{other}\""
                )));
            }
        }
        Ok(())
    }

    /// Writes the flags that Rust's pattern begins with.
    fn prefix(self, has_dot: bool) -> String {
        let letters: String = [
            (self.ignore_case, 'i'),
            (self.expanded, 'x'),
            (self.by_line, 'm'),
            (has_dot && !self.dot_stops, 's'),
        ]
        .iter()
        .filter_map(|(set, letter)| set.then_some(*letter))
        .collect();
        if letters.is_empty() {
            letters
        } else {
            format!("(?{letters})")
        }
    }
}

fn invalid(why: &str) -> PgError {
    PgError::new("2201B", format!("invalid regular expression: {why}"))
}

fn unsupported(what: &str) -> PgError {
    PgError::unsupported(format!("{what} in regular expressions are not supported"))
}

/// Translates a pattern.
pub(super) fn translate(pattern: &str, mut options: Options) -> Result<String, PgError> {
    let mut rest = pattern;
    if let Some(literal) = rest.strip_prefix("***=") {
        (rest, options.quoted) = (literal, true);
    } else if let Some(regex) = rest.strip_prefix("***:") {
        rest = regex;
    }
    // `(?i)` at the beginning are options.
    if !options.quoted
        && let Some((letters, after)) = rest.strip_prefix("(?").and_then(|at| at.split_once(')'))
        && !letters.is_empty()
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        for letter in letters.chars() {
            // `(?g)` is no such option: how many matches count is not the pattern's to say.
            let known = options.set(letter);
            known.map_err(|_| invalid("invalid embedded option"))?;
        }
        rest = after;
    }
    if options.quoted {
        return Ok(format!("{}{}", options.prefix(false), regex::escape(rest)));
    }
    let mut writer = Writer {
        chars: rest.chars().peekable(),
        out: String::with_capacity(rest.len() + 8),
        has_dot: false,
        options,
    };
    writer.write()?;
    Ok(format!("{}{}", options.prefix(writer.has_dot), writer.out))
}

struct Writer<'a> {
    chars: Peekable<Chars<'a>>,
    out: String,
    has_dot: bool,
    options: Options,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), PgError> {
        while let Some(c) = self.chars.next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.bracket()?,
                '(' => self.group()?,
                '.' => {
                    self.has_dot = true;
                    self.out.push('.');
                }
                // A brace that begins no bound stands for itself.
                '{' if !self.chars.peek().is_some_and(char::is_ascii_digit) => {
                    self.out.push_str("\\{");
                }
                c => self.out.push(c),
            }
        }
        Ok(())
    }

    fn group(&mut self) -> Result<(), PgError> {
        if self.chars.next_if_eq(&'?').is_none() {
            self.out.push('(');
            return Ok(());
        }
        match self.chars.next() {
            Some(':') => self.out.push_str("(?:"),
            Some('#') => {
                if !self.chars.any(|c| c == ')') {
                    return Err(invalid("parentheses () not balanced"));
                }
            }
            Some('=' | '!' | '<') => return Err(unsupported("looks ahead and behind")),
            _ => return Err(invalid("quantifier operand invalid")),
        }
        Ok(())
    }

    /// Translates an escape, after its backslash.
    fn escape(&mut self, in_bracket: bool) -> Result<(), PgError> {
        let c = self
            .chars
            .next()
            .ok_or_else(|| invalid("invalid escape \\ sequence"))?;
        match c {
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => {
                self.out.extend(['\\', c]);
            }
            'm' if !in_bracket => self.out.push_str("\\b{start}"),
            'M' if !in_bracket => self.out.push_str("\\b{end}"),
            'y' if !in_bracket => self.out.push_str("\\b"),
            'Y' if !in_bracket => self.out.push_str("\\B"),
            'A' if !in_bracket => self.out.push_str("\\A"),
            'Z' if !in_bracket => self.out.push_str("\\z"),
            'b' => self.out.push_str("\\x08"),
            'B' => self.out.push_str("\\\\"),
            'e' => self.out.push_str("\\x1B"),
            '0' => self.out.push_str("\\x00"),
            'x' => self.code_point(8)?,
            'u' => self.code_point(4)?,
            'U' => self.code_point(8)?,
            '1'..='9' => return Err(unsupported("references back")),
            c if c.is_ascii_alphanumeric() => return Err(invalid("invalid escape \\ sequence")),
            c => self.literal(c),
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.out
            .push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    fn code_point(&mut self, most: usize) -> Result<(), PgError> {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(digit) = self.chars.next_if(char::is_ascii_hexdigit)
        {
            digits.push(digit);
        }
        if digits.is_empty() {
            return Err(invalid("invalid escape \\ sequence"));
        }
        // Writing to a String cannot fail.
        let _ = write!(self.out, "\\x{{{digits}}}");
        Ok(())
    }

    /// Translates a bracket expression, after its `[`.
    fn bracket(&mut self) -> Result<(), PgError> {
        let unclosed = || invalid("brackets [] not balanced");
        let ahead: String = self.chars.clone().take(6).collect();
        for (word, boundary) in [("[:<:]]", "\\b{start}"), ("[:>:]]", "\\b{end}")] {
            if ahead == word {
                self.out.push_str(boundary);
                self.chars.nth(5);
                return Ok(());
            }
        }
        self.out.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            self.out.push('^');
            // Where a dot does not match a line's end, neither does this.
            if self.options.dot_stops {
                self.out.push_str("\\n");
            }
        }
        let mut first = true;
        loop {
            let c = self.chars.next().ok_or_else(unclosed)?;
            match c {
                ']' if !first => break,
                '[' if matches!(self.chars.peek(), Some(':')) => self.class()?,
                '[' if matches!(self.chars.peek(), Some('.' | '=')) => {
                    return Err(unsupported("collating elements"));
                }
                '\\' => self.escape(true)?,
                '-' => self.out.push('-'),
                // Rust's brackets have operators that PostgreSQL's have not.
                '[' | ']' | '&' | '~' => self.out.extend(['\\', c]),
                // In brackets white space counts, also in an expanded pattern.
                c if self.options.expanded && (c.is_whitespace() || c == '#') => {
                    // Writing to a String cannot fail.
                    let _ = write!(self.out, "\\x{{{:x}}}", u32::from(c));
                }
                c => self.out.push(c),
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    /// Translates `[:alpha:]` after its first bracket: all letters, not the Latin ones alone.
    fn class(&mut self) -> Result<(), PgError> {
        self.chars.next();
        let mut name = String::new();
        while let Some(c) = self.chars.next_if(char::is_ascii_lowercase) {
            name.push(c);
        }
        if self.chars.next() != Some(':') || self.chars.next() != Some(']') {
            return Err(invalid("invalid character class"));
        }
        self.out.push_str(match name.as_str() {
            "alpha" => "\\p{Alphabetic}",
            "alnum" => "\\p{Alphabetic}\\p{Nd}",
            "upper" => "\\p{Uppercase}",
            "lower" => "\\p{Lowercase}",
            "space" => "\\s",
            "word" => "\\w",
            "digit" => "[:digit:]",
            "xdigit" => "[:xdigit:]",
            "punct" => "[:punct:]",
            "blank" => "[:blank:]",
            "cntrl" => "[:cntrl:]",
            "print" => "[:print:]",
            "graph" => "[:graph:]",
            _ => return Err(invalid("invalid character class")),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("^abc$", "", "^abc$")]
    #[case("a.b", "", "(?s)a.b")]
    #[case("a.b", "n", "(?m)a.b")]
    #[case("a.b", "gi", "(?is)a.b")]
    #[case("(?i)abc", "", "(?i)abc")]
    #[case("\\mword\\M|\\y", "", "\\b{start}word\\b{end}|\\b")]
    #[case("[[:<:]]a[[:>:]]", "", "\\b{start}a\\b{end}")]
    #[case("[]a&&b[]", "", "[\\]a\\&\\&b\\[]")]
    #[case("[^[:digit:]_]", "", "[^[:digit:]_]")]
    #[case("a{2,3}b{", "", "a{2,3}b\\{")]
    #[case("\\u00e9", "", "\\x{00e9}")]
    #[case("a+b", "q", "a\\+b")]
    #[case("***=a+b", "", "a\\+b")]
    #[case("(?:a)(?#no)b", "", "(?:a)b")]
    #[case("[^a]", "n", "(?m)[^\\na]")]
    #[case("[^]a]", "p", "[^\\n\\]a]")]
    #[case("[^a]", "w", "(?m)[^a]")]
    #[case("a [ #]", "x", "(?x)a [\\x{20}\\x{23}]")]
    fn patterns_are_translated(
        #[case] pattern: &str,
        #[case] options: &str,
        #[case] expected: &str,
    ) {
        let options = Options::read(options).unwrap();
        let made = translate(pattern, options).unwrap();
        assert_eq!(made, expected);
        assert!(regex::Regex::new(&made).is_ok(), "{made}");
    }

    #[rstest]
    #[case("(?=a)", "0A000")]
    #[case("(a)\\1", "0A000")]
    #[case("[a", "2201B")]
    #[case("a\\", "2201B")]
    #[case("[[:nothing:]]", "2201B")]
    #[case("(?z)a", "2201B")]
    #[case("(?ig)a", "2201B")]
    fn invalid_and_unsupported_patterns_are_refused(#[case] pattern: &str, #[case] expected: &str) {
        let error = translate(pattern, Options::default()).unwrap_err();
        assert_eq!(error.code, expected);
    }
}
