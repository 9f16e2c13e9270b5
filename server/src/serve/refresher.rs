//! Refreshes the lake regularly, so that the server sees what other processes commit.
//!
//! The lake is polled because another process may be the one that lands. A refresh costs one request per table.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use rapport_engine::Engine;
use tokio::sync::Notify;

use super::background::Background;
use super::health::Health;
use super::retry::{Backoff, attempt};

/// How long after a refresh the next one begins.
const PAUSE: Duration = Duration::from_secs(1);
/// As [`PAUSE`], for a lake on a local disk: to look there is a few system calls, and what lands should be derived at once. It is
/// longer than most landings take from their first commit to their last, after which one derive is enough.
const LOCAL_PAUSE: Duration = Duration::from_millis(250);
/// How long to wait at most after failures, which may be the object store's. It is short, because once the store is back
/// the served data is old until the next refresh.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often the metrics recorder merges its samples, so that they do not pile up while nobody scrapes them.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Starts refreshing; notifies `refreshed` after each refresh that succeeded. It has a thread of its own, because a derive
/// may keep all of its threads busy for minutes.
pub(super) fn start(
    engine: Engine,
    health: Arc<Health>,
    refreshed: Arc<Notify>,
    metrics: PrometheusHandle,
) -> io::Result<Background> {
    let threads = Background::start("refresh", 1)?;
    threads.spawn(refresh(engine, health, refreshed));
    threads.spawn(run_upkeep(metrics));
    Ok(threads)
}

async fn refresh(engine: Engine, health: Arc<Health>, refreshed: Arc<Notify>) {
    let mut backoff = Backoff::new(PAUSE, LONGEST_PAUSE);
    let between = match engine.lake().folder() {
        Some(_) => LOCAL_PAUSE,
        None => PAUSE,
    };
    loop {
        let pause = match attempt(engine.lake().refresh()).await {
            Ok(lake) => {
                backoff.reset();
                health.record_lake_read(&lake);
                refreshed.notify_one();
                between
            }
            Err(error) => {
                health.record_lake_failure();
                tracing::error!(%error, "the lake cannot be read; it will be tried again");
                backoff.next_pause()
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn run_upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP_INTERVAL).await;
        let upkeep = attempt(async {
            metrics.run_upkeep();
            Ok::<(), Infallible>(())
        });
        if let Err(error) = upkeep.await {
            tracing::error!(%error, "what was counted cannot be put together");
        }
    }
}
