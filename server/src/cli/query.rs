//! `rapport query`, which runs a saved query or a statement, and `rapport queries`, which lists the saved queries.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use futures::{Stream, StreamExt};
use rapport_engine::session::{Identity, Session, SessionError};

use super::args::{Listing, Query, TextOrJson};
use super::config::Config;
use super::destination::{Destination, form};
use super::error::CliError;
use super::say;
use crate::api::describe;
use crate::output::{self, Formulas, ResultForm};
use crate::pg::{PgError, Reading, plan_local};
use crate::serve::EngineSession;
use crate::users::{Role, UserInfo};

/// The user's name in the command line's sessions.
const USER: &str = "rapport";

/// Runs a saved query or a statement and writes its result.
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
    let destination = || Destination::open(options.output.as_deref());
    match (&options.sql, &options.name) {
        (Some(sql), _) => statement(session, sql, &options, form, destination).await,
        (None, Some(name)) => {
            let sql = call_sql(&session, name, &options.args)?;
            saved(&session, &sql, form, destination).await
        }
        (None, None) => Err(CliError::Usage("expected a saved query or --sql".into())),
    }
}

/// Runs a saved query.
async fn saved(
    session: &Session,
    sql: &str,
    form: ResultForm,
    destination: impl FnOnce() -> Result<Destination, CliError>,
) -> Result<(), CliError> {
    let frame = session
        .sql(sql)
        .await
        .map_err(|error| match error.find_root() {
            // The user's part in a saved query's plan is its arguments, so a plan error is wrong use.
            DataFusionError::Plan(reason) => CliError::usage(reason),
            _ => CliError::failed(error),
        })?;
    let batches = frame.execute_stream().await.map_err(CliError::failed)?;
    let schema = batches.schema();
    let batches = batches.map(|batch| batch.map_err(CliError::failed));
    write(batches, schema, form, destination()?).await
}

/// Runs a statement in PostgreSQL's dialect, as the endpoint would.
async fn statement(
    session: Session,
    sql: &str,
    options: &Query,
    form: ResultForm,
    destination: impl FnOnce() -> Result<Destination, CliError>,
) -> Result<(), CliError> {
    let user = UserInfo {
        name: USER.to_owned(),
        role: Role::Operator.to_string(),
        account: options.account.clone(),
    };
    let session = EngineSession::new(session).await;
    let session = session.map_err(CliError::failed)?;
    let planned = plan_local(&session, user, sql).await;
    let planned = planned.map_err(|error| CliError::Failed(error.in_words()))?;
    let batches = planned.execute().await;
    let batches = batches.map_err(|error| CliError::Failed(error.in_words()))?;
    let reading = match form {
        ResultForm::Csv | ResultForm::Table => Reading::Text,
        ResultForm::Json => Reading::Numbers,
        ResultForm::Parquet => Reading::Values,
    };
    let schema = planned.schema(&batches.schema(), reading);
    let row_schema = Arc::clone(&schema);
    let batches = batches.map(move |batch| {
        let rows = planned.rows(&row_schema, &batch.map_err(endpoint_error)?);
        rows.map_err(|error| CliError::Failed(error.in_words()))
    });
    write(batches, schema, form, destination()?).await
}

/// Gives an error the message that the endpoint would send.
fn endpoint_error(error: DataFusionError) -> CliError {
    CliError::Failed(PgError::from(error).in_words())
}

async fn write(
    batches: impl Stream<Item = Result<RecordBatch, CliError>>,
    schema: SchemaRef,
    form: ResultForm,
    destination: Destination,
) -> Result<(), CliError> {
    let mut writer = output::writer(form, destination.stream()?, schema, Formulas::Kept)?;
    let mut batches = std::pin::pin!(batches);
    while let Some(batch) = batches.next().await {
        writer.write(&batch?)?;
    }
    writer.finish()?;
    drop(writer);
    destination.finish()
}

/// Writes the statement that calls a saved query.
fn call_sql(session: &Session, name: &str, arguments: &[String]) -> Result<String, CliError> {
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
            let rows: Vec<_> = queries.iter().map(describe).collect();
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
