//! Keeping up with the lake: what other processes commit is taken in, whatever else goes on.
//!
//! The lake is asked, not told: another process may be the one that lands. Looking costs one request a table.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use rapport_engine::Engine;
use tokio::sync::Notify;

use super::background::Background;
use super::health::Health;
use super::retry::{BackOff, attempt};

/// How long after a look the next one is.
const PAUSE: Duration = Duration::from_secs(1);
/// How long at most after failures, which may well be the store's. It is not for long: once the store is there again,
/// what is served is old until the next look.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often what was counted is put together, so that it does not pile up while nobody asks for it.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts to look; each look that saw the lake is told by `looked`. It has a thread of its own, since a derive may keep
/// all of its own busy for minutes.
pub(super) fn start(
    engine: Engine,
    health: Arc<Health>,
    looked: Arc<Notify>,
    figures: PrometheusHandle,
) -> io::Result<Background> {
    let threads = Background::start("refresh", 1)?;
    threads.spawn(refresh(engine, health, looked));
    threads.spawn(keep_figures(figures));
    Ok(threads)
}

async fn refresh(engine: Engine, health: Arc<Health>, looked: Arc<Notify>) {
    let mut back_off = BackOff::new(PAUSE, LONGEST_PAUSE);
    loop {
        let pause = match attempt(engine.lake().refresh()).await {
            Ok(lake) => {
                back_off.worked();
                health.lake_read(&lake);
                looked.notify_one();
                PAUSE
            }
            Err(error) => {
                health.lake_not_read();
                tracing::error!(%error, "the lake cannot be read; it will be tried again");
                back_off.failed()
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn keep_figures(figures: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        let upkeep = attempt(async {
            figures.run_upkeep();
            Ok::<(), Infallible>(())
        });
        if let Err(error) = upkeep.await {
            tracing::error!(%error, "what was counted cannot be put together");
        }
    }
}
