//! Merges runs: reads their rows partition by partition, in the order of the keys, so that each run is read once, from front
//! to back.

use arrow::array::{AsArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::UInt64Type;

use super::error::LandError;
use super::keys::PartitionKey;
use super::runs::{Block, PlacedSpan, Run};
use super::spill::SpillFile;

/// Holds the rows that arrived for one partition.
#[derive(Debug)]
pub(super) struct PartitionRows {
    pub key: PartitionKey,
    /// Batches that hold the rows, among others.
    pub batches: Vec<RecordBatch>,
    /// The rows as (batch, row), in the order of arrival.
    pub picks: Vec<(usize, usize)>,
}

impl PartitionRows {
    /// Takes all rows of a batch, in its order. Their key belongs to no account.
    pub fn whole(batch: RecordBatch) -> Self {
        Self {
            key: PartitionKey::new(0, 0),
            picks: (0..batch.num_rows()).map(|row| (0, row)).collect(),
            batches: vec![batch],
        }
    }
}

/// Iterates over the partitions of runs, from `first` to `last`.
pub(super) struct Merge<'a> {
    spill: &'a SpillFile,
    cursors: Vec<Cursor<'a>>,
    last: PartitionKey,
}

impl<'a> Merge<'a> {
    /// Places a cursor in every run, at the partition `first`.
    pub fn new(
        runs: &'a [Run],
        spill: &'a SpillFile,
        first: PartitionKey,
        last: PartitionKey,
    ) -> Result<Self, LandError> {
        let cursors = runs
            .iter()
            .map(|run| Cursor::new(run, spill, first))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            spill,
            cursors,
            last,
        })
    }

    fn next_partition(&mut self) -> Result<Option<PartitionRows>, LandError> {
        let Some(key) = self.cursors.iter().filter_map(Cursor::key).min() else {
            return Ok(None);
        };
        if key > self.last {
            return Ok(None);
        }
        let mut rows = PartitionRows {
            key,
            batches: Vec::new(),
            picks: Vec::new(),
        };
        for cursor in &mut self.cursors {
            cursor.take(key, &mut rows, self.spill)?;
        }
        Ok(Some(rows))
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<PartitionRows, LandError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_partition().transpose()
    }
}

/// Holds a spilled block that is being read.
struct OpenBlock {
    keys: ScalarBuffer<u64>,
    rows: RecordBatch,
    /// The index of the next row.
    next: usize,
}

impl OpenBlock {
    fn read(block: &Block, spill: &SpillFile) -> Result<Self, LandError> {
        let whole = spill.read(block.place)?;
        let columns: Vec<usize> = (1..whole.num_columns()).collect();
        Ok(Self {
            keys: whole
                .column(0)
                .as_primitive::<UInt64Type>()
                .values()
                .clone(),
            rows: whole.project(&columns)?,
            next: 0,
        })
    }
}

/// Points to a row of a run.
enum Cursor<'a> {
    Memory {
        batches: &'a [RecordBatch],
        rest: &'a [PlacedSpan],
    },
    Spilled {
        rest: &'a [Block],
        block: Option<OpenBlock>,
    },
}

impl<'a> Cursor<'a> {
    /// Points to the first row of a run whose key is at least `first`.
    fn new(run: &'a Run, spill: &SpillFile, first: PartitionKey) -> Result<Self, LandError> {
        Ok(match run {
            Run::Memory { batches, order } => Cursor::Memory {
                batches,
                rest: &order[order.partition_point(|placed| placed.span.key < first)..],
            },
            Run::Spilled(blocks) => {
                let mut cursor = Cursor::Spilled {
                    rest: &blocks[blocks.partition_point(|block| block.last < first)..],
                    block: None,
                };
                cursor.load(spill)?;
                if let Cursor::Spilled {
                    block: Some(block), ..
                } = &mut cursor
                {
                    block.next = block.keys.partition_point(|key| *key < first.to_bits());
                }
                cursor
            }
        })
    }

    /// Returns the key of the row; `None` at the end of the run.
    fn key(&self) -> Option<PartitionKey> {
        match self {
            Cursor::Memory { rest, .. } => rest.first().map(|placed| placed.span.key),
            Cursor::Spilled { block, .. } => block
                .as_ref()
                .and_then(|block| block.keys.get(block.next))
                .map(|bits| PartitionKey::from_bits(*bits)),
        }
    }

    /// Reads the next block, if there is one.
    fn load(&mut self, spill: &SpillFile) -> Result<(), LandError> {
        if let Cursor::Spilled { rest, block } = self {
            *block = match rest.split_first() {
                Some((first, others)) => {
                    *rest = others;
                    Some(OpenBlock::read(first, spill)?)
                }
                None => None,
            };
        }
        Ok(())
    }

    /// Adds the rows of a partition, if the cursor points to it, and moves past them.
    fn take(
        &mut self,
        key: PartitionKey,
        rows: &mut PartitionRows,
        spill: &SpillFile,
    ) -> Result<(), LandError> {
        while self.key() == Some(key) {
            let used_up = match self {
                Cursor::Memory { batches, rest } => {
                    take_from_memory(batches, rest, key, rows);
                    false
                }
                Cursor::Spilled {
                    block: Some(block), ..
                } => {
                    let ahead = &block.keys[block.next..];
                    let end = block.next + ahead.partition_point(|k| *k == key.to_bits());
                    let batch = rows.batches.len();
                    rows.picks.extend((block.next..end).map(|row| (batch, row)));
                    rows.batches.push(block.rows.clone());
                    block.next = end;
                    end == block.keys.len()
                }
                Cursor::Spilled { block: None, .. } => false,
            };
            if used_up {
                self.load(spill)?;
            }
        }
        Ok(())
    }
}

/// Adds the rows of a partition from a run in memory.
fn take_from_memory(
    batches: &[RecordBatch],
    rest: &mut &[PlacedSpan],
    key: PartitionKey,
    rows: &mut PartitionRows,
) {
    let (taken, others) = rest.split_at(rest.partition_point(|placed| placed.span.key == key));
    *rest = others;
    let mut latest = None;
    for placed in taken {
        if latest != Some(placed.batch) {
            latest = Some(placed.batch);
            rows.batches.push(batches[placed.batch as usize].clone());
        }
        rows.picks.extend(placed.picks(rows.batches.len() - 1));
    }
}
