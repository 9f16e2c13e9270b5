//! Derives conversations, orders, attributed orders and daily metrics from the landed events.
//!
//! The log alone says which partitions are dirty. Each commit of a derived table records the versions of the landed tables
//! that it has consumed. The commits after those versions name the files that have come since, and from their keys follow
//! the derived partitions to compute again. Each is a pure function of a bounded range of input and is replaced as a whole.
//! A refresh, a backfill, a change of settings and a derive from nothing are the same code with different dirty sets.
//!
//! An account's tables are derived one after the other, in an order in which each rests on those before it, so that rows are
//! kept in memory for the tables that need them (`carry.rs`). When all accounts are done, each table is committed once,
//! together with what it has consumed. After a crash between two commits, the later tables have an older record, and the next
//! run derives exactly what they lack.
//!
//! An account that cannot be derived does not block the others: its rows stay as they were, the same commit marks it as
//! behind, and it is derived as a whole once it can be.

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

use crate::lake::LakeError;
use crate::{Engine, EngineError, Progress};

use days::Days;
use run::{Request, Run};

/// How often a derive starts over when another one has committed first.
const ATTEMPTS: usize = 20;

impl Engine {
    /// Derives every dirty partition. Writes nothing if none is dirty.
    ///
    /// Accounts that fail while others do not are listed in [`DeriveReport::failed`].
    ///
    /// # Errors
    /// A lake that cannot be read or written, or a plan that fails for all accounts. Tables that were committed before the
    /// error stay so, and the next derive continues from there.
    pub async fn derive(&self, progress: &dyn Progress) -> Result<DeriveReport, EngineError> {
        let request = Request::Dirty { retry: true };
        self.run(&request, progress).await
    }

    /// As [`Engine::derive`], but skips accounts that failed before: deriving them takes long and may well fail again.
    ///
    /// # Errors
    /// As [`Engine::derive`].
    pub async fn derive_others(
        &self,
        progress: &dyn Progress,
    ) -> Result<DeriveReport, EngineError> {
        let request = Request::Dirty { retry: false };
        self.run(&request, progress).await
    }

    /// Derives the days from `from` to `to`, both included and in each account's zone, whether or not they are dirty, and all
    /// else that is dirty. `accounts` restricts the days to these accounts; empty: all.
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
        let days = Days::of(from.to_epoch_days() - 1..=to.to_epoch_days() + 1);
        let request = Request::Days {
            days,
            accounts: accounts.to_vec(),
        };
        self.run(&request, progress).await
    }

    async fn run(
        &self,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<DeriveReport, EngineError> {
        let mut attempt = 1;
        loop {
            let outcome = match Run::prepare(self, request).await {
                Ok(run) => run.derive(progress).await,
                Err(error) => Err(error),
            };
            match outcome {
                Err(EngineError::Lake(LakeError::Conflict { .. })) if attempt < ATTEMPTS => {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}
