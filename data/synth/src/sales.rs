//! Orders, and the messages that compete for them.

use super::chats::Talk;
use super::event::{Body, Channel, Kind, Source};
use super::rhythm::{DAY, HOUR, MINUTE, SECOND};
use super::shops::{Currency, FOREIGN};
use super::world::{ORDERS_BEFORE, Stage};

/// Minutes from a chat's last message to the order: most within the hour, the rest up to eleven days.
const AFTER_CHAT: [i64; 13] = [
    1, 4, 9, 18, 35, 70, 160, 420, 1300, 2600, 6000, 9500, 16_000,
];
/// Minutes from a click on a marketing message to the order.
const AFTER_CLICK: [i64; 7] = [3, 10, 25, 90, 600, 2400, 8000];
/// Seconds from delivery to opening, by people.
const OPENING: [i64; 7] = [20, 240, 1200, 4000, 14_000, 45_000, 180_000];

impl Stage<'_> {
    /// What a chat leads to: an order, or a forgotten cart and a message about it.
    pub(super) fn follow_chat(&mut self, talk: &Talk) {
        let delay = self.dice.curve(&AFTER_CHAT) * MINUTE + self.dice.between(0, MINUTE);
        let waits = delay > 3 * HOUR;
        let reminded = if talk.buys {
            waits && (talk.cart || talk.channel != Channel::WebChat)
        } else {
            talk.cart
        };
        if reminded && talk.known && self.dice.chance(550) {
            let channel = if self.dice.chance(650) {
                Channel::Email
            } else {
                Channel::Sms
            };
            let after = self.dice.between(HOUR, 3 * HOUR);
            self.deliver(talk.at + after, talk.shopper, channel, Source::Flow, None);
        }
        if !talk.buys {
            return;
        }
        let at = talk.at + delay;
        let mut profile = Some(talk.shopper);
        let mut named = talk.known && self.dice.chance(120);
        if !talk.known {
            match self.dice.below(20) {
                // Bought as a guest, in the chat's own checkout.
                0..8 => (profile, named) = (None, true),
                // Known from the order on.
                8..17 => self.emit(
                    at + SECOND,
                    Body::Linked {
                        conversation: talk.number,
                        profile: talk.shopper,
                    },
                ),
                _ => {}
            }
        }
        self.order(at, profile, named.then_some(talk.number), talk.product);
    }

    /// An order that no chat led to.
    pub(super) fn walk_in(&mut self, at: i64) {
        let profile = match self.dice.below(100) {
            0..12 => None,
            12..48 => Some(self.some_shopper()),
            48..60 => Some(self.some_subscriber()),
            _ => Some(self.some_stranger()),
        };
        let product = self.some_product();
        self.order(at, profile, None, product);
    }

    /// A message to one person, sent by a rule.
    pub(super) fn flow(&mut self, at: i64) {
        let profile = self.recipient();
        let channel = self.marketing_channel();
        self.deliver(at, profile, channel, Source::Flow, None);
    }

    /// One message to `count` people, within the hour from `from`.
    pub(super) fn campaign(&mut self, from: i64, count: u64) {
        let message = self.next_message();
        let channel = self.marketing_channel();
        for _ in 0..count {
            let at = from + self.dice.below(HOUR as u64) as i64;
            let profile = self.recipient();
            self.deliver(at, profile, channel, Source::Campaign, Some(message));
        }
    }

    fn marketing_channel(&mut self) -> Channel {
        match self.dice.below(100) {
            0..66 => Channel::Email,
            66..86 => Channel::Sms,
            86..92 => Channel::WhatsApp,
            _ => Channel::Push,
        }
    }

    /// Most of those who get marketing never chat.
    fn recipient(&mut self) -> u32 {
        if self.dice.chance(320) {
            self.some_shopper()
        } else {
            self.some_subscriber()
        }
    }

    /// Delivers a message at `at`; it may be opened and clicked, by people and machines, and lead to an order.
    fn deliver(
        &mut self,
        at: i64,
        profile: u32,
        channel: Channel,
        source: Source,
        message: Option<u32>,
    ) {
        let message = match message {
            Some(message) => message,
            None => self.next_message(),
        };
        let touch = |kind, automatic| Body::Touch {
            profile,
            channel,
            kind,
            source,
            message,
            conversation: None,
            automatic,
        };
        self.emit(at, touch(Kind::Delivered, false));
        // Per mille opened by people, by machines, clicked by people, by bots.
        let (opened, machine, clicked, bot) = match channel {
            Channel::Email => (250, 160, 32, 9),
            Channel::WhatsApp => (610, 0, 70, 2),
            Channel::Push => (90, 0, 0, 0),
            Channel::Sms | Channel::WebChat => (0, 0, 62, 6),
        };
        if machine > 0 && self.dice.chance(machine) {
            let after = self.dice.between(SECOND, 20 * SECOND);
            self.emit(at + after, touch(Kind::Opened, true));
        }
        if bot > 0 && self.dice.chance(bot) {
            let after = self.dice.between(SECOND, 4 * SECOND);
            self.emit(at + after, touch(Kind::Clicked, true));
        }
        let clicks = self.dice.chance(clicked);
        let mut read = at + self.dice.curve(&OPENING) * SECOND;
        if opened > 0 && (clicks || self.dice.chance(opened)) {
            self.emit(read, touch(Kind::Opened, false));
        }
        if clicks {
            read += self.dice.between(3 * SECOND, 3 * MINUTE);
            self.emit(read, touch(Kind::Clicked, false));
            if source != Source::Transactional && self.dice.chance(90) {
                let after = self.dice.curve(&AFTER_CLICK) * MINUTE;
                let product = self.some_product();
                self.order(read + after, Some(profile), None, product);
            }
        }
    }

    /// An order at `at`, and what becomes of it.
    fn order(&mut self, at: i64, profile: Option<u32>, conversation: Option<u32>, product: u8) {
        let order = self.next_order();
        if self.is_over(at) {
            return;
        }
        let own = self.shop.identity.currency;
        let foreign = self
            .dice
            .chance(25)
            .then(|| self.dice.pick(&FOREIGN))
            .filter(|currency| *currency != own);
        let currency = foreign.unwrap_or(own);
        let (cents, products, count) = self.basket(product, currency);
        let stated = foreign.is_some() || self.shop.writes_defaults || self.dice.chance(300);
        let placed = Body::Ordered {
            order,
            cents,
            products,
            count,
            currency: stated.then_some(currency),
            profile,
            conversation,
        };
        self.emit(at, placed);
        match self.dice.below(10_000) {
            // Reported once more, under another event id.
            0..5 => self.emit(at + 30 * SECOND, placed),
            5..145 => {
                let after = self.dice.between(5 * MINUTE, 20 * HOUR);
                self.emit(at + after, Body::Cancelled { order });
            }
            145..600 => self.refund(at, order, cents),
            // A refund of an order from before anything was reported.
            600..603 => {
                let order = self.dice.below(u64::from(ORDERS_BEFORE)) as u32;
                self.emit(at, Body::Refunded { order, cents });
            }
            _ => {}
        }
        if let Some(profile) = profile.filter(|_| self.dice.chance(90)) {
            self.deliver(
                at + 5 * SECOND,
                profile,
                Channel::Email,
                Source::Transactional,
                None,
            );
        }
    }

    fn refund(&mut self, at: i64, order: u32, cents: i64) {
        let at = at + self.dice.between(DAY, 16 * DAY);
        match self.dice.below(10) {
            0..6 => self.emit(at, Body::Refunded { order, cents }),
            6..9 => {
                let share = self.dice.between(10, 70);
                self.emit(
                    at,
                    Body::Refunded {
                        order,
                        cents: cents * share / 100,
                    },
                );
            }
            _ => {
                self.emit(
                    at,
                    Body::Refunded {
                        order,
                        cents: cents / 4,
                    },
                );
                let after = self.dice.between(HOUR, 4 * DAY);
                self.emit(
                    at + after,
                    Body::Refunded {
                        order,
                        cents: cents / 5,
                    },
                );
            }
        }
    }

    /// What a basket around `product` costs, in hundredths of `currency`, and the first products in it with their number.
    fn basket(&mut self, product: u8, currency: Currency) -> (i64, [u8; 4], u8) {
        let (mut products, mut count) = ([product; 4], 1);
        let mut cents =
            self.shop.product(product).price * self.dice.pick(&[1, 1, 1, 1, 1, 2, 2, 3]);
        while self.dice.chance(330) {
            let more = self.some_product();
            cents += self.shop.product(more).price;
            if let Some(place) = products.get_mut(count) {
                *place = more;
                count += 1;
            }
        }
        if self.dice.chance(170) {
            cents = cents * 9 / 10;
        }
        if cents < 7500 {
            cents += 495;
        }
        cents *= currency.rate;
        if currency.whole {
            cents = (cents + 50) / 100 * 100;
        }
        (cents, products, count as u8)
    }
}
