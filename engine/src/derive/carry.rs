//! Keeps rows of an account in memory between the tables that are derived from them.
//!
//! Deriving all of an account reads its events for its conversations, and again for its attributed orders and daily metrics,
//! which rest on the conversations and orders too. A copy of the few columns and rows that those need, taken while the rows
//! pass by for the first time, spares them the reading. The copies count against the memory limit; what does not fit is not
//! kept, and the later tables read the lake's files instead. So a number never depends on what was kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch};
use arrow::compute::{FilterBuilder, cast};
use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, Result, Statistics, internal_err};
use datafusion::datasource::{MemTable, TableType};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;

use crate::lake::TableId;

/// The rows of a table that are kept: some columns of those that fulfil a condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub table: TableId,
    pub columns: &'static [&'static str],
    /// An SQL condition.
    pub condition: &'static str,
}

/// The events that are touches of the agent (A1), clicks or cart additions (M3, M5).
pub(super) const EVENTS: Part = Part {
    table: TableId::ConversationEvents,
    columns: &[
        "conversation_id",
        "occurred_at",
        "event_id",
        "type",
        "sender",
        "is_bot",
    ],
    condition: "touch_kind(type, sender) IS NOT NULL OR type = 'added_to_cart'",
};

/// What attributed orders and daily metrics need of conversations.
pub(super) const CONVERSATIONS: Part = Part {
    table: TableId::Conversations,
    columns: &[
        "conversation_id",
        "profile_id",
        "channel",
        "mode",
        "status",
        "procedures",
        "tags",
        "started_on",
        "escalated_at",
        "escalation_procedure",
    ],
    condition: "started_at IS NOT NULL",
};

/// What attributed orders need of orders.
pub(super) const ORDERS: Part = Part {
    table: TableId::Orders,
    columns: &[
        "order_id",
        "profile_id",
        "conversation_id",
        "ordered_at",
        "ordered_on",
        "value",
        "currency",
        "refunded_value",
    ],
    condition: "ordered_at IS NOT NULL",
};

/// What daily metrics need of attributed orders.
pub(super) const ATTRIBUTED: Part = Part {
    table: TableId::AttributedOrders,
    columns: &[
        "order_id",
        "channel",
        "ordered_on",
        "units",
        "attributed_value",
        "in_account_currency",
    ],
    condition: "true",
};

impl Part {
    fn schema(&self) -> Result<SchemaRef> {
        let schema = self.table.schema();
        let indices = self.columns.iter().map(|name| schema.index_of(name));
        Ok(Arc::new(
            schema.project(&indices.collect::<Result<Vec<_>, _>>()?)?,
        ))
    }
}

/// The rows that an account's derive has kept, by table.
#[derive(Debug, Default)]
pub(super) struct Carried(HashMap<TableId, Arc<PartCopy>>);

impl Carried {
    /// Adds to a plan the keeping of a part of its rows.
    pub fn copy(
        &mut self,
        part: Part,
        plan: Arc<dyn ExecutionPlan>,
        context: &SessionContext,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let copy = self.begin(part, context)?;
        copy.over(plan, &context.state())
    }

    /// Returns a provider of another's rows that keeps a part of what a plan reads from it.
    pub fn copying(
        &mut self,
        part: Part,
        rows: Arc<dyn TableProvider>,
        context: &SessionContext,
    ) -> Result<Arc<dyn TableProvider>> {
        let copy = self.begin(part, context)?;
        Ok(Arc::new(CopiedTable { rows, copy }))
    }

    fn begin(&mut self, part: Part, context: &SessionContext) -> Result<Arc<PartCopy>> {
        let consumer = MemoryConsumer::new(format!("rows of {}", part.table.name()));
        let reservation = consumer.register(&context.runtime_env().memory_pool);
        let schema = DFSchema::try_from(part.table.schema())?;
        let copy = Arc::new(PartCopy {
            part,
            condition: context.parse_sql_expr(part.condition, &schema)?,
            schema: part.schema()?,
            kept: Mutex::new(Some(Kept {
                batches: vec![],
                reservation,
            })),
        });
        self.0.insert(part.table, Arc::clone(&copy));
        Ok(copy)
    }

    /// Returns the rows kept of a table; `None` if none were, or not all.
    pub fn rows(&self, table: TableId) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(copy) = self.0.get(&table) else {
            return Ok(None);
        };
        let Some(kept) = &*copy.kept() else {
            return Ok(None);
        };
        let rows = MemTable::try_new(Arc::clone(&copy.schema), vec![kept.batches.clone()])?;
        Ok(Some(Arc::new(rows)))
    }
}

/// Rows that are being kept.
#[derive(Debug)]
struct PartCopy {
    part: Part,
    condition: Expr,
    /// The schema of the kept columns.
    schema: SchemaRef,
    /// `None` once they did not fit into the memory.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    batches: Vec<RecordBatch>,
    reservation: MemoryReservation,
}

impl PartCopy {
    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        // A poisoned lock is harmless: a batch is there as a whole or not at all.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over(
        self: Arc<Self>,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = DFSchema::try_from(input.schema())?;
        let condition = state.create_physical_expr(self.condition.clone(), &schema)?;
        let columns = self.part.columns.iter();
        let columns = columns.map(|name| input.schema().index_of(name));
        Ok(Arc::new(CopyExec {
            columns: columns.collect::<Result<_, _>>()?,
            input,
            condition,
            copy: self,
        }))
    }

    /// Keeps the part of a batch.
    fn keep(
        &self,
        batch: &RecordBatch,
        condition: &Arc<dyn PhysicalExpr>,
        columns: &[usize],
    ) -> Result<()> {
        if self.kept().is_none() {
            return Ok(());
        }
        let rows = condition.evaluate(batch)?.into_array(batch.num_rows())?;
        let rows = rows.as_boolean();
        if rows.true_count() == 0 {
            return Ok(());
        }
        let filter = FilterBuilder::new(rows).optimize().build();
        let columns = columns
            .iter()
            .zip(self.schema.fields())
            .map(|(column, field)| {
                let column = filter.filter(batch.column(*column))?;
                compact(&cast(&column, field.data_type())?)
            });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let part = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        let mut kept = self.kept();
        if let Some(Kept {
            batches,
            reservation,
        }) = &mut *kept
        {
            match reservation.try_grow(part.get_array_memory_size()) {
                Ok(()) => batches.push(part),
                Err(error) => {
                    tracing::debug!(%error, "rows are read again, as they do not fit into the memory");
                    *kept = None;
                }
            }
        }
        Ok(())
    }
}

/// Copies the texts of a column of views, or of lists of views, which would keep all texts of their batch in memory.
fn compact(column: &ArrayRef) -> Result<ArrayRef> {
    Ok(match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::List(item) => {
            let lists: &ListArray = column.as_list();
            let values = compact(lists.values())?;
            let (item, offsets) = (Arc::clone(item), lists.offsets().clone());
            Arc::new(ListArray::try_new(
                item,
                offsets,
                values,
                lists.nulls().cloned(),
            )?)
        }
        _ => Arc::clone(column),
    })
}

/// Provides another provider's rows, and keeps a part of them.
#[derive(Debug)]
struct CopiedTable {
    rows: Arc<dyn TableProvider>,
    copy: Arc<PartCopy>,
}

#[async_trait]
impl TableProvider for CopiedTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        self.rows.table_type()
    }

    /// Every row has to pass by, so no filter goes to the scan, nor does a limit.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![
            TableProviderFilterPushDown::Unsupported;
            filters.len()
        ])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = self.rows.scan(state, projection, &[], None).await?;
        Arc::clone(&self.copy).over(plan, state)
    }
}

/// Passes its input's rows on, and keeps a part of them.
struct CopyExec {
    input: Arc<dyn ExecutionPlan>,
    condition: Arc<dyn PhysicalExpr>,
    /// The columns of the input that are kept.
    columns: Arc<[usize]>,
    copy: Arc<PartCopy>,
}

impl fmt::Debug for CopyExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyExec")
            .field("part", &self.copy.part)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for CopyExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(
            f,
            "CopyExec: columns=[{}], condition={}",
            self.copy.part.columns.join(", "),
            self.condition
        )
    }
}

impl ExecutionPlan for CopyExec {
    fn name(&self) -> &'static str {
        "CopyExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        visit(&self.condition)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(Self {
                input,
                condition: Arc::clone(&self.condition),
                columns: Arc::clone(&self.columns),
                copy: Arc::clone(&self.copy),
            })),
            _ => internal_err!("CopyExec has one child"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (copy, condition) = (Arc::clone(&self.copy), Arc::clone(&self.condition));
        let columns = Arc::clone(&self.columns);
        let rows = input.and_then(move |batch| {
            let kept = copy.keep(&batch, &condition, &columns);
            std::future::ready(kept.map(|()| batch))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        match inputs {
            [input] => Ok(Arc::clone(input)),
            _ => internal_err!("CopyExec has one child"),
        }
    }
}

#[cfg(test)]
mod tests;
