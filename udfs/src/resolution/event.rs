//! Classifies the events of a conversation (SPEC section 2).

/// Classifies events by their `type`. Those of a conversation are the types that require a `conversation_id` (C1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Started,
    Message,
    ProcedureStarted,
    Recommended,
    Clicked,
    CartAdd,
    TagAdded,
    ProfileLinked,
    Resolved,
    Escalated,
    Closed,
    Rated,
    /// Any other type, such as an order or a touch: no event of the conversation.
    Other,
}

impl Kind {
    /// Returns the kind of a `type`.
    pub(super) fn of(name: Option<&str>) -> Self {
        match name {
            Some("conversation_started") => Self::Started,
            Some("message_sent") => Self::Message,
            Some("procedure_started") => Self::ProcedureStarted,
            Some("product_recommended") => Self::Recommended,
            Some("link_clicked") => Self::Clicked,
            Some("added_to_cart") => Self::CartAdd,
            Some("tag_added") => Self::TagAdded,
            Some("profile_linked") => Self::ProfileLinked,
            Some("conversation_resolved") => Self::Resolved,
            Some("conversation_escalated") => Self::Escalated,
            Some("conversation_closed") => Self::Closed,
            Some("conversation_rated") => Self::Rated,
            _ => Self::Other,
        }
    }
}

/// Classifies the senders of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Shopper,
    Human,
    /// The agent, or an unknown or missing sender. Such a message changes no status.
    Other,
}

impl Sender {
    /// Returns the sender of a `sender` field.
    pub(super) fn of(name: Option<&str>) -> Self {
        match name {
            Some("shopper") => Self::Shopper,
            Some("human") => Self::Human,
            _ => Self::Other,
        }
    }
}
