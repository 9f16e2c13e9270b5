//! Transaction blocks and savepoints of a session: what they give back when they are rolled back.

use super::{LIMIT, Session, short, too_many};
use pgwire::messages::response::TransactionStatus;
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::settings::Saved;

/// A place in a transaction to go back to.
pub(super) struct Savepoint {
    name: String,
    /// The number of the last portal that was there.
    portals: u64,
    settings: Saved,
}

impl Session {
    /// Opens a transaction block; false if one is open.
    pub fn begin(&mut self) -> bool {
        if self.in_transaction() {
            return false;
        }
        self.status = TransactionStatus::Transaction;
        self.settings().begin();
        true
    }

    /// Ends a transaction block as wished or, where it has failed, by giving it up; gives the tag.
    pub fn end(&mut self, commit: bool) -> &'static str {
        let commit = commit && self.status != TransactionStatus::Error;
        if commit {
            self.settings().commit();
        } else {
            self.settings().rollback();
        }
        self.status = TransactionStatus::Idle;
        self.savepoints.clear();
        if !commit {
            // What a transaction made goes with it, even what should outlive it.
            self.portals.retain(|_, portal| portal.committed);
        }
        self.drop_portals();
        self.held.resize(self.size());
        if commit { "COMMIT" } else { "ROLLBACK" }
    }

    /// Marks a place in the transaction.
    ///
    /// # Errors
    /// If there is none.
    pub fn savepoint(&mut self, name: &str) -> Result<(), PgError> {
        self.in_block("SAVEPOINT")?;
        if self.savepoints.len() >= LIMIT {
            return Err(too_many("savepoints"));
        }
        let settings = self.settings().saved();
        self.savepoints.push(Savepoint {
            name: short(name).to_owned(),
            portals: self.made,
            settings,
        });
        Ok(())
    }

    /// Forgets a savepoint and those after it.
    ///
    /// # Errors
    /// If there is no transaction or no such savepoint.
    pub fn release(&mut self, name: &str) -> Result<(), PgError> {
        self.in_block("RELEASE SAVEPOINT")?;
        let at = self.find_savepoint(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    /// Goes back to a savepoint.
    ///
    /// # Errors
    /// If there is no transaction or no such savepoint.
    pub fn rollback_to(&mut self, name: &str) -> Result<(), PgError> {
        self.in_block("ROLLBACK TO SAVEPOINT")?;
        let at = self.find_savepoint(name)?;
        self.savepoints.truncate(at + 1);
        let last = self.savepoints[at].portals;
        self.portals.retain(|_, portal| portal.number <= last);
        self.settings().restore(&self.savepoints[at].settings);
        self.status = TransactionStatus::Transaction;
        Ok(())
    }

    fn find_savepoint(&self, name: &str) -> Result<usize, PgError> {
        self.savepoints
            .iter()
            .rposition(|savepoint| savepoint.name == short(name))
            .ok_or_else(|| PgError::new("3B001", format!("savepoint \"{name}\" does not exist")))
    }

    /// Some statements need a transaction block.
    ///
    /// # Errors
    /// If there is none.
    pub fn in_block(&self, command: &str) -> Result<(), PgError> {
        if self.in_transaction() {
            return Ok(());
        }
        Err(PgError::new(
            code::NO_TRANSACTION,
            format!("{command} can only be used in transaction blocks"),
        ))
    }
}
