//! The feed: events in the order in which they arrive, hour by hour over all shops, in bounded memory.
//!
//! Each hour of each shop is played when the feed reaches it; what arrives later waits in a wheel of hours. Held at
//! once: the events of one hour, and of conversations and orders under way. After the end come the stragglers: late
//! and repeated events that were still on their way.

use std::collections::VecDeque;

use super::SynthOptions;
use super::event::Event;
use super::rhythm::{DAY, HOUR, share};
use super::shops::size;
use super::world::Shop;

/// Events that wait for the hour in which they arrive.
#[derive(Clone, Debug, Default)]
pub(super) struct Wheel {
    /// The first instant of the hour in front.
    front: i64,
    hours: VecDeque<Vec<Event>>,
}

impl Wheel {
    /// Puts `event` into its hour; into the one in front if that has begun already.
    pub(super) fn push(&mut self, event: Event) {
        let hour = usize::try_from((event.lands - self.front) / HOUR).unwrap_or(0);
        while self.hours.len() <= hour {
            self.hours.push_back(Vec::new());
        }
        self.hours[hour].push(event);
    }

    /// Takes the hour in front, sorted; none where nothing waits any more.
    fn turn(&mut self) -> Option<Vec<Event>> {
        self.front += HOUR;
        // Its space is given back with it: used again for a quiet hour, a campaign's would stay taken.
        let mut hour = self.hours.pop_front()?;
        hour.sort_unstable_by_key(|event| (event.lands, event.shop, event.serial));
        Some(hour)
    }
}

/// The events of a run, in order of arrival.
///
/// An iterator for those who look at events; [`Events::write_ndjson`] and [`Events::next_batch`] are how they leave.
#[derive(Clone, Debug)]
pub struct Events {
    pub(super) shops: Vec<Shop>,
    pub(super) scratch: String,
    start: i64,
    end: i64,
    hour: u64,
    hours: u64,
    wheel: Wheel,
    ready: Vec<Event>,
    next: usize,
}

impl Events {
    /// The feed of `options`.
    pub fn new(options: &SynthOptions) -> Self {
        let end = options.end.timestamp_micros();
        let start = end - i64::from(options.days) * DAY;
        let hours = u64::from(options.days) * 24;
        let whole: u64 = (0..options.accounts).map(size).sum();
        let mut before = 0;
        let shops = (0..options.accounts).map(|index| {
            let given = share(options.conversations, before, whole);
            before += size(index);
            let conversations = share(options.conversations, before, whole) - given;
            Shop::new(index, options.seed, conversations, start, hours)
        });
        Self {
            shops: shops.collect(),
            scratch: String::new(),
            start,
            end,
            hour: 0,
            hours,
            wheel: Wheel {
                front: start,
                ..Wheel::default()
            },
            ready: Vec::new(),
            next: 0,
        }
    }

    /// How far the feed has come: hours played, of how many.
    pub const fn hours(&self) -> (u64, u64) {
        (self.hour, self.hours)
    }

    /// Plays the next hour; false where there is none and nothing waits.
    fn turn(&mut self) -> bool {
        self.next = 0;
        let playing = self.hour < self.hours;
        if playing {
            for shop in &mut self.shops {
                shop.play(self.start, self.hour, self.hours, self.end, &mut self.wheel);
            }
            self.hour += 1;
        }
        let ready = self.wheel.turn();
        let waiting = ready.is_some();
        self.ready = ready.unwrap_or_default();
        waiting || playing
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while self.next == self.ready.len() {
            if !self.turn() {
                return None;
            }
        }
        let event = self.ready.get(self.next).copied();
        self.next += 1;
        event
    }
}
