//! Transaction blocks and savepoints of a session, and what a rollback restores: settings and portals.

use super::{MAX_COUNT, Session, too_many_error, truncate_name};
use pgwire::messages::response::TransactionStatus;
use rapport_pgsql::error::{PgError, code};
use rapport_pgsql::settings::Saved;

/// A point in a transaction to roll back to.
pub(super) struct Savepoint {
    name: String,
    /// The number of the last portal that had been made.
    portals: u64,
    settings: Saved,
}

impl Session {
    /// Opens a transaction block. Returns false if one is open.
    pub fn begin(&mut self) -> bool {
        if self.in_transaction() {
            return false;
        }
        self.status = TransactionStatus::Transaction;
        self.settings().begin();
        true
    }

    /// Commits or rolls back the transaction block; a failed one is rolled back. Returns the command tag.
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
            // Portals made in the transaction are dropped, even those declared WITH HOLD.
            self.portals.retain(|_, portal| portal.committed);
        }
        self.drop_portals();
        self.reserved.resize(self.size());
        if commit { "COMMIT" } else { "ROLLBACK" }
    }

    /// Makes a savepoint.
    ///
    /// # Errors
    /// If no block is open, or there are too many savepoints.
    pub fn savepoint(&mut self, name: &str) -> Result<(), PgError> {
        self.require_block("SAVEPOINT")?;
        if self.savepoints.len() >= MAX_COUNT {
            return Err(too_many_error("savepoints"));
        }
        let settings = self.settings().saved();
        self.savepoints.push(Savepoint {
            name: truncate_name(name).to_owned(),
            portals: self.portals_made,
            settings,
        });
        Ok(())
    }

    /// Drops a savepoint and those after it.
    ///
    /// # Errors
    /// If no block is open, or there is no such savepoint.
    pub fn release(&mut self, name: &str) -> Result<(), PgError> {
        self.require_block("RELEASE SAVEPOINT")?;
        let at = self.find_savepoint(name)?;
        self.savepoints.truncate(at);
        Ok(())
    }

    /// Rolls back to a savepoint, which stays.
    ///
    /// # Errors
    /// If no block is open, or there is no such savepoint.
    pub fn rollback_to(&mut self, name: &str) -> Result<(), PgError> {
        self.require_block("ROLLBACK TO SAVEPOINT")?;
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
            .rposition(|savepoint| savepoint.name == truncate_name(name))
            .ok_or_else(|| PgError::new("3B001", format!("savepoint \"{name}\" does not exist")))
    }

    /// Checks that a transaction block is open, which `command` needs.
    ///
    /// # Errors
    /// 25P01 if none is.
    pub fn require_block(&self, command: &str) -> Result<(), PgError> {
        if self.in_transaction() {
            return Ok(());
        }
        Err(PgError::new(
            code::NO_TRANSACTION,
            format!("{command} can only be used in transaction blocks"),
        ))
    }
}
