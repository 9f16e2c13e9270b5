//! `rapport query` and `rapport queries`.

use datafusion::error::DataFusionError;
use futures::StreamExt;
use rapport_engine::session::{Identity, Session, SessionError};

use super::args::{Listing, Query, TextOrJson};
use super::config::Config;
use super::destination::{Destination, form};
use super::error::CliError;
use super::say;
use crate::api::described;
use crate::output::{self, Formulas};

/// Who the command line is, where the server asks.
const USER: &str = "rapport";

/// Runs a statement and writes its result.
pub(super) async fn run(config: &Config, options: Query) -> Result<(), CliError> {
    let form = form(options.format, options.output.as_deref())?;
    let engine = config.open(false).await?;
    let who = match &options.account {
        Some(account) if !rapport_data::is_account_id(account) => {
            return Err(CliError::Usage(format!(
                "account cannot be {account:?}; expected [A-Za-z0-9_-]{{1,64}}"
            )));
        }
        Some(account) => Identity::of_account(USER, account),
        None => Identity::operator(USER),
    };
    let session = engine.session(who).await.map_err(CliError::failed)?;
    let sql = match (&options.sql, &options.name) {
        (Some(sql), _) => sql.clone(),
        (None, Some(name)) => call(&session, name, &options.args)?,
        (None, None) => return Err(CliError::Usage("expected a saved query or --sql".into())),
    };
    let named = options.sql.is_none();
    let frame = session
        .sql(&sql)
        .await
        .map_err(|error| match error.find_root() {
            // All that a user says of a saved query's plan are its arguments.
            DataFusionError::Plan(reason) if named => CliError::usage(reason),
            _ => CliError::failed(error),
        })?;
    let mut batches = frame.execute_stream().await.map_err(CliError::failed)?;
    let destination = Destination::open(options.output.as_deref())?;
    let mut writer = output::writer(
        form,
        destination.stream()?,
        batches.schema(),
        Formulas::Kept,
    )?;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(CliError::failed)?;
        writer.write(&batch)?;
    }
    writer.finish()?;
    drop(writer);
    destination.finish()
}

/// The statement that calls a saved query.
fn call(session: &Session, name: &str, arguments: &[String]) -> Result<String, CliError> {
    let Some(query) = session.saved_queries().find(|query| query.name == name) else {
        let names: Vec<_> = session.saved_queries().map(|q| q.name.as_str()).collect();
        return Err(CliError::Usage(format!(
            "there is no saved query {name:?}; expected one of {}",
            names.join(", ")
        )));
    };
    query
        .call_sql(arguments)
        .map_err(|error: SessionError| CliError::usage(error))
}

/// Lists the saved queries.
pub(super) async fn list(config: &Config, options: Listing) -> Result<(), CliError> {
    let queries = config.saved_queries().await?;
    match options.format {
        TextOrJson::Json => {
            let rows: Vec<_> = queries.iter().map(described).collect();
            say(format_args!("{}", serde_json::Value::from(rows)))?;
        }
        TextOrJson::Text => {
            for (index, query) in queries.iter().enumerate() {
                if index > 0 {
                    say("")?;
                }
                say(format_args!("{}\n  {}", query.name, query.purpose))?;
                for parameter in &query.parameters {
                    say(format_args!(
                        "  {}: {}, default {}",
                        parameter.name, parameter.kind, parameter.default
                    ))?;
                }
            }
        }
    }
    Ok(())
}
