//! Settings that are refused.

use thiserror::Error;

/// Why settings were refused: which setting, the value that it was given, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no such setting.
    #[error("there is no setting {setting:?}; accepted: {accepted}")]
    Unknown {
        /// What was named.
        setting: String,
        /// The settings that there are.
        accepted: String,
    },
    /// A setting cannot have that value.
    #[error("{setting} cannot be {value}; accepted: {accepted}")]
    Value {
        /// The setting.
        setting: String,
        /// The value that it was given.
        value: String,
        /// The values that it can have.
        accepted: String,
    },
    /// The settings do not say whose they are.
    #[error(
        "account_id is missing; accepted: one JSON object a line, such as {{\"account_id\": \"acme\", \"timezone\": \"Europe/Paris\"}}"
    )]
    NoAccount,
    /// The line is not JSON, or something else than an object.
    #[error(
        "the settings are not one JSON object: {error}; accepted: one a line, such as {{\"account_id\": \"acme\", \"timezone\": \"Europe/Paris\"}}"
    )]
    NotAnObject {
        /// Where it stops being one.
        error: String,
    },
}
