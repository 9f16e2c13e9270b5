//! Derives conversations, orders, attributed orders and daily metrics from the landed events.
//!
//! The log alone says which partitions are dirty. Each commit of a derived table records the versions of the landed tables
//! that it has consumed. The commits after those versions name the files that have come since, and from their keys follow
//! the derived partitions to compute again. Each is a pure function of a bounded range of input and is replaced as a whole.
//! A refresh, a backfill, a change of settings and a derive from nothing are the same code with different dirty sets.
//!
//! An account's tables are derived one after the other, in an order in which each rests on those before it, so that rows are
//! kept in memory for the tables that need them (`carry.rs`). Accounts that are done are committed in rounds: one commit of
//! each table, with what it has consumed and marks of the accounts that are still to do (`run/round.rs`). A derive that ends
//! early loses the round that it was in, and the next one goes on with the marked accounts. After a crash between two commits
//! of a round, the later tables have an older record, and the next run derives exactly what they lack.
//!
//! An account that cannot be derived does not block the others: its rows stay as they were, the same round marks it, and it
//! is derived as a whole once it can be.

mod account;
mod attribution;
mod carry;
mod daily;
pub(crate) mod days;
mod entities;
mod entity;
mod keys;
mod orphans;
mod plans;
mod report;
mod rules;
mod run;
mod write;

pub use report::{AccountFailure, DeriveReport, TableReport};

use chrono::NaiveDate;

use crate::lake::{LakeError, TableId};
use crate::{Engine, EngineError, Progress};

use run::{Outcome, Request, Run};

/// How often a derive starts over when another one has committed first.
const ATTEMPTS: usize = 20;

/// The accounts that a derive takes beside those with new events or settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Include {
    /// Those that could not be derived before. Deriving them takes long and may well fail again.
    pub failed: bool,
    /// Those whose turn has not come in another derive, which may still run.
    pub pending: bool,
}

impl Include {
    /// Both.
    pub const ALL: Include = Include {
        failed: true,
        pending: true,
    };
}

impl Engine {
    /// Derives every dirty partition. Writes nothing if none is dirty.
    ///
    /// Accounts that fail while others do not are listed in [`DeriveReport::failed`]. Accounts are committed in rounds, and
    /// a later derive goes on after the last round of one that has ended early.
    ///
    /// # Errors
    /// A lake that cannot be read or written, or a plan that fails for all accounts.
    pub async fn derive(&self, progress: &dyn Progress) -> Result<DeriveReport, EngineError> {
        self.derive_including(Include::ALL, progress).await
    }

    /// As [`Engine::derive`], with all or some of the accounts that another derive has left.
    ///
    /// # Errors
    /// As [`Engine::derive`].
    pub async fn derive_including(
        &self,
        include: Include,
        progress: &dyn Progress,
    ) -> Result<DeriveReport, EngineError> {
        let request = Request {
            failed: include.failed,
            pending: include.pending,
            ..Request::default()
        };
        self.run(request, progress).await
    }

    /// Derives the days from `from` to `to`, both included and in each account's zone, whether or not they are dirty, and all
    /// else that is dirty. `accounts` restricts the days to these accounts; empty: all.
    ///
    /// A backfill that has ended early goes on where it was when the same days and accounts are asked for.
    ///
    /// # Errors
    /// As [`Engine::derive`]; an account that does not exist; `from` after `to`.
    pub async fn backfill(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        accounts: &[String],
        progress: &dyn Progress,
    ) -> Result<DeriveReport, EngineError> {
        if from > to {
            return Err(EngineError::Request(format!(
                "backfill: the first day {from} is after the last day {to}"
            )));
        }
        // A local day begins and ends within a day of the UTC day of the same date.
        let days = from.to_epoch_days() - 1..=to.to_epoch_days() + 1;
        let request = Request {
            failed: true,
            pending: true,
            backfill: Some((days, accounts.to_vec())),
            ..Request::default()
        };
        self.run(request, progress).await
    }

    async fn run(
        &self,
        mut request: Request,
        progress: &dyn Progress,
    ) -> Result<DeriveReport, EngineError> {
        let mut report = DeriveReport::default();
        for _ in 0..ATTEMPTS {
            let outcome = match Run::prepare(self, &request).await {
                Ok(run) => run.derive(progress).await,
                Err(error) => Err(error),
            };
            match outcome {
                Err(EngineError::Lake(LakeError::Conflict { .. })) => {}
                Err(error) => return Err(error),
                Ok(Outcome {
                    report: part,
                    dropped,
                }) => {
                    report.add(part);
                    if dropped.is_empty() {
                        return Ok(report);
                    }
                    request = Request {
                        pending: request.pending,
                        accounts: dropped,
                        ..Request::default()
                    };
                }
            }
        }
        Err(EngineError::Lake(LakeError::Contended {
            table: TableId::Conversations.name(),
            attempts: ATTEMPTS,
        }))
    }
}
