//! Lands what comes by HTTP, on threads of its own, one group of requests after the other.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use rapport_engine::{Engine, NoProgress};
use tokio::sync::{Notify, oneshot};

use super::background::Background;
use super::health::{self, Health};
use super::retry::attempt;
use crate::landing::{NotLanded, Request, Requests};

/// Landing in the background.
#[derive(Debug)]
pub(super) struct Landing {
    threads: Background,
    ended: oneshot::Receiver<()>,
}

impl Landing {
    /// Starts landing. `refreshed` is notified after each landing: this process has the newest lake then.
    pub fn start(
        engine: Engine,
        requests: Requests,
        health: Arc<Health>,
        refreshed: Arc<Notify>,
    ) -> io::Result<Landing> {
        let threads = Background::start("land", engine.options().threads.max(1))?;
        let (end, ended) = oneshot::channel();
        threads.spawn(async move {
            run(engine, requests, health, refreshed).await;
            // Nobody waits where the server was cancelled.
            let _ = end.send(());
        });
        Ok(Landing { threads, ended })
    }

    /// Lands all that was accepted, when nothing more can come.
    pub async fn finish(self) {
        // It fails only where the task panicked, which ends it too.
        let _ = self.ended.await;
        drop(self.threads);
    }
}

async fn run(engine: Engine, mut requests: Requests, health: Arc<Health>, refreshed: Arc<Notify>) {
    while let Some(group) = requests.next_group().await {
        let started = Instant::now();
        let batches = group.iter().map(|request| vec![request.source.clone()]);
        let landed = attempt(engine.land_batches(batches.collect(), &NoProgress)).await;
        health::record_landing(&landed, started.elapsed());
        match landed {
            Ok(reports) => {
                for (Request { answer, .. }, report) in group.into_iter().zip(reports) {
                    // A sender that went away does not hear of it.
                    let _ = answer.send(Ok(report));
                }
                health.record_lake_read(&engine.lake().current());
                refreshed.notify_one();
            }
            Err(error) => {
                tracing::error!(%error, requests = group.len(), "events that came by HTTP could not be landed");
                for Request { answer, .. } in group {
                    let _ = answer.send(Err(NotLanded::Failed));
                }
            }
        }
    }
}
