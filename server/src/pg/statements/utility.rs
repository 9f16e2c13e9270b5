//! Utility statements, which run no query: settings, transactions, prepared statements and cursors.

use std::sync::Arc;

use pgwire::messages::PgWireBackendMessage as Backend;

use super::connection::Connection;
use super::dispatch::{Failure, Outcome};
use crate::pg::execution::row_stream::RowStream;
use rapport_pgsql::encode::{Column, Formats};
use rapport_pgsql::error::{PgError, code, warning};
use rapport_pgsql::parse::{SetValue, Statement};
use rapport_pgsql::settings::SetScope;

impl Connection {
    /// Runs a utility statement.
    pub(super) fn run_utility(
        &mut self,
        statement: &Statement,
        formats: &Formats,
    ) -> Result<Outcome, Failure> {
        let session = &mut self.session;
        let tag = match statement {
            Statement::Accepted(tag) | Statement::Discard(tag) => (*tag).to_owned(),
            Statement::Refused(error) => return Err(error.clone().into()),
            Statement::Show(name) => return self.show(name.as_deref(), formats),
            Statement::Set { name, value, scope } => {
                if *scope == SetScope::Local && !session.in_group() {
                    // It holds for the messages up to the next Sync alone, and there may be none.
                    self.wire.put(&Backend::NoticeResponse(warning(
                        code::NO_TRANSACTION,
                        "SET LOCAL can only be used in transaction blocks",
                    )));
                }
                match value {
                    SetValue::Text(value) => session.settings().set(name, value, *scope)?,
                    SetValue::Default => session.settings().reset(name, *scope)?,
                }
                "SET".to_owned()
            }
            Statement::Reset(Some(name)) => {
                session.settings().reset(name, SetScope::Session)?;
                "RESET".to_owned()
            }
            Statement::Reset(None) => {
                session.settings().reset_all();
                "RESET".to_owned()
            }
            Statement::Begin { tag, isolation } => {
                if session.begin() {
                    if let Some(isolation) = isolation {
                        let mut settings = session.settings();
                        settings.set("transaction_isolation", isolation, SetScope::Local)?;
                    }
                } else {
                    let notice = warning("25001", "there is already a transaction in progress");
                    self.wire.put(&Backend::NoticeResponse(notice));
                }
                (*tag).to_owned()
            }
            Statement::Commit { chain } => self.end_transaction(true, *chain)?.to_owned(),
            Statement::Rollback { chain } => self.end_transaction(false, *chain)?.to_owned(),
            Statement::Savepoint(name) => {
                session.savepoint(name)?;
                "SAVEPOINT".to_owned()
            }
            Statement::Release(name) => {
                session.release(name)?;
                "RELEASE".to_owned()
            }
            Statement::RollbackTo(name) => {
                session.rollback_to(name)?;
                "ROLLBACK".to_owned()
            }
            Statement::DiscardAll => {
                if session.in_transaction() {
                    return Err(PgError::new(
                        "25001",
                        "DISCARD ALL cannot run inside a transaction block",
                    )
                    .into());
                }
                session.discard_all();
                "DISCARD ALL".to_owned()
            }
            Statement::Deallocate(Some(name)) => {
                session.prepared(name)?;
                session.statements.remove(name);
                "DEALLOCATE".to_owned()
            }
            Statement::Deallocate(None) => {
                session.statements.clear();
                "DEALLOCATE ALL".to_owned()
            }
            Statement::Close(Some(name)) => {
                session.cursor(name)?;
                session.portals.remove(name);
                "CLOSE CURSOR".to_owned()
            }
            Statement::Close(None) => {
                session.portals.retain(|_, portal| !portal.cursor);
                "CLOSE CURSOR ALL".to_owned()
            }
            other => return Err(PgError::internal(format!("no way to run {other:?}")).into()),
        };
        Ok(Outcome::Done(tag))
    }

    /// Ends the transaction block, and opens another for AND CHAIN. Returns the command tag.
    fn end_transaction(&mut self, commit: bool, chain: bool) -> Result<&'static str, PgError> {
        if !self.session.in_transaction() {
            if chain {
                return Err(PgError::new(
                    code::NO_TRANSACTION,
                    "AND CHAIN can only be used in transaction blocks",
                ));
            }
            let notice = warning(code::NO_TRANSACTION, "there is no transaction in progress");
            self.wire.put(&Backend::NoticeResponse(notice));
            let mut settings = self.session.settings();
            return Ok(if commit {
                settings.commit();
                "COMMIT"
            } else {
                settings.rollback();
                "ROLLBACK"
            });
        }
        const ISOLATION: &str = "transaction_isolation";
        let (_, isolation) = self.session.settings().show(ISOLATION)?;
        let tag = self.session.end(commit);
        if chain {
            self.session.begin();
            let mut settings = self.session.settings();
            settings.set(ISOLATION, &isolation, SetScope::Local)?;
        }
        Ok(tag)
    }

    /// Answers SHOW, for one setting or all of them.
    fn show(&mut self, name: Option<&str>, formats: &Formats) -> Result<Outcome, Failure> {
        let settings = self.session.settings();
        let (columns, lines): (Arc<[Column]>, _) = match name {
            Some(name) => {
                let (name, value) = settings.show(name)?;
                ([Column::text(&name)].into(), vec![vec![Some(value)]])
            }
            None => {
                let lines = settings
                    .all()
                    .into_iter()
                    .map(|(name, value, about)| {
                        vec![Some(name.to_owned()), Some(value), Some(about.to_owned())]
                    })
                    .collect();
                (
                    ["name", "setting", "description"].map(Column::text).into(),
                    lines,
                )
            }
        };
        drop(settings);
        self.text_rows(columns, &lines, formats, "SHOW")
    }

    /// Returns an outcome of rows of text.
    pub(super) fn text_rows(
        &self,
        columns: Arc<[Column]>,
        lines: &[Vec<Option<String>>],
        formats: &Formats,
        tag: &'static str,
    ) -> Result<Outcome, Failure> {
        let encoder = self.row_encoder(&columns, formats)?;
        let stream = RowStream::from_text(columns.len(), lines, &encoder)?;
        Ok(Outcome::Rows {
            columns,
            stream,
            tag,
        })
    }
}
