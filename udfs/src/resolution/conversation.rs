//! The state of a conversation, as its events go into it: SPEC C1 and C3 to C10.
//!
//! A `conversation_started` later than the earliest is ignored by every rule, but the earliest is not known before all
//! have been seen. So what starts say is kept apart from what other events say ([`Conversation::start`]), and put
//! together in the end.

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::utils::take_function_args;
use datafusion::logical_expr::Documentation;

use super::conversation_fold::{DOCUMENTATION, PARAMETERS, result_type, results};
use super::event::{Kind, Sender};
use super::status::Resolution;
use crate::columns::{Instants, ListColumn, Parameter, TextColumn, flags, is_set};
use crate::grouped::{Decoder, Encoder, Fold, Pool, Stamp, Text};

/// No instant is earlier, so it stands for none.
const NEVER: i64 = i64::MIN;

/// The state of `conversation_fold`.
///
/// Laid out by how often events change it, in cache lines: any event changes the first, a shopper's message the second
/// too; over unsorted input each line is a miss.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Conversation {
    pub(super) events: u64,
    /// The earliest and latest instant of any event at all, ignored starts too.
    pub(super) first_at: i64,
    pub(super) last_at: i64,
    /// The latest instant of any event but starts (C7).
    latest_unstarted: i64,
    pub(super) messages: u64,
    pub(super) clicks: u64,
    pub(super) human_clicks: u64,
    pub(super) cart_adds: u64,

    /// What the status depends on (C3).
    pub(super) resolution: Resolution,
    /// What most conversations do not have.
    pub(super) rare: Option<Box<Rare>>,

    /// The earliest shopper message with a text (C4).
    question: Stamp,
    pub(super) question_text: Text,
    /// The earliest `conversation_started` (C1), and the texts that it says: see [`START`].
    pub(super) start: Stamp,
    pub(super) said: Text,
    /// The earliest `conversation_resolved` (C8).
    pub(super) first_resolved: Stamp,

    /// The latest `profile_linked` (C5).
    link: Stamp,
    link_profile: Text,
    /// Each procedure with its first use (C6), ordered by name.
    pub(super) procedures: Vec<Procedure>,
}

/// What a `conversation_started` says: channel, mode, profile, first message.
pub(super) const START: usize = 4;

/// What a `conversation_escalated` says: reason, category, procedure.
pub(super) const ESCALATION: usize = 3;

/// A procedure, and the event that first used it.
#[derive(Debug)]
pub(super) struct Procedure {
    pub(super) name: Text,
    pub(super) first: Stamp,
}

/// Escalations and tags.
#[derive(Debug, Default)]
pub(super) struct Rare {
    /// The earliest `conversation_escalated` (C8), and the texts that it says: see [`ESCALATION`].
    pub(super) escalated: Stamp,
    pub(super) said: Text,
    /// The tags of tags, resolutions and escalations, and the reasons of the latter (C6), ordered bytewise.
    pub(super) tags: Vec<Text>,
}

impl Default for Conversation {
    fn default() -> Self {
        Self {
            events: 0,
            first_at: i64::MAX,
            last_at: NEVER,
            latest_unstarted: NEVER,
            messages: 0,
            clicks: 0,
            human_clicks: 0,
            cart_adds: 0,
            resolution: Resolution::default(),
            rare: None,
            question: Stamp::default(),
            question_text: Text::NONE,
            start: Stamp::default(),
            said: Text::NONE,
            first_resolved: Stamp::default(),
            link: Stamp::default(),
            link_profile: Text::NONE,
            procedures: vec![],
        }
    }
}

/// A batch of events.
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
}

fn bytes<'a>(column: &TextColumn<'a>, row: usize) -> Option<&'a [u8]> {
    column.get(row).map(str::as_bytes)
}

impl Conversation {
    /// C7: the latest instant of any event that counts.
    pub(super) fn last_updated(&self) -> Option<i64> {
        let latest = self.start.at().unwrap_or(NEVER).max(self.latest_unstarted);
        (latest != NEVER).then_some(latest)
    }

    /// C5: the profile of the latest event that carries one, given what the start says.
    pub(super) fn profile<'a>(
        &self,
        of_start: Option<&'a [u8]>,
        pool: &'a Pool,
    ) -> Option<&'a [u8]> {
        of_start
            .filter(|_| self.start.is_later_than(self.link, pool))
            .or_else(|| pool.get(self.link_profile))
    }

    /// C6: the procedures in order of first use; by name where one event used two, which no single event can.
    pub(super) fn in_order_of_first_use<'a>(&self, pool: &'a Pool, items: &mut Vec<&'a [u8]>) {
        let name = |used: &Procedure| pool.get(used.name);
        if self.procedures.len() < 2 {
            items.extend(self.procedures.first().and_then(name));
            return;
        }
        let mut used: Vec<&Procedure> = self.procedures.iter().collect();
        // Stable: they come by name.
        used.sort_by(|a, b| a.first.order(b.first, pool));
        items.extend(used.into_iter().filter_map(name));
    }

    /// C8: some message by the shopper is later than the earliest resolution.
    pub(super) fn reopened(&self, pool: &Pool) -> bool {
        let (shopper, resolved) = (self.resolution.shopper, self.first_resolved);
        resolved.is_some() && shopper.is_later_than(resolved, pool)
    }

    fn starts(&mut self, events: &Events<'_>, row: usize, at: i64, id: &[u8], pool: &mut Pool) {
        if self.start.lower(at, id, pool) {
            let said: [_; START] = [
                &events.channels,
                &events.modes,
                &events.profiles,
                &events.first_messages,
            ];
            let said = said.map(|column| bytes(column, row));
            pool.set_all(&mut self.said, &said);
        }
    }

    fn escalates(&mut self, events: &Events<'_>, row: usize, at: i64, id: &[u8], pool: &mut Pool) {
        let said: [_; ESCALATION] = [&events.reasons, &events.categories, &events.procedures];
        let said = said.map(|column| bytes(column, row));
        let rare = self.rare.get_or_insert_default();
        if rare.escalated.lower(at, id, pool) {
            pool.set_all(&mut rare.said, &said);
        }
        let [reason, _, procedure] = said;
        self.uses(procedure, at, id, pool);
        self.tag(reason, pool);
    }

    fn uses(&mut self, procedure: Option<&[u8]>, at: i64, id: &[u8], pool: &mut Pool) {
        let Some(name) = procedure else { return };
        let place = self
            .procedures
            .binary_search_by(|known| pool.get(known.name).cmp(&Some(name)));
        let place = place.unwrap_or_else(|place| {
            let used = Procedure {
                name: pool.put(name),
                first: Stamp::default(),
            };
            // Most conversations use one: do not make room for more at once.
            if self.procedures.is_empty() {
                self.procedures.reserve_exact(1);
            }
            self.procedures.insert(place, used);
            place
        });
        self.procedures[place].first.lower(at, id, pool);
    }

    fn tag(&mut self, tag: Option<&[u8]>, pool: &mut Pool) {
        let Some(tag) = tag else { return };
        let tags = &mut self.rare.get_or_insert_default().tags;
        if let Err(place) = tags.binary_search_by(|known| pool.get(*known).cmp(&Some(tag))) {
            if tags.is_empty() {
                tags.reserve_exact(1);
            }
            tags.insert(place, pool.put(tag));
        }
    }

    /// The events that few conversations have, or that a conversation has once.
    fn add_uncommon(
        &mut self,
        kind: Kind,
        events: &Events<'_>,
        row: usize,
        at: i64,
        pool: &mut Pool,
    ) {
        let before = self.boxed();
        let id = events.ids.get(row).unwrap_or_default().as_bytes();
        match kind {
            Kind::Started => self.starts(events, row, at, id, pool),
            Kind::ProfileLinked => {
                let profile = bytes(&events.profiles, row);
                if profile.is_some() && self.link.raise(at, id, pool) {
                    pool.set(&mut self.link_profile, profile);
                }
            }
            Kind::ProcedureStarted => self.uses(bytes(&events.procedures, row), at, id, pool),
            Kind::TagAdded => self.tag(bytes(&events.tag, row), pool),
            Kind::Resolved => {
                self.first_resolved.lower(at, id, pool);
                self.uses(bytes(&events.procedures, row), at, id, pool);
                for tag in events.tags.get(row) {
                    self.tag(Some(tag.as_bytes()), pool);
                }
            }
            Kind::Escalated => {
                self.escalates(events, row, at, id, pool);
                for tag in events.tags.get(row) {
                    self.tag(Some(tag.as_bytes()), pool);
                }
            }
            _ => {}
        }
        pool.boxed(before, self.boxed());
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

    fn events(arguments: &[ArrayRef]) -> Result<Events<'_>> {
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
        })
    }

    #[inline]
    fn add(&mut self, events: &Events<'_>, row: usize, pool: &mut Pool) {
        let kind = events.kinds[row];
        let Some(at) = events.at.get(row).filter(|_| kind != Kind::Foreign) else {
            return;
        };
        self.events += 1;
        self.first_at = self.first_at.min(at);
        self.last_at = self.last_at.max(at);
        if kind != Kind::Started {
            self.latest_unstarted = self.latest_unstarted.max(at);
        }
        let id = || events.ids.get(row).unwrap_or_default().as_bytes();
        self.resolution
            .add(kind, || events.senders[row], at, id, pool);
        match kind {
            Kind::Message => {
                self.messages += 1;
                if events.senders[row] == Sender::Shopper {
                    let text = bytes(&events.texts, row).filter(|text| !text.is_empty());
                    if text.is_some() && self.question.lower(at, id(), pool) {
                        pool.set(&mut self.question_text, text);
                    }
                }
            }
            Kind::Clicked => {
                self.clicks += 1;
                self.human_clicks += u64::from(!is_set(events.is_bot, row));
            }
            Kind::CartAdd => self.cart_adds += 1,
            Kind::Recommended | Kind::Closed | Kind::Foreign => {}
            _ => self.add_uncommon(kind, events, row, at, pool),
        }
    }

    fn encode(&self, pool: &Pool, out: &mut Encoder) {
        out.count(self.events);
        if self.events == 0 {
            return;
        }
        self.resolution.encode(pool, out);
        for count in [
            self.messages,
            self.clicks,
            self.human_clicks,
            self.cart_adds,
        ] {
            out.count(count);
        }
        for at in [self.first_at, self.last_at, self.latest_unstarted] {
            out.instant(at);
        }
        self.start.encode(pool, out);
        if self.start.is_some() {
            out.text(pool.get(self.said));
        }
        self.question.encode(pool, out);
        if self.question.is_some() {
            out.text(pool.get(self.question_text));
        }
        self.link.encode(pool, out);
        if self.link.is_some() {
            out.text(pool.get(self.link_profile));
        }
        self.first_resolved.encode(pool, out);
        out.count(self.procedures.len() as u64);
        for procedure in &self.procedures {
            out.text(pool.get(procedure.name));
            procedure.first.encode(pool, out);
        }
        out.flag(self.rare.is_some());
        if let Some(rare) = &self.rare {
            rare.escalated.encode(pool, out);
            if rare.escalated.is_some() {
                out.text(pool.get(rare.said));
            }
            out.count(rare.tags.len() as u64);
            for tag in &rare.tags {
                out.text(pool.get(*tag));
            }
        }
    }

    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        let events = state.count()?;
        if events == 0 {
            return Ok(());
        }
        let before = self.boxed();
        self.events += events;
        self.resolution.merge(state, pool)?;
        self.messages += state.count()?;
        self.clicks += state.count()?;
        self.human_clicks += state.count()?;
        self.cart_adds += state.count()?;
        self.first_at = self.first_at.min(state.instant()?);
        self.last_at = self.last_at.max(state.instant()?);
        self.latest_unstarted = self.latest_unstarted.max(state.instant()?);
        if let Some((at, id)) = Stamp::decode(state)? {
            let said = state.text()?;
            if self.start.lower(at, id, pool) {
                pool.set(&mut self.said, said);
            }
        }
        if let Some((at, id)) = Stamp::decode(state)? {
            let text = state.text()?;
            if self.question.lower(at, id, pool) {
                pool.set(&mut self.question_text, text);
            }
        }
        if let Some((at, id)) = Stamp::decode(state)? {
            let profile = state.text()?;
            if self.link.raise(at, id, pool) {
                pool.set(&mut self.link_profile, profile);
            }
        }
        if let Some((at, id)) = Stamp::decode(state)? {
            self.first_resolved.lower(at, id, pool);
        }
        for _ in 0..state.count()? {
            let name = state.text()?;
            if let Some((at, id)) = Stamp::decode(state)? {
                self.uses(name, at, id, pool);
            }
        }
        if state.flag()? {
            if let Some((at, id)) = Stamp::decode(state)? {
                let said = state.text()?;
                let rare = self.rare.get_or_insert_default();
                if rare.escalated.lower(at, id, pool) {
                    pool.set(&mut rare.said, said);
                }
            }
            for _ in 0..state.count()? {
                self.tag(state.text()?, pool);
            }
        }
        pool.boxed(before, self.boxed());
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.resolution.visit(visit);
        for stamp in [
            &mut self.start,
            &mut self.question,
            &mut self.link,
            &mut self.first_resolved,
        ] {
            stamp.visit(visit);
        }
        for text in [
            &mut self.question_text,
            &mut self.said,
            &mut self.link_profile,
        ] {
            visit(text);
        }
        for procedure in &mut self.procedures {
            visit(&mut procedure.name);
            procedure.first.visit(visit);
        }
        if let Some(rare) = &mut self.rare {
            rare.escalated.visit(visit);
            visit(&mut rare.said);
            rare.tags.iter_mut().for_each(visit);
        }
    }

    fn boxed(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            size_of::<Rare>() + rare.tags.capacity() * size_of::<Text>()
        });
        self.procedures.capacity() * size_of::<Procedure>() + rare
    }

    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef> {
        results(groups, pool)
    }
}
