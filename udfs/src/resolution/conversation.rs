//! The state of a conversation, and how each event changes it: SPEC C1 and C3 to C11.
//!
//! Only the earliest `conversation_started` counts, but it is known only after all events were seen. So the fields of starts
//! are kept apart from those of other events ([`Conversation::start`]), and combined when the result is built.

mod codec;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::common::utils::take_function_args;
use datafusion::logical_expr::Documentation;

use super::conversation_fold::{DOCUMENTATION, PARAMETERS, result_type, results};
use super::event::{Kind, Sender};
use super::status::Resolution;
use crate::columns::{Instants, ListColumn, Parameter, TextColumn, flags, is_set, primitive};
use crate::grouped::{Decoder, Encoder, Fold, Pool, Stamp, Text};

/// Stands for no instant; no event is as early.
const NEVER: i64 = i64::MIN;

/// Holds the state of `conversation_fold` for one conversation.
///
/// The fields are laid out in cache lines by how often events change them: every event changes the first line, a shopper's
/// message the second too. Over unsorted input, each line touched is a cache miss.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Conversation {
    pub(super) events: u64,
    /// The earliest instant of any event, ignored starts included.
    pub(super) first_at: i64,
    /// The latest instant of any event, ignored starts included.
    pub(super) last_at: i64,
    /// The latest instant of any event but starts (C7).
    latest_non_start: i64,
    pub(super) messages: u64,
    pub(super) clicks: u64,
    pub(super) human_clicks: u64,
    pub(super) cart_adds: u64,

    /// What the status depends on (C3).
    pub(super) resolution: Resolution,
    /// Escalations, tags, ratings and messages by humans, which most conversations do not have.
    pub(super) rare: Option<Box<Rare>>,

    /// The earliest shopper message with a text (C4).
    question: Stamp,
    pub(super) question_text: Text,
    /// The earliest `conversation_started` (C1).
    pub(super) start: Stamp,
    /// Its [`START_FIELDS`], as [`Pool::set_fields`] stores them.
    pub(super) start_fields: Text,
    /// The earliest `conversation_resolved` (C8).
    pub(super) first_resolved: Stamp,

    /// The latest `profile_linked` (C5).
    link: Stamp,
    link_profile: Text,
    /// Each procedure with its first use (C6), sorted by name.
    pub(super) procedures: Vec<Procedure>,
}

/// The number of fields kept of a `conversation_started`: channel, mode, profile, first message.
pub(super) const START_FIELDS: usize = 4;

/// The number of fields kept of a `conversation_escalated`: reason, category, procedure.
pub(super) const ESCALATION_FIELDS: usize = 3;

/// Holds a procedure and the event that first used it.
#[derive(Debug)]
pub(super) struct Procedure {
    pub(super) name: Text,
    pub(super) first: Stamp,
}

/// Holds what most conversations do not have.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// The earliest `conversation_escalated` (C8).
    pub(super) escalated: Stamp,
    /// Its [`ESCALATION_FIELDS`], as [`Pool::set_fields`] stores them.
    pub(super) escalation_fields: Text,
    /// The tags of `tag_added`, resolutions and escalations, and the escalation reasons (C6), sorted bytewise.
    pub(super) tags: Vec<Text>,
    /// The latest `conversation_rated` (C11).
    pub(super) rated: Stamp,
    pub(super) rating: u64,
    /// The instant of the earliest message by a human (C11).
    pub(super) human_at: Option<i64>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            events: 0,
            first_at: i64::MAX,
            last_at: NEVER,
            latest_non_start: NEVER,
            messages: 0,
            clicks: 0,
            human_clicks: 0,
            cart_adds: 0,
            resolution: Resolution::default(),
            rare: None,
            question: Stamp::default(),
            question_text: Text::NONE,
            start: Stamp::default(),
            start_fields: Text::NONE,
            first_resolved: Stamp::default(),
            link: Stamp::default(),
            link_profile: Text::NONE,
            procedures: vec![],
        }
    }
}

/// Reads the argument columns of a batch of events.
pub(super) struct Events<'a> {
    kinds: Vec<Kind>,
    at: Instants<'a>,
    ids: TextColumn<'a>,
    profiles: TextColumn<'a>,
    channels: TextColumn<'a>,
    modes: TextColumn<'a>,
    senders: Vec<Sender>,
    first_messages: TextColumn<'a>,
    texts: TextColumn<'a>,
    procedures: TextColumn<'a>,
    tag: TextColumn<'a>,
    tags: ListColumn<'a>,
    reasons: TextColumn<'a>,
    categories: TextColumn<'a>,
    is_bot: &'a BooleanArray,
    ratings: &'a Int64Array,
}

fn bytes<'a>(column: &TextColumn<'a>, row: usize) -> Option<&'a [u8]> {
    column.get(row).map(str::as_bytes)
}

impl Conversation {
    /// Returns `last_updated` (C7): the latest instant of any event that counts.
    pub(super) fn last_updated(&self) -> Option<i64> {
        let latest = self.start.at().unwrap_or(NEVER).max(self.latest_non_start);
        (latest != NEVER).then_some(latest)
    }

    /// Returns the profile (C5): that of the latest event with one, where `of_start` is the profile of the start.
    pub(super) fn profile<'a>(
        &self,
        of_start: Option<&'a [u8]>,
        pool: &'a Pool,
    ) -> Option<&'a [u8]> {
        of_start
            .filter(|_| self.start.is_later_than(self.link, pool))
            .or_else(|| pool.get(self.link_profile))
    }

    /// Appends the procedures to `items` in order of first use (C6).
    pub(super) fn push_procedures<'a>(&self, pool: &'a Pool, items: &mut Vec<&'a [u8]>) {
        let name = |used: &Procedure| pool.get(used.name);
        if self.procedures.len() < 2 {
            items.extend(self.procedures.first().and_then(name));
            return;
        }
        let mut used: Vec<&Procedure> = self.procedures.iter().collect();
        // No event uses two procedures, so first uses tie only in input that breaks E1. A stable sort then keeps the order
        // by name, whatever the order of arrival.
        used.sort_by(|a, b| a.first.compare(b.first, pool));
        items.extend(used.into_iter().filter_map(name));
    }

    /// Returns `reopened` (C8): whether a message by the shopper is later than the earliest resolution.
    pub(super) fn is_reopened(&self, pool: &Pool) -> bool {
        let (shopper, resolved) = (self.resolution.shopper, self.first_resolved);
        resolved.is_some() && shopper.is_later_than(resolved, pool)
    }

    fn add_start(&mut self, events: &Events<'_>, row: usize, at: i64, id: &[u8], pool: &mut Pool) {
        if self.start.keep_earlier(at, id, pool) {
            let fields: [_; START_FIELDS] = [
                &events.channels,
                &events.modes,
                &events.profiles,
                &events.first_messages,
            ];
            let fields = fields.map(|column| bytes(column, row));
            pool.set_fields(&mut self.start_fields, &fields);
        }
    }

    fn add_escalation(
        &mut self,
        events: &Events<'_>,
        row: usize,
        at: i64,
        id: &[u8],
        pool: &mut Pool,
    ) {
        let fields: [_; ESCALATION_FIELDS] =
            [&events.reasons, &events.categories, &events.procedures];
        let fields = fields.map(|column| bytes(column, row));
        let rare = self.rare.get_or_insert_default();
        if rare.escalated.keep_earlier(at, id, pool) {
            pool.set_fields(&mut rare.escalation_fields, &fields);
        }
        let [reason, _, procedure] = fields;
        self.add_procedure(procedure, at, id, pool);
        self.add_tag(reason, pool);
    }

    fn add_procedure(&mut self, procedure: Option<&[u8]>, at: i64, id: &[u8], pool: &mut Pool) {
        let Some(name) = procedure else { return };
        let place = self
            .procedures
            .binary_search_by(|known| pool.get(known.name).cmp(&Some(name)));
        let place = place.unwrap_or_else(|place| {
            let used = Procedure {
                name: pool.put(name),
                first: Stamp::default(),
            };
            // Most conversations use one procedure, so reserve no room for more.
            if self.procedures.is_empty() {
                self.procedures.reserve_exact(1);
            }
            self.procedures.insert(place, used);
            place
        });
        self.procedures[place].first.keep_earlier(at, id, pool);
    }

    fn add_tag(&mut self, tag: Option<&[u8]>, pool: &mut Pool) {
        let Some(tag) = tag else { return };
        let tags = &mut self.rare.get_or_insert_default().tags;
        if let Err(place) = tags.binary_search_by(|known| pool.get(*known).cmp(&Some(tag))) {
            if tags.is_empty() {
                tags.reserve_exact(1);
            }
            tags.insert(place, pool.put(tag));
        }
    }

    pub(super) fn add_rating(&mut self, at: i64, id: &[u8], rating: u64, pool: &mut Pool) {
        let rare = self.rare.get_or_insert_default();
        if rare.rated.keep_later(at, id, pool) {
            rare.rating = rating;
        }
    }

    pub(super) fn add_human_message(&mut self, at: i64) {
        let earliest = &mut self.rare.get_or_insert_default().human_at;
        *earliest = Some(earliest.map_or(at, |known| known.min(at)));
    }

    /// Adds an event of a kind that is rare or comes once per conversation, and tracks the heap that it takes.
    fn add_uncommon(
        &mut self,
        kind: Kind,
        events: &Events<'_>,
        row: usize,
        at: i64,
        pool: &mut Pool,
    ) {
        let before = self.heap_size();
        let id = events.ids.get(row).unwrap_or_default().as_bytes();
        match kind {
            Kind::Started => self.add_start(events, row, at, id, pool),
            Kind::ProfileLinked => {
                let profile = bytes(&events.profiles, row);
                if profile.is_some() && self.link.keep_later(at, id, pool) {
                    pool.set(&mut self.link_profile, profile);
                }
            }
            Kind::ProcedureStarted => {
                self.add_procedure(bytes(&events.procedures, row), at, id, pool)
            }
            Kind::TagAdded => self.add_tag(bytes(&events.tag, row), pool),
            Kind::Resolved => {
                self.first_resolved.keep_earlier(at, id, pool);
                self.add_procedure(bytes(&events.procedures, row), at, id, pool);
                for tag in events.tags.get(row) {
                    self.add_tag(Some(tag.as_bytes()), pool);
                }
            }
            Kind::Escalated => {
                self.add_escalation(events, row, at, id, pool);
                for tag in events.tags.get(row) {
                    self.add_tag(Some(tag.as_bytes()), pool);
                }
            }
            Kind::Rated if events.ratings.is_valid(row) => {
                let rating = events.ratings.value(row).unsigned_abs();
                self.add_rating(at, id, rating, pool);
            }
            Kind::Message => self.add_human_message(at),
            _ => {}
        }
        pool.track_heap(before, self.heap_size());
    }
}

impl Fold for Conversation {
    const NAME: &'static str = "conversation_fold";

    const PARAMETERS: &'static [Parameter] = &PARAMETERS;

    type Events<'a> = Events<'a>;

    fn result_type() -> DataType {
        result_type()
    }

    fn documentation() -> &'static Documentation {
        &DOCUMENTATION
    }

    fn read_events(arguments: &[ArrayRef]) -> Result<Events<'_>> {
        let [
            kinds,
            at,
            ids,
            profiles,
            channels,
            modes,
            senders,
            first_messages,
            texts,
            procedures,
            tag,
            tags,
            reasons,
            categories,
            is_bot,
            ratings,
        ] = take_function_args(Self::NAME, arguments)?;
        Ok(Events {
            kinds: TextColumn::new(kinds)?.codes(kinds.len(), Kind::of),
            at: Instants::new(at)?,
            ids: TextColumn::new(ids)?,
            profiles: TextColumn::new(profiles)?,
            channels: TextColumn::new(channels)?,
            modes: TextColumn::new(modes)?,
            senders: TextColumn::new(senders)?.codes(senders.len(), Sender::of),
            first_messages: TextColumn::new(first_messages)?,
            texts: TextColumn::new(texts)?,
            procedures: TextColumn::new(procedures)?,
            tag: TextColumn::new(tag)?,
            tags: ListColumn::new(tags)?,
            reasons: TextColumn::new(reasons)?,
            categories: TextColumn::new(categories)?,
            is_bot: flags(is_bot)?,
            ratings: primitive::<Int64Type>(ratings)?,
        })
    }

    #[inline]
    fn add(&mut self, events: &Events<'_>, row: usize, pool: &mut Pool) {
        let kind = events.kinds[row];
        let Some(at) = events.at.get(row).filter(|_| kind != Kind::Other) else {
            return;
        };
        self.events += 1;
        self.first_at = self.first_at.min(at);
        self.last_at = self.last_at.max(at);
        if kind != Kind::Started {
            self.latest_non_start = self.latest_non_start.max(at);
        }
        let id = || events.ids.get(row).unwrap_or_default().as_bytes();
        self.resolution
            .add(kind, || events.senders[row], at, id, pool);
        match kind {
            Kind::Message => {
                self.messages += 1;
                match events.senders[row] {
                    Sender::Shopper => {
                        let text = bytes(&events.texts, row).filter(|text| !text.is_empty());
                        if text.is_some() && self.question.keep_earlier(at, id(), pool) {
                            pool.set(&mut self.question_text, text);
                        }
                    }
                    Sender::Human => self.add_uncommon(kind, events, row, at, pool),
                    Sender::Other => {}
                }
            }
            Kind::Clicked => {
                self.clicks += 1;
                self.human_clicks += u64::from(!is_set(events.is_bot, row));
            }
            Kind::CartAdd => self.cart_adds += 1,
            Kind::Recommended | Kind::Closed | Kind::Other => {}
            _ => self.add_uncommon(kind, events, row, at, pool),
        }
    }

    fn encode(&self, pool: &Pool, out: &mut Encoder) {
        self.encode_state(pool, out);
    }

    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        self.merge_state(state, pool)
    }

    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.visit_texts(visit);
    }

    fn heap_size(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            size_of::<Rare>() + rare.tags.capacity() * size_of::<Text>()
        });
        self.procedures.capacity() * size_of::<Procedure>() + rare
    }

    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef> {
        results(groups, pool)
    }
}
