//! The extended query protocol: Parse, Bind, Describe, Execute, Close.

use std::sync::Arc;

use datafusion::scalar::ScalarValue;
use pgwire::api::Type;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};
use pgwire::messages::response::EmptyQueryResponse;

use super::connection::Connection;
use super::dispatch::{Failure, Outcome, check_formats};
use crate::pg::activity::{State, kept};
use crate::pg::resources::interrupt::Interrupt;
use crate::pg::session::plans::KeptPlan;
use crate::pg::session::portals::{Portal, Prepared, Progress};
use crate::pg::wire::frontend::{Bind, Target};
use rapport_pgsql::encode::{Column, Formats, RowEncoder, row_description};
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::params;
use rapport_pgsql::parse::Statement;

impl Connection {
    /// Answers a Parse message.
    pub(super) async fn parse(
        &mut self,
        name: &str,
        text: &str,
        types: &[u32],
    ) -> Result<(), Failure> {
        self.track_statement(text);
        // The unnamed statement is dropped even if this Parse fails.
        if name.is_empty() {
            self.session.statements.remove("");
        }
        let interrupt = self.begin_statement()?;
        let declared = types
            .iter()
            .map(|oid| declared_type(*oid))
            .collect::<Result<Vec<_>, _>>()?;
        let prepared = match self.find_repeated(text, &declared, &interrupt).await? {
            Some(prepared) => prepared,
            None => self.parse_new(text, declared, &interrupt).await?,
        };
        self.session.keep_prepared(name, prepared)?;
        // Its activity is recorded when it is executed.
        if let Some(doing) = self.doing.take() {
            doing.forgotten();
        }
        self.wire.put(&Backend::ParseComplete(ParseComplete::new()));
        Ok(())
    }

    /// Returns the prepared statement of a text that came before, with the same types and settings.
    async fn find_repeated(
        &mut self,
        text: &str,
        declared: &[Option<Type>],
        interrupt: &Interrupt,
    ) -> Result<Option<Arc<Prepared>>, Failure> {
        let known = self.session.repeated(text);
        let known = known.filter(|known| known.described.is_some() && known.declared == declared);
        let Some(known) = known else {
            return Ok(None);
        };
        self.session.check_not_failed(&known.statement)?;
        let (_, key) = self.planning_state(interrupt).await?;
        Ok(known.plan.planned(&key).map(|_| known))
    }

    /// Parses and plans a text that holds one statement, or none.
    async fn parse_new(
        &mut self,
        text: &str,
        declared: Vec<Option<Type>>,
        interrupt: &Interrupt,
    ) -> Result<Arc<Prepared>, Failure> {
        let mut statements = self.parse_text(text, interrupt).await?;
        let text_start: Arc<str> = kept(text).into();
        if statements.len() > 1 {
            return Err(PgError::new(
                code::SYNTAX,
                "cannot insert multiple commands into a prepared statement",
            )
            .into());
        }
        let Some(statement) = statements.pop() else {
            return Ok(Arc::new(Prepared {
                text: text_start,
                statement: Statement::Accepted(""),
                declared,
                described: None,
                plan: KeptPlan::default(),
            }));
        };
        let prepared = self
            .prepare(&text_start, statement, declared, interrupt)
            .await?;
        let prepared = Arc::new(prepared);
        self.keep_repeated(text, &prepared);
        Ok(prepared)
    }

    /// Answers a Bind message.
    pub(super) fn bind(&mut self, bind: Bind) -> Result<(), Failure> {
        let prepared = self.session.prepared(&bind.statement)?;
        self.session.check_not_failed(&prepared.statement)?;
        let values = self.decode_parameters(&prepared, &bind)?;
        let formats = Formats(bind.result_formats);
        if let Some(columns) = self.session.columns_of(&prepared)? {
            check_formats(&formats, columns.len())?;
        }
        if bind.portal.is_empty() {
            self.session.portals.remove("");
        }
        let portal = Portal {
            prepared,
            values: values.into(),
            formats,
            progress: Progress::New,
            cursor: false,
            hold: false,
            committed: false,
            doing: None,
            number: 0,
        };
        self.session.keep_portal(&bind.portal, portal)?;
        self.wire.put(&Backend::BindComplete(BindComplete::new()));
        Ok(())
    }

    /// Decodes the parameters of a Bind message.
    fn decode_parameters(
        &self,
        prepared: &Prepared,
        bind: &Bind,
    ) -> Result<Vec<ScalarValue>, PgError> {
        let parameters = parameter_types(prepared);
        if bind.parameters.len() != parameters.len() {
            return Err(PgError::protocol(format!(
                "bind message supplies {} parameters, but prepared statement \"{}\" requires {}",
                bind.parameters.len(),
                bind.statement,
                parameters.len()
            )));
        }
        let formats = Formats(bind.parameter_formats.clone());
        if !formats.fit(bind.parameters.len()) {
            return Err(PgError::protocol(format!(
                "bind message has {} parameter formats but {} parameters",
                formats.0.len(),
                bind.parameters.len()
            )));
        }
        let zone = self.session.style().zone;
        let known = prepared
            .described
            .as_ref()
            .map(|described| described.parameters.as_slice())
            .unwrap_or_default();
        parameters
            .iter()
            .zip(&bind.parameters)
            .enumerate()
            .map(|(at, (pg, value))| {
                let value = params::decode(pg, formats.of(at), value.as_ref(), zone)?;
                match known.get(at) {
                    // A decimal keeps its digits; any other value is cast to the type it was planned with.
                    Some(parameter)
                        if !parameter.arrow.is_decimal()
                            && value.data_type() != parameter.arrow =>
                    {
                        Ok(value.cast_to(&parameter.arrow)?)
                    }
                    _ => Ok(value),
                }
            })
            .collect()
    }

    /// Answers a Describe message.
    pub(super) fn describe(&mut self, target: Target, name: &str) -> Result<(), Failure> {
        match target {
            Target::Statement => {
                let prepared = self.session.prepared(name)?;
                let columns = self.session.columns_of(&prepared)?;
                let types = parameter_types(&prepared).iter().map(Type::oid).collect();
                self.wire
                    .put(&Backend::ParameterDescription(ParameterDescription::new(
                        types,
                    )));
                self.put_columns(columns, &Formats::default());
            }
            Target::Portal => {
                let portal = self.portal(name)?;
                let (prepared, formats) = (Arc::clone(&portal.prepared), portal.formats.clone());
                let columns = self.session.columns_of(&prepared)?;
                self.put_columns(columns, &formats);
            }
        }
        Ok(())
    }

    /// Puts the description of a result into the output buffer (RowDescription or NoData).
    fn put_columns(&mut self, columns: Option<Arc<[Column]>>, formats: &Formats) {
        self.wire.put(&match columns {
            Some(columns) => Backend::RowDescription(row_description(&columns, formats)),
            None => Backend::NoData(NoData::new()),
        });
    }

    fn portal(&self, name: &str) -> Result<&Portal, PgError> {
        self.session.portals.get(name).ok_or_else(|| {
            PgError::new(code::NO_CURSOR, format!("portal \"{name}\" does not exist"))
        })
    }

    /// Answers an Execute message.
    pub(super) async fn execute(&mut self, name: &str, max_rows: i32) -> Result<(), Failure> {
        let interrupt = self.begin_statement()?;
        let portal = self.portal(name)?;
        let (prepared, values, formats) = (
            Arc::clone(&portal.prepared),
            Arc::clone(&portal.values),
            portal.formats.clone(),
        );
        self.session.check_not_failed(&prepared.statement)?;
        if matches!(prepared.statement, Statement::Accepted("")) {
            self.wire
                .put(&Backend::EmptyQueryResponse(EmptyQueryResponse::new()));
            return Ok(());
        }
        let limit = u64::try_from(max_rows)
            .ok()
            .filter(|rows| *rows > 0)
            .unwrap_or(u64::MAX);
        // Rows of a cursor are encoded here; those of other portals already are.
        let style = self.session.style();
        let portal = self.portal(name)?;
        let columns = portal.columns().filter(|_| portal.cursor);
        let encoder = columns.map(|columns| RowEncoder::new(columns, formats.clone(), style));
        let (progress, suspended) = match self.session.portals.get_mut(name) {
            Some(portal) => (portal.progress.take(name)?, portal.doing.take()),
            None => (Progress::Done, None),
        };
        match suspended {
            Some(doing) => self.doing = Some(doing),
            None => self.track_statement(&prepared.text),
        }
        let (mut stream, tag) = match progress {
            Progress::New => match self
                .run_statement(&prepared, values, &formats, &interrupt)
                .await?
            {
                Outcome::Rows { stream, tag, .. } => (stream, tag),
                outcome => {
                    self.send_outcome(outcome, &formats, false, &interrupt)
                        .await?;
                    self.set_progress(name, Progress::Done);
                    return Ok(());
                }
            },
            Progress::Running(stream) => (stream, command_tag(&prepared.statement)),
            Progress::Planned(query) => (
                self.start_query(*query, &interrupt).await?,
                command_tag(&prepared.statement),
            ),
            Progress::Done | Progress::Failed => {
                self.put_complete(completed_tag(command_tag(&prepared.statement), 0));
                self.set_progress(name, Progress::Done);
                return Ok(());
            }
        };
        let (rows, at_end) = self
            .send_rows(&mut stream, limit, encoder.as_ref(), &interrupt)
            .await?;
        if at_end {
            self.put_complete(completed_tag(tag, rows));
            self.set_progress(name, Progress::Done);
        } else {
            stream.pause();
            self.set_state(State::Suspended);
            let doing = self.doing.take();
            if let Some(portal) = self.session.portals.get_mut(name) {
                portal.progress = Progress::Running(stream);
                portal.doing = doing;
            }
            self.wire
                .put(&Backend::PortalSuspended(PortalSuspended::new()));
        }
        Ok(())
    }

    /// Sets how far a portal has been executed, unless its own statement has closed it.
    fn set_progress(&mut self, name: &str, progress: Progress) {
        if let Some(portal) = self.session.portals.get_mut(name) {
            portal.progress = progress;
        }
    }

    /// Answers a Close message.
    pub(super) fn close(&mut self, target: Target, name: &str) -> Result<(), Failure> {
        match target {
            Target::Statement => {
                self.session.statements.remove(name);
            }
            Target::Portal => {
                self.session.portals.remove(name);
            }
        }
        self.wire.put(&Backend::CloseComplete(CloseComplete::new()));
        Ok(())
    }
}

/// Returns the first word of the command tag of a statement that returns rows.
fn command_tag(statement: &Statement) -> &'static str {
    match statement {
        Statement::Show(_) => "SHOW",
        Statement::Explain(_) => "EXPLAIN",
        _ => "SELECT",
    }
}

/// Returns the whole command tag: that of SELECT counts the rows.
fn completed_tag(tag: &str, rows: u64) -> String {
    if tag == "SELECT" {
        format!("SELECT {rows}")
    } else {
        tag.to_owned()
    }
}

/// Returns the types of a statement's parameters, as clients send them.
fn parameter_types(prepared: &Prepared) -> Vec<Type> {
    match &prepared.described {
        Some(described) => {
            let mut types: Vec<Type> = described
                .parameters
                .iter()
                .map(|parameter| parameter.pg.clone())
                .collect();
            // Types may be declared for parameters that the statement does not use.
            let unused = prepared.declared.iter().skip(types.len());
            types.extend(unused.map(|declared| declared.clone().unwrap_or(Type::TEXT)));
            types
        }
        None => prepared
            .declared
            .iter()
            .map(|declared| declared.clone().unwrap_or(Type::TEXT))
            .collect(),
    }
}

/// Returns the type of an OID; `None` where the server chooses.
fn declared_type(oid: u32) -> Result<Option<Type>, PgError> {
    match oid {
        0 => Ok(None),
        oid => match Type::from_oid(oid) {
            Some(Type::UNKNOWN) => Ok(None),
            Some(known) => Ok(Some(known)),
            None => Err(PgError::new(
                code::UNDEFINED_OBJECT,
                format!("type with OID {oid} does not exist"),
            )),
        },
    }
}
