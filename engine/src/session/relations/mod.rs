//! The relations of SPEC section 7, each a query over stored relations.
//!
//! The SQL of a relation is in the file of its name, and nowhere else; a test compares the names, order and types of its
//! columns with the SPEC. A relation may read the relations before it in [`RELATIONS`].

/// Defines a relation that SQL can name.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// Its schema: `public` or `raw`.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The query that defines it, over the schemas `stored`, `public` and `raw`.
    pub sql: &'static str,
    /// Whether only operators have it, because its rows belong to no account.
    pub operator_only: bool,
}

const fn public(name: &'static str, sql: &'static str) -> Relation {
    Relation {
        schema: "public",
        name,
        sql,
        operator_only: false,
    }
}

const fn raw(name: &'static str, sql: &'static str) -> Relation {
    Relation {
        schema: "raw",
        ..public(name, sql)
    }
}

/// All relations. One that reads others comes after them.
pub const RELATIONS: [Relation; 13] = [
    public("accounts", include_str!("accounts.sql")),
    public("conversations", include_str!("conversations.sql")),
    public("orders", include_str!("orders.sql")),
    public("attributed_orders", include_str!("attributed_orders.sql")),
    public("link_clicks", include_str!("link_clicks.sql")),
    public("cart_adds", include_str!("cart_adds.sql")),
    public("recommendations", include_str!("recommendations.sql")),
    public(
        "conversation_procedures",
        include_str!("conversation_procedures.sql"),
    ),
    public("daily_metrics", include_str!("daily_metrics.sql")),
    Relation {
        operator_only: true,
        ..public("rejected_events", include_str!("rejected_events.sql"))
    },
    raw(
        "conversation_events",
        include_str!("raw_conversation_events.sql"),
    ),
    raw("order_events", include_str!("raw_order_events.sql")),
    raw("touch_events", include_str!("raw_touch_events.sql")),
];
