//! `rapport land`: lands events into the lake.

use std::path::Path;

use rapport_engine::land::find;
use rapport_engine::{LandReport, LandSource};
use serde_json::json;

use super::args::{Land, TextOrJson};
use super::config::Config;
use super::error::CliError;
use super::progress::Bars;
use super::say;

/// Lands the sources and prints the report.
pub(super) async fn run(config: &Config, options: Land) -> Result<(), CliError> {
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
    for skipped in &report.skipped {
        eprintln!("skipped {}: {}", skipped.path, skipped.reason);
    }
    match options.format {
        TextOrJson::Json => say(format_args!("{}", as_json(&report)))?,
        TextOrJson::Text => say(format_args!(
            "landed {}\nduplicates {}\nrejected {}",
            report.landed, report.duplicates, report.rejected
        ))?,
    }
    if options.strict && report.rejected > 0 {
        return Err(CliError::Rejected(report.rejected));
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
