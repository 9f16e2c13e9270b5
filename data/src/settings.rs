//! The settings of accounts (SPEC section 3): their values, defaults, and text forms.
//!
//! What always holds: a [`Settings`] value is complete and valid. It is parsed from one JSON object
//! ([`Settings::from_json_line`]; missing settings have their defaults), changed one setting at a time ([`Settings::set`]),
//! and written as JSON that names every setting and parses to the same value ([`Settings::to_json`]). Windows are stored
//! apart from the preset that they override, so the order in which the two are set does not matter.

mod currency;
mod error;
mod period;
mod text;
mod windows;

pub use currency::Currency;
pub use error::SettingsError;
pub use period::Period;
pub use windows::{Preset, TouchClass, Windows};

use crate::event::is_account_id;
use rapport_zones::Tz;
use std::fmt;

/// The attribution model: how an order's credit is divided (SPEC A6, A7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AttributionModel {
    /// The last touch gets all of it.
    #[default]
    LastTouch,
    /// Each conversation and each marketing message gets an equal part.
    Linear,
}

impl AttributionModel {
    /// Both models.
    pub const ALL: [AttributionModel; 2] = [AttributionModel::LastTouch, AttributionModel::Linear];

    /// Returns the model's name.
    pub const fn name(self) -> &'static str {
        match self {
            AttributionModel::LastTouch => "last_touch",
            AttributionModel::Linear => "linear",
        }
    }
}

impl fmt::Display for AttributionModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Holds the settings of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    account_id: String,
    /// The display name of the account.
    pub name: Option<String>,
    /// The time zone of its days (SPEC T2).
    pub timezone: Tz,
    /// The currency of its metrics, and of orders without one (SPEC A10).
    pub currency: Currency,
    /// The time after its last event when an open conversation counts as closed (SPEC C3).
    pub idle_timeout: Option<Period>,
    /// How an order's credit is divided.
    pub attribution_model: AttributionModel,
    /// Whether clicks by bots are left out (SPEC A2, C9).
    pub exclude_bot_clicks: bool,
    /// Whether opens by machines are left out (SPEC A2).
    pub exclude_machine_opens: bool,
    /// Whether touches of transactional messages are left out (SPEC A2).
    pub exclude_transactional: bool,
    /// The window of each touch class.
    pub windows: Windows,
}

impl Settings {
    /// Returns the defaults, which apply to an account without settings (SPEC E6).
    ///
    /// # Errors
    /// If `account_id` is not a valid account id.
    pub fn defaults(account_id: &str) -> Result<Settings, SettingsError> {
        if !is_account_id(account_id) {
            return Err(SettingsError::Value {
                setting: "account_id".to_owned(),
                value: format!("{account_id:?}"),
                accepted: "[A-Za-z0-9_-]{1,64}".to_owned(),
            });
        }
        Ok(Settings {
            account_id: account_id.to_owned(),
            name: None,
            timezone: Tz::UTC,
            currency: Currency::USD,
            idle_timeout: None,
            attribution_model: AttributionModel::default(),
            exclude_bot_clicks: true,
            exclude_machine_opens: false,
            exclude_transactional: false,
            windows: Windows::default(),
        })
    }

    /// Returns the account's id.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// Returns the window of `web_chat`, then of each class in the order of SPEC section 3; none where it is off.
    pub fn windows(&self) -> impl Iterator<Item = (TouchClass, Option<Period>)> + '_ {
        self.windows.iter()
    }

    /// Returns the longest window: how far before an order its touches can lie.
    pub fn max_window(&self) -> Period {
        self.windows()
            .filter_map(|(_, window)| window)
            .max()
            .unwrap_or(Period::ZERO)
    }
}

#[cfg(test)]
mod tests;
