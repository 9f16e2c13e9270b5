//! Who a session belongs to, and so what it may see (SPEC 8).

use std::fmt;

/// The user of a session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The name that the user logged in by.
    pub user: String,
    /// What the user may see.
    pub scope: Scope,
}

impl Identity {
    /// A user who sees every account.
    pub fn operator(user: impl Into<String>) -> Identity {
        Identity {
            user: user.into(),
            scope: Scope::Operator,
        }
    }

    /// A user who sees one account and cannot learn that there are others.
    pub fn of_account(user: impl Into<String>, account: impl Into<String>) -> Identity {
        Identity {
            user: user.into(),
            scope: Scope::Account(account.into()),
        }
    }
}

/// The rows that a session may see.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every account's, and what belongs to none.
    Operator,
    /// This account's alone.
    Account(String),
}

impl Scope {
    /// The one account in sight, if it is one.
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
