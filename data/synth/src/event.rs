//! An event as the generator holds it: small and without text of its own, so that many can wait for their turn.

use super::procedures::Procedure;
use super::shops::Currency;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    WebChat,
    Email,
    Sms,
    WhatsApp,
    Push,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Shopper,
    Agent,
    Human,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Delivered,
    Opened,
    Clicked,
}

/// Why a message went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Campaign,
    Flow,
    Transactional,
    Agent,
}

/// The page on which a web chat began.
#[derive(Clone, Copy, Debug)]
pub(super) enum Page {
    Home,
    Cart,
    Help,
    Product(u8),
}

/// A text and what to put for its `{p}`, `{o}` and `{n}`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) template: &'static str,
    pub(super) product: u8,
    pub(super) number: u32,
}

/// Up to eight of a procedure's tags, as bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tags(pub(super) u8);

/// What happened. Numbers are the shop's own: its conversations, profiles, orders and messages count from 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Body {
    Started {
        conversation: u32,
        channel: Channel,
        profile: Option<u32>,
        first: Option<Text>,
        preview: bool,
        page: Option<Page>,
    },
    Message {
        conversation: u32,
        sender: Sender,
        text: Option<Text>,
    },
    Procedure {
        conversation: u32,
        procedure: &'static Procedure,
    },
    Recommended {
        conversation: u32,
        products: [u8; 3],
        count: u8,
    },
    Clicked {
        conversation: u32,
        product: u8,
        bot: bool,
    },
    Cart {
        conversation: u32,
        product: u8,
        quantity: u8,
    },
    Tag {
        conversation: u32,
        tag: &'static str,
    },
    Linked {
        conversation: u32,
        profile: u32,
    },
    Resolved {
        conversation: u32,
        procedure: &'static Procedure,
        tags: Tags,
    },
    Escalated {
        conversation: u32,
        procedure: &'static Procedure,
        tags: Tags,
        cause: Option<u8>,
    },
    Closed {
        conversation: u32,
        reason: Option<&'static str>,
    },
    Rated {
        conversation: u32,
        rating: u8,
        comment: Option<&'static str>,
    },
    Ordered {
        order: u32,
        cents: i64,
        products: [u8; 4],
        count: u8,
        currency: Option<Currency>,
        profile: Option<u32>,
        conversation: Option<u32>,
    },
    Refunded {
        order: u32,
        cents: i64,
    },
    Cancelled {
        order: u32,
    },
    Touch {
        profile: u32,
        channel: Channel,
        kind: Kind,
        source: Source,
        message: u32,
        conversation: Option<u32>,
        automatic: bool,
    },
}

/// Which raw table an event lands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTable {
    /// Events of conversations.
    Conversation,
    /// Orders, refunds and cancellations.
    Order,
    /// Message touches.
    Touch,
}

/// One event: opaque, to be written by [`super::Events`].
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// When it arrives, in microseconds since the epoch.
    pub(super) lands: i64,
    pub(super) occurred: i64,
    /// Counts the events of its shop; repeated with a repeated event.
    pub(super) serial: u64,
    pub(super) shop: u32,
    pub(super) body: Body,
}

impl Event {
    /// Which raw table it lands in.
    pub const fn table(&self) -> EventTable {
        match self.body {
            Body::Ordered { .. } | Body::Refunded { .. } | Body::Cancelled { .. } => {
                EventTable::Order
            }
            Body::Touch { .. } => EventTable::Touch,
            _ => EventTable::Conversation,
        }
    }

    pub(super) const fn conversation(&self) -> Option<u32> {
        match self.body {
            Body::Started { conversation, .. }
            | Body::Message { conversation, .. }
            | Body::Procedure { conversation, .. }
            | Body::Recommended { conversation, .. }
            | Body::Clicked { conversation, .. }
            | Body::Cart { conversation, .. }
            | Body::Tag { conversation, .. }
            | Body::Linked { conversation, .. }
            | Body::Resolved { conversation, .. }
            | Body::Escalated { conversation, .. }
            | Body::Closed { conversation, .. }
            | Body::Rated { conversation, .. } => Some(conversation),
            Body::Ordered { conversation, .. } | Body::Touch { conversation, .. } => conversation,
            Body::Refunded { .. } | Body::Cancelled { .. } => None,
        }
    }

    pub(super) const fn profile(&self) -> Option<u32> {
        match self.body {
            Body::Started { profile, .. } | Body::Ordered { profile, .. } => profile,
            Body::Linked { profile, .. } | Body::Touch { profile, .. } => Some(profile),
            _ => None,
        }
    }
}
