//! `rapport synth`: generates realistic events of invented shops.

use std::path::Path;

use rapport_engine::Progress;
use rapport_synth::{SynthFormat, SynthOptions, SynthReport, write_dir};

use super::args::{EventForm, Synth};
use super::config::Config;
use super::error::CliError;
use super::progress::Bars;
use super::say;

/// About how many events each file has: large enough for few files, small enough for files that are easy to copy.
const EVENTS_PER_FILE: u64 = 2_000_000;

/// Generates events and prints how many.
pub(super) fn run(config: &Config, options: &Synth) -> Result<(), CliError> {
    let synth = SynthOptions {
        accounts: options.accounts as usize,
        days: options.days,
        conversations: options.conversations,
        seed: options.seed,
        end: config.engine.now.unwrap_or(SynthOptions::default().end),
    };
    let format = match options.format {
        EventForm::Ndjson => SynthFormat::Ndjson,
        EventForm::Parquet => SynthFormat::Parquet,
    };
    let report = write(&synth, &options.out, format)?;
    say(format_args!(
        "accounts {}\nevents {}\nconversation_events {}\norder_events {}\ntouch_events {}\nfiles {}\nbytes {}",
        report.accounts,
        report.events,
        report.conversation_events,
        report.order_events,
        report.touch_events,
        report.files,
        report.bytes
    ))?;
    Ok(())
}

/// Writes a folder of events, with a progress bar.
fn write(options: &SynthOptions, out: &Path, format: SynthFormat) -> Result<SynthReport, CliError> {
    let bars = Bars::default();
    let mut shown = None;
    let report = write_dir(options, out, format, EVENTS_PER_FILE, &mut |so_far| {
        let before = *shown.get_or_insert_with(|| {
            bars.begin("making", "hours", Some(so_far.of_hours));
            0
        });
        bars.advance(so_far.hours.saturating_sub(before));
        shown = Some(so_far.hours);
    });
    if shown.is_some() {
        bars.end();
    }
    report.map_err(CliError::failed)
}
