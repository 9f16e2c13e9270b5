//! `rapport land`: lands events into the lake.

use std::path::Path;
use std::time::Duration;

use rapport_engine::land::{Watch, find};
use rapport_engine::{LandReport, LandSource};
use serde_json::json;

use super::args::{Land, TextOrJson};
use super::config::Config;
use super::error::CliError;
use super::progress::Bars;
use super::say;
use super::serve::Signals;

/// How long a watch rests between two looks: at a bucket, and at a folder, where a look costs less.
const PAUSE: Duration = Duration::from_secs(5);
const LOCAL_PAUSE: Duration = Duration::from_millis(500);

/// Lands the sources and prints the report, or watches an address.
pub(super) async fn run(config: &Config, options: Land) -> Result<(), CliError> {
    if let Some(address) = &options.watch {
        return watch(config, address, options.format).await;
    }
    let sources = options.paths.iter().map(|path| {
        if path == Path::new("-") {
            LandSource::stdin()
        } else {
            LandSource::path(path)
        }
    });
    let sources: Vec<LandSource> = sources.collect();
    // A missing path is reported before a lake is created.
    find(&sources).map_err(CliError::failed)?;
    let engine = config.open(true).await?;
    let report = engine
        .land(sources, &Bars::default())
        .await
        .map_err(CliError::failed)?;
    tell(&report, options.format)?;
    if options.strict && report.rejected > 0 {
        return Err(CliError::Rejected(report.rejected));
    }
    Ok(())
}

/// Lands the files of an address as they come, and prints a report of each landing.
async fn watch(config: &Config, address: &str, format: TextOrJson) -> Result<(), CliError> {
    let mut signals = Signals::new().map_err(CliError::failed)?;
    // A missing folder is reported before a lake is created.
    if !address.contains("://") && !Path::new(address).is_dir() {
        let missing = format!("cannot watch {address}: there is no such folder");
        return Err(CliError::Failed(missing));
    }
    let engine = config.open(true).await?;
    let mut watch = Watch::open(engine, address)
        .await
        .map_err(CliError::failed)?;
    let pause = if watch.is_local() { LOCAL_PAUSE } else { PAUSE };
    loop {
        match watch.poll(&Bars::default()).await {
            Ok(polled) => {
                for error in polled.unreadable {
                    eprintln!("rapport: {error}; it is read again when it changes");
                }
                for report in polled.reports {
                    tell(&report, format)?;
                }
            }
            Err(error) => eprintln!("rapport: {error}; it will be tried again"),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = signals.next() => return Ok(()),
        }
    }
}

fn tell(report: &LandReport, format: TextOrJson) -> Result<(), CliError> {
    for skipped in &report.skipped {
        eprintln!("skipped {}: {}", skipped.path, skipped.reason);
    }
    match format {
        TextOrJson::Json => say(format_args!("{}", as_json(report)))?,
        TextOrJson::Text => say(format_args!(
            "landed {}\nduplicates {}\nrejected {}",
            report.landed, report.duplicates, report.rejected
        ))?,
    }
    Ok(())
}

fn as_json(report: &LandReport) -> serde_json::Value {
    let skipped: Vec<_> = report.skipped.iter().map(|skipped| &skipped.path).collect();
    let sources: Vec<_> = report
        .inputs
        .iter()
        .map(|input| {
            json!({
                "source": input.source,
                "lines": input.lines,
                "accepted": input.accepted,
                "rejected": input.rejected,
            })
        })
        .collect();
    json!({
        "landed": report.landed,
        "duplicates": report.duplicates,
        "rejected": report.rejected,
        "lines": report.lines,
        "sources": sources,
        "skipped": skipped,
    })
}
