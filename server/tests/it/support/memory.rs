//! A backend with tables in memory, on which the Postgres endpoint is tested without an engine.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float64Array,
    Int64Array, ListArray, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{Field, Int8Type, Schema};
use datafusion::catalog::MemTable;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::prelude::{SessionConfig, SessionContext};
use rapport::pg::{Backend, BackendSession};

/// Gives every user the same tables; users of the account `bolt` see instants in New York's time zone.
pub struct MemoryBackend;

struct MemorySession {
    context: SessionContext,
    account: Option<String>,
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn open(&self, _user: &str, account: Option<&str>) -> Result<Arc<dyn BackendSession>> {
        let config = SessionConfig::new()
            .with_default_catalog_and_schema("rapport", "public")
            .with_information_schema(true)
            .with_target_partitions(2);
        let context = SessionContext::new_with_config(config);
        context.register_table("orders", Arc::new(orders()))?;
        context.register_table("accounts", Arc::new(accounts(account)))?;
        Ok(Arc::new(MemorySession {
            context,
            account: account.map(str::to_owned),
        }))
    }
}

#[async_trait]
impl BackendSession for MemorySession {
    fn context(&self) -> &SessionContext {
        &self.context
    }

    async fn statement_state(&self) -> Result<SessionState> {
        Ok(self.context.state())
    }

    fn time_zone(&self) -> Option<String> {
        (self.account.as_deref() == Some("bolt")).then(|| "America/New_York".to_owned())
    }
}

/// Makes a table with a column of each type that Rapport's relations have.
fn orders() -> MemTable {
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "order_id",
            Arc::new(StringViewArray::from(vec!["o1", "o2", "o3"])),
        ),
        (
            "channel",
            Arc::new(DictionaryArray::<Int8Type>::from_iter([
                Some("sms"),
                Some("email"),
                None,
            ])),
        ),
        (
            "tags",
            Arc::new(ListArray::from_iter_primitive::<
                datafusion::arrow::datatypes::Int64Type,
                _,
                _,
            >(vec![
                Some(vec![Some(1), None]),
                Some(vec![]),
                None,
            ])),
        ),
        ("names", Arc::new(names())),
        (
            "value",
            Arc::new(
                Decimal128Array::from(vec![Some(123_400), Some(-50_000), None])
                    .with_precision_and_scale(18, 4)
                    .unwrap(),
            ),
        ),
        (
            "ordered_at",
            Arc::new(
                TimestampMicrosecondArray::from(vec![
                    Some(1_767_225_600_000_000),
                    Some(1_782_864_000_500_000),
                    None,
                ])
                .with_timezone("UTC"),
            ),
        ),
        (
            "ordered_on",
            Arc::new(Date32Array::from(vec![Some(20_454), Some(20_635), None])),
        ),
        (
            "cancelled",
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
        (
            "messages",
            Arc::new(Int64Array::from(vec![Some(7), Some(-1), None])),
        ),
        (
            "credit",
            Arc::new(Float64Array::from(vec![Some(0.5), Some(1.0), None])),
        ),
    ];
    table(columns)
}

fn names() -> ListArray {
    let mut builder =
        datafusion::arrow::array::ListBuilder::new(datafusion::arrow::array::StringBuilder::new());
    builder.append_value([Some("a"), Some("b c"), Some("q\"\\")]);
    builder.append_value([Some("NULL"), None]);
    builder.append_null();
    builder.finish()
}

fn accounts(account: Option<&str>) -> MemTable {
    let ids = match account {
        Some(account) => vec![account.to_owned()],
        None => vec!["acme".to_owned(), "bolt".to_owned()],
    };
    let ids: StringViewArray = ids.into_iter().map(Some).collect();
    table(vec![("account_id", Arc::new(ids))])
}

fn table(columns: Vec<(&str, ArrayRef)>) -> MemTable {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    MemTable::try_new(schema, vec![vec![batch]]).unwrap()
}
