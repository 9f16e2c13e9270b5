//! Reads columns of lists of texts.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};

use super::TextColumn;

/// Reads a list array whose items are texts, without copying it.
pub(crate) struct ListColumn<'a> {
    bounds: Bounds<'a>,
    nulls: Option<&'a NullBuffer>,
    items: TextColumn<'a>,
}

enum Bounds<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
    Absent,
}

impl<'a> ListColumn<'a> {
    /// Wraps a `List` or `LargeList` of texts, or an untyped null.
    pub(crate) fn new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::List(_) => {
                let lists = array.as_list::<i32>();
                Self {
                    bounds: Bounds::Small(lists.value_offsets()),
                    nulls: lists.nulls(),
                    items: TextColumn::new(lists.values())?,
                }
            }
            DataType::LargeList(_) => {
                let lists = array.as_list::<i64>();
                Self {
                    bounds: Bounds::Large(lists.value_offsets()),
                    nulls: lists.nulls(),
                    items: TextColumn::new(lists.values())?,
                }
            }
            DataType::Null => Self {
                bounds: Bounds::Absent,
                nulls: None,
                items: TextColumn::Absent,
            },
            other => return internal_err!("a list of texts was expected, got {other}"),
        })
    }

    /// Returns whether a row has a list.
    pub(crate) fn is_some(&self, row: usize) -> bool {
        let null = self.nulls.is_some_and(|nulls| nulls.is_null(row));
        !null && !matches!(self.bounds, Bounds::Absent)
    }

    /// Returns the texts of a row's list, skipping null items; nothing where the list is null.
    pub(crate) fn get(&self, row: usize) -> impl Iterator<Item = &'a str> + '_ {
        let range = match &self.bounds {
            _ if self.nulls.is_some_and(|nulls| nulls.is_null(row)) => 0..0,
            // Arrow's offsets are never negative.
            Bounds::Small(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Bounds::Large(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Bounds::Absent => 0..0,
        };
        range.filter_map(|item| self.items.get(item))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        LargeListBuilder, ListBuilder, NullArray, StringBuilder, StringViewBuilder,
    };

    use super::*;

    macro_rules! lists {
        ($builder:expr) => {{
            let mut builder = $builder;
            builder.append_value([Some("a"), None, Some("b")]);
            builder.append_null();
            builder.append_value(Vec::<Option<&str>>::new());
            builder.append_value([Some("c")]);
            Arc::new(builder.finish()) as ArrayRef
        }};
    }

    #[test]
    fn every_list_type_reads_the_same() -> Result<()> {
        for array in [
            lists!(ListBuilder::new(StringBuilder::new())),
            lists!(LargeListBuilder::new(StringViewBuilder::new())),
        ] {
            let tail = array.slice(1, 3);
            let (all, tail) = (ListColumn::new(&array)?, ListColumn::new(&tail)?);
            let read = |column: &ListColumn<'_>, row| {
                column.get(row).map(str::to_owned).collect::<Vec<_>>()
            };
            assert_eq!(read(&all, 0), ["a", "b"]);
            assert!(read(&all, 1).is_empty() && read(&all, 2).is_empty());
            assert_eq!(read(&tail, 2), ["c"]);
            assert!(all.is_some(0) && !all.is_some(1) && all.is_some(2));
        }
        let nothing: ArrayRef = Arc::new(NullArray::new(1));
        let nothing = ListColumn::new(&nothing)?;
        assert_eq!((nothing.is_some(0), nothing.get(0).count()), (false, 0));
        Ok(())
    }
}
