//! `rapport derive` and `rapport backfill`: bring the derived tables up to date with the landed events.

use rapport_engine::{DeriveReport, EngineError};

use super::args::{Backfill, Reporting, TextOrJson};
use super::config::Config;
use super::error::CliError;
use super::progress::Bars;
use super::say;

/// Derives the dirty partitions.
pub(super) async fn derive(config: &Config, options: Reporting) -> Result<(), CliError> {
    let engine = config.open(false).await?;
    let report = engine
        .derive(&Bars::default())
        .await
        .map_err(CliError::failed)?;
    print(&report, options.format)?;
    check_all_derived(&report)
}

/// Derives a range of days, dirty or not.
pub(super) async fn backfill(config: &Config, options: Backfill) -> Result<(), CliError> {
    let engine = config.open(false).await?;
    let report = engine
        .backfill(options.from, options.to, &options.account, &Bars::default())
        .await
        .map_err(|error| match error {
            EngineError::Request(_) => CliError::usage(error),
            _ => CliError::failed(error),
        })?;
    print(&report, options.format)?;
    check_all_derived(&report)
}

/// Fails if some account could not be derived, although the others were.
fn check_all_derived(report: &DeriveReport) -> Result<(), CliError> {
    if report.failed.is_empty() {
        return Ok(());
    }
    let errors: Vec<&str> = report.failed.iter().map(|f| f.error.as_str()).collect();
    Err(CliError::failed(format!(
        "{} of the accounts could not be derived and stay as they were, the others are done: {}",
        errors.len(),
        errors.join("; ")
    )))
}

fn print(report: &DeriveReport, format: TextOrJson) -> Result<(), CliError> {
    if format == TextOrJson::Json {
        say(format_args!(
            "{}",
            serde_json::to_string(report).map_err(CliError::failed)?
        ))?;
        return Ok(());
    }
    for table in &report.tables {
        say(format_args!(
            "{} {} partitions of {} accounts, {} files, {} rows",
            table.table, table.partitions, table.accounts, table.files, table.rows
        ))?;
    }
    say(format_args!("orphans {}", report.orphans))?;
    if report.done_before > 0 {
        let done = report.done_before;
        say(format_args!(
            "went on with an interrupted backfill, which had done {done} accounts"
        ))?;
    }
    Ok(())
}
