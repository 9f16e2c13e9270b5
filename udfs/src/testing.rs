//! Test helpers: run SQL with the functions of this crate, and read the results as text.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};

/// Returns a session with every function of this crate.
pub(crate) fn context(partitions: usize) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(partitions);
    let context = SessionContext::new_with_config(config);
    crate::register(&context);
    context
}

/// Runs a query in a new session.
pub(crate) async fn sql(query: &str, partitions: usize) -> Vec<RecordBatch> {
    collect(&context(partitions), query).await
}

/// Runs a query in a session.
pub(crate) async fn collect(context: &SessionContext, query: &str) -> Vec<RecordBatch> {
    context.sql(query).await.unwrap().collect().await.unwrap()
}

/// Returns the error of a query that fails, in planning or in execution.
pub(crate) async fn sql_error(query: &str) -> String {
    let planned = match context(1).sql(query).await {
        Err(error) => return error.to_string(),
        Ok(planned) => planned,
    };
    planned.collect().await.unwrap_err().to_string()
}

/// Formats each row as its columns joined by `|`, with nulls as empty text.
pub(crate) fn text_of(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default();
    let mut rows = vec![];
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells: Vec<_> = columns.iter().map(|c| c.value(row).to_string()).collect();
            rows.push(cells.join("|"));
        }
    }
    rows
}
