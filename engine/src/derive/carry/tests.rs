//! Rows are kept as a whole, or not at all.

#![allow(clippy::unwrap_used)]

use arrow::array::{StringViewArray, new_null_array};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::SessionConfig;

use super::*;

const ROWS: usize = 1000;

/// Orders of which each third has no start.
fn orders() -> Arc<dyn TableProvider> {
    let schema = TableId::Orders.schema();
    let text = |row: usize| format!("an order with a long id, {row}");
    let columns = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8View => Arc::new(
            (0..ROWS)
                .map(|row| Some(text(row)))
                .collect::<StringViewArray>(),
        ) as ArrayRef,
        DataType::Timestamp(..) => {
            let instants = (0..ROWS).map(|row| (row % 3 > 0).then_some(row as i64));
            let instants = arrow::array::Int64Array::from_iter(instants);
            cast(&instants, field.data_type()).unwrap()
        }
        other => new_null_array(other, ROWS),
    });
    let columns = columns.collect();
    let fields = schema
        .fields()
        .iter()
        .map(|f| f.as_ref().clone().with_nullable(true));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let batches = vec![vec![rows.slice(0, 400), rows.slice(400, 600)]];
    Arc::new(MemTable::try_new(schema, batches).unwrap())
}

/// Reads orders while they are kept in so many bytes; returns the numbers of rows that passed by and that were kept.
async fn keep(bytes: usize) -> (usize, Option<usize>) {
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(bytes)))
        .build_arc()
        .unwrap();
    let context = SessionContext::new_with_config_rt(SessionConfig::new(), runtime);
    let mut carried = Carried::default();
    let columns = &["order_id", "ordered_at"];
    let part = Part { columns, ..ORDERS };
    let copied = carried.copying(part, orders(), &context).unwrap();
    let rows = context.read_table(copied).unwrap();
    let passed = rows.collect().await.unwrap();
    let passed = passed.iter().map(RecordBatch::num_rows).sum();
    let Some(kept) = carried.rows(TableId::Orders).unwrap() else {
        return (passed, None);
    };
    assert_eq!(kept.schema().fields().len(), columns.len());
    let kept = context.read_table(kept).unwrap().collect().await.unwrap();
    for batch in &kept {
        assert_eq!(batch.column(1).null_count(), 0, "an order without a start");
    }
    (passed, Some(kept.iter().map(RecordBatch::num_rows).sum()))
}

#[tokio::test]
async fn rows_that_fulfil_the_condition_are_kept() {
    assert_eq!(keep(1 << 20).await, (ROWS, Some(666)));
}

#[tokio::test]
async fn what_does_not_fit_into_the_memory_is_not_kept_and_passes_by_all_the_same() {
    // The first batch fits, the second does not.
    assert_eq!(keep(25_000).await, (ROWS, None));
}
