//! Builders of result columns, from the texts of a pool.
//!
//! Results are built in one pass over the groups: their states are too large to be read from memory once a column. A
//! group that had no event is null, and so is every field of it, since SQL reads fields without a look at their struct.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int8Builder, Int64Builder, ListArray, StringArray,
    StringViewBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{
    DataFusionError, Result, exec_datafusion_err, internal_datafusion_err, resources_datafusion_err,
};

use crate::columns::instant_type;

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| internal_datafusion_err!("a text of a state is not UTF-8: {error}"))
}

/// A column of instants.
pub(crate) fn instants(rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(instant_type())
}

/// Appends a count, or null.
pub(crate) fn count(column: &mut Int64Builder, seen: bool, count: u64) {
    // No table has more than 2^63 rows.
    column.append_option(seen.then_some(count as i64));
}

/// A column of texts, as views: the texts of all groups may exceed what `Utf8` can address.
pub(crate) struct Texts(StringViewBuilder);

impl Texts {
    /// Room for so many.
    pub(crate) fn new(rows: usize) -> Self {
        Self(StringViewBuilder::with_capacity(rows))
    }

    /// Appends a text, or null.
    pub(crate) fn push(&mut self, value: Option<&[u8]>) -> Result<()> {
        self.0.append_option(value.map(text).transpose()?);
        Ok(())
    }

    /// The column.
    pub(crate) fn finish(mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// A column of few different texts, as a dictionary.
pub(crate) struct Labels {
    name: &'static str,
    known: Vec<Vec<u8>>,
    keys: Int8Builder,
}

impl Labels {
    /// Room for so many labels of the enumeration `name`.
    pub(crate) fn new(name: &'static str, rows: usize) -> Self {
        Self {
            name,
            known: vec![],
            keys: Int8Builder::with_capacity(rows),
        }
    }

    /// Appends a label, or null.
    pub(crate) fn push(&mut self, label: Option<&[u8]>) -> Result<()> {
        let Some(label) = label else {
            self.keys.append_null();
            return Ok(());
        };
        let place = self.known.iter().position(|known| known == label);
        let place = place.unwrap_or_else(|| {
            self.known.push(label.to_vec());
            self.known.len() - 1
        });
        let key = i8::try_from(place).map_err(|_| {
            exec_datafusion_err!(
                "{} has more than 128 different values, which is no enumeration",
                self.name
            )
        })?;
        self.keys.append_value(key);
        Ok(())
    }

    /// The column.
    pub(crate) fn finish(mut self) -> Result<ArrayRef> {
        let known = self.known.iter().map(|label| text(label));
        let known = StringArray::from(known.collect::<Result<Vec<_>>>()?);
        Ok(Arc::new(DictionaryArray::try_new(
            self.keys.finish(),
            Arc::new(known),
        )?))
    }
}

/// A column of lists of texts.
pub(crate) struct Lists {
    name: &'static str,
    bytes: Vec<u8>,
    item_ends: Vec<i32>,
    list_ends: Vec<i32>,
    seen: Vec<bool>,
}

impl Lists {
    /// Room for so many lists of the field `name`.
    pub(crate) fn new(name: &'static str, rows: usize) -> Self {
        let mut list_ends = Vec::with_capacity(rows + 1);
        list_ends.push(0);
        Self {
            name,
            bytes: vec![],
            item_ends: vec![0],
            list_ends,
            seen: Vec::with_capacity(rows),
        }
    }

    fn end(&self, end: usize) -> Result<i32, DataFusionError> {
        i32::try_from(end).map_err(|_| {
            resources_datafusion_err!(
                "the {} of one partition's groups exceed 2 GiB; use more partitions",
                self.name
            )
        })
    }

    /// Appends a list, or null.
    pub(crate) fn push(&mut self, seen: bool, items: &[&[u8]]) -> Result<()> {
        for item in items {
            self.bytes.extend_from_slice(item);
            self.item_ends.push(self.end(self.bytes.len())?);
        }
        self.list_ends.push(self.end(self.item_ends.len() - 1)?);
        self.seen.push(seen);
        Ok(())
    }

    /// The column.
    pub(crate) fn finish(self) -> Result<ArrayRef> {
        let items = StringArray::try_new(
            OffsetBuffer::new(ScalarBuffer::from(self.item_ends)),
            Buffer::from_vec(self.bytes),
            None,
        )?;
        let seen = NullBuffer::from(self.seen);
        Ok(Arc::new(ListArray::try_new(
            Arc::new(Field::new_list_field(DataType::Utf8, true)),
            OffsetBuffer::new(ScalarBuffer::from(self.list_ends)),
            Arc::new(items),
            Some(seen).filter(|seen| seen.null_count() > 0),
        )?))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    #[test]
    fn labels_are_numbered_as_they_come() -> Result<()> {
        let mut labels = Labels::new("channel", 4);
        for label in [Some(&b"sms"[..]), None, Some(b"email"), Some(b"sms")] {
            labels.push(label)?;
        }
        let column = labels.finish()?;
        let column = column.as_dictionary::<Int8Type>();
        let read: Vec<_> = column
            .downcast_dict::<StringArray>()
            .unwrap()
            .into_iter()
            .collect();
        assert_eq!(read, [Some("sms"), None, Some("email"), Some("sms")]);
        assert_eq!(column.values().len(), 2);
        Ok(())
    }

    #[test]
    fn what_is_no_enumeration_is_refused() -> Result<()> {
        let mut labels = Labels::new("channel", 129);
        for i in 0..128 {
            labels.push(Some(i.to_string().as_bytes()))?;
        }
        let error = labels.push(Some(b"128")).unwrap_err().to_string();
        assert!(
            error.contains("channel has more than 128 different values"),
            "{error}"
        );
        assert_eq!(labels.finish()?.len(), 128);
        Ok(())
    }

    #[test]
    fn lists_may_be_empty_or_null() -> Result<()> {
        let mut lists = Lists::new("tags", 3);
        lists.push(true, &[b"a", b"bc"])?;
        lists.push(true, &[])?;
        lists.push(false, &[])?;
        lists.push(true, &[b"a", b"bc"])?;
        let column = lists.finish()?;
        let lists = column.as_list::<i32>();
        let lengths: Vec<_> = (0..4).map(|row| lists.value_length(row)).collect();
        assert_eq!((lengths, lists.null_count()), (vec![2, 0, 0, 2], 1));
        assert_eq!(lists.value(3).as_string::<i32>().value(1), "bc");
        Ok(())
    }

    #[test]
    fn foreign_bytes_are_an_error() {
        assert!(Texts::new(1).push(Some(&[0xff])).is_err());
    }
}
