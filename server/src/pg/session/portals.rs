//! Prepared statements and portals of a connection, with estimates of their memory.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::plans::KeptPlan;
use crate::pg::activity::Doing;
use crate::pg::execution::row_stream::{QueryTask, RowStream};
use rapport_pgsql::encode::{Column, Formats};
use rapport_pgsql::error::PgError;
use rapport_pgsql::parse::Statement;
use rapport_pgsql::plan::Described;

/// The estimated bytes of a portal that is planned and not started: a session state and a plan.
const PLANNED_BYTES: usize = 64 * 1024;

/// The estimated bytes of one that is paused: open files, and rows that are read or encoded but not fetched.
const RUNNING_BYTES: usize = 256 * 1024;

/// A parsed statement that is kept to be executed.
#[derive(Debug)]
pub struct Prepared {
    /// The start of its text, as `system.queries` shows it.
    pub text: Arc<str>,
    /// The parsed statement.
    pub statement: Statement,
    /// The declared types of its parameters.
    pub declared: Vec<Option<Type>>,
    /// The columns and parameters that the client was told, if it is or holds a query.
    pub described: Option<Described>,
    /// The plan of that query.
    pub plan: KeptPlan,
}

/// How far a portal has been executed.
#[derive(Debug)]
pub enum Progress {
    /// Not started.
    New,
    /// Planned, and started at the first fetch.
    Planned(Box<QueryTask>),
    /// Some rows have been fetched, and there may be more.
    Running(RowStream),
    /// All rows have been fetched.
    Done,
    /// It ended early, with an error or a cancel.
    Failed,
}

impl Progress {
    /// Takes the progress to run on with, and leaves `Failed` until the caller puts the new progress back.
    ///
    /// # Errors
    /// 55000 if the portal has failed before.
    pub fn take(&mut self, name: &str) -> Result<Progress, PgError> {
        match std::mem::replace(self, Progress::Failed) {
            Progress::Failed => Err(PgError::new(
                "55000",
                format!("portal \"{name}\" cannot be run"),
            )),
            progress => Ok(progress),
        }
    }
}

/// A statement with its parameters, ready to run or running.
#[derive(Debug)]
pub struct Portal {
    /// The statement.
    pub prepared: Arc<Prepared>,
    /// The values of its parameters.
    pub values: Arc<[ScalarValue]>,
    /// The formats of its columns.
    pub formats: Formats,
    /// How far it has been executed.
    pub progress: Progress,
    /// Whether DECLARE made it, so that its rows are encoded when they are fetched.
    pub cursor: bool,
    /// Whether it outlives its transaction (`WITH HOLD`).
    pub hold: bool,
    /// Whether the transaction that made it has committed.
    pub committed: bool,
    /// The activity of its execution, while it waits for the next Execute.
    pub doing: Option<Doing>,
    /// Its number among the portals of the connection, set by [`super::Session::keep_portal`].
    pub number: u64,
}

impl Prepared {
    /// Estimates the bytes that it takes.
    pub fn size(&self) -> usize {
        let types = self.declared.len() * size_of::<Option<Type>>();
        let sizes = [
            self.text.len(),
            types,
            self.statement.size(),
            self.plan.size(),
        ];
        let sizes = sizes.into_iter();
        sizes.fold(size_of::<Prepared>(), usize::saturating_add)
    }
}

impl Portal {
    /// Estimates the bytes that it takes, without those that the operators of its query reserve.
    pub fn size(&self) -> usize {
        let progress = match self.progress {
            Progress::Planned(_) => PLANNED_BYTES,
            Progress::Running(_) => RUNNING_BYTES,
            _ => 0,
        };
        let values: usize = self.values.iter().map(ScalarValue::size).sum();
        let formats = self.formats.0.len() * size_of::<i16>();
        size_of::<Portal>() + progress + values + formats + self.prepared.size()
    }

    /// Returns the columns of its query; `None` for other statements.
    pub fn columns(&self) -> Option<Arc<[Column]>> {
        self.prepared
            .described
            .as_ref()
            .map(|described| Arc::clone(&described.columns))
    }
}
