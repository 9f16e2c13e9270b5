//! Folds the events of an order into one struct (SPEC A9): `order_fold`.

mod order;
mod order_fold;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

/// Returns the aggregate `order_fold(type, occurred_at, event_id, profile_id, conversation_id, value, currency)`.
pub fn order_fold_udaf() -> Arc<AggregateUDF> {
    crate::grouped::aggregate::<order::Order>()
}
