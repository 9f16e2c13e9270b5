//! Deriving in the background: whenever the lake has landed events or settings that the derived tables do not rest on.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_engine::{Engine, EngineError, NoProgress};
use tokio::sync::Notify;

use super::background::Background;
use super::health::{self, Health};
use super::lag;
use super::retry::{BackOff, attempt};

/// How long after a failure it is tried again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How long at most after failures in a row: each costs as much as a derive, and leaves nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Starts deriving after looks at the lake, on threads of its own.
pub(super) fn start(
    engine: Engine,
    health: Arc<Health>,
    looked: Arc<Notify>,
) -> io::Result<Background> {
    let threads = Background::start("derive", engine.options().threads.max(1))?;
    threads.spawn(run(engine, health, looked));
    Ok(threads)
}

async fn run(engine: Engine, health: Arc<Health>, looked: Arc<Notify>) {
    let mut back_off = BackOff::new(PAUSE_AFTER_FAILURE, LONGEST_PAUSE);
    loop {
        // A look while a derive ran counts too: it may have seen more.
        looked.notified().await;
        match attempt(derive_what_waits(&engine)).await {
            Ok(()) => {
                back_off.worked();
                health.derive_worked();
            }
            Err(error) => {
                let pause = back_off.failed();
                health.derive_failed();
                let seconds = pause.as_secs();
                tracing::error!(%error, "deriving failed; it will be tried again in {seconds} s");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Derives, unless nothing waits, as where another server was first.
async fn derive_what_waits(engine: &Engine) -> Result<(), EngineError> {
    if !lag::is_behind(&engine.lake().current()) {
        return Ok(());
    }
    let started = Instant::now();
    let report = engine.derive(&NoProgress).await?;
    health::derived(&report, started.elapsed());
    if !report.is_clean() {
        let rows: u64 = report.tables.iter().map(|table| table.rows).sum();
        tracing::info!(
            rows,
            orphans = report.orphans,
            seconds = started.elapsed().as_secs_f64(),
            "derived"
        );
    }
    Ok(())
}
