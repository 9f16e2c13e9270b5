//! A running shop, and the stage on which an hour of it is played.
//!
//! Everything drawn for an hour of a shop comes from a stream of its own, given by seed, shop and hour, so one shop's
//! events do not depend on another's. Invariant: a shop's counters only grow, so ids never repeat.

use super::catalogue::{CATALOGUES, Catalogue, MAX_PRODUCTS, Product};
use super::dice::{Dice, hash};
use super::event::{Body, Channel, Event};
use super::feed::Wheel;
use super::procedures::{PROCEDURES, Procedure, Trade, UNASSIGNED};
use super::rhythm::{DAY, HOUR, LocalHour, MINUTE, Quota, SECOND};
use super::shops::Identity;

/// Walk-in orders for a hundred conversations.
const WALK_INS: u64 = 68;
/// Campaign and flow messages for a hundred conversations.
const CAMPAIGN_MESSAGES: u64 = 105;
const FLOW_MESSAGES: u64 = 55;

/// Orders that a shop had before the feed begins: nobody reported them.
pub(super) const ORDERS_BEFORE: u32 = 10_000;

/// How much is due, and of what it is a share.
#[derive(Clone, Debug)]
struct Plan {
    chats: Quota,
    walk_ins: Quota,
    flows: Quota,
    campaigns: Quota,
    weight: Passage,
    campaign_hours: Passage,
}

#[derive(Clone, Copy, Debug, Default)]
struct Passage {
    passed: u64,
    whole: u64,
}

/// A shop while it runs.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    pub(super) index: u32,
    pub(super) run_seed: u64,
    pub(super) identity: Identity,
    /// Its systems write fields out that they might leave at their defaults.
    pub(super) writes_defaults: bool,
    seed: u64,
    catalogue: &'static Catalogue,
    order_prefix: String,
    plan: Plan,
    /// Who the conversation is about, for every per mille of chance: a place in [`PROCEDURES`], or one past it.
    procedures: Vec<u8>,
    shoppers: u32,
    subscribers: u32,
    strangers: u32,
    events: u64,
    conversations: u32,
    orders: u32,
    messages: u32,
}

impl Shop {
    /// The shop at `index` with `conversations` to spread over `hours` from `start`.
    pub(super) fn new(
        index: usize,
        run_seed: u64,
        conversations: u64,
        start: i64,
        hours: u64,
    ) -> Self {
        let identity = Identity::new(index, run_seed);
        let seed = hash(run_seed, index as u64, 0);
        let catalogue = &CATALOGUES[identity.trade];
        let (mut weight, mut campaign_hours) = (Passage::default(), Passage::default());
        for hour in 0..hours {
            let local = LocalHour::of(start + hour as i64 * HOUR, identity.zone);
            weight.whole += local.weight(seed, hour, hours);
            campaign_hours.whole += u64::from(sends_campaign(seed, local));
        }
        let campaigns = if campaign_hours.whole == 0 {
            0
        } else {
            conversations * CAMPAIGN_MESSAGES / 100
        };
        let messages = conversations * (CAMPAIGN_MESSAGES + FLOW_MESSAGES) / 100;
        let initials = identity
            .id
            .split('-')
            .filter_map(|word| word.chars().next());
        let mut order_prefix: String = initials.filter(char::is_ascii_alphabetic).collect();
        order_prefix.make_ascii_uppercase();
        order_prefix.push('-');
        Self {
            index: index as u32,
            run_seed,
            writes_defaults: index % 3 == 1,
            seed,
            catalogue,
            order_prefix,
            plan: Plan {
                chats: Quota::new(conversations),
                walk_ins: Quota::new(conversations * WALK_INS / 100),
                flows: Quota::new(messages - campaigns),
                campaigns: Quota::new(campaigns),
                weight,
                campaign_hours,
            },
            procedures: procedure_slots(catalogue, seed),
            shoppers: 40 + (conversations * 55 / 100) as u32,
            subscribers: 60 + (conversations * 30 / 100) as u32,
            strangers: 0,
            events: 0,
            conversations: 0,
            orders: ORDERS_BEFORE,
            messages: 0,
            identity,
        }
    }

    /// Plays the `hour`th of `hours` from `start`.
    pub(super) fn play(&mut self, start: i64, hour: u64, hours: u64, end: i64, wheel: &mut Wheel) {
        let from = start + hour as i64 * HOUR;
        let local = LocalHour::of(from, self.identity.zone);
        let plan = &mut self.plan;
        plan.weight.passed += local.weight(self.seed, hour, hours);
        let Passage { passed, whole } = plan.weight;
        let (chats, walk_ins) = (
            plan.chats.take(passed, whole),
            plan.walk_ins.take(passed, whole),
        );
        let flows = plan.flows.take(passed, whole);
        let mut campaign = 0;
        if sends_campaign(self.seed, local) {
            plan.campaign_hours.passed += 1;
            campaign = plan
                .campaigns
                .take(plan.campaign_hours.passed, plan.campaign_hours.whole);
        }
        let progress = (hour * 1000 / hours.max(1)) as u32;
        let mut stage = Stage {
            dice: Dice::new(self.seed, hour, 1),
            shop: self,
            wheel,
            end,
            progress,
        };
        for _ in 0..chats {
            let at = from + stage.dice.below(HOUR as u64) as i64;
            stage.chat(at);
        }
        for _ in 0..walk_ins {
            let at = from + stage.dice.below(HOUR as u64) as i64;
            stage.walk_in(at);
        }
        for _ in 0..flows {
            let at = from + stage.dice.below(HOUR as u64) as i64;
            stage.flow(at);
        }
        if campaign > 0 {
            stage.campaign(from, campaign);
        }
    }

    /// The product at a place of the catalogue; places beyond it wrap around.
    pub(super) fn product(&self, place: u8) -> &'static Product {
        &self.catalogue.products[usize::from(place) % self.catalogue.products.len()]
    }

    /// A place in the catalogue; those in front sell more.
    pub(super) fn some_product(&self, dice: &mut Dice) -> u8 {
        let products = self.catalogue.products.len().min(MAX_PRODUCTS) as u64;
        let bound = dice.below(products) + 1;
        dice.below(bound) as u8
    }

    pub(super) fn order_id<'a>(&self, order: u32, scratch: &'a mut String) -> &'a str {
        scratch.clear();
        self.push_order_id(order, scratch);
        scratch
    }

    /// Adds the id of the `order`th order: initials and a running number, as shop systems give them.
    pub(super) fn push_order_id(&self, order: u32, out: &mut String) {
        out.push_str(&self.order_prefix);
        let mut digits = [0_u8; 10];
        let mut rest = u64::from(order) + 10_000;
        let mut first = digits.len();
        while rest > 0 && first > 0 {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.push_str(std::str::from_utf8(&digits[first..]).unwrap_or_default());
    }

    fn procedure(&self, dice: &mut Dice) -> (usize, &'static Procedure) {
        let place = usize::from(self.procedures[dice.below(self.procedures.len() as u64) as usize]);
        (place, PROCEDURES.get(place).unwrap_or(&UNASSIGNED))
    }

    fn channel(&self, dice: &mut Dice) -> Channel {
        let draw = dice.below(1000) as u32;
        let tilt = (self.seed % 120) as u32;
        let (email, sms) = (120 + tilt, 240 + tilt);
        match draw {
            _ if draw < email => Channel::Email,
            _ if draw < sms => Channel::Sms,
            _ if draw < sms + 45 + self.identity.whatsapp => Channel::WhatsApp,
            _ => Channel::WebChat,
        }
    }

    /// A shopper: some come again and again, most do not.
    fn shopper(&self, dice: &mut Dice) -> u32 {
        let bound = dice.below(u64::from(self.shoppers)) + 1;
        dice.below(bound) as u32
    }

    fn subscriber(&self, dice: &mut Dice) -> u32 {
        self.shoppers + dice.below(u64::from(self.subscribers)) as u32
    }

    fn stranger(&mut self) -> u32 {
        self.strangers += 1;
        self.shoppers + self.subscribers + self.strangers
    }
}

/// Whether a shop sends a campaign in this hour of its time.
fn sends_campaign(seed: u64, local: LocalHour) -> bool {
    let liked = matches!((local.weekday, local.hour), (1 | 3, 10) | (4, 17) | (6, 11));
    liked && !hash(seed, local.day as u64, 5).is_multiple_of(3)
}

/// A place for every per mille or so of chance, by the procedures' weights, as this trade and shop have them.
fn procedure_slots(catalogue: &Catalogue, seed: u64) -> Vec<u8> {
    let mut slots = Vec::with_capacity(1200);
    for (place, procedure) in PROCEDURES.iter().enumerate() {
        let fits = match procedure.trade {
            Trade::Any => true,
            Trade::Worn => catalogue.worn,
            Trade::NotWorn => !catalogue.worn,
            Trade::Consumed => catalogue.consumed,
        };
        if fits {
            let taste = 80 + hash(seed, place as u64, 6) % 41;
            let count = (u64::from(procedure.weight) * taste / 100).max(1);
            slots.extend(std::iter::repeat_n(place as u8, count as usize));
        }
    }
    slots.extend(std::iter::repeat_n(
        PROCEDURES.len() as u8,
        UNASSIGNED.weight as usize,
    ));
    slots
}

/// An hour of a shop being played: what is drawn, and where events go.
pub(super) struct Stage<'a> {
    pub(super) shop: &'a mut Shop,
    pub(super) dice: Dice,
    /// Per mille of the whole time that has passed.
    pub(super) progress: u32,
    wheel: &'a mut Wheel,
    end: i64,
}

impl Stage<'_> {
    /// Lets `body` happen at `occurred`, to arrive soon after; a few arrive days late, and a few twice. What would
    /// happen after the end does not.
    pub(super) fn emit(&mut self, occurred: i64, body: Body) {
        let serial = self.shop.events;
        self.shop.events += 1;
        let draw = self.dice.bits();
        if occurred > self.end {
            return;
        }
        let spread = (draw >> 24) as i64;
        let delay = match draw % 1000 {
            0..6 => DAY + spread % (2 * DAY),
            6..40 => spread % (20 * MINUTE),
            _ => SECOND / 5 + spread % (8 * SECOND),
        };
        // Whole milliseconds: what most systems write.
        let occurred = occurred - occurred.rem_euclid(1000);
        let mut event = Event {
            lands: occurred + delay,
            occurred,
            serial,
            shop: self.shop.index,
            body,
        };
        self.wheel.push(event);
        if (draw >> 10) & 1023 < 3 {
            event.lands += SECOND
                + spread
                    % if draw & (1 << 21) == 0 {
                        2 * MINUTE
                    } else {
                        30 * HOUR
                    };
            self.wheel.push(event);
        }
    }

    pub(super) fn is_over(&self, at: i64) -> bool {
        at > self.end
    }

    pub(super) fn next_conversation(&mut self) -> u32 {
        self.shop.conversations += 1;
        self.shop.conversations
    }

    pub(super) fn next_order(&mut self) -> u32 {
        self.shop.orders += 1;
        self.shop.orders
    }

    /// The number of an order of the last weeks or so.
    pub(super) fn recent_order(&mut self) -> u32 {
        let orders = u64::from(self.shop.orders);
        let reach = orders.min(200) + 1;
        (orders - self.dice.below(reach)) as u32
    }

    pub(super) fn next_message(&mut self) -> u32 {
        self.shop.messages += 1;
        self.shop.messages
    }

    pub(super) fn some_product(&mut self) -> u8 {
        self.shop.some_product(&mut self.dice)
    }

    pub(super) fn some_procedure(&mut self) -> (usize, &'static Procedure) {
        self.shop.procedure(&mut self.dice)
    }

    pub(super) fn some_channel(&mut self) -> Channel {
        self.shop.channel(&mut self.dice)
    }

    pub(super) fn some_shopper(&mut self) -> u32 {
        self.shop.shopper(&mut self.dice)
    }

    pub(super) fn some_subscriber(&mut self) -> u32 {
        self.shop.subscriber(&mut self.dice)
    }

    pub(super) fn some_stranger(&mut self) -> u32 {
        self.shop.stranger()
    }

    /// How well this shop's agent resolves the procedure at `place`, per mille: some shops do better than others, and
    /// all do a little better as time passes.
    pub(super) fn resolved_rate(&self, place: usize, procedure: &Procedure) -> u32 {
        let skill = (hash(self.shop.seed, place as u64, 7) % 81) as u32;
        (procedure.resolved + skill + self.progress / 25).saturating_sub(60)
    }
}
