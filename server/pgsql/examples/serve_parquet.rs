//! Serves a folder of Parquet to PostgreSQL's clients: a plain DataFusion program with PostgreSQL's dialect.
//!
//! ```sh
//! cargo run -p rapport-pgsql --example serve_parquet -- FOLDER 5432    # 0, or nothing: a free port
//! psql "host=127.0.0.1 port=5432 user=me dbname=files" -c "SELECT date_trunc('day', at), count(*) FROM clicks GROUP BY 1"
//! ```
//!
//! Each `NAME.parquet`, and each folder `NAME` of Parquet files, is the table `NAME`. The `pgwire` crate speaks the
//! protocol; of rapport-pgsql it takes [`install`] for a context, [`parse`] and [`plan`] for a statement, [`params`] for
//! what a client binds, and [`encode`] for what it is answered. It listens on this machine alone, asks for no password,
//! and has queries alone: no settings, transactions, cursors or catalog (so `\d` knows nothing), which a server brings.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::config::Dialect;
use datafusion::execution::options::ParquetReadOptions;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use futures::{StreamExt, stream};
use pgwire::api::portal::{Format, Portal};
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::results::{FieldInfo, QueryResponse, Response};
use pgwire::api::stmt::QueryParser;
use pgwire::api::{ClientInfo, PgWireServerHandlers, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use pgwire::tokio::process_socket;
use rapport_pgsql::dialect::install;
use rapport_pgsql::encode::{
    Column, Formats, IntervalStyle, RowEncoder, Rows, Style, row_description,
};
use rapport_pgsql::error::PgError;
use rapport_pgsql::params;
use rapport_pgsql::parse::{self, Query, Statement};
use rapport_pgsql::plan::{Planned, plan};
use rapport_pgsql::types::zone::Zone;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments
        .next()
        .ok_or("usage: serve_parquet FOLDER [PORT]")?;
    let port = arguments.next().map_or(Ok(0), |port| port.parse::<u16>())?;
    let files = Files(open(Path::new(&folder)).await?);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("postgres {}", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(process_socket(socket, None, files.clone()));
    }
}

/// A context with PostgreSQL's dialect, and a table for each file and folder.
async fn open(folder: &Path) -> datafusion::error::Result<SessionContext> {
    let mut config = SessionConfig::new();
    config.options_mut().sql_parser.dialect = Dialect::PostgreSQL;
    config.options_mut().execution.time_zone = Some("UTC".to_owned());
    let context = SessionContext::new_with_config(config);
    install(&context)?;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_table = path.is_dir() || path.extension().is_some_and(|ending| ending == "parquet");
        if let (true, Some(name)) = (is_table, path.file_stem()) {
            let (name, path) = (name.to_string_lossy(), path.to_string_lossy());
            let name = format!("\"{}\"", name.replace('"', "\"\""));
            let options = ParquetReadOptions::default();
            context.register_parquet(name, path, options).await?;
        }
    }
    Ok(context)
}

/// What answers.
#[derive(Clone)]
struct Files(SessionContext);

impl PgWireServerHandlers for Files {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::new(self.clone())
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::new(self.clone())
    }
}

impl Files {
    /// Runs a query; its rows are sent as they come.
    async fn run(
        &self,
        planned: &Planned,
        values: Vec<ScalarValue>,
        formats: Formats,
    ) -> Result<Response, PgError> {
        let state = self.0.state();
        let plan = planned.optimize(&state, &values)?;
        let planner = state.query_planner();
        let plan = planner.create_physical_plan(&plan, &state).await?;
        let batches = execute_stream(plan, state.task_ctx())?;
        let columns = Arc::clone(&planned.described.columns);
        let fields = Arc::new(fields(&columns, &formats));
        let encoder = RowEncoder::new(columns, formats, STYLE);
        let rows = batches.flat_map(move |batch| {
            let pieces = batch.map_err(PgError::from);
            let pieces = pieces.and_then(|batch| encoder.encode(&batch)?.collect());
            stream::iter(match pieces {
                Ok(pieces) => data_rows(pieces),
                Err(error) => vec![Err(told(error))],
            })
        });
        Ok(Response::Query(QueryResponse::new(fields, rows)))
    }
}

/// How values are written as text.
const STYLE: Style = Style {
    zone: Zone::UTC,
    extra_float_digits: 1,
    intervals: IntervalStyle::Postgres,
};

/// Messages of rows, each without its type, its length and its count of values, which pgwire writes.
fn data_rows(pieces: Vec<Rows>) -> Vec<PgWireResult<DataRow>> {
    let mut messages = Vec::new();
    for Rows { data, ends } in pieces {
        let starts = std::iter::once(0).chain(ends.iter().copied());
        for (start, end) in starts.zip(&ends) {
            let count = i16::from_be_bytes([data[start + 5], data[start + 6]]);
            messages.push(Ok(DataRow::new(data[start + 7..*end].into(), count)));
        }
    }
    messages
}

fn fields(columns: &[Column], formats: &Formats) -> Vec<FieldInfo> {
    let described = row_description(columns, formats).fields;
    described.into_iter().map(FieldInfo::from).collect()
}

fn formats(format: &Format) -> Formats {
    Formats(match format {
        Format::UnifiedText => vec![0],
        Format::UnifiedBinary => vec![1],
        Format::Individual(each) => each.clone(),
    })
}

fn told(error: PgError) -> PgWireError {
    PgWireError::UserError(Box::new(ErrorInfo::from(error.into_response())))
}

/// The queries of a text.
fn queries(text: &str) -> PgWireResult<Vec<Query>> {
    let statements = parse::parse(text).map_err(told)?.into_iter();
    let query = |statement| match statement {
        Statement::Query(query) => Ok(query),
        Statement::Refused(error) => Err(told(error)),
        _ => Err(told(PgError::new("0A000", "only queries are answered"))),
    };
    statements.map(query).collect()
}

#[async_trait]
impl SimpleQueryHandler for Files {
    async fn do_query<C>(&self, _: &mut C, text: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut answers = Vec::new();
        for query in queries(text)? {
            let planned = plan(&self.0.state(), &query, &[]).await.map_err(told)?;
            let answer = self.run(&planned, Vec::new(), Formats::default()).await;
            answers.push(answer.map_err(told)?);
        }
        Ok(answers)
    }
}

#[async_trait]
impl QueryParser for Files {
    type Statement = Arc<Planned>;

    async fn parse_sql<C>(
        &self,
        _: &C,
        text: &str,
        types: &[Option<Type>],
    ) -> PgWireResult<Option<Arc<Planned>>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let query = match queries(text)?.as_slice() {
            [] => return Ok(None),
            [query] => query.clone(),
            _ => {
                return Err(told(PgError::new(
                    "42601",
                    "one query is prepared at a time",
                )));
            }
        };
        let planned = plan(&self.0.state(), &query, types).await;
        Ok(Some(Arc::new(planned.map_err(told)?)))
    }

    fn get_parameter_types(&self, planned: &Arc<Planned>) -> PgWireResult<Vec<Type>> {
        let parameters = planned.described.parameters.iter();
        Ok(parameters.map(|parameter| parameter.pg.clone()).collect())
    }

    fn get_result_schema(
        &self,
        planned: &Arc<Planned>,
        format: Option<&Format>,
    ) -> PgWireResult<Vec<FieldInfo>> {
        let formats = format.map(formats).unwrap_or_default();
        Ok(fields(&planned.described.columns, &formats))
    }
}

#[async_trait]
impl ExtendedQueryHandler for Files {
    type Statement = Arc<Planned>;
    type QueryParser = Files;

    fn query_parser(&self) -> Arc<Files> {
        Arc::new(self.clone())
    }

    async fn do_query<C>(
        &self,
        _: &mut C,
        portal: &Portal<Arc<Planned>>,
        _: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let planned = &portal.statement.statement;
        let sent_as = formats(&portal.parameter_format);
        let parameters = planned.described.parameters.iter().zip(&portal.parameters);
        // A numeric is rounded to the digits that its parameter is planned with.
        let values = parameters.enumerate().map(|(at, (parameter, value))| {
            let value = params::decode(&parameter.pg, sent_as.of(at), value.as_ref(), Zone::UTC)?;
            Ok(value.cast_to(&parameter.arrow)?)
        });
        let values = values.collect::<Result<_, PgError>>().map_err(told)?;
        let answered_as = formats(&portal.result_column_format);
        let answer = self.run(planned, values, answered_as).await;
        answer.map_err(told)
    }
}
