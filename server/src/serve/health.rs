//! Whether the server can be asked, and its figures.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rapport_engine::lake::{LakeSnapshot, TableId};
use rapport_engine::{DeriveReport, Engine};

use super::lag::Lag;

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
const BEHIND: &str = "rapport_derived_behind_seconds";
const FAILING: &str = "rapport_derive_failing";

/// How looking at the lake went.
#[derive(Debug, Clone, Copy)]
enum Looked {
    Never,
    Well,
    FailingSince(Instant),
}

/// Which part of a server keeps it from being asked. Anybody may read it: why it is so is told to the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// It ends.
    #[error("the server is stopping")]
    Stopping,
    /// It has just begun.
    #[error("the lake has not been read yet")]
    NotRead,
    /// What it would serve is old.
    #[error("the lake could not be read for {0} s")]
    Unreadable(u64),
    /// A saved query of the team's own is wrong, say.
    #[error("no session can be opened")]
    NoSession,
}

/// How a server is.
pub struct Health {
    engine: Engine,
    lake: Mutex<Looked>,
    /// Why no session can be opened, as the log has it.
    no_session: Mutex<Option<String>>,
    lag: Mutex<Lag>,
    /// Whether the latest derive has failed.
    derive_failing: AtomicBool,
    stopping: AtomicBool,
}

impl Health {
    /// Of a server that has just started.
    pub fn new(engine: Engine) -> Health {
        Health {
            engine,
            lake: Mutex::new(Looked::Never),
            no_session: Mutex::default(),
            lag: Mutex::default(),
            derive_failing: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Whether queries can be answered; if not, why. Derives that fail are no reason: what was derived before is served,
    /// and no other server would have more.
    ///
    /// # Errors
    /// The part that is missing.
    pub async fn ready(&self) -> Result<(), NotReady> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(NotReady::Stopping);
        }
        let looked = *self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        match looked {
            Looked::Never => return Err(NotReady::NotRead),
            Looked::FailingSince(since) if since.elapsed() > TOO_OLD => {
                return Err(NotReady::Unreadable(since.elapsed().as_secs()));
            }
            Looked::Well | Looked::FailingSince(_) => {}
        }
        if let Err(error) = self.engine.sessions().await {
            self.log_no_session(error.to_string());
            return Err(NotReady::NoSession);
        }
        Ok(())
    }

    /// Logs each reason once: it is asked for every few seconds, by whoever likes.
    fn log_no_session(&self, reason: String) {
        let mut logged = self
            .no_session
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if logged.as_ref() != Some(&reason) {
            tracing::error!(error = %reason, "no session can be opened");
            *logged = Some(reason);
        }
    }

    /// The server stops: nothing new shall come.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// The lake was looked at.
    pub(super) fn lake_read(&self, lake: &LakeSnapshot) {
        *self.lake.lock().unwrap_or_else(PoisonError::into_inner) = Looked::Well;
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        lag.look(lake, Instant::now());
    }

    /// The lake could not be looked at.
    pub(super) fn lake_not_read(&self) {
        let mut looked = self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*looked, Looked::Well) {
            *looked = Looked::FailingSince(Instant::now());
        }
    }

    /// A derive has ended well, or there was nothing to derive.
    pub(super) fn derive_worked(&self) {
        self.derive_failing.store(false, Ordering::Relaxed);
    }

    /// A derive has failed.
    pub(super) fn derive_failed(&self) {
        counter!(DERIVES, "outcome" => "failed").increment(1);
        self.derive_failing.store(true, Ordering::Relaxed);
    }

    /// Takes the figures that nobody tells of when they change.
    pub fn measure(&self) {
        let reserved = self.engine.runtime().memory_pool.reserved();
        gauge!(RESERVED).set(reserved as f64);
        let lake = self.engine.lake().served();
        for table in TableId::ALL {
            gauge!(VERSION, "table" => table.name()).set(lake.get(table).version() as f64);
        }
        let now = Instant::now();
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        // A derive may have ended since the lake was looked at.
        lag.look(&self.engine.lake().current(), now);
        gauge!(BEHIND).set(lag.time(now).as_secs_f64());
        let failing = self.derive_failing.load(Ordering::Relaxed);
        gauge!(FAILING).set(if failing { 1.0 } else { 0.0 });
    }
}

/// A derive has ended well.
pub(super) fn derived(report: &DeriveReport, took: Duration) {
    counter!(DERIVES, "outcome" => "finished").increment(1);
    histogram!(DERIVE_SECONDS).record(took);
    counter!(DERIVED_ROWS).increment(report.tables.iter().map(|table| table.rows).sum());
    gauge!(ORPHANS).set(report.orphans as f64);
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
    describe_gauge!(
        BEHIND,
        Unit::Seconds,
        "How long the oldest that has landed and is not derived has waited, as this server has seen it"
    );
    describe_gauge!(
        FAILING,
        "1 after a derive of this server's that failed, until there is nothing left to derive; else 0"
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
