//! The events of the contract (SPEC section 2): types, enum values, and the fields of each type.
//!
//! One table, [`EventType::fields`], says which fields a type has, of what kind, and which are required. The checks,
//! the schemas of the raw tables and the tests all read it; a field is declared nowhere else.

mod fields;

pub use fields::{COMMON_FIELDS, FieldRule, FieldSet, Form, Kind};

use crate::table::RawTable;
use std::fmt;

/// The most characters that an `event_id` may have.
pub const MAX_EVENT_ID_CHARACTERS: usize = 128;

/// Whether `text` may name an account: `[A-Za-z0-9_-]{1,64}`.
pub fn is_account_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Declares an enum whose values have names in the contract.
macro_rules! named {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $value),+ }

        impl $name {
            /// All values, in the order of the contract.
            pub const ALL: &'static [$name] = &[$($name::$value),+];
            /// The names of all values, in the order of the contract.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The name that events use.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// The value of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some($name::$value),)+
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// What an event says has happened.
    EventType {
        /// A conversation began.
        ConversationStarted = "conversation_started",
        /// Somebody wrote in a conversation.
        MessageSent = "message_sent",
        /// The agent began a procedure.
        ProcedureStarted = "procedure_started",
        /// The agent recommended products.
        ProductRecommended = "product_recommended",
        /// A link in a conversation was followed.
        LinkClicked = "link_clicked",
        /// A product went into a cart from a conversation.
        AddedToCart = "added_to_cart",
        /// A tag was put on a conversation.
        TagAdded = "tag_added",
        /// A conversation's profile became known.
        ProfileLinked = "profile_linked",
        /// The agent resolved a conversation.
        ConversationResolved = "conversation_resolved",
        /// The agent handed a conversation over.
        ConversationEscalated = "conversation_escalated",
        /// A conversation was closed.
        ConversationClosed = "conversation_closed",
        /// An order was placed.
        OrderPlaced = "order_placed",
        /// Part or all of an order was refunded.
        OrderRefunded = "order_refunded",
        /// An order was cancelled.
        OrderCancelled = "order_cancelled",
        /// A message reached a profile, was opened or clicked.
        Touch = "touch",
    }
}

named! {
    /// The channel of a conversation.
    Channel {
        /// Chat on the shop's site.
        WebChat = "web_chat",
        /// Email.
        Email = "email",
        /// SMS.
        Sms = "sms",
        /// WhatsApp.
        Whatsapp = "whatsapp",
    }
}

named! {
    /// The channel of a touch.
    TouchChannel {
        /// Email.
        Email = "email",
        /// SMS.
        Sms = "sms",
        /// WhatsApp.
        Whatsapp = "whatsapp",
        /// A push notification.
        Push = "push",
    }
}

named! {
    /// What happened to a touch's message.
    TouchKind {
        /// It arrived.
        Delivered = "delivered",
        /// It was opened.
        Opened = "opened",
        /// A link in it was followed.
        Clicked = "clicked",
    }
}

named! {
    /// Whether a conversation was held with a shopper or tried out by the shop.
    Mode {
        /// With a shopper.
        Live = "live",
        /// A trial, which counts nowhere (SPEC C2).
        Preview = "preview",
    }
}

named! {
    /// Who wrote a message.
    Sender {
        /// The shopper.
        Shopper = "shopper",
        /// The AI agent.
        Agent = "agent",
        /// A person of the shop.
        Human = "human",
    }
}

named! {
    /// A field of the contract.
    Field {
        /// The event's identity, with its account (SPEC E1).
        EventId = "event_id",
        /// The account.
        AccountId = "account_id",
        /// The event's type.
        Type = "type",
        /// When it happened.
        OccurredAt = "occurred_at",
        /// The conversation.
        ConversationId = "conversation_id",
        /// The shopper's profile.
        ProfileId = "profile_id",
        /// The channel of a conversation or a touch.
        Channel = "channel",
        /// A conversation's mode.
        Mode = "mode",
        /// Who wrote a message.
        Sender = "sender",
        /// What opened a conversation.
        FirstMessage = "first_message",
        /// A message's text.
        Text = "text",
        /// A procedure's name.
        Procedure = "procedure",
        /// One tag.
        Tag = "tag",
        /// Several tags.
        Tags = "tags",
        /// One product.
        ProductId = "product_id",
        /// Several products.
        ProductIds = "product_ids",
        /// How many of a product.
        Quantity = "quantity",
        /// The address of a link.
        Url = "url",
        /// Whether a bot did it.
        IsBot = "is_bot",
        /// Why a conversation was escalated or closed.
        Reason = "reason",
        /// The category of an escalation.
        Category = "category",
        /// The order.
        OrderId = "order_id",
        /// An order's or a refund's value.
        Value = "value",
        /// The currency of an order.
        Currency = "currency",
        /// What happened to a touch's message.
        Kind = "kind",
        /// The message of a touch.
        MessageId = "message_id",
        /// What sent a touch: a campaign, a flow.
        Source = "source",
        /// Whether a machine opened the message.
        IsMachineOpen = "is_machine_open",
        /// Whether the message was transactional.
        IsTransactional = "is_transactional",
    }
}

impl EventType {
    /// The raw table that holds its events.
    pub const fn table(self) -> RawTable {
        match self {
            EventType::OrderPlaced | EventType::OrderRefunded | EventType::OrderCancelled => {
                RawTable::OrderEvents
            }
            EventType::Touch => RawTable::TouchEvents,
            _ => RawTable::ConversationEvents,
        }
    }
}

#[cfg(test)]
mod tests;
