//! Reads the patterns of `to_char`, `to_timestamp` and `to_date`, and writes numbers by a pattern: `YYYY-MM-DD HH24:MI:SS.US`,
//! `FMMonth`, `"quoted"`, `FM9,999.00`.

/// A part of a pattern of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A field, by its name in lower case.
    Field {
        name: &'static str,
        case: Case,
        /// Whether it is written without padding: `FM` stands before it.
        fill: bool,
        /// Whether the ending of an ordinal number follows (`st`, `nd`, `rd`, `th`), and whether that is in capitals.
        ordinal: Option<bool>,
    },
    /// Literal text.
    Text(String),
}

/// The case in which a pattern writes a name: `MONTH`, `Month`, `month`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Upper,
    Capital,
    Lower,
}

/// The names of fields, longer ones before those that they begin with.
const FIELDS: &[&str] = &[
    "y,yyy", "yyyy", "yyy", "yy", "y", "iyyy", "iyy", "iy", "iddd", "id", "iw", "i", "month",
    "mon", "ms", "mm", "mi", "ddd", "dd", "day", "dy", "d", "hh24", "hh12", "hh", "sssss", "ssss",
    "ss", "us", "ff1", "ff2", "ff3", "ff4", "ff5", "ff6", "a.m.", "p.m.", "am", "pm", "a.d.",
    "b.c.", "ad", "bc", "cc", "j", "q", "ww", "w", "rm", "tzh", "tzm", "tz", "of",
];

/// Reads a pattern of times.
pub fn parse(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    let mut text = String::new();
    let mut fill = false;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let mut chars = rest[1..].char_indices();
            let mut end = rest.len();
            while let Some((at, c)) = chars.next() {
                match c {
                    '"' => {
                        end = at + 2;
                        break;
                    }
                    '\\' => text.extend(chars.next().map(|(_, c)| c)),
                    c => text.push(c),
                }
            }
            rest = &rest[end..];
            continue;
        }
        if starts_with(rest, "fm") {
            fill = true;
            rest = &rest[2..];
            continue;
        }
        if starts_with(rest, "fx") || starts_with(rest, "tm") {
            rest = &rest[2..];
            continue;
        }
        if let Some(name) = FIELDS.iter().find(|name| starts_with(rest, name)) {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            let written = &rest[..name.len()];
            rest = &rest[name.len()..];
            let ordinal = if rest.starts_with("TH") {
                Some(true)
            } else if rest.starts_with("th") {
                Some(false)
            } else {
                None
            };
            if ordinal.is_some() {
                rest = &rest[2..];
            }
            parts.push(Part::Field {
                name,
                case: case_of(written),
                fill,
                ordinal,
            });
            fill = false;
            continue;
        }
        text.push(c);
        rest = &rest[c.len_utf8()..];
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

fn starts_with(text: &str, name: &str) -> bool {
    text.get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

fn case_of(written: &str) -> Case {
    let mut letters = written.chars().filter(char::is_ascii_alphabetic);
    match (letters.next(), letters.next()) {
        (Some(first), _) if first.is_ascii_lowercase() => Case::Lower,
        (_, Some(second)) if second.is_ascii_lowercase() => Case::Capital,
        _ => Case::Upper,
    }
}

impl Case {
    /// Writes a name, given with a capital, in this case.
    pub fn apply(self, capital: &str) -> String {
        match self {
            Case::Upper => capital.to_ascii_uppercase(),
            Case::Capital => capital.to_owned(),
            Case::Lower => capital.to_ascii_lowercase(),
        }
    }
}

/// Writes a number by a pattern of `9` and `0`; none where the pattern is not supported. `digits` rounds the number to so many
/// digits after the point, and returns those before and after it.
pub fn number(
    pattern: &str,
    negative: bool,
    digits: impl Fn(usize) -> (String, String),
) -> Option<String> {
    let mut pattern = pattern;
    let fill = starts_with(pattern, "fm");
    if fill {
        pattern = &pattern[2..];
    }
    if pattern.trim().eq_ignore_ascii_case("rn") {
        let roman = roman(&digits(0).0, negative);
        let roman = if pattern.contains('r') {
            roman.to_ascii_lowercase()
        } else {
            roman
        };
        return Some(if fill { roman } else { format!("{roman:>15}") });
    }
    let mut shape = NumberPattern::read(pattern)?;
    let (whole, fraction) = match shape.shifted {
        // Digits after V are those after the point, without one.
        Some(places) => {
            let (whole, fraction) = digits(places);
            (format!("{whole}{fraction}"), String::new())
        }
        None => digits(shape.after.len()),
    };
    if let Some(capital) = shape.ordinal.filter(|_| !negative) {
        let suffix = super::to_char::ordinal_of(&whole);
        let suffix = if capital {
            suffix.to_ascii_uppercase()
        } else {
            suffix.to_owned()
        };
        shape.suffix.insert_str(0, &suffix);
    }
    let whole = if whole == "0" && (!shape.after.is_empty() || shape.point) {
        String::new()
    } else {
        whole
    };
    let places = shape.before.iter().filter(|c| **c != ',').count();
    let mut body = String::new();
    if whole.len() > places {
        // A number that does not fit is written as `#`.
        body.extend(
            shape
                .before
                .iter()
                .map(|c| if *c == ',' { ',' } else { '#' }),
        );
        if shape.point {
            body.push('.');
        }
        body.extend(shape.after.iter().map(|_| '#'));
    } else {
        let mut place = 0;
        let mut begun = false;
        for c in &shape.before {
            if *c == ',' {
                match (begun, fill) {
                    (true, _) => body.push(','),
                    (false, false) => body.push(' '),
                    (false, true) => {}
                }
                continue;
            }
            let left = places - place;
            place += 1;
            let digit = (left <= whole.len()).then(|| whole.as_bytes()[whole.len() - left]);
            match digit {
                Some(digit) => {
                    begun = true;
                    body.push(char::from(digit));
                }
                None if *c == '0' || begun => {
                    begun = true;
                    body.push('0');
                }
                None if !fill => body.push(' '),
                None => {}
            }
        }
        if shape.point {
            body.push('.');
        }
        let shown = if fill {
            let forced = shape
                .after
                .iter()
                .rposition(|c| *c == '0')
                .map_or(0, |at| at + 1);
            fraction.trim_end_matches('0').len().max(forced)
        } else {
            fraction.len()
        };
        body.push_str(&fraction[..shown]);
    }
    Some(shape.with_sign(&body, negative, fill))
}

/// Writes a whole number of 1 to 3999 in Roman digits; any other as `#`.
fn roman(digits: &str, negative: bool) -> String {
    const DIGITS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut rest = match digits.parse::<u32>() {
        Ok(number) if !negative && (1..4000).contains(&number) => number,
        _ => return "#".repeat(15),
    };
    let mut out = String::new();
    for (value, text) in DIGITS {
        while rest >= value {
            out.push_str(text);
            rest -= value;
        }
    }
    out
}

/// The parts of a pattern of numbers.
#[derive(Default)]
struct NumberPattern {
    before: Vec<char>,
    after: Vec<char>,
    point: bool,
    sign: Sign,
    prefix: String,
    suffix: String,
    /// The number of digits after `V`, which multiplies by ten for each.
    shifted: Option<usize>,
    /// Whether the ending of an ordinal number follows, and whether that is `TH`.
    ordinal: Option<bool>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Sign {
    #[default]
    Usual,
    SBefore,
    SAfter,
    MinusAfter,
    MinusBefore,
    /// `SG` at the beginning: the sign stands there, and not at the number.
    Placed,
    Brackets,
}

impl NumberPattern {
    fn read(pattern: &str) -> Option<NumberPattern> {
        let mut shape = NumberPattern::default();
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            let mut length = c.len_utf8();
            let begun = !shape.before.is_empty() || shape.point;
            match c.to_ascii_uppercase() {
                '9' | '0' if shape.shifted.is_some() => {
                    shape.before.push(c);
                    shape.shifted = shape.shifted.map(|places| places + 1);
                }
                'V' if !shape.point => shape.shifted = Some(0),
                'T' if starts_with(rest, "th") => {
                    length = 2;
                    shape.ordinal = Some(c == 'T');
                }
                'S' if !begun && starts_with(rest, "sg") => {
                    length = 2;
                    shape.sign = Sign::Placed;
                }
                '9' | '0' if shape.point => shape.after.push(c),
                '9' | '0' => shape.before.push(c),
                '.' | 'D' if !shape.point => shape.point = true,
                ',' | 'G' if !shape.point => shape.before.push(','),
                'S' => shape.sign = if begun { Sign::SAfter } else { Sign::SBefore },
                'M' if starts_with(rest, "mi") => {
                    length = 2;
                    shape.sign = if begun {
                        Sign::MinusAfter
                    } else {
                        Sign::MinusBefore
                    };
                }
                'P' if starts_with(rest, "pr") => {
                    length = 2;
                    shape.sign = Sign::Brackets;
                }
                'E' | 'V' | 'R' | 'P' | 'T' | 'L' => return None,
                '"' => {
                    let end = rest[1..].find('"')? + 1;
                    shape.add(&rest[1..end], begun);
                    length = end + 1;
                }
                _ => shape.add(&rest[..length], begun),
            }
            rest = &rest[length..];
        }
        Some(shape)
    }

    fn add(&mut self, text: &str, begun: bool) {
        if begun {
            self.suffix.push_str(text)
        } else {
            self.prefix.push_str(text)
        }
    }

    fn with_sign(&self, body: &str, negative: bool, fill: bool) -> String {
        let number = body.trim_start_matches(' ');
        let spaces = &body[..body.len() - number.len()];
        let space = if fill { "" } else { " " };
        let (sign, after) = match (self.sign, negative) {
            (Sign::Usual, true) => ("-", ""),
            (Sign::Usual, false) => (space, ""),
            (Sign::SBefore, true) => ("-", ""),
            (Sign::SBefore, false) => ("+", ""),
            (Sign::SAfter, true) => ("", "-"),
            (Sign::SAfter, false) => ("", "+"),
            (Sign::MinusAfter, true) => ("", "-"),
            (Sign::MinusAfter, false) => ("", space),
            (Sign::MinusBefore, true) => ("-", ""),
            (Sign::MinusBefore, false) => (space, ""),
            (Sign::Placed, true) => ("-", ""),
            (Sign::Placed, false) => ("+", ""),
            (Sign::Brackets, true) => ("<", ">"),
            (Sign::Brackets, false) => (space, space),
        };
        // MI stands at its place, other signs stand at the number.
        let (before, between) = if matches!(self.sign, Sign::MinusBefore | Sign::Placed) {
            (sign, spaces)
        } else {
            (spaces, sign)
        };
        format!(
            "{}{before}{between}{number}{after}{}",
            self.prefix, self.suffix
        )
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("999", "12", "  12")]
    #[case("999", "-12", " -12")]
    #[case("FM999", "12", "12")]
    #[case("0000", "12", " 0012")]
    #[case("999,999.99", "1234.5", "   1,234.50")]
    #[case("FM999,999,990.00", "1234567.891", "1,234,567.89")]
    #[case("FM990.99", "12.5", "12.5")]
    #[case("99", "123", " ##")]
    #[case("9.9", "0.1", "  .1")]
    #[case("0.9", "0.1", " 0.1")]
    #[case("999", "0", "   0")]
    #[case("S99", "5", " +5")]
    #[case("99S", "-5", " 5-")]
    #[case("999PR", "-5", "  <5>")]
    #[case("FM$999", "5", "$5")]
    #[case("SG99", "5", "+ 5")]
    #[case("999th", "482", " 482nd")]
    #[case("99V9", "12.4", " 124")]
    #[case("RN", "485", "        CDLXXXV")]
    #[case("FMRN", "485", "CDLXXXV")]
    fn numbers_are_shaped_as_postgresql_shapes_them(
        #[case] pattern: &str,
        #[case] value: &str,
        #[case] expected: &str,
    ) {
        let negative = value.starts_with('-');
        let digits = value.trim_start_matches('-').to_owned();
        let shaped = number(pattern, negative, |scale| {
            let rounded = format!("{:.scale$}", digits.parse::<f64>().unwrap_or(0.0));
            let (whole, fraction) = rounded.split_once('.').unwrap_or((&rounded, ""));
            (whole.to_owned(), fraction.to_owned())
        });
        assert_eq!(shaped.as_deref(), Some(expected));
    }

    #[rstest]
    #[case("YYYY-MM", 3)]
    #[case("\"at\" HH24", 2)]
    #[case("FMMonth DDth", 3)]
    fn patterns_are_cut_into_fields_and_text(#[case] pattern: &str, #[case] parts: usize) {
        assert_eq!(parse(pattern).len(), parts, "{:?}", parse(pattern));
    }
}
