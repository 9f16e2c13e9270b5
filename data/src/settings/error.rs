//! Errors of settings that are refused.

use thiserror::Error;

/// Describes why settings were refused: the setting, the given value, and the accepted form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// There is no such setting.
    #[error("there is no setting {setting:?}; accepted: {accepted}")]
    Unknown {
        /// The given name.
        setting: String,
        /// The known settings.
        accepted: String,
    },
    /// A setting cannot have that value.
    #[error("{setting} cannot be {value}; accepted: {accepted}")]
    Value {
        /// The setting.
        setting: String,
        /// The given value.
        value: String,
        /// The accepted values.
        accepted: String,
    },
    /// The settings have no `account_id`.
    #[error(
        "account_id is missing; accepted: one JSON object a line, such as {{\"account_id\": \"acme\", \"timezone\": \"Europe/Paris\"}}"
    )]
    NoAccount,
    /// The line is not JSON, or not an object.
    #[error(
        "the settings are not one JSON object: {error}; accepted: one a line, such as {{\"account_id\": \"acme\", \"timezone\": \"Europe/Paris\"}}"
    )]
    NotAnObject {
        /// The JSON parser's error.
        error: String,
    },
}
