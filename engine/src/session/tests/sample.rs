//! Stored relations of two shops in memory, with rows as deriving would store them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::{cast, concat_batches, filter_record_batch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::prelude::{SessionConfig, SessionContext};
use rapport_zones::Tz;

use crate::lake::TableId;
use crate::session::{Identity, Scope, Session, Sessions, SessionsOptions, Sources, Stored};

/// Provides stored relations from memory.
#[derive(Debug, Default)]
pub struct MemSources {
    rows: HashMap<Stored, RecordBatch>,
    zones: HashMap<String, Tz>,
}

impl MemSources {
    /// Adds the rows of a query. A column that the query lacks is null, or an empty value where null is not allowed.
    pub async fn add(&mut self, stored: Stored, sql: &str) {
        let frame = SessionContext::new().sql(sql).await.unwrap();
        let given = frame.collect().await.unwrap();
        let given = concat_batches(&given[0].schema(), &given).unwrap();
        let schema = stored.schema();
        let columns =
            schema
                .fields()
                .iter()
                .map(|field| match given.column_by_name(field.name()) {
                    Some(column) => cast(column, field.data_type()).unwrap(),
                    None => empty_column(field.data_type(), field.is_nullable(), given.num_rows()),
                });
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
        let batch = match self.rows.get(&stored) {
            Some(before) => concat_batches(&schema, [before, &batch]).unwrap(),
            None => batch,
        };
        self.rows.insert(stored, batch);
    }

    /// Adds an account with the default settings in a zone.
    pub async fn account(&mut self, account: &str, zone: Tz) {
        self.zones.insert(account.to_owned(), zone);
        let sql = format!(
            "SELECT '{account}' AS account_id, '{zone}' AS timezone, 'USD' AS currency, 'last_touch' AS attribution_model, \
             true AS exclude_bot_clicks, '5 days' AS email_clicked, 'off' AS sms_opened"
        );
        self.add(Stored::Accounts, &sql).await;
        self.add(Stored::AppliedAccounts, &sql).await;
        let progress = format!("SELECT '{account}' AS account_id, 5 AS window_days");
        self.add(Stored::Progress, &progress).await;
    }
}

/// Returns a column of nulls, or of empty values.
fn empty_column(data_type: &DataType, nullable: bool, rows: usize) -> ArrayRef {
    let value = match data_type {
        other if nullable => ScalarValue::try_from(other),
        DataType::List(field) => Ok(ScalarValue::List(ScalarValue::new_list_nullable(
            &[],
            field.data_type(),
        ))),
        other => ScalarValue::new_default(other),
    };
    value.unwrap().to_array_of_size(rows).unwrap()
}

#[async_trait]
impl Sources for MemSources {
    fn provider(&self, stored: Stored, scope: &Scope) -> Arc<dyn TableProvider> {
        let schema = stored.schema();
        let rows = self.rows.get(&stored).cloned();
        let mut rows = rows.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&schema)));
        if let Some(account) = scope.account() {
            let accounts = cast(rows.column_by_name("account_id").unwrap(), &DataType::Utf8);
            let accounts = accounts.unwrap();
            let accounts = arrow::array::AsArray::as_string::<i32>(&accounts);
            let own: BooleanArray = accounts.iter().map(|a| Some(a == Some(account))).collect();
            rows = filter_record_batch(&rows, &own).unwrap();
        }
        Arc::new(MemTable::try_new(schema, vec![vec![rows]]).unwrap())
    }

    async fn pin(&self, scope: &Scope, _config: &mut SessionConfig) -> Result<Tz> {
        let zone = scope.account().and_then(|account| self.zones.get(account));
        Ok(zone.copied().unwrap_or(Tz::UTC))
    }
}

/// Parses an instant.
pub fn instant(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// The value of `now()` in these tests.
pub const NOW: &str = "2026-01-20T12:00:00Z";

/// Plans sessions over some rows, at [`NOW`].
pub async fn sessions(sources: MemSources) -> Sessions {
    let options = SessionsOptions {
        threads: 2,
        now: Some(instant(NOW)),
        ..SessionsOptions::default()
    };
    Sessions::new(options, Arc::new(sources)).await.unwrap()
}

/// Opens Acme's session.
pub async fn acme(sources: MemSources) -> Session {
    let sessions = sessions(sources).await;
    sessions.open(Identity::of_account("ann", "acme")).unwrap()
}

/// Runs a statement and formats its rows as a table.
pub async fn table(session: &Session, sql: &str) -> String {
    let frame = session
        .sql(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    let batches = frame
        .collect()
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    pretty_format_batches(&batches).unwrap().to_string()
}

/// Runs a statement of one column and returns its values as text; null as an empty one.
pub async fn column(session: &Session, sql: &str) -> Vec<String> {
    let frame = session
        .sql(sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    let batches = frame
        .collect()
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"));
    let options = FormatOptions::default();
    let mut texts = vec![];
    for batch in &batches {
        let column = ArrayFormatter::try_new(batch.column(0), &options).unwrap();
        texts.extend((0..batch.num_rows()).map(|row| column.value(row).to_string()));
    }
    texts
}

/// Returns the error of a statement, from its planning or its execution.
pub async fn error(session: &Session, sql: &str) -> String {
    match session.sql(sql).await {
        Err(error) => error.strip_backtrace(),
        Ok(frame) => match frame.collect().await {
            Err(error) => error.strip_backtrace(),
            Ok(rows) => panic!("{sql} gave {rows:?}"),
        },
    }
}

pub const CONVERSATIONS: Stored = Stored::Table(TableId::Conversations);
pub const ATTRIBUTED: Stored = Stored::Table(TableId::AttributedOrders);
pub const DAILY: Stored = Stored::Table(TableId::DailyMetrics);

/// Returns the counts of a procedure, given as SQL, as daily metrics list them: conversations, resolved and escalated ones.
pub fn counted(procedure: &str, counts: [u32; 3]) -> String {
    let [conversations, resolved, escalated] = counts;
    format!(
        "named_struct('procedure', {procedure}, 'conversations', {conversations}, 'resolved', {resolved}, \
         'escalated', {escalated})"
    )
}

/// Creates rows of Acme and Globex in every relation; each value of Globex's contains "globex".
pub async fn two_shops() -> MemSources {
    let mut sources = MemSources::default();
    sources
        .account("acme", Tz::named("America/New_York").unwrap())
        .await;
    sources
        .account("globex", Tz::named("Asia/Tokyo").unwrap())
        .await;
    for account in ["acme", "globex"] {
        sources
            .add(
                CONVERSATIONS,
                &format!(
                    "SELECT '{account}' AS account_id, '{account}-c1' AS conversation_id, '{account}-p1' AS profile_id, \
                     'sms' AS channel, 'live' AS mode, 'resolved' AS status, '{account} asks' AS first_question, \
                     make_array('{account}-returns') AS procedures, make_array('{account}-tag') AS tags, 3 AS messages, \
                     1 AS link_clicks, TIMESTAMP '2026-01-15T10:00:00Z' AS started_at, DATE '2026-01-15' AS started_on, \
                     TIMESTAMP '2026-01-15T11:00:00Z' AS last_updated"
                ),
            )
            .await;
        sources
            .add(
                Stored::Table(TableId::Orders),
                &format!("SELECT '{account}' AS account_id, '{account}-o1' AS order_id, 'USD' AS currency, DATE '2026-01-15' AS ordered_on"),
            )
            .await;
        sources
            .add(
                ATTRIBUTED,
                &format!(
                    "SELECT '{account}' AS account_id, '{account}-o1' AS order_id, '{account}-c1' AS conversation_id, \
                     'sms' AS channel, DATE '2026-01-15' AS ordered_on, 'USD' AS currency, 1 AS units, 1.0 AS credit, \
                     10.5 AS attributed_value, true AS in_account_currency"
                ),
            )
            .await;
        sources
            .add(
                DAILY,
                &format!(
                    "SELECT '{account}' AS account_id, DATE '2026-01-15' AS date, 'sms' AS channel, 1 AS conversations, \
                     1 AS resolved, 1 AS link_clicks, 1 AS credits, 10.5 AS sales, \
                     make_array({}) AS procedures, \
                     make_array(named_struct('tag', '{account}-tag', 'conversations', 1)) AS tags",
                    counted(&format!("'{account}-returns'"), [1, 1, 0])
                ),
            )
            .await;
        for stored in [
            Stored::Table(TableId::ConversationEvents),
            Stored::ConsumedEvents,
        ] {
            for kind in ["link_clicked", "added_to_cart", "product_recommended"] {
                sources
                    .add(
                        stored,
                        &format!(
                            "SELECT '{account}' AS account_id, '{account}-{kind}' AS event_id, '{kind}' AS type, \
                             TIMESTAMP '2026-01-15T03:00:00Z' AS occurred_at, '{account}-c1' AS conversation_id, \
                             make_array('{account}-product') AS product_ids"
                        ),
                    )
                    .await;
            }
        }
        for table in [TableId::OrderEvents, TableId::TouchEvents] {
            sources
                .add(
                    Stored::Table(table),
                    &format!("SELECT '{account}' AS account_id, '{account}-e' AS event_id"),
                )
                .await;
        }
    }
    sources
        .add(
            Stored::Table(TableId::RejectedEvents),
            "SELECT 'globex.ndjson' AS source, 1 AS line, 'not JSON' AS reason, '{' AS raw",
        )
        .await;
    sources
}
