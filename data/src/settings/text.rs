//! Parses and writes settings as text: a line of JSON, a single `KEY=VALUE`, and the canonical JSON that is stored.

use super::{
    AttributionModel, Currency, Period, Preset, Settings, SettingsError, TouchClass, Windows,
    period,
};
use rapport_zones::Tz;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::str::FromStr;

/// The names of the settings besides `account_id` and `windows`, in the order in which they are written.
const SETTINGS: [&str; 9] = [
    "name",
    "timezone",
    "currency",
    "idle_timeout",
    "attribution_model",
    "attribution_preset",
    "exclude_bot_clicks",
    "exclude_machine_opens",
    "exclude_transactional",
];

/// The text of a missing window or `idle_timeout`.
const OFF: &str = "off";

/// Serializes all settings of an account in their canonical order.
#[derive(Serialize)]
struct StoredSettings<'a> {
    account_id: &'a str,
    name: Option<&'a str>,
    timezone: &'a str,
    currency: &'a str,
    idle_timeout: String,
    attribution_model: &'a str,
    attribution_preset: &'a str,
    exclude_bot_clicks: bool,
    exclude_machine_opens: bool,
    exclude_transactional: bool,
    #[serde(serialize_with = "serialize_overrides")]
    windows: &'a Windows,
}

fn serialize_overrides<S: Serializer>(
    windows: &&Windows,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        windows
            .overrides()
            .map(|(class, window)| (class.name(), format_or_off(window))),
    )
}

fn format_or_off(period: Option<Period>) -> String {
    period.map_or_else(|| OFF.to_owned(), |period| period.to_string())
}

impl Settings {
    /// Parses a line of a settings file. A setting that is missing or null has its default.
    ///
    /// # Errors
    /// If the line is not one JSON object, has no account, names an unknown setting, or gives a setting an invalid value.
    pub fn from_json_line(line: &str) -> Result<Settings, SettingsError> {
        let not_an_object = |error: serde_json::Error| SettingsError::NotAnObject {
            error: error.to_string(),
        };
        let given: Map<String, Value> = serde_json::from_str(line).map_err(not_an_object)?;
        let mut settings = match given.get("account_id") {
            None | Some(Value::Null) => return Err(SettingsError::NoAccount),
            Some(Value::String(account)) => Settings::defaults(account)?,
            Some(other) => return Err(invalid_value("account_id", other, "a string")),
        };
        for (setting, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            match (setting.as_str(), value) {
                ("account_id", _) => {}
                ("windows", Value::Object(windows)) => {
                    for (class, window) in windows.iter().filter(|(_, window)| !window.is_null()) {
                        settings.set_json(&format!("windows.{class}"), window)?;
                    }
                }
                ("windows", other) => {
                    return Err(invalid_value(
                        "windows",
                        other,
                        "an object such as {\"sms_clicked\": \"36 hours\"}",
                    ));
                }
                (setting, value) => settings.set_json(setting, value)?,
            }
        }
        Ok(settings)
    }

    /// Changes one setting, given as text: `currency` to `EUR`, `idle_timeout` to `off`, `windows.sms_clicked` to
    /// `36 hours`; an empty text clears `name`. The account's id cannot be changed.
    ///
    /// # Errors
    /// If there is no such setting, or the value is invalid; nothing is changed then.
    pub fn set(&mut self, setting: &str, value: &str) -> Result<(), SettingsError> {
        match (setting, value) {
            (
                "exclude_bot_clicks" | "exclude_machine_opens" | "exclude_transactional",
                "true" | "false",
            ) => self.set_json(setting, &Value::Bool(value == "true")),
            _ => self.set_json(setting, &Value::from(value)),
        }
    }

    fn set_json(&mut self, setting: &str, value: &Value) -> Result<(), SettingsError> {
        match setting {
            "name" => {
                const ACCEPTED: &str = "a string without U+0000";
                let name = text_value(setting, value, ACCEPTED)?;
                if name.contains('\0') {
                    return Err(invalid_value(setting, value, ACCEPTED));
                }
                self.name = Some(name.to_owned()).filter(|name| !name.is_empty())
            }
            "timezone" => {
                self.timezone =
                    parse_value::<Tz>(setting, value, "an IANA time zone (UTC, America/New_York)")?
            }
            "currency" => {
                self.currency = parse_value::<Currency>(setting, value, super::currency::ACCEPTED)?
            }
            "idle_timeout" => self.idle_timeout = period_or_off(setting, value)?,
            "attribution_model" => {
                self.attribution_model = parse_one_of(setting, value, &AttributionModel::ALL)?
            }
            "attribution_preset" => {
                self.windows.preset = parse_one_of(setting, value, &Preset::ALL)?
            }
            "exclude_bot_clicks" => self.exclude_bot_clicks = flag_value(setting, value)?,
            "exclude_machine_opens" => self.exclude_machine_opens = flag_value(setting, value)?,
            "exclude_transactional" => self.exclude_transactional = flag_value(setting, value)?,
            _ => {
                let class = setting
                    .strip_prefix("windows.")
                    .and_then(TouchClass::settable);
                let class = class.ok_or_else(|| unknown_setting(setting))?;
                self.windows.set(class, period_or_off(setting, value)?);
            }
        }
        Ok(())
    }

    /// Writes all settings as one canonical JSON object: every setting, and of the windows those that override the preset.
    /// [`Settings::from_json_line`] parses it to the same settings.
    pub fn to_json(&self) -> String {
        let stored = StoredSettings {
            account_id: self.account_id(),
            name: self.name.as_deref(),
            timezone: self.timezone.name(),
            currency: self.currency.code(),
            idle_timeout: format_or_off(self.idle_timeout),
            attribution_model: self.attribution_model.name(),
            attribution_preset: self.windows.preset.name(),
            exclude_bot_clicks: self.exclude_bot_clicks,
            exclude_machine_opens: self.exclude_machine_opens,
            exclude_transactional: self.exclude_transactional,
            windows: &self.windows,
        };
        // Serializing strings, booleans and a map of strings cannot fail.
        serde_json::to_string(&stored).unwrap_or_default()
    }
}

fn text_value<'a>(
    setting: &str,
    value: &'a Value,
    accepted: &str,
) -> Result<&'a str, SettingsError> {
    value
        .as_str()
        .ok_or_else(|| invalid_value(setting, value, accepted))
}

fn parse_value<T: FromStr>(
    setting: &str,
    value: &Value,
    accepted: &str,
) -> Result<T, SettingsError> {
    text_value(setting, value, accepted)?
        .parse()
        .map_err(|_| invalid_value(setting, value, accepted))
}

fn period_or_off(setting: &str, value: &Value) -> Result<Option<Period>, SettingsError> {
    match value.as_str() {
        Some(OFF) => Ok(None),
        _ => parse_value(setting, value, &format!("{}, or {OFF}", period::ACCEPTED)).map(Some),
    }
}

fn parse_one_of<T: Copy + std::fmt::Display>(
    setting: &str,
    value: &Value,
    all: &[T],
) -> Result<T, SettingsError> {
    let named = all
        .iter()
        .find(|one| value.as_str() == Some(one.to_string().as_str()));
    named.copied().ok_or_else(|| {
        let names: Vec<String> = all.iter().map(T::to_string).collect();
        invalid_value(setting, value, &names.join(" or "))
    })
}

fn flag_value(setting: &str, value: &Value) -> Result<bool, SettingsError> {
    value
        .as_bool()
        .ok_or_else(|| invalid_value(setting, value, "true or false"))
}

fn invalid_value(setting: &str, value: &Value, accepted: &str) -> SettingsError {
    SettingsError::Value {
        setting: setting.to_owned(),
        value: value.to_string(),
        accepted: accepted.to_owned(),
    }
}

fn unknown_setting(setting: &str) -> SettingsError {
    let classes = TouchClass::settable_classes().map(|class| format!("windows.{class}"));
    let accepted: Vec<String> = if setting.starts_with("windows.") {
        classes.collect()
    } else {
        SETTINGS
            .iter()
            .map(|name| (*name).to_owned())
            .chain(classes)
            .collect()
    };
    SettingsError::Unknown {
        setting: setting.to_owned(),
        accepted: accepted.join(", "),
    }
}
