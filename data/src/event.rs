//! The events of the contract (SPEC section 2): types, enum values, and the fields of each type.
//!
//! One table, [`EventType::fields`], lists the fields of each type, their kinds, and which are required. The checks, the
//! schemas of the raw tables and the tests read it; a field is declared nowhere else.

mod fields;

pub use fields::{COMMON_FIELDS, FieldRule, FieldSet, Form, Kind};

use crate::table::RawTable;
use std::fmt;

/// The most characters that an `event_id` may have.
pub const MAX_EVENT_ID_CHARACTERS: usize = 128;

/// Returns whether `text` is a valid account id: `[A-Za-z0-9_-]{1,64}`.
pub fn is_account_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Declares an enum whose values have names in the contract, with conversions from and to the names.
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

            /// Returns the name that events use.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }

            /// Returns the value with that name.
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
    /// The type of an event.
    EventType {
        /// A conversation began.
        ConversationStarted = "conversation_started",
        /// A message was sent in a conversation.
        MessageSent = "message_sent",
        /// The agent began a procedure.
        ProcedureStarted = "procedure_started",
        /// The agent recommended products.
        ProductRecommended = "product_recommended",
        /// A link in a conversation was clicked.
        LinkClicked = "link_clicked",
        /// A product was added to a cart from a conversation.
        AddedToCart = "added_to_cart",
        /// A tag was added to a conversation.
        TagAdded = "tag_added",
        /// A conversation's profile became known.
        ProfileLinked = "profile_linked",
        /// The agent resolved a conversation.
        ConversationResolved = "conversation_resolved",
        /// The agent handed a conversation over to people.
        ConversationEscalated = "conversation_escalated",
        /// A conversation was closed.
        ConversationClosed = "conversation_closed",
        /// A shopper rated a conversation.
        ConversationRated = "conversation_rated",
        /// An order was placed.
        OrderPlaced = "order_placed",
        /// Part or all of an order was refunded.
        OrderRefunded = "order_refunded",
        /// An order was cancelled.
        OrderCancelled = "order_cancelled",
        /// A message to a profile was delivered, opened or clicked.
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
        /// It was delivered.
        Delivered = "delivered",
        /// It was opened.
        Opened = "opened",
        /// A link in it was clicked.
        Clicked = "clicked",
    }
}

named! {
    /// The mode of a conversation.
    Mode {
        /// A conversation with a shopper.
        Live = "live",
        /// A trial by the shop, which counts nowhere (SPEC C2).
        Preview = "preview",
    }
}

named! {
    /// The sender of a message.
    Sender {
        /// The shopper.
        Shopper = "shopper",
        /// The AI agent.
        Agent = "agent",
        /// A person who answers in the agent's place.
        Human = "human",
    }
}

named! {
    /// A field of the contract.
    Field {
        /// The event's id, unique within its account (SPEC E1).
        EventId = "event_id",
        /// The account.
        AccountId = "account_id",
        /// The event's type.
        Type = "type",
        /// The instant of the event.
        OccurredAt = "occurred_at",
        /// The conversation.
        ConversationId = "conversation_id",
        /// The shopper's profile.
        ProfileId = "profile_id",
        /// The channel of a conversation or a touch.
        Channel = "channel",
        /// A conversation's mode.
        Mode = "mode",
        /// The sender of a message.
        Sender = "sender",
        /// The shopper's first message, of a conversation's start.
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
        /// The number of units of a product.
        Quantity = "quantity",
        /// The address of a link.
        Url = "url",
        /// Whether a bot clicked.
        IsBot = "is_bot",
        /// The reason of an escalation or closing.
        Reason = "reason",
        /// The category of an escalation.
        Category = "category",
        /// A shopper's rating, 1 to 5.
        Rating = "rating",
        /// What a shopper wrote with a rating.
        Comment = "comment",
        /// The order.
        OrderId = "order_id",
        /// The value of an order or a refund.
        Value = "value",
        /// The currency of an order.
        Currency = "currency",
        /// The kind of a touch: delivered, opened or clicked.
        Kind = "kind",
        /// The message of a touch.
        MessageId = "message_id",
        /// The source of a touch, such as a campaign or a flow.
        Source = "source",
        /// Whether a machine opened the message.
        IsMachineOpen = "is_machine_open",
        /// Whether the message was transactional.
        IsTransactional = "is_transactional",
    }
}

impl EventType {
    /// Returns the raw table that holds events of this type.
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
