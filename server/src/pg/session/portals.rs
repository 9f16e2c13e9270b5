//! Prepared statements and portals: what a connection keeps of them, and about how much that is.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use pgwire::api::Type;

use super::plans::KeptPlan;
use crate::pg::activity::Doing;
use crate::pg::execution::row_stream::{RowStream, Work};
use rapport_pgsql::encode::{Column, Formats};
use rapport_pgsql::error::PgError;
use rapport_pgsql::parse::Statement;
use rapport_pgsql::plan::Described;

/// About what a portal takes that is planned and not begun: a session's state and a plan.
const PLANNED: usize = 64 * 1024;

/// About what one takes that stands still: open files, and rows that are read or encoded and not taken yet.
const RUNNING: usize = 256 * 1024;

/// A statement that is kept.
#[derive(Debug)]
pub struct Prepared {
    /// The beginning of the text that it came with.
    pub text: Arc<str>,
    /// What it does.
    pub statement: Statement,
    /// The types that its parameters were declared to have.
    pub declared: Vec<Option<Type>>,
    /// The columns and parameters that the client was told, where it is or holds a query.
    pub described: Option<Described>,
    /// The plan of that query.
    pub plan: KeptPlan,
}

/// How far a portal has come.
#[derive(Debug)]
pub enum Progress {
    /// Not begun.
    New,
    /// Planned, to be begun when its first rows are wanted.
    Planned(Box<Work>),
    /// Rows have been sent, and there may be more.
    Running(RowStream),
    /// At its end.
    Done,
    /// It ended before that: an error, a cancel.
    Failed,
}

impl Progress {
    /// What there is to run, to be put back when it has run well; without that it has failed.
    ///
    /// # Errors
    /// If it has failed before.
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
    /// How far it has come.
    pub progress: Progress,
    /// It was made by DECLARE, so its rows are encoded when they are fetched.
    pub cursor: bool,
    /// It outlives its transaction.
    pub hold: bool,
    /// The transaction that made it has ended well.
    pub committed: bool,
    /// What is told of its execution, while it waits for the client to ask for more rows.
    pub doing: Option<Doing>,
    /// Portals are numbered as they come, by [`crate::pg::session::Session::keep_portal`].
    pub number: u64,
}

impl Prepared {
    /// About how many bytes it takes.
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
    /// About how many bytes it takes, beside what the operators of its query reserve.
    pub fn size(&self) -> usize {
        let progress = match self.progress {
            Progress::Planned(_) => PLANNED,
            Progress::Running(_) => RUNNING,
            _ => 0,
        };
        let values: usize = self.values.iter().map(ScalarValue::size).sum();
        let formats = self.formats.0.len() * size_of::<i16>();
        size_of::<Portal>() + progress + values + formats + self.prepared.size()
    }

    /// The columns of a query's portal.
    pub fn columns(&self) -> Option<Arc<[Column]>> {
        self.prepared
            .described
            .as_ref()
            .map(|described| Arc::clone(&described.columns))
    }
}
