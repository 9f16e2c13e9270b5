//! `pg_settings`: the session's settings as they are when they are asked for.

use std::sync::{Arc, PoisonError};

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;

use super::super::session::SharedSettings;
use super::table::{V, batch, fields, row};

const COLUMNS: &str = "name setting unit category short_desc extra_desc context vartype source min_val max_val \
    enumvals:texts boot_val reset_val sourcefile sourceline:int4 pending_restart:bool";

/// The table.
pub(super) fn provider(settings: &SharedSettings) -> Result<Arc<dyn TableProvider>> {
    let schema = Arc::new(Schema::new(fields(COLUMNS)));
    let stream = SettingsStream {
        schema: Arc::clone(&schema),
        settings: Arc::clone(settings),
    };
    Ok(Arc::new(StreamingTable::try_new(
        schema,
        vec![Arc::new(stream)],
    )?))
}

#[derive(Debug)]
struct SettingsStream {
    schema: SchemaRef,
    settings: SharedSettings,
}

impl PartitionStream for SettingsStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let settings = self
            .settings
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all();
        let rows: Vec<Vec<V>> = settings
            .into_iter()
            .map(|(name, value, about)| {
                row![
                    name,
                    value.as_str(),
                    V::Null,
                    "Rapport",
                    about,
                    V::Null,
                    "user",
                    "string",
                    "session",
                    V::Null,
                    V::Null,
                    V::Null,
                    value.as_str(),
                    value.as_str(),
                    V::Null,
                    V::Null,
                    false
                ]
            })
            .collect();
        let batch = batch(&self.schema, &rows);
        let stream = futures::stream::once(async move { batch });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        ))
    }
}
