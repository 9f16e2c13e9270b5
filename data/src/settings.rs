//! The settings of accounts (SPEC section 3): what there is to set, its defaults, and its forms as text.
//!
//! A [`Settings`] is always complete and valid. It is read from one JSON object ([`Settings::from_json_line`], where what
//! is left out has its default), changed by single settings ([`Settings::set`]), and written as JSON that names every
//! setting and reads back as the same ([`Settings::to_json`]). Windows are kept apart from the preset that they
//! override, so it never matters which of the two was given first.

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

/// How an order's credit is given (SPEC A6, A7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum AttributionModel {
    /// All of it to the last touch.
    #[default]
    LastTouch,
    /// Evenly to all conversations and messages that touched.
    Linear,
}

impl AttributionModel {
    /// Both models.
    pub const ALL: [AttributionModel; 2] = [AttributionModel::LastTouch, AttributionModel::Linear];

    /// The model's name.
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

/// The settings of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    account_id: String,
    /// What people call the account.
    pub name: Option<String>,
    /// The zone of its days (SPEC T2).
    pub timezone: Tz,
    /// The currency that its metrics are in, and that of orders which name none.
    pub currency: Currency,
    /// How long after its last event an open conversation counts as closed (SPEC C3).
    pub idle_timeout: Option<Period>,
    /// How an order's credit is given.
    pub attribution_model: AttributionModel,
    /// Whether clicks of bots count nowhere (SPEC A2, C9).
    pub exclude_bot_clicks: bool,
    /// Whether opens by machines are no touches (SPEC A2).
    pub exclude_machine_opens: bool,
    /// Whether transactional messages are no touches (SPEC A2).
    pub exclude_transactional: bool,
    /// The window of each touch class.
    pub windows: Windows,
}

impl Settings {
    /// The defaults, which hold for an account that has no settings yet (SPEC E6).
    ///
    /// # Errors
    /// Where `account_id` cannot name an account.
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

    /// The account.
    pub fn account_id(&self) -> &str {
        &self.account_id
    }

    /// The window of every touch class that has or may have one, in the order of SPEC section 3 after `web_chat`;
    /// none where it is off.
    pub fn windows(&self) -> impl Iterator<Item = (TouchClass, Option<Period>)> + '_ {
        self.windows.iter()
    }

    /// The windows as the attribution functions take them: `web_chat=86400 seconds,email_clicked=432000 seconds,…`,
    /// without the classes that are off.
    pub fn windows_text(&self) -> String {
        let on = self
            .windows()
            .filter_map(|(class, window)| Some((class, window?)));
        let texts: Vec<String> = on
            .map(|(class, window)| format!("{class}={} seconds", window.seconds()))
            .collect();
        texts.join(",")
    }

    /// The longest window, which is how far back the touches of an order can lie.
    pub fn max_window(&self) -> Period {
        self.windows()
            .filter_map(|(_, window)| window)
            .max()
            .unwrap_or(Period::ZERO)
    }
}

#[cfg(test)]
mod tests;
