//! Deriving in the background: whenever the lake has landed events or settings that the derived tables do not rest on.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_engine::{AccountFailure, Engine, EngineError, NoProgress};
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
    // When what failed is tried again, and what had landed where all of it failed.
    let mut retry_at: Option<Instant> = None;
    let mut failed_with = None;
    loop {
        // A look while a derive ran counts too: it may have seen more.
        looked.notified().await;
        let retries = retry_at.is_none_or(|at| at <= Instant::now());
        let landed = lag::landed(&engine.lake().current());
        if !retries && failed_with == Some(landed) {
            continue;
        }
        match attempt(derive_what_waits(&engine, retries)).await {
            Ok(failed) => {
                failed_with = None;
                if !failed.is_empty() {
                    let pause = back_off.failed();
                    retry_at = Some(Instant::now() + pause);
                    health.derive_failed();
                    for AccountFailure { account, error, .. } in failed {
                        let seconds = pause.as_secs();
                        tracing::error!(
                            %account,
                            %error,
                            "an account could not be derived; it will be tried again in {seconds} s"
                        );
                    }
                } else if retries {
                    back_off.worked();
                    retry_at = None;
                    health.derive_worked();
                }
            }
            Err(error) => {
                let pause = back_off.failed();
                retry_at = Some(Instant::now() + pause);
                failed_with = Some(landed);
                health.derive_failed();
                let seconds = pause.as_secs();
                tracing::error!(%error, "deriving failed; it will be tried again in {seconds} s");
                // What others land meanwhile is derived sooner than that, but not at once.
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

/// Derives, unless nothing waits, as where another server was first; with the accounts that failed before if `retries`.
/// Answers with those that fail now.
async fn derive_what_waits(
    engine: &Engine,
    retries: bool,
) -> Result<Vec<AccountFailure>, EngineError> {
    let lake = engine.lake();
    let waits = lag::is_behind(&lake.current()) || retries && lake.has_accounts_behind();
    if !waits {
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let report = match retries {
        true => engine.derive(&NoProgress).await?,
        false => engine.derive_others(&NoProgress).await?,
    };
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
    Ok(report.failed)
}
