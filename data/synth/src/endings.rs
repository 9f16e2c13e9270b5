//! The ends of conversations, for those that have one, and what shoppers say of them.

use super::chats::Talk;
use super::dice::Dice;
use super::event::{Body, Sender, Tags};
use super::procedures::{AGAIN, CLOSINGS, PEOPLE, THANKS};
use super::rhythm::{DAY, MINUTE, SECOND};
use super::world::Stage;

/// Seconds until a person of the shop does.
const PERSON: [i64; 7] = [60, 300, 1100, 3600, 10_000, 30_000, 80_000];
/// Seconds until a shopper comes back.
const RETURN: [i64; 6] = [400, 3000, 15_000, 50_000, 110_000, 260_000];

/// How shoppers rate a conversation: how many of a thousand do, and what they give.
pub(super) struct Ratings {
    per_mille: u32,
    given: [u8; 12],
}

const OF_RESOLVED: Ratings = Ratings {
    per_mille: 210,
    given: [5, 5, 5, 5, 5, 5, 4, 4, 4, 3, 2, 1],
};
const OF_ESCALATED: Ratings = Ratings {
    per_mille: 150,
    given: [5, 5, 4, 4, 3, 3, 3, 2, 2, 1, 1, 1],
};
const OF_OTHERS: Ratings = Ratings {
    per_mille: 45,
    given: [5, 4, 4, 3, 3, 3, 2, 2, 2, 1, 1, 1],
};

/// What shoppers write with a rating, by how they rate.
pub(super) const COMMENTS: [&[&str]; 5] = [
    &[
        "I just wanted a person",
        "Did not help at all",
        "Went in circles",
    ],
    &["Too slow", "It did not understand my question"],
    &["ok", "It took a while"],
    &["Quick answer, thanks", "Helpful"],
    &[
        "Wow, that was fast",
        "Great service!",
        "Solved in a minute 👍",
    ],
];

impl Stage<'_> {
    /// What a shopper gives and writes, moments or hours after the end, by dice of its own.
    pub(super) fn rate(&mut self, talk: &Talk, ratings: Ratings) {
        let one = (u64::from(self.shop.index) << 40) | u64::from(talk.number);
        let mut dice = Dice::new(self.shop.run_seed, one, 22);
        if !dice.chance(ratings.per_mille) {
            return;
        }
        let mut at = talk.at;
        // Some think again.
        for _ in 0..=u8::from(dice.chance(40)) {
            at += dice.curve(&[10, 40, 120, 900, 20_000, 70_000]) * SECOND;
            let rating = dice.pick(&ratings.given);
            let comment = dice
                .chance(280)
                .then(|| dice.pick(COMMENTS[usize::from(rating) - 1]));
            let rated = Body::Rated {
                conversation: talk.number,
                rating,
                comment,
            };
            self.emit(at, rated);
        }
    }

    /// How it ends: resolved, handed to people, closed, or not at all. Returns how it is rated.
    pub(super) fn conclude(&mut self, talk: &mut Talk) -> Ratings {
        let resolved = u64::from(self.resolved_rate(talk.place, talk.procedure));
        let escalated = u64::from(talk.procedure.escalated);
        match self.dice.below(1000) {
            draw if draw < resolved => {
                self.resolve_and_after(talk);
                OF_RESOLVED
            }
            draw if draw < resolved + escalated => {
                self.escalate(talk);
                OF_ESCALATED
            }
            _ => {
                if self.dice.chance(420) {
                    self.close(talk);
                }
                OF_OTHERS
            }
        }
    }

    fn resolve_and_after(&mut self, talk: &mut Talk) {
        if self.dice.chance(350) {
            self.wait_for_shopper(talk);
            let thanks = self.dice.pick(&THANKS);
            self.say(talk, Sender::Shopper, Some(thanks));
        }
        if self.dice.chance(12) {
            // Someone of the shop looked in: no longer the agent's alone.
            self.step_in(talk);
        }
        self.resolve(talk);
        if self.dice.chance(70) {
            self.reopen(talk);
        } else if self.dice.chance(110) {
            self.close(talk);
        }
    }

    fn reopen(&mut self, talk: &mut Talk) {
        talk.at += self.dice.curve(&RETURN) * SECOND;
        let again = self.dice.pick(&AGAIN);
        self.say(talk, Sender::Shopper, Some(again));
        match self.dice.below(10) {
            0..5 => {
                self.answer(talk, talk.procedure.answers);
                self.resolve(talk);
            }
            5..7 => self.escalate(talk),
            7 => self.close(talk),
            _ => self.answer(talk, talk.procedure.answers),
        }
    }

    fn tags(&mut self, talk: &Talk) -> Tags {
        let known = (1_u16 << talk.procedure.tags.len().min(8)) - 1;
        Tags((self.dice.bits() & self.dice.bits()) as u8 & known as u8)
    }

    fn resolve(&mut self, talk: &mut Talk) {
        talk.at += self.dice.between(SECOND, 40 * SECOND);
        let tags = self.tags(talk);
        self.emit(
            talk.at,
            Body::Resolved {
                conversation: talk.number,
                procedure: talk.procedure,
                tags,
            },
        );
    }

    fn escalate(&mut self, talk: &mut Talk) {
        talk.at += self.dice.between(SECOND, 15 * SECOND);
        let tags = self.tags(talk);
        let causes = talk.procedure.escalations.len() as u64;
        let cause = self.dice.chance(950).then(|| self.dice.below(causes) as u8);
        self.emit(
            talk.at,
            Body::Escalated {
                conversation: talk.number,
                procedure: talk.procedure,
                tags,
                cause,
            },
        );
        if self.dice.chance(730) {
            self.step_in(talk);
            if self.dice.chance(450) {
                self.close(talk);
            }
        }
    }

    /// A person of the shop writes, once or more.
    fn step_in(&mut self, talk: &mut Talk) {
        for message in 0..self.dice.between(1, 3) {
            if message > 0 && self.dice.chance(600) {
                self.wait_for_shopper(talk);
                let reply = self.dice.pick(talk.procedure.follow_ups);
                self.say(talk, Sender::Shopper, Some(reply));
            }
            talk.at += self.dice.curve(&PERSON) * SECOND;
            let words = self.dice.pick(&PEOPLE);
            self.say(talk, Sender::Human, Some(words));
        }
    }

    fn close(&mut self, talk: &mut Talk) {
        talk.at += self.dice.between(20 * MINUTE, 2 * DAY);
        let reason = match self.dice.below(20) {
            0 => None,
            1..13 => Some(CLOSINGS[0]),
            13..18 => Some(CLOSINGS[1]),
            _ => Some(self.dice.pick(&CLOSINGS[2..])),
        };
        self.emit(
            talk.at,
            Body::Closed {
                conversation: talk.number,
                reason,
            },
        );
    }
}
