//! An event spelled out: its fields, one after the other, whatever form they are written in.
//!
//! Both outputs spell events through [`Event::spell`], so that they cannot tell different stories.

use super::catalogue::Product;
use super::dice::{hash, mix};
use super::event::{Body, Channel, Event, Kind, Page, Sender, Source, Tags, Text};
use super::procedures::Procedure;
use super::world::Shop;

/// The fields of the contract, and `page`, which the contract does not list. The order is that of the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Field {
    EventId,
    AccountId,
    Type,
    OccurredAt,
    ConversationId,
    Channel,
    ProfileId,
    FirstMessage,
    Mode,
    Sender,
    Text,
    Procedure,
    ProductIds,
    Url,
    IsBot,
    ProductId,
    Quantity,
    Tag,
    Tags,
    Reason,
    Category,
    Rating,
    Comment,
    OrderId,
    Value,
    Currency,
    Kind,
    MessageId,
    Source,
    IsMachineOpen,
    IsTransactional,
    Page,
}

/// How a column holds its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Texts,
    Instant,
    Flag,
    Integer,
    Money,
}

impl Field {
    pub(super) const COUNT: usize = Field::Page as usize + 1;

    /// Name and shape of every field, in order.
    pub(super) const ALL: [(&'static str, Shape); Self::COUNT] = [
        ("event_id", Shape::Text),
        ("account_id", Shape::Text),
        ("type", Shape::Text),
        ("occurred_at", Shape::Instant),
        ("conversation_id", Shape::Text),
        ("channel", Shape::Text),
        ("profile_id", Shape::Text),
        ("first_message", Shape::Text),
        ("mode", Shape::Text),
        ("sender", Shape::Text),
        ("text", Shape::Text),
        ("procedure", Shape::Text),
        ("product_ids", Shape::Texts),
        ("url", Shape::Text),
        ("is_bot", Shape::Flag),
        ("product_id", Shape::Text),
        ("quantity", Shape::Integer),
        ("tag", Shape::Text),
        ("tags", Shape::Texts),
        ("reason", Shape::Text),
        ("category", Shape::Text),
        ("rating", Shape::Integer),
        ("comment", Shape::Text),
        ("order_id", Shape::Text),
        ("value", Shape::Money),
        ("currency", Shape::Text),
        ("kind", Shape::Text),
        ("message_id", Shape::Text),
        ("source", Shape::Text),
        ("is_machine_open", Shape::Flag),
        ("is_transactional", Shape::Flag),
        ("page", Shape::Text),
    ];
}

/// What takes an event's fields, one call each, the first four fields first.
pub(super) trait Spell {
    fn text(&mut self, field: Field, value: &str);
    fn texts<'a>(&mut self, field: Field, values: impl Iterator<Item = &'a str>);
    fn instant(&mut self, field: Field, micros: i64);
    fn flag(&mut self, field: Field, value: bool);
    fn integer(&mut self, field: Field, value: i64);
    /// A value in hundredths.
    fn money(&mut self, field: Field, cents: i64);
}

impl Channel {
    const fn name(self) -> &'static str {
        match self {
            Self::WebChat => "web_chat",
            Self::Email => "email",
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
            Self::Push => "push",
        }
    }
}

/// The kinds of ids; each is a bijection of its own, so that no two things of a kind and shop share one.
#[derive(Clone, Copy)]
enum Id {
    Event,
    Conversation,
    Profile,
    Message,
}

impl Id {
    /// The id of the shop's `number`th thing of this kind.
    fn write<'a>(self, shop: &Shop, number: u64, buffer: &'a mut [u8; 16]) -> &'a str {
        const DIGITS: [u8; 32] = *b"0123456789abcdefghjkmnpqrstvwxyz";
        let prefix = match self {
            Self::Event => b"ev_",
            Self::Conversation => b"cv_",
            Self::Profile => b"pr_",
            Self::Message => b"ms_",
        };
        let mut rest =
            mix(((u64::from(shop.index) << 40) | number) ^ hash(shop.run_seed, self as u64, 21));
        buffer[..3].copy_from_slice(prefix);
        for place in &mut buffer[3..] {
            *place = DIGITS[(rest & 31) as usize];
            rest >>= 5;
        }
        std::str::from_utf8(buffer).unwrap_or_default()
    }
}

impl Event {
    /// Hands every field that the event has to `out`; `scratch` is for texts on their way.
    pub(super) fn spell(&self, shop: &Shop, scratch: &mut String, out: &mut impl Spell) {
        let mut id = [0; 16];
        out.text(Field::EventId, Id::Event.write(shop, self.serial, &mut id));
        out.text(Field::AccountId, &shop.identity.id);
        out.text(Field::Type, self.type_name());
        out.instant(Field::OccurredAt, self.occurred);
        if let Some(number) = self.conversation() {
            out.text(
                Field::ConversationId,
                Id::Conversation.write(shop, u64::from(number), &mut id),
            );
        }
        if let Some(number) = self.profile() {
            out.text(
                Field::ProfileId,
                Id::Profile.write(shop, u64::from(number), &mut id),
            );
        }
        let product = |place: u8| -> &'static Product { shop.product(place) };
        match self.body {
            Body::Started {
                channel,
                first,
                preview,
                page,
                ..
            } => {
                out.text(Field::Channel, channel.name());
                if let Some(first) = first {
                    out.text(Field::FirstMessage, first.render(shop, scratch));
                }
                if preview || shop.writes_defaults {
                    out.text(Field::Mode, if preview { "preview" } else { "live" });
                }
                if let Some(page) = page {
                    scratch.clear();
                    match page {
                        Page::Home => scratch.push('/'),
                        Page::Cart => scratch.push_str("/cart"),
                        Page::Help => scratch.push_str("/pages/help"),
                        Page::Product(place) => {
                            scratch.push_str("/products/");
                            scratch.push_str(product(place).id);
                        }
                    }
                    out.text(Field::Page, scratch);
                }
            }
            Body::Message { sender, text, .. } => {
                let sender = match sender {
                    Sender::Shopper => "shopper",
                    Sender::Agent => "agent",
                    Sender::Human => "human",
                };
                out.text(Field::Sender, sender);
                if let Some(text) = text {
                    out.text(Field::Text, text.render(shop, scratch));
                }
            }
            Body::Procedure { procedure, .. } => out.text(Field::Procedure, procedure.name),
            Body::Recommended {
                products, count, ..
            } => {
                out.texts(Field::ProductIds, ids(shop, &products, count));
            }
            Body::Clicked {
                product: place,
                bot,
                ..
            } => {
                scratch.clear();
                for part in [
                    "https://",
                    &shop.identity.id,
                    ".example/products/",
                    product(place).id,
                    "?utm_source=agent",
                ] {
                    scratch.push_str(part);
                }
                out.text(Field::Url, scratch);
                if bot || shop.writes_defaults {
                    out.flag(Field::IsBot, bot);
                }
            }
            Body::Cart {
                product: place,
                quantity,
                ..
            } => {
                out.text(Field::ProductId, product(place).id);
                out.integer(Field::Quantity, i64::from(quantity));
            }
            Body::Tag { tag, .. } => out.text(Field::Tag, tag),
            Body::Linked { .. } => {}
            Body::Resolved {
                procedure, tags, ..
            } => tags.spell(procedure, out),
            Body::Escalated {
                procedure,
                tags,
                cause,
                ..
            } => {
                tags.spell(procedure, out);
                if let Some((reason, category)) =
                    cause.and_then(|cause| procedure.escalations.get(usize::from(cause)))
                {
                    out.text(Field::Reason, reason);
                    out.text(Field::Category, category);
                }
            }
            Body::Closed { reason, .. } => {
                if let Some(reason) = reason {
                    out.text(Field::Reason, reason);
                }
            }
            Body::Rated {
                rating, comment, ..
            } => {
                out.integer(Field::Rating, i64::from(rating));
                if let Some(comment) = comment {
                    out.text(Field::Comment, comment);
                }
            }
            Body::Ordered {
                order,
                cents,
                products,
                count,
                currency,
                ..
            } => {
                out.text(Field::OrderId, shop.order_id(order, scratch));
                out.texts(Field::ProductIds, ids(shop, &products, count));
                out.money(Field::Value, cents);
                if let Some(currency) = currency {
                    out.text(Field::Currency, currency.code);
                }
            }
            Body::Refunded { order, cents } => {
                out.text(Field::OrderId, shop.order_id(order, scratch));
                out.money(Field::Value, cents);
            }
            Body::Cancelled { order } => out.text(Field::OrderId, shop.order_id(order, scratch)),
            Body::Touch {
                channel,
                kind,
                source,
                message,
                automatic,
                ..
            } => {
                out.text(Field::Channel, channel.name());
                let kind_name = match kind {
                    Kind::Delivered => "delivered",
                    Kind::Opened => "opened",
                    Kind::Clicked => "clicked",
                };
                out.text(Field::Kind, kind_name);
                out.text(
                    Field::MessageId,
                    Id::Message.write(shop, u64::from(message), &mut id),
                );
                let source_name = match source {
                    Source::Campaign => "campaign",
                    Source::Flow => "flow",
                    Source::Transactional => "transactional",
                    Source::Agent => "agent",
                };
                out.text(Field::Source, source_name);
                if automatic || (shop.writes_defaults && kind != Kind::Delivered) {
                    let field = if kind == Kind::Opened {
                        Field::IsMachineOpen
                    } else {
                        Field::IsBot
                    };
                    out.flag(field, automatic);
                }
                if source == Source::Transactional {
                    out.flag(Field::IsTransactional, true);
                }
            }
        }
    }

    const fn type_name(&self) -> &'static str {
        match self.body {
            Body::Started { .. } => "conversation_started",
            Body::Message { .. } => "message_sent",
            Body::Procedure { .. } => "procedure_started",
            Body::Recommended { .. } => "product_recommended",
            Body::Clicked { .. } => "link_clicked",
            Body::Cart { .. } => "added_to_cart",
            Body::Tag { .. } => "tag_added",
            Body::Linked { .. } => "profile_linked",
            Body::Resolved { .. } => "conversation_resolved",
            Body::Escalated { .. } => "conversation_escalated",
            Body::Closed { .. } => "conversation_closed",
            Body::Rated { .. } => "conversation_rated",
            Body::Ordered { .. } => "order_placed",
            Body::Refunded { .. } => "order_refunded",
            Body::Cancelled { .. } => "order_cancelled",
            Body::Touch { .. } => "touch",
        }
    }
}

/// The ids of the first `count` products of a list.
fn ids<'a>(shop: &'a Shop, places: &'a [u8], count: u8) -> impl Iterator<Item = &'static str> + 'a {
    let places = places.iter().take(usize::from(count));
    places.map(|place| shop.product(*place).id)
}

impl Text {
    /// The text with its placeholders filled, in `scratch`.
    fn render<'a>(&self, shop: &Shop, scratch: &'a mut String) -> &'a str {
        scratch.clear();
        let mut rest = self.template;
        while let Some(at) = rest.find('{') {
            scratch.push_str(&rest[..at]);
            match rest.as_bytes().get(at + 1) {
                Some(b'p') => scratch.push_str(shop.product(self.product).name),
                Some(b'o') => {
                    scratch.push('#');
                    shop.push_order_id(self.number, scratch);
                }
                _ => scratch.push(char::from(b'2' + (self.number % 7) as u8)),
            }
            rest = rest.get(at + 3..).unwrap_or_default();
        }
        scratch.push_str(rest);
        scratch
    }
}

impl Tags {
    /// The procedure, where there is one, and those of its tags that are set.
    fn spell(self, procedure: &'static Procedure, out: &mut impl Spell) {
        if !procedure.name.is_empty() {
            out.text(Field::Procedure, procedure.name);
        }
        if self.0 != 0 {
            let set = procedure
                .tags
                .iter()
                .enumerate()
                .filter(|(place, _)| self.0 >> place & 1 == 1);
            out.texts(Field::Tags, set.map(|(_, tag)| *tag));
        }
    }
}
