//! A statement of the command line: planned as one of a connection would be, and run without a server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use rapport_pgsql::dialect::plan_query;
use rapport_pgsql::encode::{Column, IntervalStyle, Style, texts_of};
use rapport_pgsql::error::PgError;
use rapport_pgsql::settings::Settings;
use rapport_pgsql::types::digits::Digits;
use rapport_pgsql::types::zone::Zone;

use crate::pg::activity::Activity;
use crate::pg::catalog::{self, Catalogs, Identity, SERVER_VERSION};
use crate::pg::execution::tasks::physical_plan;
use crate::pg::session::backend::BackendSession;
use crate::users::UserInfo;

/// A planned statement.
pub struct LocalPlan {
    state: SessionState,
    plan: LogicalPlan,
    columns: Arc<[Column]>,
}

/// Plans one query of a user who is at the machine itself.
///
/// # Errors
/// If it is none, or a wrong one.
pub async fn plan_local(
    session: &dyn BackendSession,
    user: UserInfo,
    text: &str,
) -> Result<LocalPlan, PgError> {
    let settings = Settings::new(&user.name, SERVER_VERSION, Zone::UTC, Duration::ZERO);
    let identity = Identity {
        user,
        pid: i32::try_from(std::process::id()).unwrap_or_default(),
        address: None,
    };
    catalog::install(
        session.context(),
        &identity,
        &Catalogs::default(),
        || session.table_functions(),
        &Arc::new(Mutex::new(settings)),
        &Arc::new(Activity::new(None)),
    )
    .await?;
    let state = session.statement_state().await?;
    let planned = plan_query(&state, text, &[]).await?;
    let plan = planned.optimize(&state, &[])?;
    Ok(LocalPlan {
        state,
        plan,
        columns: planned.described.columns,
    })
}

impl LocalPlan {
    /// Starts the statement.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn execute(&self) -> Result<SendableRecordBatchStream, PgError> {
        let physical = physical_plan(&self.state, &self.plan).await?;
        Ok(execute_stream(physical, self.state.task_ctx())?)
    }

    /// The columns of the result, by the names that a client would see: two may have the same. Where they are to be read
    /// as text, values that have another text in PostgreSQL than elsewhere are texts.
    pub fn schema(&self, of_rows: &Schema, read: Reading) -> SchemaRef {
        let fields = self.columns.iter().zip(of_rows.fields());
        let fields = fields.map(|(column, field)| {
            let of = if read.is_written(column) {
                DataType::Utf8
            } else {
                field.data_type().clone()
            };
            Field::new(&column.name, of, true)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Rows in that schema.
    ///
    /// # Errors
    /// If a value has no text.
    pub fn rows(&self, schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch, PgError> {
        let style = Style {
            zone: Zone::UTC,
            extra_float_digits: 1,
            intervals: IntervalStyle::default(),
        };
        let columns = self
            .columns
            .iter()
            .zip(batch.columns())
            .zip(schema.fields());
        let columns = columns.map(|((column, values), field)| {
            if values.data_type() == field.data_type() {
                return Ok(Arc::clone(values));
            }
            let texts = texts_of(values, column.digits, &style)?;
            Ok(Arc::new(texts) as ArrayRef)
        });
        let columns = columns.collect::<Result<Vec<_>, PgError>>()?;
        RecordBatch::try_new(Arc::clone(schema), columns).map_err(PgError::internal)
    }
}

/// How the values of a result are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As values of their types.
    Values,
    /// As text, but numbers as numbers.
    Numbers,
    /// As text.
    Text,
}

impl Reading {
    /// Whether a column's text is not the one that its type has elsewhere: quotients have the digits that PostgreSQL gives
    /// them, and lengths of time, times without a zone and floats are written as it writes them.
    fn is_written(self, column: &Column) -> bool {
        let is_time = matches!(
            column.arrow,
            DataType::Interval(_) | DataType::Timestamp(_, None)
        );
        match self {
            Reading::Values => false,
            Reading::Numbers => column.digits != Digits::Scale || is_time,
            Reading::Text => {
                column.digits != Digits::Scale || is_time || column.arrow.is_floating()
            }
        }
    }
}
