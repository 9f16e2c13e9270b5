//! Implements the Postgres endpoint's [`Backend`] with the engine.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::prelude::SessionContext;
use rapport_engine::Engine;
use rapport_engine::session::{Identity, SavedQuery, Session};
use rapport_zones::Tz;

use crate::pg::{Backend, BackendSession, TableFunction, type_name};

/// Opens the engine's sessions for the endpoint.
#[derive(Clone)]
pub struct EngineBackend {
    engine: Engine,
}

impl EngineBackend {
    /// Makes a backend of an engine.
    pub fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[async_trait]
impl Backend for EngineBackend {
    async fn open(&self, user: &str, account: Option<&str>) -> Result<Arc<dyn BackendSession>> {
        let who = match account {
            Some(account) => Identity::of_account(user, account),
            None => Identity::operator(user),
        };
        let session = self
            .engine
            .session(who)
            .await
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Arc::new(EngineSession::new(session).await?))
    }
}

/// Wraps a session of the engine.
pub struct EngineSession {
    session: Session,
    /// The session's time zone until the client sets another.
    zone: Tz,
}

impl EngineSession {
    /// Wraps a session and finds its time zone.
    ///
    /// # Errors
    /// If the lake cannot be read.
    pub async fn new(session: Session) -> Result<EngineSession> {
        let zone = session.time_zone().await?;
        Ok(EngineSession { session, zone })
    }
}

#[async_trait]
impl BackendSession for EngineSession {
    fn context(&self) -> &SessionContext {
        self.session.context()
    }

    async fn statement_state(&self) -> Result<SessionState> {
        self.session.statement_state().await
    }

    fn time_zone(&self) -> Option<String> {
        Some(self.zone.name().to_owned())
    }

    fn saved_queries(&self) -> Vec<SavedQuery> {
        self.session.saved_queries().cloned().collect()
    }

    fn table_functions(&self) -> Vec<TableFunction> {
        let named = |name: &str, data_type: &DataType| (name.to_owned(), type_name(data_type));
        self.session
            .saved_queries()
            .map(|query| TableFunction {
                name: query.name.clone(),
                purpose: query.purpose.clone(),
                arguments: query
                    .parameters
                    .iter()
                    .map(|parameter| named(&parameter.name, &parameter.kind.argument_type()))
                    .collect(),
                columns: query
                    .columns
                    .iter()
                    .map(|column| named(&column.name, &column.data_type))
                    .collect(),
            })
            .collect()
    }
}
