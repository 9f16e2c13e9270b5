//! Merges files of a partition: reads, sorts and writes them, within bounds of rows and memory.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use rapport_data::RawTable;
use tokio::sync::Semaphore;

use super::plan::{FULL_ROWS, Merge};
use crate::lake::files;
use crate::lake::{Freshness, Lake, Partition, TableId};
use crate::land::rewrite;
use crate::{Engine, EngineError};

/// Maximum decoded bytes of a merge: about those of a file of the target size.
const FULL_DECODED: u64 = 128 << 20;
/// Copies of the rows in memory during a merge: as read, sorted, and encoded.
const COPIES: u64 = 3;
/// Bytes per permit of the memory semaphore.
const PERMIT_BYTES: u64 = 64 * 1024;

/// The memory that concurrent merges may take, as a semaphore.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    permits: u32,
    free: Arc<Semaphore>,
}

impl Memory {
    /// Takes half of the memory limit, as landing does.
    pub fn of(engine: &Engine) -> Self {
        let permits = engine.options().memory_limit as u64 / 2 / PERMIT_BYTES;
        let permits = u32::try_from(permits).unwrap_or(u32::MAX).max(1);
        Self {
            permits,
            free: Arc::new(Semaphore::new(permits as usize)),
        }
    }
}

/// The rows and decoded bytes that one merge has taken so far.
#[derive(Debug, Default)]
struct Load {
    rows: u64,
    bytes: u64,
}

/// Whether a file fits into a merge.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// It fits and is counted.
    Taken,
    /// The merge is full.
    Later,
    /// It is too large for any merge.
    Never,
}

impl Load {
    fn take(&mut self, rows: u64, bytes: u64) -> Fit {
        if rows > FULL_ROWS / 2 || bytes > FULL_DECODED / 2 {
            return Fit::Never;
        }
        if self.rows + rows > FULL_ROWS || self.bytes + bytes > FULL_DECODED {
            return Fit::Later;
        }
        self.rows += rows;
        self.bytes += bytes;
        Fit::Taken
    }
}

/// Merges files and returns the outcome with their partition; a panic is an error.
pub(super) async fn try_merge(
    lake: Lake,
    id: TableId,
    memory: Memory,
    merge: Merge,
) -> (Partition, Result<Merge, EngineError>) {
    let partition = merge.partition.clone();
    let merging = AssertUnwindSafe(merge_files(lake, id, memory, merge));
    let merged = merging.catch_unwind().await.unwrap_or_else(|_| {
        let panicked = "compacting it panicked, as is told on standard error";
        Err(EngineError::Request(panicked.to_owned()))
    });
    (partition, merged)
}

/// Merges as many of the files, in their order, as fit.
async fn merge_files(
    lake: Lake,
    id: TableId,
    memory: Memory,
    mut merge: Merge,
) -> Result<Merge, EngineError> {
    let (mut load, mut open) = (Load::default(), Vec::new());
    for file in std::mem::take(&mut merge.files) {
        let footer = files::open(&lake, id, &file.path, file.size).await?;
        match load.take(footer.rows(), footer.decoded_bytes()) {
            Fit::Taken => {
                merge.files.push(file);
                open.push(footer);
            }
            Fit::Later => break,
            Fit::Never => merge.large.push(file),
        }
    }
    if open.len() < 2 {
        return Ok(merge);
    }
    let permits = load.bytes * COPIES / PERMIT_BYTES;
    let permits = u32::try_from(permits).unwrap_or(u32::MAX);
    // The semaphore is never closed.
    let _held = memory
        .free
        .acquire_many(permits.clamp(1, memory.permits))
        .await;
    let has_events = RawTable::ALL.map(TableId::of_raw).contains(&id);
    let rows = if has_events {
        rewrite::merged(id, open).await?
    } else {
        rewrite::sorted(id, open).await.map(Some)?
    };
    let Some(rows) = rows else {
        return Err(EngineError::Request("it holds an event twice".to_owned()));
    };
    let file = lake
        .write(id, &merge.partition, &[rows], Freshness::Closed)
        .await?;
    merge.into = Some(file);
    Ok(merge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merge_is_bounded_by_rows_and_by_bytes() {
        let mut load = Load::default();
        assert_eq!(load.take(FULL_ROWS / 2, 10), Fit::Taken);
        assert_eq!(load.take(FULL_ROWS / 2 + 1, 10), Fit::Never);
        assert_eq!(load.take(1, FULL_DECODED / 2), Fit::Taken);
        assert_eq!(load.take(1, FULL_DECODED / 2 + 1), Fit::Never);
        assert_eq!(load.take(1, FULL_DECODED / 2), Fit::Later);
        assert_eq!(load.take(FULL_ROWS / 2, 0), Fit::Later);
        assert_eq!(load.take(1, 1), Fit::Taken);
        assert_eq!(
            (load.rows, load.bytes),
            (FULL_ROWS / 2 + 2, FULL_DECODED / 2 + 11)
        );
    }
}
