//! Reads columns of texts in any Arrow string type.

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};

/// Reads a text array without copying it. The keys of a dictionary are widened once a batch.
pub(crate) enum TextColumn<'a> {
    /// Texts with 32-bit offsets.
    Utf8(&'a StringArray),
    /// Texts with 64-bit offsets.
    LargeUtf8(&'a LargeStringArray),
    /// Texts as views.
    Utf8View(&'a StringViewArray),
    /// A dictionary with keys of any type.
    Dictionary {
        /// Rows without a key.
        nulls: Option<NullBuffer>,
        /// The place in `values` of each row that has a key.
        keys: Vec<usize>,
        /// The texts.
        values: Box<TextColumn<'a>>,
    },
    /// Null in every row.
    Absent,
}

impl<'a> TextColumn<'a> {
    /// Wraps an array of strings, a dictionary of strings, or an untyped null.
    pub(crate) fn new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Utf8(array.as_string()),
            DataType::LargeUtf8 => Self::LargeUtf8(array.as_string()),
            DataType::Utf8View => Self::Utf8View(array.as_string_view()),
            DataType::Null => Self::Absent,
            DataType::Dictionary(_, _) => {
                let dictionary = array.as_any_dictionary();
                if dictionary.values().is_empty() {
                    return Ok(Self::Absent);
                }
                Self::Dictionary {
                    nulls: array.nulls().cloned(),
                    keys: dictionary.normalized_keys(),
                    values: Box::new(Self::new(dictionary.values())?),
                }
            }
            other => return internal_err!("a text was expected, got {other}"),
        })
    }

    /// Returns the text of a row, or none where it is null.
    #[inline]
    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Utf8(array) => array.is_valid(row).then(|| array.value(row)),
            Self::LargeUtf8(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Utf8View(array) => array.is_valid(row).then(|| array.value(row)),
            Self::Dictionary {
                nulls,
                keys,
                values,
            } => match nulls {
                Some(nulls) if nulls.is_null(row) => None,
                _ => values.get(keys[row]),
            },
            Self::Absent => None,
        }
    }

    /// Maps each row's text to a code. For a dictionary, `code` is called once per distinct text, not per row.
    pub(crate) fn codes<T: Copy>(&self, rows: usize, code: fn(Option<&str>) -> T) -> Vec<T> {
        match self {
            Self::Dictionary {
                nulls,
                keys,
                values,
            } => {
                // An out-of-range key of a null row is clamped into range by Arrow, so the table covers every key.
                let table = values.codes(keys.iter().max().map_or(0, |last| last + 1), code);
                match nulls {
                    None => keys.iter().map(|key| table[*key]).collect(),
                    Some(nulls) => {
                        let absent = code(None);
                        keys.iter()
                            .zip(nulls.iter())
                            .map(|(key, valid)| if valid { table[*key] } else { absent })
                            .collect()
                    }
                }
            }
            Self::Absent => vec![code(None); rows],
            _ => (0..rows).map(|row| code(self.get(row))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{DictionaryArray, Int8Array, Int32Array, NullArray};
    use rstest::rstest;

    use super::*;

    fn texts() -> Vec<Option<&'static str>> {
        vec![
            Some("b"),
            None,
            Some(""),
            Some("a text longer than a view holds"),
            Some("b"),
        ]
    }

    #[rstest]
    #[case::utf8(Arc::new(StringArray::from(texts())))]
    #[case::large(Arc::new(LargeStringArray::from(texts())))]
    #[case::view(Arc::new(StringViewArray::from(texts())))]
    #[case::dictionary_8(Arc::new(texts().into_iter().collect::<DictionaryArray<arrow::datatypes::Int8Type>>()))]
    #[case::dictionary_32(Arc::new(texts().into_iter().collect::<DictionaryArray<arrow::datatypes::Int32Type>>()))]
    #[case::null_among_the_values(Arc::new(DictionaryArray::new(
        Int32Array::from(vec![Some(0), Some(3), Some(1), Some(2), Some(0)]),
        Arc::new(StringViewArray::from(vec![Some("b"), Some(""), Some("a text longer than a view holds"), None])),
    )))]
    fn every_string_type_reads_the_same(#[case] array: ArrayRef) -> Result<()> {
        let column = TextColumn::new(&array)?;
        let read: Vec<_> = (0..array.len()).map(|row| column.get(row)).collect();
        assert_eq!(read, texts());
        let lengths = column.codes(array.len(), |text| text.map(str::len));
        assert_eq!(
            lengths,
            texts().iter().map(|t| t.map(str::len)).collect::<Vec<_>>()
        );
        Ok(())
    }

    #[rstest]
    #[case::untyped(Arc::new(NullArray::new(2)))]
    #[case::empty_dictionary(Arc::new(DictionaryArray::new(
        Int8Array::from(vec![None, None]),
        Arc::new(StringArray::from(Vec::<&str>::new())),
    )))]
    #[case::keyless(Arc::new(DictionaryArray::new(
        Int8Array::from(vec![None, None]),
        Arc::new(StringArray::from(vec!["unused"])),
    )))]
    fn columns_of_nulls_alone_read_as_null(#[case] array: ArrayRef) -> Result<()> {
        let column = TextColumn::new(&array)?;
        assert_eq!((column.get(0), column.get(1)), (None, None));
        assert_eq!(column.codes(2, |text| text.is_none()), [true, true]);
        Ok(())
    }
}
