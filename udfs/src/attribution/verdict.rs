//! Decides the outcome of each touch of one order, and its reason (SPEC A2 to A7).
//!
//! [`resolve`], which attributes all orders, decides who wins; this module finds the reason of every other touch. What always
//! holds: the touches that won, with their parts, are the order's attributed rows.

use std::cmp::Ordering;
use std::str::FromStr;

use super::ledger::{Ledger, Touch};
use super::resolve::{Credit, Parts, RuleBook, is_eligible, resolve};
use super::rules::{Classes, Model, RuleError};

/// The outcome of a touch, with its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Its conversation has credit for the order, and it is the conversation's latest eligible touch.
    Won(Won),
    /// It was eligible, but another touch counts in its place.
    Lost(Lost),
    /// It was not eligible.
    LeftOut(LeftOut),
}

/// Why a touch won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Won {
    /// It is the latest of all eligible touches.
    Latest,
    /// It is a web chat touch, which a later marketing touch does not take the order from (A6, A7).
    WebChatHolds,
    /// Its conversation is one of the units that share the order (A7).
    Shares,
}

/// Why an eligible touch lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lost {
    /// A later touch counts in its place.
    Earlier,
    /// It is the agent's, not in web chat, and a marketing touch came later (A6).
    LaterMarketing,
    /// A later web chat touch won.
    LaterWebChat,
    /// It is a marketing touch later than the web chat touch, which won nevertheless (A6).
    WebChatWon,
    /// It is a marketing touch that takes the order, or its part of a split (A7), from the agent.
    Marketing,
}

/// Why a touch was not eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeftOut {
    /// A bot clicked (A2).
    Bot,
    /// A machine opened (A2).
    MachineOpen,
    /// The message is transactional (A2).
    Transactional,
    /// Its class has no window (A2).
    NoWindow,
    /// It came after the order (A3).
    AfterOrder,
    /// It came longer before the order than its class's window (A3).
    OutsideWindow,
}

impl LeftOut {
    /// Returns the name that SQL shows.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::MachineOpen => "machine_open",
            Self::Transactional => "transactional",
            Self::NoWindow => "no_window",
            Self::AfterOrder => "after_order",
            Self::OutsideWindow => "outside_window",
        }
    }
}

impl FromStr for LeftOut {
    type Err = RuleError;

    /// Parses a reason that `touch_exclusion` returns.
    fn from_str(text: &str) -> Result<Self, RuleError> {
        let exclusions = [Self::Bot, Self::MachineOpen, Self::Transactional];
        let found = exclusions.into_iter().find(|reason| reason.name() == text);
        found.ok_or_else(|| {
            RuleError(format!(
                "reason '{text}' is unknown; expected 'bot', 'machine_open' or 'transactional'"
            ))
        })
    }
}

impl Outcome {
    /// Returns the names that SQL shows: of the outcome and of its reason.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Won(Won::Latest) => ("won", "latest"),
            Self::Won(Won::WebChatHolds) => ("won", "web_chat_holds"),
            Self::Won(Won::Shares) => ("won", "shares"),
            Self::Lost(Lost::Earlier) => ("lost", "earlier"),
            Self::Lost(Lost::LaterMarketing) => ("lost", "later_marketing"),
            Self::Lost(Lost::LaterWebChat) => ("lost", "later_web_chat"),
            Self::Lost(Lost::WebChatWon) => ("lost", "web_chat_won"),
            Self::Lost(Lost::Marketing) => ("lost", "marketing"),
            Self::LeftOut(reason) => ("left_out", reason.name()),
        }
    }
}

/// Describes the outcome of one touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome, with the reason.
    pub outcome: Outcome,
    /// The window of its class in microseconds, if the class has one.
    pub window: Option<i64>,
    /// The number of units that share the order, and its unit's part of the value in steps of 0.0001.
    pub part: Option<(u32, i64)>,
}

/// Returns the verdict on each touch of a ledger that holds one order.
pub fn verdicts(ledger: &Ledger, book: &RuleBook, classes: &Classes) -> Vec<Verdict> {
    let (Some(order), Some((model, lanes))) = (ledger.orders().first(), book.rules_of(0)) else {
        return Vec::new();
    };
    let window = |touch: &Touch| lanes.lane_and_window(touch.class).map(|(_, window)| window);
    let counts =
        |touch: &Touch| window(touch).is_some_and(|window| is_eligible(order.at, touch.at, window));
    let credits = resolve(ledger, 1, book, classes, Parts::All).rows;
    let decision = Decision {
        ledger,
        winner: winner(*model, ledger, &credits),
        split: *model == Model::Linear,
        latest: ledger
            .touches()
            .iter()
            .filter(|touch| counts(touch))
            .max_by(|a, b| ledger.compare_total(a, b, classes)),
    };
    let mut parts = vec![None; ledger.touches().len()];
    for credit in &credits {
        parts[credit.touch as usize] = Some((credit.units, credit.value));
    }
    let verdict = |(touch, part): (&Touch, Option<(u32, i64)>)| Verdict {
        outcome: match window(touch) {
            None => Outcome::LeftOut(LeftOut::NoWindow),
            Some(_) if counts(touch) => decision.outcome(touch, part.is_some()),
            Some(_) if touch.at > order.at => Outcome::LeftOut(LeftOut::AfterOrder),
            Some(_) => Outcome::LeftOut(LeftOut::OutsideWindow),
        },
        window: window(touch),
        part,
    };
    ledger.touches().iter().zip(parts).map(verdict).collect()
}

/// Returns the touch that gets the whole order, if one does: the winner of A6, or the web chat touch of A7.
fn winner<'a>(model: Model, ledger: &'a Ledger, credits: &[Credit]) -> Option<&'a Touch> {
    let first = credits.first()?;
    let touch = &ledger.touches()[first.touch as usize];
    (model == Model::LastTouch || touch.class == Classes::WEB_CHAT).then_some(touch)
}

/// Describes how an order was attributed.
struct Decision<'a> {
    ledger: &'a Ledger,
    /// The touch that gets the whole order.
    winner: Option<&'a Touch>,
    /// Whether units share the order where there is no winner.
    split: bool,
    /// The latest eligible touch.
    latest: Option<&'a Touch>,
}

impl Decision<'_> {
    /// Returns the outcome of an eligible touch. `has_part` is true where its unit has the order or a part of it, and it is
    /// the unit's latest touch.
    fn outcome(&self, touch: &Touch, has_part: bool) -> Outcome {
        let later = |a: &Touch, b: &Touch| self.ledger.compare(a, b) == Ordering::Greater;
        let lost = match self.winner {
            Some(winner) if has_part => {
                let holds = self.latest.is_some_and(|latest| later(latest, winner));
                return Outcome::Won(if holds {
                    Won::WebChatHolds
                } else {
                    Won::Latest
                });
            }
            Some(winner) if later(touch, winner) && touch.agent => Lost::LaterMarketing,
            Some(winner) if later(touch, winner) => Lost::WebChatWon,
            Some(winner) if is_web(winner) && !is_web(touch) => Lost::LaterWebChat,
            Some(_) => Lost::Earlier,
            None if has_part && touch.agent => return Outcome::Won(Won::Shares),
            None if has_part => Lost::Marketing,
            None if self.split => Lost::Earlier,
            None if touch.agent => Lost::LaterMarketing,
            None if self
                .latest
                .is_some_and(|latest| std::ptr::eq(latest, touch)) =>
            {
                Lost::Marketing
            }
            None => Lost::Earlier,
        };
        Outcome::Lost(lost)
    }
}

fn is_web(touch: &Touch) -> bool {
    touch.class == Classes::WEB_CHAT
}
