//! Readiness of the server, and its metrics.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use rapport_engine::lake::{LakeSnapshot, TableId};
use rapport_engine::{DeriveReport, Engine, LandReport};

use super::lag::Lag;

/// How long the lake may fail to be read before the data that queries would see counts as too old.
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
const LANDED: &str = "rapport_http_events_total";
const LAND_SECONDS: &str = "rapport_http_landing_seconds";
const FAILING: &str = "rapport_derive_failing";

/// Represents the outcome of the latest refreshes of the lake.
#[derive(Debug, Clone, Copy)]
enum LakeReads {
    None,
    Succeeding,
    FailingSince(Instant),
}

/// Says why a server cannot answer queries. Anybody may read it, so details go to the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// The server is shutting down.
    #[error("the server is stopping")]
    Stopping,
    /// The server has just started.
    #[error("the lake has not been read yet")]
    NotRead,
    /// The data that it would serve is too old.
    #[error("the lake could not be read for {0} s")]
    Unreadable(u64),
    /// No session can be opened, for example because a team's own saved query is wrong.
    #[error("no session can be opened")]
    NoSession,
}

/// Tracks the health of a server.
pub struct Health {
    engine: Engine,
    lake: Mutex<LakeReads>,
    /// The reason that was logged last for not opening a session.
    logged_reason: Mutex<Option<String>>,
    lag: Mutex<Lag>,
    /// Whether the latest derive has failed.
    derive_failing: AtomicBool,
    stopping: AtomicBool,
}

impl Health {
    /// Makes the health of a server that has just started.
    pub fn new(engine: Engine) -> Health {
        Health {
            engine,
            lake: Mutex::new(LakeReads::None),
            logged_reason: Mutex::default(),
            lag: Mutex::default(),
            derive_failing: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        }
    }

    /// Checks that queries can be answered. Failing derives do not matter: what was derived before is served, and no other
    /// server of the lake would have more.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn ready(&self) -> Result<(), NotReady> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(NotReady::Stopping);
        }
        let reads = *self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        match reads {
            LakeReads::None => return Err(NotReady::NotRead),
            LakeReads::FailingSince(since) if since.elapsed() > TOO_OLD => {
                return Err(NotReady::Unreadable(since.elapsed().as_secs()));
            }
            LakeReads::Succeeding | LakeReads::FailingSince(_) => {}
        }
        if let Err(error) = self.engine.sessions().await {
            self.log_no_session(error.to_string());
            return Err(NotReady::NoSession);
        }
        Ok(())
    }

    /// Logs a reason unless it was logged last: readiness is asked for every few seconds, by anybody.
    fn log_no_session(&self, reason: String) {
        let mut logged = self
            .logged_reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if logged.as_ref() != Some(&reason) {
            tracing::error!(error = %reason, "no session can be opened");
            *logged = Some(reason);
        }
    }

    /// Marks the server as stopping, so that no new requests are sent to it.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Records that the lake was read.
    pub(super) fn record_lake_read(&self, lake: &LakeSnapshot) {
        *self.lake.lock().unwrap_or_else(PoisonError::into_inner) = LakeReads::Succeeding;
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        lag.observe(lake, Instant::now());
    }

    /// Records that the lake could not be read.
    pub(super) fn record_lake_failure(&self) {
        let mut reads = self.lake.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*reads, LakeReads::Succeeding) {
            *reads = LakeReads::FailingSince(Instant::now());
        }
    }

    /// Records that a derive has succeeded, or that there was nothing to derive.
    pub(super) fn record_derive_success(&self) {
        self.derive_failing.store(false, Ordering::Relaxed);
    }

    /// Records that a derive has failed.
    pub(super) fn record_derive_failure(&self) {
        counter!(DERIVES, "outcome" => "failed").increment(1);
        self.derive_failing.store(true, Ordering::Relaxed);
    }

    /// Sets the gauges that are measured when they are asked for.
    pub fn update_gauges(&self) {
        let reserved = self.engine.runtime().memory_pool.reserved();
        gauge!(RESERVED).set(reserved as f64);
        let lake = self.engine.lake().served();
        for table in TableId::ALL {
            gauge!(VERSION, "table" => table.name()).set(lake.get(table).version() as f64);
        }
        let now = Instant::now();
        let mut lag = self.lag.lock().unwrap_or_else(PoisonError::into_inner);
        // A derive may have ended since the lake was read.
        lag.observe(&self.engine.lake().current(), now);
        gauge!(BEHIND).set(lag.age(now).as_secs_f64());
        let failing = self.derive_failing.load(Ordering::Relaxed);
        gauge!(FAILING).set(if failing { 1.0 } else { 0.0 });
    }
}

/// Records the metrics of a landing of events that came by HTTP.
pub(super) fn record_landing(landed: &Result<Vec<LandReport>, String>, took: Duration) {
    histogram!(LAND_SECONDS).record(took);
    for report in landed.iter().flatten() {
        counter!(LANDED, "outcome" => "landed").increment(report.landed);
        counter!(LANDED, "outcome" => "duplicate").increment(report.duplicates);
        counter!(LANDED, "outcome" => "rejected").increment(report.rejected);
    }
}

/// Records the metrics of a finished derive.
pub(super) fn record_derive(report: &DeriveReport, took: Duration) {
    counter!(DERIVES, "outcome" => "finished").increment(1);
    histogram!(DERIVE_SECONDS).record(took);
    counter!(DERIVED_ROWS).increment(report.tables.iter().map(|table| table.rows).sum());
    gauge!(ORPHANS).set(report.orphans as f64);
}

/// Installs the process's metrics recorder and describes the metrics.
///
/// # Errors
/// If the process has a recorder already.
pub fn install_metrics() -> Result<PrometheusHandle, MetricsError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| MetricsError::Twice)?;
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
    describe_counter!(
        LANDED,
        "Events that came by HTTP, by outcome: landed, duplicate or rejected"
    );
    describe_histogram!(
        LAND_SECONDS,
        Unit::Seconds,
        "How long it took to land requests together that came by HTTP"
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

/// Says why metrics cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The bounds of a histogram are wrong.
    #[error("figures cannot be kept: {0}")]
    Bounds(#[from] BuildError),
    /// The process has a recorder already, and can have only one.
    #[error("figures are kept by another server in this process already")]
    Twice,
}
