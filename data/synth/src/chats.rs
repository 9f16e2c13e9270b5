//! Conversations: how one goes, from its first message until it ends.

use super::event::{Body, Channel, Kind, Page, Sender, Source, Text};
use super::procedures::Procedure;
use super::rhythm::{DAY, HOUR, MINUTE, SECOND};
use super::world::Stage;

/// Seconds until a shopper writes again.
const SHOPPER_CHATS: [i64; 10] = [3, 8, 14, 21, 31, 47, 75, 130, 330, 1500];
const SHOPPER_TEXTS: [i64; 10] = [12, 40, 80, 150, 300, 700, 1800, 5400, 16_000, 60_000];
const SHOPPER_MAILS: [i64; 10] = [
    300, 1200, 3600, 8000, 15_000, 30_000, 50_000, 80_000, 120_000, 200_000,
];
/// Seconds until the agent answers.
const AGENT_CHATS: [i64; 7] = [2, 3, 4, 5, 7, 9, 14];
const AGENT_MAILS: [i64; 5] = [15, 40, 70, 110, 240];
/// Exchanges of shopper and agent, in a hundred conversations.
const TURNS: [(u64, u32); 6] = [(25, 1), (56, 2), (79, 3), (91, 4), (97, 5), (100, 8)];

/// A conversation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Talk {
    pub(super) number: u32,
    pub(super) channel: Channel,
    /// Whose it is, whether or not the shop knows.
    pub(super) shopper: u32,
    /// The shop knows: its profile is on the conversation.
    pub(super) known: bool,
    /// What it is about.
    pub(super) product: u8,
    /// Something went into the cart.
    pub(super) cart: bool,
    /// The shopper is going to buy.
    pub(super) buys: bool,
    pub(super) at: i64,
    order: u32,
    pub(super) place: usize,
    pub(super) procedure: &'static Procedure,
}

impl Talk {
    pub(super) const fn text(&self, template: &'static str) -> Text {
        Text {
            template,
            product: self.product,
            number: self.order,
        }
    }
}

impl Stage<'_> {
    /// A conversation that begins at `at`, and what follows from it.
    pub(super) fn chat(&mut self, at: i64) {
        let channel = self.some_channel();
        let (place, procedure) = self.some_procedure();
        let preview = channel == Channel::WebChat && self.dice.chance(22);
        let known = self.dice.chance(if channel == Channel::WebChat {
            560
        } else {
            965
        });
        let sells = if preview { 30 } else { procedure.sells };
        let mut talk = Talk {
            number: self.next_conversation(),
            channel,
            shopper: self.some_shopper(),
            known,
            product: self.some_product(),
            cart: false,
            buys: self.dice.chance(sells),
            at,
            order: self.recent_order(),
            place,
            procedure,
        };
        self.open(&mut talk, preview);
        let draw = self.dice.below(100);
        let turns = TURNS
            .iter()
            .find(|(bound, _)| draw < *bound)
            .map_or(1, |(_, turns)| *turns);
        for turn in 0..turns {
            if turn > 0 {
                self.wait_for_shopper(&mut talk);
                let template = self.dice.pick(procedure.follow_ups);
                self.say(&talk, Sender::Shopper, Some(template));
            }
            self.answer(&mut talk, procedure.answers);
            if turn == 0 || self.dice.chance(250) {
                self.offer(&mut talk);
            }
            if turn == 1 && self.dice.chance(140) {
                let (_, other) = self.some_procedure();
                if !other.name.is_empty() {
                    self.emit(
                        talk.at + SECOND,
                        Body::Procedure {
                            conversation: talk.number,
                            procedure: other,
                        },
                    );
                }
            }
        }
        self.label(&talk);
        if !known && self.dice.chance(330) {
            // Some say who they are while they chat, some only come to be known days later.
            talk.known = true;
            let later = if self.dice.chance(300) {
                self.dice.between(HOUR, 2 * DAY)
            } else {
                self.dice.between(-20 * SECOND, MINUTE)
            };
            self.emit(
                (talk.at + later).max(at),
                Body::Linked {
                    conversation: talk.number,
                    profile: talk.shopper,
                },
            );
        }
        // Who buys does so after the talk, whenever the conversation is closed.
        self.follow_chat(&talk);
        let rated = self.conclude(&mut talk);
        self.rate(&talk, rated);
    }

    /// The start and the first message.
    fn open(&mut self, talk: &mut Talk, preview: bool) {
        let question = self.dice.pick(talk.procedure.questions);
        let web = talk.channel == Channel::WebChat;
        let first = self
            .dice
            .chance(if web { 880 } else { 550 })
            .then(|| talk.text(question));
        let page = match (web, self.dice.below(10)) {
            (false, _) => None,
            (true, 0..5) => Some(Page::Product(talk.product)),
            (true, 5..8) => Some(Page::Home),
            (true, 8) => Some(Page::Cart),
            (true, _) => Some(Page::Help),
        };
        let profile = talk.known.then_some(talk.shopper);
        let start = Body::Started {
            conversation: talk.number,
            channel: talk.channel,
            profile,
            first,
            preview,
            page,
        };
        let oddity = self.dice.below(10_000);
        // 3 in 10,000 starts never come, 50 are stamped after the first message, 5 come as two.
        if oddity >= 3 {
            let late_clock = if oddity < 53 { 900_000 } else { 0 };
            self.emit(talk.at + late_clock, start);
        }
        if (60..65).contains(&oddity) {
            self.emit(talk.at + 40 * SECOND, start);
        }
        talk.at += self.dice.between(50_000, 700_000);
        // A shopper's first message may be a picture: no text.
        let written = self.dice.chance(970).then_some(question);
        self.say(talk, Sender::Shopper, written);
        if !talk.procedure.name.is_empty() {
            let after = self.dice.between(200_000, 1_500_000);
            self.emit(
                talk.at + after,
                Body::Procedure {
                    conversation: talk.number,
                    procedure: talk.procedure,
                },
            );
        }
    }

    pub(super) fn say(&mut self, talk: &Talk, sender: Sender, template: Option<&'static str>) {
        let text = template.map(|template| talk.text(template));
        self.emit(
            talk.at,
            Body::Message {
                conversation: talk.number,
                sender,
                text,
            },
        );
    }

    pub(super) fn wait_for_shopper(&mut self, talk: &mut Talk) {
        let pace = match talk.channel {
            Channel::WebChat => &SHOPPER_CHATS,
            Channel::Email => &SHOPPER_MAILS,
            _ => &SHOPPER_TEXTS,
        };
        talk.at += self.dice.curve(pace) * SECOND + self.dice.between(0, SECOND);
    }

    pub(super) fn answer(&mut self, talk: &mut Talk, answers: &[&'static str]) {
        let email = talk.channel == Channel::Email;
        let seconds = if email {
            self.dice.curve(&AGENT_MAILS)
        } else {
            self.dice.curve(&AGENT_CHATS)
        };
        talk.at += seconds * SECOND + self.dice.between(0, SECOND);
        let template = self.dice.pick(answers);
        self.say(talk, Sender::Agent, Some(template));
        if talk.channel != Channel::WebChat && self.dice.chance(70) {
            self.report_delivery(talk);
        }
    }

    /// What the carrier of an email or text of the agent reports: a touch that names the conversation.
    fn report_delivery(&mut self, talk: &Talk) {
        let message = self.next_message();
        let touch = |kind| Body::Touch {
            profile: talk.shopper,
            channel: talk.channel,
            kind,
            source: Source::Agent,
            message,
            conversation: Some(talk.number),
            automatic: false,
        };
        self.emit(talk.at + SECOND, touch(Kind::Delivered));
        if talk.channel != Channel::Sms && self.dice.chance(600) {
            let after = self.dice.between(20 * SECOND, 5 * HOUR);
            self.emit(talk.at + after, touch(Kind::Opened));
        }
    }

    /// Products, and what the shopper does with them.
    fn offer(&mut self, talk: &mut Talk) {
        let conversation = talk.number;
        let mut shown = false;
        if self.dice.chance(talk.procedure.recommends) {
            shown = true;
            let products = [
                talk.product,
                talk.product.wrapping_add(1),
                talk.product.wrapping_add(3),
            ];
            let count = self.dice.between(1, 3) as u8;
            self.emit(
                talk.at + SECOND / 2,
                Body::Recommended {
                    conversation,
                    products,
                    count,
                },
            );
        }
        let mut at = talk.at;
        let clicks = match (shown, talk.buys) {
            (true, true) => 800,
            (true, false) => 380,
            (false, true) => 350,
            (false, false) => 110,
        };
        if self.dice.chance(clicks) {
            // Scanners of mail and messages follow links within moments, before the shopper does or instead.
            if talk.channel != Channel::WebChat && self.dice.chance(180) {
                let after = self.dice.between(300_000, 3 * SECOND);
                self.emit(
                    at + after,
                    Body::Clicked {
                        conversation,
                        product: talk.product,
                        bot: true,
                    },
                );
            }
            at += self.dice.between(4 * SECOND, 90 * SECOND);
            self.emit(
                at,
                Body::Clicked {
                    conversation,
                    product: talk.product,
                    bot: false,
                },
            );
            if shown && self.dice.chance(240) {
                let after = self.dice.between(5 * SECOND, MINUTE);
                self.emit(
                    at + after,
                    Body::Clicked {
                        conversation,
                        product: talk.product.wrapping_add(1),
                        bot: false,
                    },
                );
            }
        }
        if !talk.cart && self.dice.chance(if talk.buys { 520 } else { 75 }) {
            talk.cart = true;
            let quantity = self.dice.pick(&[1, 1, 1, 1, 2, 3]);
            let after = self.dice.between(5 * SECOND, 2 * MINUTE);
            self.emit(
                at + after,
                Body::Cart {
                    conversation,
                    product: talk.product,
                    quantity,
                },
            );
        }
    }

    /// Tags, added as the conversation goes.
    fn label(&mut self, talk: &Talk) {
        let count = self.dice.pick(&[0, 0, 0, 1, 1, 1, 1, 2, 2]);
        for _ in 0..count {
            let general = self.dice.chance(120);
            let tag = if general {
                self.dice
                    .pick(&["vip", "first-time-buyer", "returning-customer"])
            } else {
                self.dice.pick(talk.procedure.tags)
            };
            let after = self.dice.between(SECOND, 20 * SECOND);
            self.emit(
                talk.at + after,
                Body::Tag {
                    conversation: talk.number,
                    tag,
                },
            );
        }
    }
}
