//! Strips parsed rows of their dictionaries, and restores them before a file is written.
//!
//! The parser gives all batches of a table the same dictionaries. If they were kept, each gather would compare them and each
//! spilled block would repeat them. So between parsing and writing, a dictionary column holds its keys only.
//!
//! The rows of a piece are also grouped by partition here, unless they arrived so, while they are in the processor's cache.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, AsArray, DictionaryArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Date32Type, Field, Int8Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use rapport_data::RawTable;

use super::batches;
use super::error::LandError;
use super::keys::{Accounts, PartitionKey, Span};
use super::runs::LONG_SPAN;

/// The number of columns that the parser puts before those of the file: `account_id` and `event_date`.
const PARTITION_COLUMNS: usize = 2;

/// Converts the rows of one table between the parser's, the plain and the file's form.
#[derive(Debug)]
pub(super) struct PlainForm {
    file: SchemaRef,
    plain: SchemaRef,
    /// The values of each dictionary column, from the first batch that was parsed.
    words: Vec<OnceLock<ArrayRef>>,
}

impl PlainForm {
    /// `by_batch` tells whether rows keep the number of their batch.
    pub fn new(table: RawTable, by_batch: bool) -> Self {
        let file = table.file_schema();
        let mut plain = file
            .fields()
            .iter()
            .map(|field| match field.data_type() {
                DataType::Dictionary(key, _) => Arc::new(Field::new(
                    field.name(),
                    key.as_ref().clone(),
                    field.is_nullable(),
                )),
                _ => Arc::clone(field),
            })
            .collect::<Vec<_>>();
        plain.extend(by_batch.then(batches::field));
        Self {
            words: file.fields().iter().map(|_| OnceLock::new()).collect(),
            plain: Arc::new(Schema::new(plain)),
            file,
        }
    }

    /// Strips the dictionaries and the partition columns. The latter become the keys of spans; the rows of a partition keep
    /// their order.
    ///
    /// # Errors
    /// If a dictionary differs from that of the batches before.
    pub fn strip(
        &self,
        parsed: &RecordBatch,
        accounts: &Accounts,
        batch: u32,
    ) -> Result<(RecordBatch, Vec<Span>), LandError> {
        let keys = partition_keys(parsed, accounts);
        let mut columns = parsed
            .columns()
            .iter()
            .skip(PARTITION_COLUMNS)
            .zip(&self.words)
            .map(|(column, words)| dictionary_keys(column, words))
            .collect::<Result<Vec<_>, _>>()?;
        if self.plain.fields().len() > columns.len() {
            columns.push(batches::column(batch, keys.len()));
        }
        let plain = RecordBatch::try_new(Arc::clone(&self.plain), columns)?;
        let spans = spans_of(keys.iter().copied());
        if keys.len() >= spans.len() * LONG_SPAN {
            return Ok((plain, spans));
        }
        let mut order: Vec<u32> = (0..).take(keys.len()).collect();
        order.sort_by_key(|row| keys[*row as usize]);
        let spans = spans_of(order.iter().map(|row| keys[*row as usize]));
        Ok((take_record_batch(&plain, &UInt32Array::from(order))?, spans))
    }

    /// Restores the dictionaries: the result has the table's file schema.
    pub fn restore(&self, plain: RecordBatch) -> Result<RecordBatch, LandError> {
        let columns = plain
            .columns()
            .iter()
            .zip(&self.words)
            .map(|(column, words)| match words.get() {
                Some(words) => Ok(Arc::new(DictionaryArray::<Int8Type>::try_new(
                    column.as_primitive().clone(),
                    Arc::clone(words),
                )?) as ArrayRef),
                None => Ok(Arc::clone(column)),
            })
            .collect::<Result<Vec<_>, ArrowError>>()?;
        Ok(RecordBatch::try_new(Arc::clone(&self.file), columns)?)
    }
}

/// Groups consecutive rows with the same key into spans.
fn spans_of(keys: impl Iterator<Item = PartitionKey>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (row, key) in (0..).zip(keys) {
        match spans.last_mut() {
            Some(last) if last.key == key => last.rows += 1,
            _ => spans.push(Span {
                key,
                start: row,
                rows: 1,
            }),
        }
    }
    spans
}

/// Returns the keys of a dictionary column, or another column as it is. The values must be those of the batches before.
fn dictionary_keys(column: &ArrayRef, words: &OnceLock<ArrayRef>) -> Result<ArrayRef, ArrowError> {
    let Some(dictionary) = column.as_dictionary_opt::<Int8Type>() else {
        return Ok(Arc::clone(column));
    };
    let own = dictionary.values();
    let known = words.get_or_init(|| Arc::clone(own));
    if !Arc::ptr_eq(known, own) && known != own {
        return Err(ArrowError::SchemaError(format!(
            "the parser numbered words in two ways: {known:?} and {own:?}"
        )));
    }
    Ok(Arc::new(dictionary.keys().clone()))
}

/// Returns the partition key of each row.
fn partition_keys(parsed: &RecordBatch, accounts: &Accounts) -> Vec<PartitionKey> {
    let names = parsed.column(0).as_string::<i32>();
    let dates = parsed.column(1).as_primitive::<Date32Type>().values();
    // Consecutive rows mostly have the same account.
    let mut latest: Option<(&str, u32)> = None;
    dates
        .iter()
        .enumerate()
        .map(|(row, date)| {
            let name = names.value(row);
            let number = match latest {
                Some((known, number)) if known == name => number,
                _ => accounts.number(name),
            };
            latest = Some((name, number));
            PartitionKey::new(number, *date)
        })
        .collect()
}
