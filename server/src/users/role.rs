//! The roles of SPEC 8, and which of them are bound to an account.

use std::fmt;

use super::UsersError;

/// Represents a user's role (SPEC 8). The first four see one account, an operator sees all; none may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Owns the account.
    Owner,
    /// Administers the account.
    Admin,
    /// Manages the account.
    Manager,
    /// Reads the account's figures.
    Analyst,
    /// Runs Rapport itself.
    Operator,
}

impl Role {
    /// Parses a role's name.
    ///
    /// # Errors
    /// If SPEC 8 has no role of that name.
    pub fn parse(name: &str) -> Result<Role, UsersError> {
        match name {
            "owner" => Ok(Role::Owner),
            "admin" => Ok(Role::Admin),
            "manager" => Ok(Role::Manager),
            "analyst" => Ok(Role::Analyst),
            "operator" => Ok(Role::Operator),
            _ => Err(UsersError::UnknownRole(name.to_owned())),
        }
    }

    /// Checks that the account fits the role: an operator has none, every other role has one.
    ///
    /// # Errors
    /// If it is missing, of a wrong form, or given for an operator.
    pub fn check_account(self, account: Option<&str>) -> Result<(), UsersError> {
        match (self, account) {
            (Role::Operator, None) => Ok(()),
            (Role::Operator, Some(account)) => {
                Err(UsersError::AccountNotAllowed(account.to_owned()))
            }
            (role, None) => Err(UsersError::AccountMissing(role)),
            (_, Some(account)) if !rapport_data::is_account_id(account) => {
                Err(UsersError::BadAccount(account.to_owned()))
            }
            (_, Some(_)) => Ok(()),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Manager => "manager",
            Role::Analyst => "analyst",
            Role::Operator => "operator",
        })
    }
}
