//! How a command ends badly, and with which exit code.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a command did not do all that was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// What was asked for cannot be: the message says what is wrong and what was expected.
    #[error("{0}")]
    Usage(String),
    /// It can be, but did not work.
    #[error("{0}")]
    Failed(String),
    /// `land --strict` landed what it could; so many lines were rejected.
    #[error(
        "{0} lines were rejected; they are kept in rejected_events with source, line and reason"
    )]
    Rejected(u64),
    /// Whoever read the answer has had enough of it, as `head` has.
    #[error("standard output is closed")]
    NobodyReads,
}

impl CliError {
    /// A failure with the message of some error.
    pub fn failed(error: impl Display) -> Self {
        CliError::Failed(error.to_string())
    }

    /// Wrong use with the message of some error.
    pub fn usage(error: impl Display) -> Self {
        CliError::Usage(error.to_string())
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            CliError::NobodyReads => 0,
            CliError::Failed(_) => 1,
            CliError::Usage(_) => 2,
            CliError::Rejected(_) => 3,
        })
    }
}
