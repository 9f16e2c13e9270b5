//! Builders of result columns, from the texts of a pool.
//!
//! Results are built in one pass over the groups, all columns at once, because reading the states again for each column
//! would miss the cache. A group without events is null, and so is each of its fields, since SQL reads the fields of a
//! struct without checking whether the struct is null.

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

/// Returns a builder of instants with room for so many rows.
pub(crate) fn instant_builder(rows: usize) -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(instant_type())
}

/// Appends a count where `seen`, null otherwise.
pub(crate) fn append_count(column: &mut Int64Builder, seen: bool, count: u64) {
    // A count of events is below 2^63.
    column.append_option(seen.then_some(count as i64));
}

/// Builds a `Utf8View` column; the texts of all groups may exceed the 2 GiB that `Utf8` can address.
pub(crate) struct TextBuilder(StringViewBuilder);

impl TextBuilder {
    /// Creates a builder with room for so many rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self(StringViewBuilder::with_capacity(rows))
    }

    /// Appends a text or null; bytes that are not UTF-8 are an internal error.
    pub(crate) fn push(&mut self, value: Option<&[u8]>) -> Result<()> {
        self.0.append_option(value.map(text).transpose()?);
        Ok(())
    }

    /// Returns the column.
    pub(crate) fn finish(mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Builds a `Dictionary(Int8, Utf8)` column of at most 128 distinct texts.
pub(crate) struct LabelBuilder {
    name: &'static str,
    known: Vec<Vec<u8>>,
    keys: Int8Builder,
}

impl LabelBuilder {
    /// Creates a builder with room for so many rows; `name` is the column's name in errors.
    pub(crate) fn new(name: &'static str, rows: usize) -> Self {
        Self {
            name,
            known: vec![],
            keys: Int8Builder::with_capacity(rows),
        }
    }

    /// Appends a label or null. The 129th distinct label is an error.
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

    /// Returns the column.
    pub(crate) fn finish(mut self) -> Result<ArrayRef> {
        let known = self.known.iter().map(|label| text(label));
        let known = StringArray::from(known.collect::<Result<Vec<_>>>()?);
        Ok(Arc::new(DictionaryArray::try_new(
            self.keys.finish(),
            Arc::new(known),
        )?))
    }
}

/// Builds a `List(Utf8)` column.
pub(crate) struct TextListBuilder {
    name: &'static str,
    bytes: Vec<u8>,
    item_ends: Vec<i32>,
    list_ends: Vec<i32>,
    seen: Vec<bool>,
}

impl TextListBuilder {
    /// Creates a builder with room for so many rows; `name` is the column's name in errors.
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

    /// Converts an offset, which `List` and `Utf8` limit to 2 GiB.
    fn end(&self, end: usize) -> Result<i32, DataFusionError> {
        i32::try_from(end).map_err(|_| {
            resources_datafusion_err!(
                "the {} of one partition's groups exceed 2 GiB; use more partitions",
                self.name
            )
        })
    }

    /// Appends a list where `seen`, null otherwise.
    pub(crate) fn push(&mut self, seen: bool, items: &[&[u8]]) -> Result<()> {
        for item in items {
            self.bytes.extend_from_slice(item);
            self.item_ends.push(self.end(self.bytes.len())?);
        }
        self.list_ends.push(self.end(self.item_ends.len() - 1)?);
        self.seen.push(seen);
        Ok(())
    }

    /// Returns the column.
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
    fn equal_labels_share_one_dictionary_value() -> Result<()> {
        let mut labels = LabelBuilder::new("channel", 4);
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
    fn the_129th_distinct_label_is_refused() -> Result<()> {
        let mut labels = LabelBuilder::new("channel", 129);
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
        let mut lists = TextListBuilder::new("tags", 3);
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
    fn bytes_that_are_not_utf8_are_an_error() {
        assert!(TextBuilder::new(1).push(Some(&[0xff])).is_err());
    }
}
