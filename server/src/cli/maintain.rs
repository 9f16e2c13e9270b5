//! `rapport maintain`: compacts small files, and deletes files that only expired versions need.

use chrono::TimeDelta;
use rapport_engine::EngineError;
use rapport_engine::maintain::MaintainReport;

use super::args::{Maintain, TextOrJson};
use super::config::Config;
use super::error::CliError;
use super::progress::Bars;
use super::say;

/// Maintains the lake and prints the report.
pub(super) async fn run(config: &Config, options: Maintain) -> Result<(), CliError> {
    let engine = config.open(false).await?;
    let keep = TimeDelta::microseconds(options.keep.micros());
    let report = engine
        .maintain(keep, &Bars::default())
        .await
        .map_err(|error| match error {
            EngineError::Request(_) => CliError::usage(error),
            _ => CliError::failed(error),
        })?;
    print(&report, options.format)?;
    // The reasons are logged as warnings, and are in the JSON report.
    match report.failed() {
        0 => Ok(()),
        failed => Err(CliError::failed(format_args!(
            "{failed} partitions or tables could not be compacted; they are left as they were, and all else is done"
        ))),
    }
}

fn print(report: &MaintainReport, format: TextOrJson) -> Result<(), CliError> {
    if format == TextOrJson::Json {
        let text = serde_json::to_string(report).map_err(CliError::failed)?;
        return say(text);
    }
    for table in &report.tables {
        say(format_args!(
            "{} {} files compacted into {}, {} deleted of {} bytes, {} log entries deleted",
            table.table, table.compacted, table.into, table.deleted, table.bytes, table.log_entries
        ))?;
    }
    Ok(())
}
