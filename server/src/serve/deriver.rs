//! Derives in the background whenever the lake has landed events or settings that the derived tables have not consumed.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rapport_engine::{AccountFailure, Engine, EngineError, Include, NoProgress};
use tokio::sync::Notify;

use super::background::Background;
use super::health::{self, Health};
use super::lag;
use super::retry::{Backoff, attempt};

/// How long to wait after a first failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// How long to wait at most after failures in a row: each costs as much as a derive and gains nothing.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long another process may take for its next round before this server does what it has left.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts deriving on threads of its own. `refreshed` is notified after each refresh of the lake.
pub(super) fn start(
    engine: Engine,
    health: Arc<Health>,
    refreshed: Arc<Notify>,
) -> io::Result<Background> {
    let threads = Background::start("derive", engine.options().threads.max(1))?;
    threads.spawn(run(engine, health, refreshed));
    Ok(threads)
}

async fn run(engine: Engine, health: Arc<Health>, refreshed: Arc<Notify>) {
    let mut backoff = Backoff::new(PAUSE_AFTER_FAILURE, LONGEST_PAUSE);
    // When failed accounts are tried again, and the landed versions with which the whole derive failed.
    let mut retry_at: Option<Instant> = None;
    let mut failed_with = None;
    let mut others = Others::default();
    loop {
        // A refresh that ended while a derive ran is not missed: it may have found more.
        refreshed.notified().await;
        let retries = retry_at.is_none_or(|at| at <= Instant::now());
        let landed = lag::landed_versions(&engine.lake().current());
        if !retries && failed_with == Some(landed) {
            continue;
        }
        let left = engine.lake().marked_accounts().pending;
        let include = Include {
            failed: retries,
            pending: others.have_stopped(left, Instant::now()) && retries,
        };
        match attempt(derive_pending(&engine, include)).await {
            Ok(failed) => {
                failed_with = None;
                if !failed.is_empty() {
                    let pause = backoff.next_pause();
                    retry_at = Some(Instant::now() + pause);
                    health.record_derive_failure();
                    for AccountFailure { account, error, .. } in failed {
                        let seconds = pause.as_secs();
                        tracing::error!(
                            %account,
                            %error,
                            "an account could not be derived; it will be tried again in {seconds} s"
                        );
                    }
                } else if retries {
                    backoff.reset();
                    retry_at = None;
                    health.record_derive_success();
                }
            }
            Err(error) => {
                let pause = backoff.next_pause();
                retry_at = Some(Instant::now() + pause);
                failed_with = Some(landed);
                health.record_derive_failure();
                let seconds = pause.as_secs();
                tracing::error!(%error, "deriving failed; it will be tried again in {seconds} s");
                // Events that land meanwhile are tried sooner than the backoff's pause, but not at once.
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
            }
        }
    }
}

/// Watches how many accounts other processes have yet to derive. A process that derives them makes them fewer with each
/// round; landing does not, which goes on though that process has ended.
#[derive(Debug, Default)]
struct Others {
    left: usize,
    since: Option<Instant>,
}

impl Others {
    /// Takes in how many accounts are left now. Returns whether there are any and nobody has derived one for long.
    fn have_stopped(&mut self, left: usize, now: Instant) -> bool {
        if left != self.left {
            *self = Others {
                left,
                since: Some(now),
            };
        }
        let waited = self.since.map(|since| now.duration_since(since));
        left > 0 && waited.is_some_and(|waited| waited > PATIENCE)
    }
}

/// Derives unless nothing is pending (another server may have been first). Returns the accounts that fail now.
async fn derive_pending(
    engine: &Engine,
    include: Include,
) -> Result<Vec<AccountFailure>, EngineError> {
    let lake = engine.lake();
    let marked = lake.marked_accounts();
    let pending = lag::has_unconsumed(&lake.current())
        || include.failed && marked.failed > 0
        || include.pending && marked.pending > 0;
    if !pending {
        return Ok(Vec::new());
    }
    let started = Instant::now();
    let report = engine.derive_including(include, &NoProgress).await?;
    health::record_derive(&report, started.elapsed());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns in which seconds the others count as stopped, with so many accounts left in each.
    fn stopped(left: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut others = Others::default();
        let start = Instant::now();
        let seconds = left.into_iter().enumerate().filter(|(second, left)| {
            let now = start + Duration::from_secs(*second as u64);
            others.have_stopped(*left, now)
        });
        seconds.map(|(second, _)| second).collect()
    }

    #[test]
    fn others_have_stopped_when_accounts_are_left_and_become_no_fewer() {
        assert!(stopped([0; 100]).is_empty());
        assert_eq!(stopped([3; 23]), [21, 22]);
        assert!(stopped((1..100).rev()).is_empty());
        assert!(stopped([3; 15].into_iter().chain([2; 15]).chain([0; 30])).is_empty());
        assert_eq!(stopped([3; 15].into_iter().chain([2; 22])), [36]);
    }
}
