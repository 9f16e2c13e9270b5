//! Conversations from their events (SPEC section 4): `conversation_status`, `conversation_ruling` and `conversation_fold`.
//!
//! The rule of a conversation's status (C3) stands once, in [`status`]; all three aggregates keep its state. The fourth part
//! of that rule, idle timeouts, depends on the time of asking and is left to whoever asks.

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

/// The aggregate `conversation_status(type, sender, occurred_at, event_id)`.
pub fn conversation_status_udaf() -> Arc<AggregateUDF> {
    aggregate::<conversation_status::StatusState>()
}

/// The aggregate `conversation_ruling(type, sender, occurred_at, event_id)`.
pub fn conversation_ruling_udaf() -> Arc<AggregateUDF> {
    aggregate::<conversation_ruling::RulingState>()
}

/// The aggregate `conversation_fold(type, occurred_at, event_id, …)`.
pub fn conversation_fold_udaf() -> Arc<AggregateUDF> {
    aggregate::<conversation::Conversation>()
}
