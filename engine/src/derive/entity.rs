//! Entities: conversations and orders, each of which begins with a start event and has more events later.

use super::carry::{self, Part};
use crate::lake::TableId;

/// The raw table, derived table and columns of an entity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entity {
    /// The raw table.
    pub raw: TableId,
    /// The derived table.
    pub derived: TableId,
    /// The column of its id, in both tables.
    pub key: &'static str,
    /// The type of its start event.
    pub start: &'static str,
    /// The derived column of the instant of its start.
    pub started_at: &'static str,
    /// Its `kind` in the table of orphans.
    pub kind: &'static str,
    /// The events that later tables need.
    pub kept_events: Option<Part>,
    /// What later tables need of its derived rows.
    pub kept: Part,
}

/// Conversations (SPEC C1).
pub(super) const CONVERSATION: Entity = Entity {
    raw: TableId::ConversationEvents,
    derived: TableId::Conversations,
    key: "conversation_id",
    start: "conversation_started",
    started_at: "started_at",
    kind: "conversation",
    kept_events: Some(carry::EVENTS),
    kept: carry::CONVERSATIONS,
};

/// Orders (SPEC section 5).
pub(super) const ORDER: Entity = Entity {
    raw: TableId::OrderEvents,
    derived: TableId::Orders,
    key: "order_id",
    start: "order_placed",
    started_at: "ordered_at",
    kind: "order",
    kept_events: None,
    kept: carry::ORDERS,
};
