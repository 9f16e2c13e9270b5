//! Groups rows by partition: in memory while they fit, and as sorted *runs* on disk past that.
//!
//! Rows are collected as they arrive until half the budget is full. Then they are sorted by partition and written as one run
//! while the next rows arrive. The sort is stable: within a partition the order of arrival stays, which SPEC E1 needs. The
//! rows left at the end are a last run that stays in memory, so a small landing writes nothing to disk. Later runs hold
//! later rows, so reading a partition from all runs in order gives its rows in the order of arrival.
//!
//! Spans are sorted rather than rows: pieces come grouped by partition ([`super::plain`]), so that a span is copied column
//! by column as a whole, and not value by value from all over the memory.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, interleave};
use arrow::datatypes::{DataType, Field, Schema};
use hashbrown::HashMap;

use super::error::LandError;
use super::keys::{PartitionKey, Span};
use super::spill::{Place, SpillFile};

/// The uncompressed size of a block of a run. It is small, because a merge holds one block of each run.
const BLOCK_BYTES: usize = 512 * 1024;
/// The bounds of the number of rows in a block.
const BLOCK_ROWS: RangeInclusive<usize> = 64..=65_536;
/// The average number of rows from which spans are copied as a whole rather than row by row.
pub(super) const LONG_SPAN: usize = 8;
/// The column of a block that holds each row's partition.
pub(super) const KEY_COLUMN: &str = "partition_key";

/// Collects the rows of one table in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    batches: Vec<RecordBatch>,
    spans: Vec<PlacedSpan>,
    bytes: usize,
}

impl Arrived {
    fn push(&mut self, batch: RecordBatch, spans: Vec<Span>) {
        self.bytes += batch.get_array_memory_size() + spans.len() * size_of::<PlacedSpan>();
        let number = self.batches.len() as u32;
        self.spans.extend(spans.into_iter().map(|span| PlacedSpan {
            span,
            batch: number,
        }));
        self.batches.push(batch);
    }
}

/// Names a span of one of several batches.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlacedSpan {
    pub span: Span,
    pub batch: u32,
}

impl PlacedSpan {
    /// Returns its rows as (batch, row), with `batch` as the number of its batch.
    pub fn picks(&self, batch: usize) -> impl Iterator<Item = (usize, usize)> {
        let start = self.span.start as usize;
        (start..start + self.span.rows as usize).map(move |row| (batch, row))
    }
}

/// Holds rows sorted by partition and, within one, by arrival.
#[derive(Debug)]
pub(super) enum Run {
    /// Batches as they arrived, and their spans in sorted order.
    Memory {
        batches: Vec<RecordBatch>,
        order: Vec<PlacedSpan>,
    },
    /// Blocks in the spill file, in sorted order.
    Spilled(Vec<Block>),
}

/// Names consecutive rows of a spilled run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    /// The key of the last row.
    pub last: PartitionKey,
    pub place: Place,
}

/// Holds all rows of a landing for one table.
#[derive(Debug, Default)]
pub(super) struct TableRuns {
    pub runs: Vec<Run>,
    /// The number of rows that arrived for each partition.
    pub partitions: HashMap<PartitionKey, u64, ahash::RandomState>,
    /// The size of the rows in memory.
    pub bytes: u64,
}

impl TableRuns {
    /// Adds rows as a run: in the spill file, or in memory if none is given.
    fn add(
        &mut self,
        arrived: Arrived,
        spill: Option<(&SpillFile, usize)>,
    ) -> Result<(), LandError> {
        if arrived.batches.is_empty() {
            return Ok(());
        }
        self.bytes += arrived.bytes as u64;
        let Arrived {
            batches,
            spans: mut order,
            ..
        } = arrived;
        // A stable sort keeps the spans of a partition in the order of arrival.
        order.sort_by_key(|placed| placed.span.key);
        for PlacedSpan { span, .. } in &order {
            *self.partitions.entry(span.key).or_default() += u64::from(span.rows);
        }
        let run = match spill {
            None => Run::Memory { batches, order },
            Some((file, threads)) => {
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                let row_bytes = (arrived.bytes / rows.max(1)).max(1);
                Run::Spilled(write_blocks(&batches, order, row_bytes, file, threads)?)
            }
        };
        self.runs.push(run);
        Ok(())
    }
}

/// Writes rows as blocks, on several threads.
fn write_blocks(
    batches: &[RecordBatch],
    order: Vec<PlacedSpan>,
    row_bytes: usize,
    file: &SpillFile,
    threads: usize,
) -> Result<Vec<Block>, LandError> {
    let rows = (BLOCK_BYTES / row_bytes).clamp(*BLOCK_ROWS.start(), *BLOCK_ROWS.end());
    let pieces = split_spans(order, rows);
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Block)>, LandError> {
        let mut written = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(index) else {
                return Ok(written);
            };
            if let Some(last) = piece.last() {
                let place = file.write(&block(batches, piece)?)?;
                let block = Block {
                    last: last.span.key,
                    place,
                };
                written.push((index, block));
            }
        }
    };
    let parts = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        for other in others {
            parts.push(other.join().unwrap_or_else(|_| Err(stopped())));
        }
        parts
    });
    let mut written = Vec::with_capacity(pieces.len());
    for part in parts {
        written.extend(part?);
    }
    written.sort_unstable_by_key(|(index, _)| *index);
    Ok(written.into_iter().map(|(_, block)| block).collect())
}

/// Splits spans into pieces of `rows` rows each; the last piece may have fewer.
fn split_spans(order: Vec<PlacedSpan>, rows: usize) -> Vec<Vec<PlacedSpan>> {
    let rows = rows as u32;
    let mut pieces = Vec::new();
    let (mut piece, mut room) = (Vec::new(), rows);
    for mut rest in order {
        while rest.span.rows > 0 {
            let taken = rest.span.rows.min(room);
            let mut part = rest;
            part.span.rows = taken;
            piece.push(part);
            rest.span.start += taken;
            rest.span.rows -= taken;
            room -= taken;
            if room == 0 {
                pieces.push(std::mem::take(&mut piece));
                room = rows;
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// Copies the rows of spans into one batch, after a column of their keys.
fn block(batches: &[RecordBatch], spans: &[PlacedSpan]) -> Result<RecordBatch, LandError> {
    let rows: usize = spans.iter().map(|placed| placed.span.rows as usize).sum();
    let rows_of = if rows >= spans.len() * LONG_SPAN {
        concat_spans(batches, spans)?
    } else {
        let picks = spans
            .iter()
            .flat_map(|placed| placed.picks(placed.batch as usize));
        gather(batches, picks.collect())?
    };
    let mut keys = Vec::with_capacity(rows);
    for PlacedSpan { span, .. } in spans {
        keys.resize(keys.len() + span.rows as usize, span.key.to_bits());
    }
    let mut fields = vec![Arc::new(Field::new(KEY_COLUMN, DataType::UInt64, false))];
    fields.extend(rows_of.schema().fields().iter().cloned());
    let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt64Array::from(keys))];
    columns.extend(rows_of.columns().iter().cloned());
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// Copies the rows of spans into one batch, span by span.
fn concat_spans(batches: &[RecordBatch], spans: &[PlacedSpan]) -> Result<RecordBatch, LandError> {
    let slices: Vec<RecordBatch> = spans
        .iter()
        .map(|PlacedSpan { span, batch }| {
            batches[*batch as usize].slice(span.start as usize, span.rows as usize)
        })
        .collect();
    let schema = slices.first().ok_or_else(stopped)?.schema();
    Ok(concat_batches(&schema, &slices)?)
}

/// Copies the picked rows (batch, row) into one batch, row by row. Only the batches that rows are picked from are read.
pub(super) fn gather(
    batches: &[RecordBatch],
    mut picks: Vec<(usize, usize)>,
) -> Result<RecordBatch, LandError> {
    let mut used: Vec<&RecordBatch> = Vec::new();
    let mut renumbered: HashMap<usize, usize, ahash::RandomState> = HashMap::default();
    let mut latest = (usize::MAX, 0);
    for (batch, _) in &mut picks {
        if *batch != latest.0 {
            let number = *renumbered.entry(*batch).or_insert_with(|| {
                used.push(&batches[*batch]);
                used.len() - 1
            });
            latest = (*batch, number);
        }
        *batch = latest.1;
    }
    let schema = match used.first() {
        Some(batch) => batch.schema(),
        None => return Err(stopped()),
    };
    let columns = (0..schema.fields().len())
        .map(|column| {
            let arrays: Vec<_> = used.iter().map(|b| b.column(column).as_ref()).collect();
            interleave(&arrays, &picks)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// Returns the error for a thread that panicked; the panic's own message is on standard error.
pub(super) fn stopped() -> LandError {
    LandError::Task("a thread panicked".into())
}

/// The number of tables of events.
pub(super) const TABLES: usize = 3;

type Runs = [TableRuns; TABLES];

/// Collects arriving rows into runs, within a budget of memory.
pub(super) struct Collector {
    spill: Arc<SpillFile>,
    threads: usize,
    /// The bytes of rows that are collected before they are written; as many may be on their way to the disk.
    run_bytes: usize,
    held: [Arrived; TABLES],
    runs: Runs,
    spilling: Option<JoinHandle<Result<Runs, LandError>>>,
}

impl Collector {
    /// Creates a collector that uses about `budget` bytes.
    pub fn new(budget: usize, threads: usize, spill: Arc<SpillFile>) -> Self {
        Self {
            spill,
            threads,
            run_bytes: budget / 2,
            held: Default::default(),
            runs: Default::default(),
            spilling: None,
        }
    }

    /// Adds rows of a table, given by its number, in the order of arrival.
    pub fn push(
        &mut self,
        table: usize,
        batch: RecordBatch,
        spans: Vec<Span>,
    ) -> Result<(), LandError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.held[table].push(batch, spans);
        if self.held.iter().map(|h| h.bytes).sum::<usize>() < self.run_bytes {
            return Ok(());
        }
        self.wait()?;
        let held = std::mem::take(&mut self.held);
        let mut runs = std::mem::take(&mut self.runs);
        let (spill, threads) = (Arc::clone(&self.spill), self.threads);
        self.spilling = Some(std::thread::spawn(move || {
            for (table, arrived) in runs.iter_mut().zip(held) {
                table.add(arrived, Some((&spill, threads)))?;
            }
            Ok(runs)
        }));
        Ok(())
    }

    /// Waits for the run that is being written.
    fn wait(&mut self) -> Result<(), LandError> {
        if let Some(spilling) = self.spilling.take() {
            self.runs = spilling.join().map_err(|_| stopped())??;
        }
        Ok(())
    }

    /// Returns all rows, when no more will arrive.
    pub fn finish(mut self) -> Result<(Runs, Arc<SpillFile>), LandError> {
        self.wait()?;
        for (table, arrived) in self.runs.iter_mut().zip(std::mem::take(&mut self.held)) {
            table.add(arrived, None)?;
        }
        Ok((self.runs, self.spill))
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{AsArray, Int32Array, StringArray};
    use arrow::datatypes::UInt64Type;
    use proptest::prelude::*;

    use super::*;

    const BATCHES: u32 = 3;
    const ROWS: u32 = 100;

    /// Creates batches whose rows hold the number of their batch and row.
    fn batches() -> Vec<RecordBatch> {
        let batch = |batch: u32| {
            let texts = (0..ROWS).map(|row| (row % 3 > 0).then(|| format!("{batch}/{row}")));
            let numbers = (0..ROWS).map(|row| (row % 7 > 0).then_some((batch * ROWS + row) as i32));
            let columns: [(&str, ArrayRef); 2] = [
                ("text", Arc::new(texts.collect::<StringArray>())),
                ("number", Arc::new(numbers.collect::<Int32Array>())),
            ];
            RecordBatch::try_from_iter(columns).unwrap()
        };
        (0..BATCHES).map(batch).collect()
    }

    fn placed() -> impl Strategy<Value = PlacedSpan> {
        (0..5u32, 0..BATCHES, 0..ROWS, 1..=ROWS).prop_map(|(account, batch, start, rows)| {
            let key = PartitionKey::new(account, 0);
            let rows = rows.min(ROWS - start);
            PlacedSpan {
                span: Span { key, start, rows },
                batch,
            }
        })
    }

    fn picks(spans: &[PlacedSpan]) -> Vec<(usize, usize)> {
        let picks = spans.iter().flat_map(|p| p.picks(p.batch as usize));
        picks.collect()
    }

    proptest! {
        #[test]
        fn spans_are_cut_into_blocks_that_hold_the_same_rows(spans in prop::collection::vec(placed(), 1..20), rows in 1..200usize) {
            let pieces = split_spans(spans.clone(), rows);
            prop_assert_eq!(picks(&pieces.concat()), picks(&spans));
            let (last, full) = pieces.split_last().unwrap();
            prop_assert!(full.iter().all(|piece| picks(piece).len() == rows));
            prop_assert!((1..=rows).contains(&picks(last).len()));
        }

        #[test]
        fn a_block_holds_its_rows_however_long_its_spans_are(spans in prop::collection::vec(placed(), 1..20)) {
            let batches = batches();
            let block = block(&batches, &spans).unwrap();
            let keys: Vec<u64> = spans.iter().flat_map(|p| vec![p.span.key.to_bits(); p.span.rows as usize]).collect();
            prop_assert_eq!(block.column(0).as_primitive::<UInt64Type>().values().to_vec(), keys);
            let rows = block.project(&[1, 2]).unwrap();
            prop_assert_eq!(&rows, &gather(&batches, picks(&spans)).unwrap());
            prop_assert_eq!(rows, concat_spans(&batches, &spans).unwrap());
        }
    }
}
