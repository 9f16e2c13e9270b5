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
pub(crate) mod rewrite;
mod runs;
mod schema;
mod source;
mod spill;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use rapport_data::RawTable;
use tokio::sync::mpsc;

pub use error::LandError;
pub use source::{LandSource, Skipped};

use crate::lake::{Freshness, Lake, Partition, TableId};
use crate::{Engine, EngineError, Progress};
use finish::{Finish, Written};
use keys::Accounts;
use read::{Arrival, Parsing, plain_forms};
use rejects::{KeptFile, RejectedRows};
use runs::{Collector, TABLES, TableRuns, stopped};
use source::{Inputs, Meter};
use spill::SpillFile;

/// The most bytes of rows that are held in memory before they go to disk; less if the engine's memory limit is small.
const BUDGET: usize = 512 * 1024 * 1024;
/// The interval of progress reports.
const TICK: Duration = Duration::from_millis(100);

/// Reports what a landing did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LandReport {
    /// The number of events that this landing added to the lake.
    pub landed: u64,
    /// The number of events that were dropped because their identity was taken (SPEC E1).
    pub duplicates: u64,
    /// The number of lines that are no events (SPEC E3), those that an earlier landing had kept included.
    pub rejected: u64,
    /// The number of lines or rows that were read, blank lines included.
    pub lines: u64,
    /// The report of each input, in the order of landing.
    pub inputs: Vec<InputReport>,
    /// The files that were not read.
    pub skipped: Vec<Skipped>,
}

/// Reports what was read from one input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputReport {
    /// Its name, which its rejected lines have as their source.
    pub source: String,
    /// The number of lines or rows, blank lines included.
    pub lines: u64,
    /// The number of events that passed the checks, duplicates included.
    pub accepted: u64,
    /// The number of lines that did not pass.
    pub rejected: u64,
}

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
        let landing = Landing {
            lake: self.lake().clone(),
            now: self.now(),
            threads: self.options().threads.max(1),
            budget: BUDGET.min(self.options().memory_limit / 2),
            spill_dir: self.options().spill_dir.clone(),
        };
        Ok(landing.run(sources, progress).await?)
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
    report: LandReport,
    runs: [TableRuns; TABLES],
    spill: Arc<SpillFile>,
    forms: [Arc<plain::PlainForm>; TABLES],
    accounts: Arc<Vec<Arc<str>>>,
}

impl Landing {
    async fn run(
        &self,
        sources: Vec<LandSource>,
        progress: &dyn Progress,
    ) -> Result<LandReport, LandError> {
        let inputs = Inputs::find(sources)?;
        let mut written = Vec::new();
        let prepared = self.prepare(inputs, &mut written, progress).await;
        let outcome = match prepared {
            Ok(report) => self.commit(&mut written).await.map(|()| report),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(mut report) => {
                for (table, written) in &written {
                    if *table != TableId::RejectedEvents {
                        report.landed += written.landed;
                        report.duplicates += written.duplicates;
                    }
                }
                Ok(report)
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
        inputs: Inputs,
        written: &mut Vec<(TableId, Written)>,
        progress: &dyn Progress,
    ) -> Result<LandReport, LandError> {
        let base = self.lake.refresh_table(TableId::RejectedEvents).await?;
        written.push((TableId::RejectedEvents, Written::none(base)));
        let (give_rejected, mut rejected) = mpsc::channel::<RecordBatch>(1);
        let repeated = repeats(&inputs);
        let collected = tokio::join!(self.collect(inputs, give_rejected, progress), async {
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
        Ok(collected.report)
    }

    /// Reads all inputs into runs, and reports progress.
    async fn collect(
        &self,
        inputs: Inputs,
        rejected: mpsc::Sender<RecordBatch>,
        progress: &dyn Progress,
    ) -> Result<Collected, LandError> {
        progress.begin("reading", "bytes", inputs.bytes);
        let meter = Meter::default();
        let collecting = Collecting {
            now: self.now,
            threads: self.threads,
            spill: Arc::new(SpillFile::new(self.spill_dir.clone())),
            budget: self.budget,
            meter: meter.clone(),
        };
        let mut task = tokio::task::spawn_blocking(move || collecting.run(inputs, &rejected));
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
fn repeats(inputs: &Inputs) -> bool {
    let mut seen = HashSet::new();
    !inputs.inputs.iter().all(|input| seen.insert(input.label()))
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
        inputs: Inputs,
        rejected: &mpsc::Sender<RecordBatch>,
    ) -> Result<Collected, LandError> {
        let (accounts, forms) = (Accounts::default(), plain_forms());
        let parsing = Parsing {
            now: self.now,
            accounts: &accounts,
            forms: &forms,
            threads: self.threads,
            spill: &self.spill,
        };
        let mut report = LandReport {
            skipped: inputs.skipped,
            ..LandReport::default()
        };
        report
            .inputs
            .extend(inputs.inputs.iter().map(|input| InputReport {
                source: input.label().to_owned(),
                ..InputReport::default()
            }));
        let mut collector = Collector::new(self.budget, self.threads, Arc::clone(&self.spill));
        let mut refused = RejectedRows::new(self.now);
        parsing.run(&inputs.inputs, &self.meter, |arrival| {
            count(&mut report, &arrival);
            let source = inputs.inputs[arrival.input].label();
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
            report,
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

/// Adds the numbers of one piece to the report.
fn count(report: &mut LandReport, arrival: &Arrival) {
    let accepted: usize = arrival
        .tables
        .iter()
        .flatten()
        .map(|(rows, _)| rows.num_rows())
        .sum();
    let rejected = arrival.rejected.len() as u64;
    report.lines += arrival.lines;
    report.rejected += rejected;
    let input = &mut report.inputs[arrival.input];
    input.lines += arrival.lines;
    input.accepted += accepted as u64;
    input.rejected += rejected;
}
