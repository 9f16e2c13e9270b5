//! What shoppers come for: the procedures, how well the agent does at each, and what is said.
//!
//! The rates are meant to be found again by whoever looks at the page: *Damaged or missing item* and *Payment
//! problems* escalate often, *Cancel or change order* and *Subscription management* are badly resolved, *Gift cards*
//! and *Wholesale enquiry* are rarely picked.
//! In texts `{p}` is a product's name, `{o}` an order's number, `{n}` a small number. Invariant: no text needs an
//! escape in JSON.

mod bought;
mod buying;

/// Where a procedure makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trade {
    Any,
    /// Where things are worn.
    Worn,
    /// Where things are not worn.
    NotWorn,
    /// Where things are used up.
    Consumed,
}

/// A procedure. Rates are per mille.
#[derive(Debug)]
pub(super) struct Procedure {
    pub(super) name: &'static str,
    /// How often it is what a conversation is about.
    pub(super) weight: u32,
    pub(super) trade: Trade,
    pub(super) resolved: u32,
    pub(super) escalated: u32,
    /// How often an order follows.
    pub(super) sells: u32,
    /// How often products are recommended.
    pub(super) recommends: u32,
    pub(super) questions: &'static [&'static str],
    pub(super) follow_ups: &'static [&'static str],
    pub(super) answers: &'static [&'static str],
    /// At most eight.
    pub(super) tags: &'static [&'static str],
    /// Reason and category of its escalations.
    pub(super) escalations: &'static [(&'static str, &'static str)],
}

const ASKED: (&str, &str) = ("Shopper asked for a person", "Handover request");
const UPSET: (&str, &str) = ("Shopper is upset", "Sentiment");
const UNKNOWN: (&str, &str) = ("Answer not in the knowledge base", "Knowledge gap");
const LIMIT: (&str, &str) = ("Refund above the agent's limit", "Policy");
const DISPUTE: (&str, &str) = ("Payment dispute", "Payments");
const PHOTOS: (&str, &str) = ("Photos need a review", "Quality");
const PACKED: (&str, &str) = ("Order already packed", "Fulfilment");
const LOST: (&str, &str) = ("Parcel seems lost", "Fulfilment");
const ALLERGY: (&str, &str) = ("Health or safety question", "Sensitive topic");
const BUSINESS: (&str, &str) = ("Business customer", "Sales lead");

/// All procedures, the commonest first.
pub(super) static PROCEDURES: [Procedure; 15] = [
    bought::ORDER_STATUS,
    buying::PRODUCT_RECOMMENDATION,
    bought::RETURNS_AND_EXCHANGES,
    buying::SIZING_AND_FIT,
    buying::PRODUCT_CARE_AND_USE,
    buying::SHIPPING_AND_DELIVERY,
    buying::STOCK_AVAILABILITY,
    buying::DISCOUNTS_AND_PROMOTIONS,
    bought::CANCEL_OR_CHANGE_ORDER,
    bought::DAMAGED_OR_MISSING_ITEM,
    bought::SUBSCRIPTION_MANAGEMENT,
    bought::PAYMENT_PROBLEMS,
    bought::WARRANTY_CLAIM,
    buying::GIFT_CARDS,
    buying::WHOLESALE_ENQUIRY,
];

/// Conversations that no procedure handles: greetings, strays, spam.
pub(super) static UNASSIGNED: Procedure = Procedure {
    name: "",
    weight: 45,
    trade: Trade::Any,
    resolved: 240,
    escalated: 120,
    sells: 90,
    recommends: 60,
    questions: &[
        "Hi",
        "hello?",
        "Are you a bot?",
        "Do you have any jobs?",
        "hey there 👋",
        "I want to talk to someone",
        "Are you open on public holidays?",
        "Collab? I have {n}0k followers",
        "Great shop, just wanted to say thanks!",
    ],
    follow_ups: &["Are you there?", "ok", "Never mind", "A real person please"],
    answers: &[
        "Hello! How can I help you today?",
        "I'm the shop's assistant. What are you looking for?",
        "Thank you! Anything else I can do?",
    ],
    tags: &["general", "spam", "feedback"],
    escalations: &[ASKED, UNKNOWN],
};

/// What shoppers say once helped.
pub(super) const THANKS: [&str; 7] = [
    "Thanks!",
    "Perfect, thank you",
    "That helps, thanks a lot",
    "ok great",
    "👍",
    "Awesome, ordering now",
    "Thank you so much!",
];
/// What shoppers come back with.
pub(super) const AGAIN: [&str; 6] = [
    "Sorry, one more thing",
    "Actually it still doesn't work",
    "Any news on this?",
    "Hi again, I still have a question about the {p}",
    "It's been {n} days and nothing happened",
    "Hello, following up on this",
];
/// What people of the shop write when they take over.
pub(super) const PEOPLE: [&str; 6] = [
    "Hi, this is Sam from the team, I'm taking over from here.",
    "I've had a look at {o} and will sort this out for you.",
    "Sorry about the trouble! I've issued a refund for the {p}.",
    "Our warehouse confirmed it, you'll have it in {n} days.",
    "I've escalated this to our partner and will be back tomorrow.",
    "All done. Is there anything else?",
];
/// Why conversations are closed without being resolved.
pub(super) const CLOSINGS: [&str; 4] = ["inactive", "shopper_left", "spam", "duplicate"];
