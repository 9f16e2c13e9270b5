//! Errors of commands, and their exit codes.

use std::fmt::Display;
use std::process::ExitCode;

/// Says why a command did not do all that was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The command was used wrongly; the message names what is wrong and the accepted form.
    #[error("{0}")]
    Usage(String),
    /// The command failed.
    #[error("{0}")]
    Failed(String),
    /// `land --strict` landed what it could, and rejected this many lines.
    #[error(
        "{0} lines were rejected; they are kept in rejected_events with source, line and reason"
    )]
    Rejected(u64),
    /// The reader of standard output has closed it, as `head` does.
    #[error("standard output is closed")]
    ClosedOutput,
}

impl CliError {
    /// Makes a failure with the message of an error.
    pub fn failed(error: impl Display) -> Self {
        CliError::Failed(error.to_string())
    }

    /// Makes an error of wrong use with the message of an error.
    pub fn usage(error: impl Display) -> Self {
        CliError::Usage(error.to_string())
    }

    /// Returns the process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            CliError::ClosedOutput => 0,
            CliError::Failed(_) => 1,
            CliError::Usage(_) => 2,
            CliError::Rejected(_) => 3,
        })
    }
}
