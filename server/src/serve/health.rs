//! Whether the server can be asked, and its figures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rapport_engine::lake::TableId;
use rapport_engine::{DeriveReport, Engine};

/// Once looking at the lake has failed for so long, what queries would see is too old.
const TOO_OLD: Duration = Duration::from_secs(60);
/// Bounds of the histograms of times, in seconds.
const SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 300.0,
];
/// Bounds of the histograms of sizes: 64 KiB, 1 MiB, 16 MiB, 256 MiB, 1 GiB, 4 GiB.
const BYTES: [f64; 6] = [
    65_536.0,
    1_048_576.0,
    16_777_216.0,
    268_435_456.0,
    1_073_741_824.0,
    4_294_967_296.0,
];

const RESERVED: &str = "rapport_memory_reserved_bytes";
const VERSION: &str = "rapport_lake_version";
const DERIVES: &str = "rapport_derives_total";
const DERIVE_SECONDS: &str = "rapport_derive_seconds";
const DERIVED_ROWS: &str = "rapport_derived_rows_total";
const ORPHANS: &str = "rapport_orphans";

/// How looking at the lake went.
#[derive(Debug, Clone, Copy)]
enum Looked {
    Never,
    Well,
    FailingSince(Instant),
}

/// How a server is.
pub struct Health {
    engine: Engine,
    lake: Mutex<Looked>,
    stopping: AtomicBool,
}

impl Health {
    /// Of a server that has just started.
    pub fn new(engine: Engine) -> Health {
        Health {
            engine,
            lake: Mutex::new(Looked::Never),
            stopping: AtomicBool::new(false),
        }
    }

    /// Whether queries can be answered; if not, why.
    ///
    /// # Errors
    /// The reason, for people.
    pub async fn ready(&self) -> Result<(), String> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err("the server is stopping".to_owned());
        }
        let looked = *self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        match looked {
            Looked::Never => return Err("the lake has not been looked at yet".to_owned()),
            Looked::FailingSince(since) if since.elapsed() > TOO_OLD => {
                let seconds = since.elapsed().as_secs();
                return Err(format!("the lake could not be read for {seconds} s"));
            }
            Looked::Well | Looked::FailingSince(_) => {}
        }
        match self.engine.sessions().await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("no session can be opened: {error}")),
        }
    }

    /// The server stops: nothing new shall come.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The lake was looked at, and could be read or not.
    pub(super) fn looked(&self, well: bool) {
        let mut looked = self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        *looked = match *looked {
            _ if well => Looked::Well,
            // Never seen at all, or failing already.
            as_it_was @ (Looked::Never | Looked::FailingSince(_)) => as_it_was,
            Looked::Well => Looked::FailingSince(Instant::now()),
        };
    }

    /// Takes the figures that nobody tells of when they change.
    pub fn measure(&self) {
        let reserved = self.engine.runtime().memory_pool.reserved();
        gauge!(RESERVED).set(reserved as f64);
        let lake = self.engine.lake().served();
        for table in TableId::ALL {
            gauge!(VERSION, "table" => table.name()).set(lake.get(table).version() as f64);
        }
    }
}

/// A derive has ended well.
pub(super) fn derived(report: &DeriveReport, took: Duration) {
    counter!(DERIVES, "outcome" => "finished").increment(1);
    histogram!(DERIVE_SECONDS).record(took);
    counter!(DERIVED_ROWS).increment(report.tables.iter().map(|table| table.rows).sum());
    gauge!(ORPHANS).set(report.orphans as f64);
}

/// A derive has failed.
pub(super) fn derive_failed() {
    counter!(DERIVES, "outcome" => "failed").increment(1);
}

/// Starts to count, for the whole process.
///
/// # Errors
/// If something counts already.
pub fn count() -> Result<PrometheusHandle, FiguresError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| FiguresError::Twice)?;
    crate::pg::describe_metrics();
    describe_gauge!(RESERVED, Unit::Bytes, "Memory that all plans hold");
    describe_gauge!(VERSION, "Version of each table that queries are served");
    describe_counter!(DERIVES, "Derives by outcome: finished or failed");
    describe_histogram!(DERIVE_SECONDS, Unit::Seconds, "How long a derive took");
    describe_counter!(DERIVED_ROWS, "Rows that derives have written");
    describe_gauge!(
        ORPHANS,
        "Conversation events that wait for their conversation's start"
    );
    Ok(handle)
}

/// Why figures cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// Bounds of a histogram that cannot be.
    #[error("figures cannot be kept: {0}")]
    Bounds(#[from] BuildError),
    /// A process has one place for its figures.
    #[error("figures are kept by another server in this process already")]
    Twice,
}
