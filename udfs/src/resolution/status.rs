//! The status of a conversation: SPEC C3, rules 1 to 3 and 5.

use datafusion::common::Result;

use super::event::{Kind, Sender};
use crate::grouped::{Decoder, Encoder, Pool, Stamp, Text};

/// What a conversation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Routed,
    Resolved,
    Closed,
    Open,
}

impl Status {
    /// The name that SQL shows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// The rule of C3 that holds, and the event that it rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruling {
    /// Its number in C3.
    pub(super) rule: i64,
    /// What it makes of the conversation.
    pub(super) status: Status,
    /// The event; none where several may have given it (rule 1), or none did (rule 5).
    pub(super) event: Stamp,
}

/// What the status depends on: one flag and three events, however long the conversation is.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Resolution {
    /// The latest message by the shopper (`s`).
    pub(super) shopper: Stamp,
    /// The latest `conversation_resolved` (`r`).
    pub(super) resolved: Stamp,
    /// The latest `conversation_closed` (`c`).
    closed: Stamp,
    /// Any escalation, or any message by a human.
    routed: bool,
}

impl Resolution {
    /// Takes an event, and tells whether it alone routes the conversation; `sender` and `id` are asked for where they
    /// matter.
    #[inline]
    pub(super) fn add<'a>(
        &mut self,
        kind: Kind,
        sender: impl FnOnce() -> Sender,
        at: i64,
        id: impl FnOnce() -> &'a [u8],
        pool: &mut Pool,
    ) -> bool {
        let routes = match kind {
            Kind::Message => match sender() {
                Sender::Shopper => {
                    self.shopper.raise(at, id(), pool);
                    false
                }
                Sender::Human => true,
                Sender::Other => false,
            },
            Kind::Escalated => true,
            Kind::Resolved => {
                self.resolved.raise(at, id(), pool);
                false
            }
            Kind::Closed => {
                self.closed.raise(at, id(), pool);
                false
            }
            _ => false,
        };
        self.routed |= routes;
        routes
    }

    /// C3, by the first rule that holds.
    pub(super) fn ruling(&self, pool: &Pool) -> Ruling {
        let stands = |end: Stamp| end.is_some() && !self.shopper.is_later_than(end, pool);
        let (rule, status, event) = if self.routed {
            (1, Status::Routed, Stamp::default())
        } else if stands(self.resolved) {
            (2, Status::Resolved, self.resolved)
        } else if stands(self.closed) {
            (3, Status::Closed, self.closed)
        } else {
            (5, Status::Open, Stamp::default())
        };
        Ruling {
            rule,
            status,
            event,
        }
    }

    /// What the conversation came to.
    pub(super) fn status(&self, pool: &Pool) -> Status {
        self.ruling(pool).status
    }

    pub(super) fn encode(&self, pool: &Pool, out: &mut Encoder) {
        out.flag(self.routed);
        self.resolved.encode(pool, out);
        self.closed.encode(pool, out);
        self.shopper.encode(pool, out);
    }

    pub(super) fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        self.routed |= state.flag()?;
        for kept in [&mut self.resolved, &mut self.closed, &mut self.shopper] {
            if let Some((at, id)) = Stamp::decode(state)? {
                kept.raise(at, id, pool);
            }
        }
        Ok(())
    }

    pub(super) fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.resolved.visit(visit);
        self.closed.visit(visit);
        self.shopper.visit(visit);
    }
}
