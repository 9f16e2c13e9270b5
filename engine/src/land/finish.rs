//! Writes the files of a table: reads each partition from the runs, drops duplicates, sorts and writes. Commits nothing.
//!
//! The partitions are divided into as many ranges as there are threads, and each thread merges one range from the runs.
//! Meanwhile the merged partitions are encoded and stored, several files at once, as long as their rows fit into the budget.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use futures::TryStreamExt;
use rapport_data::RawTable;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::batches::{self, Counts};
use super::error::LandError;
use super::keys::PartitionKey;
use super::merge::Merge;
use super::partition::FirstRows;
use super::plain::PlainForm;
use super::runs::{TableRuns, stopped};
use super::spill::SpillFile;
use crate::Progress;
use crate::lake::{DataFile, Freshness, Lake, NewFile, Partition, TableId, TableSnapshot, files};

/// The number of merged partitions that may wait to be written, per thread.
const WAITING: usize = 2;
/// The bytes of budget that one permit of the semaphore stands for.
const PERMIT_BYTES: u64 = 64 * 1024;

/// Writes the files of one table.
pub(super) struct Finish<'a> {
    pub lake: &'a Lake,
    pub raw: RawTable,
    pub form: Arc<PlainForm>,
    pub accounts: Arc<Vec<Arc<str>>>,
    pub spill: Arc<SpillFile>,
    pub threads: usize,
    /// The most bytes of rows that may be merged and not yet written.
    pub budget: usize,
    pub progress: &'a dyn Progress,
}

/// Holds the written files of a table, which wait for a commit.
#[derive(Debug)]
pub(super) struct Written {
    /// The version that the rows were compared with.
    pub base: Arc<TableSnapshot>,
    pub files: Vec<NewFile>,
    pub landed: u64,
    pub duplicates: Counts,
    /// The batch of each row of a file, by its path, where several are landed together.
    pub batches: HashMap<String, ArrayRef>,
}

impl Written {
    /// Creates an empty list on top of a version.
    pub fn none(base: Arc<TableSnapshot>) -> Self {
        Self {
            base,
            files: Vec::new(),
            landed: 0,
            duplicates: Counts::default(),
            batches: HashMap::new(),
        }
    }
}

/// Holds a merged partition that waits to be written.
struct Prepared {
    partition: Partition,
    arrived: u64,
    rows: Rows,
    permit: OwnedSemaphorePermit,
}

/// The rows of a merged partition.
enum Rows {
    /// Rows that must be compared with these files of the lake.
    ToCompare(FirstRows, Vec<Arc<DataFile>>),
    /// Rows to be written, `None` if all were duplicates, and the numbers of duplicates.
    Ready(Option<Finished>, Counts),
}

/// Returns the table's id in the lake.
fn table(raw: RawTable) -> TableId {
    TableId::of_raw(raw)
}

/// Returns the text column that the table's files are sorted by first.
fn sort_key(raw: RawTable) -> &'static str {
    table(raw).sort_columns()[0]
}

impl Finish<'_> {
    /// Writes the files of all partitions. On an error it deletes those that were written.
    pub async fn write(&self, runs: TableRuns) -> Result<Written, LandError> {
        let base = self.lake.refresh_table(table(self.raw)).await?;
        let mut written = Written::none(base);
        match self.write_partitions(Arc::new(runs), &mut written).await {
            Ok(()) => Ok(written),
            Err(error) => {
                for file in &written.files {
                    files::discard(self.lake, table(self.raw), &file.path).await;
                }
                Err(error)
            }
        }
    }

    async fn write_partitions(
        &self,
        runs: Arc<TableRuns>,
        written: &mut Written,
    ) -> Result<(), LandError> {
        let permits = u32::try_from(self.budget as u64 / PERMIT_BYTES)
            .unwrap_or(u32::MAX)
            .max(1);
        let memory = Arc::new(Semaphore::new(permits as usize));
        let (sender, mut prepared) = mpsc::channel(WAITING * self.threads);
        let mut merges = JoinSet::new();
        for (first, last) in stretches(&runs, self.threads) {
            let merging = Merging {
                raw: self.raw,
                runs: Arc::clone(&runs),
                spill: Arc::clone(&self.spill),
                form: Arc::clone(&self.form),
                accounts: Arc::clone(&self.accounts),
                base: Arc::clone(&written.base),
                memory: Arc::clone(&memory),
                permits,
            };
            let sender = sender.clone();
            merges.spawn_blocking(move || merging.run(first, last, &sender));
        }
        drop(sender);

        let mut tasks = JoinSet::new();
        let mut outcome = Ok(());
        while outcome.is_ok() {
            tokio::select! {
                Some(joined) = tasks.join_next() => outcome = self.done(joined, written),
                Some(joined) = merges.join_next() => outcome = joined.map_err(|_| stopped()),
                next = prepared.recv() => match next {
                    Some(Ok(partition)) => {
                        let (lake, form, raw) = (self.lake.clone(), Arc::clone(&self.form), self.raw);
                        tasks.spawn(write_partition(lake, raw, form, partition));
                    }
                    Some(Err(error)) => outcome = Err(error),
                    None => break,
                },
            }
        }
        // After an error too, wait for the files that are being written, so that they can be deleted.
        prepared.close();
        while prepared.recv().await.is_some() {}
        while let Some(joined) = tasks.join_next().await {
            let done = self.done(joined, written);
            outcome = outcome.and(done);
        }
        // A thread that panicked closes the channel just as one that is done: only its result tells.
        while let Some(joined) = merges.join_next().await {
            outcome = outcome.and(joined.map_err(|_| stopped()));
        }
        outcome?;
        self.nothing_is_missing(&runs, written)
    }

    /// Checks that every row that arrived is written or a duplicate: a landing that lost a row must not be committed.
    fn nothing_is_missing(&self, runs: &TableRuns, written: &Written) -> Result<(), LandError> {
        let arrived: u64 = runs.partitions.values().sum();
        let accounted = written.landed + written.duplicates.total();
        if arrived != accounted {
            return Err(LandError::Missing {
                table: table(self.raw).name(),
                arrived,
                accounted,
            });
        }
        Ok(())
    }

    /// Adds the outcome of one partition to the list of files and to the progress.
    fn done(
        &self,
        joined: Result<Result<Outcome, LandError>, tokio::task::JoinError>,
        written: &mut Written,
    ) -> Result<(), LandError> {
        let outcome = joined.map_err(|_| stopped())??;
        self.progress.advance(outcome.arrived);
        written.duplicates.add(&outcome.duplicates);
        if let Some((file, batches)) = outcome.file {
            written.landed += file.statistics.rows;
            written
                .batches
                .extend(batches.map(|batches| (file.path.clone(), batches)));
            written.files.push(file);
        }
        Ok(())
    }
}

/// Tells what was written of one partition.
struct Outcome {
    /// The file, and the batches of its rows.
    file: Option<(NewFile, Option<ArrayRef>)>,
    arrived: u64,
    duplicates: Counts,
}

/// Drops the rows of a partition that the lake has, and writes the rest as one file.
async fn write_partition(
    lake: Lake,
    raw: RawTable,
    form: Arc<PlainForm>,
    prepared: Prepared,
) -> Result<Outcome, LandError> {
    let _held = prepared.permit;
    let (rows, duplicates) = match prepared.rows {
        Rows::Ready(rows, duplicates) => (rows, duplicates),
        Rows::ToCompare(mut first, files) => {
            for file in files {
                compare(&lake, table(raw), &file.path, file.size, &mut first).await?;
            }
            let finishing = move || finish_rows(first, raw, &form);
            tokio::task::spawn_blocking(finishing)
                .await
                .map_err(|_| stopped())??
        }
    };
    let file = match rows {
        Some(Finished { rows, batches }) => Some((
            lake.write(table(raw), &prepared.partition, &[rows], Freshness::Moving)
                .await?,
            batches,
        )),
        None => None,
    };
    Ok(Outcome {
        file,
        arrived: prepared.arrived,
        duplicates,
    })
}

/// Drops the rows whose `event_id` a file has.
pub(super) async fn compare(
    lake: &Lake,
    table: TableId,
    path: &str,
    size: u64,
    rows: &mut FirstRows,
) -> Result<(), LandError> {
    let mut batches = files::read(lake, table, path, size, Some(&["event_id"])).await?;
    while let Some(batch) = batches.try_next().await? {
        let ids = batch.column(0).as_string::<i32>();
        rows.drop_known(ids.iter().flatten())?;
    }
    Ok(())
}

/// Tells whether a file may have an `event_id` between two bounds.
pub(super) fn may_have(file: &DataFile, (least, greatest): (&str, &str)) -> bool {
    match file.statistics.text_range("event_id") {
        Some((min, max)) => min <= greatest && least <= max,
        None => true,
    }
}

/// Holds the rows of a file, and the batch of each where several are landed together.
pub(super) struct Finished {
    rows: RecordBatch,
    batches: Option<ArrayRef>,
}

/// Returns the rows that are left, and the numbers of duplicates.
pub(super) fn finish_rows(
    rows: FirstRows,
    raw: RawTable,
    form: &PlainForm,
) -> Result<(Option<Finished>, Counts), LandError> {
    let duplicates = rows.duplicates().clone();
    let finish = |sorted| {
        let (plain, batches) = batches::detach(sorted);
        let rows = form.restore(plain)?;
        Ok::<_, LandError>(Finished { rows, batches })
    };
    let sorted = rows.sorted(sort_key(raw))?;
    Ok((sorted.map(finish).transpose()?, duplicates))
}

/// Divides the partitions into `count` ranges of about as many rows each. Returns the first and last key of each range.
fn stretches(runs: &TableRuns, count: usize) -> Vec<(PartitionKey, PartitionKey)> {
    let mut partitions: Vec<(PartitionKey, u64)> =
        runs.partitions.iter().map(|(k, n)| (*k, *n)).collect();
    partitions.sort_unstable();
    let total: u64 = partitions.iter().map(|(_, rows)| rows).sum();
    let share = total.div_ceil(count.max(1) as u64).max(1);
    let mut cut: Vec<(PartitionKey, PartitionKey)> = Vec::new();
    let (mut before, mut open) = (0, None);
    for (key, rows) in partitions {
        let stretch = before / share;
        match cut.last_mut() {
            Some(last) if open == Some(stretch) => last.1 = key,
            _ => cut.push((key, key)),
        }
        open = Some(stretch);
        before += rows;
    }
    cut
}

/// Merges one range of partitions, on a thread.
struct Merging {
    raw: RawTable,
    runs: Arc<TableRuns>,
    spill: Arc<SpillFile>,
    form: Arc<PlainForm>,
    accounts: Arc<Vec<Arc<str>>>,
    base: Arc<TableSnapshot>,
    memory: Arc<Semaphore>,
    permits: u32,
}

type Sender = mpsc::Sender<Result<Prepared, LandError>>;

impl Merging {
    fn run(&self, first: PartitionKey, last: PartitionKey, sender: &Sender) {
        if let Err(error) = self.try_run(first, last, sender) {
            // If the receiver is gone, another error came first.
            let _ = sender.blocking_send(Err(error));
        }
    }

    fn try_run(
        &self,
        first: PartitionKey,
        last: PartitionKey,
        sender: &Sender,
    ) -> Result<(), LandError> {
        let all: u64 = self.runs.partitions.values().sum();
        let row_bytes = self.runs.bytes / all.max(1) + 1;
        let runtime = tokio::runtime::Handle::current();
        for rows in Merge::new(&self.runs.runs, &self.spill, first, last)? {
            let rows = rows?;
            let arrived = rows.picks.len() as u64;
            let permits = u32::try_from(arrived * row_bytes / PERMIT_BYTES)
                .unwrap_or(u32::MAX)
                .clamp(1, self.permits);
            let permit = runtime
                .block_on(Arc::clone(&self.memory).acquire_many_owned(permits))
                .map_err(|_| stopped())?;
            let account = Arc::clone(&self.accounts[rows.key.account() as usize]);
            let date = rows.key.date();
            let mut files = self.base.files(Some(&account), date..=date);
            let first = FirstRows::of(rows)?;
            if let Some(bounds) = first.id_bounds()? {
                files.retain(|file| may_have(file, bounds));
            }
            let rows = if files.is_empty() {
                let (rows, duplicates) = finish_rows(first, self.raw, &self.form)?;
                Rows::Ready(rows, duplicates)
            } else {
                Rows::ToCompare(first, files)
            };
            let prepared = Prepared {
                partition: Partition::new(account, date),
                arrived,
                rows,
                permit,
            };
            if sender.blocking_send(Ok(prepared)).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::keys::Span;
    use super::super::runs::{PlacedSpan, Run};
    use super::*;
    use crate::NoProgress;

    /// Writes runs into an empty lake and returns the error. `partitions` says how many rows arrived for each.
    async fn write(runs: Vec<Run>, partitions: [(PartitionKey, u64); 2]) -> LandError {
        let options = Default::default();
        let lake = Lake::open("memory:///", &options, true).await.unwrap();
        let finish = Finish {
            lake: &lake,
            raw: RawTable::OrderEvents,
            form: Arc::new(PlainForm::new(RawTable::OrderEvents, false)),
            accounts: Arc::new(vec![Arc::from("acme")]),
            spill: Arc::new(SpillFile::new(None)),
            threads: 2,
            budget: 1 << 20,
            progress: &NoProgress,
        };
        let runs = TableRuns {
            runs,
            partitions: partitions.into_iter().collect(),
            bytes: 100,
        };
        let error = finish.write(runs).await.unwrap_err();
        let folder = object_store::path::Path::from("order_events/account_id=acme");
        let left: Vec<_> = lake
            .store()
            .list(Some(&folder))
            .try_collect()
            .await
            .unwrap();
        assert!(left.is_empty(), "{left:?}");
        error
    }

    fn partitions() -> [(PartitionKey, u64); 2] {
        [1, 2].map(|date| (PartitionKey::new(0, date), 1))
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_thread_that_panics_fails_the_landing() {
        // A span of a batch that is not there.
        let [_, (key, _)] = partitions();
        let span = Span {
            key,
            start: 0,
            rows: 1,
        };
        let broken = Run::Memory {
            batches: Vec::new(),
            order: vec![PlacedSpan { span, batch: 0 }],
        };
        let error = write(vec![broken], partitions()).await;
        assert!(matches!(error, LandError::Task(_)), "{error}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn rows_that_are_not_written_fail_the_landing() {
        let error = write(Vec::new(), partitions()).await.to_string();
        assert!(
            error.contains("order_events") && error.contains("2 events arrived"),
            "{error}"
        );
    }
}
