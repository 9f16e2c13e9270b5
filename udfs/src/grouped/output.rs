//! Columns of results, from the texts of a pool.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Int8Array, Int64Array, ListArray, StringArray,
    StringViewBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{Result, exec_datafusion_err, internal_datafusion_err};

/// A column of instants.
pub(crate) fn instants(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(
        values
            .collect::<TimestampMicrosecondArray>()
            .with_timezone("UTC"),
    )
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| internal_datafusion_err!("a text of a state is not UTF-8: {error}"))
}

/// A column of texts, as views: the texts of all groups may exceed what `Utf8` can address.
pub(crate) fn texts<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef> {
    let mut builder = StringViewBuilder::with_capacity(values.size_hint().0);
    for value in values {
        builder.append_option(value.map(text).transpose()?);
    }
    Ok(Arc::new(builder.finish()))
}

/// A column of few different texts, as a dictionary.
pub(crate) fn labels<'a>(
    name: &str,
    values: impl Iterator<Item = Option<&'a [u8]>>,
) -> Result<ArrayRef> {
    let mut known: Vec<&[u8]> = vec![];
    let keys = values
        .map(|value| {
            let Some(value) = value else {
                return Ok(None);
            };
            let place = known
                .iter()
                .position(|label| *label == value)
                .unwrap_or_else(|| {
                    known.push(value);
                    known.len() - 1
                });
            let key = i8::try_from(place).map_err(|_| {
                exec_datafusion_err!(
                    "{name} has more than 128 different values, which is no enumeration"
                )
            })?;
            Ok(Some(key))
        })
        .collect::<Result<Int8Array>>()?;
    let known = known.into_iter().map(text).collect::<Result<Vec<_>>>()?;
    let known = Arc::new(StringArray::from(known));
    Ok(Arc::new(DictionaryArray::try_new(keys, known)?))
}

/// Which groups had an event; none where all had. A group without is null, and so is every field of it: SQL reads fields
/// without a look at their struct.
pub(crate) fn seen(events: impl Iterator<Item = u64>) -> Option<NullBuffer> {
    let seen = NullBuffer::from_iter(events.map(|events| events > 0));
    Some(seen).filter(|seen| seen.null_count() > 0)
}

/// A column of counts.
pub(crate) fn counts(values: impl Iterator<Item = u64>, seen: &Option<NullBuffer>) -> ArrayRef {
    // No table has more than 2^63 rows.
    let values = values.map(|count| count as i64).collect();
    Arc::new(Int64Array::new(values, seen.clone()))
}

/// A column of flags.
pub(crate) fn flags(values: impl Iterator<Item = bool>, seen: &Option<NullBuffer>) -> ArrayRef {
    Arc::new(BooleanArray::new(values.collect(), seen.clone()))
}

/// A column of lists of texts.
pub(crate) fn lists<'a>(
    name: &str,
    rows: usize,
    seen: &Option<NullBuffer>,
    mut list: impl FnMut(usize, &mut Vec<&'a [u8]>),
) -> Result<ArrayRef> {
    let (mut items, mut ends, mut starts) = (vec![], vec![], Vec::with_capacity(rows + 1));
    let mut bytes = vec![];
    starts.push(0);
    ends.push(0);
    let too_long = || {
        exec_datafusion_err!(
            "the {name} of one partition's groups exceed 2 GiB; use more partitions"
        )
    };
    for row in 0..rows {
        items.clear();
        list(row, &mut items);
        for item in &items {
            bytes.extend_from_slice(item);
            ends.push(i32::try_from(bytes.len()).map_err(|_| too_long())?);
        }
        starts.push(i32::try_from(ends.len() - 1).map_err(|_| too_long())?);
    }
    let items = StringArray::try_new(
        OffsetBuffer::new(ScalarBuffer::from(ends)),
        Buffer::from_vec(bytes),
        None,
    )?;
    Ok(Arc::new(ListArray::try_new(
        Arc::new(Field::new_list_field(DataType::Utf8, true)),
        OffsetBuffer::new(ScalarBuffer::from(starts)),
        Arc::new(items),
        seen.clone(),
    )?))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int8Type;

    use super::*;

    #[test]
    fn labels_are_numbered_as_they_come() -> Result<()> {
        let column = labels(
            "channel",
            [Some(&b"sms"[..]), None, Some(b"email"), Some(b"sms")].into_iter(),
        )?;
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
    fn what_is_no_enumeration_is_refused() {
        let names: Vec<_> = (0..129).map(|i| i.to_string()).collect();
        let column = |n| {
            labels(
                "channel",
                names[..n].iter().map(|name| Some(name.as_bytes())),
            )
        };
        assert_eq!(column(128).unwrap().len(), 128);
        let error = column(129).unwrap_err().to_string();
        assert!(
            error.contains("channel has more than 128 different values"),
            "{error}"
        );
    }

    #[test]
    fn lists_may_be_empty() -> Result<()> {
        let column = lists("tags", 3, &None, |row, items| {
            if row != 1 {
                items.extend([&b"a"[..], b"bc"]);
            }
        })?;
        let lists = column.as_list::<i32>();
        assert_eq!(
            (
                lists.value_length(0),
                lists.value_length(1),
                lists.value_length(2)
            ),
            (2, 0, 2)
        );
        assert_eq!(lists.value(2).as_string::<i32>().value(1), "bc");
        Ok(())
    }
}
