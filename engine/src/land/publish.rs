//! Making written files part of their tables: one commit each, and what happens if another writer was first.
//!
//! Rejected lines go first, then conversation events, orders, touches. A landing that is killed between two commits has
//! landed some tables and not others; the same command again finds what is there, by E1 and by the identity of rejected
//! lines, and lands the rest.
//!
//! Losing the race for a version means that rows have come which ours were not compared with. They are compared then, the
//! few files that hold duplicates are written again without them, and the commit is tried on the newer version.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use futures::TryStreamExt;
use hashbrown::{HashMap, HashSet};

use super::batches;
use super::error::LandError;
use super::finish::{Written, compare, may_have};
use super::merge::PartitionRows;
use super::partition::FirstRows;
use super::rejects;
use super::rejects::KeptFile;
use crate::lake::files;
use crate::lake::{
    Change, DataFile, Freshness, Lake, NewFile, Operation, Partition, TableId, TableSnapshot, Work,
};

/// Commits the files of one table, if there are any. Afterwards none of them is the landing's any more: they are part of the
/// table, discarded, or must stay.
pub(super) async fn publish(
    lake: &Lake,
    table: TableId,
    written: &mut Written,
) -> Result<(), LandError> {
    let (base, files) = (Arc::clone(&written.base), written.files.clone());
    let mut landing = Publish {
        lake,
        table,
        written,
    };
    let outcome = lake.commit_loop(base, files, &mut landing).await;
    landing.written.files.clear();
    outcome
}

/// The files of one table, checked against what others have landed since they were written.
struct Publish<'a> {
    lake: &'a Lake,
    table: TableId,
    written: &'a mut Written,
}

impl Work for Publish<'_> {
    type Error = LandError;

    async fn change(&mut self, base: &Arc<TableSnapshot>) -> Result<Option<Change>, LandError> {
        if base.version() > self.written.base.version() {
            recheck(self.lake, self.table, self.written, base).await?;
            self.written.base = Arc::clone(base);
        }
        if self.written.files.is_empty() {
            return Ok(None);
        }
        Ok(Some(Change {
            adds: self.written.files.clone(),
            ..Change::new(Operation::Land)
        }))
    }
}

/// Compares written files with those that came to their partitions since their base.
async fn recheck(
    lake: &Lake,
    table: TableId,
    written: &mut Written,
    newer: &TableSnapshot,
) -> Result<(), LandError> {
    let mut came: HashMap<Partition, Vec<Arc<DataFile>>> = HashMap::new();
    let partitions: HashSet<Partition> =
        written.files.iter().map(|f| f.partition.clone()).collect();
    for partition in partitions {
        let of = |snapshot: &TableSnapshot| {
            let date = partition.date.unwrap_or_default();
            snapshot.files(partition.account.as_deref(), date..=date)
        };
        let known: HashSet<String> = of(&written.base)
            .iter()
            .map(|file| file.path.clone())
            .collect();
        let mut files = of(newer);
        files.retain(|file| !known.contains(&file.path));
        if !files.is_empty() {
            came.insert(partition, files);
        }
    }
    let mut files = Vec::with_capacity(written.files.len());
    for file in std::mem::take(&mut written.files) {
        match came.get(&file.partition) {
            Some(others) => files.extend(recheck_file(lake, table, file, others, written).await?),
            None => files.push(file),
        }
    }
    written.files = files;
    Ok(())
}

/// A file without the rows that others have: itself, if there are none; nothing, if it has no others.
async fn recheck_file(
    lake: &Lake,
    table: TableId,
    file: NewFile,
    others: &[Arc<DataFile>],
    written: &mut Written,
) -> Result<Option<NewFile>, LandError> {
    let left = if table == TableId::RejectedEvents {
        let rows = whole(lake, table, &file).await?;
        let others: Vec<_> = others.iter().map(KeptFile::from).collect();
        rejects::without_known(lake, rows, &others).await?
    } else {
        let Some(left) = left_events(lake, table, &file, others, written).await? else {
            return Ok(Some(file));
        };
        left
    };
    let rows = left.as_ref().map_or(0, |rows| rows.num_rows() as u64);
    let gone = file.statistics.rows - rows;
    if gone == 0 {
        return Ok(Some(file));
    }
    written.landed -= gone;
    let Some(left) = left else {
        return Ok(None);
    };
    let (rows, batches) = batches::detach(left);
    let left = lake
        .write(table, &file.partition, &[rows], Freshness::Moving)
        .await?;
    let batches = batches.map(|batches| (left.path.clone(), batches));
    written.batches.extend(batches);
    Ok(Some(left))
}

/// The events of a file that others do not have, with their batches; the outer `None` if none of the others can have any.
/// Counts those that others have as duplicates.
async fn left_events(
    lake: &Lake,
    table: TableId,
    file: &NewFile,
    others: &[Arc<DataFile>],
    written: &mut Written,
) -> Result<Option<Option<RecordBatch>>, LandError> {
    let mut rows = whole(lake, table, file).await?;
    if let Some(batches) = written.batches.get(&file.path) {
        rows = batches::attach(rows, Arc::clone(batches))?;
    }
    let mut first = FirstRows::of(PartitionRows::whole(rows))?;
    let Some((least, greatest)) = first
        .id_bounds()?
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
    else {
        return Ok(Some(None));
    };
    for other in others {
        if may_have(other, (&least, &greatest)) {
            compare(lake, table, &other.path, other.size, &mut first).await?;
        }
    }
    if first.duplicates().total() == 0 {
        return Ok(None);
    }
    written.duplicates.add(first.duplicates());
    Ok(Some(first.sorted(table.sort_columns()[0])?))
}

/// All rows of a file of ours, in the table's file schema.
async fn whole(lake: &Lake, table: TableId, file: &NewFile) -> Result<RecordBatch, LandError> {
    let batches: Vec<RecordBatch> = files::read(lake, table, &file.path, file.size, None)
        .await?
        .try_collect()
        .await?;
    Ok(concat_batches(&table.file_schema(), &batches)?)
}

/// Takes away the files of a landing that failed before they were committed.
pub(super) async fn abandon(lake: &Lake, written: &[(TableId, Written)]) {
    for (table, written) in written {
        for file in &written.files {
            files::discard(lake, *table, &file.path).await;
        }
    }
}
