//! Reads the fields of one line of JSON.

use crate::check::{Found, Source};
use crate::event::{Field, FieldSet};
use crate::fault::Fault;
use crate::instant;
use crate::json::{Shape, Value};
use crate::money;
use std::borrow::Cow;
use std::collections::HashMap;

/// Holds the fields of a line in their order.
#[derive(Default)]
pub(super) struct Line<'a> {
    entries: Vec<Entry<'a>>,
    /// The fields of the contract that the line has.
    present: FieldSet,
    /// By field, the index in `entries` of its last value; valid only for fields in `present`.
    last_index: [usize; Field::COUNT],
    /// The number of entries that are no field of the contract.
    unknown: usize,
}

struct Entry<'a> {
    key: Value<'a>,
    field: Option<Field>,
    value: Value<'a>,
}

impl<'a> Line<'a> {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.present = FieldSet::EMPTY;
        self.unknown = 0;
    }

    #[inline]
    pub(super) fn add(&mut self, key: Value<'a>, value: Value<'a>) {
        let field = key
            .characters()
            .and_then(|name| Field::from_key(name.as_bytes()));
        match field {
            Some(field) => {
                self.present = self.present.with(field);
                self.last_index[field as usize] = self.entries.len();
            }
            None => self.unknown += 1,
        }
        self.entries.push(Entry { key, field, value });
    }

    /// Returns the value of a field; none where it is missing or null.
    #[inline]
    fn value(&self, field: Field) -> Option<(Value<'a>, Shape)> {
        if !self.present.contains(field) {
            return None;
        }
        let value = self.entries[self.last_index[field as usize]].value;
        match value.shape() {
            Shape::Null => None,
            shape => Some((value, shape)),
        }
    }

    /// Converts the value of a field with `read`, which may return a fault.
    #[inline]
    fn read<T>(
        &self,
        field: Field,
        read: impl FnOnce(Value<'a>, Shape) -> Result<T, Fault>,
    ) -> Found<T> {
        self.value(field)
            .map(|(value, shape)| read(value, shape))
            .transpose()
    }
}

impl<'a> Source<'a> for Line<'a> {
    #[inline]
    fn text(&self, field: Field) -> Found<Cow<'a, str>> {
        self.read(field, text)
    }

    fn text_list(&self, field: Field) -> Found<Vec<Cow<'a, str>>> {
        self.read(field, |value, _| {
            let elements = value.elements().ok_or(Fault::NotATextList)?;
            let texts = elements
                .into_iter()
                .map(|element| match text(element, element.shape()) {
                    Err(Fault::NotText) => Err(Fault::NotATextList),
                    text => text,
                });
            texts.collect()
        })
    }

    fn whole(&self, field: Field) -> Found<i64> {
        self.read(field, |value, shape| match shape {
            Shape::Number if value.text == "-0" => Ok(0),
            Shape::Number => value
                .text
                .parse()
                .ok()
                .filter(|number| *number >= 0)
                .ok_or(Fault::NotWhole),
            _ => Err(Fault::NotWhole),
        })
    }

    fn flag(&self, field: Field) -> Found<bool> {
        self.read(field, |_, shape| match shape {
            Shape::Flag(flag) => Ok(flag),
            _ => Err(Fault::NotAFlag),
        })
    }

    #[inline]
    fn instant(&self, field: Field) -> Found<i64> {
        self.read(field, |value, shape| instant::parse(&text(value, shape)?))
    }

    fn money(&self, field: Field) -> Found<i64> {
        self.read(field, |value, shape| match shape {
            Shape::Number => money::parse(value.text),
            Shape::Text => money::parse(&text(value, shape)?),
            _ => Err(Fault::NotADecimal),
        })
    }
}

impl Line<'_> {
    /// Writes the fields that are not `listed` to `json` as one object, and returns whether there are any.
    ///
    /// Keys and values are copied verbatim. Where a key repeats, only its last value is kept, in its position.
    pub(super) fn properties(&self, listed: FieldSet, json: &mut String) -> bool {
        if self.unknown == 0 && listed.covers(self.present) {
            return false;
        }
        let repeated = self.repeated();
        json.clear();
        for (place, entry) in self.entries.iter().enumerate() {
            let kept = match entry.field {
                Some(field) => !listed.contains(field) && self.last_index[field as usize] == place,
                None => repeated.binary_search(&place).is_err(),
            };
            if kept {
                json.push(if json.is_empty() { '{' } else { ',' });
                json.push_str(entry.key.text);
                json.push(':');
                json.push_str(entry.value.text);
            }
        }
        if json.is_empty() {
            return false;
        }
        json.push('}');
        true
    }

    /// Returns the sorted indices of the unknown entries whose key comes again later.
    fn repeated(&self) -> Vec<usize> {
        /// Up to this many keys are compared pair by pair, which allocates nothing.
        const FEW: usize = 16;
        let unknown = || {
            let entries = self
                .entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.field.is_none());
            // A key with an invalid escape is compared as it is written.
            entries.map(|(place, entry)| {
                (
                    entry
                        .key
                        .characters()
                        .unwrap_or(Cow::Borrowed(entry.key.text)),
                    place,
                )
            })
        };
        if self.unknown <= 1 {
            Vec::new()
        } else if self.unknown <= FEW {
            let again =
                |key: &str, place| unknown().any(|(other, later)| later > place && other == key);
            unknown()
                .filter(|(key, place)| again(key, *place))
                .map(|(_, place)| place)
                .collect()
        } else {
            let mut last: HashMap<Cow<'_, str>, usize, ahash::RandomState> = HashMap::default();
            let mut repeated: Vec<usize> = unknown()
                .filter_map(|(key, place)| last.insert(key, place))
                .collect();
            repeated.sort_unstable();
            repeated
        }
    }
}

#[inline]
fn text(value: Value<'_>, shape: Shape) -> Result<Cow<'_, str>, Fault> {
    match shape {
        Shape::Text => value.characters().ok_or(Fault::NoCharacter),
        _ => Err(Fault::NotText),
    }
}
