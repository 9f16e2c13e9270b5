//! Encodes and merges the state of a conversation, and visits its texts.
//!
//! The three methods list the same fields: a field added to [`Conversation`] is added to each of them. What always holds:
//! merging the encoded states of disjoint sets of events gives the state of their union, in any order (SPEC E2).

use datafusion::common::Result;

use super::Conversation;
use crate::grouped::{Decoder, Encoder, Fold, Pool, Stamp, Text};

impl Conversation {
    /// Writes the state: a lone 0 for a state without events.
    pub(super) fn encode_state(&self, pool: &Pool, out: &mut Encoder) {
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
        for at in [self.first_at, self.last_at, self.latest_non_start] {
            out.instant(at);
        }
        self.start.encode(pool, out);
        if self.start.is_some() {
            out.text(pool.get(self.start_fields));
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
                out.text(pool.get(rare.escalation_fields));
            }
            out.count(rare.tags.len() as u64);
            for tag in &rare.tags {
                out.text(pool.get(*tag));
            }
            rare.rated.encode(pool, out);
            if rare.rated.is_some() {
                out.count(rare.rating);
            }
            out.flag(rare.human_at.is_some());
            if let Some(at) = rare.human_at {
                out.instant(at);
            }
        }
    }

    /// Adds the events that another state counted, as [`Conversation::encode_state`] wrote it.
    pub(super) fn merge_state(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        let events = state.count()?;
        if events == 0 {
            return Ok(());
        }
        let before = self.heap_size();
        self.events += events;
        self.resolution.merge(state, pool)?;
        self.messages += state.count()?;
        self.clicks += state.count()?;
        self.human_clicks += state.count()?;
        self.cart_adds += state.count()?;
        self.first_at = self.first_at.min(state.instant()?);
        self.last_at = self.last_at.max(state.instant()?);
        self.latest_non_start = self.latest_non_start.max(state.instant()?);
        if let Some((at, id)) = Stamp::decode(state)? {
            let fields = state.text()?;
            if self.start.keep_earlier(at, id, pool) {
                pool.set(&mut self.start_fields, fields);
            }
        }
        if let Some((at, id)) = Stamp::decode(state)? {
            let text = state.text()?;
            if self.question.keep_earlier(at, id, pool) {
                pool.set(&mut self.question_text, text);
            }
        }
        if let Some((at, id)) = Stamp::decode(state)? {
            let profile = state.text()?;
            if self.link.keep_later(at, id, pool) {
                pool.set(&mut self.link_profile, profile);
            }
        }
        if let Some((at, id)) = Stamp::decode(state)? {
            self.first_resolved.keep_earlier(at, id, pool);
        }
        for _ in 0..state.count()? {
            let name = state.text()?;
            if let Some((at, id)) = Stamp::decode(state)? {
                self.add_procedure(name, at, id, pool);
            }
        }
        if state.flag()? {
            if let Some((at, id)) = Stamp::decode(state)? {
                let fields = state.text()?;
                let rare = self.rare.get_or_insert_default();
                if rare.escalated.keep_earlier(at, id, pool) {
                    pool.set(&mut rare.escalation_fields, fields);
                }
            }
            for _ in 0..state.count()? {
                self.add_tag(state.text()?, pool);
            }
            if let Some((at, id)) = Stamp::decode(state)? {
                self.add_rating(at, id, state.count()?, pool);
            }
            if state.flag()? {
                self.add_human_message(state.instant()?);
            }
        }
        pool.track_heap(before, self.heap_size());
        Ok(())
    }

    /// Visits every text handle of the state.
    pub(super) fn visit_texts(&mut self, visit: &mut dyn FnMut(&mut Text)) {
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
            &mut self.start_fields,
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
            visit(&mut rare.escalation_fields);
            rare.rated.visit(visit);
            rare.tags.iter_mut().for_each(visit);
        }
    }
}
