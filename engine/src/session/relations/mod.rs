//! The relations of SPEC section 7, each a plan over stored relations.
//!
//! The SQL of a relation stands in a file of its name and nowhere else; a test holds names, order and types of the
//! columns against the SPEC. A relation may build on relations before it in [`RELATIONS`].

/// A relation that SQL can name.
#[derive(Debug, Clone, Copy)]
pub struct Relation {
    /// Its schema: `public` or `raw`.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its definition over schemas `stored`, `public` and `raw`.
    pub sql: &'static str,
    /// Whether it exists in an operator's session alone, because its rows belong to no account.
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

/// Every relation, those that others build on first.
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
