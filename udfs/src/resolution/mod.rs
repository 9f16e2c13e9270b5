//! Folds the events of a conversation (SPEC section 4): `conversation_status`, `conversation_ruling`, `conversation_fold`.
//!
//! The status rule (C3) is written once, in [`status`], and all three aggregates use its state. Rule 4, the idle timeout,
//! depends on the time of the query, so the caller applies it.

mod conversation;
mod conversation_fold;
mod conversation_ruling;
mod conversation_status;
mod event;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

use crate::grouped::aggregate;

/// Returns the aggregate `conversation_status(type, sender, occurred_at, event_id)`.
pub fn conversation_status_udaf() -> Arc<AggregateUDF> {
    aggregate::<conversation_status::StatusState>()
}

/// Returns the aggregate `conversation_ruling(type, sender, occurred_at, event_id)`.
pub fn conversation_ruling_udaf() -> Arc<AggregateUDF> {
    aggregate::<conversation_ruling::RulingState>()
}

/// Returns the aggregate `conversation_fold(type, occurred_at, event_id, …)`.
pub fn conversation_fold_udaf() -> Arc<AggregateUDF> {
    aggregate::<conversation::Conversation>()
}
