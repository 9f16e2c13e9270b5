//! Grouping arrived rows by partition, in memory while they fit and as sorted *runs* on disk past that.
//!
//! Rows are held as they arrive until half the budget is full. Then they are ordered by partition (a stable sort, so that
//! within a partition the order of arrival stays, which SPEC E1 needs) and written as one run while the next rows arrive.
//! What is left at the end becomes a last run that stays in memory: a small landing never touches the disk. Later runs hold
//! later rows, so reading a partition from all runs in their order gives its rows in the order of arrival.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field, Schema};
use hashbrown::HashMap;

use super::error::LandError;
use super::keys::PartitionKey;
use super::spill::{Place, SpillFile};

/// The uncompressed size of a block of a run: small, because a merge holds one of each run.
const BLOCK_BYTES: usize = 512 * 1024;
const BLOCK_ROWS: std::ops::RangeInclusive<usize> = 64..=65_536;
/// The column of a block that holds each row's partition.
pub(super) const KEY_COLUMN: &str = "partition_key";

/// Rows of one table, in the order of arrival.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    batches: Vec<RecordBatch>,
    keys: Vec<Vec<PartitionKey>>,
    bytes: usize,
}

impl Arrived {
    fn push(&mut self, batch: RecordBatch, keys: Vec<PartitionKey>) {
        self.bytes += batch.get_array_memory_size() + keys.len() * size_of::<PartitionKey>();
        self.batches.push(batch);
        self.keys.push(keys);
    }
}

/// A row of a batch, and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub key: PartitionKey,
    pub batch: u32,
    pub row: u32,
}

/// Rows sorted by partition and, within one, by arrival.
#[derive(Debug)]
pub(super) enum Run {
    /// Batches as they arrived, and the order of their rows.
    Memory {
        batches: Vec<RecordBatch>,
        order: Vec<Row>,
    },
    /// Blocks in the spill file, in order.
    Spilled(Vec<Block>),
}

/// Some consecutive rows of a spilled run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub last: PartitionKey,
    pub place: Place,
}

/// All of a landing's rows for one table.
#[derive(Debug, Default)]
pub(super) struct TableRuns {
    pub runs: Vec<Run>,
    /// The partitions and how many rows arrived for each.
    pub partitions: HashMap<PartitionKey, u64, ahash::RandomState>,
    /// Their size in memory.
    pub bytes: u64,
}

impl TableRuns {
    /// Takes what has arrived: stays in memory without a spill file.
    fn add(
        &mut self,
        arrived: Arrived,
        spill: Option<(&SpillFile, usize)>,
    ) -> Result<(), LandError> {
        if arrived.batches.is_empty() {
            return Ok(());
        }
        self.bytes += arrived.bytes as u64;
        let order = ordered(&arrived.keys);
        for group in order.chunk_by(|a, b| a.key == b.key) {
            *self.partitions.entry(group[0].key).or_default() += group.len() as u64;
        }
        let run = match spill {
            None => Run::Memory {
                batches: arrived.batches,
                order,
            },
            Some((file, threads)) => Run::Spilled(write(&arrived, &order, file, threads)?),
        };
        self.runs.push(run);
        Ok(())
    }
}

fn ordered(keys: &[Vec<PartitionKey>]) -> Vec<Row> {
    let mut order = Vec::with_capacity(keys.iter().map(Vec::len).sum());
    for (batch, keys) in (0..).zip(keys) {
        order.extend((0..).zip(keys).map(|(row, key)| Row {
            key: *key,
            batch,
            row,
        }));
    }
    // Stable, and fast on what mostly arrives in order.
    order.sort_by_key(|row| row.key);
    order
}

/// Writes rows as blocks, several at a time.
fn write(
    arrived: &Arrived,
    order: &[Row],
    file: &SpillFile,
    threads: usize,
) -> Result<Vec<Block>, LandError> {
    let row_bytes = (arrived.bytes / order.len().max(1)).max(1);
    let rows = (BLOCK_BYTES / row_bytes).clamp(*BLOCK_ROWS.start(), *BLOCK_ROWS.end());
    let pieces: Vec<&[Row]> = order.chunks(rows).collect();
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Block)>, LandError> {
        let mut written = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = pieces.get(index) else {
                return Ok(written);
            };
            if let Some(last) = piece.last() {
                let place = file.write(&block(&arrived.batches, piece)?)?;
                let block = Block {
                    last: last.key,
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

fn block(batches: &[RecordBatch], rows: &[Row]) -> Result<RecordBatch, LandError> {
    let picks: Vec<(usize, usize)> = rows
        .iter()
        .map(|row| (row.batch as usize, row.row as usize))
        .collect();
    let rows_of = gather(batches, picks)?;
    let keys: UInt64Array = rows.iter().map(|row| row.key.to_bits()).collect();
    let mut fields = vec![Arc::new(Field::new(KEY_COLUMN, DataType::UInt64, false))];
    fields.extend(rows_of.schema().fields().iter().cloned());
    let mut columns: Vec<ArrayRef> = vec![Arc::new(keys)];
    columns.extend(rows_of.columns().iter().cloned());
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

/// The picked rows (batch, row), as one batch. Only the batches that are picked from are looked at.
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

/// The error for a thread that panicked: its own message is on standard error already.
pub(super) fn stopped() -> LandError {
    LandError::Task("a thread panicked".into())
}

/// How many tables of events there are.
pub(super) const TABLES: usize = 3;

type Runs = [TableRuns; TABLES];

/// Collects arriving rows into runs, within a budget of memory.
pub(super) struct Collector {
    spill: Arc<SpillFile>,
    threads: usize,
    /// Rows are held up to here; as much again may be on its way to the disk.
    held_at_most: usize,
    held: [Arrived; TABLES],
    runs: Runs,
    spilling: Option<JoinHandle<Result<Runs, LandError>>>,
}

impl Collector {
    /// A collector that uses about `budget` bytes.
    pub fn new(budget: usize, threads: usize, spill: Arc<SpillFile>) -> Self {
        Self {
            spill,
            threads,
            held_at_most: budget / 2,
            held: Default::default(),
            runs: Default::default(),
            spilling: None,
        }
    }

    /// Takes rows of one table (its number), in the order of arrival.
    pub fn push(
        &mut self,
        table: usize,
        batch: RecordBatch,
        keys: Vec<PartitionKey>,
    ) -> Result<(), LandError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.held[table].push(batch, keys);
        if self.held.iter().map(|h| h.bytes).sum::<usize>() < self.held_at_most {
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

    /// All rows, once no more arrive.
    pub fn finish(mut self) -> Result<(Runs, Arc<SpillFile>), LandError> {
        self.wait()?;
        for (table, arrived) in self.runs.iter_mut().zip(std::mem::take(&mut self.held)) {
            table.add(arrived, None)?;
        }
        Ok((self.runs, self.spill))
    }
}
