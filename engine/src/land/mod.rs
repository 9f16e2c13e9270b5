//! Landing: reads events from files, folders, standard input or memory into the raw tables (SPEC 2).
//!
//! ```text
//! inputs ─▶ pieces ─▶ typed rows ─▶ runs ─▶ one partition at a time ─▶ files ─▶ one commit per table
//!   source    read      data crate    runs    merge, partition          finish    publish
//! ```
//!
//! 1. One thread reads and decompresses the inputs in the order given, and cuts them into pieces. Several threads parse and
//!    check the pieces. The results are taken in the order of arrival ([`read`]).
//! 2. Accepted rows are grouped by (table, account, UTC date): in memory up to a budget, past it in sorted runs on disk
//!    ([`runs`], [`spill`]). Rejected lines are written as they come ([`rejects`]).
//! 3. At the end of all inputs, each partition is read from the runs in the order of arrival ([`merge`]). The first row of
//!    each `event_id` is kept, unless the lake has that id in the partition already (SPEC E1). Those rows are sorted
//!    ([`partition`]) and written as one file ([`finish`]).
//! 4. Each table that got files gets one commit ([`publish`]).
//!
//! Invariants: no event is visible before every input has been read to its end, so an input that cannot be read lands
//! nothing. Memory is bounded by the budget and the largest partition, not by the size of the input. Landing the same input
//! again changes nothing, whether the first landing is complete, was killed, or is still running.

mod batches;
mod error;
mod finish;
mod frames;
mod keys;
mod merge;
mod partition;
mod plain;
mod publish;
mod read;
mod rejects;
mod report;
pub(crate) mod rewrite;
mod runs;
mod schema;
mod source;
mod spill;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use rapport_data::RawTable;
use tokio::sync::mpsc;

pub use error::LandError;
pub use frames::{gunzipped, unzstd};
pub use report::{InputReport, LandReport, Rejection};
pub use source::{LandSource, Skipped};
pub use watch::{Polled, Watch};

use crate::lake::{Freshness, Lake, Partition, TableId};
use crate::{Engine, EngineError, Progress};
use finish::{Finish, Written};
use keys::Accounts;
use read::{Parsing, plain_forms};
use rejects::{KeptFile, RejectedRows};
use report::{count, count_duplicates};
use runs::{Collector, TABLES, TableRuns, stopped};
use source::{Inputs, Meter};
use spill::SpillFile;

/// The most bytes of rows that are held in memory before they go to disk; less if the engine's memory limit is small.
const BUDGET: usize = 512 * 1024 * 1024;
/// The interval of progress reports.
const TICK: Duration = Duration::from_millis(100);

/// Checks that the paths of sources exist and can be read, before anything is landed.
///
/// # Errors
/// [`LandError::Open`], which names the path that does not exist or cannot be read.
pub fn find(sources: &[LandSource]) -> Result<(), LandError> {
    Inputs::find(sources.to_vec()).map(drop)
}

impl Engine {
    /// Lands events. Nothing is committed before every input has been read to its end, so an input that cannot be read
    /// lands nothing. Then each table is committed by itself. If this fails after some of the tables, landing the same
    /// inputs again lands the rest, and no event twice (SPEC E1).
    ///
    /// # Errors
    /// [`LandError`], which names the input that cannot be read, or holds the error of the lake.
    pub async fn land(
        &self,
        sources: Vec<LandSource>,
        progress: &dyn Progress,
    ) -> Result<LandReport, EngineError> {
        let mut reports = self.land_batches(vec![sources], progress).await?;
        Ok(reports.pop().unwrap_or_default())
    }

    /// Lands several batches of sources as [`Engine::land`] lands one, in one commit of each table, and reports on each.
    /// Of events with the same identity the first in the order of the batches lands; the others are duplicates of their own
    /// batches (SPEC E1).
    ///
    /// # Errors
    /// As [`Engine::land`], for all batches.
    pub async fn land_batches(
        &self,
        batches: Vec<Vec<LandSource>>,
        progress: &dyn Progress,
    ) -> Result<Vec<LandReport>, EngineError> {
        let landing = Landing {
            lake: self.lake().clone(),
            now: self.now(),
            threads: self.options().threads.max(1),
            budget: BUDGET.min(self.options().memory_limit / 2),
            spill_dir: self.options().spill_dir.clone(),
        };
        Ok(landing.run(batches, progress).await?)
    }
}

/// Runs one landing.
struct Landing {
    lake: Lake,
    now: DateTime<Utc>,
    threads: usize,
    budget: usize,
    spill_dir: Option<PathBuf>,
}

/// Holds the rows of all inputs, grouped into runs.
struct Collected {
    reports: Vec<LandReport>,
    runs: [TableRuns; TABLES],
    spill: Arc<SpillFile>,
    forms: [Arc<plain::PlainForm>; TABLES],
    accounts: Arc<Vec<Arc<str>>>,
}

impl Landing {
    async fn run(
        &self,
        batches: Vec<Vec<LandSource>>,
        progress: &dyn Progress,
    ) -> Result<Vec<LandReport>, LandError> {
        let batches = batches.into_iter().map(Inputs::find);
        let batches: Vec<Inputs> = batches.collect::<Result<_, _>>()?;
        let mut written = Vec::new();
        let prepared = self.prepare(batches, &mut written, progress).await;
        let outcome = match prepared {
            Ok(reports) => self.commit(&mut written).await.map(|()| reports),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(mut reports) => {
                count_duplicates(&mut reports, &written);
                Ok(reports)
            }
            Err(error) => {
                publish::abandon(&self.lake, &written).await;
                Err(error)
            }
        }
    }

    /// Reads the inputs and writes the files, but commits none.
    async fn prepare(
        &self,
        batches: Vec<Inputs>,
        written: &mut Vec<(TableId, Written)>,
        progress: &dyn Progress,
    ) -> Result<Vec<LandReport>, LandError> {
        let base = self.lake.refresh_table(TableId::RejectedEvents).await?;
        written.push((TableId::RejectedEvents, Written::none(base)));
        let (give_rejected, mut rejected) = mpsc::channel::<RecordBatch>(1);
        let repeated = repeats(&batches);
        let collected = tokio::join!(self.collect(batches, give_rejected, progress), async {
            let rows = &mut written[0].1;
            while let Some(batch) = rejected.recv().await {
                self.keep_rejected(batch, repeated, rows).await?;
            }
            Ok::<(), LandError>(())
        });
        // If rejected lines could not be written, the reading side fails too; this is the cause.
        collected.1?;
        let collected = collected.0?;
        let rows: u64 = collected
            .runs
            .iter()
            .flat_map(|runs| runs.partitions.values())
            .sum();
        progress.begin("writing", "events", Some(rows));
        for ((raw, runs), form) in RawTable::ALL
            .into_iter()
            .zip(collected.runs)
            .zip(collected.forms)
        {
            if runs.runs.is_empty() {
                continue;
            }
            let finish = Finish {
                lake: &self.lake,
                raw,
                form,
                accounts: Arc::clone(&collected.accounts),
                spill: Arc::clone(&collected.spill),
                threads: self.threads,
                budget: self.budget / 2,
                progress,
            };
            written.push((TableId::of_raw(raw), finish.write(runs).await?));
        }
        progress.end();
        Ok(collected.reports)
    }

    /// Reads all inputs into runs, and reports progress.
    async fn collect(
        &self,
        batches: Vec<Inputs>,
        rejected: mpsc::Sender<RecordBatch>,
        progress: &dyn Progress,
    ) -> Result<Collected, LandError> {
        let bytes = batches.iter().map(|inputs| inputs.bytes).sum();
        progress.begin("reading", "bytes", bytes);
        let meter = Meter::default();
        let collecting = Collecting {
            now: self.now,
            threads: self.threads,
            spill: Arc::new(SpillFile::new(self.spill_dir.clone())),
            budget: self.budget,
            meter: meter.clone(),
        };
        let mut task = tokio::task::spawn_blocking(move || collecting.run(batches, &rejected));
        let mut tick = tokio::time::interval(TICK);
        let mut told = 0;
        loop {
            let joined = tokio::select! {
                joined = &mut task => Some(joined),
                _ = tick.tick() => None,
            };
            let read = meter.read();
            progress.advance(read - told);
            told = read;
            if let Some(joined) = joined {
                progress.end();
                return joined.map_err(|_| stopped())?;
            }
        }
    }

    /// Writes rejected lines, except those that the lake has already.
    async fn keep_rejected(
        &self,
        rows: RecordBatch,
        repeated: bool,
        written: &mut Written,
    ) -> Result<(), LandError> {
        let base = written.base.all_files();
        let mut known: Vec<KeptFile> = base.iter().map(KeptFile::from).collect();
        if repeated {
            known.extend(written.files.iter().map(KeptFile::from));
        }
        let Some(rows) = rejects::without_known(&self.lake, rows, &known).await? else {
            return Ok(());
        };
        let partition = Partition {
            account: None,
            date: Some(self.now.date_naive().to_epoch_days()),
        };
        let table = TableId::RejectedEvents;
        let file = self
            .lake
            .write(table, &partition, &[rows], Freshness::Moving)
            .await?;
        written.landed += file.statistics.rows;
        written.files.push(file);
        Ok(())
    }

    /// Commits the tables one after the other. A committed file is taken off the list, so that a later failure does not
    /// delete it.
    async fn commit(&self, written: &mut [(TableId, Written)]) -> Result<(), LandError> {
        for (table, written) in written {
            publish::publish(&self.lake, *table, written).await?;
        }
        Ok(())
    }
}

/// Tells whether an input is given twice, so that its rejected lines come twice too.
fn repeats(batches: &[Inputs]) -> bool {
    let mut seen = HashSet::new();
    let mut inputs = batches.iter().flat_map(|inputs| &inputs.inputs);
    !inputs.all(|input| seen.insert(input.label()))
}

/// Reads all inputs, on a blocking thread of its own.
struct Collecting {
    now: DateTime<Utc>,
    threads: usize,
    spill: Arc<SpillFile>,
    budget: usize,
    meter: Meter,
}

impl Collecting {
    fn run(
        self,
        batches: Vec<Inputs>,
        rejected: &mpsc::Sender<RecordBatch>,
    ) -> Result<Collected, LandError> {
        let (accounts, forms) = (Accounts::default(), plain_forms(batches.len() > 1));
        let parsing = Parsing {
            now: self.now,
            accounts: &accounts,
            forms: &forms,
            threads: self.threads,
            spill: &self.spill,
        };
        let (mut reports, mut inputs, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (batch, found) in (0..).zip(batches) {
            let mut report = LandReport {
                skipped: found.skipped,
                ..LandReport::default()
            };
            for mut input in found.inputs {
                places.push((batch as usize, report.inputs.len()));
                report.inputs.push(InputReport {
                    source: input.label().to_owned(),
                    ..InputReport::default()
                });
                input.batch = batch;
                inputs.push(input);
            }
            reports.push(report);
        }
        let mut collector = Collector::new(self.budget, self.threads, Arc::clone(&self.spill));
        let mut refused = RejectedRows::new(self.now);
        parsing.run(&inputs, &self.meter, |arrival| {
            let (batch, input) = places[arrival.input];
            count(&mut reports[batch], input, &arrival);
            let source = inputs[arrival.input].label();
            for line in &arrival.rejected {
                refused.push(source, line);
                if refused.is_full() {
                    let full = std::mem::replace(&mut refused, RejectedRows::new(self.now));
                    give(rejected, full)?;
                }
            }
            for (table, rows) in arrival.tables.into_iter().enumerate() {
                if let Some((batch, spans)) = rows {
                    collector.push(table, batch, spans)?;
                }
            }
            Ok(())
        })?;
        if !refused.is_empty() {
            give(rejected, refused)?;
        }
        let (runs, spill) = collector.finish()?;
        Ok(Collected {
            reports,
            runs,
            spill,
            forms,
            accounts: Arc::new(accounts.names()),
        })
    }
}

/// Sends rejected lines to be written.
fn give(rejected: &mpsc::Sender<RecordBatch>, rows: RejectedRows) -> Result<(), LandError> {
    rejected
        .blocking_send(rows.finish()?)
        .map_err(|_| LandError::Task("rejected lines could not be kept".into()))
}
