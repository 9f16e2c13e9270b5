//! The user of a session, and the rows that the user may see (SPEC 8).

use std::fmt;

/// Names the user of a session and the user's scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name that the user logged in with.
    pub user: String,
    /// The rows that the user may see.
    pub scope: Scope,
}

impl Identity {
    /// Creates a user who sees every account.
    pub fn operator(user: impl Into<String>) -> Identity {
        Identity {
            user: user.into(),
            scope: Scope::Operator,
        }
    }

    /// Creates a user who sees one account and cannot learn that others exist.
    pub fn of_account(user: impl Into<String>, account: impl Into<String>) -> Identity {
        Identity {
            user: user.into(),
            scope: Scope::Account(account.into()),
        }
    }
}

/// Limits the rows that a session may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Rows of all accounts, and rows that belong to no account.
    Operator,
    /// Rows of this account only.
    Account(String),
}

impl Scope {
    /// Returns the account, if the scope is a single one.
    pub fn account(&self) -> Option<&str> {
        match self {
            Scope::Operator => None,
            Scope::Account(account) => Some(account),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Operator => f.write_str("operator"),
            Scope::Account(account) => write!(f, "account {account}"),
        }
    }
}
