//! Finds parts of JSON texts: `->`, `->>`, `#>`, `#>>`, elements and keys.
//!
//! A text is read only as far as a step needs: other values are skipped and never built.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A step into a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    /// To the member of an object.
    Key(&'a str),
    /// To the item of an array, counted from zero, or from the end where it is negative.
    Item(i64),
}

impl Step<'_> {
    /// Reads a step of a path: a number is a key of an object and a place in an array.
    pub fn of_path<'a>(text: &'a str, value: &str) -> Option<Step<'a>> {
        if value.trim_start().starts_with('[') {
            text.parse().ok().map(Step::Item)
        } else {
            Some(Step::Key(text))
        }
    }
}

/// Returns the part of a JSON text that a step leads to; none where there is no such part.
pub(super) fn part<'a>(text: &'a str, step: Step<'_>) -> serde_json::Result<Option<&'a str>> {
    let first = text.trim_start().as_bytes().first();
    match (step, first) {
        (Step::Key(key), Some(b'{')) => member(text, key),
        (Step::Item(at), Some(b'[')) => {
            let at = if at < 0 {
                // The length is known at the end only.
                match i64::try_from(items(text)?.len()) {
                    Ok(length) if length + at >= 0 => length + at,
                    _ => return Ok(None),
                }
            } else {
                at
            };
            item(text, usize::try_from(at).unwrap_or(usize::MAX))
        }
        // The text is still checked to be JSON.
        _ => serde_json::from_str::<&RawValue>(text).map(|_| None),
    }
}

/// Returns a value as text: a string without its quotes, none for a null.
pub(super) fn unquote(raw: &str) -> serde_json::Result<Option<String>> {
    let raw = raw.trim();
    Ok(match raw.as_bytes().first() {
        Some(b'"') => Some(serde_json::from_str(raw)?),
        _ if raw == "null" => None,
        _ => Some(raw.to_owned()),
    })
}

/// Returns the items of an array.
pub(super) fn items(text: &str) -> serde_json::Result<Vec<&str>> {
    let items: Vec<&RawValue> = serde_json::from_str(text)?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

/// Returns the keys of an object, in their order.
pub(super) fn keys(text: &str) -> serde_json::Result<Vec<String>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let keys = Keys.deserialize(&mut reader)?;
    reader.end()?;
    Ok(keys)
}

/// Returns a member of an object; the last of several of its name.
fn member<'a>(text: &'a str, key: &str) -> serde_json::Result<Option<&'a str>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Member(key).deserialize(&mut reader)?;
    reader.end()?;
    Ok(found.map(RawValue::get))
}

fn item(text: &str, at: usize) -> serde_json::Result<Option<&str>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let found = Item(at).deserialize(&mut reader)?;
    reader.end()?;
    Ok(found.map(RawValue::get))
}

struct Member<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Member<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(is_it) = map.next_key_seed(IsKey(self.0))? {
            if is_it {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// Deserializes whether a key is the wanted one.
struct IsKey<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for IsKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for IsKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

struct Item(usize);

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        for _ in 0..self.0 {
            if seq.next_element::<IgnoredAny>()?.is_none() {
                return Ok(None);
            }
        }
        let found = seq.next_element()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(found)
    }
}

struct Keys;

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = map.next_key()? {
            map.next_value::<IgnoredAny>()?;
            keys.push(key);
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    const TEXT: &str =
        r#" {"a": [1, {"b": "x\"y"}, null], "c": 1.50, "a\u0062": true, "d": 1, "d": 2} "#;

    #[rstest]
    #[case(&[Step::Key("c")], Some("1.50"))]
    #[case(&[Step::Key("ab")], Some("true"))]
    #[case(&[Step::Key("d")], Some("2"))]
    #[case(&[Step::Key("a"), Step::Item(1), Step::Key("b")], Some(r#""x\"y""#))]
    #[case(&[Step::Key("a"), Step::Item(-1)], Some("null"))]
    #[case(&[Step::Key("a"), Step::Item(-4)], None)]
    #[case(&[Step::Key("a"), Step::Item(3)], None)]
    #[case(&[Step::Key("a"), Step::Key("1")], None)]
    #[case(&[Step::Item(0)], None)]
    #[case(&[Step::Key("nothing")], None)]
    fn parts_are_found(#[case] steps: &[Step<'_>], #[case] expected: Option<&str>) {
        let found = steps
            .iter()
            .try_fold(TEXT, |text, step| part(text, *step).unwrap());
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("{\"a\": 1")]
    #[case("{\"a\": 1} x")]
    #[case("nothing")]
    fn a_text_that_is_no_json_is_an_error(#[case] text: &str) {
        assert!(part(text, Step::Key("a")).is_err());
    }

    #[test]
    fn a_string_loses_its_quotes() {
        assert_eq!(unquote(r#""x\"y""#).unwrap().as_deref(), Some("x\"y"));
        assert_eq!(unquote("1.50").unwrap().as_deref(), Some("1.50"));
        assert_eq!(unquote("null").unwrap(), None);
    }
}
