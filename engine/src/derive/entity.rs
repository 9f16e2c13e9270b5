//! What begins with one event and goes on with others: conversations and orders.

use crate::lake::TableId;

/// What a derived table of starts and the reach of their events is folded from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entity {
    /// The raw table.
    pub raw: TableId,
    /// The derived table.
    pub derived: TableId,
    /// The column that names it, in both.
    pub key: &'static str,
    /// The type of the event that makes it exist.
    pub start: &'static str,
    /// The derived column that has the instant of its start.
    pub started_at: &'static str,
    /// Its `kind` among the orphans.
    pub kind: &'static str,
}

/// Conversations (SPEC C1).
pub(super) const CONVERSATION: Entity = Entity {
    raw: TableId::ConversationEvents,
    derived: TableId::Conversations,
    key: "conversation_id",
    start: "conversation_started",
    started_at: "started_at",
    kind: "conversation",
};

/// Orders (SPEC section 5).
pub(super) const ORDER: Entity = Entity {
    raw: TableId::OrderEvents,
    derived: TableId::Orders,
    key: "order_id",
    start: "order_placed",
    started_at: "ordered_at",
    kind: "order",
};
