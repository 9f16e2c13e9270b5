//! Deriving in the background: whenever the lake has landed events or settings that the derived tables do not rest on.
//!
//! The lake is asked, not told: another process may be the one that lands. Looking costs one request a table.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use rapport_engine::lake::{LakeSnapshot, TableId};
use rapport_engine::{Engine, NoProgress};
use tokio::runtime::{Builder, Runtime};

use super::health::{self, Health};

/// How long after a look, or a derive, the next look is.
const PAUSE: Duration = Duration::from_secs(1);
/// How long after a failure, which may well be the store's.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// What deriving reads.
const INPUTS: [TableId; 4] = [
    TableId::ConversationEvents,
    TableId::OrderEvents,
    TableId::TouchEvents,
    TableId::Accounts,
];

/// Starts deriving, on threads of its own that end with the runtime.
pub(super) fn start(
    engine: Engine,
    health: Arc<Health>,
    figures: PrometheusHandle,
) -> std::io::Result<Runtime> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(engine.options().threads.max(1))
        .thread_name("derive")
        .thread_stack_size(16 * 1024 * 1024)
        .enable_all()
        .build()?;
    runtime.spawn(run(engine, health, figures));
    Ok(runtime)
}

async fn run(engine: Engine, health: Arc<Health>, figures: PrometheusHandle) {
    loop {
        let pause = match look(&engine, &health).await {
            Ok(()) => PAUSE,
            Err(error) => {
                health::derive_failed();
                tracing::error!(%error, "deriving failed; it will be tried again");
                PAUSE_AFTER_FAILURE
            }
        };
        // What was counted is put together, so that it does not pile up while nobody asks for it.
        figures.run_upkeep();
        tokio::time::sleep(pause).await;
    }
}

async fn look(engine: &Engine, health: &Health) -> Result<(), rapport_engine::EngineError> {
    let lake = engine.lake().refresh().await;
    health.looked(lake.is_ok());
    let lake = lake?;
    if !is_behind(&lake) {
        return Ok(());
    }
    let started = std::time::Instant::now();
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

/// Whether some derived table has not consumed the newest version of an input.
fn is_behind(lake: &LakeSnapshot) -> bool {
    TableId::DERIVED.iter().any(|derived| {
        INPUTS.iter().any(|input| {
            let consumed = lake.get(*derived).transaction(input.name()).unwrap_or(0);
            lake.get(*input).version() > consumed
        })
    })
}
