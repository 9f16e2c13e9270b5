//! Statements of the command line: planned as those of a connection are, and run without a server.

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

/// Plans one query of the command line's user.
///
/// # Errors
/// If the text is not one query, or the query is wrong.
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

    /// Returns the columns of the result with the names that a client sees; two may have the same name. Columns whose values
    /// PostgreSQL writes in its own way are text, as `read` asks.
    pub fn schema(&self, row_schema: &Schema, read: Reading) -> SchemaRef {
        let fields = self.columns.iter().zip(row_schema.fields());
        let fields = fields.map(|(column, field)| {
            let data_type = if read.needs_text(column) {
                DataType::Utf8
            } else {
                field.data_type().clone()
            };
            Field::new(&column.name, data_type, true)
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Converts a batch to that schema.
    ///
    /// # Errors
    /// If a value cannot be written as text.
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

/// How a program will read the values of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As values of their types.
    Values,
    /// As text, except numbers.
    Numbers,
    /// As text.
    Text,
}

impl Reading {
    /// Returns whether PostgreSQL writes a column in its own way: quotients have its number of digits, and intervals,
    /// timestamps without a zone and floats have its format.
    fn needs_text(self, column: &Column) -> bool {
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
