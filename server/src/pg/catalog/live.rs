//! Tables whose rows are computed each time they are read, from the server's state at that moment.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;

/// Returns a table whose rows are the result of `read`, which is called at each scan.
pub(super) fn live<F>(schema: SchemaRef, read: F) -> Result<Arc<dyn TableProvider>>
where
    F: Fn(&SchemaRef) -> Result<RecordBatch> + Send + Sync + 'static,
{
    let stream = Live {
        schema: Arc::clone(&schema),
        read,
    };
    Ok(Arc::new(StreamingTable::try_new(
        schema,
        vec![Arc::new(stream)],
    )?))
}

struct Live<F> {
    schema: SchemaRef,
    read: F,
}

impl<F> fmt::Debug for Live<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl<F> PartitionStream for Live<F>
where
    F: Fn(&SchemaRef) -> Result<RecordBatch> + Send + Sync + 'static,
{
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = (self.read)(&self.schema);
        let stream = futures::stream::once(async move { rows });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        ))
    }
}
