//! Decides the status of a conversation: SPEC C3, rules 1 to 3 and 5.

use datafusion::common::Result;

use super::event::{Kind, Sender};
use crate::grouped::{Decoder, Encoder, Pool, Stamp, Text};

/// The status of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Routed,
    Resolved,
    Closed,
    Open,
}

impl Status {
    /// Returns the name that SQL shows.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

/// Names the rule of C3 that gave the status, and the event that decided it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ruling {
    /// The number of the rule in C3.
    pub(super) rule: i64,
    /// The status that the rule gives.
    pub(super) status: Status,
    /// The deciding event: the latest resolution (rule 2) or closing (rule 3). None for rule 1, whose events are not kept
    /// here, and for rule 5, which has none.
    pub(super) event: Stamp,
}

/// Holds what the status depends on: one flag and three events, however long the conversation is.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Resolution {
    /// The latest message by the shopper (`s`).
    pub(super) shopper: Stamp,
    /// The latest `conversation_resolved` (`r`).
    pub(super) resolved: Stamp,
    /// The latest `conversation_closed` (`c`).
    closed: Stamp,
    /// Whether there was an escalation or a message by a human.
    routed: bool,
}

impl Resolution {
    /// Adds an event. Returns whether this event routes the conversation (rule 1). `sender` and `id` are read only where
    /// they matter, since reading them from a column costs time.
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
                    self.shopper.keep_later(at, id(), pool);
                    false
                }
                Sender::Human => true,
                Sender::Other => false,
            },
            Kind::Escalated => true,
            Kind::Resolved => {
                self.resolved.keep_later(at, id(), pool);
                false
            }
            Kind::Closed => {
                self.closed.keep_later(at, id(), pool);
                false
            }
            _ => false,
        };
        self.routed |= routes;
        routes
    }

    /// Returns the first rule of C3 that holds.
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

    /// Returns the status by the first rule of C3 that holds.
    pub(super) fn status(&self, pool: &Pool) -> Status {
        self.ruling(pool).status
    }

    /// Writes the state.
    pub(super) fn encode(&self, pool: &Pool, out: &mut Encoder) {
        out.flag(self.routed);
        self.resolved.encode(pool, out);
        self.closed.encode(pool, out);
        self.shopper.encode(pool, out);
    }

    /// Adds the events of another state, as [`Resolution::encode`] wrote it.
    pub(super) fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        self.routed |= state.flag()?;
        for kept in [&mut self.resolved, &mut self.closed, &mut self.shopper] {
            if let Some((at, id)) = Stamp::decode(state)? {
                kept.keep_later(at, id, pool);
            }
        }
        Ok(())
    }

    /// Visits every text handle of the state.
    pub(super) fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.resolved.visit(visit);
        self.closed.visit(visit);
        self.shopper.visit(visit);
    }
}
