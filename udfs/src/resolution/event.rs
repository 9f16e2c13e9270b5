//! The events of a conversation (SPEC section 2).

/// The types of event that belong to a conversation: those that require a `conversation_id` (C1).
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
    /// Anything else, orders and touches among it: no event of the conversation.
    Foreign,
}

impl Kind {
    /// The kind that a `type` names.
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
            _ => Self::Foreign,
        }
    }
}

/// Who sent a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Shopper,
    Human,
    /// The agent, or nobody that we know: such a message changes no status.
    Other,
}

impl Sender {
    /// The sender that a `sender` names.
    pub(super) fn of(name: Option<&str>) -> Self {
        match name {
            Some("shopper") => Self::Shopper,
            Some("human") => Self::Human,
            _ => Self::Other,
        }
    }
}
