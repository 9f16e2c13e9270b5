//! Deriving: making the derived tables what the landed events say.
//!
//! Nothing marks partitions dirty but the log itself. A derived table's last commit records the versions of the raw tables
//! that it has consumed; the commits after those versions name the files that came since, and from these follows, exactly
//! enough, which derived partitions must be made again. Each is then a pure function of a bounded range of input, and is
//! replaced whole. A refresh, a backfill, a change of settings and a derive from nothing are this one path with different
//! dirty sets.
//!
//! The tables are derived in an order in which each rests on those before it, and each is committed once a run, together
//! with what it has consumed. So a crash between two commits leaves the later tables with an older record, and the next
//! run makes up for exactly what they lack.
//!
//! An account that cannot be derived keeps no other from being: it stays as it was, is marked as behind in that same
//! commit, and is derived as a whole once it can be.

mod account;
mod attribution;
mod daily;
pub(crate) mod days;
mod entities;
mod entity;
mod orphans;
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

/// How often a derive starts over because another one committed first.
const ATTEMPTS: usize = 20;

impl Engine {
    /// Makes every dirty partition clean. Where nothing is dirty, nothing is written.
    ///
    /// An account that fails while others do not is told of in [`DeriveReport::failed`].
    ///
    /// # Errors
    /// A lake that cannot be read or written, or a plan that fails for all. What has been committed by then stays, and the
    /// next derive goes on from there.
    pub async fn derive(&self, progress: &dyn Progress) -> Result<DeriveReport, EngineError> {
        let request = Request::Dirty { retry: true };
        self.run(&request, progress).await
    }

    /// As [`Engine::derive`], but leaves those accounts alone that failed before: to derive them takes long and may well
    /// fail again.
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

    /// Derives some days again (both included, in each account's zone), whatever the marks say, and all that is dirty.
    /// `accounts`: of these alone; none given: of all.
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
