//! A seeded, fast, deterministic generator of realistic events, for demos, benches and tests.
//!
//! It makes shops of skewed size in zones with clock changes, with a daily and weekly rhythm in their local time;
//! conversations in all channels about a dozen procedures that the agent is good or bad at; orders that follow chats
//! and orders that do not; marketing messages that compete for them; refunds, other currencies, bots, previews; and
//! the dirt of real feeds: late, repeated and stray events.
//!
//! The same options give the same bytes, on every machine. Events come in the order in which they would arrive, in
//! bounded memory, as NDJSON ([`Events::write_ndjson`]), Arrow batches ([`Events::next_batch`]) or a folder of files
//! ([`write_dir`]).
//!
//! ```
//! use rapport_synth::{Events, SynthOptions};
//!
//! let options = SynthOptions { accounts: 3, days: 7, conversations: 50, ..SynthOptions::default() };
//! let mut lines = Vec::new();
//! let written = Events::new(&options).write_ndjson(&mut lines)?;
//! assert_eq!(written, lines.split(|byte| *byte == b'\n').count() as u64 - 1);
//! # Ok::<(), std::io::Error>(())
//! ```

// A test that cannot go on may panic.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod batches;
mod catalogue;
mod chats;
mod dice;
mod endings;
mod event;
mod feed;
mod folder;
mod ndjson;
mod procedures;
mod rhythm;
mod sales;
mod shops;
mod spell;
mod world;

#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};

pub use batches::event_schema;
pub use event::{Event, EventTable};
pub use feed::Events;
pub use folder::{SynthFormat, SynthReport, write_dir};

/// What to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthOptions {
    /// Shops. The first is the largest, and `aurora-outdoors` in every run.
    pub accounts: usize,
    /// Days of events, up to `end`.
    pub days: u32,
    /// Conversations that begin in that time, over all shops. About eleven events each, an order each (a third of them
    /// after chats) and two to three message touches each come with them.
    pub conversations: u64,
    /// Other seeds, other events; the first shops keep their names and settings.
    pub seed: u64,
    /// The last instant: nothing happens after it.
    pub end: DateTime<Utc>,
}

impl Default for SynthOptions {
    /// Six shops, 60 days and 20,000 conversations, up to 2026-04-06.
    fn default() -> Self {
        let end = DateTime::from_timestamp_micros(1_775_433_600_000_000).unwrap_or_default();
        Self {
            accounts: 6,
            days: 60,
            conversations: 20_000,
            seed: 1,
            end,
        }
    }
}

/// The lines of `accounts.ndjson`: every shop's settings, as JSON.
pub fn accounts(options: &SynthOptions) -> Vec<String> {
    (0..options.accounts)
        .map(|index| shops::Identity::new(index, options.seed).settings_line())
        .collect()
}
